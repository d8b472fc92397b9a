//! The promise of the product: a search finds a failure, its token replays it byte for byte in a fresh process, and the exit
//! code states the verdict. `scenarios/tests` tests the same for the built-in systems.

use crate::harness::{Module, Output, campaign, cli, command, output_of, scenarios, trials};
use afterlife::{Faults, Sim};
use std::time::Duration;

pub(crate) fn module() -> Module {
    let scenarios = scenarios![loses_a_write, keeps_every_write];
    let trials = trials![
        a_search_finds_a_failure_that_its_token_replays_identically,
        a_finding_is_shown_and_replayed_from_its_record,
        the_environment_variable_replays_a_token_as_the_command_does,
        a_campaign_without_a_finding_holds,
        a_truncated_or_mistyped_token_is_refused,
        a_token_of_another_version_is_refused,
        a_token_of_an_unknown_scenario_is_refused,
        a_token_of_a_removed_build_is_unfit,
        text_that_is_neither_a_token_nor_a_record_is_refused,
        an_unwritable_folder_is_refused,
        invalid_seeds_are_refused,
        unknown_words_are_refused_with_the_nearest_known_ones,
        a_filter_that_matches_nothing_has_an_exit_code_of_its_own,
        an_unknown_variable_is_warned_about,
        every_finding_is_recorded_and_counted,
        a_finding_has_the_smallest_plan_with_its_signature,
        an_unshrunk_finding_is_shrunk_on_request,
    ];
    Module::new(scenarios, trials)
}

/// A server that acknowledges before it writes.
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

/// Asserts a refusal: this exit code and two lines, the second with the next step.
fn refused(output: &Output, code: i32) -> (String, String) {
    let lines: Vec<_> = output.err.lines().collect();
    let [why, next] = lines[..] else { panic!("a refusal has two lines: {output:?}") };
    assert_eq!((output.code, output.out.as_str()), (code, ""), "{}", output.err);
    let (why, next) = (why.strip_prefix("error: "), next.strip_prefix("  next: "));
    (why.unwrap_or_else(|| panic!("{output:?}")).to_owned(), next.unwrap_or_else(|| panic!("{output:?}")).to_owned())
}

fn output(words: &[&str]) -> Output {
    cli(words)
}

fn token() -> String {
    let output = campaign("loses_a_write", "50");
    assert_eq!(output.code, 1, "{output:?}");
    output.findings()[0]["token"].as_str().expect("a finding has a token").to_owned()
}

fn digest_of(page: &str) -> &str {
    page.lines().find_map(|line| line.trim().strip_prefix("digest ")).unwrap_or_else(|| panic!("no digest: {page}"))
}

fn a_search_finds_a_failure_that_its_token_replays_identically() {
    let found = campaign("loses_a_write", "50");
    assert_eq!(found.code, 1);
    let finding = &found.findings()[0];
    assert_eq!(finding["invariant"], "nothing-acked-is-lost");
    let token = finding["token"].as_str().expect("a finding has a token");
    let first = output(&["replay", token]);
    assert_eq!(digest_of(&first.out), finding["digest"]);
    for _ in 0..9 {
        let again = output(&["replay", token]);
        assert_eq!((again.code, &again.out), (1, &first.out));
    }
    assert!(first.out.contains(finding["sentence"].as_str().expect("a finding has a sentence")), "{}", first.out);
}

fn a_finding_is_shown_and_replayed_from_its_record() {
    let out = format!("{}/promise-records", env!("CARGO_TARGET_TMPDIR"));
    let found =
        output(&["run", "loses_a_write", "--seeds", "50", "--report", "json", "--out", &out, "--max-failures", "1"]);
    let finding = found.finding();
    let (id, path) = (finding["id"].as_str().expect("an id"), finding["path"].as_str().expect("a path"));
    for what in ["last", id, &id[..4], path] {
        let shown = output(&["show", what, "--out", &out, "--format", "json"]);
        let lines = shown.lines();
        assert_eq!(
            (shown.code, &lines[0]["kind"], &lines[lines.len() - 1]["kind"]),
            (0, &"record".into(), &"end".into())
        );
        assert_eq!(lines[0]["digest"], finding["digest"]);
        let replayed = output(&["replay", what, "--out", &out]);
        assert_eq!((replayed.code, digest_of(&replayed.out)), (1, finding["digest"].as_str().expect("a digest")));
    }
    let text = output(&["show", "last", "--out", &out]);
    assert!(text.out.starts_with("✗ acknowledged data is lost"), "{}", text.out);
    assert!(
        text.out.lines().all(|line| line.chars().count() <= 80 || line.contains("replay") || line.contains("record"))
    );
}

fn the_environment_variable_replays_a_token_as_the_command_does() {
    let token = token();
    let by_command = output(&["replay", &token]);
    let by_environment = output_of(command(&[]).env("AFTERLIFE_REPLAY", &token));
    assert_eq!((by_environment.code, by_environment.out), (1, by_command.out));
}

fn a_campaign_without_a_finding_holds() {
    let held = campaign("keeps_every_write", "60");
    assert_eq!(held.code, 0, "{held:?}");
    let summary = held.summary();
    assert_eq!((summary["runs"].as_u64(), summary["held"].as_bool()), (Some(60), Some(true)));
    assert_eq!(summary["findings"], serde_json::json!([]));
    assert!(summary["virtual_ns"].as_u64() > Some(60 * 7_000_000_000));
    assert_eq!(output(&["check", "keeps_every_write", "--pairs", "5"]).code, 0);
}

fn a_truncated_or_mistyped_token_is_refused() {
    let token = token();
    for cut in ["a2-loses_a_write", "a2-loses_a_write-7", "a2-loses_a_write-7-", &token[..token.len() - 1]] {
        let (_, next) = refused(&output(&["replay", cut]), 2);
        assert_eq!(next, "copy the token whole, from the line that begins with `replay`", "{cut}");
    }
    let mut mistyped = token.clone();
    let last = mistyped.pop().expect("a token is not empty");
    mistyped.push(if last == 'A' { 'B' } else { 'A' });
    let (why, _) = refused(&output(&["replay", &mistyped]), 2);
    assert_eq!(why, "the token's checksum does not match: it is truncated or mistyped");
    assert_eq!(output(&["replay", &format!(" {token}\n")]).code, 1, "what a paste adds is no matter");
}

fn a_token_of_another_version_is_refused() {
    let (why, next) = refused(&output(&["replay", &token().replacen("a2-", "a9-", 1)]), 2);
    assert_eq!(why, "the token has version a9, but this code reads a2");
    assert_eq!(next, "replay it with the afterlife that wrote a9 tokens, or hunt for it again here");
}

fn other_token(scenario: &str, build: afterlife::Build) -> String {
    afterlife::Token { scenario: scenario.to_owned(), build, engine: afterlife::Engine::PORTABLE, seed: 3, plan: None }
        .to_string()
}

fn a_token_of_an_unknown_scenario_is_refused() {
    let (why, next) = refused(&output(&["replay", &other_token("loses_a_right", afterlife::Build::DEFAULT)]), 125);
    assert_eq!(why, "there is no scenario `loses_a_right` here");
    assert_eq!(next, "did you mean loses_a_write? See `list` for all scenarios");
}

fn a_token_of_a_removed_build_is_unfit() {
    let (why, _) = refused(&output(&["replay", &other_token("loses_a_write", afterlife::Build::new("shipped"))]), 125);
    assert_eq!(why, "loses_a_write has no build `shipped`");
}

fn text_that_is_neither_a_token_nor_a_record_is_refused() {
    for what in ["last", "deadbeef", "/nowhere/at/all", "", "🦀"] {
        refused(&output(&["replay", what]), 2);
        refused(&output(&["show", what]), 2);
    }
}

fn an_unwritable_folder_is_refused() {
    for out in ["/proc/nowhere", "/dev/null/here"] {
        let (why, _) = refused(&output(&["run", "keeps_every_write", "--seeds", "1", "--out", out]), 2);
        assert!(why.contains(out), "{why}");
    }
}

fn invalid_seeds_are_refused() {
    for seeds in ["5..2", "7..7", "x", "-1", "1..", "..5", "0", "99999999999999999999", "1.5", ""] {
        let (why, next) = refused(&output(&["run", "keeps_every_write", &format!("--seeds={seeds}")]), 2);
        assert!(why.starts_with("--seeds"), "{why}");
        assert!(next.contains("0..10000"), "{next}");
        let (why, _) = refused(&output_of(command(&["run", "keeps_every_write"]).env("AFTERLIFE_SEEDS", seeds)), 2);
        assert!(why.starts_with("AFTERLIFE_SEEDS"), "{why}");
    }
    let last = output(&["run", "keeps_every_write", "--seeds", "18446744073709551614..18446744073709551615"]);
    assert_eq!(last.code, 0, "the last seed is a seed: {last:?}");
}

fn unknown_words_are_refused_with_the_nearest_known_ones() {
    for (words, nearest) in [
        (&["rnu"][..], "run"),
        (&["run", "--sedes", "3"], "--seeds"),
        (&["run", "--jobs", "0"], "a whole number"),
        (&["run", "--build", "defualt"], "--build default"),
        (&["run", "--report", "xml"], "json"),
        (&["run", "--search", "directed"], "random"),
        (&["run", "--for", "soon"], "2h"),
        (&["check", "--pairs", "0"], "a whole number"),
        (&["replay"], "--help"),
    ] {
        let (_, next) = refused(&output(words), 2);
        assert!(next.contains(nearest), "{words:?}: {next}");
    }
    refused(&output(&["run", "keeps_every_write", "--build", "shipped"]), 2);
}

fn a_filter_that_matches_nothing_has_an_exit_code_of_its_own() {
    for words in [["run", "nothing-such"], ["check", "nothing-such"]] {
        let (why, _) = refused(&output(&words), 4);
        assert_eq!(why, "no scenario's name contains `nothing-such`");
    }
    let (_, next) = refused(&output(&["run", "keep_every_write"]), 4);
    assert_eq!(next, "did you mean keeps_every_write? See `list` for all scenarios");
}

fn an_unknown_variable_is_warned_about() {
    let listed = output_of(command(&["list"]).env("AFTERLIFE_REPLYA", "x"));
    assert_eq!(listed.code, 0);
    assert_eq!(listed.err, "warning: unknown variable AFTERLIFE_REPLYA; did you mean AFTERLIFE_REPLAY?\n");
    assert!(listed.out.contains("loses_a_write") && listed.out.contains("keeps_every_write"), "{}", listed.out);
}

fn every_finding_is_recorded_and_counted() {
    // The two scenarios of `night`.
    let both = output(&["run", "allows_", "--seeds", "40", "--report", "json"]);
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

/// One kill at the right time is enough, however many the seed draws.
fn a_finding_has_the_smallest_plan_with_its_signature() {
    let found = output(&["run", "loses_a_write", "--seeds", "50", "--report", "json", "--max-failures", "1"]);
    let finding = found.finding();
    assert_eq!(finding["injections"], 1, "{finding}");
    assert_eq!(finding["shrunk"]["whole"], true);
    let replays = finding["shrunk"]["replays"].as_u64().expect("it was shrunk");
    assert!((1..=200).contains(&replays), "{replays} replays");
    assert_eq!(found.summary()["findings"][0]["replays_to_shrink"], replays);
    let token = finding["token"].as_str().expect("a finding has a token");
    let replayed = output(&["replay", token]);
    assert_eq!((replayed.code, digest_of(&replayed.out)), (1, finding["digest"].as_str().expect("a digest")));
    // A shrunk plan cannot be shrunk further.
    let again = output(&["shrink", token]);
    assert_eq!(again.code, 1, "{again:?}");
    assert!(again.out.contains("  it takes          kill store") && again.out.contains(token), "{}", again.out);
    let alone =
        output(&["run", "loses_a_write", "--seeds", "50", "--report", "json", "--max-failures", "1", "--jobs", "1"]);
    assert_eq!(alone.finding()["token"], token, "however many runners there are");
}

fn an_unshrunk_finding_is_shrunk_on_request() {
    let words = ["run", "loses_a_write", "--seeds", "50", "--report", "json", "--max-failures", "1"];
    let shrunk = output(&words).finding();
    let mut drawn_words = words.to_vec();
    drawn_words.extend(["--shrink", "0"]);
    let drawn = output(&drawn_words).finding();
    assert_eq!((&drawn["shrunk"], &drawn["signature"]), (&serde_json::Value::Null, &shrunk["signature"]));
    let by_environment = output_of(command(&words).env("AFTERLIFE_SHRINK", "0"));
    assert_eq!(by_environment.finding()["token"], drawn["token"]);
    let on_request = output(&["shrink", drawn["token"].as_str().expect("a token")]);
    assert!(on_request.out.contains(shrunk["token"].as_str().expect("a token")), "{}", on_request.out);
    // A run that holds cannot be shrunk.
    let held = output(&["shrink", &other_token("keeps_every_write", afterlife::Build::DEFAULT)]);
    assert_eq!(held.code, 0, "{held:?}");
    refused(&output(&["shrink", "nothing-such"]), 2);
}
