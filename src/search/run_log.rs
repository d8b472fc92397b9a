//! The log of a finding's run: the lines that its programs traced, for the record.
//! Tracing runs code that is otherwise skipped, so the log counts only if the run stays the same.

use crate::failure::failing_run::FailingRun;
use crate::failure::token::Token;
use crate::run::log_filter::RECORDED;
use crate::run::request::{Ended, Request};
use crate::runner::{Executor, RunnerError};

/// Adds the traced lines to a finding, if its run is the same with tracing as without.
pub(crate) fn with_log(executor: &dyn Executor, mut failure: FailingRun) -> Result<FailingRun, RunnerError> {
    let Ok(token) = failure.finding.token.parse::<Token>() else { return Ok(failure) };
    // A run that a crash ended already has the printed lines. One more run of an endless loop would take too long.
    if failure.ended != Ended::Whole || failure.record.events.is_empty() {
        return Ok(failure);
    }
    let again = match executor.fresh(&Request { log: Some(RECORDED.to_owned()), ..token.request(true) }) {
        // A campaign that is asked to end still reports what it has found.
        Err(RunnerError::Interrupted(_)) => return Ok(failure),
        again => again?,
    };
    if let (true, Some(record)) = (again.digest == failure.finding.digest, again.record) {
        failure.record.lines = record.lines;
    }
    Ok(failure)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::failure::sample::use_after_teardown;
    use crate::run::request::Reply;
    use crate::runner::fake::{Fake, held};
    use afterlife_sim::event::{Digest, NodeId};
    use afterlife_sim::{LogLine, Source};

    fn traced(request: &Request, digest: Digest) -> Reply {
        assert_eq!(request.log.as_deref(), Some(RECORDED));
        let mut record = use_after_teardown().record;
        record.lines.push(LogLine {
            events: 1,
            time_ns: 2,
            node: NodeId(0),
            incarnation: 1,
            thread: 0,
            source: Source::Info,
            target: "app".to_owned(),
            text: "listening".to_owned(),
        });
        Reply { digest, record: Some(record), ..held(request) }
    }

    #[test]
    fn traced_lines_come_from_the_same_run_or_not_at_all() {
        let failure = use_after_teardown();
        let digest = failure.finding.digest;
        let lines = |digest| {
            let executor = Fake(|request: &Request, _| traced(request, digest));
            with_log(&executor, failure.clone()).expect("the fake refuses nothing").record.lines.len()
        };
        assert_eq!((lines(digest), lines(Digest(0, 0))), (1, 0));
    }
}
