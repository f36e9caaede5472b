//! A place in a text, and the few moves the scanner makes.

use crate::yaml::token::Mark;

/// A place in a text. Past the end it shows NUL bytes, which no text has.
pub(super) struct Cursor<'t> {
    text: &'t str,
    bytes: &'t [u8],
    offset: usize,
    line: u32,
    line_start: usize,
}

/// A line break.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Break {
    /// Reads as `\n`: LF, CR, CR LF, NEL.
    Normal,
    /// U+2028 or U+2029, which stay as they are.
    Kept(&'static str),
}

/// Characters the comment reader looks ahead for a further comment; Go's fork has this number.
const COMMENT_LOOKAHEAD: usize = 512;

impl<'t> Cursor<'t> {
    pub(super) fn new(text: &'t str) -> Self {
        Self {
            text,
            bytes: text.as_bytes(),
            offset: 0,
            line: 0,
            line_start: 0,
        }
    }

    pub(super) fn offset(&self) -> usize {
        self.offset
    }

    pub(super) fn column(&self) -> usize {
        self.offset - self.line_start
    }

    pub(super) fn column_signed(&self) -> isize {
        isize::try_from(self.column()).unwrap_or(isize::MAX)
    }

    pub(super) fn mark(&self) -> Mark {
        Mark::new(self.offset, self.column(), self.line)
    }

    pub(super) fn is_end(&self) -> bool {
        self.offset >= self.bytes.len()
    }

    /// The byte here.
    pub(super) fn byte(&self) -> u8 {
        self.byte_at(0)
    }

    /// The byte `ahead` of here.
    pub(super) fn byte_at(&self, ahead: usize) -> u8 {
        self.bytes.get(self.offset + ahead).copied().unwrap_or(0)
    }

    pub(super) fn rest(&self) -> &'t str {
        &self.text[self.offset..]
    }

    pub(super) fn rest_bytes(&self) -> &'t [u8] {
        &self.bytes[self.offset..]
    }

    /// The text from `start` to here.
    pub(super) fn since(&self, start: usize) -> &'t str {
        &self.text[start..self.offset]
    }

    /// The text between two offsets.
    pub(super) fn between(&self, start: usize, end: usize) -> &'t str {
        &self.text[start..end]
    }

    /// Characters from `start` to here.
    pub(super) fn count_chars(&self, start: usize) -> usize {
        self.since(start).chars().count()
    }

    /// The text up to the end of the line.
    pub(super) fn rest_of_line(&self) -> &'t str {
        let mut end = self.offset;
        loop {
            let bytes = &self.bytes[end..];
            let ends = |byte: &u8| matches!(byte, b'\n' | b'\r' | 0xc2 | 0xe2);
            end += bytes.iter().position(ends).unwrap_or(bytes.len());
            if end >= self.bytes.len() || self.break_at(end - self.offset).is_some() {
                return &self.text[self.offset..end];
            }
            end += 1;
        }
    }

    /// Moves to the end of the line and gives back what was passed.
    pub(super) fn take_line_text(&mut self) -> &'t str {
        let text = self.rest_of_line();
        self.offset += text.len();
        text
    }

    /// Moves over bytes that hold no line break.
    pub(super) fn advance(&mut self, bytes: usize) {
        self.offset += bytes;
    }

    /// Moves over one character that is no line break, and gives it back.
    pub(super) fn advance_char(&mut self) -> Option<char> {
        let char = self.rest().chars().next()?;
        self.offset += char.len_utf8();
        Some(char)
    }

    pub(super) fn is_blank(&self) -> bool {
        matches!(self.byte(), b' ' | b'\t')
    }

    /// The line break `ahead` of here and its length.
    pub(super) fn break_at(&self, ahead: usize) -> Option<(Break, usize)> {
        match self.byte_at(ahead) {
            b'\n' => Some((Break::Normal, 1)),
            b'\r' if self.byte_at(ahead + 1) == b'\n' => Some((Break::Normal, 2)),
            b'\r' => Some((Break::Normal, 1)),
            0xc2 if self.byte_at(ahead + 1) == 0x85 => Some((Break::Normal, 2)),
            0xe2 if self.byte_at(ahead + 1) == 0x80 => match self.byte_at(ahead + 2) {
                0xa8 => Some((Break::Kept("\u{2028}"), 3)),
                0xa9 => Some((Break::Kept("\u{2029}"), 3)),
                _ => None,
            },
            _ => None,
        }
    }

    pub(super) fn is_break(&self) -> bool {
        self.break_at(0).is_some()
    }

    /// True at a blank, a line break or the end.
    pub(super) fn is_blank_or_end(&self, ahead: usize) -> bool {
        matches!(self.byte_at(ahead), b' ' | b'\t' | 0) || self.break_at(ahead).is_some()
    }

    /// True at a line break or the end.
    pub(super) fn is_break_or_end(&self) -> bool {
        self.byte() == 0 || self.is_break()
    }

    /// Moves over a line break.
    pub(super) fn take_break(&mut self) -> Option<Break> {
        let (kind, length) = self.break_at(0)?;
        self.offset += length;
        self.line += 1;
        self.line_start = self.offset;
        Some(kind)
    }

    /// Moves over a line break; false when there is none.
    pub(super) fn skip_break(&mut self) -> bool {
        self.take_break().is_some()
    }

    /// Moves over spaces, and over tabs where they are allowed.
    pub(super) fn skip_spaces(&mut self, tabs: bool) {
        while self.byte() == b' ' || (tabs && self.byte() == b'\t') {
            self.offset += 1;
        }
    }

    /// Moves over spaces and tabs.
    pub(super) fn skip_blanks(&mut self) {
        self.skip_spaces(true);
    }

    /// Moves to the end of the line.
    pub(super) fn skip_line_text(&mut self) {
        self.take_line_text();
    }

    /// Moves over a comment behind a token, before which there may be tabs.
    pub(super) fn skip_trailing_comment(&mut self) {
        let rest = self.rest_bytes();
        let blanks = rest
            .iter()
            .take_while(|b| matches!(b, b' ' | b'\t'))
            .count();
        if rest.get(blanks) == Some(&b'#') {
            self.take_line_text();
        }
    }

    /// Moves over a comment, and over those on the next lines, however these are indented.
    pub(super) fn skip_comments(&mut self) {
        self.skip_line_text();
        while self.comment_follows() {
            while self.byte() != b'#' {
                if !self.skip_break() {
                    self.offset += 1;
                }
            }
            self.skip_line_text();
        }
    }

    /// True when only blanks and line breaks are between here and a comment.
    fn comment_follows(&self) -> bool {
        let mut ahead = 0;
        let mut seen = 0;
        while seen < COMMENT_LOOKAHEAD {
            seen += 1;
            match self.byte_at(ahead) {
                b'#' => return true,
                b' ' | b'\t' | b'\n' | b'\r' => ahead += 1,
                _ => return false,
            }
        }
        false
    }

    /// True at `---` or `...` at the beginning of a line.
    pub(super) fn is_document_indicator(&self) -> bool {
        self.column() == 0
            && matches!(self.byte(), b'-' | b'.')
            && (self.rest_bytes().starts_with(b"---") || self.rest_bytes().starts_with(b"..."))
            && self.is_blank_or_end(3)
    }
}

/// What stands between two lines of a text that is folded: one line break becomes a space, further ones stay.
#[derive(Default)]
pub(super) struct Folding {
    is_escaped: bool,
    first: Option<Break>,
    further: String,
}

impl Folding {
    /// The state after a line break that a backslash took away.
    pub(super) fn after_escaped_break() -> Self {
        Self {
            is_escaped: true,
            ..Self::default()
        }
    }

    pub(super) fn saw_break(&self) -> bool {
        self.is_escaped || self.first.is_some()
    }

    pub(super) fn add(&mut self, found: Break) {
        if self.saw_break() {
            push_break(found, &mut self.further);
        } else {
            self.first = Some(found);
        }
    }

    /// Adds what the line breaks come to.
    pub(super) fn finish(self, out: &mut String) {
        match self.first {
            Some(Break::Normal) if self.further.is_empty() => out.push(' '),
            Some(Break::Kept(text)) => out.push_str(text),
            Some(Break::Normal) | None => {}
        }
        out.push_str(&self.further);
    }
}

pub(super) fn push_break(found: Break, out: &mut String) {
    match found {
        Break::Normal => out.push('\n'),
        Break::Kept(text) => out.push_str(text),
    }
}
