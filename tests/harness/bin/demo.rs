//! `make demo`: the demonstration on the user's screen, tidy at every end.
//!
//! `KEEP=1` leaves everything running afterwards until Ctrl-C. `KUBECONFIGS=a,b,c` uses existing clusters.

use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::time::Duration;

use muster_tests::demo::{self, DemoError, Options, Playground, Screen, Stop};
use tokio::signal::unix::{SignalKind, signal};
use tokio::sync::oneshot;

/// How long the clusters may take to end after Ctrl-C; their processes end with ours in any case.
const GRACE: Duration = Duration::from_secs(5);
/// What a shell reports of a program that SIGINT ended.
const INTERRUPTED: u8 = 130;

fn main() -> ExitCode {
    let options = match options() {
        Ok(options) => options,
        Err(why) => {
            say(&why);
            return ExitCode::from(2);
        }
    };
    let keep = std::env::var("KEEP").is_ok_and(|keep| !keep.is_empty() && keep != "0");
    let _ = rustls::crypto::ring::default_provider().install_default();
    let dir = match tempfile::Builder::new().prefix("muster-demo-").tempdir() {
        Ok(dir) => dir,
        Err(error) => {
            say(&format!("cannot make a temporary directory: {error}"));
            return ExitCode::FAILURE;
        }
    };
    match until_done_or_stopped(options, keep, dir.path().to_owned()) {
        Ok(()) => ExitCode::SUCCESS,
        Err(DemoError::Stopped) => ExitCode::from(INTERRUPTED),
        Err(error) => {
            say(&format!(
                "\nThe demonstration failed: {}",
                with_causes(&error)
            ));
            say(&format!("Logs: {}", dir.keep().display()));
            ExitCode::FAILURE
        }
    }
}

fn options() -> Result<Options, String> {
    let Ok(list) = std::env::var("KUBECONFIGS").map(|list| list.trim().to_owned()) else {
        return Ok(Options::default());
    };
    if list.is_empty() {
        return Ok(Options::default());
    }
    let files: Vec<PathBuf> = list
        .split(',')
        .map(|file| PathBuf::from(file.trim()))
        .collect();
    let files = files.try_into().map_err(|_| {
        "KUBECONFIGS takes three files, for hub, east and west: KUBECONFIGS=a,b,c".to_owned()
    })?;
    Ok(Options {
        kubeconfigs: Some(files),
    })
}

/// Runs the demonstration on a thread of its own, so that a signal is heard whatever it does.
fn until_done_or_stopped(options: Options, keep: bool, dir: PathBuf) -> Result<(), DemoError> {
    let stop = Stop::default();
    let (done, mut ended) = oneshot::channel();
    let demonstration = {
        let stop = stop.clone();
        std::thread::spawn(move || {
            let _ = done.send(demonstrate(&options, keep, &dir, &stop));
        })
    };
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .map_err(|source| DemoError::Io {
            what: "start a runtime".to_owned(),
            source,
        })?;
    let result = runtime.block_on(async {
        tokio::select! {
            result = &mut ended => return result,
            () = signalled() => {}
        }
        say("\nstopping");
        stop.raise();
        tokio::select! {
            result = &mut ended => result,
            () = tokio::time::sleep(GRACE) => Ok(Err(DemoError::Stopped)),
            () = signalled() => Ok(Err(DemoError::Stopped)),
        }
    });
    match result {
        Ok(result) => result,
        Err(_) => demonstration.join().map_or_else(
            |panic| std::panic::resume_unwind(panic),
            |()| Err(DemoError::Stopped),
        ),
    }
}

async fn signalled() {
    let (Ok(mut interrupt), Ok(mut terminate)) = (
        signal(SignalKind::interrupt()),
        signal(SignalKind::terminate()),
    ) else {
        return std::future::pending().await;
    };
    tokio::select! {
        _ = interrupt.recv() => {}
        _ = terminate.recv() => {}
    }
}

fn demonstrate(options: &Options, keep: bool, dir: &Path, stop: &Stop) -> Result<(), DemoError> {
    let mut screen = Screen::new();
    screen.say("muster: three clusters kept as Git says, without a hub. Under a minute; Ctrl-C ends it at any time.");
    let mut playground = demo::start(options, dir, stop, &mut screen)?;
    let result = demo::run(&mut playground, &mut screen);
    if keep && result.is_ok() {
        linger(&playground, dir, stop, &screen);
    }
    let cleaned = playground.clean_up();
    let report = result?;
    cleaned?;
    let total: Duration = report.steps.iter().map(|(_, took)| *took).sum();
    screen.say(&format!(
        "\nAll of it in {}. Nothing is left running.",
        demo::seconds(total)
    ));
    Ok(())
}

/// Leaves everything running until the user stops it.
fn linger(playground: &Playground, dir: &Path, stop: &Stop, screen: &Screen) {
    screen.say("\nEverything keeps running until Ctrl-C (KEEP=1). Edit, commit and push here:");
    screen.say(&format!("  {}", playground.hub().path().display()));
    for site in playground.sites() {
        screen.say(&format!(
            "  kubectl --kubeconfig {} get all -n shop    # {}",
            site.kubeconfig.display(),
            site.name
        ));
    }
    screen.say(&format!(
        "  muster status --repo {}",
        playground.hub().url()
    ));
    screen.say(&format!("  logs below {}", dir.display()));
    while stop.check().is_ok() {
        std::thread::park_timeout(Duration::from_millis(200));
    }
}

fn with_causes(error: &dyn std::error::Error) -> String {
    let mut text = error.to_string();
    let mut cause = error.source();
    while let Some(error) = cause {
        text.push_str(&format!(": {error}"));
        cause = error.source();
    }
    text
}

#[expect(clippy::print_stderr, reason = "a command-line program")]
fn say(text: &str) {
    eprintln!("{text}");
}
