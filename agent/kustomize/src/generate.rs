//! The built-in generators.

pub(crate) mod iam_policy;
pub(crate) mod key_values;

use base64::Engine as _;
use std::collections::BTreeMap;

use muster_model::{Location, Map, Node, Reason, RepoPath};

use crate::failure::{Step, failed};
use crate::kustomization::{GeneratorArgs, GeneratorOptions};
use crate::resource::{Behavior, Resource, child_map};
use crate::session::Session;

/// What is generated.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Kind {
    /// A ConfigMap.
    ConfigMap,
    /// A Secret.
    Secret,
}

impl Kind {
    /// The name of its generator.
    pub(crate) fn generator(self) -> &'static str {
        match self {
            Self::ConfigMap => "ConfigMapGenerator",
            Self::Secret => "SecretGenerator",
        }
    }
}

/// Generates one object.
pub(crate) fn generate(
    session: &mut Session<'_>,
    root: &RepoPath,
    kind: Kind,
    args: &GeneratorArgs,
) -> Step<Resource> {
    if args.name.is_empty() {
        let mut problem = failed(format!("a {} needs a name", kind.generator())).field("name");
        problem.reason = Reason::MissingField;
        return Err(problem.into());
    }
    let pairs = key_values::load(session, root, args)?;
    let mut map = Map::new();
    map.insert("apiVersion", Node::string("v1"));
    match kind {
        Kind::ConfigMap => {
            map.insert("kind", Node::string("ConfigMap"));
            add_config_data(&mut map, pairs);
        }
        Kind::Secret => {
            map.insert("kind", Node::string("Secret"));
            let of_type = if args.secret_type.is_empty() {
                "Opaque"
            } else {
                &args.secret_type
            };
            map.insert("type", Node::string(of_type));
            let data: Map = pairs
                .into_iter()
                .map(|(k, v)| (k, Node::string(base64_lines(&v))))
                .collect();
            map.insert("data", Node::map(data));
        }
    }
    let mut node = Node::map(map);
    let metadata = child_map(&mut node, "metadata");
    metadata.insert("name", Node::string(&*args.name));
    if !args.namespace.is_empty() {
        metadata.insert("namespace", Node::string(&*args.namespace));
    }
    let mut resource = Resource::new(node);
    resource.needs_hash = true;
    resource.behavior = Some(Behavior::parse(&args.behavior));
    if let Some(options) = &args.options {
        apply_options(&mut resource, options);
    }
    Ok(resource)
}

fn apply_options(resource: &mut Resource, options: &GeneratorOptions) {
    let texts = |map: &BTreeMap<String, String>| -> Vec<_> {
        map.iter().map(|(k, v)| (k.clone(), v.clone())).collect()
    };
    if !options.labels.is_empty() {
        resource.set_texts("labels", texts(&options.labels));
    }
    if !options.annotations.is_empty() {
        resource.set_texts("annotations", texts(&options.annotations));
    }
    if options.immutable
        && let Some(map) = resource.node.as_map_mut()
    {
        map.insert("immutable", Node::bool(true));
    }
    resource.needs_hash = !options.disable_name_suffix_hash;
}

fn add_config_data(map: &mut Map, pairs: BTreeMap<String, Vec<u8>>) {
    for (key, value) in pairs {
        let (field, text) = match String::from_utf8(value) {
            Ok(text) => ("data", text),
            Err(error) => ("binaryData", base64_lines(error.as_bytes())),
        };
        let field = map.get_or_insert_with(field, || Node::map(Map::new()));
        if let Some(field) = field.as_map_mut() {
            field.insert(key, Node::string(text));
        }
    }
}

/// Lays the data of a generated object over that of the one it is merged into.
pub(crate) fn merge_data(new: &mut Resource, old: &Resource) {
    for field in ["data", "binaryData"] {
        let mut all = scalars(old, field);
        all.extend(scalars(new, field));
        let Some(map) = new.node.as_map_mut() else {
            return;
        };
        map.remove(field);
        if !all.is_empty() {
            let data: Map = all.into_iter().map(|(k, v)| (k, Node::string(v))).collect();
            map.insert(field, Node::map(data));
        }
    }
}

fn scalars(resource: &Resource, field: &str) -> BTreeMap<String, String> {
    let Some(map) = resource.node.get(field).and_then(Node::as_map) else {
        return BTreeMap::new();
    };
    map.iter()
        .map(|(k, v)| (k.to_owned(), crate::id::scalar_text(v).into_owned()))
        .collect()
}

/// Base64 in lines of 70, as kustomize breaks it; one line has no line break.
fn base64_lines(bytes: &[u8]) -> String {
    const LINE: usize = 70;
    let text = base64::engine::general_purpose::STANDARD.encode(bytes);
    if text.len() < LINE {
        return text;
    }
    let mut out = String::with_capacity(text.len() + text.len() / LINE + 1);
    let mut rest = &*text;
    while !rest.is_empty() {
        let (line, more) = rest.split_at(rest.len().min(LINE));
        out.push_str(line);
        out.push('\n');
        rest = more;
    }
    out
}

/// The place of a generator's entry.
pub(crate) fn place(file: &str, args: &GeneratorArgs) -> Location {
    Location::line(file, args.line)
}
