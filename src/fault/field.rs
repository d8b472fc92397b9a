//! The fields of a fault, as tokens and the shrinker see them.
//! Their order and form in a token never change.

use super::number::Number;
use super::wire::{PlanReader, PlanWriter, WireError};
use afterlife_sim::event::NodeId;

/// A field of a fault.
pub(crate) enum Field<'a> {
    /// A node that the fault strikes.
    Node(&'a mut NodeId),
    /// A number that may become smaller while a plan is shrunk.
    Number(Number<'a>),
    /// A value that never shrinks.
    Fixed(&'a mut dyn Value),
}

impl<'a> Field<'a> {
    /// The duration of a lasting fault, in nanoseconds.
    pub(super) fn lasting(at: &'a mut u64) -> Self {
        Self::Number(Number::lasting(at))
    }

    /// A number that may shrink to zero.
    pub(super) fn from_zero(at: &'a mut u64) -> Self {
        Self::Number(Number::Long { at, least: 0 })
    }

    /// An ordinal number, from 1.
    pub(super) fn nth(at: &'a mut u32) -> Self {
        Self::Number(Number::Short { at, least: 1 })
    }

    /// Writes it into a token.
    pub(super) fn write(&self, to: &mut PlanWriter) {
        match self {
            Self::Node(node) => to.node(**node),
            Self::Number(Number::Long { at, .. } | Number::Moment { at }) => to.number(**at),
            Self::Number(Number::Short { at, .. }) => to.number(u64::from(**at)),
            Self::Number(Number::Signed { at }) => to.signed(**at),
            Self::Fixed(value) => {
                value.write(to);
                to
            }
        };
    }

    /// Reads it from a token.
    pub(super) fn read(&mut self, from: &mut PlanReader<'_>) -> Result<(), WireError> {
        match self {
            Self::Node(node) => **node = from.node()?,
            Self::Number(Number::Long { at, .. } | Number::Moment { at }) => **at = from.number()?,
            Self::Number(Number::Short { at, .. }) => **at = from.small()?,
            Self::Number(Number::Signed { at }) => **at = from.signed()?,
            Self::Fixed(value) => value.read(from)?,
        }
        Ok(())
    }
}

/// A value with a form in tokens.
pub(crate) trait Value {
    /// Writes it into a token.
    fn write(&self, to: &mut PlanWriter);
    /// Reads it from a token.
    fn read(&mut self, from: &mut PlanReader<'_>) -> Result<(), WireError>;
}

impl Value for u64 {
    fn write(&self, to: &mut PlanWriter) {
        to.number(*self);
    }

    fn read(&mut self, from: &mut PlanReader<'_>) -> Result<(), WireError> {
        *self = from.number()?;
        Ok(())
    }
}

impl Value for u32 {
    fn write(&self, to: &mut PlanWriter) {
        to.number((*self).into());
    }

    fn read(&mut self, from: &mut PlanReader<'_>) -> Result<(), WireError> {
        *self = from.small()?;
        Ok(())
    }
}

impl Value for u16 {
    fn write(&self, to: &mut PlanWriter) {
        to.number((*self).into());
    }

    fn read(&mut self, from: &mut PlanReader<'_>) -> Result<(), WireError> {
        *self = from.small()?;
        Ok(())
    }
}

impl Value for i32 {
    fn write(&self, to: &mut PlanWriter) {
        to.signed((*self).into());
    }

    fn read(&mut self, from: &mut PlanReader<'_>) -> Result<(), WireError> {
        *self = from.signed()?;
        Ok(())
    }
}

impl Value for bool {
    fn write(&self, to: &mut PlanWriter) {
        to.flag(*self);
    }

    fn read(&mut self, from: &mut PlanReader<'_>) -> Result<(), WireError> {
        *self = from.flag()?;
        Ok(())
    }
}

impl Value for Option<String> {
    fn write(&self, to: &mut PlanWriter) {
        to.flag(self.is_some());
        if let Some(text) = self {
            to.text(text);
        }
    }

    fn read(&mut self, from: &mut PlanReader<'_>) -> Result<(), WireError> {
        *self = if from.flag()? { Some(from.text()?) } else { None };
        Ok(())
    }
}
