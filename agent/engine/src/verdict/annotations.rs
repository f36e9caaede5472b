//! A verdict in the words of CI systems: GitHub's workflow commands, GitLab's code quality report, SARIF.

use muster_model::problem::visible;
use muster_model::{Digest, Location, Problem, Reason};
use serde_json::{Value, json};

use super::{Finding, Verdict};

/// GitHub's workflow commands, one a line: what is printed becomes an annotation of the file.
#[must_use]
pub fn github(verdict: &Verdict) -> String {
    let mut out = String::new();
    for (level, finding) in all(verdict) {
        let problem = finding.with_places();
        let mut properties = Vec::new();
        if let Some(at) = &problem.at {
            properties.push(format!("file={}", property(&at.file)));
            properties.extend(at.line.map(|line| format!("line={line}")));
        }
        properties.push(format!("title={}", problem.reason));
        let text = format!("{}\n{}", problem.message, help(&problem));
        out.push_str(&format!(
            "::{level} {}::{}\n",
            properties.join(","),
            data(&text)
        ));
    }
    out
}

/// GitLab's code quality report.
#[must_use]
pub fn gitlab(verdict: &Verdict) -> Value {
    let entry = |(level, finding): (&str, &Finding)| {
        let problem = finding.with_places();
        let (file, line) = place(&problem);
        json!({
            "description": format!("{}: {}", visible(&problem.message), help(&problem)),
            "check_name": problem.reason.name(),
            "fingerprint": Digest::of(format!("{level} {}", finding.problem).as_bytes()).hex(),
            "severity": if level == "error" { "major" } else { "minor" },
            "location": {"path": file, "lines": {"begin": line}},
        })
    };
    Value::Array(all(verdict).map(entry).collect())
}

/// SARIF 2.1.0 (OASIS).
#[must_use]
pub fn sarif(verdict: &Verdict) -> Value {
    let mut rules: Vec<Reason> = all(verdict).map(|(_, f)| f.problem.reason).collect();
    rules.sort();
    rules.dedup();
    let rule = |reason: &Reason| {
        json!({
            "id": reason.name(),
            "shortDescription": {"text": reason.meaning()},
            "help": {"text": reason.remedy()},
        })
    };
    let result = |(level, finding): (&str, &Finding)| {
        let problem = finding.with_places();
        let (file, line) = place(&problem);
        json!({
            "ruleId": problem.reason.name(),
            "level": level,
            "message": {"text": format!("{}. {}", visible(&problem.message), help(&problem))},
            "locations": [{"physicalLocation": {
                "artifactLocation": {"uri": file},
                "region": {"startLine": line},
            }}],
        })
    };
    json!({
        "$schema": "https://json.schemastore.org/sarif-2.1.0.json",
        "version": "2.1.0",
        "runs": [{
            "tool": {"driver": {
                "name": "muster",
                "rules": rules.iter().map(rule).collect::<Vec<_>>(),
            }},
            "results": all(verdict).map(result).collect::<Vec<_>>(),
        }],
    })
}

fn all(verdict: &Verdict) -> impl Iterator<Item = (&'static str, &Finding)> {
    let errors = verdict.errors.iter().map(|finding| ("error", finding));
    errors.chain(verdict.warnings.iter().map(|finding| ("warning", finding)))
}

fn help(problem: &Problem) -> String {
    let remedy = problem
        .remedy
        .as_deref()
        .unwrap_or_else(|| problem.reason.remedy());
    visible(remedy)
}

/// A place is needed: what concerns no file is shown at the fleet file.
fn place(problem: &Problem) -> (String, u32) {
    let fleet_file = Location::file("fleet.yaml");
    let at = problem.at.as_ref().unwrap_or(&fleet_file);
    (visible(&at.file), at.line.unwrap_or(1))
}

/// The message of a workflow command.
fn data(text: &str) -> String {
    let lines: Vec<String> = text.split('\n').map(visible).collect();
    lines
        .join("\n")
        .replace('%', "%25")
        .replace('\r', "%0D")
        .replace('\n', "%0A")
}

/// A property of a workflow command.
fn property(text: &str) -> String {
    data(text).replace(':', "%3A").replace(',', "%2C")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn verdict() -> Verdict {
        let problem = Problem::new(Reason::InvalidField, "50 % of it\nis ::wrong")
            .at(Location::line("a,b:c.yaml", 7));
        Verdict::refused(vec![problem])
    }

    #[test]
    fn a_message_cannot_leave_its_workflow_command() {
        assert_eq!(
            github(&verdict()),
            "::error file=a%2Cb%3Ac.yaml,line=7,title=InvalidField::50 %25 of it%0Ais ::wrong%0Acorrect the field; the message names what is expected\n"
        );
    }

    #[test]
    fn reports_name_file_line_and_rule() {
        let quality = gitlab(&verdict());
        assert_eq!(quality[0]["location"]["lines"]["begin"], 7);
        let sarif = sarif(&verdict());
        assert_eq!(sarif["runs"][0]["results"][0]["ruleId"], "InvalidField");
        assert_eq!(
            sarif["runs"][0]["tool"]["driver"]["rules"][0]["id"],
            "InvalidField"
        );
    }
}
