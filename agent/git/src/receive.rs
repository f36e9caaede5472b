//! One request for objects, and the pack that comes put into the store.

use std::io::{BufRead, Read};
use std::sync::atomic::AtomicBool;

use crate::capabilities::Server;
use crate::error::GitError;
use crate::fetch::Fetched;
use crate::fetch_request::FetchRequest;
use crate::pack_stream::{self, Pack, lied, taken};
use crate::remote::{Remote, Service};
use crate::store::Store;

impl Store {
    /// Sends one request for objects and indexes the pack that comes.
    pub(crate) fn receive(
        &mut self,
        remote: &mut Remote,
        request: &FetchRequest,
        cap: u64,
        cost: &mut Fetched,
    ) -> Result<(), GitError> {
        cost.requests += 1;
        let url = remote.url().as_str().to_owned();
        let interrupt = remote.client().interrupt();
        cost.objects += match remote.server()? {
            Server::V2 { .. } => {
                let reader = remote.post(Service::UploadPack, true, request.version_2(), cap)?;
                let pack = pack_stream::open_v2(reader, &self.limits)?;
                self.index(pack, request, &url, &interrupt)?
            }
            Server::V0 => {
                let reader = remote.post(Service::UploadPack, false, request.version_0(), cap)?;
                let pack = pack_stream::open_v0(reader, &self.limits)?;
                self.index(pack, request, &url, &interrupt)?
            }
        };
        Ok(())
    }

    /// Writes a pack and its index; every object is inflated and named by its content on the way (HAZARDS.md T-12, T-13).
    fn index<R: Read>(
        &self,
        mut pack: Pack<R>,
        request: &FetchRequest,
        url: &str,
        interrupt: &AtomicBool,
    ) -> Result<u32, GitError> {
        if pack.objects == 0 {
            std::io::copy(&mut pack.bytes, &mut std::io::sink())
                .map_err(|error| taken(&pack.failure, error, url))?;
            return Ok(0);
        }
        let written = self.write_bundle(&mut pack.bytes, request.is_thin(), interrupt);
        let outcome = written.map_err(|error| self.index_error(&pack, &error, url))?;
        self.objects.reopen(self.path())?;
        // The rest of the answer, so that its connection can be used again.
        std::io::copy(&mut pack.bytes, &mut std::io::sink())
            .map_err(|error| taken(&pack.failure, error, url))?;
        Ok(outcome.index.num_objects)
    }

    /// Writes a pack into the store and an index beside it; a thin one with the objects that its deltas build on.
    pub(crate) fn write_bundle(
        &self,
        pack: &mut dyn BufRead,
        thin: bool,
        interrupt: &AtomicBool,
    ) -> gix::Result<gix_pack::bundle::write::Outcome> {
        let options = gix_pack::bundle::write::Options {
            thread_limit: Some(1),
            alloc_limit_bytes: Some(self.limits.object_bytes),
            ..gix_pack::bundle::write::Options::default()
        };
        let outcome = gix_pack::Bundle::write_to_directory(
            pack,
            Some(&self.pack_directory()),
            &mut gix::progress::Discard,
            interrupt,
            thin.then(|| self.objects.repository().objects.clone()),
            gix::hash::Kind::Sha1,
            options,
        )?;
        if let Some(keep) = &outcome.keep_path {
            std::fs::remove_file(keep).map_err(gix::Error::from_error)?;
        }
        Ok(outcome)
    }

    fn index_error<R: Read>(&self, pack: &Pack<R>, error: &gix::Error, url: &str) -> GitError {
        pack_stream::kept(&pack.failure).unwrap_or_else(|| self.pack_error(error, url))
    }

    /// Why a pack could not be put into the store; `from` names where it came from.
    pub(crate) fn pack_error(&self, error: &gix::Error, from: &str) -> GitError {
        let full = error.classify().any(|class| {
            class
                .io_kind()
                .is_some_and(|kind| crate::error::is_full(&std::io::Error::from(kind)))
        });
        if full {
            return GitError::DiskFull;
        }
        if error
            .classify()
            .any(|class| matches!(class.class(), gix::error::Class::ResourceExhaustion(_)))
        {
            return GitError::TooLarge {
                what: format!("an object of {from}"),
                limit: format!("{} bytes", self.limits.object_bytes),
            };
        }
        lied(from, "a damaged pack")
    }
}
