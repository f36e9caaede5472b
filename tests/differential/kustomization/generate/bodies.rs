//! What objects have besides their metadata.

use rand::Rng as _;
use rand::rngs::StdRng;

use super::objects::{IMAGES, Identity, NAMES, Shape, pick, texts};
use super::scalars;
use super::text::Y;
use crate::random::one_in;

/// Adds what the kind has.
pub fn body(rng: &mut StdRng, identity: &Identity, object: &mut Y) {
    match identity.kind.shape {
        Shape::Workload => {
            let spec = workload(rng);
            object.push("spec", spec);
        }
        Shape::CronJob => cron_job_body(rng, object),
        Shape::Pod => {
            let spec = pod(rng);
            object.push("spec", spec);
        }
        Shape::Service => {
            let selector = texts(rng, false);
            let ports = list(rng, 1..4, port);
            object.push("spec", Y::map([("selector", selector), ("ports", ports)]));
        }
        Shape::Data => data(rng, identity, object),
        Shape::Ingress => ingress_body(rng, object),
        Shape::Scaler => scaler_body(rng, object),
        Shape::Budget => budget_body(rng, object),
        Shape::Policy => policy_body(rng, object),
        Shape::Binding => binding_body(rng, object),
        Shape::Rules => rules_body(rng, object),
        Shape::Webhook => webhook_body(rng, object),
        Shape::Volume => volume_body(rng, object),
        Shape::Custom => custom_body(rng, object),
        Shape::Bare => {}
    }
}

fn cron_job_body(rng: &mut StdRng, object: &mut Y) {
    let job = workload(rng);
    object.push(
        "spec",
        Y::map([
            ("schedule", Y::raw("'*/5 * * * *'")),
            ("jobTemplate", Y::map([("spec", job)])),
        ]),
    );
}

fn ingress_body(rng: &mut StdRng, object: &mut Y) {
    let name = pick(rng, NAMES);
    let backend = Y::map([(
        "service",
        Y::map([
            ("name", Y::raw(name)),
            ("port", Y::map([("number", Y::raw("80"))])),
        ]),
    )]);
    let path = Y::map([
        ("path", Y::raw("/")),
        ("pathType", Y::raw("Prefix")),
        ("backend", backend),
    ]);
    let rule = Y::map([
        ("host", Y::raw("web.example.com")),
        ("http", Y::map([("paths", Y::List(vec![path]))])),
    ]);
    let tls = Y::map([("secretName", Y::raw(pick(rng, NAMES)))]);
    object.push(
        "spec",
        Y::map([("rules", Y::List(vec![rule])), ("tls", Y::List(vec![tls]))]),
    );
}

fn scaler_body(rng: &mut StdRng, object: &mut Y) {
    let target = Y::map([
        ("apiVersion", Y::raw("apps/v1")),
        (
            "kind",
            Y::raw(pick(rng, &["Deployment", "StatefulSet", "Widget"])),
        ),
        ("name", Y::raw(pick(rng, NAMES))),
    ]);
    object.push(
        "spec",
        Y::map([("scaleTargetRef", target), ("minReplicas", Y::raw("1"))]),
    );
}

fn budget_body(rng: &mut StdRng, object: &mut Y) {
    let labels = texts(rng, false);
    object.push(
        "spec",
        Y::map([
            ("selector", Y::map([("matchLabels", labels)])),
            ("minAvailable", Y::raw("1")),
        ]),
    );
}

fn policy_body(rng: &mut StdRng, object: &mut Y) {
    let (selector, from) = (texts(rng, false), texts(rng, false));
    let peer = Y::map([("podSelector", Y::map([("matchLabels", from)]))]);
    let ingress = Y::map([("from", Y::List(vec![peer]))]);
    object.push(
        "spec",
        Y::map([
            ("podSelector", Y::map([("matchLabels", selector)])),
            ("ingress", Y::List(vec![ingress])),
        ]),
    );
}

fn binding_body(rng: &mut StdRng, object: &mut Y) {
    let role = Y::map([
        ("apiGroup", Y::raw("rbac.authorization.k8s.io")),
        ("kind", Y::raw(pick(rng, &["Role", "ClusterRole"]))),
        ("name", Y::raw(pick(rng, NAMES))),
    ]);
    object.push("roleRef", role);
    let subjects = list(rng, 1..3, subject);
    object.push("subjects", subjects);
}

fn rules_body(rng: &mut StdRng, object: &mut Y) {
    let rule = Y::map([
        ("apiGroups", Y::List(vec![Y::raw("''")])),
        ("resources", Y::List(vec![Y::raw("secrets")])),
        ("resourceNames", Y::List(vec![Y::raw(pick(rng, NAMES))])),
        ("verbs", Y::List(vec![Y::raw("get")])),
    ]);
    object.push("rules", Y::List(vec![rule]));
}

fn webhook_body(rng: &mut StdRng, object: &mut Y) {
    let service = Y::map([
        ("name", Y::raw(pick(rng, NAMES))),
        (
            "namespace",
            Y::raw(pick(rng, &["default", "prod", "system"])),
        ),
    ]);
    let hook = Y::map([
        ("name", Y::raw("a.example.com")),
        ("clientConfig", Y::map([("service", service)])),
    ]);
    object.push("webhooks", Y::List(vec![hook]));
}

fn volume_body(rng: &mut StdRng, object: &mut Y) {
    let class = Y::raw(pick(rng, NAMES));
    object.push(
        "spec",
        Y::map([
            ("storageClassName", class),
            ("volumeName", Y::raw(pick(rng, NAMES))),
        ]),
    );
}

fn custom_body(rng: &mut StdRng, object: &mut Y) {
    let any = scalars::map(rng, 3);
    object.push("spec", any);
    if one_in(rng, 3) {
        let item = Y::map([
            ("name", Y::raw(pick(rng, NAMES))),
            ("value", scalars::scalar(rng)),
        ]);
        object.child("spec").push("items", Y::List(vec![item]));
    }
}

fn data(rng: &mut StdRng, identity: &Identity, object: &mut Y) {
    let secret = identity.kind.kind == "Secret";
    let count = rng.random_range(0..4);
    let pairs = (0..count).map(|i| {
        let value = if secret {
            Y::raw("aGVsbG8=")
        } else {
            scalars::text(rng)
        };
        (["a", "b.txt", "config.yaml", "z"][i].to_owned(), value)
    });
    let pairs = Y::Map(pairs.collect());
    object.push("data", pairs);
}

fn subject(rng: &mut StdRng) -> Y {
    let mut subject = Y::map([
        ("kind", Y::raw("ServiceAccount")),
        ("name", Y::raw(pick(rng, &["sa", "default", "web"]))),
    ]);
    if one_in(rng, 2) {
        subject.push("namespace", Y::raw(pick(rng, &["default", "prod", "dev"])));
    }
    subject
}

fn workload(rng: &mut StdRng) -> Y {
    let mut spec = Y::map([]);
    if one_in(rng, 2) {
        spec.push("replicas", Y::raw(pick(rng, &["1", "3", "'2'", "null"])));
    }
    let labels = texts(rng, false);
    if one_in(rng, 2) {
        spec.push("selector", Y::map([("matchLabels", labels.clone())]));
    }
    let mut template = Y::map([]);
    if one_in(rng, 2) {
        template.push("metadata", Y::map([("labels", labels)]));
    }
    template.push("spec", pod(rng));
    spec.push("template", template);
    spec
}

fn pod(rng: &mut StdRng) -> Y {
    let mut spec = Y::map([("containers", list(rng, 1..3, container))]);
    if one_in(rng, 5) {
        spec.push("initContainers", list(rng, 1..3, container));
    }
    if one_in(rng, 4) {
        spec.push("serviceAccountName", Y::raw(pick(rng, NAMES)));
    }
    if one_in(rng, 3) {
        spec.push("volumes", list(rng, 1..3, volume));
    }
    if one_in(rng, 8) {
        spec.push(
            "imagePullSecrets",
            Y::List(vec![Y::map([("name", Y::raw(pick(rng, NAMES)))])]),
        );
    }
    if one_in(rng, 8) {
        spec.push(
            "tolerations",
            Y::List(vec![Y::map([
                ("key", Y::raw("a")),
                ("operator", Y::raw("Exists")),
            ])]),
        );
    }
    spec
}

fn volume(rng: &mut StdRng) -> Y {
    let mut volume = Y::map([("name", Y::raw(pick(rng, &["config", "data", "tmp"])))]);
    match rng.random_range(0..4) {
        0 => volume.push("configMap", Y::map([("name", Y::raw(pick(rng, NAMES)))])),
        1 => volume.push("secret", Y::map([("secretName", Y::raw(pick(rng, NAMES)))])),
        2 => volume.push("emptyDir", Y::map([])),
        _ => {
            let source = Y::map([("configMap", Y::map([("name", Y::raw(pick(rng, NAMES)))]))]);
            volume.push("projected", Y::map([("sources", Y::List(vec![source]))]));
        }
    }
    volume
}

/// A container of a pod.
pub fn container(rng: &mut StdRng) -> Y {
    let mut container = Y::map([("name", Y::raw(pick(rng, &["app", "sidecar", "nginx"])))]);
    if !one_in(rng, 6) {
        container.push("image", Y::raw(pick(rng, IMAGES)));
    }
    if one_in(rng, 2) {
        container.push("env", list(rng, 1..4, variable));
    }
    if one_in(rng, 3) {
        container.push("ports", list(rng, 1..3, container_port));
    }
    if one_in(rng, 3) {
        container.push("args", list(rng, 0..4, scalars::text));
    }
    if one_in(rng, 5) {
        let source = Y::map([("configMapRef", Y::map([("name", Y::raw(pick(rng, NAMES)))]))]);
        container.push("envFrom", Y::List(vec![source]));
    }
    if one_in(rng, 5) {
        container.push("volumeMounts", list(rng, 1..3, mount));
    }
    if one_in(rng, 6) {
        container.push(
            "resources",
            Y::map([(
                "limits",
                Y::map([("cpu", scalars::scalar(rng)), ("memory", Y::raw("64Mi"))]),
            )]),
        );
    }
    container
}

fn mount(rng: &mut StdRng) -> Y {
    Y::map([
        ("name", Y::raw(pick(rng, &["config", "data"]))),
        ("mountPath", Y::raw(pick(rng, &["/a", "/b"]))),
    ])
}

/// An environment variable.
pub fn variable(rng: &mut StdRng) -> Y {
    let mut variable = Y::map([("name", Y::raw(pick(rng, &["A", "B", "C", "NAME"])))]);
    match rng.random_range(0..4) {
        0 => {
            let from = Y::map([("name", Y::raw(pick(rng, NAMES))), ("key", Y::raw("a"))]);
            variable.push("valueFrom", Y::map([("configMapKeyRef", from)]));
        }
        1 => variable.push(
            "value",
            Y::raw(pick(
                rng,
                &["$(NAME)", "x-$(NAME)-y", "$(OTHER)", "$$(NAME)"],
            )),
        ),
        _ => variable.push("value", scalars::text(rng)),
    }
    variable
}

/// A port of a Service.
pub fn port(rng: &mut StdRng) -> Y {
    named_port(rng, "port")
}

fn container_port(rng: &mut StdRng) -> Y {
    named_port(rng, "containerPort")
}

fn named_port(rng: &mut StdRng, key: &str) -> Y {
    let mut port = Y::map([("name", Y::raw(pick(rng, &["http", "https", "metrics"])))]);
    port.push(key, Y::raw(pick(rng, &["80", "443", "8080"])));
    if one_in(rng, 3) {
        port.push("protocol", Y::raw(pick(rng, &["TCP", "UDP"])));
    }
    port
}

fn list(rng: &mut StdRng, count: std::ops::Range<usize>, item: impl Fn(&mut StdRng) -> Y) -> Y {
    let count = rng.random_range(count);
    Y::List((0..count).map(|_| item(rng)).collect())
}
