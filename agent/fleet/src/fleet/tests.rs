use super::*;

const GOOD: &str = r#"
apiVersion: muster.dev/v1alpha1
kind: Fleet
metadata: {name: bookstore}
spec:
  serial: 12
  managementCluster: hub
  clusters:
    - name: hub
    - name: east
      labels: {bookstore.example.com/fleet: "true", env: staging}
      state: Suspended
      capacity: {cpu: 64, memory: 256Gi}
      podCIDRs: [10.0.0.0/16, "fd00::/48"]
  repositories:
    - url: https://github.com/your-org/bookstore.git
      self: true
  resources: [argocd/appproject.yaml]
  rollouts:
    - applicationSet: bookstore
      soak: 10m
      maxFailures: 10%
      onFailure: Rollback
      windows: [{kind: allow, schedule: "0 9 * * 1-5", duration: 8h, timeZone: Europe/Zurich}]
  kinds: [{group: example.com, kind: Widget, scope: Namespaced}]
"#;

fn problems(text: &str) -> Vec<String> {
    let errors = Fleet::parse("fleet.yaml", text.as_bytes()).expect_err("invalid");
    errors.iter().map(ToString::to_string).collect()
}

#[test]
fn a_repository_that_only_ssh_reaches_is_named() {
    let repositories = "  repositories:
    - url: git@git.example.com:your-org/hub.git
      self: true
    - url: git@git.example.com:your-org/mirrored.git
      mirror: https://git.example.com/your-org/mirrored.git
    - url: git@git.example.com:your-org/apps.git
";
    let text = GOOD.split("  repositories:").next().expect("a beginning");
    let text = format!("{text}{repositories}");
    let (_, warnings) = Fleet::parse("fleet.yaml", text.as_bytes()).expect("valid");
    let said: Vec<String> = warnings.iter().map(ToString::to_string).collect();
    assert_eq!(said.len(), 1, "{said:?}");
    assert!(
        said[0].contains("spec.repositories[2]") && said[0].contains("set `mirror`"),
        "{said:?}"
    );
}

#[test]
fn a_complete_file_reads() {
    let (fleet, warnings) = Fleet::parse("fleet.yaml", GOOD.as_bytes()).expect("valid");
    assert_eq!(warnings, []);
    assert_eq!((fleet.serial, fleet.clusters.len()), (12, 2));
    assert_eq!(fleet.clusters[1].capacity["cpu"], "64");
    assert_eq!(fleet.rollouts[0].max_failures, MaxFailures::Percent(10));
    assert!(
        fleet
            .repository("https://github.com/Your-Org/bookstore")
            .is_some()
    );
}

#[test]
fn all_problems_come_at_once_with_line_and_remedy() {
    let text = GOOD
        .replace("repositories:", "repositorys:")
        .replace("name: east", "name: East")
        .replace("soak: 10m", "soak: -5m")
        .replace("v1alpha1", "v2")
        .replace("env: staging", "env: [a]");
    let found = problems(&text).join("\n");
    for part in [
        "fleet.yaml:2: unknown apiVersion `muster.dev/v2`",
        "did you mean `repositories`?",
        "\"East\" is not a cluster name",
        "`-5m` is not a duration: it is negative",
        "expected a text, found a list",
    ] {
        assert!(found.contains(part), "{part} in\n{found}");
    }
}

#[test]
fn numbers_and_booleans_as_labels_say_to_quote_them() {
    let text = GOOD.replace("fleet: \"true\"", "fleet: true");
    let found = problems(&text);
    assert_eq!(found.len(), 1);
    assert!(found[0].contains("help: quote the value: \"true\""));
}

#[test]
fn names_and_servers_are_unique_and_the_management_cluster_is_one_of_them() {
    let twice = GOOD.replace("name: east", "name: hub");
    assert!(problems(&twice)[0].contains("two clusters are called `hub`"));
    let missing = GOOD.replace("managementCluster: hub", "managementCluster: west");
    assert!(problems(&missing)[0].contains("no cluster is called `west`"));
}

#[test]
fn the_schema_is_stable_and_names_every_field() {
    let schema = json_schema();
    for field in [
        "managementCluster",
        "podCIDRs",
        "adminApplications",
        "maxFailures",
    ] {
        assert!(schema.contains(&format!("\"{field}\"")), "{field}");
    }
    assert_eq!(schema, json_schema());
}
