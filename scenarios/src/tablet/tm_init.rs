//! A tablet's start: upstream's `tm_init.go`.

use super::build::Build;
use super::config::DBA_GRANT_WAIT;
use super::tablet_manager::{TabletError, TabletManager};
use super::topo_records::{Shard, Tablet, TabletType, shard_path, tablet_path};
use super::topo_rpc::TopoError;
use crate::rt::time;
use std::sync::Arc;
use std::time::Duration;

/// The longest time for which upstream tries to reach the topology during a start: `init_timeout`.
const INIT_TIMEOUT: Duration = Duration::from_secs(60);
/// The delay between two such attempts, and between two checks of the grants.
const INIT_RETRY_DELAY: Duration = Duration::from_secs(1);

impl TabletManager {
    /// Upstream's `Start`, as far as this scenario needs it: the tablet's type, the shard sync loop, the grants,
    /// replication, and the state, which opens the VDiff engine.
    pub(super) async fn start(self: &Arc<Self>) -> Result<(), TabletError> {
        self.with_retry(async || self.check_primary_ship().await).await?;
        self.start_shard_sync();
        afterlife_probe::phase("shard sync");
        self.wait_for_dba_grants().await?;
        // The shard sync loop may have changed the type meanwhile.
        if self.state.tablet().kind == TabletType::Replica {
            self.with_retry(async || self.initialize_replication().await).await?;
        }
        self.open_state().await;
        Ok(())
    }

    /// Retries until the topology answers: upstream for a minute, the sound build without a limit.
    async fn with_retry(&self, ask: impl AsyncFn() -> Result<(), TopoError>) -> Result<(), TopoError> {
        let begun = time::Instant::now();
        loop {
            match ask().await {
                Err(error) if self.config.build != Build::Sound && begun.elapsed() > INIT_TIMEOUT => return Err(error),
                Err(_) => time::sleep(INIT_RETRY_DELAY).await,
                Ok(()) => return Ok(()),
            }
        }
    }

    /// `createKeyspaceShard`, `checkPrimaryShip`, `initTablet`: the tablet that the shard's record names is primary,
    /// unless the tablet's own record says that it has stepped down.
    async fn check_primary_ship(&self) -> Result<(), TopoError> {
        let (keyspace, shard) = (&self.config.keyspace, &self.config.shard);
        let record = match self.topo.get::<Shard>(&shard_path(keyspace, shard)).await {
            Err(TopoError::NoNode(_)) => {
                self.topo.set(&shard_path(keyspace, shard), &Shard::default(), 0).await?;
                Shard::default()
            }
            record => record?.0,
        };
        let path = tablet_path(&self.config.alias);
        let known = match self.topo.get::<Tablet>(&path).await {
            Err(TopoError::NoNode(_)) => None,
            known => Some(known?.0),
        };
        if record.primary == self.config.alias && known.is_none_or(|record| record.kind == TabletType::Primary) {
            self.update_tablet(|tablet| {
                tablet.kind = TabletType::Primary;
                tablet.primary_term_start = record.primary_term_start;
            })
            .await;
            self.mysql.set_read_write(record.primary_term_start);
        }
        let tablet = self.state.tablet();
        match self.topo.set(&path, &tablet, 0).await {
            Err(TopoError::Conflict) => self.topo.update(&path, |_: Tablet| Some(tablet.clone())).await,
            done => done,
        }
    }

    /// Waits for the grants. Upstream gives up after ten seconds, and its process ends.
    async fn wait_for_dba_grants(&self) -> Result<(), TabletError> {
        let granted = async {
            self.mysql.connect().await;
            while !self.mysql.has_grants().await? {
                time::sleep(INIT_RETRY_DELAY).await;
            }
            Ok(())
        };
        match self.config.build {
            Build::Shipped | Build::Patched => {
                time::timeout(DBA_GRANT_WAIT, granted).await.unwrap_or(Err(TabletError::Grants))
            }
            Build::Sound => granted.await,
        }
    }

    async fn initialize_replication(self: &Arc<Self>) -> Result<(), TopoError> {
        let path = shard_path(&self.config.keyspace, &self.config.shard);
        let (shard, _): (Shard, _) = self.topo.get(&path).await?;
        if shard.primary.is_empty() || shard.primary == self.config.alias {
            return Ok(());
        }
        self.set_replication_source(&shard.primary).await
    }
}
