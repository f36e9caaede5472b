use super::*;
use muster_model::{Budgets, yaml};

fn project(spec: &str) -> Project {
    let text = format!(
        "apiVersion: argoproj.io/v1alpha1\nkind: AppProject\nmetadata: {{name: p}}\nspec: {spec}\n"
    );
    let node = yaml::read(text.as_bytes(), &Budgets::default(), 0)
        .expect("YAML")
        .remove(0);
    let mut decoder = Decoder::new("p.yaml", Reason::InvalidField);
    let project = Project::read(&mut decoder, &node);
    assert_eq!(decoder.into_problems().0, []);
    project
}

#[test]
fn sources_match_after_normalisation_and_denials_win() {
    let p =
        project("{sourceRepos: ['https://github.com/org/*', '!https://github.com/org/secret']}");
    assert!(p.permits_source("https://GitHub.com/org/app.git"));
    assert!(!p.permits_source("https://github.com/org/secret.git"));
    // A denial counts as a match for everything it does not deny.
    assert!(p.permits_source("https://elsewhere/x"));
    let p = project("{sourceRepos: ['https://github.com/org/*']}");
    assert!(!p.permits_source("https://github.com/org/team/app"));
    let p = project("{sourceRepos: ['https://github.com/org/**']}");
    assert!(p.permits_source("https://github.com/org/team/app"));
    assert!(!project("{}").permits_source("https://x/y"));
    assert!(project("{sourceRepos: ['*']}").permits_source("git@host:a/b"));
}

#[test]
fn destinations_need_a_cluster_and_a_namespace_in_one_entry() {
    let p = project(
        "{destinations: [{server: 'https://kubernetes.default.svc', namespace: bookstore}, {name: 'prod-*', namespace: '*'}]}",
    );
    assert!(p.permits_destination("https://kubernetes.default.svc", "east", "bookstore"));
    assert!(!p.permits_destination("https://kubernetes.default.svc", "east", "other"));
    assert!(p.permits_destination("https://x", "prod-eu", "other"));
    let p = project(
        "{destinations: [{server: '*', namespace: '!kube-system'}, {server: '*', namespace: 'kube-*'}]}",
    );
    assert!(!p.permits_destination("https://x", "a", "kube-system"));
    assert!(p.permits_destination("https://x", "a", "team"));
}

#[test]
fn kinds_follow_the_lists_of_their_scope() {
    let deployment = GroupKind::new("apps", "Deployment");
    let namespace = GroupKind::new("", "Namespace");
    let p = project("{clusterResourceWhitelist: [{group: '', kind: Namespace, name: 'team-*'}]}");
    assert!(p.permits_object(&deployment, true, "x"));
    assert!(p.permits_object(&namespace, false, "team-a"));
    assert!(!p.permits_object(&namespace, false, "kube-system"));
    assert!(!p.permits_object(
        &GroupKind::new("rbac.authorization.k8s.io", "ClusterRole"),
        false,
        "x"
    ));
    assert!(!project("{namespaceResourceWhitelist: []}").permits_object(&deployment, true, "x"));
    let p = project("{namespaceResourceBlacklist: [{group: '*', kind: Deployment}]}");
    assert!(!p.permits_object(&deployment, true, "x"));
    let p = project(
        "{clusterResourceWhitelist: [{group: '*', kind: '*'}], clusterResourceBlacklist: [{group: '', kind: Namespace}]}",
    );
    assert!(!p.permits_object(&namespace, false, "x"));
}

#[test]
fn what_is_not_built_is_refused_by_name_and_roles_are_reported() {
    let text = "metadata: {name: p}\nspec:\n  signatureKeys: [{keyID: ABC}]\n  roles: [{name: r}]\n  sourceReps: []\n";
    let node = yaml::read(text.as_bytes(), &Budgets::default(), 0)
        .expect("YAML")
        .remove(0);
    let mut decoder = Decoder::new("p.yaml", Reason::InvalidField);
    Project::read(&mut decoder, &node);
    let (problems, warnings) = decoder.into_problems();
    assert!(
        problems[0]
            .to_string()
            .contains("p.yaml:3: `signatureKeys` is not supported")
    );
    assert!(
        problems[1]
            .to_string()
            .contains("did you mean `sourceRepos`?")
    );
    assert!(warnings[0].message.contains("`roles` has no effect"));
}

/// What an Application of this project, bound for a namespace, is applied as.
fn account(spec: &str, namespace: &str) -> Result<Option<String>, Reason> {
    project(spec)
        .account_for("https://kubernetes.default.svc", namespace)
        .map(|account| account.map(|account| account.user()))
        .map_err(|problem| problem.reason)
}

#[test]
fn the_first_account_whose_destination_matches_is_taken() {
    const RULES: &str = "{destinationServiceAccounts: [
        {server: 'https://kubernetes.*', namespace: 'shop-*', defaultServiceAccount: deployer},
        {server: 'https://kubernetes.default.svc', namespace: bank, defaultServiceAccount: 'bank:teller'},
        {server: '*', namespace: bank, defaultServiceAccount: other}]}";
    let user = |name: &str| Ok(Some(format!("system:serviceaccount:{name}")));
    assert_eq!(account(RULES, "shop-eu"), user("shop-eu:deployer"));
    assert_eq!(account(RULES, "bank"), user("bank:teller"));
    assert_eq!(
        account("{}", "bank"),
        Ok(None),
        "nobody is named: the agent itself"
    );
}

/// HAZARDS.md T-52: nobody found never means the agent's own rights.
#[test]
fn t_52_no_account_and_one_of_another_namespace_are_refused() {
    let rule = |namespace: &str, account: &str| {
        format!(
            "{{destinationServiceAccounts: [{{server: '*', namespace: '{namespace}', defaultServiceAccount: '{account}'}}]}}"
        )
    };
    for (rules, namespace) in [
        (rule("shop", "deployer"), "bank"),
        (
            rule("*", "kube-system:clusterrole-aggregation-controller"),
            "shop",
        ),
        (rule("*", "system:masters"), "shop"),
        (rule("*", ":deployer"), "shop"),
        (rule("*", "shop:"), "shop"),
        (rule("*", "Deployer"), "shop"),
        (rule("*", "deployer"), ""),
    ] {
        assert_eq!(
            account(&rules, namespace),
            Err(Reason::AccountDenied),
            "{rules}"
        );
    }
}

#[test]
fn a_list_of_accounts_that_argo_cd_refuses_is_refused() {
    let problems = |entries: &str| {
        let text = format!(
            "apiVersion: argoproj.io/v1alpha1\nkind: AppProject\nmetadata: {{name: p}}\nspec: {{destinationServiceAccounts: [{entries}]}}\n"
        );
        let node = yaml::read(text.as_bytes(), &Budgets::default(), 0)
            .expect("YAML")
            .remove(0);
        let mut decoder = Decoder::new("p.yaml", Reason::InvalidField);
        Project::read(&mut decoder, &node);
        decoder.into_problems().0.len()
    };
    let entry = |server: &str, account: &str| {
        format!("{{server: '{server}', namespace: a, defaultServiceAccount: '{account}'}}")
    };
    assert_eq!(problems(&entry("*", "deployer")), 0);
    for account in ["", " ", "*", "a/b", "{a}"] {
        assert_eq!(problems(&entry("*", account)), 1, "{account:?}");
    }
    assert_eq!(problems(&entry("!x", "deployer")), 1);
    assert_eq!(problems(&entry("[a", "deployer")), 1);
    assert_eq!(problems(&format!("{0}, {0}", entry("*", "deployer"))), 1);
}
