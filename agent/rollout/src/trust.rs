//! A high-water mark for each ref: history only grows, or the fleet file says that it was rewritten on purpose.

use muster_model::{CommitId, Problem, Reason};

/// How an offered commit relates to the accepted one.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Ancestry {
    /// It follows it, or is the same.
    Follows,
    /// Neither follows the other: history was rewritten.
    Diverges,
    /// It is an ancestor of it: the server went back.
    Precedes,
    /// It cannot be known from what is here.
    Unknown,
}

/// What a ref offers now, and what was accepted before.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Offer<'a> {
    /// The ref.
    pub name: &'a str,
    /// The newest accepted commit; `None` on the first contact.
    pub accepted: Option<&'a CommitId>,
    /// `spec.serial` that was accepted; 0 when there was none.
    pub accepted_serial: u64,
    /// The offered commit.
    pub offered: &'a CommitId,
    /// `spec.serial` at the offered commit.
    pub offered_serial: u64,
    /// How the two relate.
    pub ancestry: Ancestry,
}

/// Decides whether an offered commit may be taken. A serial that grew is the declared way to replace history.
///
/// # Errors
/// [`Reason::NonFastForward`], [`Reason::RollbackDetected`] or [`Reason::AncestryUnknown`]; what is enforced stays.
pub fn accept(offer: &Offer<'_>) -> Result<(), Problem> {
    let Some(accepted) = offer.accepted else {
        return Ok(());
    };
    if offer.offered_serial < offer.accepted_serial {
        let message = format!(
            "{}: spec.serial went from {} back to {}",
            offer.name, offer.accepted_serial, offer.offered_serial
        );
        return Err(Problem::new(Reason::RollbackDetected, message).field("spec.serial"));
    }
    if offer.offered_serial > offer.accepted_serial {
        return Ok(());
    }
    let (old, new) = (accepted.short(), offer.offered.short());
    match offer.ancestry {
        Ancestry::Follows => Ok(()),
        Ancestry::Diverges => Err(Problem::new(
            Reason::NonFastForward,
            format!("{}: {new} does not follow the accepted {old}", offer.name),
        )),
        Ancestry::Precedes => Err(Problem::new(
            Reason::RollbackDetected,
            format!("{}: {new} is older than the accepted {old}", offer.name),
        )),
        Ancestry::Unknown => Err(Problem::new(
            Reason::AncestryUnknown,
            format!(
                "{}: it is not known whether {new} follows {old}",
                offer.name
            ),
        )),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn commit(digit: char) -> CommitId {
        CommitId::new(digit.to_string().repeat(40)).expect("40 digits")
    }

    fn reason(ancestry: Ancestry, serials: (u64, u64), first: bool) -> Option<Reason> {
        let (old, new) = (commit('a'), commit('b'));
        let offer = Offer {
            name: "main",
            accepted: (!first).then_some(&old),
            accepted_serial: serials.0,
            offered: &new,
            offered_serial: serials.1,
            ancestry,
        };
        accept(&offer).err().map(|problem| problem.reason)
    }

    #[test]
    fn history_only_grows() {
        assert_eq!(reason(Ancestry::Follows, (0, 0), false), None);
        assert_eq!(
            reason(Ancestry::Diverges, (0, 0), false),
            Some(Reason::NonFastForward)
        );
        assert_eq!(
            reason(Ancestry::Precedes, (0, 0), false),
            Some(Reason::RollbackDetected)
        );
        assert_eq!(
            reason(Ancestry::Unknown, (0, 0), false),
            Some(Reason::AncestryUnknown)
        );
    }

    #[test]
    fn the_first_contact_and_a_grown_serial_are_accepted_and_a_shrunk_one_never() {
        assert_eq!(reason(Ancestry::Unknown, (0, 0), true), None);
        assert_eq!(reason(Ancestry::Diverges, (1, 2), false), None);
        assert_eq!(
            reason(Ancestry::Follows, (2, 1), false),
            Some(Reason::RollbackDetected)
        );
    }
}
