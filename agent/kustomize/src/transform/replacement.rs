//! `replacements`: a field of one object copied into fields of others.

mod structured;
mod targets;

use muster_model::{Node, Reason, RepoPath, Value};

use crate::failure::{Step, failed};
use crate::field_spec::read_gvk;
use crate::id::{Id, scalar_text};
use crate::kustomization::read_all;
use crate::record::{Place, Record, Unknown};
use crate::resmap::ResMap;
use crate::resource::Resource;
use crate::scalars::{set_written, untyped};
use crate::selector::{Matcher, Selector};
use crate::session::{Reading, Session};
use crate::{path, resource};

const DEFAULT_FIELD: &str = "metadata.name";

/// One entry of `replacements`: a file of them, or one written in place.
#[derive(Debug, Clone)]
pub(crate) struct ReplacementField {
    pub(crate) path: String,
    inline: Replacement,
    line: u32,
}

/// A source and its targets.
#[derive(Debug, Clone, Default)]
pub(crate) struct Replacement {
    source: Option<Source>,
    source_value: Option<String>,
    /// `None` when not written.
    targets: Option<Vec<Target>>,
}

#[derive(Debug, Clone)]
struct Source {
    id: Id<'static>,
    field_path: String,
    options: Options,
}

#[derive(Debug, Clone)]
struct Target {
    select: Option<Selector>,
    reject: Vec<Selector>,
    field_paths: Vec<String>,
    options: Options,
}

/// How a value is taken apart or put in.
#[derive(Debug, Clone, Default)]
struct Options {
    delimiter: String,
    index: i64,
    create: bool,
}

impl ReplacementField {
    /// Reads an entry.
    pub(crate) fn read(node: &Node, place: Place) -> Step<Self> {
        Self::read_with(node, place, Unknown::Refuse)
    }

    /// Reads an entry of a transformer's configuration.
    pub(crate) fn read_with(node: &Node, place: Place, unknown: Unknown) -> Step<Self> {
        let record = Record::read(
            node,
            place,
            &["path", "source", "targets", "sourceValue"],
            unknown,
        )?;
        let path = record.text("path")?;
        let inline = Replacement::from_record(&record, unknown)?;
        if !path.is_empty() && (inline.source.is_some() || inline.targets.is_some()) {
            let message = "cannot specify both path and inline replacement";
            return Err(record
                .place
                .problem(Reason::InvalidField, record.line, message)
                .into());
        }
        Ok(Self {
            path,
            inline,
            line: record.line,
        })
    }

    /// The replacements of the entry, read from its file where it names one.
    pub(crate) fn load(
        &self,
        session: &mut Session<'_>,
        root: &RepoPath,
    ) -> Step<Vec<Replacement>> {
        if self.path.is_empty() {
            return Ok(vec![self.inline.clone()]);
        }
        let path = session.resolve_file(root, &self.path)?;
        let documents = session.documents(&path, Reading::Values)?;
        let place = Place::file(&path.to_string());
        let read = |node: &Node, place: Place| {
            let record = Record::read(
                node,
                place,
                &["source", "targets", "sourceValue"],
                Unknown::Ignore,
            )?;
            Replacement::from_record(&record, Unknown::Ignore)
        };
        match documents.first() {
            Some(node) => match &node.value {
                Value::List(items) => items
                    .iter()
                    .enumerate()
                    .map(|(i, n)| read(n, place.index(i)))
                    .collect(),
                Value::Map(_) => Ok(vec![read(node, place)?]),
                Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) => Err(place
                    .problem(
                        Reason::InvalidField,
                        node.span.line,
                        "a replacement is a mapping or a list of them",
                    )
                    .into()),
            },
            None => Err(place
                .problem(Reason::InvalidField, 0, "the file of replacements is empty")
                .into()),
        }
    }

    /// The line of the entry.
    pub(crate) fn line(&self) -> u32 {
        self.line
    }
}

impl Replacement {
    fn from_record(record: &Record<'_>, unknown: Unknown) -> Step<Self> {
        let source = record
            .get("source")
            .map(|n| Source::read(n, record.at("source"), unknown))
            .transpose()?;
        let targets = match record.get("targets") {
            Some(_) => Some(read_all(record, "targets", |n, p| {
                Target::read(n, p, unknown)
            })?),
            None => None,
        };
        let source_value = record
            .get("sourceValue")
            .map(|_| record.text("sourceValue"))
            .transpose()?;
        Ok(Self {
            source,
            source_value,
            targets,
        })
    }
}

impl Replacement {
    /// True when a path leads to annotations, or to all of the metadata.
    fn touches_annotations(&self) -> bool {
        let touches = |field: &str| {
            let parts = path::split(field);
            matches!(&*parts, [first] if first == "metadata")
                || matches!(&*parts, [first, second, ..] if first == "metadata" && second == "annotations")
        };
        let targets = self.targets.iter().flatten();
        self.source.iter().any(|s| touches(&s.field_path))
            || targets.flat_map(|t| &t.field_paths).any(|p| touches(p))
    }
}

impl Source {
    fn read(node: &Node, place: Place, unknown: Unknown) -> Step<Self> {
        let known = [
            "group",
            "version",
            "kind",
            "name",
            "namespace",
            "fieldPath",
            "options",
        ];
        let record = Record::read(node, place, &known, unknown)?;
        let field_path = record.text("fieldPath")?;
        Ok(Self {
            id: Id {
                gvk: read_gvk(&record)?,
                name: record.text("name")?.into(),
                namespace: record.text("namespace")?.into(),
                cluster_scoped: false,
            },
            field_path: if field_path.is_empty() {
                DEFAULT_FIELD.to_owned()
            } else {
                field_path
            },
            options: Options::read(&record, unknown)?,
        })
    }
}

impl Target {
    fn read(node: &Node, place: Place, unknown: Unknown) -> Step<Self> {
        let record = Record::read(
            node,
            place,
            &["select", "reject", "fieldPaths", "options"],
            unknown,
        )?;
        let mut field_paths = record.texts("fieldPaths")?;
        if field_paths.is_empty() {
            field_paths.push(DEFAULT_FIELD.to_owned());
        }
        Ok(Self {
            select: record
                .get("select")
                .map(|n| Selector::read(n, record.at("select"), unknown))
                .transpose()?,
            reject: read_all(&record, "reject", |n, p| Selector::read(n, p, unknown))?,
            field_paths,
            options: Options::read(&record, unknown)?,
        })
    }
}

impl Options {
    fn read(record: &Record<'_>, unknown: Unknown) -> Step<Self> {
        let Some(node) = record.get("options") else {
            return Ok(Self::default());
        };
        let known = ["delimiter", "index", "encoding", "create"];
        let record = Record::read(node, record.at("options"), &known, unknown)?;
        Ok(Self {
            delimiter: record.text("delimiter")?,
            index: record.int("index")?.unwrap_or(0),
            create: record.flag("create")?,
        })
    }
}

/// Carries out the replacements, one after the other.
pub(crate) fn transform(map: &mut ResMap, replacements: &[Replacement]) -> Step<()> {
    if !replacements.iter().any(Replacement::touches_annotations) {
        return replace_all(map, replacements, Booked::No);
    }
    map.list_mut().iter_mut().for_each(Resource::book);
    let replaced = replace_all(map, replacements, Booked::Yes);
    map.list_mut().iter_mut().for_each(Resource::unbook);
    replaced
}

/// Whether kustomize's bookkeeping lies in the annotations, where it may be replaced.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Booked {
    No,
    Yes,
}

fn replace_all(map: &mut ResMap, replacements: &[Replacement], booked: Booked) -> Step<()> {
    for replacement in replacements {
        let Some(targets) = replacement
            .targets
            .as_ref()
            .filter(|_| replacement.source.is_some() || replacement.source_value.is_some())
        else {
            return Err(
                failed("replacements must specify a source and at least one target")
                    .field("replacements")
                    .into(),
            );
        };
        let mut value = value_of(map, replacement)?;
        for target in targets {
            replace_in(map, &mut value, target, booked)?;
        }
    }
    Ok(())
}

fn value_of(map: &ResMap, replacement: &Replacement) -> Step<Given> {
    let source = match (&replacement.source, &replacement.source_value) {
        (Some(_), Some(_)) => {
            return Err(failed("value and resource selectors are mutually exclusive").into());
        }
        (None, value) => return Ok(Given::fixed(untyped(value.as_deref().unwrap_or_default()))),
        (Some(source), None) => source,
    };
    let mut found = map
        .list()
        .iter()
        .enumerate()
        .filter(|(_, r)| ids(r).any(|id| id.is_selected_by(&source.id)));
    let (index, resource) = found
        .next()
        .ok_or_else(|| failed(format!("nothing selected by {}", source.id)))?;
    if found.next().is_some() {
        return Err(failed(format!("multiple matches for selector {}", source.id)).into());
    }
    let place = path::locate(&resource.node, &path::split(&source.field_path))?;
    let node = place
        .as_ref()
        .and_then(|place| path::at(&resource.node, place))
        .filter(|node| !is_empty(node));
    let (Some(place), Some(node)) = (place, node) else {
        let message = format!(
            "fieldPath `{}` is missing for replacement source {}",
            source.field_path, source.id
        );
        return Err(failed(message).field("source.fieldPath").into());
    };
    if source.options.delimiter.is_empty() {
        return Ok(Given {
            node: node.clone(),
            from: Some((index, place)),
        });
    }
    source.options.part_of(node).map(Given::fixed)
}

/// What is put into the targets. kustomize does not copy it: where an object is source and target at once, each target
/// gets what the source has become by then.
struct Given {
    node: Node,
    /// The object and the place in it, while it is still there.
    from: Option<(usize, Vec<path::Part>)>,
}

impl Given {
    fn fixed(node: Node) -> Self {
        Self { node, from: None }
    }

    /// Looks again, after something in the object may have changed.
    fn refresh(&mut self, index: usize, object: &Node) {
        if let Some((source, place)) = &self.from
            && *source == index
            && let Some(now) = path::at(object, place)
            && *now != self.node
        {
            self.node = now.clone();
        }
    }

    /// Looks again, after the field at `changed` was set; what lay inside of it is gone from the object.
    fn refresh_after(&mut self, index: usize, object: &Node, changed: &[path::Part]) {
        let Some((source, place)) = &self.from else {
            return;
        };
        if *source == index && place.len() > changed.len() && place.starts_with(changed) {
            self.from = None;
        } else {
            self.refresh(index, object);
        }
    }
}

/// Identities as the selectors of replacements see them: the present one first, namespaces as written.
fn ids(resource: &Resource) -> impl Iterator<Item = Id<'_>> {
    let mut now = resource.id();
    now.cluster_scoped = false;
    std::iter::once(now).chain(resource.previous_ids())
}

fn is_empty(node: &Node) -> bool {
    match &node.value {
        Value::Null => true,
        Value::Map(map) => map.is_empty(),
        Value::List(items) => items.is_empty(),
        Value::Bool(_) | Value::Number(_) | Value::String(_) => false,
    }
}

impl Options {
    /// The part of a source's value that the options name.
    fn part_of(&self, node: &Node) -> Step<Node> {
        if matches!(node.value, Value::Map(_) | Value::List(_)) {
            return Err(failed("the delimiter option can only be used with scalars")
                .field("options.delimiter")
                .into());
        }
        let text = scalar_text(node);
        let part = usize::try_from(self.index)
            .ok()
            .and_then(|i| text.split(&*self.delimiter).nth(i));
        match part {
            Some(part) => {
                let mut copy = node.clone();
                set_written(&mut copy, part);
                Ok(copy)
            }
            None => {
                let message = format!(
                    "options.index {} is out of bounds for value {text}",
                    self.index
                );
                Err(failed(message).field("options.index").into())
            }
        }
    }

    /// The text of a target with one part of it replaced, or added in front or behind.
    fn put_into(&self, old: &str, new: &str) -> String {
        let mut parts: Vec<&str> = old.split(&*self.delimiter).collect();
        match usize::try_from(self.index) {
            Err(_) => parts.insert(0, new),
            Ok(index) => match parts.get_mut(index) {
                Some(part) => *part = new,
                None => parts.push(new),
            },
        }
        parts.join(&self.delimiter)
    }
}

fn replace_in(map: &mut ResMap, value: &mut Given, target: &Target, booked: Booked) -> Step<()> {
    let Some(select) = &target.select else {
        return Err(failed("target must specify resources to select")
            .field("targets.select")
            .into());
    };
    let select = select.compile()?;
    let reject = target
        .reject
        .iter()
        .map(Selector::compile)
        .collect::<Step<Vec<_>>>()?;
    for (index, resource) in map.list_mut().iter_mut().enumerate() {
        if is_target(resource, &select, &reject) {
            resource.replaced = true;
            for field in &target.field_paths {
                set_field((index, &mut resource.node), value, field, &target.options)
                    .map_err(|stop| super::prefix::on(stop, resource.file.as_deref()))?;
            }
            if booked == Booked::Yes {
                // The next target may select it by an identity that was just put in.
                resource.reread();
            }
        }
    }
    Ok(())
}

fn is_target(resource: &resource::Resource, select: &Matcher, reject: &[Matcher]) -> bool {
    select.matches_labels(resource)
        && !reject
            .iter()
            .any(|r| r.has_labels && r.matches_labels(resource))
        && !reject
            .iter()
            .any(|r| r.has_id && ids(resource).any(|id| r.matches_id(&id)))
        && ids(resource).any(|id| select.matches_id(&id))
}

fn set_field(
    (index, node): (usize, &mut Node),
    value: &mut Given,
    field: &str,
    options: &Options,
) -> Step<()> {
    let parts = path::split(field);
    let create = options.create.then(|| targets::Shape::of(&value.node));
    if structured::set(node, &value.node, &parts, create)? {
        value.refresh(index, node);
        return Ok(());
    }
    let found = targets::find(node, &parts, create)?;
    value.refresh(index, node);
    if found.places.len() + found.lost == 0 {
        let what = if options.create {
            "find or create"
        } else {
            "find"
        };
        let message = format!("unable to {what} field {field:?} in replacement target");
        return Err(failed(message).field("targets.fieldPaths").into());
    }
    for place in &found.places {
        if let Some(target) = path::at_mut(node, place) {
            set(target, &value.node, options)?;
        }
        value.refresh_after(index, node, place);
    }
    Ok(())
}

fn set(target: &mut Node, value: &Node, options: &Options) -> Step<()> {
    let is_scalar = |node: &Node| !matches!(node.value, Value::Map(_) | Value::List(_));
    let mut text = if is_scalar(value) {
        scalar_text(value).into_owned()
    } else {
        String::new()
    };
    if !options.delimiter.is_empty() {
        if !is_scalar(target) {
            return Err(failed("the delimiter option can only be used with scalars")
                .field("options.delimiter")
                .into());
        }
        text = options.put_into(&resource::written(target), &text);
    }
    if is_scalar(target) {
        set_written(target, &text);
    } else {
        target.value = value.value.clone();
        if is_scalar(value) {
            // The type comes along, and with it whether there is one.
            target.span = value.span;
        }
    }
    Ok(())
}
