//! Names and values on the wire: ids, times, money, numbers, nulls, enums.

use serde_json::{Value as Json, json};
use testkit::App;

use crate::support::{Shared, members};

static KINDS: Shared = Shared::new(|| App::start(CONTRACT));

const CONTRACT: &str = "
frontdesk: 1
name: kinds
types:
  Size:
    width: integer
    unit:  {enum: [cm, in], default: cm}
resources:
  BookOrder:
    fields: {order_text?: string, friend?: BookOrder}
    access: {read: public, write: public}
  Author:
    fields: {name?: string}
    access: {read: public, write: public}
  Plain:
    id: uuid
    fields: {name?: string}
    access: {read: public, write: public}
  Secret:
    id: random
    fields: {name?: string}
    access: {read: public, write: public}
  Number:
    id: integer
    fields: {name?: string}
    access: {read: public, write: public}
  Booking:
    id: {prefix: 'BKG-', type: integer}
    fields: {name?: string}
    access: {read: public, write: public}
  Word:
    id: string
    fields: {name?: string}
    access: {read: public, write: public}
  Thing:
    id: integer
    fields:
      text?:     {type: string, index: true}
      whole?:    integer
      safe?:     {type: integer, format: int53}
      long?:     {type: integer, format: int64, index: true}
      real?:     number
      exact?:    decimal
      flag?:     boolean
      price?:    money
      day?:      date
      moment?:   {type: date-time, index: true}
      code?:     uuid
      mail?:     email
      link?:     uri
      takes?:    duration
      state?:    {enum: [in_stock, sold_out]}
      tags?:     {type: array, items: {type: string}}
      size?:     Size
      any?:      json
    access: {read: public, write: public}
";

/// Writes one member and gives it as it is read, and as it can be written again.
#[track_caller]
fn stored(app: &App, member: &str, value: &Json) -> Json {
    let made = app.post("/v1/things", &json!({member: value})).expect(201);
    let path = made.header("location").unwrap();
    let read = app.get(&path).expect(200);
    assert_eq!(read.json(), made.json());
    // What was read says the same when it is sent.
    let again = app.put(&path, &read.json()).expect(200);
    assert_eq!(again.etag(), made.etag(), "{member} {value}");
    read.json()[member].clone()
}

#[track_caller]
fn keeps(app: &App, member: &str, values: &[Json]) {
    for value in values {
        assert_eq!(stored(app, member, value), *value, "{member}");
    }
}

#[track_caller]
fn becomes(app: &App, member: &str, values: &[(Json, Json)]) {
    for (value, expected) in values {
        assert_eq!(stored(app, member, value), *expected, "{member} {value}");
    }
}

#[track_caller]
fn refuses(app: &App, member: &str, values: &[(Json, &str)]) {
    for (value, expected) in values {
        let refused = app.post("/v1/things", &json!({member: value}));
        assert_eq!(refused.status, 422, "{member} {value}: {refused:?}");
        assert_eq!(
            refused.faults(),
            [format!("/{member}{expected}")],
            "{member} {value}"
        );
    }
}

#[test]
fn paths_are_kebab_case_and_members_snake_case() {
    let app = KINDS.get();
    let made = app
        .post("/v1/book-orders", &json!({"order_text": "x"}))
        .expect(201);
    assert!(
        made.header("location")
            .unwrap()
            .starts_with("/v1/book-orders/")
    );
    assert_eq!(
        members(&made.json()),
        ["id", "order_text", "friend_id", "created_at", "updated_at"]
    );
    for other in [
        "/v1/book_orders",
        "/v1/bookOrders",
        "/v1/BookOrders",
        "/v1/book-order",
        "/api/v1/book-orders",
        "/book-orders",
    ] {
        app.get(other).expect(404);
    }
}

#[test]
fn every_kind_of_id_is_spelled_in_its_way() {
    let app = KINDS.get();
    let make = |path: &str| {
        let made = app.post(path, &json!({})).expect(201);
        let id = match &made.json()["id"] {
            Json::String(id) => id.clone(),
            id => id.to_string(),
        };
        assert_eq!(made.header("location").unwrap(), format!("{path}/{id}"));
        assert_eq!(
            app.get(&format!("{path}/{id}")).expect(200).json(),
            made.json()
        );
        id
    };
    let suffix = |id: &str, prefix: &str| {
        let suffix = id
            .strip_prefix(prefix)
            .unwrap_or_else(|| panic!("{id}"))
            .to_owned();
        let alphabet = "0123456789abcdefghjkmnpqrstvwxyz";
        assert_eq!(suffix.len(), 26, "{id}");
        assert!(
            suffix.chars().all(|c| alphabet.contains(c)) && suffix.as_bytes()[0] <= b'7',
            "{id}"
        );
        suffix
    };
    let orders = [
        make("/v1/book-orders"),
        make("/v1/book-orders"),
        make("/v1/book-orders"),
    ];
    for id in &orders {
        suffix(id, "book_order_");
    }
    assert_ne!(orders[0], orders[1]);
    suffix(&make("/v1/secrets"), "secret_");
    let uuid = make("/v1/plains");
    let lengths: Vec<usize> = uuid.split('-').map(str::len).collect();
    assert_eq!(lengths, [8, 4, 4, 4, 12], "{uuid}");
    assert_eq!(uuid.as_bytes()[14], b'7', "{uuid}");
    assert_eq!(
        app.get(&format!("/v1/plains/{}", uuid.to_uppercase()))
            .expect(200)
            .json()["id"],
        uuid
    );
    let number: i64 = make("/v1/numbers").parse().unwrap();
    assert_eq!(make("/v1/numbers").parse(), Ok(number + 1));
    let booking = make("/v1/bookings");
    assert!(
        booking.strip_prefix("BKG-").unwrap().parse::<i64>().is_ok(),
        "{booking}"
    );
    let word = app
        .post("/v1/words", &json!({"id": "a-b_c.d~1"}))
        .expect(201);
    assert_eq!(word.header("location").unwrap(), "/v1/words/a-b_c.d~1");
    assert_eq!(
        app.get("/v1/words/a-b_c.d%7E1").expect(200).json(),
        word.json()
    );
    for id in ["", "été", "a b", "a/b", "..", &"x".repeat(256)] {
        let refused = app.post("/v1/words", &json!({"id": id})).expect(422);
        assert_eq!(refused.faults(), ["/id invalid_format"], "{id}");
    }
}

#[test]
fn one_kind_of_record_cannot_be_passed_for_another() {
    let app = KINDS.get();
    let author = app.post("/v1/authors", &json!({})).expect(201).json()["id"].clone();
    let author = author.as_str().unwrap();
    app.get(&format!("/v1/book-orders/{author}")).expect(404);
    let refused = app
        .post("/v1/book-orders", &json!({"friend_id": author}))
        .expect(422);
    assert_eq!(refused.faults(), ["/friend_id invalid_format"]);
    let problem = refused.json();
    let detail = problem["detail"].as_str().unwrap();
    assert!(
        detail.contains("author") && detail.contains("book"),
        "{detail}"
    );
    let refused = app
        .get(&format!("/v1/book-orders?friend_id={author}"))
        .expect(400);
    assert_eq!(refused.faults(), ["?friend_id invalid_format"]);
}

#[test]
fn what_is_no_id_leads_to_no_record() {
    let app = KINDS.get();
    for path in [
        "/v1/numbers/x",
        "/v1/numbers/-1",
        "/v1/numbers/+1",
        "/v1/numbers/01",
        "/v1/numbers/1.0",
        "/v1/numbers/99999999999999999999",
        "/v1/numbers/%31%20",
        "/v1/bookings/1",
        "/v1/bookings/bkg-1",
        "/v1/plains/1",
        "/v1/book-orders/1",
        "/v1/book-orders/book_order_",
        "/v1/book-orders/book_order_zzzzzzzzzzzzzzzzzzzzzzzzzz",
        "/v1/words/nothing",
        "/v1/words/%00",
        "/v1/numbers/9223372036854775807",
    ] {
        let refused = app.get(path);
        assert_eq!(
            (refused.status, &*refused.code()),
            (404, "not_found"),
            "{path}: {refused:?}"
        );
    }
}

#[test]
fn times_are_utc_with_milliseconds() {
    let app = KINDS.get();
    let made = app.post("/v1/things", &json!({})).expect(201).json();
    for member in ["created_at", "updated_at"] {
        let text = made[member].as_str().unwrap();
        let shape: String = text
            .chars()
            .map(|c| if c.is_ascii_digit() { '9' } else { c })
            .collect();
        assert_eq!(shape, "9999-99-99T99:99:99.999Z");
    }
    becomes(
        &app,
        "moment",
        &[
            (
                json!("2026-11-22T10:11:12Z"),
                json!("2026-11-22T10:11:12.000Z"),
            ),
            (
                json!("2026-11-22T10:11:12.5+02:00"),
                json!("2026-11-22T08:11:12.500Z"),
            ),
            (
                json!("2026-01-01T00:30:00+01:00"),
                json!("2025-12-31T23:30:00.000Z"),
            ),
            (
                json!("2026-11-22t10:11:12.123z"),
                json!("2026-11-22T10:11:12.123Z"),
            ),
        ],
    );
    refuses(
        &app,
        "moment",
        &[
            (json!("2026-11-22"), " invalid_format"),
            (json!("2026-11-22T10:11:12"), " invalid_format"),
            (json!("2026-02-30T10:11:12Z"), " invalid_format"),
            (json!("2026-11-22 at ten"), " invalid_format"),
            (json!(1_790_000_000), " wrong_type"),
        ],
    );
    keeps(
        &app,
        "day",
        &[
            json!("2026-11-22"),
            json!("2024-02-29"),
            json!("0001-01-01"),
        ],
    );
    refuses(
        &app,
        "day",
        &[
            (json!("2026-2-3"), " invalid_format"),
            (json!("2025-02-29"), " invalid_format"),
            (json!("2026-11-22T00:00:00Z"), " invalid_format"),
        ],
    );
    let found = app.get("/v1/things?moment[gte]=2026-11-22T12:11:12.123%2B02:00&moment[lt]=2026-11-22T10:11:12.124Z");
    let found = found.expect(200);
    assert!(
        found
            .items()
            .iter()
            .all(|thing| thing["moment"] == "2026-11-22T10:11:12.123Z")
    );
    assert!(!found.items().is_empty());
}

#[test]
fn money_is_a_decimal_string_and_a_currency() {
    let app = KINDS.get();
    keeps(
        &app,
        "price",
        &[
            json!({"amount": "12.50", "currency": "EUR"}),
            json!({"amount": "3000", "currency": "JPY"}),
            json!({"amount": "-0.01", "currency": "USD"}),
            json!({"amount": "1.234", "currency": "KWD"}),
        ],
    );
    becomes(
        &app,
        "price",
        &[(
            json!({"amount": "12.5", "currency": "EUR"}),
            json!({"amount": "12.50", "currency": "EUR"}),
        )],
    );
    refuses(
        &app,
        "price",
        &[
            (
                json!({"amount": 12.5, "currency": "EUR"}),
                "/amount wrong_type",
            ),
            (
                json!({"amount": "12,50", "currency": "EUR"}),
                "/amount invalid_format",
            ),
            (
                json!({"amount": "1e3", "currency": "EUR"}),
                "/amount invalid_format",
            ),
            (
                json!({"amount": "1", "currency": "eur"}),
                "/currency invalid_format",
            ),
            (
                json!({"amount": "1", "currency": "ABCD"}),
                "/currency invalid_format",
            ),
            // Of the right form, and nobody's money.
            (
                json!({"amount": "1", "currency": "QQQ"}),
                "/currency invalid_format",
            ),
            (json!({"amount": "1"}), "/currency required"),
            (
                json!({"amount": "1", "currency": "EUR", "tax": "0"}),
                "/tax unknown_member",
            ),
            (json!("12.50 EUR"), " wrong_type"),
        ],
    );
}

#[test]
fn integers_are_exact_in_every_client() {
    let app = KINDS.get();
    keeps(
        &app,
        "whole",
        &[json!(0), json!(-2_147_483_648), json!(2_147_483_647)],
    );
    becomes(&app, "whole", &[(json!(3.0), json!(3))]);
    refuses(
        &app,
        "whole",
        &[
            (json!(2_147_483_648_i64), " out_of_range"),
            (json!(-2_147_483_649_i64), " out_of_range"),
            (json!(1e300), " out_of_range"),
            (json!(1.5), " wrong_type"),
            (json!("1"), " wrong_type"),
            (json!(true), " wrong_type"),
        ],
    );
    keeps(
        &app,
        "safe",
        &[
            json!(9_007_199_254_740_991_i64),
            json!(-9_007_199_254_740_991_i64),
        ],
    );
    refuses(
        &app,
        "safe",
        &[(json!(9_007_199_254_740_992_i64), " out_of_range")],
    );
    keeps(
        &app,
        "long",
        &[
            json!("9223372036854775807"),
            json!("-9223372036854775808"),
            json!("0"),
        ],
    );
    becomes(&app, "long", &[(json!(7), json!("7"))]);
    refuses(
        &app,
        "long",
        &[
            (json!("9223372036854775808"), " out_of_range"),
            (json!("seven"), " invalid_format"),
            (json!("1.0"), " invalid_format"),
        ],
    );
    let found = app.get("/v1/things?long=9223372036854775807").expect(200);
    assert!(!found.items().is_empty());
}

#[test]
fn other_scalars_are_what_they_say() {
    let app = KINDS.get();
    keeps(&app, "real", &[json!(0.1), json!(-1.5e300), json!(5e-324)]);
    becomes(&app, "real", &[(json!(3), json!(3.0))]);
    refuses(&app, "real", &[(json!("0.1"), " wrong_type")]);
    keeps(&app, "exact", &[json!("0.1"), json!("-12345.678901")]);
    becomes(&app, "exact", &[(json!("1.50"), json!("1.5"))]);
    refuses(&app, "exact", &[(json!("x"), " invalid_format")]);
    keeps(&app, "flag", &[json!(true), json!(false)]);
    refuses(
        &app,
        "flag",
        &[(json!("true"), " wrong_type"), (json!(1), " wrong_type")],
    );
    keeps(
        &app,
        "text",
        &[
            json!(""),
            json!("a \"b\"\n\u{1}\u{7f}\u{2028} é 😀"),
            json!("</script>"),
        ],
    );
    refuses(
        &app,
        "text",
        &[
            (json!("a\0b"), " invalid_character"),
            (json!(1), " wrong_type"),
        ],
    );
    keeps(
        &app,
        "code",
        &[json!("01890a5d-ac96-774b-bcce-b302099a8057")],
    );
    refuses(&app, "code", &[(json!("1"), " invalid_format")]);
    keeps(&app, "mail", &[json!("ann@example.com")]);
    refuses(&app, "mail", &[(json!("ann"), " invalid_format")]);
    keeps(&app, "link", &[json!("https://example.com/?a=b#c")]);
    refuses(&app, "link", &[(json!("example.com"), " invalid_format")]);
    keeps(
        &app,
        "takes",
        &["PT1H30M", "P1Y2M3DT4H5M6S", "P2W", "PT36H", "P0D", "PT1H1S"].map(|text| json!(text)),
    );
    refuses(
        &app,
        "takes",
        &[
            "",
            "P",
            "PT",
            "1H",
            "P1H",
            "P1DT",
            "P1W2D",
            "P1D1Y",
            "P1M1M",
            "PT0.5S",
            "-PT1H",
            "pt1h",
            "PT1H ",
            "PT٣H",
            "P1",
            "90 minutes",
        ]
        .map(|text| (json!(text), " invalid_format")),
    );
    keeps(&app, "tags", &[json!([]), json!(["a", "b"])]);
    refuses(
        &app,
        "tags",
        &[
            (json!(["a", 1]), "/1 wrong_type"),
            (json!([null]), "/0 not_null"),
        ],
    );
    keeps(
        &app,
        "any",
        &[
            json!({"b": [1, 2.5, null], "a": {"x": "y"}}),
            json!([]),
            json!("x"),
            json!(0),
        ],
    );
    becomes(
        &app,
        "size",
        &[(json!({"width": 1}), json!({"width": 1, "unit": "cm"}))],
    );
    refuses(
        &app,
        "size",
        &[
            (json!({"unit": "in"}), "/width required"),
            (json!({"width": 1, "unit": "m"}), "/unit not_in_enum"),
        ],
    );
}

#[test]
fn enums_are_lower_snake_and_closed_in_requests() {
    let app = KINDS.get();
    keeps(&app, "state", &[json!("in_stock"), json!("sold_out")]);
    refuses(
        &app,
        "state",
        &[
            (json!("IN_STOCK"), " not_in_enum"),
            (json!("gone"), " not_in_enum"),
            (json!(1), " wrong_type"),
        ],
    );
    let refused = app
        .post("/v1/things", &json!({"state": "gone"}))
        .expect(422)
        .json();
    let detail = refused["detail"].as_str().unwrap();
    assert!(
        detail.contains("in_stock") && detail.contains("sold_out"),
        "{detail}"
    );
}

#[test]
fn what_is_empty_is_there_as_null() {
    let app = KINDS.get();
    let empty = app.post("/v1/things", &json!({})).expect(201).json();
    let all = [
        "id",
        "text",
        "whole",
        "safe",
        "long",
        "real",
        "exact",
        "flag",
        "price",
        "day",
        "moment",
        "code",
        "mail",
        "link",
        "takes",
        "state",
        "tags",
        "size",
        "any",
        "created_at",
        "updated_at",
    ];
    assert_eq!(members(&empty), all);
    let nulls = members(&empty)
        .into_iter()
        .filter(|name| empty[name].is_null())
        .count();
    assert_eq!(nulls, all.len() - 3);
    let nulls: Json = all[1..19]
        .iter()
        .map(|name| ((*name).to_owned(), Json::Null))
        .collect::<serde_json::Map<_, _>>()
        .into();
    let said = app.post("/v1/things", &nulls).expect(201).json();
    assert_eq!(members(&said), all);
}

#[test]
fn ids_that_tell_their_time_sort_by_it() {
    let app = KINDS.get();
    let make = || app.post("/v1/authors", &json!({})).expect(201).json()["id"].clone();
    let made: Vec<Json> = (0..20).map(|_| make()).collect();
    let first = made[0].as_str().unwrap();
    let listed = app.get(&format!(
        "/v1/authors?sort=-id&limit=200&id[in]={}",
        made.iter()
            .map(|id| id.as_str().unwrap())
            .collect::<Vec<_>>()
            .join(",")
    ));
    let mut listed = crate::support::each(&listed.expect(200), "id");
    listed.reverse();
    assert_eq!(listed, made);
    assert!(made.iter().all(|id| id.as_str().unwrap() >= first));
}

/// TypeID 0.3: the 128 bits of a UUID in 26 digits, of 5 bits each.
#[test]
fn ids_are_uuids_and_random_ones_do_not_tell_their_time() {
    let app = KINDS.get();
    let uuid = |path: &str| {
        let made = app.post(path, &json!({})).expect(201).json();
        let digits = made["id"].as_str().unwrap().rsplit('_').next().unwrap();
        let digits = digits.bytes().map(|digit| {
            let place = b"0123456789abcdefghjkmnpqrstvwxyz"
                .iter()
                .position(|known| *known == digit);
            place.unwrap() as u128
        });
        let uuid = digits.fold(0_u128, |uuid, digit| uuid << 5 | digit);
        // RFC 9562: the version; the variant; for version 7, milliseconds since 1970.
        (uuid >> 76 & 15, uuid >> 62 & 3, (uuid >> 80) as i64)
    };
    let before = frontdesk::now().0;
    let (version, variant, time) = uuid("/v1/authors");
    assert_eq!((version, variant), (7, 2));
    assert!((before..=frontdesk::now().0).contains(&time), "{time}");
    let times = [(); 8].map(|()| {
        let (version, variant, time) = uuid("/v1/secrets");
        assert_eq!((version, variant), (4, 2));
        time
    });
    let century = 100 * 365 * 24 * 60 * 60 * 1000;
    assert!(times.iter().any(|time| (time - before).abs() > century));
}

#[test]
fn pages_go_on_at_exact_numbers_and_moments() {
    let app = App::start(CONTRACT);
    let longs = [
        "-9223372036854775808",
        "-1",
        "9007199254740992",
        "9007199254740993",
        "9223372036854775807",
    ];
    for (n, long) in longs.iter().enumerate() {
        let moment = format!("2026-11-22T10:11:12.{:03}Z", 999 - n);
        app.post("/v1/things", &json!({"long": long, "moment": moment}))
            .expect(201);
    }
    app.post("/v1/things", &json!({})).expect(201);
    for (sort, expected) in [
        ("long", [6, 1, 2, 3, 4, 5]),
        ("-long", [5, 4, 3, 2, 1, 6]),
        ("moment", [6, 5, 4, 3, 2, 1]),
        ("-moment", [1, 2, 3, 4, 5, 6]),
    ] {
        let mut found = Vec::new();
        let mut target = Some(format!("/v1/things?sort={sort}&limit=1"));
        while let Some(page) = target {
            let answer = app.get(&page).expect(200);
            found.extend(crate::support::ids(&answer));
            target = crate::support::next(&answer);
        }
        assert_eq!(found, expected, "{sort}");
    }
}

#[test]
fn whatever_a_text_may_hold_can_be_filtered_by() {
    let app = KINDS.get();
    for (text, asked) in [
        ("a\nb", "a%0Ab"),
        ("\t\u{1}\u{7f}", "%09%01%7F"),
        ("\r", "%0D"),
    ] {
        app.post("/v1/things", &json!({"text": text})).expect(201);
        for filter in ["text", "text[starts_with]", "text[in]"] {
            let page = app
                .get(&format!("/v1/things?{filter}={asked}&limit=1"))
                .expect(200);
            assert_eq!(page.json()["items"][0]["text"], text, "{filter}={asked}");
        }
    }
    // What no field can hold is no value; and names are names.
    let refused = app.get("/v1/things?text=a%00").expect(400).json();
    assert_eq!(refused["errors"][0]["code"], "invalid_character");
    let refused = app.get("/v1/things?text%0A=a").expect(400).json();
    assert_eq!(refused["errors"][0]["code"], "invalid_encoding");
    app.get("/v1/things?sort=%0A").expect(400);
    app.get("/v1/things?cursor=%00%0A").expect(400);
}

#[test]
fn numbers_in_json_are_kept_exactly_or_refused() {
    let app = KINDS.get();
    for (number, is_kept) in [
        ("9007199254740993", true),
        ("-9223372036854775808", true),
        ("18446744073709551615", true),
        ("0.1", true),
        ("-2.5e-10", true),
        ("12345678901234567890123", false),
        ("-9223372036854775809", false),
        ("1e300", false),
        ("9007199254740993.5", false),
    ] {
        let body = format!(r#"{{"any": {{"n": [{number}]}}}}"#);
        let made = app
            .request("POST", "/v1/things")
            .body("application/json", body)
            .send();
        if is_kept {
            assert!(made.expect(201).text().contains(number), "{number}");
        } else {
            let code = &made.expect(422).json()["errors"][0]["code"];
            assert_eq!(code, "out_of_range", "{number}");
        }
    }
}

#[test]
fn there_is_one_zero() {
    let app = KINDS.get();
    let made = app
        .request("POST", "/v1/things")
        .body("application/json", r#"{"real": -0.0}"#);
    let made = made.send().expect(201);
    assert!(made.text().contains(r#""real":0.0"#), "{}", made.text());
    let read = app.get(&made.header("location").unwrap()).expect(200);
    assert_eq!(read.text(), made.text());
}
