//! The service account that an Application's objects are applied as, when its project says so.

use std::fmt;

use serde::{Deserialize, Serialize};

use crate::names::{InvalidName, is_dns_label};

/// Longest name of an object (RFC 1123 subdomain).
const MAX_NAME: usize = 253;

/// A service account: never empty, never a user or a group of another sort (HAZARDS.md T-52).
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct ServiceAccount {
    namespace: String,
    name: String,
}

impl ServiceAccount {
    /// Accepts a namespace and a name as Kubernetes does.
    ///
    /// # Errors
    /// When one of them is none.
    pub fn new(namespace: impl Into<String>, name: impl Into<String>) -> Result<Self, InvalidName> {
        let (namespace, name) = (namespace.into(), name.into());
        let named = name.len() <= MAX_NAME && name.split('.').all(is_dns_label);
        if is_dns_label(&namespace) && named {
            Ok(Self { namespace, name })
        } else {
            Err(InvalidName {
                text: format!("{namespace}:{name}"),
                expected: "a service account (`namespace:name`, each a name as Kubernetes has them)",
            })
        }
    }

    /// Its namespace.
    #[must_use]
    pub fn namespace(&self) -> &str {
        &self.namespace
    }

    /// The user that the API server knows it as.
    #[must_use]
    pub fn user(&self) -> String {
        format!("system:serviceaccount:{self}")
    }
}

impl TryFrom<String> for ServiceAccount {
    type Error = InvalidName;
    fn try_from(text: String) -> Result<Self, InvalidName> {
        let (namespace, name) = text.split_once(':').unwrap_or_default();
        Self::new(namespace, name)
    }
}

impl From<ServiceAccount> for String {
    fn from(account: ServiceAccount) -> Self {
        account.to_string()
    }
}

impl fmt::Display for ServiceAccount {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}:{}", self.namespace, self.name)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn t_52_nothing_but_a_service_account_can_be_written() {
        let account = ServiceAccount::new("shop", "deployer.v1").expect("a service account");
        assert_eq!(account.user(), "system:serviceaccount:shop:deployer.v1");
        for (namespace, name) in [
            ("", ""),
            ("shop", ""),
            ("", "deployer"),
            ("system", "masters:x"),
            ("shop", "a:b"),
            ("shop", "*"),
            ("shop", "Deployer"),
            ("shop", "a b"),
            ("shop", "a\r\nImpersonate-Group: x"),
        ] {
            assert!(
                ServiceAccount::new(namespace, name).is_err(),
                "{namespace}:{name}"
            );
        }
        for text in ["\"\"", "\"deployer\""] {
            assert!(
                serde_json::from_str::<ServiceAccount>(text).is_err(),
                "{text}"
            );
        }
    }
}
