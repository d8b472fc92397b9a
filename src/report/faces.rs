//! Several faces at once: each hears everything, in this order.
//! It shows nothing itself.

use crate::failure::failing_run::Found;
use crate::failure::record::Saved;
use crate::search::campaign::{Face, Order, Outcome};

/// Faces that hear of the same campaigns.
pub(crate) struct Faces<'a>(pub(crate) Vec<&'a mut dyn Face>);

impl Face for Faces<'_> {
    fn begins(&mut self, order: &Order) {
        self.0.iter_mut().for_each(|face| face.begins(order));
    }

    fn progress(&mut self, runs: u64, findings: usize) {
        self.0.iter_mut().for_each(|face| face.progress(runs, findings));
    }

    fn found(&mut self, found: &Found, saved: &Saved) {
        self.0.iter_mut().for_each(|face| face.found(found, saved));
    }

    fn ends(&mut self, outcome: &Outcome) {
        self.0.iter_mut().for_each(|face| face.ends(outcome));
    }
}
