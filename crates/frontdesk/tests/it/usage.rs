//! What all commands have in common: help, exit codes, settings.

use crate::support::{contract, folder, on_sqlite, run, write};

const COMMANDS: [&[&str]; 16] = [
    &["init"],
    &["dev"],
    &["serve"],
    &["check"],
    &["fmt"],
    &["explain"],
    &["test"],
    &["export"],
    &["migrate"],
    &["data"],
    &["data", "export"],
    &["data", "import"],
    &["backup"],
    &["restore"],
    &["key"],
    &["completions"],
];

#[test]
fn every_command_has_help_with_an_example() {
    let place = folder(&[]);
    let all = run(place.path(), &["--help"]).expect(0);
    for command in COMMANDS {
        assert!(all.stdout.contains(command[0]), "{}", command[0]);
        let mut arguments = command.to_vec();
        arguments.push("--help");
        let help = run(place.path(), &arguments).expect(0);
        assert!(
            help.stdout.contains("Example:\n  frontdesk "),
            "{}",
            help.stdout
        );
        assert!(help.stdout.contains("Usage: frontdesk"), "{}", help.stdout);
    }
}

#[test]
fn wrong_usage_ends_with_2() {
    let place = contract("");
    for arguments in [
        &["chek"][..],
        &[],
        &["dev", "--nonsense"],
        &["init", "--template", "nothing"],
        &["key", "create"],
        &["key", "create", "a", "--claim", "role"],
        &["explain", "Book", "read", "--as", "somebody"],
        &["serve", "--allow-data-loss"],
        &["export", "openapi", "--audience", "everybody"],
        &["serve", "--drain", "soon"],
        &["data", "import", "books"],
        &["data", "import", "books", "a.csv", "--rejects", "b.csv"],
        &["data", "import", "books", "a.csv", "--resume", "--dry-run"],
    ] {
        let used = run(place.path(), arguments).expect(2);
        assert!(!used.stderr.is_empty());
    }
}

#[test]
fn completions_are_made_for_every_shell() {
    let place = folder(&[]);
    for shell in ["bash", "zsh", "fish", "elvish", "powershell"] {
        let script = run(place.path(), &["completions", shell]).expect(0);
        assert!(script.stdout.contains("frontdesk"), "{shell}");
    }
}

#[test]
fn settings_are_shown_with_their_origin() {
    let place = folder(&[(
        "api/frontdesk.toml",
        "listen = \"127.0.0.1:9999\"\ndata = \"var\"\n",
    )]);
    for command in ["dev", "serve"] {
        let shown = run(
            place.path(),
            &[command, "api", "--print-config", "--data", "d"],
        )
        .expect(0);
        let lines: Vec<Vec<&str>> = shown
            .stdout
            .lines()
            .map(|line| line.split_whitespace().collect())
            .collect();
        assert_eq!(
            lines[0],
            ["listen", "=", "\"127.0.0.1:9999\"", "#", "frontdesk.toml"]
        );
        assert_eq!(lines[1], ["data", "=", "\"d\"", "#", "--data"]);
        // A file says when a write is done; on a server the server does.
        match on_sqlite() {
            true => assert_eq!(lines[2], ["durability", "=", "\"full\"", "#", "default"]),
            false => assert_eq!(lines[2][0], "database"),
        }
        let rest = &lines[3..];
        assert_eq!(rest[0], ["trusted_proxies", "=", "[]", "#", "default"]);
        assert_eq!(rest[1], ["drain", "=", "5", "#", "default"]);
        // What is shown can be written into the file.
        write(place.path(), "again/frontdesk.toml", &shown.stdout);
        run(place.path(), &[command, "again", "--print-config"]).expect(0);
    }
    write(place.path(), "api/frontdesk.toml", "port = 1\n");
    let wrong = run(place.path(), &["serve", "api"]).expect(2);
    assert!(
        wrong
            .stderr
            .contains("frontdesk.toml:1: there is no setting `port`; "),
        "{}",
        wrong.stderr
    );
}
