//! Randomness that a seed and a number repeat.

use rand::rngs::StdRng;
use rand::{Rng as _, SeedableRng as _};

/// What the case of a seed and a number is made with.
pub fn of(seed: u64, number: u64) -> StdRng {
    StdRng::seed_from_u64(seed ^ number.wrapping_mul(0x9E37_79B9_7F4A_7C15))
}

/// True one time in `n`.
pub fn one_in(rng: &mut StdRng, n: u32) -> bool {
    rng.random_ratio(1, n)
}
