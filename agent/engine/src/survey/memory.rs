//! What surveys remember: within one run for two commits, and between runs as lines that the shell keeps.

use std::collections::BTreeMap;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};

use muster_fleet::failure::Failure;
use muster_model::{Digest, RepoPath};

use super::render::{Render, Stored, Unit};
use crate::commits::Commits;
use crate::desire::Need;
use crate::each::{Each, locked};
use crate::known_targets::{AllClusters, Answer, KnownTargets, Whose};

/// Renders of one unit that are kept: a base that went forth and back, a branch and its parent.
const MAX_VARIANTS: usize = 4;
/// Units that are kept between runs: twice the distinct overlays of the largest fleet it was measured with.
const MAX_UNITS: usize = 20_000;

/// What earlier surveys found. Nothing in it is believed without looking: an answer is used only where everything that it
/// was made from is the same.
#[derive(Debug, Default)]
pub struct Memory {
    /// For the digests of Secrets.
    key: Vec<u8>,
    parsed: Arc<muster_kustomize::Cache>,
    renders: Mutex<BTreeMap<Digest, Vec<Arc<Render>>>>,
    targets: KnownTargets,
    /// Renders that had to be made.
    made: AtomicUsize,
}

impl Memory {
    /// Remembers nothing yet. `key` is secret: digests of Secrets are made with it.
    #[must_use]
    pub fn new(key: Vec<u8>) -> Self {
        Self {
            key,
            ..Self::default()
        }
    }

    /// Takes back what [`Self::lines`] gave; a line that does not read, or was changed, is passed over.
    #[must_use]
    pub fn with_lines(self, text: &str) -> Self {
        let mut renders: BTreeMap<Digest, Vec<Arc<Render>>> = BTreeMap::new();
        for line in text.lines() {
            if let Some((id, stored)) = read_line(line) {
                renders.entry(id).or_default().push(Arc::new(stored.into()));
            }
        }
        Self {
            renders: Mutex::new(renders),
            ..self
        }
    }

    /// What is worth keeping, one line for each render, each with its own checksum.
    #[must_use]
    pub fn lines(&self) -> String {
        let mut text = String::new();
        for (id, variants) in locked(&self.renders).iter().take(MAX_UNITS) {
            for stored in variants.iter().filter_map(|render| render.stored()) {
                if let Ok(json) = serde_json::to_string(&(id, stored)) {
                    text.push_str(&Digest::of(json.as_bytes()).short());
                    text.push(' ');
                    text.push_str(&json);
                    text.push('\n');
                }
            }
        }
        text
    }

    /// How many renders had to be made: none means that there is nothing new to keep.
    #[must_use]
    pub fn news(&self) -> usize {
        self.made.load(Ordering::Relaxed)
    }

    /// Notes that objects had to be rendered for a setting that was not looked at before.
    pub(super) fn made(&self) {
        self.made.fetch_add(1, Ordering::Relaxed);
    }

    /// The key of the digests that stand for what is secret.
    pub(crate) fn key(&self) -> &[u8] {
        &self.key
    }

    pub(super) fn parsed(&self) -> &Arc<muster_kustomize::Cache> {
        &self.parsed
    }

    /// The fleet file and the targets of all clusters.
    pub(super) fn targets(
        &self,
        commits: &Commits,
        fleet_file: &RepoPath,
        each: Each<'_>,
    ) -> Result<Answer, Need> {
        let whose = Whose::All(AllClusters(each));
        let found = self.targets.of(whose, fleet_file, &*commits.hub_tree);
        found.map_err(|failure| match failure {
            Failure::NotFetched(blobs) => Need::Blobs(commits.hub_repository.clone(), blobs),
            Failure::Refused(problems) => Need::Refused(problems),
        })
    }

    /// The render of a unit, remembered or made.
    pub(super) fn render(&self, unit: &Unit, commits: &Commits) -> Result<Arc<Render>, Need> {
        let variants = locked(&self.renders)
            .get(&unit.id)
            .cloned()
            .unwrap_or_default();
        let known = variants
            .into_iter()
            .find(|render| render.holds(unit, commits));
        if let Some(known) = known {
            return Ok(known);
        }
        let render = Arc::new(Render::of(unit, commits, &self.parsed)?);
        self.made();
        let mut renders = locked(&self.renders);
        let variants = renders.entry(unit.id).or_default();
        variants.insert(0, Arc::clone(&render));
        variants.truncate(MAX_VARIANTS);
        Ok(render)
    }
}

fn read_line(line: &str) -> Option<(Digest, Stored)> {
    let (sum, json) = line.split_once(' ')?;
    if Digest::of(json.as_bytes()).short() != sum {
        return None;
    }
    serde_json::from_str(json).ok()
}
