//! The command `show`: a record as text, JSON or HTML.

use crate::cli::arguments::{Format, Show};
use crate::cli::context::{human, paste, root};
use crate::cli::output::output;
use crate::failure::record::RecordStore;
use crate::model::refusal::Refusal;
use crate::model::verdict::Verdict;
use crate::report::{Line, Tone, page, sockets, timeline, traced};
use crate::search::settings::Settings;

/// The file name of a timeline, in the folder of its finding.
const TIMELINE: &str = "timeline.html";

pub(in crate::cli) fn show_finding(show: &Show, settings: &Settings) -> Result<Verdict, Refusal> {
    let root = root(show.what.out.clone(), settings);
    let place = RecordStore::at(root.clone()).find(&show.what.what)?;
    let paste = paste(&root, settings);
    match show.format {
        Format::Text => {
            let (failure, saved) = RecordStore::read(&place)?;
            let mut lines = page(&failure, Some(&saved), &paste);
            if show.sockets {
                lines.extend(sockets(&failure));
            }
            lines.extend(show.log.iter().flat_map(|filter| traced(&failure.record, filter)));
            human().print(&lines);
        }
        Format::Json => RecordStore::copy(&place, &mut output())?,
        Format::Html => {
            let (failure, saved) = RecordStore::read(&place)?;
            let replay = paste.of_finding(saved.test.as_ref()).replay_of(&failure);
            let written = saved.write_beside(TIMELINE, &timeline(&failure, &replay))?;
            human().print(&[Line::of(Tone::Plain, written.display().to_string())]);
        }
    }
    Ok(Verdict::Held)
}
