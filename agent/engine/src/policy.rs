//! An Application's sync policy, in the planner's and the renderer's words.

use muster_fleet::{Application, Source};
use muster_kustomize::SourceOptions;
use muster_sync::{IgnoreDifference, Policy};
