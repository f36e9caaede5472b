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
    let tables: [&[(&str, Function)]; 12] = [
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
    let entry = |&(name, function): &(&str, Function)| -> (String, ValueFunc) {
        (name.to_owned(), Arc::new(function))
    };
    let mut all: BTreeMap<String, ValueFunc> = tables
        .into_iter()
        .flat_map(|table| table.iter().map(entry))
        .collect();
    all.insert(PRINT.to_owned(), Arc::new(logic::print));
    all
});

/// Every function beside Go's own, by name.
pub(super) fn all() -> &'static FuncMap {
    &ALL
}

/// True when templates may call `name`.
pub(super) fn is_known(name: &str) -> bool {
    name == PRINT || BUILT_IN.contains(&name) || ALL.contains_key(name)
}

/// What the function would read beside the commit, when it is one that is refused.
pub(super) fn impure(name: &str) -> Option<&'static str> {
    let index = IMPURE.binary_search_by_key(&name, |(name, _)| name).ok()?;
    IMPURE.get(index).map(|(_, what)| *what)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_refused_functions_are_sorted_and_none_is_provided() {
        assert!(IMPURE.is_sorted());
        for (name, _) in IMPURE {
            assert!(!is_known(name), "{name}");
        }
    }
}
