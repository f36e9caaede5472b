//! Where every template of a placement goes, and what that makes of one cluster.

use std::collections::{BTreeMap, BTreeSet};

use muster_model::kinds::{Scope, Scopes};
use muster_model::{
    ApplicationKey, ClusterName, Digest, Location, Manifest, Problem, Reason, marks,
};

use super::affinity::ClusterAffinity;
use super::policy::{PropagationPolicy, Strategy, Suspended};
use super::schedule::{Share, schedule};
use super::webster::{Party, divide};
use super::workload::{self, Workload};
use super::{OverridePolicy, Placement, Policies, overrides, selector};
use crate::application::{Application, OnRemoval};
use crate::destination::Written;
use crate::fleet::{Cluster, ClusterState};
use crate::hub::Hub;

/// Where every template of a placement goes, in the whole fleet.
#[derive(Debug, Clone, PartialEq)]
pub struct Assignment<'a> {
    hub: &'a Hub,
    placement: &'a Placement,
    /// By policy and namespace.
    groups: BTreeMap<(usize, String), Group>,
    /// What is wrong; what it is about is in [`Self::in_doubt`].
    pub problems: Vec<Problem>,
    /// What is worth knowing.
    pub warnings: Vec<Problem>,
    /// The names of Applications that may lack an object by error: nothing of them is pruned.
    pub in_doubt: BTreeSet<String>,
}

/// The templates of one policy and namespace.
#[derive(Debug, Clone, PartialEq, Default)]
struct Group {
    templates: Vec<Template>,
}

#[derive(Debug, Clone, PartialEq)]
struct Template {
    object: Manifest,
    shares: BTreeMap<ClusterName, Counts>,
}

/// An object's share on one cluster.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Counts {
    /// `None` for what runs no replicas.
    replicas: Option<i64>,
    /// Of a Job that has them written down.
    completions: Option<i64>,
}

/// What one policy places on one cluster.
#[derive(Debug, Clone, PartialEq)]
pub struct Placed {
    /// The Application it is.
    pub application: Application,
    /// The objects, or why they are not known: then what runs stays.
    pub objects: Result<Vec<Manifest>, Vec<Problem>>,
    /// What was decided, beside what the templates were rendered from.
    pub decision: Digest,
}

/// Finds the policy, the clusters and the replicas of every template.
#[must_use]
pub fn assign<'a>(
    hub: &'a Hub,
    placement: &'a Placement,
    templates: &[Manifest],
    scopes: &Scopes,
) -> Assignment<'a> {
    let mut assignment = Assignment {
        hub,
        placement,
        groups: BTreeMap::new(),
        problems: Vec::new(),
        warnings: Vec::new(),
        in_doubt: BTreeSet::new(),
    };
    assignment.missing_overrides();
    let mut used = BTreeSet::new();
    for template in templates {
        let object = in_scope(template.clone(), &placement.entry.namespace, scopes);
        if let Some(index) = placement.policies.winner(&object) {
            used.insert(index);
            assignment.place(index, object);
        }
    }
    assignment.warn(&used);
    assignment
}

/// A namespaced template without a namespace is in the entry's; a cluster-scoped one is in none.
fn in_scope(object: Manifest, namespace: &str, scopes: &Scopes) -> Manifest {
    match scopes.of(&object.gvk().group_kind()) {
        Some(Scope::Namespaced) if object.namespace().is_empty() => object.in_namespace(namespace),
        Some(Scope::Cluster) if !object.namespace().is_empty() => object.in_namespace(""),
        Some(Scope::Namespaced | Scope::Cluster) | None => object,
    }
}

impl Policies {
    /// The policy that places an object: one of its namespace before one of the whole fleet, then the higher priority,
    /// then the more precise selector, then the lower name.
    fn winner(&self, object: &Manifest) -> Option<usize> {
        let candidate = |(index, policy): (usize, &PropagationPolicy)| {
            let precision = selector::precision(&policy.selectors, object)?;
            let is_local = policy.namespace.is_some();
            let name = std::cmp::Reverse(policy.name.clone());
            Some(((is_local, policy.priority, precision, name), index))
        };
        let matching = self.propagation.iter().enumerate().filter_map(candidate);
        matching.max().map(|(_, index)| index)
    }
}

impl<'a> Assignment<'a> {
    fn policy(&self, index: usize) -> Option<&'a PropagationPolicy> {
        self.placement.policies.propagation.get(index)
    }

    fn place(&mut self, index: usize, object: Manifest) {
        let Some(policy) = self.policy(index) else {
            return;
        };
        let workload = Workload::of(&object);
        let fleet = &self.hub.fleet;
        let group = (index, object.namespace().to_owned());
        match schedule(fleet, policy, workload.as_ref()) {
            Ok(shares) => {
                let completions = completions_of(policy, &object, &shares);
                let shares = shares.iter().zip(completions).map(|(share, completions)| {
                    let counts = Counts {
                        replicas: share.replicas,
                        completions,
                    };
                    (share.cluster.name.clone(), counts)
                });
                let shares = shares.collect();
                let group = self.groups.entry(group).or_default();
                group.templates.push(Template { object, shares });
            }
            Err(why) => {
                let message = format!("{} places {} nowhere: {why}", policy.title(), object.id());
                self.problems.push(
                    Problem::new(Reason::Unschedulable, message)
                        .at(policy.origin.clone())
                        .field("spec.placement"),
                );
                self.in_doubt.insert(self.name_of(policy, &group.1));
                self.groups.entry(group).or_default();
            }
        }
    }

    /// A policy waits for the override policies it depends on.
    fn missing_overrides(&mut self) {
        let policies = &self.placement.policies;
        for policy in &policies.propagation {
            let is_there = |name: &&String| {
                let same = |o: &OverridePolicy| o.name == **name && o.namespace == policy.namespace;
                policies.overrides.iter().any(same)
            };
            for name in policy.dependent_overrides.iter().filter(|n| !is_there(n)) {
                let message = format!(
                    "{} depends on the override policy `{name}`, which is not there",
                    policy.title()
                );
                self.problems.push(
                    Problem::new(Reason::MissingField, message)
                        .at(policy.origin.clone())
                        .field("spec.dependentOverrides"),
                );
            }
        }
    }

    /// Says which policies place nothing, and which name clusters that are not there.
    fn warn(&mut self, used: &BTreeSet<usize>) {
        for (index, policy) in self.placement.policies.propagation.iter().enumerate() {
            if !used.contains(&index) {
                let message = format!("{} selects no object of the source", policy.title());
                let problem = Problem::new(Reason::SelectorMatchesNothing, message);
                let problem = problem.remedy("correct spec.resourceSelectors, or the source");
                self.warnings.push(
                    problem
                        .at(policy.origin.clone())
                        .field("spec.resourceSelectors"),
                );
            }
            for (_, affinity) in &policy.placement.affinities {
                self.warnings
                    .extend(unknown_clusters(self.hub, policy, affinity));
            }
        }
    }

    /// The name of the Application of a policy's objects in one namespace; unique within the placement.
    fn name_of(&self, policy: &PropagationPolicy, namespace: &str) -> String {
        let placement = &self.placement.entry.name;
        match (&policy.namespace, namespace) {
            (Some(own), _) => format!("{placement}.{own}.{}", policy.name),
            (None, "") => format!("{placement}.{}", policy.name),
            (None, namespace) => format!("{placement}.{}.in.{namespace}", policy.name),
        }
    }

    /// What is placed on one cluster. A cluster that is suspended stays as it is: see [`Self::is_frozen`].
    #[must_use]
    pub fn on(&self, cluster: &Cluster) -> Vec<Placed> {
        let mut placed = Vec::new();
        for ((index, namespace), group) in &self.groups {
            let Some(policy) = self.policy(*index) else {
                continue;
            };
            let here: Vec<(&Template, Counts)> = group
                .templates
                .iter()
                .filter_map(|t| Some((t, *t.shares.get(&cluster.name)?)))
                .collect();
            if here.is_empty() || self.in_doubt.contains(&self.name_of(policy, namespace)) {
                continue;
            }
            placed.push(Placed {
                application: self.application(policy, namespace, cluster),
                objects: self.objects(policy, &here, cluster),
                decision: self.decision(&here, cluster),
            });
        }
        placed
    }

    /// True when nothing that is placed on the cluster may be taken away: it is suspended, and its share is elsewhere.
    #[must_use]
    pub fn is_frozen(cluster: &Cluster) -> bool {
        cluster.state == ClusterState::Suspended
    }

    fn application(
        &self,
        policy: &PropagationPolicy,
        namespace: &str,
        cluster: &Cluster,
    ) -> Application {
        let entry = &self.placement.entry;
        let written = Written {
            name: cluster.argo_name().to_owned(),
            namespace: namespace.to_owned(),
            ..Written::default()
        };
        let mut sync_policy = entry.sync_policy.clone();
        if policy.preserve
            && let Some(automated) = &mut sync_policy.automated
        {
            automated.prune = false;
        }
        let adopt = policy
            .overwrite
            .then(|| (marks::ADOPT.to_owned(), "true".to_owned()));
        let mut source = entry.source.clone();
        if source.repo_url.is_empty() {
            let hub = self.hub.fleet.repositories.iter().find(|r| r.is_self);
            source.repo_url = hub.map(|r| r.url.clone()).unwrap_or_default();
        }
        let labels = [
            (format!("{}placement", marks::PREFIX), entry.name.clone()),
            (format!("{}policy", marks::PREFIX), policy.name.clone()),
        ];
        Application {
            key: ApplicationKey::new(self.project(), self.name_of(policy, namespace)),
            set: Some(entry.name.clone()),
            parent: None,
            depth: 0,
            labels: labels.into_iter().collect(),
            annotations: adopt.into_iter().collect(),
            sources: vec![source],
            cluster: cluster.name.clone(),
            destination: written.shown(&self.hub.directory, &cluster.name),
            sync_policy,
            ignore_differences: Vec::new(),
            on_removal: if policy.preserve {
                OnRemoval::Preserve
            } else {
                OnRemoval::Delete
            },
            origin: policy.origin.clone(),
        }
    }

    fn project(&self) -> &str {
        let named = self.placement.entry.project.as_deref();
        named.unwrap_or_else(|| self.hub.placement_project())
    }

    fn objects(
        &self,
        policy: &PropagationPolicy,
        here: &[(&Template, Counts)],
        cluster: &Cluster,
    ) -> Result<Vec<Manifest>, Vec<Problem>> {
        let problem =
            |reason, message: String| Problem::new(reason, message).at(policy.origin.clone());
        let is_named = |names: &[String]| {
            names
                .iter()
                .any(|n| n == cluster.name.as_str() || n == cluster.argo_name())
        };
        let suspended = match &policy.suspended {
            Suspended::No => false,
            Suspended::Everywhere => true,
            Suspended::On(names) => is_named(names),
        };
        if suspended {
            let message = format!("{} is suspended for {}", policy.title(), cluster.name);
            return Err(vec![
                problem(Reason::Suspended, message).field("spec.suspension"),
            ]);
        }
        let mut objects = Vec::with_capacity(here.len());
        let mut problems = Vec::new();
        for (template, counts) in here {
            let mut body = match counts.replicas {
                Some(replicas) => {
                    workload::with_share(&template.object, replicas, counts.completions)
                }
                None => template.object.body().clone(),
            };
            let overrides = &self.placement.policies.overrides;
            match overrides::apply(overrides, &template.object, cluster, &mut body) {
                Ok(()) => match Manifest::new(body) {
                    Ok(object) => objects.push(object),
                    Err(error) => problems.push(error.at(policy.origin.clone())),
                },
                Err(why) => problems.push(problem(
                    Reason::BuildFailed,
                    format!("{} on {}: {why}", template.object.id(), cluster.name),
                )),
            }
        }
        if problems.is_empty() {
            Ok(objects)
        } else {
            Err(problems)
        }
    }

    /// The policies, the shares, and what override rules can see of the cluster.
    fn decision(&self, here: &[(&Template, Counts)], cluster: &Cluster) -> Digest {
        let shares: Vec<_> = here.iter().map(|(t, c)| (t.object.id(), *c)).collect();
        let seen = (
            &cluster.name,
            &cluster.labels,
            &cluster.provider,
            cluster.region(),
            cluster.zones(),
        );
        let decided = (&self.placement.policies.overrides, shares, seen);
        Digest::of(format!("{decided:?}").as_bytes())
    }
}

/// A Job's completions, divided as its replicas are.
fn completions_of(
    policy: &PropagationPolicy,
    object: &Manifest,
    shares: &[Share<'_>],
) -> Vec<Option<i64>> {
    /// Completions of one Job that are divided one by one.
    const MAX: i64 = 1_000_000;
    let completions = workload::completions(object).filter(|c| (0..=MAX).contains(c));
    let is_divided = policy.placement.strategy != Strategy::Duplicated;
    let (Some(completions), true) = (completions, is_divided) else {
        return vec![None; shares.len()];
    };
    let parties: Vec<Party<'_>> = shares
        .iter()
        .map(|share| Party {
            name: share.cluster.name.as_str(),
            votes: share.replicas.unwrap_or_default(),
        })
        .collect();
    let seats = divide(completions, &parties);
    seats.into_iter().map(Some).collect()
}

fn unknown_clusters(
    hub: &Hub,
    policy: &PropagationPolicy,
    affinity: &ClusterAffinity,
) -> Option<Problem> {
    let (names, line, path) = affinity.unknown_names(&hub.fleet);
    if names.is_empty() {
        return None;
    }
    let names: Vec<&str> = names.into_iter().collect();
    let message = format!(
        "{} names clusters that the fleet file has not: {}",
        policy.title(),
        names.join(", ")
    );
    let at = Location::line(&*policy.origin.file, line);
    Some(
        Problem::new(Reason::SelectorMatchesNothing, message)
            .at(at)
            .field(path),
    )
}
