//! Whether objects exist, learned before they are created.

use std::collections::{BTreeMap, BTreeSet};

use futures::future::try_join_all;
use muster_model::effect::Outcome;
use muster_model::observed::Record;
use muster_model::{GroupKind, Node, ObjectId};

use crate::client::Inner;
use crate::failure::{Failure, Operation};
use crate::resource::{Resource, segment};
use crate::transport::{Call, METADATA, METADATA_LIST};

/// Above so many objects of one kind and namespace one LIST is cheaper than a GET for each (DESIGN.md section 5).
const MAX_GETS: usize = 5;
/// Objects of one page of metadata: what client-go asks for.
pub(crate) const PAGE: usize = 500;

impl Inner {
    /// Looks for objects: for each kind and namespace GETs, or one paged LIST of metadata.
    pub(crate) async fn probe(&self, objects: &[ObjectId]) -> Result<Outcome, Failure> {
        let mut groups: BTreeMap<(GroupKind, &str), BTreeSet<&ObjectId>> = BTreeMap::new();
        for object in objects {
            let key = (object.group_kind(), object.namespace());
            groups.entry(key).or_default().insert(object);
        }
        let mut found: BTreeMap<ObjectId, Record> = BTreeMap::new();
        for ((kind, namespace), wanted) in groups {
            let resource = self.resource(&kind).await?;
            if wanted.len() > MAX_GETS {
                found.extend(self.find_in_list(&resource, namespace, &wanted).await?);
            } else {
                let gets = wanted.into_iter().map(|object| self.get(&resource, object));
                found.extend(try_join_all(gets).await?.into_iter().flatten());
            }
        }
        let absent = objects
            .iter()
            .filter(|object| !found.contains_key(object))
            .cloned()
            .collect();
        Ok(Outcome::Probed {
            found: found.into_iter().collect(),
            absent,
        })
    }

    async fn get(
        &self,
        resource: &Resource,
        object: &ObjectId,
    ) -> Result<Option<(ObjectId, Record)>, Failure> {
        let operation = Operation::new("get", resource.name(), object.namespace());
        let call = Call::get(resource.object(object), METADATA, operation);
        match self.transport.call(call).await {
            Ok(live) => Ok(Some((object.clone(), self.reduce(&live)))),
            Err(Failure::NotFound(_)) => Ok(None),
            Err(failure) => Err(failure),
        }
    }

    async fn find_in_list(
        &self,
        resource: &Resource,
        namespace: &str,
        wanted: &BTreeSet<&ObjectId>,
    ) -> Result<Vec<(ObjectId, Record)>, Failure> {
        let namespace = (!namespace.is_empty()).then_some(namespace);
        let mut found = Vec::new();
        let query = ListQuery {
            namespace,
            selector: None,
            accept: METADATA_LIST,
        };
        self.list(resource, &query, |id, live| {
            if wanted.contains(&id) {
                found.push((id, self.reduce(live)));
            }
        })
        .await?;
        Ok(found)
    }

    /// Reads a list page by page; gives back its resourceVersion. A position that expires between two pages begins anew
    /// in the caller: what was seen of a list that is not whole is of no use.
    pub(crate) async fn list(
        &self,
        resource: &Resource,
        query: &ListQuery<'_>,
        mut each: impl FnMut(ObjectId, &Node),
    ) -> Result<String, Failure> {
        let operation =
            Operation::new("list", resource.name(), query.namespace.unwrap_or_default());
        let mut position = String::new();
        loop {
            let path = query.path(resource, &position);
            let page = self
                .transport
                .call(Call::get(path, query.accept, operation.clone()))
                .await?;
            for item in page
                .get("items")
                .and_then(Node::as_list)
                .unwrap_or_default()
            {
                if let Some(id) = identity(resource, item) {
                    each(id, item);
                }
            }
            let metadata = |key| page.str_at(&["metadata", key]).unwrap_or_default();
            position = metadata("continue").to_owned();
            if position.is_empty() {
                return Ok(metadata("resourceVersion").to_owned());
            }
        }
    }
}

/// What is listed.
#[derive(Debug, Clone, Copy)]
pub(crate) struct ListQuery<'a> {
    /// One namespace, or all.
    pub(crate) namespace: Option<&'a str>,
    /// `labelSelector=…` or `fieldSelector=…`, escaped.
    pub(crate) selector: Option<&'a str>,
    /// Metadata or whole objects.
    pub(crate) accept: &'static str,
}

impl ListQuery<'_> {
    fn path(&self, resource: &Resource, position: &str) -> String {
        let mut path = format!("{}?limit={PAGE}", resource.collection(self.namespace));
        if let Some(selector) = self.selector {
            path.push('&');
            path.push_str(selector);
        }
        if !position.is_empty() {
            path.push_str("&continue=");
            path.push_str(&segment(position));
        }
        path
    }
}

/// The identity of an item, from the kind that was asked for: items of a list do not say their own.
pub(crate) fn identity(resource: &Resource, item: &Node) -> Option<ObjectId> {
    let name = item.str_at(&["metadata", "name"])?;
    let namespace = item.str_at(&["metadata", "namespace"]).unwrap_or_default();
    Some(ObjectId::new(
        &*resource.gvk.group,
        &*resource.gvk.kind,
        namespace,
        name,
    ))
}
