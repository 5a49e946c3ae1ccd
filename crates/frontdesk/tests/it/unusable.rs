//! Files and folders that commands cannot use or do not find: which it is, what was tried, and
//! what mends it.

use std::path::Path;

use crate::support::{contract, folder, on_sqlite, run, write};

const CONTRACT: &str = "\
frontdesk: 1
name: kept
resources:
  Note:
    id: integer
    fields:
      text: text
    access: {read: public, write: public}
";

/// `arguments` are refused with `what`, and `help` says how to go on.
#[track_caller]
fn check(place: &Path, arguments: &str, what: &str, help: &str) {
    let words: Vec<&str> = arguments.split_whitespace().collect();
    let refused = run(place, &words).expect(1);
    let told = format!("error: {what}\n  help: {help}\n");
    assert_eq!(refused.stderr, told, "{arguments}");
}

#[test]
fn outside_a_project_it_is_told_how_to_name_one() {
    if !on_sqlite() {
        return;
    }
    let place = folder(&[("file", ""), ("shop/frontdesk.yaml", CONTRACT)]);
    let place = place.path();
    let lacking = "there is no contract in `.`: it has no `frontdesk.yaml`; `frontdesk init` makes \
                   one";
    let name_it = "or name the contract's folder: `--dir DIR`";
    for arguments in [
        "key create a --admin",
        "data export notes",
        "data import notes -",
    ] {
        check(place, arguments, lacking, name_it);
    }
    for (arguments, yet) in [
        ("key list", " yet"),
        ("key revoke k", " yet"),
        ("backup a.db", ""),
    ] {
        check(
            place,
            arguments,
            &format!("there is no database in `./.frontdesk`{yet}"),
            "there is no contract in `.` either: name its folder with `--dir DIR`, or that of the \
             data with `--data DIR`",
        );
    }
    check(
        place,
        "key list --dir shop",
        "there is no database in `shop/.frontdesk` yet",
        "`frontdesk dev shop` or `frontdesk migrate apply shop` makes it",
    );
    check(
        place,
        "backup a.db --dir shop",
        "there is no database in `shop/.frontdesk`",
        "`--data DIR` names the folder it is in",
    );
    run(place, &["migrate", "apply", "shop"]).expect(0);
    check(
        place,
        "key revoke k --dir shop",
        "there is no key `k`, or it is revoked already",
        "`frontdesk key list --dir shop` shows them",
    );
}

#[test]
fn whatever_cannot_be_used_is_named_with_its_mend() {
    if !on_sqlite() {
        return;
    }
    let place = contract(CONTRACT);
    let place = place.path();
    run(place, &["migrate", "apply"]).expect(0);
    run(place, &["backup", "good.db"]).expect(0);
    write(place, "file", "");
    write(place, "in.ndjson", "{\"text\": \"a\"}\n");
    write(place, "dir/frontdesk.db/x", "");
    write(place, "dir.ndjson/x", "");
    write(place, "yaml/frontdesk.yaml/x", "");
    std::os::unix::fs::symlink("nowhere", place.join("link.ndjson")).unwrap();

    for migrate in ["migrate plan", "migrate apply"] {
        let check = |arguments: &str, what, help| {
            check(place, &format!("{migrate} {arguments}"), what, help);
        };
        check(
            "--data file",
            "`file` cannot be made: a file has this name",
            "name a folder, or move the file away",
        );
        check(
            "--data link.ndjson",
            "`link.ndjson` cannot be made: it is a link to `nowhere`, which is not there",
            "let it lead to what is there, or name another",
        );
        check(
            "--data file/data",
            "`file/data` cannot be made: `file` is a file, not a folder",
            "name a place in a folder",
        );
        check(
            "--data dir",
            "`dir/frontdesk.db` cannot be written: it is a folder",
            "name a file, or move the folder away",
        );
    }
    check(
        place,
        "migrate plan yaml",
        "`yaml/frontdesk.yaml` cannot be read: it is a folder",
        "name a file, or move the folder away",
    );

    let into = |what: &str, file: &str, why: &str, help: &str| {
        let what = what.replace("FILE", file);
        let why = format!("`{file}` cannot be written: {why}");
        check(place, &what, &why, help);
    };
    for (write, end) in [
        ("backup FILE", ""),
        ("data export notes FILE", ".ndjson"),
        (
            "data import notes in.ndjson --keep-going 1 --rejects FILE",
            "",
        ),
    ] {
        let file = |name: &str| format!("{name}{end}");
        into(
            write,
            &file("none/deep/a"),
            "there is no folder `none`",
            "make `none/deep` first, or name another place",
        );
        into(
            write,
            &file("file/a"),
            "`file` is a file, not a folder",
            "name a place in a folder",
        );
    }
    for write in ["backup FILE", "data export notes FILE --force"] {
        into(
            write,
            "dir.ndjson",
            "it is a folder",
            "name a file, or move the folder away",
        );
    }
    into(
        "data import notes in.ndjson --restart --keep-going 1 --rejects FILE",
        "file",
        "it is there already",
        "name a new file, or move that one away",
    );

    for read in ["restore FILE --data new", "data import notes FILE"] {
        let check = |file: &str, why: &str, help| {
            let what = format!("`{file}` cannot be read: {why}");
            check(place, &read.replace("FILE", file), &what, help);
        };
        check(
            "none.ndjson",
            "there is no such file",
            "name a file that is there",
        );
        check(
            "none/a.ndjson",
            "there is no folder `none`",
            "name a file that is there",
        );
        check(
            "file/a.ndjson",
            "`file` is a file, not a folder",
            "name a place in a folder",
        );
        check(
            "dir.ndjson",
            "it is a folder",
            "name a file, or move the folder away",
        );
        check(
            "link.ndjson",
            "it is a link to `nowhere`, which is not there",
            "let it lead to what is there, or name another",
        );
    }
    for find in ["key list", "key create a --admin", "data export notes"] {
        check(
            place,
            &format!("{find} --data file"),
            "`file/frontdesk.db` cannot be read: `file` is a file, not a folder",
            "name a place in a folder",
        );
    }
    check(
        place,
        "backup new.db --data dir",
        "`dir/frontdesk.db` cannot be read: it is a folder",
        "name a file, or move the folder away",
    );
    check(
        place,
        "restore good.db --data file",
        "`file` cannot be made: a file has this name",
        "name a folder, or move the file away",
    );
    check(
        place,
        "restore good.db --force --data dir",
        "`dir/frontdesk.db` cannot be written: it is a folder",
        "name a file, or move the folder away",
    );
    // Nothing was begun by all that.
    assert!(!place.join("none").exists() && !place.join("nowhere").exists());
}

#[test]
fn records_that_are_no_json_are_told_in_the_words_of_who_wrote_them() {
    let place = contract(CONTRACT);
    let place = place.path();
    run(place, &["migrate", "apply"]).expect(0);
    for (line, what) in [
        (
            "{\"text\": tru}",
            "not JSON: only `true`, `false` and `null` are words; text stands in double quotes, at \
             column 13",
        ),
        (
            "{\"text\" \"a\"}",
            "not JSON: between a name and its value stands a `:`, at column 9",
        ),
        (
            "{text: 1}",
            "not JSON: the names of members stand in double quotes, at column 2",
        ),
        (
            "[1]",
            "a record is a JSON object on one line: {\"name\": …}",
        ),
        (
            "{\"text\": \"a\"",
            "not JSON: it ends in the middle; a record is one line",
        ),
        (
            "{\"text\": \"a\"} {}",
            "something follows the record at column 15; a record is one line",
        ),
        (
            "{\"text\": \"a\", \"text\": 1}",
            "`text` is named twice, at column 20",
        ),
        (
            "{\"text\": \"\u{1}\"}",
            "not JSON: a text holds a line break, a tab or its like, or has no \
          closing quote; `\\n` is a line break, `\\t` a tab, at column 11",
        ),
    ] {
        write(
            place,
            "in.ndjson",
            &format!("{{\"text\": \"a\"}}\n{line}\n"),
        );
        let refused = run(
            place,
            &["data", "import", "notes", "in.ndjson", "--dry-run"],
        )
        .expect(1);
        let told = format!("error[malformed]: {what}\n  --> in.ndjson:2\n");
        assert!(
            refused.stderr.starts_with(&told),
            "{line}: {}",
            refused.stderr
        );
    }
}

#[test]
fn a_folder_that_the_system_lacks_is_told_with_what_names_it() {
    if !on_sqlite() {
        return;
    }
    let place = contract(CONTRACT);
    let asked = &["explain", "Note", "update", "--as", "user=ann"];
    let mut command = testkit::command(crate::support::BINARY, place.path(), asked);
    let output = command.env("TMPDIR", "/nowhere/at/all").output().unwrap();
    assert_eq!(
        String::from_utf8(output.stderr).unwrap(),
        "error: `/nowhere/at/all/frontdesk` cannot be made: there is no folder `/nowhere`\n  \
         help: make `/nowhere/at/all` first, or name another place: `TMPDIR` says where\n"
    );
}
