//! An AppProject: the guardrail of its Applications.

mod account;
mod check;

use muster_model::{GroupKind, Location, Node, Reason};

use crate::application::LIVE_METADATA;
use crate::decode::{Decoder, Fields, child};
use crate::git_url;
use crate::glob::{Dialect, Glob, is_match};

pub use account::AccountRule;
pub use check::{Scoped, check_application, check_ids, check_objects};

/// An AppProject.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Project {
    /// Its name.
    pub name: String,
    /// Which repositories its Applications may come from.
    pub source_repos: Vec<String>,
    /// Where they may run.
    pub destinations: Vec<DestinationRule>,
    /// Cluster-scoped kinds that are permitted; none is, unless listed.
    pub cluster_whitelist: Vec<KindRule>,
    /// Cluster-scoped kinds that are not.
    pub cluster_blacklist: Vec<KindRule>,
    /// Namespaced kinds that are permitted; all are, when the list is missing.
    pub namespace_whitelist: Option<Vec<KindRule>>,
    /// Namespaced kinds that are not.
    pub namespace_blacklist: Vec<KindRule>,
    /// Whom its Applications are applied as, the first rule that matches; empty: the agent itself.
    pub accounts: Vec<AccountRule>,
    /// Only clusters that belong to the project.
    pub only_scoped_clusters: bool,
    /// Where it is defined.
    pub origin: Location,
}

/// One entry of `destinations`.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct DestinationRule {
    /// A pattern for the server.
    pub server: String,
    /// A pattern for the cluster's name.
    pub name: String,
    /// A pattern for the namespace.
    pub namespace: String,
}

/// One entry of a kind list.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct KindRule {
    /// A pattern for the API group.
    pub group: String,
    /// A pattern for the kind.
    pub kind: String,
    /// A pattern for the name, cluster-scoped kinds only; empty is any.
    pub name: String,
}

impl Project {
    /// True when an Application may come from this repository: something matches and nothing denies.
    #[must_use]
    pub fn permits_source(&self, url: &str) -> bool {
        let wanted = git_url::normalise(url);
        let mut permitted = false;
        for pattern in &self.source_repos {
            let (denies, bare) = split_denial(pattern);
            let bare = git_url::normalise(bare);
            let matches = bare == "*" || is_match(&bare, &wanted, Dialect::Separated);
            if denies && matches {
                return false;
            }
            permitted |= denies || matches;
        }
        permitted
    }

    /// True when something may run there.
    #[must_use]
    pub fn permits_destination(&self, server: &str, name: &str, namespace: &str) -> bool {
        let mut permitted = false;
        for rule in &self.destinations {
            let named = !name.is_empty() && is_permitted(&rule.name, name);
            let served = !server.is_empty() && is_permitted(&rule.server, server);
            let spaced = is_permitted(&rule.namespace, namespace);
            if (served || named) && spaced {
                permitted = true;
            } else if (!named && is_denial(&rule.name))
                || (!served && is_denial(&rule.server) && spaced)
                || (!spaced && is_denial(&rule.namespace) && served)
            {
                return false;
            }
        }
        permitted
    }

    /// True when an object of this kind and name may be delivered.
    #[must_use]
    pub fn permits_object(&self, kind: &GroupKind, namespaced: bool, name: &str) -> bool {
        let listed = |rules: &[KindRule], name: Option<&str>| {
            rules.iter().any(|rule| rule.matches(kind, name))
        };
        if namespaced {
            let white = self
                .namespace_whitelist
                .as_deref()
                .is_none_or(|rules| listed(rules, None));
            white && !listed(&self.namespace_blacklist, None)
        } else {
            listed(&self.cluster_whitelist, Some(name))
                && !listed(&self.cluster_blacklist, Some(name))
        }
    }

    /// What placements that name no project may do where no file declares `default`: place namespaced objects of any
    /// kind but those that give rights, from any repository, on any cluster.
    #[must_use]
    pub fn of_placements(origin: Location) -> Self {
        let any = || "*".to_owned();
        Self {
            name: crate::placement::PROJECT.to_owned(),
            source_repos: vec![any()],
            destinations: vec![DestinationRule {
                server: any(),
                name: any(),
                namespace: any(),
            }],
            cluster_whitelist: Vec::new(),
            cluster_blacklist: Vec::new(),
            namespace_whitelist: None,
            namespace_blacklist: vec![KindRule {
                group: "rbac.authorization.k8s.io".to_owned(),
                kind: any(),
                name: String::new(),
            }],
            accounts: Vec::new(),
            only_scoped_clusters: false,
            origin,
        }
    }

    /// Reads a whole document.
    pub(crate) fn read(decoder: &mut Decoder, node: &Node) -> Self {
        let mut fields = decoder.fields(node, "");
        for outer in ["apiVersion", "kind", "status"] {
            fields.take(outer);
        }
        let name = read_name(decoder, &mut fields);
        let empty = Node::null();
        let spec = fields.take("spec").unwrap_or(&empty);
        decoder.finish(fields);
        let mut f = decoder.fields(spec, "spec");
        let project = Self {
            name,
            source_repos: decoder.texts(&mut f, "sourceRepos"),
            destinations: read_destinations(decoder, &mut f),
            cluster_whitelist: read_kinds(decoder, &mut f, "clusterResourceWhitelist"),
            cluster_blacklist: read_kinds(decoder, &mut f, "clusterResourceBlacklist"),
            namespace_whitelist: f
                .has("namespaceResourceWhitelist")
                .then(|| read_list(decoder, &mut f, "namespaceResourceWhitelist"))
                .flatten(),
            namespace_blacklist: read_kinds(decoder, &mut f, "namespaceResourceBlacklist"),
            accounts: account::read(decoder, &mut f),
            only_scoped_clusters: decoder.bool(&mut f, "permitOnlyProjectScopedClusters"),
            origin: decoder.at(node),
        };
        f.take("description");
        decoder.without_effect(
            &mut f,
            "roles",
            "they are for users of an Argo CD server, and there is none",
        );
        refuse(decoder, &mut f);
        decoder.finish(f);
        for (index, repo) in project.source_repos.iter().enumerate() {
            let path = format!("spec.sourceRepos[{index}]");
            check_pattern(decoder, repo, Dialect::Separated, spec.span.line, &path);
        }
        project
    }
}

impl KindRule {
    fn matches(&self, kind: &GroupKind, name: Option<&str>) -> bool {
        let word = |pattern: &str, text: &str| is_match(pattern, text, Dialect::Path);
        word(&self.group, &kind.group)
            && word(&self.kind, &kind.kind)
            && name.is_none_or(|name| self.name.is_empty() || word(&self.name, name))
    }
}

fn is_denial(pattern: &str) -> bool {
    pattern.starts_with('!')
}

fn split_denial(pattern: &str) -> (bool, &str) {
    pattern
        .strip_prefix('!')
        .map_or((false, pattern), |bare| (true, bare))
}

/// `!p` matches what `p` does not.
fn is_permitted(pattern: &str, text: &str) -> bool {
    let (denies, bare) = split_denial(pattern);
    let matches = bare == "*" || is_match(bare, text, Dialect::Free);
    matches != denies
}

fn read_name(decoder: &mut Decoder, fields: &mut Fields<'_>) -> String {
    let empty = Node::null();
    let node = fields.take("metadata").unwrap_or(&empty);
    let mut metadata = decoder.fields(node, "metadata");
    let name = decoder.text_required(&mut metadata, "name");
    for ignored in ["namespace", "labels", "annotations", "finalizers"]
        .iter()
        .chain(LIVE_METADATA)
    {
        metadata.take(ignored);
    }
    decoder.finish(metadata);
    name
}

fn read_destinations(decoder: &mut Decoder, fields: &mut Fields<'_>) -> Vec<DestinationRule> {
    let mut rules = Vec::new();
    for (path, node) in decoder.items(fields, "destinations") {
        let mut f = decoder.fields(node, &path);
        let rule = DestinationRule {
            server: decoder.text(&mut f, "server"),
            name: decoder.text(&mut f, "name"),
            namespace: decoder.text(&mut f, "namespace"),
        };
        decoder.finish(f);
        for (field, value) in [
            ("server", &rule.server),
            ("name", &rule.name),
            ("namespace", &rule.namespace),
        ] {
            let path = child(&path, field);
            check_pattern(decoder, value, Dialect::Free, node.span.line, &path);
        }
        rules.push(rule);
    }
    rules
}

fn read_kinds(decoder: &mut Decoder, fields: &mut Fields<'_>, name: &'static str) -> Vec<KindRule> {
    read_list(decoder, fields, name).unwrap_or_default()
}

/// A list of kinds; `None` when it is missing or null, which for whitelists is not the same as empty.
fn read_list(
    decoder: &mut Decoder,
    fields: &mut Fields<'_>,
    name: &'static str,
) -> Option<Vec<KindRule>> {
    fields.take(name)?;
    let mut rules = Vec::new();
    for (path, node) in decoder.items(fields, name) {
        let mut f = decoder.fields(node, &path);
        let mut rule = KindRule {
            group: decoder.text(&mut f, "group"),
            kind: decoder.text_required(&mut f, "kind"),
            name: String::new(),
        };
        if name.starts_with("cluster") {
            rule.name = decoder.text(&mut f, "name");
        }
        decoder.finish(f);
        for pattern in [&rule.group, &rule.kind, &rule.name] {
            check_pattern(decoder, pattern, Dialect::Path, node.span.line, &path);
        }
        rules.push(rule);
    }
    Some(rules)
}

/// A malformed pattern would match nothing, and a denial of nothing permits everything.
fn check_pattern(decoder: &mut Decoder, pattern: &str, dialect: Dialect, line: u32, path: &str) {
    if pattern == "!*" {
        decoder.wrong(line, path, "`!*` denies everything");
    } else if Glob::new(split_denial(pattern).1, dialect).is_none() {
        decoder.wrong(
            line,
            path,
            format!("`{pattern}` is no pattern: a bracket or brace does not close"),
        );
    }
}

/// Fields that would loosen or tighten the guardrail in ways that are not built: never skipped.
fn refuse(decoder: &mut Decoder, fields: &mut Fields<'_>) {
    let refused = [
        (
            "signatureKeys",
            "trusted keys are part of the agent's configuration: every hub commit is checked with them",
        ),
        (
            "sourceIntegrity",
            "trusted keys are part of the agent's configuration: every hub commit is checked with them",
        ),
        (
            "syncWindows",
            "put `windows` under spec.rollouts of the fleet file",
        ),
        (
            "sourceNamespaces",
            "Applications are files of the hub repository; protect their directories there (CODEOWNERS)",
        ),
        (
            "orphanedResources",
            "remove it: `muster status` reports what no Application renders",
        ),
    ];
    for (name, remedy) in refused {
        decoder.unsupported(fields, name, Reason::NotSupported, remedy);
    }
}

#[cfg(test)]
mod tests;
