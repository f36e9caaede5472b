//! Git's packet lines (gitprotocol-common(5)): four hexadecimal digits of length, then the payload.

use std::io::{self, Read};

use crate::error::{GitError, shown};
use crate::http::read_error;

/// Longest packet, its four digits included (gitprotocol-common(5)).
const MAX_PACKET: usize = 65_520;

/// One packet.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Packet<'a> {
    /// A payload, a trailing line feed cut off by [`Packet::text`] only.
    Data(&'a [u8]),
    /// `0000`: the end of a message.
    Flush,
    /// `0001`: the end of a section.
    Delimiter,
    /// `0002`: the end of a response.
    ResponseEnd,
    /// The stream ended between packets.
    End,
}

/// Reads packets from an answer.
pub(crate) struct PacketReader<R> {
    inner: R,
    buffer: Vec<u8>,
    url: String,
}

impl<R: Read> PacketReader<R> {
    pub(crate) fn new(inner: R, url: &str) -> Self {
        Self {
            inner,
            buffer: Vec::new(),
            url: url.to_owned(),
        }
    }

    /// The repository the packets come from.
    pub(crate) fn url(&self) -> &str {
        &self.url
    }

    /// The next packet. An `ERR` packet is an error of the server, its text is not kept.
    pub(crate) fn next(&mut self) -> Result<Packet<'_>, GitError> {
        let mut digits = [0; 4];
        if !self.fill_or_end(&mut digits)? {
            return Ok(Packet::End);
        }
        let length = match length_of(digits) {
            Some(0) => return Ok(Packet::Flush),
            Some(1) => return Ok(Packet::Delimiter),
            Some(2) => return Ok(Packet::ResponseEnd),
            Some(length @ 4..=MAX_PACKET) => length - 4,
            _ => return Err(self.not_git("its packets have no length")),
        };
        self.buffer.resize(length, 0);
        self.inner
            .read_exact(&mut self.buffer)
            .map_err(|error| read_error(&self.url, error))?;
        if let Some(text) = self.buffer.strip_prefix(b"ERR ") {
            return Err(self.refused(&String::from_utf8_lossy(text)));
        }
        Ok(Packet::Data(&self.buffer))
    }

    /// What an answer that breaks the protocol is.
    pub(crate) fn not_git(&self, what: &str) -> GitError {
        GitError::NotGit {
            url: self.url.clone(),
            what: what.to_owned(),
        }
    }

    /// An error the server states in words; only what we recognise in it is used.
    pub(crate) fn refused(&self, text: &str) -> GitError {
        let url = self.url.clone();
        let lower = text.to_ascii_lowercase();
        if let Some((_, id)) = lower.split_once("not our ref ") {
            return GitError::Gone {
                url,
                id: shown(id.split_whitespace().next().unwrap_or_default()),
            };
        }
        GitError::Server {
            url,
            what: "it answered with an error packet".to_owned(),
            retry_after: None,
        }
    }

    fn fill_or_end(&mut self, buffer: &mut [u8]) -> Result<bool, GitError> {
        let mut filled = 0;
        while filled < buffer.len() {
            match self.inner.read(&mut buffer[filled..]) {
                Ok(0) if filled == 0 => return Ok(false),
                Ok(0) => {
                    let error = io::Error::from(io::ErrorKind::UnexpectedEof);
                    return Err(read_error(&self.url, error));
                }
                Ok(read) => filled += read,
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                Err(error) => return Err(read_error(&self.url, error)),
            }
        }
        Ok(true)
    }
}

impl Packet<'_> {
    /// The payload as a line of text; `None` for what is no data, or no UTF-8.
    pub(crate) fn text(&self) -> Option<&str> {
        match self {
            Self::Data(bytes) => {
                let text = std::str::from_utf8(bytes).ok()?;
                Some(text.strip_suffix('\n').unwrap_or(text))
            }
            Self::Flush | Self::Delimiter | Self::ResponseEnd | Self::End => None,
        }
    }
}

/// Appends a data packet.
pub(crate) fn put(out: &mut Vec<u8>, line: &str) {
    out.extend_from_slice(format!("{:04x}", line.len() + 4).as_bytes());
    out.extend_from_slice(line.as_bytes());
}

/// Appends `0000`.
pub(crate) fn put_flush(out: &mut Vec<u8>) {
    out.extend_from_slice(b"0000");
}

/// Appends `0001`.
pub(crate) fn put_delimiter(out: &mut Vec<u8>) {
    out.extend_from_slice(b"0001");
}

fn length_of(digits: [u8; 4]) -> Option<usize> {
    digits.iter().try_fold(0, |length, digit| {
        let digit = char::from(*digit).to_digit(16)?;
        Some(length << 4 | usize::try_from(digit).ok()?)
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(bytes: &[u8]) -> Result<Vec<String>, GitError> {
        let mut reader = PacketReader::new(bytes, "https://h/x");
        let mut seen = Vec::new();
        loop {
            match reader.next()? {
                Packet::End => return Ok(seen),
                packet => seen.push(format!("{packet:?} {:?}", packet.text())),
            }
        }
    }

    #[test]
    fn what_is_written_is_read() {
        let mut out = Vec::new();
        put(&mut out, "a\n");
        put_delimiter(&mut out);
        put_flush(&mut out);
        assert_eq!(
            read(&out).expect("packets"),
            ["Data([97, 10]) Some(\"a\")", "Delimiter None", "Flush None"]
        );
    }

    #[test]
    fn html_truncation_and_errors_are_told_apart() {
        assert!(matches!(read(b"<html>"), Err(GitError::NotGit { .. })));
        assert!(matches!(read(b"0003"), Err(GitError::NotGit { .. })));
        assert!(matches!(read(b"fff5x"), Err(GitError::NotGit { .. })));
        assert!(matches!(read(b"00"), Err(GitError::Unreachable { .. })));
        assert!(matches!(read(b"0009ab"), Err(GitError::Unreachable { .. })));
        let error = read(b"000fERR \x1b[31mno").expect_err("stated");
        assert!(
            matches!(&error, GitError::Server { .. }) && !error.to_string().contains("no\u{1b}")
        );
        assert!(matches!(
            read(b"0024ERR upload-pack: not our ref abc"),
            Err(GitError::Gone { .. })
        ));
    }
}
