//! Limits on untrusted input. Every one can be raised by configuration; none depends on a clock.

/// Upper bounds for reading and rendering one Application.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Budgets {
    /// Bytes of one file. 16 MiB: the largest CRD bundle seen (kube-prometheus) has 4 MiB.
    pub file_bytes: u64,
    /// Bytes read in all by one render. 256 MiB.
    pub total_bytes: u64,
    /// Nesting of lists and mappings in one document. 1,000, twice what Go's YAML reader meets in practice.
    pub depth: usize,
    /// Nodes made by expanding YAML aliases in one document: 100,000 (a nine-level alias bomb makes 10^9).
    pub alias_nodes: usize,
    /// Nodes of one document. 5,000,000.
    pub nodes: usize,
    /// YAML documents in one file. 20,000.
    pub documents: usize,
    /// Depth of the chain of kustomizations. 64.
    pub kustomization_depth: usize,
    /// Kustomizations built in one render, each visit counted. 10,000: a diamond fan-out reaches it at once.
    pub kustomizations: usize,
    /// Objects of one render. 50,000.
    pub objects: usize,
    /// Bytes of one object as JSON. 1.5 MiB: etcd's request limit (`--max-request-bytes`).
    pub object_bytes: usize,
}

impl Default for Budgets {
    fn default() -> Self {
        Self {
            file_bytes: 16 << 20,
            total_bytes: 256 << 20,
            depth: 1_000,
            alias_nodes: 100_000,
            nodes: 5_000_000,
            documents: 20_000,
            kustomization_depth: 64,
            kustomizations: 10_000,
            objects: 50_000,
            object_bytes: 3 << 19,
        }
    }
}
