//! Go's contexts, as far as a tablet uses them: cancelled once, together with every context derived from them. They
//! carry no values and no deadlines.

use crate::rt::{select, sync::watch};
use std::future::Future;
use std::sync::{Arc, Mutex, PoisonError, Weak};

/// A context that can be cancelled and waited for. Every clone is the same context.
#[derive(Clone, Debug)]
pub(super) struct Context(Arc<Node>);

#[derive(Debug)]
struct Node {
    done: watch::Sender<bool>,
    children: Mutex<Vec<Weak<Node>>>,
}

/// The context was cancelled before the work was done.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("context canceled")]
pub(super) struct Cancelled;

impl Context {
    /// A context with no parent.
    pub(super) fn background() -> Self {
        Self(Arc::new(Node { done: watch::Sender::new(false), children: Mutex::default() }))
    }

    /// Derives a context from this one.
    pub(super) fn child(&self) -> Self {
        let child = Self::background();
        let mut children = self.0.children.lock().unwrap_or_else(PoisonError::into_inner);
        if self.is_done() {
            child.0.done.send_replace(true);
        }
        children.retain(|child| child.strong_count() > 0);
        children.push(Arc::downgrade(&child.0));
        child
    }

    /// Cancels the context and every context derived from it. A second cancel has no effect.
    pub(super) fn cancel(&self) {
        self.0.done.send_replace(true);
        let children = std::mem::take(&mut *self.0.children.lock().unwrap_or_else(PoisonError::into_inner));
        for child in children.iter().filter_map(Weak::upgrade) {
            Self(child).cancel();
        }
    }

    /// Returns whether it has been cancelled.
    pub(super) fn is_done(&self) -> bool {
        *self.0.done.borrow()
    }

    /// Waits until it is cancelled.
    pub(super) async fn done(&self) {
        // The sender lives in `self`, so the channel cannot close before this returns.
        let _ = self.0.done.subscribe().wait_for(|done| *done).await;
    }

    /// Waits for this work, or until the context is cancelled, which drops the work.
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

/// Cancels its context when dropped: `defer cancel()`.
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
    fn a_cancel_reaches_every_descendant_and_no_ancestor() {
        let root = Context::background();
        let (child, sibling) = (root.child(), root.child());
        let grandchild = child.child();
        child.cancel();
        assert!(child.is_done() && grandchild.is_done());
        assert!(!root.is_done() && !sibling.is_done());
        assert!(child.child().is_done(), "a context derived from a cancelled one is cancelled");
    }
}
