//! Why a cluster has, or lacks, an Application: the walk of the on-call question, each step with its evidence.
//!
//! ```text
//!   in the fleet file? ─ active? ─ selected? ─ generated? ─ template? ─ project? ─ rendered? ─ held? ─ reported?
//! ```
//! The walk ends at the first step that answers "no": nothing after it could matter.

mod fleetwide;
mod placed;
mod reported;
mod text;
mod walk;

use muster_model::{ClusterName, Location, Problem, Revision};
use muster_status::FleetStatus;
use serde::Serialize;

use crate::desire::Need;
use crate::survey::{Question, Survey};

pub use fleetwide::{Fleetwide, fleetwide};

/// What is explained from.
#[derive(Clone, Copy)]
pub struct Facts<'a> {
    /// What every cluster should have.
    pub survey: &'a Survey,
    /// The question it answers.
    pub question: &'a Question<'a>,
    /// What the clusters report; `None` when that was not read.
    pub status: Option<&'a FleetStatus>,
}

/// The answer to "why".
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Explanation {
    /// The cluster.
    pub cluster: ClusterName,
    /// What was asked about; `None` for the cluster as a whole.
    pub subject: Option<String>,
    /// The commit.
    pub commit: Revision,
    /// How it ends.
    pub outcome: Outcome,
    /// One sentence.
    pub conclusion: String,
    /// The walk.
    pub steps: Vec<Step>,
}

/// How a walk ends.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize)]
pub enum Outcome {
    /// The cluster should have it, and nothing says that it has not.
    Runs,
    /// It should have it, and something is being waited for.
    Waits,
    /// It should have it, and something is wrong.
    Fails,
    /// It should not have it.
    Lacks,
}

/// One step of a walk.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Step {
    /// What was asked.
    pub question: String,
    /// What came of it.
    pub answer: Answer,
    /// In words.
    pub text: String,
    /// What shows it.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub evidence: Vec<Evidence>,
    /// What is wrong, where something is.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub problems: Vec<Problem>,
}

/// What came of a step.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
pub enum Answer {
    /// As it should be for the Application to run.
    Yes,
    /// Here it ends.
    No,
    /// It will go on by itself, or when somebody lets it.
    Waits,
    /// Nobody knows.
    Unknown,
}

/// What shows an answer.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Evidence {
    /// In words.
    pub what: String,
    /// Where to look.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub at: Option<Location>,
}

impl Evidence {
    fn new(what: impl Into<String>, at: Option<Location>) -> Self {
        Self {
            what: what.into(),
            at,
        }
    }
}

impl Step {
    fn new(question: &str, answer: Answer, text: impl Into<String>) -> Self {
        Self {
            question: question.to_owned(),
            answer,
            text: text.into(),
            evidence: Vec::new(),
            problems: Vec::new(),
        }
    }

    fn at(mut self, what: impl Into<String>, at: Option<Location>) -> Self {
        self.evidence.push(Evidence::new(what, at));
        self
    }

    fn with(mut self, problems: impl IntoIterator<Item = Problem>) -> Self {
        self.problems.extend(problems);
        self
    }
}

/// Walks.
///
/// # Errors
/// [`Need`], while generators are followed once more.
pub fn explain(
    facts: Facts<'_>,
    cluster: &ClusterName,
    subject: Option<&str>,
) -> Result<Explanation, Need> {
    let mut walk = walk::Walk::new(facts, cluster);
    let conclusion = walk.all(subject)?;
    let (outcome, conclusion) = walk.ends(conclusion);
    Ok(Explanation {
        cluster: cluster.clone(),
        subject: subject.map(ToOwned::to_owned),
        commit: facts.survey.revision.clone(),
        outcome,
        conclusion,
        steps: walk.steps,
    })
}
