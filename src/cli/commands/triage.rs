//! The command `triage`: what many nights and shards left, one paragraph for each signature.
//! It reads records; it runs nothing.

use crate::cli::context::human;
use crate::failure::failing_run::FailingRun;
use crate::failure::record::RecordStore;
use crate::model::refusal::Refusal;
use crate::model::verdict::Verdict;
use crate::model::violation::Signature;
use crate::report::{Paste, triaged};
use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};

/// How deep records lie at most below a folder that is named: an artifact's, the output's, the scenario's, the finding's.
const DEPTH_MAX: usize = 5;

/// Carries out `triage`.
pub(in crate::cli) fn triage(folders: &[PathBuf]) -> Result<Verdict, Refusal> {
    let mut groups: BTreeMap<Signature, Vec<(FailingRun, PathBuf)>> = BTreeMap::new();
    let mut others = Vec::new();
    for folder in folders.iter().flat_map(|folder| findings(folder, DEPTH_MAX)) {
        match RecordStore::read(&folder) {
            Ok((failure, _)) => groups.entry(failure.finding.signature.clone()).or_default().push((failure, folder)),
            // One that another build wrote says nothing about the rest.
            Err(error) => others.push(error.to_string()),
        }
    }
    if groups.is_empty() && others.is_empty() {
        let named: Vec<_> = folders.iter().map(|folder| folder.display().to_string()).collect();
        return Err(Refusal::new(
            format!("there is no finding in {}", named.join(", ")),
            "name folders that `--out` named",
        ));
    }
    let mut groups: Vec<_> = groups.into_values().collect();
    // What came up most often first; of each, the smallest plan first, because it says most.
    for group in &mut groups {
        group.sort_by_key(|(failure, folder)| {
            (failure.injections().unwrap_or(usize::MAX), failure.totals.events, folder.clone())
        });
    }
    groups.sort_by_key(|group| std::cmp::Reverse(group.len()));
    human().print(&triaged(&groups, &others, &Paste::of_this_program()));
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
