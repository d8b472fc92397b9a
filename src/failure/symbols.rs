//! Symbols of call sites: the functions, files and lines of return addresses, and the owner of their code.
//! Resolving an address is slow, so it happens in the campaign's process, never in a run, and once for each address.

use crate::model::source_path::portable;
use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, OnceLock, PoisonError};

/// The owner of a frame's code.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Owner {
    /// The standard library, the async runtime and the interposed functions, through which a program spawns and opens.
    Machinery,
    /// A crate that the program depends on. It is responsible for what it creates.
    Library,
    /// The program's own code.
    Own,
    /// Unknown for lack of symbols.
    Unknown,
}

/// One function on a stack, inlined ones included.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Frame {
    /// Its name, without the compiler's hash.
    function: String,
    /// Its file, relative to the workspace if it is inside it; empty if unknown.
    pub(crate) file: String,
    line: u32,
    owner: Owner,
}

impl Frame {
    #[cfg(test)]
    pub(super) fn of(function: &str, file: &str, line: u32, owner: Owner) -> Self {
        Self { function: function.to_owned(), file: file.to_owned(), line, owner }
    }

    /// The owner of its code.
    pub(super) fn owner(&self) -> Owner {
        self.owner
    }

    /// `src/audit.rs:12`.
    pub(crate) fn site(&self) -> String {
        format!("{}:{}", self.file, self.line)
    }

    /// `src/audit.rs:12  audit::write`.
    fn text(&self) -> String {
        let function = short(&self.function);
        match (self.file.is_empty(), function.starts_with('{')) {
            (true, _) => function,
            // An inlined function, such as an async block, has no name of its own.
            (false, true) => self.site(),
            (false, false) => format!("{}  {function}", self.site()),
        }
    }
}

/// The crates through which a program spawns, opens and locks, besides the standard library.
const MACHINERY: [&str; 10] =
    ["afterlife", "afterlife-probe", "afterlife-sim", "libc", "mio", "nix", "rustix", "socket2", "tokio", "tokio-util"];

/// The folders in which Cargo stores dependencies, each with the number of folders between it and a crate's.
const DEPENDENCIES: [(&str, usize); 3] = [("/registry/src/", 1), ("/git/checkouts/", 0), ("/vendor/", 0)];

/// The folder in which this package was built, and the folders in it that are machinery if it is not a dependency.
const HERE: &str = env!("CARGO_MANIFEST_DIR");
const OURS: [&str; 3] = ["/src/", "/sim/src/", "/probe/src/"];

fn owner(function: &str, file: &str) -> Owner {
    // `#[global_allocator]` expands to functions whose file is the program's own.
    let of_allocator = function.rsplit("::").next().is_some_and(|name| name.starts_with("__rust_"));
    if of_allocator || file.starts_with("/rustc/") || file.contains("/lib/rustlib/") {
        return Owner::Machinery;
    }
    if let Some(folder) = dependency(file) {
        // `tokio-1.54.0`, `tokio-6e4a5b…`, `tokio`.
        let is = |name: &str| folder.strip_prefix(name).is_some_and(|rest| rest.is_empty() || is_version(rest));
        return if MACHINERY.iter().any(|name| is(name)) { Owner::Machinery } else { Owner::Library };
    }
    if file.strip_prefix(HERE).is_some_and(|rest| OURS.iter().any(|folder| rest.starts_with(folder))) {
        return Owner::Machinery;
    }
    let path =
        function.trim_start_matches(['<', '&', '*', '(', ' ']).trim_start_matches("mut ").trim_start_matches("dyn ");
    // An inlined function has a name without a path, and so has any function of C.
    let first = path.split_once("::").map(|(first, _)| first.split('[').next().unwrap_or(first).replace('_', "-"));
    match first.as_deref() {
        Some("std" | "core" | "alloc") => Owner::Machinery,
        Some(name) if MACHINERY.contains(&name) => Owner::Machinery,
        None if file.is_empty() => Owner::Machinery,
        Some(_) if file.is_empty() => Owner::Unknown,
        _ => Owner::Own,
    }
}

/// The folder of the dependency that a file belongs to, if it belongs to one.
fn dependency(file: &str) -> Option<&str> {
    DEPENDENCIES.iter().find_map(|(folder, behind)| {
        let (_, rest) = file.split_once(folder)?;
        rest.split('/').nth(*behind)
    })
}

/// Returns whether this is a version such as `-1.54.0`, or the hash of a checkout's folder.
fn is_version(rest: &str) -> bool {
    rest.strip_prefix('-').is_some_and(|rest| {
        rest.starts_with(|first: char| first.is_ascii_digit()) || rest.bytes().all(|byte| byte.is_ascii_hexdigit())
    })
}

/// A function's path without its generic arguments.
fn short(function: &str) -> String {
    let mut depth = 0_usize;
    let mut short = String::new();
    // Brackets at the very beginning contain the type itself: `<audit::Log>::write`.
    let (begin, rest) = match function.starts_with('<') {
        true => function.split_at(1),
        false => ("", function),
    };
    let mut inside_first = !begin.is_empty();
    for letter in rest.chars() {
        match letter {
            '<' => depth += 1,
            '>' if depth > 0 => depth -= 1,
            '>' if inside_first => inside_first = false,
            letter if depth == 0 => short.push(letter),
            _ => {}
        }
    }
    short.replace("::::", "::").trim_end_matches("::").to_owned()
}

/// A cache of known values. The same stacks occur in run after run.
type Known<K, V> = Mutex<BTreeMap<K, Arc<V>>>;

/// The functions at a return address, innermost first.
fn functions(address: u32) -> Arc<Vec<Frame>> {
    static KNOWN: Known<u32, Vec<Frame>> = Mutex::new(BTreeMap::new());
    let mut known = KNOWN.lock().unwrap_or_else(PoisonError::into_inner);
    known.entry(address).or_insert_with(|| Arc::new(resolve(address))).clone()
}

fn resolve(address: u32) -> Vec<Frame> {
    afterlife_sim::address_of(address).map_or_else(Vec::new, resolve_here)
}

/// The functions at a return address of this process.
fn resolve_here(address: usize) -> Vec<Frame> {
    let mut frames = Vec::new();
    // The address is a return address: the resolver looks at the instruction before it.
    backtrace::resolve(std::ptr::without_provenance_mut(address), |symbol| {
        let function = symbol.name().map_or_else(String::new, |name| format!("{name:#}"));
        let file = symbol.filename().map_or_else(String::new, |path| path.display().to_string());
        let owner = owner(&function, &file);
        frames.push(Frame { function, file: from_workspace(&file), line: symbol.lineno().unwrap_or(0), owner });
    });
    frames
}

/// The path as a panic would name it: relative to the workspace's folder, and the same on every machine.
fn from_workspace(file: &str) -> String {
    static ROOT: OnceLock<Option<PathBuf>> = OnceLock::new();
    let root = ROOT.get_or_init(|| {
        let executable = std::env::current_exe().ok()?;
        let target = executable.ancestors().skip(1).find(|folder| folder.join("CACHEDIR.TAG").is_file())?;
        target.parent().map(Path::to_owned)
    });
    let stripped = root.as_ref().and_then(|root| Path::new(file).strip_prefix(root).ok());
    // With a target directory elsewhere, the workspace is the folder of the lock file above the sources.
    let found = || {
        let workspace = Path::new(file).ancestors().skip(1).find(|folder| folder.join("Cargo.lock").is_file())?;
        Path::new(file).strip_prefix(workspace).ok()
    };
    let is_foreign = dependency(file).is_some();
    match stripped.or_else(|| found().filter(|_| !is_foreign)) {
        Some(path) => path.display().to_string(),
        None => portable(file).to_owned(),
    }
}

/// The functions on a stack, innermost first.
pub(super) fn frames(stack: &[u32]) -> Vec<Frame> {
    stack.iter().flat_map(|address| functions(*address).iter().cloned().collect::<Vec<_>>()).collect()
}

/// A stack of a process with the addresses of this one, as text: every function, innermost first.
pub(crate) fn text(addresses: &[usize]) -> String {
    let frames = addresses.iter().flat_map(|address| resolve_here(*address));
    frames.map(|frame| format!("  {}\n", frame.text())).collect()
}

/// The maker of something, determined from the stack on which it was made.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Maker {
    /// The program's own code, here.
    Own(Frame),
    /// A crate that it depends on, or unknown code.
    Other,
}

/// The maker of something: the owner of the innermost frame that is not machinery.
pub(crate) fn maker(stack: &[u32]) -> Maker {
    maker_of(&frames(stack)).0
}

/// The spawner of a task, if the stack spawns one. A blocking closure is not a task: the runtime waits for it.
pub(crate) fn spawner(stack: &[u32]) -> Maker {
    spawner_of(&frames(stack))
}

fn spawner_of(frames: &[Frame]) -> Maker {
    let (maker, machinery) = maker_of(frames);
    let through = |folder: &str| machinery.iter().any(|frame| frame.file.contains(folder));
    if through("/runtime/task/") && !through("/runtime/blocking/") { maker } else { Maker::Other }
}

fn maker_of(frames: &[Frame]) -> (Maker, &[Frame]) {
    let made = frames.iter().position(|frame| frame.owner != Owner::Machinery);
    let (machinery, frame) = frames.split_at(made.unwrap_or(frames.len()));
    match frame.first() {
        Some(frame) if frame.owner == Owner::Own => (Maker::Own(frame.clone()), machinery),
        _ => (Maker::Other, machinery),
    }
}

/// A stack as lines: the program's own frames, or the innermost few if it has none.
pub(crate) fn lines(stack: &[u32]) -> Vec<String> {
    const OTHERS_MAX: usize = 4;
    let frames = frames(stack);
    let mut lines: Vec<String> = frames.iter().filter(|frame| frame.owner == Owner::Own).map(Frame::text).collect();
    if lines.is_empty() {
        let shown = frames.iter().filter(|frame| frame.owner != Owner::Machinery).take(OTHERS_MAX);
        lines = shown.map(Frame::text).collect();
    }
    lines.dedup();
    lines
}

/// The most relevant line of a stack.
pub(crate) fn line(stack: &[u32]) -> Option<Frame> {
    let frames = frames(stack);
    let own = frames.iter().find(|frame| frame.owner == Owner::Own);
    own.or_else(|| frames.iter().find(|frame| frame.owner == Owner::Library)).cloned()
}

#[cfg(test)]
mod tests {
    use super::*;

    const REGISTRY: &str = "/home/me/.cargo/registry/src/index.crates.io-1949cf8c6b5b557f";

    fn frame(function: &str, file: &str) -> Frame {
        Frame { function: function.to_owned(), file: file.to_owned(), line: 7, owner: owner(function, file) }
    }

    #[test]
    fn the_owner_of_a_frame_follows_from_its_file_or_else_its_crate() {
        let of = owner;
        let tokio = format!("{REGISTRY}/tokio-1.54.0/src/task/spawn.rs");
        let axum = format!("{REGISTRY}/axum-0.8.9/src/serve/mod.rs");
        assert_eq!(of("tokio::task::spawn::spawn", &tokio), Owner::Machinery);
        assert_eq!(of("axum::serve::handle_connection", &axum), Owner::Library);
        assert_eq!(of("tokio_fork::spawn", &axum.replace("axum-0.8.9", "tokio-fork-1.0.0")), Owner::Library);
        assert_eq!(of("hyper::x", "/home/me/.cargo/git/checkouts/hyper-5f2b1c/ab12/src/x.rs"), Owner::Library);
        assert_eq!(of("tokio::x", "/home/me/.cargo/git/checkouts/tokio-5f2b1c/ab12/src/x.rs"), Owner::Machinery);
        assert_eq!(of("redb::x", "/work/app/vendor/redb/src/x.rs"), Owner::Library);
        assert_eq!(of("std::thread::spawn", "/rustc/abc/library/std/src/thread/mod.rs"), Owner::Machinery);
        assert_eq!(of("<app::Job as core::future::future::Future>::poll", "/work/app/src/job.rs"), Owner::Own);
        assert_eq!(of("<afterlife_sim::abi::memory::Memory as x>::y", "/work/sim/src/x.rs"), Owner::Machinery);
        assert_eq!(of("install_at", &format!("{HERE}/sim/src/kernel/descriptor.rs")), Owner::Machinery);
        assert_eq!(of("{async_block#0}", &format!("{HERE}/tests/stock_axum.rs")), Owner::Own);
        assert_eq!(of("afterlife_scenarios::raft_master::x", "/work/scenarios/src/x.rs"), Owner::Own);
        assert_eq!(of("__rust_try", ""), Owner::Machinery);
        assert_eq!(of("app::main", ""), Owner::Unknown);
        assert_eq!(of("<core::pin::Pin<P> as Future>::poll", ""), Owner::Machinery);
    }

    #[test]
    fn the_innermost_frame_outside_the_machinery_is_the_maker() {
        let tokio = |function: &str, file: &str| frame(function, &format!("{REGISTRY}/tokio-1.54.0/src/{file}"));
        let cell = tokio("{impl#0}::new", "runtime/task/core.rs");
        let spawn = tokio("tokio::task::spawn::spawn", "task/spawn.rs");
        let pool = tokio("tokio::runtime::blocking::pool::Spawner::spawn", "runtime/blocking/pool.rs");
        let allocate = frame("__rustc::__rust_alloc", "src/main.rs");
        let hyper = frame("hyper_util::rt::Executor::execute", &format!("{REGISTRY}/hyper-util-0.1.1/src/rt.rs"));
        let own = frame("app::handler::{{closure}}", "src/app.rs");
        let of = |frames: &[&Frame]| maker_of(&frames.iter().copied().cloned().collect::<Vec<_>>()).0;
        let task = |frames: &[&Frame]| spawner_of(&frames.iter().copied().cloned().collect::<Vec<_>>());
        assert_eq!(of(&[&spawn, &own, &hyper]), Maker::Own(own.clone()));
        assert_eq!(of(&[&spawn, &hyper, &own]), Maker::Other);
        assert_eq!(task(&[&allocate, &cell, &spawn, &own]), Maker::Own(own.clone()));
        assert_eq!(task(&[&allocate, &spawn, &own]), Maker::Other, "a channel");
        assert_eq!(task(&[&cell, &pool, &spawn, &own]), Maker::Other, "it is waited for");
        assert_eq!(of(&[&spawn]), Maker::Other);
        assert_eq!(of(&[]), Maker::Other);
    }

    #[test]
    fn a_function_is_named_without_its_generic_arguments() {
        assert_eq!(short("app::spawn::<app::Job<u8>>"), "app::spawn");
        assert_eq!(short("<app::Log<u8>>::write"), "app::Log::write");
        assert_eq!(short("app::handler::{closure#0}"), "app::handler::{closure#0}");
    }
}
