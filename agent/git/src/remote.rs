//! One repository on a server: its URL, its credentials and what was learned about it.

use crate::capabilities::{Server, read_server};
use crate::credentials::Credentials;
use crate::error::GitError;
use crate::http::{Answer, Body, HttpClient, Method, Request};
use crate::pkt::PacketReader;
use crate::url::{Place, RemoteUrl};

/// Most bytes of an advertisement or a list of refs: about 200,000 refs.
pub(crate) const MAX_REFS_BYTES: u64 = 16 << 20;

/// The name of this client in the protocol.
pub(crate) const AGENT: &str = concat!("agent=muster/", env!("CARGO_PKG_VERSION"));

/// A repository on a server, spoken to over the shared client's kept-alive connections.
#[derive(Debug)]
pub struct Remote {
    client: HttpClient,
    url: RemoteUrl,
    credentials: Credentials,
    /// Where the server itself says the repository is; within the bounds of [`crate::redirect`].
    moved: Option<String>,
    server: Option<Server>,
}

/// The two services of a Git server.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Service {
    UploadPack,
    ReceivePack,
}

impl Remote {
    /// Names a repository; nothing is sent yet.
    ///
    /// # Errors
    /// When the URL is a `file:///` one: such a clone is opened with [`crate::LocalRepository`].
    pub fn new(
        client: &HttpClient,
        url: RemoteUrl,
        credentials: Credentials,
    ) -> Result<Self, GitError> {
        match url.place() {
            Place::Http(_) => {}
            Place::File(_) => {
                return Err(GitError::InvalidUrl {
                    why: "names a directory, where a server is needed",
                });
            }
        }
        credentials.header()?;
        Ok(Self {
            client: client.clone(),
            url,
            credentials,
            moved: None,
            server: None,
        })
    }

    /// The URL as configured.
    #[must_use]
    pub fn url(&self) -> &RemoteUrl {
        &self.url
    }

    /// Takes new credentials, for the next request on.
    ///
    /// # Errors
    /// When they cannot be sent.
    pub fn set_credentials(&mut self, credentials: Credentials) -> Result<(), GitError> {
        credentials.header()?;
        self.credentials = credentials;
        Ok(())
    }

    /// The shared client.
    pub(crate) fn client(&self) -> &HttpClient {
        &self.client
    }

    /// What the server speaks, asked once; see [`Remote::doubt`].
    pub(crate) fn server(&mut self) -> Result<Server, GitError> {
        if let Some(server) = &self.server {
            return Ok(server.clone());
        }
        let (server, _, _) = self.advertisement(Service::UploadPack)?;
        self.server = Some(server.clone());
        Ok(server)
    }

    /// Asks anew next time, when an error hints at another server than before.
    pub(crate) fn doubt(&mut self, error: &GitError) {
        if matches!(
            error,
            GitError::NotGit { .. }
                | GitError::NotFound { .. }
                | GitError::RedirectRefused { .. }
                | GitError::ServerLied { .. }
        ) {
            self.server = None;
            self.moved = None;
        }
    }

    /// GETs `info/refs`: the server, the first line of a version 0 advertisement, and the reader behind it.
    pub(crate) fn advertisement(
        &mut self,
        service: Service,
    ) -> Result<(Server, Option<String>, PacketReader<Body>), GitError> {
        let answer = self.send(&Ask {
            suffix: service.info_refs(),
            method: Method::Get,
            expect: service.advertisement_type(),
            version_2: service == Service::UploadPack,
            cap: MAX_REFS_BYTES,
        })?;
        let mut reader = PacketReader::new(answer.body, self.url.as_str());
        let (server, first) = read_server(&mut reader, service.name())?;
        Ok((server, first, reader))
    }

    /// POSTs a request to one of the services.
    pub(crate) fn post(
        &mut self,
        service: Service,
        version_2: bool,
        body: Vec<u8>,
        cap: u64,
    ) -> Result<PacketReader<Body>, GitError> {
        let answer = self.send(&Ask {
            suffix: service.path(),
            method: Method::Post {
                content_type: service.request_type(),
                body: body.into(),
            },
            expect: service.result_type(),
            version_2,
            cap,
        })?;
        Ok(PacketReader::new(answer.body, self.url.as_str()))
    }

    fn send(&mut self, ask: &Ask) -> Result<Answer, GitError> {
        let base = self.moved.as_deref().unwrap_or(self.url.as_str());
        let answer = self.client.send(&Request {
            base,
            suffix: ask.suffix,
            credentials: &self.credentials,
            method: ask.method.clone(),
            expect: ask.expect,
            version_2: ask.version_2,
            cap: ask.cap,
        });
        match answer {
            Ok(answer) => {
                if let Some(moved) = &answer.moved {
                    self.moved = Some(moved.clone());
                }
                Ok(answer)
            }
            Err(error) => {
                self.doubt(&error);
                Err(error)
            }
        }
    }
}

/// A request before its base URL and credentials are added.
struct Ask {
    suffix: &'static str,
    method: Method,
    expect: &'static str,
    version_2: bool,
    cap: u64,
}

impl Service {
    fn name(self) -> &'static str {
        match self {
            Self::UploadPack => "git-upload-pack",
            Self::ReceivePack => "git-receive-pack",
        }
    }

    fn path(self) -> &'static str {
        match self {
            Self::UploadPack => "/git-upload-pack",
            Self::ReceivePack => "/git-receive-pack",
        }
    }

    fn info_refs(self) -> &'static str {
        match self {
            Self::UploadPack => "/info/refs?service=git-upload-pack",
            Self::ReceivePack => "/info/refs?service=git-receive-pack",
        }
    }

    fn advertisement_type(self) -> &'static str {
        match self {
            Self::UploadPack => "application/x-git-upload-pack-advertisement",
            Self::ReceivePack => "application/x-git-receive-pack-advertisement",
        }
    }

    fn request_type(self) -> &'static str {
        match self {
            Self::UploadPack => "application/x-git-upload-pack-request",
            Self::ReceivePack => "application/x-git-receive-pack-request",
        }
    }

    fn result_type(self) -> &'static str {
        match self {
            Self::UploadPack => "application/x-git-upload-pack-result",
            Self::ReceivePack => "application/x-git-receive-pack-result",
        }
    }
}
