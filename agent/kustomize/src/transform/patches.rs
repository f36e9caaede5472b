//! `patches`, `patchesStrategicMerge` and `patchesJson6902`.

use muster_model::{Location, Node, Reason, Value, json};

use crate::failure::{Step, failed};
use crate::id::scalar_text;
use crate::json_patch::Operation;
use crate::merge::{self, Direction, Inference, Merger, Schemas};
use crate::resmap::ResMap;
use crate::resource::Resource;
use crate::selector::Selector;
use crate::session::{Reading, Session};
use crate::{parse, scalars};

/// A patch ready to apply.
#[derive(Debug)]
pub(crate) enum Change {
    /// Partial objects to lay over others.
    Strategic(Vec<Resource>),
    /// Operations on the selected objects.
    Json(Vec<Operation>),
}

/// Whether the object's previous identity is kept for references by name.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum History {
    /// It is remembered, as `patches` does.
    Keep,
    /// It is not, as `patchesJson6902` does.
    Forget,
}

/// Reads the text of a patch: partial objects, or a list of JSON patch operations.
///
/// `line` is that of the scalar when the text is inline, else 0.
pub(crate) fn read(session: &Session<'_>, text: &str, file: &str, line: u32) -> Step<Change> {
    let objects = session
        .parse_inline(text, (file, line), Reading::Resources)
        .and_then(|documents| parse::resources(documents, file));
    let operations = read_operations(session, text, file, line);
    match (objects, operations) {
        (Ok(objects), Ok(operations)) if !objects.is_empty() && !operations.is_empty() => Err(
            failed("the patch is both a strategic merge and a JSON patch")
                .at(Location::file(file))
                .into(),
        ),
        (Ok(objects), _) => Ok(Change::Strategic(objects)),
        (Err(_), Ok(operations)) => Ok(Change::Json(operations)),
        (Err(as_object), Err(as_list)) => {
            let is_list =
                text.trim_start().starts_with(['[', '-']) && !text.trim_start().starts_with("---");
            Err(if is_list { as_list } else { as_object })
        }
    }
}

/// Reads JSON patch operations, written as JSON or YAML.
pub(crate) fn read_operations(
    session: &Session<'_>,
    text: &str,
    file: &str,
    line: u32,
) -> Step<Vec<Operation>> {
    let mut node = if text.starts_with('[') {
        json::from_slice(text.as_bytes()).map_err(|error| {
            let mut problem =
                failed(format!("the JSON patch is no JSON: {error}")).at(Location::file(file));
            problem.reason = Reason::InvalidYaml;
            problem
        })?
    } else {
        let first = session
            .parse_inline(text, (file, line), Reading::Values)?
            .into_iter()
            .next()
            .unwrap_or_default();
        let mut node = first;
        yaml_1_1(&mut node, text.as_bytes());
        node
    };
    scalars::through_json(&mut node);
    Operation::read_all(&node, file)
}

/// Types unquoted `yes`, `no`, `on`, `off`, `y` and `n` as YAML 1.1 does: kustomize reads its own files and JSON patches
/// so, and Argo CD reads plain manifests so.
pub(crate) fn yaml_1_1(node: &mut Node, source: &[u8]) {
    let quoted = source
        .get(node.span.start as usize)
        .is_some_and(|b| matches!(b, b'"' | b'\'' | b'|' | b'>' | b'!'));
    match &mut node.value {
        Value::List(items) => items.iter_mut().for_each(|n| yaml_1_1(n, source)),
        Value::Map(map) => map.iter_mut().for_each(|(_, n)| yaml_1_1(n, source)),
        Value::String(text) if !quoted => match &*text.text {
            "y" | "Y" | "yes" | "Yes" | "YES" | "on" | "On" | "ON" => {
                node.value = Value::Bool(true);
            }
            "n" | "N" | "no" | "No" | "NO" | "off" | "Off" | "OFF" => {
                node.value = Value::Bool(false);
            }
            // A time stays as it was written.
            _ => {
                if let Some(raw) = text.raw.take() {
                    text.text = raw.into();
                }
            }
        },
        Value::String(_) | Value::Null | Value::Bool(_) | Value::Number(_) => {}
    }
}

/// Applies one patch.
pub(crate) fn apply(
    map: &mut ResMap,
    session: &mut Session<'_>,
    change: Change,
    target: Option<&Selector>,
    history: History,
) -> Step<()> {
    match (change, target) {
        (Change::Strategic(patches), None) => patches.into_iter().try_for_each(|patch| {
            let cause = session.explains.then(|| patch.cause("PatchTransformer"));
            apply_by_id(map, &mut session.schemas, patch)?;
            cause.map_or(Ok(()), |cause| {
                session.note(map, || cause);
                Ok(())
            })
        }),
        (Change::Strategic(patches), Some(target)) => {
            let mut patches = patches.into_iter();
            match (patches.next(), patches.next()) {
                (None, _) => Ok(()),
                (Some(patch), None) => {
                    apply_to_selected(map, &mut session.schemas, &patch, target)?;
                    session.note(map, || patch.cause("PatchTransformer"));
                    Ok(())
                }
                (Some(_), Some(_)) => Err(failed(
                    "several strategic merge patches in one entry cannot have a target",
                )
                .field("target")
                .into()),
            }
        }
        (Change::Json(operations), None) if operations.is_empty() => Ok(()),
        (Change::Json(_), None) => {
            Err(failed("a JSON patch needs a target").field("target").into())
        }
        (Change::Json(operations), Some(target)) => {
            apply_operations(map, &operations, target, history)
        }
    }
}

/// Lays a partial object over the one of the same identity.
pub(crate) fn apply_by_id(map: &mut ResMap, schemas: &mut Schemas, patch: Resource) -> Step<()> {
    let location = patch.location();
    let mut apply = |map: &mut ResMap| {
        let index = map.patch_target(&patch.original_id())?;
        strategic(&mut map.list_mut()[index], patch.clone(), schemas)
    };
    apply(map).map_err(|stop| match location {
        Some(location) => stop.or_at(|| location),
        None => stop,
    })
}

/// As [`apply_by_id`], for `patchesStrategicMerge`: the patch takes the object's version, and deleted objects go at once.
pub(crate) fn apply_legacy(map: &mut ResMap, schemas: &mut Schemas, patch: &Resource) -> Step<()> {
    let index = map.patch_target(&patch.original_id())?;
    apply_to(map, schemas, patch, &[index])
}

fn apply_to_selected(
    map: &mut ResMap,
    schemas: &mut Schemas,
    patch: &Resource,
    target: &Selector,
) -> Step<()> {
    let selected = target.compile()?.select(map.list());
    apply_to(map, schemas, patch, &selected)
}

fn apply_to(
    map: &mut ResMap,
    schemas: &mut Schemas,
    patch: &Resource,
    selected: &[usize],
) -> Step<()> {
    for index in selected {
        let resource = &mut map.list_mut()[*index];
        let mut copy = patch.clone();
        copy.merge_metadata_from(patch);
        let version = crate::id::Gvk::of(&resource.node).api_version();
        copy.set_text("apiVersion", &version);
        strategic(resource, copy, schemas).map_err(|stop| match patch.location() {
            Some(location) => stop.or_at(|| location),
            None => stop,
        })?;
        if version.is_empty() && !resource.is_empty() {
            resource.clear_version();
        }
    }
    map.drop_empty();
    if selected.is_empty() {
        Ok(())
    } else {
        map.check_unique()
    }
}

fn strategic(resource: &mut Resource, patch: Resource, schemas: &mut Schemas) -> Step<()> {
    schemas.note_merge();
    let identity = Identity::of(resource, &patch);
    if patch.allow_name_change || patch.allow_kind_change {
        resource.store_previous_id();
    }
    if merge::replaces(&patch.node) {
        // kustomize makes the new object and drops it.
        identity.restore(resource);
        return Ok(());
    }
    let replaces_annotations = replaces_annotations(&patch.node);
    if replaces_annotations {
        resource.book();
    }
    // The patch says so in an annotation, which is merged as any other.
    let (allow_name_change, allow_kind_change) = (patch.allow_name_change, patch.allow_kind_change);
    let merger = Merger {
        schemas,
        direction: Direction::Prepend,
        inference: Inference::Off,
    };
    let Some(merged) = merge::merge(merger, std::mem::take(&mut resource.node), patch.node)? else {
        return Ok(());
    };
    resource.node = merged;
    if replaces_annotations {
        resource.unbook();
    }
    resource.allow_name_change |= allow_name_change;
    resource.allow_kind_change |= allow_kind_change;
    if !resource.is_empty() {
        identity.restore(resource);
    }
    Ok(())
}

/// What an object keeps of its identity under a patch.
struct Identity {
    name: Option<String>,
    namespace: String,
    kind: Option<String>,
}

impl Identity {
    fn of(resource: &Resource, patch: &Resource) -> Self {
        let name = resource.node.at_path(&["metadata", "name"]);
        Self {
            name: name
                .map(|name| scalar_text(name).into_owned())
                .filter(|_| !patch.allow_name_change),
            namespace: resource.namespace().into_owned(),
            kind: (!patch.allow_kind_change).then(|| resource.kind().into_owned()),
        }
    }

    /// Writes it anew.
    fn restore(&self, resource: &mut Resource) {
        if let Some(kind) = &self.kind {
            resource.set_text("kind", kind);
        }
        if let Some(name) = &self.name {
            resource.set_name(name);
        }
        resource.set_namespace(&self.namespace);
    }
}

/// True for a patch that does more to annotations than to add or replace some.
fn replaces_annotations(patch: &Node) -> bool {
    let is_plain = |node: &Node| node.as_map().is_some_and(|m| !m.contains_key("$patch"));
    let Some(metadata) = patch.get("metadata") else {
        return false;
    };
    !is_plain(metadata) || metadata.get("annotations").is_some_and(|n| !is_plain(n))
}

fn apply_operations(
    map: &mut ResMap,
    operations: &[Operation],
    target: &Selector,
    history: History,
) -> Step<()> {
    let selected = target.compile()?.select(map.list());
    let reads_annotations = operations.iter().any(Operation::touches_annotations);
    for index in selected {
        let resource = &mut map.list_mut()[index];
        match history {
            History::Keep => resource.store_previous_id(),
            History::Forget => {}
        }
        resource.check_types()?;
        if reads_annotations {
            resource.book();
        }
        let span = resource.node.span;
        scalars::through_json(&mut resource.node);
        // Errors still name the line of the object.
        resource.node.span = span;
        for operation in operations {
            operation
                .apply(&mut resource.node)
                .map_err(|stop| match stop {
                    crate::failure::Stop::Refused(mut problem) => {
                        problem.message = format!("{} of {}", problem.message, resource.id());
                        crate::failure::Stop::Refused(problem)
                    }
                    crate::failure::Stop::Missing => stop,
                })?;
        }
        if reads_annotations {
            resource.unbook_origin();
        }
        resource.check_metadata()?;
        let annotations = resource.texts("annotations");
        if resource.node.get("metadata").is_some() {
            resource.set_texts("annotations", annotations);
        }
    }
    Ok(())
}
