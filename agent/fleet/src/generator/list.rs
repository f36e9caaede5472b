//! The list generator: elements written down.

use muster_model::{Node, Reason};

use super::Scene;
use crate::decode::Decoder;
use crate::failure::Failure;
use crate::params::{self, Params};
use crate::yaml_text;

/// Elements written down.
#[derive(Debug, Clone, PartialEq)]
pub struct List {
    elements: Vec<Node>,
    elements_yaml: String,
    pub(super) template: Option<Node>,
}

impl List {
    pub(super) fn read(decoder: &mut Decoder, node: &Node, path: &str) -> Self {
        let mut fields = decoder.fields(node, path);
        let mut elements = Vec::new();
        for (path, element) in decoder.items(&mut fields, "elements") {
            if element.as_map().is_none() {
                decoder.expected(element, &path, "a mapping");
            }
            elements.push(element.clone());
        }
        let list = Self {
            elements,
            elements_yaml: decoder.text(&mut fields, "elementsYaml"),
            template: fields.take("template").cloned(),
        };
        decoder.finish(fields);
        list
    }

    pub(super) fn generate(&self, scene: &Scene<'_, '_>) -> Result<Vec<Params>, Failure> {
        let mut out = Vec::new();
        for element in &self.elements {
            out.push(if scene.language.is_go() {
                element.as_map().map(params::from_map).unwrap_or_default()
            } else {
                flat(element)?
            });
        }
        if !self.elements_yaml.is_empty() {
            out.extend(parse(&self.elements_yaml)?);
        }
        Ok(out)
    }
}

/// Without Go templates an element holds texts, and one level of them under `values`.
fn flat(element: &Node) -> Result<Params, Failure> {
    let mut out = Params::new();
    for (key, value) in element.as_map().into_iter().flat_map(|map| map.iter()) {
        if key == "values" {
            let Some(values) = value.as_map() else {
                return Err(refused("`values` of a list element is no mapping"));
            };
            for (key, value) in values.iter() {
                out.insert(format!("values.{key}").into(), text(key, value)?);
            }
        } else {
            out.insert(key.into(), text(key, value)?);
        }
    }
    Ok(out)
}

fn text(key: &str, value: &Node) -> Result<gotmpl::Value, Failure> {
    value.as_str().map(params::text).ok_or_else(|| {
        refused(format!(
            "`{key}` of a list element is {}, and without goTemplate only texts are parameters",
            value.shape()
        ))
    })
}

fn parse(text: &str) -> Result<Vec<Params>, Failure> {
    let documents = yaml_text::read(text.as_bytes())
        .map_err(|error| refused(format!("elementsYaml: {error}")))?;
    let Some(document) = documents.first() else {
        return Ok(Vec::new());
    };
    if document.is_null() {
        return Ok(Vec::new());
    }
    let items = document.as_list().ok_or_else(|| {
        refused(format!(
            "elementsYaml: expected a list, found {}",
            document.shape()
        ))
    })?;
    let element = |item: &Node| {
        if item.is_null() {
            // What Go's decoder makes of null.
            return Ok(Params::new());
        }
        item.as_map().map(params::from_map).ok_or_else(|| {
            refused(format!(
                "elementsYaml: expected a mapping, found {}",
                item.shape()
            ))
        })
    };
    items.iter().map(element).collect()
}

fn refused(message: impl Into<String>) -> Failure {
    Failure::of(Reason::InvalidField, message)
}
