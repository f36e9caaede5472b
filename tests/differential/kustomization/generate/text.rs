//! YAML as people write it: one value, many spellings.

use rand::Rng as _;
use rand::rngs::StdRng;
use rand::seq::IndexedRandom as _;

/// A value with its scalars as they are written.
#[derive(Debug, Clone)]
pub enum Y {
    /// A scalar in its written form, on one line.
    Raw(String),
    /// A block scalar: the header (`|`, `>-`, …) and its lines.
    Block(&'static str, Vec<String>),
    /// A mapping.
    Map(Vec<(String, Y)>),
    /// A list.
    List(Vec<Y>),
}

impl Y {
    /// A scalar as it is.
    pub fn raw(text: impl Into<String>) -> Self {
        Self::Raw(text.into())
    }

    /// A mapping of pairs.
    pub fn map<'a>(pairs: impl IntoIterator<Item = (&'a str, Self)>) -> Self {
        Self::Map(pairs.into_iter().map(|(k, v)| (k.to_owned(), v)).collect())
    }

    /// Adds a pair to a mapping.
    pub fn push(&mut self, key: &str, value: Self) {
        if let Self::Map(pairs) = self {
            pairs.push((key.to_owned(), value));
        }
    }

    /// The value under a key, made a mapping when it is not there.
    pub fn child(&mut self, key: &str) -> &mut Self {
        let Self::Map(pairs) = self else {
            return self;
        };
        let index = pairs.iter().position(|(k, _)| k == key).unwrap_or_else(|| {
            pairs.push((key.to_owned(), Self::Map(Vec::new())));
            pairs.len() - 1
        });
        &mut pairs[index].1
    }

    /// The value without what kustomize's printer loses inside `{}`: blocks that begin with `>`.
    pub fn tame(mut self) -> Self {
        match &mut self {
            Self::Block(header, _) => *header = if header.contains('-') { "|-" } else { "|" },
            Self::Raw(_) => {}
            Self::Map(pairs) => {
                for (_, value) in pairs {
                    *value = std::mem::replace(value, Self::List(Vec::new())).tame();
                }
            }
            Self::List(items) => {
                for item in items {
                    *item = std::mem::replace(item, Self::List(Vec::new())).tame();
                }
            }
        }
        self
    }

    /// The value as a YAML document.
    pub fn print(&self, rng: &mut StdRng) -> String {
        let mut out = String::new();
        if rng.random_ratio(1, 8) {
            out.push_str("---\n");
        }
        let style = Style {
            step: *[2, 2, 2, 4].choose(rng).unwrap_or(&2),
            dash: rng.random_ratio(1, 2),
            comments: rng.random_ratio(1, 4),
        };
        self.block(&mut out, 0, &style, rng);
        out
    }

    fn block(&self, out: &mut String, indent: usize, style: &Style, rng: &mut StdRng) {
        match self {
            Self::Map(pairs) if !pairs.is_empty() => {
                for (key, value) in pairs {
                    if style.comments && rng.random_ratio(1, 12) {
                        out.push_str(&format!("{:indent$}# about {key}\n", ""));
                    }
                    out.push_str(&format!("{:indent$}{key}:", ""));
                    value.after_key(out, indent, style, rng);
                }
            }
            Self::List(items) if !items.is_empty() => {
                for item in items {
                    out.push_str(&format!("{:indent$}-", ""));
                    item.after_dash(out, indent, style, rng);
                }
            }
            other => {
                out.push_str(&" ".repeat(indent));
                other.flow(out, rng);
                out.push('\n');
            }
        }
    }

    fn after_key(&self, out: &mut String, indent: usize, style: &Style, rng: &mut StdRng) {
        match self {
            Self::Map(pairs) if !pairs.is_empty() && !self.goes_flow(rng) => {
                style.end_line(out, rng);
                self.block(out, indent + style.step, style, rng);
            }
            Self::List(items) if !items.is_empty() && !self.goes_flow(rng) => {
                style.end_line(out, rng);
                let deeper = if style.dash { style.step } else { 0 };
                self.block(out, indent + deeper, style, rng);
            }
            other => other.inline(out, indent, style, rng),
        }
    }

    fn after_dash(&self, out: &mut String, indent: usize, style: &Style, rng: &mut StdRng) {
        match self {
            Self::Map(pairs) if !pairs.is_empty() && !self.goes_flow(rng) => {
                let mut text = String::new();
                self.block(&mut text, indent + 2, style, rng);
                // The first line goes behind the dash, unless a comment comes first.
                if text.trim_start().starts_with('#') {
                    out.push('\n');
                    out.push_str(&text);
                } else {
                    out.push(' ');
                    out.push_str(text.trim_start());
                }
            }
            Self::List(items) if !items.is_empty() => {
                out.push(' ');
                self.flow(out, rng);
                out.push('\n');
            }
            other => other.inline(out, indent, style, rng),
        }
    }

    /// A scalar or a flow collection up to the end of the line.
    fn inline(&self, out: &mut String, indent: usize, style: &Style, rng: &mut StdRng) {
        if let Self::Block(header, lines) = self {
            out.push(' ');
            out.push_str(header);
            out.push('\n');
            let indent = indent + style.step.max(2);
            for line in lines {
                if line.is_empty() {
                    out.push('\n');
                } else {
                    out.push_str(&format!("{:indent$}{line}\n", ""));
                }
            }
            return;
        }
        let mut text = String::new();
        self.flow(&mut text, rng);
        if !text.is_empty() {
            out.push(' ');
            out.push_str(&text);
        }
        style.end_line(out, rng);
    }

    fn goes_flow(&self, rng: &mut StdRng) -> bool {
        self.fits_flow() && rng.random_ratio(1, 10)
    }

    fn fits_flow(&self) -> bool {
        match self {
            Self::Raw(text) => {
                !text.is_empty()
                    && (text.starts_with(['"', '\''])
                        || !text.contains(['{', '}', '[', ']', ',', '#', '?']))
            }
            Self::Block(..) => false,
            Self::Map(pairs) => pairs.iter().all(|(_, v)| v.fits_flow()),
            Self::List(items) => items.iter().all(Self::fits_flow),
        }
    }

    fn flow(&self, out: &mut String, rng: &mut StdRng) {
        let gap = if rng.random_ratio(1, 3) { " " } else { "" };
        match self {
            Self::Raw(text) => out.push_str(text),
            Self::Block(_, lines) => out.push_str(&format!("{:?}", lines.join("\n"))),
            Self::Map(pairs) => {
                out.push('{');
                for (index, (key, value)) in pairs.iter().enumerate() {
                    out.push_str(if index == 0 { gap } else { ", " });
                    out.push_str(&format!("{key}: "));
                    value.flow(out, rng);
                }
                out.push_str(if pairs.is_empty() { "" } else { gap });
                out.push('}');
            }
            Self::List(items) => {
                out.push('[');
                for (index, item) in items.iter().enumerate() {
                    out.push_str(if index == 0 { gap } else { ", " });
                    item.flow(out, rng);
                }
                out.push_str(if items.is_empty() { "" } else { gap });
                out.push(']');
            }
        }
    }
}

/// How one file is written.
struct Style {
    step: usize,
    /// Whether lists lie deeper than their key.
    dash: bool,
    comments: bool,
}

impl Style {
    fn end_line(&self, out: &mut String, rng: &mut StdRng) {
        if self.comments && rng.random_ratio(1, 20) {
            out.push_str(" # why");
        }
        out.push('\n');
    }
}
