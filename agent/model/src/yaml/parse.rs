//! Tokens to nodes: the grammar of YAML, with a stack of its own so that nesting costs no call stack.

use std::borrow::Cow;
use std::collections::BTreeMap;

use super::build::{Builder, Properties, Tag};
use super::error::YamlError;
use super::scan::Scanner;
use super::token::{Mark, ScalarStyle, Token, TokenKind};

/// What is expected next.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum State {
    BlockEntry,
    IndentlessEntry,
    BlockKey,
    BlockValue,
    FlowEntry { first: bool },
    FlowPairKey,
    FlowPairValue,
    FlowPairEnd,
    FlowKey { first: bool },
    FlowValue,
    FlowNoValue,
}

/// Which forms a node may have at its place.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Place {
    Flow,
    Block,
    /// In a block mapping, where a list may stand at the column of its key.
    BlockValue,
}

/// Reads all documents of a text.
pub(super) struct Parser<'t, 'b> {
    scan: Scanner<'t>,
    build: Builder<'t, 'b>,
    states: Vec<State>,
    /// Handles declared by `%TAG`.
    handles: BTreeMap<&'t str, Cow<'t, str>>,
}

impl<'t, 'b> Parser<'t, 'b> {
    pub(super) fn new(text: &'t str, build: Builder<'t, 'b>) -> Self {
        Self {
            scan: Scanner::new(text),
            build,
            states: Vec::with_capacity(32),
            handles: BTreeMap::new(),
        }
    }

    /// Reads everything and gives the builder back.
    pub(super) fn run(mut self) -> Result<Builder<'t, 'b>, YamlError> {
        let mut is_first = true;
        while self.start_document(is_first)? {
            is_first = false;
            while let Some(state) = self.states.pop() {
                self.step(state)?;
            }
            self.end_document()?;
        }
        Ok(self.build)
    }

    /// Passes the marks before a document and begins its root; false at the end of the text.
    fn start_document(&mut self, is_first: bool) -> Result<bool, YamlError> {
        while !is_first && self.scan.peek()?.kind == TokenKind::DocumentEnd {
            self.scan.take()?;
        }
        let directives = self.directives()?;
        let token = self.scan.peek()?;
        let mark = token.start;
        match token.kind {
            TokenKind::StreamEnd if !directives => return Ok(false),
            TokenKind::DocumentStart => {
                self.scan.take()?;
                self.build.start_document(mark)?;
                if self.is_document_over()? {
                    self.empty_scalar(mark)?;
                } else {
                    self.node(Place::Block)?;
                }
            }
            _ if is_first && !directives => {
                self.build.start_document(mark)?;
                self.node(Place::Block)?;
            }
            _ => {
                return Err(YamlError::syntax(
                    mark.line_number(),
                    "a new document begins here; put `---` on the line before it",
                ));
            }
        }
        Ok(true)
    }

    fn is_document_over(&mut self) -> Result<bool, YamlError> {
        Ok(matches!(
            self.scan.peek()?.kind,
            TokenKind::VersionDirective
                | TokenKind::TagDirective(_)
                | TokenKind::DocumentStart
                | TokenKind::DocumentEnd
                | TokenKind::StreamEnd
        ))
    }

    fn end_document(&mut self) -> Result<(), YamlError> {
        if self.scan.peek()?.kind == TokenKind::DocumentEnd {
            self.scan.take()?;
        }
        self.handles.clear();
        self.build.end_document();
        Ok(())
    }

    /// Reads the directives of the next document; true when there are any.
    fn directives(&mut self) -> Result<bool, YamlError> {
        let mut seen_version = false;
        let mut seen = false;
        loop {
            let is_directive = matches!(
                self.scan.peek()?.kind,
                TokenKind::VersionDirective | TokenKind::TagDirective(_)
            );
            if !is_directive {
                return Ok(seen);
            }
            seen = true;
            let token = self.scan.take()?;
            let again = match token.kind {
                TokenKind::TagDirective(tag) => {
                    self.handles.insert(tag.handle, tag.suffix).is_some()
                }
                _ => std::mem::replace(&mut seen_version, true),
            };
            if again {
                return Err(YamlError::syntax(
                    token.start.line_number(),
                    "this directive is there twice; remove one",
                ));
            }
        }
    }

    fn step(&mut self, state: State) -> Result<(), YamlError> {
        match state {
            State::BlockEntry => self.block_entry(),
            State::IndentlessEntry => self.indentless_entry(),
            State::BlockKey => self.block_key(),
            State::BlockValue => self.block_value(),
            State::FlowEntry { first } => self.flow_entry(first),
            State::FlowPairKey => self.flow_pair_key(),
            State::FlowPairValue => self.flow_pair_value(),
            State::FlowPairEnd => {
                let end = self.scan.peek()?.start.offset();
                self.build.close(Some(end))
            }
            State::FlowKey { first } => self.flow_key(first),
            State::FlowValue => self.flow_value(),
            State::FlowNoValue => {
                let mark = self.scan.peek()?.start;
                self.states.push(State::FlowKey { first: false });
                self.empty_scalar(mark)
            }
        }
    }

    // Block collections.

    fn block_entry(&mut self) -> Result<(), YamlError> {
        let token = self.scan.take()?;
        match token.kind {
            TokenKind::BlockEntry => {
                self.states.push(State::BlockEntry);
                let next = &self.scan.peek()?.kind;
                if matches!(next, TokenKind::BlockEntry | TokenKind::BlockEnd) {
                    self.empty_scalar_after(&token)
                } else {
                    self.node(Place::Block)
                }
            }
            TokenKind::BlockEnd => self.build.close(None),
            _ => Err(YamlError::syntax(
                token.start.line_number(),
                "this line is indented like the items of the list above but does not begin with `-`; add `-` or correct the indentation",
            )),
        }
    }

    fn indentless_entry(&mut self) -> Result<(), YamlError> {
        if self.scan.peek()?.kind != TokenKind::BlockEntry {
            return self.build.close(None);
        }
        let token = self.scan.take()?;
        self.states.push(State::IndentlessEntry);
        let next = &self.scan.peek()?.kind;
        let is_empty = matches!(
            next,
            TokenKind::BlockEntry | TokenKind::Key | TokenKind::Value | TokenKind::BlockEnd
        );
        if is_empty {
            self.empty_scalar_after(&token)
        } else {
            self.node(Place::Block)
        }
    }

    fn block_key(&mut self) -> Result<(), YamlError> {
        let token = self.scan.take()?;
        match token.kind {
            TokenKind::Key => {
                self.states.push(State::BlockValue);
                self.block_part(&token)
            }
            TokenKind::BlockEnd => self.build.close(None),
            _ => Err(YamlError::syntax(
                token.start.line_number(),
                "a key was expected here; write `key: value`, or correct the indentation",
            )),
        }
    }

    fn block_value(&mut self) -> Result<(), YamlError> {
        self.states.push(State::BlockKey);
        let token = self.scan.peek()?;
        if token.kind != TokenKind::Value {
            let mark = token.start;
            return self.empty_scalar(mark);
        }
        let token = self.scan.take()?;
        self.block_part(&token)
    }

    /// A key or a value after `?` or `:`.
    fn block_part(&mut self, indicator: &Token<'t>) -> Result<(), YamlError> {
        let next = &self.scan.peek()?.kind;
        if matches!(
            next,
            TokenKind::Key | TokenKind::Value | TokenKind::BlockEnd
        ) {
            self.empty_scalar_after(indicator)
        } else {
            self.node(Place::BlockValue)
        }
    }

    // Flow collections.

    fn flow_entry(&mut self, first: bool) -> Result<(), YamlError> {
        if !first && self.scan.peek()?.kind != TokenKind::FlowSequenceEnd {
            self.comma(TokenKind::FlowSequenceEnd, "`,` or `]`")?;
        }
        match self.scan.peek()?.kind {
            TokenKind::FlowSequenceEnd => {
                let end = self.scan.take()?.end();
                self.build.close(Some(end))
            }
            TokenKind::Key => {
                let start = self.scan.take()?.start;
                let properties = Properties {
                    is_flow: true,
                    ..Properties::default()
                };
                self.build.open_map(start, properties)?;
                self.states.push(State::FlowEntry { first: false });
                self.states.push(State::FlowPairKey);
                Ok(())
            }
            _ => {
                self.states.push(State::FlowEntry { first: false });
                self.node(Place::Flow)
            }
        }
    }

    fn comma(&mut self, end: TokenKind<'static>, expected: &str) -> Result<(), YamlError> {
        let token = self.scan.peek()?;
        if token.kind == TokenKind::FlowEntry {
            self.scan.take()?;
            return Ok(());
        }
        let closing = if end == TokenKind::FlowMappingEnd {
            "{"
        } else {
            "["
        };
        Err(YamlError::syntax(
            token.start.line_number(),
            format!("{expected} was expected after a value inside `{closing}`"),
        ))
    }

    fn flow_pair_key(&mut self) -> Result<(), YamlError> {
        self.states.push(State::FlowPairValue);
        let token = self.scan.peek()?;
        if matches!(
            token.kind,
            TokenKind::Value | TokenKind::FlowEntry | TokenKind::FlowSequenceEnd
        ) {
            let token = self.scan.take()?;
            return self.empty_scalar_after(&token);
        }
        self.node(Place::Flow)
    }

    fn flow_pair_value(&mut self) -> Result<(), YamlError> {
        self.states.push(State::FlowPairEnd);
        self.flow_part(TokenKind::FlowSequenceEnd)
    }

    fn flow_key(&mut self, first: bool) -> Result<(), YamlError> {
        if !first && self.scan.peek()?.kind != TokenKind::FlowMappingEnd {
            self.comma(TokenKind::FlowMappingEnd, "`,` or `}`")?;
        }
        match self.scan.peek()?.kind {
            TokenKind::FlowMappingEnd => {
                let end = self.scan.take()?.end();
                self.build.close(Some(end))
            }
            TokenKind::Key => {
                self.scan.take()?;
                self.states.push(State::FlowValue);
                let token = self.scan.peek()?;
                let mark = token.start;
                if matches!(
                    token.kind,
                    TokenKind::Value | TokenKind::FlowEntry | TokenKind::FlowMappingEnd
                ) {
                    self.empty_scalar(mark)
                } else {
                    self.node(Place::Flow)
                }
            }
            _ => {
                self.states.push(State::FlowNoValue);
                self.node(Place::Flow)
            }
        }
    }

    fn flow_value(&mut self) -> Result<(), YamlError> {
        self.states.push(State::FlowKey { first: false });
        self.flow_part(TokenKind::FlowMappingEnd)
    }

    /// A value after `:` inside `[]` or `{}`, or nothing.
    fn flow_part(&mut self, end: TokenKind<'static>) -> Result<(), YamlError> {
        if self.scan.peek()?.kind == TokenKind::Value {
            self.scan.take()?;
            let next = &self.scan.peek()?.kind;
            if *next != TokenKind::FlowEntry && *next != end {
                return self.node(Place::Flow);
            }
        }
        let mark = self.scan.peek()?.start;
        self.empty_scalar(mark)
    }

    // Nodes.

    fn node(&mut self, place: Place) -> Result<(), YamlError> {
        let start = self.scan.peek()?.start;
        if let TokenKind::Alias(name) = self.scan.peek()?.kind {
            let token = self.scan.take()?;
            return self.build.alias(name, token.start, token.end());
        }
        let properties = self.properties()?;
        let token = self.scan.peek()?;
        match token.kind {
            TokenKind::Scalar { .. } => self.scalar(properties),
            TokenKind::FlowSequenceStart => self.list(State::FlowEntry { first: true }, properties),
            TokenKind::FlowMappingStart => self.map(State::FlowKey { first: true }, properties),
            TokenKind::BlockSequenceStart if place != Place::Flow => {
                self.list(State::BlockEntry, properties)
            }
            TokenKind::BlockMappingStart if place != Place::Flow => {
                self.map(State::BlockKey, properties)
            }
            TokenKind::BlockEntry if place == Place::BlockValue => {
                let mark = token.start;
                self.states.push(State::IndentlessEntry);
                self.build.open_list(mark, properties)
            }
            _ if !properties.is_empty() => self.build.scalar(
                "".into(),
                ScalarStyle::Plain,
                properties,
                start,
                start.offset(),
            ),
            _ => Err(YamlError::syntax(
                token.start.line_number(),
                "a value was expected here; write one, or quote the text",
            )),
        }
    }

    /// Begins the list whose token is next.
    fn list(&mut self, first: State, mut properties: Properties<'t>) -> Result<(), YamlError> {
        properties.is_flow = first != State::BlockEntry;
        self.states.push(first);
        let mark = self.scan.take()?.start;
        self.build.open_list(mark, properties)
    }

    /// Begins the mapping whose token is next.
    fn map(&mut self, first: State, mut properties: Properties<'t>) -> Result<(), YamlError> {
        properties.is_flow = first != State::BlockKey;
        self.states.push(first);
        let mark = self.scan.take()?.start;
        self.build.open_map(mark, properties)
    }

    fn scalar(&mut self, properties: Properties<'t>) -> Result<(), YamlError> {
        let token = self.scan.take()?;
        let end = token.end();
        match token.kind {
            TokenKind::Scalar { text, style } => {
                self.build.scalar(text, style, properties, token.start, end)
            }
            _ => Ok(()),
        }
    }

    /// An anchor, a tag, or both in either order.
    fn properties(&mut self) -> Result<Properties<'t>, YamlError> {
        let mut found = Properties::default();
        loop {
            let token = self.scan.peek()?;
            let is_property = match token.kind {
                TokenKind::Anchor(_) => found.anchor.is_none(),
                TokenKind::Tag(_) => found.tag.is_none(),
                _ => false,
            };
            if !is_property {
                return Ok(found);
            }
            let token = self.scan.take()?;
            match token.kind {
                TokenKind::Anchor(name) => found.anchor = Some(name),
                TokenKind::Tag(tag) => {
                    found.tag = Some(self.tag(tag.handle, &tag.suffix, token.start)?);
                }
                _ => {}
            }
        }
    }

    fn tag(&self, handle: &str, suffix: &str, at: Mark) -> Result<Tag, YamlError> {
        let prefix = match (handle, self.handles.get(handle)) {
            ("", _) => "",
            (_, Some(prefix)) => prefix,
            ("!", None) => "!",
            ("!!", None) => Tag::STANDARD,
            (_, None) => {
                return Err(YamlError::syntax(
                    at.line_number(),
                    format!("the tag handle {handle} is not declared; remove the tag"),
                ));
            }
        };
        Ok(Tag::new(prefix, suffix))
    }

    fn empty_scalar(&mut self, at: Mark) -> Result<(), YamlError> {
        self.build.scalar(
            "".into(),
            ScalarStyle::Plain,
            Properties::default(),
            at,
            at.offset(),
        )
    }

    /// Nothing, right behind an indicator.
    fn empty_scalar_after(&mut self, indicator: &Token<'t>) -> Result<(), YamlError> {
        let at = indicator.start.at_offset(indicator.end());
        self.empty_scalar(at)
    }
}
