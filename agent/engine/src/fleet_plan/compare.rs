//! Two contents compared: each distinct pair once.

use std::collections::BTreeMap;
use std::sync::Arc;

use muster_model::{Digest, ObjectId};

use crate::survey::Content;

/// What differs between two contents.
#[derive(Debug, Clone, PartialEq, Default)]
pub(super) struct Difference {
    pub(super) appear: Vec<ObjectId>,
    pub(super) change: Vec<ObjectId>,
    /// No longer rendered: deleted, moved or kept.
    pub(super) leave: Vec<ObjectId>,
    pub(super) same: usize,
}

/// Pairs of contents; `None` is nothing at all.
pub(super) type Pair = (Option<Digest>, Option<Digest>);

/// Differences found so far.
#[derive(Default)]
pub(super) struct Differences(BTreeMap<Pair, Arc<Difference>>);

impl Differences {
    pub(super) fn of(&mut self, old: Option<&Content>, new: Option<&Content>) -> Arc<Difference> {
        let pair = (old.map(|c| c.digest), new.map(|c| c.digest));
        let found = self.0.entry(pair);
        Arc::clone(found.or_insert_with(|| Arc::new(difference(old, new))))
    }
}

/// Both lists are sorted by id: one walk over both.
fn difference(old: Option<&Content>, new: Option<&Content>) -> Difference {
    let mut found = Difference::default();
    let mut old = old.map_or(&[][..], |c| &c.objects).iter().peekable();
    let mut new = new.map_or(&[][..], |c| &c.objects).iter().peekable();
    loop {
        match (old.peek(), new.peek()) {
            (None, None) => return found,
            (Some(before), Some(after)) if before.id == after.id => {
                if before.digest == after.digest {
                    found.same += 1;
                } else {
                    found.change.push(after.id.clone());
                }
                old.next();
                new.next();
            }
            (Some(before), after) if after.is_none_or(|after| before.id < after.id) => {
                found.leave.push(before.id.clone());
                old.next();
            }
            (_, Some(after)) => {
                found.appear.push(after.id.clone());
                new.next();
            }
            (Some(_), None) => {
                old.next();
            }
        }
    }
}
