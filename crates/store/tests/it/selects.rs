//! Filters, searches, counts and single records.

use std::sync::Arc;

use model::Model;
use store::select::Where;
use store::{Dialect, Filter, Operator, Output, Select, search, select};
use value::{FieldId, Value};

use crate::support::{Database, model, rule};

const BOOKS: &str = "
    Author
      name text index
      hidden bool
    Book id=integer
      title text index search
      subtitle? text search
      author? -> Author
      isbn? text unique
      price? money index
      year? int index
      tags list(text)
      size? object(width:int,depth?:int)
      notes? json
      twice int64 = size(this.title) * 2
";

struct Shop {
    model: Model,
    database: Database,
}

fn text(text: &str) -> Value {
    Value::Text(text.to_owned())
}

fn shop() -> Shop {
    let model = model(BOOKS);
    let database = Database::of(&model);
    for (n, name, hidden) in [(1, "Herbert", false), (2, "Le Guin", true)] {
        let fields = [
            ("id", Value::Uuid([n; 16])),
            ("name", text(name)),
            ("hidden", Value::Bool(hidden)),
        ];
        database.insert(&model, "Author", &fields);
    }
    let money = |text: &str| Value::Money(value::Money::parse(text).unwrap());
    let books = [
        (
            "Dune",
            Some(1),
            Some("978"),
            money("10 EUR"),
            Value::Int(1965),
        ),
        (
            "Dune Messiah",
            Some(1),
            None,
            money("10 JPY"),
            Value::Int(1969),
        ),
        (
            "The Dispossessed",
            Some(2),
            Some("979"),
            Value::Null,
            Value::Int(1974),
        ),
        ("ÉCOLE", None, None, money("5 EUR"), Value::Null),
    ];
    for (title, author, isbn, price, year) in books {
        let author = author.map_or(Value::Null, |n| Value::Uuid([n; 16]));
        let fields = [
            ("title", text(title)),
            (
                "subtitle",
                if title == "Dune" {
                    text("Der Wüstenplanet")
                } else {
                    Value::Null
                },
            ),
            ("author_id", author),
            ("isbn", isbn.map_or(Value::Null, text)),
            ("price", price),
            ("year", year),
            ("tags", Value::List(vec![text("a"), text(title)])),
            ("size", Value::Object(vec![Value::Int(3), Value::Null])),
            (
                "notes",
                Value::Json("{\"b\": 1, \"a\": [1.0, null]}".into()),
            ),
        ];
        database.insert(&model, "Book", &fields);
    }
    Shop { model, database }
}

impl Shop {
    fn book(&self, name: &str) -> FieldId {
        self.model
            .resource_named("Book")
            .unwrap()
            .field_named(name)
            .unwrap()
            .id
    }

    fn ids(&self, shape: Select, args: &[Value]) -> Vec<i64> {
        let shape = Select {
            outputs: vec![Output::Field(FieldId(0))],
            ..shape
        };
        let prepared = select::select(&self.model, testdb::dialect(), &shape).unwrap();
        select::select(&self.model, Dialect::Postgres, &shape).unwrap();
        let rows = self.database.query(&prepared, args);
        let count = Select {
            count: true,
            ..shape
        };
        let count = select::select(&self.model, testdb::dialect(), &count).unwrap();
        let counted = self.database.query(&count, args);
        assert_eq!(counted, [[Value::Int(i64::try_from(rows.len()).unwrap())]]);
        rows.iter()
            .map(|row| match row[0] {
                Value::Int(id) => id,
                ref other => panic!("{other:?}"),
            })
            .collect()
    }

    fn books(&self) -> Select {
        Select::new(self.model.resource_named("Book").unwrap().id)
    }

    fn filter(&self, field: &str, operator: Operator) -> Filter {
        match field.split_once('.') {
            None => Filter {
                via: None,
                field: self.book(field),
                operator,
                via_restrict: None,
            },
            Some((relation, field)) => {
                let author = self.model.resource_named("Author").unwrap();
                let visible = rule(&self.model, author.id, "!this.hidden");
                Filter {
                    via: Some(self.book(&format!("{relation}_id"))),
                    field: author.field_named(field).unwrap().id,
                    operator,
                    via_restrict: Some(Arc::new(visible)),
                }
            }
        }
    }
}

#[test]
fn filters_compare_and_null_is_only_equal_to_null() {
    use Operator::{Contains, Eq, Gt, Gte, In, IsNull, Lt, Lte, Ne, StartsWith};
    let shop = shop();
    let money = |text: &str| Value::Money(value::Money::parse(text).unwrap());
    for (field, operator, args, found) in [
        ("title", Eq, vec![text("Dune")], vec![1]),
        ("title", Ne, vec![text("Dune")], vec![2, 3, 4]),
        ("title", Lt, vec![text("Dune Messiah")], vec![1]),
        ("title", Gte, vec![text("The")], vec![3, 4]),
        ("title", StartsWith, vec![text("Dune")], vec![1, 2]),
        ("title", StartsWith, vec![text("dune")], vec![]),
        ("title", StartsWith, vec![text("")], vec![1, 2, 3, 4]),
        ("title", StartsWith, vec![text("É")], vec![4]),
        ("title", Contains, vec![text("s")], vec![2, 3]),
        ("title", Contains, vec![text("%")], vec![]),
        (
            "title",
            In(3),
            vec![text("Dune"), Value::Null, text("ÉCOLE")],
            vec![1, 4],
        ),
        ("title", In(0), vec![], vec![]),
        ("year", Eq, vec![Value::Int(1965)], vec![1]),
        ("year", Ne, vec![Value::Int(1965)], vec![2, 3, 4]),
        ("year", Lte, vec![Value::Int(1969)], vec![1, 2]),
        ("year", Gt, vec![Value::Int(1969)], vec![3]),
        ("year", IsNull(true), vec![], vec![4]),
        ("year", IsNull(false), vec![], vec![1, 2, 3]),
        ("year", In(2), vec![Value::Int(1974), Value::Null], vec![3]),
        ("author_id", Eq, vec![Value::Uuid([2; 16])], vec![3]),
        ("author_id", Ne, vec![Value::Uuid([2; 16])], vec![1, 2, 4]),
        ("price", Eq, vec![money("10 EUR")], vec![1]),
        ("price", Ne, vec![money("10 EUR")], vec![2, 3, 4]),
        ("price", Lt, vec![money("20 EUR")], vec![1, 4]),
        ("price", IsNull(true), vec![], vec![3]),
        (
            "price",
            In(2),
            vec![money("10 JPY"), money("5 EUR")],
            vec![2, 4],
        ),
        // The other author is hidden, and a book without an author has no author's name.
        ("author.name", Eq, vec![text("Herbert")], vec![1, 2]),
        ("author.name", Eq, vec![text("Le Guin")], vec![]),
        ("author.name", Ne, vec![text("Someone")], vec![1, 2]),
        ("author.name", StartsWith, vec![text("H")], vec![1, 2]),
        ("author.name", IsNull(false), vec![], vec![1, 2]),
    ] {
        let filter = shop.filter(field, operator);
        let shape = Select {
            filters: vec![filter.clone()],
            ..shop.books()
        };
        assert_eq!(shop.ids(shape, &args), found, "{field} {operator:?}");

        let others: Vec<i64> = (1..5).filter(|id| !found.contains(id)).collect();
        let not = Where::Not(Box::new(Where::Filter(filter)));
        let shape = Select {
            matching: Some(not),
            ..shop.books()
        };
        assert_eq!(shop.ids(shape, &args), others, "not {field} {operator:?}");
    }
}

#[test]
fn filters_join() {
    let shop = shop();
    let title = |operator| Where::Filter(shop.filter("title", operator));
    let year = |operator| Where::Filter(shop.filter("year", operator));
    let shape = Select {
        filters: vec![shop.filter("title", Operator::Contains)],
        matching: Some(Where::Any(vec![
            Where::All(vec![title(Operator::Eq), year(Operator::IsNull(false))]),
            Where::Not(Box::new(year(Operator::Lt))),
        ])),
        ..shop.books()
    };
    assert_eq!(
        shop.ids(shape, &[text("D"), text("Dune"), Value::Int(1970)]),
        [1, 3]
    );
    for (empty, found) in [
        (Where::All(vec![]), vec![1, 2, 3, 4]),
        (Where::Any(vec![]), vec![]),
    ] {
        assert_eq!(
            shop.ids(
                Select {
                    matching: Some(empty),
                    ..shop.books()
                },
                &[]
            ),
            found
        );
    }
}

#[test]
fn a_search_finds_all_words_in_any_field_whatever_their_case() {
    let shop = shop();
    for (query, found) in [
        ("dune", vec![1, 2]),
        ("DUNE mess", vec![2]),
        ("école", vec![4]),
        ("wüste dune", vec![1]),
        ("dune école", vec![]),
        ("%", vec![]),
        ("", vec![1, 2, 3, 4]),
    ] {
        let words: Vec<Value> = search::words(query).into_iter().map(Value::Text).collect();
        let shape = Select {
            words: u16::try_from(words.len()).unwrap(),
            ..shop.books()
        };
        assert_eq!(shop.ids(shape, &words), found, "{query}");
    }
}

#[test]
fn a_record_comes_back_as_it_went_in() {
    let shop = shop();
    let book = shop.books().resource;
    let mut shape = Select {
        by_id: true,
        ..Select::whole_row(&shop.model, book)
    };
    shape.outputs.push(Output::Field(shop.book("twice")));
    let prepared = select::select(&shop.model, testdb::dialect(), &shape).unwrap();
    let rows = shop.database.query(&prepared, &[Value::Int(1)]);
    let now = Value::Timestamp(crate::support::database::NOW);
    let expected = [
        Value::Int(1),
        text("Dune"),
        text("Der Wüstenplanet"),
        Value::Uuid([1; 16]),
        text("978"),
        Value::Money(value::Money::parse("10 EUR").unwrap()),
        Value::Int(1965),
        Value::List(vec![text("a"), text("Dune")]),
        Value::Object(vec![Value::Int(3), Value::Null]),
        Value::Json("{\"b\": 1, \"a\": [1.0, null]}".into()),
        now.clone(),
        now,
        Value::Int(1),
        Value::Int(8),
    ];
    assert_eq!(rows, [expected]);
    assert!(shop.database.query(&prepared, &[Value::Int(99)]).is_empty());
}

#[test]
fn records_are_found_by_several_ids_at_once() {
    let shop = shop();
    let shape = Select {
        ids: Some(4),
        ..shop.books()
    };
    let mut found = shop.ids(
        shape,
        &[Value::Int(3), Value::Int(9), Value::Int(1), Value::Null],
    );
    found.sort_unstable();
    assert_eq!(found, [1, 3]);
}

#[test]
fn what_cannot_be_asked_is_refused_not_guessed() {
    let shop = shop();
    let refused = |shape: Select| {
        select::select(&shop.model, testdb::dialect(), &shape)
            .unwrap_err()
            .to_string()
    };
    let filter = |name: &str, operator| vec![shop.filter(name, operator)];
    assert_eq!(
        refused(Select {
            filters: filter("twice", Operator::Eq),
            ..shop.books()
        }),
        "a computed field where only stored ones can stand cannot be decided by the database"
    );
    assert_eq!(
        refused(Select {
            filters: filter("year", Operator::Contains),
            ..shop.books()
        }),
        "a part of something that is no text cannot be decided by the database"
    );
    assert_eq!(
        refused(Select {
            filters: filter("year", Operator::In(501)),
            ..shop.books()
        }),
        "so many filters cannot be decided by the database"
    );
    assert_eq!(
        refused(Select {
            ids: Some(501),
            ..shop.books()
        }),
        "so many ids at once cannot be decided by the database"
    );
    let author = shop.model.resource_named("Author").unwrap().id;
    assert_eq!(
        refused(Select {
            words: 1,
            ..Select::new(author)
        }),
        "a search in a resource without `search` cannot be decided by the database"
    );
}
