//! The command `audit`: claims checked on a log or a record.

use crate::cli::context::human;
use crate::failure::record::RecordStore;
use crate::model::refusal::Refusal;
use crate::model::verdict::Verdict;
use crate::report::plural;
use crate::watch::audit;
use std::path::Path;

/// Checks the claims on a log.
pub(in crate::cli) fn audit_log(log: &Path) -> Result<Verdict, Refusal> {
    let refused = |error: std::io::Error| {
        Refusal::new(format!("{}: {error}", log.display()), "name a file of JSON lines, or `-` for standard input")
    };
    if RecordStore::is_record(log) {
        return print_audit(&audit::audit_record(log)?, log);
    }
    let audit = if log.as_os_str() == "-" {
        audit::audit(std::io::stdin().lock())
    } else {
        std::fs::File::open(log).and_then(|file| audit::audit(std::io::BufReader::new(file)))
    };
    print_audit(&audit.map_err(refused)?, log)
}

fn print_audit(audit: &audit::Audit, log: &Path) -> Result<Verdict, Refusal> {
    if audit.record.events.is_empty() && audit.of_the_run.is_none() {
        let lines = plural(audit.lines, "line");
        return Err(Refusal::new(
            format!("{} has no facts in {lines}", log.display()),
            "build with the probe's feature `tracing`, and log target `afterlife` at level TRACE",
        ));
    }
    let broke = !audit.violations.is_empty() || audit.of_the_run.is_some();
    human().print(&audit::audited(audit, &log.display().to_string()));
    Ok(if broke { Verdict::Broke } else { Verdict::Held })
}
