//! Random numbers for workloads, keyed like every other choice of a run.

use afterlife_sim::choice::{Choices, Question, identity};
use std::convert::Infallible;

/// A random number generator, through the `rand` traits. Its numbers depend on the seed and on its owner: a scenario or a node. It
/// is not for secrets.
///
/// ```
/// use rand::RngExt;
/// # use afterlife::Rng;
/// # let mut rng: Rng = Rng::for_doc();
/// let dice: u8 = rng.random_range(1..=6);
/// assert!((1..=6).contains(&dice));
/// ```
#[derive(Clone, Debug)]
pub struct Rng {
    choices: Choices,
    who: u64,
    asked: u64,
}

impl Rng {
    pub(crate) fn new(seed: u64, who: &str) -> Self {
        Self { choices: Choices::new(seed), who: identity(who), asked: 0 }
    }

    #[doc(hidden)]
    pub fn for_doc() -> Self {
        Self::new(0, "doc")
    }

    fn next(&mut self) -> u64 {
        self.asked += 1;
        self.choices.draw(Question::Workload, self.who, self.asked)
    }
}

impl rand::TryRng for Rng {
    type Error = Infallible;

    fn try_next_u32(&mut self) -> Result<u32, Infallible> {
        Ok((self.next() >> 32) as u32)
    }

    fn try_next_u64(&mut self) -> Result<u64, Infallible> {
        Ok(self.next())
    }

    fn try_fill_bytes(&mut self, into: &mut [u8]) -> Result<(), Infallible> {
        for chunk in into.chunks_mut(8) {
            let word = self.next().to_le_bytes();
            chunk.copy_from_slice(&word[..chunk.len()]);
        }
        Ok(())
    }
}
