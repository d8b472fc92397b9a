//! Reads from turmoil's spans and events which host has its turn, and which one is registered, crashed or restarted.
//! `hosts.rs` draws the conclusions.

use super::hosts::Hosts;
use crate::watch::live::{Observer, with_simulator};
use std::collections::BTreeMap;
use std::fmt::Debug;
use std::net::IpAddr;
use std::sync::{Mutex, MutexGuard, PoisonError};
use tracing::field::{Field, Visit};
use tracing::span::Attributes;
use tracing::{Event, Level, Metadata};

/// The host of each turn's span.
#[derive(Default)]
pub(super) struct Turns(Mutex<BTreeMap<u64, String>>);

impl Turns {
    fn names(&self) -> MutexGuard<'_, BTreeMap<u64, String>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Returns whether this is the span of a host's turn.
fn is_turn(metadata: &Metadata<'_>) -> bool {
    metadata.is_span() && metadata.name() == "node" && metadata.target().starts_with("turmoil")
}

/// Returns whether this event registers, crashes or restarts a host.
fn is_lifecycle(metadata: &Metadata<'_>) -> bool {
    let fields = metadata.fields();
    let has = |name| fields.field(name).is_some();
    metadata.is_event()
        && metadata.target() == "turmoil"
        && has("addr")
        && (has("nodename") || *metadata.level() == Level::TRACE && fields.len() == 2)
}

impl Observer for Turns {
    fn wants(&self, metadata: &Metadata<'_>) -> bool {
        is_turn(metadata) || is_lifecycle(metadata)
    }

    fn made(&self, span: u64, attributes: &Attributes<'_>) {
        let mut fields = Fields::default();
        attributes.record(&mut fields);
        self.names().insert(span, fields.name);
    }

    fn enter(&self, span: u64) {
        let turn = self.names().get(&span).cloned();
        turn.and_then(|name| with_simulator(|hosts: &mut Hosts, _| hosts.begin(&name)));
    }

    fn exit(&self, span: u64) {
        if self.names().contains_key(&span) {
            with_simulator(|hosts: &mut Hosts, _| hosts.end());
        }
    }

    fn closed(&self, span: u64) {
        self.names().remove(&span);
    }

    fn event(&self, event: &Event<'_>) {
        let mut fields = Fields::default();
        event.record(&mut fields);
        with_simulator(|hosts: &mut Hosts, recorder| match (&*fields.message, fields.address) {
            ("New", _) => hosts.register(&fields.name),
            ("Crash", Some(address)) => hosts.crashed(address, recorder),
            ("Bounce", Some(address)) => hosts.bounced(address, recorder),
            _ => {}
        });
    }
}

/// The fields of turmoil's spans and events.
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
