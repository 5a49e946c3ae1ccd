//! Appending: with the act or by itself, by many at once.

use std::sync::Arc;
use std::thread;
use std::time::Instant;

use audit::{Action, Actor, Audit, AuditError, Entry, Filter, Outcome};
use store::people::TICKETS;
use store::table::{Set, Test};
use testdb::{Fresh, wait};
use value::{Timestamp, Value};
use vault::SecretError;

use crate::support::{Log, NOW, entry, open, vault};

/// Appends in a transaction that uses a ticket, or refuses after.
fn act(database: &Fresh, audit: &Arc<Audit>, number: i64, refused: bool) -> Result<(), ()> {
    let audit = Arc::clone(audit);
    let tests = [Test::Is("hash"), Test::IsNull("used_at")];
    let using = TICKETS.update(testdb::dialect(), &[Set::To("used_at")], &tests);
    let done = store::transact(&*database.driver, move |tx| {
        let (audit, using) = (Arc::clone(&audit), using.clone());
        Box::pin(async move {
            let arguments = [Value::Timestamp(NOW), Value::Text(format!("t{number}"))];
            let used = tx
                .execute(&using.statement, &using.bind_args(&arguments))
                .await?;
            audit.append_in(tx, &entry(number)).await?;
            Ok(if refused || used != 1 {
                Err(())
            } else {
                Ok(())
            })
        })
    });
    wait(done).unwrap()
}

fn ticket(database: &Fresh, number: i64) {
    let row = TICKETS.row([
        ("hash", Value::Text(format!("t{number}"))),
        ("purpose", Value::Text("reset".to_owned())),
        ("payload", Value::Json("{}".into())),
        ("created_at", Value::Timestamp(NOW)),
        ("expires_at", Value::Timestamp(NOW)),
    ]);
    let insert = TICKETS.insert(testdb::dialect());
    wait(store::execute(&*database.driver, vec![(insert, row)])).unwrap();
}

#[test]
fn an_entry_is_there_exactly_if_its_act_is() {
    let Log { audit, database } = Log::of(0);
    let audit = Arc::new(audit);
    ticket(&database, 1);
    act(&database, &audit, 1, true).unwrap_err();
    act(&database, &audit, 1, false).unwrap();
    act(&database, &audit, 1, false).unwrap_err();
    let listed = wait(audit.list(&Filter::default(), 10)).unwrap();
    assert_eq!(listed.len(), 1, "{listed:?}");
    assert_eq!(
        (listed[0].position, listed[0].actor.as_str()),
        (1, "account:acc_1")
    );
}

#[test]
fn many_at_once_neither_wait_for_each_other_nor_fail() {
    const THREADS: i64 = 16;
    const EACH: i64 = 20;
    let Log { audit, database } = Log::of(0);
    for number in 0..THREADS * EACH {
        ticket(&database, number);
    }
    // Two servers.
    let audits = [
        Arc::new(audit),
        Arc::new(open(&database.driver, Some(&vault()))),
    ];
    let began = Instant::now();
    thread::scope(|scope| {
        for thread in 0..THREADS {
            let (audits, database) = (&audits, &database);
            scope.spawn(move || {
                let audit = &audits[thread as usize % 2];
                for number in 0..EACH {
                    act(database, audit, thread * EACH + number, false).unwrap();
                    if number % 5 == 0 {
                        wait(audit.settle()).unwrap();
                    }
                }
            });
        }
    });
    eprintln!("{} acts in {:?}", THREADS * EACH, began.elapsed());
    let verdict = wait(audits[0].verify(&[])).unwrap();
    assert_eq!(verdict.wrong, None);
    assert_eq!(verdict.entries, 320);
    assert_eq!(verdict.head.unwrap().position, 320);
}

#[test]
fn what_is_appended_is_numbered_without_being_asked() {
    let Log { audit, database } = Log::of(0);
    let audit = Arc::new(audit);
    ticket(&database, 1);
    let numbered = async {
        loop {
            let found = audit.after(0, &Filter::default()).await.unwrap();
            if !found.is_empty() {
                return found;
            }
            tokio::task::yield_now().await;
        }
    };
    act(&database, &audit, 1, false).unwrap();
    wait(async {
        tokio::select! {
            () = audit.keep() => unreachable!("it keeps until it is dropped"),
            found = numbered => assert_eq!(found[0].position, 1),
        }
    });
}

#[test]
fn entries_are_found_by_what_they_say() {
    let log = Log::of(3);
    let failed = Entry::new(
        Timestamp(NOW.0 + 9_000),
        Action::SignInFailed,
        &Actor::Unknown,
    )
    .outcome(Outcome::Refused)
    .subject("acc_1")
    .client("photos");
    wait(log.audit.append(&failed)).unwrap();
    let positions = |filter: Filter, most| -> Vec<i64> {
        let found = wait(log.audit.list(&filter, most)).unwrap();
        found.iter().map(|entry| entry.position).collect()
    };
    let all = Filter::default;
    assert_eq!(positions(all(), 10), [4, 3, 2, 1]);
    assert_eq!(positions(all(), 2), [4, 3]);
    let since = Some(Timestamp(NOW.0 + 1_000));
    assert_eq!(positions(Filter { since, ..all() }, 10), [4, 3, 2]);
    let action = Some("sign_in_failed".to_owned());
    assert_eq!(positions(Filter { action, ..all() }, 10), [4]);
    let subject = Some("acc_1".to_owned());
    assert_eq!(positions(Filter { subject, ..all() }, 10), [4, 2]);
    let actor = Some("account:acc_2".to_owned());
    assert_eq!(positions(Filter { actor, ..all() }, 10), [3]);
    let json = wait(log.audit.list(&all(), 1)).unwrap()[0].to_json();
    assert_eq!(json["outcome"], "refused");
    assert_eq!(json["client"], "photos");
    assert_eq!(json["client_address"], serde_json::Value::Null);
}

#[test]
fn texts_of_strangers_are_short_and_of_one_line() {
    let log = Log::of(0);
    let long = "x".repeat(5_000);
    let entry = Entry::new(NOW, Action::SignInFailed, &Actor::Unknown)
        .subject("a\0b\n\u{1b}[31m")
        .client(&long)
        .detail("agent", long.as_str())
        .detail("more", serde_json::json!([long, long]));
    wait(log.audit.append(&entry)).unwrap();
    let kept = wait(log.audit.list(&Filter::default(), 1))
        .unwrap()
        .remove(0);
    assert_eq!(kept.subject.unwrap(), "a\u{fffd}b\u{fffd}\u{fffd}[31m");
    assert_eq!(kept.client.unwrap().len(), 300);
    assert_eq!(kept.detail, r#"{"too_long":true}"#);
    assert_eq!(log.verify(&[]).wrong, None);
}

#[test]
fn nobody_goes_on_without_the_key_once_there_is_one() {
    let log = Log::without_key();
    wait(log.audit.append(&entry(1))).unwrap();
    assert!(!log.audit.is_keyed());
    let keyed = open(&log.database.driver, Some(&vault()));
    wait(keyed.append(&entry(2))).unwrap();
    let verdict = wait(keyed.verify(&[])).unwrap();
    assert_eq!((verdict.entries, verdict.open, verdict.wrong), (2, 1, None));
    let without = wait(Audit::open(log.database.driver.clone(), None, NOW));
    assert!(
        matches!(without, Err(AuditError::Key(SecretError::NoMasterKey))),
        "{without:?}"
    );
}

#[test]
fn every_action_has_a_name_of_its_own() {
    for (at, action) in Action::ALL.iter().enumerate() {
        assert_eq!(Action::named(action.name()), Some(*action));
        let others = &Action::ALL[at + 1..];
        assert!(others.iter().all(|other| other.name() != action.name()));
    }
    assert_eq!(Action::named("nothing"), None);
}
