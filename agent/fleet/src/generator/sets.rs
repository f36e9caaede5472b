//! Sets of parameters, each made when it is looked at: in a fleet of thousands they are needed one by one.

use super::clusters::Chosen;
use super::matrix::combine;
use crate::params::{self, Params};

/// Sets of parameters, in order.
#[derive(Debug, Clone)]
pub struct ParameterSets<'m>(Sets<'m>);

#[derive(Debug, Clone)]
enum Sets<'m> {
    /// As they were read.
    Made(Vec<Params>),
    /// Those of clusters.
    Clusters(Chosen<'m>),
    /// Every row with every column.
    Matrix {
        go: bool,
        rows: Box<ParameterSets<'m>>,
        columns: Box<ParameterSets<'m>>,
    },
    /// Every row with columns of its own; the last number of each row is where the next begins.
    Rows {
        go: bool,
        rows: Box<ParameterSets<'m>>,
        columns: Vec<ParameterSets<'m>>,
        ends: Vec<usize>,
    },
    /// Those of the first generator, completed.
    Merged {
        go: bool,
        base: Box<ParameterSets<'m>>,
        others: Vec<Completion<'m>>,
    },
    /// Some of others, by their numbers.
    Kept(Box<ParameterSets<'m>>, Vec<usize>),
}

/// What one generator adds to another's sets.
#[derive(Debug, Clone)]
pub(super) struct Completion<'m> {
    pub(super) sets: ParameterSets<'m>,
    /// For each set that is completed, the number of the one that completes it.
    pub(super) of: Vec<Option<usize>>,
}

impl From<Vec<Params>> for ParameterSets<'_> {
    fn from(sets: Vec<Params>) -> Self {
        Self(Sets::Made(sets))
    }
}

impl<'m> ParameterSets<'m> {
    pub(super) fn of_clusters(chosen: Chosen<'m>) -> Self {
        Self(Sets::Clusters(chosen))
    }

    pub(super) fn matrix(rows: Self, columns: Self, go: bool) -> Self {
        Self(Sets::Matrix {
            go,
            rows: Box::new(rows),
            columns: Box::new(columns),
        })
    }

    /// Each row with the columns of the same number.
    pub(super) fn rows(rows: Self, columns: Vec<Self>, go: bool) -> Self {
        let ends = columns.iter().scan(0, |end, columns| {
            *end += columns.len();
            Some(*end)
        });
        let ends = ends.collect();
        Self(Sets::Rows {
            go,
            rows: Box::new(rows),
            columns,
            ends,
        })
    }

    pub(super) fn merged(base: Self, others: Vec<Completion<'m>>, go: bool) -> Self {
        Self(Sets::Merged {
            go,
            base: Box::new(base),
            others,
        })
    }

    /// Those that `keeps` approves of.
    pub(super) fn filtered(self, keeps: impl Fn(&Params) -> bool) -> Self {
        let numbers = 0..self.len();
        let kept = numbers.filter(|number| self.get(*number).is_some_and(|set| keeps(&set)));
        let kept = kept.collect();
        Self(Sets::Kept(Box::new(self), kept))
    }

    /// How many there are.
    #[must_use]
    pub fn len(&self) -> usize {
        match &self.0 {
            Sets::Made(sets) => sets.len(),
            Sets::Clusters(chosen) => chosen.len(),
            Sets::Matrix { rows, columns, .. } => rows.len() * columns.len(),
            Sets::Rows { ends, .. } => ends.last().copied().unwrap_or_default(),
            Sets::Merged { base, .. } => base.len(),
            Sets::Kept(_, kept) => kept.len(),
        }
    }

    /// True when there is none.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// The set of that number.
    #[must_use]
    pub fn get(&self, number: usize) -> Option<Params> {
        match &self.0 {
            Sets::Made(sets) => sets.get(number).cloned(),
            Sets::Clusters(chosen) => chosen.get(number),
            Sets::Matrix { go, rows, columns } => {
                let row = rows.get(number.checked_div(columns.len())?)?;
                let column = columns.get(number.checked_rem(columns.len())?)?;
                combine(&row, column, *go).ok()
            }
            Sets::Rows {
                go,
                rows,
                columns,
                ends,
            } => {
                let row = ends.partition_point(|end| *end <= number);
                let begin = row.checked_sub(1).map_or(0, |before| ends[before]);
                let column = columns.get(row)?.get(number - begin)?;
                combine(&rows.get(row)?, column, *go).ok()
            }
            Sets::Merged { go, base, others } => {
                let mut set = base.get(number)?;
                for other in others {
                    let found = other.of.get(number).copied().flatten();
                    if let Some(found) = found.and_then(|found| other.sets.get(found)) {
                        complete(&mut set, found, *go);
                    }
                }
                Some(set)
            }
            Sets::Kept(sets, kept) => sets.get(*kept.get(number)?),
        }
    }

    /// One after the other.
    pub fn iter(&self) -> impl Iterator<Item = Params> {
        (0..self.len()).filter_map(|number| self.get(number))
    }
}

fn complete(set: &mut Params, with: Params, go: bool) {
    if go {
        params::merge_over(set, &with);
    } else {
        set.extend(with);
    }
}
