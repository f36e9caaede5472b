//! One effect carried out: one request, or a few where the effect says so, and what came of it.

use std::sync::Arc;

use http::Method;
use muster_model::effect::{Effect, Outcome, Propagation};
use muster_model::node::Map;
use muster_model::{Gvk, Node, ObjectId, ServiceAccount, json, marks};

use crate::client::{ClusterClient, Inner};
use crate::failure::{Failure, Operation};
use crate::managed_fields;
use crate::resource::{Resource, segment};
use crate::transport::{Call, METADATA, WHOLE};

/// Server-side apply. A JSON body is YAML.
const APPLY: &str = "application/apply-patch+yaml";
/// JSON merge patch (RFC 7386): `null` takes a member away, lists are replaced.
const MERGE: &str = "application/merge-patch+json";
const JSON: &str = "application/json";

/// Whether an effect is meant.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Mode {
    /// It is.
    Real,
    /// Only its outcome is wanted (`dryRun=All`).
    DryRun,
}

/// How a request is made.
#[derive(Debug, Clone, Copy)]
struct How<'a> {
    mode: Mode,
    /// Whom it is made as, instead of the agent itself.
    account: Option<&'a ServiceAccount>,
}

impl How<'_> {
    /// The rest of a query.
    fn query(self) -> &'static str {
        match self.mode {
            Mode::Real => "",
            Mode::DryRun => "&dryRun=All",
        }
    }
}

impl ClusterClient {
    /// Carries out one effect; `body` is the object to apply. How many are under way at once is the
    /// caller's to choose: each takes a connection of its own (HTTP/1.1).
    pub async fn act(&self, effect: &Effect, body: Option<&Node>) -> Outcome {
        self.carry_out(effect, body, Mode::Real).await
    }

    /// The same cluster, whose effects are carried out as a service account (`Impersonate-User`); what is only read is
    /// read as the agent.
    #[must_use]
    pub fn acting_as(&self, account: &ServiceAccount) -> Self {
        Self {
            inner: self.inner.clone(),
            account: Some(Arc::new(account.clone())),
        }
    }

    /// What [`Self::act`] would answer to an apply, with nothing changed: for audits.
    pub async fn dry_run(&self, effect: &Effect, body: Option<&Node>) -> Outcome {
        self.carry_out(effect, body, Mode::DryRun).await
    }

    async fn carry_out(&self, effect: &Effect, body: Option<&Node>, mode: Mode) -> Outcome {
        let inner = &self.inner;
        let how = How {
            mode,
            account: self.account.as_deref(),
        };
        let answer = inner.answer(effect, body, how).await;
        answer.unwrap_or_else(Failure::into_outcome)
    }
}

impl Inner {
    async fn answer(
        &self,
        effect: &Effect,
        body: Option<&Node>,
        how: How<'_>,
    ) -> Result<Outcome, Failure> {
        match effect {
            Effect::Probe { objects } => self.probe(objects).await,
            Effect::Apply {
                object,
                gvk,
                force,
                cause: _,
                yielded: _,
            } => self.apply(object, gvk, body, *force, how).await,
            Effect::Audit {
                object,
                gvk,
                yielded: _,
            } => self.audit(object, gvk, body, how).await,
            Effect::Delete {
                object,
                uid,
                resource_version,
                propagation,
            } => {
                let guard = Guard {
                    uid: Some(uid),
                    resource_version,
                };
                self.delete(object, &guard, *propagation, how).await
            }
            Effect::Release {
                object,
                uid,
                resource_version,
            } => {
                let guard = Guard {
                    uid: Some(uid),
                    resource_version,
                };
                self.release(object, &guard, how).await
            }
            Effect::Adopt {
                object,
                resource_version,
                managers,
            } => {
                let guard = Guard {
                    uid: None,
                    resource_version,
                };
                self.adopt(object, &guard, managers, how).await
            }
        }
    }
}

/// What an object must still be when the server gets to it.
#[derive(Debug)]
struct Guard<'a> {
    uid: Option<&'a str>,
    resource_version: &'a str,
}

impl Guard<'_> {
    /// As members of `metadata` in a patch, or of `preconditions` in a delete.
    fn members(&self) -> Map {
        let mut map = Map::new();
        if let Some(uid) = self.uid {
            map.insert("uid", Node::string(uid));
        }
        map.insert("resourceVersion", Node::string(self.resource_version));
        map
    }

    /// Whether an object read now is the one that was seen.
    fn holds_for(&self, metadata: &Node) -> bool {
        let is = |key, expected| metadata.str_at(&[key]) == Some(expected);
        self.uid.is_none_or(|uid| is("uid", uid)) && is("resourceVersion", self.resource_version)
    }
}

impl Inner {
    async fn apply(
        &self,
        object: &ObjectId,
        gvk: &Gvk,
        body: Option<&Node>,
        force: bool,
        how: How<'_>,
    ) -> Result<Outcome, Failure> {
        let Some(body) = body else {
            let operation = Operation::new("patch", gvk.kind.as_str(), object.namespace());
            return Err(Failure::malformed(&operation));
        };
        let response = self.patch(object, gvk, (body, force), how).await?;
        let record = (self.reducers.response)(body, &response);
        Ok(Outcome::Applied(Box::new(record)))
    }

    /// One server-side apply.
    async fn patch(
        &self,
        object: &ObjectId,
        gvk: &Gvk,
        (body, force): (&Node, bool),
        how: How<'_>,
    ) -> Result<Node, Failure> {
        let resource = self.resource_at(gvk).await?;
        let operation =
            Operation::new("patch", resource.name(), object.namespace()).done_as(how.account);
        let call = Call {
            method: Method::PATCH,
            path: format!(
                "{}?fieldManager={}&force={force}{}",
                resource.object(object),
                segment(&self.field_manager()),
                how.query()
            ),
            accept: WHOLE,
            body: Some((APPLY, json::to_string(body))),
            operation,
            account: how.account.cloned(),
        };
        self.transport.call(call).await
    }

    /// The live object beside what an apply would make of it. An object that changes in between looks drifted, and the
    /// apply that follows changes nothing.
    async fn audit(
        &self,
        object: &ObjectId,
        gvk: &Gvk,
        body: Option<&Node>,
        how: How<'_>,
    ) -> Result<Outcome, Failure> {
        let resource = self.resource_at(gvk).await?;
        let operation = Operation::new("get", resource.name(), object.namespace());
        let sent = body.ok_or_else(|| Failure::malformed(&operation))?;
        let get = Call::get(resource.object(object), WHOLE, operation);
        let live = self.transport.call(get).await?;
        let dry = How {
            mode: Mode::DryRun,
            ..how
        };
        let applied = self.patch(object, gvk, (sent, true), dry).await?;
        let (drifted, mutated) = (self.reducers.audit)(sent, &live, &applied);
        Ok(Outcome::Audited { drifted, mutated })
    }

    async fn delete(
        &self,
        object: &ObjectId,
        guard: &Guard<'_>,
        propagation: Propagation,
        how: How<'_>,
    ) -> Result<Outcome, Failure> {
        let resource = self.resource(&object.group_kind()).await?;
        let policy = match propagation {
            Propagation::Foreground => "Foreground",
            Propagation::Background => "Background",
            Propagation::Orphan => "Orphan",
        };
        let options: Map = [
            ("apiVersion", Node::string("v1")),
            ("kind", Node::string("DeleteOptions")),
            ("preconditions", Node::map(guard.members())),
            ("propagationPolicy", Node::string(policy)),
        ]
        .into_iter()
        .collect();
        let call = Call {
            method: Method::DELETE,
            path: format!(
                "{}?{}",
                resource.object(object),
                how.query().trim_start_matches('&')
            ),
            accept: METADATA,
            body: Some((JSON, json::to_string(&Node::map(options)))),
            operation: Operation::new("delete", resource.name(), object.namespace())
                .done_as(how.account),
            account: how.account.cloned(),
        };
        match self.transport.call(call).await {
            Ok(answer) if is_deleting(&answer) => Ok(Outcome::Deleting),
            Ok(_) | Err(Failure::NotFound(_)) => Ok(Outcome::Gone),
            Err(failure) => Err(failure),
        }
    }

    /// Takes off marks and our managed fields, so that whoever comes next finds an object of nobody.
    async fn release(
        &self,
        object: &ObjectId,
        guard: &Guard<'_>,
        how: How<'_>,
    ) -> Result<Outcome, Failure> {
        let resource = self.resource(&object.group_kind()).await?;
        let Some(metadata) = self.read_as_seen(&resource, object, guard).await? else {
            return Err(changed(&resource, object));
        };
        let mut change = guard.members();
        change.insert(
            "labels",
            nulls(&[marks::APPLYSET_PART_OF, marks::APPLICATION]),
        );
        change.insert("annotations", nulls(&[marks::APPLIED]));
        if let Some(entries) = managed_fields::without(&metadata, &self.field_manager()) {
            change.insert("managedFields", entries);
        }
        self.patch_metadata(&resource, object, change, how).await
    }

    /// Folds the entries of `managers` into our own.
    async fn adopt(
        &self,
        object: &ObjectId,
        guard: &Guard<'_>,
        managers: &[String],
        how: How<'_>,
    ) -> Result<Outcome, Failure> {
        let resource = self.resource(&object.group_kind()).await?;
        let Some(metadata) = self.read_as_seen(&resource, object, guard).await? else {
            return Err(changed(&resource, object));
        };
        let mut change = guard.members();
        if let Some(entries) = managed_fields::folded(&metadata, managers, &self.field_manager()) {
            change.insert("managedFields", entries);
        }
        self.patch_metadata(&resource, object, change, how).await
    }

    /// The metadata of the object, `None` when it is not what was seen.
    async fn read_as_seen(
        &self,
        resource: &Resource,
        object: &ObjectId,
        guard: &Guard<'_>,
    ) -> Result<Option<Node>, Failure> {
        let operation = Operation::new("get", resource.name(), object.namespace());
        let call = Call::get(resource.object(object), METADATA, operation);
        let mut live = self.transport.call(call).await?;
        let metadata = live.as_map_mut().and_then(|map| map.remove("metadata"));
        Ok(metadata.filter(|metadata| guard.holds_for(metadata)))
    }

    async fn patch_metadata(
        &self,
        resource: &Resource,
        object: &ObjectId,
        change: Map,
        how: How<'_>,
    ) -> Result<Outcome, Failure> {
        let body = Node::map([("metadata", Node::map(change))].into_iter().collect());
        let whole = (self.reducers.whole)(&object.group_kind());
        let call = Call {
            method: Method::PATCH,
            path: format!(
                "{}?fieldManager={}{}",
                resource.object(object),
                segment(&self.field_manager()),
                how.query()
            ),
            accept: if whole { WHOLE } else { METADATA },
            body: Some((MERGE, json::to_string(&body))),
            operation: Operation::new("patch", resource.name(), object.namespace())
                .done_as(how.account),
            account: how.account.cloned(),
        };
        let response = self.transport.call(call).await?;
        Ok(Outcome::Patched(Box::new(self.reduce(&response))))
    }
}

fn changed(resource: &Resource, object: &ObjectId) -> Failure {
    Failure::changed(&Operation::new(
        "patch",
        resource.name(),
        object.namespace(),
    ))
}

fn nulls(keys: &[&str]) -> Node {
    Node::map(keys.iter().map(|key| (*key, Node::null())).collect())
}

/// A delete answers with a `Status`, or with the object: one with a deletion timestamp is still there.
fn is_deleting(answer: &Node) -> bool {
    answer
        .at_path(&["metadata", "deletionTimestamp"])
        .is_some_and(|at| !at.is_null())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::fake_server::{Reply, client};
    use muster_model::Reason;

    fn probe() -> Effect {
        Effect::Probe {
            objects: vec![ObjectId::new("", "ConfigMap", "shop", "a")],
        }
    }

    fn failed(reason: Reason, code: u16, message: &str, retry_after: Option<u32>) -> Outcome {
        Outcome::Failed {
            reason,
            code,
            message: format!("cannot get configmaps in namespace shop: {message}"),
            retry_after,
        }
    }

    #[tokio::test(start_paused = true)]
    async fn a_server_that_never_answers_is_given_30_seconds() {
        let (client, _) = client(&[]);
        let begun = tokio::time::Instant::now();
        let outcome = client.act(&probe(), None).await;
        assert_eq!(
            outcome,
            failed(Reason::ApiUnreachable, 0, "no answer within 30 s", None)
        );
        assert_eq!(begun.elapsed().as_secs(), 30);
    }

    #[tokio::test(start_paused = true)]
    async fn what_the_server_asks_to_wait_is_passed_on() {
        let (client, asked) = client(&[Reply::Error(429, 17)]);
        let outcome = client.act(&probe(), None).await;
        let expected = failed(
            Reason::ApiThrottled,
            429,
            "the API server asks for fewer requests",
            Some(17),
        );
        assert_eq!(outcome, expected);
        assert_eq!(
            asked.lock().unwrap().len(),
            1,
            "nothing is tried again down here"
        );
    }

    #[tokio::test(start_paused = true)]
    async fn an_answer_that_is_no_api_servers_is_a_failure() {
        let (client, _) = client(&[Reply::Ends("<html>".to_owned())]);
        let outcome = client.act(&probe(), None).await;
        assert_eq!(
            outcome,
            failed(
                Reason::ApiUnreachable,
                0,
                "the answer is not an API server's",
                None
            )
        );
    }
}
