//! The user's wish to stop, asked for wherever something is waited for.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use super::DemoError;

/// How long anything may take: several times what it takes on two busy cores.
const LIMIT: Duration = Duration::from_secs(240);

/// A flag that ends every wait.
#[derive(Debug, Clone, Default)]
pub struct Stop(Arc<AtomicBool>);

impl Stop {
    /// Ends every wait, now and later.
    pub fn raise(&self) {
        self.0.store(true, Ordering::SeqCst);
    }

    /// Fails once the flag is raised.
    ///
    /// # Errors
    /// [`DemoError::Stopped`].
    pub fn check(&self) -> Result<(), DemoError> {
        if self.0.load(Ordering::SeqCst) {
            Err(DemoError::Stopped)
        } else {
            Ok(())
        }
    }

    /// Looks every so often until what is waited for is there; the look says what it saw instead.
    pub(super) fn wait<T>(
        &self,
        what: &str,
        every: Duration,
        mut look: impl FnMut() -> Result<Result<T, String>, DemoError>,
    ) -> Result<T, DemoError> {
        let begun = Instant::now();
        loop {
            self.check()?;
            let seen = match look()? {
                Ok(found) => return Ok(found),
                Err(seen) => seen,
            };
            if begun.elapsed() > LIMIT {
                return Err(DemoError::Late {
                    what: what.to_owned(),
                    limit: LIMIT,
                    seen,
                });
            }
            std::thread::sleep(every);
        }
    }
}
