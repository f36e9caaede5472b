//! `images`.

use muster_model::{Node, Value};
use regex::Regex;

use crate::failure::{Step, failed};
use crate::field_spec::{Create, FieldSpec};
use crate::id::{Gvk, scalar_text};
use crate::kustomization::Image;
use crate::pattern::{self, regex};
use crate::resmap::ResMap;
use crate::scalars::set_untyped;

/// Changes name, tag or digest of an image wherever it is used.
pub(crate) fn transform(map: &mut ResMap, image: &Image, fields: &[FieldSpec]) -> Step<()> {
    let named = Named::of(&image.name)?;
    for resource in map.list_mut() {
        let gvk = Gvk::of(&resource.node).into_owned();
        if gvk.kind == "CustomResourceDefinition" {
            continue;
        }
        let update = |node: &mut Node| set(node, image, &named);
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

/// Images of one name, whatever their tag and digest. The name is a pattern, as in kustomize.
enum Named<'n> {
    Plain(&'n str),
    Regex(Regex),
}

impl<'n> Named<'n> {
    fn of(name: &'n str) -> Step<Self> {
        if pattern::is_plain(name) {
            return Ok(Self::Plain(name));
        }
        let version = "[a-zA-Z0-9_.{}-]*";
        let found = regex(&format!("^{name}(:{version})?(@sha256:{version})?$"))?;
        Ok(Self::Regex(found))
    }

    fn is_match(&self, image: &str) -> bool {
        match self {
            Self::Plain(name) => pattern::after(name, image).is_some_and(is_version),
            Self::Regex(regex) => regex.is_match(image),
        }
    }
}

/// True for `:tag@sha256:digest`, either of which may lack.
fn is_version(text: &str) -> bool {
    let part = |text: &str| {
        text.chars()
            .all(|c| c.is_ascii_alphanumeric() || matches!(c, '_' | '.' | '{' | '}' | '-'))
    };
    let (tag, digest) = match text.split_once('@') {
        Some((tag, digest)) => (tag, Some(digest)),
        None => (text, None),
    };
    let digest = digest.is_none_or(|digest| digest.strip_prefix("sha256:").is_some_and(part));
    digest && (tag.is_empty() || tag.strip_prefix(':').is_some_and(part))
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

fn set(node: &mut Node, image: &Image, named: &Named<'_>) -> Step<()> {
    if matches!(node.value, Value::Map(_) | Value::List(_)) {
        return Err(failed(format!("an image is a text, not {}", node.shape())).into());
    }
    let text = scalar_text(node).into_owned();
    if node.is_null() || !named.is_match(&text) {
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
    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn plain_names_are_found_as_by_the_regular_expression(
            name in "[ab.:@/-]{0,3}",
            image in "[ab./-]{0,3}(:[ab:@{]{0,2})?(@(sha256:)?[ab.@]{0,2})?",
        ) {
            let version = "[a-zA-Z0-9_.{}-]*";
            let pattern = format!("^{name}(:{version})?(@sha256:{version})?$");
            let regex = regex(&pattern).expect("an expression");
            let named = Named::of(&name).expect("a name");
            prop_assert_eq!(named.is_match(&image), regex.is_match(&image), "{} {}", name, image);
        }
    }

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
