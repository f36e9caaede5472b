//! Karmada's PropagationPolicy and ClusterPropagationPolicy.

use muster_model::{Location, Node, Reason};

use super::affinity::ClusterAffinity;
use super::selector::ResourceSelector;
use super::spread::SpreadConstraint;
use super::taint::Toleration;
use crate::application::LIVE_METADATA;
use crate::decode::{Decoder, Fields, child};

/// The API version of Karmada's policies.
pub const API_VERSION: &str = "policy.karmada.io/v1alpha1";

/// Where objects go.
#[derive(Debug, Clone, PartialEq)]
pub struct PropagationPolicy {
    /// Its name.
    pub name: String,
    /// Its namespace; `None` for a ClusterPropagationPolicy.
    pub namespace: Option<String>,
    /// Which objects.
    pub(super) selectors: Vec<ResourceSelector>,
    /// The higher, the sooner it is asked.
    pub(super) priority: i64,
    /// Override policies that have to be there.
    pub(super) dependent_overrides: Vec<String>,
    /// Objects of other tools are taken over.
    pub(super) overwrite: bool,
    /// Objects stay when they leave Git.
    pub(super) preserve: bool,
    /// Where nothing new goes.
    pub(super) suspended: Suspended,
    /// What is asked of the clusters.
    pub(super) placement: Placement,
    /// Where it is defined.
    pub origin: Location,
}

/// Where nothing new goes.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub(super) enum Suspended {
    /// Nowhere.
    #[default]
    No,
    /// Everywhere.
    Everywhere,
    /// On these clusters.
    On(Vec<String>),
}

/// What is asked of the clusters.
#[derive(Debug, Clone, PartialEq, Default)]
pub(super) struct Placement {
    /// The groups of clusters, in the order they are tried; empty: all clusters, one group.
    pub(super) affinities: Vec<(String, ClusterAffinity)>,
    pub(super) tolerations: Vec<Toleration>,
    pub(super) spread: Vec<SpreadConstraint>,
    pub(super) strategy: Strategy,
}

/// How replicas are given to clusters.
#[derive(Debug, Clone, PartialEq, Default)]
pub(super) enum Strategy {
    /// All of them to each.
    #[default]
    Duplicated,
    /// To as few clusters as can carry them.
    Aggregated,
    /// By what each cluster can carry.
    Dynamic,
    /// By weights written down; `None`: the same weight for each.
    Static(Option<Vec<(ClusterAffinity, i64)>>),
}

impl PropagationPolicy {
    /// Reads a document.
    pub(super) fn read(decoder: &mut Decoder, node: &Node, namespaced: bool) -> Self {
        let mut fields = decoder.fields(node, "");
        let (name, namespace) = read_head(decoder, &mut fields, namespaced);
        let empty = Node::null();
        let spec = fields.take("spec").unwrap_or(&empty);
        if spec.is_null() {
            let line = fields.line();
            decoder.refuse(Reason::MissingField, line, "spec", "`spec` is missing");
        }
        decoder.finish(fields);
        let mut f = decoder.fields(spec, "spec");
        let selectors = ResourceSelector::read_all(decoder, &mut f, namespace.as_deref());
        if selectors.is_empty() && !spec.is_null() {
            let at = f.path_of("resourceSelectors");
            let line = f.line();
            decoder.refuse(
                Reason::MissingField,
                line,
                &at,
                "`resourceSelectors` names nothing",
            );
        }
        let policy = Self {
            name,
            namespace,
            selectors,
            priority: decoder.int_opt(&mut f, "priority").unwrap_or_default(),
            dependent_overrides: decoder.texts(&mut f, "dependentOverrides"),
            overwrite: decoder
                .word(
                    &mut f,
                    "conflictResolution",
                    &[("Abort", false), ("Overwrite", true)],
                )
                .unwrap_or_default(),
            preserve: decoder.bool(&mut f, "preserveResourcesOnDeletion"),
            suspended: read_suspension(decoder, &mut f),
            placement: read_placement(decoder, &mut f),
            origin: decoder.at(node),
        };
        read_rest(decoder, &mut f);
        decoder.finish(f);
        policy
    }

    /// As people call it.
    #[must_use]
    pub fn title(&self) -> String {
        match &self.namespace {
            Some(namespace) => format!("PropagationPolicy `{namespace}/{}`", self.name),
            None => format!("ClusterPropagationPolicy `{}`", self.name),
        }
    }
}

/// Reads what every policy has; the namespace is that of a namespaced kind.
pub(super) fn read_head(
    decoder: &mut Decoder,
    fields: &mut Fields<'_>,
    namespaced: bool,
) -> (String, Option<String>) {
    for known in ["apiVersion", "kind", "status"] {
        fields.take(known);
    }
    let empty = Node::null();
    let node = fields.take("metadata").unwrap_or(&empty);
    let mut metadata = decoder.fields(node, "metadata");
    let name = decoder.text_required(&mut metadata, "name");
    let namespace = decoder.text(&mut metadata, "namespace");
    for ignored in ["labels", "annotations", "finalizers"]
        .iter()
        .chain(LIVE_METADATA)
    {
        metadata.take(ignored);
    }
    decoder.finish(metadata);
    let namespace = if namespace.is_empty() {
        // Where `kubectl apply` puts what names no namespace.
        "default".to_owned()
    } else {
        namespace
    };
    (name, namespaced.then_some(namespace))
}

/// Fields that decide nothing without a control plane, and those that are refused by name.
fn read_rest(decoder: &mut Decoder, fields: &mut Fields<'_>) {
    let without_effect = [
        (
            "preemption",
            "every commit is placed anew, the highest priority first",
        ),
        (
            "failover",
            "nothing watches the clusters from outside: mark the cluster `state: Suspended` by a commit",
        ),
        (
            "schedulePriority",
            "workloads do not compete: each is placed by the declared capacity alone",
        ),
    ];
    for (name, why) in without_effect {
        decoder.without_effect(fields, name, why);
    }
    let refused = [
        (
            "association",
            "name the objects it needs under resourceSelectors",
        ),
        (
            "propagateDeps",
            "name the objects it needs under resourceSelectors",
        ),
        (
            "activationPreference",
            "remove it: every policy is in force with the commit that changes it",
        ),
    ];
    for (name, remedy) in refused {
        decoder.unsupported(fields, name, Reason::NotSupported, remedy);
    }
    let scheduler = decoder.text(fields, "schedulerName");
    if !matches!(&*scheduler, "" | "default-scheduler") {
        let (line, at) = (
            fields.line_of("schedulerName"),
            fields.path_of("schedulerName"),
        );
        let problem = decoder.refuse(
            Reason::NotSupported,
            line,
            &at,
            format!("there is no scheduler `{scheduler}`"),
        );
        problem.remedy = Some("remove it: placements are computed from the commit".to_owned());
    }
}

fn read_suspension(decoder: &mut Decoder, fields: &mut Fields<'_>) -> Suspended {
    let Some(node) = fields.take("suspension") else {
        return Suspended::No;
    };
    let path = fields.path_of("suspension");
    let mut f = decoder.fields(node, &path);
    let everywhere = decoder.bool(&mut f, "dispatching");
    let mut on = Vec::new();
    if let Some(node) = f.take("dispatchingOnClusters") {
        let mut inner = decoder.fields(node, &child(&path, "dispatchingOnClusters"));
        on = decoder.texts(&mut inner, "clusterNames");
        decoder.finish(inner);
    }
    decoder.unsupported(
        &mut f,
        "scheduling",
        Reason::NotSupported,
        "suspend `dispatching` instead",
    );
    decoder.finish(f);
    match (everywhere, on.is_empty()) {
        (true, true) => Suspended::Everywhere,
        (false, true) => Suspended::No,
        (false, false) => Suspended::On(on),
        (true, false) => {
            decoder.wrong(
                node.span.line,
                &path,
                "`dispatching` and `dispatchingOnClusters` exclude each other",
            );
            Suspended::Everywhere
        }
    }
}

fn read_placement(decoder: &mut Decoder, fields: &mut Fields<'_>) -> Placement {
    let Some(node) = fields.take("placement") else {
        return Placement::default();
    };
    let path = fields.path_of("placement");
    let mut f = decoder.fields(node, &path);
    let affinities = read_affinities(decoder, &mut f);
    let placement = Placement {
        affinities,
        tolerations: Toleration::read_all(decoder, &mut f),
        spread: SpreadConstraint::read_all(decoder, &mut f),
        strategy: read_strategy(decoder, &mut f),
    };
    decoder.unsupported(
        &mut f,
        "workloadAffinity",
        Reason::NotSupported,
        "keep workloads together or apart by the clusters' labels",
    );
    decoder.finish(f);
    placement
}

fn read_affinities(decoder: &mut Decoder, f: &mut Fields<'_>) -> Vec<(String, ClusterAffinity)> {
    let mut affinities = Vec::new();
    if let Some(node) = f.take("clusterAffinity") {
        let path = f.path_of("clusterAffinity");
        affinities.push((String::new(), ClusterAffinity::read(decoder, node, &path)));
    }
    for (path, node) in decoder.items(f, "clusterAffinities") {
        let mut inner = decoder.fields(node, &path);
        let name = decoder.text_required(&mut inner, "affinityName");
        if affinities.iter().any(|(other, _)| *other == name) {
            let at = child(&path, "affinityName");
            let message = format!("two groups of clusters are called `{name}`");
            decoder.wrong(node.span.line, &at, message);
        }
        if affinities.iter().any(|(other, _)| other.is_empty()) && !name.is_empty() {
            decoder.wrong(
                node.span.line,
                &path,
                "clusterAffinity and clusterAffinities exclude each other",
            );
        }
        let affinity = ClusterAffinity::read_fields(decoder, &mut inner, node.span.line);
        decoder.unsupported(
            &mut inner,
            "overflowAffinities",
            Reason::NotSupported,
            "add the clusters as a further group of clusterAffinities",
        );
        decoder.finish(inner);
        affinities.push((name, affinity));
    }
    affinities
}

fn read_strategy(decoder: &mut Decoder, fields: &mut Fields<'_>) -> Strategy {
    let Some(node) = fields.take("replicaScheduling") else {
        return Strategy::Duplicated;
    };
    let path = fields.path_of("replicaScheduling");
    let mut f = decoder.fields(node, &path);
    let divided = decoder.word(
        &mut f,
        "replicaSchedulingType",
        &[("Duplicated", false), ("Divided", true)],
    );
    let aggregated = decoder.word(
        &mut f,
        "replicaDivisionPreference",
        &[("Aggregated", true), ("Weighted", false)],
    );
    let weights = f
        .take("weightPreference")
        .map(|node| read_weights(decoder, node, &child(&path, "weightPreference")));
    decoder.finish(f);
    match (divided, aggregated, weights) {
        (Some(false), _, _) => Strategy::Duplicated,
        (Some(true) | None, Some(true), _) => Strategy::Aggregated,
        (Some(true) | None, Some(false) | None, weights) => {
            weights.unwrap_or(Strategy::Static(None))
        }
    }
}

fn read_weights(decoder: &mut Decoder, node: &Node, path: &str) -> Strategy {
    let mut f = decoder.fields(node, path);
    let dynamic = decoder.word(&mut f, "dynamicWeight", &[("AvailableReplicas", ())]);
    let mut list = Vec::new();
    for (path, node) in decoder.items(&mut f, "staticWeightList") {
        let mut entry = decoder.fields(node, &path);
        let affinity = match entry.take("targetCluster") {
            Some(node) => ClusterAffinity::read(decoder, node, &child(&path, "targetCluster")),
            None => {
                let at = child(&path, "targetCluster");
                let line = node.span.line;
                decoder.refuse(
                    Reason::MissingField,
                    line,
                    &at,
                    "`targetCluster` is missing",
                );
                ClusterAffinity::default()
            }
        };
        let weight = decoder.int_opt(&mut entry, "weight").unwrap_or_default();
        decoder.finish(entry);
        if weight < 1 {
            let at = child(&path, "weight");
            decoder.wrong(node.span.line, &at, "`weight` is a number from 1 on");
        }
        list.push((affinity, weight));
    }
    decoder.finish(f);
    match dynamic {
        Some(()) => Strategy::Dynamic,
        None => Strategy::Static(Some(list)),
    }
}
