//! Forgetting what is old.

use audit::{Action, Actor, Fault, Filter, PruneError, Pruned};
use testdb::wait;
use value::Timestamp;

use crate::support::{Log, NOW, entry};

fn prune(log: &Log, before: i64, unverified: bool) -> Result<Pruned, PruneError> {
    let operator = Actor::Operator("ann".to_owned());
    let before = Timestamp(NOW.0 + before * 1_000);
    wait(log.audit.prune(before, &operator, NOW, unverified))
}

#[test]
fn what_is_old_goes_and_the_rest_still_verifies() {
    let log = Log::of(6);
    let noted = log.verify(&[]).head.unwrap();
    let done = prune(&log, 3, false).unwrap();
    assert_eq!(
        done,
        Pruned {
            entries: 3,
            to: Some(3)
        }
    );
    let verdict = log.verify(&[noted]);
    assert_eq!((verdict.wrong, verdict.pruned_to), (None, Some(3)));
    // Three that stayed, and that something was pruned.
    assert_eq!(verdict.entries, 4);
    let last = wait(log.audit.list(&Filter::default(), 1))
        .unwrap()
        .remove(0);
    assert_eq!(last.action, Action::AuditPruned.name());
    assert_eq!(last.actor, "operator:ann");

    // Again, over the anchor, and with nothing left to do.
    assert_eq!(prune(&log, 3, false).unwrap(), Pruned::default());
    assert_eq!(
        prune(&log, 5, false).unwrap(),
        Pruned {
            entries: 2,
            to: Some(5)
        }
    );
    assert_eq!(log.verify(&[]).wrong, None);
    // Everything; what is appended after goes on.
    prune(&log, 100, false).unwrap();
    wait(log.audit.append(&entry(9))).unwrap();
    let verdict = log.verify(&[]);
    assert_eq!((verdict.wrong, verdict.entries), (None, 2));
}

#[test]
fn what_was_noted_can_be_compared_with_the_anchor() {
    let log = Log::of(4);
    let noted = log.verify(&[]).head.unwrap();
    prune(&log, 4, false).unwrap();
    assert_eq!(log.verify(std::slice::from_ref(&noted)).wrong, None);
    let other = audit::Expected {
        hash: noted.hash.replace(&noted.hash[2..6], "0000"),
        ..noted
    };
    assert_eq!(log.verify(&[other]).wrong.unwrap().fault, Fault::Another);
}

#[test]
fn an_anchor_cannot_be_made_without_the_key() {
    let log = Log::of(5);
    prune(&log, 3, false).unwrap();
    // It is put in the place of a later entry, so that others go unseen.
    log.tamper("DELETE FROM \"frontdesk_audit\" WHERE \"position\" = 4");
    log.tamper("UPDATE \"frontdesk_audit\" SET \"position\" = 4 WHERE \"position\" = 3");
    let wrong = log.verify(&[]).wrong.unwrap();
    assert_eq!((wrong.position, wrong.fault), (4, Fault::Changed));
    // Or entries are called anchors.
    let log = Log::of(5);
    log.tamper("DELETE FROM \"frontdesk_audit\" WHERE \"position\" = 1");
    log.tamper("UPDATE \"frontdesk_audit\" SET \"action\" = 'audit_anchor' WHERE \"position\" = 2");
    let wrong = log.verify(&[]).wrong.unwrap();
    assert_eq!((wrong.position, wrong.fault), (2, Fault::Changed));
}

#[test]
fn a_broken_chain_is_left_unless_that_is_meant() {
    let log = Log::of(5);
    log.tamper("DELETE FROM \"frontdesk_audit\" WHERE \"position\" = 2");
    let refused = prune(&log, 4, false);
    assert!(
        matches!(&refused, Err(PruneError::Wrong(wrong)) if wrong.position == 2),
        "{refused:?}"
    );
    assert_eq!(log.verify(&[]).wrong.unwrap().position, 2);
    assert_eq!(prune(&log, 4, true).unwrap().to, Some(4));
    assert_eq!(log.verify(&[]).wrong, None);
}

#[test]
fn many_entries_go_in_several_transactions() {
    let log = Log::of(0);
    for _ in 0..5 {
        let entries = (0..500).map(|number| log.audit.insertion(&entry(number % 3)));
        let statements = entries.collect::<Result<Vec<_>, _>>().unwrap();
        wait(store::execute(&*log.database.driver, statements)).unwrap();
    }
    let done = prune(&log, 10, false).unwrap();
    assert_eq!(
        done,
        Pruned {
            entries: 2_500,
            to: Some(2_500)
        }
    );
    assert_eq!(log.verify(&[]).wrong, None);
}
