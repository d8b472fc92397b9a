//! The command `show`.

use crate::cli::arguments::{Format, Show};
use crate::cli::context::{human, root};
use crate::failure::record::Shelf;
use crate::model::refusal::Refusal;
use crate::model::verdict::Verdict;
use crate::report::{Line, Paste, Tone, page, sockets, timeline, traced};
use crate::search::settings::Settings;

/// What a timeline is called, in the folder of its finding.
const TIMELINE: &str = "timeline.html";

pub(in crate::cli) fn show_finding(show: &Show, settings: &Settings) -> Result<Verdict, Refusal> {
    let place = Shelf::at(root(show.what.out.clone(), settings)).find(&show.what.what)?;
    match show.format {
        Format::Text => {
            let (found, saved) = Shelf::read(&place)?;
            let mut lines = page(&found, Some(&saved), &Paste::of_this_program());
            if show.sockets {
                lines.extend(sockets(&found));
            }
            lines.extend(show.log.iter().flat_map(|filter| traced(&found.record, filter)));
            human().print(&lines);
        }
        Format::Json => Shelf::copy(&place, &mut std::io::stdout().lock())?,
        Format::Html => {
            let (found, saved) = Shelf::read(&place)?;
            let replay = match found.is_ours() {
                true => Paste::of_this_program().replay(&found.finding.token),
                false => found.finding.token.clone(),
            };
            let written = saved.write_beside(TIMELINE, &timeline(&found, &replay))?;
            human().print(&[Line::of(Tone::Plain, written.display().to_string())]);
        }
    }
    Ok(Verdict::Held)
}
