//! An Application's sync policy, in the planner's and the renderer's words.

use muster_fleet::application::{self, Application, OnRemoval};
use muster_fleet::sync_policy::{Consent, Propagation, SyncOption};
use muster_model::{Problem, Reason, effect, marks};
use muster_sync::{IgnoreDifference, Policy};

/// The planner's policy for an Application.
///
/// # Errors
/// [`Reason::NotSupported`] for what Argo CD has and muster does not do.
pub(crate) fn policy(app: &Application) -> Result<Policy, Vec<Problem>> {
    let automated = app.sync_policy.automated;
    let mut policy = Policy {
        automated: automated.is_some(),
        prune: automated.is_some_and(|a| a.prune),
        self_heal: automated.is_some_and(|a| a.self_heal),
        allow_empty: automated.is_some_and(|a| a.allow_empty),
        ignore_differences: app.ignore_differences.iter().map(ignored).collect(),
        preserve_on_deletion: app.on_removal == OnRemoval::Preserve,
        adopt: app
            .annotations
            .get(marks::ADOPT)
            .is_some_and(|value| value == "true"),
        ..Policy::default()
    };
    let mut problems = Vec::new();
    for option in &app.sync_policy.options {
        if let Err(message) = apply_option(*option, app, &mut policy) {
            problems.push(
                Problem::new(Reason::NotSupported, message)
                    .at(app.origin.clone())
                    .field("spec.syncPolicy.syncOptions"),
            );
        }
    }
    if app.sync_policy.managed_namespace_metadata.is_some() {
        let problem = Problem::new(
            Reason::NotSupported,
            "managedNamespaceMetadata is not supported",
        );
        problems.push(
            problem
                .at(app.origin.clone())
                .field("spec.syncPolicy.managedNamespaceMetadata")
                .remedy("deliver the Namespace with its labels from the source"),
        );
    }
    if problems.is_empty() {
        Ok(policy)
    } else {
        Err(problems)
    }
}

fn apply_option(option: SyncOption, app: &Application, policy: &mut Policy) -> Result<(), String> {
    match option {
        SyncOption::Prune(Consent::Yes) | SyncOption::Delete(Consent::Yes) => {}
        SyncOption::Prune(Consent::No) => policy.prune = false,
        SyncOption::Delete(Consent::No) => policy.preserve_on_deletion = true,
        SyncOption::Prune(Consent::Confirm) => {
            return Err(
                "Prune=confirm for a whole Application is not supported: set it on the objects"
                    .to_owned(),
            );
        }
        SyncOption::Delete(Consent::Confirm) => {
            return Err(
                "Delete=confirm is not supported: removing an Application needs an approval anyway"
                    .to_owned(),
            );
        }
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
    Ok(())
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
