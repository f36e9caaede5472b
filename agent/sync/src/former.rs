//! The field managers of tools that had an object before us (HAZARDS.md T-83).

use muster_model::observed::Record;

use crate::record::MANAGER_PREFIX;

/// The server's own name for fields that were there before the first apply.
pub(crate) const BEFORE_FIRST_APPLY: &str = "before-first-apply";

/// Managers of tools that deliver objects. Controllers that fill in fields of others' objects are not among them.
const FORMER: &[&str] = &[
    "Helm",
    "Terraform",
    "applyset",
    "argocd-application-controller",
    "argocd-controller",
    BEFORE_FIRST_APPLY,
    "configsync",
    "flux",
    "flux-client-side-apply",
    "helm",
    "helm-controller",
    "kapp",
    "kubectl",
    "kubectl-apply",
    "kubectl-client-side-apply",
    "kubectl-create",
    "kubectl-replace",
    "kubectl-rollout",
    "kubectl-run",
    "kubectl-set",
    "kubectl-edit",
    "kubectl-patch",
    "kustomize-controller",
    "pulumi-kubernetes",
    "pulumi-resource-kubernetes",
    "rancher",
    "terraform-provider-kubernetes",
];

/// The former managers of an object whose fields are folded into ours when it is adopted.
pub(crate) fn former_managers(record: &Record, own: &str) -> Vec<String> {
    let mut names: Vec<String> = record
        .managers
        .iter()
        .filter(|entry| entry.subresource.is_empty() && entry.manager != own)
        .filter(|entry| {
            FORMER.contains(&entry.manager.as_str())
                || (entry.operation == "Apply" && entry.manager.starts_with(MANAGER_PREFIX))
        })
        .map(|entry| entry.manager.clone())
        .collect();
    names.sort_unstable();
    names.dedup();
    names
}
