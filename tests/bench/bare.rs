//! The floor: the same objects, applied by the plainest client there can be.

use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use muster_model::{Node, json};
use muster_tests::testbed::Cluster;
use reqwest::blocking::Client;

use crate::stop::{Stop, stop};

/// The agent's default concurrency.
pub(crate) const CONCURRENCY: usize = 8;

/// A request, ready to be sent.
struct Request {
    url: String,
    body: String,
}

/// Applies every object with [`CONCURRENCY`] connections and nothing else; the time from the first to the last.
pub(crate) fn apply(cluster: &Cluster, objects: &[Node]) -> Result<Duration, Stop> {
    let client = client(cluster)?;
    let requests: Vec<Request> = objects
        .iter()
        .map(|object| request(cluster, object))
        .collect();
    let next = AtomicUsize::new(0);
    let begun = Instant::now();
    std::thread::scope(|scope| {
        let workers: Vec<_> = (0..CONCURRENCY)
            .map(|_| scope.spawn(|| work(cluster, &client, &requests, &next)))
            .collect();
        workers.into_iter().try_for_each(|worker| {
            worker
                .join()
                .unwrap_or_else(|_| Err(stop("a worker ended")))
        })
    })?;
    Ok(begun.elapsed())
}

fn client(cluster: &Cluster) -> Result<Client, Stop> {
    let ca = reqwest::Certificate::from_pem(cluster.ca.as_bytes()).map_err(stop)?;
    Client::builder()
        .tls_certs_only([ca])
        // As the agent's client: one request at a time on a connection, kept alive.
        .http1_only()
        .no_proxy()
        .build()
        .map_err(stop)
}

fn work(
    cluster: &Cluster,
    client: &Client,
    requests: &[Request],
    next: &AtomicUsize,
) -> Result<(), Stop> {
    while let Some(request) = requests.get(next.fetch_add(1, Ordering::Relaxed)) {
        let answer = client
            .patch(&request.url)
            .bearer_auth(&cluster.token)
            .header("Content-Type", "application/apply-patch+yaml")
            .header("Accept", "application/json")
            .body(request.body.clone())
            .send()
            .map_err(stop)?;
        let status = answer.status();
        let body = answer.bytes().map_err(stop)?;
        if !status.is_success() {
            return Err(stop(format!(
                "{}: {status}: {}",
                request.url,
                String::from_utf8_lossy(&body)
            )));
        }
    }
    Ok(())
}

fn request(cluster: &Cluster, object: &Node) -> Request {
    let text = |path: &[&str]| object.str_at(path).unwrap_or_default();
    let version = text(&["apiVersion"]);
    let root = if version.contains('/') { "apis" } else { "api" };
    Request {
        url: format!(
            "{}/{root}/{version}/namespaces/{}/{}s/{}?fieldManager=bare&force=true",
            cluster.url,
            text(&["metadata", "namespace"]),
            text(&["kind"]).to_lowercase(),
            text(&["metadata", "name"])
        ),
        body: json::to_string(object),
    }
}
