//! What an API server does to an object between the request and the store: defaults, what may not change, generations.

use muster_model::{GroupKind, Node, json};
use serde_json::{Value, json};

/// Fields that may not change once set, by kind: JSON pointers.
const IMMUTABLE: &[(&str, &str, &[&str])] = &[
    ("apps", "DaemonSet", &["/spec/selector"]),
    ("apps", "Deployment", &["/spec/selector"]),
    (
        "apps",
        "StatefulSet",
        &[
            "/spec/selector",
            "/spec/serviceName",
            "/spec/volumeClaimTemplates",
            "/spec/podManagementPolicy",
        ],
    ),
    (
        "batch",
        "Job",
        &["/spec/template", "/spec/completions", "/spec/selector"],
    ),
    (
        "",
        "PersistentVolumeClaim",
        &["/spec/storageClassName", "/spec/accessModes"],
    ),
    ("", "Secret", &["/type"]),
    ("", "Service", &["/spec/clusterIP"]),
    ("rbac.authorization.k8s.io", "RoleBinding", &["/roleRef"]),
    (
        "rbac.authorization.k8s.io",
        "ClusterRoleBinding",
        &["/roleRef"],
    ),
];

/// Groups whose objects count generations; custom kinds do, the core group does not.
const WITHOUT_GENERATION: &[&str] = &[
    "",
    "rbac.authorization.k8s.io",
    "scheduling.k8s.io",
    "storage.k8s.io",
];

/// Sets what the user left out.
pub fn default(kind: &GroupKind, object: &mut Node) {
    let mut value = json::to_value(object);
    match (kind.group.as_str(), kind.kind.as_str()) {
        ("apps", "Deployment") => {
            defaults(
                &mut value,
                "/spec",
                json!({
                    "progressDeadlineSeconds": 600, "replicas": 1, "revisionHistoryLimit": 10,
                    "strategy": {"type": "RollingUpdate"},
                }),
            );
            if value["spec"]["strategy"]["type"] == "RollingUpdate" {
                let quarter =
                    json!({"rollingUpdate": {"maxSurge": "25%", "maxUnavailable": "25%"}});
                defaults(&mut value, "/spec/strategy", quarter);
            }
            pod(&mut value, "/spec/template/spec");
        }
        ("apps", "StatefulSet") => {
            defaults(
                &mut value,
                "/spec",
                json!({"replicas": 1, "podManagementPolicy": "OrderedReady"}),
            );
            pod(&mut value, "/spec/template/spec");
        }
        ("apps", "DaemonSet") => pod(&mut value, "/spec/template/spec"),
        ("batch", "Job") => {
            defaults(
                &mut value,
                "/spec",
                json!({"completions": 1, "backoffLimit": 6}),
            );
            pod(&mut value, "/spec/template/spec");
        }
        ("", "Service") => service(&mut value),
        ("", "Secret") => secret(&mut value),
        ("", "Namespace") => {
            let name = value["metadata"]["name"].clone();
            if !value["metadata"]["labels"].is_object() {
                value["metadata"]["labels"] = json!({});
            }
            value["metadata"]["labels"]["kubernetes.io/metadata.name"] = name;
            defaults(
                &mut value,
                "",
                json!({"spec": {"finalizers": ["kubernetes"]}, "status": {"phase": "Active"}}),
            );
        }
        _ => {}
    }
    drop_empty(kind, &mut value);
    *object = json::from_value(&value);
}

/// Maps and lists of the server's own types are not there when they are empty.
fn drop_empty(kind: &GroupKind, value: &mut Value) {
    let is_empty = |value: &Value| match value {
        Value::Null => true,
        Value::Object(map) => map.is_empty(),
        Value::Array(list) => list.is_empty(),
        _ => false,
    };
    let data = kind.is("", "ConfigMap") || kind.is("", "Secret");
    if let Some(map) = value.as_object_mut().filter(|_| data) {
        map.retain(|key, value| {
            !(matches!(key.as_str(), "data" | "binaryData") && is_empty(value))
        });
    }
    if let Some(metadata) = value.get_mut("metadata").and_then(Value::as_object_mut) {
        metadata.retain(|_, value| !is_empty(value));
    }
}

/// Sets what no user can know: addresses, and a status to begin with.
pub fn allocate(kind: &GroupKind, object: &mut Node, serial: u64) {
    let mut value = json::to_value(object);
    if kind.is("apps", "Deployment") {
        defaults(&mut value, "", json!({"status": {}}));
    } else if kind.is("", "Service") {
        let address = format!("10.96.{}.{}", serial / 250, serial % 250);
        defaults(&mut value, "", json!({"status": {"loadBalancer": {}}}));
        defaults(
            &mut value,
            "/spec",
            json!({
                "clusterIP": address, "clusterIPs": [address], "ipFamilies": ["IPv4"], "ipFamilyPolicy": "SingleStack",
            }),
        );
    } else {
        return;
    }
    *object = json::from_value(&value);
}

/// Keeps what was allocated when an update no longer says it, as the strategies of the built-in kinds do.
pub fn keep_allocated(kind: &GroupKind, live: &Node, object: &mut Node) {
    if !kind.is("", "Service") {
        return;
    }
    let mut value = json::to_value(object);
    let live = json::to_value(live);
    let mut kept = serde_json::Map::new();
    for key in ["clusterIP", "clusterIPs"] {
        if !live["spec"][key].is_null() {
            kept.insert(key.to_owned(), live["spec"][key].clone());
        }
    }
    defaults(&mut value, "/spec", Value::Object(kept));
    *object = json::from_value(&value);
}

fn service(value: &mut Value) {
    defaults(
        value,
        "/spec",
        json!({"type": "ClusterIP", "sessionAffinity": "None", "internalTrafficPolicy": "Cluster"}),
    );
    let Some(Value::Array(ports)) = value.pointer_mut("/spec/ports") else {
        return;
    };
    for port in ports {
        let target = port["port"].clone();
        defaults(port, "", json!({"protocol": "TCP", "targetPort": target}));
    }
}

/// `stringData` becomes `data`, and is never stored.
fn secret(value: &mut Value) {
    defaults(value, "", json!({"type": "Opaque"}));
    let Some(Value::Object(texts)) = value
        .as_object_mut()
        .and_then(|map| map.remove("stringData"))
    else {
        return;
    };
    defaults(value, "", json!({"data": {}}));
    for (key, text) in texts {
        let encoded = base64::Engine::encode(
            &base64::engine::general_purpose::STANDARD,
            text.as_str().unwrap_or_default(),
        );
        value["data"][key] = json!(encoded);
    }
}

fn pod(value: &mut Value, pod: &str) {
    defaults(
        value,
        pod,
        json!({
            "dnsPolicy": "ClusterFirst", "restartPolicy": "Always", "schedulerName": "default-scheduler",
            "securityContext": {}, "terminationGracePeriodSeconds": 30,
        }),
    );
    let Some(Value::Array(containers)) = value.pointer_mut(&format!("{pod}/containers")) else {
        return;
    };
    for container in containers {
        let pull = pull_policy(container["image"].as_str().unwrap_or_default());
        defaults(
            container,
            "",
            json!({
                "imagePullPolicy": pull, "resources": {}, "terminationMessagePath": "/dev/termination-log",
                "terminationMessagePolicy": "File",
            }),
        );
        let Some(Value::Array(ports)) = container.get_mut("ports") else {
            continue;
        };
        for port in ports {
            defaults(port, "", json!({"protocol": "TCP"}));
        }
    }
}

/// An image without a tag, or `latest`, is always pulled.
fn pull_policy(image: &str) -> &'static str {
    let name = image.rsplit('/').next().unwrap_or_default();
    if name.contains('@') || name.contains(':') && !name.ends_with(":latest") {
        "IfNotPresent"
    } else {
        "Always"
    }
}

/// Sets each member that is not there, of the object at `pointer` when that is there.
fn defaults(value: &mut Value, pointer: &str, defaults: Value) {
    if let (Some(Value::Object(map)), Value::Object(defaults)) =
        (value.pointer_mut(pointer), defaults)
    {
        for (key, default) in defaults {
            map.entry(key).or_insert(default);
        }
    }
}

/// The first field that changed though it may not.
#[must_use]
pub fn immutable_change(kind: &GroupKind, old: &Node, new: &Node) -> Option<&'static str> {
    let (old, new) = (json::to_value(old), json::to_value(new));
    if kind.group.is_empty() && old["immutable"] == true && old["data"] != new["data"] {
        return Some("/data");
    }
    let (.., fields) = IMMUTABLE
        .iter()
        .find(|(group, name, _)| kind.is(group, name))?;
    fields
        .iter()
        .find(|field| {
            let before = old.pointer(field);
            before.is_some() && before != new.pointer(field)
        })
        .copied()
}

/// What the server's validation says of an object.
#[must_use]
pub fn is_valid(kind: &GroupKind, object: &Node) -> bool {
    let strategy = |key| object.at_path(&["spec", "strategy", key]);
    let recreates = strategy("type").and_then(Node::as_str) == Some("Recreate");
    // The defaults of the strategy before stay when only its type is applied.
    !(kind.is("apps", "Deployment") && recreates && strategy("rollingUpdate").is_some())
}

/// The generation after a change from `old`.
#[must_use]
pub fn generation(kind: &GroupKind, old: Option<&Node>, new: &Node) -> Option<i64> {
    if WITHOUT_GENERATION.contains(&kind.group.as_str()) {
        return None;
    }
    let Some(old) = old else {
        return Some(1);
    };
    let before = old
        .at_path(&["metadata", "generation"])
        .and_then(Node::as_int)
        .unwrap_or(1);
    let desired = |object: &Node| {
        let mut map = object.as_map().cloned().unwrap_or_default();
        map.remove("metadata");
        map.remove("status");
        map
    };
    let going = |object: &Node| object.at_path(&["metadata", "deletionTimestamp"]).is_some();
    Some(
        if desired(old) == desired(new) && going(old) == going(new) {
            before
        } else {
            before + 1
        },
    )
}
