//! The view of a synchronization object of the program: its first words, as glibc lays them out.

/// An object of the program whose state begins with a `T`.
pub(super) struct Object<T> {
    state: *mut T,
}

impl<T> Clone for Object<T> {
    fn clone(&self) -> Self {
        *self
    }
}

impl<T> Copy for Object<T> {}

impl<T> Object<T> {
    /// # Safety
    /// `object` is an initialised object, which is not destroyed before the interposed function returns, and glibc lays out its
    /// first words as `T`.
    #[inline]
    pub(super) const unsafe fn new<C>(object: *mut C) -> Self {
        Self { state: object.cast() }
    }

    /// The address at which threads wait for it.
    #[inline]
    pub(super) fn address(self) -> usize {
        self.state.addr()
    }

    /// Lends the state. `work` must not let another thread run.
    #[inline]
    pub(super) fn with<R>(self, work: impl FnOnce(&mut T) -> R) -> R {
        // SAFETY: `new`: the state is there. Only the running thread looks at it: others run after `work`, which is private code of
        // this folder and switches to none.
        work(unsafe { &mut *self.state })
    }
}
