//! The cluster's periodic tasks. They propose nothing. The build's stop decides whether to wait for them.

use super::cluster::Cluster;
use crate::rt::{select, task, time};
use std::sync::Arc;
use std::time::Duration;

/// Upstream's `defaultIntervalToCheckHeartbeat`.
const CHECK_HEARTBEAT_EVERY: Duration = Duration::from_secs(6);

/// Upstream's `defaultNodeTimeOutSec`: three heartbeats.
const NODE_TIMEOUT: Duration = Duration::from_secs(18);

/// The interval at which a follower reads the volumes again.
const UPDATE_FOLLOWER_READ_EVERY: Duration = Duration::from_secs(5);

/// Starts the cluster's tasks: upstream's `scheduleTask`. They run until the cluster's `stopc` is closed, which they
/// check between two rounds, never within one.
pub(super) fn schedule_task(cluster: &Arc<Cluster>) {
    cluster.own(task::spawn(check_heartbeats(Arc::clone(cluster))));
    cluster.own(task::spawn(update_follower_reads(Arc::clone(cluster))));
}

async fn check_heartbeats(cluster: Arc<Cluster>) {
    while next_round(&cluster, CHECK_HEARTBEAT_EVERY).await {
        if cluster.meta_ready() {
            cluster.check_data_node_heartbeat(NODE_TIMEOUT);
        }
    }
}

async fn update_follower_reads(cluster: Arc<Cluster>) {
    while next_round(&cluster, UPDATE_FOLLOWER_READ_EVERY).await {
        if !cluster.meta_ready() {
            cluster.update_follower_read().await;
        }
    }
}

/// Waits for the next round. Returns `false` if the master stops instead.
async fn next_round(cluster: &Cluster, every: Duration) -> bool {
    select! {
        () = cluster.stopc.closed() => false,
        () = time::sleep(every) => true,
    }
}
