//! A test with a reporter of its own, which receives the campaign from its beginning to its end.

use afterlife::{CampaignOptions, CampaignOutcome, FailingRun, Reporter, SavedRecord, Sim};

/// Checks each call against those before it. `#[afterlife::test]` drops it at the end of the campaign.
#[derive(Default)]
struct Checked {
    begun: bool,
    runs: u64,
    ended: bool,
}

impl Reporter for Checked {
    fn begin(&mut self, options: &CampaignOptions) {
        assert_eq!((options.scenario(), options.runs()), ("a_client_ends", Some(5)));
        self.begun = true;
    }

    fn progress(&mut self, runs: u64, findings: usize) {
        assert_eq!((runs, findings), (self.runs + 1, 0));
        self.runs = runs;
    }

    fn failure(&mut self, failure: &FailingRun, _: &SavedRecord) {
        panic!("nothing breaks here:\n{}", failure.story());
    }

    fn end(&mut self, outcome: &CampaignOutcome) {
        assert!(self.begun && outcome.held() && outcome.findings().count() == 0);
        assert_eq!((outcome.runs(), self.runs), (5, 5));
        self.ended = true;
    }
}

impl Drop for Checked {
    fn drop(&mut self) {
        assert!(self.ended || !self.begun || std::thread::panicking(), "the end was not reported");
    }
}

#[afterlife::test(seeds = 5, reporter = Checked::default())]
fn a_client_ends(sim: &mut Sim) {
    sim.client("client", |_| async { Ok(()) });
}
