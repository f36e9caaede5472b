//! Address ranges that clusters declare, and which of them overlap.

use std::net::IpAddr;

use muster_fleet::fleet::{Cluster, Fleet};
use muster_model::{Location, Problem, Reason};

/// One range of one cluster.
struct Range<'a> {
    cluster: &'a Cluster,
    /// `podCIDRs` or `serviceCIDRs`.
    field: &'static str,
    text: &'a str,
    /// True for IPv4.
    v4: bool,
    first: u128,
    last: u128,
}

/// One problem for each two ranges that overlap: of two clusters, or Pods and Services of one.
#[must_use]
pub fn overlaps(fleet: &Fleet, file: &str) -> Vec<Problem> {
    let mut ranges: Vec<Range<'_>> = Vec::new();
    for cluster in fleet.clusters.iter() {
        let declared = [
            ("podCIDRs", &cluster.pod_cidrs),
            ("serviceCIDRs", &cluster.service_cidrs),
        ];
        for (field, texts) in declared {
            ranges.extend(texts.iter().filter_map(|text| range(cluster, field, text)));
        }
    }
    ranges.sort_by_key(|range| (range.v4, range.first, std::cmp::Reverse(range.last)));
    let mut problems = Vec::new();
    // Those that may still reach into what follows.
    let mut open: Vec<&Range<'_>> = Vec::new();
    for range in &ranges {
        open.retain(|other| other.v4 == range.v4 && other.last >= range.first);
        problems.extend(open.iter().map(|other| problem(other, range, file)));
        open.push(range);
    }
    problems
}

fn range<'a>(cluster: &'a Cluster, field: &'static str, text: &'a str) -> Option<Range<'a>> {
    let (address, bits) = text.split_once('/')?;
    let bits: u32 = bits.parse().ok()?;
    let (value, width): (u128, u32) = match address.parse().ok()? {
        IpAddr::V4(address) => (u128::from(u32::from(address)), 32),
        IpAddr::V6(address) => (u128::from(address), 128),
    };
    let free = width.checked_sub(bits)?;
    let hosts = if free == 128 {
        u128::MAX
    } else {
        (1u128 << free) - 1
    };
    Some(Range {
        cluster,
        field,
        text,
        v4: width == 32,
        first: value & !hosts,
        last: value | hosts,
    })
}

fn problem(one: &Range<'_>, other: &Range<'_>, file: &str) -> Problem {
    let message = format!(
        "{} {} of cluster {} and {} {} of cluster {} overlap",
        one.field, one.text, one.cluster.name, other.field, other.text, other.cluster.name
    );
    let place = |range: &Range<'_>| {
        let place = range.cluster.declared_at.clone();
        place.unwrap_or_else(|| Location::file(file))
    };
    Problem::new(Reason::AddressesOverlap, message)
        .at(place(other))
        .field(format!("spec.clusters.{}", other.field))
        .via(place(one))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn fleet(clusters: &[(&str, &str, &str)]) -> Fleet {
        let entries: Vec<String> = clusters
            .iter()
            .map(|(name, pods, services)| {
                format!("    - {{name: {name}, podCIDRs: [{pods}], serviceCIDRs: [{services}]}}\n")
            })
            .collect();
        let text = format!(
            "apiVersion: muster.dev/v1alpha1\nkind: Fleet\nmetadata: {{name: f}}\nspec:\n  clusters:\n{}",
            entries.concat()
        );
        Fleet::parse("fleet.yaml", text.as_bytes())
            .expect("valid")
            .0
    }

    #[test]
    fn every_two_ranges_that_overlap_are_named_once() {
        let found = overlaps(
            &fleet(&[
                ("a", "10.0.0.0/16", "10.96.0.0/16"),
                ("b", "10.1.0.0/16, \"fd00::/48\"", "10.96.4.0/24"),
                ("c", "10.0.128.0/17, \"fd00::1:0/112\"", ""),
            ]),
            "fleet.yaml",
        );
        let messages: Vec<&str> = found.iter().map(|p| p.message.as_str()).collect();
        assert_eq!(
            messages,
            [
                "podCIDRs fd00::/48 of cluster b and podCIDRs fd00::1:0/112 of cluster c overlap",
                "podCIDRs 10.0.0.0/16 of cluster a and podCIDRs 10.0.128.0/17 of cluster c overlap",
                "serviceCIDRs 10.96.0.0/16 of cluster a and serviceCIDRs 10.96.4.0/24 of cluster b overlap",
            ]
        );
    }

    #[test]
    fn neighbours_do_not_overlap() {
        assert_eq!(
            overlaps(
                &fleet(&[("a", "10.0.0.0/24", ""), ("b", "10.0.1.0/24", "")]),
                "f"
            ),
            []
        );
    }
}
