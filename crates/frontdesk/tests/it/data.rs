//! `data`: what goes out comes in again, what is wrong stays out, and no moment is a bad one to
//! be killed in.

use std::collections::BTreeSet;
use std::fmt::Write as _;
use std::fs;
use std::io::Write as _;
use std::path::Path;
use std::process::{Child, Stdio};

use serde_json::{Value as Json, json};
use tempfile::TempDir;
use testkit::{Output, eventually};

use crate::support::{BINARY, contract, run, serve, write};

/// Every kind of value, a field that the server fills in, references to the same resource and to
/// another.
const CONTRACT: &str = "\
frontdesk: 1
name: data
resources:
  Maker:
    id: integer
    fields:
      name: {type: string, maxLength: 40}
    access: {read: public, write: public}
  Part:
    fields:
      name:    {type: string, maxLength: 80, unique: true}
      maker?:  Maker
      inside?: Part
      price?:  money
      weight:  {type: number, default: 1}
      grams:   {type: decimal, default: 0.5, minimum: 0}
      tags?:   {type: array, items: string}
      size?:   {type: object, properties: {w: integer, note?: text}}
      any?:    json
      made?:   date
      big?:    int64
      note?:   text
      stock:   {type: integer, default: 3, readOnly: true}
      secret?: {type: string, writeOnly: true}
      label:   {type: string, value: =this.name}
    access: {read: public, write: public}
";

fn place() -> TempDir {
    with_tables(CONTRACT)
}

/// A contract and its tables, without records.
fn with_tables(text: &str) -> TempDir {
    let place = contract(text);
    run(place.path(), &["migrate", "apply"]).expect(0);
    place
}

#[test]
fn what_is_not_there_is_not_made() {
    if !crate::support::on_sqlite() {
        return;
    }
    let place = contract(CONTRACT);
    write(place.path(), "in.ndjson", "{\"name\": \"a\"}\n");
    for arguments in [
        &["data", "import", "parts", "in.ndjson", "--data", "typo"][..],
        &[
            "data",
            "import",
            "parts",
            "in.ndjson",
            "--dry-run",
            "--data",
            "typo",
        ],
        &["data", "export", "parts", "--data", "typo"],
    ] {
        let output = run(place.path(), arguments).expect(1);
        assert_eq!(
            output.stderr,
            "error: there is no database in `typo` yet\n  help: `frontdesk dev --data typo` or \
             `frontdesk migrate apply --data typo` makes it\n"
        );
        assert!(!place.path().join("typo").exists());
    }
}

#[track_caller]
fn import(place: &Path, more: &[&str]) -> Json {
    let mut arguments = vec!["data", "import", "parts"];
    arguments.extend(more);
    arguments.push("--json");
    let output = run(place, &arguments);
    serde_json::from_str(&output.stdout).unwrap_or_else(|_| panic!("no summary in {output:?}"))
}

#[track_caller]
fn export(place: &Path, more: &[&str]) -> String {
    let mut arguments = vec!["data", "export", "parts", "-"];
    arguments.extend(more);
    run(place, &arguments).expect(0).stdout
}

/// A part's id, the same for the same number.
fn id(number: u64) -> String {
    const DIGITS: &[u8] = b"0123456789abcdefghjkmnpqrstvwxyz";
    let digit = |at: u32| char::from(DIGITS[usize::try_from((number >> (5 * at)) & 31).unwrap()]);
    let low: String = (0..12).rev().map(digit).collect();
    format!("part_01h455vb4pex5v{low}")
}

/// How many changes of parts are in the feed, and how many parts there are.
fn feed_and_rows(place: &Path) -> (u64, u64) {
    let count = |sql| crate::support::count_in(place, sql);
    (
        count("SELECT COUNT(*) FROM frontdesk_feed WHERE resource = 'Part'"),
        count("SELECT COUNT(*) FROM part"),
    )
}

#[test]
fn what_goes_out_comes_in_again() {
    let from = place();
    let process = serve(from.path(), &[]);
    let client = process.client();
    let maker = client
        .post("/v1/makers", &json!({"name": "Ann"}))
        .expect(201)
        .json();
    let whole = json!({
        "name": "a \"b\", c\r\nd \u{1f980}",
        "maker_id": maker["id"],
        "price": {"amount": "12.50", "currency": "EUR"},
        "weight": 0.1,
        "grams": "0.000001",
        "tags": ["x", "y,\"z\"", ""],
        "size": {"w": 3, "note": ""},
        "any": {"a": [1, null, {"b": 2.5}]},
        "made": "2024-02-29",
        "big": "9223372036854775807",
        "note": "",
        "secret": "s",
    });
    let first = client.post("/v1/parts", &whole).expect(201).json();
    let inside = json!({"name": "b", "inside_id": first["id"]});
    let second = client.post("/v1/parts", &inside).expect(201).json();
    // The first refers to one that comes later.
    let path = format!("/v1/parts/{}", first["id"].as_str().unwrap());
    client
        .patch(&path, &json!({"inside_id": second["id"]}))
        .expect(200);
    let ndjson = export(from.path(), &[]);
    let csv = export(from.path(), &["--format", "csv"]);
    for line in ndjson.lines() {
        let record: Json = serde_json::from_str(line).unwrap();
        assert!(
            record.get("label").is_none(),
            "a computed field is exported"
        );
        assert_eq!(record["stock"], 3);
    }
    assert!(
        csv.starts_with("id,name,maker_id,inside_id,price_amount,price_currency,"),
        "{csv}"
    );

    for (name, text) in [("parts.ndjson", &ndjson), ("parts.csv", &csv)] {
        let to = place();
        write(
            to.path(),
            "makers.ndjson",
            "{\"id\": 1, \"name\": \"Ann\"}\n",
        );
        write(to.path(), name, text);
        run(to.path(), &["data", "import", "makers", "makers.ndjson"]).expect(0);
        let summary = import(to.path(), &[name]);
        assert_eq!(summary["ok"], true, "{summary}");
        assert_eq!(summary["written"], 2);
        assert_eq!(export(to.path(), &[]), ndjson, "by {name}");
        assert_eq!(export(to.path(), &["--format", "csv"]), csv, "by {name}");
        assert_eq!(feed_and_rows(to.path()), (2, 2));
        // The database counts on from the ids that were given.
        let process = serve(to.path(), &[]);
        let made = process
            .client()
            .post("/v1/makers", &json!({"name": "Bo"}))
            .expect(201);
        assert_eq!(made.json()["id"], 2);
    }
}

#[test]
fn files_are_written_whole_and_not_over_others() {
    let place = place();
    write(place.path(), "in.ndjson", "{\"name\": \"a\"}\n");
    import(place.path(), &["in.ndjson"]);
    let export = |more: &[&str]| {
        let mut arguments = vec!["data", "export", "parts", "out.csv"];
        arguments.extend(more);
        run(place.path(), &arguments)
    };
    let summary: Json = serde_json::from_str(&export(&["--json"]).expect(0).stdout).unwrap();
    assert_eq!(summary["records"], 1);
    let written = fs::read_to_string(place.path().join("out.csv")).unwrap();
    assert_eq!(summary["bytes"], written.len());
    assert!(export(&[]).expect(1).stderr.contains("--force"));
    export(&["--force"]).expect(0);
    let names = fs::read_dir(place.path()).unwrap();
    let left: Vec<_> = names
        .map(|entry| entry.unwrap().file_name().into_string().unwrap())
        .filter(|name| name.contains("part"))
        .collect();
    assert!(left.is_empty(), "{left:?}");
    for (arguments, code, said) in [
        (
            ["data", "export", "part", "a.csv"],
            1,
            "did you mean `parts`?",
        ),
        (["data", "export", "parts", "a.txt"], 2, "--format csv"),
        (["data", "import", "parts", "none.csv"], 1, "none.csv"),
        (["data", "export", "parts", "none/a.csv"], 1, "none/a.csv"),
    ] {
        let output = run(place.path(), &arguments).expect(code);
        assert!(output.stderr.contains(said), "{}", output.stderr);
    }
}

/// Each is one line of NDJSON, and how it is refused.
const FAULTS: [(&str, &str, &str); 10] = [
    (
        "{\"name\": \"a\", \"grams\": \"-1\"}",
        "/grams",
        "too_small",
    ),
    ("{\"name\": 7}", "/name", "wrong_type"),
    ("{\"name\": \"a\", \"nam\": 1}", "/nam", "unknown_field"),
    ("{\"name\": \"a\", \"label\": \"a\"}", "/label", "read_only"),
    ("{\"weight\": 2}", "/name", "required"),
    (
        "{\"name\": \"a\", \"maker_id\": 9}",
        "/maker_id",
        "unknown_reference",
    ),
    (
        "{\"name\": \"a\", \"id\": \"part_1\"}",
        "/id",
        "invalid_format",
    ),
    ("{\"name\": \"there\"}", "/name", "already_exists"),
    ("{\"name\": \"a\"", "", "malformed"),
    ("[1]", "", "malformed"),
];

#[test]
fn what_is_refused_is_told_with_its_place() {
    for (line, pointer, code) in FAULTS {
        let place = place();
        write(
            place.path(),
            "in.ndjson",
            &format!("{{\"name\":\"there\"}}\n\n{line}\n"),
        );
        let summary = import(place.path(), &["in.ndjson"]);
        assert_eq!(summary["ok"], false, "{line}");
        assert_eq!(summary["written"], 1, "what came before it stays: {line}");
        assert_eq!(summary["lines"], 1, "{line}");
        let faults = summary["faults"].as_array().unwrap();
        assert_eq!(faults.len(), 1, "{summary}");
        assert_eq!(
            (
                &faults[0]["line"],
                &faults[0]["pointer"],
                &faults[0]["code"]
            ),
            (&json!(3), &json!(pointer), &json!(code)),
            "{line}: {summary}"
        );
        // Nothing of it is there, and it can be mended and gone on with.
        assert_eq!(feed_and_rows(place.path()), (1, 1));
        write(
            place.path(),
            "in.ndjson",
            "{\"name\":\"there\"}\n\n{\"name\": \"b\"}\n",
        );
        let again = run(place.path(), &["data", "import", "parts", "in.ndjson"]).expect(1);
        assert!(again.stderr.contains("--resume"), "{}", again.stderr);
        let summary = import(place.path(), &["in.ndjson", "--resume"]);
        assert_eq!(
            (&summary["ok"], &summary["written"]),
            (&json!(true), &json!(2)),
            "{summary}"
        );
        assert_eq!(feed_and_rows(place.path()), (2, 2));
    }
}

#[test]
fn refusals_look_like_mistakes_in_a_contract() {
    let place = place();
    write(
        place.path(),
        "in.ndjson",
        "{\"name\": \"a\", \"grams\": \"-1\"}\n",
    );
    let output = run(place.path(), &["data", "import", "parts", "in.ndjson"]).expect(1);
    assert_eq!(
        output.stderr,
        "error[too_small]: must be at least 0\n  --> in.ndjson:1 at /grams\n   \
         | {\"name\": \"a\", \"grams\": \"-1\"}\n  help: nothing is imported: mend it \
         and go on with `--resume`, or pass over what is refused with `--resume --keep-going N`\n"
    );
    assert_eq!(output.stdout, "✗ 0 records of parts imported\n");
}

#[test]
fn refused_records_can_be_put_aside() {
    let place = place();
    let mut text = String::new();
    let mut expected = String::new();
    for number in 0..2_500 {
        match number % 100 {
            7 => {
                let (line, ..) = FAULTS[number / 100 % FAULTS.len()];
                let line = if line.contains("there") {
                    "{\"name\":\"0\"}"
                } else {
                    line
                };
                writeln!(text, "{line}").unwrap();
                writeln!(expected, "{line}").unwrap();
            }
            _ => writeln!(text, "{{\"name\":\"{number}\"}}").unwrap(),
        }
    }
    write(place.path(), "in.ndjson", &text);
    let aside = [
        "in.ndjson",
        "--keep-going",
        "100",
        "--rejects",
        "aside.ndjson",
    ];
    // That a value comes twice in the file shows only once the first is in.
    let tried = import(
        place.path(),
        &["in.ndjson", "--keep-going", "100", "--dry-run"],
    );
    assert_eq!(
        (&tried["written"], &tried["refused"]),
        (&json!(2477), &json!(23)),
        "{tried}"
    );
    assert_eq!(feed_and_rows(place.path()), (0, 0));

    // Only some at first.
    let some = [
        "in.ndjson",
        "--keep-going",
        "10",
        "--rejects",
        "aside.ndjson",
    ];
    let summary = import(place.path(), &some);
    assert_eq!(
        (&summary["complete"], &summary["refused"]),
        (&json!(false), &json!(10))
    );
    let resumed: Vec<&str> = aside.iter().copied().chain(["--resume"]).collect();
    let summary = import(place.path(), &resumed);
    assert_eq!(
        (
            &summary["complete"],
            &summary["written"],
            &summary["refused"]
        ),
        (&json!(true), &json!(2475), &json!(25)),
        "{summary}"
    );
    let refused = fs::read_to_string(place.path().join("aside.ndjson")).unwrap();
    assert_eq!(refused, expected);
    assert_eq!(feed_and_rows(place.path()), (2475, 2475));
    // A file of refused records is nobody's to write over.
    let again = run(
        place.path(),
        &[
            "data",
            "import",
            "parts",
            "in.ndjson",
            "--keep-going",
            "100",
            "--rejects",
            "aside.ndjson",
        ],
    );
    assert!(again.expect(1).stderr.contains("aside.ndjson"));
}

#[test]
fn odd_csv() {
    let check = |text: &str, expected: Result<&[&str], &str>| {
        let place = place();
        write(place.path(), "in.csv", text);
        let output = run(place.path(), &["data", "import", "parts", "in.csv"]);
        match expected {
            Ok(names) => {
                output.expect(0);
                let exported = export(place.path(), &[]);
                let names: BTreeSet<String> = names.iter().map(|name| (*name).to_owned()).collect();
                let found: BTreeSet<String> = exported
                    .lines()
                    .map(|line| {
                        serde_json::from_str::<Json>(line).unwrap()["name"]
                            .as_str()
                            .unwrap()
                            .to_owned()
                    })
                    .collect();
                assert_eq!(found, names, "{text:?}");
            }
            Err(said) => {
                let output = output.expect(1);
                assert!(output.stderr.contains(said), "{text:?}: {}", output.stderr);
                assert_eq!(export(place.path(), &[]), "", "{text:?}");
            }
        }
    };
    check("", Ok(&[]));
    check("name\n", Ok(&[]));
    check(
        "\u{feff}name,weight\r\na,2\r\n\r\n\"b\",\r\n",
        Ok(&["a", "b"]),
    );
    check("weight,name\n1,\"x \"\"y\"\"\nz\"", Ok(&["x \"y\"\nz"]));
    check(
        "name,price_amount,price_currency\na,1.5,EUR\nb,,\n",
        Ok(&["a", "b"]),
    );
    check("name,tags\na,\"[\"\"x\"\"]\"\n", Ok(&["a"]));
    check(
        "nme\na\n",
        Err("in.csv:1: Part has no field `nme`; did you mean `name`?"),
    );
    check("name,name\na,b\n", Err("two columns `name`"));
    check("name,\na,b\n", Err("column 2 has no name"));
    check("name,label\na,b\n", Err("`label` is computed"));
    check(
        "name,price\na,b\n",
        Err("`price_amount` and `price_currency`"),
    );
    check("name,price_amount\na,1\n", Err("one is missing"));
    check(
        "name,weight\na\n",
        Err("the row has 1 cell; the header has 2"),
    );
    check("name,weight\na,1,2\n", Err("in.csv:2"));
    check("name,weight\na,much\n", Err("at /weight"));
    check("name,price_amount,price_currency\na,1,\n", Err("at /price"));
    check("name,tags\na,[x\n", Err("at /tags"));
    check("name\nsay \"x\"\n", Err("cell 1 has a quote in it"));
    check("name\n\"a\n", Err("never closed"));
}

#[test]
fn an_empty_cell_is_null_and_quotes_are_the_empty_text() {
    let place = place();
    write(place.path(), "in.csv", "name,note,weight\na,,\nb,\"\",\n");
    run(place.path(), &["data", "import", "parts", "in.csv"]).expect(0);
    let exported = export(place.path(), &[]);
    let notes: Vec<Json> = exported
        .lines()
        .map(|line| serde_json::from_str::<Json>(line).unwrap())
        .map(|record| json!([record["name"], record["note"], record["weight"]]))
        .collect();
    assert_eq!(notes, [json!(["a", null, 1.0]), json!(["b", "", 1.0])]);
}

#[test]
fn huge_lines_are_refused_without_being_held() {
    let place = place();
    let huge = "x".repeat(17 << 20);
    write(
        place.path(),
        "in.ndjson",
        &format!("{{\"name\":\"{huge}\"}}\n{{\"name\":\"b\"}}\n"),
    );
    let summary = import(place.path(), &["in.ndjson", "--keep-going", "100"]);
    assert_eq!(
        (&summary["written"], &summary["refused"]),
        (&json!(1), &json!(1)),
        "{summary}"
    );
    assert!(
        summary["faults"][0]["detail"]
            .as_str()
            .unwrap()
            .contains("16 MiB")
    );
}

#[test]
fn references_may_lead_to_later_records() {
    let place = place();
    let mut text = String::new();
    // Each inside the next, more than one transaction takes; then a circle, and one beside it.
    for number in 0..2_600 {
        let next = (number < 2_599).then(|| id(number + 1));
        let record = json!({"id": id(number), "name": number.to_string(), "inside_id": next});
        writeln!(text, "{record}").unwrap();
    }
    for (number, next) in [
        (9_000, 9_001),
        (9_001, 9_002),
        (9_002, 9_000),
        (9_003, 9_001),
        (9_004, 9_004),
    ] {
        let record = json!({"id": id(number), "name": number.to_string(), "inside_id": id(next)});
        writeln!(text, "{record}").unwrap();
    }
    write(place.path(), "in.ndjson", &text);
    let summary = import(place.path(), &["in.ndjson"]);
    assert_eq!(
        (&summary["ok"], &summary["written"]),
        (&json!(true), &json!(2_605)),
        "{summary}"
    );
    assert_eq!(feed_and_rows(place.path()), (2_605, 2_605));

    // One that leads nowhere, and one that waits for it.
    let record = |number: u64, next: u64| json!({"id": id(number), "name": format!("n{number}"), "inside_id": id(next)});
    write(
        place.path(),
        "lost.ndjson",
        &format!(
            "{}\n{}\n{}\n",
            record(9_100, 9_101),
            record(9_101, 9_999),
            record(9_102, 1)
        ),
    );
    let summary = import(place.path(), &["lost.ndjson"]);
    assert_eq!(
        (&summary["written"], &summary["waiting"]),
        (&json!(1), &json!(2)),
        "{summary}"
    );
    assert_eq!(summary["faults"][0]["line"], 2);
    assert_eq!(summary["faults"][0]["code"], "unknown_reference");
    // What is missing may come at the end.
    let mut lost = fs::OpenOptions::new()
        .append(true)
        .open(place.path().join("lost.ndjson"))
        .unwrap();
    writeln!(lost, "{}", record(9_999, 9_102)).unwrap();
    let summary = import(place.path(), &["lost.ndjson", "--resume"]);
    assert_eq!(
        (&summary["ok"], &summary["written"]),
        (&json!(true), &json!(4)),
        "{summary}"
    );
    assert_eq!(feed_and_rows(place.path()), (2_609, 2_609));
}

#[test]
fn an_import_is_bound_to_its_file() {
    let place = place();
    let start = |path: &str, text: &str| {
        write(place.path(), path, text);
        import(place.path(), &[path])
    };
    assert_eq!(
        start("in.ndjson", "{\"name\":\"a\"}\n{\"name\":1}\n")["written"],
        1
    );
    write(
        place.path(),
        "in.ndjson",
        "{\"name\":\"x\"}\n{\"name\":\"b\"}\n",
    );
    let output = run(
        place.path(),
        &["data", "import", "parts", "in.ndjson", "--resume"],
    )
    .expect(1);
    assert!(output.stderr.contains("another file"), "{}", output.stderr);
    let summary = import(place.path(), &["in.ndjson", "--restart"]);
    assert_eq!(summary["written"], 2, "{summary}");
    // To go on after the end does nothing; what has been added since comes in.
    assert_eq!(
        import(place.path(), &["in.ndjson", "--resume"])["written"],
        2
    );
    write(
        place.path(),
        "in.ndjson",
        "{\"name\":\"x\"}\n{\"name\":\"b\"}\n{\"name\":\"c\"}\n",
    );
    assert_eq!(
        import(place.path(), &["in.ndjson", "--resume"])["written"],
        3
    );
    assert_eq!(feed_and_rows(place.path()), (4, 4));
}

fn start(place: &Path, arguments: &[&str]) -> Child {
    testkit::command(BINARY, place, arguments)
        .stdin(Stdio::null())
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .spawn()
        .unwrap()
}

#[test]
fn killed_again_and_again_it_goes_on_and_misses_nothing() {
    const RECORDS: u64 = 8_000;
    let place = place();
    let mut text = String::new();
    for number in 0..RECORDS {
        // Some refer to later ones, some are refused.
        let record = match number % 10 {
            3 if number + 3_000 < RECORDS => {
                json!({"id": id(number), "name": number.to_string(), "inside_id": id(number + 3_000)})
            }
            7 => json!({"id": id(number), "name": number}),
            _ => json!({"id": id(number), "name": number.to_string()}),
        };
        writeln!(text, "{record}").unwrap();
    }
    write(place.path(), "in.ndjson", &text);
    // Beside a server, which goes on writing.
    let process = serve(place.path(), &[]);
    let client = process.client();
    let arguments = [
        "data",
        "import",
        "parts",
        "in.ndjson",
        "--resume",
        "--keep-going",
        "100000",
        "--rejects",
        "aside.ndjson",
    ];
    let mut made = 0;
    let mut kills = 0;
    loop {
        let before = feed_and_rows(place.path()).1;
        let mut child = start(place.path(), &arguments);
        let ended = eventually("progress of the import", || {
            if let Some(status) = child.try_wait().unwrap() {
                return Some(Some(status));
            }
            (feed_and_rows(place.path()).1 > before + 500).then_some(None)
        });
        if let Some(status) = ended {
            // 1 if some of these records were refused.
            assert!(matches!(status.code(), Some(0 | 1)), "{status}");
            break;
        }
        client
            .post("/v1/parts", &json!({"name": format!("made {made}")}))
            .expect(201);
        made += 1;
        child.kill().unwrap();
        child.wait().unwrap();
        kills += 1;
    }
    assert!(kills >= 3, "{kills}");
    let refused = RECORDS / 10;
    let (feed, rows) = feed_and_rows(place.path());
    assert_eq!(
        (feed, rows),
        (RECORDS - refused + made, RECORDS - refused + made)
    );
    let aside = fs::read_to_string(place.path().join("aside.ndjson")).unwrap();
    assert_eq!(aside.lines().count() as u64, refused);
    let different: BTreeSet<&str> = aside.lines().collect();
    assert_eq!(different.len() as u64, refused, "one was put aside twice");
    // The server sees them at once.
    client.get(&format!("/v1/parts/{}", id(0))).expect(200);
    let output = run(place.path(), &arguments).expect(0);
    assert!(output.stdout.contains("imported"), "{}", output.stdout);
    assert_eq!(feed_and_rows(place.path()).1, rows);
}

#[test]
fn the_standard_streams_are_files_too() {
    let place = place();
    let import = ["data", "import", "parts", "-", "--format", "csv"];
    let mut child = testkit::command(BINARY, place.path(), &import)
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    child.stdin.take().unwrap().write_all(b"name\na\n").unwrap();
    let output = child.wait_with_output().unwrap();
    assert!(output.status.success(), "{output:?}");
    // Nobody watches: there is no progress to be seen.
    assert!(output.stderr.is_empty(), "{output:?}");
    let Output { stdout, stderr, .. } =
        run(place.path(), &["data", "export", "parts", "-", "--json"]).expect(0);
    assert_eq!(stdout.lines().count(), 1);
    let summary: Json = serde_json::from_str(&stderr).unwrap();
    assert_eq!(summary["records"], 1);
}

#[test]
fn an_import_lets_others_write_in_between() {
    const RECORDS: usize = 15_000;
    let place = place();
    let mut text = String::new();
    for number in 0..RECORDS {
        writeln!(text, "{{\"name\":\"{number}\"}}").unwrap();
    }
    write(place.path(), "in.ndjson", &text);
    let process = serve(place.path(), &[]);
    let client = process.client();
    let mut child = start(place.path(), &["data", "import", "parts", "in.ndjson"]);
    let mut made = 0;
    let status = loop {
        if let Some(status) = child.try_wait().unwrap() {
            break status;
        }
        // Nobody is told that the database cannot take it now.
        let part = json!({"name": format!("made {made}")});
        client.post("/v1/parts", &part).expect(201);
        made += 1;
    };
    assert!(status.success(), "{status}");
    assert!(made >= 5, "{made}");
    let all = RECORDS as u64 + made;
    assert_eq!(feed_and_rows(place.path()), (all, all));
}

/// Records that are deleted for a while, that refer to each other, and that are counted.
const KEPT: &str = "\
frontdesk: 1
name: kept
resources:
  Shelf:
    id: integer
    soft_delete: 30d
    fields: {name: {type: string, unique: true}}
    access: {read: public, write: public}
  Book:
    id: string
    soft_delete: 30d
    fields:
      shelf: Shelf
      number: {type: integer, sequence: Shelf}
      next?: Book
    access: {read: public, write: public}
";

#[test]
fn what_is_deleted_for_a_while_and_what_is_counted_come_in_again() {
    let from = with_tables(KEPT);
    let process = serve(from.path(), &[]);
    let client = process.client();
    for name in ["a", "b"] {
        client
            .post("/v1/shelfs", &json!({"name": name}))
            .expect(201);
    }
    for (id, shelf, next) in [
        ("one", 1, None),
        ("two", 1, Some("one")),
        ("three", 2, None),
        ("four", 1, Some("two")),
        ("five", 2, Some("five")),
    ] {
        let body = json!({"id": id, "shelf_id": shelf, "next_id": next});
        client.post("/v1/books", &body).expect(201);
    }
    for path in [
        "books/four",
        "books/two",
        "books/three",
        "books/five",
        "shelfs/2",
    ] {
        client.delete(&format!("/v1/{path}")).expect(204);
    }
    let take = |place: &Path, resource: &str, format: &str| {
        let arguments = ["data", "export", resource, "-", "--format", format];
        run(place, &arguments).expect(0).stdout
    };
    let both = |place: &Path, format: &str| {
        ["shelfs", "books"].map(|resource| take(place, resource, format))
    };
    let ndjson = both(from.path(), "ndjson");
    let deleted = |line: &str| {
        let record: Json = serde_json::from_str(line).unwrap();
        (record["id"].to_string(), record["deleted_at"].is_string())
    };
    let told: Vec<_> = ndjson[1].lines().map(deleted).collect();
    let expected = [
        ("one", false),
        ("five", true),
        ("four", true),
        ("three", true),
        ("two", true),
    ];
    let expected = expected.map(|(id, deleted)| (format!("\"{id}\""), deleted));
    assert_eq!(told, expected);
    let csv = both(from.path(), "csv");
    assert!(
        csv[0].starts_with("id,name,created_at,updated_at,deleted_at\r\n"),
        "{}",
        csv[0]
    );

    for (extension, [shelfs, books]) in [("ndjson", &ndjson), ("csv", &csv)] {
        let to = with_tables(KEPT);
        for (name, text) in [("shelfs", shelfs), ("books", books)] {
            let file = format!("{name}.{extension}");
            write(to.path(), &file, text);
            run(to.path(), &["data", "import", name, &file]).expect(0);
        }
        assert_eq!(both(to.path(), "ndjson"), ndjson, "by {extension}");
        assert_eq!(both(to.path(), "csv"), csv, "by {extension}");
        let process = serve(to.path(), &[]);
        let client = process.client();
        let items = client.get("/v1/books").expect(200).items();
        assert_eq!(items.len(), 1);
        client.get("/v1/books/two").expect(404);
        // Its unique values are taken, and what it refers to must be there before it is.
        client.post("/v1/shelfs", &json!({"name": "b"})).expect(409);
        let restore = |path: &str| {
            client
                .request("POST", &format!("/v1/{path}/restore"))
                .send()
        };
        restore("books/four").expect(409);
        restore("books/two").expect(200);
        restore("books/four").expect(200);
        restore("books/three").expect(409);
        restore("shelfs/2").expect(200);
        restore("books/three").expect(200);
        // Counted on from the numbers that came in, those of deleted records too.
        for (shelf, number) in [(1, 4), (2, 3)] {
            let body = json!({"id": format!("new{shelf}"), "shelf_id": shelf});
            let made = client.post("/v1/books", &body).expect(201);
            assert_eq!(made.json()["number"], number);
        }
    }

    // What is deleted must say when, and only where it can be restored. What is there refers to
    // nothing that is not.
    let to = with_tables(KEPT);
    let deleted = "{\"id\": 1, \"name\": \"a\", \"deleted_at\": \"2026-11-22T10:00:00Z\"}\n";
    write(to.path(), "shelfs.ndjson", deleted);
    write(
        to.path(),
        "later.ndjson",
        "{\"id\": 2, \"name\": \"b\", \"deleted_at\": \"x\"}\n",
    );
    write(
        to.path(),
        "books.ndjson",
        "{\"id\": \"a\", \"shelf_id\": 1}\n",
    );
    run(to.path(), &["data", "import", "shelfs", "shelfs.ndjson"]).expect(0);
    let refused = run(to.path(), &["data", "import", "shelfs", "later.ndjson"]).expect(1);
    assert!(refused.stderr.contains("deleted_at"), "{}", refused.stderr);
    let refused = run(to.path(), &["data", "import", "books", "books.ndjson"]).expect(1);
    assert!(
        refused.stderr.contains("there is no shelf"),
        "{}",
        refused.stderr
    );
}
