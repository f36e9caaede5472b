//! Requests and whole answers: a limit on time, a limit on bytes, and no text of the server in any log.

use std::time::Duration;

use http::header::{ACCEPT, ACCEPT_ENCODING, CONTENT_TYPE, HeaderValue};
use http::{Method, Request, Response};
use http_body_util::{BodyExt as _, Limited};
use kube::Client;
use kube::client::Body;
use muster_model::{Node, ServiceAccount, json};

use crate::failure::{Failure, Operation};

/// Longest time for one request and its whole answer: half of the 60 s an agent may act on one epoch (HAZARDS.md P11).
pub(crate) const TIMEOUT: Duration = Duration::from_secs(30);
/// Largest answer: a page of 500 objects whose annotations are at Kubernetes' limit of 256 KiB would be 125 MiB, and
/// no real one is near a quarter of that.
const MAX_ANSWER: usize = 64 << 20;

/// Metadata of one object where the server can, the object itself where it cannot.
pub(crate) const METADATA: &str =
    "application/json;as=PartialObjectMetadata;g=meta.k8s.io;v=v1,application/json";
/// The same for lists.
pub(crate) const METADATA_LIST: &str =
    "application/json;as=PartialObjectMetadataList;g=meta.k8s.io;v=v1,application/json";
/// Whole objects.
pub(crate) const WHOLE: &str = "application/json";

/// One request, before it is sent.
#[derive(Debug, Clone)]
pub(crate) struct Call {
    /// The method.
    pub(crate) method: Method,
    /// Path and query.
    pub(crate) path: String,
    /// What is wanted: [`WHOLE`], [`METADATA`], [`METADATA_LIST`].
    pub(crate) accept: &'static str,
    /// Content type and body.
    pub(crate) body: Option<(&'static str, String)>,
    /// What it is for, for messages.
    pub(crate) operation: Operation,
    /// Whom it is made as, instead of the agent itself (HAZARDS.md T-52: never empty, never a group).
    pub(crate) account: Option<ServiceAccount>,
}

impl Call {
    /// A `GET`.
    pub(crate) fn get(path: String, accept: &'static str, operation: Operation) -> Self {
        Self {
            method: Method::GET,
            path,
            accept,
            body: None,
            operation,
            account: None,
        }
    }

    fn into_request(self) -> Result<Request<Body>, Failure> {
        let mut request = Request::builder()
            .method(self.method)
            .uri(self.path)
            .header(ACCEPT, self.accept);
        if let Some(account) = &self.account {
            request = request.header("Impersonate-User", account.user());
        }
        let body = match self.body {
            Some((content_type, text)) => {
                request = request.header(CONTENT_TYPE, content_type);
                Body::from(text.into_bytes())
            }
            None => Body::empty(),
        };
        request
            .body(body)
            .map_err(|_| Failure::malformed(&self.operation))
    }
}

/// The HTTP client.
#[derive(Clone)]
pub(crate) struct Transport {
    client: Client,
}

impl std::fmt::Debug for Transport {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Transport")
    }
}

impl Transport {
    pub(crate) fn new(client: Client) -> Self {
        Self { client }
    }

    /// Sends a request and reads the whole answer as JSON.
    pub(crate) async fn call(&self, call: Call) -> Result<Node, Failure> {
        let operation = call.operation.clone();
        let bytes = self.bytes(call).await?;
        json::from_slice(&bytes).map_err(|_| Failure::not_json(&operation))
    }

    /// Sends a request and reads the whole answer.
    pub(crate) async fn bytes(&self, call: Call) -> Result<Vec<u8>, Failure> {
        let operation = call.operation.clone();
        tokio::time::timeout(TIMEOUT, self.exchange(call))
            .await
            .unwrap_or_else(|_| Err(Failure::timeout(&operation, TIMEOUT)))
    }

    async fn exchange(&self, call: Call) -> Result<Vec<u8>, Failure> {
        let operation = call.operation.clone();
        let response = self.send(call.into_request()?, &operation).await?;
        read(response, &operation).await
    }

    /// Sends a request whose answer is read piece by piece; the head must come in time. Not compressed: the server
    /// makes one gzip member of each event, and only the first would be read.
    pub(crate) async fn stream(&self, call: Call) -> Result<Response<Body>, Failure> {
        let operation = call.operation.clone();
        let mut request = call.into_request()?;
        request
            .headers_mut()
            .insert(ACCEPT_ENCODING, HeaderValue::from_static("identity"));
        tokio::time::timeout(TIMEOUT, self.send(request, &operation))
            .await
            .unwrap_or_else(|_| Err(Failure::timeout(&operation, TIMEOUT)))
    }

    async fn send(
        &self,
        request: Request<Body>,
        operation: &Operation,
    ) -> Result<Response<Body>, Failure> {
        let response = self
            .client
            .send(request)
            .await
            .map_err(|error| Failure::unanswered(operation, &error))?;
        let status = response.status();
        if status.is_success() {
            return Ok(response);
        }
        let retry_after = response
            .headers()
            .get(http::header::RETRY_AFTER)
            .and_then(|value| value.to_str().ok()?.parse().ok());
        let bytes = read(response, operation).await.unwrap_or_default();
        Err(Failure::of_answer(
            operation,
            status.as_u16(),
            retry_after,
            &bytes,
        ))
    }
}

async fn read(response: Response<Body>, operation: &Operation) -> Result<Vec<u8>, Failure> {
    let body = Limited::new(response.into_body(), MAX_ANSWER);
    match body.collect().await {
        Ok(collected) => Ok(collected.to_bytes().into()),
        Err(error) if error.is::<http_body_util::LengthLimitError>() => {
            Err(Failure::too_much(operation))
        }
        Err(_) => Err(Failure::cut_off(operation)),
    }
}
