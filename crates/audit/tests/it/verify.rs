//! Everything that somebody with the database alone may try shows.

use audit::{Expected, Fault, Wrong};
use testdb::wait;

use crate::support::{Log, entry, open};

/// What is found after this was done to five entries.
#[track_caller]
fn check(sql: &str, position: i64, fault: Fault) {
    let log = Log::of(5);
    assert_eq!(log.verify(&[]).wrong, None);
    log.tamper(sql);
    let verdict = log.verify(&[]);
    assert_eq!(verdict.wrong, Some(Wrong { position, fault }), "{sql}");
    // What comes after does not hide it.
    wait(log.audit.append(&entry(9))).unwrap();
    let verdict = log.verify(&[]);
    assert_eq!(verdict.wrong, Some(Wrong { position, fault }), "{sql}");
}

#[test]
fn a_change_of_any_column_shows() {
    for (column, value) in [
        (
            "at",
            match testdb::dialect() {
                store::Dialect::Sqlite => "\"at\" + 1",
                store::Dialect::Postgres => "\"at\" + interval '1 ms'",
            },
        ),
        ("action", "'sign_out'"),
        ("outcome", "'refused'"),
        ("actor", "'account:acc_9'"),
        ("subject", "NULL"),
        ("subject", "'acc_9'"),
        ("client", "''"),
        ("client_address", "'192.0.2.8'"),
        ("detail", "'{\"method\":\"passkey\"}'"),
        ("detail", "'{\"method\": \"password\"}'"),
        ("hash", "'m:00'"),
    ] {
        let sql =
            format!("UPDATE \"frontdesk_audit\" SET \"{column}\" = {value} WHERE \"position\" = 3");
        check(&sql, 3, Fault::Changed);
    }
    // One column's text in another's place.
    check(
        "UPDATE \"frontdesk_audit\" SET \"client\" = \"client_address\", \"client_address\" = NULL \
         WHERE \"position\" = 2",
        2,
        Fault::Changed,
    );
}

#[test]
fn an_entry_that_is_missing_shows() {
    let delete = "DELETE FROM \"frontdesk_audit\" WHERE \"position\"";
    check(&format!("{delete} = 1"), 1, Fault::Missing);
    check(&format!("{delete} = 3"), 3, Fault::Missing);
    check(&format!("{delete} <= 4"), 1, Fault::Missing);
}

#[test]
fn an_entry_in_anothers_place_shows() {
    let moved = |from: i64, to: i64| {
        format!("UPDATE \"frontdesk_audit\" SET \"position\" = {to} WHERE \"position\" = {from}")
    };
    // The gap is closed.
    let log = Log::of(5);
    log.tamper("DELETE FROM \"frontdesk_audit\" WHERE \"position\" = 3");
    for from in [4, 5] {
        log.tamper(&moved(from, from - 1));
    }
    let fault = Fault::Changed;
    assert_eq!(log.verify(&[]).wrong, Some(Wrong { position: 3, fault }));
    // Two are swapped.
    let log = Log::of(5);
    for (from, to) in [(2, 100), (3, 2), (100, 3)] {
        log.tamper(&moved(from, to));
    }
    assert_eq!(log.verify(&[]).wrong, Some(Wrong { position: 2, fault }));
}

#[test]
fn an_end_that_is_cut_off_shows_to_who_has_noted_it() {
    let log = Log::of(5);
    let head = log.verify(&[]).head.unwrap();
    assert_eq!(head.position, 5);
    assert_eq!(head.to_string().parse(), Ok(head.clone()));
    wait(log.audit.append(&entry(6))).unwrap();
    assert_eq!(log.verify(std::slice::from_ref(&head)).wrong, None);
    log.tamper("DELETE FROM \"frontdesk_audit\" WHERE \"position\" >= 5");
    assert_eq!(log.verify(&[]).wrong, None);
    let wrong = log.verify(std::slice::from_ref(&head)).wrong;
    assert_eq!(
        wrong,
        Some(Wrong {
            position: 5,
            fault: Fault::CutOff
        })
    );
    // Others in their place do not help.
    wait(log.audit.append(&entry(7))).unwrap();
    wait(log.audit.append(&entry(8))).unwrap();
    let wrong = log.verify(&[head]).wrong;
    assert_eq!(
        wrong,
        Some(Wrong {
            position: 5,
            fault: Fault::Another
        })
    );
    for bad in ["", "5", "5:", "0:m:00", "x:m:00", "5:x:00"] {
        assert!(bad.parse::<Expected>().is_err(), "{bad}");
    }
}

#[test]
fn entries_without_the_key_after_those_with_it_show() {
    // Whoever has the database takes the key away and goes on as if there had never been one.
    let log = Log::of(2);
    log.tamper("DELETE FROM \"frontdesk_sealed\"");
    let theirs = open(&log.database.driver, None);
    wait(theirs.append(&entry(3))).unwrap();
    let fault = Fault::Unkeyed;
    assert_eq!(log.verify(&[]).wrong, Some(Wrong { position: 3, fault }));
}

#[test]
fn an_entry_that_somebody_lets_wait_is_not_taken_in() {
    let log = Log::of(2);
    log.tamper(
        "INSERT INTO \"frontdesk_audit\" SELECT -7, \"at\", \"action\", \"outcome\", \"actor\", \
         \"subject\", \"client\", \"client_address\", \"detail\", \"hash\" FROM \"frontdesk_audit\" \
         WHERE \"position\" = 2",
    );
    wait(log.audit.append(&entry(3))).unwrap();
    let verdict = log.verify(&[]);
    let fault = Fault::Forged;
    assert_eq!(
        verdict.wrong,
        Some(Wrong {
            position: -7,
            fault
        })
    );
    assert_eq!(verdict.entries, 3);
}

#[test]
fn long_chains_are_walked_in_pages() {
    let log = Log::of(0);
    for page in 0..5 {
        let entries = (0..500).map(|number| log.audit.insertion(&entry(page * 500 + number)));
        let statements = entries.collect::<Result<Vec<_>, _>>().unwrap();
        wait(store::execute(&*log.database.driver, statements)).unwrap();
    }
    let verdict = log.verify(&[]);
    assert_eq!(
        (verdict.entries, verdict.open, verdict.wrong),
        (2_500, 0, None)
    );
    log.tamper("DELETE FROM \"frontdesk_audit\" WHERE \"position\" = 1001");
    let fault = Fault::Missing;
    let wrong = log.verify(&[]).wrong;
    assert_eq!(
        wrong,
        Some(Wrong {
            position: 1_001,
            fault
        })
    );
}
