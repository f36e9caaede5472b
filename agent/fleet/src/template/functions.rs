//! The functions templates may call: sprig's pure ones and Argo CD's own.
//!
//! Functions that read the clock, randomness, the environment or the network are refused by name: a plan is a
//! function of the commit.

mod args;
mod dicts;
mod encoding;
mod lists;
mod logic;
mod math;
mod names;
mod paths;
mod regexes;
mod semver;
mod strings;
mod words;
mod yaml;

use std::collections::BTreeMap;
use std::sync::{Arc, LazyLock};

use gotmpl::{FuncMap, Result, Value, ValueFunc};

pub(crate) use names::normalise;
pub(crate) use paths::base as base_name;

/// What every printing action ends in; no template can write the name.
pub(super) const PRINT: &str = "\u{0}print";

/// What every value that a variable or another template is given ends in; no template can write the name.
pub(super) const BOUNDED: &str = "\u{0}bounded";
/// Parts a value may have, those of its parts counted: far beyond the parameters of the largest fleet.
const MAX_PARTS: usize = 500_000;
/// Bytes of text a value may hold: 8 MiB, eight times what an execution may write.
const MAX_TEXT: usize = 8 << 20;
/// Bytes that replacing, joining or wrapping may make of its arguments: 16 MiB.
const MAX_PRODUCT: usize = 1 << 24;

/// A function over argument values.
type Function = fn(&[Value]) -> Result<Value>;

/// Functions of Go's text/template itself, provided by the engine.
const BUILT_IN: &[&str] = &[
    "and", "call", "eq", "ge", "gt", "html", "js", "le", "len", "lt", "ne", "not", "or", "print",
    "printf", "println", "urlquery",
];

/// Functions of sprig that are refused, and what each would read.
const IMPURE: &[(&str, &str)] = &[
    ("ago", CLOCK),
    ("bcrypt", RANDOM),
    ("buildCustomCert", KEYS),
    ("date", CLOCK),
    ("dateInZone", CLOCK),
    ("dateModify", CLOCK),
    ("date_in_zone", CLOCK),
    ("date_modify", CLOCK),
    ("decryptAES", KEYS),
    ("derivePassword", KEYS),
    ("encryptAES", RANDOM),
    ("env", ENVIRONMENT),
    ("expandenv", ENVIRONMENT),
    ("genCA", RANDOM),
    ("genCAWithKey", RANDOM),
    ("genPrivateKey", RANDOM),
    ("genSelfSignedCert", RANDOM),
    ("genSelfSignedCertWithKey", RANDOM),
    ("genSignedCert", RANDOM),
    ("genSignedCertWithKey", RANDOM),
    ("getHostByName", "the network"),
    ("htmlDate", CLOCK),
    ("htmlDateInZone", CLOCK),
    ("htpasswd", RANDOM),
    ("mustDateModify", CLOCK),
    ("mustToDate", CLOCK),
    ("must_date_modify", CLOCK),
    ("now", CLOCK),
    ("randAlpha", RANDOM),
    ("randAlphaNum", RANDOM),
    ("randAscii", RANDOM),
    ("randBytes", RANDOM),
    ("randInt", RANDOM),
    ("randNumeric", RANDOM),
    ("shuffle", RANDOM),
    ("toDate", CLOCK),
    ("unixEpoch", CLOCK),
    ("uuidv4", RANDOM),
];
const CLOCK: &str = "the clock or a time zone";
const RANDOM: &str = "randomness";
const ENVIRONMENT: &str = "the environment";
const KEYS: &str = "key material";

static ALL: LazyLock<FuncMap> = LazyLock::new(|| {
    let tables: [&[(&'static str, Function)]; 12] = [
        dicts::TABLE,
        encoding::TABLE,
        lists::TABLE,
        logic::TABLE,
        math::TABLE,
        names::TABLE,
        paths::TABLE,
        regexes::TABLE,
        semver::TABLE,
        strings::TABLE,
        words::TABLE,
        yaml::TABLE,
    ];
    let entry = |&(name, function): &(&'static str, Function)| -> (String, ValueFunc) {
        if !MULTIPLYING.contains(&name) {
            return (name.to_owned(), Arc::new(function));
        }
        let guarded = move |args: &[Value]| {
            let product = args.iter().map(extent).fold(1, usize::saturating_mul);
            if product > MAX_PRODUCT {
                return args::fail(format!("{name} would make too long a text"));
            }
            function(args)
        };
        (name.to_owned(), Arc::new(guarded))
    };
    let mut all: BTreeMap<String, ValueFunc> = tables
        .into_iter()
        .flat_map(|table| table.iter().map(entry))
        .collect();
    all.insert(PRINT.to_owned(), Arc::new(logic::print));
    all.insert(BOUNDED.to_owned(), Arc::new(bounded));
    all
});

/// Functions whose result can be as long as their arguments multiplied.
const MULTIPLYING: &[&str] = &[
    "join",
    "mustRegexReplaceAll",
    "mustRegexReplaceAllLiteral",
    "regexReplaceAll",
    "regexReplaceAllLiteral",
    "replace",
    "wrapWith",
];

fn extent(value: &Value) -> usize {
    let extent = match value {
        Value::String(text) => text.len(),
        Value::List(items) => items.len(),
        _ => 1,
    };
    extent.max(1)
}

/// The value itself, unless it is larger than any that a template needs: a loop could double it without end.
fn bounded(args: &[Value]) -> Result<Value> {
    let value = args.last().cloned().unwrap_or(Value::Nil);
    let (mut parts, mut text) = (MAX_PARTS, MAX_TEXT);
    match weigh(&value, &mut parts, &mut text) {
        Some(()) => Ok(value),
        None => args::fail(format!(
            "a value has more than {MAX_PARTS} parts or {MAX_TEXT} bytes of text"
        )),
    }
}

fn weigh(value: &Value, parts: &mut usize, text: &mut usize) -> Option<()> {
    *parts = parts.checked_sub(1)?;
    match value {
        Value::String(value) => *text = text.checked_sub(value.len())?,
        Value::List(items) => {
            for item in items.iter() {
                weigh(item, parts, text)?;
            }
        }
        Value::Map(entries) => {
            for (key, value) in entries.iter() {
                *text = text.checked_sub(key.len())?;
                weigh(value, parts, text)?;
            }
        }
        _ => {}
    }
    Some(())
}

/// Every function beside Go's own, by name.
pub(super) fn all() -> &'static FuncMap {
    &ALL
}

/// True when templates may call `name`.
pub(super) fn is_known(name: &str) -> bool {
    matches!(name, PRINT | BOUNDED) || BUILT_IN.contains(&name) || ALL.contains_key(name)
}

/// What the function would read beside the commit, when it is one that is refused.
pub(super) fn impure(name: &str) -> Option<&'static str> {
    let index = IMPURE.binary_search_by_key(&name, |(name, _)| name).ok()?;
    IMPURE.get(index).map(|(_, what)| *what)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Every function of sprig 3.3 and Argo CD's own five.
    const EVERY: &str = "\
        abbrev abbrevboth add add1 add1f addf adler32sum ago all any append atoi b32dec b32enc \
        b64dec b64enc base bcrypt biggest buildCustomCert camelcase cat ceil chunk clean coalesce \
        compact concat contains date dateInZone dateModify date_in_zone date_modify decryptAES \
        deepCopy deepEqual default derivePassword dict dig dir div divf duration durationRound \
        empty encryptAES env expandenv ext fail first float64 floor fromJson fromYaml fromYamlArray \
        genCA genCAWithKey genPrivateKey genSelfSignedCert genSelfSignedCertWithKey genSignedCert \
        genSignedCertWithKey get getHostByName has hasKey hasPrefix hasSuffix hello htmlDate \
        htmlDateInZone htpasswd indent initial initials int int64 isAbs join kebabcase keys kindIs \
        kindOf last list lower max maxf merge mergeOverwrite min minf mod mul mulf mustAppend \
        mustChunk mustCompact mustDateModify mustDeepCopy mustFirst mustFromJson mustHas \
        mustInitial mustLast mustMerge mustMergeOverwrite mustPrepend mustPush mustRegexFind \
        mustRegexFindAll mustRegexMatch mustRegexReplaceAll mustRegexReplaceAllLiteral \
        mustRegexSplit mustRest mustReverse mustSlice mustToDate mustToJson mustToPrettyJson \
        mustToRawJson mustUniq mustWithout must_date_modify nindent normalize nospace now omit \
        osBase osClean osDir osExt osIsAbs pick pluck plural prepend push quote randAlpha \
        randAlphaNum randAscii randBytes randInt randNumeric regexFind regexFindAll regexMatch \
        regexQuoteMeta regexReplaceAll regexReplaceAllLiteral regexSplit repeat replace rest \
        reverse round semver semverCompare seq set sha1sum sha256sum sha512sum shuffle slice \
        slugify snakecase sortAlpha split splitList splitn squote sub subf substr swapcase ternary \
        title toDate toDecimal toJson toPrettyJson toRawJson toString toStrings toYaml trim trimAll \
        trimPrefix trimSuffix trimall trunc tuple typeIs typeIsLike typeOf uniq unixEpoch unset \
        until untilStep untitle upper urlJoin urlParse uuidv4 values without wrap wrapWith";

    #[test]
    fn every_function_of_argo_cd_is_provided_or_refused_by_name() {
        for name in EVERY.split_whitespace() {
            assert!(is_known(name) || impure(name).is_some(), "{name}");
        }
        assert!(!is_known("include") && impure("include").is_none());
    }

    #[test]
    fn the_refused_functions_are_sorted_and_none_is_provided() {
        assert!(IMPURE.is_sorted());
        for (name, _) in IMPURE {
            assert!(!is_known(name), "{name}");
        }
    }
}
