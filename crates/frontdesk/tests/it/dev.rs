//! `dev`: what somebody sees who writes a contract.

use std::fs;
use std::path::Path;

use serde_json::{Value as Json, json};
use testkit::{Answer, Client, Process, eventually};

use crate::support::{LIBRARY, contract, dev, folder, run, write};

const NOTES: &str = "\
frontdesk: 1
name: notes
resources:
  Note:
    fields:
      text: string
    access: {read: public, write: signed_in}
";

/// The value behind a name in the banner.
fn shown(process: &Process, name: &str) -> String {
    process.wait_until(name, |said| {
        let line = said
            .lines()
            .find(|line| line.trim_start().starts_with(name))?;
        Some(line.trim_start()[name.len()..].trim().to_owned())
    })
}

/// The words of a shell command.
fn words(command: &str) -> Vec<String> {
    let mut words = vec![String::new()];
    let mut is_quoted = false;
    for c in command.chars() {
        match c {
            '\'' => is_quoted = !is_quoted,
            ' ' if !is_quoted => words.push(String::new()),
            c => words.last_mut().unwrap().push(c),
        }
    }
    words
}

/// Does what curl would do.
fn curl(client: &Client, command: &str) -> Answer {
    let words = words(command);
    assert_eq!(words[0], "curl");
    let target = words[1]
        .strip_prefix(&format!("http://{}", client.address()))
        .unwrap();
    let body = words
        .iter()
        .position(|word| word == "-d")
        .map(|at| words[at + 1].clone());
    let mut call = client.request(if body.is_some() { "POST" } else { "GET" }, target);
    for at in 0..words.len() {
        if words[at] == "-H" {
            let (name, value) = words[at + 1].split_once(": ").unwrap();
            if name != "Content-Type" {
                call = call.header(name, value);
            }
        }
    }
    match body {
        Some(body) => call.body("application/json", body).send(),
        None => call.send(),
    }
}

#[test]
fn from_init_to_the_end_of_the_day() {
    let place = folder(&[]);
    run(place.path(), &["init"]).expect(0);
    let mut process = dev(place.path());
    let client = process.client();

    // The seed is there, and the shown keys work.
    assert_eq!(client.get("/v1/notes").expect(200).items().len(), 2);
    let admin = shown(&process, "Admin key");
    let api = shown(&process, "API key");
    client
        .with_key(&admin)
        .post("/v1/notes", &json!({"text": "a"}))
        .expect(201);
    client
        .with_key(&api)
        .post("/v1/notes", &json!({"text": "b"}))
        .expect(201);

    // A new field is served without a restart, and the records stay.
    let contract = fs::read_to_string(place.path().join("frontdesk.yaml")).unwrap();
    let with_field = contract.replace(
        "fields: {text: string}",
        "fields: {text: string, done?: boolean}",
    );
    write(place.path(), "frontdesk.yaml", &with_field);
    process.wait_for("reloaded");
    let items = client.get("/v1/notes").items();
    assert_eq!(items.len(), 4);
    assert_eq!(items[0]["done"], Json::Null);

    // A mistake is shown, and what was good goes on.
    let mistaken = with_field.replace("boolean", "boolen");
    write(place.path(), "frontdesk.yaml", &mistaken);
    process.wait_for("did you mean `boolean`?");
    process.wait_for("The last good contract goes on being served.");
    client
        .post("/v1/notes", &json!({"text": "c", "done": true}))
        .expect(201);

    // So it is when the contract is taken away.
    fs::remove_file(place.path().join("frontdesk.yaml")).unwrap();
    process.wait_for("its `frontdesk.yaml` has been deleted or moved; put it back");
    process.wait_until("the same once more", |said| {
        let told = said.matches("The last good contract goes on being served.");
        (told.count() == 2).then_some(())
    });
    client.get("/v1/notes").expect(200);
    write(place.path(), "frontdesk.yaml", &mistaken);

    // A key made by another process works here at once.
    let made = run(place.path(), &["key", "create", "k", "--admin", "--json"]).expect(0);
    let made: Json = serde_json::from_str(&made.stdout).unwrap();
    let other = client.with_key(made["key"].as_str().unwrap());
    other.get("/v1/notes").expect(200);
    run(
        place.path(),
        &["key", "revoke", made["id"].as_str().unwrap()],
    )
    .expect(0);
    eventually("the revocation", || {
        (other.get("/v1/notes").status == 401).then_some(())
    });

    process.signal("TERM");
    assert_eq!(process.ended().code(), Some(0));

    // The next day everything is as it was.
    write(place.path(), "frontdesk.yaml", &with_field);
    let process = dev(place.path());
    assert_eq!(shown(&process, "Admin key"), admin);
    assert_eq!(shown(&process, "API key"), api);
    assert_eq!(process.client().get("/v1/notes").items().len(), 5);
    let mode = std::os::unix::fs::PermissionsExt::mode(
        &fs::metadata(place.path().join(".frontdesk/dev-keys.json"))
            .unwrap()
            .permissions(),
    );
    assert_eq!(mode & 0o777, 0o600);
}

#[test]
fn the_shown_commands_work() {
    let examples = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../examples");
    let bookstore = examples.join("bookstore");
    let place = folder(&[
        ("notes/frontdesk.yaml", NOTES),
        ("library/frontdesk.yaml", LIBRARY),
        (
            "safe/frontdesk.yaml",
            &NOTES.replace("  Note:\n", "  Note:\n    idempotency: required\n"),
        ),
    ]);
    run(
        place.path(),
        &["init", "bookstore", "--template", "bookstore"],
    )
    .expect(0);
    assert!(bookstore.exists());
    // What can be added twice lies within other records there.
    for file in ["frontdesk.yaml", "seed/repos.ndjson", "seed/issues.ndjson"] {
        let text = fs::read_to_string(examples.join("tracker").join(file)).unwrap();
        write(place.path(), &format!("tracker/{file}"), &text);
    }
    for name in ["notes", "library", "safe", "bookstore", "tracker"] {
        let process = dev(&place.path().join(name));
        process.wait_for("Ctrl-C stops");
        let said = process.said();
        let commands: Vec<&str> = said
            .lines()
            .filter_map(|line| line.trim().strip_prefix("$ "))
            .collect();
        assert_eq!(commands.len(), 3, "{said}");
        // The administrator's key is for what takes one.
        let admin = said.split("Admin key ").nth(1).unwrap();
        let admin = admin.split_whitespace().next().unwrap();
        let is_used = commands.iter().any(|command| command.contains(admin));
        assert!(!is_used || name == "library", "{name}: {said}");
        // Twice, because people do.
        for round in 0..2 {
            let statuses: Vec<u16> = commands
                .iter()
                .map(|command| curl(&process.client(), command).status)
                .collect();
            assert_eq!(
                statuses,
                [200, 201, 200],
                "{name}, round {round}: {commands:#?}"
            );
        }
        assert_eq!(curl(&process.client(), commands[2]).items().len(), 1);
    }
}

#[test]
fn saves_by_rename_and_in_included_files_are_seen() {
    let main = format!("{}include: [parts/*.yaml]\n", NOTES);
    let part = "resources: {Tag: {fields: {name: string}, access: {read: public}}}\n";
    let place = folder(&[("frontdesk.yaml", &main), ("parts/tag.yaml", part)]);
    let process = dev(place.path());
    let client = process.client();
    client.get("/v1/tags").expect(200);
    client.get("/v1/labels").expect(404);

    write(
        place.path(),
        "parts/label.yaml",
        &part.replace("Tag", "Label"),
    );
    eventually("the new file", || {
        (client.get("/v1/labels").status == 200).then_some(())
    });

    let beside = place.path().join(".frontdesk.yaml.swp");
    fs::write(
        &beside,
        main.replace("text: string", "text: string\n      more?: string"),
    )
    .unwrap();
    fs::rename(&beside, place.path().join("frontdesk.yaml")).unwrap();
    let with_key = client.with_key(&shown(&process, "Admin key"));
    eventually("the rename", || {
        let answer = with_key.post("/v1/notes", &json!({"text": "a", "more": "b"}));
        (answer.status == 201).then_some(())
    });
}

#[test]
fn new_resources_can_be_tried_with_the_shown_key() {
    let place = contract(NOTES);
    let process = dev(place.path());
    let before = shown(&process, "API key");
    let more = format!(
        "{NOTES}  Tag: {{fields: {{name: string}}, access: {{read: public, write: signed_in}}}}\n"
    );
    write(place.path(), "frontdesk.yaml", &more);
    let now = shown(&process, "The API key for trying is now");
    assert_ne!(now, before);
    process
        .client()
        .with_key(&now)
        .post("/v1/tags", &json!({"name": "a"}))
        .expect(201);
    process
        .client()
        .with_key(&now)
        .post("/v1/notes", &json!({"text": "a"}))
        .expect(201);
}

#[test]
fn data_is_not_lost_by_saving() {
    let place = contract(LIBRARY);
    let process = dev(place.path());
    let admin = process.client().with_key(&shown(&process, "Admin key"));
    admin
        .post("/v1/books", &json!({"title": "Dune"}))
        .expect(201);
    let without = LIBRARY.replace("      title: {type: string, maxLength: 100}\n", "");
    write(place.path(), "frontdesk.yaml", &without);
    process.wait_for("removed:");
    assert_eq!(admin.get("/v1/books").items()[0]["title"], "Dune");

    write(
        place.path(),
        "frontdesk.yaml",
        &without.replace("  Book:\n", "  Book:\n    removed: [title]\n"),
    );
    process.wait_for("--allow-data-loss");
    assert_eq!(admin.get("/v1/books").items()[0]["title"], "Dune");

    // Done by hand, it is served without another save.
    run(place.path(), &["migrate", "apply", "--allow-data-loss"]).expect(0);
    process.wait_for("reloaded");
    let book = &admin.get("/v1/books").items()[0];
    assert_eq!(book.get("title"), None);
}

#[test]
fn a_contract_may_be_broken_from_the_start() {
    let place = contract("frontdesk: 1\nname: notes\n");
    let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let address = listener.local_addr().unwrap();
    drop(listener);
    // It does not say where it listens before there is something to serve.
    let mut child = std::process::Command::new(crate::support::BINARY)
        .args(["dev", "--listen", &address.to_string()])
        .current_dir(place.path())
        .stdout(std::process::Stdio::null())
        .stderr(std::process::Stdio::piped())
        .spawn()
        .unwrap();
    let mut stderr = std::io::BufReader::new(child.stderr.take().unwrap());
    let mut line = String::new();
    while !line.contains("Waiting for a change") {
        line.clear();
        let read = std::io::BufRead::read_line(&mut stderr, &mut line).unwrap();
        assert_ne!(read, 0, "it ended");
    }
    write(place.path(), "frontdesk.yaml", NOTES);
    eventually("the mended contract", || {
        let call = Client::guest(address).request("GET", "/v1/notes");
        call.try_send().ok().filter(|answer| answer.status == 200)
    });
    child.kill().unwrap();
    child.wait().unwrap();
}

#[test]
fn seeds_are_all_or_none_and_their_mistakes_have_a_place() {
    let place = folder(&[
        ("frontdesk.yaml", LIBRARY),
        (
            "seed/authors.json",
            "[{\"id\": \"author_01h455vb4pex5vsknk084sn02q\", \"name\": \"Lem\"}]",
        ),
        (
            "seed/books.ndjson",
            "{\"id\": 7, \"title\": \"Solaris\", \"author_id\": \"author_01h455vb4pex5vsknk084sn02q\", \"owner\": \"ann\"}\n{\"id\": 8, \"titel\": \"x\"}\n",
        ),
    ]);
    let process = dev(place.path());
    process.wait_for("seed/books.ndjson:2: ");
    process.wait_for("nothing was seeded; mend it and save");
    let client = process.client();
    assert_eq!(client.get("/v1/authors").items(), Vec::<Json>::new());

    let books = "{\"id\": 7, \"title\": \"Solaris\", \"author_id\": \"author_01h455vb4pex5vsknk084sn02q\", \"owner\": \"ann\"}\n";
    write(place.path(), "seed/books.ndjson", books);
    process.wait_for("seeded 1 book\n");
    let book = client.get("/v1/books/7?include=author").expect(200).json();
    assert_eq!(book["author"]["name"], "Lem");
    assert_eq!(book["owner"], "ann");
}

#[test]
fn seeds_may_refer_to_each_other_in_a_circle() {
    let contract = "\
frontdesk: 1
name: teams
resources:
  Person:
    id: string
    fields: {team: Team, boss?: Person}
    access: {read: public}
    tests:
      - {action: get, record: {id: ann}, expect: allowed}
  Team:
    id: integer
    fields: {lead: Person}
    access: {read: public}
";
    let place = folder(&[
        ("frontdesk.yaml", contract),
        (
            "seed/people.ndjson",
            "{\"id\": \"ann\", \"team_id\": 1, \"boss_id\": \"bob\"}\n{\"id\": \"bob\", \"team_id\": 2, \"boss_id\": \"ann\"}\n",
        ),
        (
            "seed/teams.ndjson",
            "{\"id\": 1, \"lead_id\": \"bob\"}\n{\"id\": 2, \"lead_id\": \"bob\"}\n",
        ),
    ]);
    let process = dev(place.path());
    let client = process.client();
    let ann = client.get("/v1/people/ann?include=team,boss").expect(200);
    assert_eq!(ann.json()["team"]["lead_id"], "bob");
    assert_eq!(ann.json()["boss"]["boss_id"], "ann");
    run(place.path(), &["test"]).expect(0);

    // One that leads out of it to nothing keeps all of them out, and is told.
    let place = folder(&[
        ("frontdesk.yaml", contract),
        ("seed/people.ndjson", "{\"id\": \"ann\", \"team_id\": 1}\n"),
        ("seed/teams.ndjson", "{\"id\": 1, \"lead_id\": \"bob\"}\n"),
    ]);
    let process = dev(place.path());
    process.wait_for("seed/teams.ndjson:1: ");
    process.wait_for("there is no person `bob`");
    assert_eq!(
        process.client().get("/v1/people").items(),
        Vec::<Json>::new()
    );
}

#[test]
fn seeds_for_nothing_are_told() {
    let place = folder(&[
        ("frontdesk.yaml", LIBRARY),
        ("seed/book.ndjson", "{}"),
        // Every other mistake is told beside.
        ("seed/authors.ndjson", "{\"nam\": \"Lem\"}\n[]\n"),
    ]);
    let process = dev(place.path());
    process.wait_for("did you mean `books.ndjson`?");
    process.wait_for("seed/authors.ndjson:1: ");
    process.wait_for("seed/authors.ndjson:2: a record is a JSON object");
    process.client().get("/v1/books").expect(200);
}

#[test]
fn pages_on_this_machine_may_call() {
    let place = contract(NOTES);
    let process = dev(place.path());
    let from = |origin: &str| {
        let call = process
            .client()
            .request("GET", "/v1/notes")
            .header("origin", origin);
        call.send()
            .expect(200)
            .header("access-control-allow-origin")
    };
    assert_eq!(
        from("http://localhost:5173").as_deref(),
        Some("http://localhost:5173")
    );
    assert_eq!(from("https://elsewhere.example"), None);
}

#[test]
fn a_resource_without_records_may_get_another_name() {
    let text = "\
frontdesk: 1
name: shop
resources:
  Order: {fields: {size: integer}, access: {read: public}}
";
    let place = contract(text);
    let process = dev(place.path());
    let client = process.client();
    client.get("/v1/orders").expect(200);
    write(
        place.path(),
        "frontdesk.yaml",
        &text.replace("Order", "Purchase"),
    );
    process.wait_for("reloaded");
    client.get("/v1/purchases").expect(200);
}
