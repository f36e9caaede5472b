//! Work that may be done in any order, by whoever the caller has.

use std::sync::{Mutex, OnceLock, PoisonError};

/// Calls a job once for each number below the first argument, in any order and on any thread. The caller brings it, as it
/// brings `now`: a pure function says what may be done side by side, the shell has the threads.
pub type Each<'a> = &'a (dyn Fn(usize, &(dyn Fn(usize) + Sync)) + Sync);

/// One after the other, on this thread.
pub fn one_by_one(count: usize, job: &(dyn Fn(usize) + Sync)) {
    for index in 0..count {
        job(index);
    }
}

/// The results of a job for each number, in order of the numbers, whoever computed them.
///
/// # Panics
/// When `each` leaves a number out.
pub fn collect<T: Send + Sync>(
    each: Each<'_>,
    count: usize,
    job: impl Fn(usize) -> T + Sync,
) -> Vec<T> {
    let results: Vec<OnceLock<T>> = std::iter::repeat_with(OnceLock::new).take(count).collect();
    each(count, &|index| {
        if let Some(slot) = results.get(index) {
            slot.get_or_init(|| job(index));
        }
    });
    results
        .into_iter()
        .map(|slot| {
            slot.into_inner()
                .expect("because `each` calls every number")
        })
        .collect()
}

/// What is behind the lock; every change is one call, so that it stays valid when a holder panics.
pub(crate) fn locked<T>(mutex: &Mutex<T>) -> std::sync::MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn results_come_in_order_whoever_computes_them() {
        let backwards = |count: usize, job: &(dyn Fn(usize) + Sync)| (0..count).rev().for_each(job);
        assert_eq!(collect(&backwards, 4, |n| n * n), [0, 1, 4, 9]);
        assert_eq!(collect(&one_by_one, 4, |n| n * n), [0, 1, 4, 9]);
    }
}
