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

const CLUB: &str = "
frontdesk: 1
name: club
rules:
  staff: user.role == 'staff'
resources:
  Org:
    id: integer
    fields: {owner: {type: string, set: =user.id}}
    access: {read: this.owner == user.id, create: signed_in}
  Member:
    id: integer
    fields:
      org:    Org
      who:    {type: string}
      rank:   {enum: [reader, editor, boss], default: reader, access: {write: \"this.rank == 'reader' || staff\"}}
      pinned: {type: boolean, default: false, access: {write: this.org.owner == user.id}}
      salary: {type: integer, default: 0, access: {read: staff, write: staff}}
      hint?:  {type: string, access: {read: staff}}
    unique: [[org, who]]
    access: {read: signed_in, create: this.org.owner == user.id, update: \"this.who == user.id || staff\"}
  Ledger:
    id: integer
    audience: private
    fields: {member: Member}
    access: {read: staff, create: staff}
";

async fn club() -> App {
    let app = App::new(CLUB).await;
    let scopes = &["orgs.read", "orgs.write", "members.read", "members.write"];
    let ann = key(Some("ann"), scopes, &[]);
    let made = app.ask("Org", Action::Create).by(ann).body(json!({}));
    assert_eq!(made.code().await, "ok");
    app.add("Member", json!({"org_id": 1, "who": "bob"})).await;
    app
}

fn member(id: &str) -> Caller {
    key(Some(id), &["members.read", "members.write"], &[])
}

#[tokio::test]
async fn a_guess_at_a_hidden_value_is_answered_like_any_other() {
    let app = club().await;
    app.ask("Member", Action::Update)
        .id(1)
        .body(json!({"salary": 200, "hint": "a"}))
        .run()
        .await
        .unwrap();
    for salary in [199, 200] {
        let ask = || app.ask("Member", Action::Update).by(member("bob")).id(1);
        let merged = ask().body(json!({"salary": salary}));
        assert_eq!(merged.code().await, "forbidden", "{salary}");
        let patch = json!([{"op": "add", "path": "/salary", "value": salary}]);
        assert_eq!(ask().patch(patch).code().await, "forbidden", "{salary}");
    }
    // One may write it without reading it: a right guess is a change like a wrong one.
    for (hint, entries) in [("b", 3), ("b", 4)] {
        let ask = app.ask("Member", Action::Update).by(member("bob")).id(1);
        assert_eq!(ask.body(json!({"hint": hint})).code().await, "ok");
        let updates = app.feed().await;
        assert_eq!(updates.len(), entries + 1, "{updates:?}");
    }
}

/// Law 3 for fields: a rule that holds for what is there must hold for what comes.
#[tokio::test]
async fn a_field_rule_holds_before_and_after() {
    let app = club().await;
    let rank = |rank: &str| {
        let ask = app.ask("Member", Action::Update).by(member("bob")).id(1);
        ask.body(json!({"rank": rank}))
    };
    assert_eq!(rank("boss").code().await, "forbidden");
    let stored = app.ask("Member", Action::Get).id(1).run().await.unwrap();
    assert_eq!(stored["rank"], "reader");
}

#[tokio::test]
async fn a_field_rule_may_look_at_other_records_on_create() {
    let app = club().await;
    let create = |who: &str, body| app.ask("Member", Action::Create).by(member(who)).body(body);
    let pinned = json!({"org_id": 1, "who": "cat", "pinned": true});
    assert_eq!(create("ann", pinned).code().await, "ok");
}

/// What is taken, or there at all, is told only to those who may do it.
#[tokio::test]
async fn a_refusal_does_not_tell_what_is_taken() {
    let app = club().await;
    for (org, who) in [(1, "bob"), (1, "new"), (77, "bob")] {
        let body = json!({"org_id": org, "who": who});
        let create = app.ask("Member", Action::Create).by(member("dan"));
        assert_eq!(create.body(body).code().await, "forbidden", "{org} {who}");
    }
    let owner = |body| {
        app.ask("Member", Action::Create)
            .by(member("ann"))
            .body(body)
    };
    assert_eq!(
        owner(json!({"org_id": 1, "who": "bob"})).code().await,
        "already_exists"
    );
}

#[tokio::test]
async fn private_names_stay_private_in_conflicts() {
    let app = club().await;
    app.add("Ledger", json!({"member_id": 1})).await;
    let mut contract = app.ask("Member", Action::Delete).id(1);
    let told = contract.request.clone();
    assert!(
        app.engine
            .handle(told)
            .await
            .unwrap_err()
            .detail
            .contains("ledgers")
    );
    contract.request.caller = std::sync::Arc::new(member("bob"));
    assert_eq!(contract.code().await, "forbidden");
}

const DESK: &str = "
frontdesk: 1
name: desk
auth: {api_keys: true}
resources:
  Queue:
    id: string
    fields: {name: string}
    access: {read: public, write: public}
  Ticket:
    id: string
    fields:
      queue:  Queue
      number: {type: integer, sequence: Queue}
      urgent: {type: boolean, default: false}
    access: {read: public, create: '!next.urgent', update: public, delete: nobody}
";

#[tokio::test]
async fn a_put_that_creates_is_judged_as_a_create() {
    let app = App::new(DESK).await;
    let put = |resource, id: &str, body| {
        let mut ask = app.ask(resource, Action::Replace).id(id).body(body);
        ask.request.precondition.absent = true;
        ask.by(key(None, &["queues.write", "tickets.write"], &[]))
    };
    assert_eq!(put("Queue", "q", json!({"name": "q"})).code().await, "ok");
    let calm = json!({"queue_id": "q"});
    let urgent = json!({"queue_id": "q", "urgent": true});
    assert_eq!(put("Ticket", "a", urgent).code().await, "forbidden");
    assert_eq!(put("Ticket", "a", calm).code().await, "ok");
}
