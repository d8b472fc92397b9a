//! What the processes say to each other, in upstream's terms. Upstream speaks Thrift; these are JSON lines.
//! It has no behaviour.

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

/// `bulk_load_status`: of the app and its partitions on the meta server, of one replica on its node.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub enum BulkLoadStatus {
    /// There is no bulk load.
    Invalid,
    /// Files are being downloaded.
    Downloading,
    /// They all have been.
    Downloaded,
    /// They are being ingested.
    Ingesting,
    /// They all have been.
    Succeed,
    /// Something could not be done.
    Failed,
    /// The operator wants it paused.
    Pausing,
    /// It is.
    Paused,
    /// The operator does not want it any more.
    Cancelled,
}

/// `error_code`, as far as bulk loads know it.
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
    /// The task was told to stop. Only the sound build knows it.
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

/// `bulk_load_metadata`, which lies beside the files.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct BulkLoadMetadata {
    pub(super) files: Vec<FileMeta>,
    pub(super) file_total_size: u64,
}

/// `partition_configuration`: who serves a partition under which ballot.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct PartitionConfig {
    pub(super) ballot: u64,
    pub(super) primary: Option<String>,
    pub(super) secondaries: Vec<String>,
}

impl PartitionConfig {
    /// The role of a node in it.
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

/// `partition_bulk_load_state`: what one replica reports.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct ReplicaState {
    pub(super) progress: u64,
    pub(super) download: ErrorCode,
    pub(super) ingestion: Ingestion,
    pub(super) cleaned_up: bool,
    pub(super) paused: bool,
}

/// `bulk_load_response`: what a primary says of its group.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(super) struct GroupState {
    pub(super) error: ErrorCode,
    pub(super) ballot: u64,
    /// Of the primary, and of each secondary that has answered.
    pub(super) states: Vec<ReplicaState>,
    pub(super) total_progress: u64,
    /// Whether everybody is there; what follows is so of everybody only then.
    pub(super) whole: bool,
}

impl GroupState {
    pub(super) fn refused(error: ErrorCode, ballot: u64) -> Self {
        Self { error, ballot, states: Vec::new(), total_progress: 0, whole: false }
    }

    /// Whether everybody is there and it is so of everybody.
    pub(super) fn all(&self, is_so: impl Fn(&ReplicaState) -> bool) -> bool {
        self.whole && self.states.iter().all(is_so)
    }
}

/// What the meta server wants a replica to do to its partition: `config_type`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(super) enum Proposal {
    /// Become the primary of a partition that has just been made, or lost everybody else.
    AssignPrimary,
    /// Become the primary.
    UpgradeToPrimary,
    /// Let this node learn, then make it a secondary.
    AddSecondary(String),
    /// Go on without this secondary.
    DowngradeToInactive(String),
    /// Be a secondary from here on, so that another can be the primary.
    DowngradeToSecondary,
}

/// What is asked of a replica server.
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

/// What a replica server answers.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(super) enum ReplicaAnswer {
    Group(GroupState),
    State(ErrorCode, Option<ReplicaState>),
    Code(ErrorCode),
}

/// What is asked of the meta server.
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

/// What an operator may do to a bulk load.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Control {
    /// Stop downloading for now.
    Pause,
    /// Go on downloading.
    Restart,
    /// Give it up.
    Cancel,
}

/// What the meta server answers.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(super) enum MetaAnswer {
    Done,
    Refused(String),
    Configs(Vec<(Pid, PartitionConfig)>),
    Config(PartitionConfig),
    Serving(Vec<Serving>),
    BulkLoad(BulkLoad),
}

/// Who serves a partition.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Serving {
    /// Its ballot.
    pub ballot: u64,
    /// Where its primary gives out rows, if it has one.
    pub rows_address: Option<String>,
    /// Whether it has a primary and all its secondaries.
    pub healthy: bool,
}

/// What the meta server knows of the bulk load.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct BulkLoad {
    /// Where it is, or how it ended.
    pub status: BulkLoadStatus,
    /// Whether it has ended and every group has cleaned up.
    pub closed: bool,
    /// How often it was rolled back to downloading.
    pub rollbacks: u32,
}
