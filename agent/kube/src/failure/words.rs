//! What may be repeated of a server's text, and how much.

/// Longest message, in bytes: what a status may carry (DESIGN.md section 8).
const MAX_MESSAGE: usize = 256;
/// Longest field path or name that is repeated.
const MAX_PATH: usize = 80;
/// Most field paths that are repeated.
pub(super) const MAX_PATHS: usize = 5;

/// A field path or a name reduced to the characters that these have, and to a sensible length.
pub(crate) fn path(text: &str) -> String {
    let harmless = |c: char| {
        if c.is_ascii_alphanumeric() || ".-_/[]=:,*~\"".contains(c) {
            c
        } else {
            '?'
        }
    };
    let mut out: String = text.chars().take(MAX_PATH).map(harmless).collect();
    if text.chars().nth(MAX_PATH).is_some() {
        out.push_str("...");
    }
    out
}

/// The text, cut to [`MAX_MESSAGE`] bytes at a character.
pub(super) fn shorten(mut text: String) -> String {
    if text.len() > MAX_MESSAGE {
        let end = (0..=MAX_MESSAGE - 3)
            .rev()
            .find(|&at| text.is_char_boundary(at))
            .unwrap_or(0);
        text.truncate(end);
        text.push_str("...");
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_path_keeps_nothing_but_harmless_characters() {
        assert_eq!(path("spec.containers[0].env"), "spec.containers[0].env");
        assert_eq!(path("a\u{1b}[31m b\n"), "a?[31m?b?");
        assert_eq!(path(&"x".repeat(100)).len(), MAX_PATH + 3);
    }

    #[test]
    fn a_message_fits_into_a_status() {
        assert_eq!(shorten("é".repeat(300)).len(), 255);
        assert_eq!(shorten("short".to_owned()), "short");
    }
}
