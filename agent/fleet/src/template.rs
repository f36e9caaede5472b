//! Templates: Go's, and the older one that only replaces `{{name}}`.
//!
//! ```text
//!   text ──parse once──▶ Plain │ Fast │ Go ──params──▶ text
//!   node ──every text and key──▶ node
//! ```

mod blocks;
mod fast;
mod functions;
mod go;

use std::collections::BTreeMap;

use gotmpl::{MissingKey, Value};
use muster_model::node::{Member, Value as NodeValue};
use muster_model::{Map, Node};

use crate::params::Params;

/// Why a template cannot be executed.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum TemplateError {
    /// The template's syntax is broken.
    #[error("cannot parse template `{template}`: {why}")]
    Syntax {
        /// The template, shortened.
        template: String,
        /// What is wrong.
        why: String,
    },
    /// It asks for a function whose answer is not a function of the commit.
    #[error(
        "template `{template}` calls `{function}`, which reads {what}: a plan is a function of the commit"
    )]
    Impure {
        /// The template, shortened.
        template: String,
        /// The function.
        function: String,
        /// What it would read.
        what: &'static str,
    },
    /// It failed while it ran.
    #[error("cannot execute template `{template}`: {why}")]
    Execution {
        /// The template, shortened.
        template: String,
        /// What is wrong.
        why: String,
        /// True when a key of the parameters is missing.
        missing_key: bool,
    },
}

impl TemplateError {
    /// True when the only thing wrong is that a parameter is missing.
    #[must_use]
    pub fn is_missing_key(&self) -> bool {
        match self {
            Self::Execution { missing_key, .. } => *missing_key,
            Self::Syntax { .. } | Self::Impure { .. } => false,
        }
    }
}

/// Which template language an ApplicationSet is written in.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Language {
    /// `{{name}}` is replaced by the text parameter of that name; anything else stays as it is.
    Fast,
    /// Go's text/template with sprig's functions (`goTemplate: true`).
    Go(MissingKey),
}

impl Language {
    /// The language that `goTemplate` and `goTemplateOptions` choose.
    ///
    /// # Errors
    /// When an option is not one of Go's.
    pub fn of(go_template: bool, options: &[String]) -> Result<Self, String> {
        let mut missing = MissingKey::default();
        for option in options {
            missing = match option.as_str() {
                "missingkey=default" | "missingkey=invalid" => MissingKey::Invalid,
                "missingkey=zero" => MissingKey::ZeroValue,
                "missingkey=error" => MissingKey::Error,
                other => return Err(format!("unknown option `{other}`")),
            };
        }
        Ok(if go_template {
            Self::Go(missing)
        } else {
            Self::Fast
        })
    }

    /// The same language, failing on a missing key.
    #[must_use]
    pub fn strict(self) -> Self {
        match self {
            Self::Fast => Self::Fast,
            Self::Go(_) => Self::Go(MissingKey::Error),
        }
    }

    /// True for Go's language.
    #[must_use]
    pub fn is_go(self) -> bool {
        match self {
            Self::Fast => false,
            Self::Go(_) => true,
        }
    }
}

/// Executes templates, each parsed only once.
#[derive(Default)]
pub struct Renderer {
    fast: BTreeMap<String, fast::Template>,
    go: BTreeMap<String, go::Template>,
    strict: BTreeMap<String, go::Template>,
    zero: BTreeMap<String, go::Template>,
}

impl std::fmt::Debug for Renderer {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Renderer").finish_non_exhaustive()
    }
}

impl Renderer {
    /// A renderer that has parsed nothing yet.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// Executes one template.
    ///
    /// # Errors
    /// When it cannot be parsed or executed.
    pub fn text(
        &mut self,
        language: Language,
        template: &str,
        params: &Value,
    ) -> Result<String, TemplateError> {
        if !template.contains("{{") {
            return Ok(template.to_owned());
        }
        let missing = match language {
            Language::Fast => return self.fast(template, params),
            Language::Go(missing) => missing,
        };
        let cache = match missing {
            MissingKey::Error => &mut self.strict,
            MissingKey::Invalid => &mut self.go,
            MissingKey::ZeroValue => &mut self.zero,
        };
        if let Some(parsed) = cache.get(template) {
            return parsed.execute(template, params);
        }
        let parsed = go::Template::parse(template, missing)?;
        let result = parsed.execute(template, params);
        cache.insert(template.to_owned(), parsed);
        result
    }

    /// Executes every text and every key of a node. Without parameters the node stays as it is, as in Argo CD.
    ///
    /// # Errors
    /// When a template in it cannot be parsed or executed.
    pub fn node(
        &mut self,
        language: Language,
        node: &Node,
        params: &Params,
    ) -> Result<Node, TemplateError> {
        if params.is_empty() {
            return Ok(node.clone());
        }
        self.deep(language, node, &crate::params::map(params.clone()))
    }

    /// Executes every text and every key of a node with parameters already wrapped.
    ///
    /// # Errors
    /// When a template in it cannot be parsed or executed.
    pub fn deep(
        &mut self,
        language: Language,
        node: &Node,
        params: &Value,
    ) -> Result<Node, TemplateError> {
        let value = match &node.value {
            NodeValue::String(text) => {
                if !text.text.contains("{{") {
                    return Ok(node.clone());
                }
                return Ok(Node::string(self.text(language, &text.text, params)?).at(node.span));
            }
            NodeValue::List(items) => NodeValue::List(
                items
                    .iter()
                    .map(|item| self.deep(language, item, params))
                    .collect::<Result<_, _>>()?,
            ),
            NodeValue::Map(map) => NodeValue::Map(self.members(language, map, params)?),
            NodeValue::Null | NodeValue::Bool(_) | NodeValue::Number(_) => node.value.clone(),
        };
        Ok(Node {
            value,
            span: node.span,
        })
    }

    fn members(
        &mut self,
        language: Language,
        map: &Map,
        params: &Value,
    ) -> Result<Map, TemplateError> {
        let mut out = Map::new();
        for member in map.members() {
            let key = self.text(language, &member.key, params)?;
            let value = self.deep(language, &member.value, params)?;
            if out.contains_key(&key) {
                out.insert(key, value);
            } else {
                out.push_unchecked(Member {
                    key: key.into(),
                    key_span: member.key_span,
                    value,
                });
            }
        }
        Ok(out)
    }

    fn fast(&mut self, template: &str, params: &Value) -> Result<String, TemplateError> {
        if let Some(parsed) = self.fast.get(template) {
            return Ok(parsed.execute(params));
        }
        let parsed = fast::Template::parse(template)?;
        let text = parsed.execute(params);
        self.fast.insert(template.to_owned(), parsed);
        Ok(text)
    }
}

/// True when a text, or a key, of the node holds `{{`.
#[must_use]
pub fn is_templated(node: &Node) -> bool {
    match &node.value {
        NodeValue::String(text) => text.text.contains("{{"),
        NodeValue::List(items) => items.iter().any(is_templated),
        NodeValue::Map(map) => map
            .iter()
            .any(|(key, value)| key.contains("{{") || is_templated(value)),
        NodeValue::Null | NodeValue::Bool(_) | NodeValue::Number(_) => false,
    }
}

/// Parses every template of a node without executing it.
///
/// # Errors
/// The first template that cannot be parsed.
pub fn check(language: Language, node: &Node) -> Result<(), TemplateError> {
    let check_text = |text: &str| match language {
        _ if !text.contains("{{") => Ok(()),
        Language::Fast => fast::Template::parse(text).map(drop),
        Language::Go(missing) => go::Template::parse(text, missing).map(drop),
    };
    match &node.value {
        NodeValue::String(text) => check_text(&text.text),
        NodeValue::List(items) => items.iter().try_for_each(|item| check(language, item)),
        NodeValue::Map(map) => map.iter().try_for_each(|(key, value)| {
            check_text(key)?;
            check(language, value)
        }),
        NodeValue::Null | NodeValue::Bool(_) | NodeValue::Number(_) => Ok(()),
    }
}

/// The last element of a path, as Go's `path.Base` gives it.
pub(crate) use functions::base_name;
/// A name as a DNS subdomain, as Argo CD's `normalize` makes it.
pub(crate) use functions::normalise;

/// The start of a template, for messages.
fn shortened(template: &str) -> String {
    /// Long enough for a path with three placeholders.
    const SHOWN: usize = 120;
    if template.chars().count() <= SHOWN {
        return template.to_owned();
    }
    let start: String = template.chars().take(SHOWN).collect();
    format!("{start}…")
}
