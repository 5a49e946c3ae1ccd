//! Inserting, changing and deleting one record, and why the database refuses.

use model::Model;
use store::{Dialect, Output, Select, StoreError, constraint, references, search, select, write};
use value::{FieldId, ResourceId, Timestamp, Value};

use crate::support::{Database, model, rule};

const SHOP: &str = "
    Author
      name text
    Book id=integer
      title text search
      author? -> Author
      editor -> Author
      isbn? text unique
      price? money unique
      shelf text
      slot int
      sequel? -> Book
      unique shelf,slot
    Tag id=text
      name text
";

struct Shop {
    model: Model,
    database: Database,
}

fn text(text: &str) -> Value {
    Value::Text(text.to_owned())
}

fn shop() -> Shop {
    let model = model(SHOP);
    let database = Database::of(&model);
    for n in 1..3 {
        let fields = [("id", Value::Uuid([n; 16])), ("name", text("x"))];
        database.insert(&model, "Author", &fields);
    }
    Shop { model, database }
}

impl Shop {
    fn id(&self, resource: &str) -> ResourceId {
        self.model.resource_named(resource).unwrap().id
    }

    fn book(&self, slot: i64, more: &[(&str, Value)]) -> Result<Value, StoreError> {
        let mut fields = vec![
            ("title", text("Dune")),
            ("editor_id", Value::Uuid([1; 16])),
            ("shelf", text("a")),
            ("slot", Value::Int(slot)),
        ];
        fields.extend(more.iter().cloned());
        self.database.try_insert(&self.model, "Book", &fields)
    }

    fn fields(&self, names: &[&str]) -> Vec<FieldId> {
        let book = self.model.resource_named("Book").unwrap();
        names
            .iter()
            .map(|name| book.field_named(name).unwrap().id)
            .collect()
    }

    fn update(&self, fields: &[(&str, Value)], id: i64, version: i64) -> Result<u64, StoreError> {
        let book = self.model.resource_named("Book").unwrap();
        let names: Vec<&str> = fields.iter().map(|(name, _)| *name).collect();
        let ids = self.fields(&names);
        let prepared = write::update(&self.model, testdb::dialect(), book.id, &ids);
        let mut args: Vec<Value> = fields.iter().map(|(_, value)| value.clone()).collect();
        if write::changes_search(book, &ids) {
            let mut record = vec![Value::Null; book.fields.len()];
            for (id, value) in ids.iter().zip(&args) {
                record[usize::from(id.0)] = value.clone();
            }
            args.extend(search::text(book, &record).map(Value::Text));
        }
        args.extend([
            Value::Timestamp(Timestamp(5)),
            Value::Int(id),
            Value::Int(version),
        ]);
        self.database.change(&prepared, prepared.bind_args(&args))
    }

    fn read(&self, id: i64, names: &[&str]) -> Vec<Value> {
        let mut outputs: Vec<Output> = self.fields(names).into_iter().map(Output::Field).collect();
        outputs.push(Output::Version);
        let shape = Select {
            outputs,
            by_id: true,
            lock: true,
            ..Select::new(self.id("Book"))
        };
        let prepared = select::select(&self.model, testdb::dialect(), &shape).unwrap();
        self.database.query(&prepared, &[Value::Int(id)]).remove(0)
    }
}

#[test]
fn integer_ids_are_counted_and_never_given_again() {
    let shop = shop();
    assert_eq!(shop.book(1, &[]).unwrap(), Value::Int(1));
    assert_eq!(shop.book(2, &[]).unwrap(), Value::Int(2));
    let delete = write::delete(&shop.model, testdb::dialect(), shop.id("Book"));
    let args = delete.bind_args(&[Value::Int(2), Value::Int(1)]);
    assert_eq!(shop.database.change(&delete, args.clone()).unwrap(), 1);
    assert_eq!(shop.database.change(&delete, args).unwrap(), 0);
    assert_eq!(shop.book(2, &[]).unwrap(), Value::Int(3));
    assert_eq!(
        shop.book(9, &[("id", Value::Int(40))]).unwrap(),
        Value::Int(40)
    );
    assert_eq!(shop.book(10, &[]).unwrap(), Value::Int(41));
}

#[test]
fn an_update_changes_what_it_names_and_only_the_version_it_names() {
    let shop = shop();
    shop.book(1, &[("isbn", text("978"))]).unwrap();
    let money = Value::Money(value::Money::parse("3 EUR").unwrap());
    let change = [("title", text("DUNE 2")), ("price", money.clone())];
    assert_eq!(shop.update(&change, 1, 2).unwrap(), 0);
    assert_eq!(shop.update(&change, 1, 1).unwrap(), 1);
    assert_eq!(
        shop.read(1, &["title", "price", "isbn", "updated_at"]),
        [
            text("DUNE 2"),
            money,
            text("978"),
            Value::Timestamp(Timestamp(5)),
            Value::Int(2)
        ]
    );
    assert_eq!(
        shop.database.texts("SELECT \"_search\" FROM book"),
        ["dune 2"]
    );
    assert_eq!(shop.update(&change, 1, 1).unwrap(), 0);
    assert_eq!(shop.update(&[("price", Value::Null)], 1, 2).unwrap(), 1);
    assert_eq!(shop.read(1, &["price"]), [Value::Null, Value::Int(3)]);
    assert_eq!(shop.update(&[], 1, 3).unwrap(), 1);
    assert_eq!(shop.update(&[], 7, 1).unwrap(), 0);
}

#[test]
fn a_taken_value_is_told_by_its_fields() {
    let shop = shop();
    let price = |text: &str| Value::Money(value::Money::parse(text).unwrap());
    shop.book(1, &[("isbn", text("978")), ("price", price("3 EUR"))])
        .unwrap();
    for (slot, more, fields) in [
        (2, vec![("isbn", text("978"))], vec!["isbn"]),
        (2, vec![("price", price("3 EUR"))], vec!["price"]),
        (1, vec![], vec!["shelf", "slot"]),
        (2, vec![("id", Value::Int(1))], vec!["id"]),
    ] {
        let error = shop.book(slot, &more).unwrap_err();
        let expected = Some((shop.id("Book"), shop.fields(&fields)));
        assert_eq!(constraint::fields(&shop.model, &error), expected, "{error}");
    }
    // Null is never taken.
    shop.book(2, &[("price", price("3 JPY"))]).unwrap();
    shop.book(3, &[]).unwrap();

    for (name, fields) in [
        ("book__isbn__unique", vec!["isbn"]),
        ("book__shelf__slot__unique", vec!["shelf", "slot"]),
        ("book__key", vec!["id"]),
    ] {
        let error = StoreError::Unique {
            name: name.to_owned(),
        };
        let expected = Some((shop.id("Book"), shop.fields(&fields)));
        assert_eq!(constraint::fields(&shop.model, &error), expected);
    }
    assert_eq!(
        constraint::fields(&shop.model, &StoreError::ForeignKey),
        None
    );
    let other = StoreError::Unique {
        name: "frontdesk_keys.hash".to_owned(),
    };
    assert_eq!(constraint::fields(&shop.model, &other), None);

    let tag = [("id", text("a")), ("name", text("x"))];
    shop.database.insert(&shop.model, "Tag", &tag);
    let error = shop
        .database
        .try_insert(&shop.model, "Tag", &tag)
        .unwrap_err();
    assert_eq!(
        constraint::fields(&shop.model, &error),
        Some((shop.id("Tag"), vec![FieldId(0)]))
    );
}

#[test]
fn what_is_pointed_at_stays_and_the_pointer_can_be_named() {
    let shop = shop();
    let book = shop.id("Book");
    shop.book(1, &[("author_id", Value::Uuid([2; 16]))])
        .unwrap();
    let nobody = Value::Uuid([9; 16]);
    let refused = shop.book(2, &[("author_id", nobody.clone())]).unwrap_err();
    assert!(matches!(refused, StoreError::ForeignKey));
    let targets = references::targets(&shop.model, testdb::dialect(), book, false).unwrap();
    let names: Vec<&str> = references::relation_fields(shop.model.resource(book))
        .map(|field| shop.model.resource(book).field(field).name.as_str())
        .collect();
    assert_eq!(names, ["author_id", "editor_id", "sequel_id"]);
    let args = [nobody, Value::Uuid([1; 16]), Value::Null];
    let there = [Value::Bool(false), Value::Bool(true), Value::Bool(true)];
    assert_eq!(shop.database.query(&targets, &args), [there]);
    assert!(
        references::targets(&shop.model, testdb::dialect(), shop.id("Author"), false).is_none()
    );

    let author = shop.id("Author");
    let delete = write::delete(&shop.model, testdb::dialect(), author);
    let args = [Value::Uuid([2; 16]), Value::Int(1)];
    let refused = shop
        .database
        .change(&delete, delete.bind_args(&args))
        .unwrap_err();
    assert!(matches!(refused, StoreError::ForeignKey), "{refused}");
    let found: Vec<(FieldId, Vec<Vec<Value>>)> =
        references::pointing_at(&shop.model, testdb::dialect(), author)
            .iter()
            .map(|known| (known.field, shop.database.query(&known.find, &args[..1])))
            .collect();
    let fields = shop.fields(&["author_id", "editor_id"]);
    assert_eq!(
        found,
        [
            (fields[0], vec![vec![Value::Bool(true)]]),
            (fields[1], vec![])
        ]
    );
}

#[test]
fn a_record_may_point_at_itself() {
    let shop = shop();
    shop.book(1, &[("id", Value::Int(5)), ("sequel_id", Value::Int(5))])
        .unwrap();
    let delete = write::delete(&shop.model, testdb::dialect(), shop.id("Book"));
    let args = delete.bind_args(&[Value::Int(5), Value::Int(1)]);
    assert_eq!(shop.database.change(&delete, args).unwrap(), 1);
}

#[test]
fn conditions_are_asked_of_records_that_are_stored_and_that_are_not() {
    let shop = shop();
    let book = shop.id("Book");
    shop.book(7, &[]).unwrap();
    let holds = |text: &str| {
        let condition = rule(&shop.model, book, text);
        write::holds(&shop.model, testdb::dialect(), book, &condition).unwrap()
    };
    let prepared = holds("this.editor.name == 'x' && this.slot == 7");
    assert_eq!(
        shop.database.query(&prepared, &[Value::Int(1)]),
        [[Value::Bool(true)]]
    );
    assert!(shop.database.query(&prepared, &[Value::Int(2)]).is_empty());
    assert_eq!(holds("this.slot == 7").args(), 1);
    let stored = store::layout::stored_fields(shop.model.resource(book)).count();
    assert_eq!(holds("this.slot == next.slot").args(), 1 + stored);
}

#[test]
fn postgres_has_its_own_spelling() {
    let shop = shop();
    let book = shop.id("Book");
    let insert = write::insert(&shop.model, Dialect::Postgres, book);
    insta::assert_snapshot!(insert.statement.text, @r#"INSERT INTO "book" ("id", "title", "author_id", "editor_id", "isbn", "price_amount", "price_currency", "shelf", "slot", "sequel_id", "created_at", "updated_at", "_version", "_search") VALUES (CASE WHEN $1 IS NULL THEN nextval(pg_get_serial_sequence('"book"', 'id')) WHEN $1 > COALESCE(pg_sequence_last_value(pg_get_serial_sequence('"book"', 'id')::regclass), 0) THEN setval(pg_get_serial_sequence('"book"', 'id'), $1) ELSE $1 END, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14) RETURNING "id""#);
    let fields = shop.fields(&["title", "price"]);
    let update = write::update(&shop.model, Dialect::Postgres, book, &fields);
    insta::assert_snapshot!(update.statement.text, @r#"UPDATE "book" SET "title" = $1, "price_amount" = $2, "price_currency" = $3, "_search" = $4, "updated_at" = $5, "_version" = "_version" + 1 WHERE "id" = $6 AND "_version" = $7"#);
    let shape = Select {
        by_id: true,
        lock: true,
        ..Select::new(book)
    };
    let locked = select::select(&shop.model, Dialect::Postgres, &shape).unwrap();
    insta::assert_snapshot!(locked.statement.text, @r#"SELECT 1 FROM "book" AS t0 WHERE t0."id" = $1 FOR UPDATE"#);
}
