//! Packs of whole objects (gitformat-pack(5)): for a push, and to put many small packs into one.

use std::io::{self, Write};

use gix::objs::Kind;
use gix_pack::data::entry::Header;

/// Writes a pack of a number of objects that is known at the start.
pub(crate) struct PackWriter<W> {
    out: W,
    hasher: gix::hash::Hasher,
    entry: Vec<u8>,
}

impl<W: Write> PackWriter<W> {
    pub(crate) fn new(out: W, objects: u32) -> io::Result<Self> {
        let mut writer = Self {
            out,
            hasher: gix::hash::hasher(gix::hash::Kind::Sha1),
            entry: b"PACK\0\0\0\x02".to_vec(),
        };
        writer.entry.extend_from_slice(&objects.to_be_bytes());
        writer.write_entry()?;
        Ok(writer)
    }

    /// Appends an object.
    pub(crate) fn put(&mut self, kind: Kind, data: &[u8]) -> io::Result<()> {
        let header = match kind {
            Kind::Commit => Header::Commit,
            Kind::Tree => Header::Tree,
            Kind::Blob => Header::Blob,
            Kind::Tag => Header::Tag,
        };
        self.entry.clear();
        header.write_to(data.len() as u64, &mut self.entry)?;
        let compression = gix::zlib::Compression::DEFAULT;
        let mut deflate = gix::zlib::stream::deflate::Write::new(&mut self.entry, compression);
        deflate.write_all(data)?;
        deflate.flush()?;
        self.write_entry()
    }

    /// Appends the checksum and hands the pack back.
    pub(crate) fn finish(mut self) -> io::Result<W> {
        let collided = |_| io::Error::other("the pack is part of a SHA-1 collision");
        let checksum = self.hasher.try_finalize().map_err(collided)?;
        self.out.write_all(checksum.as_slice())?;
        self.out.flush()?;
        Ok(self.out)
    }

    fn write_entry(&mut self) -> io::Result<()> {
        self.hasher.update(&self.entry);
        self.out.write_all(&self.entry)
    }
}
