//! `/healthz`, `/readyz` and `/metrics`.

use std::future::Future;
use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::{Duration, Instant};

use axum::Router;
use axum::extract::State;
use axum::http::{StatusCode, header};
use axum::routing::get;

use crate::metrics::Metrics;

/// The owner task turns its loop at least this often; a loop that stands still for longer is not alive.
const STALL: Duration = Duration::from_secs(120);

/// What the endpoint knows of the agent.
#[derive(Debug)]
pub struct Vitals {
    started: Instant,
    beat: AtomicU64,
    ready: AtomicBool,
    /// What Prometheus scrapes.
    pub metrics: Metrics,
}

impl Default for Vitals {
    fn default() -> Self {
        Self {
            started: Instant::now(),
            beat: AtomicU64::new(0),
            ready: AtomicBool::new(false),
            metrics: Metrics::default(),
        }
    }
}

impl Vitals {
    /// The owner task is alive.
    pub fn beat(&self) {
        self.beat
            .store(self.started.elapsed().as_secs(), Ordering::Relaxed);
    }

    /// The first decision was made from complete information.
    pub fn set_ready(&self) {
        self.ready.store(true, Ordering::Relaxed);
    }

    fn is_alive(&self) -> bool {
        self.started
            .elapsed()
            .saturating_sub(Duration::from_secs(self.beat.load(Ordering::Relaxed)))
            < STALL
    }
}

/// Serves until `shutdown` completes.
///
/// # Errors
/// When the address cannot be bound.
pub async fn serve(
    listen: SocketAddr,
    vitals: Arc<Vitals>,
    shutdown: impl Future<Output = ()> + Send + 'static,
) -> std::io::Result<()> {
    let listener = tokio::net::TcpListener::bind(listen).await?;
    tracing::info!(address = %listener.local_addr()?, "admin endpoint listens");
    axum::serve(listener, router(vitals))
        .with_graceful_shutdown(shutdown)
        .await
}

fn router(vitals: Arc<Vitals>) -> Router {
    Router::new()
        .route("/healthz", get(|State(vitals): State<Arc<Vitals>>| async move { answer(vitals.is_alive(), "stalled") }))
        .route("/readyz", get(|State(vitals): State<Arc<Vitals>>| async move { answer(vitals.ready.load(Ordering::Relaxed), "starting") }))
        .route(
            "/metrics",
            get(|State(vitals): State<Arc<Vitals>>| async move {
                ([(header::CONTENT_TYPE, "application/openmetrics-text; version=1.0.0; charset=utf-8")], vitals.metrics.render())
            }),
        )
        .with_state(vitals)
}

fn answer(good: bool, otherwise: &'static str) -> (StatusCode, &'static str) {
    if good {
        (StatusCode::OK, "ok\n")
    } else {
        (StatusCode::SERVICE_UNAVAILABLE, otherwise)
    }
}
