//! The ways in which the proxy's releases break.
//! How many runs each takes, `docs/variants.md` says.

use crate::variant;
use afterlife::{Build, Variant};

const USE: &str = "no-use-after-teardown";

pub(super) const VARIANTS: &[Variant] = &[
    variant(
        "P1",
        Build::Shipped,
        "a stop in phase 2 deletes a pointer that nobody wrote",
        &["no-use-before-init", "AdminHTTPServer"],
    ),
    variant("P2", Build::Shipped, "a group-replication thread uses a deleted monitor", &[USE, "GloMyMon"]),
    variant(
        "P2, I4",
        Build::Shipped,
        "the monitor is deleted under a connect",
        &["joined-before-teardown", "GloMyMon"],
    ),
    variant(
        "P2, I4",
        Build::Patched,
        "the monitor is deleted under a connect",
        &["joined-before-teardown", "GloMyMon"],
    ),
    variant("#5256", Build::Patched, "one more look at the flag is no join", &[USE, "GloMyMon"]),
    variant(
        "P2 (i)",
        Build::Patched,
        "a group-replication thread that fetched uses the pool, or the hostgroups manager, after their end",
        &[USE, "group-replication", "after a fetch"],
    ),
    variant("P3", Build::Shipped, "a session is made of what accept refused", &["always", "socket"]),
    variant("P3", Build::Patched, "a session is made of what accept refused", &["always", "socket"]),
    variant("P4", Build::Shipped, "a detached thread logs after the filters' destructor", &[USE, "debug_filters"]),
    variant("Admin", Build::Patched, "a detached thread uses Admin after its end", &[USE, "GloAdmin"]),
    variant(
        "databases",
        Build::Patched,
        "a detached thread uses one of Admin's databases after its end",
        // `admindb`, `statsdb` and the others: nothing else is called so.
        &[USE, "db", "proxy/admin.rs"],
    ),
    variant(
        "GloMTH",
        Build::Patched,
        "a detached thread uses the worker threads' handler after its end",
        &[USE, "GloMTH"],
    ),
    variant(
        "HTTP server",
        Build::Patched,
        "a daemon uses its HTTP server after Admin has deleted it",
        &[USE, "AdminHTTPServer"],
    ),
    variant(
        "start argument",
        Build::Patched,
        "the coordinator's vector goes, with the arguments of threads that begin",
        &[USE, "threads_info"],
    ),
    variant("lost TERM", Build::Shipped, "a TERM during a restart is swallowed", &["bounded-shutdown"]),
    variant("lost TERM", Build::Patched, "a TERM during a restart is swallowed", &["bounded-shutdown"]),
    variant("accept", Build::Patched, "an accept loop goes round while no descriptor is left", &["no-spin", "proxy"]),
    variant("peers", Build::Patched, "a proxy dies of another's stop", &["blast-radius", "proxy"]),
];
