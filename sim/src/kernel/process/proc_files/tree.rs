//! The trees of `/proc` and `/sys` as a process finds them now. They are listed afresh whenever a path may lead into one.

use super::content::{MACHINE, Maker, OF_GROUP, OF_PROCESS, OF_THREAD, number};
use super::descriptors::links;
use crate::kernel::dispatch::Kernel;
use crate::kernel::fs::disk::PseudoKind;
use crate::kernel::sched::thread::ThreadId;
use std::collections::BTreeSet;

/// The path of a node's program, which is no file of its disk.
pub(super) fn program(node: &str) -> String {
    format!("/usr/local/bin/{node}")
}

/// A tree under construction: a directory is added before its first entry.
#[derive(Default)]
struct Tree {
    files: Vec<(String, PseudoKind)>,
    directories: BTreeSet<String>,
}

impl Tree {
    fn directory(&mut self, path: &str) {
        if path.is_empty() || self.directories.contains(path) {
            return;
        }
        if let Some((above, _)) = path.rsplit_once('/') {
            self.directory(above);
        }
        self.directories.insert(path.to_owned());
        self.files.push((path.to_owned(), PseudoKind::Directory));
    }

    fn add(&mut self, path: String, kind: PseudoKind) {
        if let Some((above, _)) = path.rsplit_once('/') {
            self.directory(above);
        }
        self.files.push((path, kind));
    }

    fn link(&mut self, path: String, target: impl Into<String>) {
        self.add(path, PseudoKind::Link(target.into()));
    }

    /// Adds files, whose paths continue this one.
    fn files(&mut self, under: &str, makers: &[(&str, Maker)], first: usize, thread: Option<u32>) {
        for (index, (path, _)) in makers.iter().enumerate() {
            self.add(format!("{under}{path}"), PseudoKind::File(number(first + index, thread)));
        }
    }
}

impl Kernel {
    /// Lists the pseudo files for a thread, which is about to look for one.
    pub(crate) fn list_pseudo_files(&mut self, me: ThreadId) {
        let node = self.sched[me].node();
        let own = format!("/proc/{}", self.process_number(node));
        let mut tree = Tree::default();
        tree.link("/proc/self".to_owned(), &own["/proc/".len()..]);
        tree.link(
            "/proc/thread-self".to_owned(),
            format!("{}/task/{}", &own["/proc/".len()..], self.thread_number(me)),
        );
        tree.link("/proc/mounts".to_owned(), "self/mounts");
        tree.link("/proc/net".to_owned(), "self/net");
        tree.files("", &MACHINE, 0, None);
        if self.process[node].memory().budget().is_some() {
            tree.files("", &OF_GROUP, MACHINE.len(), None);
        }
        tree.files(&own, &OF_PROCESS, MACHINE.len() + OF_GROUP.len(), None);
        tree.link(format!("{own}/exe"), program(self.process[node].name()));
        tree.link(format!("{own}/root"), "/");
        let storage = self.process[node].storage();
        let directory = storage.used().and_then(|disk| disk.directory_path(storage.working_directory()).ok());
        let directory = directory.map_or("/".to_owned(), |path| String::from_utf8_lossy(&path).into_owned());
        tree.link(format!("{own}/cwd"), directory);
        tree.directory(&format!("{own}/fd"));
        for (fd, target) in links(self, node) {
            tree.link(format!("{own}/fd/{fd}"), target);
        }
        for thread in self.live_threads(node).collect::<Vec<_>>() {
            let number = self.sched[thread].number();
            let under = format!("{own}/task/{}", self.thread_number(thread));
            tree.files(&under, &OF_THREAD, MACHINE.len() + OF_GROUP.len() + OF_PROCESS.len(), Some(number));
        }
        self.process[node].disk().list_pseudo_files(tree.files);
    }
}
