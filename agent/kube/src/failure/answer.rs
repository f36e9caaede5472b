//! Which reason an answer of the API server stands for.
//!
//! `code`, `reason`, `details` and `causes` decide where they can. Some refusals differ in their message alone (a quota
//! from a missing right, an immutable field from an invalid one): there the message is searched, never repeated.

use muster_model::Reason;
use serde::Deserialize;

use super::words::{self, MAX_PATHS, path};
use super::{Failure, Operation, Told};

/// `metav1.Status`, what is looked at of it.
#[derive(Debug, Default, Deserialize)]
#[serde(default)]
struct Status {
    message: String,
    reason: String,
    details: Details,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default, rename_all = "camelCase")]
struct Details {
    name: String,
    kind: String,
    causes: Vec<Cause>,
    retry_after_seconds: u32,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default)]
struct Cause {
    reason: String,
    message: String,
    field: String,
}

impl Status {
    fn says(&self, text: &str) -> bool {
        self.message.contains(text)
    }

    fn any_says(&self, texts: &[&str]) -> bool {
        texts.iter().any(|text| {
            self.says(text) || self.details.causes.iter().any(|c| c.message.contains(text))
        })
    }

    fn has_cause(&self, reason: &str) -> bool {
        self.details
            .causes
            .iter()
            .any(|cause| cause.reason == reason)
    }

    /// The fields of the causes, reduced.
    fn fields(&self) -> Vec<String> {
        let mut fields = Vec::new();
        for cause in self
            .details
            .causes
            .iter()
            .filter(|cause| !cause.field.is_empty())
        {
            let field = path(&cause.field);
            if !fields.contains(&field) && fields.len() < MAX_PATHS {
                fields.push(field);
            }
        }
        if let (true, Some(field)) = (fields.is_empty(), undeclared_field(&self.message)) {
            fields.push(field);
        }
        fields
    }
}

/// What messages say when an immutable field would change: of validation, of StatefulSets, of claims, of Services.
const IMMUTABLE: &[&str] = &[
    "field is immutable",
    "is immutable after creation",
    "updates to statefulset spec for fields other than",
    "may not change once set",
    "may not be changed",
    "cannot change roleRef",
    "Value is immutable",
];

/// What messages say when a field is not part of the kind.
const UNDECLARED: &[&str] = &[
    "field not declared in schema",
    "unknown field",
    "failed to create typed",
];

/// Reads an answer other than success.
pub(super) fn read(
    operation: &Operation,
    code: u16,
    retry_after: Option<u32>,
    body: &[u8],
) -> Failure {
    let status: Status = serde_json::from_slice(body).unwrap_or_default();
    let (reason, why) = judge(operation, code, &status);
    let fields = if shows_fields(reason) {
        status.fields()
    } else {
        Vec::new()
    };
    let mut message = format!("cannot {operation}: {why}");
    if !fields.is_empty() {
        message.push_str(": ");
        message.push_str(&fields.join(", "));
    }
    let asked =
        (status.details.retry_after_seconds > 0).then_some(status.details.retry_after_seconds);
    let told = Told {
        reason,
        code,
        message: words::shorten(message),
        retry_after: retry_after.or(asked),
    };
    classify(operation, code, &status, told)
}

fn shows_fields(reason: Reason) -> bool {
    matches!(
        reason,
        Reason::Invalid | Reason::ImmutableField | Reason::FieldConflict | Reason::ObjectTooLarge
    )
}

/// The failures that callers treat each in its own way.
fn classify(operation: &Operation, code: u16, status: &Status, told: Told) -> Failure {
    match code {
        404 if is_object(operation, status) => Failure::NotFound(told),
        409 if told.reason != Reason::FieldConflict => Failure::Conflict(told),
        410 => Failure::Expired(told),
        400 | 422 if operation.verb == "watch" => Failure::NoStreamingList(told),
        _ => Failure::Failed(told),
    }
}

/// True when "not found" is about the object itself, not about its namespace or its kind.
fn is_object(operation: &Operation, status: &Status) -> bool {
    let plural = operation.resource.split('.').next().unwrap_or_default();
    !status.details.name.is_empty() && status.details.kind == plural
}

fn judge(operation: &Operation, code: u16, status: &Status) -> (Reason, String) {
    let say = |reason, text: &str| (reason, text.to_owned());
    match code {
        300..=399 => say(
            Reason::ApiUnreachable,
            "the API server redirects, which is not followed",
        ),
        401 => say(
            Reason::Forbidden,
            "the API server does not accept the agent's credentials",
        ),
        403 => forbidden(operation, status),
        404 => missing(operation, status),
        409 => conflict(status),
        410 => say(
            Reason::ApiUnreachable,
            "the position of the list is too old",
        ),
        413 => say(Reason::ObjectTooLarge, "the object is too large"),
        400 | 422 => invalid(status),
        429 => say(
            Reason::ApiThrottled,
            "the API server asks for fewer requests",
        ),
        500 => internal(operation, status),
        503 if status.says("webhook") => say(Reason::WebhookFailed, "a webhook did not answer"),
        502..=504 => say(Reason::ApiUnreachable, "the API server is not available"),
        other => (
            operation.otherwise,
            format!("the API server answers {other}"),
        ),
    }
}

fn forbidden(operation: &Operation, status: &Status) -> (Reason, String) {
    let say = |reason, text: &str| (reason, text.to_owned());
    if status.has_cause("NamespaceTerminating") || status.says("because it is being terminated") {
        say(
            Reason::NamespaceTerminating,
            "the namespace is being deleted",
        )
    } else if status.any_says(&["exceeded quota", "failed quota"]) {
        say(Reason::QuotaExceeded, "a quota is exhausted")
    } else if status.says("denied the request") || status.says("denied request") {
        say(Reason::WebhookDenied, "an admission policy refuses it")
    } else if status.says("violates PodSecurity") {
        say(
            Reason::WebhookDenied,
            "the namespace's pod security standard refuses it",
        )
    } else if status.says("cannot impersonate") {
        say(Reason::Forbidden, "the agent has no right to act as it")
    } else if operation.account.is_some() {
        say(Reason::Forbidden, "the account has no right to")
    } else {
        say(Reason::Forbidden, "the agent has no right to")
    }
}

fn missing(operation: &Operation, status: &Status) -> (Reason, String) {
    if status.details.kind == "namespaces" && operation.resource != "namespaces" {
        (
            Reason::NamespaceMissing,
            "the namespace does not exist".to_owned(),
        )
    } else if is_object(operation, status) {
        (operation.otherwise, "it does not exist".to_owned())
    } else {
        (
            Reason::KindMissing,
            "the API server does not serve the kind".to_owned(),
        )
    }
}

fn conflict(status: &Status) -> (Reason, String) {
    let owners: Vec<_> = status
        .details
        .causes
        .iter()
        .filter(|cause| cause.reason == "FieldManagerConflict")
        .filter_map(|cause| quoted(&cause.message))
        .collect();
    if status.has_cause("FieldManagerConflict") {
        let mut owners = owners;
        owners.sort();
        owners.dedup();
        owners.truncate(MAX_PATHS);
        (
            Reason::FieldConflict,
            format!("owned by {}", owners.join(", ")),
        )
    } else {
        (Reason::ApplyFailed, "it changed meanwhile".to_owned())
    }
}

fn invalid(status: &Status) -> (Reason, String) {
    let say = |reason, text: &str| (reason, text.to_owned());
    if status.any_says(IMMUTABLE) {
        say(Reason::ImmutableField, "an immutable field would change")
    } else if status.says("denied the request") || status.says("denied request") {
        say(Reason::WebhookDenied, "an admission policy refuses it")
    } else if status.says("Too long: may not be more than") || status.says("too large") {
        say(Reason::ObjectTooLarge, "a field or the object is too large")
    } else if status.any_says(UNDECLARED) {
        say(Reason::Invalid, "a field is not part of the kind")
    } else {
        say(Reason::Invalid, "the API server rejects it")
    }
}

fn internal(operation: &Operation, status: &Status) -> (Reason, String) {
    let say = |reason, text: &str| (reason, text.to_owned());
    if status.says("failed calling webhook") || status.says("conversion webhook") {
        say(Reason::WebhookFailed, "a webhook did not answer")
    } else if status.says("request is too large")
        || status.says("trying to send message larger than max")
    {
        say(Reason::ObjectTooLarge, "the object is too large")
    } else if status.any_says(UNDECLARED) {
        say(Reason::Invalid, "a field is not part of the kind")
    } else if status.reason == "Timeout" || status.says("etcdserver: request timed out") {
        say(
            Reason::ApiUnreachable,
            "the API server's store does not answer",
        )
    } else {
        say(operation.otherwise, "the API server failed")
    }
}

/// The path in `…: .spec.replicaz: field not declared in schema` or `unknown field "spec.x"`.
fn undeclared_field(message: &str) -> Option<String> {
    if let Some((before, _)) = message.split_once(": field not declared in schema") {
        let field = before.rsplit(' ').next()?;
        return field.starts_with('.').then(|| path(field));
    }
    let (_, after) = message.split_once("unknown field ")?;
    quoted(after)
}

/// The first quoted name.
fn quoted(text: &str) -> Option<String> {
    let (_, after) = text.split_once('"')?;
    let (name, _) = after.split_once('"')?;
    Some(path(name))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn told(verb: &'static str, code: u16, status: &serde_json::Value) -> Told {
        let operation = Operation::new(verb, "deployments.apps", "shop");
        read(&operation, code, None, status.to_string().as_bytes())
            .told()
            .clone()
    }

    #[test]
    fn a_value_that_a_rejection_quotes_is_not_repeated() {
        let status = serde_json::json!({
            "message": "Secret \"s\" is invalid: data: Invalid value: \"hunter2\"",
            "reason": "Invalid",
            "details": {"causes": [{"reason": "FieldValueInvalid", "message": "Invalid value: \"hunter2\"", "field": "data[password]"}]},
        });
        let told = told("patch", 422, &status);
        assert_eq!(told.reason, Reason::Invalid);
        assert_eq!(
            told.message,
            "cannot patch deployments.apps in namespace shop: the API server rejects it: data[password]"
        );
    }

    #[test]
    fn a_field_conflict_names_the_field_and_its_owner() {
        let status = serde_json::json!({
            "reason": "Conflict",
            "details": {"causes": [{"reason": "FieldManagerConflict", "field": ".spec.replicas",
                "message": "conflict with \"kubectl\" using apps/v1 with value 3"}]},
        });
        let told = told("patch", 409, &status);
        assert_eq!(told.reason, Reason::FieldConflict);
        assert!(
            told.message.ends_with("owned by kubectl: .spec.replicas"),
            "{}",
            told.message
        );
    }

    #[test]
    fn refusals_that_share_a_code_are_told_apart() {
        let reason = |code, message: &str| {
            told("patch", code, &serde_json::json!({"message": message})).reason
        };
        assert_eq!(
            reason(403, "is forbidden: exceeded quota: small"),
            Reason::QuotaExceeded
        );
        assert_eq!(
            reason(403, "admission webhook \"x\" denied the request: no"),
            Reason::WebhookDenied
        );
        assert_eq!(reason(403, "User \"x\" cannot patch"), Reason::Forbidden);
        assert_eq!(
            reason(422, "spec.selector: field is immutable"),
            Reason::ImmutableField
        );
        assert_eq!(
            reason(500, "failed calling webhook \"x\""),
            Reason::WebhookFailed
        );
        assert_eq!(reason(500, "boom"), Reason::ApplyFailed);
        assert_eq!(reason(404, "404 page not found"), Reason::KindMissing);
    }
}
