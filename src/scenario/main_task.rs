//! Follows the main future of a node, which is not a task: reports its wakes and polls to the simulation. It changes no wake and no
//! poll.

use std::future::poll_fn;
use std::pin::pin;
use std::sync::Arc;
use std::task::{Context, Poll, Wake, Waker};
use tokio::runtime::Builder;

/// Lets the simulation find the task tables of this program's tokio, by a task that inspects itself. Without them, the causes of
/// events are coarser.
pub(crate) fn begin() {
    let Ok(runtime) = Builder::new_current_thread().build() else { return };
    let look = poll_fn(|context| {
        afterlife_sim::follow_tasks(context.waker());
        Poll::Ready(())
    });
    let _ended = runtime.block_on(async { tokio::spawn(look).await });
}

/// A waker that reports each wake of a main future, and passes it on.
struct ReportingWaker(Waker);

impl ReportingWaker {
    fn new(waker: &Waker) -> Arc<Self> {
        afterlife_sim::outside(|| {
            let reporting = Arc::new(Self(waker.clone()));
            // Never freed: it belongs to the harness, and must not count as the node's memory.
            std::mem::forget(reporting.clone());
            reporting
        })
    }

    fn key(self: &Arc<Self>) -> usize {
        Arc::as_ptr(self).addr()
    }
}

impl Wake for ReportingWaker {
    fn wake(self: Arc<Self>) {
        self.wake_by_ref();
    }

    fn wake_by_ref(self: &Arc<Self>) {
        afterlife_sim::main_woken(self.key());
        self.0.wake_by_ref();
    }
}

/// The main future of a node, with its polls and wakes reported.
pub(crate) async fn main<T>(service: impl Future<Output = T>) -> T {
    if !afterlife_sim::follows_tasks() {
        return service.await;
    }
    let mut service = pin!(service);
    let mut reporting: Option<(Arc<ReportingWaker>, Waker)> = None;
    poll_fn(|context| {
        // Not `will_wake`: a waker and its clone may have two copies of one table, depending on the optimiser.
        if reporting.as_ref().is_none_or(|(reporting, _)| reporting.0.data() != context.waker().data()) {
            let new = ReportingWaker::new(context.waker());
            reporting = Some((new.clone(), Waker::from(new)));
        }
        let Some((reporting, waker)) = &reporting else { unreachable!("the waker was just made") };
        afterlife_sim::poll_main(reporting.key(), || service.as_mut().poll(&mut Context::from_waker(waker)))
    })
    .await
}
