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
pub fn default(kind: &GroupKind, object: &mut Node, serial: u64) {
    let mut value = json::to_value(object);
    match (kind.group.as_str(), kind.kind.as_str()) {
        ("apps", "Deployment") => {
            put(&mut value, "/spec", "replicas", json!(1));
            put(&mut value, "/spec", "revisionHistoryLimit", json!(10));
            put(
                &mut value,
                "/spec",
                "strategy",
                json!({"type": "RollingUpdate"}),
            );
            containers(&mut value, "/spec/template/spec");
        }
        ("apps", "StatefulSet") => {
            put(&mut value, "/spec", "replicas", json!(1));
            put(
                &mut value,
                "/spec",
                "podManagementPolicy",
                json!("OrderedReady"),
            );
            containers(&mut value, "/spec/template/spec");
        }
        ("apps", "DaemonSet") => containers(&mut value, "/spec/template/spec"),
        ("batch", "Job") => {
            put(&mut value, "/spec", "completions", json!(1));
            put(&mut value, "/spec", "backoffLimit", json!(6));
            containers(&mut value, "/spec/template/spec");
        }
        ("", "Service") => {
            put(&mut value, "/spec", "type", json!("ClusterIP"));
            put(
                &mut value,
                "/spec",
                "clusterIP",
                json!(format!("10.96.{}.{}", serial / 250, serial % 250)),
            );
        }
        ("", "Secret") => secret(&mut value),
        ("", "Namespace") => {
            let name = value["metadata"]["name"].clone();
            if !value["metadata"]["labels"].is_object() {
                value["metadata"]["labels"] = json!({});
            }
            value["metadata"]["labels"]["kubernetes.io/metadata.name"] = name;
            put(
                &mut value,
                "",
                "spec",
                json!({"finalizers": ["kubernetes"]}),
            );
            put(&mut value, "", "status", json!({"phase": "Active"}));
        }
        _ => {}
    }
    *object = json::from_value(&value);
}

/// `stringData` becomes `data`, and is never stored.
fn secret(value: &mut Value) {
    put(value, "", "type", json!("Opaque"));
    let Some(Value::Object(texts)) = value
        .as_object_mut()
        .and_then(|map| map.remove("stringData"))
    else {
        return;
    };
    put(value, "", "data", json!({}));
    for (key, text) in texts {
        let encoded = base64::Engine::encode(
            &base64::engine::general_purpose::STANDARD,
            text.as_str().unwrap_or_default(),
        );
        value["data"][key] = json!(encoded);
    }
}

fn containers(value: &mut Value, pod: &str) {
    put(value, pod, "restartPolicy", json!("Always"));
    let Some(Value::Array(containers)) = value.pointer_mut(&format!("{pod}/containers")) else {
        return;
    };
    for container in containers {
        put(
            container,
            "",
            "terminationMessagePath",
            json!("/dev/termination-log"),
        );
        put(container, "", "imagePullPolicy", json!("IfNotPresent"));
        let Some(Value::Array(ports)) = container.get_mut("ports") else {
            continue;
        };
        for port in ports {
            put(port, "", "protocol", json!("TCP"));
        }
    }
}

/// Sets a member of the object at `pointer` when that object is there and the member is not.
fn put(value: &mut Value, pointer: &str, key: &str, default: Value) {
    if let Some(Value::Object(map)) = value.pointer_mut(pointer) {
        map.entry(key).or_insert(default);
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
    Some(if desired(old) == desired(new) {
        before
    } else {
        before + 1
    })
}
