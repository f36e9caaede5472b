//! `destinationServiceAccounts`: whom an Application is applied as (HAZARDS.md T-52).

use muster_model::{Problem, Reason, ServiceAccount};

use super::{Project, check_pattern};
use crate::decode::{Decoder, Fields, child};
use crate::glob::{Dialect, is_match};

/// Characters that Argo CD does not accept in an account.
const DISALLOWED: &[char] = &['!', '*', '[', ']', '{', '}', '\\', '/'];

/// One entry of `destinationServiceAccounts`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AccountRule {
    /// A pattern for the destination's server.
    pub server: String,
    /// A pattern for the destination's namespace.
    pub namespace: String,
    /// `name`, or `namespace:name`.
    pub account: String,
}

impl AccountRule {
    fn matches(&self, server: &str, namespace: &str) -> bool {
        let word =
            |pattern: &str, text: &str| pattern == "*" || is_match(pattern, text, Dialect::Free);
        word(&self.server, server) && word(&self.namespace, namespace)
    }
}

impl Project {
    /// Whom an Application for this destination is applied as; `None`: the agent itself, because the project names nobody
    /// at all.
    ///
    /// # Errors
    /// [`Reason::AccountDenied`] when the project names accounts and none for this destination, or one of another
    /// namespace: nobody named never means the agent's own rights.
    pub fn account_for(
        &self,
        server: &str,
        destination: &str,
    ) -> Result<Option<ServiceAccount>, Problem> {
        if self.accounts.is_empty() {
            return Ok(None);
        }
        let deny = |what: String| {
            let problem = Problem::new(Reason::AccountDenied, what);
            problem
                .at(self.origin.clone())
                .field("spec.destinationServiceAccounts")
        };
        let rule = self
            .accounts
            .iter()
            .find(|rule| rule.matches(server, destination));
        let Some(rule) = rule else {
            return Err(deny(format!(
                "project `{}` names no service account for {}, namespace `{}`",
                self.name, server, destination
            )));
        };
        let (namespace, name) = match rule.account.split_once(':') {
            Some((namespace, name)) => (namespace, name),
            None => (destination, rule.account.as_str()),
        };
        if namespace != destination {
            return Err(deny(format!(
                "the service account `{}` is of another namespace than the destination `{}`",
                rule.account, destination
            )));
        }
        match ServiceAccount::new(namespace, name) {
            Ok(account) => Ok(Some(account)),
            Err(error) => Err(deny(error.to_string())),
        }
    }
}

/// Reads the list; what Argo CD refuses is refused.
pub(super) fn read(decoder: &mut Decoder, fields: &mut Fields<'_>) -> Vec<AccountRule> {
    let mut rules: Vec<AccountRule> = Vec::new();
    for (path, node) in decoder.items(fields, "destinationServiceAccounts") {
        let mut f = decoder.fields(node, &path);
        let rule = AccountRule {
            server: decoder.text_required(&mut f, "server"),
            namespace: decoder.text(&mut f, "namespace"),
            account: decoder.text_required(&mut f, "defaultServiceAccount"),
        };
        decoder.finish(f);
        let line = node.span.line;
        for (field, pattern) in [("server", &rule.server), ("namespace", &rule.namespace)] {
            let path = child(&path, field);
            if pattern.contains('!') {
                decoder.wrong(
                    line,
                    &path,
                    format!("`{pattern}`: there are no denials here"),
                );
            }
            check_pattern(decoder, pattern, Dialect::Free, line, &path);
        }
        let account = rule.account.as_str();
        let blank = !account.is_empty() && account.trim().is_empty();
        if blank || account.contains(DISALLOWED) {
            let path = child(&path, "defaultServiceAccount");
            let what =
                format!("`{account}` is no service account: write `name`, or `namespace:name`");
            decoder.wrong(line, &path, what);
        }
        let again = rules
            .iter()
            .any(|r| r.server == rule.server && r.namespace == rule.namespace);
        if again {
            decoder.wrong(
                line,
                &path,
                "this destination already has a service account",
            );
        }
        rules.push(rule);
    }
    rules
}
