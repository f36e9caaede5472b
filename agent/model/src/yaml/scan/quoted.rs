//! Scalars in single and in double quotes.

use std::borrow::Cow;

use super::cursor::{Cursor, Folding};
use crate::yaml::error::YamlError;
use crate::yaml::token::{Mark, ScalarStyle, Token};

/// Reads a quoted scalar.
pub(super) fn scalar<'t>(at: &mut Cursor<'t>, is_single: bool) -> Result<Token<'t>, YamlError> {
    let start = at.mark();
    at.advance(1);
    let text = match simple(at, is_single) {
        Some(text) => Cow::Borrowed(text),
        None => Cow::Owned(folded(at, is_single, start)?),
    };
    Ok(Token::scalar(text, ScalarStyle::Quoted, start, at.offset()))
}

/// The text when it is on one line and has no escapes: most are.
fn simple<'t>(at: &mut Cursor<'t>, is_single: bool) -> Option<&'t str> {
    let quote = if is_single { b'\'' } else { b'"' };
    let bytes = at.rest_bytes();
    let length = bytes
        .iter()
        .position(|byte| *byte == quote || matches!(byte, b'\n' | b'\r' | b'\\' | 0xc2 | 0xe2))?;
    let is_end = bytes[length] == quote && !(is_single && bytes.get(length + 1) == Some(&quote));
    if !is_end {
        return None;
    }
    let text = at.between(at.offset(), at.offset() + length);
    at.advance(length + 1);
    Some(text)
}

fn folded(at: &mut Cursor<'_>, is_single: bool, start: Mark) -> Result<String, YamlError> {
    let mut out = String::new();
    loop {
        if at.is_document_indicator() {
            return Err(unterminated(start));
        }
        let folding = words(at, is_single, start, &mut out)?;
        match at.byte() {
            b'\'' if is_single => break,
            b'"' if !is_single => break,
            0 => return Err(unterminated(start)),
            _ => gap(at, folding, &mut out),
        }
    }
    at.advance(1);
    Ok(out)
}

fn unterminated(start: Mark) -> YamlError {
    YamlError::syntax(
        start.line_number(),
        "the quote that begins here is not closed; add the closing quote",
    )
}

/// Adds characters up to a blank, a line break or the closing quote; says whether it was an escaped line break.
fn words(
    at: &mut Cursor<'_>,
    is_single: bool,
    start: Mark,
    out: &mut String,
) -> Result<Folding, YamlError> {
    while !at.is_blank_or_end(0) {
        match at.byte() {
            b'\'' if is_single && at.byte_at(1) == b'\'' => {
                out.push('\'');
                at.advance(2);
            }
            b'\'' if is_single => break,
            b'"' if !is_single => break,
            b'\\' if !is_single => {
                at.advance(1);
                if at.skip_break() {
                    return Ok(Folding::after_escaped_break());
                }
                escape(at, start, out)?;
            }
            _ => out.extend(at.advance_char()),
        }
    }
    Ok(Folding::default())
}

/// Adds what blanks and line breaks come to. After an escaped line break the blanks of the next line do not count.
fn gap(at: &mut Cursor<'_>, mut folding: Folding, out: &mut String) {
    let start = at.offset();
    loop {
        if at.is_blank() {
            at.advance(1);
        } else if let Some(found) = at.take_break() {
            folding.add(found);
        } else {
            break;
        }
    }
    if folding.saw_break() {
        folding.finish(out);
    } else {
        out.push_str(at.since(start));
    }
}

fn escape(at: &mut Cursor<'_>, start: Mark, out: &mut String) -> Result<(), YamlError> {
    let digits = match at.byte() {
        b'x' => 2,
        b'u' => 4,
        b'U' => 8,
        byte => {
            out.push(short_escape(byte).ok_or_else(|| {
                YamlError::syntax(
                    at.mark().line_number(),
                    "there is no such escape; write `\\\\` for a backslash, or use single quotes",
                )
            })?);
            at.advance(1);
            return Ok(());
        }
    };
    at.advance(1);
    let code = at
        .rest()
        .get(..digits)
        .filter(|code| code.bytes().all(|b| b.is_ascii_hexdigit()));
    let char = code
        .and_then(|code| u32::from_str_radix(code, 16).ok())
        .and_then(char::from_u32)
        .ok_or_else(|| {
            YamlError::syntax(
                start.line_number(),
                "the escape is not a character; `\\x` takes 2, `\\u` 4 and `\\U` 8 hexadecimal digits",
            )
        })?;
    out.push(char);
    at.advance(digits);
    Ok(())
}

fn short_escape(byte: u8) -> Option<char> {
    Some(match byte {
        b'0' => '\0',
        b'a' => '\u{7}',
        b'b' => '\u{8}',
        b't' | b'\t' => '\t',
        b'n' => '\n',
        b'v' => '\u{b}',
        b'f' => '\u{c}',
        b'r' => '\r',
        b'e' => '\u{1b}',
        b' ' => ' ',
        b'"' => '"',
        b'\'' => '\'',
        b'\\' => '\\',
        b'N' => '\u{85}',
        b'_' => '\u{a0}',
        b'L' => '\u{2028}',
        b'P' => '\u{2029}',
        _ => return None,
    })
}
