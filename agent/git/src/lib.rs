//! The Git side: resolve, fetch, snapshot, push, credentials.
