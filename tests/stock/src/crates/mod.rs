//! One file for each row of the table, to be read as an example of the crate in a scenario.

mod axum_reqwest;
mod chrono_jiff;
mod crossbeam;
mod fjall;
mod hyper;
mod moka;
mod notify;
mod openraft;
mod parking_lot;
mod quinn;
mod rand_uuid;
mod rayon;
mod rayon_global;
mod redb;
mod redis;
mod rusqlite;
mod smol;
mod std_net;
mod tarpc;
mod tempfile;
mod tonic;
mod tower;
mod tracing_appender;
mod tungstenite;
mod ureq_tiny_http;

use crate::row::Row;

/// Every row, in the order of the table.
pub(crate) const ALL: &[Row] = &[
    std_net::ROW,
    hyper::ROW,
    axum_reqwest::ROW,
    tower::ROW,
    tonic::ROW,
    tarpc::ROW,
    tungstenite::ROW,
    ureq_tiny_http::ROW,
    quinn::ROW,
    redis::ROW,
    openraft::ROW,
    redb::ROW,
    rusqlite::ROW,
    rusqlite::WAL,
    fjall::ROW,
    tempfile::ROW,
    rayon::ROW,
    crossbeam::ROW,
    parking_lot::ROW,
    moka::ROW,
    rand_uuid::ROW,
    chrono_jiff::ROW,
    tracing_appender::ROW,
    rayon_global::ROW,
    smol::ROW,
    notify::ROW,
];
