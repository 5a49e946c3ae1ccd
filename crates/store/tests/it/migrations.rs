//! From one contract to the next: what is done, what is refused, and that no row is lost.

use model::Model;
use store::migrate::{self, ApplyError, Risk};
use store::{Dialect, Output, Select, select};
use value::Value;

use crate::support::database::{NOW, wait};
use crate::support::{Database, model};

/// What the plan from one model to another says, for people.
pub fn planned(before: &str, after: &str) -> String {
    planned_for(before, after, Dialect::Sqlite, false)
}

/// The same with the SQL.
pub fn script(before: &str, after: &str, dialect: Dialect) -> String {
    planned_for(before, after, dialect, true)
}

fn planned_for(before: &str, after: &str, dialect: Dialect, sql: bool) -> String {
    let before = (!before.is_empty()).then(|| migrate::describe(&model(before)));
    match migrate::plan(before.as_ref(), &model(after), dialect) {
        Err(refusals) => {
            let refusals: Vec<String> = refusals.iter().map(ToString::to_string).collect();
            format!("refused\n{}", refusals.join("\n"))
        }
        Ok(plan) if plan.is_empty() => "nothing to do".to_owned(),
        Ok(plan) => {
            let mut lines = Vec::new();
            for step in &plan.steps {
                let risk = match step.risk {
                    Risk::Safe => "safe",
                    Risk::Narrows => "narrows",
                    Risk::Locks => "locks",
                    Risk::Loses => "LOSES",
                };
                lines.push(format!("{risk:5} {}", step.what));
                for probe in &step.probes {
                    lines.push(format!("      unless {}", probe.statement.text));
                }
                if sql {
                    lines.extend(step.sql.iter().map(|text| format!("      {text}")));
                }
            }
            lines.join("\n")
        }
    }
}

pub fn text(text: &str) -> Value {
    Value::Text(text.to_owned())
}

/// A database that was brought from one model to the next, with rows put in before.
pub struct Moved {
    pub database: Database,
    now: Model,
}

pub fn moved(before: &str, rows: &[(&str, &[(&str, Value)])], after: &str) -> Moved {
    let (database, now, result) = moving(before, rows, after, true);
    result.unwrap();
    // What was applied is what is wanted: there is nothing left to do.
    assert!(!database.bring(&now).unwrap());
    // And a new database is not different from one that was brought there.
    assert_eq!(database.schema(), Database::of(&now).schema());
    Moved { database, now }
}

pub fn moving(
    before: &str,
    rows: &[(&str, &[(&str, Value)])],
    after: &str,
    allow_data_loss: bool,
) -> (Database, Model, Result<(), ApplyError>) {
    let (before, after) = (model(before), model(after));
    let database = Database::of(&before);
    for (resource, fields) in rows {
        database.insert(&before, resource, fields);
    }
    let applied = wait(migrate::applied(&*database.driver)).unwrap();
    assert!(applied.is_some());
    let plan = migrate::plan(applied.as_ref(), &after, testdb::dialect())
        .unwrap_or_else(|refusals| panic!("{refusals:#?}"));
    let result = wait(migrate::apply(
        &*database.driver,
        &plan,
        NOW,
        allow_data_loss,
    ));
    (database, after, result)
}

/// Why the data stands against it; the database must be as it was.
pub fn refused(before: &str, rows: &[(&str, &[(&str, Value)])], after: &str) -> String {
    let (database, _, result) = moving(before, rows, after, true);
    assert!(
        !database.bring(&model(before)).unwrap(),
        "something was applied"
    );
    match result.unwrap_err() {
        ApplyError::Refused(refusals) => {
            let refusals: Vec<String> = refusals.iter().map(ToString::to_string).collect();
            refusals.join("\n")
        }
        other => panic!("{other}"),
    }
}

impl Moved {
    /// All records of a resource, in the order of their ids, without id and times.
    pub fn rows(&self, resource: &str) -> Vec<Vec<Value>> {
        let resource = self.now.resource_named(resource).unwrap();
        let fields = resource.fields.iter().filter(|field| !field.is_system());
        let outputs = fields.map(|field| Output::Field(field.id)).collect();
        let shape = Select {
            outputs,
            ..Select::new(resource.id)
        };
        let prepared = select::select(&self.now, testdb::dialect(), &shape).unwrap();
        self.database.query(&prepared, &[])
    }
}

const BOOK: &str = "
    Book id=integer
      title text
";

fn dune() -> Vec<(&'static str, &'static [(&'static str, Value)])> {
    let fields: &'static [(&'static str, Value)] = Box::leak(Box::new([("title", text("Dune"))]));
    vec![("Book", fields)]
}

#[test]
fn a_new_database() {
    let shop = "
        Author
          name text index search
        Book id=integer
          title text
          author -> Author
          isbn? text unique
          price money index
          done bool
          unique title,author_id
    ";
    insta::assert_snapshot!(script("", shop, Dialect::Sqlite), @r#"
    safe  create frontdesk's own tables
          CREATE TABLE "frontdesk_migrations" ("id" INTEGER NOT NULL PRIMARY KEY, "system" INTEGER NOT NULL, "applied" TEXT NOT NULL, "steps" TEXT NOT NULL, "at" INTEGER NOT NULL) STRICT
          CREATE TABLE "frontdesk_feed" ("position" INTEGER PRIMARY KEY AUTOINCREMENT, "resource" TEXT NOT NULL, "record" TEXT NOT NULL, "action" TEXT NOT NULL, "version" INTEGER NOT NULL, "at" INTEGER NOT NULL, "caller" TEXT, "before" TEXT, "after" TEXT) STRICT
          CREATE INDEX "frontdesk_feed__at" ON "frontdesk_feed" ("at")
          CREATE TABLE "frontdesk_keys" ("id" TEXT NOT NULL PRIMARY KEY, "name" TEXT NOT NULL, "hash" TEXT NOT NULL, "scopes" TEXT NOT NULL, "user_id" TEXT, "claims" TEXT NOT NULL, "admin" INTEGER NOT NULL, "created_at" INTEGER NOT NULL, "expires_at" INTEGER, "revoked_at" INTEGER, "last_used_at" INTEGER) STRICT
          CREATE UNIQUE INDEX "frontdesk_keys__hash__unique" ON "frontdesk_keys" ("hash")
          CREATE TABLE "frontdesk_secrets" ("name" TEXT NOT NULL PRIMARY KEY, "value" TEXT NOT NULL, "created_at" INTEGER NOT NULL) STRICT
          CREATE TABLE "frontdesk_answers" ("id" BLOB NOT NULL PRIMARY KEY, "fingerprint" BLOB NOT NULL, "rights" BLOB NOT NULL, "answer" TEXT NOT NULL, "at" INTEGER NOT NULL) STRICT
          CREATE INDEX "frontdesk_answers__at" ON "frontdesk_answers" ("at")
          CREATE TABLE "frontdesk_imports" ("name" TEXT NOT NULL PRIMARY KEY, "state" TEXT NOT NULL, "finished" INTEGER NOT NULL, "updated_at" INTEGER NOT NULL) STRICT
          CREATE TABLE "frontdesk_imports_waiting" ("import" TEXT NOT NULL, "resource" TEXT NOT NULL, "line" INTEGER NOT NULL, "own" TEXT NOT NULL, "target" TEXT NOT NULL, "record" TEXT NOT NULL, PRIMARY KEY ("import", "resource", "line")) STRICT
          CREATE INDEX "frontdesk_imports_waiting__target" ON "frontdesk_imports_waiting" ("import", "target")
          CREATE INDEX "frontdesk_imports_waiting__own" ON "frontdesk_imports_waiting" ("import", "own")
          CREATE TABLE "frontdesk_operations" ("id" BLOB NOT NULL PRIMARY KEY, "owner" BLOB NOT NULL, "state" TEXT NOT NULL, "answer" TEXT, "began" INTEGER NOT NULL, "until" INTEGER NOT NULL, "ended" INTEGER) STRICT
          CREATE INDEX "frontdesk_operations__began" ON "frontdesk_operations" ("began")
          ALTER TABLE "frontdesk_keys" ADD COLUMN "audience" TEXT NOT NULL DEFAULT 'public'
          CREATE TABLE "frontdesk_sequences" ("sequence" TEXT NOT NULL, "parent" TEXT NOT NULL, "last" INTEGER NOT NULL, PRIMARY KEY ("sequence", "parent")) STRICT, WITHOUT ROWID
          CREATE TABLE "frontdesk_leases" ("node" BLOB NOT NULL PRIMARY KEY, "until" INTEGER NOT NULL) STRICT
          ALTER TABLE "frontdesk_operations" ADD COLUMN "node" BLOB
          ALTER TABLE "frontdesk_operations" ADD COLUMN "kept" BLOB
          ALTER TABLE "frontdesk_operations" ADD COLUMN "rights" BLOB
          DROP INDEX "frontdesk_feed__at"
          CREATE TABLE "frontdesk_feed_slim" ("position" INTEGER PRIMARY KEY, "resource" TEXT NOT NULL, "record" TEXT NOT NULL, "action" TEXT NOT NULL, "version" INTEGER NOT NULL, "at" INTEGER NOT NULL, "caller" TEXT, "before" TEXT, "after" TEXT) STRICT
          INSERT INTO "frontdesk_feed_slim" SELECT * FROM "frontdesk_feed"
          DROP TABLE "frontdesk_feed"
          ALTER TABLE "frontdesk_feed_slim" RENAME TO "frontdesk_feed"
          ALTER TABLE "frontdesk_answers" ADD COLUMN "operation" BLOB
          CREATE TABLE "frontdesk_accounts" ("id" TEXT NOT NULL PRIMARY KEY, "user" TEXT NOT NULL, "email" TEXT NOT NULL, "address" TEXT NOT NULL, "verified_at" INTEGER, "password" TEXT, "password_at" INTEGER, "totp" TEXT, "totp_at" INTEGER, "totp_step" INTEGER, "epoch" INTEGER NOT NULL, "language" TEXT, "created_at" INTEGER NOT NULL, "signed_in_at" INTEGER, "disabled_at" INTEGER) STRICT
          CREATE UNIQUE INDEX "frontdesk_accounts__user__unique" ON "frontdesk_accounts" ("user")
          CREATE UNIQUE INDEX "frontdesk_accounts__address__unique" ON "frontdesk_accounts" ("address")
          CREATE TABLE "frontdesk_passkeys" ("id" TEXT NOT NULL PRIMARY KEY, "account" TEXT NOT NULL, "name" TEXT NOT NULL, "data" TEXT NOT NULL, "created_at" INTEGER NOT NULL, "used_at" INTEGER) STRICT
          CREATE INDEX "frontdesk_passkeys__account" ON "frontdesk_passkeys" ("account")
          CREATE TABLE "frontdesk_recovery_codes" ("hash" TEXT NOT NULL PRIMARY KEY, "account" TEXT NOT NULL, "created_at" INTEGER NOT NULL, "used_at" INTEGER) STRICT
          CREATE INDEX "frontdesk_recovery_codes__account" ON "frontdesk_recovery_codes" ("account")
          CREATE TABLE "frontdesk_tickets" ("hash" TEXT NOT NULL PRIMARY KEY, "purpose" TEXT NOT NULL, "account" TEXT, "handle" TEXT, "payload" TEXT NOT NULL, "created_at" INTEGER NOT NULL, "expires_at" INTEGER NOT NULL, "used_at" INTEGER) STRICT
          CREATE UNIQUE INDEX "frontdesk_tickets__purpose__handle__unique" ON "frontdesk_tickets" ("purpose", "handle")
          CREATE INDEX "frontdesk_tickets__account" ON "frontdesk_tickets" ("account")
          CREATE INDEX "frontdesk_tickets__expires_at" ON "frontdesk_tickets" ("expires_at")
          CREATE TABLE "frontdesk_sessions" ("id" TEXT NOT NULL PRIMARY KEY, "hash" TEXT NOT NULL, "account" TEXT NOT NULL, "user" TEXT NOT NULL, "methods" TEXT NOT NULL, "authenticated_at" INTEGER NOT NULL, "client_address" TEXT, "agent" TEXT, "created_at" INTEGER NOT NULL, "seen_at" INTEGER NOT NULL, "expires_at" INTEGER NOT NULL, "ended_at" INTEGER) STRICT
          CREATE UNIQUE INDEX "frontdesk_sessions__hash__unique" ON "frontdesk_sessions" ("hash")
          CREATE INDEX "frontdesk_sessions__account" ON "frontdesk_sessions" ("account")
          CREATE INDEX "frontdesk_sessions__expires_at" ON "frontdesk_sessions" ("expires_at")
          CREATE TABLE "frontdesk_families" ("id" TEXT NOT NULL PRIMARY KEY, "account" TEXT NOT NULL, "client" TEXT NOT NULL, "session" TEXT, "scopes" TEXT, "audience" TEXT NOT NULL, "binding" TEXT, "methods" TEXT NOT NULL, "authenticated_at" INTEGER NOT NULL, "hash" TEXT NOT NULL, "previous" TEXT, "rotated_at" INTEGER NOT NULL, "client_address" TEXT, "agent" TEXT, "created_at" INTEGER NOT NULL, "idle_until" INTEGER NOT NULL, "expires_at" INTEGER NOT NULL, "ended_at" INTEGER, "why" TEXT) STRICT
          CREATE INDEX "frontdesk_families__account" ON "frontdesk_families" ("account")
          CREATE INDEX "frontdesk_families__client" ON "frontdesk_families" ("client")
          CREATE INDEX "frontdesk_families__session" ON "frontdesk_families" ("session")
          CREATE INDEX "frontdesk_families__expires_at" ON "frontdesk_families" ("expires_at")
          CREATE TABLE "frontdesk_grants" ("id" TEXT NOT NULL PRIMARY KEY, "account" TEXT NOT NULL, "client" TEXT NOT NULL, "resource" TEXT NOT NULL, "scopes" TEXT NOT NULL, "created_at" INTEGER NOT NULL, "updated_at" INTEGER NOT NULL) STRICT
          CREATE UNIQUE INDEX "frontdesk_grants__account__client__resource__unique" ON "frontdesk_grants" ("account", "client", "resource")
          CREATE INDEX "frontdesk_grants__client" ON "frontdesk_grants" ("client")
          CREATE TABLE "frontdesk_clients" ("id" TEXT NOT NULL PRIMARY KEY, "data" TEXT NOT NULL, "secrets" TEXT NOT NULL, "created_at" INTEGER NOT NULL, "disabled_at" INTEGER) STRICT
          CREATE TABLE "frontdesk_signing_keys" ("id" TEXT NOT NULL PRIMARY KEY, "algorithm" TEXT NOT NULL, "public" TEXT NOT NULL, "private" TEXT NOT NULL, "created_at" INTEGER NOT NULL, "signs_at" INTEGER NOT NULL, "revoked_at" INTEGER) STRICT
          CREATE TABLE "frontdesk_denied" ("position" INTEGER NOT NULL PRIMARY KEY AUTOINCREMENT, "kind" TEXT NOT NULL, "subject" TEXT NOT NULL, "epoch" INTEGER, "at" INTEGER NOT NULL, "until" INTEGER NOT NULL) STRICT
          CREATE INDEX "frontdesk_denied__until" ON "frontdesk_denied" ("until")
          CREATE TABLE "frontdesk_audit" ("position" INTEGER NOT NULL PRIMARY KEY, "at" INTEGER NOT NULL, "action" TEXT NOT NULL, "outcome" TEXT NOT NULL, "actor" TEXT NOT NULL, "subject" TEXT, "client" TEXT, "client_address" TEXT, "detail" TEXT NOT NULL, "hash" TEXT NOT NULL) STRICT
          CREATE INDEX "frontdesk_audit__at" ON "frontdesk_audit" ("at")
          CREATE INDEX "frontdesk_audit__actor" ON "frontdesk_audit" ("actor")
          CREATE INDEX "frontdesk_audit__subject" ON "frontdesk_audit" ("subject")
          CREATE TABLE "frontdesk_logins" ("id" TEXT NOT NULL PRIMARY KEY, "provider" TEXT NOT NULL, "issuer" TEXT NOT NULL, "subject" TEXT NOT NULL, "account" TEXT NOT NULL, "email" TEXT, "created_at" INTEGER NOT NULL, "used_at" INTEGER) STRICT
          CREATE UNIQUE INDEX "frontdesk_logins__issuer__subject__unique" ON "frontdesk_logins" ("issuer", "subject")
          CREATE INDEX "frontdesk_logins__account" ON "frontdesk_logins" ("account")
          CREATE TABLE "frontdesk_sealed" ("name" TEXT NOT NULL PRIMARY KEY, "value" TEXT NOT NULL, "created_at" INTEGER NOT NULL, "updated_at" INTEGER NOT NULL) STRICT
    safe  Author: create the table `author`
          CREATE TABLE "author" ("id" BLOB NOT NULL PRIMARY KEY, "name" TEXT NOT NULL, "created_at" INTEGER NOT NULL, "updated_at" INTEGER NOT NULL, "_version" INTEGER NOT NULL, "_search" TEXT NOT NULL DEFAULT '') STRICT
          CREATE INDEX "author__name__index" ON "author" ("name", "id")
    safe  Book: create the table `book`
          CREATE TABLE "book" ("id" INTEGER PRIMARY KEY AUTOINCREMENT, "title" TEXT NOT NULL, "author_id" BLOB NOT NULL REFERENCES "author" ("id") ON DELETE RESTRICT, "isbn" TEXT, "price_amount" INTEGER NOT NULL, "price_currency" TEXT NOT NULL, "done" INTEGER NOT NULL, "created_at" INTEGER NOT NULL, "updated_at" INTEGER NOT NULL, "_version" INTEGER NOT NULL) STRICT
          CREATE INDEX "book__author_id__index" ON "book" ("author_id")
          CREATE UNIQUE INDEX "book__isbn__unique" ON "book" ("isbn")
          CREATE INDEX "book__price__index" ON "book" ("price_amount", "price_currency")
          CREATE UNIQUE INDEX "book__title__author_id__unique" ON "book" ("title", "author_id")
    "#);
    insta::assert_snapshot!(script("", shop, Dialect::Postgres), @r#"
    safe  create frontdesk's own tables
          CREATE TABLE "frontdesk_migrations" ("id" bigint NOT NULL PRIMARY KEY, "system" bigint NOT NULL, "applied" text COLLATE "C" NOT NULL, "steps" text COLLATE "C" NOT NULL, "at" timestamptz NOT NULL)
          CREATE TABLE "frontdesk_feed" ("id" bigint GENERATED BY DEFAULT AS IDENTITY PRIMARY KEY, "position" bigint, "resource" text COLLATE "C" NOT NULL, "record" text COLLATE "C" NOT NULL, "action" text COLLATE "C" NOT NULL, "version" bigint NOT NULL, "at" timestamptz NOT NULL, "caller" text COLLATE "C", "before" json, "after" json)
          CREATE INDEX "frontdesk_feed__at" ON "frontdesk_feed" ("at")
          CREATE TABLE "frontdesk_keys" ("id" text COLLATE "C" NOT NULL PRIMARY KEY, "name" text COLLATE "C" NOT NULL, "hash" text COLLATE "C" NOT NULL, "scopes" json NOT NULL, "user_id" text COLLATE "C", "claims" json NOT NULL, "admin" boolean NOT NULL, "created_at" timestamptz NOT NULL, "expires_at" timestamptz, "revoked_at" timestamptz, "last_used_at" timestamptz)
          CREATE UNIQUE INDEX "frontdesk_keys__hash__unique" ON "frontdesk_keys" ("hash")
          CREATE TABLE "frontdesk_secrets" ("name" text COLLATE "C" NOT NULL PRIMARY KEY, "value" text COLLATE "C" NOT NULL, "created_at" timestamptz NOT NULL)
          CREATE UNIQUE INDEX "frontdesk_feed__position" ON "frontdesk_feed" ("position")
          CREATE INDEX "frontdesk_feed__waiting" ON "frontdesk_feed" ("id") WHERE "position" IS NULL
          CREATE TABLE "frontdesk_feed_end" ("position" bigint NOT NULL)
          INSERT INTO "frontdesk_feed_end" ("position") VALUES (0)
          CREATE TABLE "frontdesk_answers" ("id" uuid NOT NULL PRIMARY KEY, "fingerprint" uuid NOT NULL, "rights" uuid NOT NULL, "answer" text COLLATE "C" NOT NULL, "at" timestamptz NOT NULL)
          CREATE INDEX "frontdesk_answers__at" ON "frontdesk_answers" ("at")
          CREATE TABLE "frontdesk_imports" ("name" text COLLATE "C" NOT NULL PRIMARY KEY, "state" text COLLATE "C" NOT NULL, "finished" boolean NOT NULL, "updated_at" timestamptz NOT NULL)
          CREATE TABLE "frontdesk_imports_waiting" ("import" text COLLATE "C" NOT NULL, "resource" text COLLATE "C" NOT NULL, "line" bigint NOT NULL, "own" text COLLATE "C" NOT NULL, "target" text COLLATE "C" NOT NULL, "record" text COLLATE "C" NOT NULL, PRIMARY KEY ("import", "resource", "line"))
          CREATE INDEX "frontdesk_imports_waiting__target" ON "frontdesk_imports_waiting" ("import", "target")
          CREATE INDEX "frontdesk_imports_waiting__own" ON "frontdesk_imports_waiting" ("import", "own")
          CREATE TABLE "frontdesk_operations" ("id" uuid NOT NULL PRIMARY KEY, "owner" uuid NOT NULL, "state" text COLLATE "C" NOT NULL, "answer" text COLLATE "C", "began" timestamptz NOT NULL, "until" timestamptz NOT NULL, "ended" timestamptz)
          CREATE INDEX "frontdesk_operations__began" ON "frontdesk_operations" ("began")
          ALTER TABLE "frontdesk_keys" ADD COLUMN "audience" text COLLATE "C" NOT NULL DEFAULT 'public'
          CREATE TABLE "frontdesk_sequences" ("sequence" text COLLATE "C" NOT NULL, "parent" text COLLATE "C" NOT NULL, "last" bigint NOT NULL, PRIMARY KEY ("sequence", "parent"))
          CREATE TABLE "frontdesk_leases" ("node" uuid NOT NULL PRIMARY KEY, "until" timestamptz NOT NULL)
          ALTER TABLE "frontdesk_operations" ADD COLUMN "node" uuid
          ALTER TABLE "frontdesk_operations" ADD COLUMN "kept" uuid
          ALTER TABLE "frontdesk_operations" ADD COLUMN "rights" uuid
          DROP INDEX "frontdesk_feed__at"
          ALTER TABLE "frontdesk_answers" ADD COLUMN "operation" uuid
          CREATE TABLE "frontdesk_accounts" ("id" text COLLATE "C" NOT NULL PRIMARY KEY, "user" text COLLATE "C" NOT NULL, "email" text COLLATE "C" NOT NULL, "address" text COLLATE "C" NOT NULL, "verified_at" timestamptz, "password" text COLLATE "C", "password_at" timestamptz, "totp" text COLLATE "C", "totp_at" timestamptz, "totp_step" bigint, "epoch" bigint NOT NULL, "language" text COLLATE "C", "created_at" timestamptz NOT NULL, "signed_in_at" timestamptz, "disabled_at" timestamptz)
          CREATE UNIQUE INDEX "frontdesk_accounts__user__unique" ON "frontdesk_accounts" ("user")
          CREATE UNIQUE INDEX "frontdesk_accounts__address__unique" ON "frontdesk_accounts" ("address")
          CREATE TABLE "frontdesk_passkeys" ("id" text COLLATE "C" NOT NULL PRIMARY KEY, "account" text COLLATE "C" NOT NULL, "name" text COLLATE "C" NOT NULL, "data" json NOT NULL, "created_at" timestamptz NOT NULL, "used_at" timestamptz)
          CREATE INDEX "frontdesk_passkeys__account" ON "frontdesk_passkeys" ("account")
          CREATE TABLE "frontdesk_recovery_codes" ("hash" text COLLATE "C" NOT NULL PRIMARY KEY, "account" text COLLATE "C" NOT NULL, "created_at" timestamptz NOT NULL, "used_at" timestamptz)
          CREATE INDEX "frontdesk_recovery_codes__account" ON "frontdesk_recovery_codes" ("account")
          CREATE TABLE "frontdesk_tickets" ("hash" text COLLATE "C" NOT NULL PRIMARY KEY, "purpose" text COLLATE "C" NOT NULL, "account" text COLLATE "C", "handle" text COLLATE "C", "payload" json NOT NULL, "created_at" timestamptz NOT NULL, "expires_at" timestamptz NOT NULL, "used_at" timestamptz)
          CREATE UNIQUE INDEX "frontdesk_tickets__purpose__handle__unique" ON "frontdesk_tickets" ("purpose", "handle")
          CREATE INDEX "frontdesk_tickets__account" ON "frontdesk_tickets" ("account")
          CREATE INDEX "frontdesk_tickets__expires_at" ON "frontdesk_tickets" ("expires_at")
          CREATE TABLE "frontdesk_sessions" ("id" text COLLATE "C" NOT NULL PRIMARY KEY, "hash" text COLLATE "C" NOT NULL, "account" text COLLATE "C" NOT NULL, "user" text COLLATE "C" NOT NULL, "methods" json NOT NULL, "authenticated_at" timestamptz NOT NULL, "client_address" text COLLATE "C", "agent" text COLLATE "C", "created_at" timestamptz NOT NULL, "seen_at" timestamptz NOT NULL, "expires_at" timestamptz NOT NULL, "ended_at" timestamptz)
          CREATE UNIQUE INDEX "frontdesk_sessions__hash__unique" ON "frontdesk_sessions" ("hash")
          CREATE INDEX "frontdesk_sessions__account" ON "frontdesk_sessions" ("account")
          CREATE INDEX "frontdesk_sessions__expires_at" ON "frontdesk_sessions" ("expires_at")
          CREATE TABLE "frontdesk_families" ("id" text COLLATE "C" NOT NULL PRIMARY KEY, "account" text COLLATE "C" NOT NULL, "client" text COLLATE "C" NOT NULL, "session" text COLLATE "C", "scopes" json, "audience" json NOT NULL, "binding" json, "methods" json NOT NULL, "authenticated_at" timestamptz NOT NULL, "hash" text COLLATE "C" NOT NULL, "previous" text COLLATE "C", "rotated_at" timestamptz NOT NULL, "client_address" text COLLATE "C", "agent" text COLLATE "C", "created_at" timestamptz NOT NULL, "idle_until" timestamptz NOT NULL, "expires_at" timestamptz NOT NULL, "ended_at" timestamptz, "why" text COLLATE "C")
          CREATE INDEX "frontdesk_families__account" ON "frontdesk_families" ("account")
          CREATE INDEX "frontdesk_families__client" ON "frontdesk_families" ("client")
          CREATE INDEX "frontdesk_families__session" ON "frontdesk_families" ("session")
          CREATE INDEX "frontdesk_families__expires_at" ON "frontdesk_families" ("expires_at")
          CREATE TABLE "frontdesk_grants" ("id" text COLLATE "C" NOT NULL PRIMARY KEY, "account" text COLLATE "C" NOT NULL, "client" text COLLATE "C" NOT NULL, "resource" text COLLATE "C" NOT NULL, "scopes" json NOT NULL, "created_at" timestamptz NOT NULL, "updated_at" timestamptz NOT NULL)
          CREATE UNIQUE INDEX "frontdesk_grants__account__client__resource__unique" ON "frontdesk_grants" ("account", "client", "resource")
          CREATE INDEX "frontdesk_grants__client" ON "frontdesk_grants" ("client")
          CREATE TABLE "frontdesk_clients" ("id" text COLLATE "C" NOT NULL PRIMARY KEY, "data" json NOT NULL, "secrets" json NOT NULL, "created_at" timestamptz NOT NULL, "disabled_at" timestamptz)
          CREATE TABLE "frontdesk_signing_keys" ("id" text COLLATE "C" NOT NULL PRIMARY KEY, "algorithm" text COLLATE "C" NOT NULL, "public" json NOT NULL, "private" text COLLATE "C" NOT NULL, "created_at" timestamptz NOT NULL, "signs_at" timestamptz NOT NULL, "revoked_at" timestamptz)
          CREATE TABLE "frontdesk_denied" ("position" bigint GENERATED BY DEFAULT AS IDENTITY PRIMARY KEY, "kind" text COLLATE "C" NOT NULL, "subject" text COLLATE "C" NOT NULL, "epoch" bigint, "at" timestamptz NOT NULL, "until" timestamptz NOT NULL)
          CREATE INDEX "frontdesk_denied__until" ON "frontdesk_denied" ("until")
          CREATE TABLE "frontdesk_audit" ("position" bigint NOT NULL PRIMARY KEY, "at" timestamptz NOT NULL, "action" text COLLATE "C" NOT NULL, "outcome" text COLLATE "C" NOT NULL, "actor" text COLLATE "C" NOT NULL, "subject" text COLLATE "C", "client" text COLLATE "C", "client_address" text COLLATE "C", "detail" json NOT NULL, "hash" text COLLATE "C" NOT NULL)
          CREATE INDEX "frontdesk_audit__at" ON "frontdesk_audit" ("at")
          CREATE INDEX "frontdesk_audit__actor" ON "frontdesk_audit" ("actor")
          CREATE INDEX "frontdesk_audit__subject" ON "frontdesk_audit" ("subject")
          CREATE TABLE "frontdesk_logins" ("id" text COLLATE "C" NOT NULL PRIMARY KEY, "provider" text COLLATE "C" NOT NULL, "issuer" text COLLATE "C" NOT NULL, "subject" text COLLATE "C" NOT NULL, "account" text COLLATE "C" NOT NULL, "email" text COLLATE "C", "created_at" timestamptz NOT NULL, "used_at" timestamptz)
          CREATE UNIQUE INDEX "frontdesk_logins__issuer__subject__unique" ON "frontdesk_logins" ("issuer", "subject")
          CREATE INDEX "frontdesk_logins__account" ON "frontdesk_logins" ("account")
          CREATE TABLE "frontdesk_sealed" ("name" text COLLATE "C" NOT NULL PRIMARY KEY, "value" text COLLATE "C" NOT NULL, "created_at" timestamptz NOT NULL, "updated_at" timestamptz NOT NULL)
    safe  Author: create the table `author`
          CREATE TABLE "author" ("id" uuid NOT NULL CONSTRAINT "author__key" PRIMARY KEY, "name" text COLLATE "C" NOT NULL, "created_at" timestamptz NOT NULL, "updated_at" timestamptz NOT NULL, "_version" bigint NOT NULL, "_search" text COLLATE "C" NOT NULL DEFAULT '')
          CREATE INDEX "author__name__index" ON "author" ("name" NULLS FIRST, "id" NULLS FIRST)
    safe  Book: create the table `book`
          CREATE TABLE "book" ("id" bigint GENERATED BY DEFAULT AS IDENTITY NOT NULL CONSTRAINT "book__key" PRIMARY KEY, "title" text COLLATE "C" NOT NULL, "author_id" uuid NOT NULL, "isbn" text COLLATE "C", "price_amount" numeric(18,6) NOT NULL, "price_currency" text COLLATE "C" NOT NULL, "done" boolean NOT NULL, "created_at" timestamptz NOT NULL, "updated_at" timestamptz NOT NULL, "_version" bigint NOT NULL)
          CREATE INDEX "book__author_id__index" ON "book" ("author_id" NULLS FIRST, "id" NULLS FIRST)
          CREATE UNIQUE INDEX "book__isbn__unique" ON "book" ("isbn" NULLS FIRST)
          CREATE INDEX "book__price__index" ON "book" ("price_amount" NULLS FIRST, "price_currency" NULLS FIRST, "id" NULLS FIRST)
          CREATE UNIQUE INDEX "book__title__author_id__unique" ON "book" ("title" NULLS FIRST, "author_id" NULLS FIRST)
    safe  Book: tie it to what it points to
          ALTER TABLE "book" ADD CONSTRAINT "book__author_id__reference" FOREIGN KEY ("author_id") REFERENCES "author" ("id") ON DELETE RESTRICT DEFERRABLE
    "#);
}

#[test]
fn the_same_again_is_nothing_to_do() {
    assert_eq!(planned(BOOK, BOOK), "nothing to do");
    let database = Database::of(&model(BOOK));
    assert!(!database.bring(&model(BOOK)).unwrap());
}

#[test]
fn fields_are_added() {
    let after = "
        Book id=integer
          title text
          isbn? text unique
          pages int default=1
          price money default=1.50_EUR
          tags list(text) default=[\"it's\"]
          day date default=2026-11-22 index
    ";
    insta::assert_snapshot!(script(BOOK, after, Dialect::Sqlite), @r#"
        safe  Book: add `isbn`
              ALTER TABLE "book" ADD COLUMN "isbn" TEXT
        safe  Book: add `pages`
              ALTER TABLE "book" ADD COLUMN "pages" INTEGER NOT NULL DEFAULT 1
        safe  Book: add `price`
              ALTER TABLE "book" ADD COLUMN "price_amount" INTEGER NOT NULL DEFAULT 1500000
              ALTER TABLE "book" ADD COLUMN "price_currency" TEXT NOT NULL DEFAULT 'EUR'
        safe  Book: add `tags`
              ALTER TABLE "book" ADD COLUMN "tags" TEXT NOT NULL DEFAULT '["it''s"]'
        safe  Book: add `day`
              ALTER TABLE "book" ADD COLUMN "day" INTEGER NOT NULL DEFAULT 20779
        locks Book: `isbn` must be unique
              CREATE UNIQUE INDEX "book__isbn__unique" ON "book" ("isbn")
        locks Book: `day` is indexed
              CREATE INDEX "book__day__index" ON "book" ("day")
        "#);
    insta::assert_snapshot!(script(BOOK, after, Dialect::Postgres), @r#"
    safe  Book: add `isbn`
          ALTER TABLE "book" ADD COLUMN "isbn" text COLLATE "C"
    safe  Book: add `pages`
          ALTER TABLE "book" ADD COLUMN "pages" bigint NOT NULL DEFAULT 1
    safe  Book: add `price`
          ALTER TABLE "book" ADD COLUMN "price_amount" numeric(18,6) NOT NULL DEFAULT 1.5
          ALTER TABLE "book" ADD COLUMN "price_currency" text COLLATE "C" NOT NULL DEFAULT 'EUR'
    safe  Book: add `tags`
          ALTER TABLE "book" ADD COLUMN "tags" json NOT NULL DEFAULT '["it''s"]'
    safe  Book: add `day`
          ALTER TABLE "book" ADD COLUMN "day" date NOT NULL DEFAULT date '1970-01-01' + 20779
    locks Book: `isbn` must be unique
          CREATE UNIQUE INDEX "book__isbn__unique" ON "book" ("isbn" NULLS FIRST)
    locks Book: `day` is indexed
          CREATE INDEX "book__day__index" ON "book" ("day" NULLS FIRST, "id" NULLS FIRST)
    "#);
    let moved = moved(BOOK, &dune(), after);
    let price = Value::Money(value::Money::parse("1.5 EUR").unwrap());
    let day = Value::Date(value::Date::parse("2026-11-22").unwrap());
    let tags = Value::List(vec![text("it's")]);
    assert_eq!(
        moved.rows("Book"),
        [[text("Dune"), Value::Null, Value::Int(1), price, tags, day]]
    );
}

#[test]
fn a_required_field_needs_a_value_for_the_records_there_are() {
    let after = "
        Author
          name text
        Book id=integer
          title text
          pages int
          author -> Author
    ";
    insta::assert_snapshot!(planned(BOOK, after), @r#"
        safe  Author: create the table `author`
        narrows Book: add `pages`
              unless SELECT COUNT(*) FROM "book"
        narrows Book: add `author_id`
              unless SELECT COUNT(*) FROM "book"
        locks Book: `author_id` is indexed
        "#);
    insta::assert_snapshot!(refused(BOOK, &dune(), after), @r#"
        Book: `pages` is required, but the records that are there have none (1)
          help: give them one: `default: …` in `pages`
            or: let it be empty: `pages?`
        Book: `author` is required, but the records that are there have none (1)
          help: let it be empty: `author?`
        "#);
    moved(BOOK, &[], after);
}

#[test]
fn a_vanished_field_is_renamed_or_removed_but_never_guessed() {
    let renamed = "
        Book id=integer
          name text
    ";
    insta::assert_snapshot!(planned(BOOK, renamed), @r#"
        refused
        Book: `title` is gone from the contract: renamed or removed?
          help: if `name` is its new name, write `was: title` in `name`
            or: if its data may go, write `removed: [title]` in Book
        "#);
    let gone = "
        Book id=integer
          pages? int
    ";
    insta::assert_snapshot!(planned(BOOK, gone), @r#"
        refused
        Book: `title` is gone from the contract: renamed or removed?
          help: if it was renamed, write `was: title` in the field with its new name
            or: if its data may go, write `removed: [title]` in Book
        "#);

    let said = "
        Book id=integer
          name text was=title index
    ";
    insta::assert_snapshot!(script(BOOK, said, Dialect::Sqlite), @r#"
        safe  Book: rename `title` to `name`
              ALTER TABLE "book" RENAME COLUMN "title" TO "name"
        locks Book: `name` is indexed
              CREATE INDEX "book__name__index" ON "book" ("name")
        "#);
    assert_eq!(moved(BOOK, &dune(), said).rows("Book"), [[text("Dune")]]);

    let removed = "
        Book id=integer
          pages? int
          removed title
    ";
    insta::assert_snapshot!(script(BOOK, removed, Dialect::Sqlite), @r#"
        safe  Book: add `pages`
        LOSES Book: drop `title` and what it holds
        locks Book: build the table anew
              CREATE TABLE "frontdesk_rebuilt" ("id" INTEGER PRIMARY KEY AUTOINCREMENT, "pages" INTEGER, "created_at" INTEGER NOT NULL, "updated_at" INTEGER NOT NULL, "_version" INTEGER NOT NULL) STRICT
              INSERT INTO "frontdesk_rebuilt" ("id", "pages", "created_at", "updated_at", "_version") SELECT "id", NULL, "created_at", "updated_at", "_version" FROM "book"
              DELETE FROM sqlite_sequence WHERE name = 'frontdesk_rebuilt'
              INSERT INTO sqlite_sequence (name, seq) SELECT 'frontdesk_rebuilt', seq FROM sqlite_sequence WHERE name = 'book'
              DROP TABLE "book"
              ALTER TABLE "frontdesk_rebuilt" RENAME TO "book"
        "#);
    insta::assert_snapshot!(script(BOOK, removed, Dialect::Postgres), @r#"
        safe  Book: add `pages`
              ALTER TABLE "book" ADD COLUMN "pages" bigint
        LOSES Book: drop `title` and what it holds
              ALTER TABLE "book" DROP COLUMN "title"
        "#);
    assert_eq!(moved(BOOK, &dune(), removed).rows("Book"), [[Value::Null]]);

    let (database, _, result) = moving(BOOK, &dune(), removed, false);
    insta::assert_snapshot!(result.unwrap_err(), @"this loses data: Book: drop `title` and what it holds; allow it with --allow-data-loss");
    assert_eq!(database.texts("SELECT title FROM book"), ["Dune"]);
}

#[test]
fn a_relation_is_renamed_by_its_name() {
    let before = "
        Author
          name text
        Book id=integer
          author -> Author
    ";
    let after = "
        Author
          name text
        Book id=integer
          writer -> Author was=author
    ";
    insta::assert_snapshot!(script(before, after, Dialect::Sqlite), @r#"
        safe  Book: rename `author_id` to `writer_id`
              ALTER TABLE "book" RENAME COLUMN "author_id" TO "writer_id"
        locks Book: restore its indexes
              DROP INDEX IF EXISTS "book__author_id__index"
              CREATE INDEX "book__writer_id__index" ON "book" ("writer_id")
        "#);
    let id = Value::Uuid([1; 16]);
    let rows: [(&str, &[(&str, Value)]); 2] = [
        ("Author", &[("id", id.clone()), ("name", text("x"))]),
        ("Book", &[("author_id", id.clone())]),
    ];
    assert_eq!(moved(before, &rows, after).rows("Book"), [[id]]);
    let gone = "
        Author
          name text
        Book id=integer
          pages? int
    ";
    insta::assert_snapshot!(planned(before, gone), @r#"
        refused
        Book: `author` is gone from the contract: renamed or removed?
          help: if it was renamed, write `was: author` in the field with its new name
            or: if its data may go, write `removed: [author]` in Book
        "#);
}

#[test]
fn a_resource_is_renamed_with_what_points_to_it() {
    let before = "
        Author
          name text unique
        Book id=integer
          author -> Author
          title text index
    ";
    let after = "
        Writer was=Author
          name text unique
        Tome id=integer was=Book
          author -> Writer
          title text index
    ";
    insta::assert_snapshot!(script(before, after, Dialect::Sqlite), @r#"
        safe  Writer: rename the table `author` to `writer`
              ALTER TABLE "author" RENAME TO "writer"
        safe  Tome: rename the table `book` to `tome`
              ALTER TABLE "book" RENAME TO "tome"
        locks Writer: restore its indexes
              DROP INDEX IF EXISTS "author__name__unique"
              CREATE UNIQUE INDEX "writer__name__unique" ON "writer" ("name")
        locks Tome: restore its indexes
              DROP INDEX IF EXISTS "book__author_id__index"
              DROP INDEX IF EXISTS "book__title__index"
              CREATE INDEX "tome__author_id__index" ON "tome" ("author_id")
              CREATE INDEX "tome__title__index" ON "tome" ("title")
        "#);
    let id = Value::Uuid([1; 16]);
    let rows: [(&str, &[(&str, Value)]); 2] = [
        ("Author", &[("id", id.clone()), ("name", text("x"))]),
        (
            "Book",
            &[("author_id", id.clone()), ("title", text("Dune"))],
        ),
    ];
    let moved = moved(before, &rows, after);
    assert_eq!(moved.rows("Tome"), [[id, text("Dune")]]);
}

#[test]
fn two_resources_may_swap_their_names() {
    let before = "
        A
          x text
        B
          y text
    ";
    // `was` counts only where the old name is free, so swapping takes two contracts.
    let between = "
        C was=A
          x text
        B
          y text
    ";
    let after = "
        B was=C
          x text
        A was=B
          y text
    ";
    let rows: [(&str, &[(&str, Value)]); 2] = [
        ("A", &[("id", Value::Uuid([1; 16])), ("x", text("a"))]),
        ("B", &[("id", Value::Uuid([2; 16])), ("y", text("b"))]),
    ];
    let moved = moved(before, &rows, between);
    assert_eq!(moved.rows("C"), [[text("a")]]);
    insta::assert_snapshot!(planned(between, after), @r#"
        refused
        B: `y` is gone from the contract: renamed or removed?
          help: if `x` is its new name, write `was: y` in `x`
            or: if its data may go, write `removed: [y]` in B
        "#);
}

#[test]
fn a_vanished_resource_is_dropped_only_when_allowed() {
    let after = "
        Tome id=integer
          title text
    ";
    insta::assert_snapshot!(planned(BOOK, after), @r#"
        LOSES Book: drop the table `book` and all its records (renamed or removed? if `Tome` is its new name, write `was: Book` there)
        safe  Tome: create the table `tome`
        "#);
    let (_, _, result) = moving(BOOK, &dune(), after, false);
    assert!(matches!(result, Err(ApplyError::Loses(_))));
    let moved = moved(BOOK, &dune(), after);
    assert!(moved.rows("Tome").is_empty());
}

#[test]
fn a_relation_and_its_target_go_together() {
    let before = "
        Author
          name text
        Book id=integer
          title text
          author? -> Author
    ";
    let after = "
        Book id=integer
          title text
          removed author
    ";
    let id = Value::Uuid([1; 16]);
    let rows: [(&str, &[(&str, Value)]); 2] = [
        ("Author", &[("id", id.clone()), ("name", text("x"))]),
        ("Book", &[("author_id", id), ("title", text("Dune"))]),
    ];
    assert_eq!(moved(before, &rows, after).rows("Book"), [[text("Dune")]]);
    insta::assert_snapshot!(script(before, after, Dialect::Postgres), @r#"
        LOSES Author: drop the table `author` and all its records
              DROP TABLE "author" CASCADE
        LOSES Book: drop `author_id` and what it holds
              ALTER TABLE "book" DROP COLUMN "author_id"
        safe  Book: `author_id` is no longer indexed
              DROP INDEX IF EXISTS "book__author_id__index"
        "#);
}

#[test]
fn types_widen_and_narrow_where_nothing_is_lost() {
    let before = "
        Book id=integer
          a int
          b int64
          c int
          d date
          e enum(x,y)
          f text
          g? list(int)
    ";
    let after = "
        Book id=integer
          a int64
          b int
          c number
          d time
          e enum(y,z,x)
          f enum(p,q)
          g? list(int64)
    ";
    insta::assert_snapshot!(script(before, after, Dialect::Sqlite), @r#"
        safe  Book: `a` turns from integer into integer of format int64
        narrows Book: `b` turns from integer of format int64 into integer
              unless SELECT COUNT(*) FROM "book" WHERE "b" NOT BETWEEN -2147483648 AND 2147483647
        narrows Book: `c` turns from integer into number
              unless SELECT COUNT(*) FROM "book" WHERE "c" NOT BETWEEN -9007199254740992 AND 9007199254740992
        safe  Book: `d` turns from date into date-time
        safe  Book: `e` turns from enum of x, y into enum of y, z, x
        narrows Book: `f` turns from string into enum of p, q
              unless SELECT COUNT(*) FROM "book" WHERE "f" NOT IN ('p', 'q')
        safe  Book: `g` turns from array of integer into array of integer of format int64
        locks Book: build the table anew
              CREATE TABLE "frontdesk_rebuilt" ("id" INTEGER PRIMARY KEY AUTOINCREMENT, "a" INTEGER NOT NULL, "b" INTEGER NOT NULL, "c" REAL NOT NULL, "d" INTEGER NOT NULL, "e" TEXT NOT NULL, "f" TEXT NOT NULL, "g" TEXT, "created_at" INTEGER NOT NULL, "updated_at" INTEGER NOT NULL, "_version" INTEGER NOT NULL) STRICT
              INSERT INTO "frontdesk_rebuilt" ("id", "a", "b", "c", "d", "e", "f", "g", "created_at", "updated_at", "_version") SELECT "id", "a", "b", CAST("c" AS REAL), "d" * 86400000, "e", "f", "g", "created_at", "updated_at", "_version" FROM "book"
              DELETE FROM sqlite_sequence WHERE name = 'frontdesk_rebuilt'
              INSERT INTO sqlite_sequence (name, seq) SELECT 'frontdesk_rebuilt', seq FROM sqlite_sequence WHERE name = 'book'
              DROP TABLE "book"
              ALTER TABLE "frontdesk_rebuilt" RENAME TO "book"
        "#);
    insta::assert_snapshot!(script(before, after, Dialect::Postgres), @r#"
        safe  Book: `a` turns from integer into integer of format int64
        narrows Book: `b` turns from integer of format int64 into integer
              unless SELECT COUNT(*) FROM "book" WHERE "b" NOT BETWEEN -2147483648 AND 2147483647
        locks Book: `c` turns from integer into number
              unless SELECT COUNT(*) FROM "book" WHERE "c" NOT BETWEEN -9007199254740992 AND 9007199254740992
              ALTER TABLE "book" ALTER COLUMN "c" TYPE double precision USING "c"::double precision
        locks Book: `d` turns from date into date-time
              ALTER TABLE "book" ALTER COLUMN "d" TYPE timestamptz USING "d"::timestamp AT TIME ZONE 'UTC'
        safe  Book: `e` turns from enum of x, y into enum of y, z, x
        narrows Book: `f` turns from string into enum of p, q
              unless SELECT COUNT(*) FROM "book" WHERE "f" NOT IN ('p', 'q')
        safe  Book: `g` turns from array of integer into array of integer of format int64
        "#);
    let row = |b: i64, f: &str| {
        vec![
            ("a", Value::Int(1)),
            ("b", Value::Int(b)),
            ("c", Value::Int(-3)),
            ("d", Value::Date(value::Date(-1))),
            ("e", text("x")),
            ("f", text(f)),
            ("g", Value::List(vec![Value::Int(4)])),
        ]
    };
    let fits = row(2, "p");
    let moved = moved(before, &[("Book", &fits)], after);
    assert_eq!(
        moved.rows("Book"),
        [[
            Value::Int(1),
            Value::Int(2),
            Value::Float(-3.0),
            Value::Timestamp(value::Timestamp(-86_400_000)),
            text("x"),
            text("p"),
            Value::List(vec![Value::Int(4)]),
        ]]
    );
    let too_large = row(1 << 40, "other");
    insta::assert_snapshot!(refused(before, &[("Book", &too_large), ("Book", &fits)], after), @r#"
        Book: `b` needs more than 32 bits in some records (1)
          help: change those records first
            or: leave `b` as it was
        Book: `f` has a value that is not in the list in some records (1)
          help: change those records first
            or: leave `f` as it was
        "#);
}

#[test]
fn types_that_do_not_go_together_are_refused() {
    let before = "
        Book
          price decimal
          size? object(width:int,depth:int)
    ";
    let after = "
        Book id=integer
          price text
          size? object(width:text)
    ";
    insta::assert_snapshot!(planned(before, after), @r#"
        refused
        Book: its ids are 16 bytes (the default, random, uuid) in the database and integers in the contract, and other records point to them
          help: keep the kind of id, or start a new resource and copy the records
        Book: `price` is decimal in the database and string in the contract; changing it would lose data
          help: give the new field another name, copy what you need, and list the old one: `removed: [price]`
        Book: `size` is object of width, depth in the database and object of width in the contract; changing it would lose data
          help: give the new field another name, copy what you need, and list the old one: `removed: [size]`
        "#);
}

#[test]
fn nullable_and_required() {
    let before = "
        Book id=integer
          title? text
          pages? int
          isbn text unique
    ";
    let after = "
        Book id=integer
          title text
          pages int default=7
          isbn? text unique
    ";
    insta::assert_snapshot!(script(before, after, Dialect::Sqlite), @r#"
        locks Book: `title` is required
              unless SELECT COUNT(*) FROM "book" WHERE "title" IS NULL
        locks Book: `pages` is required
        safe  Book: `isbn` may be null
        locks Book: build the table anew
              CREATE TABLE "frontdesk_rebuilt" ("id" INTEGER PRIMARY KEY AUTOINCREMENT, "title" TEXT NOT NULL, "pages" INTEGER NOT NULL, "isbn" TEXT, "created_at" INTEGER NOT NULL, "updated_at" INTEGER NOT NULL, "_version" INTEGER NOT NULL) STRICT
              INSERT INTO "frontdesk_rebuilt" ("id", "title", "pages", "isbn", "created_at", "updated_at", "_version") SELECT "id", "title", COALESCE("pages", 7), "isbn", "created_at", "updated_at", "_version" FROM "book"
              DELETE FROM sqlite_sequence WHERE name = 'frontdesk_rebuilt'
              INSERT INTO sqlite_sequence (name, seq) SELECT 'frontdesk_rebuilt', seq FROM sqlite_sequence WHERE name = 'book'
              DROP TABLE "book"
              ALTER TABLE "frontdesk_rebuilt" RENAME TO "book"
        locks Book: restore its indexes
              CREATE UNIQUE INDEX "book__isbn__unique" ON "book" ("isbn")
        "#);
    insta::assert_snapshot!(script(before, after, Dialect::Postgres), @r#"
        locks Book: `title` is required
              unless SELECT COUNT(*) FROM "book" WHERE "title" IS NULL
              ALTER TABLE "book" ALTER COLUMN "title" SET NOT NULL
        locks Book: `pages` is required
              UPDATE "book" SET "pages" = 7 WHERE "pages" IS NULL
              ALTER TABLE "book" ALTER COLUMN "pages" SET NOT NULL
        safe  Book: `isbn` may be null
              ALTER TABLE "book" ALTER COLUMN "isbn" DROP NOT NULL
        "#);
    let row = |title: Value| vec![("title", title), ("isbn", text("978"))];
    let full = row(text("Dune"));
    let moved = moved(before, &[("Book", &full)], after);
    assert_eq!(
        moved.rows("Book"),
        [[text("Dune"), Value::Int(7), text("978")]]
    );
    let empty = row(Value::Null);
    insta::assert_snapshot!(refused(before, &[("Book", &empty)], after), @r#"
        Book: `title` is required, but null in some records (1)
          help: give them one: `default: …` in `title`
            or: let it be empty: `title?`
        "#);
}

#[test]
fn indexes_come_and_go() {
    let before = "
        Book id=integer
          title text index
          shelf text
          slot int
    ";
    let after = "
        Book id=integer
          title text
          shelf text
          slot int index
          unique shelf,slot
    ";
    insta::assert_snapshot!(script(before, after, Dialect::Sqlite), @r#"
        safe  Book: `title` is no longer indexed
              DROP INDEX IF EXISTS "book__title__index"
        locks Book: `slot` is indexed
              CREATE INDEX "book__slot__index" ON "book" ("slot")
        locks Book: `shelf, slot` must be unique
              unless SELECT CAST(COALESCE(SUM("n"), 0) AS bigint) FROM (SELECT COUNT(*) - 1 AS "n" FROM "book" GROUP BY "shelf", "slot" HAVING COUNT(*) > 1) AS "d"
              CREATE UNIQUE INDEX "book__shelf__slot__unique" ON "book" ("shelf", "slot")
        "#);
    let row = |slot: i64| {
        vec![
            ("title", text("x")),
            ("shelf", text("a")),
            ("slot", Value::Int(slot)),
        ]
    };
    let (one, two) = (row(1), row(2));
    moved(before, &[("Book", &one), ("Book", &two)], after);
    let all = [
        ("Book", one.as_slice()),
        ("Book", &one),
        ("Book", &one),
        ("Book", &two),
    ];
    insta::assert_snapshot!(refused(before, &all, after), @r#"
        Book: `shelf, slot` must be unique, but some records repeat what another has (2)
          help: change or delete those records first
        "#);
    // The other way round nothing stands against it.
    moved(after, &[("Book", &one), ("Book", &two)], before);
}

#[test]
fn a_new_unique_field_cannot_have_one_default_for_several_records() {
    let after = "
        Book id=integer
          title text
          isbn text unique default=978
    ";
    moved(BOOK, &dune(), after);
    let twice = [dune(), dune()].concat();
    insta::assert_snapshot!(refused(BOOK, &twice, after), @r#"
        Book: `isbn` must be unique, but some records repeat what another has (1)
          help: change or delete those records first
        "#);
}

#[test]
fn search_covers_the_records_there_are() {
    let after = "
        Book id=integer
          title text search
          subtitle? text search
    ";
    insta::assert_snapshot!(script(BOOK, after, Dialect::Sqlite), @r#"
        safe  Book: add `subtitle`
              ALTER TABLE "book" ADD COLUMN "subtitle" TEXT
        safe  Book: `q` searches title, subtitle
              ALTER TABLE "book" ADD COLUMN "_search" TEXT NOT NULL DEFAULT ''
        locks Book: fill the search text
              UPDATE "book" SET "_search" = fd_fold(COALESCE("title", '') || char(31) || COALESCE("subtitle", ''))
        "#);
    let moved = moved(BOOK, &dune(), after);
    assert_eq!(
        moved.database.texts("SELECT \"_search\" FROM book"),
        ["dune\u{1f}"]
    );
}

#[test]
fn search_goes_again() {
    let before = "
        Book id=integer
          title text search
    ";
    moved(before, &dune(), BOOK);
}

#[test]
fn numbers_are_not_given_again_after_a_table_is_built_anew() {
    let after = "
        Book id=integer
          title? text
    ";
    let before = model(BOOK);
    let database = Database::of(&before);
    for _ in 0..3 {
        database.insert(&before, "Book", &[("title", text("x"))]);
    }
    let delete = store::write::delete(&before, testdb::dialect(), before.resources[0].id);
    for id in [2, 3] {
        let args = delete.bind_args(&[Value::Int(id), Value::Int(1)]);
        assert_eq!(database.change(&delete, args).unwrap(), 1);
    }
    let after = model(after);
    assert!(database.bring(&after).unwrap());
    assert_eq!(database.insert(&after, "Book", &[]), Value::Int(4));
}

#[test]
fn a_relation_may_point_elsewhere_if_all_its_ids_are_there() {
    let before = "
        Author
          name text
        Editor
          name text
        Book id=integer
          by -> Author
    ";
    let after = "
        Author
          name text
        Editor
          name text
        Book id=integer
          by -> Editor
    ";
    insta::assert_snapshot!(script(before, after, Dialect::Sqlite), @r#"
        narrows Book: `by_id` points to Editor
              unless SELECT COUNT(*) FROM "book" WHERE "by_id" IS NOT NULL AND "by_id" NOT IN (SELECT "id" FROM "editor")
        locks Book: build the table anew
              CREATE TABLE "frontdesk_rebuilt" ("id" INTEGER PRIMARY KEY AUTOINCREMENT, "by_id" BLOB NOT NULL REFERENCES "editor" ("id") ON DELETE RESTRICT, "created_at" INTEGER NOT NULL, "updated_at" INTEGER NOT NULL, "_version" INTEGER NOT NULL) STRICT
              INSERT INTO "frontdesk_rebuilt" ("id", "by_id", "created_at", "updated_at", "_version") SELECT "id", "by_id", "created_at", "updated_at", "_version" FROM "book"
              DELETE FROM sqlite_sequence WHERE name = 'frontdesk_rebuilt'
              INSERT INTO sqlite_sequence (name, seq) SELECT 'frontdesk_rebuilt', seq FROM sqlite_sequence WHERE name = 'book'
              DROP TABLE "book"
              ALTER TABLE "frontdesk_rebuilt" RENAME TO "book"
        locks Book: restore its indexes
              CREATE INDEX "book__by_id__index" ON "book" ("by_id")
        "#);
    insta::assert_snapshot!(script(before, after, Dialect::Postgres), @r#"
        narrows Book: `by_id` points to Editor
              unless SELECT COUNT(*) FROM "book" WHERE "by_id" IS NOT NULL AND "by_id" NOT IN (SELECT "id" FROM "editor")
              ALTER TABLE "book" DROP CONSTRAINT "book__by_id__reference"
              ALTER TABLE "book" ADD CONSTRAINT "book__by_id__reference" FOREIGN KEY ("by_id") REFERENCES "editor" ("id") ON DELETE RESTRICT DEFERRABLE
        "#);
    let id = Value::Uuid([1; 16]);
    let author = [("id", id.clone()), ("name", text("x"))];
    let book = [("by_id", id)];
    let rows: [(&str, &[(&str, Value)]); 2] = [("Author", &author), ("Book", &book)];
    insta::assert_snapshot!(refused(before, &rows, after), @r#"
        Book: `by_id` points to no Editor in some records (1)
          help: change those records first
        "#);
    let rows: [(&str, &[(&str, Value)]); 3] =
        [("Author", &author), ("Editor", &author), ("Book", &book)];
    moved(before, &rows, after);
}

#[test]
fn a_table_that_others_point_to_can_be_built_anew() {
    let before = "
        Author
          name text
          boss? -> Author
        Book id=integer
          author -> Author
    ";
    let after = "
        Author
          name? text
          boss? -> Author
        Book id=integer
          author -> Author
    ";
    let id = Value::Uuid([1; 16]);
    let rows: [(&str, &[(&str, Value)]); 2] = [
        (
            "Author",
            &[
                ("id", id.clone()),
                ("name", text("x")),
                ("boss_id", id.clone()),
            ],
        ),
        ("Book", &[("author_id", id.clone())]),
    ];
    let moved = moved(before, &rows, after);
    assert_eq!(moved.rows("Author"), [[text("x"), id.clone()]]);
    let orphan =
        moved
            .database
            .try_insert(&moved.now, "Book", &[("author_id", Value::Uuid([9; 16]))]);
    assert!(matches!(orphan, Err(store::StoreError::ForeignKey)));
}

#[test]
fn names_that_cannot_be_are_refused() {
    let clash = "
        SqliteThing
          name text
        Book id=integer
          price money
          price_amount decimal
        ISBNCode
          name text
        IsbnCode
          name text
    ";
    insta::assert_snapshot!(planned("", clash), @r#"
        refused
        SqliteThing: tables beginning with `sqlite_` belong to the database or to frontdesk
          help: give the resource another name
        Book: two fields need the column `price_amount` (money lies in `…_amount` and `…_currency`)
          help: give one of the fields another name
        IsbnCode: another resource needs a table or index called `isbn_code` too
          help: give one of the two another name
        "#);
}

#[test]
fn a_change_of_meaning_alone_is_noted() {
    let after = "
        Book id=integer
          pages? int
          title text
    ";
    let swapped = "
        Book id=integer
          title text
          pages? int
    ";
    assert_eq!(
        planned(after, swapped),
        "safe  note the order of resources and fields"
    );
    let moved = moved(after, &dune(), swapped);
    assert_eq!(moved.rows("Book"), [[text("Dune"), Value::Null]]);
}

#[test]
fn how_many_rows_are_touched_is_known_before() {
    let before = model(BOOK);
    let database = Database::of(&before);
    for _ in 0..3 {
        database.insert(&before, "Book", &[("title", text("x"))]);
    }
    let applied = wait(migrate::applied(&*database.driver)).unwrap();
    let after = model(
        "
        Book id=integer
          title? text
          pages? int
    ",
    );
    let plan = migrate::plan(applied.as_ref(), &after, testdb::dialect()).unwrap();
    assert!(plan.is_safe());
    let touched = wait(migrate::touched_rows(&*database.driver, &plan)).unwrap();
    let named: Vec<(&str, Option<i64>)> = plan
        .steps
        .iter()
        .map(|step| step.what.as_str())
        .zip(touched)
        .collect();
    let mut expected = vec![
        ("Book: `title` may be null", None),
        ("Book: add `pages`", None),
    ];
    if testdb::dialect() == Dialect::Sqlite {
        expected.push(("Book: build the table anew", Some(3)));
    }
    assert_eq!(named, expected);
}

#[test]
fn of_two_who_migrate_at_once_one_does() {
    let database = Database::of(&model(BOOK));
    let applied = wait(migrate::applied(&*database.driver)).unwrap();
    let after = model(
        "
        Book id=integer
          title text
          pages? int
    ",
    );
    let plan = migrate::plan(applied.as_ref(), &after, testdb::dialect()).unwrap();
    assert!(wait(migrate::apply(&*database.driver, &plan, NOW, false)).is_ok());
    assert!(wait(migrate::apply(&*database.driver, &plan, NOW, false)).is_err());
    assert!(!database.bring(&after).unwrap());
}
