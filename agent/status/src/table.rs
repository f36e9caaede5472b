//! The fleet as a table: aligned text for a terminal, Markdown for the branch's README.

use std::fmt::Write as _;

use muster_model::problem::visible;
use muster_model::status::ApplicationStatus;
use muster_model::{ClusterName, Health, SyncState};

use crate::fleet::{FleetStatus, Member, Standing};

/// One line of the table; a cluster without Applications has one line too.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Row {
    /// The cluster.
    pub cluster: String,
    /// The Application, or `-`.
    pub application: String,
    /// Ref and short commit of the release that is fully applied, or what is being worked towards.
    pub revision: String,
    /// Sync state, or the cluster's standing when it is not reporting.
    pub sync: String,
    /// Health.
    pub health: String,
    /// Age of the word, for people.
    pub age: String,
    /// The first problem, and how many more.
    pub problems: String,
    /// How the row should be coloured.
    pub tone: Tone,
}

/// The mood of a row.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Tone {
    /// As it should be.
    Good,
    /// On its way, or waiting.
    Busy,
    /// Somebody should look.
    Bad,
}

/// The column heads.
pub const HEADS: [&str; 7] = [
    "CLUSTER",
    "APPLICATION",
    "REVISION",
    "SYNC",
    "HEALTH",
    "AGE",
    "PROBLEMS",
];

/// The rows of a fleet, by cluster and Application.
#[must_use]
pub fn rows(fleet: &FleetStatus) -> Vec<Row> {
    fleet
        .clusters
        .iter()
        .flat_map(|(name, member)| cluster_rows(name, member))
        .collect()
}

fn cluster_rows(name: &ClusterName, member: &Member) -> Vec<Row> {
    let age = member.age_seconds.map_or_else(|| "-".to_owned(), age);
    let bare = |sync: String, problems: String, tone| Row {
        cluster: name.to_string(),
        application: "-".to_owned(),
        revision: "-".to_owned(),
        sync,
        health: Health::Unknown.to_string(),
        age: age.clone(),
        problems,
        tone,
    };
    let Some(status) = &member.status else {
        let why = member
            .refused
            .clone()
            .unwrap_or_else(|| "no status yet".to_owned());
        let (word, tone) = standing_word(member.standing);
        return vec![bare(word.to_owned(), why, tone)];
    };
    if status.applications.is_empty() {
        let why = status
            .problems
            .first()
            .map_or_else(|| format!("{:?}", status.state), |p| p.message.clone());
        return vec![bare(
            standing_word(member.standing).0.to_owned(),
            why,
            Tone::Busy,
        )];
    }
    status
        .applications
        .iter()
        .map(|(key, application)| application_row(name, key, application, member.standing, &age))
        .collect()
}

fn application_row(
    cluster: &ClusterName,
    key: &str,
    app: &ApplicationStatus,
    standing: Standing,
    age: &str,
) -> Row {
    let silent = standing != Standing::Reporting;
    let release = app.applied.as_ref().or(app.desired.as_ref());
    let revision = release.and_then(|r| r.sources.first().or(Some(&r.hub)));
    Row {
        cluster: cluster.to_string(),
        application: key.to_owned(),
        revision: revision.map_or_else(
            || "-".to_owned(),
            |r| format!("{}@{}", r.name, r.commit_id.short()),
        ),
        sync: if silent {
            standing_word(standing).0.to_owned()
        } else {
            app.sync.to_string()
        },
        health: app.health.to_string(),
        age: age.to_owned(),
        problems: problems(app),
        tone: if silent { Tone::Bad } else { tone(app) },
    }
}

fn standing_word(standing: Standing) -> (&'static str, Tone) {
    match standing {
        Standing::Reporting => ("-", Tone::Good),
        Standing::Silent => ("SILENT", Tone::Bad),
        Standing::NeverReported => ("NEVER REPORTED", Tone::Bad),
        Standing::Forged => ("FORGED", Tone::Bad),
    }
}

fn tone(app: &ApplicationStatus) -> Tone {
    match (app.health, app.sync) {
        (Health::Healthy | Health::Suspended, SyncState::Synced) if app.problems.is_empty() => {
            Tone::Good
        }
        (Health::Degraded | Health::Missing | Health::Unknown, _) => Tone::Bad,
        (Health::Healthy | Health::Suspended | Health::Progressing, _) => Tone::Busy,
    }
}

fn problems(app: &ApplicationStatus) -> String {
    let Some(first) = app.problems.first() else {
        return String::new();
    };
    let more = app.problems.len() - 1 + app.more_problems as usize;
    let more = if more == 0 {
        String::new()
    } else {
        format!(" (+{more})")
    };
    format!("{}: {}{more}", first.reason, first.message)
}

/// An age in the two largest units that people need: `45s`, `12m`, `3h`, `5d`.
#[must_use]
pub fn age(seconds: i64) -> String {
    match seconds {
        ..120 => format!("{seconds}s"),
        120..7_200 => format!("{}m", seconds / 60),
        7_200..172_800 => format!("{}h", seconds / 3_600),
        _ => format!("{}d", seconds / 86_400),
    }
}

fn cells(row: &Row) -> [&str; 7] {
    [
        &row.cluster,
        &row.application,
        &row.revision,
        &row.sync,
        &row.health,
        &row.age,
        &row.problems,
    ]
}

/// Aligned columns; `paint` may colour a whole line by its tone.
#[must_use]
pub fn text(rows: &[Row], paint: impl Fn(&str, Tone) -> String) -> String {
    let lines: Vec<[String; 7]> = rows.iter().map(|row| cells(row).map(visible)).collect();
    let widths: Vec<usize> = HEADS
        .iter()
        .enumerate()
        .map(|(i, head)| {
            lines
                .iter()
                .map(|l| l[i].chars().count())
                .chain([head.len()])
                .max()
                .unwrap_or(0)
        })
        .collect();
    let align = |cells: &[String; 7]| {
        let line: String = cells
            .iter()
            .zip(&widths)
            .map(|(c, w)| format!("{c:<w$}  "))
            .collect();
        line.trim_end().to_owned()
    };
    let mut out = align(&HEADS.map(ToOwned::to_owned)) + "\n";
    for (line, row) in lines.iter().zip(rows) {
        out.push_str(&paint(&align(line), row.tone));
        out.push('\n');
    }
    out
}

/// A Markdown table; what could be read as Markdown or HTML is escaped (HAZARDS.md T-70).
#[must_use]
pub fn markdown(rows: &[Row]) -> String {
    let mut out = format!(
        "| {} |\n|{}\n",
        HEADS.join(" | "),
        "---|".repeat(HEADS.len())
    );
    for row in rows {
        let line = cells(row).map(escape_markdown).join(" | ");
        writeln!(out, "| {line} |").expect("because writing to a String cannot fail");
    }
    out
}

fn escape_markdown(text: &str) -> String {
    let mut out = String::new();
    for c in visible(text).chars() {
        match c {
            '<' => out.push_str("&lt;"),
            '>' => out.push_str("&gt;"),
            '&' => out.push_str("&amp;"),
            '|' | '`' | '*' | '_' | '[' | ']' | '\\' | '#' | '!' => {
                out.push('\\');
                out.push(c);
            }
            c => out.push(c),
        }
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn markdown_shows_text_and_runs_nothing() {
        assert_eq!(
            escape_markdown("<img src=x>|`a`\u{1b}[0m"),
            "&lt;img src=x&gt;\\|\\`a\\`\\\\u{1b}\\[0m"
        );
    }

    #[test]
    fn columns_are_as_wide_as_their_widest_cell() {
        let row = |cluster: &str| Row {
            cluster: cluster.into(),
            application: "shop/web".into(),
            revision: "main@0123456789".into(),
            sync: "Synced".into(),
            health: "Healthy".into(),
            age: "3s".into(),
            problems: String::new(),
            tone: Tone::Good,
        };
        let text = text(&[row("hub"), row("east-frankfurt")], |line, _| {
            line.to_owned()
        });
        assert_eq!(
            text,
            "CLUSTER         APPLICATION  REVISION         SYNC    HEALTH   AGE  PROBLEMS\n\
             hub             shop/web     main@0123456789  Synced  Healthy  3s\n\
             east-frankfurt  shop/web     main@0123456789  Synced  Healthy  3s\n"
        );
    }
}
