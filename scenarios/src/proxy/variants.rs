//! The known ways in which the proxy's releases break.
//! `docs/variants.md` says how many runs it takes to find each.

use crate::variant::variant;
use afterlife::{Build, Variant};

const USE: &str = "no-use-after-teardown";

pub(super) const VARIANTS: &[Variant] = &[
    variant(
        "P1",
        Build::Shipped,
        "a stop in phase 2 deletes an uninitialised pointer",
        &["no-use-before-init", "AdminHTTPServer"],
    ),
    variant("P2", Build::Shipped, "a group-replication thread uses the deleted monitor", &[USE, "GloMyMon"]),
    variant(
        "P2, I4",
        Build::Shipped,
        "the monitor is deleted during a connect",
        &["joined-before-teardown", "GloMyMon"],
    ),
    variant(
        "P2, I4",
        Build::Patched,
        "the monitor is deleted during a connect",
        &["joined-before-teardown", "GloMyMon"],
    ),
    variant("#5256", Build::Patched, "another check of the flag does not replace a join", &[USE, "GloMyMon"]),
    variant(
        "P2 (i)",
        Build::Patched,
        "after a fetch, a group-replication thread uses the deleted pool or hostgroups manager",
        &[USE, "group-replication", "after a fetch"],
    ),
    variant("P3", Build::Shipped, "a session is made from a failed accept", &["always", "socket"]),
    variant("P3", Build::Patched, "a session is made from a failed accept", &["always", "socket"]),
    variant("P4", Build::Shipped, "a detached thread logs after the filters' destructor", &[USE, "debug_filters"]),
    variant("Admin", Build::Patched, "a detached thread uses the deleted Admin", &[USE, "GloAdmin"]),
    variant(
        "databases",
        Build::Patched,
        "a detached thread uses one of Admin's deleted databases",
        // `admindb`, `statsdb` and the others; no other subject has this name.
        &[USE, "db", "proxy/admin.rs"],
    ),
    variant(
        "GloMTH",
        Build::Patched,
        "a detached thread uses the deleted handler of the worker threads",
        &[USE, "GloMTH"],
    ),
    variant(
        "HTTP server",
        Build::Patched,
        "the daemon uses its HTTP server after Admin has deleted it",
        &[USE, "AdminHTTPServer"],
    ),
    variant(
        "start argument",
        Build::Patched,
        "the coordinator's vector is freed with the arguments of starting threads",
        &[USE, "threads_info"],
    ),
    variant("lost TERM", Build::Shipped, "a TERM during a restart is lost", &["bounded-shutdown"]),
    variant("lost TERM", Build::Patched, "a TERM during a restart is lost", &["bounded-shutdown"]),
    variant(
        "accept",
        Build::Patched,
        "an accept loop spins while the process is out of descriptors",
        &["no-spin", "proxy"],
    ),
    variant("peers", Build::Patched, "a proxy dies when another one stops", &["blast-radius", "proxy"]),
];
