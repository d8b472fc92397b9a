//! `tmState`: the changes of the tablet's type, and the order in which its parts open and close. `rpc_server.rs` and
//! `shard_sync.rs` ask for the changes.

use super::config::PUBLISH_RETRY_INTERVAL;
use super::tablet_manager::{State, TabletManager, now_ns};
use super::topo_records::{Tablet, TabletType, tablet_path};
use super::topo_rpc::TopoError;
use crate::rt::time;
use std::sync::Arc;

impl TabletManager {
    /// `tmState.Open`: opens the parts for the tablet's current type.
    pub(super) async fn open_state(self: &Arc<Self>) {
        let mut state = self.state.mu.lock().await;
        if state.is_open {
            return;
        }
        state.is_open = true;
        self.update_locked(&state).await;
        self.publish_state_locked(&mut state).await;
    }

    /// `UpdateTablet`, called only during the start.
    pub(super) async fn update_tablet(&self, update: impl FnOnce(&mut Tablet)) {
        let mut state = self.state.mu.lock().await;
        update(&mut state.tablet);
        self.state.publish_for_display(&state.tablet);
    }

    /// `ChangeTabletType`. For a new primary, the record comes first, then its database becomes writable, then its
    /// parts open.
    pub(super) async fn change_tablet_type(self: &Arc<Self>, kind: TabletType) -> Result<(), TopoError> {
        let mut state = self.state.mu.lock().await;
        let mut tablet = state.tablet.clone();
        tablet.kind = kind;
        tablet.primary_term_start = 0;
        if kind == TabletType::Primary {
            tablet.primary_term_start = now_ns();
            let record = tablet.clone();
            self.topo.update(&tablet_path(&tablet.alias), move |_| Some(record.clone())).await?;
            self.mysql.set_read_write(tablet.primary_term_start);
        }
        state.tablet = tablet;
        self.update_locked(&state).await;
        self.publish_state_locked(&mut state).await;
        self.notify_shard_sync();
        Ok(())
    }

    /// Opens or closes the parts for the tablet's type, the query service last.
    async fn update_locked(self: &Arc<Self>, state: &State) {
        self.state.publish_for_display(&state.tablet);
        if !state.is_open {
            return;
        }
        match state.tablet.kind {
            TabletType::Primary => self.vdiff.open(&self.batch_ctx).await,
            TabletType::Replica => self.vdiff.close().await,
        }
        self.query.set_serving(true);
        afterlife_probe::phase("serving");
    }

    async fn publish_state_locked(self: &Arc<Self>, state: &mut State) {
        if state.is_publishing || self.publish(&state.tablet).await.is_ok() {
            return;
        }
        state.is_publishing = true;
        let retrying = Arc::clone(self);
        self.spawn(async move {
            loop {
                time::sleep(PUBLISH_RETRY_INTERVAL).await;
                let mut state = retrying.state.mu.lock().await;
                if retrying.publish(&state.tablet).await.is_ok() {
                    state.is_publishing = false;
                    return;
                }
            }
        });
    }

    async fn publish(&self, tablet: &Tablet) -> Result<(), TopoError> {
        self.topo.update(&tablet_path(&tablet.alias), |known: Tablet| (known != *tablet).then(|| tablet.clone())).await
    }
}
