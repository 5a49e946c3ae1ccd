//! Pages: whatever the order and wherever nulls stand, pages put together are the whole list.

use std::cmp::Ordering;
use std::sync::Arc;

use model::Model;
use store::select::Seek;
use store::{Dialect, Direction, Filter, Operator, Output, Select, select};
use value::{FieldId, ResourceId, Value};

use crate::support::{Database, model, rule};

const ITEMS: &str = "
    Shop
      name text
    Item id=KIND
      shop -> Shop
      a? int index
      b text index
      price? money index
      done bool
";

struct Shelf {
    model: Model,
    database: Database,
    item: ResourceId,
    shops: Vec<Value>,
}

fn shelf(kind: &str) -> Shelf {
    let model = model(&ITEMS.replace("KIND", kind));
    let database = Database::of(&model);
    let shops: Vec<Value> = (0..3)
        .map(|n| {
            let id = Value::Uuid([n + 1; 16]);
            let name = Value::Text(format!("s{n}"));
            database.insert(&model, "Shop", &[("id", id), ("name", name)])
        })
        .collect();
    for n in 0..41_i64 {
        let id = match kind {
            "integer" => Value::Null,
            "text" => Value::Text(format!("i{:02}", n * 7 % 41)),
            // Not in the order in which they are inserted.
            _ => Value::Uuid([u8::try_from(n * 7 % 41).unwrap(); 16]),
        };
        let a = if n % 4 == 0 {
            Value::Null
        } else {
            Value::Int(n % 3)
        };
        let price = match n % 5 {
            0 | 1 => Value::Null,
            m => money(&format!(
                "{} {}",
                m / 3,
                if n % 2 == 0 { "EUR" } else { "JPY" }
            )),
        };
        let fields = [
            ("id", id),
            ("shop_id", shops[usize::try_from(n % 2).unwrap()].clone()),
            ("a", a),
            (
                "b",
                Value::Text(["", "x", "y"][usize::try_from(n % 3).unwrap()].into()),
            ),
            ("price", price),
            ("done", Value::Bool(n % 3 == 0)),
        ];
        database.insert(&model, "Item", &fields);
    }
    let item = model.resource_named("Item").unwrap().id;
    Shelf {
        model,
        database,
        item,
        shops,
    }
}

fn money(text: &str) -> Value {
    Value::Money(value::Money::parse(text).unwrap())
}

impl Shelf {
    fn field(&self, name: &str) -> FieldId {
        self.model.resource(self.item).field_named(name).unwrap().id
    }

    /// `-a,b`
    fn sort(&self, text: &str) -> Vec<(FieldId, Direction)> {
        text.split(',')
            .filter(|key| !key.is_empty())
            .map(|key| match key.strip_prefix('-') {
                Some(name) => (self.field(name), Direction::Descending),
                None => (self.field(key), Direction::Ascending),
            })
            .collect()
    }

    /// All rows of a shape, in pages.
    fn paged(&self, shape: &Select, args: &[Value], page: i64) -> Vec<Vec<Value>> {
        let mut all: Vec<Vec<Value>> = Vec::new();
        loop {
            let mut shape = shape.clone();
            let mut args = args.to_vec();
            if let Some(last) = all.last() {
                // The sort keys are the first outputs.
                let cursor = last[..shape.sort_keys(&self.model).len()].to_vec();
                shape.seek = Some(Seek::after(&cursor));
                args.extend(cursor);
            }
            args.push(Value::Int(page));
            let prepared = select::select(&self.model, testdb::dialect(), &shape).unwrap();
            select::select(&self.model, Dialect::Postgres, &shape).unwrap();
            let rows = self.database.query(&prepared, &args);
            assert!(rows.len() <= usize::try_from(page).unwrap());
            let end = rows.is_empty();
            all.extend(rows);
            if end {
                return all;
            }
            assert!(all.len() < 200, "the pages do not end");
        }
    }
}

fn compare(a: &Value, b: &Value) -> Ordering {
    match (a, b) {
        (Value::Null, Value::Null) => Ordering::Equal,
        (Value::Null, _) => Ordering::Less,
        (_, Value::Null) => Ordering::Greater,
        (Value::Money(a), Value::Money(b)) => a
            .amount
            .cmp(&b.amount)
            .then(a.currency.as_str().cmp(b.currency.as_str())),
        (a, b) => a.compare(b).unwrap(),
    }
}

const SORTS: [&str; 14] = [
    "",
    "id",
    "-id",
    "a",
    "-a",
    "b",
    "-b",
    "a,b",
    "-a,-b",
    "a,-b",
    "-a,b",
    "price",
    "-price",
    "b,-price,a",
];

#[test]
fn pages_put_together_are_the_list_in_order() {
    for kind in ["integer", "text", "uuid"] {
        let shelf = shelf(kind);
        for sort in SORTS {
            for filtered in [false, true] {
                let mut shape = Select {
                    limit: true,
                    sort: shelf.sort(sort),
                    ..Select::new(shelf.item)
                };
                let mut args = vec![];
                if filtered {
                    shape
                        .restrict
                        .push(Arc::new(rule(&shelf.model, shelf.item, "!this.done")));
                    shape.parent = Some(shelf.field("shop_id"));
                    args.push(shelf.shops[0].clone());
                }
                let keys = shape.sort_keys(&shelf.model);
                shape.outputs = keys
                    .iter()
                    .map(|(field, _)| Output::Field(*field))
                    .collect();
                let whole = shelf.paged(&shape, &args, 1000);
                assert_eq!(whole.len(), if filtered { 14 } else { 41 });
                assert!(
                    whole.is_sorted_by(|a, b| {
                        let mut pairs = a.iter().zip(b).zip(&keys);
                        let first = pairs.find_map(|((a, b), (_, direction))| {
                            let order = match direction {
                                Direction::Ascending => compare(a, b),
                                Direction::Descending => compare(b, a),
                            };
                            (order != Ordering::Equal).then_some(order)
                        });
                        first == Some(Ordering::Less)
                    }),
                    "{kind} {sort}: {whole:?}"
                );
                for page in [1, 2, 7] {
                    assert_eq!(
                        shelf.paged(&shape, &args, page),
                        whole,
                        "{kind} {sort} by {page}"
                    );
                }
            }
        }
    }
}

#[test]
fn a_cursor_that_points_at_nothing_still_has_a_place() {
    let shelf = shelf("integer");
    let shape = Select {
        limit: true,
        sort: shelf.sort("-a"),
        outputs: vec![Output::Field(shelf.field("a")), Output::Field(FieldId(0))],
        ..Select::new(shelf.item)
    };
    // Between 2 and 1, where no record is.
    for (cursor, first) in [
        ([Value::Int(2), Value::Int(0)], Value::Int(1)),
        ([Value::Int(0), Value::Int(0)], Value::Null),
        ([Value::Int(9), Value::Int(0)], Value::Int(2)),
    ] {
        let shape = Select {
            seek: Some(Seek::after(&cursor)),
            ..shape.clone()
        };
        let prepared = select::select(&shelf.model, testdb::dialect(), &shape).unwrap();
        let args = [&cursor[..], &[Value::Int(1)]].concat();
        assert_eq!(shelf.database.query(&prepared, &args)[0][0], first);
    }
}

#[test]
fn lists_of_several_parents_come_in_one_statement() {
    let shelf = shelf("uuid");
    let shop = shelf.field("shop_id");
    let shape = Select {
        parents: Some((shop, 4)),
        limit: true,
        sort: shelf.sort("-a"),
        outputs: vec![
            Output::Field(shop),
            Output::Field(shelf.field("a")),
            Output::Field(FieldId(0)),
        ],
        filters: vec![Filter {
            via: None,
            field: shelf.field("done"),
            operator: Operator::Eq,
            via_restrict: None,
        }],
        ..Select::new(shelf.item)
    };
    let prepared = select::select(&shelf.model, testdb::dialect(), &shape).unwrap();
    let mut args = shelf.shops.clone();
    args.extend([Value::Null, Value::Bool(false), Value::Int(5)]);
    let together = shelf.database.query(&prepared, &args);
    for (at, parent) in shelf.shops.iter().enumerate() {
        let of_parent: Vec<&Vec<Value>> = together.iter().filter(|row| row[0] == *parent).collect();
        let alone = Select {
            parents: None,
            parent: Some(shop),
            ..shape.clone()
        };
        let alone = select::select(&shelf.model, testdb::dialect(), &alone).unwrap();
        let args = [parent.clone(), Value::Bool(false), Value::Int(5)];
        let alone = shelf.database.query(&alone, &args);
        assert_eq!(of_parent, alone.iter().collect::<Vec<_>>());
        assert_eq!(of_parent.len(), if at < 2 { 5 } else { 0 });
    }
}

#[test]
fn postgres_orders_nulls_alike_and_goes_from_parent_to_parent() {
    let shelf = shelf("uuid");
    let text = |shape: Select| {
        let shape = Select {
            limit: true,
            outputs: vec![Output::Field(FieldId(0))],
            ..shape
        };
        let prepared = select::select(&shelf.model, Dialect::Postgres, &shape).unwrap();
        prepared.statement.text.to_string()
    };
    let list = || Select {
        sort: shelf.sort("-a"),
        ..Select::new(shelf.item)
    };
    insta::assert_snapshot!(text(list()), @r#"SELECT t0."id" FROM "item" AS t0 ORDER BY t0."a" DESC NULLS LAST, t0."id" DESC LIMIT $1"#);
    let seek = Some(Seek::after(&[Value::Int(1), Value::Int(1)]));
    insta::assert_snapshot!(text(Select { seek, ..list() }), @r#"SELECT t0."id" FROM (SELECT * FROM (SELECT t2."id" FROM "item" AS t2 WHERE (t2."a", t2."id") < ($1, $2) ORDER BY t2."a" DESC NULLS LAST, t2."id" DESC LIMIT $3) AS t3 UNION ALL SELECT * FROM (SELECT t4."id" FROM "item" AS t4 WHERE t4."a" IS NULL ORDER BY t4."a" DESC NULLS LAST, t4."id" DESC LIMIT $3) AS t5) AS t1 CROSS JOIN "item" AS t0 WHERE t0."id" = t1."id" ORDER BY t0."a" DESC NULLS LAST, t0."id" DESC LIMIT $3"#);
    let parents = Some((shelf.field("shop_id"), 2));
    insta::assert_snapshot!(text(Select { parents, ..list() }), @r#"SELECT t0."id" FROM (VALUES ($1), ($2)) AS t1 ("id") CROSS JOIN LATERAL (SELECT t2.* FROM "item" AS t2 WHERE t2."shop_id" = t1."id" ORDER BY t2."a" DESC NULLS LAST, t2."id" DESC LIMIT $3) AS t0 ORDER BY t0."a" DESC NULLS LAST, t0."id" DESC"#);
}
