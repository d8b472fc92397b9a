//! The known ways in which the proxy's releases break.
//! `docs/variants.md` says how many runs it takes to find each.

use crate::release::{PATCHED, SHIPPED};
use crate::variant::variant;
use afterlife::Variant;

const USE: &str = "no-use-after-teardown";

pub(super) const VARIANTS: &[Variant] = &[
    variant(
        "P1",
        SHIPPED,
        "a stop in phase 2 deletes an uninitialised pointer",
        &["no-use-before-init", "AdminHTTPServer"],
    ),
    variant("P2", SHIPPED, "a group-replication thread uses the deleted monitor", &[USE, "GloMyMon"]),
    variant("P2, I4", SHIPPED, "the monitor is deleted during a connect", &["joined-before-teardown", "GloMyMon"]),
    variant("P2, I4", PATCHED, "the monitor is deleted during a connect", &["joined-before-teardown", "GloMyMon"]),
    variant("#5256", PATCHED, "another check of the flag does not replace a join", &[USE, "GloMyMon"]),
    variant(
        "P2 (i)",
        PATCHED,
        "after a fetch, a group-replication thread uses the deleted pool or hostgroups manager",
        &[USE, "group-replication", "after a fetch"],
    ),
    variant("P3", SHIPPED, "a session is made from a failed accept", &["always", "socket"]),
    variant("P3", PATCHED, "a session is made from a failed accept", &["always", "socket"]),
    variant("P4", SHIPPED, "a detached thread logs after the filters' destructor", &[USE, "debug_filters"]),
    variant("Admin", PATCHED, "a detached thread uses the deleted Admin", &[USE, "GloAdmin"]),
    variant(
        "databases",
        PATCHED,
        "a detached thread uses one of Admin's deleted databases",
        // `admindb`, `statsdb` and the others; no other subject has this name.
        &[USE, "db", "proxy/admin.rs"],
    ),
    variant("GloMTH", PATCHED, "a detached thread uses the deleted handler of the worker threads", &[USE, "GloMTH"]),
    variant(
        "HTTP server",
        PATCHED,
        "the daemon uses its HTTP server after Admin has deleted it",
        &[USE, "AdminHTTPServer"],
    ),
    variant(
        "start argument",
        PATCHED,
        "the coordinator's vector is freed with the arguments of starting threads",
        &[USE, "threads_info"],
    ),
    variant("lost TERM", SHIPPED, "a TERM during a restart is lost", &["bounded-shutdown"]),
    variant("lost TERM", PATCHED, "a TERM during a restart is lost", &["bounded-shutdown"]),
    variant("accept", PATCHED, "an accept loop spins while the process is out of descriptors", &["no-spin", "proxy"]),
    variant("peers", PATCHED, "a proxy dies when another one stops", &["blast-radius", "proxy"]),
];
