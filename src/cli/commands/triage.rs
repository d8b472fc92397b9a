//! The command `triage`: the records of many nights and shards, one paragraph per signature. It runs nothing.

use crate::cli::context::{human, paste, root};
use crate::failure::record::RecordStore;
use crate::model::refusal::Refusal;
use crate::model::verdict::Verdict;
use crate::model::violation::Signature;
use crate::report::{Triaged, triaged};
use crate::run::request::Record;
use crate::search::settings::Settings;
use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};

/// The greatest depth of records below a named folder: the artifact, the output, the scenario, the finding.
const DEPTH_MAX: usize = 5;

/// Carries out `triage`. Without a folder, it reads the findings of this program or workspace.
pub(in crate::cli) fn triage(folders: &[PathBuf], settings: &Settings) -> Result<Verdict, Refusal> {
    let root = root(None, settings);
    let folders = if folders.is_empty() { std::slice::from_ref(&root) } else { folders };
    let mut groups: BTreeMap<Signature, Vec<Triaged>> = BTreeMap::new();
    let mut others = Vec::new();
    for folder in folders.iter().flat_map(|folder| findings(folder, DEPTH_MAX)) {
        match RecordStore::read(&folder) {
            Ok((mut failure, saved)) => {
                // Only the finding counts here, and a hundred runs would fill the memory.
                failure.record = Record::default();
                let written = RecordStore::time_of(&folder);
                let group = groups.entry(failure.finding.signature.clone()).or_default();
                group.push(Triaged { failure, folder, written, test: saved.test });
            }
            // A record of another build does not affect the rest.
            Err(error) => others.push(error.to_string()),
        }
    }
    if groups.is_empty() && others.is_empty() {
        let named: Vec<_> = folders.iter().map(|folder| folder.display().to_string()).collect();
        return Err(Refusal::new(
            format!("no findings in {}", named.join(", ")),
            "name folders that were given to --out",
        ));
    }
    let mut groups: Vec<_> = groups.into_values().collect();
    // The most frequent first. Within a group, the smallest plan first, because it is the clearest.
    for group in &mut groups {
        group.sort_by_key(|Triaged { failure, folder, .. }| {
            (failure.injections().unwrap_or(usize::MAX), failure.totals.events, folder.clone())
        });
    }
    groups.sort_by_key(|group| std::cmp::Reverse(group.len()));
    human().print(&triaged(&groups, &others, &paste(&root, settings)));
    Ok(Verdict::Held)
}

/// The folders of findings in a folder, in order.
fn findings(folder: &Path, depth_max: usize) -> Vec<PathBuf> {
    if RecordStore::is_of_a_finding(folder) {
        return vec![folder.to_owned()];
    }
    let entries = fs::read_dir(folder).into_iter().flatten().flatten();
    let mut inside: Vec<PathBuf> = entries.map(|entry| entry.path()).filter(|path| path.is_dir()).collect();
    inside.sort();
    match depth_max {
        0 => Vec::new(),
        depth => inside.iter().flat_map(|folder| findings(folder, depth - 1)).collect(),
    }
}
