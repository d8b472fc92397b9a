//! The operator's client: VDiff actions on a shard's primary, planned reparents, and the failover of a primary that is gone:
//! upstream's `vtctldclient` and `vtorc`. It holds no state of the shard; that is in the topology.

use super::build::Build;
use super::rpc::{Action, Call, CallError, Options, Said, VDiffRequest, VDiffSummary, call};
use super::topo::{Shard, Tablet, TopoError, TopoServer, shard_path, tablet_path};
use std::sync::Arc;
use std::time::Duration;

/// How long one call of a tablet may take.
const CALL_WITHIN: Duration = Duration::from_secs(15);
/// How long a tablet that lives takes to say so.
const ANSWERS_WITHIN: Duration = Duration::from_secs(2);

/// Why something was not done.
#[derive(Debug, thiserror::Error)]
pub enum ClientError {
    /// The topology gave no answer.
    #[error(transparent)]
    Topology(#[from] TopoError),
    /// The tablet gave none, or refused.
    #[error(transparent)]
    Tablet(#[from] CallError),
    /// The answer was to another question.
    #[error("an answer that was not asked for")]
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
    /// A client of this shard, which asks the topology server at this address where its tablets are.
    pub fn new(topo: &str, keyspace: &str, shard: &str) -> Self {
        let topo = TopoServer::open(topo, Build::Sound);
        Self { topo, keyspace: keyspace.to_owned(), shard: shard.to_owned() }
    }

    /// The shard's primary, as its record has it.
    ///
    /// # Errors
    /// The topology cannot be asked, or knows none.
    pub async fn primary(&self) -> Result<Tablet, ClientError> {
        let (shard, _): (Shard, _) = self.topo.get(&shard_path(&self.keyspace, &self.shard)).await?;
        self.tablet(&shard.primary).await
    }

    /// A tablet's record.
    ///
    /// # Errors
    /// The topology cannot be asked, or knows it not.
    pub async fn tablet(&self, alias: &str) -> Result<Tablet, ClientError> {
        Ok(self.topo.get(&tablet_path(alias)).await?.0)
    }

    /// Whether a tablet answers, and says that it is primary and serves.
    pub async fn serves_as_primary(&self, tablet: &Tablet) -> bool {
        let status = call(&tablet.address, &Call::FullStatus, ANSWERS_WITHIN).await;
        matches!(status, Ok(Said::Status { primary: true, serving: true, .. }))
    }

    /// Whether a tablet answers, and whom it follows.
    ///
    /// # Errors
    /// It does not answer.
    pub async fn follows(&self, tablet: &Tablet) -> Result<String, ClientError> {
        match call(&tablet.address, &Call::FullStatus, ANSWERS_WITHIN).await? {
            Said::Status { following, .. } => Ok(following),
            _ => Err(ClientError::Unexpected),
        }
    }

    /// Makes a VDiff of this name and starts it.
    ///
    /// # Errors
    /// The primary cannot be asked, or refused.
    pub async fn create(&self, uuid: &str, options: Options) -> Result<(), ClientError> {
        self.act(VDiffRequest { action: Action::Create, uuid: uuid.to_owned(), options }).await.map(drop)
    }

    /// Resumes, stops or deletes a VDiff.
    ///
    /// # Errors
    /// The primary cannot be asked, or refused.
    pub async fn vdiff(&self, action: Action, uuid: &str) -> Result<(), ClientError> {
        self.act(VDiffRequest { action, uuid: uuid.to_owned(), options: Options::default() }).await.map(drop)
    }

    /// How far all VDiffs are.
    ///
    /// # Errors
    /// The primary cannot be asked.
    pub async fn show(&self) -> Result<Vec<VDiffSummary>, ClientError> {
        let request = VDiffRequest { action: Action::Show, uuid: String::new(), options: Options::default() };
        match self.act(request).await? {
            Said::VDiffs(vdiffs) => Ok(vdiffs),
            _ => Err(ClientError::Unexpected),
        }
    }

    async fn act(&self, request: VDiffRequest) -> Result<Said, ClientError> {
        let primary = self.primary().await?;
        Ok(call(&primary.address, &Call::VDiff(request), CALL_WITHIN).await?)
    }

    /// `PlannedReparentShard`: the primary steps down, the new one takes over where it ended, and the old one follows it.
    ///
    /// # Errors
    /// A step failed; what was done is left as it is, and may be done again.
    pub async fn planned_reparent(&self, to: &str) -> Result<(), ClientError> {
        let _lock = self.lock().await?;
        let (from, to) = (self.primary().await?, self.tablet(to).await?);
        if from.alias == to.alias {
            return Ok(());
        }
        let Said::Status { position, .. } = call(&to.address, &Call::FullStatus, ANSWERS_WITHIN).await? else {
            return Err(ClientError::Unexpected);
        };
        call(&from.address, &Call::WaitForPosition { position }, CALL_WITHIN).await?;
        call(&from.address, &Call::DemotePrimary, CALL_WITHIN).await?;
        let Said::Status { position, .. } = call(&from.address, &Call::FullStatus, ANSWERS_WITHIN).await? else {
            return Err(ClientError::Unexpected);
        };
        let caught_up = call(&to.address, &Call::WaitForPosition { position }, CALL_WITHIN).await;
        let (new, old) = if caught_up.is_ok() { (&to, &from) } else { (&from, &to) };
        call(&new.address, &Call::PromoteReplica, CALL_WITHIN).await?;
        call(&old.address, &Call::SetReplicationSource { primary: new.alias.clone() }, CALL_WITHIN).await?;
        Ok(())
    }

    /// `EmergencyReparentShard`: the primary is gone or is none, and this tablet takes over with what it has, which is all that
    /// was acknowledged.
    ///
    /// # Errors
    /// The replica cannot be asked, or could not.
    pub async fn emergency_reparent(&self, to: &str) -> Result<(), ClientError> {
        let _lock = self.lock().await?;
        let to = self.tablet(to).await?;
        call(&to.address, &Call::PromoteReplica, CALL_WITHIN).await?;
        Ok(())
    }

    /// Has a replica follow the primary.
    ///
    /// # Errors
    /// The replica cannot be asked, or could not.
    pub async fn repair(&self, replica: &Tablet, primary: &Tablet) -> Result<(), ClientError> {
        let _lock = self.lock().await?;
        let follow = Call::SetReplicationSource { primary: primary.alias.clone() };
        Ok(call(&replica.address, &follow, CALL_WITHIN).await.map(drop)?)
    }

    /// One look of `vtorc` at a shard of these tablets, in which its primary has failed so many looks before: sees to it that
    /// there is a primary, and that the others follow it. After `patience` looks in vain another one takes over. Returns how many
    /// looks the primary has failed now.
    pub async fn look_after(&self, tablets: &[&str], failed: u32, patience: u32) -> u32 {
        let Ok(primary) = self.primary().await else { return 0 };
        if self.serves_as_primary(&primary).await {
            for alias in tablets.iter().filter(|alias| **alias != primary.alias) {
                if let Ok(replica) = self.tablet(alias).await
                    && self.follows(&replica).await.is_ok_and(|followed| followed != primary.alias)
                {
                    // What cannot be mended now is looked at again.
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

    async fn lock(&self) -> Result<super::topo::NameLock, TopoError> {
        self.topo.lock_name(&format!("shard {}/{}", self.keyspace, self.shard)).await
    }
}
