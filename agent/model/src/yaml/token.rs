//! What the scanner makes of a text.

use std::borrow::Cow;

/// A place: byte offset, line from 0, and bytes since the line began. A text is shorter than 4 GiB.
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct Mark {
    offset: u32,
    column: u32,
    pub(super) line: u32,
}

impl Mark {
    pub(super) fn new(offset: usize, column: usize, line: u32) -> Self {
        let number = |value| u32::try_from(value).unwrap_or(u32::MAX);
        Self {
            offset: number(offset),
            column: number(column),
            line,
        }
    }

    pub(super) fn offset(self) -> usize {
        self.offset as usize
    }

    pub(super) fn column(self) -> usize {
        self.column as usize
    }

    /// The same line, at another offset.
    pub(super) fn at_offset(self, offset: usize) -> Self {
        Self::new(offset, self.column(), self.line)
    }

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
    end: u32,
}

impl<'t> Token<'t> {
    pub(super) fn new(kind: TokenKind<'t>, start: Mark, end: usize) -> Self {
        let end = u32::try_from(end).unwrap_or(u32::MAX);
        Self { kind, start, end }
    }

    pub(super) fn scalar(text: Cow<'t, str>, style: ScalarStyle, start: Mark, end: usize) -> Self {
        Self::new(TokenKind::Scalar { text, style }, start, end)
    }

    /// One past the last byte.
    pub(super) fn end(&self) -> usize {
        self.end as usize
    }
}

/// A tag, or the declaration of a handle. Rare, so kept aside to keep tokens small.
#[derive(Debug, PartialEq)]
pub(super) struct TagText<'t> {
    pub(super) handle: &'t str,
    pub(super) suffix: Cow<'t, str>,
}

/// How a scalar was written.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum ScalarStyle {
    Plain,
    /// In quotes, or a block that begins with `|`.
    Quoted,
    /// A block that begins with `>`.
    Folded,
}

/// The tokens of YAML.
#[derive(Debug, PartialEq)]
pub(super) enum TokenKind<'t> {
    StreamEnd,
    VersionDirective,
    TagDirective(Box<TagText<'t>>),
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
    Tag(Box<TagText<'t>>),
    Scalar {
        text: Cow<'t, str>,
        style: ScalarStyle,
    },
}
