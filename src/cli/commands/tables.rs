//! The commands `variants` and `engines`, which print tables.

use crate::cli::arguments::{Engines, Variants};
use crate::cli::context::pool;
use crate::cli::output::{complain, output};
use crate::cli::select;
use crate::model::build::Build;
use crate::model::refusal::Refusal;
use crate::model::verdict::Verdict;
use crate::model::visible::visible;
use crate::scenario::definition::Scenario;
use crate::search::engines;
use crate::search::variants::{expose, markdown};
use std::io::Write;

/// Writes the table of variants to standard output, and progress to standard error.
pub(in crate::cli) fn table_of_variants(scenarios: &[Scenario], arguments: &Variants) -> Result<Verdict, Refusal> {
    let chosen = select::matching(scenarios, arguments.filter.as_deref())?;
    if chosen.iter().all(|scenario| scenario.known_variants().is_empty()) {
        return Err(Refusal::new("these scenarios declare no variants", "declare them with `Scenario::variants`")
            .ending(Verdict::NothingMatched));
    }
    let mut progress = |scenario: &Scenario, build: Build, campaign: u64| {
        complain(&format!("{} {build}: campaign {campaign} of {}", scenario.name(), arguments.campaigns));
    };
    let (campaigns, runs_max) = (arguments.campaigns, arguments.runs);
    let table = expose(&chosen, &pool(arguments.jobs)?, campaigns, runs_max, &mut progress)?;
    print_table(&markdown(&table, runs_max));
    Ok(Verdict::Held)
}

/// Writes the findings of each engine to standard output, and progress to standard error.
pub(in crate::cli) fn table_of_engines(scenarios: &[Scenario], arguments: &Engines) -> Result<Verdict, Refusal> {
    let chosen = select::matching(scenarios, arguments.filter.as_deref())?;
    let mut all = Vec::new();
    for path in &arguments.beside {
        all.extend(engines::read(path)?);
    }
    let mut progress = |scenario: &Scenario, build: Build, campaign: u64| {
        let (name, engine) = (scenario.name(), scenario.engine());
        complain(&format!("{name} {build} on {engine}: campaign {campaign} of {}", arguments.campaigns));
    };
    let (campaigns, runs_max) = (arguments.campaigns, arguments.runs);
    let own = engines::across(&chosen, &pool(arguments.jobs)?, campaigns, runs_max, &mut progress)?;
    all.splice(0..0, own);
    print_table(&if arguments.lines { engines::lines(&all) } else { engines::markdown(&all) });
    Ok(Verdict::Held)
}

/// Prints a table. Its lines may come from the file of another build.
fn print_table(table: &str) {
    let mut output = output();
    for line in table.lines() {
        // The output remembers its errors.
        let _ = writeln!(output, "{}", visible(line));
    }
}
