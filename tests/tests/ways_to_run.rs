//! The files and pages by which the server is run: what they name exists. That containers start is not shown here.

#![expect(clippy::unwrap_used, reason = "a test stops at the first surprise")]

use chat_tests::run;
use std::collections::BTreeSet;
use std::path::Path;

/// A file of the repository.
fn text(path: &str) -> String {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).parent().unwrap();
    std::fs::read_to_string(root.join(path)).unwrap_or_else(|error| panic!("{path}: {error}"))
}

/// What the program says to `--help`, with each of these words before it.
async fn help(commands: &[&str]) -> String {
    let mut all = String::new();
    for command in commands {
        let arguments: Vec<_> = command.split_whitespace().chain(["--help"]).collect();
        let output = run(Path::new("."), &arguments, &[], "").await;
        assert!(output.status.success(), "chat-server {command} --help");
        all += &String::from_utf8(output.stdout).unwrap();
    }
    all
}

/// Names of environment variables that a file sets for the program.
fn variables(file: &str) -> BTreeSet<String> {
    let words = file.split(|c: char| !c.is_ascii_uppercase() && !c.is_ascii_digit() && c != '_');
    let ours = ["CHAT_", "JWT", "MAIL_", "SMTP_", "CORS_", "DATABASE_", "PUBLIC_", "GUESTS", "DBPATH"];
    words.filter(|word| ours.iter().any(|start| word.starts_with(start))).map(str::to_owned).collect()
}

/// What stands behind a word in the code of a page: `word` itself is a command, and the next word one of its own.
fn commands<'p>(page: &'p str, word: &str) -> BTreeSet<&'p str> {
    let mut found = BTreeSet::new();
    let mut rest = page;
    while let Some(at) = rest.find(word) {
        let is_code = rest[..at].ends_with(['`', '\n', ' ']);
        rest = &rest[at + word.len()..];
        let command = rest.split(|c: char| !c.is_ascii_lowercase() && c != '-').next().unwrap();
        if is_code && !command.is_empty() && !command.starts_with('-') {
            found.insert(command);
        }
    }
    found
}

#[tokio::test]
async fn what_the_files_configure_is_known_to_the_program() {
    let help = help(&["", "admin create", "health", "mock"]).await;
    for path in ["Dockerfile", "compose.yaml", "deploy/chat-server.service", "docs/running.md", "README.md"] {
        let variables = variables(&text(path));
        assert!(!variables.is_empty(), "{path}");
        for variable in variables {
            assert!(help.contains(&variable), "{path}: the program does not know {variable}");
        }
    }
}

#[test]
fn the_compose_file_has_a_profile_for_each_way() {
    let compose = text("compose.yaml");
    let services: Vec<_> = compose.split("\nservices:\n").nth(1).unwrap().split("\n\n").collect();
    let with = |name: &str| *services.iter().find(|service| service.contains(&format!("  {name}:\n"))).unwrap();
    let is_in =
        |service: &str, profile: &str| assert!(service.contains(&format!("profiles: [{profile}]")), "{service}");
    is_in(with("chat"), "sqlite");
    is_in(with("chat-on-postgres"), "postgres");
    is_in(with("postgres"), "postgres");
    is_in(with("mail"), "postgres");
    assert!(with("chat-on-postgres").contains("DATABASE_URL: postgres://"));
    assert!(with("chat-on-postgres").contains("SMTP_URL:") && with("mail").contains("mailpit"));
    assert!(!with("chat").contains("DATABASE_URL"));
}

#[test]
fn the_image_runs_as_a_user_who_is_not_root_and_asks_after_its_health() {
    let dockerfile = text("Dockerfile");
    let last = dockerfile.rsplit("\nFROM ").next().unwrap();
    assert!(
        last.contains("\nUSER nonroot\n")
            && last.contains("HEALTHCHECK")
            && last.contains(r#""chat-server", "health""#)
    );
}

#[test]
fn systemd_is_told_how_the_server_is_and_can_have_it_read_anew() {
    let service = text("deploy/chat-server.service");
    for line in ["Type=notify", "WatchdogSec=60s", "ExecReload=/bin/kill -HUP $MAINPID"] {
        assert!(service.contains(&format!("\n{line}\n")), "{line}");
    }
    let seconds =
        |name: &str| service.split(&format!("\n{name}=")).nth(1).unwrap().split('s').next().unwrap().to_owned();
    assert!(seconds("TimeoutStopSec").parse::<u32>().unwrap() >= 1 + 10 + 10, "what stopping takes by default");
}

#[tokio::test]
async fn what_the_pages_say_to_run_is_there() {
    let (makefile, help) = (text("Makefile"), help(&["", "admin", "keys"]).await);
    for path in ["README.md", "CONTRIBUTING.md", "docs/running.md", "docs/promises.md", "docs/API.md"] {
        let page = text(path);
        for target in commands(&page, "make ").into_iter().filter(|target| page.contains(&format!("make {target}`"))) {
            assert!(makefile.contains(&format!("\n{target}:")), "{path}: there is no `make {target}`");
        }
        for command in commands(&page, "`chat-server ") {
            assert!(help.contains(&format!("\n  {command} ")), "{path}: there is no `chat-server {command}`");
        }
    }
    assert!(makefile.contains("\ntest:") && makefile.contains("\nrun:"));
}
