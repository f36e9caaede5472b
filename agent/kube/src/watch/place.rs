//! One watched collection: all namespaces or one, listed and then followed from a position.

use std::collections::BTreeMap;
use std::time::Duration;

use http::Response;
use kube::client::Body;
use muster_model::observed::Record;
use muster_model::{Node, ObjectId, json};

use super::WatchEvent;
use super::lines::{Lines, NoLine};
use crate::client::Inner;
use crate::failure::{Failure, Operation};
use crate::probe::{ListQuery, identity};
use crate::resource::{Resource, segment};
use crate::transport::{Call, METADATA, METADATA_LIST, WHOLE};

/// How long the server keeps a watch open, in seconds; client-go uses 5 to 10 minutes too, spread so that not all
/// watches end at once.
const WATCH_SECONDS: std::ops::Range<u32> = 300..600;
/// Longest silence on a watch: servers send a bookmark about every minute.
const SILENCE: Duration = Duration::from_secs(150);
/// Longest silence while the list streams in. A server that ignores the wish for a list never says where it ends.
const LIST_SILENCE: Duration = Duration::from_secs(30);
/// The annotation of the bookmark that ends the list (KEP-3157).
const INITIAL_EVENTS_END: &str = "k8s.io/initial-events-end";

/// A collection that is watched.
#[derive(Debug, Clone)]
pub(super) struct Place {
    /// One namespace, or all.
    pub(super) namespace: Option<String>,
    /// One namespace as an object. A list with a field selector asks for a right on every namespace; a role within the
    /// namespace permits to get it, and to watch it by a path of its own.
    pub(super) object: Option<String>,
    /// The selector as part of a query.
    pub(super) selector: Option<String>,
    /// Whole objects, or metadata.
    pub(super) whole: bool,
}

/// How the list is wanted.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Wish {
    /// As the beginning of the watch (KEP-3157).
    Streaming,
    /// Page by page.
    Pages,
}

/// A list, and where to go on from.
#[derive(Debug)]
pub(super) struct Began {
    pub(super) records: Vec<(ObjectId, Record)>,
    pub(super) position: Position,
}

/// Where a watch is.
#[derive(Debug)]
pub(super) struct Position {
    place: Place,
    resource_version: String,
    open: Option<Lines>,
}

/// One thing that a watch says.
#[derive(Debug)]
pub(super) enum Change {
    /// An object is there, or changed.
    Live(ObjectId, Box<Record>),
    /// An object is gone.
    Gone(ObjectId),
    /// Nothing but a newer position; `true` at the end of the list.
    Bookmark(bool),
}

impl Change {
    /// What is passed on of it.
    pub(super) fn into_event(self) -> Option<WatchEvent> {
        match self {
            Self::Live(id, record) => Some(WatchEvent::Changed(id, record)),
            Self::Gone(id) => Some(WatchEvent::Gone(id)),
            Self::Bookmark(_) => None,
        }
    }
}

impl Place {
    /// Lists the collection.
    pub(super) async fn begin(
        self,
        inner: &Inner,
        resource: &Resource,
        wish: Wish,
    ) -> Result<Began, Failure> {
        match (&self.object, wish) {
            (Some(name), _) => {
                let name = name.clone();
                self.begin_one(inner, resource, &name).await
            }
            (None, Wish::Streaming) => self.begin_streaming(inner, resource).await,
            (None, Wish::Pages) => self.begin_pages(inner, resource).await,
        }
    }

    /// One object, there or not.
    async fn begin_one(
        self,
        inner: &Inner,
        resource: &Resource,
        name: &str,
    ) -> Result<Began, Failure> {
        let id = ObjectId::new(&resource.gvk.group, &resource.gvk.kind, "", name);
        let operation = Operation::new("get", resource.name(), name);
        let call = Call::get(resource.object(&id), WHOLE, operation);
        let (records, resource_version) = match inner.transport.call(call).await {
            Ok(live) => {
                let record = inner.reduce(&live);
                let version = record.resource_version.clone();
                (vec![(id, record)], version)
            }
            // From now on: what appears meanwhile is told first.
            Err(Failure::NotFound(_)) => (Vec::new(), String::new()),
            Err(failure) => return Err(failure),
        };
        Ok(Began {
            records,
            position: Position {
                place: self,
                resource_version,
                open: None,
            },
        })
    }

    async fn begin_streaming(self, inner: &Inner, resource: &Resource) -> Result<Began, Failure> {
        let operation = self.operation(resource);
        let path = self.path(
            resource,
            "&sendInitialEvents=true&resourceVersionMatch=NotOlderThan",
        );
        let response = inner.transport.stream(self.call(path, resource)).await?;
        let mut position = self.at(response);
        let mut records = BTreeMap::new();
        loop {
            match position.read(inner, resource, LIST_SILENCE).await {
                Ok(Change::Live(id, record)) => {
                    records.insert(id, *record);
                }
                Ok(Change::Gone(id)) => {
                    records.remove(&id);
                }
                Ok(Change::Bookmark(false)) => {}
                Ok(Change::Bookmark(true)) => break,
                Err(Stop::Ended(NoLine::Silence)) => {
                    return Err(Failure::no_streaming_list(&operation));
                }
                Err(Stop::Ended(_)) => return Err(Failure::cut_off(&operation)),
                Err(Stop::Said(failure)) => return Err(failure),
            }
        }
        Ok(Began {
            records: records.into_iter().collect(),
            position,
        })
    }

    async fn begin_pages(self, inner: &Inner, resource: &Resource) -> Result<Began, Failure> {
        let query = ListQuery {
            namespace: self.namespace.as_deref(),
            selector: self.selector.as_deref(),
            accept: if self.whole { WHOLE } else { METADATA_LIST },
        };
        let mut records = Vec::new();
        let resource_version = inner
            .list(resource, &query, |id, item| {
                let record = if self.whole {
                    inner.reduce(&typed(resource, item))
                } else {
                    inner.reduce(item)
                };
                records.push((id, record));
            })
            .await?;
        Ok(Began {
            records,
            position: Position {
                place: self,
                resource_version,
                open: None,
            },
        })
    }

    fn at(self, response: Response<Body>) -> Position {
        Position {
            place: self,
            resource_version: String::new(),
            open: Some(Lines::new(response.into_body())),
        }
    }

    fn call(&self, path: String, resource: &Resource) -> Call {
        let accept = if self.whole { WHOLE } else { METADATA };
        Call::get(path, accept, self.operation(resource))
    }

    fn operation(&self, resource: &Resource) -> Operation {
        let namespace = self.namespace.as_deref().or(self.object.as_deref());
        Operation::new("watch", resource.name(), namespace.unwrap_or_default())
    }

    fn path(&self, resource: &Resource, rest: &str) -> String {
        let seconds = rand::random_range(WATCH_SECONDS);
        let collection = resource.collection(self.namespace.as_deref());
        let collection = match &self.object {
            Some(name) => format!("/api/v1/watch/namespaces/{}", segment(name)),
            None => collection,
        };
        let mut path = format!(
            "{collection}?watch=true&allowWatchBookmarks=true&timeoutSeconds={seconds}{rest}"
        );
        if let Some(selector) = &self.selector {
            path.push('&');
            path.push_str(selector);
        }
        path
    }
}

/// Why a watch stopped saying things.
#[derive(Debug)]
enum Stop {
    /// It ended or broke.
    Ended(NoLine),
    /// The server said why.
    Said(Failure),
}

impl Position {
    /// The next change; `None` when the watch ended and is to be opened again where it was.
    pub(super) async fn next(
        &mut self,
        inner: &Inner,
        resource: &Resource,
    ) -> Result<Option<Change>, Failure> {
        if self.open.is_none() {
            let from = format!("&resourceVersion={}", segment(&self.resource_version));
            let call = self.place.call(self.place.path(resource, &from), resource);
            let response = inner.transport.stream(call).await?;
            self.open = Some(Lines::new(response.into_body()));
        }
        match self.read(inner, resource, SILENCE).await {
            Ok(change) => Ok(Some(change)),
            Err(stop) => {
                self.open = None;
                match stop {
                    Stop::Ended(NoLine::End | NoLine::Silence | NoLine::Broken) => Ok(None),
                    Stop::Ended(NoLine::TooLong) => {
                        Err(Failure::too_much(&self.place.operation(resource)))
                    }
                    Stop::Said(failure) => Err(failure),
                }
            }
        }
    }

    async fn read(
        &mut self,
        inner: &Inner,
        resource: &Resource,
        silence: Duration,
    ) -> Result<Change, Stop> {
        let operation = self.place.operation(resource);
        let Some(lines) = &mut self.open else {
            return Err(Stop::Ended(NoLine::End));
        };
        let line = lines.next(silence).await.map_err(Stop::Ended)?;
        let mut event =
            json::from_slice(&line).map_err(|_| Stop::Said(Failure::not_json(&operation)))?;
        let object = event
            .as_map_mut()
            .and_then(|map| map.remove("object"))
            .unwrap_or_default();
        let change = change(
            inner,
            resource,
            event.str_at(&["type"]).unwrap_or_default(),
            &object,
        );
        let change = change.ok_or_else(|| Stop::Said(failure_of(&operation, &object)))?;
        if let Some(version) = object.str_at(&["metadata", "resourceVersion"]) {
            version.clone_into(&mut self.resource_version);
        }
        Ok(change)
    }
}

fn change(inner: &Inner, resource: &Resource, kind: &str, object: &Node) -> Option<Change> {
    match kind {
        "ADDED" | "MODIFIED" => Some(Change::Live(
            identity(resource, object)?,
            Box::new(inner.reduce(object)),
        )),
        "DELETED" => Some(Change::Gone(identity(resource, object)?)),
        "BOOKMARK" => {
            let path = ["metadata", "annotations", INITIAL_EVENTS_END];
            Some(Change::Bookmark(object.str_at(&path) == Some("true")))
        }
        _ => None,
    }
}

/// An `ERROR` event carries the `Status` that a request would have been answered with.
fn failure_of(operation: &Operation, status: &Node) -> Failure {
    let code = status.get("code").and_then(Node::as_int);
    let code = code
        .and_then(|code| u16::try_from(code).ok())
        .unwrap_or(500);
    Failure::of_answer(operation, code, None, json::to_string(status).as_bytes())
}

/// Items of a list of whole objects do not say their kind; what judges health needs it.
fn typed(resource: &Resource, item: &Node) -> Node {
    let mut item = item.clone();
    if let Some(map) = item.as_map_mut() {
        map.insert("apiVersion", Node::string(resource.gvk.api_version()));
        map.insert("kind", Node::string(&*resource.gvk.kind));
    }
    item
}
