//! Whoever is refused has changed nothing, and whoever is not has changed what the feed says.
//!
//! Draws requests of all kinds of callers, right ones and wrong ones in every way, and compares
//! everything that is in the database before and after each of them.

mod requests;
mod world;

use std::cell::RefCell;
use std::collections::BTreeMap;
use std::panic::{AssertUnwindSafe, catch_unwind};

use proptest::test_runner::{Config, Reason, TestError, TestRunner};
use testkit::Answer;

use self::requests::{Shot, Step};
use self::world::{Dump, World};

const CASES: u32 = 40;
/// Replaying a sequence takes a second.
const SHRINKS_MAX: u32 = 60;

/// What must have come up, or the test has asked too little.
const STATUSES: [u16; 14] = [
    200, 201, 204, 400, 401, 403, 404, 405, 406, 409, 412, 415, 422, 428,
];

#[test]
fn the_refused_change_nothing() {
    let seen = RefCell::new(BTreeMap::<u16, u32>::new());
    let ends = RefCell::new(BTreeMap::<&str, u32>::new());
    let mut runner = TestRunner::new(Config {
        cases: CASES,
        max_shrink_iters: SHRINKS_MAX,
        failure_persistence: None,
        ..Config::default()
    });
    let result = runner.run(&requests::sequence(), |steps| {
        let mut world = World::new();
        for step in steps {
            let (status, end) = take(&mut world, &step);
            *seen.borrow_mut().entry(status).or_default() += 1;
            *ends.borrow_mut().entry(end).or_default() += 1;
        }
        Ok(())
    });
    match result {
        Ok(()) => {}
        Err(TestError::Abort(reason)) => panic!("{reason}"),
        Err(TestError::Fail(reason, steps)) => tell(&reason, &steps),
    }
    let (seen, ends) = (seen.into_inner(), ends.into_inner());
    for status in STATUSES {
        assert!(seen.contains_key(&status), "no {status} in {seen:?}");
    }
    for end in ["create", "update", "delete", "nothing", "nothing new"] {
        assert!(ends.contains_key(end), "no {end} in {ends:?}");
    }
}

/// The shortest sequence that was found, in words.
fn tell(reason: &Reason, steps: &[Step]) -> ! {
    let mut world = World::new();
    let mut shots = String::new();
    for step in steps {
        shots.push_str(&format!("{}\n", step.aim(&world)));
        // The last of them fails again.
        if catch_unwind(AssertUnwindSafe(|| take(&mut world, step))).is_err() {
            break;
        }
    }
    panic!("{reason}\nafter\n{shots}");
}

/// Sends one request and looks at what it did. Its status, and what happened.
fn take(world: &mut World, step: &Step) -> (u16, &'static str) {
    let shot = step.aim(world);
    let before = world.dump();
    let answer = shot.call.clone().send();
    let after = world.dump();
    let end = check(world, &shot, &answer, &before, &after);
    world.remember(&answer);
    (answer.status, end)
}

/// What happened, after making sure that it was that and nothing else.
#[track_caller]
fn check(world: &World, shot: &Shot, answer: &Answer, before: &Dump, after: &Dump) -> &'static str {
    let told = || format!("{shot}\n{answer:?}\n{}", after.difference(before));
    assert!(answer.status < 500, "{}", told());
    if answer.status >= 400 || shot.is_read() {
        assert!(before == after, "it changed something: {}", told());
        return "nothing";
    }
    let count = before.feed.len();
    assert_eq!(after.feed[..count], before.feed, "{}", told());
    let entry = match &after.feed[count..] {
        [] => {
            // Everything was as it should be already.
            assert!(matches!(shot.method, "PATCH" | "PUT"), "{}", told());
            assert!(before == after, "without an entry: {}", told());
            if let (Some(version), Some(tag)) = (shot.version, answer.header("etag")) {
                let expected = format!("\"{version}.");
                assert!(tag.starts_with(&expected), "{}", told());
            }
            return "nothing new";
        }
        [entry] => entry,
        _ => panic!("several entries: {}", told()),
    };
    assert_eq!(entry.resource, shot.resource, "{}", told());
    let action = match (shot.method, answer.status) {
        ("POST" | "PUT", 201) => "create",
        ("PATCH" | "PUT", 200 | 204) => "update",
        ("DELETE", 204) => "delete",
        _ => panic!("{}", told()),
    };
    assert_eq!(entry.action, action, "{}", told());
    match (&shot.record, answer.header("location")) {
        (Some(record), _) => assert_eq!(&entry.record, record, "{}", told()),
        (None, Some(location)) => {
            assert!(
                location.ends_with(&format!("/{}", entry.record)),
                "{}",
                told()
            );
        }
        (None, None) => panic!("{}", told()),
    }
    if let Some(tag) = answer.header("etag") {
        let expected = format!("\"{}.", entry.version);
        assert!(tag.starts_with(&expected), "{}", told());
    }
    let version = match action {
        // Its clients give a label its id, so one that is made again has versions of its own.
        "create" if entry.resource == "Label" => {
            let at = entry.at.millis();
            assert_eq!(entry.version / 1_000, at, "{}", told());
            entry.version
        }
        "create" => 1,
        "update" => shot.version.map_or(entry.version, |version| version + 1),
        _ => shot.version.unwrap_or(entry.version),
    };
    assert_eq!(entry.version, version, "{}", told());

    // One row of the right table, and nothing else beside the feed.
    let table = world.table_of(&entry.resource);
    let (gone, come) = after.changed_rows(before);
    let expected = match action {
        "create" => (vec![], vec![table.clone()]),
        "update" => (vec![table.clone()], vec![table]),
        _ => (vec![table], vec![]),
    };
    assert_eq!((gone, come), expected, "{}", told());
    match action {
        "create" => "create",
        "update" => "update",
        _ => "delete",
    }
}
