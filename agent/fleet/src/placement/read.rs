//! Reads `spec.placements` of the fleet file, and the policies it names.

use muster_model::tree::EntryKind;
use muster_model::{Budgets, Location, Node, Problem, Reason, RepoPath, Tree, yaml};

use super::overrides::OverridePolicy;
use super::policy::{API_VERSION, PropagationPolicy};
use super::{PlacementEntry, Policies};
use crate::decode::{Decoder, Fields, child};
use crate::failure::Failure;
use crate::labels;
use crate::source::{self, Source};
use crate::sync_policy::{self, Automated, SyncOption, SyncPolicy};

/// The namespace of objects that name none, where the entry does not say: where `kubectl apply` puts them.
const NAMESPACE: &str = "default";

/// Reads `spec.placements`.
pub(crate) fn read_entries(decoder: &mut Decoder, fields: &mut Fields<'_>) -> Vec<PlacementEntry> {
    let mut entries: Vec<PlacementEntry> = Vec::new();
    for (path, node) in decoder.items(fields, "placements") {
        let Some(entry) = read_entry(decoder, node, &path) else {
            continue;
        };
        if entries.iter().any(|other| other.name == entry.name) {
            let problem = decoder.wrong(
                node.span.line,
                &child(&path, "name"),
                format!("two placements are called `{}`", entry.name),
            );
            problem.remedy = Some("give one of them another `name`".to_owned());
        }
        entries.push(entry);
    }
    entries
}

fn read_entry(decoder: &mut Decoder, node: &Node, path: &str) -> Option<PlacementEntry> {
    let mut f = decoder.fields(node, path);
    let line = node.span.line;
    let source = read_source(decoder, &mut f, line);
    let policies = read_policies(decoder, &mut f, line);
    let name = decoder.text_opt(&mut f, "name").or_else(|| {
        let path = source.as_ref().map(|s| s.path.file_name().to_owned())?;
        Some(path.to_lowercase().replace('_', "-"))
    });
    let name = name.unwrap_or_default();
    if source.is_some() && !labels::is_subdomain(&name) {
        let problem = decoder.wrong(
            line,
            &child(path, "name"),
            format!("`{name}` is no DNS subdomain (lower-case letters, digits, '-' and '.')"),
        );
        problem.remedy = Some("give the placement a `name`".to_owned());
    }
    let namespace = decoder.text(&mut f, "namespace");
    let mut sync_policy = sync_policy::read(decoder, &mut f);
    if sync_policy == SyncPolicy::default() {
        sync_policy.automated = Some(Automated {
            prune: true,
            self_heal: true,
            allow_empty: false,
        });
        sync_policy.options = vec![SyncOption::CreateNamespace(true)];
    }
    let entry = PlacementEntry {
        name,
        project: decoder.text_opt(&mut f, "project"),
        namespace: if namespace.is_empty() {
            NAMESPACE.to_owned()
        } else {
            namespace
        },
        source: source?,
        policies,
        sync_policy,
        origin: decoder.at(node),
    };
    decoder.finish(f);
    Some(entry)
}

/// A directory of the hub repository, or a source as an Application has it.
fn read_source(decoder: &mut Decoder, f: &mut Fields<'_>, line: u32) -> Option<Source> {
    let at = f.path_of("source");
    let Some(node) = f.take("source") else {
        decoder.refuse(Reason::MissingField, line, &at, "`source` is missing");
        return None;
    };
    if node.as_map().is_some() {
        return Some(source::read(decoder, node, &at));
    }
    let text = decoder.text_of(node, &at)?;
    let path = read_path(decoder, &text, node.span.line, &at)?;
    Some(Source {
        path,
        ..Source::default()
    })
}

fn read_policies(decoder: &mut Decoder, f: &mut Fields<'_>, line: u32) -> Vec<RepoPath> {
    let at = f.path_of("policies");
    let Some(node) = f.take("policies") else {
        decoder.refuse(Reason::MissingField, line, &at, "`policies` is missing");
        return Vec::new();
    };
    let one = std::slice::from_ref(node);
    let items = node.as_list().unwrap_or(one);
    let mut paths = Vec::new();
    for (index, item) in items.iter().enumerate() {
        let at = format!("{at}[{index}]");
        if let Some(text) = decoder.text_of(item, &at) {
            paths.extend(read_path(decoder, &text, item.span.line, &at));
        }
    }
    paths
}

fn read_path(decoder: &mut Decoder, text: &str, line: u32, at: &str) -> Option<RepoPath> {
    match RepoPath::new(text) {
        Ok(path) => Some(path),
        Err(error) => {
            decoder.refuse(Reason::PathEscapesRepo, line, at, error.to_string());
            None
        }
    }
}

/// The policies that an entry names: files, or directories of files.
pub(crate) fn read_policy_files(
    tree: &dyn Tree,
    entry: &PlacementEntry,
) -> Result<(Policies, Vec<Problem>), Failure> {
    let mut policies = Policies::default();
    let mut warnings = Vec::new();
    let mut failure: Option<Failure> = None;
    for path in &entry.policies {
        let read = read_path_of_policies(tree, path, &mut policies, &mut warnings);
        if let Err(error) = read {
            let error = error.map(|problem| problem.via(entry.origin.clone()));
            failure = Some(match failure {
                Some(first) => first.and(error),
                None => error,
            });
        }
    }
    match failure {
        Some(failure) => Err(failure),
        None => Ok((policies, warnings)),
    }
}

fn read_path_of_policies(
    tree: &dyn Tree,
    path: &RepoPath,
    policies: &mut Policies,
    warnings: &mut Vec<Problem>,
) -> Result<(), Failure> {
    let is_directory = tree
        .entry(path)?
        .is_some_and(|entry| entry.kind == EntryKind::Tree);
    if !is_directory {
        return read_file(tree, path, policies, warnings);
    }
    let mut failure: Option<Failure> = None;
    for (name, entry) in tree.list(path)? {
        let is_manifest = [".yaml", ".yml", ".json"].iter().any(|e| name.ends_with(e));
        if entry.kind == EntryKind::Tree || !is_manifest {
            continue;
        }
        if let Err(error) = read_file(tree, &path.child(&name), policies, warnings) {
            failure = Some(match failure {
                Some(first) => first.and(error),
                None => error,
            });
        }
    }
    failure.map_or(Ok(()), Err)
}

fn read_file(
    tree: &dyn Tree,
    path: &RepoPath,
    policies: &mut Policies,
    warnings: &mut Vec<Problem>,
) -> Result<(), Failure> {
    let bytes = crate::hub::read_file(tree, path)?;
    let documents = yaml::read(&bytes, &Budgets::default(), 0).map_err(|error| {
        let at = Location::line(path.as_str(), error.line());
        Failure::from(Problem::new(Reason::InvalidYaml, error.to_string()).at(at))
    })?;
    let mut decoder = Decoder::new(path.as_str(), Reason::InvalidField);
    for document in documents.iter().filter(|document| !document.is_null()) {
        read_document(&mut decoder, document, policies);
    }
    let (problems, more) = decoder.into_problems();
    warnings.extend(more);
    if problems.is_empty() {
        Ok(())
    } else {
        Err(Failure::Refused(problems))
    }
}

fn read_document(decoder: &mut Decoder, node: &Node, policies: &mut Policies) {
    let version = node.str_at(&["apiVersion"]).unwrap_or_default();
    let kind = node.str_at(&["kind"]).unwrap_or_default();
    let line = node.span.line;
    if version != API_VERSION {
        return decoder.warn(
            Reason::NotSupported,
            line,
            "kind",
            format!("`{version}` `{kind}` is no policy of {API_VERSION}: it is left out"),
        );
    }
    match kind {
        "PropagationPolicy" | "ClusterPropagationPolicy" => {
            let policy = PropagationPolicy::read(decoder, node, kind == "PropagationPolicy");
            let same = |other: &PropagationPolicy| {
                other.name == policy.name && other.namespace == policy.namespace
            };
            if policies.propagation.iter().any(same) {
                let message = format!("a second {} is there", policy.title());
                decoder.wrong(line, "metadata.name", message);
            }
            policies.propagation.push(policy);
        }
        "OverridePolicy" | "ClusterOverridePolicy" => {
            let policy = OverridePolicy::read(decoder, node, kind == "OverridePolicy");
            let same = |other: &OverridePolicy| {
                other.name == policy.name && other.namespace == policy.namespace
            };
            if policies.overrides.iter().any(same) {
                let message = format!("a second {kind} `{}` is there", policy.name);
                decoder.wrong(line, "metadata.name", message);
            }
            policies.overrides.push(policy);
        }
        _ => {
            let problem = decoder.refuse(
                Reason::NotSupported,
                line,
                "kind",
                format!("`{kind}` of {API_VERSION} is not supported"),
            );
            problem.remedy = Some(
                "PropagationPolicy, ClusterPropagationPolicy, OverridePolicy and ClusterOverridePolicy are"
                    .to_owned(),
            );
        }
    }
}
