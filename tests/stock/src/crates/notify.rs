//! notify: a watch on a folder, through inotify on Linux.

use crate::row::{Row, Verdict};
use afterlife::Sim;
use notify::{RecursiveMode, Watcher};
use std::path::Path;

pub(crate) const ROW: Row = Row {
    name: "notify",
    crates: &["notify"],
    does: "a watch on a folder of the node's disk",
    verdict: Verdict::Refused { why: "the simulation does not support inotify", says: "inotify_init1" },
    seeds: 1,
    script,
};

fn script(sim: &mut Sim) {
    sim.client("watcher", |_| async {
        std::fs::create_dir("/watched")?;
        let (events, received) = std::sync::mpsc::channel();
        let mut watcher = notify::recommended_watcher(events)?;
        watcher.watch(Path::new("/watched"), RecursiveMode::Recursive)?;
        std::fs::write("/watched/file", "new")?;
        received.recv()??;
        Ok(())
    });
}
