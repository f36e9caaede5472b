//! `images`.

use muster_model::{Node, Value};
use regex::Regex;

use crate::failure::{Step, failed};
use crate::field_spec::{Create, FieldSpec};
use crate::id::{Gvk, scalar_text};
use crate::kustomization::Image;
use crate::resmap::ResMap;
use crate::scalars::set_untyped;
use crate::selector::regex;

/// Changes name, tag or digest of an image wherever it is used.
pub(crate) fn transform(map: &mut ResMap, image: &Image, fields: &[FieldSpec]) -> Step<()> {
    // The name is a pattern, as in kustomize.
    let pattern = regex(&format!(
        "^{}(:[a-zA-Z0-9_.{{}}-]*)?(@sha256:[a-zA-Z0-9_.{{}}-]*)?$",
        image.name
    ))?;
    for resource in map.list_mut() {
        let gvk = Gvk::of(&resource.node).into_owned();
        if gvk.kind == "CustomResourceDefinition" {
            continue;
        }
        let update = |node: &mut Node| set(node, image, &pattern);
        let mut all = || {
            containers(&mut resource.node, &update)?;
            for field in fields.iter().filter(|f| f.applies_to(&gvk)) {
                field.visit(&mut resource.node, Create::No, &mut |n| update(n))?;
            }
            Ok(())
        };
        all().map_err(|stop| super::prefix::on(stop, resource.file.as_deref()))?;
    }
    Ok(())
}

/// Any list called `containers` or `initContainers`, wherever it is.
fn containers(node: &mut Node, update: &impl Fn(&mut Node) -> Step<()>) -> Step<()> {
    match &mut node.value {
        Value::Map(map) => {
            for (key, value) in map.iter_mut() {
                let here = matches!(key, "containers" | "initContainers");
                containers(value, update)?;
                if here && let Value::List(items) = &mut value.value {
                    for item in items {
                        image_of(item)?.map_or(Ok(()), update)?;
                    }
                }
            }
            Ok(())
        }
        Value::List(items) => items
            .iter_mut()
            .try_for_each(|item| containers(item, update)),
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) => Ok(()),
    }
}

fn image_of(container: &mut Node) -> Step<Option<&mut Node>> {
    let shape = container.shape();
    match &mut container.value {
        Value::Map(map) => Ok(map.get_mut("image")),
        Value::Null => Ok(None),
        Value::List(_) | Value::Bool(_) | Value::Number(_) | Value::String(_) => {
            Err(failed(format!("a container is a mapping, not {shape}")).into())
        }
    }
}

fn set(node: &mut Node, image: &Image, pattern: &Regex) -> Step<()> {
    if matches!(node.value, Value::Map(_) | Value::List(_)) {
        return Err(failed(format!("an image is a text, not {}", node.shape())).into());
    }
    let text = scalar_text(node).into_owned();
    if node.is_null() || !pattern.is_match(&text) {
        return Ok(());
    }
    let (name, tag, digest) = split(&text);
    let name = if image.new_name.is_empty() {
        name
    } else {
        &image.new_name
    };
    let (tag, digest) = match (image.new_tag.is_empty(), image.digest.is_empty()) {
        (false, false) => (image.new_tag.clone(), &*image.digest),
        (false, true) => (image.new_tag.clone(), ""),
        (true, false) => (String::new(), &*image.digest),
        (true, true) if !image.tag_suffix.is_empty() => (format!("{tag}{}", image.tag_suffix), ""),
        (true, true) => (tag.to_owned(), digest),
    };
    let mut out = name.to_owned();
    for (mark, part) in [(':', &*tag), ('@', digest)] {
        if !part.is_empty() {
            out.push(mark);
            out.push_str(part);
        }
    }
    set_untyped(node, &out);
    Ok(())
}

/// Name, tag and digest; a colon before the first slash belongs to the host.
pub(crate) fn split(image: &str) -> (&str, &str, &str) {
    let host = image.find('/').filter(|i| *i > 0).unwrap_or(0);
    let at = image[host..].find('@').map(|i| i + host);
    let colon = image[host..].find(':').map(|i| i + host);
    match (colon, at) {
        (None, None) => (image, "", ""),
        (Some(colon), Some(at)) if colon < at => {
            (&image[..colon], &image[colon + 1..at], &image[at + 1..])
        }
        (_, Some(at)) => (&image[..at], "", &image[at + 1..]),
        (Some(colon), None) => (&image[..colon], &image[colon + 1..], ""),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn images_are_split_into_name_tag_and_digest() {
        assert_eq!(
            split("host:5000/a/b:1@sha256:c"),
            ("host:5000/a/b", "1", "sha256:c")
        );
        assert_eq!(split("a@sha256:c"), ("a", "", "sha256:c"));
        assert_eq!(split("nginx:1.2"), ("nginx", "1.2", ""));
        assert_eq!(split("host:5000/a"), ("host:5000/a", "", ""));
    }
}
