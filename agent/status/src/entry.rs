//! One cluster's status as it travels: the bytes of `status.json` and a detached signature over them.

use muster_model::status::ClusterStatus;
use muster_model::{ClusterName, Digest};

use crate::signature::{STATUS_NAMESPACE, SignatureError, SigningKey, same_key, verify};

/// The file a cluster writes.
pub const STATUS_FILE: &str = "status.json";
/// The detached signature beside it.
pub const SIGNATURE_FILE: &str = "status.json.sig";
/// Largest `status.json` that is read, in bytes: 1,000 Applications of 4 KiB each.
pub const MAX_STATUS_BYTES: usize = 4 << 20;

/// A status with its signature; the parsed form belongs to exactly these bytes.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Entry {
    bytes: Vec<u8>,
    signature: String,
    status: ClusterStatus,
}

/// Why an entry was not accepted.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum EntryError {
    /// It is not a status file of this schema.
    #[error("not a status file: {0}")]
    Malformed(String),
    /// The body names another cluster than the place it was found at.
    #[error("the status of {said} lies where that of {expected} belongs")]
    WrongPlace {
        /// The cluster the place belongs to.
        expected: ClusterName,
        /// The cluster the body names.
        said: ClusterName,
    },
    /// The signature does not hold for the key it names.
    #[error("status of {cluster}: {source}")]
    Signature {
        /// The cluster.
        cluster: ClusterName,
        /// Why.
        source: SignatureError,
    },
    /// The key is not one the fleet file lists for the cluster.
    #[error("status of {cluster} is signed by a key that the fleet file does not list")]
    UnlistedKey {
        /// The cluster.
        cluster: ClusterName,
    },
}

impl Entry {
    /// Signs a status.
    ///
    /// # Errors
    /// When the key cannot sign.
    pub fn sign(status: ClusterStatus, key: &SigningKey) -> Result<Self, SignatureError> {
        let mut bytes = serde_json::to_vec_pretty(&status).map_err(|_| SignatureError::Sign)?;
        bytes.push(b'\n');
        let signature = key.sign(STATUS_NAMESPACE, &bytes)?;
        Ok(Self {
            bytes,
            signature,
            status,
        })
    }

    /// Reads an entry found in `cluster`'s place, and checks its signature. `listed` are the keys the fleet file
    /// gives the cluster; where it gives none, the key the status itself names must have made the signature.
    ///
    /// # Errors
    /// When it is no status, lies in another cluster's place, or its signature does not hold.
    pub fn verify(
        cluster: &ClusterName,
        listed: &[String],
        bytes: Vec<u8>,
        signature: String,
    ) -> Result<Self, EntryError> {
        if bytes.len() > MAX_STATUS_BYTES {
            return Err(EntryError::Malformed(format!(
                "larger than {MAX_STATUS_BYTES} bytes"
            )));
        }
        let status: ClusterStatus =
            serde_json::from_slice(&bytes).map_err(|e| EntryError::Malformed(e.to_string()))?;
        if status.cluster != *cluster {
            return Err(EntryError::WrongPlace {
                expected: cluster.clone(),
                said: status.cluster,
            });
        }
        if !listed.is_empty() && !listed.iter().any(|key| same_key(key, &status.key)) {
            return Err(EntryError::UnlistedKey {
                cluster: cluster.clone(),
            });
        }
        verify(&status.key, STATUS_NAMESPACE, &bytes, &signature).map_err(|source| {
            EntryError::Signature {
                cluster: cluster.clone(),
                source,
            }
        })?;
        Ok(Self {
            bytes,
            signature,
            status,
        })
    }

    /// What the cluster says.
    #[must_use]
    pub fn status(&self) -> &ClusterStatus {
        &self.status
    }

    /// What the cluster says, without the rest.
    #[must_use]
    pub fn into_status(self) -> ClusterStatus {
        self.status
    }

    /// The signed bytes.
    #[must_use]
    pub fn bytes(&self) -> &[u8] {
        &self.bytes
    }

    /// The detached signature.
    #[must_use]
    pub fn signature(&self) -> &str {
        &self.signature
    }
}

/// The directory of a cluster in the folded branch: `clusters/<2 hex of sha256(name)>/<name>`.
#[must_use]
pub fn directory(cluster: &ClusterName) -> String {
    format!(
        "clusters/{}/{cluster}",
        &Digest::of(cluster.as_str().as_bytes()).hex()[..2]
    )
}

/// The ref a cluster writes to.
#[must_use]
pub fn inbox_ref(cluster: &ClusterName) -> String {
    format!("{INBOX_PREFIX}{cluster}")
}

/// Every inbox ref starts with this.
pub const INBOX_PREFIX: &str = "refs/fleet/status/";
/// Where a forge refuses other refs than branches.
pub const FALLBACK_PREFIX: &str = "refs/heads/fleet-status/";
/// The branch people read.
pub const STATUS_BRANCH: &str = "refs/heads/status";

#[cfg(test)]
pub(crate) mod tests {
    use std::collections::BTreeMap;

    use muster_model::status::ClusterState;
    use muster_model::{Problem, Reason};

    use super::*;

    pub(crate) fn status(cluster: &str, sequence: u64, key: &SigningKey) -> ClusterStatus {
        ClusterStatus {
            api_version: "muster.dev/v1alpha1".into(),
            kind: "ClusterStatus".into(),
            fleet: "shop".into(),
            cluster: ClusterName::new(cluster).expect("a name"),
            sequence,
            time: "2026-11-24T10:00:00Z".parse().expect("a time"),
            agent: "0.1.0".into(),
            key: key.public().expect("a key"),
            heartbeat_seconds: 900,
            state: ClusterState::Active,
            hub: None,
            serial: 0,
            applications: BTreeMap::new(),
            problems: Vec::new(),
        }
    }

    #[test]
    fn an_entry_is_accepted_only_in_its_own_place_and_with_its_own_key() {
        let key = SigningKey::from_seed(&[7; 32]);
        let other = SigningKey::from_seed(&[8; 32]).public().expect("a key");
        let entry = Entry::sign(status("east", 3, &key), &key).expect("signed");
        let east = ClusterName::new("east").expect("a name");
        let west = ClusterName::new("west").expect("a name");
        let again = |cluster: &ClusterName, listed: &[String], bytes: &[u8]| {
            Entry::verify(
                cluster,
                listed,
                bytes.to_vec(),
                entry.signature().to_owned(),
            )
        };
        assert_eq!(again(&east, &[], entry.bytes()), Ok(entry.clone()));
        assert!(matches!(
            again(&west, &[], entry.bytes()),
            Err(EntryError::WrongPlace { .. })
        ));
        assert!(matches!(
            again(&east, &[other], entry.bytes()),
            Err(EntryError::UnlistedKey { .. })
        ));
        let forged = String::from_utf8(entry.bytes().to_vec())
            .expect("JSON")
            .replace("\"sequence\": 3", "\"sequence\": 4");
        assert!(matches!(
            again(&east, &[], forged.as_bytes()),
            Err(EntryError::Signature { .. })
        ));
    }

    /// A fleet is not upgraded in one moment: what a newer agent says and this one does not know is no reason to disbelieve
    /// it, and is passed on as it was signed.
    #[test]
    fn what_a_newer_agent_says_beside_is_passed_on() {
        let key = SigningKey::from_seed(&[7; 32]);
        let told = Problem::new(Reason::WaitingForCrd, "something of tomorrow");
        let mut today = status("east", 3, &key);
        today.problems = vec![told];
        let today = serde_json::to_string(&today).expect("JSON");
        let newer = today
            .replace("WaitingForCrd", "WaitingForTomorrow")
            .replacen('{', "{\"tomorrow\":{\"wind\":\"west\"},", 1);
        let signature = key
            .sign(STATUS_NAMESPACE, newer.as_bytes())
            .expect("signed");
        let east = ClusterName::new("east").expect("a name");
        let entry = Entry::verify(&east, &[], newer.clone().into_bytes(), signature);
        let entry = entry.expect("its own word");
        assert_eq!(entry.bytes(), newer.as_bytes());
        let reasons: Vec<_> = entry.status().problems.iter().map(|p| p.reason).collect();
        assert_eq!(reasons, [Reason::UnknownReason]);
    }

    /// HAZARDS.md T-88: the signature covers time and sequence.
    #[test]
    fn t_88_a_replayed_heartbeat_and_one_that_the_server_made_are_not_accepted() {
        let key = SigningKey::from_seed(&[7; 32]);
        let old = Entry::sign(status("east", 3, &key), &key).expect("signed");
        let mut later = status("east", 4, &key);
        later.time = "2026-11-24T10:15:00Z".parse().expect("a time");
        let new = Entry::sign(later, &key).expect("signed");
        let east = ClusterName::new("east").expect("a name");
        let listed = [key.public().expect("a key")];
        // Made by the server: the old word with a new time, or with the new word's number.
        let old_text = String::from_utf8(old.bytes().to_vec()).expect("JSON");
        let retimed = old_text.replace("10:00:00", "10:30:00");
        let renumbered = old_text.replace("\"sequence\": 3", "\"sequence\": 5");
        for forged in [
            retimed,
            renumbered,
            String::from_utf8(new.bytes().to_vec()).expect("JSON"),
        ] {
            assert_ne!(forged, old_text);
            let signature = old.signature().to_owned();
            let verified = Entry::verify(&east, &listed, forged.into_bytes(), signature);
            assert!(matches!(verified, Err(EntryError::Signature { .. })));
        }
        // Replayed as it was: true, and older than what is known.
        let again = old.bytes().to_vec();
        let replayed = Entry::verify(&east, &listed, again, old.signature().to_owned());
        let newest = crate::fold::newest([new.clone(), replayed.expect("its own word")]);
        assert_eq!(newest.get(&east), Some(&new));
    }
}
