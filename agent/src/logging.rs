//! Logs: JSON lines in a cluster, readable on a terminal.

use std::io::IsTerminal as _;

use tracing_subscriber::EnvFilter;
use tracing_subscriber::layer::SubscriberExt as _;
use tracing_subscriber::util::SubscriberInitExt as _;

use crate::args::LogFormat;

/// Starts logging to standard error.
///
/// # Errors
/// When the directives cannot be read.
pub fn start(format: LogFormat, directives: &str) -> Result<(), String> {
    let filter =
        EnvFilter::try_new(directives).map_err(|e| format!("--log {directives:?}: {e}"))?;
    let json = match format {
        LogFormat::Json => true,
        LogFormat::Text => false,
        LogFormat::Auto => !std::io::stderr().is_terminal(),
    };
    let registry = tracing_subscriber::registry().with(filter);
    let layer = tracing_subscriber::fmt::layer()
        .with_writer(std::io::stderr)
        .with_target(false);
    if json {
        registry.with(layer.json().flatten_event(true)).init();
    } else {
        registry
            .with(layer.with_ansi(std::io::stderr().is_terminal()))
            .init();
    }
    Ok(())
}
