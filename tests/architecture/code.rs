//! Rules about code: `unsafe`, guest engines, hash order, floats, disabled tests.

use crate::known;
use crate::source::{SourceFile, Token, assert_offences, files, tokens};

/// Code that is built into programs. Tests and benchmarks are not part of it.
const SHIPPED: [&str; 5] = ["macros/src/", "probe/src/", "scenarios/src/", "sim/src/", "src/"];

/// The interposed functions, those that madsim shares, the processes of runs, the host beneath them, and context switches.
const UNSAFE: [&str; 6] = [
    "sim/src/guest/madsim/interposed.rs",
    "sim/src/guest/shared_names.rs",
    "sim/src/host/",
    "sim/src/isolate/",
    "sim/src/kernel/sched/fiber/",
    "sim/src/libc/",
];

/// Places that may know a guest engine.
const GUESTS: [&str; 3] = ["sim/src/guest/", "src/watch/", "src/rt/"];

/// Places where hash order could reach a decision.
const ORDERED: [&str; 2] = ["sim/", "src/"];

/// Places where rounding could reach a decision.
const WITHOUT_FLOATS: [&str; 4] = ["sim/src/", "src/fault/", "src/invariant/", "src/search/campaign/"];

#[test]
fn unsafe_code_lies_in_few_places() {
    let found = files("rs")
        .into_iter()
        .filter(|file| lies_in(&file.path, &SHIPPED) && !lies_in(&file.path, &UNSAFE) && has_unsafe(&file.tokens()));
    assert_offences(found.map(|file| file.path).collect(), known::UNSAFE);
}

#[test]
fn guest_engines_are_known_in_few_places() {
    let found = files("rs").into_iter().filter(|file| {
        lies_in(&file.path, &["sim/src/", "src/"])
            && !lies_in(&file.path, &GUESTS)
            && !guest_conditions(file).is_empty()
    });
    assert_offences(found.map(|file| file.path).collect(), known::GUESTS);
}

#[test]
fn nothing_depends_on_hash_order() {
    assert_none(&ORDERED, hash_order);
}

#[test]
fn no_decision_depends_on_a_float() {
    assert_none(&WITHOUT_FLOATS, floats);
}

#[test]
fn no_test_is_disabled() {
    assert_none(&[""], ignored_tests);
}

#[test]
fn no_example_is_disabled() {
    let all = files("rs").into_iter().chain(files("md"));
    let found = all
        .flat_map(|file| ignored_examples(&file.text).into_iter().map(move |fence| format!("{}: {fence}", file.path)));
    assert_offences(found.collect(), &[]);
}

/// Asserts that a check finds nothing in any file of these places.
fn assert_none(places: &[&str], check: impl Fn(&[Token]) -> Vec<String>) {
    let here = files("rs").into_iter().filter(|file| lies_in(&file.path, places));
    let found =
        here.flat_map(|file| check(&file.tokens()).into_iter().map(move |offence| format!("{}: {offence}", file.path)));
    assert_offences(found.collect(), &[]);
}

fn lies_in(path: &str, places: &[&str]) -> bool {
    places.iter().any(|place| path.starts_with(place))
}

/// True for `unsafe` blocks, functions, traits, implementations and foreign blocks, but not for types of unsafe functions.
fn has_unsafe(tokens: &[Token]) -> bool {
    let is_type = |at: usize| {
        let mut rest = tokens[at + 1..].iter();
        let mut next = rest.next();
        if next.is_some_and(|token| token.is_word("extern")) {
            next = rest.next();
            if matches!(next, Some(Token::Literal(_))) {
                next = rest.next();
            }
        }
        next.is_some_and(|token| token.is_word("fn")) && rest.next().is_some_and(|token| token.is_sign('('))
    };
    (0..tokens.len()).any(|at| tokens[at].is_word("unsafe") && !is_type(at))
}

/// The conditions of a file that depend on a guest engine, except for those of modules and re-exports in a `lib.rs`.
fn guest_conditions(file: &SourceFile) -> Vec<String> {
    let tokens = file.tokens();
    let mut found = Vec::new();
    for at in 0..tokens.len() {
        let is_condition = ["cfg", "cfg_attr"].iter().any(|word| tokens[at].is_word(word));
        let open = at + 1 + usize::from(tokens.get(at + 1).is_some_and(|token| token.is_sign('!')));
        if !is_condition || !tokens.get(open).is_some_and(|token| token.is_sign('(')) {
            continue;
        }
        let close = closing(&tokens, open);
        let names_guest = tokens[open..close].iter().any(|token| match token {
            Token::Word(word) => word == "madsim" || word == "turmoil",
            Token::Literal(text) => text == "\"turmoil\"",
            Token::Sign(_) => false,
        });
        let is_declaration = file.path.ends_with("/lib.rs") && declares(&tokens[close + 1..]);
        if names_guest && !is_declaration {
            found.push(format!("{:?}", &tokens[at..=close]));
        }
    }
    found
}

/// True if a module or a re-export follows, perhaps after further attributes.
fn declares(rest: &[Token]) -> bool {
    let Some((end, mut rest)) = rest.split_first() else { return false };
    if !end.is_sign(']') {
        return false;
    }
    while let [first, second, ..] = rest
        && first.is_sign('#')
        && second.is_sign('[')
    {
        rest = &rest[closing(rest, 1) + 1..];
    }
    let words = rest.iter().take_while(|token| !token.is_sign(';') && !token.is_sign('{'));
    words.into_iter().any(|token| token.is_word("mod") || token.is_word("use"))
}

/// The place of the bracket that closes the one at this place.
fn closing(tokens: &[Token], open: usize) -> usize {
    let mut depth = 0;
    for (at, token) in tokens.iter().enumerate().skip(open) {
        match token {
            Token::Sign('(' | '[' | '{') => depth += 1,
            Token::Sign(')' | ']' | '}') => depth -= 1,
            _ => {}
        }
        if depth == 0 {
            return at;
        }
    }
    tokens.len() - 1
}

fn hash_order(tokens: &[Token]) -> Vec<String> {
    const HASHED: [&str; 5] = ["HashMap", "HashSet", "RandomState", "hash_map", "hash_set"];
    let words = tokens.iter().filter_map(|token| match token {
        Token::Word(word) if HASHED.contains(&word.as_str()) => Some(word.clone()),
        _ => None,
    });
    words.collect()
}

/// Float types and float literals. `x.0.1` is no float.
fn floats(tokens: &[Token]) -> Vec<String> {
    let mut found = Vec::new();
    for (at, token) in tokens.iter().enumerate() {
        let is_field = at > 0 && tokens[at - 1].is_sign('.') && !(at > 1 && tokens[at - 2].is_sign('.'));
        match token {
            Token::Word(word)
                if ["f32", "f64"].iter().any(|float| word == float || word.ends_with(&format!("_{float}"))) =>
            {
                found.push(word.clone());
            }
            Token::Literal(text) if !is_field && is_float(text) => found.push(text.clone()),
            _ => {}
        }
    }
    found
}

/// True for `1.5`, `2e9` and `3f32`.
fn is_float(literal: &str) -> bool {
    match syn::parse_str(literal) {
        Ok(syn::Lit::Float(_)) => true,
        Ok(syn::Lit::Int(number)) => number.suffix().starts_with('f'),
        _ => false,
    }
}

fn ignored_tests(tokens: &[Token]) -> Vec<String> {
    let mut found = Vec::new();
    for at in 2..tokens.len() {
        if tokens[at - 2].is_sign('#') && tokens[at - 1].is_sign('[') {
            let attribute = &tokens[at..closing(tokens, at - 1)];
            let conditional = attribute[0].is_word("cfg_attr") && attribute.iter().any(|token| token.is_word("ignore"));
            found.extend((attribute[0].is_word("ignore") || conditional).then(|| "a disabled test".to_owned()));
        }
    }
    found
}

fn ignored_examples(text: &str) -> Vec<String> {
    let fences = text.lines().filter_map(|line| line.trim_start_matches(['/', '!', ' ', '\t']).strip_prefix("```"));
    let ignored = fences.filter(|words| words.split([',', ' ']).any(|word| word.starts_with("ignore")));
    ignored.map(|words| format!("an example fenced `{words}`")).collect()
}

// -- the checks can fail

#[test]
fn unsafe_code_is_told_from_types_and_comments() {
    assert!(has_unsafe(&tokens("fn f() { unsafe { g() } }")) && has_unsafe(&tokens("unsafe impl Send for X {}")));
    assert!(
        has_unsafe(&tokens("unsafe extern \"C\" fn f() {}")) && has_unsafe(&tokens("unsafe extern \"C\" { fn f(); }"))
    );
    assert!(has_unsafe(&tokens("macro_rules! m { () => { unsafe { g() } } }")));
    let type_only = "// unsafe\n#![forbid(unsafe_code)]\nstruct E { f: unsafe extern \"C\" fn(u8), g: unsafe fn(u8) }";
    assert!(!has_unsafe(&tokens(type_only)));
}

#[test]
fn conditions_on_guest_engines_are_found() {
    let conditions =
        |path: &str, text: &str| guest_conditions(&SourceFile { path: path.to_owned(), text: text.to_owned() }).len();
    let text = "#[cfg(madsim)] mod a; #[cfg(any(feature = \"turmoil\", test))] #[allow(x)] pub use b::C;\n\
                #[cfg_attr(not(feature = \"turmoil\"), allow(unused))] fn f() { if cfg!(madsim) {} }\n\
                #[cfg(test)] mod tests; #[cfg(feature = \"proptest\")] mod p;";
    assert_eq!(conditions("src/run/execute.rs", text), 4);
    assert_eq!(conditions("src/lib.rs", text), 2, "a lib.rs may declare modules for a guest engine");
}

#[test]
fn hash_order_and_floats_are_found() {
    assert_eq!(hash_order(&tokens("use std::collections::{BTreeMap, HashSet};\n// HashMap")), ["HashSet"]);
    assert_eq!(floats(&tokens("fn f() { let a: f64 = x.as_secs_f32(); }")), ["f64", "as_secs_f32"]);
    assert_eq!(floats(&tokens("fn f() { let a = 1.5 + 2e9 + 3f32; }")), ["1.5", "2e9", "3f32"]);
    let none = "fn f() { let a = (x.0.1, 0..3, 0xf32, 1_000u64, 7.max(1)); }";
    assert_eq!(floats(&tokens(none)), [""; 0]);
}

#[test]
fn disabled_tests_and_examples_are_found() {
    let text = "#[test]\n#[ignore = \"slow\"]\nfn f() {}\n#[cfg_attr(x, ignore)]\nfn g() {}";
    assert_eq!(ignored_tests(&tokens(text)).len(), 2);
    assert_eq!(ignored_tests(&tokens("// #[ignore]\nfn f() { let ignore = [ignore]; }")), [""; 0]);
    assert_eq!(ignored_examples("//! ```ignore\n/// ```rust,ignore\n```rust\n").len(), 2);
}
