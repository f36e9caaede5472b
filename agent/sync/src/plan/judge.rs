//! How each desired object stands, and what it asks for.

use std::collections::{BTreeMap, BTreeSet};

use jiff::Timestamp;
use muster_model::effect::Cause;
use muster_model::observed::{HealthReport, Record};
use muster_model::{Health, Node, ObjectId, Problem, Reason, marks};

use super::place::{self, Delivered, Place};
use super::{ObjectReport, ObjectState};
use crate::context::{Context, Failure};
use crate::coverage::{Coverage, covers_except, taken_from_within};
use crate::desired::{DesiredObject, DesiredSet};
use crate::fights;
use crate::former::{BEFORE_FIRST_APPLY, former_managers};
use crate::ownership::{Ownership, other_managers, own_fields, ownership, ownership_by};
use crate::record::MANAGER_PREFIX;
use crate::reserved::refusal;
use crate::retry;
use crate::yields::{Foreign, Yields, foreign_fields, scaled, yields};

/// What an object asks for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Action {
    /// Nothing.
    None,
    /// To learn whether it exists.
    Probe,
    /// To be applied, after former managers' fields are folded into ours.
    Apply {
        /// Why.
        cause: Cause,
        /// Whether conflicts are overridden.
        force: bool,
        /// Managers to fold first.
        fold: Vec<String>,
    },
    /// To be deleted, and made anew.
    Recreate,
}

/// How one desired object stands.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Verdict {
    pub(super) state: ObjectState,
    pub(super) action: Action,
    pub(super) health: Option<HealthReport>,
    pub(super) yielded: Vec<String>,
    pub(super) problem: Option<Problem>,
    /// When to look again though nothing happens.
    pub(super) wake: Option<Timestamp>,
}

impl Verdict {
    fn of(state: ObjectState) -> Self {
        Self {
            state,
            action: Action::None,
            health: None,
            yielded: Vec::new(),
            problem: None,
            wake: None,
        }
    }

    fn refused(problem: Problem) -> Self {
        Self {
            problem: Some(problem.clone()),
            ..Self::of(ObjectState::Refused(problem.reason))
        }
    }

    fn waiting(problem: Problem) -> Self {
        Self {
            problem: Some(problem.clone()),
            ..Self::of(ObjectState::Waiting(problem.reason))
        }
    }

    fn acting(state: ObjectState, action: Action) -> Self {
        Self {
            action,
            ..Self::of(state)
        }
    }

    fn apply(state: ObjectState, cause: Cause, force: bool) -> Self {
        let fold = Vec::new();
        Self::acting(state, Action::Apply { cause, force, fold })
    }

    /// What the plan says of the object.
    pub(super) fn report(&self) -> ObjectReport {
        ObjectReport {
            state: self.state,
            health: self.health.clone(),
            yielded: self.yielded.clone(),
        }
    }
}

/// Judges every desired object.
pub(super) fn judge_all(
    desired: &DesiredSet,
    context: &Context<'_>,
) -> BTreeMap<ObjectId, Verdict> {
    let judge = Judge {
        desired,
        context,
        scaled: scaled(desired, context),
        delivered: Delivered::by(desired),
    };
    let mut verdicts = desired
        .objects
        .iter()
        .map(|object| (object.id.clone(), judge.judge(object)))
        .collect();
    hold_homeless(&mut verdicts, desired, context);
    verdicts
}

/// Objects whose namespace does not exist wait, unless this very plan makes it.
fn hold_homeless(
    verdicts: &mut BTreeMap<ObjectId, Verdict>,
    desired: &DesiredSet,
    context: &Context<'_>,
) {
    let Some(known) = &context.observed.namespaces else {
        return;
    };
    let made: BTreeSet<String> = verdicts
        .iter()
        .filter(|(id, verdict)| {
            **id == place::namespace_id(id.name()) && matches!(verdict.action, Action::Apply { .. })
        })
        .map(|(id, _)| id.name().to_owned())
        .chain(
            desired
                .policy
                .create_namespace
                .clone()
                .filter(|name| super::home::is_made(name, context)),
        )
        .collect();
    for (id, verdict) in verdicts {
        let home = known.contains_key(id.namespace()) || made.contains(id.namespace());
        if verdict.action != Action::None && !id.namespace().is_empty() && !home {
            *verdict = Verdict::waiting(place::homeless(id));
        }
    }
}

struct Judge<'a> {
    desired: &'a DesiredSet,
    context: &'a Context<'a>,
    scaled: BTreeSet<ObjectId>,
    delivered: Delivered,
}

impl Judge<'_> {
    fn judge(&self, object: &DesiredObject) -> Verdict {
        if let Some(problem) = refusal(
            &object.id,
            object.reserved_field.clone(),
            &self.context.memory.own,
        ) {
            return Verdict::refused(problem);
        }
        if let Some(problem) = self.claimed_twice(object) {
            return Verdict::refused(problem);
        }
        let record = self.context.observed.objects.get(&object.id);
        let mut verdict = match place::of(object, &self.delivered, self.context) {
            Place::Unknown(problem) => Verdict {
                problem,
                ..Verdict::of(ObjectState::Unknown)
            },
            Place::Blocked(problem) => Verdict::waiting(problem),
            Place::Ready { known_absent } => match record {
                Some(record) => self.live(object, record),
                None => self.absent(object, known_absent),
            },
        };
        verdict.health = match verdict.state {
            ObjectState::Done => Some(done()),
            ObjectState::Unknown => None,
            _ => record.and_then(|record| record.health.clone()),
        };
        self.hold_back(object, verdict)
    }

    /// The Application that holds an object keeps it; while none does, all that render it are refused.
    fn claimed_twice(&self, object: &DesiredObject) -> Option<Problem> {
        let own = &self.desired.application;
        let mut others = self.context.claims.others(&object.id, own).peekable();
        let holder = self
            .context
            .observed
            .objects
            .get(&object.id)
            .and_then(|record| record.applied.as_ref())
            .filter(|mark| mark.object == object.id)
            .map(|mark| &mark.application);
        if holder == Some(own) {
            return None;
        }
        let waits = holder.is_some_and(|h| self.context.claims.unknown.contains(h));
        let other = others.peek().copied().or(holder.filter(|_| waits))?;
        let problem = Problem::new(
            Reason::ClaimedTwice,
            format!("{} is also rendered by the Application {other}", object.id),
        );
        Some(problem)
    }

    fn absent(&self, object: &DesiredObject, known_absent: bool) -> Verdict {
        let completed = self.context.memory.completed_jobs.get(&object.id);
        if completed == Some(&object.digest) {
            return Verdict::of(ObjectState::Done);
        }
        if !self.desired.policy.self_heal && self.desired.applied_before {
            return self.self_heal_off(object, ObjectState::Missing);
        }
        if !known_absent && !self.context.observed.absent.contains(&object.id) {
            return Verdict::acting(ObjectState::Missing, Action::Probe);
        }
        // Once the release was applied, what is missing was deleted by somebody: made again, but not at any pace.
        let cause = if self.desired.applied_before {
            Cause::Drift
        } else {
            Cause::Create
        };
        let healing = Verdict::apply(ObjectState::Missing, cause, false);
        self.paced(object, healing, || "deleted again and again".to_owned())
    }

    fn live(&self, object: &DesiredObject, record: &Record) -> Verdict {
        if record.deleting {
            return Verdict::of(ObjectState::Deleting);
        }
        let memory = self.context.memory;
        let body = object.body();
        let others = foreign_fields(record, &memory.manager);
        let left = yields((object, &body), &others, &self.scaled, self.desired);
        let fields = own_fields(record, &memory.manager);
        let whose = ownership_by(&object.id, record, Some(&body), memory, fields.as_ref());
        let fields = fields.unwrap_or_default();
        let mut verdict = match whose {
            Ownership::Ours(mark) if mark.application != self.desired.application => {
                Verdict::apply(ObjectState::Changed, Cause::Handover, true)
            }
            Ownership::Ours(mark) if mark.digest != object.digest => {
                Verdict::apply(ObjectState::Changed, Cause::Update, true)
            }
            Ownership::Ours(_) if !owns_labels(&fields) => self.drifted(object, record, &[]),
            Ownership::Ours(_) => {
                let coverage = coverage_of(&fields, &body, &others, &left);
                self.compare(object, record, coverage, &left)
            }
            Ownership::Stripped => self.drifted(object, record, &[]),
            Ownership::Unclaimed | Ownership::Copied if record.controller.is_none() => {
                adopt(record, &memory.manager)
            }
            Ownership::Foreign {
                controlled: false, ..
            } if self.desired.policy.adopt => adopt(record, &memory.manager),
            Ownership::Copied => not_ours(object, "a controller", true),
            Ownership::Unclaimed => not_ours(object, "a controller", true),
            Ownership::Foreign { by, controlled } => not_ours(object, &by, controlled),
        };
        verdict.yielded = left.omitted;
        verdict
    }

    /// An object of ours whose mark has the digest that Git has: is every field still ours?
    fn compare(
        &self,
        object: &DesiredObject,
        record: &Record,
        coverage: Coverage,
        left: &Yields,
    ) -> Verdict {
        let leftovers = leftover_managers(record, &self.context.memory.manager);
        match coverage {
            Coverage::Full if !leftovers.is_empty() => Verdict::acting(
                ObjectState::Drifted,
                Action::Apply {
                    cause: Cause::Adoption,
                    force: true,
                    fold: leftovers,
                },
            ),
            Coverage::Full => self.in_sync(object, record, left),
            Coverage::Missing(_) | Coverage::Inconclusive(_)
                if self.is_baseline(object, record, left) =>
            {
                self.in_sync(object, record, left)
            }
            Coverage::Missing(paths) => self.drifted(object, record, &paths),
            Coverage::Inconclusive(_) => {
                Verdict::apply(ObjectState::Drifted, Cause::Baseline, true)
            }
        }
    }

    /// True when our fields are as they were right after the last apply of this content, and what that left to others
    /// still is left to them.
    fn is_baseline(&self, object: &DesiredObject, record: &Record, left: &Yields) -> bool {
        let memory = self.context.memory;
        let known = memory.baselines.get(&object.id);
        super::baseline(record, &memory.manager, &[])
            .zip(known)
            .is_some_and(|(now, known)| {
                now.digest == known.digest
                    && now.fields == known.fields
                    && known.yielded.iter().all(|field| left.ignores(field))
            })
    }

    /// In sync, unless an audit found another value; a webhook may still have had the last word on one.
    fn in_sync(&self, object: &DesiredObject, record: &Record, left: &Yields) -> Verdict {
        let found = self.context.memory.audits.found(&object.id, &object.digest);
        let drifted: Vec<String> = found
            .iter()
            .filter(|field| !left.ignores(field))
            .cloned()
            .collect();
        if !drifted.is_empty() {
            return self.drifted(object, record, &drifted);
        }
        let mutated = self
            .context
            .memory
            .baselines
            .get(&object.id)
            .filter(|baseline| baseline.digest == object.digest)
            .and_then(|baseline| baseline.mutated.first());
        Verdict {
            problem: mutated.map(|pointer| {
                Problem::new(
                    Reason::Mutated,
                    format!("a webhook changes a value of {}", object.id),
                )
                .field(pointer.as_str())
            }),
            ..Verdict::of(ObjectState::InSync)
        }
    }

    fn drifted(&self, object: &DesiredObject, record: &Record, paths: &[String]) -> Verdict {
        if !self.desired.policy.self_heal {
            return self.self_heal_off(object, ObjectState::Drifted);
        }
        let manager = &self.context.memory.manager;
        let healing = Verdict::acting(
            ObjectState::Drifted,
            Action::Apply {
                cause: Cause::Drift,
                force: true,
                fold: leftover_managers(record, manager),
            },
        );
        self.paced(object, healing, || {
            let others = other_managers(record, &object.body(), paths, manager).join(", ");
            format!("changed again and again by {others}")
        })
    }

    /// Slows the healing of an object that somebody else keeps changing.
    fn paced(
        &self,
        object: &DesiredObject,
        healing: Verdict,
        how: impl FnOnce() -> String,
    ) -> Verdict {
        let heals = self.context.memory.heals.get(&object.id);
        let Some(next) = heals.and_then(|heals| fights::next_heal(heals, self.context.now)) else {
            return healing;
        };
        let problem = Problem::new(Reason::Contended, format!("{} is {}", object.id, how()));
        if next > self.context.now {
            return Verdict {
                wake: Some(next),
                ..Verdict::waiting(problem)
            };
        }
        Verdict {
            problem: Some(problem),
            ..healing
        }
    }

    fn self_heal_off(&self, object: &DesiredObject, state: ObjectState) -> Verdict {
        Verdict {
            problem: Some(Problem::new(
                Reason::SelfHealOff,
                format!("{} was changed in the cluster", object.id),
            )),
            ..Verdict::of(state)
        }
    }

    /// What is said of an apply that failed.
    fn failed(&self, failure: &Failure) -> Problem {
        let problem = Problem::new(failure.reason, failure.message.clone());
        if !retry::is_exhausted(self.desired.policy.retry.as_ref(), failure.attempts) {
            return problem;
        }
        let minutes = retry::SLOWEST.as_secs() / 60;
        problem.remedy(format!(
            "the retries that the Application asks for are used up: tried again every {minutes} minutes, and at once \
             when the object changes in Git"
        ))
    }

    /// Only what is ours by every test may be deleted to be made anew; anything else says why it stands still.
    fn is_ours(&self, object: &DesiredObject) -> bool {
        let memory = self.context.memory;
        let record = self.context.observed.objects.get(&object.id);
        record.is_some_and(|record| {
            let whose = ownership(&object.id, record, Some(&object.body()), memory);
            matches!(whose, Ownership::Ours(_))
        })
    }

    /// Holds an action back that failed a moment ago, or that the policy does not want.
    fn hold_back(&self, object: &DesiredObject, verdict: Verdict) -> Verdict {
        if !matches!(verdict.action, Action::Apply { .. }) {
            return verdict;
        }
        let failure = self
            .context
            .memory
            .failures
            .get(&object.id)
            .filter(|failure| failure.digest == object.digest);
        let Some(failure) = failure else {
            return verdict;
        };
        let may_recreate = object.options.recreate || self.desired.policy.recreate;
        if failure.reason == Reason::ImmutableField && may_recreate && self.is_ours(object) {
            return Verdict {
                action: Action::Recreate,
                ..verdict
            };
        }
        let problem = self.failed(failure);
        if failure.retry_at > self.context.now {
            return Verdict {
                action: Action::None,
                problem: Some(problem),
                wake: Some(failure.retry_at),
                ..verdict
            };
        }
        Verdict {
            problem: Some(problem),
            ..verdict
        }
    }
}

/// Whether every desired field that is not left to others is ours, also beside what others own.
fn coverage_of(fields: &Node, body: &Node, others: &[Foreign<'_>], left: &Yields) -> Coverage {
    let alone = covers_except(fields, body, &left.ignored);
    if alone != Coverage::Full {
        return alone;
    }
    let taken: Vec<String> = others
        .iter()
        .flat_map(|other| taken_from_within(fields, body, &other.fields))
        .filter(|field| !left.ignores(field))
        .collect();
    if taken.is_empty() {
        Coverage::Full
    } else {
        Coverage::Missing(taken)
    }
}

/// True while our labels are ours; the annotation is part of ownership itself.
fn owns_labels(fields: &Node) -> bool {
    [marks::APPLYSET_PART_OF, marks::APPLICATION]
        .iter()
        .all(|label| {
            fields
                .at_path(&["f:metadata", "f:labels", &format!("f:{label}")])
                .is_some()
        })
}

/// Takes an existing object over: former managers' fields first, so that what leaves Git later really goes.
fn adopt(record: &Record, own: &str) -> Verdict {
    Verdict::acting(
        ObjectState::Changed,
        Action::Apply {
            cause: Cause::Adoption,
            force: true,
            fold: former_managers(record, own),
        },
    )
}

/// Managers whose fields would stay behind: the one the server invents when managed fields were cleared (HAZARDS.md
/// T-82), and our own under the fleet's former name.
fn leftover_managers(record: &Record, own: &str) -> Vec<String> {
    record
        .managers
        .iter()
        .filter(|entry| {
            entry.manager == BEFORE_FIRST_APPLY
                || (entry.operation == "Apply"
                    && entry.manager.starts_with(MANAGER_PREFIX)
                    && entry.manager != own)
        })
        .map(|entry| entry.manager.clone())
        .collect()
}

fn not_ours(object: &DesiredObject, by: &str, controlled: bool) -> Verdict {
    let problem = Problem::new(Reason::NotOurs, format!("{} belongs to {by}", object.id));
    Verdict::refused(if controlled {
        problem.remedy("remove it from Git: its controller makes it")
    } else {
        problem
    })
}

fn done() -> HealthReport {
    HealthReport {
        health: Health::Healthy,
        message: "the Job ran to its end".to_owned(),
    }
}
