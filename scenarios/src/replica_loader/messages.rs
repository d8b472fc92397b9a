//! The messages between the processes, in upstream's terms. Upstream speaks Thrift; these are JSON lines.

use serde::{Deserialize, Serialize};

/// A partition's number. There is one app.
pub type Pid = u32;

/// A replica's role, as the replica itself sees it: `partition_status`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(super) enum Role {
    Inactive,
    PotentialSecondary,
    Secondary,
    Primary,
}

/// `bulk_load_status`: the status of the app and its partitions on the meta server, and of one replica on its node.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub enum BulkLoadStatus {
    /// There is no bulk load.
    Invalid,
    /// Files are being downloaded.
    Downloading,
    /// All files have been downloaded.
    Downloaded,
    /// The files are being ingested.
    Ingesting,
    /// All files have been ingested.
    Succeed,
    /// The load has failed.
    Failed,
    /// The operator has asked for a pause.
    Pausing,
    /// The load is paused.
    Paused,
    /// The operator has cancelled the load.
    Cancelled,
}

/// `error_code`, as far as bulk loads use it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(super) enum ErrorCode {
    Ok,
    Busy,
    InvalidState,
    ObjectNotFound,
    VersionOutdated,
    PathAlreadyExist,
    Corruption,
    FileOperationFailed,
    FsInternal,
    /// The task was interrupted. Only the sound build uses it.
    Cancelled,
}

/// `ingestion_status`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(super) enum Ingestion {
    Invalid,
    Running,
    Succeed,
    Failed,
}

/// `file_meta`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct FileMeta {
    pub(super) name: String,
    pub(super) size: u64,
    pub(super) md5: String,
}

/// The name of the file that lists a partition's files: `bulk_load_constant::BULK_LOAD_METADATA`.
pub(super) const METADATA: &str = "bulk_load_metadata";

/// `bulk_load_metadata`, the list that lies beside the files.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct BulkLoadMetadata {
    pub(super) files: Vec<FileMeta>,
    pub(super) file_total_size: u64,
}

/// `partition_configuration`: the members of a partition's group, and the ballot.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct PartitionConfig {
    pub(super) ballot: u64,
    pub(super) primary: Option<String>,
    pub(super) secondaries: Vec<String>,
}

impl PartitionConfig {
    /// The role of a node in this configuration.
    pub(super) fn role_of(&self, node: &str) -> Role {
        if self.primary.as_deref() == Some(node) {
            Role::Primary
        } else if self.secondaries.iter().any(|secondary| secondary == node) {
            Role::Secondary
        } else {
            Role::Inactive
        }
    }
}

/// `partition_bulk_load_state`: the report of one replica.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct ReplicaState {
    pub(super) progress: u64,
    pub(super) download: ErrorCode,
    pub(super) ingestion: Ingestion,
    pub(super) cleaned_up: bool,
    pub(super) paused: bool,
}

/// `bulk_load_response`: the report of a primary for its group.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(super) struct GroupState {
    pub(super) error: ErrorCode,
    pub(super) ballot: u64,
    /// The states of the primary and of each secondary that has answered.
    pub(super) states: Vec<ReplicaState>,
    pub(super) total_progress: u64,
    /// Every replica is included. Statements about the whole group hold only then.
    pub(super) whole: bool,
}

impl GroupState {
    pub(super) fn refused(error: ErrorCode, ballot: u64) -> Self {
        Self { error, ballot, states: Vec::new(), total_progress: 0, whole: false }
    }

    /// Returns whether every replica is included and `is_so` holds for each.
    pub(super) fn all(&self, holds: impl Fn(&ReplicaState) -> bool) -> bool {
        self.whole && self.states.iter().all(holds)
    }
}

/// A change that the meta server asks of a replica: `config_type`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(super) enum Proposal {
    /// Become the primary of a partition that is new, or that has lost all other members.
    AssignPrimary,
    /// Become the primary.
    UpgradeToPrimary,
    /// Teach this node, then make it a secondary.
    AddSecondary(String),
    /// Remove this secondary.
    DowngradeToInactive(String),
    /// Step down to secondary, so that another replica can become the primary.
    DowngradeToSecondary,
}

/// A request to a replica server.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(super) enum ReplicaRequest {
    BulkLoad { pid: Pid, ballot: u64, status: BulkLoadStatus },
    GroupBulkLoad { pid: Pid, ballot: u64, role: Role, status: BulkLoadStatus },
    Ingestion { pid: Pid, ballot: u64 },
    PrepareIngestion { pid: Pid, ballot: u64 },
    GroupCheck { pid: Pid, config: PartitionConfig },
    Propose { pid: Pid, config: PartitionConfig, proposal: Proposal },
    Learn { pid: Pid, ballot: u64, rows: Vec<(String, String)> },
}

/// A replica server's answer.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(super) enum ReplicaAnswer {
    Group(GroupState),
    State(ErrorCode, Option<ReplicaState>),
    Code(ErrorCode),
}

/// A request to the meta server.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(super) enum MetaRequest {
    Beacon { node: String, rows_address: String, started: u64 },
    ConfigSync { node: String },
    UpdateConfiguration { pid: Pid, ballot: u64, primary: Option<String>, secondaries: Vec<String> },
    Serving,
    StartBulkLoad,
    Control(Control),
    QueryBulkLoad,
    Balance { pid: Pid },
}

/// An operator's request during a bulk load.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Control {
    /// Pause downloading.
    Pause,
    /// Resume downloading.
    Restart,
    /// Cancel the load.
    Cancel,
}

/// The meta server's answer.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(super) enum MetaAnswer {
    Done,
    Refused(String),
    Configs(Vec<(Pid, PartitionConfig)>),
    Config(PartitionConfig),
    Serving(Vec<Serving>),
    BulkLoad(BulkLoad),
}

/// The server of a partition.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Serving {
    /// The partition's ballot.
    pub ballot: u64,
    /// The address at which its primary serves rows, if it has a primary.
    pub rows_address: Option<String>,
    /// The partition has a primary and all its secondaries.
    pub healthy: bool,
}

/// The meta server's record of the bulk load.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct BulkLoad {
    /// Its current status, or its outcome.
    pub status: BulkLoadStatus,
    /// It has ended and every group has cleaned up.
    pub closed: bool,
    /// The number of rollbacks to downloading.
    pub rollbacks: u32,
}
