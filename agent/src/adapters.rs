//! The real side of the three ports.

pub mod credentials;
pub mod git_source;
pub mod git_status;
pub mod git_thread;
pub mod kube_cluster;
