//! Holds: a single thread is suspended, at an edge or a time, until another edge or time, while its process keeps running.
//! Holds combine with kills and pauses of the process.
//! Pauses of whole processes are in `lifecycle::pauses`.

use crate::harness::{Module, at, cli, holds, scenarios, trials};
use crate::time::{ms, secs};
use afterlife::{Fault, Faults, Group, Injection, NodeId, Sim, Trigger};
use std::sync::{Arc, Mutex};
use std::thread::{self, sleep};
use std::time::{Duration, Instant};

/// The server is the first node.
const SERVER: NodeId = NodeId(0);

pub(crate) fn module() -> Module {
    let scenarios = scenarios![beats, a_lock, two_steps, incarnations, holds_are_drawn, lost_update];
    let trials = trials![
        the_thread_at_the_edge_is_held_and_others_run,
        a_hold_at_a_time_names_its_thread,
        a_hold_ends_at_another_threads_edge,
        a_hold_does_not_end_at_the_held_threads_own_edge,
        waiting_for_a_held_threads_lock_is_no_deadlock,
        overlapping_holds_and_pauses_end_with_the_last,
        a_kill_ends_a_hold_and_the_next_incarnation_runs,
        drawn_holds_replay,
        a_hold_finds_a_race_that_timed_faults_do_not,
    ];
    Module::new(scenarios, trials)
}

fn hold(trigger: Trigger, nth: u32, until: Option<&str>, length: Duration) -> Injection {
    let fault = match until {
        None => Fault::hold_thread(SERVER, nth, length),
        Some(edge) => Fault::hold_thread_until(SERVER, nth, edge, length),
    };
    Injection { trigger, fault }
}

/// The window in which edges count. The scenario draws no faults itself.
fn edges_count(sim: &mut Sim, server: Group) {
    sim.faults(server, Faults::none().starting_at(secs(1)).quiet_after(secs(15)));
}

fn on(edge: &str, nth: u32) -> Trigger {
    Trigger::on(SERVER, edge, nth, Duration::ZERO)
}

/// Three threads that each beat every tenth of a second from second 2 on, and the whole seconds for which each was silent.
fn beats(sim: &mut Sim) {
    let beat = sim.ledger::<&'static str>("first");
    let silent = sim.ledger::<(usize, u64)>("silent");
    let server = sim.node_main("server", move |_| {
        let beats = |thread: usize| {
            move || {
                sleep(secs(2));
                let mut last = Instant::now();
                for _ in 0..80 {
                    sleep(ms(100));
                    let late = last.elapsed();
                    if late > secs(1) {
                        silent.note((thread, late.as_secs()));
                    }
                    last = Instant::now();
                    if thread == 1 {
                        beat.note("beat");
                    }
                }
            }
        };
        let threads: Vec<_> = (1..=3).map(|thread| thread::spawn(beats(thread))).collect();
        for thread in threads {
            thread.join().expect("it only notes");
        }
        0
    });
    edges_count(sim, server);
    sim.client_main("client", |_| {
        sleep(secs(20));
        0
    });
    sim.eventually("the first thread alone was silent, for three seconds", secs(60), move |_| {
        silent.len() == 1 && silent.contains(&(1, 3))
    });
}

fn the_thread_at_the_edge_is_held_and_others_run() {
    holds("beats", &[hold(on("note first", 5), 3, None, secs(3))]);
}

fn a_hold_at_a_time_names_its_thread() {
    // The main thread is the first, and indices wrap around.
    holds("beats", &[hold(at(secs(4)), 2, None, secs(3))]);
    holds("beats", &[hold(at(secs(4)), 6, None, secs(3))]);
}

fn a_hold_does_not_end_at_the_held_threads_own_edge() {
    holds("beats", &[hold(on("note first", 5), 1, Some("note first"), secs(3))]);
}

/// One thread starts and ends once its hold is released; another one notes something two seconds later.
fn two_steps(sim: &mut Sim) {
    let begun = sim.ledger::<&'static str>("begun");
    let released = sim.ledger::<&'static str>("released");
    let ended = sim.ledger::<u64>("ended after tenths of a second");
    let server = sim.node_main("server", move |_| {
        let at_work = thread::spawn(move || {
            sleep(secs(2));
            let since = Instant::now();
            begun.note("begun");
            ended.note((since.elapsed().as_millis() / 100) as u64);
        });
        sleep(secs(4));
        released.note("released");
        at_work.join().expect("it only notes");
        0
    });
    edges_count(sim, server);
    sim.client_main("client", |_| {
        sleep(secs(20));
        0
    });
    sim.eventually("it ended after two seconds", secs(60), move |_| ended.contains(&20));
}

fn a_hold_ends_at_another_threads_edge() {
    holds("two_steps", &[hold(on("note begun", 1), 1, Some("note released"), secs(10))]);
    // The hold ends at the latest when its time is up.
    holds("two_steps", &[hold(on("note begun", 1), 1, Some("note nothing of the kind"), secs(2))]);
}

/// The held thread holds a lock.
fn a_lock(sim: &mut Sim) {
    let taken = sim.ledger::<&'static str>("taken");
    let waited = sim.ledger::<u64>("waited for so many seconds");
    let server = sim.node_main("server", move |_| {
        let lock = Arc::new(Mutex::new(()));
        let of_other = Arc::clone(&lock);
        let other = thread::spawn(move || {
            sleep(secs(2));
            let _locked = of_other.lock().expect("nobody panics");
            taken.note("taken");
        });
        sleep(secs(3));
        let since = Instant::now();
        drop(lock.lock().expect("nobody panics"));
        waited.note(since.elapsed().as_secs());
        other.join().expect("it only notes");
        0
    });
    edges_count(sim, server);
    sim.client_main("client", |_| {
        sleep(secs(20));
        0
    });
    sim.eventually("the main thread waited for four seconds", secs(60), move |_| waited.contains(&4));
}

fn waiting_for_a_held_threads_lock_is_no_deadlock() {
    holds("a_lock", &[hold(on("note taken", 1), 1, None, secs(5))]);
}

fn overlapping_holds_and_pauses_end_with_the_last() {
    let pause = |from, length| Injection { trigger: at(from), fault: Fault::pause(SERVER, length) };
    // Held from second 2 to second 7, whatever ends earlier.
    let held = || hold(on("note taken", 1), 1, None, secs(5));
    holds("a_lock", &[held(), hold(at(secs(3)), 2, None, secs(2)), pause(ms(3_500), secs(1))]);
    // Held until second 4, and paused with all the others from before that until second 7.
    holds("a_lock", &[hold(on("note taken", 1), 1, None, secs(2)), pause(ms(3_500), ms(3_600))]);
}

/// A thread that notes each second of each incarnation.
fn incarnations(sim: &mut Sim) {
    let noted = sim.ledger::<(u64, u64)>("seconds of incarnations");
    let server = sim.node_main("server", move |node| {
        let incarnation = u64::from(node.incarnation());
        for second in 0..3 {
            sleep(secs(1));
            noted.note((incarnation, second));
        }
        sleep(secs(100));
        0
    });
    edges_count(sim, server);
    sim.client_main("client", |_| {
        sleep(secs(20));
        0
    });
    sim.eventually("the second incarnation went on as it should", secs(60), move |_| {
        noted.contains(&(1, 0)) && !noted.contains(&(1, 1)) && noted.contains(&(2, 2))
    });
}

fn a_kill_ends_a_hold_and_the_next_incarnation_runs() {
    let kill = Injection { trigger: at(secs(4)), fault: Fault::kill(SERVER, ms(100)) };
    holds("incarnations", &[hold(at(ms(1_500)), 1, None, secs(9)), kill]);
}

/// Reads a number and writes its successor. No other thread writes in between, unless the reader is held.
fn lost_update(sim: &mut Sim) {
    let read = sim.ledger::<&'static str>("read");
    let whole = sim.ledger::<bool>("whole");
    let server = sim.node_main("server", move |_| {
        let count = Arc::new(Mutex::new(0));
        let counting = |first: Duration| {
            let count = Arc::clone(&count);
            thread::spawn(move || {
                sleep(first);
                for _ in 0..10 {
                    let seen = *count.lock().expect("nobody panics");
                    read.note("read");
                    *count.lock().expect("nobody panics") = seen + 1;
                    sleep(ms(100));
                }
            })
        };
        for thread in [counting(ms(2_000)), counting(ms(2_050))] {
            thread.join().expect("it only counts");
        }
        whole.note(*count.lock().expect("nobody panics") == 20);
        0
    });
    sim.client_main("client", |_| {
        sleep(secs(10));
        0
    });
    let holds = Faults::none().held_threads(secs(1)).held_at("note read", 20).held_until("note read");
    sim.faults(server, holds.starting_at(secs(1)).quiet_after(secs(9)));
    sim.always("no update is lost", move |_| !whole.contains(&false));
    sim.sometimes("the count is whole", move |_| whole.contains(&true));
}

fn a_hold_finds_a_race_that_timed_faults_do_not() {
    let output = crate::harness::campaign("lost_update", "0..30");
    assert_eq!(output.code, 1, "{}{}", output.out, output.err);
    assert!(output.out.contains("a thread of server"), "{}{}", output.out, output.err);
    holds("lost_update", &[]);
}

// -- drawn by a seed

fn holds_are_drawn(sim: &mut Sim) {
    let late = sim.ledger::<u64>("late by whole seconds");
    let beaten = sim.ledger::<&'static str>("beaten");
    let servers = sim.nodes("server", 2, move |_| async move {
        let beat = move || {
            for _ in 0..400 {
                let begun = Instant::now();
                sleep(ms(50));
                beaten.note("beaten");
                if begun.elapsed() >= ms(200) {
                    late.note(begun.elapsed().as_secs());
                }
            }
        };
        let other = tokio::task::spawn_blocking(beat);
        tokio::task::spawn_blocking(beat).await?;
        Ok(other.await?)
    });
    sim.client("client", |_| async {
        tokio::time::sleep(secs(40)).await;
        Ok(())
    });
    let faults = Faults::none().held_threads(secs(5)).held_at("note beaten", 300).kills().at_most(6);
    sim.faults(servers, faults.quiet_after(secs(20)));
    sim.always("nobody is late by more than two holds", move |_| !late.contains(&11));
    sim.sometimes("somebody is late", move |_| !late.is_empty());
}

fn drawn_holds_replay() {
    let output = cli(&["check", "holds_are_drawn", "--pairs", "10"]);
    assert_eq!(output.code, 0, "{}{}", output.out, output.err);
    let output = crate::harness::campaign("holds_are_drawn", "0..20");
    assert_eq!(output.code, 0, "{}{}", output.out, output.err);
}
