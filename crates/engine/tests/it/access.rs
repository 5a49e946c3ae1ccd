//! Who may do what: the laws of rules, scopes, hidden records and fields.

use call::Caller;
use model::Action;
use serde_json::json;

use crate::support::{App, key};

const TODO: &str = "
frontdesk: 1
name: todo
rules:
  staff: user.role == 'staff'
resources:
  List:
    id: integer
    fields:
      name:   {type: string, minLength: 1, maxLength: 100, index: true}
      owner?: {type: string, set: =user.id, index: true}
      open:   {type: boolean, default: false}
    lists: {members: Member.list, tasks: Task.list}
    rules:
      mine:   this.owner == user.id
      viewer: mine || this.members.exists(m, m.user == user.id)
      editor: mine || this.members.exists(m, m.user == user.id && m.role == 'editor')
    access: {read: viewer || this.open, create: signed_in, update: editor, delete: mine || staff}
  Member:
    id: integer
    fields:
      list: {type: List, immutable: true}
      user: {type: string, index: true}
      role: {enum: [viewer, editor], default: viewer}
    unique: [[list, user]]
    access: {read: this.list.viewer, create: this.list.mine, update: this.list.mine, delete: this.list.mine || this.user == user.id}
  Task:
    id: integer
    fields:
      list:      List
      title:     {type: string, minLength: 1, maxLength: 500, index: true}
      done:      {type: boolean, default: false, index: true}
      assignee?: {type: string}
      secret?:   {type: string, index: true, access: {read: this.list.mine, write: staff}}
    check:
      - rule: this.assignee == null || this.list.members.exists(m, m.user == this.assignee)
        at: assignee
        message: the assignee must be on the list
    access: {read: this.list.viewer, write: this.list.editor}
";

const ALL: &[&str] = &[
    "lists.read",
    "lists.write",
    "members.read",
    "members.write",
    "tasks.read",
    "tasks.write",
];

fn user(id: &str) -> Caller {
    key(Some(id), ALL, &[])
}

/// Ann owns list 1; Bob is an editor and Cat a viewer of it; it holds task 1.
async fn shared() -> App {
    let app = App::new(TODO).await;
    let made = app
        .ask("List", Action::Create)
        .by(user("ann"))
        .body(json!({"name": "home"}))
        .run()
        .await;
    assert_eq!(made.unwrap()["owner"], "ann");
    for (who, role) in [("bob", "editor"), ("cat", "viewer")] {
        let body = json!({"list_id": 1, "user": who, "role": role});
        assert_eq!(
            app.ask("Member", Action::Create)
                .by(user("ann"))
                .body(body)
                .code()
                .await,
            "ok"
        );
    }
    let body = json!({"list_id": 1, "title": "sweep"});
    assert_eq!(
        app.ask("Task", Action::Create)
            .by(user("ann"))
            .body(body)
            .code()
            .await,
        "ok"
    );
    app
}

#[tokio::test]
async fn rules_over_relations_decide_every_action() {
    let app = shared().await;
    for (who, get, update, delete) in [
        ("ann", "ok", "ok", "ok"),
        ("bob", "ok", "ok", "ok"),
        ("cat", "ok", "forbidden", "forbidden"),
        ("dan", "not_found", "not_found", "not_found"),
    ] {
        let ask = |action| app.ask("Task", action).by(user(who)).id(1);
        assert_eq!(ask(Action::Get).code().await, get, "{who} get");
        let body = json!({"title": format!("swept by {who}")});
        assert_eq!(
            ask(Action::Update).body(body).code().await,
            update,
            "{who} update"
        );
        let seen = app.ask("Task", Action::List).by(user(who)).each("id").await;
        assert_eq!(!seen.is_empty(), get == "ok", "{who} list");
        if delete != "ok" {
            assert_eq!(ask(Action::Delete).code().await, delete, "{who} delete");
        }
    }
    let refused = app
        .ask("Task", Action::Delete)
        .by(user("cat"))
        .id(1)
        .run()
        .await
        .unwrap_err();
    assert_eq!(refused.rule.as_deref(), Some("this.list.editor"));
}

#[tokio::test]
async fn what_is_refused_changes_nothing() {
    let app = shared().await;
    let before = app.feed().await;
    let body = || json!({"list_id": 1, "title": "mop"});
    for refused in [
        app.ask("Task", Action::Create)
            .by(user("cat"))
            .body(body())
            .code()
            .await,
        app.ask("Task", Action::Create)
            .by(user("dan"))
            .body(body())
            .code()
            .await,
    ] {
        assert_eq!(refused, "forbidden");
    }
    assert_eq!(
        app.ask("Task", Action::Create)
            .by(Caller::guest())
            .body(body())
            .code()
            .await,
        "unauthenticated"
    );
    assert_eq!(app.feed().await, before);
    assert_eq!(
        app.ask("Task", Action::List).each("title").await,
        [json!("sweep")]
    );
}

/// Law 2: null equals null, but not for callers without the value.
#[tokio::test]
async fn nobody_owns_what_has_no_owner() {
    let app = App::new(TODO).await;
    app.add("List", json!({"name": "ownerless"})).await;
    for nobody in [Caller::guest(), key(None, ALL, &[])] {
        let code = app
            .ask("List", Action::Get)
            .by(nobody.clone())
            .id(1)
            .code()
            .await;
        assert_eq!(code, "not_found", "{nobody:?}");
    }
    // What a rule opens without looking at the user stays open to guests.
    app.add("List", json!({"name": "for all", "open": true}))
        .await;
    assert_eq!(
        app.ask("List", Action::List)
            .by(Caller::guest())
            .each("name")
            .await,
        [json!("for all")]
    );
    let both = app.ask("List", Action::List).each("name").await;
    assert_eq!(both.len(), 2, "the operator sees everything");
}

/// Law 3: nobody gives a record away by accident.
#[tokio::test]
async fn an_update_rule_holds_before_and_after() {
    let app = shared().await;
    app.ask("List", Action::Create)
        .by(user("dan"))
        .body(json!({"name": "dan's"}))
        .run()
        .await
        .unwrap();
    let moved = app
        .ask("Task", Action::Update)
        .by(user("ann"))
        .id(1)
        .body(json!({"list_id": 2}));
    assert_eq!(moved.code().await, "forbidden");
    assert_eq!(
        app.ask("Task", Action::Get).id(1).run().await.unwrap()["list_id"],
        1
    );
    let entries = app.feed().await;
    assert!(
        entries.iter().all(|(action, _, _)| action == "create"),
        "{entries:?}"
    );
}

#[tokio::test]
async fn a_credential_needs_the_scope_and_the_rule() {
    let app = shared().await;
    let scoped = |scopes: &'static [&'static str]| key(Some("ann"), scopes, &[]);
    let get = |caller| app.ask("Task", Action::Get).by(caller).id(1);
    assert_eq!(get(scoped(&["tasks.read"])).code().await, "ok");
    let missing = get(scoped(&["tasks.write", "lists.read"]))
        .run()
        .await
        .unwrap_err();
    assert_eq!(missing.code.name(), "insufficient_scope");
    assert_eq!(missing.scope.as_deref(), Some("tasks.read"));
    let update = app
        .ask("Task", Action::Update)
        .by(scoped(&["tasks.read"]))
        .id(1)
        .body(json!({"done": true}));
    assert_eq!(update.code().await, "insufficient_scope");
}

#[tokio::test]
async fn claims_open_what_rules_say() {
    let app = shared().await;
    let staff = key(Some("eve"), ALL, &[("role", "staff")]);
    // Staff may delete lists, but not see them: what one cannot see is not there.
    assert_eq!(
        app.ask("List", Action::Delete).by(staff).id(1).code().await,
        "not_found"
    );
}

#[tokio::test]
async fn hidden_fields_are_left_out_and_not_searchable() {
    let app = shared().await;
    let operator = app
        .ask("Task", Action::Update)
        .id(1)
        .body(json!({"secret": "under the mat"}));
    assert_eq!(operator.code().await, "ok");
    let seen_by = async |who: &str| {
        app.ask("Task", Action::Get)
            .by(user(who))
            .id(1)
            .run()
            .await
            .unwrap()
    };
    assert_eq!(seen_by("ann").await["secret"], "under the mat");
    assert_eq!(seen_by("bob").await.get("secret"), None);
    for (parameter, value) in [
        ("secret", "under the mat"),
        ("secret[starts_with]", "u"),
        ("sort", "secret"),
    ] {
        let ask = app
            .ask("Task", Action::List)
            .by(user("bob"))
            .with(parameter, value);
        assert_eq!(ask.code().await, "forbidden", "{parameter}");
    }
    let written = app
        .ask("Task", Action::Update)
        .by(user("ann"))
        .id(1)
        .body(json!({"secret": "moved"}));
    let refused = written.run().await.unwrap_err();
    assert_eq!(
        (refused.code.name(), refused.rule.as_deref()),
        ("forbidden", Some("staff"))
    );
}

#[tokio::test]
async fn checks_bind_everybody() {
    let app = shared().await;
    let assign = |caller: Caller, who: &str| {
        app.ask("Task", Action::Update)
            .by(caller)
            .id(1)
            .body(json!({"assignee": who}))
    };
    assert_eq!(assign(user("ann"), "bob").code().await, "ok");
    assert_eq!(
        assign(user("ann"), "zoe").faults().await,
        ["check_failed /assignee"]
    );
    assert_eq!(
        assign(crate::support::operator(), "zoe").faults().await,
        ["check_failed /assignee"]
    );
    assert_eq!(
        app.ask("Task", Action::Get).id(1).run().await.unwrap()["assignee"],
        "bob"
    );
}

#[tokio::test]
async fn without_access_nobody_but_the_operator() {
    let app = App::new(
        "
frontdesk: 1
name: closed
resources:
  Note:
    id: integer
    fields: {text: string}
",
    )
    .await;
    app.add("Note", json!({"text": "hidden"})).await;
    let caller = key(
        Some("ann"),
        &["notes.read", "notes.write"],
        &[("role", "staff")],
    );
    for action in [Action::List, Action::Get, Action::Delete] {
        let refused = app
            .ask("Note", action)
            .by(caller.clone())
            .id(1)
            .run()
            .await
            .unwrap_err();
        assert_eq!(
            (refused.code.name(), refused.rule.as_deref()),
            ("forbidden", Some("nobody"))
        );
        assert_eq!(
            app.ask("Note", action)
                .by(Caller::guest())
                .id(1)
                .code()
                .await,
            "unauthenticated"
        );
    }
}
