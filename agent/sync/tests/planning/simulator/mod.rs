//! A cluster in memory that keeps managed fields as server-side apply does, and an agent that carries plans out on it.
//! Every plan passes the linter.

mod cluster;

use std::collections::{BTreeMap, BTreeSet};

use jiff::{SignedDuration, Timestamp};
use muster_model::effect::{Cause, Effect};
use muster_model::observed::Observed;
use muster_model::release::Release;
use muster_model::{
    ApplicationKey, Budgets, CommitId, Digest, Manifest, ObjectId, Reason, Revision, yaml,
};
use muster_sync::{
    Claims, ClusterDeletions, Context, Deletions, DesiredObject, DesiredSet, Evidence, Failure,
    Ledger, Memory, Plan, Policy, Removal, Subject, Violation, baseline, body, check, fights,
    leaving, plan, plan_removal, reduce_response,
};

pub(crate) use cluster::Cluster;

pub(crate) const APPLYSET: &str = "applyset-test-v1";
pub(crate) const MANAGER: &str = "muster.bookstore";

/// One agent, its Applications, and its cluster.
pub(crate) struct World {
    pub(crate) cluster: Cluster,
    pub(crate) sets: BTreeMap<ApplicationKey, DesiredSet>,
    pub(crate) memory: Memory,
    pub(crate) ledgers: BTreeMap<ApplicationKey, Ledger>,
    pub(crate) approved: BTreeSet<Digest>,
    pub(crate) unknown: BTreeSet<ApplicationKey>,
    pub(crate) absent: BTreeSet<ObjectId>,
    pub(crate) now: Timestamp,
    /// Deletes carried out.
    pub(crate) deleted: Vec<ObjectId>,
    /// Applies carried out, and why.
    pub(crate) applied: Vec<(ObjectId, Cause)>,
}

pub(crate) fn key(name: &str) -> ApplicationKey {
    ApplicationKey::new("shop", name)
}

/// A policy that prunes and heals.
pub(crate) fn automatic() -> Policy {
    Policy {
        automated: true,
        prune: true,
        self_heal: true,
        ..Policy::default()
    }
}

pub(crate) fn commit(n: u8) -> CommitId {
    CommitId::new(format!("{n:02x}").repeat(20)).expect("a commit id")
}

/// An Application that renders these YAML documents, in the namespace they name.
pub(crate) fn application(name: &str, n: u8, documents: &str, policy: Policy) -> DesiredSet {
    let revision = Revision {
        name: "main".to_owned(),
        commit_id: commit(n),
    };
    let objects = yaml::read(documents.as_bytes(), &Budgets::default(), 0)
        .expect("valid YAML")
        .into_iter()
        .map(|node| Manifest::new(node).expect("an object"))
        .map(|manifest| DesiredObject::new(manifest, b"key").expect("a supported object"))
        .collect::<Vec<_>>();
    DesiredSet {
        application: key(name),
        release: Release {
            hub: revision.clone(),
            sources: vec![revision],
            inputs: Digest::of(documents.as_bytes()),
        },
        objects: objects.into(),
        policy,
        evidence: Evidence {
            trusted: true,
            fleet_parsed: true,
            rendered: true,
        },
        applied_before: false,
    }
}

impl World {
    pub(crate) fn new() -> Self {
        Self {
            cluster: Cluster::new(),
            sets: BTreeMap::new(),
            memory: Memory {
                applyset: APPLYSET.to_owned(),
                manager: MANAGER.to_owned(),
                ..Memory::default()
            },
            ledgers: BTreeMap::new(),
            approved: BTreeSet::new(),
            unknown: BTreeSet::new(),
            absent: BTreeSet::new(),
            now: Timestamp::from_second(1_000_000).expect("a time"),
            deleted: Vec::new(),
            applied: Vec::new(),
        }
    }

    /// Brings a release in force: the ledger is opened with what the cluster has.
    pub(crate) fn enforce(&mut self, set: DesiredSet) {
        let wanted = set.objects.iter().map(|o| o.id.clone()).collect();
        let before = self
            .sets
            .get(&set.application)
            .map(|set| set.release.hub.commit_id.clone());
        let application = set.application.clone();
        self.sets.insert(application.clone(), set);
        let (observed, claims) = (self.observe(), self.claims());
        let context = self.context(&observed, &claims, &NO_DELETIONS);
        let ledger = Ledger::open(&application, before, &wanted, &context);
        self.ledgers.insert(application, ledger);
    }

    pub(crate) fn observe(&self) -> Observed {
        Observed {
            absent: self.absent.clone(),
            ..self.cluster.observe()
        }
    }

    fn claims(&self) -> Claims {
        let mut claims = Claims {
            unknown: self.unknown.clone(),
            unrecorded: self.unknown.clone(),
            ..Claims::default()
        };
        for set in self.sets.values() {
            claims.add(&set.application, set.objects.iter().map(|o| &o.id));
        }
        claims
    }

    fn context<'a>(
        &'a self,
        observed: &'a Observed,
        claims: &'a Claims,
        deletions: &'a Deletions,
    ) -> Context<'a> {
        Context {
            observed,
            claims,
            memory: &self.memory,
            deletions,
            now: self.now,
        }
    }

    fn deletions(&self, application: &ApplicationKey, observed: &Observed) -> Deletions {
        let claims = self.claims();
        let context = self.context(observed, &claims, &NO_DELETIONS);
        let wanted: usize = self
            .sets
            .values()
            .map(|set| {
                let ids = set.objects.iter().map(|o| o.id.clone()).collect();
                leaving(&set.application, &ids, &context).len()
            })
            .sum();
        let count = |n: usize| u32::try_from(n).expect("a small number");
        Deletions {
            ledger: self.ledgers.get(application).cloned().unwrap_or_default(),
            cluster: ClusterDeletions {
                owned: count(observed.objects.len()),
                deleted: self.ledgers.values().map(|ledger| ledger.deleted).sum(),
                wanted: count(wanted),
            },
            approved: self.approved.clone(),
            protected: BTreeSet::new(),
        }
    }

    /// Plans one Application, and lets the linter judge.
    pub(crate) fn plan(&self, name: &str) -> Plan {
        let observed = self.observe();
        let claims = self.claims();
        let deletions = self.deletions(&key(name), &observed);
        let context = self.context(&observed, &claims, &deletions);
        let set = &self.sets[&key(name)];
        let plan = plan(set, &context);
        let violations = check(&plan, Subject::Release(set), &context);
        assert!(violations.is_empty(), "{violations:?}\n{plan:#?}");
        plan
    }

    /// What the linter says of a plan of an Application that stands.
    pub(crate) fn violations(&self, plan: &Plan) -> Vec<Violation> {
        let observed = self.observe();
        let claims = self.claims();
        let deletions = self.deletions(&plan.application, &observed);
        let context = self.context(&observed, &claims, &deletions);
        check(
            plan,
            Subject::Release(&self.sets[&plan.application]),
            &context,
        )
    }

    /// Plans the end of an Application that is gone.
    pub(crate) fn plan_removal(&self, removal: &Removal) -> Plan {
        let observed = self.observe();
        let claims = self.claims();
        let deletions = self.deletions(&removal.application, &observed);
        let context = self.context(&observed, &claims, &deletions);
        let plan = plan_removal(removal, &context);
        let violations = check(&plan, Subject::Removal(removal), &context);
        assert!(violations.is_empty(), "{violations:?}\n{plan:#?}");
        plan
    }

    /// Plans and acts until no Application has anything left to do; how many effects that took.
    pub(crate) fn settle(&mut self) -> usize {
        let mut effects = 0;
        for round in 0.. {
            assert!(round < 20, "no fixpoint");
            let before = effects;
            let names: Vec<_> = self.sets.keys().cloned().collect();
            for application in names {
                let plan = self.plan(&application.name);
                effects += plan.effects().count();
                self.act(&plan);
            }
            if effects == before {
                break;
            }
        }
        effects
    }

    /// Carries a plan out; a failure drops the rest.
    pub(crate) fn act(&mut self, plan: &Plan) {
        for (id, digest) in &plan.completed_jobs {
            self.memory
                .completed_jobs
                .insert(id.clone(), digest.clone());
        }
        for step in &plan.steps {
            let mut failed = false;
            for effect in &step.effects {
                failed |= !self.carry_out(plan, effect);
            }
            if failed {
                return;
            }
        }
    }

    fn carry_out(&mut self, plan: &Plan, effect: &Effect) -> bool {
        match effect {
            Effect::Probe { objects } => {
                for id in objects {
                    if !self.cluster.probe(id) {
                        self.absent.insert(id.clone());
                    }
                }
                true
            }
            Effect::Audit { .. } => true,
            Effect::Apply {
                object,
                cause,
                force,
                yielded,
                ..
            } => self.apply(plan, object, *cause, *force, yielded),
            Effect::Adopt {
                object, managers, ..
            } => {
                self.cluster.fold(&self.memory.manager, object, managers);
                true
            }
            Effect::Delete { object, uid, .. } => {
                assert!(self.cluster.delete(object, uid), "{object} is not there");
                if let Some(ledger) = self.ledgers.get_mut(&plan.application) {
                    ledger.deleted += 1;
                }
                self.deleted.push(object.clone());
                self.absent.insert(object.clone());
                self.memory.failures.remove(object);
                true
            }
            Effect::Release { object, .. } => {
                self.cluster.release(object);
                true
            }
        }
    }

    fn apply(
        &mut self,
        plan: &Plan,
        id: &ObjectId,
        cause: Cause,
        force: bool,
        yielded: &[String],
    ) -> bool {
        let set = &self.sets[&plan.application];
        let sent = body(set, &self.memory, id, yielded).expect("a body").node;
        let digest = set.objects.iter().find(|o| o.id == *id);
        let digest = digest.map(|o| o.digest.clone()).unwrap_or_default();
        self.absent.remove(id);
        match self
            .cluster
            .apply_as(&self.memory.manager, id, &sent, force)
        {
            Ok(()) => {
                self.applied.push((id.clone(), cause));
                self.memory.failures.remove(id);
                let record = reduce_response(&sent, &self.cluster.node(id));
                if let Some(baseline) = baseline(&record, &self.memory.manager, yielded) {
                    self.memory.baselines.insert(id.clone(), baseline);
                }
                if cause == Cause::Drift {
                    let heals = self.memory.heals.entry(id.clone()).or_default();
                    fights::note_heal(heals, self.now);
                }
                true
            }
            Err(reason) => {
                let failure = Failure {
                    digest,
                    reason,
                    message: format!("{id} was refused"),
                    attempts: 1,
                    retry_at: self.now + SignedDuration::from_secs(60),
                };
                self.memory.failures.insert(id.clone(), failure);
                false
            }
        }
    }

    /// Forgets what a restart forgets.
    pub(crate) fn restart(&mut self) {
        self.memory.baselines.clear();
        self.memory.heals.clear();
        self.memory.failures.clear();
        self.absent.clear();
        self.cluster.forget_probes();
    }

    pub(crate) fn pass_time(&mut self, seconds: i64) {
        self.now += SignedDuration::from_secs(seconds);
    }

    /// The reasons of a plan's problems.
    pub(crate) fn reasons(&self, name: &str) -> Vec<Reason> {
        self.plan(name).problems.iter().map(|p| p.reason).collect()
    }
}

static NO_DELETIONS: Deletions = Deletions {
    ledger: Ledger {
        before: None,
        total: 0,
        size: 0,
        deleted: 0,
        leaving: BTreeSet::new(),
    },
    cluster: ClusterDeletions {
        owned: 0,
        deleted: 0,
        wanted: 0,
    },
    approved: BTreeSet::new(),
    protected: BTreeSet::new(),
};
