//! The programs in other languages that the README and the guide show: they are run as they stand
//! there, but for the port, against a router that has what they call.

use std::fs;
use std::path::{Path, PathBuf};
use std::time::Duration;

use anyhow::{Context, Result, ensure};
use tokio::process::Command;
use tokio::time::timeout;
use wamp::{Realm, Router, Subscription};

use crate::programs::Programs;

/// Runs them all, prints what came of each, and says whether all did what the text says.
pub(crate) fn run(programs: &Programs) -> Result<bool> {
    let runtime = tokio::runtime::Runtime::new()?;
    runtime.block_on(async {
        let mut good = true;
        for document in DOCUMENTS {
            for language in LANGUAGES {
                if language.needs_node && !programs.has_node() {
                    continue;
                }
                let outcome = run_one(document, language, programs).await;
                let name = format!("documents/{}/{}", document.path, language.name);
                match outcome {
                    Ok(()) => println!("ok    {name}"),
                    Err(error) => {
                        println!("FAIL  {name}\n      {error:#}");
                        good = false;
                    }
                }
            }
        }
        Ok(good)
    })
}

struct Document {
    /// From the root of the repository.
    path: &'static str,
    /// Whether its programs publish a greeting, too.
    greets: bool,
}

struct Language {
    /// As the block of code begins.
    name: &'static str,
    /// By what a whole program is known among pieces of one.
    whole: &'static str,
    file: &'static str,
    needs_node: bool,
}

const DOCUMENTS: &[Document] = &[
    Document {
        path: "README.md",
        greets: false,
    },
    Document {
        path: "crates/wamp/src/docs/other_languages.md",
        greets: true,
    },
];

const LANGUAGES: &[Language] = &[
    Language {
        name: "python",
        whole: "\nrun([component])",
        file: "shown.py",
        needs_node: false,
    },
    Language {
        name: "javascript",
        whole: "\nconnection.open()",
        file: "shown.mjs",
        needs_node: true,
    },
];

/// How long a program may take.
const PATIENCE: Duration = Duration::from_secs(30);

async fn run_one(document: &Document, language: &Language, programs: &Programs) -> Result<()> {
    let router = Router::builder().realm(Realm::new("realm1")).build();
    let server = router.listen("127.0.0.1:0").await?;
    let service = router.session("realm1").await?;
    service
        .register("com.example.add", |a: i64, b: i64| async move { Ok(a + b) })
        .await?;
    let mut greetings = service.subscribe("com.example.hello").await?;

    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("../..");
    let text = fs::read_to_string(root.join(document.path))?;
    let program = program(&text, language)
        .with_context(|| format!("it shows no whole program in {}", language.name))?;
    let url = "ws://127.0.0.1:8080";
    ensure!(
        program.contains(url),
        "the program does not connect to {url}"
    );
    let program = program.replace(url, &server.url());
    // Modules of JavaScript are looked for from where the program lies.
    let folder = programs.node_modules().map(PathBuf::from);
    let folder = folder.as_deref().and_then(Path::parent);
    let file = folder.map_or_else(std::env::temp_dir, PathBuf::from);
    let file = file.join(format!("{}-{}", std::process::id(), language.file));
    fs::write(&file, program)?;
    let command = if language.needs_node {
        programs.run_node()
    } else {
        programs.run_python()
    };
    let run = Command::from(command)
        .arg(&file)
        .kill_on_drop(true)
        .output();
    let output = timeout(PATIENCE, run).await;
    fs::remove_file(&file)?;
    let output = output.context("it does not end")??;
    let said = String::from_utf8_lossy(&output.stdout);
    ensure!(
        output.status.success() && said.contains("2 + 3 = 5"),
        "it ended with {} and said {said:?}, and on stderr {:?}",
        output.status,
        String::from_utf8_lossy(&output.stderr)
    );
    if document.greets {
        greeted(&mut greetings).await?;
    }
    Ok(())
}

async fn greeted(greetings: &mut Subscription) -> Result<()> {
    let event = timeout(PATIENCE, greetings.next()).await;
    let event = event.context("no greeting came")?;
    let (text,): (String,) = event.context("the subscription ended")?.args()?;
    ensure!(text.starts_with("from "), "the greeting is {text:?}");
    Ok(())
}

/// The first block of code that is a whole program.
fn program<'a>(text: &'a str, language: &Language) -> Option<&'a str> {
    let begin = format!("```{}\n", language.name);
    let mut blocks = text.split(&*begin).skip(1);
    blocks.find_map(|rest| {
        let (block, _) = rest.split_once("```")?;
        block.contains(language.whole).then_some(block)
    })
}
