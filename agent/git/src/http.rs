//! One HTTP client for every repository: kept-alive connections, no redirects but our own, bounds on everything.

use std::io::Read;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use reqwest::StatusCode;
use reqwest::header::{ACCEPT, AUTHORIZATION, CONTENT_TYPE, HeaderMap, LOCATION, RETRY_AFTER};

use crate::credentials::Credentials;
use crate::error::{GitError, chain, shown};
use crate::redirect;

/// Longest wait taken over from a server: an hour, so that a wrong header does not silence a cluster for a day.
const MAX_RETRY_AFTER: Duration = Duration::from_secs(3600);
/// Git's own prefix: forges tell Git from browsers by it.
const USER_AGENT: &str = concat!("git/muster-", env!("CARGO_PKG_VERSION"));

/// How servers are spoken to. The environment (`HTTPS_PROXY` and the like) is never read (HAZARDS.md T-50).
#[derive(Debug, Clone)]
pub struct HttpOptions {
    /// PEM certificates to trust besides the system's.
    pub ca_bundle: Option<Vec<u8>>,
    /// A proxy for every request.
    pub proxy: Option<String>,
    /// Time for DNS, TCP and TLS. 10 s: three SYN retransmissions.
    pub connect_timeout: Duration,
    /// Time without a byte after which a server counts as stalled. 30 s: a server that packs a large repository says so
    /// in the sideband every few seconds (Git's keep-alive is 5 s).
    pub idle_timeout: Duration,
    /// Time for one whole answer, against servers that trickle. 15 min: a 1 GiB pack at 10 Mbit/s.
    pub answer_timeout: Duration,
}

impl Default for HttpOptions {
    fn default() -> Self {
        Self {
            ca_bundle: None,
            proxy: None,
            connect_timeout: Duration::from_secs(10),
            idle_timeout: Duration::from_secs(30),
            answer_timeout: Duration::from_secs(900),
        }
    }
}

/// The shared client. Clones share connections and the interrupt flag.
#[derive(Debug, Clone)]
pub struct HttpClient {
    inner: reqwest::blocking::Client,
    answer_timeout: Duration,
    idle_timeout: Duration,
    interrupt: Arc<AtomicBool>,
}

/// One request below the base URL of a repository.
pub(crate) struct Request<'a> {
    /// The repository.
    pub(crate) base: &'a str,
    /// What follows it (`/git-upload-pack`).
    pub(crate) suffix: &'a str,
    pub(crate) credentials: &'a Credentials,
    pub(crate) method: Method,
    /// The only content type taken for an answer.
    pub(crate) expect: &'static str,
    /// Asks for protocol version 2.
    pub(crate) version_2: bool,
    /// Most bytes of the answer.
    pub(crate) cap: u64,
}

/// GET, or POST of bytes.
#[derive(Clone)]
pub(crate) enum Method {
    Get,
    Post {
        content_type: &'static str,
        body: bytes::Bytes,
    },
}

/// An answer of the right content type, read within its bounds.
pub(crate) struct Answer {
    pub(crate) body: Body,
    /// Where the repository really is, after a redirect that only canonicalised it.
    pub(crate) moved: Option<String>,
}

/// The body of an answer; stops at the cap, at the deadline and when interrupted.
pub(crate) struct Body {
    inner: reqwest::blocking::Response,
    url: String,
    left: u64,
    cap: u64,
    deadline: Instant,
    idle_timeout: Duration,
    interrupt: Arc<AtomicBool>,
}

impl HttpClient {
    /// Builds the client.
    ///
    /// # Errors
    /// When the CA bundle or the proxy cannot be used.
    pub fn new(options: &HttpOptions) -> Result<Self, GitError> {
        let setup = |what: &str, error: &dyn std::fmt::Display| GitError::Setup {
            why: format!("{what}: {error}"),
        };
        // Fails only when a provider is installed already, which is as good.
        rustls::crypto::ring::default_provider()
            .install_default()
            .ok();
        let certificates = match &options.ca_bundle {
            Some(pem) => reqwest::Certificate::from_pem_bundle(pem)
                .map_err(|error| setup("the CA bundle is not PEM", &error))?,
            None => Vec::new(),
        };
        let proxy = match &options.proxy {
            Some(proxy) => Some(
                reqwest::Proxy::all(proxy.as_str())
                    .map_err(|_shows_credentials| setup("the proxy", &"its URL cannot be read"))?,
            ),
            None => None,
        };
        let builder = || {
            let builder = reqwest::blocking::Client::builder()
                .user_agent(USER_AGENT)
                .no_proxy()
                .redirect(reqwest::redirect::Policy::none())
                .connect_timeout(options.connect_timeout)
                // For a blocking client this bounds the wait for headers and every single read, not the whole transfer.
                .timeout(options.idle_timeout)
                .tcp_nodelay(true);
            match &proxy {
                Some(proxy) => builder.proxy(proxy.clone()),
                None => builder,
            }
        };
        let inner = match builder().tls_certs_merge(certificates.clone()).build() {
            // An image without any certificate can still speak to what needs none.
            Err(_) => builder().tls_certs_only(certificates).build(),
            built => built,
        };
        Ok(Self {
            inner: inner.map_err(|error| setup("TLS", &error))?,
            answer_timeout: options.answer_timeout,
            idle_timeout: options.idle_timeout,
            interrupt: Arc::default(),
        })
    }

    /// The flag that ends every transfer at its next read.
    #[must_use]
    pub fn interrupt(&self) -> Arc<AtomicBool> {
        Arc::clone(&self.interrupt)
    }

    /// Sends a request; follows at most one redirect, and only one that canonicalises the repository's path.
    pub(crate) fn send(&self, request: &Request<'_>) -> Result<Answer, GitError> {
        let response = self.send_once(request, request.base)?;
        if !response.status().is_redirection() {
            return self.answer(request, response, None);
        }
        let moved = redirect::judge(
            request.base,
            request.suffix,
            response.headers().get(LOCATION),
        )
        .map_err(|what| GitError::RedirectRefused {
            url: request.base.to_owned(),
            what,
        })?;
        let response = self.send_once(request, &moved)?;
        if response.status().is_redirection() {
            return Err(GitError::RedirectRefused {
                url: request.base.to_owned(),
                what: "it redirects again and again",
            });
        }
        self.answer(request, response, Some(moved))
    }

    fn send_once(
        &self,
        request: &Request<'_>,
        base: &str,
    ) -> Result<reqwest::blocking::Response, GitError> {
        if self.interrupt.load(Ordering::Relaxed) {
            return Err(GitError::Interrupted);
        }
        let url = format!("{base}{}", request.suffix);
        let mut builder = match &request.method {
            Method::Get => self.inner.get(url),
            Method::Post { content_type, body } => self
                .inner
                .post(url)
                .header(CONTENT_TYPE, *content_type)
                .header(ACCEPT, request.expect)
                .body(body.clone()),
        };
        if request.version_2 {
            builder = builder.header("Git-Protocol", "version=2");
        }
        if let Some(value) = request.credentials.header()? {
            builder = builder.header(AUTHORIZATION, value);
        }
        builder
            .send()
            .map_err(|error| transport_error(request.base, self.idle_timeout, &error))
    }

    fn answer(
        &self,
        request: &Request<'_>,
        response: reqwest::blocking::Response,
        moved: Option<String>,
    ) -> Result<Answer, GitError> {
        check_status(request.base, response.status(), response.headers())?;
        let content_type = response
            .headers()
            .get(CONTENT_TYPE)
            .and_then(|value| value.to_str().ok())
            .unwrap_or("nothing");
        let essence = content_type.split(';').next().unwrap_or_default().trim();
        if !essence.eq_ignore_ascii_case(request.expect) {
            return Err(GitError::NotGit {
                url: request.base.to_owned(),
                what: format!("its answer is {}", shown(content_type)),
            });
        }
        Ok(Answer {
            body: Body {
                inner: response,
                url: request.base.to_owned(),
                left: request.cap,
                cap: request.cap,
                deadline: Instant::now() + self.answer_timeout,
                idle_timeout: self.idle_timeout,
                interrupt: self.interrupt(),
            },
            moved,
        })
    }
}

impl Body {
    /// Why reading must stop now, if it must.
    fn refusal(&self) -> Option<GitError> {
        if self.interrupt.load(Ordering::Relaxed) {
            return Some(GitError::Interrupted);
        }
        (Instant::now() > self.deadline).then(|| GitError::Unreachable {
            url: self.url.clone(),
            why: "its answer takes too long".to_owned(),
        })
    }

    fn too_large(&self) -> GitError {
        GitError::TooLarge {
            what: format!("the answer of {}", self.url),
            limit: format!("{} bytes", self.cap),
        }
    }
}

impl Read for Body {
    /// Errors carry a [`GitError`] inside.
    fn read(&mut self, buffer: &mut [u8]) -> std::io::Result<usize> {
        if let Some(error) = self.refusal() {
            return Err(std::io::Error::other(error));
        }
        let read = self.inner.read(buffer).map_err(|error| {
            std::io::Error::other(transport_error(&self.url, self.idle_timeout, &error))
        })?;
        let Some(left) = self.left.checked_sub(read as u64) else {
            return Err(std::io::Error::other(self.too_large()));
        };
        self.left = left;
        Ok(read)
    }
}

/// Takes the [`GitError`] out of what [`Body`] failed with.
pub(crate) fn read_error(url: &str, error: std::io::Error) -> GitError {
    match error.downcast::<GitError>() {
        Ok(error) => error,
        Err(error) if error.kind() == std::io::ErrorKind::UnexpectedEof => GitError::Unreachable {
            url: url.to_owned(),
            why: "the connection ended in the middle of an answer".to_owned(),
        },
        Err(error) => GitError::Unreachable {
            url: url.to_owned(),
            why: error.to_string(),
        },
    }
}

fn transport_error(
    url: &str,
    idle_timeout: Duration,
    error: &(dyn std::error::Error + 'static),
) -> GitError {
    let url = url.to_owned();
    if let Some(tls) = chain(error).find_map(|cause| cause.downcast_ref::<rustls::Error>()) {
        return GitError::Tls {
            url,
            why: shown(&tls.to_string()),
        };
    }
    let timed_out = chain(error).any(|cause| {
        cause
            .downcast_ref::<reqwest::Error>()
            .is_some_and(reqwest::Error::is_timeout)
    });
    let why = if timed_out {
        format!("no byte within {} s", idle_timeout.as_secs_f32())
    } else {
        chain(error)
            .last()
            .map_or_else(String::new, |cause| shown(&cause.to_string()))
    };
    GitError::Unreachable { url, why }
}

fn check_status(url: &str, status: StatusCode, headers: &HeaderMap) -> Result<(), GitError> {
    let retry_after = retry_after(headers);
    let url = url.to_owned();
    match status.as_u16() {
        200 => Ok(()),
        429 => Err(GitError::RateLimited { url, retry_after }),
        // Forges limit rates with 403 too, and say so by this header.
        403 if retry_after.is_some() => Err(GitError::RateLimited { url, retry_after }),
        status @ (401 | 403) => Err(GitError::Auth { url, status }),
        status @ (404 | 410) => Err(GitError::NotFound { url, status }),
        status @ 500..=599 => Err(GitError::Server {
            url,
            what: format!("HTTP {status}"),
            retry_after,
        }),
        status => Err(GitError::NotGit {
            url,
            what: format!("HTTP {status}"),
        }),
    }
}

/// Whole seconds only: a date would need the wall clock, which may be far off (HAZARDS.md T-40).
fn retry_after(headers: &HeaderMap) -> Option<Duration> {
    let text = headers.get(RETRY_AFTER)?.to_str().ok()?.trim();
    let seconds = if text.bytes().all(|b| b.is_ascii_digit()) && !text.is_empty() {
        text.parse().unwrap_or(u64::MAX)
    } else {
        return None;
    };
    Some(Duration::from_secs(seconds).min(MAX_RETRY_AFTER))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn retry_after_is_seconds_and_capped() {
        let of = |text: &str| {
            let mut headers = HeaderMap::new();
            headers.insert(RETRY_AFTER, text.parse().expect("a header"));
            retry_after(&headers)
        };
        assert_eq!(of("7"), Some(Duration::from_secs(7)));
        assert_eq!(of("99999999999999999999"), Some(MAX_RETRY_AFTER));
        assert_eq!(of("Wed, 21 Oct 2015 07:28:00 GMT"), None);
        assert_eq!(of("-5"), None);
    }
}
