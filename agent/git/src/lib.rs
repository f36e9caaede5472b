//! The Git side: resolve, fetch, snapshot, push, credentials.
//!
//! Owns the object store, the one HTTP client, bundles, and everything that is said to a Git server. Speaks smart HTTP itself;
//! gix keeps the objects. Must not decide anything, start a process, check anything out, or read the environment or
//! Git's configuration. Everything blocks: it belongs on a thread of its own (DESIGN.md 2.1); snapshots may leave it.
//!
//! ```text
//!   RemoteUrl + Credentials ──▶ Remote ──ls_refs──▶ RemoteRefs ──pick──▶ CommitId
//!                                 │ ▲                                       │
//!                                 │ └──push── NewCommit                     │
//!                       bundle ──▶└────────fetch──▶ Store ──snapshot────────┴──▶ Snapshot (a model::Tree)
//!   a clone ──▶ LocalRepository ──snapshot──▶ Snapshot          a directory ──▶ DirectoryTree (a model::Tree)
//! ```

mod ancestry;
mod bundle;
mod capabilities;
mod collect;
mod commit;
mod credentials;
mod directory;
mod error;
mod fetch;
mod fetch_request;
mod http;
mod limits;
mod local;
mod ls_refs;
mod new_commit;
mod objects;
mod pack_stream;
mod pack_writer;
mod pkt;
mod push;
mod receive;
mod redirect;
mod ref_name;
mod remote;
mod revision;
mod snapshot;
mod store;
mod tree_entries;
mod url;

pub use ancestry::Ancestry;
pub use bundle::export_bundle;
pub use commit::{Commit, Person, Signature};
pub use credentials::Credentials;
pub use directory::DirectoryTree;
pub use error::GitError;
pub use fetch::Fetched;
pub use http::{HttpClient, HttpOptions};
pub use limits::Limits;
pub use local::LocalRepository;
pub use ls_refs::{RemoteRef, RemoteRefs};
pub use new_commit::{BuildError, NewCommit, NewObjects};
pub use push::{RefOutcome, RefUpdate};
pub use ref_name::RefName;
pub use remote::Remote;
pub use revision::TargetRevision;
pub use snapshot::Snapshot;
pub use store::Store;
pub use url::{Origin, Place, RemoteUrl};
