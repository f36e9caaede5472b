//! Who runs what: the fleet file, generators, templates, projects and destinations.

pub mod application;
pub mod applicationset;
pub mod children;
pub mod decode;
pub mod destination;
pub mod duration;
pub mod edit;
pub mod failure;
pub mod fleet;
pub mod generator;
pub mod git_url;
pub mod glob;
pub mod hub;
pub mod known_cluster;
pub mod labels;
pub mod namespaces;
pub mod params;
pub mod placement;
pub mod project;
pub mod selector;
pub mod source;
mod suggest;
pub mod sync_policy;
pub mod targets;
pub mod template;
mod template_patch;
pub mod text_map;
