//! Superseded generations of a generator's ConfigMap or Secret (HAZARDS.md T-79).

use std::collections::BTreeSet;

use muster_model::ObjectId;

/// The letters of kustomize's name suffix: hexadecimal digits with vowels and look-alikes replaced.
const ALPHABET: &str = "2456789bcdfghkmt";
/// Length of the suffix.
const SUFFIX: usize = 10;

/// Which generated object this is a generation of, without the suffix.
#[must_use]
pub fn base(id: &ObjectId) -> Option<(&str, &str, &str)> {
    if !(id.group().is_empty() && matches!(id.kind(), "ConfigMap" | "Secret")) {
        return None;
    }
    let (base, suffix) = id.name().rsplit_once('-')?;
    let generated = suffix.len() == SUFFIX && suffix.chars().all(|c| ALPHABET.contains(c));
    (generated && !base.is_empty()).then_some((id.kind(), id.namespace(), base))
}

/// The generated objects of which Git wants a generation.
#[derive(Debug)]
pub struct Generations<'a> {
    wanted: &'a BTreeSet<ObjectId>,
    bases: BTreeSet<(&'a str, &'a str, &'a str)>,
}

impl<'a> Generations<'a> {
    /// Looks through what Git wants.
    #[must_use]
    pub fn of(wanted: &'a BTreeSet<ObjectId>) -> Self {
        Self {
            wanted,
            bases: wanted.iter().filter_map(base).collect(),
        }
    }

    /// True when Git still wants a generation of this object, but not this one.
    #[must_use]
    pub fn supersede(&self, id: &ObjectId) -> bool {
        !self.wanted.contains(id) && base(id).is_some_and(|base| self.bases.contains(&base))
    }
}

/// True for kinds that run something: an older generation stays until all of them are healthy.
#[must_use]
pub(crate) fn is_workload(id: &ObjectId) -> bool {
    matches!(
        (id.group(), id.kind()),
        (
            "apps",
            "Deployment" | "StatefulSet" | "DaemonSet" | "ReplicaSet"
        ) | ("", "Pod" | "ReplicationController")
            | ("batch", "Job" | "CronJob")
            | ("argoproj.io", "Rollout")
            | ("serving.knative.dev", "Service")
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    fn config(name: &str) -> ObjectId {
        ObjectId::new("", "ConfigMap", "shop", name)
    }

    #[test]
    fn an_older_generation_has_the_same_base_name() {
        let wanted = [config("web-b4h9g5tf7k")].into();
        let generations = Generations::of(&wanted);
        assert!(generations.supersede(&config("web-55d7tk8fdg")));
        assert!(!generations.supersede(&config("web-b4h9g5tf7k")));
        assert!(!generations.supersede(&config("api-55d7tk8fdg")));
        assert!(!generations.supersede(&config("web-production")));
        let secret = ObjectId::new("", "Secret", "shop", "web-55d7tk8fdg");
        assert!(!generations.supersede(&secret));
    }
}
