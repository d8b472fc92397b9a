//! The evidence of a failure: causes, call sites, hangs, socket states, records; and what nobody vouches for.

mod call_sites;
mod causes;
mod hangs;
mod records;
mod socket_states;
mod untrusted;

use crate::harness::Module;

/// The modules of this folder.
pub(crate) fn modules() -> Vec<Module> {
    vec![
        causes::module(),
        call_sites::module(),
        hangs::module(),
        socket_states::module(),
        records::module(),
        untrusted::module(),
    ]
}
