//! Who runs what: the fleet file, generators, templates, projects and destinations.

pub mod decode;
pub mod duration;
pub mod fleet;
pub mod git_url;
pub mod labels;
mod suggest;
