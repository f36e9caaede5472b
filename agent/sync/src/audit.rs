//! The audit: every object once in a period compared with the cluster by value, whatever the watch says.
//!
//! Metadata shows who owns a field, not what it holds. What escapes it (another client under our manager's name, a
//! store restored by hand, a webhook that came later) is found here: one object of an Application at a time, spread
//! evenly over the period, by a dry-run of the very apply that would heal it. In steady state nothing is written.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use jiff::{SignedDuration, Timestamp};
use muster_model::effect::Effect;
use muster_model::{ApplicationKey, Digest, Node, ObjectId};

use crate::context::Context;
use crate::desired::DesiredSet;
use crate::mutated::mutated;

/// Fastest pace for one Application, however short the period.
const FASTEST: Duration = Duration::from_secs(1);

/// What is known of audits.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Audits {
    /// In which time every object is looked at; never when not said.
    pub period: Option<Duration>,
    /// When the agent started: the first audits are spread from here.
    pub started: Timestamp,
    /// The object of each Application that was looked at last, and when.
    pub last: BTreeMap<ApplicationKey, (ObjectId, Timestamp)>,
    /// What was found and is not healed yet: the content's digest, and the fields.
    pub drifted: BTreeMap<ObjectId, (String, Vec<String>)>,
}

impl Audits {
    /// The fields of an object at this content that the last audit found changed.
    pub(crate) fn found(&self, object: &ObjectId, digest: &str) -> &[String] {
        match self.drifted.get(object) {
            Some((at, fields)) if at == digest => fields,
            Some(_) | None => &[],
        }
    }

    /// Takes an answer in; what an earlier one found of the object is forgotten.
    pub fn note(
        &mut self,
        application: &ApplicationKey,
        object: &ObjectId,
        now: Timestamp,
        (digest, drifted): (String, Vec<String>),
    ) {
        self.last.insert(application.clone(), (object.clone(), now));
        self.drifted.remove(object);
        if !drifted.is_empty() {
            self.drifted.insert(object.clone(), (digest, drifted));
        }
    }
}

/// Compares what was sent, the live object, and what an apply would make of it: fields that an apply would change, and
/// fields that it would not bring to what was sent.
#[must_use]
pub fn compare(sent: &Node, live: &Node, applied: &Node) -> (Vec<String>, Vec<String>) {
    let stubborn = mutated(sent, applied);
    let known: BTreeSet<&String> = stubborn.iter().collect();
    let mut drifted = mutated(sent, live);
    drifted.retain(|field| !known.contains(field));
    (drifted, stubborn)
}

/// The audit that is due of an Application that is in sync, or when one will be. `in_sync` are its objects, in order.
pub(crate) fn due(
    desired: &DesiredSet,
    in_sync: &[(&ObjectId, &[String])],
    context: &Context<'_>,
) -> (Option<Effect>, Option<Timestamp>) {
    let audits = &context.memory.audits;
    let (Some(period), false) = (audits.period, in_sync.is_empty()) else {
        return (None, None);
    };
    let count = u32::try_from(in_sync.len()).unwrap_or(u32::MAX);
    let pace = (period / count).max(FASTEST);
    let last = audits.last.get(&desired.application);
    let at = match last {
        Some((_, at)) => later(*at, pace),
        None => later(audits.started, share(&desired.application, pace)),
    };
    if at > context.now {
        return (None, Some(at));
    }
    let next = last
        .and_then(|(last, _)| in_sync.iter().find(|(id, _)| *id > last))
        .or_else(|| in_sync.first());
    let effect = next.and_then(|(id, yielded)| {
        Some(Effect::Audit {
            object: (*id).clone(),
            gvk: desired.find(id)?.gvk.clone(),
            yielded: yielded.to_vec(),
        })
    });
    (effect, None)
}

/// A fixed part of the pace, another for each Application: a thousand of them do not begin at once.
fn share(application: &ApplicationKey, pace: Duration) -> Duration {
    let digest = Digest::of(application.to_string().as_bytes());
    let [first, second, ..] = digest.as_bytes();
    let part = u32::from(*first) * 256 + u32::from(*second);
    pace.mul_f64(f64::from(part) / 65_536.0)
}

fn later(at: Timestamp, pause: Duration) -> Timestamp {
    let pause = SignedDuration::try_from(pause).unwrap_or(SignedDuration::MAX);
    at.checked_add(pause).unwrap_or(Timestamp::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;
    use muster_model::json;

    fn of(sent: &str, live: &str, applied: &str) -> (Vec<String>, Vec<String>) {
        let read = |text: &str| json::from_slice(text.as_bytes()).expect("valid JSON");
        compare(&read(sent), &read(live), &read(applied))
    }

    fn pointers(names: &[&str]) -> Vec<String> {
        names.iter().map(|&name| name.to_owned()).collect()
    }

    #[test]
    fn what_an_apply_would_change_is_drift_and_what_it_cannot_is_a_webhooks() {
        let sent = r#"{"data":{"a":"1","b":"2","c":"3"}}"#;
        let live = r#"{"data":{"a":"x","b":"w","c":"3","d":"4"}}"#;
        let applied = r#"{"data":{"a":"1","b":"w","c":"3","d":"4"}}"#;
        assert_eq!(
            of(sent, live, applied),
            (pointers(&["/data/a"]), pointers(&["/data/b"]))
        );
        assert_eq!(
            of(sent, applied, applied),
            (Vec::new(), pointers(&["/data/b"]))
        );
    }
}
