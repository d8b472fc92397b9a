//! Upstream's raw pointers, in memory that stays valid: globals that are null or dangling, and a member that is uninitialised.
//! A use that would crash upstream is reported to a probe, and then ends the process here, too.

use afterlife_probe::{Borrow, Resource};
use std::fmt::Arguments;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

/// A global such as `GloMyMon`: null until it is set, and after `delete` where upstream nulls it. Clones are the same pointer.
pub(super) struct Global<T>(Arc<Pointer<T>>);

struct Pointer<T> {
    name: &'static str,
    state: Mutex<State<T>>,
}

struct State<T> {
    object: Option<Arc<T>>,
    /// The lifetime of the current target, or of the last one.
    lifetime: Option<Arc<Resource>>,
}

/// The state of a pointer after its object was deleted.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum After {
    /// `delete p; p = NULL;`
    Null,
    /// `delete p;`
    Dangling,
}

impl<T> Clone for Global<T> {
    fn clone(&self) -> Self {
        Self(Arc::clone(&self.0))
    }
}

impl<T> Global<T> {
    pub(super) fn null(name: &'static str) -> Self {
        Self(Arc::new(Pointer { name, state: Mutex::new(State { object: None, lifetime: None }) }))
    }

    /// `p = new T`.
    #[track_caller]
    pub(super) fn set(&self, object: T) -> Arc<T> {
        let (object, lifetime) = (Arc::new(object), Arc::new(Resource::open(self.0.name)));
        let mut state = self.state();
        state.object = Some(Arc::clone(&object));
        state.lifetime = Some(lifetime);
        object
    }

    /// `if (!p)`: checks the pointer without following it.
    pub(super) fn is_null(&self) -> bool {
        self.state().object.is_none()
    }

    /// `p->…`; `by` names the user.
    ///
    /// # Panics
    /// If the pointer is null.
    #[track_caller]
    pub(super) fn get(&self, by: Arguments<'_>) -> Arc<T> {
        let (object, lifetime) = {
            let state = self.state();
            (state.object.clone(), state.lifetime.clone())
        };
        if let Some(lifetime) = lifetime {
            lifetime.used_by(by);
        }
        match object {
            Some(object) => object,
            None => panic!("null pointer: {} dereferenced by {by}", self.0.name),
        }
    }

    /// Reports that the caller uses the target until the guard is dropped.
    #[track_caller]
    pub(super) fn borrow(&self) -> Option<Borrow> {
        let lifetime = self.state().lifetime.clone();
        lifetime.map(|lifetime| lifetime.borrow())
    }

    /// `delete p`: runs the destructor, then frees the memory. Does nothing to a null pointer.
    #[track_caller]
    pub(super) fn delete(&self, after: After, destructor: impl FnOnce(&Arc<T>)) {
        let (object, lifetime) = {
            let state = self.state();
            (state.object.clone(), state.lifetime.clone())
        };
        let (Some(object), Some(lifetime)) = (object, lifetime) else { return };
        destructor(&object);
        lifetime.close();
        if after == After::Null {
            self.state().object = None;
        }
    }

    fn state(&self) -> MutexGuard<'_, State<T>> {
        self.0.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// A pointer that is a member of an allocated object: until it is written, it holds whatever that memory held before.
pub(super) struct Member<T> {
    name: &'static str,
    lifetime: Resource,
    raw: Mutex<Raw<T>>,
}

enum Raw<T> {
    /// The allocator's leftover: in the core of #4542 this was text, " , UNIQU".
    Leftover,
    Null,
    To(Arc<T>),
}

impl<T> Member<T> {
    /// The member of a newly allocated object.
    #[track_caller]
    pub(super) fn allocated(name: &'static str) -> Self {
        Self { name, lifetime: Resource::declare(name), raw: Mutex::new(Raw::Leftover) }
    }

    /// `p = NULL`.
    pub(super) fn set_null(&self) {
        *self.raw() = Raw::Null;
    }

    /// `p = new T`.
    #[track_caller]
    pub(super) fn set(&self, object: T) {
        self.lifetime.opened();
        *self.raw() = Raw::To(Arc::new(object));
    }

    /// `p->…`; `by` names the user.
    ///
    /// # Panics
    /// If the pointer is null or uninitialised.
    #[track_caller]
    pub(super) fn get(&self, by: Arguments<'_>) -> Arc<T> {
        self.lifetime.used_by(by);
        match &*self.raw() {
            Raw::To(object) => Arc::clone(object),
            Raw::Null | Raw::Leftover => panic!("invalid pointer: {} dereferenced by {by}", self.name),
        }
    }

    /// `delete p; p = NULL;`
    ///
    /// # Panics
    /// If the pointer is uninitialised: the destructor would run on arbitrary memory.
    #[track_caller]
    pub(super) fn delete(&self) {
        let raw = std::mem::replace(&mut *self.raw(), Raw::Null);
        match raw {
            Raw::Null => {}
            Raw::To(object) => {
                self.lifetime.close();
                drop(object);
            }
            Raw::Leftover => {
                self.lifetime.close();
                panic!("invalid pointer: {} deleted, which was never initialised", self.name);
            }
        }
    }

    fn raw(&self) -> MutexGuard<'_, Raw<T>> {
        self.raw.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use super::{After, Global, Member};
    use std::panic::{AssertUnwindSafe, catch_unwind};

    fn dies<T>(of: impl FnOnce() -> T) -> bool {
        catch_unwind(AssertUnwindSafe(of)).is_err()
    }

    #[test]
    fn a_deleted_global_dangles_or_is_null_again() {
        let global = Global::null("GloTest");
        assert!(global.is_null() && dies(|| global.get(format_args!("test"))));
        for after in [After::Dangling, After::Null] {
            global.set(7);
            assert_eq!(*global.get(format_args!("test")), 7);
            global.delete(after, |object| assert_eq!(**object, 7));
            assert_eq!(global.is_null(), after == After::Null);
        }
        global.delete(After::Null, |_| panic!("there is nothing to delete"));
    }

    #[test]
    fn deleting_an_uninitialised_member_crashes() {
        let member = Member::<u32>::allocated("test");
        assert!(dies(|| member.get(format_args!("test"))));
        assert!(dies(|| member.delete()));
    }

    #[test]
    fn deleting_a_null_member_has_no_effect() {
        let member = Member::allocated("test");
        member.set_null();
        member.delete();
        member.set(7);
        assert_eq!(*member.get(format_args!("test")), 7);
        member.delete();
        assert!(dies(|| member.get(format_args!("test"))));
    }
}
