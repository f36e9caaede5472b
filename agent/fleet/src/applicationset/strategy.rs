//! In which order an ApplicationSet's Applications take new content.

use std::collections::BTreeMap;

use muster_model::Node;

use crate::decode::{Decoder, Fields, child};

/// In which order an ApplicationSet's Applications take new content.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub enum Strategy {
    /// All at once.
    #[default]
    AllAtOnce,
    /// Step by step (`rollingSync`).
    RollingSync {
        /// The steps, in order.
        steps: Vec<Step>,
        /// In which order Applications go.
        deletion_order: DeletionOrder,
    },
}

/// In which order Applications go when the set does.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum DeletionOrder {
    /// All at once.
    #[default]
    AllAtOnce,
    /// The last step first.
    Reverse,
}

/// One step of a rolling sync.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Step {
    /// Which Applications, by label; all conditions have to hold, and none means nobody.
    pub match_expressions: Vec<MatchExpression>,
    /// How many at a time; unset is all.
    pub max_update: Option<MaxUpdate>,
}

/// One condition on an Application's labels.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct MatchExpression {
    /// The label's key.
    pub key: String,
    /// How it is compared.
    pub operator: MatchOperator,
    /// With what.
    pub values: Vec<String>,
}

/// The operators of a rolling sync.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum MatchOperator {
    /// The label is there and has one of the values.
    In,
    /// The label is not there, or has none of the values.
    NotIn,
}

/// How many Applications of a step may change at a time.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum MaxUpdate {
    /// A number; 0 means by hand only.
    Count(u32),
    /// A share in percent, rounded down, at least one.
    Percent(u32),
}

impl Step {
    /// True when an Application with these labels belongs to the step.
    #[must_use]
    pub fn matches(&self, labels: &BTreeMap<String, String>) -> bool {
        !self.match_expressions.is_empty()
            && self.match_expressions.iter().all(|e| e.matches(labels))
    }
}

impl MatchExpression {
    fn matches(&self, labels: &BTreeMap<String, String>) -> bool {
        let value = labels.get(&self.key);
        match self.operator {
            MatchOperator::In => value.is_some_and(|value| self.values.contains(value)),
            MatchOperator::NotIn => value.is_none_or(|value| !self.values.contains(value)),
        }
    }
}

impl MaxUpdate {
    /// How many of `total` Applications may change at a time.
    #[must_use]
    pub fn of(self, total: u32) -> u32 {
        match self {
            Self::Count(count) => count.min(total),
            Self::Percent(0) => 0,
            Self::Percent(share) => {
                let part = u64::from(total) * u64::from(share) / 100;
                u32::try_from(part).unwrap_or(total).clamp(1, total.max(1))
            }
        }
    }
}

/// Reads `strategy`.
pub(super) fn read(decoder: &mut Decoder, fields: &mut Fields<'_>) -> Strategy {
    let Some(node) = fields.take("strategy") else {
        return Strategy::default();
    };
    let mut f = decoder.fields(node, "spec.strategy");
    let kind = decoder.text(&mut f, "type");
    let order = decoder.word(
        &mut f,
        "deletionOrder",
        &[
            ("AllAtOnce", DeletionOrder::AllAtOnce),
            ("Reverse", DeletionOrder::Reverse),
        ],
    );
    let mut steps = Vec::new();
    if let Some(rolling) = f.take("rollingSync") {
        let mut inner = decoder.fields(rolling, "spec.strategy.rollingSync");
        for (path, node) in decoder.items(&mut inner, "steps") {
            steps.push(read_step(decoder, node, &path));
        }
        decoder.finish(inner);
    }
    decoder.finish(f);
    match kind.as_str() {
        "" | "AllAtOnce" => Strategy::AllAtOnce,
        "RollingSync" => {
            if steps.is_empty() {
                decoder.wrong(
                    node.span.line,
                    "spec.strategy.rollingSync.steps",
                    "a rolling sync needs at least one step",
                );
            }
            Strategy::RollingSync {
                steps,
                deletion_order: order.unwrap_or_default(),
            }
        }
        other => {
            decoder.wrong(
                node.span.line,
                "spec.strategy.type",
                format!("`{other}` is none of: AllAtOnce, RollingSync"),
            );
            Strategy::AllAtOnce
        }
    }
}

fn read_step(decoder: &mut Decoder, node: &Node, path: &str) -> Step {
    let mut f = decoder.fields(node, path);
    let mut step = Step::default();
    for (path, node) in decoder.items(&mut f, "matchExpressions") {
        step.match_expressions
            .extend(read_expression(decoder, node, &path));
    }
    if let Some(node) = f.take("maxUpdate") {
        step.max_update = read_max_update(decoder, node, &f.path_of("maxUpdate"));
    }
    decoder.finish(f);
    step
}

fn read_expression(decoder: &mut Decoder, node: &Node, path: &str) -> Option<MatchExpression> {
    let mut f = decoder.fields(node, path);
    let key = decoder.text_required(&mut f, "key");
    if !f.has("operator") {
        decoder.wrong(
            node.span.line,
            &child(path, "operator"),
            "`operator` is missing",
        );
    }
    let operator = decoder.word(
        &mut f,
        "operator",
        &[("In", MatchOperator::In), ("NotIn", MatchOperator::NotIn)],
    );
    let values = decoder.texts(&mut f, "values");
    decoder.finish(f);
    Some(MatchExpression {
        key,
        operator: operator?,
        values,
    })
}

fn read_max_update(decoder: &mut Decoder, node: &Node, path: &str) -> Option<MaxUpdate> {
    let count = |number: i64| u32::try_from(number).ok().map(MaxUpdate::Count);
    let share = |text: &str| {
        let percent = text.strip_suffix('%')?.parse::<u32>().ok()?;
        (percent <= 100).then_some(MaxUpdate::Percent(percent))
    };
    let read = match (node.as_int(), node.as_str()) {
        (Some(number), _) => count(number),
        (None, Some(text)) => share(text).or_else(|| count(text.parse().ok()?)),
        (None, None) => None,
    };
    if read.is_none() {
        decoder.expected(node, path, "a number or a share like \"25%\"");
    }
    read
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn shares_round_down_but_never_to_nothing() {
        assert_eq!(MaxUpdate::Percent(25).of(10), 2);
        assert_eq!(MaxUpdate::Percent(1).of(10), 1);
        assert_eq!(MaxUpdate::Percent(0).of(10), 0);
        assert_eq!(MaxUpdate::Count(0).of(10), 0);
    }

    #[test]
    fn not_in_matches_a_missing_label_and_an_empty_step_matches_nobody() {
        let step = |operator| Step {
            match_expressions: vec![MatchExpression {
                key: "env".to_owned(),
                operator,
                values: vec!["prod".to_owned()],
            }],
            max_update: None,
        };
        assert!(step(MatchOperator::NotIn).matches(&BTreeMap::new()));
        assert!(!step(MatchOperator::In).matches(&BTreeMap::new()));
        assert!(!Step::default().matches(&BTreeMap::new()));
    }
}
