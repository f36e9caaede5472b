//! An Application's sync policy, in the planner's and the renderer's words.

use muster_fleet::application::{self, Application, OnRemoval};
use muster_fleet::project::Project;
use muster_fleet::sync_policy::{self, Consent, Propagation, SyncOption};
use muster_model::observed::NamespaceMetadata;
use muster_model::{GroupKind, Problem, Reason, effect, marks};
use muster_sync::{IgnoreDifference, Policy, Retry};

/// The planner's policy for an Application.
///
/// # Errors
/// [`Reason::AccountDenied`]; [`Reason::ProjectDenied`] and [`Reason::ReservedObject`] for metadata that the namespace must not carry.
pub(crate) fn policy(app: &Application, project: &Project) -> Result<Policy, Vec<Problem>> {
    let automated = app.sync_policy.automated;
    let mut policy = Policy {
        automated: automated.is_some(),
        prune: automated.is_some_and(|a| a.prune),
        self_heal: automated.is_some_and(|a| a.self_heal),
        allow_empty: automated.is_some_and(|a| a.allow_empty),
        ignore_differences: app.ignore_differences.iter().map(ignored).collect(),
        retry: app.sync_policy.retry.map(retry),
        preserve_on_deletion: app.on_removal == OnRemoval::Preserve,
        adopt: app
            .annotations
            .get(marks::ADOPT)
            .is_some_and(|value| value == "true"),
        ..Policy::default()
    };
    for option in &app.sync_policy.options {
        apply_option(*option, app, &mut policy);
    }
    policy.account = project
        .account_for(&app.destination.server, &app.destination.namespace)
        .map_err(|problem| vec![problem])?;
    policy.namespace_metadata =
        namespace_metadata(app, project)?.filter(|_| policy.create_namespace.is_some());
    Ok(policy)
}

/// `managedNamespaceMetadata`, which Argo CD looks at with `CreateNamespace=true` alone.
fn namespace_metadata(
    app: &Application,
    project: &Project,
) -> Result<Option<NamespaceMetadata>, Vec<Problem>> {
    let Some(said) = &app.sync_policy.managed_namespace_metadata else {
        return Ok(None);
    };
    let namespace = &app.destination.namespace;
    let field = "spec.syncPolicy.managedNamespaceMetadata";
    let problem = |reason, what: String| {
        let problem = Problem::new(reason, what);
        problem.at(app.origin.clone()).field(field)
    };
    let keys = || said.labels.keys().chain(said.annotations.keys());
    let mut problems = Vec::new();
    if let Some(key) = keys().find(|key| marks::is_reserved(key)) {
        let what = format!("{key} belongs to muster itself");
        problems.push(problem(Reason::ReservedObject, what));
    }
    let secured = said.labels.keys().find(|key| key.starts_with(POD_SECURITY));
    let kind = GroupKind::new("", "Namespace");
    if let Some(key) = secured.filter(|_| !project.permits_object(&kind, false, namespace)) {
        let what = format!(
            "project `{}` does not permit the Namespace `{namespace}`, and with it {key}",
            project.name
        );
        problems.push(problem(Reason::ProjectDenied, what));
    }
    if !problems.is_empty() {
        return Err(problems);
    }
    Ok(Some(NamespaceMetadata {
        labels: said.labels.clone(),
        annotations: said.annotations.clone(),
    }))
}

/// Labels that decide what pods may do: whoever sets them may set Namespaces (HAZARDS.md T-53).
const POD_SECURITY: &str = "pod-security.kubernetes.io/";

fn apply_option(option: SyncOption, app: &Application, policy: &mut Policy) {
    match option {
        SyncOption::Prune(Consent::Yes) | SyncOption::Delete(Consent::Yes) => {}
        SyncOption::Prune(Consent::No) => policy.prune = false,
        SyncOption::Delete(Consent::No) => policy.preserve_on_deletion = true,
        SyncOption::Prune(Consent::Confirm) => policy.confirm_prune = true,
        SyncOption::Delete(Consent::Confirm) => policy.confirm_delete = true,
        SyncOption::PrunePropagationPolicy(wanted) => {
            policy.propagation = Some(propagation(wanted));
        }
        SyncOption::PruneLast(last) => policy.prune_last = last,
        SyncOption::Replace(yes) | SyncOption::Force(yes) => policy.recreate |= yes,
        SyncOption::CreateNamespace(yes) => {
            policy.create_namespace = (yes && !app.destination.namespace.is_empty())
                .then(|| app.destination.namespace.clone());
        }
        // What these ask for is how muster always works, or makes no difference to server-side apply.
        SyncOption::Validate(_)
        | SyncOption::SkipDryRunOnMissingResource(_)
        | SyncOption::ApplyOutOfSyncOnly(_)
        | SyncOption::ServerSideApply(_)
        | SyncOption::ClientSideApplyMigration(_)
        | SyncOption::FailOnSharedResource(_)
        | SyncOption::RespectIgnoreDifferences(_) => {}
    }
}

fn retry(said: sync_policy::Retry) -> Retry {
    let number = |n: i64| u32::try_from(n).unwrap_or(u32::MAX);
    Retry {
        // A negative limit is none, as in Argo CD.
        limit: (said.limit >= 0).then(|| number(said.limit)),
        duration: said.duration,
        factor: number(said.factor.max(1)),
        max_duration: said.max_duration,
    }
}

fn propagation(wanted: Propagation) -> effect::Propagation {
    match wanted {
        Propagation::Foreground => effect::Propagation::Foreground,
        Propagation::Background => effect::Propagation::Background,
        Propagation::Orphan => effect::Propagation::Orphan,
    }
}

fn ignored(entry: &application::IgnoreDifference) -> IgnoreDifference {
    let some = |text: &str| (!text.is_empty()).then(|| text.to_owned());
    IgnoreDifference {
        group: entry.group.clone(),
        kind: entry.kind.clone(),
        name: some(&entry.name),
        namespace: some(&entry.namespace),
        json_pointers: entry.json_pointers.clone(),
        managers: entry.managed_fields_managers.clone(),
    }
}
