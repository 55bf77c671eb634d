//! Drives a page with the browser build of Autobahn|JS in Chromium against our router.
//!
//! `cargo xtask browser` installs what is needed and starts this program, which has a `main` of
//! its own. It serves the page, plays the other side of all that the page does, and compares what
//! the page reports with what it saw itself.

mod chromium;
mod counterpart;
mod site;

use std::env;
use std::path::Path;
use std::process::ExitCode;
use std::time::Duration;

use anyhow::{Context, Result, bail, ensure};
use tokio::time::timeout;
use wamp::{Realm, Router};

use crate::chromium::Chromium;
use crate::counterpart::Counterpart;
use crate::site::Site;

fn main() -> ExitCode {
    // So a test runner asks which tests there are; it could not run them one by one.
    if env::args().any(|word| word == "--format" || word == "--list") {
        return ExitCode::SUCCESS;
    }
    let (Some(program), Some(node_modules)) = (
        env::var_os("WAMP_BROWSER_CHROMIUM"),
        env::var_os("WAMP_BROWSER_NODE_MODULES"),
    ) else {
        println!("browser: 0 pages: they need Chromium; run cargo xtask browser");
        return ExitCode::SUCCESS;
    };
    let bundle = Path::new(&node_modules).join("autobahn-browser/autobahn.min.js");
    let runtime = tokio::runtime::Runtime::new().context("no runtime");
    match runtime.and_then(|runtime| runtime.block_on(run(Path::new(&program), &bundle))) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("{error:#}");
            ExitCode::FAILURE
        }
    }
}

async fn run(program: &Path, bundle: &Path) -> Result<()> {
    let router = Router::builder().realm(Realm::new("realm1")).build();
    let server = router.listen("127.0.0.1:0").await?;
    let counterpart = Counterpart::start(&router).await?;
    let mut site = Site::start(bundle).await?;
    let url = format!("{}?router={}", site.url(), server.url());

    let mut chromium = Chromium::open(program, &url)?;
    let report = timeout(PATIENCE, async {
        tokio::select! {
            report = site.report() => report,
            status = chromium.ended() => bail!("Chromium ended before the page reported: {}", status?),
        }
    })
    .await;
    let said = chromium.close().await?;
    let steps = match report {
        Ok(Ok(steps)) => steps,
        Ok(Err(error)) => bail!("{error:#}; Chromium wrote:\n{said}"),
        Err(_) => bail!(
            "the page did not report within {} s; Chromium wrote:\n{said}",
            PATIENCE.as_secs()
        ),
    };

    let mut failed = 0;
    for step in &steps {
        match &step.failure {
            None => println!("ok    {}", step.name),
            Some(failure) => {
                failed += 1;
                println!(
                    "FAIL  {}\n      {}",
                    step.name,
                    failure.replace('\n', "\n      ")
                );
            }
        }
    }
    println!("{} passed, {failed} failed", steps.len() - failed);
    ensure!(failed == 0, "the page reports failures");
    // A page that does nothing has no failures either.
    ensure!(
        steps.len() == STEPS,
        "the page reports {} steps, not {STEPS}",
        steps.len()
    );
    counterpart.has_seen_all()?;
    router.shutdown(Duration::from_secs(5)).await;
    Ok(())
}

/// How long the page may take, with the start of the browser.
const PATIENCE: Duration = Duration::from_secs(60);

/// Eight steps with each of three serializers.
const STEPS: usize = 24;
