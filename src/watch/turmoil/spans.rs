//! Hears of turmoil's spans and events whose turn it is, and which host is registered, crashed or started again.
//! What follows from that, `hosts.rs` knows.

use super::hosts::Hosts;
use crate::watch::live::{Hears, heard};
use std::collections::BTreeMap;
use std::fmt::Debug;
use std::net::IpAddr;
use std::sync::{Mutex, MutexGuard, PoisonError};
use tracing::field::{Field, Visit};
use tracing::span::Attributes;
use tracing::{Event, Level, Metadata};

/// Whose turn each span is.
#[derive(Default)]
pub(super) struct Turns(Mutex<BTreeMap<u64, String>>);

impl Turns {
    fn names(&self) -> MutexGuard<'_, BTreeMap<u64, String>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Whether this is the span of a host's turn.
fn is_turn(metadata: &Metadata<'_>) -> bool {
    metadata.is_span() && metadata.name() == "node" && metadata.target().starts_with("turmoil")
}

/// Whether this tells that a host is registered, or is crashed or started again.
fn is_life(metadata: &Metadata<'_>) -> bool {
    let fields = metadata.fields();
    let has = |name| fields.field(name).is_some();
    metadata.is_event()
        && metadata.target() == "turmoil"
        && has("addr")
        && (has("nodename") || *metadata.level() == Level::TRACE && fields.len() == 2)
}

impl Hears for Turns {
    fn wants(&self, metadata: &Metadata<'_>) -> bool {
        is_turn(metadata) || is_life(metadata)
    }

    fn made(&self, span: u64, attributes: &Attributes<'_>) {
        let mut fields = Fields::default();
        attributes.record(&mut fields);
        self.names().insert(span, fields.name);
    }

    fn enter(&self, span: u64) {
        let turn = self.names().get(&span).cloned();
        turn.and_then(|name| heard(|hosts: &mut Hosts, _| hosts.begin(&name)));
    }

    fn exit(&self, span: u64) {
        if self.names().contains_key(&span) {
            heard(|hosts: &mut Hosts, _| hosts.end());
        }
    }

    fn closed(&self, span: u64) {
        self.names().remove(&span);
    }

    fn event(&self, event: &Event<'_>) {
        let mut fields = Fields::default();
        event.record(&mut fields);
        heard(|hosts: &mut Hosts, hearing| match (&*fields.message, fields.address) {
            ("New", _) => hosts.register(&fields.name),
            ("Crash", Some(address)) => hosts.crashed(address, hearing),
            ("Bounce", Some(address)) => hosts.bounced(address, hearing),
            _ => {}
        });
    }
}

/// What turmoil says of a host.
#[derive(Default)]
struct Fields {
    message: String,
    name: String,
    address: Option<IpAddr>,
}

impl Visit for Fields {
    fn record_str(&mut self, field: &Field, value: &str) {
        if ["name", "nodename"].contains(&field.name()) {
            value.clone_into(&mut self.name);
        }
    }

    fn record_debug(&mut self, field: &Field, value: &dyn Debug) {
        match field.name() {
            "message" => self.message = format!("{value:?}"),
            "addr" => self.address = format!("{value:?}").parse().ok(),
            _ => {}
        }
    }
}
