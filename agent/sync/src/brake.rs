//! The brake on deletions (DESIGN.md section 7, HAZARDS.md P2).
//!
//! It counts for each cluster and release, not for each pass: what was deleted since the release came in force counts
//! with what is wanted now. Above the budget nothing goes without an approval in the fleet file.

use std::collections::BTreeSet;

use muster_model::effect::is_precious;
use muster_model::status::PendingDeletions;
use muster_model::{GroupKind, ObjectId};

use crate::context::{Context, Deletions};
use crate::desired::deletions_digest;

/// Deletions of one Application that are always within the budget, and the share of it above that.
const APPLICATION_BUDGET: (u32, u32) = (5, 20);
/// The same for everything muster owns in the cluster.
const CLUSTER_BUDGET: (u32, u32) = (20, 10);
/// Most ids listed in the status; the digest is over all of them.
const MAX_LISTED: usize = 50;

/// Custom resources that are database clusters or message stores: deleting one deletes its data.
const DATABASES: &[(&str, &str)] = &[
    ("acid.zalan.do", "postgresql"),
    ("apps.emqx.io", "EMQX"),
    ("cassandra.datastax.com", "CassandraDatacenter"),
    ("ceph.rook.io", "CephCluster"),
    ("clickhouse.altinity.com", "ClickHouseInstallation"),
    ("crdb.cockroachlabs.com", "CrdbCluster"),
    ("elasticsearch.k8s.elastic.co", "Elasticsearch"),
    ("k8s.mariadb.com", "MariaDB"),
    ("k8ssandra.io", "K8ssandraCluster"),
    ("kafka.strimzi.io", "Kafka"),
    ("minio.min.io", "Tenant"),
    ("mongodbcommunity.mongodb.com", "MongoDBCommunity"),
    ("mysql.oracle.com", "InnoDBCluster"),
    ("opensearch.opster.io", "OpenSearchCluster"),
    ("pingcap.com", "TidbCluster"),
    ("planetscale.com", "VitessCluster"),
    ("postgres-operator.crunchydata.com", "PostgresCluster"),
    ("postgresql.cnpg.io", "Cluster"),
    ("psmdb.percona.com", "PerconaServerMongoDB"),
    ("pxc.percona.com", "PerconaXtraDBCluster"),
    ("rabbitmq.com", "RabbitmqCluster"),
    ("redis.redis.opstreelabs.in", "RedisCluster"),
    ("scylla.scylladb.com", "ScyllaCluster"),
];

/// True for kinds that need an approval whatever the budget says.
#[must_use]
pub fn needs_approval(kind: &GroupKind, protected: &BTreeSet<GroupKind>) -> bool {
    is_precious(kind)
        || DATABASES
            .binary_search(&(kind.group.as_str(), kind.kind.as_str()))
            .is_ok()
        || protected.contains(kind)
}

/// Deletions that somebody wants.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Wanted {
    /// The objects.
    pub objects: BTreeSet<ObjectId>,
    /// Those of them that say `Prune=confirm`.
    pub confirm: BTreeSet<ObjectId>,
    /// How many objects the Application has in the cluster now: what the budget is a share of while the ledger's
    /// release had none before it.
    pub owned: u32,
}

/// What the brake lets through.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Verdict {
    /// These may go.
    pub allowed: BTreeSet<ObjectId>,
    /// These wait for an approval.
    pub pending: BTreeSet<ObjectId>,
}

/// Judges deletions against the budgets and the approvals.
#[must_use]
pub fn judge(wanted: &Wanted, deletions: &Deletions) -> Verdict {
    let approved = approved(&wanted.objects, deletions);
    let rest: BTreeSet<ObjectId> = wanted.objects.difference(&approved).cloned().collect();
    let braked = !rest.is_empty() && exceeds_budget(count(&rest), wanted.owned, deletions);
    let pending: BTreeSet<ObjectId> = rest
        .into_iter()
        .filter(|id| {
            braked
                || wanted.confirm.contains(id)
                || needs_approval(&id.group_kind(), &deletions.protected)
        })
        .collect();
    if deletions.approved.contains(&deletions_digest(&pending)) {
        return Verdict {
            allowed: wanted.objects.clone(),
            pending: BTreeSet::new(),
        };
    }
    Verdict {
        allowed: wanted.objects.difference(&pending).cloned().collect(),
        pending,
    }
}

/// True when `more` deletions, of an Application that owns so many objects now, would leave a budget.
fn exceeds_budget(more: u32, owned: u32, deletions: &Deletions) -> bool {
    let ledger = &deletions.ledger;
    let total = match ledger.total {
        0 => owned,
        total => total,
    };
    let counted = ledger.deleted.saturating_add(more);
    let cluster = deletions.cluster;
    let cluster_counted = cluster.deleted.saturating_add(cluster.wanted.max(more));
    // What somebody else took away since makes the rest no smaller a loss: all that is left is all of it.
    let all_of_it = owned > 0 && more >= owned;
    counted > budget(total.max(ledger.size), APPLICATION_BUDGET)
        || counted >= total
        || all_of_it
        || exceeds_cluster_budget(cluster_counted, cluster.owned)
}

/// True when so many deletions, in a cluster where muster owns so many objects, need an approval: more than a tenth and
/// more than twenty.
#[must_use]
pub fn exceeds_cluster_budget(counted: u32, owned: u32) -> bool {
    counted > budget(owned, CLUSTER_BUDGET)
}

/// True when so many deletions, of an Application with `total` objects, need an approval: more than a fifth and more
/// than five, or all of them.
#[must_use]
pub fn exceeds_application_budget(counted: u32, total: u32) -> bool {
    counted > budget(total, APPLICATION_BUDGET) || counted >= total
}

/// The wanted objects that an approval names: one is of the whole list that left Git with the release (any part of it
/// may go), or of exactly what is wanted now.
fn approved(wanted: &BTreeSet<ObjectId>, deletions: &Deletions) -> BTreeSet<ObjectId> {
    let leaving = &deletions.ledger.leaving;
    if deletions.approved.contains(&deletions_digest(wanted)) {
        wanted.clone()
    } else if deletions.approved.contains(&deletions_digest(leaving)) {
        wanted.intersection(leaving).cloned().collect()
    } else {
        BTreeSet::new()
    }
}

/// What the status says of deletions that wait. An approval must name their digest, or where all of them have left Git
/// with the release, the digest of all that has. That lets go what cannot be seen now as well, so it is listed with them:
/// nobody approves more than was shown.
#[must_use]
pub fn pending(pending: &BTreeSet<ObjectId>, context: &Context<'_>) -> Option<PendingDeletions> {
    if pending.is_empty() {
        return None;
    }
    let (deletions, observed) = (context.deletions, context.observed);
    let leaving = &deletions.ledger.leaving;
    let mut listed = pending.clone();
    let named = if pending.is_subset(leaving) {
        let is_unseen = |id: &&ObjectId| !observed.is_in_view(&id.group_kind());
        listed.extend(leaving.iter().filter(is_unseen).cloned());
        leaving
    } else {
        pending
    };
    Some(PendingDeletions {
        count: count(&listed),
        digest: deletions_digest(named),
        before: deletions.ledger.before.clone(),
        objects: listed
            .iter()
            .take(MAX_LISTED)
            .map(ToString::to_string)
            .collect(),
    })
}

/// The larger of a floor and a share in percent.
fn budget(of: u32, (floor, percent): (u32, u32)) -> u32 {
    let share = u64::from(of) * u64::from(percent) / 100;
    floor.max(u32::try_from(share).unwrap_or(u32::MAX))
}

fn count(objects: &BTreeSet<ObjectId>) -> u32 {
    u32::try_from(objects.len()).unwrap_or(u32::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::context::{ClusterDeletions, Ledger};

    fn ids(range: std::ops::Range<u32>) -> BTreeSet<ObjectId> {
        range
            .map(|n| ObjectId::new("", "ConfigMap", "shop", format!("c{n}")))
            .collect()
    }

    fn deletions(total: u32, owned: u32) -> Deletions {
        Deletions {
            ledger: Ledger {
                total,
                ..Ledger::default()
            },
            cluster: ClusterDeletions {
                owned,
                ..ClusterDeletions::default()
            },
            ..Deletions::default()
        }
    }

    fn wanted(objects: BTreeSet<ObjectId>) -> Wanted {
        Wanted {
            objects,
            confirm: BTreeSet::new(),
            owned: 0,
        }
    }

    #[test]
    fn the_table_is_sorted_for_the_search() {
        assert!(DATABASES.is_sorted());
    }

    #[test]
    fn five_or_a_fifth_of_an_application_is_within_the_budget() {
        let judged = |n, total| {
            judge(&wanted(ids(0..n)), &deletions(total, 10_000))
                .pending
                .len()
        };
        assert_eq!((judged(5, 10), judged(6, 10)), (0, 6));
        assert_eq!((judged(20, 100), judged(21, 100)), (0, 21));
    }

    #[test]
    fn all_of_an_application_needs_approval_however_small() {
        assert_eq!(judge(&wanted(ids(0..1)), &deletions(1, 9)).pending.len(), 1);
    }

    #[test]
    fn the_rest_of_an_application_is_all_of_it_though_somebody_took_a_part() {
        let rest = Wanted {
            owned: 2,
            ..wanted(ids(0..2))
        };
        assert_eq!(judge(&rest, &deletions(3, 100)).pending, ids(0..2));
    }

    #[test]
    fn what_was_deleted_before_under_the_release_counts() {
        let mut deletions = deletions(20, 10_000);
        deletions.ledger.deleted = 4;
        assert_eq!(judge(&wanted(ids(0..1)), &deletions).pending.len(), 0);
        assert_eq!(judge(&wanted(ids(0..2)), &deletions).pending.len(), 2);
    }

    #[test]
    fn a_release_that_was_not_applied_to_its_end_counts_with_all_its_objects() {
        let mut deletions = deletions(20, 10_000);
        deletions.ledger.size = 100;
        assert_eq!(judge(&wanted(ids(0..19)), &deletions).pending.len(), 0);
        assert_eq!(judge(&wanted(ids(0..20)), &deletions).pending.len(), 20);
    }

    #[test]
    fn the_whole_cluster_has_a_budget_too() {
        let mut deletions = deletions(4, 4_000);
        deletions.cluster.wanted = 1_000;
        assert_eq!(judge(&wanted(ids(0..1)), &deletions).pending.len(), 1);
    }

    #[test]
    fn precious_and_protected_kinds_always_need_approval() {
        let claim = ObjectId::new("", "PersistentVolumeClaim", "shop", "data");
        let database = ObjectId::new("postgresql.cnpg.io", "Cluster", "shop", "db");
        let own = ObjectId::new("example.com", "Ledger", "shop", "l");
        let mut deletions = deletions(100, 100);
        deletions.protected = [own.group_kind()].into();
        let all: BTreeSet<_> = [claim, database, own].into();
        assert_eq!(judge(&wanted(all.clone()), &deletions).pending, all);
    }

    #[test]
    fn an_approval_of_the_whole_list_permits_any_part_of_it_and_nothing_else() {
        let mut deletions = deletions(10, 100);
        deletions.ledger.leaving = ids(0..8);
        deletions.ledger.deleted = 3;
        deletions.approved = [deletions_digest(&ids(0..8))].into();
        assert_eq!(judge(&wanted(ids(3..8)), &deletions).allowed, ids(3..8));
        let with_others = judge(&wanted(ids(3..12)), &deletions);
        assert_eq!(with_others.allowed, ids(3..8));
        assert_eq!(with_others.pending, ids(8..12));
    }
}
