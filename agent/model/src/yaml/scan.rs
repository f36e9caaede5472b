//! Text to tokens: indentation, implicit keys, indicators.
//!
//! The rules are those of libyaml as Go's fork has them, since what a text means to Kubernetes is what that fork makes
//! of it. A key is known to be one only when its `:` is reached, so tokens wait in a queue until that is decided.

mod block;
mod cursor;
mod plain;
mod quoted;
mod tag;

use std::collections::VecDeque;

use super::error::YamlError;
use super::token::{Mark, Token, TokenKind};
use cursor::Cursor;

/// Characters between the start of a key without `?` and its `:`. YAML 1.2, section 7.4.3.
const LONGEST_IMPLICIT_KEY: usize = 1024;

/// Makes tokens of a text, one at a time.
pub(super) struct Scanner<'t> {
    at: Cursor<'t>,
    tokens: VecDeque<Token<'t>>,
    /// Tokens handed out so far.
    taken: usize,
    /// True when nothing can come before the first token of the queue any more.
    is_ready: bool,
    /// Column of the block collection being read; -1 outside of any.
    indent: isize,
    indents: Vec<isize>,
    /// A key that may have begun, for each level of flow collections.
    keys: Vec<PossibleKey>,
    /// Levels in `keys` whose key is still possible, lowest first.
    possible: VecDeque<usize>,
    key_allowed: bool,
    /// True when a comment here would be on the line of the last token.
    comment_trails: bool,
    ended: bool,
}

#[derive(Clone, Copy, Default)]
struct PossibleKey {
    is_possible: bool,
    is_required: bool,
    number: usize,
    mark: Mark,
}

impl<'t> Scanner<'t> {
    pub(super) fn new(text: &'t str) -> Self {
        Self {
            at: Cursor::new(text),
            tokens: VecDeque::with_capacity(16),
            taken: 0,
            is_ready: false,
            indent: -1,
            indents: Vec::new(),
            keys: vec![PossibleKey::default()],
            possible: VecDeque::new(),
            key_allowed: true,
            comment_trails: false,
            ended: false,
        }
    }

    /// The next token, left in place.
    pub(super) fn peek(&mut self) -> Result<&Token<'t>, YamlError> {
        while !self.is_ready {
            self.is_ready = !self.needs_more()?;
            if !self.is_ready {
                self.fetch()?;
            }
        }
        Ok(&self.tokens[0])
    }

    /// The next token.
    pub(super) fn take(&mut self) -> Result<Token<'t>, YamlError> {
        self.peek()?;
        self.taken += 1;
        self.is_ready = false;
        let token = self.tokens.pop_front();
        Ok(token.expect("because peek leaves a token"))
    }

    fn needs_more(&mut self) -> Result<bool, YamlError> {
        if self.tokens.is_empty() {
            return Ok(true);
        }
        let Some(level) = self.possible.front().copied() else {
            return Ok(false);
        };
        if self.keys[level].number != self.taken {
            return Ok(false);
        }
        self.is_still_possible(level)
    }

    fn fetch(&mut self) -> Result<(), YamlError> {
        self.skip_to_token();
        self.unroll_indent(self.at.column_signed());
        if self.at.column() == 0 {
            if self.at.is_document_indicator() {
                return self.fetch_document_indicator();
            }
            if self.at.byte() == b'%' {
                return self.fetch_directive();
            }
            self.refuse_text_at_separator()?;
        }
        let is_flow = self.in_flow();
        self.comment_trails = true;
        match self.at.byte() {
            0 if self.at.is_end() => self.fetch_stream_end(),
            b'[' => self.fetch_flow_start(TokenKind::FlowSequenceStart),
            b'{' => self.fetch_flow_start(TokenKind::FlowMappingStart),
            b']' => self.fetch_flow_end(TokenKind::FlowSequenceEnd),
            b'}' => self.fetch_flow_end(TokenKind::FlowMappingEnd),
            b',' => self.fetch_flow_entry(),
            b'-' if self.at.is_blank_or_end(1) => self.fetch_block_entry(),
            b'?' if is_flow || self.at.is_blank_or_end(1) => self.fetch_key(),
            b':' if is_flow || self.at.is_blank_or_end(1) => self.fetch_value(),
            b'*' => self.fetch_anchor(true),
            b'&' => self.fetch_anchor(false),
            b'!' => self.fetch_tag(),
            b'|' if !is_flow => self.fetch_block_scalar(true),
            b'>' if !is_flow => self.fetch_block_scalar(false),
            b'\'' => self.fetch_quoted(true),
            b'"' => self.fetch_quoted(false),
            byte => self.fetch_plain(byte),
        }
    }

    fn in_flow(&self) -> bool {
        self.keys.len() > 1
    }

    fn push(&mut self, kind: TokenKind<'t>, start: Mark) {
        let end = self.at.offset();
        self.tokens.push_back(Token::new(kind, start, end));
    }

    /// A token of one byte.
    fn push_indicator(&mut self, kind: TokenKind<'t>) {
        let start = self.at.mark();
        self.at.advance(1);
        self.push(kind, start);
    }

    fn error(&self, message: &str) -> YamlError {
        YamlError::syntax(self.at.mark().line_number(), message)
    }

    fn skip_to_token(&mut self) {
        if std::mem::take(&mut self.comment_trails) {
            self.at.skip_trailing_comment();
        }
        loop {
            let tabs = self.in_flow() || !self.key_allowed;
            self.at.skip_spaces(tabs);
            if self.at.byte() == b'#' {
                self.at.skip_comments();
            }
            if !self.at.skip_break() {
                return;
            }
            if !self.in_flow() {
                self.key_allowed = true;
            }
        }
    }

    /// Kustomize refuses files with text on a line that begins with `---`, be it a value or part of a word.
    fn refuse_text_at_separator(&self) -> Result<(), YamlError> {
        if self.at.offset() > 0 && self.at.rest().starts_with("---") {
            return Err(self.error("nothing may follow `---` on its line; put it on the next line"));
        }
        Ok(())
    }

    // Implicit keys.

    fn is_still_possible(&mut self, level: usize) -> Result<bool, YamlError> {
        let key = self.keys[level];
        if !key.is_possible {
            return Ok(false);
        }
        let now = self.at.mark();
        let bytes = now.offset() - key.mark.offset();
        let is_long = bytes > LONGEST_IMPLICIT_KEY
            && self.at.count_chars(key.mark.offset()) > LONGEST_IMPLICIT_KEY;
        if key.mark.line == now.line && !is_long {
            return Ok(true);
        }
        self.give_up_key(level)?;
        Ok(false)
    }

    fn give_up_key(&mut self, level: usize) -> Result<(), YamlError> {
        let key = self.keys[level];
        if !key.is_possible {
            return Ok(());
        }
        if key.is_required {
            return Err(YamlError::syntax(
                key.mark.line_number(),
                "there is no `:` after this key; write `key: value`, or indent the line if it continues a text",
            ));
        }
        self.forget_key(level);
        Ok(())
    }

    fn forget_key(&mut self, level: usize) {
        self.keys[level].is_possible = false;
        if self.possible.back() == Some(&level) {
            self.possible.pop_back();
        } else {
            self.possible.retain(|other| *other != level);
        }
    }

    fn level(&self) -> usize {
        self.keys.len() - 1
    }

    fn save_key(&mut self) -> Result<(), YamlError> {
        if !self.key_allowed {
            return Ok(());
        }
        let level = self.level();
        self.give_up_key(level)?;
        self.keys[level] = PossibleKey {
            is_possible: true,
            is_required: !self.in_flow() && self.indent == self.at.column_signed(),
            number: self.taken + self.tokens.len(),
            mark: self.at.mark(),
        };
        self.possible.push_back(level);
        Ok(())
    }

    // Indentation.

    /// Opens a block collection when `mark` is deeper than the one being read. Its token goes before the token with
    /// `number`, or at the end.
    fn roll_indent(&mut self, mark: Mark, number: Option<usize>, kind: TokenKind<'t>) {
        let column = isize::try_from(mark.column()).unwrap_or(isize::MAX);
        if self.in_flow() || self.indent >= column {
            return;
        }
        self.indents.push(self.indent);
        self.indent = column;
        let token = Token::new(kind, mark, mark.offset());
        match number {
            Some(number) => self.tokens.insert(number - self.taken, token),
            None => self.tokens.push_back(token),
        }
    }

    fn unroll_indent(&mut self, column: isize) {
        if self.in_flow() {
            return;
        }
        while self.indent > column {
            self.push(TokenKind::BlockEnd, self.at.mark());
            self.indent = self.indents.pop().unwrap_or(-1);
        }
    }

    // Tokens.

    fn fetch_stream_end(&mut self) -> Result<(), YamlError> {
        if self.ended {
            return Err(self.error("the text ends too early"));
        }
        self.unroll_indent(-1);
        self.give_up_key(self.level())?;
        self.key_allowed = false;
        self.ended = true;
        self.push(TokenKind::StreamEnd, self.at.mark());
        Ok(())
    }

    fn leave_block(&mut self) -> Result<(), YamlError> {
        self.unroll_indent(-1);
        self.give_up_key(self.level())?;
        self.key_allowed = false;
        Ok(())
    }

    fn fetch_document_indicator(&mut self) -> Result<(), YamlError> {
        self.leave_block()?;
        let start = self.at.mark();
        let kind = if self.at.byte() == b'-' {
            TokenKind::DocumentStart
        } else {
            TokenKind::DocumentEnd
        };
        self.at.advance(3);
        if kind == TokenKind::DocumentStart && start.offset() > 0 {
            let line = self.at.rest_of_line().trim_start();
            if !line.is_empty() && !line.starts_with('#') {
                return Err(
                    self.error("nothing may follow `---` on its line; put it on the next line")
                );
            }
        }
        self.push(kind, start);
        Ok(())
    }

    fn fetch_directive(&mut self) -> Result<(), YamlError> {
        self.leave_block()?;
        let start = self.at.mark();
        let kind = tag::directive(&mut self.at)?;
        self.push(kind, start);
        Ok(())
    }

    fn fetch_flow_start(&mut self, kind: TokenKind<'t>) -> Result<(), YamlError> {
        self.save_key()?;
        self.keys.push(PossibleKey::default());
        self.key_allowed = true;
        self.push_indicator(kind);
        Ok(())
    }

    fn fetch_flow_end(&mut self, kind: TokenKind<'t>) -> Result<(), YamlError> {
        self.give_up_key(self.level())?;
        if self.in_flow() {
            self.keys.pop();
        }
        self.key_allowed = false;
        self.push_indicator(kind);
        Ok(())
    }

    fn fetch_flow_entry(&mut self) -> Result<(), YamlError> {
        self.give_up_key(self.level())?;
        self.key_allowed = true;
        self.push_indicator(TokenKind::FlowEntry);
        Ok(())
    }

    fn fetch_block_entry(&mut self) -> Result<(), YamlError> {
        if !self.in_flow() {
            if !self.key_allowed {
                return Err(self.error(
                    "a list item may not begin here; put `-` on a line of its own, or quote the text",
                ));
            }
            self.roll_indent(self.at.mark(), None, TokenKind::BlockSequenceStart);
        }
        self.give_up_key(self.level())?;
        self.key_allowed = true;
        self.comment_trails = false;
        self.push_indicator(TokenKind::BlockEntry);
        Ok(())
    }

    fn fetch_key(&mut self) -> Result<(), YamlError> {
        if !self.in_flow() {
            if !self.key_allowed {
                return Err(self.error("a `?` key may not begin here; quote the text"));
            }
            self.roll_indent(self.at.mark(), None, TokenKind::BlockMappingStart);
        }
        self.give_up_key(self.level())?;
        self.key_allowed = !self.in_flow();
        self.push_indicator(TokenKind::Key);
        Ok(())
    }

    fn fetch_value(&mut self) -> Result<(), YamlError> {
        let level = self.level();
        if self.is_still_possible(level)? {
            let key = self.keys[level];
            let token = Token::new(TokenKind::Key, key.mark, key.mark.offset());
            self.tokens.insert(key.number - self.taken, token);
            self.roll_indent(key.mark, Some(key.number), TokenKind::BlockMappingStart);
            self.forget_key(level);
            self.key_allowed = false;
        } else {
            if !self.in_flow() {
                if !self.key_allowed {
                    return Err(self.error(
                        "a mapping may not begin here; put quotes around a text with `: ` in it, or check the indentation",
                    ));
                }
                self.roll_indent(self.at.mark(), None, TokenKind::BlockMappingStart);
            }
            self.key_allowed = !self.in_flow();
        }
        self.push_indicator(TokenKind::Value);
        Ok(())
    }

    fn fetch_anchor(&mut self, is_alias: bool) -> Result<(), YamlError> {
        self.save_key()?;
        self.key_allowed = false;
        let start = self.at.mark();
        let name = tag::anchor(&mut self.at)?;
        let kind = if is_alias {
            TokenKind::Alias(name)
        } else {
            TokenKind::Anchor(name)
        };
        self.push(kind, start);
        Ok(())
    }

    fn fetch_tag(&mut self) -> Result<(), YamlError> {
        self.save_key()?;
        self.key_allowed = false;
        let start = self.at.mark();
        let kind = tag::tag(&mut self.at)?;
        self.push(kind, start);
        Ok(())
    }

    fn fetch_block_scalar(&mut self, is_literal: bool) -> Result<(), YamlError> {
        self.give_up_key(self.level())?;
        self.key_allowed = true;
        self.comment_trails = false;
        let token = block::scalar(&mut self.at, self.indent, is_literal)?;
        self.tokens.push_back(token);
        Ok(())
    }

    fn fetch_quoted(&mut self, is_single: bool) -> Result<(), YamlError> {
        self.save_key()?;
        self.key_allowed = false;
        let token = quoted::scalar(&mut self.at, is_single)?;
        self.tokens.push_back(token);
        Ok(())
    }

    fn fetch_plain(&mut self, byte: u8) -> Result<(), YamlError> {
        let is_flow = self.in_flow();
        let begins = match byte {
            b'-' => !matches!(self.at.byte_at(1), b' ' | b'\t'),
            b'?' | b':' => !is_flow && !self.at.is_blank_or_end(1),
            b'#' | b'|' | b'>' | b'%' | b'@' | b'`' | b'\t' => false,
            _ => true,
        };
        if !begins {
            return Err(self.error(&cannot_begin(byte)));
        }
        self.save_key()?;
        let (token, saw_break) = plain::scalar(&mut self.at, self.indent, is_flow)?;
        self.key_allowed = saw_break;
        self.comment_trails = !saw_break;
        self.tokens.push_back(token);
        Ok(())
    }
}

fn cannot_begin(byte: u8) -> String {
    match byte {
        b'\t' => "a tab may not indent; use spaces".to_owned(),
        _ => format!(
            "`{}` may not begin a value; put the text in quotes",
            char::from(byte)
        ),
    }
}
