//! Bytes to text: the encodings YAML has, and the characters it refuses.

use std::borrow::Cow;

use super::error::YamlError;

/// The text of a file without its byte order mark.
///
/// Offsets into it are offsets into the file less the number given beside it, except for UTF-16, which is converted.
pub(super) fn decode(bytes: &[u8]) -> Result<(Cow<'_, str>, usize), YamlError> {
    let (text, skipped) = match bytes {
        [0xff, 0xfe, rest @ ..] => (Cow::Owned(utf16(rest, u16::from_le_bytes)?), 0),
        [0xfe, 0xff, rest @ ..] => (Cow::Owned(utf16(rest, u16::from_be_bytes)?), 0),
        [0xef, 0xbb, 0xbf, rest @ ..] => (Cow::Borrowed(utf8(rest)?), 3),
        _ => (Cow::Borrowed(utf8(bytes)?), 0),
    };
    refuse_control_characters(&text)?;
    Ok((text, skipped))
}

fn utf8(bytes: &[u8]) -> Result<&str, YamlError> {
    std::str::from_utf8(bytes).map_err(|error| {
        YamlError::syntax(
            line_at(bytes, error.valid_up_to()),
            "this is not UTF-8; save the file as UTF-8",
        )
    })
}

fn utf16(bytes: &[u8], read: impl Fn([u8; 2]) -> u16) -> Result<String, YamlError> {
    let (pairs, rest) = bytes.as_chunks::<2>();
    let units: Vec<u16> = pairs.iter().map(|pair| read(*pair)).collect();
    let text = String::from_utf16(&units).ok().filter(|_| rest.is_empty());
    text.ok_or_else(|| {
        YamlError::syntax(
            1,
            "this begins as UTF-16 but is not; save the file as UTF-8",
        )
    })
}

/// The line of a byte, from 1.
pub(super) fn line_at(bytes: &[u8], offset: usize) -> u32 {
    let before = bytes.get(..offset).unwrap_or(bytes);
    let breaks = before.iter().filter(|byte| **byte == b'\n').count();
    u32::try_from(breaks).map_or(u32::MAX, |count| count.saturating_add(1))
}

fn refuse_control_characters(text: &str) -> Result<(), YamlError> {
    let bytes = text.as_bytes();
    // Almost every file passes this test, which the compiler turns into vector instructions.
    let suspicious = bytes.iter().fold(false, |found, byte| {
        found | MAY_BE_CONTROL[usize::from(*byte)]
    });
    if !suspicious {
        return Ok(());
    }
    match text.char_indices().find(|(_, char)| is_refused(*char)) {
        None => Ok(()),
        Some((offset, char)) => Err(YamlError::syntax(
            line_at(bytes, offset),
            format!(
                "the control character U+{:04X} is not allowed; remove it, or escape it in double quotes",
                u32::from(char)
            ),
        )),
    }
}

/// First bytes of characters that may be refused.
const MAY_BE_CONTROL: [bool; 256] = {
    let mut table = [false; 256];
    let mut byte = 0;
    while byte < 0x20 {
        table[byte] = !matches!(byte, 0x09 | 0x0a | 0x0d);
        byte += 1;
    }
    table[0x7f] = true;
    table[0xc2] = true;
    table[0xef] = true;
    table
};

fn is_refused(char: char) -> bool {
    !matches!(char,
        '\t' | '\n' | '\r' | ' '..='~' | '\u{85}' | '\u{a0}'..='\u{fffd}' | '\u{10000}'..)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn utf16_with_a_mark_is_read() {
        let little = [0xff, 0xfe, b'a', 0, b':', 0];
        assert_eq!(
            decode(&little).map(|(text, _)| text.into_owned()),
            Ok("a:".to_owned())
        );
        let big = [0xfe, 0xff, 0, b'a', 0xd8, 0x3d, 0xde, 0];
        assert_eq!(
            decode(&big).map(|(text, _)| text.into_owned()),
            Ok("a😀".to_owned())
        );
    }

    #[test]
    fn control_characters_are_refused_with_their_line() {
        for (text, line) in [
            ("a\nb\0", 2),
            ("\u{7f}", 1),
            ("\n\n\u{80}", 3),
            ("\u{ffff}", 1),
        ] {
            assert_eq!(
                decode(text.as_bytes()).map_err(|e| e.line()),
                Err(line),
                "{text:?}"
            );
        }
        assert!(decode("\t\r\n\u{85}\u{a0}é\u{feff}😀".as_bytes()).is_ok());
    }
}
