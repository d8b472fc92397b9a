//! `tmState`: what the tablet is, and the order in which its parts are opened and closed when that changes.
//! Who changes it is in `rpc_server.rs` and `shard_sync.rs`.

use super::config::PUBLISH_RETRY_INTERVAL;
use super::tablet_manager::TabletManager;
use super::topo::{Tablet, TabletType, TopoError, tablet_path};
use crate::rt::{sync::Mutex, time};
use std::sync::{Arc, PoisonError};

/// The state of a tablet manager.
#[derive(Debug)]
pub(super) struct TmState {
    mu: Mutex<State>,
    /// What others may read while `mu` is held, for many seconds at times.
    display: std::sync::Mutex<Tablet>,
}

#[derive(Debug)]
struct State {
    is_open: bool,
    is_publishing: bool,
    tablet: Tablet,
}

impl TmState {
    pub(super) fn new(tablet: Tablet) -> Self {
        let display = std::sync::Mutex::new(tablet.clone());
        Self { mu: Mutex::new(State { is_open: false, is_publishing: false, tablet }), display }
    }

    /// What the tablet is.
    pub(super) fn tablet(&self) -> Tablet {
        self.display.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    fn publish_for_display(&self, tablet: &Tablet) {
        *self.display.lock().unwrap_or_else(PoisonError::into_inner) = tablet.clone();
    }
}

impl TabletManager {
    /// `tmState.Open`: whatever the tablet is by now, its parts are opened.
    pub(super) async fn open_state(self: &Arc<Self>) {
        let mut state = self.state.mu.lock().await;
        if state.is_open {
            return;
        }
        state.is_open = true;
        self.update_locked(&state).await;
        self.publish_state_locked(&mut state).await;
    }

    /// `UpdateTablet`: during the start only.
    pub(super) async fn update_tablet(&self, update: impl FnOnce(&mut Tablet)) {
        let mut state = self.state.mu.lock().await;
        update(&mut state.tablet);
        self.state.publish_for_display(&state.tablet);
    }

    /// `ChangeTabletType`. A primary's record goes first, then its database takes writes, then its parts are opened.
    pub(super) async fn change_tablet_type(self: &Arc<Self>, kind: TabletType) -> Result<(), TopoError> {
        let mut state = self.state.mu.lock().await;
        let mut tablet = state.tablet.clone();
        tablet.kind = kind;
        tablet.primary_term_start = 0;
        if kind == TabletType::Primary {
            tablet.primary_term_start = super::tablet_manager::now_ns();
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

    /// Opens or closes what a tablet of this type has; the query service last.
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
