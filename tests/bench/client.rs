//! A hand in the cluster: changes an object, and looks until it is as it should be.

use std::time::{Duration, Instant};

use muster_tests::testbed::Cluster;
use serde_json::Value;

use crate::stop::{Stop, stop};

/// Longest wait for an object to be as it should be.
const PATIENCE: Duration = Duration::from_secs(120);
/// How often is looked: fine enough to tell milliseconds, rare enough to cost little.
const GLANCE: Duration = Duration::from_millis(4);

/// A kept-alive connection to one API server, as its administrator.
pub(crate) struct Client {
    client: reqwest::blocking::Client,
    url: String,
    token: String,
}

impl Client {
    /// Connects.
    pub(crate) fn new(cluster: &Cluster) -> Result<Self, Stop> {
        let ca = reqwest::Certificate::from_pem(cluster.ca.as_bytes()).map_err(stop)?;
        let client = reqwest::blocking::Client::builder()
            .tls_certs_only([ca])
            .http1_only()
            .no_proxy()
            .build()
            .map_err(stop)?;
        Ok(Self {
            client,
            url: cluster.url.clone(),
            token: cluster.token.clone(),
        })
    }

    /// Merges a change into an object (RFC 7386).
    pub(crate) fn merge(&self, path: &str, change: &Value) -> Result<(), Stop> {
        let answer = self
            .client
            .patch(format!("{}{path}", self.url))
            .bearer_auth(&self.token)
            .header("Content-Type", "application/merge-patch+json")
            .body(change.to_string())
            .send()
            .map_err(stop)?;
        match answer.status().is_success() {
            true => Ok(()),
            false => Err(stop(format!("{path}: {}", answer.status()))),
        }
    }

    /// Waits until an object is as it should be.
    pub(crate) fn until(&self, path: &str, wanted: impl Fn(&Value) -> bool) -> Result<(), Stop> {
        let begun = Instant::now();
        loop {
            let answer = self
                .client
                .get(format!("{}{path}", self.url))
                .bearer_auth(&self.token)
                .send()
                .and_then(reqwest::blocking::Response::text)
                .map_err(stop)?;
            let object = serde_json::from_str(&answer).unwrap_or_default();
            if wanted(&object) {
                return Ok(());
            }
            if begun.elapsed() > PATIENCE {
                return Err(stop(format!("{path} is not as it should be: {object}")));
            }
            std::thread::sleep(GLANCE);
        }
    }
}
