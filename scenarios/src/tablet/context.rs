//! Go's contexts, as far as a tablet uses them: cancelled once, and with them all that were made under them.
//! They carry no values and no deadlines.

use crate::rt::{select, sync::watch};
use std::future::Future;
use std::sync::{Arc, Mutex, PoisonError, Weak};

/// What may be cancelled, and waited for. Every clone is the same context.
#[derive(Clone, Debug)]
pub(super) struct Context(Arc<Node>);

#[derive(Debug)]
struct Node {
    done: watch::Sender<bool>,
    children: Mutex<Vec<Weak<Node>>>,
}

/// The context was cancelled first.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("context canceled")]
pub(super) struct Cancelled;

impl Context {
    /// One that nobody's cancel reaches but its own.
    pub(super) fn background() -> Self {
        Self(Arc::new(Node { done: watch::Sender::new(false), children: Mutex::default() }))
    }

    /// One under this.
    pub(super) fn child(&self) -> Self {
        let child = Self::background();
        let mut children = self.0.children.lock().unwrap_or_else(PoisonError::into_inner);
        if self.is_done() {
            child.0.done.send_replace(true);
        }
        children.retain(|it| it.strong_count() > 0);
        children.push(Arc::downgrade(&child.0));
        child
    }

    /// Cancels it and all under it. A second time changes nothing.
    pub(super) fn cancel(&self) {
        self.0.done.send_replace(true);
        let children = std::mem::take(&mut *self.0.children.lock().unwrap_or_else(PoisonError::into_inner));
        for child in children.iter().filter_map(Weak::upgrade) {
            Self(child).cancel();
        }
    }

    /// Whether it was cancelled.
    pub(super) fn is_done(&self) -> bool {
        *self.0.done.borrow()
    }

    /// Waits until it is cancelled.
    pub(super) async fn done(&self) {
        // The sender lives in `self`, so the channel cannot close before this returns.
        let _ = self.0.done.subscribe().wait_for(|done| *done).await;
    }

    /// Waits for this work, or until the context is cancelled; the work is dropped then.
    pub(super) async fn run<T>(&self, work: impl Future<Output = T>) -> Result<T, Cancelled> {
        select! {
            biased;
            () = self.done() => Err(Cancelled),
            done = work => Ok(done),
        }
    }
}

impl Default for Context {
    fn default() -> Self {
        Self::background()
    }
}

/// Cancels its context when it goes: `defer cancel()`.
#[must_use = "dropping it cancels the context"]
pub(super) struct CancelOnDrop(pub(super) Context);

impl Drop for CancelOnDrop {
    fn drop(&mut self) {
        self.0.cancel();
    }
}

#[cfg(test)]
mod tests {
    use super::Context;

    #[test]
    fn a_cancel_reaches_all_below_and_nothing_above() {
        let root = Context::background();
        let (child, sibling) = (root.child(), root.child());
        let grandchild = child.child();
        child.cancel();
        assert!(child.is_done() && grandchild.is_done());
        assert!(!root.is_done() && !sibling.is_done());
        assert!(child.child().is_done(), "one that is made under a cancelled one is cancelled");
    }
}
