//! What a server can do, learned once from its first answer.

use std::collections::BTreeMap;
use std::io::Read;

use crate::error::GitError;
use crate::pkt::{Packet, PacketReader};

/// Most capabilities read; servers send about a dozen.
const MAX_CAPABILITIES: usize = 256;

/// The protocol a server speaks, and its capabilities.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Server {
    /// Protocol version 2 (gitprotocol-v2(5)).
    V2 {
        /// `fetch` takes `filter`.
        filter: bool,
        /// `fetch` takes `deepen`.
        shallow: bool,
        /// `ls-refs` names the branch that HEAD will have in an empty repository.
        unborn: bool,
    },
    /// Version 0 or 1: refs come with every advertisement.
    V0,
}

/// Reads the start of an `info/refs` answer up to where version 2 is complete, or the refs of version 0 begin.
pub(crate) fn read_server<R: Read>(
    reader: &mut PacketReader<R>,
    service: &str,
) -> Result<(Server, Option<String>), GitError> {
    let mut line = next_line(reader)?;
    if line.strip_prefix("# service=") == Some(service) {
        let Packet::Flush = reader.next()? else {
            return Err(reader.not_git("its advertisement does not end its first section"));
        };
        let first = first_line(reader)?;
        let Some(first) = first else {
            return Ok((Server::V0, None));
        };
        line = first;
    }
    match line.as_str() {
        "version 2" => Ok((read_v2(reader)?, None)),
        "version 1" => Ok((Server::V0, first_line(reader)?)),
        _ => Ok((Server::V0, Some(line))),
    }
}

/// Refuses servers whose ids are of another hash than SHA-1.
pub(crate) fn check_format<R: Read>(
    reader: &PacketReader<R>,
    format: &str,
) -> Result<(), GitError> {
    if format == "sha1" {
        return Ok(());
    }
    Err(reader.not_git("its objects are named by another hash than SHA-1"))
}

fn read_v2<R: Read>(reader: &mut PacketReader<R>) -> Result<Server, GitError> {
    let mut found: BTreeMap<String, String> = BTreeMap::new();
    loop {
        let text = match reader.next()? {
            Packet::Flush => break,
            packet => packet.text().map(str::to_owned),
        };
        let Some(text) = text.filter(|_| found.len() < MAX_CAPABILITIES) else {
            return Err(reader.not_git("its capabilities do not end"));
        };
        let (key, value) = text.split_once('=').unwrap_or((&text, ""));
        found.insert(key.to_owned(), value.to_owned());
    }
    check_format(
        reader,
        found.get("object-format").map_or("sha1", String::as_str),
    )?;
    let Some(fetch) = found.get("fetch") else {
        return Err(reader.not_git("it does not offer `fetch`"));
    };
    let has = |of: &str, word: &str| of.split(' ').any(|w| w == word);
    Ok(Server::V2 {
        filter: has(fetch, "filter"),
        shallow: has(fetch, "shallow"),
        unborn: found.get("ls-refs").is_some_and(|l| has(l, "unborn")),
    })
}

fn next_line<R: Read>(reader: &mut PacketReader<R>) -> Result<String, GitError> {
    let text = reader.next()?.text().map(str::to_owned);
    text.ok_or_else(|| reader.not_git("its advertisement is empty"))
}

fn first_line<R: Read>(reader: &mut PacketReader<R>) -> Result<Option<String>, GitError> {
    let text = match reader.next()? {
        Packet::Flush | Packet::End => return Ok(None),
        packet => packet.text().map(str::to_owned),
    };
    match text {
        Some(text) => Ok(Some(text)),
        None => Err(reader.not_git("its advertisement is not text")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::pkt;

    fn advertisement(lines: &[&str]) -> Vec<u8> {
        let mut out = Vec::new();
        pkt::put(&mut out, "# service=git-upload-pack\n");
        pkt::put_flush(&mut out);
        for line in lines {
            pkt::put(&mut out, line);
        }
        pkt::put_flush(&mut out);
        out
    }

    fn read(bytes: &[u8]) -> Result<(Server, Option<String>), GitError> {
        read_server(
            &mut PacketReader::new(bytes, "https://h/x"),
            "git-upload-pack",
        )
    }

    #[test]
    fn version_2_says_what_fetch_takes() {
        let bytes = advertisement(&["version 2\n", "ls-refs=unborn\n", "fetch=shallow filter\n"]);
        let server = Server::V2 {
            filter: true,
            shallow: true,
            unborn: true,
        };
        assert_eq!(read(&bytes).expect("v2"), (server, None));
    }

    #[test]
    fn older_versions_hand_over_their_first_ref() {
        let bytes = advertisement(&["version 1\n", "abc HEAD\0caps\n"]);
        assert_eq!(
            read(&bytes).expect("v1"),
            (Server::V0, Some("abc HEAD\0caps".to_owned()))
        );
    }

    #[test]
    fn another_hash_is_refused() {
        let bytes = advertisement(&["version 2\n", "fetch\n", "object-format=sha256\n"]);
        assert!(matches!(read(&bytes), Err(GitError::NotGit { .. })));
    }
}
