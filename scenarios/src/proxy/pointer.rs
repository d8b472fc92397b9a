//! Raw pointers as upstream has them, in memory that stays valid: globals that are null or dangle, and a member that nobody
//! wrote to yet. What would be a crash there is told to a probe, and then ends the process here, too.

use afterlife_probe::{Borrow, Resource};
use std::fmt::Arguments;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

/// A global such as `GloMyMon`: null until it is set, and after `delete` where upstream nulls it.
pub(super) struct Global<T> {
    name: &'static str,
    state: Mutex<State<T>>,
}

struct State<T> {
    object: Option<Arc<T>>,
    /// The life of what it points to, or pointed to last.
    life: Option<Arc<Resource>>,
}

/// What a pointer is after its object was deleted.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum After {
    /// `delete p; p = NULL;`
    Null,
    /// `delete p;`
    Dangling,
}

impl<T> Global<T> {
    pub(super) const fn null(name: &'static str) -> Self {
        Self { name, state: Mutex::new(State { object: None, life: None }) }
    }

    /// `p = new T`.
    #[track_caller]
    pub(super) fn set(&self, object: T) -> Arc<T> {
        let (object, life) = (Arc::new(object), Arc::new(Resource::open(self.name)));
        let mut state = self.state();
        state.object = Some(Arc::clone(&object));
        state.life = Some(life);
        object
    }

    /// `if (!p)`: it looks at the pointer, not behind it.
    pub(super) fn is_null(&self) -> bool {
        self.state().object.is_none()
    }

    /// `p->…`, by whom.
    ///
    /// # Panics
    /// If it is null.
    #[track_caller]
    pub(super) fn get(&self, by: Arguments<'_>) -> Arc<T> {
        let (object, life) = {
            let state = self.state();
            (state.object.clone(), state.life.clone())
        };
        if let Some(life) = life {
            life.used_by(by);
        }
        match object {
            Some(object) => object,
            None => panic!("null pointer: {} dereferenced by {by}", self.name),
        }
    }

    /// Says that the caller goes on using what is behind the pointer until the guard is dropped.
    #[track_caller]
    pub(super) fn borrow(&self) -> Option<Borrow> {
        let life = self.state().life.clone();
        life.map(|life| life.borrow())
    }

    /// `delete p`: the destructor, then the memory is gone. Nothing happens to a null pointer.
    #[track_caller]
    pub(super) fn delete(&self, after: After, destructor: impl FnOnce(&Arc<T>)) {
        let (object, life) = {
            let state = self.state();
            (state.object.clone(), state.life.clone())
        };
        let (Some(object), Some(life)) = (object, life) else { return };
        destructor(&object);
        life.close();
        if after == After::Null {
            self.state().object = None;
        }
    }

    fn state(&self) -> MutexGuard<'_, State<T>> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// A pointer that is a member of something that was allocated: until somebody writes to it, it is what that memory held before.
pub(super) struct Member<T> {
    name: &'static str,
    life: Resource,
    raw: Mutex<Raw<T>>,
}

enum Raw<T> {
    /// Whatever the allocator handed out: in the core of #4542 this was text, " , UNIQU".
    Leftover,
    Null,
    To(Arc<T>),
}

impl<T> Member<T> {
    /// The member of an object that was just allocated.
    #[track_caller]
    pub(super) fn allocated(name: &'static str) -> Self {
        Self { name, life: Resource::declare(name), raw: Mutex::new(Raw::Leftover) }
    }

    /// `p = NULL`.
    pub(super) fn set_null(&self) {
        *self.raw() = Raw::Null;
    }

    /// `p = new T`.
    #[track_caller]
    pub(super) fn set(&self, object: T) {
        self.life.opened();
        *self.raw() = Raw::To(Arc::new(object));
    }

    /// `p->…`, by whom.
    ///
    /// # Panics
    /// If it points to nothing.
    #[track_caller]
    pub(super) fn get(&self, by: Arguments<'_>) -> Arc<T> {
        self.life.used_by(by);
        match &*self.raw() {
            Raw::To(object) => Arc::clone(object),
            Raw::Null | Raw::Leftover => panic!("invalid pointer: {} dereferenced by {by}", self.name),
        }
    }

    /// `delete p; p = NULL;`
    ///
    /// # Panics
    /// If nobody ever wrote to it: the destructor runs on whatever it points to.
    #[track_caller]
    pub(super) fn delete(&self) {
        let raw = std::mem::replace(&mut *self.raw(), Raw::Null);
        match raw {
            Raw::Null => {}
            Raw::To(object) => {
                self.life.close();
                drop(object);
            }
            Raw::Leftover => {
                self.life.close();
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
    use super::*;
    use std::panic::{AssertUnwindSafe, catch_unwind};

    fn dies<T>(of: impl FnOnce() -> T) -> bool {
        catch_unwind(AssertUnwindSafe(of)).is_err()
    }

    #[test]
    fn a_global_is_null_then_points_then_dangles_or_is_null_again() {
        let global = Global::null("GloIt");
        assert!(global.is_null() && dies(|| global.get(format_args!("test"))));
        for after in [After::Dangling, After::Null] {
            global.set(7);
            assert_eq!(*global.get(format_args!("test")), 7);
            global.delete(after, |it| assert_eq!(**it, 7));
            assert_eq!(global.is_null(), after == After::Null);
        }
        global.delete(After::Null, |_| panic!("there is nothing to delete"));
    }

    #[test]
    fn a_member_that_nobody_wrote_to_is_not_null_and_its_delete_is_a_crash() {
        let member = Member::<u32>::allocated("it");
        assert!(dies(|| member.get(format_args!("test"))));
        assert!(dies(|| member.delete()));
    }

    #[test]
    fn a_member_that_was_nulled_is_deleted_to_no_effect() {
        let member = Member::allocated("it");
        member.set_null();
        member.delete();
        member.set(7);
        assert_eq!(*member.get(format_args!("test")), 7);
        member.delete();
        assert!(dies(|| member.get(format_args!("test"))));
    }
}
