//! `vars`: texts like `$(NAME)` give way to fields of objects.

use std::collections::BTreeMap;

use muster_model::node::NumberValue;
use muster_model::{Node, Value};

use crate::failure::{Step, failed};
use crate::field_spec::{Create, FieldSpec, read_gvk};
use crate::id::{Id, split_api_version};
use crate::path;
use crate::record::{Place, Record, Unknown};
use crate::resmap::ResMap;
use crate::resource::written;
use crate::scalars::is_untyped;

/// One variable.
#[derive(Debug, Clone)]
pub(crate) struct Var {
    pub(crate) name: String,
    object: Id<'static>,
    field_path: String,
}

/// Variables by name.
#[derive(Debug, Clone, Default)]
pub(crate) struct Vars(BTreeMap<String, Var>);

impl Var {
    /// Reads an entry of `vars`.
    pub(crate) fn read(node: &Node, place: Place) -> Step<Self> {
        let record = Record::read(
            node,
            place,
            &["name", "objref", "fieldref"],
            Unknown::Refuse,
        )?;
        let empty = Node::default();
        let object = Record::read(
            record.get("objref").unwrap_or(&empty),
            record.at("objref"),
            &[
                "apiVersion",
                "group",
                "version",
                "kind",
                "name",
                "namespace",
            ],
            Unknown::Refuse,
        )?;
        let field = Record::read(
            record.get("fieldref").unwrap_or(&empty),
            record.at("fieldref"),
            &["fieldPath"],
            Unknown::Refuse,
        )?;
        let mut gvk = read_gvk(&object)?;
        let api_version = object.text("apiVersion")?;
        if !api_version.is_empty() {
            let (group, version) = split_api_version(api_version.into());
            if !group.is_empty() {
                gvk.group = group;
            }
            gvk.version = version;
        }
        let field_path = field.text("fieldPath")?;
        Ok(Self {
            name: record.text("name")?,
            object: Id {
                gvk,
                name: object.text("name")?.into(),
                namespace: object.text("namespace")?.into(),
                cluster_scoped: false,
            },
            field_path: if field_path.is_empty() {
                "metadata.name".to_owned()
            } else {
                field_path
            },
        })
    }
}

impl Vars {
    /// Adds variables; no name may come twice.
    pub(crate) fn merge(&mut self, more: impl IntoIterator<Item = Var>) -> Step<()> {
        for var in more {
            if self.0.contains_key(&var.name) {
                return Err(failed(format!("var '{}' already encountered", var.name))
                    .field("vars")
                    .into());
            }
            self.0.insert(var.name.clone(), var);
        }
        Ok(())
    }

    /// All of them, in the order of their names.
    pub(crate) fn into_list(self) -> impl Iterator<Item = Var> {
        self.0.into_values()
    }

    /// True when there is none.
    pub(crate) fn is_empty(&self) -> bool {
        self.0.is_empty()
    }
}

/// Marks the objects that variables read from.
pub(crate) fn mark(map: &mut ResMap, vars: &[Var]) -> Step<()> {
    for var in vars {
        let wildcard = var.object.namespace.is_empty();
        let matches = map.matching_any_id(|id| {
            if wildcard {
                var.object.same_but_namespace(id)
            } else {
                var.object.same(id)
            }
        });
        match matches.as_slice() {
            [] => {}
            [one] => map.list_mut()[*one].var_names.push(var.name.clone()),
            several => {
                let message = format!(
                    "found {} objects for var {} (unable to disambiguate)",
                    several.len(),
                    var.name
                );
                return Err(failed(message).field("vars").into());
            }
        }
    }
    Ok(())
}

/// Puts the values in.
pub(crate) fn resolve(map: &mut ResMap, vars: &Vars, fields: &[FieldSpec]) -> Step<()> {
    if vars.is_empty() {
        return Ok(());
    }
    let mut values = BTreeMap::new();
    for var in vars.0.values() {
        values.insert(&*var.name, value_of(map, var)?);
    }
    for resource in map.list_mut() {
        let gvk = crate::id::Gvk::of(&resource.node).into_owned();
        for field in fields.iter().filter(|f| f.applies_to(&gvk)) {
            field
                .visit(&mut resource.node, Create::No, &mut |node| {
                    set(node, &values)
                })
                .map_err(|stop| super::prefix::on(stop, resource.file.as_deref()))?;
        }
    }
    Ok(())
}

fn value_of(map: &ResMap, var: &Var) -> Step<Node> {
    let Some(resource) = map.list().iter().find(|r| r.var_names.contains(&var.name)) else {
        let message = format!(
            "var '{}' cannot be mapped to a field in the set of known resources",
            var.name
        );
        return Err(failed(message).field("vars").into());
    };
    let parts: Vec<String> = path::split(&var.field_path)
        .into_iter()
        .flat_map(indexed)
        .collect();
    match path::lookup(&resource.node, &parts) {
        Ok(Some(node)) => as_value(node, var),
        Ok(None) | Err(_) => {
            let message = format!(
                "field {} of var '{}' not found in {}",
                var.field_path,
                var.name,
                resource.id()
            );
            Err(failed(message).field("vars").into())
        }
    }
}

/// The value of a field as kustomize reads it: what has no type is a text, null included; integers are decimal.
fn as_value(node: &Node, var: &Var) -> Step<Node> {
    if is_untyped(node) || node.is_null() {
        return Ok(Node::string(written(node)));
    }
    let Value::Number(number) = &node.value else {
        return Ok(node.clone());
    };
    match number.value {
        NumberValue::Float(_) => Ok(node.clone()),
        NumberValue::Int(_) | NumberValue::UInt(_) => {
            let text = number.written();
            let value = text.parse().map_err(|_| {
                failed(format!(
                    "field {} of var '{}' is {text}, which kustomize cannot read",
                    var.field_path, var.name
                ))
                .field("vars")
            })?;
            Ok(Node::int(value))
        }
    }
}

/// `ports[0]` is `ports` and `0`.
fn indexed(part: String) -> Vec<String> {
    if let Some((name, index)) = part.strip_suffix(']').and_then(|p| p.rsplit_once('['))
        && !index.is_empty()
        && index.bytes().all(|b| b.is_ascii_digit())
    {
        return [name, index]
            .into_iter()
            .filter(|p| !p.is_empty())
            .map(str::to_owned)
            .collect();
    }
    vec![part]
}

fn set(node: &mut Node, values: &BTreeMap<&str, Node>) -> Step<()> {
    match &mut node.value {
        Value::String(_) => set_text(node, values),
        Value::Map(map) => map.iter_mut().for_each(|(_, n)| set_text(n, values)),
        Value::List(items) => {
            for item in items {
                if item.as_str().is_none() {
                    return Err(failed("invalid value type expect a string").into());
                }
                set_text(item, values);
            }
        }
        Value::Null | Value::Bool(_) | Value::Number(_) => {}
    }
    Ok(())
}

/// Replaces the variables in a text, as it was written; other values stay.
fn set_text(node: &mut Node, values: &BTreeMap<&str, Node>) {
    if let Value::String(text) = &node.value {
        let value = expand(text.raw.as_deref().unwrap_or(&text.text), values);
        node.value = value;
    }
}

/// A text with its variables replaced; a text that is one variable takes the value's type.
fn expand(text: &str, values: &BTreeMap<&str, Node>) -> Value {
    let mut out = String::with_capacity(text.len());
    let mut rest = text;
    while let Some(dollar) = rest.find('$') {
        out.push_str(&rest[..dollar]);
        let after = &rest[dollar + 1..];
        rest = if let Some(tail) = after.strip_prefix('$') {
            out.push('$');
            tail
        } else if let Some((name, tail)) = after.strip_prefix('(').and_then(|a| a.split_once(')')) {
            match values.get(name).map(|n| &n.value) {
                Some(value @ (Value::String(_) | Value::Number(_) | Value::Bool(_))) => {
                    if text.len() == name.len() + 3 {
                        return typed(value);
                    }
                    out.push_str(&Node::new(typed(value)).raw_scalar().unwrap_or_default());
                }
                Some(Value::Null | Value::List(_) | Value::Map(_)) | None => {
                    out.push_str("$(");
                    out.push_str(name);
                    out.push(')');
                }
            }
            tail
        } else {
            out.push('$');
            after
        };
    }
    out.push_str(rest);
    Node::string(out).value
}

/// A value without the way it was written.
fn typed(value: &Value) -> Value {
    let mut node = Node::new(value.clone());
    match &mut node.value {
        Value::Number(number) => number.raw = None,
        Value::String(text) => {
            if let Some(raw) = text.raw.take() {
                text.text = raw.into();
            }
        }
        Value::Null | Value::Bool(_) | Value::List(_) | Value::Map(_) => {}
    }
    node.value
}
