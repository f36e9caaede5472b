//! Work for every core: what the pure crates say may be done side by side.

use std::sync::atomic::{AtomicUsize, Ordering};

/// Numbers a thread takes at a time are a share of what it would get, so that one slow number does not hold the others.
const SHARES: usize = 32;

/// Calls a job once for each number below `count`, on as many threads as there are cores.
pub fn each(count: usize, job: &(dyn Fn(usize) + Sync)) {
    let cores = std::thread::available_parallelism().map_or(1, usize::from);
    let threads = cores.min(count);
    if threads <= 1 {
        return (0..count).for_each(job);
    }
    let taken = (count / (threads * SHARES)).max(1);
    let next = AtomicUsize::new(0);
    let work = || {
        loop {
            let first = next.fetch_add(taken, Ordering::Relaxed);
            if first >= count {
                return;
            }
            (first..count.min(first + taken)).for_each(job);
        }
    };
    std::thread::scope(|scope| {
        for _ in 1..threads {
            scope.spawn(work);
        }
        work();
    });
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_number_is_worked_on_once() {
        for count in [0, 1, 2, 3, 1000] {
            let done: Vec<AtomicUsize> = (0..count).map(|_| AtomicUsize::new(0)).collect();
            each(count, &|index| {
                done[index].fetch_add(1, Ordering::Relaxed);
            });
            assert!(done.iter().all(|n| n.load(Ordering::Relaxed) == 1));
        }
    }
}
