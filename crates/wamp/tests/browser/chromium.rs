//! A headless Chromium with a profile of its own.

use std::path::{Path, PathBuf};
use std::process::{self, ExitStatus, Stdio};
use std::{env, fs};

use anyhow::{Context, Result};
use tokio::process::{Child, Command};

/// A browser that shows one page. It is killed when it is closed or dropped.
pub(crate) struct Chromium {
    child: Child,
    profile: Profile,
}

impl Chromium {
    pub(crate) fn open(program: &Path, url: &str) -> Result<Self> {
        let profile = Profile::create()?;
        let log = fs::File::create(profile.log()).context("the log cannot be created")?;
        let child = Command::new(program)
            .args(FLAGS)
            .arg(format!("--user-data-dir={}", profile.0.display()))
            .arg(url)
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(log)
            .kill_on_drop(true)
            .spawn()
            .with_context(|| format!("{} cannot be started", program.display()))?;
        Ok(Self { child, profile })
    }

    /// Waits until the browser has ended by itself.
    pub(crate) async fn ended(&mut self) -> Result<ExitStatus> {
        self.child
            .wait()
            .await
            .context("Chromium cannot be waited for")
    }

    /// Ends the browser, and returns what it wrote to stderr.
    pub(crate) async fn close(&mut self) -> Result<String> {
        self.child
            .kill()
            .await
            .context("Chromium cannot be ended")?;
        let said = fs::read(self.profile.log()).context("the log cannot be read")?;
        Ok(String::from_utf8_lossy(&said).into_owned())
    }
}

/// A directory that is removed when it is dropped.
struct Profile(PathBuf);

impl Profile {
    fn create() -> Result<Self> {
        let path = env::temp_dir().join(format!("wamp-browser-{}", process::id()));
        fs::create_dir(&path).with_context(|| format!("{} cannot be created", path.display()))?;
        Ok(Self(path))
    }

    fn log(&self) -> PathBuf {
        self.0.join("stderr.log")
    }
}

impl Drop for Profile {
    fn drop(&mut self) {
        // What is left is small, and in a place for things that are left.
        fs::remove_dir_all(&self.0).ok();
    }
}

/// Nothing but the page: no sandbox, which root has none of, and no talk with the world.
const FLAGS: [&str; 10] = [
    "--headless=new",
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    // The page's errors, and its console, go to stderr.
    "--enable-logging=stderr",
    "--log-level=1",
];
