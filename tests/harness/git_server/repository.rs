//! A bare repository made and changed with the real `git`, without anybody's configuration, at fixed times.

use std::io::Write as _;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::sync::atomic::{AtomicI64, Ordering};

/// Commit times start here and grow by a minute with each commit: 2023-11-14T22:13:20Z.
const FIRST_TIME: i64 = 1_700_000_000;

/// A bare repository on disk and its URL.
#[derive(Debug)]
pub struct TestRepository {
    path: PathBuf,
    url: String,
    time: AtomicI64,
}

impl TestRepository {
    /// Makes an empty one.
    ///
    /// # Panics
    /// When `git` fails.
    #[must_use]
    pub fn init(path: PathBuf, url: String) -> Self {
        let target = path.to_string_lossy().into_owned();
        let above = path.parent().unwrap_or(Path::new("/"));
        std::fs::create_dir_all(above).expect("because it is a temporary directory");
        git(above, &["init", "-q", "--bare", "-b", "main", &target], b"");
        for (key, value) in [
            ("http.receivepack", "true"),
            ("uploadpack.allowFilter", "true"),
            ("uploadpack.allowAnySHA1InWant", "true"),
            ("receive.denyDeleteCurrent", "ignore"),
            ("gc.auto", "0"),
        ] {
            git(&path, &["config", key, value], b"");
        }
        Self {
            path,
            url,
            time: AtomicI64::new(FIRST_TIME),
        }
    }

    /// Where clients find it.
    #[must_use]
    pub fn url(&self) -> &str {
        &self.url
    }

    /// Where it lies.
    #[must_use]
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// Runs `git` in it and returns what it prints, trimmed.
    ///
    /// # Panics
    /// When `git` fails.
    pub fn git(&self, arguments: &[&str]) -> String {
        git(&self.path, arguments, b"")
    }

    /// The same with input.
    ///
    /// # Panics
    /// When `git` fails.
    pub fn git_with(&self, arguments: &[&str], input: &[u8]) -> String {
        git(&self.path, arguments, input)
    }

    /// Puts files on a branch by one commit on top of it, and names the commit.
    ///
    /// # Panics
    /// When `git` fails.
    pub fn commit_files(&self, branch: &str, files: &[(&str, &[u8])]) -> String {
        let changes: Vec<_> = files
            .iter()
            .map(|(path, data)| (*path, Some(*data)))
            .collect();
        self.commit(branch, Some(branch), "change files", &changes)
    }

    /// Takes files off a branch by one commit.
    ///
    /// # Panics
    /// When `git` fails.
    pub fn delete_files(&self, branch: &str, paths: &[&str]) -> String {
        let changes: Vec<_> = paths.iter().map(|path| (*path, None)).collect();
        self.commit(branch, Some(branch), "delete files", &changes)
    }

    /// Makes one commit on `branch`, on top of `parent` (a branch or commit; `None` starts anew), whatever the branch was.
    ///
    /// # Panics
    /// When `git` fails.
    pub fn commit(
        &self,
        branch: &str,
        parent: Option<&str>,
        message: &str,
        changes: &[(&str, Option<&[u8]>)],
    ) -> String {
        let time = self.time.fetch_add(60, Ordering::SeqCst);
        let mut input = Vec::new();
        let mut put = |text: String| input.extend_from_slice(text.as_bytes());
        let parent = parent.and_then(|parent| self.rev(parent));
        put(format!("commit refs/heads/{branch}\n"));
        put(format!(
            "committer Author <author@example.com> {time} +0000\n"
        ));
        put(format!("data {}\n{message}\n", message.len()));
        match parent {
            Some(parent) => put(format!("from {parent}\n")),
            // Without `from`, fast-import goes on from the branch it has seen; a reset makes it forget.
            None => {
                input.splice(0..0, format!("reset refs/heads/{branch}\n\n").into_bytes());
            }
        }
        for (path, content) in changes {
            match content {
                Some(data) => {
                    input.extend_from_slice(
                        format!("M 100644 inline {path}\ndata {}\n", data.len()).as_bytes(),
                    );
                    input.extend_from_slice(data);
                    input.push(b'\n');
                }
                None => input.extend_from_slice(format!("D {path}\n").as_bytes()),
            }
        }
        input.extend_from_slice(b"done\n");
        self.git_with(&["fast-import", "--quiet", "--force", "--done"], &input);
        self.rev(&format!("refs/heads/{branch}"))
            .expect("because it was just made")
    }

    /// Commits a tree made by hand, valid or not, and sets the branch to it.
    ///
    /// # Panics
    /// When `git` fails.
    pub fn commit_tree_object(&self, branch: &str, tree: &[u8]) -> String {
        let tree = self.git_with(
            &["hash-object", "-t", "tree", "-w", "--stdin", "--literally"],
            tree,
        );
        let commit = self.git(&["commit-tree", "-m", "made by hand", &tree]);
        self.set_branch(branch, &commit);
        commit
    }

    /// Sets a branch to a commit, whatever it was: a force-push.
    ///
    /// # Panics
    /// When `git` fails.
    pub fn set_branch(&self, branch: &str, commit: &str) {
        self.git(&["update-ref", &format!("refs/heads/{branch}"), commit]);
    }

    /// Takes a branch away.
    ///
    /// # Panics
    /// When `git` fails.
    pub fn delete_branch(&self, branch: &str) {
        self.git(&["update-ref", "-d", &format!("refs/heads/{branch}")]);
    }

    /// The answer of a server to a version 2 fetch of everything a revision leads to.
    ///
    /// # Panics
    /// When `git` fails.
    #[must_use]
    pub fn git_raw_pack(&self, revision: &str) -> Vec<u8> {
        let pack = run(
            &self.path,
            &["pack-objects", "--stdout", "--revs", "-q"],
            format!("{revision}\n").as_bytes(),
        );
        let mut answer = b"000dpackfile\n".to_vec();
        for chunk in pack.chunks(60_000) {
            answer.extend_from_slice(format!("{:04x}\u{1}", chunk.len() + 5).as_bytes());
            answer.extend_from_slice(chunk);
        }
        answer.extend_from_slice(b"0000");
        answer
    }

    /// The id of a revision, `None` when there is none.
    #[must_use]
    pub fn rev(&self, revision: &str) -> Option<String> {
        let output = command(&self.path)
            .args([
                "rev-parse",
                "--verify",
                "--quiet",
                "--end-of-options",
                revision,
            ])
            .output()
            .ok()?;
        let text = String::from_utf8(output.stdout).ok()?;
        output.status.success().then(|| text.trim().to_owned())
    }
}

/// Runs `git` in a directory, with a fixed identity and time and no configuration but the repository's.
///
/// # Panics
/// When it fails.
pub fn git(directory: &Path, arguments: &[&str], input: &[u8]) -> String {
    String::from_utf8_lossy(&run(directory, arguments, input))
        .trim()
        .to_owned()
}

fn run(directory: &Path, arguments: &[&str], input: &[u8]) -> Vec<u8> {
    let mut child = command(directory)
        .args(arguments)
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .expect("because git is installed where the tests run");
    let mut stdin = child.stdin.take().expect("because it is piped");
    let input = input.to_vec();
    let writer = std::thread::spawn(move || stdin.write_all(&input));
    let output = child.wait_with_output().expect("because it was started");
    writer.join().expect("because writing does not panic").ok();
    assert!(
        output.status.success(),
        "git {arguments:?}: {}",
        String::from_utf8_lossy(&output.stderr)
    );
    output.stdout
}

fn command(directory: &Path) -> Command {
    let mut command = Command::new("git");
    command
        .current_dir(directory)
        .env_clear()
        .env("PATH", std::env::var_os("PATH").unwrap_or_default())
        .env("HOME", directory)
        .env("GIT_CONFIG_NOSYSTEM", "1")
        .env("GIT_AUTHOR_NAME", "Author")
        .env("GIT_AUTHOR_EMAIL", "author@example.com")
        .env("GIT_AUTHOR_DATE", format!("{FIRST_TIME} +0000"))
        .env("GIT_COMMITTER_NAME", "Author")
        .env("GIT_COMMITTER_EMAIL", "author@example.com")
        .env("GIT_COMMITTER_DATE", format!("{FIRST_TIME} +0000"));
    command
}
