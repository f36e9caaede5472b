//! Webster's method: seats go one by one to the party with the greatest votes / (2 × seats + 1).

use std::cmp::{Ordering, Reverse};
use std::collections::BinaryHeap;

/// Who takes part, with how many votes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Party<'n> {
    pub(super) name: &'n str,
    pub(super) votes: i64,
}

/// The seats of each party, in the order given, from zero seats on. Of two with one priority the one with fewer seats
/// comes first, then the one with the lower name.
pub(super) fn divide(seats: i64, parties: &[Party<'_>]) -> Vec<i64> {
    let mut taken = vec![0_i64; parties.len()];
    let mut queue: BinaryHeap<Claim<'_>> = parties
        .iter()
        .enumerate()
        .map(|(index, party)| Claim {
            index,
            party: *party,
            seats: 0,
        })
        .collect();
    for _ in 0..seats {
        let Some(mut claim) = queue.pop() else { break };
        claim.seats += 1;
        if let Some(count) = taken.get_mut(claim.index) {
            *count = claim.seats;
        }
        queue.push(claim);
    }
    taken
}

/// A party's claim to the next seat.
struct Claim<'n> {
    index: usize,
    party: Party<'n>,
    seats: i64,
}

impl Claim<'_> {
    /// As Karmada computes it, in floating point.
    #[expect(
        clippy::cast_precision_loss,
        reason = "Karmada loses the same digits; ties come out as there"
    )]
    fn priority(&self) -> f64 {
        self.party.votes as f64 / (2 * self.seats + 1) as f64
    }
}

impl Ord for Claim<'_> {
    fn cmp(&self, other: &Self) -> Ordering {
        self.priority()
            .total_cmp(&other.priority())
            .then(Reverse(self.seats).cmp(&Reverse(other.seats)))
            .then(Reverse(self.party.name).cmp(&Reverse(other.party.name)))
    }
}

impl PartialOrd for Claim<'_> {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

impl PartialEq for Claim<'_> {
    fn eq(&self, other: &Self) -> bool {
        self.cmp(other) == Ordering::Equal
    }
}

impl Eq for Claim<'_> {}

#[cfg(test)]
mod tests {
    use super::*;

    fn seats(total: i64, votes: &[i64]) -> Vec<i64> {
        let names = ["a", "b", "c", "d"];
        let parties: Vec<Party<'_>> = names
            .iter()
            .zip(votes)
            .map(|(name, votes)| Party {
                name,
                votes: *votes,
            })
            .collect();
        divide(total, &parties)
    }

    #[test]
    fn two_to_one_is_divided_as_the_method_says() {
        assert_eq!(seats(2, &[2, 1]), [1, 1]);
        assert_eq!(seats(3, &[2, 1]), [2, 1]);
        assert_eq!(seats(5, &[2, 1]), [3, 2]);
        assert_eq!(seats(9, &[1, 2]), [3, 6]);
        assert_eq!(seats(9, &[1, 3]), [2, 7]);
    }

    #[test]
    fn a_tie_goes_to_the_lower_name_and_nobody_without_votes_is_served_first() {
        assert_eq!(seats(1, &[1, 1, 1]), [1, 0, 0]);
        assert_eq!(seats(7, &[1, 1, 1]), [3, 2, 2]);
        assert_eq!(seats(4, &[0, 1]), [0, 4]);
        assert_eq!(seats(0, &[1, 1]), [0, 0]);
        assert_eq!(seats(3, &[]), Vec::<i64>::new());
    }
}
