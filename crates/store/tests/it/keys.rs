//! API keys.

use store::StoreError;
use store::keys::{self, Key};
use value::{Timestamp, Value};

use crate::support::{Database, database::wait, model};

fn key(id: &str) -> Key {
    Key {
        id: id.into(),
        name: "for tests".into(),
        hash: format!("hash of {id}"),
        scopes: "[\"books.read\"]".into(),
        user: (id == "b").then(|| "user_1".to_owned()),
        claims: "{\"role\":\"staff\"}".into(),
        admin: id == "a",
        audience: if id == "b" { "partner" } else { "public" }.into(),
        created_at: Timestamp(1),
        expires_at: (id == "b").then_some(Timestamp(9)),
        revoked_at: None,
        last_used_at: None,
    }
}

fn insert(database: &Database, key: Key) -> Result<u64, StoreError> {
    let prepared = keys::insert(testdb::dialect());
    let parameters = prepared.bind_args(&key.args());
    database.change(&prepared, parameters)
}

fn find(database: &Database, hash: &str) -> Vec<Key> {
    let prepared = keys::find(testdb::dialect());
    let parameters = prepared.bind_args(&[Value::Text(hash.into())]);
    keys::keys(&wait(database.driver.query(&prepared.statement, &parameters)).unwrap()).unwrap()
}

#[test]
fn a_key_is_found_by_its_hash_and_can_be_revoked_once() {
    let database = Database::of(&model("User\n  name text"));
    for id in ["a", "b"] {
        insert(&database, key(id)).unwrap();
        assert_eq!(find(&database, &format!("hash of {id}")), [key(id)]);
    }
    assert!(find(&database, "hash").is_empty());
    let same_hash = Key {
        hash: key("a").hash,
        ..key("c")
    };
    assert!(matches!(
        insert(&database, same_hash),
        Err(StoreError::Unique { .. })
    ));

    let revoke = keys::revoke(testdb::dialect());
    let args = |at| revoke.bind_args(&[Value::Timestamp(Timestamp(at)), Value::Text("a".into())]);
    assert_eq!(database.change(&revoke, args(5)).unwrap(), 1);
    assert_eq!(database.change(&revoke, args(6)).unwrap(), 0);
    let touch = keys::touch(testdb::dialect());
    let used = |at, old| {
        let args = [
            Value::Timestamp(Timestamp(at)),
            Value::Text("a".into()),
            Value::Timestamp(Timestamp(old)),
        ];
        database.change(&touch, touch.bind_args(&args)).unwrap()
    };
    // The note of another node is as good.
    assert_eq!((used(7, 1), used(8, 6), used(9, 7)), (1, 0, 1));
    let expected = Key {
        revoked_at: Some(Timestamp(5)),
        last_used_at: Some(Timestamp(9)),
        ..key("a")
    };
    assert_eq!(find(&database, "hash of a"), [expected]);

    let list = keys::list(testdb::dialect());
    let rows = wait(database.driver.query(&list.statement, &list.bind_args(&[]))).unwrap();
    assert_eq!(keys::keys(&rows).unwrap().len(), 2);
}
