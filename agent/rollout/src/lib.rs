//! Which release a cluster may take, and when: gates, steps, windows, claims, approvals.
