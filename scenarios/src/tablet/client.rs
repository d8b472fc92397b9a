//! The operator's client: VDiff actions on a shard's primary, planned reparents, and failover from a dead primary:
//! upstream's `vtctldclient` and `vtorc`. The shard's state is in the topology.

use super::build::Build;
use super::rpc::{Action, Call, CallError, Options, Reply, VDiffRequest, VDiffSummary, call};
use super::topo::{NameLock, TopoServer};
use super::topo_records::{Shard, Tablet, shard_path, tablet_path};
use super::topo_rpc::TopoError;
use std::sync::Arc;
use std::time::Duration;

/// The longest time that a tablet's call may take.
const CALL_TIMEOUT: Duration = Duration::from_secs(15);
/// The longest wait for a live tablet's status.
const STATUS_TIMEOUT: Duration = Duration::from_secs(2);

/// The reason why a request failed.
#[derive(Debug, thiserror::Error)]
pub enum ClientError {
    /// The topology gave no answer.
    #[error(transparent)]
    Topology(#[from] TopoError),
    /// The tablet gave no answer, or refused.
    #[error(transparent)]
    Tablet(#[from] CallError),
    /// The reply does not match the request.
    #[error("unexpected reply")]
    Unexpected,
}

/// A client of one shard.
#[derive(Clone, Debug)]
pub struct Client {
    topo: Arc<TopoServer>,
    keyspace: String,
    shard: String,
}

impl Client {
    /// A client of this shard, which looks up the shard's tablets in the topology server at this address.
    pub fn new(topo: &str, keyspace: &str, shard: &str) -> Self {
        let topo = TopoServer::open(topo, Build::Sound);
        Self { topo, keyspace: keyspace.to_owned(), shard: shard.to_owned() }
    }

    /// The shard's primary, according to its record.
    ///
    /// # Errors
    /// The topology cannot be reached, or names no primary.
    pub async fn primary(&self) -> Result<Tablet, ClientError> {
        let (shard, _): (Shard, _) = self.topo.get(&shard_path(&self.keyspace, &self.shard)).await?;
        self.tablet(&shard.primary).await
    }

    /// A tablet's record.
    ///
    /// # Errors
    /// The topology cannot be reached, or does not know the tablet.
    pub async fn tablet(&self, alias: &str) -> Result<Tablet, ClientError> {
        Ok(self.topo.get(&tablet_path(alias)).await?.0)
    }

    /// Returns whether a tablet answers that it is primary and serves.
    pub async fn serves_as_primary(&self, tablet: &Tablet) -> bool {
        let status = call(&tablet.address, &Call::FullStatus, STATUS_TIMEOUT).await;
        matches!(status, Ok(Reply::Status { primary: true, serving: true, .. }))
    }

    /// The primary that a tablet follows.
    ///
    /// # Errors
    /// The tablet does not answer.
    pub async fn follows(&self, tablet: &Tablet) -> Result<String, ClientError> {
        match call(&tablet.address, &Call::FullStatus, STATUS_TIMEOUT).await? {
            Reply::Status { following, .. } => Ok(following),
            _ => Err(ClientError::Unexpected),
        }
    }

    /// Creates and starts a VDiff with this name.
    ///
    /// # Errors
    /// The primary cannot be reached, or refused.
    pub async fn create(&self, uuid: &str, options: Options) -> Result<(), ClientError> {
        self.act(VDiffRequest { action: Action::Create, uuid: uuid.to_owned(), options }).await.map(drop)
    }

    /// Resumes, stops or deletes a VDiff.
    ///
    /// # Errors
    /// The primary cannot be reached, or refused.
    pub async fn vdiff(&self, action: Action, uuid: &str) -> Result<(), ClientError> {
        self.act(VDiffRequest { action, uuid: uuid.to_owned(), options: Options::default() }).await.map(drop)
    }

    /// The progress of all VDiffs.
    ///
    /// # Errors
    /// The primary cannot be reached.
    pub async fn show(&self) -> Result<Vec<VDiffSummary>, ClientError> {
        let request = VDiffRequest { action: Action::Show, uuid: String::new(), options: Options::default() };
        match self.act(request).await? {
            Reply::VDiffs(vdiffs) => Ok(vdiffs),
            _ => Err(ClientError::Unexpected),
        }
    }

    async fn act(&self, request: VDiffRequest) -> Result<Reply, ClientError> {
        let primary = self.primary().await?;
        Ok(call(&primary.address, &Call::VDiff(request), CALL_TIMEOUT).await?)
    }

    /// `PlannedReparentShard`: the primary steps down, the new one takes over from its last position, and the old one
    /// follows it.
    ///
    /// # Errors
    /// A step failed. The completed steps stay in effect, and the call may be repeated.
    pub async fn planned_reparent(&self, to: &str) -> Result<(), ClientError> {
        let _lock = self.lock().await?;
        let (from, to) = (self.primary().await?, self.tablet(to).await?);
        if from.alias == to.alias {
            return Ok(());
        }
        let Reply::Status { position, .. } = call(&to.address, &Call::FullStatus, STATUS_TIMEOUT).await? else {
            return Err(ClientError::Unexpected);
        };
        call(&from.address, &Call::WaitForPosition { position }, CALL_TIMEOUT).await?;
        call(&from.address, &Call::DemotePrimary, CALL_TIMEOUT).await?;
        let Reply::Status { position, .. } = call(&from.address, &Call::FullStatus, STATUS_TIMEOUT).await? else {
            return Err(ClientError::Unexpected);
        };
        let caught_up = call(&to.address, &Call::WaitForPosition { position }, CALL_TIMEOUT).await;
        let (new, old) = if caught_up.is_ok() { (&to, &from) } else { (&from, &to) };
        call(&new.address, &Call::PromoteReplica, CALL_TIMEOUT).await?;
        call(&old.address, &Call::SetReplicationSource { primary: new.alias.clone() }, CALL_TIMEOUT).await?;
        Ok(())
    }

    /// `EmergencyReparentShard`: the primary is dead or has stepped down, and this tablet takes over with its data,
    /// which includes everything that was acknowledged.
    ///
    /// # Errors
    /// The replica cannot be reached, or refused.
    pub async fn emergency_reparent(&self, to: &str) -> Result<(), ClientError> {
        let _lock = self.lock().await?;
        let to = self.tablet(to).await?;
        call(&to.address, &Call::PromoteReplica, CALL_TIMEOUT).await?;
        Ok(())
    }

    /// Makes a replica follow the primary.
    ///
    /// # Errors
    /// The replica cannot be reached, or refused.
    pub async fn repair(&self, replica: &Tablet, primary: &Tablet) -> Result<(), ClientError> {
        let _lock = self.lock().await?;
        let follow = Call::SetReplicationSource { primary: primary.alias.clone() };
        Ok(call(&replica.address, &follow, CALL_TIMEOUT).await.map(drop)?)
    }

    /// One check by `vtorc` of a shard of these tablets, after its primary has failed `failed` checks in a row: makes
    /// sure that there is a primary, and that the others follow it. After `patience` failed checks another tablet takes
    /// over. Returns the new number of failed checks.
    pub async fn check_shard(&self, tablets: &[&str], failed: u32, patience: u32) -> u32 {
        let Ok(primary) = self.primary().await else { return 0 };
        if self.serves_as_primary(&primary).await {
            for alias in tablets.iter().filter(|alias| **alias != primary.alias) {
                if let Ok(replica) = self.tablet(alias).await
                    && self.follows(&replica).await.is_ok_and(|followed| followed != primary.alias)
                {
                    // A failed repair is retried at the next check.
                    let _ = self.repair(&replica, &primary).await;
                }
            }
            return 0;
        }
        if failed < patience {
            return failed + 1;
        }
        for alias in tablets {
            if let Ok(tablet) = self.tablet(alias).await
                && self.follows(&tablet).await.is_ok()
                && self.emergency_reparent(alias).await.is_ok()
            {
                return 0;
            }
        }
        failed
    }

    async fn lock(&self) -> Result<NameLock, TopoError> {
        self.topo.lock_name(&format!("shard {}/{}", self.keyspace, self.shard)).await
    }
}
