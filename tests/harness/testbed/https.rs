//! A few lines of HTTPS for arranging and looking at a cluster without the client that is under test.

use std::io::{self, Read, Write};
use std::net::{Ipv4Addr, TcpStream};
use std::sync::Arc;
use std::time::Duration;

use rustls::pki_types::pem::PemObject as _;
use rustls::pki_types::{CertificateDer, ServerName};
use rustls::{ClientConfig, ClientConnection, RootCertStore, StreamOwned};

/// Longest wait for bytes of an answer.
const TIMEOUT: Duration = Duration::from_secs(30);

/// An HTTPS client for one server on loopback and one bearer token: one connection for each request.
#[derive(Debug, Clone)]
pub struct Https {
    port: u16,
    token: String,
    config: Arc<ClientConfig>,
}

/// An answer: its status and its body.
#[derive(Debug, Clone)]
pub struct Answer {
    /// The HTTP status code.
    pub status: u16,
    /// The body.
    pub body: String,
}

impl Answer {
    /// The body as JSON; null when it is not.
    #[must_use]
    pub fn json(&self) -> serde_json::Value {
        serde_json::from_str(&self.body).unwrap_or_default()
    }
}

impl Https {
    /// Trusts the certificates of `ca` (PEM).
    ///
    /// # Panics
    /// Never: ring supports the default protocol versions.
    #[must_use]
    pub fn new(port: u16, ca: &str, token: &str) -> Self {
        let mut roots = RootCertStore::empty();
        roots.add_parsable_certificates(CertificateDer::pem_slice_iter(ca.as_bytes()).flatten());
        let config =
            ClientConfig::builder_with_provider(Arc::new(rustls::crypto::ring::default_provider()))
                .with_safe_default_protocol_versions()
                .expect("because ring supports the default protocol versions")
                .with_root_certificates(roots)
                .with_no_client_auth();
        Self {
            port,
            token: token.to_owned(),
            config: Arc::new(config),
        }
    }

    /// The same server seen by another user.
    #[must_use]
    pub fn with_token(&self, token: &str) -> Self {
        Self {
            token: token.to_owned(),
            ..self.clone()
        }
    }

    /// One request and its whole answer.
    ///
    /// # Errors
    /// When there is no connection or no well-formed answer.
    pub fn request(
        &self,
        method: &str,
        path: &str,
        content_type: &str,
        body: &str,
    ) -> io::Result<Answer> {
        let name = ServerName::from(std::net::IpAddr::from(Ipv4Addr::LOCALHOST));
        let session = ClientConnection::new(self.config.clone(), name).map_err(io::Error::other)?;
        let mut stream = StreamOwned::new(session, connect(self.port)?);
        // HTTP/1.0: the answer is neither chunked nor kept alive.
        let head = format!(
            "{method} {path} HTTP/1.0\r\nHost: 127.0.0.1\r\nAuthorization: Bearer {}\r\nAccept: application/json\r\n\
             Content-Type: {content_type}\r\nContent-Length: {}\r\n\r\n",
            self.token,
            body.len()
        );
        exchange(&mut stream, &format!("{head}{body}"))
    }
}

/// True when etcd on this port says that it is healthy.
#[must_use]
pub fn is_healthy(port: u16) -> bool {
    connect(port)
        .and_then(|mut stream| {
            exchange(
                &mut stream,
                "GET /health HTTP/1.0\r\nHost: 127.0.0.1\r\n\r\n",
            )
        })
        .is_ok_and(|answer| answer.status == 200)
}

fn connect(port: u16) -> io::Result<TcpStream> {
    let stream = TcpStream::connect((Ipv4Addr::LOCALHOST, port))?;
    stream.set_read_timeout(Some(TIMEOUT))?;
    stream.set_write_timeout(Some(TIMEOUT))?;
    Ok(stream)
}

fn exchange(stream: &mut (impl Read + Write), request: &str) -> io::Result<Answer> {
    stream.write_all(request.as_bytes())?;
    stream.flush()?;
    let mut bytes = Vec::new();
    match stream.read_to_end(&mut bytes) {
        Ok(_) => {}
        // The connection may end without TLS's close message: Content-Length is not checked, JSON is.
        Err(error) if error.kind() == io::ErrorKind::UnexpectedEof => {}
        Err(error) => return Err(error),
    }
    let text = String::from_utf8_lossy(&bytes);
    let (head, body) = text
        .split_once("\r\n\r\n")
        .ok_or(io::ErrorKind::InvalidData)?;
    let status = head.split(' ').nth(1).and_then(|code| code.parse().ok());
    Ok(Answer {
        status: status.ok_or(io::ErrorKind::InvalidData)?,
        body: body.to_owned(),
    })
}
