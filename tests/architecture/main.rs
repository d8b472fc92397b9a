//! The invariants of ARCHITECTURE.md, checked against the source tree.
//! It reads text, not types: comments and literals are blanked, `use` trees and paths are followed, macros are not expanded.

mod readme;
mod source;

use source::{code, files, paths, root, words};
use std::fs;

/// Code that is built into programs; tests and benches are free to look anywhere.
const SHIPPED: [&str; 5] = ["macros/src/", "probe/src/", "scenarios/src/", "sim/src/", "src/"];

/// Which of our packages a package may depend on.
const PACKAGES: [(&str, &[&str]); 8] = [
    ("probe/Cargo.toml", &[]),
    ("macros/Cargo.toml", &[]),
    ("sim/Cargo.toml", &["afterlife-probe"]),
    ("Cargo.toml", &["afterlife-macros", "afterlife-probe", "afterlife-sim"]),
    ("scenarios/Cargo.toml", &["afterlife", "afterlife-probe"]),
    ("tests/stock/Cargo.toml", &["afterlife"]),
    ("tests/madsim/Cargo.toml", &["afterlife", "afterlife-probe", "afterlife-scenarios"]),
    ("tests/turmoil/Cargo.toml", &["afterlife", "afterlife-probe", "afterlife-scenarios"]),
];

/// What code in a place may name, of all that begins with the same first word.
const ONLY: [(&str, &[&str]); 6] = [
    (
        "sim/src/libc/",
        &[
            "crate::libc",
            "crate::kernel",
            "crate::event",
            "crate::host",
            "crate::isolate::EXIT_UNSUPPORTED",
            "crate::isolate::LastWords",
            "crate::isolate::guest_here",
            "crate::isolate::last_words",
            "crate::isolate::leave",
            "crate::guest::shared_names",
        ],
    ),
    ("sim/src/kernel/", &["crate::kernel", "crate::event", "crate::host", "crate::isolate::beat"]),
    ("sim/src/event/", &["crate::event", "crate::host"]),
    ("sim/src/host/", &["crate::host"]),
    ("src/report/", &["afterlife_sim::event"]),
    ("src/bin/", &[]),
];

/// What code in a place never names.
const NEVER: [(&str, &[&str]); 6] = [
    (
        "src/report/",
        &[
            "crate::cli",
            "crate::run::execute",
            "crate::run::observer",
            "crate::runner",
            "crate::scenario::node",
            "crate::scenario::sim",
        ],
    ),
    ("src/search/campaign/", &["crate::cli", "crate::run::execute", "crate::run::observer", "crate::report"]),
    ("src/runner/", &["crate::cli", "crate::report", "crate::search"]),
    ("src/invariant/", &["crate::cli", "crate::report", "crate::run::observer", "crate::runner", "crate::search"]),
    ("src/fault/", &["crate::cli", "crate::report", "crate::run::observer", "crate::runner", "crate::search"]),
    ("scenarios/src/", &["afterlife_sim"]),
];

/// What starts a world or a process for one, and where that is allowed.
const STARTS: [&str; 4] =
    ["afterlife_sim::Machine", "afterlife_sim::Settings", "afterlife_sim::isolate", "afterlife_sim::run"];
const STARTERS: [&str; 2] = ["src/run/execute.rs", "src/runner/"];

/// The folders where `unsafe` may stand: interposed functions, the context switch, the real system, the fork, and the guest engines
/// that define or find C symbols.
const UNSAFE: [&str; 5] =
    ["sim/src/libc/", "sim/src/kernel/sched/fiber/", "sim/src/host/", "sim/src/isolate/", "sim/src/guest/"];

/// Where hash order could reach a decision.
const ORDERED: [&str; 2] = ["sim/", "src/"];

/// Where a rounding could reach a decision.
const WHOLE: [&str; 4] = ["sim/src/", "src/fault/", "src/invariant/", "src/search/campaign/"];

const LINES_MAX: usize = 600;

/// Files that are due to be split, each with the length that it must not outgrow meanwhile.
const OVERLONG: [(&str, usize); 0] = [];

/// Names that say nothing of what is in a file.
const EMPTY_NAMES: [&str; 5] = ["helper", "helpers", "imp", "util", "utils"];

// -- the invariants, on the tree

#[test]
fn packages_depend_one_way() {
    for (manifest, may) in PACKAGES {
        let text = fs::read_to_string(root().join(manifest)).expect("each package has a manifest");
        assert_eq!(strangers(&text, may), [""; 0], "{manifest} may depend on {may:?} of our packages");
    }
}

#[test]
fn the_probe_depends_on_nothing() {
    let text = fs::read_to_string(root().join("probe/Cargo.toml")).expect("each package has a manifest");
    // What a feature asks for stands there as optional, and the features that are on by default ask for nothing.
    assert_eq!(dependencies(&text), ["tracing"]);
    assert!(text.contains("tracing = { workspace = true, optional = true }") && text.contains("default = [\"std\"]\n"));
    assert!(text.contains("std = []\n"), "the sink needs nothing");
}

#[test]
fn folders_name_one_way() {
    holds(|path, text| {
        let mut wrong = Vec::new();
        for (_, may) in ONLY.iter().filter(|(place, _)| path.starts_with(place)) {
            wrong.extend(strays(path, text, may));
        }
        for (_, never) in NEVER.iter().filter(|(place, _)| path.starts_with(place)) {
            wrong.extend(named(path, text, never));
        }
        wrong
    });
}

#[test]
fn a_world_is_started_in_one_place() {
    let outside = |path: &str| path.starts_with("src/") && !STARTERS.iter().any(|place| path.starts_with(place));
    holds(|path, text| if outside(path) { named(path, text, &STARTS) } else { Vec::new() });
}

#[test]
fn what_is_unsafe_stands_in_few_places() {
    let shipped = |path: &str| SHIPPED.iter().any(|place| path.starts_with(place));
    let allowed = |path: &str| UNSAFE.iter().any(|place| path.starts_with(place));
    holds(|path, text| if shipped(path) && !allowed(path) { unsafe_code(text) } else { Vec::new() });
}

#[test]
fn nothing_is_kept_in_hash_order() {
    holds(|path, text| if ORDERED.iter().any(|place| path.starts_with(place)) { hash_order(text) } else { Vec::new() });
}

#[test]
fn no_float_takes_part_in_a_decision() {
    holds(|path, text| if WHOLE.iter().any(|place| path.starts_with(place)) { floats(text) } else { Vec::new() });
}

#[test]
fn every_file_says_first_what_it_is() {
    holds(|_, text| if opens_with_a_sentence(text) { Vec::new() } else { vec!["no `//!` on the first line".into()] });
}

#[test]
fn no_file_is_long() {
    holds(|path, text| {
        let owed = OVERLONG.iter().find(|(file, _)| *file == path).map_or(LINES_MAX, |(_, lines)| *lines);
        too_long(text, owed)
    });
    for (file, _) in OVERLONG {
        let text = fs::read_to_string(root().join(file)).expect("OVERLONG names files that there are");
        assert_ne!(too_long(&text, LINES_MAX), [""; 0], "{file} is short enough: take it out of OVERLONG");
    }
}

#[test]
fn no_test_and_no_example_is_switched_off() {
    holds(|_, text| [ignored_tests(text), ignored_examples(text)].concat());
    for (path, text) in files("md") {
        assert_eq!(ignored_examples(&text), [""; 0], "{path}");
    }
}

#[test]
fn no_file_is_called_utils() {
    holds(|path, _| empty_name(path));
}

#[test]
fn every_place_on_the_map_is_there() {
    let map = fs::read_to_string(root().join("ARCHITECTURE.md")).expect("the map is there");
    let places = places(&map);
    assert!(places.len() > 20, "the map names {} places", places.len());
    for place in places {
        assert!(root().join(&place).exists(), "ARCHITECTURE.md names {place}, which is not there");
    }
}

// -- the checkers can fail

#[test]
fn a_dependency_against_the_arrows_is_noticed() {
    let manifest = "[package]\nname = \"x\"\n[dependencies]\nafterlife-probe.workspace = true\nlibc = \"0.2\"\n\
                    [dev-dependencies]\nafterlife = { path = \"..\" }\n[target.'cfg(unix)'.dependencies]\nnix = \"1\"\n\
                    [dependencies.afterlife-scenarios]\npath = \"x\"\n[profile.dev]\ndebug = true\n";
    assert_eq!(dependencies(manifest), ["afterlife-probe", "libc", "afterlife", "nix", "afterlife-scenarios"]);
    assert_eq!(strangers(manifest, &["afterlife-probe"]), ["afterlife", "afterlife-scenarios"]);
}

#[test]
fn a_path_against_the_arrows_is_noticed_however_it_is_written() {
    let text = "use crate::{kernel::{thread::{ThreadId, Wait}, Errno}, engine::run};\nuse super::super::log::Log;\n\
                fn f() { $crate::found::g::<u8>(); let s = super::Fine { a: 1 }; }\n\
                // crate::comment\nconst S: &str = \"crate::literal\";\n\
                mod inner { use super::super::time; use super::super::super::story; }\n\
                #[cfg(test)]\nmod tests { use crate::anything; }\n";
    let met = paths("sim/src/abi/poll.rs", text);
    let expected = [
        "crate::kernel::thread::ThreadId",
        "crate::kernel::thread::Wait",
        "crate::kernel::Errno",
        "crate::engine::run",
        "crate::log::Log",
        "crate::found::g",
        "crate::abi::Fine",
        "crate::abi::time",
        "crate::story",
    ];
    assert_eq!(met, expected);
    let may = ["crate::abi", "crate::kernel", "crate::engine::last_words"];
    let wrong = ["names crate::engine::run", "names crate::log::Log", "names crate::found::g", "names crate::story"];
    assert_eq!(strays("sim/src/abi/poll.rs", text, &may), wrong);
    assert_eq!(named("sim/src/abi/poll.rs", text, &["crate::story", "crate::sto"]), ["names crate::story"]);
    assert_eq!(
        paths("src/report/mod.rs", "use super::hunt; use self::page::Page;"),
        ["crate::hunt", "crate::report::page::Page"]
    );
    assert_eq!(
        paths("src/x.rs", "use afterlife_sim::{self as sim, run};"),
        ["afterlife_sim::self", "afterlife_sim::run"]
    );
}

#[test]
fn unsafe_code_is_told_from_a_type_and_from_words() {
    assert_eq!(unsafe_code("fn f() {\n    unsafe { g() }\n}\nunsafe impl Send for X {}"), ["unsafe", "unsafe"]);
    assert_eq!(unsafe_code("unsafe extern \"C\" fn f() {}"), ["unsafe"]);
    assert_eq!(unsafe_code("// unsafe\n#![forbid(unsafe_code)]\nstruct E { f: unsafe extern \"C\" fn(u8) }"), [""; 0]);
}

#[test]
fn hash_order_and_floats_are_noticed() {
    assert_eq!(hash_order("use std::collections::{BTreeMap, HashSet};\n// HashMap"), ["HashSet"]);
    assert_eq!(floats("let a: f64 = x.as_secs_f32();"), ["f64", "as_secs_f32"]);
    assert_eq!(floats("let a = 1.5 + 2e9 + 3f32;"), ["1.5", "2e9", "3f32"]);
    assert_eq!(floats("let a = (x.0.1, 0..3, 0xf32, 1_000u64, 7.max(1)); // 1.5, f64"), [""; 0]);
}

#[test]
fn long_headless_and_empty_named_files_are_noticed() {
    assert!(
        !opens_with_a_sentence("use std::fs;\n")
            && !opens_with_a_sentence("//!\n")
            && opens_with_a_sentence("//! It.\n")
    );
    assert_eq!(too_long(&"x\n".repeat(601), 600), ["601 lines"]);
    assert_eq!(too_long(&"x\n".repeat(600), 600), [""; 0]);
    assert_eq!(empty_name("src/report/helpers.rs"), ["helpers"]);
    assert_eq!(empty_name("src/utils/mod.rs"), ["utils"]);
    assert_eq!(empty_name("sim/src/kernel/file.rs"), [""; 0]);
}

#[test]
fn a_test_or_example_that_is_switched_off_is_noticed() {
    assert_eq!(ignored_tests("#[test]\n#[ignore = \"slow\"]\nfn f() {}\n#[cfg_attr(x, ignore)]\nfn g() {}").len(), 2);
    assert_eq!(ignored_tests("// #[ignore]\nlet ignore = [ignore];"), [""; 0]);
    assert_eq!(ignored_examples("//! ```ignore\n/// ```rust,ignore\n```rust\n").len(), 2);
}

#[test]
fn places_are_read_off_a_map() {
    assert_eq!(
        places("- `src/x.rs`, `sim/src/abi/`: the *doors*, `fork`, `a / b`, `x::y`"),
        ["src/x.rs", "sim/src/abi/"]
    );
}

// -- the checkers

/// Asserts that a checker finds nothing in any Rust file.
fn holds(check: impl Fn(&str, &str) -> Vec<String>) {
    let all = files("rs");
    assert!(all.len() > 50, "only {} files were found", all.len());
    let wrong: Vec<String> = all
        .iter()
        .flat_map(|(path, text)| check(path, text).into_iter().map(move |it| format!("{path}: {it}")))
        .collect();
    assert!(wrong.is_empty(), "\n  {}", wrong.join("\n  "));
}

/// The packages that a manifest depends on, in its order.
fn dependencies(manifest: &str) -> Vec<String> {
    let mut found = Vec::new();
    let mut listing = false;
    for line in manifest.lines().map(str::trim) {
        if let Some(section) = line.strip_prefix('[').and_then(|line| line.strip_suffix(']')) {
            // What the workspace lists, no package depends on by that.
            listing = section.ends_with("dependencies") && !section.starts_with("workspace");
            if let Some((table, name)) = section.rsplit_once('.') {
                found.extend(table.ends_with("dependencies").then(|| name.to_owned()));
            }
        } else if listing && !line.is_empty() && !line.starts_with('#') {
            found.extend(line.split(['.', '=', ' ']).next().map(str::to_owned));
        }
    }
    found
}

/// Our packages among a manifest's dependencies that it may not have.
fn strangers(manifest: &str, may: &[&str]) -> Vec<String> {
    dependencies(manifest).into_iter().filter(|it| it.starts_with("afterlife") && !may.contains(&it.as_str())).collect()
}

/// Paths that share their first word with one of these, and lead to none of them.
fn strays(path: &str, text: &str, may: &[&str]) -> Vec<String> {
    let first = may.first().map_or("crate", |one| one.split("::").next().unwrap_or(one));
    let met = paths(path, text).into_iter().filter(|it| leads(it, first) && !may.iter().any(|may| leads(it, may)));
    met.map(|it| format!("names {it}")).collect()
}

/// Paths that lead to one of these.
fn named(path: &str, text: &str, never: &[&str]) -> Vec<String> {
    let met = paths(path, text).into_iter().filter(|it| never.iter().any(|never| leads(it, never)));
    met.map(|it| format!("names {it}")).collect()
}

fn leads(path: &str, to: &str) -> bool {
    path.strip_prefix(to).is_some_and(|rest| rest.is_empty() || rest.starts_with("::"))
}

fn unsafe_code(text: &str) -> Vec<String> {
    let code = code(text);
    let words = words(&code);
    let is_type = |at: usize| {
        let rest: Vec<_> = words[at + 1..].iter().copied().skip_while(|word| *word == "extern").take(2).collect();
        rest == ["fn", "("]
    };
    (0..words.len()).filter(|at| words[*at] == "unsafe" && !is_type(*at)).map(|_| "unsafe".to_owned()).collect()
}

fn hash_order(text: &str) -> Vec<String> {
    const HASHED: [&str; 5] = ["HashMap", "HashSet", "RandomState", "hash_map", "hash_set"];
    words(&code(text)).into_iter().filter(|word| HASHED.contains(word)).map(str::to_owned).collect()
}

fn floats(text: &str) -> Vec<String> {
    let is_float = |word: &str| {
        let number = word.starts_with(|it: char| it.is_ascii_digit());
        let by_type = |ends: [&str; 2]| ends.iter().any(|end| word.ends_with(end));
        match number {
            true if word.starts_with("0x") => false,
            true => word.contains('.') || by_type(["f32", "f64"]) || word.contains('e') && !word.ends_with("size"),
            false => ["f32", "f64"].contains(&word) || by_type(["_f32", "_f64"]),
        }
    };
    words(&code(text)).into_iter().filter(|word| is_float(word)).map(str::to_owned).collect()
}

fn opens_with_a_sentence(text: &str) -> bool {
    text.strip_prefix("//! ").is_some_and(|rest| !rest.lines().next().unwrap_or_default().trim().is_empty())
}

fn too_long(text: &str, lines_max: usize) -> Vec<String> {
    let lines = text.lines().count();
    if lines > lines_max { vec![format!("{lines} lines")] } else { Vec::new() }
}

fn ignored_tests(text: &str) -> Vec<String> {
    let code = code(text);
    let words = words(&code);
    let attributes = (0..words.len()).filter(|at| words[*at..].starts_with(&["#", "["])).filter(|at| {
        let inside: Vec<_> = words[at + 2..].iter().copied().take_while(|word| *word != "]").collect();
        inside.first() == Some(&"ignore") || inside.first() == Some(&"cfg_attr") && inside.contains(&"ignore")
    });
    attributes.map(|_| "an ignored test".to_owned()).collect()
}

fn ignored_examples(text: &str) -> Vec<String> {
    let fences = text.lines().filter_map(|line| line.trim_start_matches(['/', '!', ' ', '\t']).strip_prefix("```"));
    let ignored = fences.filter(|words| words.split([',', ' ']).any(|word| word.starts_with("ignore")));
    ignored.map(|words| format!("an example fenced `{words}`")).collect()
}

fn empty_name(path: &str) -> Vec<String> {
    let names = path.split('/').map(|name| name.strip_suffix(".rs").unwrap_or(name));
    names.filter(|name| EMPTY_NAMES.contains(name)).map(str::to_owned).collect()
}

/// What stands between backticks and looks like a path.
fn places(map: &str) -> Vec<String> {
    let quoted = map.split('`').skip(1).step_by(2);
    let is_path =
        |text: &&str| text.contains('/') && text.bytes().all(|it| it.is_ascii_alphanumeric() || b"_-./".contains(&it));
    quoted.filter(is_path).map(str::to_owned).collect()
}
