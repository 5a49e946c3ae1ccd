//! Contracts that are right.

use diag::Severity;
use model::{Action, FieldKind};
use value::{IdKind, Type};

use crate::support::{compile_files, compile_one};

const NOTES: &str = include_str!("../ok/notes.yaml");
const BOOKSTORE: &str = include_str!("../ok/bookstore.yaml");
const TODO: &str = include_str!("../ok/todo.yaml");
const EVERYTHING: &str = include_str!("../ok/everything.yaml");
const RELATIONS: &str = include_str!("../ok/relations.yaml");
const EXAMPLE: &str = include_str!("../../../../examples/bookstore/frontdesk.yaml");

#[test]
fn numbered_names_have_ids_that_differ() {
    let check = |name: &str, prefix: &str| {
        let text = NOTES.replace("Note:", &format!("{name}:"));
        let compiled = compile_one(&text);
        let id_type = &compiled.model().resources[0].id_type;
        assert_eq!(&*id_type.prefix, prefix, "{name}");
    };
    check("Phase1", "phase_one");
    check("Phase12", "phase_one_two");
    check("Phase2Report", "phase_two_report");
    check("OpenIDProvider", "open_id_provider");
    // As long as a prefix may be.
    let sevens = "_seven".repeat(10);
    check(&format!("Ab{}", "7".repeat(40)), &format!("ab{sevens}"));
}

#[test]
fn the_smallest_contract_is_complete() {
    let compiled = compile_one(NOTES);
    assert_eq!(compiled.codes(Severity::Warning), ["W0401"]);
    let model = compiled.model();
    assert_eq!(
        (model.name.as_str(), model.title.as_str()),
        ("notes", "Notes")
    );
    assert_eq!(model.base, "/v1");
    let note = &model.resources[0];
    assert_eq!((note.snake.as_str(), note.path.as_str()), ("note", "notes"));
    assert_eq!(note.read_scope(), "notes.read");
    assert_eq!(&*note.id_type.prefix, "note");
    assert_eq!(note.id_type.kind, IdKind::TypeId);
    let names: Vec<&str> = note.fields.iter().map(|f| f.name.as_str()).collect();
    assert_eq!(names, ["id", "text", "created_at", "updated_at"]);
    for (at, field) in note.fields.iter().enumerate() {
        assert_eq!(usize::from(field.id.0), at);
    }
    for action in Action::ALL {
        let opened = note.access.rule(action).map(|rule| rule.text.as_str());
        // What is deleted at once cannot be restored.
        let expected = (action != Action::Restore).then_some("public");
        assert_eq!(opened, expected, "{}", action.name());
    }
}

#[test]
fn what_the_server_answers_at_the_root_is_free_below_a_base() {
    for word in ["docs", "assets", "problems", "metrics", "query", "batch"] {
        let contract = format!(
            "frontdesk: 1\nname: notes\nresources:\n  Note: {{path: {word}, fields: {{text: string}}, access: {{read: public}}}}\n"
        );
        let compiled = compile_one(&contract);
        assert_eq!(
            compiled.codes(Severity::Error),
            Vec::<&str>::new(),
            "{word}"
        );
        assert_eq!(compiled.model().resources[0].path, word);
    }
}

#[test]
fn the_example_says_what_its_readme_promises() {
    let compiled = compile_one(EXAMPLE);
    assert_eq!(compiled.rendered(), "");
    let model = compiled.model();
    let book = model.resource_named("Book").expect("Book");
    assert_eq!(book.id_type.kind, IdKind::Integer);
    assert_eq!(book.path, "books");
    assert_eq!(book.write_scope(), "books.write");
    let required: Vec<&str> = book
        .fields
        .iter()
        .filter(|field| field.required_on_create())
        .map(|field| field.name.as_str())
        .collect();
    assert_eq!(required, ["title", "price", "currency"]);
    let rating = book.field_named("rating").expect("rating");
    assert!(matches!(rating.kind, FieldKind::Computed(_)));
    assert!(rating.shape.nullable && rating.read_only);
    assert_eq!(
        model
            .resource_named("Author")
            .expect("Author")
            .write_scope(),
        "books.write"
    );
    assert_eq!(model.tests.len(), 4);
    insta::assert_snapshot!(contract::who::who(&model).to_text());
}

#[test]
fn the_bookstore_of_the_design_compiles() {
    let compiled = compile_one(BOOKSTORE);
    assert_eq!(compiled.codes(Severity::Warning), [""; 0]);
    let model = compiled.model();
    let book = model.resource_named("Book").expect("Book");
    let author = book.field_named("author_id").expect("author_id");
    assert_eq!(author.relation().map(|(name, _)| name), Some("author"));
    assert!(author.indexed && matches!(author.shape.ty, Type::Id(_)));
    assert!(book.relation_named("author").is_some());
    let review = model.resource_named("Review").expect("Review");
    let names = |ids: &[value::FieldId]| -> Vec<String> {
        ids.iter()
            .map(|id| review.field(*id).name.clone())
            .collect()
    };
    assert_eq!(names(&review.unique[0]), ["book_id", "reviewer_id"]);
    let reviewer = review.field_named("reviewer_id").expect("reviewer_id");
    assert!(reviewer.read_only && reviewer.set.is_some());
    let user = model.resource_named("User").expect("User");
    assert!(user.field_named("email").expect("email").read.is_some());
    assert!(user.access.create.is_none(), "closed until opened");
}

#[test]
fn the_todo_list_of_the_design_compiles() {
    let compiled = compile_one(TODO);
    assert_eq!(compiled.rendered(), "");
    let model = compiled.model();
    insta::assert_snapshot!(contract::who::who(&model).to_text());
}

#[test]
fn every_word_of_the_language_has_a_meaning() {
    let compiled = compile_one(EVERYTHING);
    insta::assert_snapshot!("warnings_of_everything", compiled.rendered());
    let model = compiled.model();
    insta::assert_snapshot!(contract::who::who(&model).to_text());
    let item = model.resource_named("Item").expect("Item");
    assert_eq!(item.write_scope(), "catalogue.write");
    assert_eq!(&*item.id_type.prefix, "IT-");
    assert!(item.access.update.as_ref().expect("update").names_next);
    assert_eq!(
        item.access.replace.as_ref().expect("replace").text,
        "nobody"
    );
    assert_eq!(
        item.field_named("category_id")
            .expect("category")
            .was
            .as_deref(),
        Some("kind")
    );
    let category = model.resource_named("Category").expect("Category");
    assert!(
        category.id_field().required_on_create(),
        "the client chooses the id"
    );
    assert_eq!(model.auth.schemes, ["bearer", "token"]);
}

const PEOPLE: &str = "
resources:
  User:
    fields: {name: string, email: {type: string, format: email}, role: {enum: [reader, staff], default: reader}}
    rules: {self: this.id == user.id, staff: user.role == 'staff'}
    access: {read: staff || user.name == 'Ann', update: self}
";

fn people(auth: &str) -> model::Auth {
    let text = format!("frontdesk: 1\nname: people\nauth: {auth}{PEOPLE}");
    compile_one(&text).model().auth
}

#[test]
fn people_are_turned_on_by_one_word() {
    let auth = people("{users: User}");
    let users = auth.users.clone().expect("people");
    let model = compile_one(&format!(
        "frontdesk: 1\nname: people\nauth: {{users: User}}{PEOPLE}"
    ))
    .model();
    let user = model.users().expect("people");
    assert_eq!(user.name, "User");
    let named = |id: value::FieldId| user.field(id).name.as_str();
    assert_eq!(users.email.map(named), Some("email"));
    assert_eq!(users.sign_up, model::SignUp::Open);
    let claims: Vec<&str> = users.claims.iter().copied().map(named).collect();
    assert_eq!(claims, ["name", "role"], "what rules read, and not the id");
    assert_eq!(auth.password, Some(model::Password { min_length: 15 }));
    assert_eq!(auth.tokens.access, 900);
    assert_eq!(auth.tokens.refresh, 30 * 86_400);
    assert_eq!(auth.tokens.idle, 14 * 86_400);
    assert_eq!(auth.sessions.idle, 4 * 3_600);
    assert_eq!(auth.basic, model::BasicFor::Keys);
    assert!(auth.mail.is_none());
}

#[test]
fn others_are_let_in_by_name() {
    use model::{Certificate, ClientProof, KeySet, ProviderKind, Setting};
    let auth = compile_one(EVERYTHING).model().auth;
    let ids: Vec<&str> = auth.clients.iter().map(|client| &*client.id).collect();
    assert_eq!(ids, ["printer", "phone", "tv", "robot"]);
    let printer = auth.client("printer").expect("printer");
    assert!(
        matches!(&printer.proof, ClientProof::Secret(name) if name.as_str() == "PRINTER_SECRET")
    );
    assert_eq!(printer.redirect_uris.len(), 2);
    assert_eq!(printer.scopes, ["openid", "catalogue.read"]);
    let phone = auth.client("phone").expect("phone");
    assert_eq!(
        (&phone.proof, phone.trusted, &*phone.title),
        (&ClientProof::Public, true, "Phone")
    );
    let robot = auth.client("robot").expect("robot");
    assert!(
        matches!(&robot.proof, ClientProof::Keys(KeySet::Inline(keys)) if keys["keys"][0]["x"] == "abc")
    );

    let [id, old] = auth.issuers.as_slice() else {
        panic!("{:?}", auth.issuers)
    };
    assert_eq!(
        (&*id.user, &id.scopes, id.algorithms.len()),
        ("uid", &None, 2)
    );
    assert_eq!(id.claims, [("role".to_owned(), "shop_role".to_owned())]);
    assert_eq!(
        (&*old.user, old.scopes.as_deref(), old.algorithms.len()),
        ("sub", Some("scope"), 3)
    );
    assert!(old.jwks.is_none());

    let google = auth.provider("google").expect("google");
    assert_eq!(
        google.scopes,
        ["openid", "email"],
        "what gives an ID token is always asked for"
    );
    assert!(
        matches!(&google.client_id, Setting::Named(name) if name.to_string() == "$GOOGLE_CLIENT_ID")
    );
    let github = auth.provider("github").expect("github");
    assert!(
        matches!(&github.kind, ProviderKind::OAuth { subject, email, .. } if subject == "node_id" && email == "mail")
    );
    assert_eq!(github.client_id, Setting::Written("frontdesk".to_owned()));

    let [billing, reports] = auth.services.as_slice() else {
        panic!("{:?}", auth.services)
    };
    assert_eq!(
        billing.certificate,
        Certificate::San("billing.internal".to_owned())
    );
    assert_eq!(billing.audience, model::Audience::Private);
    assert_eq!(
        billing.claims,
        [("role", "staff"), ("level", "4")]
            .map(|(name, value)| (name.to_owned(), value.to_owned()))
    );
    assert_eq!(
        reports.certificate,
        Certificate::Subject("CN=reports,O=Shop".to_owned())
    );

    assert_eq!(auth.theme.color, Some([0, 0xaa, 0x77]));
    assert_eq!(auth.theme.logo.as_deref(), Some("pictures/logo.svg"));
    let secrets: Vec<&str> = auth
        .secrets()
        .into_iter()
        .map(model::SecretName::as_str)
        .collect();
    assert_eq!(
        secrets,
        [
            "GITHUB_SECRET",
            "GOOGLE_CLIENT_ID",
            "GOOGLE_SECRET",
            "PRINTER_SECRET"
        ]
    );
}

#[test]
fn a_secret_in_a_contract_is_not_shown_again() {
    let compiled = compile_one(
        "frontdesk: 1\nname: shop\nauth: {clients: {job: {secret: hunter2, scopes: [notes.reed]}}}\nresources:\n  Note: {fields: {text: string}, access: {read: public}}\n",
    );
    let told = compiled.rendered();
    assert!(
        told.contains("E0433") && told.contains("notes.reed"),
        "{told}"
    );
    assert!(!told.contains("hunter2"), "{told}");
}

#[test]
fn what_may_lie_unused_ends_with_the_whole() {
    let tokens = people("{users: User, tokens: {refresh: 2d}}").tokens;
    assert_eq!((tokens.refresh, tokens.idle), (2 * 86_400, 2 * 86_400));
    let tokens = people("{users: User, tokens: {idle: 60d}}").tokens;
    assert_eq!((tokens.refresh, tokens.idle), (60 * 86_400, 60 * 86_400));
    let sessions = people("{users: User, sessions: {absolute: 1h}}").sessions;
    assert_eq!((sessions.absolute, sessions.idle), (3_600, 3_600));
}

#[test]
fn passwords_basic_and_mail_can_be_otherwise() {
    let auth = people(
        "{users: User, password: false, basic: people, mail: {from: ' \"The shop\" <a@b.example>'}}",
    );
    assert_eq!(auth.password, None);
    assert_eq!(auth.basic, model::BasicFor::People);
    let mail = auth.mail.expect("a sender");
    assert_eq!(mail.name.as_deref(), Some("The shop"));
    assert_eq!(mail.address, "a@b.example");
    let auth = people("{users: User, password: true, basic: false, mail: {from: a@b.example}}");
    assert_eq!(auth.password, Some(model::Password::default()));
    assert_eq!(auth.basic, model::BasicFor::Nobody);
    assert_eq!(auth.mail.expect("a sender").name, None);
}

#[test]
fn relations_may_go_in_rings() {
    let compiled = compile_one(RELATIONS);
    assert_eq!(compiled.rendered(), "");
    let model = compiled.model();
    insta::assert_snapshot!(contract::who::who(&model).to_text());
}

#[test]
fn a_contract_may_be_many_files() {
    let main = "frontdesk: 1\nname: shop\ninclude: [resources/*.yaml, '*.yaml']\nresources:\n  Book: {fields: {author: Author}, access: {read: staff}}\n";
    let author = "resources:\n  Author: {fields: {name: string}, access: {read: staff}}\n";
    let rules = "frontdesk: 1\nrules: {staff: user.role == 'staff'}\n";
    let compiled = compile_files(
        main,
        &[
            ("resources/*.yaml", "resources/author.yaml", author),
            ("*.yaml", "./frontdesk.yaml", main),
            ("*.yaml", "rules.yaml", rules),
        ],
    );
    assert_eq!(compiled.rendered(), "");
    let model = compiled.model();
    assert_eq!(model.resources.len(), 2);
    assert_eq!(model.rules.len(), 1);
}

#[test]
fn rules_may_use_each_other_in_any_order_and_number() {
    use std::fmt::Write;
    let mut text = String::from(
        "frontdesk: 1\nname: chain\nresources:\n  Thing:\n    fields: {owner: string}\n    access: {read: r0}\n    rules:\n",
    );
    // Each uses the next, which stands below it.
    for at in 0..50 {
        writeln!(text, "      r{at}: r{}", at + 1).expect("strings grow");
    }
    text.push_str("      r50: this.owner == user.id\n");
    assert_eq!(compile_one(&text).rendered(), "");
}

#[test]
fn a_large_contract_compiles_quickly() {
    use std::fmt::Write;
    let mut text = String::from(
        "frontdesk: 1\nname: large\nrules: {staff: user.role == 'staff'}\nresources:\n",
    );
    for at in 0..500 {
        let next = (at + 1) % 500;
        writeln!(
            text,
            "  Thing{letters}:
    fields:
      name: {{type: string, maxLength: 100, index: true, pattern: '^[a-z]{{1,100}}$'}}
      owner: {{type: string, set: =user.id}}
      other?: Thing{next}
    lists: {{others: Thing{last}.other}}
    rules: {{mine: this.owner == user.id, near: \"this.others.exists(o, o.mine)\"}}
    access: {{read: mine || near, write: mine || staff}}",
            letters = numbered(at),
            next = numbered(next),
            last = numbered((at + 499) % 500),
        )
        .expect("strings grow");
    }
    let started = std::time::Instant::now();
    let compiled = compile_one(&text);
    assert_eq!(compiled.rendered(), "");
    // A second in release mode is the goal; a debug build on a busy machine gets more.
    assert!(started.elapsed().as_secs() < 30, "{:?}", started.elapsed());
}

/// With an ending of its own, so that no plural is another's singular.
fn numbered(number: usize) -> String {
    format!("{number}x")
}
