//! The known ways in which the bulk loader's releases break. `docs/variants.md` says how many runs it takes to meet
//! each.

use crate::release::{PATCHED, SHIPPED};
use crate::variant;
use afterlife::Variant;

const USE: &str = "no-use-after-teardown";
const STALE: &str = "no-stale-epoch-effect";
const JOINED: &str = "joined-before-teardown";

pub(super) const VARIANTS: &[Variant] = &[
    variant("case 1", SHIPPED, "a new role clears the files under a download", &[USE, "files", "a new role"]),
    variant(
        "case 2",
        SHIPPED,
        "a file is missing or damaged, and every replica is cleared",
        &[USE, "files", "the app's failure"],
    ),
    variant("case 3", SHIPPED, "a cancel clears the files under a download", &[USE, "files", "a cancel"]),
    variant(
        "case 4",
        SHIPPED,
        "a load resumes after a pause, and clears the files under a task that never stopped",
        &[USE, "files", "a resume after a pause"],
    ),
    variant("case 5", SHIPPED, "a rollback clears the files under a task", &[USE, "files", "a rollback from"]),
    variant("cases 1 to 4, I4", SHIPPED, "a clear returns while a download runs", &[JOINED, "task download"]),
    variant("cases 1 to 4, I4", PATCHED, "a clear returns while a download runs", &[JOINED, "task download"]),
    variant("case 5, I4", SHIPPED, "a rollback clears under the task that ingests", &[JOINED, "task ingest"]),
    variant("case 5, I4", PATCHED, "a rollback clears under the task that ingests", &[JOINED, "task ingest"]),
    variant("all of them", SHIPPED, "a node dies that no fault has struck", &["blast-radius", "replica"]),
    variant("R1", PATCHED, "an old chain's bytes count for the new round", &[STALE, "download progress"]),
    variant("R1, I11", SHIPPED, "progress jumps past 100, or is 100 with files missing", &["honest-progress"]),
    variant("R1, I11", PATCHED, "progress jumps past 100, or is 100 with files missing", &["honest-progress"]),
    variant("R2", SHIPPED, "an old chain's failure counts for the new round", &[STALE, "download status"]),
    variant("R2", PATCHED, "an old chain's failure counts for the new round", &[STALE, "download status"]),
    variant("R5", SHIPPED, "two chains write one file", &["always", "one task at a time writes"]),
    variant("R5", PATCHED, "two chains write one file", &["always", "one task at a time writes"]),
    variant("slots", PATCHED, "the node's count differs from the slots held", &["slots-conserved"]),
];
