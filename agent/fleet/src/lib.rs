//! Who runs what: the fleet file, generators, templates, projects and destinations.

pub mod decode;
pub mod duration;
pub mod failure;
pub mod fleet;
pub mod generator;
pub mod git_url;
pub mod glob;
pub mod labels;
pub mod params;
pub mod selector;
mod suggest;
pub mod template;
