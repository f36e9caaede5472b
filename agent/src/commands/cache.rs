//! What the command line keeps between runs, in `$XDG_CACHE_HOME/muster`: always safe to delete, never believed unseen.
//!
//! ```text
//!   key                            a random key, for the digests that stand for what is secret
//!   renders/<build>/<fleet>.lines  what directories rendered to, one line each, with a checksum and the ids it was made from
//!   repositories/<id>/store.git    commits fetched from a server
//! ```

use std::io::{Read as _, Write as _};
use std::path::{Path, PathBuf};

use muster_engine::survey::Memory;
use muster_model::{Digest, Problem, Reason};

/// Bytes of a key.
const KEY_BYTES: usize = 32;
/// Largest file of renders that is read: 20,000 renders of 6 KiB.
const MAX_BYTES: u64 = 128 << 20;
/// Builds whose renders are kept: the one in use, and the one before an upgrade.
const MAX_BUILDS: usize = 2;

/// `$XDG_CACHE_HOME/muster`.
pub(super) fn directory() -> PathBuf {
    let home =
        || PathBuf::from(std::env::var_os("HOME").unwrap_or_else(|| "/tmp".into())).join(".cache");
    std::env::var_os("XDG_CACHE_HOME")
        .filter(|v| !v.is_empty())
        .map_or_else(home, PathBuf::from)
        .join("muster")
}

/// The file of renders of one fleet.
pub(super) struct Cache {
    file: Option<PathBuf>,
    text: String,
}

impl Cache {
    /// Nothing is read or kept.
    pub(super) fn none() -> Self {
        Self {
            file: None,
            text: String::new(),
        }
    }

    /// The renders of the fleet file `fleet_file`, made by this very program and with this key.
    pub(super) fn open(fleet_file: &str, key: &[u8]) -> Self {
        let fleet = Digest::of_parts([fleet_file.as_bytes(), key]).short();
        let build = directory().join("renders").join(build());
        let file = build.join(format!("{fleet}.lines"));
        let text = read(&file).unwrap_or_default();
        Self {
            file: Some(file),
            text,
        }
    }

    /// What was remembered.
    pub(super) fn memory(&self, key: Vec<u8>) -> Memory {
        Memory::new(key).with_lines(&self.text)
    }

    /// Keeps what is remembered now, when it is something else. A cache that cannot be written is not missed.
    pub(super) fn keep(&self, memory: &Memory) {
        let Some(file) = self.file.as_ref().filter(|_| memory.news() > 0) else {
            return;
        };
        let lines = memory.lines();
        if lines != self.text && write(file, lines.as_bytes(), 0o600).is_ok() {
            sweep(file.parent().and_then(Path::parent));
        }
    }
}

/// A key for the digests that stand for what is secret: from the file given, or one of this user's own.
pub(super) fn key(given: Option<&Path>) -> Result<Vec<u8>, Problem> {
    if let Some(file) = given {
        return std::fs::read(file).map_err(|error| {
            let message = format!("cannot read {}: {}", file.display(), error.kind());
            Problem::new(Reason::InternalError, message)
        });
    }
    let file = directory().join("key");
    if let Ok(key) = std::fs::read(&file)
        && key.len() == KEY_BYTES
    {
        return Ok(key);
    }
    let mut key = vec![0; KEY_BYTES];
    let random = std::fs::File::open("/dev/urandom").and_then(|mut f| f.read_exact(&mut key));
    random.map_err(|error| {
        let message = format!("no random numbers: {}", error.kind());
        Problem::new(Reason::InternalError, message)
    })?;
    // Not kept: other digests in the next run.
    let _ = write(&file, &key, 0o600);
    Ok(key)
}

/// This very program: its version, and the size and time of its file, so that no build reads another's renders.
fn build() -> String {
    let file = std::env::current_exe().and_then(std::fs::metadata);
    let time = file.as_ref().ok().and_then(|f| f.modified().ok());
    let time = time.and_then(|t| t.duration_since(std::time::UNIX_EPOCH).ok());
    let parts = format!(
        "{} {}",
        file.map_or(0, |f| f.len()),
        time.map_or(0, |t| t.as_nanos())
    );
    format!(
        "{}-{}",
        env!("CARGO_PKG_VERSION"),
        Digest::of(parts.as_bytes()).short()
    )
}

fn read(file: &Path) -> Option<String> {
    let mut text = String::new();
    let file = std::fs::File::open(file).ok()?;
    file.take(MAX_BYTES).read_to_string(&mut text).ok()?;
    Some(text)
}

/// Writes beside the file and renames, so that a reader sees the old or the new one.
fn write(file: &Path, bytes: &[u8], mode: u32) -> std::io::Result<()> {
    use std::os::unix::fs::OpenOptionsExt as _;
    let directory = file.parent().unwrap_or(file);
    std::fs::create_dir_all(directory)?;
    let beside = file.with_extension(format!("{}.tmp", std::process::id()));
    let mut options = std::fs::OpenOptions::new();
    options.write(true).create(true).truncate(true).mode(mode);
    let written = options.open(&beside).and_then(|mut f| f.write_all(bytes));
    written
        .and_then(|()| std::fs::rename(&beside, file))
        .inspect_err(|_| {
            let _ = std::fs::remove_file(&beside);
        })
}

/// Removes the renders of builds that are no longer used, the oldest first.
fn sweep(builds: Option<&Path>) {
    let entries = builds
        .map(std::fs::read_dir)
        .into_iter()
        .flatten()
        .flatten()
        .flatten();
    let mut builds: Vec<(std::time::SystemTime, PathBuf)> = entries
        .filter_map(|entry| Some((entry.metadata().ok()?.modified().ok()?, entry.path())))
        .collect();
    builds.sort();
    for (_, old) in builds.iter().rev().skip(MAX_BUILDS) {
        let _ = std::fs::remove_dir_all(old);
    }
}
