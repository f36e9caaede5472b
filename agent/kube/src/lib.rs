//! The cluster side: discovery, watches, apply, delete, the ApplySet parent.
