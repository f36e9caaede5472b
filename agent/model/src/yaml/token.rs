//! What the scanner makes of a text.

use std::borrow::Cow;

/// A place: byte offset, line from 0, and bytes since the line began.
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct Mark {
    pub(super) offset: usize,
    pub(super) line: u32,
    pub(super) column: usize,
}

impl Mark {
    /// The line, from 1.
    pub(super) fn line_number(self) -> u32 {
        self.line.saturating_add(1)
    }
}

/// A token with its place.
#[derive(Debug)]
pub(super) struct Token<'t> {
    pub(super) kind: TokenKind<'t>,
    pub(super) start: Mark,
    pub(super) end: usize,
}

/// How a scalar was written.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum ScalarStyle {
    Plain,
    Quoted,
}

/// The tokens of YAML.
#[derive(Debug, PartialEq)]
pub(super) enum TokenKind<'t> {
    StreamEnd,
    VersionDirective,
    TagDirective {
        handle: &'t str,
        prefix: Cow<'t, str>,
    },
    DocumentStart,
    DocumentEnd,
    BlockSequenceStart,
    BlockMappingStart,
    BlockEnd,
    FlowSequenceStart,
    FlowSequenceEnd,
    FlowMappingStart,
    FlowMappingEnd,
    BlockEntry,
    FlowEntry,
    Key,
    Value,
    Alias(&'t str),
    Anchor(&'t str),
    Tag {
        handle: &'t str,
        suffix: Cow<'t, str>,
    },
    Scalar {
        text: Cow<'t, str>,
        style: ScalarStyle,
    },
}
