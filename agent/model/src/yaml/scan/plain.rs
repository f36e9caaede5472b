//! Scalars without quotes.

use std::borrow::Cow;

use super::cursor::{Cursor, Folding};
use crate::yaml::error::YamlError;
use crate::yaml::token::{ScalarStyle, Token};

/// What a byte can mean inside an unquoted scalar.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Class {
    /// Part of the text whatever comes next.
    Text,
    /// `:`, which ends the text before a blank.
    Colon,
    /// Ends the text inside `[]` and `{}`.
    Flow,
    /// A blank, NUL, or the first byte of a line break.
    Stop,
    /// May be the first byte of a line break.
    MayBreak,
}

const CLASSES: [Class; 256] = {
    let mut table = [Class::Text; 256];
    table[b':' as usize] = Class::Colon;
    let mut index = 0;
    while index < FLOW_ENDS.len() {
        table[FLOW_ENDS[index] as usize] = Class::Flow;
        index += 1;
    }
    table[0] = Class::Stop;
    table[b' ' as usize] = Class::Stop;
    table[b'\t' as usize] = Class::Stop;
    table[b'\n' as usize] = Class::Stop;
    table[b'\r' as usize] = Class::Stop;
    table[0xc2] = Class::MayBreak;
    table[0xe2] = Class::MayBreak;
    table
};

const FLOW_ENDS: &[u8; 6] = b",?[]{}";

/// Reads a scalar and says whether line breaks were passed behind it.
pub(super) fn scalar<'t>(
    at: &mut Cursor<'t>,
    indent: isize,
    is_flow: bool,
) -> Result<(Token<'t>, bool), YamlError> {
    let start = at.mark();
    let mut text = Cow::Borrowed("");
    let mut end = start.offset();
    let mut folding = Folding::default();
    loop {
        if at.is_document_indicator() || at.byte() == b'#' {
            break;
        }
        let word = at.offset();
        skip_words(at, is_flow);
        if at.offset() > word {
            join(&mut text, at.between(end, word), folding, at.since(word));
            end = at.offset();
            folding = Folding::default();
        }
        if !at.is_blank() && !at.is_break() {
            break;
        }
        skip_gap(at, &mut folding, start.line_number(), indent)?;
        if !is_flow && at.column_signed() <= indent {
            break;
        }
    }
    let token = Token::scalar(text, ScalarStyle::Plain, start, end);
    Ok((token, folding.saw_break()))
}

/// Adds words, after the blanks or the line breaks before them. The first ones are not copied.
fn join<'t>(text: &mut Cow<'t, str>, blanks: &str, folding: Folding, words: &'t str) {
    if text.is_empty() {
        *text = Cow::Borrowed(words);
        return;
    }
    let text = text.to_mut();
    if folding.saw_break() {
        folding.finish(text);
    } else {
        text.push_str(blanks);
    }
    text.push_str(words);
}

/// Moves over words and the single spaces between them, to the end of the last one.
fn skip_words(at: &mut Cursor<'_>, is_flow: bool) {
    loop {
        let bytes = at.rest_bytes();
        let length = bytes
            .iter()
            .position(|byte| CLASSES[usize::from(*byte)] != Class::Text)
            .unwrap_or(bytes.len());
        at.advance(length);
        let goes_on = match CLASSES[usize::from(at.byte())] {
            Class::Text => false,
            Class::Colon => !at.is_blank_or_end(1),
            Class::Flow => !is_flow,
            Class::MayBreak => !at.is_break(),
            Class::Stop => at.byte() == b' ' && begins_word(at, is_flow),
        };
        if !goes_on {
            return;
        }
        at.advance(1);
    }
}

/// True when the byte after the space here goes on with the text on this line.
fn begins_word(at: &Cursor<'_>, is_flow: bool) -> bool {
    match CLASSES[usize::from(at.byte_at(1))] {
        Class::Text => at.byte_at(1) != b'#',
        Class::Colon => !at.is_blank_or_end(2),
        Class::Flow => !is_flow,
        Class::Stop | Class::MayBreak => false,
    }
}

/// Moves over blanks and line breaks.
fn skip_gap(
    at: &mut Cursor<'_>,
    folding: &mut Folding,
    line: u32,
    indent: isize,
) -> Result<(), YamlError> {
    loop {
        if at.is_blank() {
            let indents = folding.saw_break() && at.column_signed() <= indent;
            if indents && at.byte() == b'\t' {
                return Err(YamlError::syntax(
                    line,
                    "a line of this text is indented by a tab; use spaces",
                ));
            }
            at.advance(1);
        } else if let Some(found) = at.take_break() {
            folding.add(found);
        } else {
            return Ok(());
        }
    }
}
