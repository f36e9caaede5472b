//! Bytes to nodes.

use super::build::Builder;
use super::error::YamlError;
use super::parse::Parser;
use super::text;
use crate::budgets::Budgets;
use crate::node::{Node, SourceId};

/// Reads every document of a text; empty documents are left out. Spans carry `source`.
///
/// The result is that of kustomize: its typing of scalars, `<<` expanded, aliases replaced by copies, keys that are
/// numbers or booleans as texts. In a UTF-16 file the spans count bytes of the same text in UTF-8.
///
/// # Errors
/// When the text is not YAML, repeats a key, holds what JSON has no form for, or exceeds a budget.
pub fn read(bytes: &[u8], budgets: &Budgets, source: SourceId) -> Result<Vec<Node>, YamlError> {
    let limit = budgets.file_bytes.min(u64::from(u32::MAX));
    if u64::try_from(bytes.len()).map_or(true, |length| length > limit) {
        return Err(YamlError::budget(
            1,
            format!("the file has more than {limit} bytes; split it"),
        ));
    }
    let (text, skipped) = text::decode(bytes)?;
    let builder = Builder::new(&text, skipped, budgets, source);
    Ok(Parser::new(&text, builder).run()?.documents)
}
