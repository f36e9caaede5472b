//! Every refusal and hold, one variant each; the documentation page is generated from this list.

use std::fmt;

use serde::{Deserialize, Serialize};

/// How an error behaves over time.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub enum Class {
    /// Goes away by itself; retried with back-off.
    Transient,
    /// Somebody must change a commit or a setting.
    Config,
    /// A defect of muster, or a broken store.
    Internal,
    /// Not an error: something is being waited for.
    Waiting,
}

macro_rules! reasons {
    ($($(#[$hazard:meta])* $name:ident $class:ident $what:literal => $remedy:literal;)*) => {
        /// Why something was refused, held or reported.
        #[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
        pub enum Reason {
            $(#[doc = $what] $(#[$hazard])* $name,)*
        }

        impl Reason {
            /// Every reason, in the order of the documentation page.
            pub const ALL: &'static [Self] = &[$(Self::$name,)*];

            /// The variant's name, as status and metrics show it.
            #[must_use]
            pub fn name(self) -> &'static str {
                match self { $(Self::$name => stringify!($name),)* }
            }

            /// What it means, one sentence.
            #[must_use]
            pub fn meaning(self) -> &'static str {
                match self { $(Self::$name => $what,)* }
            }

            /// What to do about it.
            #[must_use]
            pub fn remedy(self) -> &'static str {
                match self { $(Self::$name => $remedy,)* }
            }

            /// How it behaves over time.
            #[must_use]
            pub fn class(self) -> Class {
                match self { $(Self::$name => Class::$class,)* }
            }
        }
    };
}

reasons! {
    // Repository content
    SymlinkNotAllowed Config "A path of the source is a symbolic link." => "replace the link by a file, or name the file it points to";
    PathEscapesRepo Config "A path leaves the repository, or is absolute." => "use a path below the root of the repository";
    MalformedTree Config "A tree of the commit breaks Git's own rules." => "push a commit that `git fsck --strict` accepts";
    SubmoduleNotSupported Config "A path of the source lies in a submodule." => "commit the files themselves, or give the other repository as a source of its own";
    LfsPointer Config "A file is a Git LFS pointer, not its content." => "commit YAML without LFS";
    GitObjectCorrupt Internal "An object of the local store is damaged." => "nothing to do: the store is rebuilt from the server";
    PathNotFound Config "The source has no such file or directory." => "correct the path, or commit the file";
    // YAML and kustomize
    InvalidYaml Config "A file is not the YAML that Kubernetes reads." => "correct the syntax at the line named";
    YamlBudget Config "A file is larger, deeper or has more aliases than allowed." => "split the file, or raise the budget";
    InvalidField Config "A field is unknown, or of the wrong type." => "correct the field; the message names what is expected";
    MissingField Config "A required field is not there." => "add the field";
    RemoteBaseNotAllowed Config "A kustomization names a remote resource." => "commit the files into the repository and name their path";
    PluginNotAllowed Config "A kustomization names an exec or container plugin." => "render it in CI and commit the result";
    HelmNotSupported Config "The source is, or inflates, a Helm chart." => "render the chart in CI (`helm template`) and commit the result";
    NotSupported Config "The file asks for something that muster does not do." => "see the message for the alternative";
    Cycle Config "Kustomizations lead back to themselves." => "break the cycle named in the chain";
    DepthLimit Config "Kustomizations are nested deeper than allowed." => "flatten the chain of bases";
    NodeBudget Config "The render grows beyond its budget." => "look for a fan-out of bases, or raise the budget";
    InvalidObject Config "An object lacks apiVersion, kind or name, or uses generateName." => "complete the object";
    DuplicateObject Config "Two objects of one render have one identity." => "remove or rename one of them";
    ObjectTooLarge Config "An object is larger than etcd accepts." => "split it; the limit is 1.5 MiB";
    ReservedObject Config "The source sets marks or objects that belong to muster itself." => "remove them from the source";
    KindDenied Config "The kind is never delivered from Git." => "remove the object from the source";
    BuildFailed Config "The kustomization cannot be built." => "correct the file named; `muster render` repeats the build";
    // Fleet file, Argo CD files
    InvalidFleetFile Config "The fleet file is not valid; the last good one stays in force." => "correct the field named; `muster validate` repeats the check";
    TemplateFailed Config "A template of an ApplicationSet cannot be executed." => "correct the template, or add the missing value or label";
    DuplicateApplication Config "Two Applications have one name." => "make the template's name unique for each cluster and element";
    UnknownProject Config "The Application names an AppProject that no file declares." => "declare the project (also `default`) under spec.resources of the fleet file";
    ProjectDenied Config "The AppProject does not permit this source, destination or kind." => "change the project, or the Application";
    AccountDenied Config "The AppProject names no service account that the Application may be applied as." => "correct spec.destinationServiceAccounts of the AppProject";
    DestinationUnknown Config "The destination names no cluster of the fleet." => "use {{.server}} or {{.name}}, or set spec.managementCluster";
    ScopeUnknown Config "It is not known whether the kind is namespaced." => "deliver its CustomResourceDefinition first, or list the kind under spec.kinds";
    UnknownRepository Config "The Application's repository is not in the fleet file." => "add it under spec.repositories, with `self: true` if it is this one";
    SelectorMatchesNothing Config "A selector matches no cluster." => "correct the label, or label a cluster";
    Unschedulable Config "A policy finds no clusters for an object, or too few; what runs stays as it is." => "widen the affinity, tolerate the taint, or declare more capacity";
    AddressesOverlap Config "Address ranges that clusters declare overlap." => "give each cluster ranges of its own, or take them out of the fleet file";
    ClaimedTwice Config "Two Applications render the same object." => "let one of them own it";
    // Transport
    GitUnreachable Transient "The Git server cannot be reached." => "check the address, DNS and network policy; what runs stays as it is";
    GitAuth Config "The Git server refused the credentials." => "renew the credentials in the agent's Secret";
    GitNotFound Config "The Git server has no such repository." => "correct the URL, or give the credentials access";
    GitRateLimited Transient "The Git server asks for fewer requests." => "nothing to do: the poll slows down";
    GitServerError Transient "The Git server failed." => "look at the server; the poll goes on";
    NotGit Config "The answer is not Git's (a login page, perhaps)." => "check the URL and the proxy in between";
    RedirectRefused Config "The server redirects to somewhere else." => "put the final URL into the configuration";
    TlsError Config "The TLS connection was refused." => "check the certificate, or give the CA bundle";
    InvalidUrl Config "The URL is not one muster accepts." => "use https://host/path, without credentials in it";
    ServerLied Internal "The server sent something other than it was asked for." => "repair the server's repository; nothing of it is applied";
    RepositoryTooLarge Config "The repository is larger than the budget." => "raise the limit, or use a server that supports partial clone";
    // Trust
    SourceMissing Config "The branch, tag or commit is not there; nothing is deleted." => "restore the ref, or correct the revision";
    NonFastForward Config "History was rewritten; the last accepted commit stays in force." => "push a commit on top of the accepted one, or grow spec.serial";
    RollbackDetected Config "The server offers an older commit than was already accepted." => "roll back by a new commit";
    Unverified Config "The commit lacks a valid signature of an allowed key." => "sign the commit with an allowed key";
    AncestryUnknown Config "It cannot be shown that the commit follows the accepted one." => "use a server that filters, or grow spec.serial";
    ReleaseUnavailable Transient "The release in force is no longer on the server." => "restore the commit on the server, or move forward";
    NoLocalState Waiting "The agent has no state and cannot reach Git; nothing is applied or deleted." => "restore the connection to Git";
    // Fleet state
    Unassigned Config "The fleet file has no entry for this cluster; nothing is deleted." => "add the cluster back, or take it out with state: Leaving first";
    Suspended Waiting "The cluster or Application is suspended by commit." => "set it active again";
    Left Waiting "The cluster has left the fleet." => "remove its entry from the fleet file";
    ManualSync Waiting "The Application has no automated sync policy: compared, not applied." => "add syncPolicy.automated";
    SelfHealOff Waiting "selfHeal is off: drift is reported, not corrected." => "set selfHeal, or push a commit";
    // Cluster
    ApiUnreachable Transient "The API server cannot be reached." => "look at the API server";
    ApiThrottled Transient "The API server asks for fewer requests." => "nothing to do: requests slow down";
    Forbidden Config "The agent may not do this in the cluster." => "grant the right named in the message";
    Invalid Config "The API server rejects the object." => "correct the field named in the object's manifest";
    ImmutableField Config "An immutable field would change." => "set argocd.argoproj.io/sync-options: Replace=true,Force=true to recreate it";
    FieldConflict Config "Another field manager owns the field." => "stop the other writer, or ignoreDifferences for the field";
    WebhookFailed Transient "An admission webhook did not answer." => "look at the webhook";
    WebhookDenied Config "An admission webhook refused the object." => "change the object, or the policy";
    QuotaExceeded Transient "A quota is exhausted." => "raise the quota, or ask for less";
    NamespaceMissing Waiting "The namespace does not exist." => "deliver the namespace, or set CreateNamespace=true";
    NamespaceTerminating Waiting "The namespace is being deleted." => "wait, or look for finalizers that never finish";
    Finalizing Waiting "An object is being deleted, and a finalizer of it has not finished." => "look at the controller that owns the finalizer named";
    KindMissing Waiting "The API server does not serve the kind." => "deliver its CustomResourceDefinition";
    DiscoveryIncomplete Transient "An API group cannot be discovered; nothing of it is deleted." => "look at the aggregated API server";
    NotOurs Config "The object belongs to another tool." => "annotate the Application with muster.dev/adopt: \"true\"";
    OutOfScope Config "The agent does not look after this namespace." => "add the namespace to the agent's --namespaces, with the rights in it, or take the object out";
    CopiedMark Waiting "A controller copied muster's marks to an object of its own; it is left alone." => "nothing to do";
    Mutated Waiting "A webhook changes a value that Git sets." => "set the value the webhook wants, or ignoreDifferences for it";
    Contended Config "Another manager keeps changing the object." => "stop the other manager, or ignoreDifferences for the field";
    ApplyFailed Transient "An object could not be applied." => "see the code; it is tried again";
    DeleteFailed Transient "An object could not be deleted." => "see the code; it is tried again";
    OrphanedMark Waiting "An object carries our mark but no Application renders it." => "nothing to do: it is pruned under the brake";
    // Order and deletion
    WaitingForWave Waiting "An earlier sync wave is not healthy yet." => "wait, or look at the objects named";
    WaitingForCrd Waiting "A CustomResourceDefinition is not established yet." => "wait";
    NeedsApproval Waiting "More would be deleted than the budget allows." => "paste the approval that the message prints into spec.approvals of the fleet file";
    PruneDisabled Waiting "Objects have left Git and prune is off." => "set syncPolicy.automated.prune, or delete them by hand";
    PruneSuspended Waiting "Objects have left Git, but an Application whose objects are not known might render them." => "repair the Application named; what it renders is then known";
    InUse Waiting "A Namespace or definition has left Git, but an object of an Application would go with it." => "take the object named out of Git too, or put the Namespace or definition back";
    PruneConfirm Waiting "An object asks for confirmation before it is deleted." => "approve the deletion in the fleet file";
    KeptGeneration Waiting "An older generation of a generated object stays until every workload is healthy." => "wait";
    EmptyRender Config "The source renders no object and allowEmpty is off." => "set syncPolicy.automated.allowEmpty, or restore the source";
    // Rollout
    WaitingForStep Waiting "An earlier rollout step has not passed this release." => "wait, or look at the clusters named";
    OutsideWindow Waiting "No sync window is open." => "wait for the window";
    StatusUnreachable Transient "The fleet's status cannot be read or written; the gate stays closed." => "restore access to the status repository";
    // Agent
    StaleWriter Internal "Another agent took over; this one stopped writing." => "run one agent per cluster";
    Quarantined Internal "This input made the renderer fail repeatedly." => "report it with the digest named";
    InternalError Internal "A defect of muster." => "report it";
    DiskFull Config "The agent's volume is full." => "enlarge it";
    Forged Config "A status does not carry the cluster's own signature." => "check the status repository's writers";
    StatusPushFailed Transient "The status could not be pushed; work in the cluster goes on." => "check the rights of the agent's credentials on the status ref";
    #[serde(other)]
    UnknownReason Internal "A newer muster gives a reason that this one does not know." => "read the status with the newer muster";
}

impl fmt::Display for Reason {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_reason_reads_back_its_name() {
        for reason in Reason::ALL {
            let json = serde_json::to_string(reason).expect("a unit variant");
            assert_eq!(json, format!("\"{reason}\""));
            assert!(!reason.remedy().is_empty() && reason.meaning().ends_with('.'));
            assert_eq!(serde_json::from_str::<Reason>(&json).ok(), Some(*reason));
        }
    }
}
