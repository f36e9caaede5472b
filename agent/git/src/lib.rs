//! The Git side: resolve, fetch, snapshot, push, credentials.
//!
//! Owns the object store, the one HTTP client and everything that is said to a Git server. Speaks smart HTTP itself;
//! gix keeps the objects. Must not decide anything, start a process, check anything out, or read the environment or
//! Git's configuration. Everything blocks: it belongs on a thread of its own (DESIGN.md 2.1); snapshots may leave it.
//!
//! ```text
//!   RemoteUrl + Credentials ──▶ Remote ──ls_refs──▶ RemoteRefs ──pick──▶ CommitId
//!                                 │ ▲                                       │
//!                                 │ └──push── NewCommit                     │
//!                                 └────────fetch──▶ Store ──snapshot────────┴──▶ Snapshot (a model::Tree)
//! ```

mod capabilities;
mod credentials;
mod error;
mod http;
mod ls_refs;
mod pkt;
mod redirect;
mod ref_name;
mod remote;
mod revision;
mod url;

pub use credentials::Credentials;
pub use error::GitError;
pub use http::{HttpClient, HttpOptions};
pub use ls_refs::{RemoteRef, RemoteRefs};
pub use ref_name::RefName;
pub use remote::Remote;
pub use revision::TargetRevision;
pub use url::{Origin, Place, RemoteUrl};
