//! sprig's encodings and digests.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use gotmpl::{Result, Value};
use muster_model::{digest::hex, json};
use sha1::Sha1;
use sha2::{Digest as _, Sha256, Sha512};

use super::Function;
use super::args::{exactly, fail, string, text};
use super::strings::one;
use crate::params;

pub(super) const TABLE: &[(&str, Function)] = &[
    ("adler32sum", |a| one(a, |t| adler32(t.as_bytes()).to_string())),
    ("b32dec", |a| one(a, |t| base32_decode(t))),
    ("b32enc", |a| one(a, |t| base32_encode(t.as_bytes()))),
    ("b64dec", |a| one(a, base64_decode)),
    ("b64enc", |a| one(a, |t| STANDARD.encode(t))),
    ("fromJson", |a| Ok(from_json(a)?.unwrap_or(Value::Nil))),
    ("mustFromJson", |a| from_json(a)?.map_or_else(|| fail("invalid JSON"), Ok)),
    ("sha1sum", |a| one(a, |t| hex(&Sha1::digest(t)))),
    ("sha256sum", |a| one(a, |t| hex(&Sha256::digest(t)))),
    ("sha512sum", |a| one(a, |t| hex(&Sha512::digest(t)))),
    ("toJson", |a| Ok(string(params::to_json(&exactly::<1>(a)?[0])))),
    ("mustToJson", |a| Ok(string(params::to_json(&exactly::<1>(a)?[0])))),
    ("toPrettyJson", pretty),
    ("mustToPrettyJson", pretty),
    ("toRawJson", raw),
    ("mustToRawJson", raw),
];

fn from_json(args: &[Value]) -> Result<Option<Value>> {
    let [value] = exactly(args)?;
    let node = json::from_slice(text(value)?.as_bytes()).ok();
    Ok(node.as_ref().map(params::from_node))
}

fn raw(args: &[Value]) -> Result<Value> {
    let [value] = exactly(args)?;
    Ok(string(json::to_canonical(&params::to_node(value))))
}

/// Indented by two spaces, keys sorted.
fn pretty(args: &[Value]) -> Result<Value> {
    let [value] = exactly(args)?;
    let mut out = String::new();
    indent(value, "\n", &mut out);
    Ok(string(out))
}

fn indent(value: &Value, line: &str, out: &mut String) {
    let deeper = format!("{line}  ");
    let (open, close, members): (char, char, Vec<(Option<&str>, &Value)>) = match value {
        Value::List(items) if !items.is_empty() => {
            ('[', ']', items.iter().map(|item| (None, item)).collect())
        }
        Value::Map(entries) if !entries.is_empty() => {
            let entries = entries.iter().map(|(key, value)| (Some(&**key), value));
            ('{', '}', entries.collect())
        }
        leaf => return out.push_str(&params::to_json(leaf)),
    };
    out.push(open);
    for (index, (key, member)) in members.into_iter().enumerate() {
        if index > 0 {
            out.push(',');
        }
        out.push_str(&deeper);
        if let Some(key) = key {
            out.push_str(&params::to_json(&string(key)));
            out.push_str(": ");
        }
        indent(member, &deeper, out);
    }
    out.push_str(line);
    out.push(close);
}

/// The text, or what is wrong with it: sprig puts the error in its place.
fn base64_decode(encoded: &str) -> String {
    let plain: String = encoded.chars().filter(|c| !matches!(c, '\n' | '\r')).collect();
    match STANDARD.decode(&plain) {
        Ok(bytes) => String::from_utf8_lossy(&bytes).into_owned(),
        Err(_) => "illegal base64 data".to_owned(),
    }
}

const BASE32: &[u8; 32] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZ234567";

fn base32_encode(bytes: &[u8]) -> String {
    let mut out = String::new();
    for chunk in bytes.chunks(5) {
        let mut block = [0u8; 8];
        block[3..3 + chunk.len()].copy_from_slice(chunk);
        let bits = u64::from_be_bytes(block);
        let letters = (chunk.len() * 8).div_ceil(5);
        for index in 0..8 {
            let five = usize::try_from(bits >> (35 - 5 * index) & 31).unwrap_or_default();
            out.push(if index < letters { char::from(BASE32[five]) } else { '=' });
        }
    }
    out
}

fn base32_decode(encoded: &str) -> String {
    let mut bits = 0u32;
    let mut held = 0;
    let mut out = Vec::new();
    for byte in encoded.trim_end_matches('=').bytes() {
        let Some(five) = BASE32.iter().position(|b| *b == byte) else {
            return "illegal base32 data".to_owned();
        };
        bits = bits << 5 | u32::try_from(five).unwrap_or_default();
        held += 5;
        if held >= 8 {
            held -= 8;
            out.push(u8::try_from(bits >> held & 255).unwrap_or_default());
            bits &= (1 << held) - 1;
        }
    }
    String::from_utf8_lossy(&out).into_owned()
}

/// RFC 1950's checksum.
fn adler32(bytes: &[u8]) -> u32 {
    let (mut a, mut b) = (1u32, 0u32);
    for byte in bytes {
        a = (a + u32::from(*byte)) % 65521;
        b = (b + a) % 65521;
    }
    b << 16 | a
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn encodings_read_back() {
        for text in ["", "f", "fo", "foo", "foob", "fooba", "foobar"] {
            assert_eq!(base32_decode(&base32_encode(text.as_bytes())), text);
        }
        // RFC 4648, section 10.
        assert_eq!(base32_encode(b"foobar"), "MZXW6YTBOI======");
        assert_eq!(base64_decode("Zm9v"), "foo");
        // RFC 1950's well-known example.
        assert_eq!(adler32(b"Wikipedia"), 0x11e6_0398);
    }
}
