//! What a cluster says of itself: sequence, signatures over bytes, the folded branch, tables.
