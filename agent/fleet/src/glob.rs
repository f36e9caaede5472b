//! The three dialects of wildcards that Argo CD's fields are matched by.

/// Whose rules a pattern follows.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Dialect {
    /// Go's `path.Match`: `*` and `?` stop at `/` (directories of the Git generator).
    Path,
    /// Git's pathspec without magic: `*` and `?` cross `/` (files of the Git generator).
    Pathspec,
    /// `gobwas/glob` with `/` as separator: `*` stops at it, `**` crosses; `{a,b}` (repositories of a project).
    Separated,
    /// `gobwas/glob` without separators (destinations of a project).
    Free,
}

/// Alternatives one pattern may expand to: more are a slip or an attack.
const MAX_ALTERNATIVES: usize = 256;

/// A compiled pattern.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Glob(Vec<Vec<Token>>);

#[derive(Debug, Clone, PartialEq, Eq)]
enum Token {
    Char(char),
    /// One character; `true` when `/` counts.
    One(bool),
    /// Any number of characters; `true` when `/` counts.
    Many(bool),
    Class {
        negated: bool,
        ranges: Vec<(char, char)>,
        slash: bool,
    },
}

impl Glob {
    /// Compiles a pattern; `None` when it is malformed.
    #[must_use]
    pub fn new(pattern: &str, dialect: Dialect) -> Option<Self> {
        let branches = match dialect {
            Dialect::Separated | Dialect::Free => expand(pattern)?,
            Dialect::Path | Dialect::Pathspec => vec![pattern.to_owned()],
        };
        let tokens = branches.iter().map(|branch| tokens(branch, dialect));
        tokens.collect::<Option<_>>().map(Self)
    }

    /// True when the whole text matches.
    #[must_use]
    pub fn matches(&self, text: &str) -> bool {
        self.0.iter().any(|tokens| matches(tokens, text))
    }
}

/// True when `text` matches `pattern`; a malformed pattern matches nothing.
#[must_use]
pub fn is_match(pattern: &str, text: &str, dialect: Dialect) -> bool {
    // Most patterns of projects are plain texts, and are asked about for every object of a fleet.
    let is_plain = |pattern: &str| !pattern.contains(['*', '?', '[', ']', '{', '}', '\\']);
    if is_plain(pattern) {
        return pattern == text;
    }
    // The rest are mostly a beginning: `team-*`.
    if let Some(start) = pattern.strip_suffix('*').filter(|start| is_plain(start)) {
        let crosses = matches!(dialect, Dialect::Pathspec | Dialect::Free);
        let rest = text.strip_prefix(start);
        return rest.is_some_and(|rest| crosses || !rest.contains('/'));
    }
    Glob::new(pattern, dialect).is_some_and(|glob| glob.matches(text))
}

/// The directory above the first wildcard: nothing outside it can match.
#[must_use]
pub fn fixed_directory(pattern: &str) -> &str {
    let wild = pattern.find(['*', '?', '[', '\\']).unwrap_or(pattern.len());
    pattern[..wild].rfind('/').map_or("", |end| &pattern[..end])
}

/// Replaces `{a,b}` by its alternatives.
fn expand(pattern: &str) -> Option<Vec<String>> {
    let mut done = Vec::new();
    let mut open = vec![pattern.to_owned()];
    while let Some(branch) = open.pop() {
        if open.len() + done.len() > MAX_ALTERNATIVES {
            return None;
        }
        match first_braces(&branch)? {
            None => done.push(branch),
            Some((start, end, parts)) => {
                for part in parts.iter().rev() {
                    open.push(format!("{}{part}{}", &branch[..start], &branch[end..]));
                }
            }
        }
    }
    Some(done)
}

/// Start, end and alternatives of the first braces; the outer `None` when they do not close.
fn first_braces(text: &str) -> Option<Option<(usize, usize, Vec<String>)>> {
    let mut depth = 0usize;
    let (mut start, mut part_start) = (0, 0);
    let mut parts = Vec::new();
    let mut escaped = false;
    for (index, c) in text.char_indices() {
        match c {
            _ if escaped => escaped = false,
            '\\' => escaped = true,
            '{' => {
                if depth == 0 {
                    (start, part_start) = (index, index + 1);
                }
                depth += 1;
            }
            ',' if depth == 1 => {
                parts.push(text[part_start..index].to_owned());
                part_start = index + 1;
            }
            '}' if depth == 1 => {
                parts.push(text[part_start..index].to_owned());
                return Some(Some((start, index + 1, parts)));
            }
            '}' => depth = depth.checked_sub(1)?,
            _ => {}
        }
    }
    (depth == 0).then_some(None)
}

fn tokens(pattern: &str, dialect: Dialect) -> Option<Vec<Token>> {
    let crosses = matches!(dialect, Dialect::Pathspec | Dialect::Free);
    let mut chars = pattern.chars().peekable();
    let mut out = Vec::new();
    while let Some(c) = chars.next() {
        out.push(match c {
            '*' => {
                let mut double = false;
                while chars.next_if_eq(&'*').is_some() {
                    double = true;
                }
                Token::Many(crosses || (double && dialect == Dialect::Separated))
            }
            '?' => Token::One(crosses),
            '[' => class(&mut chars, crosses, dialect)?,
            '\\' => Token::Char(chars.next()?),
            c => Token::Char(c),
        });
    }
    Some(out)
}

fn class(
    chars: &mut std::iter::Peekable<std::str::Chars<'_>>,
    slash: bool,
    dialect: Dialect,
) -> Option<Token> {
    // Go knows only `^`, and takes no bare `]` or `-` for an end of a range.
    let go = dialect == Dialect::Path;
    let negated = chars.next_if(|c| *c == '^' || (*c == '!' && !go)).is_some();
    let mut ranges = Vec::new();
    loop {
        let low = match chars.next()? {
            ']' if !ranges.is_empty() => {
                return Some(Token::Class {
                    negated,
                    ranges,
                    slash,
                });
            }
            ']' | '-' if go => return None,
            '\\' => chars.next()?,
            c => c,
        };
        let mut high = low;
        if chars.peek() == Some(&'-') {
            chars.next();
            match chars.peek() {
                Some(']' | '-') if go => return None,
                Some('\\') if go => {
                    chars.next();
                    high = chars.next()?;
                }
                Some(']') => ranges.push(('-', '-')),
                Some(_) => high = chars.next()?,
                None => return None,
            }
        }
        ranges.push((low, high));
    }
}

/// Follows all ways through the tokens at once: time is the product of the two lengths, never more.
fn matches(tokens: &[Token], text: &str) -> bool {
    let mut states = vec![false; tokens.len() + 1];
    states[0] = true;
    skip_stars(tokens, &mut states);
    for c in text.chars() {
        let mut next = vec![false; tokens.len() + 1];
        for (index, token) in tokens.iter().enumerate() {
            if !states[index] {
                continue;
            }
            match token {
                Token::Many(slash) if *slash || c != '/' => next[index] = true,
                Token::Many(_) => {}
                token => next[index + 1] |= accepts(token, c),
            }
        }
        skip_stars(tokens, &mut next);
        states = next;
    }
    states[tokens.len()]
}

fn skip_stars(tokens: &[Token], states: &mut [bool]) {
    for (index, token) in tokens.iter().enumerate() {
        if states[index] && matches!(token, Token::Many(_)) {
            states[index + 1] = true;
        }
    }
}

fn accepts(token: &Token, c: char) -> bool {
    match token {
        Token::Char(wanted) => *wanted == c,
        Token::One(slash) => *slash || c != '/',
        Token::Many(_) => false,
        Token::Class {
            negated,
            ranges,
            slash,
        } => {
            let listed = ranges.iter().any(|(low, high)| (*low..=*high).contains(&c));
            (listed != *negated) && (*slash || c != '/')
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn path_patterns_stop_at_slashes() {
        let is = |pattern, text| is_match(pattern, text, Dialect::Path);
        assert!(is("*", "app1") && !is("*", "p1/app4"));
        assert!(is("p1/*/*", "p1/p2/app3") && is("a?c", "abc") && is("[a-c]x", "bx"));
        assert!(!is("[", "a") && !is("[^a]", "a") && is("\\*", "*"));
        assert!(is("[!a]", "a") && !is("[!a]", "b") && !is("[]a]", "a") && !is("[a-]", "a"));
    }

    #[test]
    fn pathspecs_cross_slashes() {
        let is = |pattern, text| is_match(pattern, text, Dialect::Pathspec);
        assert!(is("*.json", "a/b/c.json") && is("a/**/c.json", "a/b/c.json"));
        assert!(!is("a/**/c.json", "a/c.json"));
    }

    #[test]
    fn project_patterns_have_two_stars_and_braces() {
        let separated = |pattern, text| is_match(pattern, text, Dialect::Separated);
        assert!(
            separated("https://x/*", "https://x/a") && !separated("https://x/*", "https://x/a/b")
        );
        assert!(separated("https://x/**", "https://x/a/b"));
        assert!(separated("{a,b{c,d}}/x", "bd/x") && !separated("{a,b}/x", "c/x"));
        assert!(is_match("*", "https://a/b", Dialect::Free));
    }

    #[test]
    fn many_stars_do_not_take_for_ever() {
        let pattern = "*a".repeat(200);
        assert!(!is_match(
            &pattern,
            &"a".repeat(2_000).replace("a", "ab"),
            Dialect::Free
        ));
    }

    #[test]
    fn what_is_told_at_a_glance_is_what_the_whole_pattern_says() {
        let dialects = [
            Dialect::Path,
            Dialect::Pathspec,
            Dialect::Separated,
            Dialect::Free,
        ];
        for pattern in ["", "*", "a", "a*", "a/*", "a**", "*a", "a*b", "a/b"] {
            for text in ["", "a", "ab", "a/", "a/b", "a/b/c", "b", "/", "aXb"] {
                for dialect in dialects {
                    let glob = Glob::new(pattern, dialect).expect("a pattern");
                    assert_eq!(
                        is_match(pattern, text, dialect),
                        glob.matches(text),
                        "{pattern} {text} {dialect:?}"
                    );
                }
            }
        }
    }
}
