//! The product's promise: search finds, the token replays it in a fresh process, byte for byte, and exit codes say what
//! came of it. The same for the built-in systems is in `scenarios/tests`.

use crate::harness::{Module, Said, carry_out, command, run, scenarios, trials};
use afterlife::{Faults, Sim};
use std::time::Duration;

pub(crate) fn module() -> Module {
    let scenarios = scenarios![loses_a_write, keeps_every_write];
    let trials = trials![
        search_finds_and_the_token_replays_it_the_same_every_time,
        a_finding_is_shown_and_replayed_from_its_record,
        the_environment_replays_a_token_as_the_command_does,
        a_campaign_without_a_finding_holds,
        a_token_that_is_cut_short_or_mistyped_is_refused,
        a_token_of_another_version_is_refused,
        a_token_of_an_unknown_scenario_is_refused,
        a_token_of_a_build_that_is_no_more_is_unfit,
        what_is_no_token_and_no_record_is_refused,
        a_folder_that_cannot_be_written_is_refused,
        seeds_that_are_none_are_refused,
        words_that_mean_nothing_are_refused_with_the_nearest_ones,
        a_filter_that_matches_nothing_is_told_apart,
        a_variable_that_means_nothing_is_warned_of,
        every_finding_is_written_down_and_counted,
        a_finding_is_told_with_the_smallest_plan_that_breaks_so,
        what_was_told_as_it_was_drawn_is_shrunk_on_request,
    ];
    Module::new(scenarios, trials)
}

/// A server that acknowledges before it has written.
fn store(sim: &mut Sim, sound: bool) {
    let acked = sim.ledger::<u32>("acked");
    let found = sim.ledger::<u32>("found");
    let server = sim.node("store", move |node| async move {
        let listener = tokio::net::TcpListener::bind("0.0.0.0:7000").await?;
        if node.incarnation() == 1 {
            tokio::fs::create_dir("/data").await?;
        }
        loop {
            let (mut stream, _) = listener.accept().await?;
            tokio::spawn(async move {
                use tokio::io::{AsyncReadExt, AsyncWriteExt};
                while let Ok(number) = stream.read_u32().await {
                    let answered = if number == u32::MAX {
                        let mut count = 0;
                        while tokio::fs::try_exists(format!("/data/{count}")).await.unwrap_or(false) {
                            count += 1;
                        }
                        stream.write_u32(count).await
                    } else if sound {
                        std::fs::write(format!("/data/{number}"), "").expect("the disk works");
                        stream.write_u32(number).await
                    } else {
                        let answered = stream.write_u32(number).await;
                        tokio::time::sleep(Duration::from_millis(100)).await;
                        std::fs::write(format!("/data/{number}"), "").expect("the disk works");
                        answered
                    };
                    if answered.is_err() {
                        return;
                    }
                }
            });
        }
    });
    async fn ask(number: u32) -> std::io::Result<u32> {
        use tokio::io::{AsyncReadExt, AsyncWriteExt};
        let mut stream = tokio::net::TcpStream::connect("store:7000").await?;
        stream.write_u32(number).await?;
        stream.read_u32().await
    }
    sim.client("client", move |_| async move {
        let mut number = 0;
        while number < 50 {
            if ask(number).await.is_ok() {
                acked.note(number);
                number += 1;
            }
            tokio::time::sleep(Duration::from_millis(150)).await;
        }
        Ok(())
    });
    sim.verifier("auditor", move |_| async move {
        let count = loop {
            match ask(u32::MAX).await {
                Ok(count) => break count,
                Err(_) => tokio::time::sleep(Duration::from_millis(150)).await,
            }
        };
        (0..count).for_each(|number| found.note(number));
        found.complete();
        Ok(())
    });
    sim.faults(server, Faults::none().kills().quiet_after(Duration::from_secs(6)));
    sim.nothing_acked_is_lost(acked, found);
    sim.sometimes("the store restarts", |view| view.restarts() > 0);
}

fn loses_a_write(sim: &mut Sim) {
    store(sim, false);
}

fn keeps_every_write(sim: &mut Sim) {
    store(sim, true);
}

/// A refusal: this exit code, two lines, the second with what to do next.
fn refused(said: &Said, code: i32) -> (String, String) {
    let lines: Vec<_> = said.err.lines().collect();
    let [why, next] = lines[..] else { panic!("a refusal has two lines: {said:?}") };
    assert_eq!((said.code, said.out.as_str()), (code, ""), "{}", said.err);
    let (why, next) = (why.strip_prefix("error: "), next.strip_prefix("  next: "));
    (why.unwrap_or_else(|| panic!("{said:?}")).to_owned(), next.unwrap_or_else(|| panic!("{said:?}")).to_owned())
}

fn said(words: &[&str]) -> Said {
    carry_out(&mut command(words))
}

fn token() -> String {
    let said = run("loses_a_write", "50");
    assert_eq!(said.code, 1, "{said:?}");
    said.findings()[0]["token"].as_str().expect("a finding has a token").to_owned()
}

fn digest_of(page: &str) -> &str {
    page.lines().find_map(|line| line.trim().strip_prefix("digest ")).unwrap_or_else(|| panic!("no digest: {page}"))
}

fn search_finds_and_the_token_replays_it_the_same_every_time() {
    let found = run("loses_a_write", "50");
    assert_eq!(found.code, 1);
    let finding = &found.findings()[0];
    assert_eq!(finding["invariant"], "nothing-acked-is-lost");
    let token = finding["token"].as_str().expect("a finding has a token");
    let first = said(&["replay", token]);
    assert_eq!(digest_of(&first.out), finding["digest"]);
    for _ in 0..9 {
        let again = said(&["replay", token]);
        assert_eq!((again.code, &again.out), (1, &first.out));
    }
    assert!(first.out.contains(finding["sentence"].as_str().expect("a finding has a sentence")), "{}", first.out);
}

fn a_finding_is_shown_and_replayed_from_its_record() {
    let out = format!("{}/promise-records", env!("CARGO_TARGET_TMPDIR"));
    let found =
        said(&["run", "loses_a_write", "--seeds", "50", "--report", "json", "--out", &out, "--max-failures", "1"]);
    let finding = found.finding();
    let (id, path) = (finding["id"].as_str().expect("an id"), finding["path"].as_str().expect("a path"));
    for what in ["last", id, &id[..4], path] {
        let shown = said(&["show", what, "--out", &out, "--format", "json"]);
        let lines = shown.lines();
        assert_eq!(
            (shown.code, &lines[0]["kind"], &lines[lines.len() - 1]["kind"]),
            (0, &"record".into(), &"end".into())
        );
        assert_eq!(lines[0]["digest"], finding["digest"]);
        let replayed = said(&["replay", what, "--out", &out]);
        assert_eq!((replayed.code, digest_of(&replayed.out)), (1, finding["digest"].as_str().expect("a digest")));
    }
    let text = said(&["show", "last", "--out", &out]);
    assert!(text.out.starts_with("✗ nothing acked is lost"), "{}", text.out);
    assert!(
        text.out.lines().all(|line| line.chars().count() <= 80 || line.contains("replay") || line.contains("record"))
    );
}

fn the_environment_replays_a_token_as_the_command_does() {
    let token = token();
    let by_command = said(&["replay", &token]);
    let by_environment = carry_out(command(&[]).env("AFTERLIFE_REPLAY", &token));
    assert_eq!((by_environment.code, by_environment.out), (1, by_command.out));
}

fn a_campaign_without_a_finding_holds() {
    let held = run("keeps_every_write", "60");
    assert_eq!(held.code, 0, "{held:?}");
    let summary = held.summary();
    assert_eq!((summary["runs"].as_u64(), summary["held"].as_bool()), (Some(60), Some(true)));
    assert_eq!(summary["findings"], serde_json::json!([]));
    assert!(summary["virtual_ns"].as_u64() > Some(60 * 7_000_000_000));
    assert_eq!(said(&["check", "keeps_every_write", "--pairs", "5"]).code, 0);
}

fn a_token_that_is_cut_short_or_mistyped_is_refused() {
    let token = token();
    for cut in ["a2-loses_a_write", "a2-loses_a_write-7", "a2-loses_a_write-7-", &token[..token.len() - 1]] {
        let (_, next) = refused(&said(&["replay", cut]), 2);
        assert_eq!(next, "copy the token whole, from the line that begins with `replay`", "{cut}");
    }
    let mut mistyped = token.clone();
    let last = mistyped.pop().expect("a token is not empty");
    mistyped.push(if last == 'A' { 'B' } else { 'A' });
    let (why, _) = refused(&said(&["replay", &mistyped]), 2);
    assert_eq!(why, "the token's checksum does not fit: it is truncated or mistyped");
    assert_eq!(said(&["replay", &format!(" {token}\n")]).code, 1, "what a paste adds is no matter");
}

fn a_token_of_another_version_is_refused() {
    let (why, next) = refused(&said(&["replay", &token().replacen("a2-", "a9-", 1)]), 2);
    assert_eq!(why, "the token is of version a9, and this code reads a2");
    assert_eq!(next, "replay it with the afterlife that wrote a9 tokens, or hunt for it again here");
}

fn other_token(scenario: &str, build: afterlife::Build) -> String {
    afterlife::Token { scenario: scenario.to_owned(), build, engine: afterlife::Engine::PORTABLE, seed: 3, plan: None }
        .to_string()
}

fn a_token_of_an_unknown_scenario_is_refused() {
    let (why, next) = refused(&said(&["replay", &other_token("loses_a_right", afterlife::Build::Sound)]), 2);
    assert_eq!(why, "there is no scenario `loses_a_right` here");
    assert_eq!(next, "the nearest is loses_a_write; see `list` for all");
}

fn a_token_of_a_build_that_is_no_more_is_unfit() {
    let (why, _) = refused(&said(&["replay", &other_token("loses_a_write", afterlife::Build::Shipped)]), 125);
    assert_eq!(why, "loses_a_write has no build `shipped`");
}

fn what_is_no_token_and_no_record_is_refused() {
    for what in ["last", "deadbeef", "/nowhere/at/all", "", "🦀"] {
        refused(&said(&["replay", what]), 2);
        refused(&said(&["show", what]), 2);
    }
}

fn a_folder_that_cannot_be_written_is_refused() {
    for out in ["/proc/nowhere", "/dev/null/here"] {
        let (why, _) = refused(&said(&["run", "keeps_every_write", "--seeds", "1", "--out", out]), 2);
        assert!(why.contains(out), "{why}");
    }
}

fn seeds_that_are_none_are_refused() {
    for seeds in ["5..2", "7..7", "x", "-1", "1..", "..5", "0", "99999999999999999999", "1.5", ""] {
        let (why, next) = refused(&said(&["run", "keeps_every_write", &format!("--seeds={seeds}")]), 2);
        assert!(why.starts_with("--seeds"), "{why}");
        assert!(next.contains("0..10000"), "{next}");
        let (why, _) = refused(&carry_out(command(&["run", "keeps_every_write"]).env("AFTERLIFE_SEEDS", seeds)), 2);
        assert!(why.starts_with("AFTERLIFE_SEEDS"), "{why}");
    }
    let last = said(&["run", "keeps_every_write", "--seeds", "18446744073709551614..18446744073709551615"]);
    assert_eq!(last.code, 0, "the last seed is a seed: {last:?}");
}

fn words_that_mean_nothing_are_refused_with_the_nearest_ones() {
    for (words, nearest) in [
        (&["rnu"][..], "run"),
        (&["run", "--sedes", "3"], "--seeds"),
        (&["run", "--jobs", "0"], "a whole number"),
        (&["run", "--build", "shiped"], "--build shipped"),
        (&["run", "--report", "xml"], "json"),
        (&["run", "--search", "directed"], "random"),
        (&["run", "--for", "soon"], "2h"),
        (&["check", "--pairs", "0"], "a whole number"),
        (&["replay"], "--help"),
    ] {
        let (_, next) = refused(&said(words), 2);
        assert!(next.contains(nearest), "{words:?}: {next}");
    }
    refused(&said(&["run", "keeps_every_write", "--build", "shipped"]), 2);
}

fn a_filter_that_matches_nothing_is_told_apart() {
    for words in [["run", "nothing-such"], ["check", "nothing-such"]] {
        let (why, _) = refused(&said(&words), 4);
        assert_eq!(why, "no scenario's name contains `nothing-such`");
    }
    let (_, next) = refused(&said(&["run", "keep_every_write"]), 4);
    assert_eq!(next, "the nearest is keeps_every_write; see `list` for all");
}

fn a_variable_that_means_nothing_is_warned_of() {
    let listed = carry_out(command(&["list"]).env("AFTERLIFE_REPLYA", "x"));
    assert_eq!(listed.code, 0);
    assert_eq!(
        listed.err,
        "warning: AFTERLIFE_REPLYA means nothing to afterlife; the nearest name is AFTERLIFE_REPLAY\n"
    );
    assert!(listed.out.contains("loses_a_write") && listed.out.contains("keeps_every_write"), "{}", listed.out);
}

fn every_finding_is_written_down_and_counted() {
    // The two scenarios of `night`.
    let both = said(&["run", "allows_", "--seeds", "40", "--report", "json"]);
    assert_eq!(both.code, 1);
    let campaigns: Vec<_> = both.lines().into_iter().filter(|line| line["kind"] == "campaign").collect();
    assert_eq!(campaigns.len(), 2);
    let summary = both.summary();
    assert_eq!(summary["runs"], 80);
    assert_eq!(summary["scenario"], "allows_many_incarnations,allows_one_incarnation");
    assert_eq!(summary["held"], false);
    let findings = both.findings();
    assert_eq!(summary["findings"].as_array().map(Vec::len), Some(findings.len()));
    for finding in findings {
        assert_eq!(finding["scenario"], "allows_one_incarnation");
        let folder = std::path::Path::new(finding["path"].as_str().expect("a path"));
        assert!(folder.is_dir(), "{}", folder.display());
    }
}

/// One kill at the right moment is enough, however many were drawn.
fn a_finding_is_told_with_the_smallest_plan_that_breaks_so() {
    let found = said(&["run", "loses_a_write", "--seeds", "50", "--report", "json", "--max-failures", "1"]);
    let finding = found.finding();
    assert_eq!(finding["injections"], 1, "{finding}");
    assert_eq!(finding["shrunk"]["whole"], true);
    let replays = finding["shrunk"]["replays"].as_u64().expect("it was shrunk");
    assert!((1..=200).contains(&replays), "{replays} replays");
    assert_eq!(found.summary()["findings"][0]["replays_to_shrink"], replays);
    let token = finding["token"].as_str().expect("a finding has a token");
    let replayed = said(&["replay", token]);
    assert_eq!((replayed.code, digest_of(&replayed.out)), (1, finding["digest"].as_str().expect("a digest")));
    // A shrunk plan shrinks no further.
    let again = said(&["shrink", token]);
    assert_eq!(again.code, 1, "{again:?}");
    assert!(again.out.contains("  it takes     kill store") && again.out.contains(token), "{}", again.out);
    let alone =
        said(&["run", "loses_a_write", "--seeds", "50", "--report", "json", "--max-failures", "1", "--jobs", "1"]);
    assert_eq!(alone.finding()["token"], token, "however many runners there are");
}

fn what_was_told_as_it_was_drawn_is_shrunk_on_request() {
    let words = ["run", "loses_a_write", "--seeds", "50", "--report", "json", "--max-failures", "1"];
    let shrunk = said(&words).finding();
    let mut drawn_words = words.to_vec();
    drawn_words.extend(["--shrink", "0"]);
    let drawn = said(&drawn_words).finding();
    assert_eq!((&drawn["shrunk"], &drawn["signature"]), (&serde_json::Value::Null, &shrunk["signature"]));
    let by_environment = carry_out(command(&words).env("AFTERLIFE_SHRINK", "0"));
    assert_eq!(by_environment.finding()["token"], drawn["token"]);
    let on_request = said(&["shrink", drawn["token"].as_str().expect("a token")]);
    assert!(on_request.out.contains(shrunk["token"].as_str().expect("a token")), "{}", on_request.out);
    // A run that holds has nothing to shrink.
    let held = said(&["shrink", &other_token("keeps_every_write", afterlife::Build::Sound)]);
    assert_eq!(held.code, 0, "{held:?}");
    refused(&said(&["shrink", "nothing-such"]), 2);
}
