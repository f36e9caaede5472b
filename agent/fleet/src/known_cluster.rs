//! A fleet file's entry for a cluster that something else knows already: a Cluster API object, or a kubeconfig.

use std::collections::BTreeMap;

use muster_model::{Budgets, ClusterName, Node, Problem, Reason, yaml};

use crate::edit::ClusterEntry;
use crate::template::normalise;

/// The API group of Cluster API.
const CLUSTER_API: &str = "cluster.x-k8s.io/";

/// Reads the first Cluster of Cluster API, or a kubeconfig, in a file. Of a kubeconfig only the names and the address are
/// looked at, never a credential.
///
/// # Errors
/// When the file is not YAML, has neither, or does not name its cluster.
pub fn read(file: &str, bytes: &[u8]) -> Result<ClusterEntry, Problem> {
    let documents = yaml::read(bytes, &Budgets::default(), 0).map_err(|error| {
        let at = muster_model::Location::line(file, error.line());
        Problem::new(Reason::InvalidYaml, error.to_string()).at(at)
    })?;
    let is_cluster = |node: &&Node| {
        node.str_at(&["kind"]) == Some("Cluster")
            && node
                .str_at(&["apiVersion"])
                .is_some_and(|version| version.starts_with(CLUSTER_API))
    };
    let is_config =
        |node: &&Node| node.str_at(&["kind"]) == Some("Config") && node.get("contexts").is_some();
    if let Some(cluster) = documents.iter().find(is_cluster) {
        return of_cluster(cluster).map_err(|problem| problem.at(place(file, cluster)));
    }
    if let Some(config) = documents.iter().find(is_config) {
        return of_kubeconfig(config).map_err(|problem| problem.at(place(file, config)));
    }
    let problem = Problem::new(
        Reason::InvalidObject,
        format!("{file} has neither a Cluster of {CLUSTER_API}… nor a kubeconfig"),
    );
    Err(problem
        .remedy("give the YAML of a Cluster API `Cluster`, or a kubeconfig with a current context"))
}

fn place(file: &str, node: &Node) -> muster_model::Location {
    muster_model::Location::line(file, node.span.line)
}

fn of_cluster(node: &Node) -> Result<ClusterEntry, Problem> {
    let mut entry = named(node.str_at(&["metadata", "name"]))?;
    entry.labels = texts(node.at_path(&["metadata", "labels"]));
    let blocks = |kind: &str| {
        let blocks = node.at_path(&["spec", "clusterNetwork", kind, "cidrBlocks"]);
        let items = blocks.and_then(Node::as_list).unwrap_or_default();
        items
            .iter()
            .filter_map(|item| item.as_str().map(ToOwned::to_owned))
            .collect()
    };
    entry.pod_cidrs = blocks("pods");
    entry.service_cidrs = blocks("services");
    Ok(entry)
}

fn of_kubeconfig(node: &Node) -> Result<ClusterEntry, Problem> {
    let current = node.str_at(&["current-context"]).unwrap_or_default();
    let context = member(node, "contexts", current).ok_or_else(|| {
        let message = format!("the kubeconfig's current context `{current}` is not in it");
        Problem::new(Reason::MissingField, message).field("current-context")
    })?;
    let name = context.str_at(&["context", "cluster"]).unwrap_or_default();
    let mut entry = named(Some(name))?;
    let cluster = member(node, "clusters", name);
    let server = cluster.and_then(|cluster| cluster.str_at(&["cluster", "server"]));
    entry.server = server.map(ToOwned::to_owned);
    Ok(entry)
}

fn member<'n>(config: &'n Node, list: &str, name: &str) -> Option<&'n Node> {
    let items = config.get(list).and_then(Node::as_list).unwrap_or_default();
    items
        .iter()
        .find(|item| item.str_at(&["name"]) == Some(name))
}

/// An entry by that name: as a label where the name is none, which the cluster then keeps as its Argo CD name.
fn named(name: Option<&str>) -> Result<ClusterEntry, Problem> {
    let name = name.filter(|name| !name.is_empty()).ok_or_else(|| {
        Problem::new(Reason::MissingField, "the cluster has no name").field("metadata.name")
    })?;
    if let Ok(name) = ClusterName::new(name) {
        return Ok(ClusterEntry::named(name));
    }
    let label = normalise(name).replace('.', "-");
    let label = label
        .get(..63)
        .unwrap_or(&label)
        .trim_matches('-')
        .to_owned();
    let label = ClusterName::new(label).map_err(|error| {
        Problem::new(Reason::InvalidField, error.to_string())
            .remedy("give the cluster a name: `muster cluster add NAME --from FILE`")
    })?;
    let mut entry = ClusterEntry::named(label);
    entry.argo_name = Some(name.to_owned());
    Ok(entry)
}

fn texts(node: Option<&Node>) -> BTreeMap<String, String> {
    let map = node.and_then(Node::as_map);
    let entries = map.into_iter().flat_map(|map| map.iter());
    entries
        .filter_map(|(key, value)| Some((key.to_owned(), value.as_str()?.to_owned())))
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_cluster_api_object_gives_name_labels_and_addresses() {
        let entry = read(
            "c.yaml",
            b"apiVersion: cluster.x-k8s.io/v1beta1\nkind: Cluster\nmetadata: {name: edge-1, namespace: default, labels: {env: prod}}\nspec:\n  clusterNetwork:\n    pods: {cidrBlocks: [10.1.0.0/16]}\n    services: {cidrBlocks: [10.2.0.0/16]}\n",
        )
        .expect("an entry");
        assert_eq!(entry.name.as_str(), "edge-1");
        assert_eq!(entry.labels["env"], "prod");
        assert_eq!(
            (entry.pod_cidrs, entry.service_cidrs),
            (
                vec!["10.1.0.0/16".to_owned()],
                vec!["10.2.0.0/16".to_owned()]
            )
        );
    }

    #[test]
    fn a_kubeconfig_gives_name_and_server_and_no_credential() {
        let entry = read(
            "config",
            b"apiVersion: v1\nkind: Config\ncurrent-context: x\ncontexts: [{name: x, context: {cluster: Prod_East, user: u}}]\nclusters: [{name: Prod_East, cluster: {server: 'https://10.0.0.1:6443'}}]\nusers: [{name: u, user: {token: canary}}]\n",
        )
        .expect("an entry");
        assert_eq!(entry.name.as_str(), "prod-east");
        assert_eq!(entry.argo_name.as_deref(), Some("Prod_East"));
        assert_eq!(entry.server.as_deref(), Some("https://10.0.0.1:6443"));
        assert!(!format!("{entry:?}").contains("canary"));
    }

    #[test]
    fn anything_else_is_refused_with_the_remedy() {
        assert!(read("x", b"kind: Secret\n").is_err());
        assert!(
            read(
                "x",
                b"apiVersion: v1\nkind: Config\ncurrent-context: x\ncontexts: []\n"
            )
            .is_err()
        );
    }
}
