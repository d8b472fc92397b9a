//! The modules of a package, and the files that each file names.
//! Names are resolved through `use` declarations and re-exports to the file that defines them. Methods, fields and macros with textual
//! scope are not followed, and code for tests is skipped.

use crate::source::{SourceFile, Token, flatten};
use std::collections::{BTreeMap, BTreeSet};
use std::rc::Rc;
use syn::visit::{self, Visit};
use syn::{Attribute, Item, ItemMod, ItemUse, Macro, UseTree, Visibility};

type ModulePath = Vec<String>;

/// The longest chain of re-exports that is followed.
const DEPTH_MAX: usize = 12;

/// A module of a package.
struct Module {
    file: Rc<str>,
    /// Everything that the module defines itself, but for modules.
    items: BTreeSet<String>,
    /// Imported names, each with the path that it stands for.
    imports: BTreeMap<String, ModulePath>,
    /// Paths that are imported whole.
    globs: Vec<ModulePath>,
}

/// A path that code names, with the module in which it stands.
struct Named {
    module: ModulePath,
    path: ModulePath,
}

/// The target of a path.
#[derive(Debug, PartialEq, Eq)]
enum Target {
    /// A file of this package.
    File(Rc<str>),
    /// Something of another package.
    Foreign(ModulePath),
}

/// The modules of a package, by their paths from its root.
pub(crate) struct Package {
    modules: BTreeMap<ModulePath, Module>,
    named: Vec<Named>,
}

impl Package {
    /// Reads all modules, beginning with the root file of the package.
    pub(crate) fn read(root: &str, files: &[SourceFile]) -> Self {
        let files: BTreeMap<&str, &SourceFile> = files.iter().map(|file| (file.path.as_str(), file)).collect();
        let mut package = Self { modules: BTreeMap::new(), named: Vec::new() };
        let folder = root.rsplit_once('/').map_or("", |(folder, _)| folder);
        let mut pending = vec![(Vec::new(), root.to_owned(), folder.to_owned())];
        while let Some((path, file, folder)) = pending.pop() {
            let syntax = files[file.as_str()].syntax();
            package.add(&path, &Rc::from(file.as_str()), &syntax.items, &mut |module, declared| {
                let inline = &module[path.len()..module.len() - 1];
                let folder = inline.iter().fold(folder.clone(), |folder, module| format!("{folder}/{module}"));
                let name = &declared.ident;
                let candidates = match path_attribute(&declared.attrs) {
                    Some(explicit) => vec![format!("{folder}/{explicit}")],
                    None => vec![format!("{folder}/{name}.rs"), format!("{folder}/{name}/mod.rs")],
                };
                let found = candidates.into_iter().find(|candidate| files.contains_key(candidate.as_str()));
                let found = found.unwrap_or_else(|| panic!("{file}: no file for `mod {name}`"));
                pending.push((module.to_vec(), found, format!("{folder}/{name}")));
            });
        }
        package
    }

    /// Adds a module and its inline modules.
    fn add(&mut self, path: &[String], file: &Rc<str>, items: &[Item], external: &mut dyn FnMut(&[String], &ItemMod)) {
        let mut module =
            Module { file: file.clone(), items: BTreeSet::new(), imports: BTreeMap::new(), globs: Vec::new() };
        for item in items.iter().filter(|item| !is_for_tests(item)) {
            match item {
                Item::Mod(declared) => {
                    let inner = [path, &[declared.ident.to_string()]].concat();
                    match &declared.content {
                        Some((_, items)) => self.add(&inner, file, items, external),
                        None => external(&inner, declared),
                    }
                }
                Item::Use(declared) => imports(&declared.tree, &mut Vec::new(), &mut |name, target| match name {
                    Some(name) => drop(module.imports.insert(name, target.to_vec())),
                    None => module.globs.push(target.to_vec()),
                }),
                other => module.items.extend(name_of(other)),
            }
        }
        self.modules.insert(path.to_vec(), module);
        let mut names = Names { is_map: is_map(file), paths: Vec::new() };
        items.iter().filter(|item| !matches!(item, Item::Mod(_))).for_each(|item| names.visit_item(item));
        self.named.extend(names.paths.into_iter().map(|named| Named { module: path.to_vec(), path: named }));
    }

    /// Pairs of files, the first of which names the second.
    pub(crate) fn arrows(&self) -> BTreeSet<(String, String)> {
        let mut arrows = BTreeSet::new();
        for named in &self.named {
            let from = &self.modules[&named.module].file;
            if let Target::File(to) = self.locate(&named.module, &named.path, 0)
                && to != *from
            {
                arrows.insert((from.to_string(), to.to_string()));
            }
        }
        arrows
    }

    /// Paths of other packages, each with a file that names it.
    pub(crate) fn foreign(&self) -> BTreeSet<(String, String)> {
        let paths = self.named.iter().filter_map(|named| {
            let Target::Foreign(path) = self.locate(&named.module, &named.path, 0) else { return None };
            Some((self.modules[&named.module].file.to_string(), path.join("::")))
        });
        paths.collect()
    }

    /// The target of a path that stands in a module.
    fn locate(&self, module: &[String], path: &[String], depth: usize) -> Target {
        let Some((first, rest)) = path.split_first().filter(|_| depth < DEPTH_MAX) else {
            return Target::File(self.modules[module].file.clone());
        };
        match first.as_str() {
            "crate" => return self.walk(&[], rest, depth),
            "self" => return self.walk(module, rest, depth),
            "super" => {
                let ups = path.iter().take_while(|segment| *segment == "super").count();
                return self.walk(&module[..module.len() - ups], &path[ups..], depth);
            }
            _ => {}
        }
        let here = &self.modules[module];
        let is_here = here.items.contains(first)
            || self.modules.contains_key(&[module, std::slice::from_ref(first)].concat())
            || here.imports.get(first).is_some_and(|target| target.len() > 1)
            || self.glob_with(module, first, depth).is_some();
        if is_here { self.walk(module, path, depth) } else { Target::Foreign(path.to_vec()) }
    }

    /// The target of a path below a module of this package.
    fn walk(&self, module: &[String], path: &[String], depth: usize) -> Target {
        let Some((first, rest)) = path.split_first() else {
            return Target::File(self.modules[module].file.clone());
        };
        let inner = [module, std::slice::from_ref(first)].concat();
        if self.modules.contains_key(&inner) {
            return self.walk(&inner, rest, depth);
        }
        let here = &self.modules[module];
        if !here.items.contains(first) {
            if let Some(target) = here.imports.get(first) {
                return self.locate(module, &[target, rest].concat(), depth + 1);
            }
            if let Some(glob) = self.glob_with(module, first, depth) {
                return self.locate(module, &[glob, path].concat(), depth + 1);
            }
        }
        Target::File(here.file.clone())
    }

    /// The glob import of a module that brings in a name.
    fn glob_with(&self, module: &[String], name: &String, depth: usize) -> Option<&ModulePath> {
        self.modules[module].globs.iter().find(|glob| {
            let (target, in_reach) = match glob[0].as_str() {
                "crate" => (glob[1..].to_vec(), true),
                "self" => ([module, &glob[1..]].concat(), true),
                "super" if !module.is_empty() => ([&module[..module.len() - 1], &glob[1..]].concat(), true),
                _ => ([module, &glob[..]].concat(), depth < DEPTH_MAX),
            };
            in_reach
                && self.modules.get(&target).is_some_and(|other| {
                    other.items.contains(name)
                        || other.imports.contains_key(name)
                        || self.modules.contains_key(&[&target[..], std::slice::from_ref(name)].concat())
                })
        })
    }
}

/// Collects the paths that code names.
struct Names {
    /// True in a file that only names modules: what it re-exports is no arrow.
    is_map: bool,
    paths: Vec<ModulePath>,
}

impl Names {
    fn name(&mut self, path: ModulePath) {
        if path.len() > 1 {
            self.paths.push(path);
        }
    }

    /// Paths in the tokens of a macro.
    fn tokens(&mut self, tokens: &[Token]) {
        let is_colon = |at: usize| tokens.get(at).is_some_and(|token| token.is_sign(':'));
        let mut at = 0;
        while at < tokens.len() {
            let mut path = Vec::new();
            while let Some(Token::Word(word)) = tokens.get(at) {
                path.push(word.clone());
                at += 1;
                if !(is_colon(at) && is_colon(at + 1)) {
                    break;
                }
                at += 2;
            }
            at += usize::from(path.is_empty());
            self.name(path);
        }
    }
}

impl<'ast> Visit<'ast> for Names {
    fn visit_item(&mut self, item: &'ast Item) {
        if !is_for_tests(item) {
            visit::visit_item(self, item);
        }
    }

    fn visit_item_use(&mut self, item: &'ast ItemUse) {
        if self.is_map && !matches!(item.vis, Visibility::Inherited) {
            return;
        }
        imports(&item.tree, &mut Vec::new(), &mut |_, target| self.paths.push(target.to_vec()));
    }

    fn visit_path(&mut self, path: &'ast syn::Path) {
        self.name(path.segments.iter().map(|segment| segment.ident.to_string()).collect());
        visit::visit_path(self, path);
    }

    fn visit_macro(&mut self, called: &'ast Macro) {
        let mut flat = Vec::new();
        flatten(called.tokens.clone(), &mut flat);
        self.tokens(&flat);
        visit::visit_macro(self, called);
    }

    fn visit_attribute(&mut self, _: &'ast Attribute) {}

    fn visit_visibility(&mut self, _: &'ast Visibility) {}
}

/// Reports the names that a `use` tree imports, each with its path; a glob has no name.
fn imports(tree: &UseTree, prefix: &mut ModulePath, found: &mut dyn FnMut(Option<String>, &[String])) {
    let mut whole = |name: &syn::Ident, rename: &syn::Ident| match name == "self" {
        true => {
            found(Some(if rename == "self" { prefix[prefix.len() - 1].clone() } else { rename.to_string() }), prefix)
        }
        false => found(Some(rename.to_string()), &[&prefix[..], &[name.to_string()]].concat()),
    };
    match tree {
        UseTree::Name(name) => whole(&name.ident, &name.ident),
        UseTree::Rename(rename) => whole(&rename.ident, &rename.rename),
        UseTree::Glob(_) => found(None, prefix),
        UseTree::Group(group) => group.items.iter().for_each(|tree| imports(tree, prefix, found)),
        UseTree::Path(path) => {
            prefix.push(path.ident.to_string());
            imports(&path.tree, prefix, found);
            prefix.pop();
        }
    }
}

/// The name of an item that is no module and no `use` declaration.
fn name_of(item: &Item) -> Option<String> {
    let name = match item {
        Item::Const(item) => &item.ident,
        Item::Enum(item) => &item.ident,
        Item::Fn(item) => &item.sig.ident,
        Item::Macro(item) => item.ident.as_ref()?,
        Item::Static(item) => &item.ident,
        Item::Struct(item) => &item.ident,
        Item::Trait(item) => &item.ident,
        Item::TraitAlias(item) => &item.ident,
        Item::Type(item) => &item.ident,
        Item::Union(item) => &item.ident,
        _ => return None,
    };
    Some(name.to_string())
}

fn attributes(item: &Item) -> &[Attribute] {
    match item {
        Item::Const(item) => &item.attrs,
        Item::Enum(item) => &item.attrs,
        Item::ExternCrate(item) => &item.attrs,
        Item::Fn(item) => &item.attrs,
        Item::ForeignMod(item) => &item.attrs,
        Item::Impl(item) => &item.attrs,
        Item::Macro(item) => &item.attrs,
        Item::Mod(item) => &item.attrs,
        Item::Static(item) => &item.attrs,
        Item::Struct(item) => &item.attrs,
        Item::Trait(item) => &item.attrs,
        Item::TraitAlias(item) => &item.attrs,
        Item::Type(item) => &item.attrs,
        Item::Union(item) => &item.attrs,
        Item::Use(item) => &item.attrs,
        _ => &[],
    }
}

/// True for `#[cfg(test)]` and `#[test]`.
pub(crate) fn is_for_tests(item: &Item) -> bool {
    attributes(item).iter().any(|attribute| {
        let path = attribute.path();
        path.is_ident("test")
            || path.is_ident("cfg") && attribute.parse_args::<syn::Path>().is_ok_and(|path| path.is_ident("test"))
    })
}

/// The file of `#[path = "…"]`.
fn path_attribute(attributes: &[Attribute]) -> Option<String> {
    attributes.iter().filter(|attribute| attribute.path().is_ident("path")).find_map(|attribute| {
        let value = &attribute.meta.require_name_value().ok()?.value;
        let syn::Expr::Lit(syn::ExprLit { lit: syn::Lit::Str(text), .. }) = value else { return None };
        Some(text.value())
    })
}

/// True for a file that is meant to name modules only.
pub(crate) fn is_map(file: &str) -> bool {
    file.ends_with("/mod.rs") || file.ends_with("/lib.rs")
}
