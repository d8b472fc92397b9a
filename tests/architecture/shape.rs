//! The shape of files and structs.

use crate::known;
use crate::modules::{is_for_tests, is_map};
use crate::source::{SourceFile, assert_offences, files};
use syn::Item;

/// The longest file.
const LINES_MAX: usize = 500;

/// The most fields of a struct.
const FIELDS_MAX: usize = 15;

/// File names that say nothing about the content.
const EMPTY_NAMES: [&str; 5] = ["helper", "helpers", "imp", "util", "utils"];

#[test]
fn every_file_opens_with_a_sentence_about_itself() {
    let found = files("rs").into_iter().filter(|file| !opens_with_a_sentence(&file.text));
    assert_offences(found.map(|file| file.path).collect(), &[]);
}

#[test]
fn no_file_is_long() {
    let found = files("rs").into_iter().filter(|file| is_long(&file.text));
    assert_offences(found.map(|file| file.path).collect(), known::LONG);
}

#[test]
fn no_file_has_an_empty_name() {
    let found = files("rs").into_iter().filter(|file| has_empty_name(&file.path));
    assert_offences(found.map(|file| file.path).collect(), &[]);
}

#[test]
fn module_files_only_name_modules() {
    let shipped = |path: &str| path.starts_with("src/") || path.starts_with("sim/src/");
    let is_checked = |path: &str| shipped(path) && is_map(path) && !path.contains("/tests/");
    let found = files("rs").into_iter().filter(|file| is_checked(&file.path) && has_code(file));
    assert_offences(found.map(|file| file.path).collect(), known::FULL);
}

#[test]
fn no_struct_is_wide() {
    let shipped = |path: &str| ["src/", "sim/src/", "scenarios/src/"].iter().any(|folder| path.starts_with(folder));
    let all = files("rs").into_iter().filter(|file| shipped(&file.path));
    let found = all.flat_map(|file| wide_structs(&file).into_iter().map(move |name| format!("{}: {name}", file.path)));
    assert_offences(found.collect(), known::WIDE);
}

fn opens_with_a_sentence(text: &str) -> bool {
    text.strip_prefix("//! ").is_some_and(|rest| !rest.lines().next().unwrap_or_default().trim().is_empty())
}

fn is_long(text: &str) -> bool {
    text.lines().count() > LINES_MAX
}

fn has_empty_name(path: &str) -> bool {
    let mut names = path.split('/').map(|name| name.strip_suffix(".rs").unwrap_or(name));
    names.any(|name| EMPTY_NAMES.contains(&name))
}

/// True if a file defines more than modules, re-exports, macros, constants and type aliases.
fn has_code(file: &SourceFile) -> bool {
    file.syntax().items.iter().filter(|item| !is_for_tests(item)).any(|item| match item {
        Item::Mod(module) => module.content.is_some() && !is_namespace(item),
        Item::Use(_) | Item::Macro(_) | Item::Const(_) | Item::Type(_) => false,
        _ => true,
    })
}

/// True for an inline module that contains re-exports only.
fn is_namespace(item: &Item) -> bool {
    let Item::Mod(module) = item else { return false };
    module.content.iter().flat_map(|(_, items)| items).all(|item| matches!(item, Item::Use(_)))
}

/// The structs with too many fields.
fn wide_structs(file: &SourceFile) -> Vec<String> {
    let items = file.syntax().items;
    let structs = items.iter().filter_map(|item| if let Item::Struct(own) = item { Some(own) } else { None });
    structs.filter(|own| own.fields.len() > FIELDS_MAX).map(|own| own.ident.to_string()).collect()
}

// -- the checks can fail

fn file(path: &str, text: &str) -> SourceFile {
    SourceFile { path: path.to_owned(), text: text.to_owned() }
}

#[test]
fn headless_files_and_empty_names_are_found() {
    assert!(opens_with_a_sentence("//! A file.\n"));
    assert!(!opens_with_a_sentence("use std::fs;\n") && !opens_with_a_sentence("//!\n"));
    assert!(has_empty_name("src/report/helpers.rs") && has_empty_name("src/utils/mod.rs"));
    assert!(!has_empty_name("sim/src/kernel/file.rs"));
}

#[test]
fn code_in_a_module_file_is_found() {
    let map = "mod a; pub use a::A; pub mod b { pub use crate::a::B; } #[cfg(test)] mod tests { fn t() {} }";
    assert!(!has_code(&file("src/run/mod.rs", map)));
    assert!(
        has_code(&file("src/run/mod.rs", "mod a; fn f() {}"))
            && has_code(&file("src/run/mod.rs", "mod a { fn f() {} }"))
    );
}

#[test]
fn wide_structs_and_long_files_are_found() {
    let with_fields = |count: usize| {
        let fields: String = (0..count).map(|at| format!("f{at}: u8,")).collect();
        wide_structs(&file("src/x.rs", &format!("struct Wide {{ {fields} }}")))
    };
    assert_eq!(with_fields(FIELDS_MAX), [""; 0]);
    assert_eq!(with_fields(FIELDS_MAX + 1), ["Wide"]);
    assert!(!is_long(&"x\n".repeat(LINES_MAX)) && is_long(&"x\n".repeat(LINES_MAX + 1)));
}
