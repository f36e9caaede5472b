//! Anchors, tags and directives.

use std::borrow::Cow;

use super::cursor::Cursor;
use crate::yaml::error::YamlError;
use crate::yaml::token::{TagText, TokenKind};

/// Reads `&name` or `*name` and gives the name back.
pub(super) fn anchor<'t>(at: &mut Cursor<'t>) -> Result<&'t str, YamlError> {
    at.advance(1);
    let name = skip_word(at);
    let ends = at.is_blank_or_end(0)
        || matches!(
            at.byte(),
            b'?' | b':' | b',' | b']' | b'}' | b'%' | b'@' | b'`'
        );
    if name.is_empty() || !ends {
        return Err(error(
            at,
            "a name of letters, digits, `-` and `_` must follow `&` or `*`; put the text in quotes if it is none",
        ));
    }
    Ok(name)
}

/// Reads `!tag`, `!handle!tag`, `!<uri>` or `!`.
pub(super) fn tag<'t>(at: &mut Cursor<'t>) -> Result<TokenKind<'t>, YamlError> {
    let tag = if at.byte_at(1) == b'<' {
        verbatim(at)?
    } else {
        shorthand(at)?
    };
    if !at.is_blank_or_end(0) {
        return Err(error(
            at,
            "a blank must follow a tag; put the text in quotes if it is no tag",
        ));
    }
    Ok(TokenKind::Tag(Box::new(tag)))
}

fn verbatim<'t>(at: &mut Cursor<'t>) -> Result<TagText<'t>, YamlError> {
    at.advance(2);
    let suffix = uri(at, true)?;
    if at.byte() != b'>' {
        return Err(error(at, "a tag that begins with `!<` must end with `>`"));
    }
    at.advance(1);
    Ok(TagText { handle: "", suffix })
}

fn shorthand<'t>(at: &mut Cursor<'t>) -> Result<TagText<'t>, YamlError> {
    let start = at.offset();
    at.advance(1);
    skip_word(at);
    if at.byte() == b'!' {
        at.advance(1);
        let handle = at.since(start);
        let suffix = uri(at, true)?;
        return Ok(TagText { handle, suffix });
    }
    let head = at.since(start + 1);
    let rest = uri(at, false)?;
    let suffix = if head.is_empty() {
        rest
    } else if rest.is_empty() {
        Cow::Borrowed(head)
    } else {
        Cow::Owned(format!("{head}{rest}"))
    };
    Ok(if suffix.is_empty() {
        TagText {
            handle: "",
            suffix: Cow::Borrowed("!"),
        }
    } else {
        TagText {
            handle: "!",
            suffix,
        }
    })
}

/// Reads a line that begins with `%`.
pub(super) fn directive<'t>(at: &mut Cursor<'t>) -> Result<TokenKind<'t>, YamlError> {
    at.advance(1);
    let name = skip_word(at);
    let kind = match name {
        "YAML" => {
            at.skip_blanks();
            version(at)?;
            TokenKind::VersionDirective
        }
        "TAG" => {
            at.skip_blanks();
            let handle = directive_handle(at)?;
            at.skip_blanks();
            let suffix = uri(at, true)?;
            TokenKind::TagDirective(Box::new(TagText { handle, suffix }))
        }
        _ => {
            return Err(error(
                at,
                "only %YAML and %TAG may begin with `%` at the start of a line; put the text in quotes",
            ));
        }
    };
    at.skip_blanks();
    if at.byte() == b'#' {
        at.skip_line_text();
    }
    if !at.is_break_or_end() {
        return Err(error(
            at,
            "this does not belong to the directive; remove it",
        ));
    }
    at.skip_break();
    Ok(kind)
}

fn version(at: &mut Cursor<'_>) -> Result<(), YamlError> {
    let start = at.offset();
    while at.byte().is_ascii_digit() || at.byte() == b'.' {
        at.advance(1);
    }
    match at.since(start) {
        "1.1" | "1.2" => Ok(()),
        _ => Err(error(
            at,
            "this version of YAML is not known; write %YAML 1.1 or remove the line",
        )),
    }
}

fn directive_handle<'t>(at: &mut Cursor<'t>) -> Result<&'t str, YamlError> {
    let start = at.offset();
    if at.byte() == b'!' {
        at.advance(1);
        skip_word(at);
        if at.byte() == b'!' {
            at.advance(1);
        }
    }
    let handle = at.since(start);
    let is_handle = handle == "!" || (handle.len() > 1 && handle.ends_with('!'));
    if is_handle && at.is_blank() {
        Ok(handle)
    } else {
        Err(error(at, "%TAG needs a handle such as `!a!` and a prefix"))
    }
}

/// Moves over letters, digits, `-` and `_`.
fn skip_word<'t>(at: &mut Cursor<'t>) -> &'t str {
    let start = at.offset();
    while at.byte().is_ascii_alphanumeric() || matches!(at.byte(), b'-' | b'_') {
        at.advance(1);
    }
    at.since(start)
}

/// Moves over the characters a URI may have, with `%xx` decoded.
fn uri<'t>(at: &mut Cursor<'t>, is_required: bool) -> Result<Cow<'t, str>, YamlError> {
    let start = at.offset();
    let mut has_escape = false;
    while is_uri(at.byte()) {
        has_escape |= at.byte() == b'%';
        at.advance(1);
    }
    let text = at.since(start);
    if text.is_empty() && is_required {
        return Err(error(at, "the tag has no name"));
    }
    if !has_escape {
        return Ok(Cow::Borrowed(text));
    }
    unescape(text).map(Cow::Owned).ok_or_else(|| {
        error(
            at,
            "`%` in a tag must be followed by two hexadecimal digits of UTF-8",
        )
    })
}

fn is_uri(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || b"-_;/?:@&=+$,.!~*'()[]%".contains(&byte)
}

fn unescape(text: &str) -> Option<String> {
    let mut bytes = Vec::with_capacity(text.len());
    let mut parts = text.split('%');
    bytes.extend_from_slice(parts.next()?.as_bytes());
    for part in parts {
        let code = part
            .get(..2)
            .filter(|code| code.bytes().all(|b| b.is_ascii_hexdigit()))?;
        bytes.push(u8::from_str_radix(code, 16).ok()?);
        bytes.extend_from_slice(&part.as_bytes()[2..]);
    }
    String::from_utf8(bytes).ok()
}

fn error(at: &Cursor<'_>, message: &str) -> YamlError {
    YamlError::syntax(at.mark().line_number(), message)
}
