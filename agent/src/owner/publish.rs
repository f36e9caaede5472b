//! The status task: takes the newest status, decides when it goes out, and folds it into the branch people read.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use muster_model::status::ClusterStatus;
use muster_model::{ClusterName, Problem, Reason};
use muster_status::entry::{Entry, STATUS_BRANCH, inbox_ref};
use muster_status::publish::{Publish, publish};
use muster_status::{SigningKey, fold};
use tokio::sync::{mpsc, watch};

use crate::admin::Vitals;
use crate::metrics::ReasonLabel;
use crate::owner::backoff::backoff;
use crate::owner::clock::Clock;
use crate::ports::{Moved, StatusRefs, StatusStore, StatusUpdate, Unchecked};

/// Up to this many clusters every pushing agent folds in the same request (DESIGN.md section 8).
const FOLD_UP_TO: usize = 32;
/// First pause after a push that failed, and the longest (HAZARDS.md L4).
const BACKOFF: (Duration, Duration) = (Duration::from_secs(2), Duration::from_secs(600));
/// A status changes several times while a commit arrives; it is looked at once they have settled.
const SETTLE: Duration = Duration::from_millis(300);
/// A fold that somebody else's push overtook is tried again this often in one go.
const FOLD_ATTEMPTS: usize = 3;

/// What the status task needs to know besides the status itself.
#[derive(Debug, Clone, Default)]
pub(super) struct Fleet {
    /// Every cluster of the fleet, and the keys it may sign with.
    pub(super) clusters: BTreeMap<ClusterName, Vec<String>>,
}

/// The newest status and the fleet it belongs to; `None` until the agent knows anything.
pub(super) type Wish = Option<Arc<(ClusterStatus, Fleet)>>;

/// The status task.
pub(super) struct Publisher<T> {
    /// Where statuses go.
    pub(super) store: Arc<T>,
    /// The cluster that speaks.
    pub(super) cluster: ClusterName,
    /// What it signs with.
    pub(super) key: SigningKey,
    /// What the time is.
    pub(super) clock: Clock,
    /// Counts.
    pub(super) vitals: Arc<Vitals>,
    /// What came of publishing goes back to the owner: the sequence number that was used, or why none was.
    pub(super) results: mpsc::Sender<Result<u64, Problem>>,
}

impl<T: StatusStore> Publisher<T> {
    /// Publishes until the owner is gone.
    pub(super) async fn run(self, mut wishes: watch::Receiver<Wish>) {
        let mut last: Option<ClusterStatus> = None;
        let mut tried = 0;
        let mut pauses = backoff(BACKOFF.0, BACKOFF.1);
        loop {
            let Some(wish) = wishes.borrow_and_update().clone() else {
                if wishes.changed().await.is_err() {
                    return;
                }
                continue;
            };
            let (status, fleet) = &*wish;
            let wait = match publish(
                status,
                last.as_ref(),
                fleet.clusters.len(),
                self.clock.now(),
            ) {
                Publish::At(moment) => self.clock.until(moment),
                Publish::Now => match self.push(status, fleet, &mut tried).await {
                    Ok(published) => {
                        self.vitals.metrics.status_pushes.inc();
                        let _ = self.results.send(Ok(published.sequence)).await;
                        last = Some(published);
                        pauses = backoff(BACKOFF.0, BACKOFF.1);
                        continue;
                    }
                    Err(problem) => {
                        self.complain(problem).await;
                        tokio::time::sleep(pauses.next().unwrap_or(BACKOFF.1)).await;
                        continue;
                    }
                },
            };
            tokio::select! {
                biased;
                () = tokio::time::sleep(wait) => {}
                changed = wishes.changed() => {
                    if changed.is_err() {
                        return;
                    }
                    tokio::time::sleep(SETTLE).await;
                }
            }
        }
    }

    async fn complain(&self, problem: Problem) {
        tracing::warn!(reason = %problem.reason, error = %problem.message, "status not pushed");
        self.vitals
            .metrics
            .status_failures
            .get_or_create(&ReasonLabel {
                reason: problem.reason.name(),
            })
            .inc();
        let _ = self.results.send(Err(problem)).await;
    }

    async fn push(
        &self,
        status: &ClusterStatus,
        fleet: &Fleet,
        tried: &mut u64,
    ) -> Result<ClusterStatus, Problem> {
        let refs = self.store.read().await?;
        let entry = self.entry(status.clone(), &refs, *tried)?;
        // A push whose answer is lost may have arrived: its number is never used again (HAZARDS.md S4).
        *tried = entry.status().sequence;
        let mut updates = vec![self.inbox_update(&entry, &refs)];
        let folding = fleet.clusters.len() <= FOLD_UP_TO;
        if folding {
            updates.push(self.fold_update(&entry, &refs, fleet));
        }
        let mut moved = self.store.push(updates).await?.into_iter();
        match moved.next() {
            Some(Moved::To(_)) => {}
            Some(Moved::Stale) => {
                return Err(Problem::new(
                    Reason::StatusPushFailed,
                    "the own inbox ref was moved by somebody else",
                ));
            }
            Some(Moved::Refused(problem)) => return Err(problem),
            None => {
                return Err(Problem::new(
                    Reason::StatusPushFailed,
                    "the server did not answer for the inbox ref",
                ));
            }
        }
        if folding && !matches!(moved.next(), Some(Moved::To(_))) {
            self.fold_again(&entry, fleet).await?;
        }
        Ok(entry.into_status())
    }

    /// Signs the status with the next sequence number: above what was published, whoever published it, and above what
    /// this life `tried`.
    fn entry(
        &self,
        mut status: ClusterStatus,
        refs: &StatusRefs,
        tried: u64,
    ) -> Result<Entry, Problem> {
        let stored = refs
            .inbox
            .get(&self.cluster)
            .and_then(|(_, found)| serde_json::from_slice::<ClusterStatus>(&found.bytes).ok());
        let highest = stored.map_or(0, |s| s.sequence).max(tried);
        status.sequence = highest.max(status.sequence) + 1;
        status.time = self.clock.now();
        Entry::sign(status, &self.key).map_err(|e| {
            Problem::new(
                Reason::InternalError,
                format!("cannot sign the status: {e}"),
            )
        })
    }

    fn inbox_update(&self, entry: &Entry, refs: &StatusRefs) -> StatusUpdate {
        let old = refs
            .inbox
            .get(&self.cluster)
            .map(|(commit_id, _)| commit_id.clone());
        StatusUpdate {
            name: inbox_ref(&self.cluster),
            parents: Vec::new(),
            old,
            files: [
                (
                    muster_status::entry::STATUS_FILE.to_owned(),
                    entry.bytes().to_vec(),
                ),
                (
                    muster_status::entry::SIGNATURE_FILE.to_owned(),
                    entry.signature().as_bytes().to_vec(),
                ),
            ]
            .into(),
            message: message(entry),
        }
    }

    fn fold_update(&self, own: &Entry, refs: &StatusRefs, fleet: &Fleet) -> StatusUpdate {
        let inbox = refs.inbox.iter().map(|(name, (_, found))| (name, found));
        let others = inbox
            .chain(&refs.folded)
            .filter_map(|(name, found)| believed(name, found, fleet));
        let expected: Vec<_> = fleet.clusters.keys().cloned().collect();
        let folded = fold(others.chain([own.clone()]), &expected, own.status().time);
        StatusUpdate {
            name: STATUS_BRANCH.to_owned(),
            old: refs.branch.clone(),
            parents: refs.branch.clone().into_iter().collect(),
            files: folded.files,
            message: message(own),
        }
    }

    /// Somebody else moved the branch first: reads it again, and folds once more if the own entry is still missing.
    async fn fold_again(&self, entry: &Entry, fleet: &Fleet) -> Result<(), Problem> {
        for _ in 0..FOLD_ATTEMPTS {
            let refs = self.store.read().await?;
            if refs
                .folded
                .get(&self.cluster)
                .is_some_and(|found| found.bytes == entry.bytes())
            {
                return Ok(());
            }
            if let Some(Moved::To(_)) = self
                .store
                .push(vec![self.fold_update(entry, &refs, fleet)])
                .await?
                .first()
            {
                return Ok(());
            }
        }
        // The inbox holds the status; whoever folds next takes it along.
        tracing::info!("the status branch moves fast: left to the next fold");
        Ok(())
    }
}

fn believed(name: &ClusterName, found: &Unchecked, fleet: &Fleet) -> Option<Entry> {
    let keys = fleet.clusters.get(name)?;
    match Entry::verify(name, keys, found.bytes.clone(), found.signature.clone()) {
        Ok(entry) => Some(entry),
        Err(error) => {
            tracing::warn!(cluster = %name, %error, "a status is not folded");
            None
        }
    }
}

fn message(entry: &Entry) -> String {
    let status = entry.status();
    format!(
        "{}: {}\n\nSequence: {}\n",
        status.cluster,
        headline(status),
        status.sequence
    )
}

fn headline(status: &ClusterStatus) -> String {
    let mut states: BTreeMap<String, usize> = BTreeMap::new();
    for application in status.applications.values() {
        *states
            .entry(format!("{} {}", application.sync, application.health))
            .or_default() += 1;
    }
    if states.is_empty() {
        return format!("{:?}", status.state);
    }
    states
        .into_iter()
        .map(|(state, count)| format!("{count} {state}"))
        .collect::<Vec<_>>()
        .join(", ")
}
