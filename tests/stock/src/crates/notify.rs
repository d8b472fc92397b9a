//! notify: a watch on a folder, which Linux does by inotify.

use crate::row::{Row, Verdict};
use afterlife::Sim;
use notify::{RecursiveMode, Watcher};
use std::path::Path;

pub(crate) const ROW: Row = Row {
    name: "notify",
    crates: &["notify"],
    does: "a watch on a folder of the node's disk",
    verdict: Verdict::Refused { why: "the room has no inotify", says: "inotify_init1" },
    seeds: 1,
    script,
};

fn script(sim: &mut Sim) {
    sim.client("watcher", |_| async {
        std::fs::create_dir("/watched")?;
        let (said, heard) = std::sync::mpsc::channel();
        let mut watcher = notify::recommended_watcher(said)?;
        watcher.watch(Path::new("/watched"), RecursiveMode::Recursive)?;
        std::fs::write("/watched/file", "new")?;
        heard.recv()??;
        Ok(())
    });
}
