//! SSH signatures (PROTOCOL.sshsig of OpenSSH) over status files and commits; `ssh-keygen -Y verify` accepts them.

use std::fmt;

use ssh_key::private::Ed25519Keypair;
use ssh_key::{HashAlg, LineEnding, PrivateKey, PublicKey, SshSig};

/// The namespace of a detached signature over `status.json`.
pub const STATUS_NAMESPACE: &str = "muster-status@v1";
/// The namespace Git uses for commits (`gpg.format = ssh`).
pub const GIT_NAMESPACE: &str = "git";

/// Why a signature was not accepted.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum SignatureError {
    /// The key is not an OpenSSH public key.
    #[error("not an OpenSSH public key")]
    Key,
    /// The signature is not an SSH signature.
    #[error("not an SSH signature")]
    Malformed,
    /// It was made by another key, over other bytes, or for another purpose.
    #[error("the signature does not match")]
    Mismatch,
    /// The private key is broken.
    #[error("the signing key cannot sign")]
    Sign,
}

/// The key a cluster signs with: Ed25519, made from 32 random bytes that the agent keeps in a Secret.
#[derive(Clone)]
pub struct SigningKey(PrivateKey);

impl SigningKey {
    /// Makes the key that belongs to a seed.
    #[must_use]
    pub fn from_seed(seed: &[u8; 32]) -> Self {
        Self(PrivateKey::from(Ed25519Keypair::from_seed(seed)))
    }

    /// The public key in OpenSSH's one-line format, without a comment: what `statusKeys` of the fleet file lists.
    ///
    /// # Errors
    /// When the key cannot be encoded.
    pub fn public(&self) -> Result<String, SignatureError> {
        self.0
            .public_key()
            .to_openssh()
            .map_err(|_| SignatureError::Key)
    }

    /// Signs bytes for one purpose; armoured.
    ///
    /// # Errors
    /// When the key cannot sign.
    pub fn sign(&self, namespace: &str, bytes: &[u8]) -> Result<String, SignatureError> {
        let signature = self
            .0
            .sign(namespace, HashAlg::Sha512, bytes)
            .map_err(|_| SignatureError::Sign)?;
        signature
            .to_pem(LineEnding::LF)
            .map_err(|_| SignatureError::Sign)
    }
}

impl fmt::Debug for SigningKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("SigningKey(…)")
    }
}

/// Checks that `signature` was made over `bytes` by the private half of `public_key`, for `namespace`.
///
/// # Errors
/// When the key or the signature cannot be read, or they do not match.
pub fn verify(
    public_key: &str,
    namespace: &str,
    bytes: &[u8],
    signature: &str,
) -> Result<(), SignatureError> {
    let key = PublicKey::from_openssh(public_key.trim()).map_err(|_| SignatureError::Key)?;
    let signature = SshSig::from_pem(signature).map_err(|_| SignatureError::Malformed)?;
    key.verify(namespace, bytes, &signature)
        .map_err(|_| SignatureError::Mismatch)
}

/// True when two OpenSSH public keys are the same key, whatever their comments.
#[must_use]
pub fn same_key(one: &str, other: &str) -> bool {
    let words = |key: &str| {
        key.split_whitespace()
            .take(2)
            .map(ToOwned::to_owned)
            .collect::<Vec<_>>()
    };
    words(one) == words(other)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_signature_holds_for_its_key_bytes_and_purpose_alone() {
        let (key, other) = (
            SigningKey::from_seed(&[1; 32]),
            SigningKey::from_seed(&[2; 32]),
        );
        let (public, stranger) = (key.public().expect("a key"), other.public().expect("a key"));
        let signature = key.sign(STATUS_NAMESPACE, b"healthy").expect("signed");
        assert_eq!(
            verify(&public, STATUS_NAMESPACE, b"healthy", &signature),
            Ok(())
        );
        assert_eq!(
            verify(&public, STATUS_NAMESPACE, b"degraded", &signature),
            Err(SignatureError::Mismatch)
        );
        assert_eq!(
            verify(&public, GIT_NAMESPACE, b"healthy", &signature),
            Err(SignatureError::Mismatch)
        );
        assert_eq!(
            verify(&stranger, STATUS_NAMESPACE, b"healthy", &signature),
            Err(SignatureError::Mismatch)
        );
        assert_eq!(
            verify(&public, STATUS_NAMESPACE, b"healthy", "x"),
            Err(SignatureError::Malformed)
        );
    }

    #[test]
    fn comments_do_not_make_another_key() {
        assert!(same_key("ssh-ed25519 AAAA east", "ssh-ed25519 AAAA"));
        assert!(!same_key("ssh-ed25519 AAAA", "ssh-ed25519 BBBB"));
    }
}
