//! Tasks are followed: the room hears who wakes whom, also where it is the main future of a node, which is no task.
//! It changes nothing of what is woken or polled, nor when.

use std::future::poll_fn;
use std::pin::pin;
use std::sync::Arc;
use std::task::{Context, Poll, Wake, Waker};
use tokio::runtime::Builder;

/// Lets the room find the tables of this program's runtime, by a task that looks at itself. Without them runs go on, and causes
/// are coarser.
pub(crate) fn begin() {
    let Ok(runtime) = Builder::new_current_thread().build() else { return };
    let look = poll_fn(|context| {
        afterlife_sim::follow_tasks(context.waker());
        Poll::Ready(())
    });
    let _ended = runtime.block_on(async { tokio::spawn(look).await });
}

/// Tells the room that a main future is woken, and hands it on.
struct Heard(Waker);

impl Heard {
    fn new(waker: &Waker) -> Arc<Self> {
        afterlife_sim::outside(|| {
            let heard = Arc::new(Self(waker.clone()));
            // Never given back: it is the harness's, and stays off the node's books.
            std::mem::forget(heard.clone());
            heard
        })
    }

    fn key(self: &Arc<Self>) -> usize {
        Arc::as_ptr(self).addr()
    }
}

impl Wake for Heard {
    fn wake(self: Arc<Self>) {
        self.wake_by_ref();
    }

    fn wake_by_ref(self: &Arc<Self>) {
        afterlife_sim::main_woken(self.key());
        self.0.wake_by_ref();
    }
}

/// The main future of a node, whose polls and wakes the room hears of.
pub(crate) async fn main<T>(service: impl Future<Output = T>) -> T {
    if !afterlife_sim::follows_tasks() {
        return service.await;
    }
    let mut service = pin!(service);
    let mut heard: Option<(Arc<Heard>, Waker)> = None;
    poll_fn(|context| {
        // Not `will_wake`: a waker and its clone may have two copies of one table, which the optimiser makes or does not make.
        if heard.as_ref().is_none_or(|(heard, _)| heard.0.data() != context.waker().data()) {
            let new = Heard::new(context.waker());
            heard = Some((new.clone(), Waker::from(new)));
        }
        let Some((heard, waker)) = &heard else { unreachable!("it was just made") };
        afterlife_sim::poll_main(heard.key(), || service.as_mut().poll(&mut Context::from_waker(waker)))
    })
    .await
}
