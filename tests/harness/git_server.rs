//! A real Git server on loopback: `git http-backend` behind a small CGI bridge, plain or TLS, with a log and faults.

mod exchange;
mod repository;

use std::collections::VecDeque;
use std::io::{Read, Write};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::thread;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;

use exchange::{Incoming, Outgoing, read_request, run_backend, write_response};
pub use repository::{TestRepository, git};

/// A server for every bare repository below one directory.
#[derive(Debug)]
pub struct GitServer {
    shared: Arc<Shared>,
    address: SocketAddr,
    ca_pem: Option<String>,
}

/// How good the certificate of an HTTPS server is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Certificate {
    /// For its address, and valid.
    Good,
    /// For another name.
    OtherName,
    /// For its address, and no longer valid.
    Expired,
}

/// What the server demands.
#[derive(Debug, Clone, Default)]
pub enum Auth {
    /// Nothing.
    #[default]
    Anonymous,
    /// A user and a password.
    Basic(String, String),
    /// A token.
    Bearer(String),
}

/// What the server does in place of its work.
#[derive(Debug, Clone)]
pub enum Fault {
    /// Answers with a status and headers.
    Status(u16, Vec<(String, String)>),
    /// Answers 200 with a page.
    Html,
    /// Answers with a redirect: status and Location.
    Redirect(u16, String),
    /// Reads the request and never answers.
    Stall,
    /// Answers as usual, but stops after so many bytes of the body and never goes on.
    StallAfter(usize),
    /// Answers 200 with this content type and body.
    Answer(String, Vec<u8>),
}

/// One request, as it came.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LoggedRequest {
    /// GET or POST.
    pub method: String,
    /// Path and query.
    pub path: String,
    /// Headers, names in lower case.
    pub headers: Vec<(String, String)>,
    /// Bytes of the body.
    pub body_bytes: usize,
    /// Which connection it came on.
    pub connection: u64,
}

impl LoggedRequest {
    /// The value of a header.
    #[must_use]
    pub fn header(&self, name: &str) -> Option<&str> {
        self.headers
            .iter()
            .find_map(|(key, value)| (key == name).then_some(value.as_str()))
    }
}

#[derive(Debug)]
struct Shared {
    directory: PathBuf,
    log: Mutex<Vec<LoggedRequest>>,
    auth: Mutex<Auth>,
    fault: Mutex<Option<Fault>>,
    once: Mutex<VecDeque<Fault>>,
    connections: AtomicU64,
    old_protocol: AtomicBool,
    stopped: AtomicBool,
    /// Sockets that are stalled on purpose, kept open.
    stalled: Mutex<Vec<Box<dyn Stream>>>,
}

trait Stream: Read + Write + Send {}
impl<T: Read + Write + Send> Stream for T {}

impl std::fmt::Debug for dyn Stream {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("a stalled socket")
    }
}

impl GitServer {
    /// Serves `directory` over HTTP on a free port of the loopback.
    ///
    /// # Panics
    /// When the loopback cannot be listened on.
    #[must_use]
    pub fn start(directory: &Path) -> Self {
        Self::serve(directory, None)
    }

    /// Serves `directory` over HTTPS, with a certificate of a CA made for it.
    ///
    /// # Panics
    /// When the certificate cannot be made or the loopback cannot be listened on.
    #[must_use]
    pub fn start_tls(directory: &Path, certificate: Certificate) -> Self {
        Self::serve(directory, Some(Tls::new(certificate)))
    }

    /// The URL all repositories are below, without a slash at the end.
    #[must_use]
    pub fn url(&self) -> String {
        let scheme = if self.ca_pem.is_some() {
            "https"
        } else {
            "http"
        };
        format!("{scheme}://{}", self.address)
    }

    /// The certificate of the CA, of an HTTPS server.
    #[must_use]
    pub fn ca_pem(&self) -> Option<&str> {
        self.ca_pem.as_deref()
    }

    /// Makes an empty bare repository and names its URL. Filters and pushes are allowed.
    #[must_use]
    pub fn create(&self, name: &str) -> TestRepository {
        let path = self.shared.directory.join(format!("{name}.git"));
        TestRepository::init(path, format!("{}/{name}.git", self.url()))
    }

    /// Demands credentials from now on.
    pub fn set_auth(&self, auth: Auth) {
        *locked(&self.shared.auth) = auth;
    }

    /// Does this to every request from now on.
    pub fn set_fault(&self, fault: Option<Fault>) {
        *locked(&self.shared.fault) = fault;
    }

    /// Does this to the next request alone.
    pub fn fault_once(&self, fault: Fault) {
        locked(&self.shared.once).push_back(fault);
    }

    /// Speaks protocol version 0 whatever the client asks for.
    pub fn hide_protocol(&self, hide: bool) {
        self.shared.old_protocol.store(hide, Ordering::SeqCst);
    }

    /// Takes the log: every request since it was last taken.
    #[must_use]
    pub fn take_requests(&self) -> Vec<LoggedRequest> {
        std::mem::take(&mut locked(&self.shared.log))
    }

    /// Connections accepted so far.
    #[must_use]
    pub fn connections(&self) -> u64 {
        self.shared.connections.load(Ordering::SeqCst)
    }

    fn serve(directory: &Path, tls: Option<Tls>) -> Self {
        let listener =
            TcpListener::bind("127.0.0.1:0").expect("because the loopback has free ports");
        let address = listener.local_addr().expect("because it is bound");
        let shared = Arc::new(Shared {
            directory: directory.to_owned(),
            log: Mutex::default(),
            auth: Mutex::default(),
            fault: Mutex::default(),
            once: Mutex::default(),
            connections: AtomicU64::new(0),
            old_protocol: AtomicBool::new(false),
            stopped: AtomicBool::new(false),
            stalled: Mutex::default(),
        });
        let ca_pem = tls.as_ref().map(|tls| tls.ca_pem.clone());
        let config = tls.map(|tls| tls.config);
        let server = Arc::clone(&shared);
        thread::spawn(move || accept(&listener, &server, config.as_ref()));
        Self {
            shared,
            address,
            ca_pem,
        }
    }
}

impl Drop for GitServer {
    fn drop(&mut self) {
        self.shared.stopped.store(true, Ordering::SeqCst);
        locked(&self.shared.stalled).clear();
        // Wakes the listener, so that it sees the flag.
        drop(TcpStream::connect(self.address));
    }
}

struct Tls {
    config: Arc<rustls::ServerConfig>,
    ca_pem: String,
}

impl Tls {
    fn new(certificate: Certificate) -> Self {
        use rcgen::{BasicConstraints, CertificateParams, IsCa, Issuer, KeyPair};
        let made = "because parameters and keys are plain";
        let ca_key = KeyPair::generate().expect(made);
        let mut ca = CertificateParams::new(Vec::new()).expect(made);
        ca.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        let ca_pem = ca.self_signed(&ca_key).expect(made).pem();
        let issuer = Issuer::new(ca, ca_key);
        let key = KeyPair::generate().expect(made);
        let name = match certificate {
            Certificate::Good | Certificate::Expired => "127.0.0.1",
            Certificate::OtherName => "git.example",
        };
        let mut leaf = CertificateParams::new(vec![name.to_owned()]).expect(made);
        if certificate == Certificate::Expired {
            leaf.not_after = rcgen::date_time_ymd(2020, 1, 1);
        }
        let leaf = leaf.signed_by(&key, &issuer).expect(made);
        let key = rustls::pki_types::PrivateKeyDer::try_from(key.serialize_der()).expect(made);
        let provider = Arc::new(rustls::crypto::ring::default_provider());
        let config = rustls::ServerConfig::builder_with_provider(provider)
            .with_safe_default_protocol_versions()
            .expect(made)
            .with_no_client_auth()
            .with_single_cert(vec![leaf.der().clone()], key)
            .expect(made);
        Self {
            config: Arc::new(config),
            ca_pem,
        }
    }
}

fn accept(listener: &TcpListener, shared: &Arc<Shared>, tls: Option<&Arc<rustls::ServerConfig>>) {
    for socket in listener.incoming() {
        if shared.stopped.load(Ordering::SeqCst) {
            return;
        }
        let Ok(socket) = socket else { continue };
        socket.set_nodelay(true).ok();
        let connection = shared.connections.fetch_add(1, Ordering::SeqCst) + 1;
        let shared = Arc::clone(shared);
        let tls = tls.cloned();
        thread::spawn(move || {
            let stream: Box<dyn Stream> = match tls {
                None => Box::new(socket),
                Some(config) => match rustls::ServerConnection::new(config) {
                    Ok(session) => Box::new(rustls::StreamOwned::new(session, socket)),
                    Err(_) => return,
                },
            };
            converse(stream, connection, &shared);
        });
    }
}

/// Answers the requests of one connection, one after the other.
fn converse(mut stream: Box<dyn Stream>, connection: u64, shared: &Arc<Shared>) {
    while let Some(mut request) = read_request(&mut stream) {
        locked(&shared.log).push(LoggedRequest {
            method: request.method.clone(),
            path: request.path.clone(),
            headers: request.headers.clone(),
            body_bytes: request.body.len(),
            connection,
        });
        if shared.old_protocol.load(Ordering::SeqCst) {
            request.headers.retain(|(key, _)| key != "git-protocol");
        }
        let once = locked(&shared.once).pop_front();
        let fault = once.or_else(|| locked(&shared.fault).clone());
        let response = match fault {
            None => respond(&request, shared),
            Some(Fault::StallAfter(bytes)) => {
                let mut response = respond(&request, shared);
                response.cut = Some(bytes);
                response
            }
            Some(Fault::Stall) => {
                locked(&shared.stalled).push(stream);
                return;
            }
            Some(Fault::Status(status, headers)) => Outgoing::status(status, headers),
            Some(Fault::Html) => {
                Outgoing::of("text/html; charset=utf-8", b"<html>Log in</html>".to_vec())
            }
            Some(Fault::Redirect(status, to)) => {
                Outgoing::status(status, vec![("Location".to_owned(), to)])
            }
            Some(Fault::Answer(content_type, body)) => Outgoing::of(&content_type, body),
        };
        let stalls = response.cut.is_some();
        if write_response(&mut stream, &response).is_err() {
            return;
        }
        if stalls {
            locked(&shared.stalled).push(stream);
            return;
        }
    }
}

fn respond(request: &Incoming, shared: &Shared) -> Outgoing {
    let demanded = match &*locked(&shared.auth) {
        Auth::Anonymous => None,
        Auth::Basic(user, password) => Some(format!(
            "Basic {}",
            STANDARD.encode(format!("{user}:{password}"))
        )),
        Auth::Bearer(token) => Some(format!("Bearer {token}")),
    };
    if demanded.is_some() && request.header("authorization") != demanded.as_deref() {
        let challenge = (
            "WWW-Authenticate".to_owned(),
            "Basic realm=\"git\"".to_owned(),
        );
        return Outgoing::status(401, vec![challenge]);
    }
    run_backend(request, &shared.directory)
}

fn locked<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
