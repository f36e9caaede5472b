//! Folding what happened into the state: one event at a time, nothing is decided here but what to look at again.

use std::collections::BTreeSet;

use jiff::{SignedDuration, Timestamp};
use muster_model::effect::{Cause, Effect, Outcome};
use muster_model::observed::Record;
use muster_model::reason::Class;
use muster_model::{ApplicationKey, ObjectId, Problem, Reason};
use muster_sync::fights::note_heal;
use muster_sync::order::holders;
use muster_sync::retry::{self, Retry};
use muster_sync::{Failure, baseline};
use tokio::time::Instant;

use super::act::label;
use super::parent::SEQUENCES;
use super::{Event, Owner, REDISCOVER};
use crate::metrics::{EffectLabel, ReasonLabel};
use crate::ports::{Cluster, WatchEvent};

/// Times in a row that an object may be found changed since it was seen (HAZARDS.md P8).
const MAX_CONFLICTS: u32 = 3;

/// Pause after an act task that could not act.
const RETRY: SignedDuration = SignedDuration::from_secs(2);

impl<C: Cluster> Owner<C> {
    /// Takes one event in.
    ///
    /// # Errors
    /// [`Reason::StaleWriter`] when another agent took over.
    pub(super) fn absorb(&mut self, event: Event) -> Result<(), Problem> {
        match event {
            Event::Watch(event) => {
                self.seen(event);
                self.count_unanswered();
            }
            Event::Gathered {
                desired,
                trust,
                approved,
            } => self.gathered(*desired, trust, approved),
            Event::Unchanged => self.unchanged(),
            Event::Away { problem, in_force } => self.gone_away(problem, in_force.map(|d| *d)),
            Event::Effect {
                application,
                effect,
                outcome,
            } => self.answered(Some(&application), &effect, *outcome),
            Event::Probed { asked, answers } => self.probed(&asked, answers),
            Event::Acted {
                application,
                problem,
            } => return self.acted(application, problem),
            Event::Discovered(found) => self.discovered(found),
            Event::Published(result) => self.published(result),
            Event::Saving(problem) => {
                self.unsaved.clone_from(&problem);
                self.stir();
                return problem.map_or(Ok(()), Self::lost);
            }
        }
        Ok(())
    }

    /// Sequence numbers above those set aside for this life are remembered: another status store, or a state that went
    /// back, must not let the next life begin below them (HAZARDS.md S4).
    fn published(&mut self, result: Result<u64, Problem>) {
        if let Ok(sequence) = result
            && sequence > self.state.sequence.saturating_add(SEQUENCES)
        {
            self.state.sequence = sequence;
        }
        self.unpublished = result.err();
        self.stir();
    }

    fn seen(&mut self, event: WatchEvent) {
        match event {
            WatchEvent::Listed(kind, records) => {
                self.observed.objects.remove_kind(&kind);
                self.observed.objects.extend(records);
                self.observed.broken.remove(&kind);
                if !self.observed.synced_kinds.insert(kind) {
                    // A watch that has to begin anew may mean that the cluster was restored (HAZARDS.md P5).
                    self.hands.parent.doubt();
                }
                self.shrunk = true;
                self.mark_all();
            }
            WatchEvent::Changed(id, record) => {
                if self.is_news(&id, &record) {
                    self.mark_owner(&id, Some(&record));
                    self.observed.absent.remove(&id);
                    self.observed.objects.insert(id, *record);
                }
            }
            WatchEvent::Gone(id) => {
                self.shrunk = true;
                let record = self.observed.objects.remove(&id);
                self.mark_owner(&id, record.as_ref());
            }
            WatchEvent::Broken(kind, problem) => {
                tracing::warn!(%kind, reason = %problem.reason, error = %problem.message, "watch broken");
                if problem.reason == Reason::KindMissing {
                    self.observed.synced_kinds.remove(&kind);
                    self.forget_missing_kinds();
                    self.rediscover_soon();
                } else if self.is_worth_saying(&kind, &problem)
                    && self.observed.broken.insert(kind, problem.clone()) != Some(problem)
                {
                    // What cannot be seen is not known: it is neither in sync nor gone.
                    self.mark_all();
                }
            }
            WatchEvent::Namespaces(namespaces) => {
                let kind = muster_model::GroupKind::new("", "Namespace");
                if self.observed.broken.remove(&kind).is_some() {
                    self.mark_all();
                }
                if self.observed.namespaces.as_ref() != Some(&namespaces) {
                    self.observed.namespaces = Some(namespaces);
                    self.mark_all();
                }
            }
        }
    }

    /// A kind that was never listed is not known anyway. That the API server is not ready to list it (429 while the
    /// storage of a new definition is made) is no failure (HAZARDS.md P9); that it may not be listed is.
    fn is_worth_saying(&self, kind: &muster_model::GroupKind, problem: &Problem) -> bool {
        let listed = self.observed.synced_kinds.contains(kind);
        listed || problem.reason.class() != Class::Transient
    }

    /// An older version never replaces a newer one, except after a relist.
    fn is_news(&self, id: &ObjectId, record: &Record) -> bool {
        let number = |record: &Record| record.resource_version.parse::<u64>().ok();
        let Some(old) = self.observed.objects.get(id) else {
            return true;
        };
        match (number(old), number(record)) {
            (Some(old), Some(new)) => new > old,
            _ => old != record,
        }
    }

    /// Marks the Applications that an object concerns: whose it says it is, who renders it, and who waits to delete what
    /// it lives in.
    pub(super) fn mark_owner(&mut self, id: &ObjectId, record: Option<&Record>) {
        let says = record
            .and_then(|r| r.applied.as_ref())
            .map(|mark| mark.application.clone());
        let renders = self.claims.rendered.get(id).into_iter().flatten().cloned();
        let scales = record
            .and_then(|r| r.scale_target.as_ref())
            .and_then(|target| self.claims.rendered.get(target))
            .into_iter()
            .flatten()
            .cloned();
        let left_git = |holder: &ObjectId| !self.claims.rendered.contains_key(holder);
        let waits = holders(id, self.observed.discovery.as_ref())
            .filter(left_git)
            .filter_map(|holder| self.observed.objects.get(&holder)?.applied.as_ref())
            .map(|mark| mark.application.clone());
        for application in says
            .into_iter()
            .chain(renders)
            .chain(scales)
            .chain(waits)
            .collect::<Vec<_>>()
        {
            self.mark(application);
        }
    }

    /// Takes the answer to an effect in; `application` is whose plan it was, none for what was only looked for.
    pub(super) fn answered(
        &mut self,
        application: Option<&ApplicationKey>,
        effect: &Effect,
        outcome: Outcome,
    ) {
        self.vitals
            .metrics
            .effects
            .get_or_create(&EffectLabel {
                effect: label(effect),
            })
            .inc();
        if let Some(object) = object_of(effect).filter(|_| outcome != Outcome::Conflict) {
            self.conflicts.remove(object);
        }
        match outcome {
            Outcome::Applied(record) => self.applied(effect, *record),
            Outcome::Patched(record) => {
                if let Some(object) = object_of(effect) {
                    self.memory.failures.remove(object);
                    self.observed.objects.insert(object.clone(), *record);
                }
            }
            Outcome::Gone => self.deleted(application, effect, true),
            Outcome::Deleting => self.deleted(application, effect, false),
            Outcome::Probed { found, absent } => {
                self.observed.objects.extend(found);
                self.observed.absent.extend(absent);
            }
            Outcome::Audited { drifted, mutated } => {
                self.audited(application, effect, drifted, mutated);
            }
            Outcome::Conflict => self.overtaken(application, effect),
            Outcome::Failed {
                reason,
                code,
                message,
                retry_after,
            } => {
                let told = Told {
                    reason,
                    code,
                    message,
                    retry_after,
                };
                self.failed(application, effect, told);
            }
        }
    }

    /// The object changed since it was seen: planned anew as it is now, and after the third time in a row with a pause,
    /// for then it is not seen as it is (HAZARDS.md P8).
    fn overtaken(&mut self, application: Option<&ApplicationKey>, effect: &Effect) {
        self.audit_later(application, effect);
        tracing::debug!(
            effect = label(effect),
            "changed since it was seen: planned anew"
        );
        let Some(object) = object_of(effect) else {
            return;
        };
        let times = self.conflicts.entry(object.clone()).or_default();
        *times += 1;
        if *times < MAX_CONFLICTS {
            return self.doubt(effect);
        }
        self.conflicts.remove(object);
        let told = Told {
            reason: Reason::ApplyFailed,
            code: 409,
            message: format!("it changed {MAX_CONFLICTS} times before it could be written"),
            retry_after: None,
        };
        self.failed(application, effect, told);
    }

    /// What is known of an object that is not ours is old: it is in no watch, so it is asked for again.
    fn doubt(&mut self, effect: &Effect) {
        let Some(object) = object_of(effect) else {
            return;
        };
        self.observed.absent.remove(object);
        let ours = |record: &Record| record.part_of.as_deref() == Some(&self.memory.applyset);
        if self
            .observed
            .objects
            .get(object)
            .is_some_and(|record| !ours(record))
        {
            self.observed.objects.remove(object);
        }
    }

    /// Notes what an audit found; the next plan heals it, or reports it.
    fn audited(
        &mut self,
        application: Option<&ApplicationKey>,
        effect: &Effect,
        drifted: Vec<String>,
        mutated: Vec<String>,
    ) {
        let (Effect::Audit { object, .. }, Some(application)) = (effect, application) else {
            return;
        };
        if !drifted.is_empty() {
            tracing::info!(%object, fields = drifted.len(), "an audit found other values");
        }
        let digest = self.digest_of(object).unwrap_or_default();
        let now = self.clock.now();
        self.memory
            .audits
            .note(application, object, now, (digest, drifted));
        let known = self.memory.baselines.get(object);
        let yielded = known.map(|known| known.yielded.clone());
        if let Some(record) = self.observed.objects.get(object)
            && (yielded.is_some() || !mutated.is_empty())
        {
            let seen = Record {
                mutated,
                ..record.clone()
            };
            let yielded = yielded.unwrap_or_default();
            if let Some(baseline) = baseline(&seen, &self.memory.manager, &yielded) {
                self.memory.baselines.insert(object.clone(), baseline);
            }
        }
    }

    /// An audit that came to nothing is not repeated at once: the object's turn comes again.
    fn audit_later(&mut self, application: Option<&ApplicationKey>, effect: &Effect) {
        if let (Effect::Audit { object, .. }, Some(application)) = (effect, application) {
            let turn = (object.clone(), self.clock.now());
            self.memory.audits.last.insert(application.clone(), turn);
        }
    }

    fn applied(&mut self, effect: &Effect, record: Record) {
        let Effect::Apply {
            object,
            cause,
            yielded,
            ..
        } = effect
        else {
            return;
        };
        if *cause == Cause::Drift {
            self.vitals.metrics.healed.inc();
            let heals = self.memory.heals.entry(object.clone()).or_default();
            note_heal(heals, self.clock.now());
            tracing::info!(%object, "healed");
        }
        self.memory.failures.remove(object);
        self.memory.audits.drifted.remove(object);
        self.observed.absent.remove(object);
        if let Some(baseline) = baseline(&record, &self.memory.manager, yielded) {
            self.memory.baselines.insert(object.clone(), baseline);
        }
        if let (Some(state), Some(known)) = (&record.namespace, &mut self.observed.namespaces) {
            let before = known.insert(object.name().to_owned(), (**state).clone());
            if before.as_ref() != Some(&**state) {
                self.mark_all();
            }
        }
        let known = self.observed.objects.get(object);
        if self.is_news(object, &record) {
            self.observed.objects.insert(object.clone(), record);
        } else if known.is_some_and(|known| known.applied != record.applied) {
            // What was seen is newer by its number, and yet not what was just applied: told late, by a server that went
            // back since. Only another look tells (HAZARDS.md L2).
            self.observed.objects.remove(object);
        }
    }

    fn deleted(&mut self, application: Option<&ApplicationKey>, effect: &Effect, gone: bool) {
        let (Effect::Delete { object, .. }, Some(application)) = (effect, application) else {
            return;
        };
        self.unanswered.remove(object);
        self.count_deletion(application);
        self.memory.failures.remove(object);
        self.shrunk = true;
        tracing::info!(%object, %application, "deleted");
        if gone {
            self.observed.objects.remove(object);
        } else {
            self.observed.objects.note_deleting(object);
        }
    }

    /// A deletion whose answer was lost may have been done: it counts once the object is seen to go (HAZARDS.md P2).
    fn may_be_deleted(&mut self, application: Option<&ApplicationKey>, effect: &Effect) {
        if let (Effect::Delete { object, uid, .. }, Some(application)) = (effect, application) {
            let unanswered = (application.clone(), uid.clone());
            self.unanswered.insert(object.clone(), unanswered);
            self.count_unanswered();
        }
    }

    /// Counts the deletions that were done without an answer.
    fn count_unanswered(&mut self) {
        let objects = &self.observed.objects;
        let gone = |id: &ObjectId, (_, uid): &mut (ApplicationKey, String)| {
            let record = objects.get(id);
            record.is_none_or(|record| record.deleting || record.uid != *uid)
        };
        let gone: Vec<_> = self.unanswered.extract_if(.., gone).collect();
        for (object, (application, _)) in gone {
            tracing::info!(%object, %application, "deleted, as is seen now");
            self.count_deletion(&application);
        }
    }

    fn failed(&mut self, application: Option<&ApplicationKey>, effect: &Effect, told: Told) {
        let Told {
            reason,
            code,
            message,
            retry_after,
        } = told;
        self.vitals
            .metrics
            .effect_failures
            .get_or_create(&ReasonLabel {
                reason: reason.name(),
            })
            .inc();
        self.audit_later(application, effect);
        let Some(object) = object_of(effect) else {
            tracing::warn!(%reason, code, error = %message, effect = label(effect), "failed");
            return;
        };
        tracing::warn!(%object, %reason, code, error = %message, effect = label(effect), "failed");
        if reason == Reason::KindMissing {
            self.rediscover_soon();
        }
        if code == 0 || code >= 500 {
            self.may_be_deleted(application, effect);
        }
        self.doubt(effect);
        let digest = self.digest_of(object).unwrap_or_default();
        let before = self.memory.failures.get(object);
        let attempts = before
            .filter(|failure| failure.digest == digest)
            .map_or(1, |failure| failure.attempts.saturating_add(1));
        let policy = application.and_then(|key| self.retry_of(key));
        let pause = retry::pause(policy, attempts, retry_after);
        let retry_at = self
            .clock
            .now()
            .checked_add(pause)
            .unwrap_or(Timestamp::MAX);
        self.memory.failures.insert(
            object.clone(),
            Failure {
                digest,
                reason,
                message,
                attempts,
                retry_at,
            },
        );
    }

    fn retry_of(&self, application: &ApplicationKey) -> Option<&Retry> {
        let application = self.desired.as_ref()?.applications.get(application)?;
        application.content.as_ref()?.policy.retry.as_ref()
    }

    fn digest_of(&self, object: &ObjectId) -> Option<String> {
        let application = self.claims.rendered.get(object)?.iter().next()?;
        let set = self
            .desired
            .as_ref()?
            .applications
            .get(application)?
            .content
            .as_ref()?;
        set.objects
            .iter()
            .find(|o| o.id == *object)
            .map(|o| o.digest.clone())
    }

    fn acted(
        &mut self,
        application: ApplicationKey,
        problem: Option<Problem>,
    ) -> Result<(), Problem> {
        if let Some(acting) = self.acting.remove(&application) {
            self.vitals
                .metrics
                .pass_seconds
                .observe(acting.since.elapsed().as_secs_f64());
            // After a problem it is not known whether the parent was written: it is declared again (HAZARDS.md P5).
            if problem.is_none() {
                let declared = &mut self.observed.parent;
                declared.kinds.extend(acting.declares.kinds);
                declared.namespaces.extend(acting.declares.namespaces);
            }
        }
        match problem {
            None => {
                self.act_problems.remove(&application);
            }
            Some(problem) => {
                tracing::warn!(%application, reason = %problem.reason, error = %problem.message, "could not act");
                self.act_problems
                    .insert(application.clone(), problem.clone());
                self.wakes.insert(
                    application.clone(),
                    self.clock
                        .now()
                        .checked_add(RETRY)
                        .unwrap_or(Timestamp::MAX),
                );
                Self::lost(problem)?;
            }
        }
        self.mark(application);
        Ok(())
    }

    fn discovered(&mut self, found: Result<muster_model::observed::Discovery, Problem>) {
        match found {
            Ok(discovery) => {
                if !discovery.failed_groups.is_empty() {
                    self.rediscover_soon();
                }
                if self.observed.discovery.as_ref() != Some(&discovery) {
                    self.observed.discovery = Some(discovery);
                    self.forget_missing_kinds();
                    self.rewatch();
                    self.send_scopes();
                    self.mark_all();
                }
            }
            Err(problem) => {
                tracing::warn!(reason = %problem.reason, error = %problem.message, "discovery failed");
                self.rediscover_soon();
            }
        }
    }

    /// Objects of a kind that is served no more went with it. The parent goes on declaring the kind: should it be served
    /// again with objects that are ours, they are found (HAZARDS.md P5).
    fn forget_missing_kinds(&mut self) {
        let Some(discovery) = &self.observed.discovery else {
            return;
        };
        let seen = self.observed.objects.keys().map(ObjectId::group_kind);
        let missing: BTreeSet<_> = seen
            .chain(self.observed.synced_kinds.iter().cloned())
            .filter(|kind| !discovery.kinds.contains_key(kind))
            .filter(|kind| !discovery.failed_groups.contains(&kind.group))
            .collect();
        for kind in &missing {
            tracing::warn!(%kind, "no longer served: its objects are gone");
            self.observed.objects.remove_kind(kind);
            self.observed.synced_kinds.remove(kind);
            self.observed.broken.remove(kind);
        }
        if !missing.is_empty() {
            self.mark_all();
        }
    }

    pub(super) fn rediscover_soon(&mut self) {
        let at = Instant::now() + REDISCOVER;
        self.rediscover_at = Some(self.rediscover_at.map_or(at, |already| already.min(at)));
    }
}

/// The one object an effect is about.
fn object_of(effect: &Effect) -> Option<&ObjectId> {
    match effect {
        Effect::Probe { .. } | Effect::Audit { .. } => None,
        Effect::Apply { object, .. }
        | Effect::Delete { object, .. }
        | Effect::Release { object, .. }
        | Effect::Adopt { object, .. } => Some(object),
    }
}

/// What a failed effect tells.
struct Told {
    reason: Reason,
    code: u16,
    message: String,
    retry_after: Option<u32>,
}
