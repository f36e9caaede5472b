//! One task for each kind: the complete list, then every change, reduced on arrival.
//!
//! ```text
//!   list ─▶ Listed ─▶ follow ─▶ Changed, Gone, …      position expired (410): list again
//!    ▲                   │                            watch ended in order, or broke once: reopened where it was
//!    └──── back-off ◀────┴── Broken                   it stays broken: said so, and listed again once it works
//! ```

use std::sync::Arc;
use std::time::Duration;

use futures::future::select_all;
use futures::{FutureExt as _, StreamExt as _, TryStreamExt as _};
use muster_model::kinds::Scope;
use muster_model::observed::Record;
pub use muster_model::observed::WatchEvent;
use muster_model::{GroupKind, ObjectId, Problem, marks};
use tokio::sync::mpsc;
use tokio::task::JoinHandle;
use tokio::time::Instant;

use crate::client::{ClusterClient, Inner, WatchScope};
use crate::failure::Failure;
use crate::resource::{Resource, segment};

mod lines;
mod namespaces;
mod place;

use place::{Began, Place, Position, Wish};

/// Shortest and longest pause after a failure; doubled each time, half to one and a half of it.
const PAUSE: (Duration, Duration) = (Duration::from_millis(500), Duration::from_secs(30));
/// Attempts to reopen a watch where it was before it counts as broken.
const REOPENS: u32 = 3;
/// A watch that went well for so long starts again without a pause; one that ends sooner must not list in a loop.
const STEADY: Duration = Duration::from_secs(30);

impl ClusterClient {
    /// Watches the objects of a kind that carry our `part-of` label, until the other end of `events` is dropped. The
    /// first event is the complete list.
    #[must_use]
    pub fn watch(&self, kind: GroupKind, events: mpsc::Sender<WatchEvent>) -> JoinHandle<()> {
        let watcher = Watcher::of_members(self.inner.clone(), kind, events);
        tokio::spawn(watcher.run())
    }

    /// Watches the namespaces, all or those of the scope: every event is the whole map.
    #[must_use]
    pub fn watch_namespaces(&self, events: mpsc::Sender<WatchEvent>) -> JoinHandle<()> {
        tokio::spawn(namespaces::run(self.inner.clone(), events))
    }
}

/// Why a round of listing and following ended.
#[derive(Debug)]
enum End {
    /// The position is too old: list again.
    Expired,
    /// It does not work for now.
    Failed(Failure),
    /// Nobody listens any more.
    Closed,
}

impl From<Failure> for End {
    fn from(failure: Failure) -> Self {
        match failure {
            Failure::Expired(_) => Self::Expired,
            Failure::NotFound(_)
            | Failure::Conflict(_)
            | Failure::NoStreamingList(_)
            | Failure::Failed(_) => Self::Failed(failure),
        }
    }
}

/// The watch of one kind.
#[derive(Debug)]
struct Watcher {
    inner: Arc<Inner>,
    kind: GroupKind,
    places: Places,
    whole: bool,
    streaming: bool,
    events: mpsc::Sender<WatchEvent>,
}

/// Where a kind is watched.
#[derive(Debug)]
enum Places {
    /// Members of our ApplySet, wherever the scope says.
    Members,
    /// Namespaces themselves.
    Namespaces,
}

impl Watcher {
    fn of_members(inner: Arc<Inner>, kind: GroupKind, events: mpsc::Sender<WatchEvent>) -> Self {
        let whole = (inner.reducers.whole)(&kind);
        Self {
            inner,
            kind,
            places: Places::Members,
            whole,
            streaming: true,
            events,
        }
    }

    fn of_namespaces(inner: Arc<Inner>, events: mpsc::Sender<WatchEvent>) -> Self {
        Self {
            inner,
            kind: GroupKind::new("", "Namespace"),
            places: Places::Namespaces,
            // Their status says what keeps them from going; they are small.
            whole: true,
            streaming: true,
            events,
        }
    }

    async fn run(mut self) {
        let events = self.events.clone();
        tokio::select! {
            () = events.closed() => {}
            () = self.keep_watching() => {}
        }
    }

    async fn keep_watching(&mut self) {
        let mut failures = 0;
        let mut said: Option<Problem> = None;
        loop {
            let mut listed = None;
            let end = match self.round(&mut listed).await {
                Err(end) => end,
                Ok(never) => match never {},
            };
            if listed.is_some() {
                said = None;
            }
            let steady = listed.is_some_and(|since| since.elapsed() > STEADY);
            if steady {
                failures = 0;
            }
            let wait = match end {
                End::Closed => return,
                End::Expired if steady => continue,
                End::Expired => pause(failures, None),
                End::Failed(failure) => {
                    let wait = pause(failures, failure.told().retry_after);
                    if self.tell(failure, &mut said).await.is_err() {
                        return;
                    }
                    wait
                }
            };
            failures += 1;
            tokio::time::sleep(wait).await;
        }
    }

    /// Says that the watch is broken, unless that was the last thing said.
    async fn tell(&self, failure: Failure, said: &mut Option<Problem>) -> Result<(), End> {
        let problem = failure.into_problem();
        tracing::warn!(kind = %self.kind, reason = %problem.reason, error = %problem.message, "watch is broken");
        if said.as_ref() == Some(&problem) {
            return Ok(());
        }
        *said = Some(problem.clone());
        self.send(WatchEvent::Broken(self.kind.clone(), problem))
            .await
    }

    /// Lists, then follows until something ends it; `listed` is when the list was complete.
    async fn round(
        &mut self,
        listed: &mut Option<Instant>,
    ) -> Result<std::convert::Infallible, End> {
        let resource = self.inner.resource(&self.kind).await?;
        let (records, positions) = self.list(&resource).await?;
        *listed = Some(Instant::now());
        self.send(WatchEvent::Listed(self.kind.clone(), records))
            .await?;
        let follows = positions
            .into_iter()
            .map(|position| self.follow(&resource, position).boxed());
        let (first, _, _) = select_all(follows).await;
        first
    }

    /// The list of all places together, and where to go on from in each.
    async fn list(
        &mut self,
        resource: &Resource,
    ) -> Result<(Vec<(ObjectId, Record)>, Vec<Position>), End> {
        if self.streaming {
            match self.begin_all(resource, Wish::Streaming).await {
                Err(Failure::NoStreamingList(_)) => self.streaming = false,
                other => return Ok(other?),
            }
        }
        Ok(self.begin_all(resource, Wish::Pages).await?)
    }

    async fn begin_all(
        &self,
        resource: &Resource,
        wish: Wish,
    ) -> Result<(Vec<(ObjectId, Record)>, Vec<Position>), Failure> {
        let places = futures::stream::iter(self.places(resource));
        let began: Vec<Began> = places
            .then(|place| place.begin(&self.inner, resource, wish))
            .try_collect()
            .await?;
        let (lists, positions): (Vec<_>, Vec<_>) = began
            .into_iter()
            .map(|Began { records, position }| (records, position))
            .unzip();
        Ok((lists.into_iter().flatten().collect(), positions))
    }

    fn places(&self, resource: &Resource) -> Vec<Place> {
        let whole = self.whole;
        let scope = &self.inner.scope;
        let place = |namespace: Option<&String>, selector: Option<String>| Place {
            namespace: namespace.cloned(),
            object: None,
            selector,
            whole,
        };
        match self.places {
            Places::Members => {
                let label = format!("{}={}", marks::APPLYSET_PART_OF, self.inner.applyset);
                let selector = Some(format!("labelSelector={}", segment(&label)));
                match (scope, resource.scope) {
                    (WatchScope::Namespaces(names), Scope::Namespaced) => names
                        .iter()
                        .map(|name| place(Some(name), selector.clone()))
                        .collect(),
                    (WatchScope::All, _) | (WatchScope::Namespaces(_), Scope::Cluster) => {
                        vec![place(None, selector)]
                    }
                }
            }
            Places::Namespaces => match scope {
                WatchScope::All => vec![place(None, None)],
                WatchScope::Namespaces(names) => names
                    .iter()
                    .map(|name| Place {
                        object: Some(name.clone()),
                        ..place(None, None)
                    })
                    .collect(),
            },
        }
    }

    /// Passes on changes from one place, reopening the watch where it was.
    async fn follow(
        &self,
        resource: &Resource,
        mut position: Position,
    ) -> Result<std::convert::Infallible, End> {
        let mut attempts = 0;
        loop {
            let seen = match position.next(&self.inner, resource).await {
                Ok(Some(change)) => {
                    attempts = 0;
                    if let Some(event) = change.into_event() {
                        self.send(event).await?;
                    }
                    continue;
                }
                Ok(None) => None,
                Err(Failure::Expired(_)) => return Err(End::Expired),
                Err(failure) => Some(failure),
            };
            if let (Some(failure), REOPENS..) = (&seen, attempts) {
                return Err(End::Failed(failure.clone()));
            }
            // The first reopening is at once: most watches end because their time is up.
            if attempts > 0 {
                tokio::time::sleep(pause(attempts - 1, None)).await;
            }
            attempts += 1;
        }
    }

    async fn send(&self, event: WatchEvent) -> Result<(), End> {
        self.events.send(event).await.map_err(|_| End::Closed)
    }
}

/// How long to wait after so many failures in a row; what the server asked for, if that is longer.
fn pause(failures: u32, retry_after: Option<u32>) -> Duration {
    let (least, most) = PAUSE;
    let doubled = least
        .saturating_mul(2u32.saturating_pow(failures.min(16)))
        .min(most);
    let asked = Duration::from_secs(u64::from(retry_after.unwrap_or(0))).min(2 * most);
    doubled.mul_f64(rand::random_range(0.5..1.5)).max(asked)
}

#[cfg(test)]
mod tests;
