//! The topology as a page: directories on the left, clusters on the right, a line for each way.

use std::collections::BTreeSet;
use std::fmt::Write as _;

use muster_engine::graph::{ClusterGroup, Graph, SetNode, names, place, title};
use muster_engine::lines::{at, count};

use super::{escape, page};

/// Width of a column, the gap between them, the height of a card, and the space between cards, in pixels.
const WIDTH: usize = 430;
const GAP: usize = 190;
const HEIGHT: usize = 50;
const SPACE: usize = 12;
/// Height of the title above a set's cards.
const TITLE: usize = 34;

/// Directories that get a card each; of a larger fleet each ApplicationSet gets one.
const MAX_CARDS: usize = 80;
/// How far down the clusters begin at most, so that they are seen beside a long column.
const MAX_FIRST: usize = 160;

/// A card on the left: a directory, or all of an ApplicationSet.
struct Card {
    top: usize,
    title: String,
    text: String,
    /// The groups of clusters that it goes to, by number.
    groups: BTreeSet<usize>,
}

/// The left column: titles and cards, and its height.
struct Left {
    html: String,
    cards: Vec<Card>,
    height: usize,
}

/// The whole page.
pub(crate) fn graph(graph: &Graph) -> String {
    let directories: usize = graph.sets.iter().map(|set| set.sources.len()).sum();
    let left = if directories > MAX_CARDS {
        folded(graph)
    } else {
        unfolded(graph)
    };
    let right_height = graph.groups.len() * (HEIGHT + SPACE);
    let first = (left.height.saturating_sub(right_height) / 2).min(MAX_FIRST);
    let place = |group: usize| first + group * (HEIGHT + SPACE);
    let mut columns = left.html;
    let (mut lines, mut rules) = (String::new(), String::new());
    for (number, card) in left.cards.iter().enumerate() {
        columns.push_str(&of_card(number, card));
        for group in &card.groups {
            line(&mut lines, (number, card.top), (*group, place(*group)));
        }
        rule(&mut rules, 'p', number);
    }
    for (number, group) in graph.groups.iter().enumerate() {
        columns.push_str(&of_group(number, group, place(number)));
        rule(&mut rules, 'g', number);
    }
    let height = left.height.max(first + right_height) + SPACE;
    let width = 2 * WIDTH + GAP;
    let body = format!(
        "<p class=\"soft\">{} · {}</p>\n<style>{rules}</style>\n<div class=\"scroll\"><div class=\"graph\" style=\"width:{width}px;height:{height}px\">\n\
         <svg width=\"{width}\" height=\"{height}\" role=\"img\" aria-label=\"which directory goes to which clusters\">\n{lines}</svg>\n{columns}</div></div>\n",
        escape(&at(&graph.commit)),
        count(
            graph.groups.iter().map(|group| group.clusters.len()).sum(),
            "cluster"
        ),
    );
    page(&format!("Fleet {}", graph.fleet), &body)
}

/// One card for each directory, below the title of its set.
fn unfolded(graph: &Graph) -> Left {
    let (mut html, mut cards, mut top) = (String::new(), Vec::new(), 0);
    for set in &graph.sets {
        let _ = writeln!(
            html,
            "<div class=\"set\" style=\"top:{top}px\"><b>{}</b> <span class=\"soft\">{}</span></div>",
            escape(&title(set)),
            escape(&set.rollout)
        );
        top += TITLE;
        for source in &set.sources {
            let path = if source.path.is_empty() {
                "."
            } else {
                &source.path
            };
            cards.push(Card {
                top,
                title: path.to_owned(),
                text: format!(
                    "{}, {}",
                    place(source).split(' ').next().unwrap_or_default(),
                    count(source.applications, "application")
                ),
                groups: graph.reached(source).map(|(number, _)| number).collect(),
            });
            top += HEIGHT + SPACE;
        }
        top += SPACE;
    }
    Left {
        html,
        cards,
        height: top,
    }
}

/// One card for each set.
fn folded(graph: &Graph) -> Left {
    let card = |(number, set): (usize, &SetNode)| Card {
        top: number * (HEIGHT + SPACE),
        title: title(set),
        text: format!(
            "{}, {}, {}",
            directories(set.sources.len()),
            count(
                set.sources.iter().map(|s| s.applications).sum(),
                "application"
            ),
            set.rollout
        ),
        groups: set
            .sources
            .iter()
            .flat_map(|source| graph.reached(source))
            .map(|(number, _)| number)
            .collect(),
    };
    let cards: Vec<Card> = graph.sets.iter().enumerate().map(card).collect();
    Left {
        html: String::new(),
        height: cards.len() * (HEIGHT + SPACE),
        cards,
    }
}

fn directories(number: usize) -> String {
    match number {
        1 => "1 directory".to_owned(),
        number => format!("{number} directories"),
    }
}

/// Pointing at a node shows its ways.
fn rule(rules: &mut String, kind: char, number: usize) {
    let _ = writeln!(
        rules,
        ".graph:has(#{kind}{number}:hover) .{kind}{number}{{stroke:var(--link);stroke-width:2.5}}"
    );
}

fn of_card(number: usize, card: &Card) -> String {
    let top = card.top;
    let title = escape(&card.title);
    format!(
        "<div class=\"card\" id=\"p{number}\" style=\"top:{top}px;left:0\" title=\"{title}\"><code>{title}</code><span class=\"soft\">{}</span></div>\n",
        escape(&card.text)
    )
}

fn of_group(number: usize, group: &ClusterGroup, top: usize) -> String {
    let all: Vec<String> = group.clusters.iter().map(ToString::to_string).collect();
    let labels = group
        .labels
        .iter()
        .map(|(k, v)| format!("{k}={v}"))
        .collect::<Vec<_>>()
        .join(" ");
    let class = match group.state {
        "Active" if group.applications > 0 => "good",
        "Active" => "bad",
        _ => "busy",
    };
    let mut parts = vec![format!("{} each", count(group.applications, "application"))];
    parts.extend((group.state != "Active").then(|| group.state.to_owned()));
    parts.extend((!labels.is_empty()).then(|| labels.clone()));
    let left = WIDTH + GAP;
    format!(
        "<div class=\"card {class}-edge\" id=\"g{number}\" style=\"top:{top}px;left:{left}px\" title=\"{}\"><b>{}</b><span class=\"soft\">{}</span></div>\n",
        escape(&format!("{} ({labels})", all.join(", "))),
        escape(&names(&group.clusters)),
        escape(&parts.join(" · "))
    )
}

fn line(out: &mut String, (number, top): (usize, usize), (group, group_top): (usize, usize)) {
    let (x1, y1) = (WIDTH, top + HEIGHT / 2);
    let (x2, y2) = (WIDTH + GAP, group_top + HEIGHT / 2);
    let middle = WIDTH + GAP / 2;
    let _ = writeln!(
        out,
        "<path class=\"p{number} g{group}\" d=\"M{x1} {y1}C{middle} {y1} {middle} {y2} {x2} {y2}\"/>"
    );
}
