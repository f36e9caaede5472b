//! The request for objects, in protocol version 2 and in version 0.

use gix::ObjectId;

use crate::pkt;
use crate::remote::AGENT;

/// What is wanted. Negotiation is one round: what we have is said at once, and `done`.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct FetchRequest {
    pub(crate) wants: Vec<ObjectId>,
    /// Commits whose trees we have all; with [`Depth::One`], all of whose files, and whose parents we lack.
    pub(crate) haves: Vec<ObjectId>,
    pub(crate) filter: Filter,
    pub(crate) depth: Depth,
}

/// What the server leaves out.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(crate) enum Filter {
    #[default]
    None,
    /// Files.
    Blobs,
    /// Files and trees: commits only.
    Trees,
}

/// How much history is sent.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(crate) enum Depth {
    #[default]
    All,
    /// The wanted commits alone.
    One,
}

impl FetchRequest {
    /// True when the pack may hold deltas to objects we have. Only then a server leaves out what commits have in common
    /// that are not related to each other, as those of a shallow history look to it.
    pub(crate) fn is_thin(&self) -> bool {
        match self.depth {
            Depth::All => false,
            Depth::One => !self.haves.is_empty(),
        }
    }

    /// The body for protocol version 2.
    pub(crate) fn version_2(&self) -> Vec<u8> {
        let mut body = Vec::with_capacity(256 + 50 * (self.wants.len() + self.haves.len()));
        pkt::put(&mut body, "command=fetch\n");
        pkt::put(&mut body, AGENT);
        pkt::put(&mut body, "object-format=sha1");
        pkt::put_delimiter(&mut body);
        pkt::put(&mut body, "no-progress\n");
        pkt::put(&mut body, "ofs-delta\n");
        if self.is_thin() {
            pkt::put(&mut body, "thin-pack\n");
        }
        match self.filter {
            Filter::None => {}
            Filter::Blobs => pkt::put(&mut body, "filter blob:none\n"),
            Filter::Trees => pkt::put(&mut body, "filter tree:0\n"),
        }
        match self.depth {
            Depth::All => {}
            Depth::One => {
                pkt::put(&mut body, "deepen 1\n");
                for id in &self.haves {
                    pkt::put(&mut body, &format!("shallow {id}\n"));
                }
            }
        }
        for id in &self.wants {
            pkt::put(&mut body, &format!("want {id}\n"));
        }
        for id in &self.haves {
            pkt::put(&mut body, &format!("have {id}\n"));
        }
        pkt::put(&mut body, "done\n");
        pkt::put_flush(&mut body);
        body
    }

    /// The body for protocol version 0, which knows wants and haves alone as we use it.
    pub(crate) fn version_0(&self) -> Vec<u8> {
        let mut body = Vec::with_capacity(256);
        for (place, id) in self.wants.iter().enumerate() {
            if place == 0 {
                let thin = if self.is_thin() { " thin-pack" } else { "" };
                pkt::put(
                    &mut body,
                    &format!("want {id} side-band-64k ofs-delta{thin} no-progress {AGENT}\n"),
                );
            } else {
                pkt::put(&mut body, &format!("want {id}\n"));
            }
        }
        if self.depth == Depth::One {
            for id in &self.haves {
                pkt::put(&mut body, &format!("shallow {id}\n"));
            }
            pkt::put(&mut body, "deepen 1\n");
        }
        pkt::put_flush(&mut body);
        for id in &self.haves {
            pkt::put(&mut body, &format!("have {id}\n"));
        }
        pkt::put(&mut body, "done\n");
        body
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_round_says_everything() {
        let id = ObjectId::empty_tree(gix::hash::Kind::Sha1);
        let request = FetchRequest {
            wants: vec![id],
            haves: vec![id],
            filter: Filter::Blobs,
            depth: Depth::One,
        };
        let text = String::from_utf8(request.version_2()).expect("text");
        assert!(text.starts_with("0012command=fetch\n"), "{text}");
        assert!(
            text.ends_with(&format!(
                "deepen 1\n0035shallow {id}\n0032want {id}\n0032have {id}\n0009done\n0000"
            )),
            "{text}"
        );
        let text = String::from_utf8(request.version_0()).expect("text");
        assert!(
            text.ends_with(&format!("deepen 1\n00000032have {id}\n0009done\n")),
            "{text}"
        );
    }
}
