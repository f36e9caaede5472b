//! The pack inside an answer: sideband taken off, its header checked before anything is built from it.

use std::io::{self, BufReader, Cursor, Read};
use std::sync::{Arc, Mutex, PoisonError};

use crate::error::GitError;
use crate::limits::Limits;
use crate::pkt::{Packet, PacketReader};

/// `PACK`, version, number of objects (gitformat-pack(5)).
const HEADER: usize = 12;

/// The first failure, kept aside because what reads the pack wraps errors in its own.
pub(crate) type Failure = Arc<Mutex<Option<GitError>>>;

/// The bytes of a pack, from the first sideband channel.
pub(crate) struct PackStream<R> {
    reader: PacketReader<R>,
    pending: Vec<u8>,
    at: usize,
    ended: bool,
    failure: Failure,
}

/// A pack about to be read.
pub(crate) struct Pack<R> {
    pub(crate) objects: u32,
    pub(crate) bytes: BufReader<io::Chain<Cursor<Vec<u8>>, PackStream<R>>>,
    pub(crate) failure: Failure,
}

/// Reads up to the pack of a version 2 answer: sections before `packfile` are of no interest.
pub(crate) fn open_v2<R: Read>(
    mut reader: PacketReader<R>,
    limits: &Limits,
) -> Result<Pack<R>, GitError> {
    /// Sections and lines in front of the pack: one `shallow` line for each of 100,000 wanted commits.
    const MAX_LINES: usize = 100_000;
    for _ in 0..MAX_LINES {
        match reader.next()? {
            Packet::Data(b"packfile\n" | b"packfile") => return open(reader, Vec::new(), limits),
            Packet::Data(_) | Packet::Delimiter => {}
            Packet::Flush | Packet::ResponseEnd | Packet::End => break,
        }
    }
    Err(lied(reader.url(), "an answer without a pack"))
}

/// Reads up to the pack of a version 0 answer: `NAK` or `ACK` lines, after `shallow` lines and a flush.
pub(crate) fn open_v0<R: Read>(
    mut reader: PacketReader<R>,
    limits: &Limits,
) -> Result<Pack<R>, GitError> {
    const MAX_LINES: usize = 100_000;
    for _ in 0..MAX_LINES {
        match reader.next()? {
            Packet::Data(line) if line.first().is_some_and(|band| *band <= 3) => {
                let pending = line.to_vec();
                return open(reader, pending, limits);
            }
            Packet::Data(_) | Packet::Flush => {}
            Packet::Delimiter | Packet::ResponseEnd | Packet::End => break,
        }
    }
    Err(lied(reader.url(), "an answer without a pack"))
}

fn open<R: Read>(
    reader: PacketReader<R>,
    first: Vec<u8>,
    limits: &Limits,
) -> Result<Pack<R>, GitError> {
    let url = reader.url().to_owned();
    let failure = Failure::default();
    let mut stream = PackStream {
        reader,
        pending: Vec::new(),
        at: 0,
        ended: false,
        failure: Arc::clone(&failure),
    };
    if !first.is_empty() {
        stream
            .accept(first)
            .map_err(|error| taken(&failure, error, &url))?;
    }
    let mut header = vec![0; HEADER];
    stream
        .read_exact(&mut header)
        .map_err(|error| taken(&failure, error, &url))?;
    let objects = match header.split_first_chunk::<8>() {
        Some((b"PACK\0\0\0\x02", count)) => u32::from_be_bytes(
            count
                .try_into()
                .map_err(|_| lied(&url, "a pack without a header"))?,
        ),
        _ => return Err(lied(&url, "something that is no pack")),
    };
    if objects > limits.objects {
        return Err(GitError::TooLarge {
            what: format!("the pack of {url}, which claims {objects} objects,"),
            limit: format!("{} objects", limits.objects),
        });
    }
    Ok(Pack {
        objects,
        bytes: BufReader::with_capacity(64 << 10, Cursor::new(header).chain(stream)),
        failure,
    })
}

impl<R: Read> PackStream<R> {
    /// Takes the payload of a sideband packet: data, progress or a fatal error (HAZARDS.md T-48: neither text is kept).
    fn accept(&mut self, packet: Vec<u8>) -> io::Result<()> {
        match packet.first() {
            Some(1) => {
                self.pending = packet;
                self.at = 1;
                Ok(())
            }
            Some(2) => Ok(()),
            Some(3) => {
                let text = String::from_utf8_lossy(&packet[1..]).into_owned();
                let error = self.reader.refused(&text);
                Err(self.fail(error))
            }
            Some(_) | None => {
                let error = self.reader.not_git("a packet without a channel");
                Err(self.fail(error))
            }
        }
    }

    fn fill(&mut self) -> io::Result<()> {
        while self.at >= self.pending.len() && !self.ended {
            let packet = match self.reader.next() {
                Ok(Packet::Data(bytes)) => Ok(Some(bytes.to_vec())),
                Ok(Packet::Flush | Packet::ResponseEnd | Packet::End) => Ok(None),
                Ok(Packet::Delimiter) => Err(None),
                Err(error) => Err(Some(error)),
            };
            match packet {
                Ok(Some(bytes)) => self.accept(bytes)?,
                Ok(None) => self.ended = true,
                Err(error) => {
                    let error =
                        error.unwrap_or_else(|| self.reader.not_git("a section inside a pack"));
                    return Err(self.fail(error));
                }
            }
        }
        Ok(())
    }

    fn fail(&self, error: GitError) -> io::Error {
        let text = error.to_string();
        let mut failure = self.failure.lock().unwrap_or_else(PoisonError::into_inner);
        failure.get_or_insert(error);
        io::Error::other(text)
    }
}

impl<R: Read> Read for PackStream<R> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        self.fill()?;
        let available = &self.pending[self.at.min(self.pending.len())..];
        let read = available.len().min(buffer.len());
        buffer[..read].copy_from_slice(&available[..read]);
        self.at += read;
        Ok(read)
    }
}

/// The failure that was kept aside, or what the error itself means: a pack that ends too early.
pub(crate) fn taken(failure: &Failure, error: io::Error, url: &str) -> GitError {
    kept(failure).unwrap_or_else(|| match error.kind() {
        io::ErrorKind::UnexpectedEof => lied(url, "a pack that ends too early"),
        _ => GitError::io(format!("read the pack of {url}"), &error),
    })
}

/// The failure that was kept aside, if there is one.
pub(crate) fn kept(failure: &Failure) -> Option<GitError> {
    failure
        .lock()
        .unwrap_or_else(PoisonError::into_inner)
        .take()
}

/// An answer that is not what was asked for (HAZARDS.md T-49).
pub(crate) fn lied(url: &str, what: &str) -> GitError {
    GitError::ServerLied {
        url: url.to_owned(),
        what: what.to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn packets(payloads: &[&[u8]]) -> Vec<u8> {
        let mut out = Vec::new();
        for payload in payloads {
            out.extend_from_slice(format!("{:04x}", payload.len() + 4).as_bytes());
            out.extend_from_slice(payload);
        }
        out.extend_from_slice(b"0000");
        out
    }

    fn open_bytes(bytes: &[u8]) -> Result<Pack<&[u8]>, GitError> {
        open_v2(PacketReader::new(bytes, "https://h/x"), &Limits::default())
    }

    #[test]
    fn progress_is_dropped_and_data_joined() {
        let bytes = packets(&[
            b"packfile\n",
            b"\x02\x1b[31mcounting",
            b"\x01PACK\0\0\0\x02\0\0",
            b"\x01\0\x01",
            b"\x01rest",
        ]);
        let mut pack = open_bytes(&bytes).expect("a pack");
        let mut all = Vec::new();
        pack.bytes.read_to_end(&mut all).expect("bytes");
        assert_eq!(
            (pack.objects, all.as_slice()),
            (1, &b"PACK\0\0\0\x02\0\0\0\x01rest"[..])
        );
    }

    #[test]
    fn claims_and_refusals_are_seen_before_indexing() {
        let bomb = packets(&[b"packfile\n", b"\x01PACK\0\0\0\x02\xff\xff\xff\xff"]);
        assert!(matches!(open_bytes(&bomb), Err(GitError::TooLarge { .. })));
        let fatal = packets(&[b"packfile\n", b"\x03secret \x1b[31m"]);
        let error = open_bytes(&fatal).err().expect("refused");
        assert!(matches!(&error, GitError::Server { .. }) && !error.to_string().contains("secret"));
        assert!(matches!(
            open_bytes(&packets(&[b"acknowledgments\n"])),
            Err(GitError::ServerLied { .. })
        ));
        assert!(matches!(
            open_bytes(&packets(&[b"packfile\n", b"\x01PAC"])),
            Err(GitError::ServerLied { .. })
        ));
    }
}
