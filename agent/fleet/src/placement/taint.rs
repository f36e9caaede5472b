//! Taints of clusters, and the tolerations of placements.

use muster_model::Node;
use schemars::JsonSchema;

use crate::decode::{Decoder, Fields, child};
use crate::labels;

/// What keeps workloads that are placed by policy away from a cluster.
#[derive(Debug, Clone, PartialEq, Eq, JsonSchema)]
#[schemars(rename_all = "camelCase", deny_unknown_fields)]
pub struct Taint {
    /// A label's key.
    pub key: String,
    /// A label's value.
    #[schemars(default)]
    pub value: String,
    /// What it does.
    pub effect: Effect,
}

/// What a taint does.
#[derive(Debug, Clone, Copy, PartialEq, Eq, JsonSchema)]
pub enum Effect {
    /// Nothing is placed that does not tolerate it.
    NoSchedule,
    /// It is rather not placed there; no placement heeds it, as in Karmada.
    PreferNoSchedule,
    /// Nothing is placed that does not tolerate it.
    NoExecute,
}

/// What a placement puts up with.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Toleration {
    key: String,
    value: String,
    exists: bool,
    effect: Option<Effect>,
}

const EFFECTS: &[(&str, Effect)] = &[
    ("NoSchedule", Effect::NoSchedule),
    ("PreferNoSchedule", Effect::PreferNoSchedule),
    ("NoExecute", Effect::NoExecute),
];

impl Taint {
    /// Reads `taints` of a cluster.
    pub(crate) fn read_all(decoder: &mut Decoder, fields: &mut Fields<'_>) -> Vec<Self> {
        let mut taints = Vec::new();
        for (path, node) in decoder.items(fields, "taints") {
            let mut f = decoder.fields(node, &path);
            let key = decoder.text_required(&mut f, "key");
            let value = decoder.text(&mut f, "value");
            if !f.has("effect") {
                let at = child(&path, "effect");
                decoder.wrong(node.span.line, &at, "`effect` is missing");
            }
            let effect = decoder.word(&mut f, "effect", EFFECTS);
            decoder.finish(f);
            let why = labels::key_error(&key).or_else(|| labels::value_error(&value));
            if let Some(why) = why.filter(|_| !key.is_empty()) {
                decoder.wrong(node.span.line, &path, why);
            }
            taints.extend(effect.map(|effect| Self { key, value, effect }));
        }
        taints
    }

    /// True when it keeps a placement with these tolerations away.
    pub(super) fn repels(&self, tolerations: &[Toleration]) -> bool {
        match self.effect {
            Effect::PreferNoSchedule => false,
            Effect::NoSchedule | Effect::NoExecute => !tolerations.iter().any(|t| t.bears(self)),
        }
    }
}

impl std::fmt::Display for Taint {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let value = if self.value.is_empty() { "" } else { "=" };
        write!(f, "{}{value}{}:{:?}", self.key, self.value, self.effect)
    }
}

impl Toleration {
    /// Reads `clusterTolerations`.
    pub(super) fn read_all(decoder: &mut Decoder, fields: &mut Fields<'_>) -> Vec<Self> {
        let mut tolerations = Vec::new();
        for (path, node) in decoder.items(fields, "clusterTolerations") {
            tolerations.push(Self::read(decoder, node, &path));
        }
        tolerations
    }

    fn read(decoder: &mut Decoder, node: &Node, path: &str) -> Self {
        let mut f = decoder.fields(node, path);
        let toleration = Self {
            key: decoder.text(&mut f, "key"),
            value: decoder.text(&mut f, "value"),
            exists: decoder
                .word(&mut f, "operator", &[("Exists", true), ("Equal", false)])
                .unwrap_or_default(),
            effect: decoder.word(&mut f, "effect", EFFECTS),
        };
        // How long a running replica may stay: nothing is timed here.
        decoder.int_opt(&mut f, "tolerationSeconds");
        decoder.finish(f);
        let line = node.span.line;
        if toleration.key.is_empty() && !toleration.exists {
            let at = child(path, "operator");
            decoder.wrong(line, &at, "without a key the operator must be Exists");
        }
        if toleration.exists && !toleration.value.is_empty() {
            let at = child(path, "value");
            decoder.wrong(line, &at, "with Exists the value must be empty");
        }
        toleration
    }

    fn bears(&self, taint: &Taint) -> bool {
        self.effect.is_none_or(|effect| effect == taint.effect)
            && (self.key.is_empty() || self.key == taint.key)
            && (self.exists || self.value == taint.value)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn taint(key: &str, value: &str, effect: Effect) -> Taint {
        Taint {
            key: key.to_owned(),
            value: value.to_owned(),
            effect,
        }
    }

    #[test]
    fn a_taint_repels_what_does_not_tolerate_it() {
        let drained = taint("drain", "yes", Effect::NoSchedule);
        assert!(drained.repels(&[]));
        let equal = Toleration {
            key: "drain".to_owned(),
            value: "yes".to_owned(),
            ..Toleration::default()
        };
        assert!(!drained.repels(std::slice::from_ref(&equal)));
        assert!(taint("drain", "no", Effect::NoSchedule).repels(std::slice::from_ref(&equal)));
        let other_effect = Toleration {
            effect: Some(Effect::NoExecute),
            ..equal
        };
        assert!(drained.repels(&[other_effect]));
        let all = Toleration {
            exists: true,
            ..Toleration::default()
        };
        assert!(!drained.repels(&[all]));
        assert!(!taint("soft", "", Effect::PreferNoSchedule).repels(&[]));
    }
}
