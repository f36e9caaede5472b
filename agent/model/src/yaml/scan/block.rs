//! Scalars introduced by `|` and `>`.

use std::borrow::Cow;

use super::cursor::{Break, Cursor, push_break};
use crate::yaml::error::YamlError;
use crate::yaml::token::{Mark, ScalarStyle, Token};

/// What becomes of the line breaks at the end.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Chomping {
    /// None stays.
    Strip,
    /// One stays.
    Clip,
    /// All stay.
    Keep,
}

/// Reads a block scalar inside a block at column `parent`.
pub(super) fn scalar<'t>(
    at: &mut Cursor<'t>,
    parent: isize,
    is_literal: bool,
) -> Result<Token<'t>, YamlError> {
    let start = at.mark();
    at.advance(1);
    let (chomping, increment) = header(at, start)?;
    let mut end = at.offset();
    at.skip_blanks();
    if at.byte() == b'#' {
        at.skip_line_text();
    }
    if !at.is_break_or_end() {
        return Err(YamlError::syntax(
            start.line_number(),
            "only `+`, `-` or a digit may follow `|` or `>`; put the text on the next line",
        ));
    }
    at.skip_break();
    let parent = usize::try_from(parent).ok();
    let block = Block {
        start,
        is_literal,
        chomping,
        indent: increment.map(|more| parent.unwrap_or(0) + more),
        least: parent.map_or(1, |column| column + 1),
    };
    let text = block.text(at, &mut end)?;
    let style = if is_literal {
        ScalarStyle::Quoted
    } else {
        ScalarStyle::Folded
    };
    Ok(Token::scalar(Cow::Owned(text), style, start, end))
}

/// Reads the chomping and the indentation indicator, in either order.
fn header(at: &mut Cursor<'_>, start: Mark) -> Result<(Chomping, Option<usize>), YamlError> {
    let mut chomping = chomping_here(at);
    let increment = match at.byte() {
        b'0' => {
            return Err(YamlError::syntax(
                start.line_number(),
                "a block may not be indented by 0; write a digit from 1 to 9",
            ));
        }
        digit @ b'1'..=b'9' => {
            at.advance(1);
            Some(usize::from(digit - b'0'))
        }
        _ => None,
    };
    if chomping.is_none() && increment.is_some() {
        chomping = chomping_here(at);
    }
    Ok((chomping.unwrap_or(Chomping::Clip), increment))
}

fn chomping_here(at: &mut Cursor<'_>) -> Option<Chomping> {
    let found = match at.byte() {
        b'+' => Chomping::Keep,
        b'-' => Chomping::Strip,
        _ => return None,
    };
    at.advance(1);
    Some(found)
}

/// What the header and the place of a block say about it.
struct Block {
    start: Mark,
    is_literal: bool,
    chomping: Chomping,
    /// How far it is indented, where the header says so.
    indent: Option<usize>,
    /// How far it is indented at least.
    least: usize,
}

impl Block {
    /// Reads the lines; `end` becomes the end of the last one with text.
    fn text(&self, at: &mut Cursor<'_>, end: &mut usize) -> Result<String, YamlError> {
        let mut out = String::new();
        let mut empty_lines = String::new();
        let mut line_break = None;
        let mut after_blank = false;
        let indent = first_indent(at, self.indent, self.least, self.start, &mut empty_lines)?;
        while at.column() == indent && !at.is_end() {
            let begins_blank = at.is_blank();
            let folds = !self.is_literal && !after_blank && !begins_blank;
            match line_break {
                Some(Break::Normal) if folds && empty_lines.is_empty() => out.push(' '),
                Some(Break::Normal) if folds => {}
                Some(found) => push_break(found, &mut out),
                None => {}
            }
            out.push_str(&empty_lines);
            empty_lines.clear();
            after_blank = begins_blank;
            out.push_str(at.take_line_text());
            *end = at.offset();
            line_break = at.take_break();
            skip_indent(at, indent, self.start, &mut empty_lines)?;
        }
        if let (Some(found), Chomping::Clip | Chomping::Keep) = (line_break, self.chomping) {
            push_break(found, &mut out);
        }
        if self.chomping == Chomping::Keep {
            out.push_str(&empty_lines);
        }
        Ok(out)
    }
}

/// Moves over empty lines to the first one with text, and finds how far the block is indented.
fn first_indent(
    at: &mut Cursor<'_>,
    indent: Option<usize>,
    least: usize,
    start: Mark,
    breaks: &mut String,
) -> Result<usize, YamlError> {
    if let Some(indent) = indent {
        skip_indent(at, indent, start, breaks)?;
        return Ok(indent);
    }
    let mut deepest = 0;
    loop {
        at.skip_spaces(false);
        deepest = deepest.max(at.column());
        if at.byte() == b'\t' {
            return Err(tab(start));
        }
        match at.take_break() {
            Some(found) => push_break(found, breaks),
            None => return Ok(deepest.max(least)),
        }
    }
}

/// Moves over the indentation of a line, and over empty lines before it.
fn skip_indent(
    at: &mut Cursor<'_>,
    indent: usize,
    start: Mark,
    breaks: &mut String,
) -> Result<(), YamlError> {
    loop {
        while at.column() < indent && at.byte() == b' ' {
            at.advance(1);
        }
        if at.column() < indent && at.byte() == b'\t' {
            return Err(tab(start));
        }
        match at.take_break() {
            Some(found) => push_break(found, breaks),
            None => return Ok(()),
        }
    }
}

fn tab(start: Mark) -> YamlError {
    YamlError::syntax(
        start.line_number(),
        "a line of the block that begins here is indented by a tab; use spaces",
    )
}
