//! `{{name}}` and nothing else: what Argo CD does without `goTemplate`.

use gotmpl::Value;

use super::{TemplateError, shortened};

/// A parsed template.
pub(super) struct Template(Vec<Piece>);

enum Piece {
    Text(String),
    /// What stands between the braces, blanks included.
    Tag(String),
}

impl Template {
    /// Splits a text at its tags. A text without `{{…}}` on one line is left alone, whatever else it holds.
    pub(super) fn parse(template: &str) -> Result<Self, TemplateError> {
        if !template.lines().any(has_tag) {
            return Ok(Self(vec![Piece::Text(template.to_owned())]));
        }
        let mut pieces = Vec::new();
        let mut rest = template;
        while let Some((text, after)) = rest.split_once("{{") {
            let Some((tag, after)) = after.split_once("}}") else {
                return Err(TemplateError::Syntax {
                    template: shortened(template),
                    why: "`{{` without `}}`".to_owned(),
                });
            };
            pieces.push(Piece::Text(text.to_owned()));
            pieces.push(Piece::Tag(tag.to_owned()));
            rest = after;
        }
        pieces.push(Piece::Text(rest.to_owned()));
        Ok(Self(pieces))
    }

    /// Replaces each tag that names a text parameter; the others stay as they are.
    pub(super) fn execute(&self, params: &Value) -> String {
        let mut out = String::new();
        for piece in &self.0 {
            match piece {
                Piece::Text(text) => out.push_str(text),
                Piece::Tag(tag) => match lookup(params, tag.trim()) {
                    Some(value) => out.push_str(value),
                    None => {
                        out.push_str("{{");
                        out.push_str(tag);
                        out.push_str("}}");
                    }
                },
            }
        }
        out
    }
}

fn has_tag(line: &str) -> bool {
    line.split_once("{{")
        .is_some_and(|(_, after)| after.contains("}}"))
}

fn lookup<'p>(params: &'p Value, name: &str) -> Option<&'p str> {
    match params {
        Value::Map(params) if !name.is_empty() => params.get(name)?.as_str(),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::params;

    fn render(template: &str) -> String {
        let params = [("one", "two"), ("a.b", "c")]
            .into_iter()
            .map(|(key, value)| (key.into(), params::text(value)))
            .collect();
        Template::parse(template)
            .expect("valid")
            .execute(&params::map(params))
    }

    #[test]
    fn known_names_are_replaced_and_everything_else_stays() {
        assert_eq!(render("{{one}}-{{ a.b }}"), "two-c");
        for untouched in ["}} {{", "{{ }}", "{{ .one }}", "{{ index .x \"y\" }}", "a {{\nb }}"] {
            assert_eq!(render(untouched), untouched);
        }
    }

    #[test]
    fn an_open_tag_beside_a_closed_one_is_an_error() {
        assert!(Template::parse("{{one}} {{two").is_err());
    }
}
