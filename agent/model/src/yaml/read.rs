//! Bytes to nodes.

use std::collections::BTreeMap;

use saphyr_parser::{Event, Parser, ScalarStyle};

use super::scalar;
use crate::budgets::Budgets;
use crate::node::{Map, Member, Node, SourceId, Span, Value};

/// Why a text is not the YAML that Kubernetes reads.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum YamlError {
    /// It breaks the syntax, repeats a key, or has a key that is no text.
    #[error("{message}")]
    Syntax {
        /// Line, from 1.
        line: u32,
        /// What is wrong.
        message: String,
    },
    /// It is larger, deeper or has more aliases than allowed.
    #[error("{message}")]
    Budget {
        /// Line, from 1.
        line: u32,
        /// Which limit, and its value.
        message: String,
    },
}

impl YamlError {
    /// The line, from 1.
    #[must_use]
    pub fn line(&self) -> u32 {
        match self {
            Self::Syntax { line, .. } | Self::Budget { line, .. } => *line,
        }
    }
}

/// Reads every document of a text; empty documents are left out. Spans carry `source`.
///
/// # Errors
/// When the text is not UTF-8 YAML, repeats a key, or exceeds a budget.
pub fn read(bytes: &[u8], budgets: &Budgets, source: SourceId) -> Result<Vec<Node>, YamlError> {
    let text = std::str::from_utf8(bytes).map_err(|_| YamlError::Syntax {
        line: 1,
        message: "the file is not UTF-8".to_owned(),
    })?;
    Reader {
        budgets,
        source,
        stack: Vec::new(),
        anchors: BTreeMap::new(),
        nodes: 0,
        documents: Vec::new(),
    }
    .run(text.trim_start_matches('\u{feff}'))
}

struct Reader<'a> {
    budgets: &'a Budgets,
    source: SourceId,
    stack: Vec<Open>,
    anchors: BTreeMap<usize, Node>,
    nodes: usize,
    documents: Vec<Node>,
}

struct Open {
    anchor: usize,
    span: Span,
    items: Items,
}

enum Items {
    List(Vec<Node>),
    Map { map: Map, key: Option<Node> },
}

impl Reader<'_> {
    fn run(mut self, text: &str) -> Result<Vec<Node>, YamlError> {
        for event in Parser::new_from_str(text) {
            let (event, at) = event.map_err(|e| YamlError::Syntax {
                line: u32::try_from(e.marker().line()).unwrap_or(0),
                message: e.info().to_owned(),
            })?;
            let number = |n: usize| u32::try_from(n).unwrap_or(u32::MAX);
            let span = Span {
                source: self.source,
                line: number(at.start.line()),
                start: number(at.start.index()),
                end: number(at.end.index()),
            };
            self.event(event, span)?;
        }
        self.documents.retain(|d| !d.is_null());
        Ok(self.documents)
    }

    fn event(&mut self, event: Event<'_>, span: Span) -> Result<(), YamlError> {
        match event {
            Event::Scalar(text, style, anchor, tag) => {
                let quoted = style != ScalarStyle::Plain || tag.is_some_and(|t| t.suffix == "str");
                let value = if quoted {
                    scalar::string(&text)
                } else {
                    scalar::plain(&text)
                };
                self.close(Node { value, span }, anchor)
            }
            Event::SequenceStart(anchor, _) => self.open(Open {
                anchor,
                span,
                items: Items::List(Vec::new()),
            }),
            Event::MappingStart(anchor, _) => self.open(Open {
                anchor,
                span,
                items: Items::Map {
                    map: Map::new(),
                    key: None,
                },
            }),
            Event::SequenceEnd | Event::MappingEnd => {
                let Some(open) = self.stack.pop() else {
                    return Ok(());
                };
                let value = match open.items {
                    Items::List(items) => Value::List(items),
                    Items::Map { map, .. } => Value::Map(map),
                };
                self.close(
                    Node {
                        value,
                        span: Span {
                            end: span.end,
                            ..open.span
                        },
                    },
                    open.anchor,
                )
            }
            Event::Alias(anchor) => {
                let node = self
                    .anchors
                    .get(&anchor)
                    .cloned()
                    .ok_or_else(|| YamlError::Syntax {
                        line: span.line,
                        message: "alias of an anchor that is not there".to_owned(),
                    })?;
                self.nodes += size(&node);
                self.close(node, 0)
            }
            Event::Nothing
            | Event::StreamStart
            | Event::StreamEnd
            | Event::DocumentStart(_)
            | Event::DocumentEnd => Ok(()),
        }
    }

    fn open(&mut self, open: Open) -> Result<(), YamlError> {
        if self.stack.len() >= self.budgets.depth {
            return Err(YamlError::Budget {
                line: open.span.line,
                message: format!("nested deeper than {}", self.budgets.depth),
            });
        }
        self.stack.push(open);
        Ok(())
    }

    fn close(&mut self, node: Node, anchor: usize) -> Result<(), YamlError> {
        self.nodes += 1;
        if self.nodes > self.budgets.nodes {
            return Err(YamlError::Budget {
                line: node.span.line,
                message: format!("more than {} nodes", self.budgets.nodes),
            });
        }
        if anchor != 0 {
            self.anchors.insert(anchor, node.clone());
        }
        let Some(open) = self.stack.last_mut() else {
            self.documents.push(node);
            return Ok(());
        };
        match &mut open.items {
            Items::List(items) => items.push(node),
            Items::Map { map, key } => match key.take() {
                None => *key = Some(node),
                Some(name) => {
                    let line = name.span.line;
                    let text = name.raw_scalar().ok_or_else(|| YamlError::Syntax {
                        line,
                        message: "a key is a list or a mapping".to_owned(),
                    })?;
                    if map.contains_key(&text) {
                        return Err(YamlError::Syntax {
                            line,
                            message: format!("key {text:?} is there twice"),
                        });
                    }
                    map.push_unchecked(Member {
                        key: text.into(),
                        key_span: name.span,
                        value: node,
                    });
                }
            },
        }
        Ok(())
    }
}

fn size(node: &Node) -> usize {
    1 + match &node.value {
        Value::List(items) => items.iter().map(size).sum(),
        Value::Map(map) => map.values().map(size).sum(),
        _ => 0,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::json;

    fn read_one(text: &str) -> String {
        json::to_string(&read(text.as_bytes(), &Budgets::default(), 0).expect("YAML")[0])
    }

    #[test]
    fn scalars_are_typed_as_go_yaml_types_them() {
        assert_eq!(
            read_one("[yes, 0644, 0o644, -010, 0x1F, 0b11, 1_000, 1e3, 1.10, ~, \"1\"]"),
            r#"["yes",420,420,-8,31,3,1000,1000,1.1,null,"1"]"#
        );
    }

    #[test]
    fn duplicate_keys_are_refused_with_their_line() {
        let error = read(b"a: 1\nb: 2\na: 3\n", &Budgets::default(), 0).expect_err("duplicate");
        assert_eq!(
            (error.line(), error.to_string().as_str()),
            (3, "key \"a\" is there twice")
        );
    }
}
