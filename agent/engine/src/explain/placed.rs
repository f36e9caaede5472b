//! Applications that no ApplicationSet generates: what policies place, what others render, what is written down.

use muster_fleet::application::Application;
use muster_fleet::fleet::Cluster;
use muster_fleet::placement::Placement;
use muster_model::Problem;

use super::walk::{NAMED, Walk};
use super::{Answer, Step};
use crate::lines::some;
use crate::survey::Surveyed;

impl Walk<'_> {
    /// Where an Application comes from that no ApplicationSet generates.
    pub(super) fn origin(&self, application: &Application) -> Step {
        let question = "where does it come from";
        let placements = &self.facts.survey.hub.placements;
        let placement = application
            .set
            .as_ref()
            .and_then(|name| placements.get(name));
        if let Some(Placement { entry, .. }) = placement {
            let text = format!("a policy of placement {} places it here", entry.name);
            return Step::new(question, Answer::Yes, text)
                .at("the policy", Some(application.origin.clone()))
                .at("the placement", Some(entry.origin.clone()));
        }
        let text = match &application.parent {
            Some(parent) => format!("it is rendered by Application {parent}"),
            None => "it is written down by itself".to_owned(),
        };
        Step::new(question, Answer::Yes, text)
            .at("its definition", Some(application.origin.clone()))
    }

    /// Which policies of a placement choose the cluster, and what they place there.
    pub(super) fn placement(&mut self, cluster: &Cluster, placement: &Placement) -> String {
        let name = &placement.entry.name;
        let survey = self.facts.survey;
        let is_placed = |found: &Surveyed<'_>| found.application.set.as_ref() == Some(name);
        let placed: Vec<Surveyed<'_>> = survey.of(self.cluster).filter(is_placed).collect();
        for policy in &placement.policies.propagation {
            let title = policy.title();
            let (answer, text) = match policy.turns_away(cluster) {
                None => (Answer::Yes, format!("{title} may choose {}", cluster.name)),
                // A policy that is not for this cluster is no reason to stop where another is.
                Some(why) => (
                    if placed.is_empty() {
                        Answer::No
                    } else {
                        Answer::Yes
                    },
                    format!("{title} does not choose {}: {why}", cluster.name),
                ),
            };
            let step = Step::new("does the policy choose it", answer, text);
            self.steps
                .push(step.at("the policy", Some(policy.origin.clone())));
        }
        if placed.is_empty() {
            let of_this = |problem: &&Problem| problem.message.contains(name.as_str());
            let problems: Vec<Problem> = survey.problems.iter().filter(of_this).cloned().collect();
            let text = format!("placement {name} puts nothing on {}", cluster.name);
            let step = Step::new("is anything placed", Answer::No, text);
            let step = step.at("the placement", Some(placement.entry.origin.clone()));
            self.steps.push(step.with(problems));
            return String::new();
        }
        let names: Vec<String> = placed
            .iter()
            .map(|found| found.application.key.to_string())
            .collect();
        for found in placed {
            self.one(found);
        }
        format!("{} should have {}", cluster.name, some(&names, NAMED))
    }
}
