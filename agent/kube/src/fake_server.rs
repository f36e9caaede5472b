//! An API server in the test's own process, for what a real one cannot be made to do at will. It answers in virtual
//! time; what Kubernetes itself does is tested against a real one (`tests/apiserver`).

use std::collections::{BTreeSet, VecDeque};
use std::convert::Infallible;
use std::future::pending;
use std::sync::{Arc, Mutex};

use bytes::Bytes;
use http::{HeaderMap, Request, Response};
use http_body_util::combinators::UnsyncBoxBody;
use http_body_util::{BodyExt as _, Full};
use kube::Client;
use kube::client::Body;
use muster_model::observed::Record;
use muster_model::{GroupKind, Node};

use crate::{Access, ClusterClient, Options, ParentName, Reducers, WatchScope};

/// One answer of the script.
#[derive(Debug, Clone)]
pub(crate) enum Reply {
    /// Success with this body; of a watch: these lines, then an end in order.
    Ends(String),
    /// Success; a watch that says these lines and then stays open.
    StaysOpen(String),
    /// A status code, `Retry-After` seconds, and a `Status` without details.
    Error(u16, u32),
    /// No answer, ever.
    Silence,
}

/// What was asked for apart from discovery, as `GET /api/v1/configmaps?…`.
pub(crate) type Asked = Arc<Mutex<Vec<String>>>;

/// A client of a server that answers discovery, to everything else one reply of the script after the other, and then
/// nothing.
pub(crate) fn client(script: &[Reply]) -> (ClusterClient, Asked) {
    let asked = Asked::default();
    let log = asked.clone();
    let script = Arc::new(Mutex::new(VecDeque::from(script.to_vec())));
    let service = tower::service_fn(move |request: Request<Body>| {
        let reply = match request.uri().path() {
            "/api" => Reply::Ends(CORE.to_owned()),
            "/apis" => Reply::Ends(r#"{"items":[]}"#.to_owned()),
            _ => {
                log.lock()
                    .unwrap()
                    .push(format!("{} {}", request.method(), request.uri()));
                script.lock().unwrap().pop_front().unwrap_or(Reply::Silence)
            }
        };
        answer(reply)
    });
    let client = ClusterClient::over(Client::new(service, "default"), options());
    (client, asked)
}

const CORE: &str = r#"{"items":[{"metadata":{},"versions":[{"version":"v1","freshness":"Current","resources":[
    {"resource":"configmaps","responseKind":{"group":"","version":"","kind":"ConfigMap"},"scope":"Namespaced","verbs":["get"]}]}]}]}"#;

pub(crate) fn config_maps() -> GroupKind {
    GroupKind::new("", "ConfigMap")
}

async fn answer(reply: Reply) -> Result<Response<UnsyncBoxBody<Bytes, Infallible>>, Infallible> {
    let response = match reply {
        Reply::Ends(body) => Response::new(Full::from(body).boxed_unsync()),
        Reply::StaysOpen(body) => {
            let never = pending::<Option<Result<HeaderMap, Infallible>>>();
            Response::new(Full::from(body).with_trailers(never).boxed_unsync())
        }
        Reply::Error(code, seconds) => Response::builder()
            .status(code)
            .header("Retry-After", seconds)
            .body(Full::from("{}").boxed_unsync())
            .unwrap(),
        Reply::Silence => pending().await,
    };
    Ok(response)
}

fn options() -> Options {
    Options {
        access: Access::InCluster,
        parent: ParentName {
            namespace: "muster-system".to_owned(),
            name: "muster".to_owned(),
        },
        field_manager: "muster.test".to_owned(),
        tooling: "muster/v0.0.0".to_owned(),
        scope: WatchScope::All,
        reducers: Reducers {
            live: Arc::new(record),
            response: Arc::new(|_, live| record(live)),
            audit: Arc::new(|_, _, _| (Vec::new(), Vec::new())),
            whole: Arc::new(|_| false),
        },
    }
}

/// The least of a record: which version of which object.
fn record(live: &Node) -> Record {
    let text = |key| {
        live.str_at(&["metadata", key])
            .unwrap_or_default()
            .to_owned()
    };
    Record {
        uid: text("uid"),
        resource_version: text("resourceVersion"),
        generation: 0,
        created: None,
        deleting: false,
        finalizers: Vec::new(),
        part_of: None,
        applied: None,
        claims: BTreeSet::new(),
        controller: None,
        managers: Vec::new(),
        sync_options: None,
        health: None,
        complete: false,
        scale_target: None,
        namespace: None,
        wave: 0,
        mutated: Vec::new(),
    }
}
