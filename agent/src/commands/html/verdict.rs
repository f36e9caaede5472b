//! A verdict as a page.

use muster_engine::Verdict;
use muster_engine::lines::at;
use muster_engine::verdict::Finding;

use super::{figures, page, problem};

/// The whole page.
pub(crate) fn verdict(verdict: &Verdict) -> String {
    let title = match &verdict.commit {
        Some(revision) => format!("Validation of {}", at(revision)),
        None => "Validation".to_owned(),
    };
    let number = |n: usize| n.to_string();
    let class = |n: usize, class| if n > 0 { class } else { "good" };
    let (errors, warnings) = (verdict.errors.len(), verdict.warnings.len());
    let mut body = figures(&[
        (number(verdict.clusters), "clusters", ""),
        (number(verdict.applications), "applications", ""),
        (number(verdict.objects), "objects", ""),
        (number(verdict.renders), "distinct renders", ""),
        (number(errors), "errors", class(errors, "bad")),
        (number(warnings), "warnings", class(warnings, "busy")),
    ]);
    let all = |findings: &[Finding], class: &str| -> String {
        let shown = findings
            .iter()
            .map(|finding| problem(&finding.with_places(), class));
        shown.collect()
    };
    body.push_str(&all(&verdict.errors, "error"));
    body.push_str(&all(&verdict.warnings, "warning"));
    page(&title, &body)
}
