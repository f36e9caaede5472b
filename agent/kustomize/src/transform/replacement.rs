//! `replacements`: a field of one object copied into fields of others.

mod structured;
mod targets;

use muster_model::node::NumberValue;
use muster_model::{Node, Reason, RepoPath, Value};

use crate::failure::{Step, failed};
use crate::field_spec::read_gvk;
use crate::id::{Id, scalar_text};
use crate::kustomization::read_all;
use crate::record::{Place, Record, Unknown};
use crate::resmap::ResMap;
use crate::resource::Resource;
use crate::scalars::plain;
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
        let value = value_of(map, replacement)?;
        for target in targets {
            replace_in(map, &value, target)?;
        }
    }
    Ok(())
}

fn value_of(map: &ResMap, replacement: &Replacement) -> Step<Node> {
    let source = match (&replacement.source, &replacement.source_value) {
        (Some(_), Some(_)) => {
            return Err(failed("value and resource selectors are mutually exclusive").into());
        }
        (None, value) => return Ok(plain(value.as_deref().unwrap_or_default())),
        (Some(source), None) => source,
    };
    let mut found = map
        .list()
        .iter()
        .filter(|r| ids(r).any(|id| id.is_selected_by(&source.id)));
    let resource = found
        .next()
        .ok_or_else(|| failed(format!("nothing selected by {}", source.id)))?;
    if found.next().is_some() {
        return Err(failed(format!("multiple matches for selector {}", source.id)).into());
    }
    let node =
        path::lookup(&resource.node, &path::split(&source.field_path))?.filter(|n| !is_empty(n));
    let Some(node) = node else {
        let message = format!(
            "fieldPath `{}` is missing for replacement source {}",
            source.field_path, source.id
        );
        return Err(failed(message).field("source.fieldPath").into());
    };
    source.options.part_of(node)
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
        if self.delimiter.is_empty() {
            return Ok(node.clone());
        }
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
            Some(part) => Ok(Node::string(part)),
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

fn replace_in(map: &mut ResMap, value: &Node, target: &Target) -> Step<()> {
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
    for resource in map.list_mut() {
        if is_target(resource, &select, &reject) {
            for field in &target.field_paths {
                set_field(&mut resource.node, value, field, &target.options)
                    .map_err(|stop| super::prefix::on(stop, resource.file.as_deref()))?;
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

fn set_field(node: &mut Node, value: &Node, field: &str, options: &Options) -> Step<()> {
    let parts = path::split(field);
    let create = options.create.then(|| targets::Shape::of(value));
    if structured::set(node, value, &parts, create)? {
        return Ok(());
    }
    let found = targets::visit(node, &parts, create, &mut |target, made| {
        set(target, made, value, options)
    })?;
    if found == 0 {
        let what = if options.create {
            "find or create"
        } else {
            "find"
        };
        let message = format!("unable to {what} field {field:?} in replacement target");
        return Err(failed(message).field("targets.fieldPaths").into());
    }
    Ok(())
}

fn set(target: &mut Node, made: targets::Made, value: &Node, options: &Options) -> Step<()> {
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
        text = options.put_into(&scalar_text(target), &text);
    }
    if !is_scalar(target) {
        target.value = value.value.clone();
        if !options.delimiter.is_empty() {
            target.value = Node::string(text).value;
        }
        return Ok(());
    }
    set_scalar(target, made, &text)
}

/// Sets a scalar's text; it keeps its type, so a text that does not fit it is an error.
fn set_scalar(target: &mut Node, made: targets::Made, text: &str) -> Step<()> {
    let new = plain(text);
    let fits = match (&target.value, &new.value) {
        (_, _) if made == targets::Made::Now => true,
        (Value::String(_), _) => {
            target.value = Node::string(text).value;
            return Ok(());
        }
        (Value::Number(old), Value::Number(new)) => is_float(old.value) || !is_float(new.value),
        (Value::Bool(_), Value::Bool(_)) => true,
        (Value::Null, Value::Null) => true,
        (Value::Null | Value::Bool(_) | Value::Number(_) | Value::List(_) | Value::Map(_), _) => {
            false
        }
    };
    if !fits {
        let message = format!(
            "the value {text:?} does not fit a field that is {}",
            target.shape()
        );
        return Err(failed(message)
            .remedy("put the field's value in quotes")
            .into());
    }
    target.value = new.value;
    Ok(())
}

fn is_float(value: NumberValue) -> bool {
    matches!(value, NumberValue::Float(_))
}
