//! Kubernetes quantities, and how many replicas a cluster's declared capacity takes.

use std::collections::BTreeMap;

use muster_model::Node;

use crate::fleet::Cluster;

/// The key of [`Cluster::capacity`] that counts replicas of any workload.
const REPLICAS: &str = "replicas";
/// The key of [`Cluster::capacity`] that counts Pods, as a node's capacity has it.
const PODS: &str = "pods";
/// What every node has: a cluster that does not declare it is not limited by it.
const EVERYWHERE: &[&str] = &["cpu", "memory", "ephemeral-storage"];
/// As many as Karmada knows.
pub(super) const UNLIMITED: i64 = i32::MAX as i64;

/// A quantity in thousandths, as `resource.Quantity` reads it; `None` when it is none.
#[must_use]
pub(crate) fn parse(text: &str) -> Option<i128> {
    let end = text
        .find(|c: char| !(c.is_ascii_digit() || matches!(c, '.' | '+' | '-')))
        .unwrap_or(text.len());
    let (number, suffix) = text.split_at(end);
    let (digits, fraction) = number.split_once('.').unwrap_or((number, ""));
    let written = digits.trim_start_matches(['+', '-']);
    if (written.is_empty() && fraction.is_empty()) || fraction.contains(['+', '-', '.']) {
        return None;
    }
    let negative = digits.starts_with('-');
    let mut scaled: i128 = format!("{written}{fraction}").parse().ok()?;
    if negative {
        scaled = -scaled;
    }
    let (factor, divisor) = scale(suffix)?;
    let places = u32::try_from(fraction.len()).ok()?;
    let thousandths = scaled.checked_mul(factor)?.checked_mul(1000)?;
    let by = 10_i128.checked_pow(places)?.checked_mul(divisor)?;
    // Rounded up, as Kubernetes rounds what is finer than its scale.
    Some(thousandths.div_euclid(by) + i128::from(thousandths.rem_euclid(by) != 0))
}

/// What a suffix multiplies with and divides by.
fn scale(suffix: &str) -> Option<(i128, i128)> {
    let binary = |power: u32| Some((1_i128 << (10 * power), 1));
    let decimal = |power: u32| Some((10_i128.pow(power), 1));
    match suffix {
        "" => Some((1, 1)),
        "n" => Some((1, 1_000_000_000)),
        "u" => Some((1, 1_000_000)),
        "m" => Some((1, 1000)),
        "k" => decimal(3),
        "M" => decimal(6),
        "G" => decimal(9),
        "T" => decimal(12),
        "P" => decimal(15),
        "E" => decimal(18),
        "Ki" => binary(1),
        "Mi" => binary(2),
        "Gi" => binary(3),
        "Ti" => binary(4),
        "Pi" => binary(5),
        "Ei" => binary(6),
        exponent => {
            let power: i32 = exponent.strip_prefix(['e', 'E'])?.parse().ok()?;
            let size = 10_i128.checked_pow(power.unsigned_abs().min(24))?;
            Some(if power < 0 { (1, size) } else { (size, 1) })
        }
    }
}

/// What one replica asks for, in thousandths, by resource.
pub(super) type Requests = BTreeMap<String, i128>;

/// What a Pod asks for: its containers together, or its hungriest init container; a limit stands for a missing request.
pub(super) fn requests_of(pod: &Node) -> Requests {
    let mut sum = Requests::new();
    for container in list(pod, "containers") {
        add(&mut sum, &container_requests(container));
    }
    let mut sidecars = Requests::new();
    let mut hungriest = Requests::new();
    for container in list(pod, "initContainers") {
        let own = container_requests(container);
        if container.str_at(&["restartPolicy"]) == Some("Always") {
            add(&mut sum, &own);
            add(&mut sidecars, &own);
            raise(&mut hungriest, &sidecars);
        } else {
            let mut with_sidecars = own;
            add(&mut with_sidecars, &sidecars);
            raise(&mut hungriest, &with_sidecars);
        }
    }
    raise(&mut sum, &hungriest);
    add(&mut sum, &quantities(pod.get("overhead")));
    sum.retain(|_, quantity| *quantity > 0);
    sum
}

fn list<'n>(node: &'n Node, name: &str) -> &'n [Node] {
    node.get(name).and_then(Node::as_list).unwrap_or_default()
}

fn container_requests(container: &Node) -> Requests {
    let mut requests = quantities(container.at_path(&["resources", "limits"]));
    requests.extend(quantities(container.at_path(&["resources", "requests"])));
    requests
}

fn quantities(node: Option<&Node>) -> Requests {
    let entries = node.and_then(Node::as_map).into_iter();
    entries
        .flat_map(|map| map.iter())
        .filter_map(|(name, value)| Some((name.to_owned(), parse(&value.raw_scalar()?)?)))
        .collect()
}

fn add(sum: &mut Requests, more: &Requests) {
    for (name, quantity) in more {
        *sum.entry(name.clone()).or_default() += quantity;
    }
}

fn raise(most: &mut Requests, other: &Requests) {
    for (name, quantity) in other {
        let entry = most.entry(name.clone()).or_default();
        *entry = (*entry).max(*quantity);
    }
}

/// How many replicas the cluster's declared capacity takes; `None` when it declares nothing that counts.
///
/// A resource that is asked for and not declared is not there, except those that every node has.
pub(super) fn available(cluster: &Cluster, requests: &Requests) -> Option<i64> {
    let declared = |name: &str| cluster.capacity.get(name).and_then(|text| parse(text));
    let whole =
        |thousandths: i128| i64::try_from(thousandths.div_euclid(1000)).unwrap_or(UNLIMITED);
    let mut limits: Vec<i64> = [REPLICAS, PODS]
        .into_iter()
        .filter_map(|name| declared(name).map(whole))
        .collect();
    for (name, asked) in requests.iter().filter(|(_, asked)| **asked > 0) {
        match declared(name) {
            Some(there) => {
                let replicas = there.div_euclid(*asked);
                limits.push(i64::try_from(replicas).unwrap_or(UNLIMITED));
            }
            None if EVERYWHERE.contains(&name.as_str()) => {}
            None => limits.push(0),
        }
    }
    limits
        .into_iter()
        .min()
        .map(|least| least.clamp(0, UNLIMITED))
}

#[cfg(test)]
mod tests {
    use super::*;
    use muster_model::{Budgets, ClusterName, yaml};

    #[test]
    fn quantities_read_as_kubernetes_reads_them() {
        let cases = [
            ("1", Some(1000)),
            ("250m", Some(250)),
            ("0.5", Some(500)),
            (".5", Some(500)),
            ("1.5Gi", Some(1_610_612_736_000)),
            ("2k", Some(2_000_000)),
            ("1e3", Some(1_000_000)),
            ("12E", Some(12_000_000_000_000_000_000_000)),
            ("-1", Some(-1000)),
            ("100n", Some(1)),
            ("", None),
            ("Gi", None),
            ("1.2.3", None),
            ("5 Gi", None),
        ];
        for (text, expected) in cases {
            assert_eq!(parse(text), expected, "{text}");
        }
    }

    fn pod() -> Requests {
        let text = "{containers: [{resources: {requests: {cpu: 250m, memory: 1Gi}}}, {resources: {limits: {cpu: 250m}}}], initContainers: [{resources: {requests: {cpu: 2}}}]}";
        let node = yaml::read(text.as_bytes(), &Budgets::default(), 0)
            .expect("YAML")
            .remove(0);
        requests_of(&node)
    }

    #[test]
    fn a_pod_asks_for_its_containers_or_its_hungriest_init_container() {
        let expected = [("cpu", 2000), ("memory", 1_073_741_824_000)];
        let got: Vec<(String, i128)> = pod().into_iter().collect();
        assert_eq!(got, expected.map(|(k, v)| (k.to_owned(), v)));
    }

    #[test]
    fn capacity_is_what_the_scarcest_resource_allows() {
        let cluster = |capacity: &[(&str, &str)]| {
            let mut cluster = Cluster::named(ClusterName::new("a").expect("a name"));
            cluster.capacity = capacity
                .iter()
                .map(|(k, v)| ((*k).to_owned(), (*v).to_owned()))
                .collect();
            cluster
        };
        let asked = pod();
        let available = |capacity: &[(&str, &str)]| available(&cluster(capacity), &asked);
        assert_eq!(available(&[("cpu", "9"), ("memory", "64Gi")]), Some(4));
        assert_eq!(available(&[("cpu", "9"), ("pods", "3")]), Some(3));
        assert_eq!(available(&[("replicas", "7")]), Some(7));
        assert_eq!(available(&[]), None);
        assert_eq!(available(&[("zone", "a")]), None);
        let gpu = Requests::from([("nvidia.com/gpu".to_owned(), 1000)]);
        assert_eq!(super::available(&cluster(&[("cpu", "9")]), &gpu), Some(0));
    }
}
