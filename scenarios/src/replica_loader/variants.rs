//! The known ways in which the bulk loader's releases break. `docs/variants.md` says how many runs it takes to meet
//! each.

use crate::variant;
use afterlife::{Build, Variant};

const USE: &str = "no-use-after-teardown";
const STALE: &str = "no-stale-epoch-effect";
const JOINED: &str = "joined-before-teardown";

pub(super) const VARIANTS: &[Variant] = &[
    variant("case 1", Build::Shipped, "a new role clears the files under a download", &[USE, "files", "a new role"]),
    variant(
        "case 2",
        Build::Shipped,
        "a file is missing or damaged, and every replica is cleared",
        &[USE, "files", "the app's failure"],
    ),
    variant("case 3", Build::Shipped, "a cancel clears the files under a download", &[USE, "files", "a cancel"]),
    variant(
        "case 4",
        Build::Shipped,
        "a load resumes after a pause, and clears the files under a task that never stopped",
        &[USE, "files", "a resume after a pause"],
    ),
    variant("case 5", Build::Shipped, "a rollback clears the files under a task", &[USE, "files", "a rollback from"]),
    variant("cases 1 to 4, I4", Build::Shipped, "a clear returns while a download runs", &[JOINED, "task download"]),
    variant("cases 1 to 4, I4", Build::Patched, "a clear returns while a download runs", &[JOINED, "task download"]),
    variant("case 5, I4", Build::Shipped, "a rollback clears under the task that ingests", &[JOINED, "task ingest"]),
    variant("case 5, I4", Build::Patched, "a rollback clears under the task that ingests", &[JOINED, "task ingest"]),
    variant("all of them", Build::Shipped, "a node dies that no fault has struck", &["blast-radius", "replica"]),
    variant("R1", Build::Patched, "an old chain's bytes count for the new round", &[STALE, "download progress"]),
    variant("R1, I11", Build::Shipped, "progress jumps past 100, or is 100 with files missing", &["honest-progress"]),
    variant("R1, I11", Build::Patched, "progress jumps past 100, or is 100 with files missing", &["honest-progress"]),
    variant("R2", Build::Shipped, "an old chain's failure counts for the new round", &[STALE, "download status"]),
    variant("R2", Build::Patched, "an old chain's failure counts for the new round", &[STALE, "download status"]),
    variant("R5", Build::Shipped, "two chains write one file", &["always", "one task at a time writes"]),
    variant("R5", Build::Patched, "two chains write one file", &["always", "one task at a time writes"]),
    variant("slots", Build::Patched, "the node's count differs from the slots held", &["slots-conserved"]),
];
