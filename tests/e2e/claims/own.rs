//! Every claim that a scenario can make, once broken and once only just held.
//! What brings a whole run down is in `outcomes`.

use super::known_issues::{a_known_use, behind_a_known_use, what_is_known_is_looked_past};
use crate::harness::{Module, Said, at, carry_out, command, run, scenarios, trials};
use crate::time::{ms, secs};
use afterlife::{Fault, Injection, NodeId, Sim, probe};
use std::net::TcpListener;
use std::sync::{Arc, Condvar, Mutex};
use std::thread::{self, sleep};
use std::time::Duration;

/// Scenarios come in pairs: `_too_…` breaks what its neighbour only just keeps.
pub(crate) fn module() -> Module {
    let scenarios = scenarios![
        three_are_in,
        too_many_are_in,
        it_is_so_just_in_time,
        it_is_so_too_late,
        it_is_so_too_early_only,
        it_is_never_so_and_the_run_is_too_short,
        it_is_so_once,
        it_is_so_too_rarely,
        every_job_runs_once,
        a_job_runs_too_often,
        a_job_runs_too_seldom,
        everything_is_found,
        nothing_is_found,
        the_search_is_not_complete,
        a_verifier_waits_for_the_end,
        the_client_ends_in_time,
        the_client_takes_too_long,
        the_client_may_take_too_long,
        somebody_lets_go,
        nobody_lets_go,
        two_locks_in_one_order,
        two_locks_in_two_orders,
        nobody_answers,
        nobody_answers_within_a_deadline,
        nobody_sends,
        nobody_signals,
        a_joiner_waits_for_who_is_parked,
        a_service_idles,
        the_code_claims,
        the_code_claims_too_much,
        a_resource_is_used_and_closed,
        a_resource_is_used_after_its_end,
        a_known_use,
        behind_a_known_use,
        a_resource_of_an_earlier_life,
    ];
    let trials = trials![
        always_holds_at_the_edge_and_breaks_beyond_it,
        eventually_is_reckoned_from_the_last_fault,
        eventually_must_still_be_so_at_its_bound,
        eventually_breaks_if_the_run_ends_before_it_was_so,
        sometimes_is_enough_in_one_run_and_is_asked_of_a_whole_campaign,
        ledgers_tell_duplicates_and_what_is_missing,
        what_was_acknowledged_is_compared_once_the_search_is_complete,
        a_verifier_starts_when_all_is_healed_and_the_clients_have_ended,
        a_client_recovers_in_time_or_breaks_it,
        a_lock_that_nobody_lets_go_of_is_a_deadlock,
        two_locks_taken_in_two_orders_are_a_deadlock_in_some_run,
        a_read_without_a_deadline_is_a_deadlock_when_nobody_answers,
        a_channel_and_a_signal_that_never_come_are_deadlocks,
        a_service_that_idles_is_none,
        the_codes_own_claims_count,
        a_use_after_teardown_names_both_ends,
        what_is_known_is_looked_past,
    ];
    Module::new(scenarios, trials)
}

/// The signature of a campaign's one finding.
pub(super) fn signature(scenario: &str) -> String {
    let said = run(scenario, "20");
    assert_eq!(said.code, 1, "{said:?}");
    said.finding()["signature"].as_str().expect("a signature is text").to_owned()
}

/// A campaign over every seed of the scenario.
pub(super) fn holds(scenario: &str) -> Said {
    let said = run(scenario, "20");
    assert_eq!((said.code, said.findings()), (0, Vec::new()), "{said:?}");
    said
}

// -- always

fn crowd(sim: &mut Sim, people: u64) {
    let entered = sim.ledger::<u64>("entered");
    let left = sim.ledger::<u64>("left");
    for person in 0..people {
        sim.client(&format!("person-{person}"), move |_| async move {
            entered.note(person);
            tokio::time::sleep(secs(1)).await;
            left.note(person);
            Ok(())
        });
    }
    sim.always("at most three are in", move |_| entered.len() - left.len() <= 3);
}

fn three_are_in(sim: &mut Sim) {
    crowd(sim, 3);
}

fn too_many_are_in(sim: &mut Sim) {
    crowd(sim, 4);
}

fn always_holds_at_the_edge_and_breaks_beyond_it() {
    holds("three_are_in");
    assert_eq!(signature("too_many_are_in"), "always · at most three are in");
    let finding = run("too_many_are_in", "1").finding();
    assert_eq!(finding["sentence"], "from here on it was not so that at most three are in");
    assert!(finding["virtual_ns"].as_u64() < Some(1_000_000_000), "the run ends where the claim breaks");
}

// -- eventually

/// The client notes at 20 s; a fault that strikes at 5 s is over at 10 s.
fn late(sim: &mut Sim, within: Duration) {
    let noted = sim.ledger::<u64>("noted");
    sim.node("server", |node| async move {
        node.stopping().await;
        Ok(())
    });
    sim.client_program("client", move |_| {
        sleep(secs(20));
        noted.note(1);
        0
    });
    sim.eventually("something is noted", within, move |_| !noted.is_empty());
}

fn it_is_so_just_in_time(sim: &mut Sim) {
    late(sim, ms(10_100));
}

fn it_is_so_too_late(sim: &mut Sim) {
    late(sim, ms(9_900));
}

fn eventually_is_reckoned_from_the_last_fault() {
    let strike = |fault| Injection { trigger: at(secs(5)), fault };
    // A disk that is slow, and a process that is down, for five seconds.
    for fault in [Fault::slow_disk(NodeId(0), Duration::from_nanos(1), secs(5)), Fault::kill(NodeId(0), secs(5))] {
        let plan = [strike(fault)];
        crate::harness::holds("it_is_so_just_in_time", &plan);
        let said = crate::harness::breaks("it_is_so_too_late", &plan, "eventually");
        assert!(said.out.contains("after the last fault it was not so that something is noted"), "{}", said.out);
    }
    // Without a fault it is reckoned from the beginning.
    assert_eq!(signature("it_is_so_just_in_time"), "eventually · something is noted");
}

fn it_is_so_too_early_only(sim: &mut Sim) {
    let here = sim.ledger::<bool>("here");
    sim.client_program("client", move |_| {
        here.note(true);
        sleep(secs(2));
        here.note(false);
        sleep(secs(10));
        0
    });
    sim.eventually("it is here", secs(5), move |_| !here.contains(&false) && here.contains(&true));
}

fn eventually_must_still_be_so_at_its_bound() {
    assert_eq!(signature("it_is_so_too_early_only"), "eventually · it is here");
}

fn it_is_never_so_and_the_run_is_too_short(sim: &mut Sim) {
    sim.time_limit(secs(10));
    sim.node("server", |_| async { std::future::pending().await });
    sim.eventually("it is so", secs(60), |_| false);
}

fn eventually_breaks_if_the_run_ends_before_it_was_so() {
    assert_eq!(signature("it_is_never_so_and_the_run_is_too_short"), "eventually · it is so");
}

// -- sometimes

fn it_is_so_once(sim: &mut Sim) {
    use rand::RngExt;
    let number = sim.rng().random_range(0..8);
    sim.client_program("client", |_| 0);
    sim.sometimes("the number is three", move |_| number == 3);
}

fn it_is_so_too_rarely(sim: &mut Sim) {
    sim.client_program("client", |_| {
        probe::sometimes!(false, "the client succeeds");
        0
    });
    sim.sometimes("the moon is full", |_| false);
}

fn sometimes_is_enough_in_one_run_and_is_asked_of_a_whole_campaign() {
    holds("it_is_so_once");
    let whole = run("it_is_so_too_rarely", "20");
    assert_eq!(whole.code, 1, "{whole:?}");
    let never = whole.lines().into_iter().find(|line| line["kind"] == "never").expect("it is told");
    assert_eq!(never["claims"], serde_json::json!(["the client succeeds", "the moon is full"]));
    assert_eq!(never["fails"], true);
    let part = run("it_is_so_too_rarely", "5");
    assert_eq!(part.code, 0, "five runs of twenty show nothing: {part:?}");
    assert!(part.lines().iter().any(|line| line["kind"] == "never" && line["fails"] == false));
}

// -- ledgers

fn jobs(sim: &mut Sim, times: fn(u32) -> u32) {
    let pushed = sim.ledger::<u32>("pushed");
    let ran = sim.ledger::<u32>("ran");
    sim.client_program("client", move |_| {
        for job in 0..5 {
            pushed.note(job);
            (0..times(job)).for_each(|_| ran.note(job));
        }
        0
    });
    sim.always("no job runs twice", move |_| ran.has_no_duplicate());
    sim.always("what runs was pushed", move |_| ran.is_within(pushed));
    sim.eventually("every job runs", secs(1), move |_| pushed.is_within(ran));
}

fn every_job_runs_once(sim: &mut Sim) {
    jobs(sim, |_| 1);
}

fn a_job_runs_too_often(sim: &mut Sim) {
    jobs(sim, |job| 1 + u32::from(job == 4));
}

fn a_job_runs_too_seldom(sim: &mut Sim) {
    jobs(sim, |job| u32::from(job != 2));
}

fn ledgers_tell_duplicates_and_what_is_missing() {
    holds("every_job_runs_once");
    assert_eq!(signature("a_job_runs_too_often"), "always · no job runs twice");
    assert_eq!(signature("a_job_runs_too_seldom"), "eventually · every job runs");
}

// -- what was acknowledged

fn search(sim: &mut Sim, finds: bool, completes: bool) {
    let acked = sim.ledger::<u32>("acknowledged numbers");
    let found = sim.ledger::<u32>("found");
    sim.client_program("client", move |_| {
        (0..5).for_each(|number| acked.note(number));
        0
    });
    sim.verifier("auditor", move |_| async move {
        if finds {
            (0..9).for_each(|number| found.note(number));
        }
        if completes {
            found.complete();
        }
        Ok(())
    });
    sim.nothing_acked_is_lost(acked, found);
}

fn everything_is_found(sim: &mut Sim) {
    search(sim, true, true);
}

fn nothing_is_found(sim: &mut Sim) {
    search(sim, false, true);
}

fn the_search_is_not_complete(sim: &mut Sim) {
    search(sim, false, false);
}

fn what_was_acknowledged_is_compared_once_the_search_is_complete() {
    holds("everything_is_found");
    holds("the_search_is_not_complete");
    assert_eq!(signature("nothing_is_found"), "nothing-acked-is-lost · acknowledged numbers");
    let sentence = &run("nothing_is_found", "1").finding()["sentence"];
    assert_eq!(sentence, "0, 1, 2 and 2 more had been acknowledged and was not there after recovery");
}

fn a_verifier_waits_for_the_end(sim: &mut Sim) {
    let ended = sim.ledger::<&str>("ended");
    sim.node("server", |_| async {
        let listener = tokio::net::TcpListener::bind("0.0.0.0:7000").await?;
        loop {
            drop(listener.accept().await?);
        }
    });
    sim.client_program("client", move |_| {
        sleep(secs(20));
        ended.note("the client");
        0
    });
    sim.verifier("auditor", move |node| async move {
        assert_eq!(node.incarnation(), 1);
        assert!(ended.contains(&"the client"));
        let begun = tokio::time::Instant::now();
        tokio::net::TcpStream::connect("server:7000").await?;
        assert!(begun.elapsed() < secs(1), "the network is not healed");
        ended.note("the auditor");
        Ok(())
    });
    sim.eventually("the auditor has looked", secs(100), move |_| ended.contains(&"the auditor"));
}

fn a_verifier_starts_when_all_is_healed_and_the_clients_have_ended() {
    crate::harness::holds("a_verifier_waits_for_the_end", &[]);
    let cut = Fault::partition(NodeId(2), NodeId(0), secs(60));
    let kill = Fault::kill(NodeId(0), secs(25));
    for fault in [cut, kill] {
        crate::harness::holds("a_verifier_waits_for_the_end", &[Injection { trigger: at(secs(5)), fault }]);
    }
}

// -- recovers

fn work(sim: &mut Sim, takes: Duration) {
    sim.time_limit(secs(60));
    sim.client_program("client", move |_| {
        sleep(takes);
        0
    });
}

fn the_client_ends_in_time(sim: &mut Sim) {
    work(sim, ms(59_900));
}

fn the_client_takes_too_long(sim: &mut Sim) {
    work(sim, ms(60_100));
}

fn the_client_may_take_too_long(sim: &mut Sim) {
    sim.without("recovers");
    work(sim, ms(60_100));
}

fn a_client_recovers_in_time_or_breaks_it() {
    holds("the_client_ends_in_time");
    holds("the_client_may_take_too_long");
    assert_eq!(signature("the_client_takes_too_long"), "recovers · client");
}

// -- no-deadlock

fn lock(sim: &mut Sim, lets_go: bool) {
    sim.client_program("client", move |_| {
        let lock = Arc::new(Mutex::new(()));
        let held = lock.clone();
        thread::spawn(move || {
            let guard = held.lock();
            sleep(secs(1));
            if !lets_go {
                std::mem::forget(guard);
            }
        });
        sleep(ms(500));
        i32::from(lock.lock().is_err())
    });
}

fn somebody_lets_go(sim: &mut Sim) {
    lock(sim, true);
}

fn nobody_lets_go(sim: &mut Sim) {
    lock(sim, false);
}

fn a_lock_that_nobody_lets_go_of_is_a_deadlock() {
    holds("somebody_lets_go");
    assert_eq!(signature("nobody_lets_go"), "no-deadlock · its work");
    let sentence = run("nobody_lets_go", "1").finding()["sentence"].to_string();
    assert!(sentence.contains("client thread 0 (main) waits for a lock or a wake-up"), "{sentence}");
}

fn two_locks(sim: &mut Sim, crossed: bool) {
    sim.client_program("client", move |_| {
        let (one, other) = (Mutex::new(0), Mutex::new(0));
        let transfer = |from: &Mutex<i32>, to: &Mutex<i32>| {
            for _ in 0..200 {
                let mut from = from.lock().expect("nobody panics");
                thread::yield_now();
                *to.lock().expect("nobody panics") += 1;
                *from -= 1;
            }
        };
        thread::scope(|scope| {
            scope.spawn(|| transfer(&one, &other));
            scope.spawn(|| if crossed { transfer(&other, &one) } else { transfer(&one, &other) });
        });
        0
    });
}

fn two_locks_in_one_order(sim: &mut Sim) {
    two_locks(sim, false);
}

fn two_locks_in_two_orders(sim: &mut Sim) {
    two_locks(sim, true);
}

fn two_locks_taken_in_two_orders_are_a_deadlock_in_some_run() {
    holds("two_locks_in_one_order");
    assert_eq!(signature("two_locks_in_two_orders"), "no-deadlock · its work");
    let sentence = run("two_locks_in_two_orders", "20").finding()["sentence"].to_string();
    assert_eq!(sentence.matches("waits for a lock or a wake-up").count(), 3, "{sentence}");
}

fn mute(sim: &mut Sim, deadline: Option<Duration>) {
    sim.program("mute", |_| {
        let listener = TcpListener::bind("0.0.0.0:7000").expect("the port is free");
        let _streams: Vec<_> = listener.incoming().collect();
        0
    });
    sim.client("client", move |_| async move {
        use tokio::io::AsyncReadExt;
        tokio::time::sleep(secs(1)).await;
        let mut stream = tokio::net::TcpStream::connect("mute:7000").await?;
        let read = async { stream.read_u8().await };
        match deadline {
            Some(deadline) => assert!(tokio::time::timeout(deadline, read).await.is_err()),
            None => drop(read.await),
        }
        Ok(())
    });
}

fn nobody_answers(sim: &mut Sim) {
    mute(sim, None);
}

fn nobody_answers_within_a_deadline(sim: &mut Sim) {
    mute(sim, Some(secs(500)));
}

fn a_read_without_a_deadline_is_a_deadlock_when_nobody_answers() {
    holds("nobody_answers_within_a_deadline");
    assert_eq!(signature("nobody_answers"), "no-deadlock · its work");
    // As soon as the thread that looked the name up has gone: tokio keeps it for ten seconds.
    assert!(run("nobody_answers", "1").finding()["virtual_ns"].as_u64() < Some(12_000_000_000));
}

fn nobody_sends(sim: &mut Sim) {
    sim.client("client", |_| async {
        let (_to, from) = tokio::sync::oneshot::channel::<()>();
        from.await?;
        Ok(())
    });
}

fn nobody_signals(sim: &mut Sim) {
    sim.client_program("client", |_| {
        let (lock, signal) = (Mutex::new(false), Condvar::new());
        drop(signal.wait_while(lock.lock().expect("nobody panics"), |so| !*so));
        0
    });
}

fn a_joiner_waits_for_who_is_parked(sim: &mut Sim) {
    sim.client_program("client", |_| {
        let (to, from) = std::sync::mpsc::channel();
        let main = thread::spawn(move || {
            let own: thread::JoinHandle<()> = from.recv().expect("it is sent");
            own.join()
        });
        let waiter = thread::spawn(thread::park);
        to.send(waiter).expect("it receives");
        i32::from(main.join().is_err())
    });
}

fn a_channel_and_a_signal_that_never_come_are_deadlocks() {
    for scenario in ["nobody_sends", "nobody_signals", "a_joiner_waits_for_who_is_parked"] {
        assert_eq!(signature(scenario), "no-deadlock · its work");
    }
}

fn a_service_idles(sim: &mut Sim) {
    sim.node("server", |_| async { std::future::pending().await });
    sim.program("threads", |_| {
        let (_to, from) = std::sync::mpsc::channel::<()>();
        i32::from(thread::scope(|scope| scope.spawn(move || from.recv().is_err()).join()).is_err())
    });
    sim.client_program("client", |_| 0);
}

fn a_service_that_idles_is_none() {
    holds("a_service_idles");
}

// -- what the code itself claims

fn claiming(sim: &mut Sim, last: u32) {
    sim.node("server", move |_| async move {
        for number in 0..=last {
            probe::always!(number < 10, "the number has one digit");
            probe::sometimes!(number == 9, "the number is nine");
            if number == 5 {
                probe::reached!("half way");
            }
        }
        Ok(())
    });
    sim.client_program("client", |_| {
        sleep(secs(1));
        0
    });
}

fn the_code_claims(sim: &mut Sim) {
    claiming(sim, 9);
}

fn the_code_claims_too_much(sim: &mut Sim) {
    claiming(sim, 10);
}

fn the_codes_own_claims_count() {
    holds("the_code_claims");
    assert_eq!(signature("the_code_claims_too_much"), "always · the number has one digit · tests/e2e/claims/own.rs");
}

pub(super) fn resource(sim: &mut Sim, use_after: Duration) {
    sim.workers(2);
    sim.node("server-0", move |_| async move {
        let database = Arc::new(probe::Resource::open("metadata-db"));
        let used = database.clone();
        let user = tokio::spawn(async move {
            tokio::time::sleep(use_after).await;
            used.used_by(format_args!("apply {}", 41));
        });
        tokio::time::sleep(secs(1)).await;
        database.close();
        user.await?;
        Ok(())
    });
    sim.client_program("client", |_| {
        sleep(secs(3));
        0
    });
}

fn a_resource_is_used_and_closed(sim: &mut Sim) {
    resource(sim, ms(990));
}

fn a_resource_is_used_after_its_end(sim: &mut Sim) {
    resource(sim, ms(1_010));
}

fn a_resource_of_an_earlier_life(sim: &mut Sim) {
    sim.node("server", |_| async {
        let database = probe::Resource::open("metadata-db");
        loop {
            tokio::time::sleep(ms(100)).await;
            database.used();
        }
    });
    sim.client_program("client", |_| {
        sleep(secs(10));
        0
    });
}

fn a_use_after_teardown_names_both_ends() {
    holds("a_resource_is_used_and_closed");
    let kill = Injection { trigger: at(secs(2)), fault: Fault::kill(NodeId(0), secs(1)) };
    crate::harness::holds("a_resource_of_an_earlier_life", &[kill]);
    assert!(signature("a_resource_is_used_after_its_end").starts_with("no-use-after-teardown · "));
    let said = carry_out(&mut command(&["run", "a_resource_is_used_after_its_end", "--seeds", "1"]));
    assert!(said.out.starts_with("✗ no use after teardown"), "{}", said.out);
    for told in ["metadata-db, generation 1", "server-0", "by apply 41", "metadata-db closed"] {
        assert!(said.out.contains(told), "{told}: {}", said.out);
    }
}
