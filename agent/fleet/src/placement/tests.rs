use std::collections::{BTreeMap, BTreeSet};

use muster_model::kinds::Scopes;
use muster_model::{Budgets, Manifest, MemoryTree, Node, Reason, RepoPath, json, marks, yaml};

use super::*;
use crate::application::OnRemoval;
use crate::failure::Failure;
use crate::hub::{self, Hub};

const CLUSTERS: &str = "[{name: east, labels: {region: eu, tier: gold}}, {name: north, labels: {region: us}}, {name: west, labels: {region: eu}}]";

fn load_with(clusters: &str, policies: &str) -> Result<Hub, Failure> {
    let fleet = format!(
        "apiVersion: muster.dev/v1alpha1\nkind: Fleet\nmetadata: {{name: f}}\nspec: {{clusters: {clusters}, placements: [{{source: apps/shop, policies: policies.yaml}}]}}\n"
    );
    let tree = MemoryTree::of([("fleet.yaml", &*fleet), ("policies.yaml", policies)]);
    hub::load(&tree, &RepoPath::new("fleet.yaml").expect("plain"))
}

fn load(clusters: &str, policies: &str) -> Hub {
    let hub = load_with(clusters, policies).expect("a hub");
    assert_eq!(hub.broken.placements, BTreeMap::new());
    hub
}

/// A policy that places the Deployment and the Service `web`.
fn policy(placement: &str) -> String {
    format!(
        "{{apiVersion: policy.karmada.io/v1alpha1, kind: PropagationPolicy, metadata: {{name: web, namespace: shop}}, spec: {{resourceSelectors: [{{apiVersion: apps/v1, kind: Deployment, name: web}}, {{apiVersion: v1, kind: Service, name: web}}], placement: {placement}}}}}\n"
    )
}

fn objects(text: &str) -> Vec<Manifest> {
    yaml::read(text.as_bytes(), &Budgets::default(), 0)
        .expect("YAML")
        .into_iter()
        .map(|node| Manifest::new(node).expect("an object"))
        .collect()
}

fn templates(replicas: i64) -> Vec<Manifest> {
    objects(&format!(
        "{{apiVersion: apps/v1, kind: Deployment, metadata: {{name: web, namespace: shop}}, spec: {{replicas: {replicas}, template: {{spec: {{containers: [{{name: web, image: 'ghcr.io/org/web:1', args: [a, b], resources: {{requests: {{cpu: 500m}}}}}}]}}}}}}}}\n---\n{{apiVersion: v1, kind: Service, metadata: {{name: web, namespace: shop}}, spec: {{}}}}\n---\n{{apiVersion: v1, kind: ConfigMap, metadata: {{name: other, namespace: shop}}}}\n"
    ))
}

/// What each cluster gets: `kind` or `kind×replicas`, by name; an error in brackets.
fn placed(hub: &Hub, templates: &[Manifest]) -> Vec<String> {
    let placement = hub.placements.values().next().expect("a placement");
    let assignment = assign(hub, placement, templates, &Scopes::builtin());
    let mut lines: Vec<String> = assignment
        .problems
        .iter()
        .map(|p| format!("[{}]", p.message))
        .collect();
    for cluster in hub.fleet.clusters.iter() {
        for placed in assignment.on(cluster) {
            let objects = match &placed.objects {
                Ok(objects) => objects.iter().map(show).collect::<Vec<_>>().join(" "),
                Err(problems) => format!("[{}]", problems[0].message),
            };
            lines.push(format!("{} {objects}", cluster.name));
        }
    }
    lines
}

fn show(object: &Manifest) -> String {
    let spec = |field: &str| {
        object
            .body()
            .at_path(&["spec", field])
            .and_then(Node::as_int)
    };
    let count = spec("replicas").or_else(|| spec("parallelism"));
    let kind = &object.gvk().kind;
    match (count, spec("completions")) {
        (Some(count), Some(of)) => format!("{kind}×{count}/{of}"),
        (Some(count), None) => format!("{kind}×{count}"),
        (None, _) => kind.clone(),
    }
}

fn of(clusters: &str, placement: &str, replicas: i64) -> Vec<String> {
    placed(&load(clusters, &policy(placement)), &templates(replicas))
}

const TWO_TO_ONE: &str = "{clusterAffinity: {clusterNames: [east, west]}, replicaScheduling: {replicaSchedulingType: Divided, replicaDivisionPreference: Weighted, weightPreference: {staticWeightList: [{targetCluster: {clusterNames: [east]}, weight: 2}, {targetCluster: {clusterNames: [west]}, weight: 1}]}}}";

#[test]
fn static_weights_divide_replicas_and_a_service_goes_everywhere() {
    let divided = |replicas| of(CLUSTERS, TWO_TO_ONE, replicas);
    let both = |east, west| {
        vec![
            format!("east Deployment×{east} Service"),
            format!("west Deployment×{west} Service"),
        ]
    };
    assert_eq!(divided(3), both(2, 1));
    assert_eq!(divided(2), both(1, 1));
    assert_eq!(divided(5), both(3, 2));
    assert_eq!(
        divided(1),
        ["east Deployment×1 Service", "west Service"],
        "without replicas it is not placed"
    );
}

#[test]
fn a_suspended_cluster_hands_its_replicas_to_the_others_in_the_same_commit() {
    let clusters = CLUSTERS.replace("{name: east,", "{name: east, state: Suspended,");
    assert_eq!(of(&clusters, TWO_TO_ONE, 5), ["west Deployment×5 Service"]);
    let hub = load(&clusters, &policy(TWO_TO_ONE));
    assert!(Assignment::is_frozen(&hub.fleet.clusters[0]));
    let leaving = CLUSTERS.replace("{name: east,", "{name: east, state: Leaving,");
    assert_eq!(of(&leaving, TWO_TO_ONE, 5), ["west Deployment×5 Service"]);
}

#[test]
fn duplicated_gives_all_replicas_to_each_and_no_weight_gives_none() {
    let all = [
        "east Deployment×4 Service",
        "north Deployment×4 Service",
        "west Deployment×4 Service",
    ];
    assert_eq!(of(CLUSTERS, "{}", 4), all);
    assert_eq!(
        of(
            CLUSTERS,
            "{replicaScheduling: {replicaSchedulingType: Duplicated}}",
            4
        ),
        all
    );
    let weights = "{replicaScheduling: {weightPreference: {staticWeightList: [{targetCluster: {labelSelector: {matchLabels: {region: eu}}}, weight: 1}, {targetCluster: {clusterNames: [west]}, weight: 3}]}}}";
    assert_eq!(
        of(CLUSTERS, weights, 4),
        [
            "east Deployment×1 Service",
            "north Service",
            "west Deployment×3 Service"
        ],
        "the greatest weight counts, and a cluster without one gets no replica"
    );
    let equal = "{replicaScheduling: {replicaSchedulingType: Divided}}";
    assert_eq!(
        of(CLUSTERS, equal, 4),
        [
            "east Deployment×2 Service",
            "north Deployment×1 Service",
            "west Deployment×1 Service"
        ]
    );
}

#[test]
fn affinities_select_by_name_label_and_field_and_the_first_group_that_fits_is_used() {
    let names = |placement: &str| -> Vec<String> {
        let lines = of(CLUSTERS, placement, 1);
        lines
            .iter()
            .map(|l| l.split(' ').next().unwrap_or_default().to_owned())
            .collect()
    };
    assert_eq!(
        names("{clusterAffinity: {labelSelector: {matchLabels: {region: eu}}, exclude: [west]}}"),
        ["east"]
    );
    assert_eq!(
        names(
            "{clusterAffinity: {labelSelector: {matchExpressions: [{key: tier, operator: DoesNotExist}]}}}"
        ),
        ["north", "west"]
    );
    assert_eq!(
        names(
            "{clusterAffinities: [{affinityName: main, clusterNames: [gone]}, {affinityName: backup, clusterNames: [north]}]}"
        ),
        ["north"]
    );
    let fields = "[{name: a, provider: x, region: r1, zones: [z1, z2]}, {name: b, provider: y, labels: {topology.kubernetes.io/region: r2}}]";
    let by = |expression: &str| {
        let placement =
            format!("{{clusterAffinity: {{fieldSelector: {{matchExpressions: [{expression}]}}}}}}");
        of(fields, &placement, 1).len()
    };
    assert_eq!(by("{key: provider, operator: In, values: [x]}"), 1);
    assert_eq!(by("{key: region, operator: In, values: [r1, r2]}"), 2);
    assert_eq!(by("{key: zone, operator: NotIn, values: [z2]}"), 1);
}

#[test]
fn nothing_goes_to_a_tainted_cluster_that_is_not_tolerated() {
    let clusters = CLUSTERS.replace(
        "{name: east,",
        "{name: east, taints: [{key: drain, effect: NoSchedule}],",
    );
    assert_eq!(of(&clusters, TWO_TO_ONE, 2), ["west Deployment×2 Service"]);
    let tolerating = TWO_TO_ONE.replacen(
        '{',
        "{clusterTolerations: [{key: drain, operator: Exists}], ",
        1,
    );
    assert_eq!(of(&clusters, &tolerating, 2).len(), 2);
}

const CARRYING: &str = "[{name: a, capacity: {cpu: 1}}, {name: b, capacity: {cpu: 4}}, {name: c, capacity: {cpu: 2, pods: 3}}, {name: d}]";

#[test]
fn dynamic_weight_and_aggregated_divide_by_capacity() {
    // Half a processor each: a carries 2, b 8, c 3, d declares nothing.
    let dynamic = "{replicaScheduling: {replicaDivisionPreference: Weighted, weightPreference: {dynamicWeight: AvailableReplicas}}}";
    assert_eq!(
        of(CARRYING, dynamic, 6),
        [
            "a Deployment×1 Service",
            "b Deployment×4 Service",
            "c Deployment×1 Service",
            "d Service"
        ]
    );
    let aggregated = "{replicaScheduling: {replicaDivisionPreference: Aggregated}}";
    assert_eq!(
        of(CARRYING, aggregated, 7),
        [
            "a Service",
            "b Deployment×7 Service",
            "c Service",
            "d Service"
        ]
    );
    assert_eq!(
        of(CARRYING, aggregated, 10),
        [
            "a Service",
            "b Deployment×7 Service",
            "c Deployment×3 Service",
            "d Service"
        ]
    );
    let lines = of(CARRYING, dynamic, 14);
    assert!(
        lines[0].contains("can carry 13 replicas, and 14 are asked for"),
        "{lines:?}"
    );
    assert_eq!(
        lines.len(),
        1,
        "nothing of the policy is taken away: {lines:?}"
    );
}

#[test]
fn constraints_spread_over_clusters_regions_and_labels() {
    let clusters = "[{name: a, region: x, labels: {rack: r1}}, {name: b, region: x, labels: {rack: r2}}, {name: c, region: y, labels: {rack: r1}}, {name: d, region: z}]";
    let names = |constraints: &str| -> String {
        let placement = format!("{{spreadConstraints: {constraints}}}");
        let lines = of(clusters, &placement, 1);
        lines
            .iter()
            .map(|l| l.split(' ').next().unwrap_or_default().to_owned())
            .collect::<Vec<_>>()
            .join(" ")
    };
    assert_eq!(
        names("[{spreadByField: cluster, minGroups: 1, maxGroups: 2}]"),
        "a b"
    );
    assert_eq!(
        names(
            "[{spreadByField: region, minGroups: 2, maxGroups: 2}, {spreadByField: cluster, minGroups: 2, maxGroups: 2}]"
        ),
        "a c"
    );
    assert_eq!(
        names(
            "[{spreadByField: region, minGroups: 2, maxGroups: 3}, {spreadByField: cluster, minGroups: 4}]"
        ),
        "a b c d"
    );
    assert_eq!(names("[{spreadByLabel: rack, minGroups: 2}]"), "a b c");
    assert_eq!(
        names("[{spreadByLabel: rack, minGroups: 1, maxGroups: 1}]"),
        "a c"
    );
    assert!(names("[{spreadByField: cluster, minGroups: 5}]").starts_with("[PropagationPolicy"));
    assert!(names("[{spreadByLabel: rack, minGroups: 3}]").starts_with("[PropagationPolicy"));
}

#[test]
fn jobs_divide_their_completions_and_other_kinds_go_to_every_cluster() {
    let policies = "{apiVersion: policy.karmada.io/v1alpha1, kind: ClusterPropagationPolicy, metadata: {name: all}, spec: {resourceSelectors: [{apiVersion: batch/v1, kind: Job}, {apiVersion: apps/v1, kind: DaemonSet}, {apiVersion: v1, kind: Namespace}], placement: {clusterAffinity: {clusterNames: [east, west]}, replicaScheduling: {replicaSchedulingType: Divided}}}}";
    let hub = load(CLUSTERS, policies);
    let templates = objects(
        "{apiVersion: batch/v1, kind: Job, metadata: {name: j}, spec: {parallelism: 3, completions: 10}}\n---\n{apiVersion: apps/v1, kind: DaemonSet, metadata: {name: d, namespace: sys}}\n---\n{apiVersion: v1, kind: Namespace, metadata: {name: n}}",
    );
    assert_eq!(
        placed(&hub, &templates),
        [
            "east Namespace",
            "east Job×2/7",
            "east DaemonSet",
            "west Namespace",
            "west Job×1/3",
            "west DaemonSet"
        ]
    );
    let placement = hub.placements.values().next().expect("one");
    let assignment = assign(&hub, placement, &templates, &Scopes::builtin());
    let names: Vec<String> = assignment
        .on(&hub.fleet.clusters[0])
        .iter()
        .map(|p| p.application.key.to_string())
        .collect();
    assert_eq!(
        names,
        [
            "placements/shop.all",
            "placements/shop.all.in.default",
            "placements/shop.all.in.sys"
        ]
    );
}

#[test]
fn the_policy_of_the_namespace_wins_then_priority_precision_and_name() {
    let policy = |kind: &str, name: &str, more: &str, selector: &str, cluster: &str| {
        format!(
            "{{apiVersion: policy.karmada.io/v1alpha1, kind: {kind}, metadata: {{name: {name}, namespace: shop}}, spec: {{{more}resourceSelectors: [{{apiVersion: v1, kind: ConfigMap{selector}}}], placement: {{clusterAffinity: {{clusterNames: [{cluster}]}}}}}}}}\n---\n"
        )
    };
    let own = "PropagationPolicy";
    let whole = "ClusterPropagationPolicy";
    let config =
        "{apiVersion: v1, kind: ConfigMap, metadata: {name: c, namespace: shop, labels: {app: x}}}";
    let winner =
        |policies: &[String]| placed(&load(CLUSTERS, &policies.concat()), &objects(config));
    let cluster_wide = policy(whole, "w", "priority: 9, ", ", name: c", "north");
    assert_eq!(
        winner(&[cluster_wide.clone(), policy(own, "z", "", "", "east")]),
        ["east ConfigMap"]
    );
    assert_eq!(
        winner(&[
            policy(own, "a", "", ", name: c", "east"),
            policy(own, "z", "priority: 1, ", "", "west")
        ]),
        ["west ConfigMap"]
    );
    assert_eq!(
        winner(&[
            policy(own, "a", "", "", "east"),
            policy(
                own,
                "b",
                "",
                ", labelSelector: {matchLabels: {app: x}}",
                "north"
            ),
            policy(own, "c", "", ", name: c", "west")
        ]),
        ["west ConfigMap"]
    );
    assert_eq!(
        winner(&[
            policy(own, "b", "", "", "east"),
            policy(own, "a", "", "", "west")
        ]),
        ["west ConfigMap"]
    );
    assert_eq!(winner(&[cluster_wide]), ["north ConfigMap"]);
}

fn overridden(overriders: &str) -> Result<String, String> {
    let policies = format!(
        "{}---\n{{apiVersion: policy.karmada.io/v1alpha1, kind: OverridePolicy, metadata: {{name: o, namespace: shop}}, spec: {{resourceSelectors: [{{apiVersion: apps/v1, kind: Deployment}}], overrideRules: [{{targetCluster: {{clusterNames: [east]}}, overriders: {overriders}}}]}}}}\n",
        policy(TWO_TO_ONE)
    );
    let hub = load(CLUSTERS, &policies);
    let placement = hub.placements.values().next().expect("one");
    let assignment = assign(&hub, placement, &templates(3), &Scopes::builtin());
    let on = |index: usize| assignment.on(&hub.fleet.clusters[index]).remove(0).objects;
    assert_eq!(
        on(2).expect("west")[0]
            .body()
            .at_path(&["spec", "replicas"]),
        Some(&Node::int(1))
    );
    match on(0) {
        Ok(objects) => Ok(json::to_canonical(objects[0].body())),
        Err(problems) => Err(problems[0].to_string()),
    }
}

#[test]
fn overriders_change_what_their_clusters_get() {
    let has = |overriders: &str, text: &str| {
        let body = overridden(overriders).expect("it applies");
        assert!(body.contains(text), "{overriders}: {body}");
    };
    has(
        "{imageOverrider: [{component: Registry, operator: replace, value: mirror.site:5000}]}",
        r#""image":"mirror.site:5000/org/web:1""#,
    );
    has(
        "{imageOverrider: [{component: Repository, operator: add, value: -fips}, {component: Tag, operator: replace, value: '2'}]}",
        r#""image":"ghcr.io/org/web-fips:2""#,
    );
    has(
        "{imageOverrider: [{predicate: {path: /spec/template/spec/containers/0/image}, component: Tag, operator: remove}]}",
        r#""image":"ghcr.io/org/web""#,
    );
    has(
        "{commandOverrider: [{containerName: web, operator: add, value: [run]}]}",
        r#""command":["run"]"#,
    );
    has(
        "{argsOverrider: [{containerName: web, operator: remove, value: [a]}, {containerName: web, operator: add, value: [c]}]}",
        r#""args":["b","c"]"#,
    );
    has(
        "{labelsOverrider: [{operator: add, value: {example.com/site: east}}]}",
        r#""labels":{"example.com/site":"east"}"#,
    );
    has(
        "{annotationsOverrider: [{operator: replace, value: {a: b}}]}",
        r#""metadata":{"name":"web","namespace":"shop"}"#,
    );
    has(
        "{plaintext: [{path: /spec/replicas, operator: replace, value: 7}, {path: /spec/paused, operator: add, value: true}]}",
        r#""paused":true,"replicas":7"#,
    );
    has(
        "{plaintext: [{path: /spec/template/spec/containers/-, operator: add, value: {name: x}}]}",
        r#"{"name":"x"}]"#,
    );
    let error = overridden("{plaintext: [{path: /spec/none/x, operator: replace, value: 1}]}")
        .expect_err("no such path");
    assert!(
        error.contains("does not apply at /spec/none/x") && error.contains("policies.yaml:"),
        "{error}"
    );
}

#[test]
fn the_more_precise_override_has_the_last_word() {
    let rule = |value: &str| {
        format!(
            "overrideRules: [{{overriders: {{labelsOverrider: [{{operator: add, value: {{by: {value}}}}}]}}}}]"
        )
    };
    let policies = format!(
        "{}---\n{{apiVersion: policy.karmada.io/v1alpha1, kind: OverridePolicy, metadata: {{name: a, namespace: shop}}, spec: {{resourceSelectors: [{{apiVersion: v1, kind: Service, name: web}}], {}}}}}\n---\n{{apiVersion: policy.karmada.io/v1alpha1, kind: OverridePolicy, metadata: {{name: b, namespace: shop}}, spec: {{{}}}}}\n---\n{{apiVersion: policy.karmada.io/v1alpha1, kind: ClusterOverridePolicy, metadata: {{name: c}}, spec: {{overriders: {{labelsOverrider: [{{operator: add, value: {{by: c, also: c}}}}]}}}}}}\n",
        policy("{}"),
        rule("name"),
        rule("any")
    );
    let hub = load(CLUSTERS, &policies);
    let placement = hub.placements.values().next().expect("one");
    let assignment = assign(&hub, placement, &templates(1), &Scopes::builtin());
    let objects = assignment
        .on(&hub.fleet.clusters[0])
        .remove(0)
        .objects
        .expect("objects");
    let labels: Vec<_> = objects
        .iter()
        .map(|o| (o.label("by"), o.label("also")))
        .collect();
    assert_eq!(
        labels,
        [(Some("any"), Some("c")), (Some("name"), Some("c"))]
    );
}

#[test]
fn a_policy_says_more_than_where() {
    let more = policy("{}").replace("spec: {", "spec: {conflictResolution: Overwrite, preserveResourcesOnDeletion: true, suspension: {dispatchingOnClusters: {clusterNames: [west]}}, ");
    let hub = load(CLUSTERS, &more);
    let placement = hub.placements.values().next().expect("one");
    let assignment = assign(&hub, placement, &templates(1), &Scopes::builtin());
    let east = assignment.on(&hub.fleet.clusters[0]).remove(0).application;
    assert_eq!(
        east.annotations.get(marks::ADOPT).map(String::as_str),
        Some("true")
    );
    assert_eq!(east.on_removal, OnRemoval::Preserve);
    assert_eq!(
        east.sync_policy.automated.map(|a| (a.prune, a.self_heal)),
        Some((false, true))
    );
    assert_eq!(east.key.to_string(), "placements/shop.shop.web");
    assert_eq!(east.destination.namespace, "shop");
    let west = assignment
        .on(&hub.fleet.clusters[2])
        .remove(0)
        .objects
        .expect_err("suspended");
    assert_eq!(west[0].reason, Reason::Suspended);
}

/// What a policy may not say, and what the answer names.
const REFUSED: &[(&str, &str)] = &[
    ("propagateDeps: true", "spec.propagateDeps"),
    ("association: true", "spec.association"),
    ("activationPreference: Lazy", "spec.activationPreference"),
    ("schedulerName: mine", "spec.schedulerName"),
    (
        "placement: {workloadAffinity: {affinity: {groupByLabelKey: a}}}",
        "spec.placement.workloadAffinity",
    ),
    (
        "placement: {clusterAffinities: [{affinityName: a, overflowAffinities: [{}]}]}",
        "overflowAffinities",
    ),
    (
        "placement: {clusterAffinity: {}, clusterAffinities: [{affinityName: a}]}",
        "exclude each other",
    ),
    (
        "placement: {spreadConstraints: [{spreadByField: region}]}",
        "must spread by `cluster`",
    ),
    (
        "placement: {spreadConstraints: [{spreadByLabel: a, spreadByField: cluster}]}",
        "exclude each other",
    ),
    (
        "placement: {replicaScheduling: {replicaSchedulingType: Twice}}",
        "none of: Duplicated, Divided",
    ),
    (
        "placement: {replicaScheduling: {weightPreference: {staticWeightList: [{targetCluster: {}, weight: 0}]}}}",
        "from 1 on",
    ),
    (
        "placement: {clusterAffinity: {fieldSelector: {matchExpressions: [{key: name, operator: In, values: [x]}]}}}",
        "none of: provider, region, zone",
    ),
    (
        "placement: {clusterAffinity: {clusterName: [x]}}",
        "did you mean `clusterNames`?",
    ),
    ("priority: high", "expected an integer"),
];

/// What is wrong with the policies.
fn refused(policies: &str) -> String {
    let hub = load_with(CLUSTERS, policies).expect("a hub");
    hub.broken.problems().map(ToString::to_string).collect()
}

#[test]
fn what_is_not_supported_is_refused_by_name_with_its_line() {
    let of = |spec: &str| {
        refused(&format!(
            "apiVersion: policy.karmada.io/v1alpha1\nkind: PropagationPolicy\nmetadata: {{name: web, namespace: shop}}\nspec:\n  resourceSelectors: [{{apiVersion: v1, kind: Service}}]\n  {spec}\n"
        ))
    };
    for (spec, field) in REFUSED {
        let message = of(spec);
        assert!(
            message.contains(field) && message.contains("policies.yaml:6"),
            "{spec}: {message}"
        );
    }
    assert_eq!(of("dependentOverrides: []"), "");
}

#[test]
fn a_policy_selects_in_its_own_namespace_and_overriders_are_those_of_objects() {
    let other = policy("{}").replace(
        "name: web}, {apiVersion: v1",
        "name: web, namespace: other}, {apiVersion: v1",
    );
    let message = refused(&other);
    assert!(message.contains("selects in `other`"), "{message}");
    let field = "{apiVersion: policy.karmada.io/v1alpha1, kind: OverridePolicy, metadata: {name: o}, spec: {overrideRules: [{overriders: {fieldOverrider: [{fieldPath: /data/x}]}}]}}";
    let message = refused(field);
    assert!(
        message.contains("`fieldOverrider` is not supported"),
        "{message}"
    );
}

#[test]
fn what_selects_nothing_or_names_nobody_is_said() {
    let hub = load(
        CLUSTERS,
        &policy("{clusterAffinity: {clusterNames: [east, moon]}}"),
    );
    let placement = hub.placements.values().next().expect("one");
    let warnings = |templates: &[Manifest]| -> String {
        assign(&hub, placement, templates, &Scopes::builtin())
            .warnings
            .iter()
            .map(ToString::to_string)
            .collect()
    };
    let all = warnings(&[]);
    assert!(
        all.contains("selects no object of the source") && all.contains("moon"),
        "{all}"
    );
    assert!(!warnings(&templates(1)).contains("selects no object"));
}

#[test]
fn a_policy_that_places_nowhere_leaves_its_application_in_doubt() {
    let hub = load(
        CLUSTERS,
        &policy("{clusterAffinity: {clusterNames: [moon]}}"),
    );
    let placement = hub.placements.values().next().expect("one");
    let assignment = assign(&hub, placement, &templates(1), &Scopes::builtin());
    assert_eq!(assignment.problems[0].reason, Reason::Unschedulable);
    assert_eq!(
        assignment.in_doubt,
        BTreeSet::from(["shop.shop.web".to_owned()])
    );
    assert_eq!(assignment.on(&hub.fleet.clusters[0]), []);
    let endless = of(CLUSTERS, TWO_TO_ONE, 2_000_000_000);
    assert!(
        endless[0].contains("more than the 1000000 that are divided"),
        "{endless:?}"
    );
}

#[test]
fn placements_are_checked_with_the_fleet_file() {
    let refused = |entry: &str| -> String {
        let fleet = format!(
            "apiVersion: muster.dev/v1alpha1\nkind: Fleet\nmetadata: {{name: f}}\nspec:\n  clusters: []\n  placements: [{entry}]\n"
        );
        let tree = MemoryTree::of([("fleet.yaml", &*fleet)]);
        match hub::load(&tree, &RepoPath::new("fleet.yaml").expect("plain")) {
            Ok(hub) => hub.broken.problems().map(ToString::to_string).collect(),
            Err(Failure::Refused(problems)) => problems.iter().map(ToString::to_string).collect(),
            Err(other) => panic!("{other:?}"),
        }
    };
    assert!(refused("{source: a}").contains("`policies` is missing"));
    assert!(refused("{policies: a}").contains("`source` is missing"));
    assert!(refused("{source: ../a, policies: p}").contains("PathEscapesRepo"));
    assert!(refused("{source: a, policies: p, polices: p}").contains("did you mean `policies`?"));
    assert!(refused("{source: a, policies: none.yaml}").contains("there is no file `none.yaml`"));
    let twice = "{source: a, policies: p.yaml}, {source: b/a, policies: p.yaml}";
    assert!(refused(twice).contains("two placements are called `a`"));
}
