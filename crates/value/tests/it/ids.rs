use proptest::prelude::*;
use value::id::{
    TypeIdError, decode_typeid, encode_typeid, is_typeid_prefix, parse_uuid, write_uuid,
};
use value::{IdKind, Value};

use crate::any::id_type;

fn uuid(text: &str) -> [u8; 16] {
    parse_uuid(text).expect(text)
}

#[test]
fn valid_typeids_of_the_specification() {
    for (text, prefix, bytes) in [
        (
            "00000000000000000000000000",
            "",
            "00000000-0000-0000-0000-000000000000",
        ),
        (
            "00000000000000000000000001",
            "",
            "00000000-0000-0000-0000-000000000001",
        ),
        (
            "0000000000000000000000000a",
            "",
            "00000000-0000-0000-0000-00000000000a",
        ),
        (
            "0000000000000000000000000g",
            "",
            "00000000-0000-0000-0000-000000000010",
        ),
        (
            "00000000000000000000000010",
            "",
            "00000000-0000-0000-0000-000000000020",
        ),
        (
            "7zzzzzzzzzzzzzzzzzzzzzzzzz",
            "",
            "ffffffff-ffff-ffff-ffff-ffffffffffff",
        ),
        (
            "prefix_0123456789abcdefghjkmnpqrs",
            "prefix",
            "0110c853-1d09-52d8-d73e-1194e95b5f19",
        ),
        (
            "prefix_01h455vb4pex5vsknk084sn02q",
            "prefix",
            "01890a5d-ac96-774b-bcce-b302099a8057",
        ),
        (
            "pre_fix_00000000000000000000000000",
            "pre_fix",
            "00000000-0000-0000-0000-000000000000",
        ),
    ] {
        assert_eq!(decode_typeid(text), Ok((prefix, uuid(bytes))), "{text}");
        assert_eq!(encode_typeid(prefix, &uuid(bytes)), text);
    }
}

#[test]
fn invalid_typeids_of_the_specification() {
    use TypeIdError::{Prefix, Suffix};
    let long = format!("{}_00000000000000000000000000", "a".repeat(64));
    for (text, error) in [
        ("PREFIX_00000000000000000000000000", Prefix),
        ("12345_00000000000000000000000000", Prefix),
        ("pre.fix_00000000000000000000000000", Prefix),
        ("préfix_00000000000000000000000000", Prefix),
        ("  prefix_00000000000000000000000000", Prefix),
        (long.as_str(), Prefix),
        ("_00000000000000000000000000", Prefix),
        ("_", Prefix),
        ("_prefix_00000000000000000000000000", Prefix),
        ("prefix__00000000000000000000000000", Prefix),
        ("", Suffix),
        ("prefix_", Suffix),
        ("prefix_1234567890123456789012345", Suffix),
        ("prefix_123456789012345678901234567", Suffix),
        ("prefix_1234567890123456789012345 ", Suffix),
        ("prefix_0123456789ABCDEFGHJKMNPQRS", Suffix),
        ("prefix_123456789-123456789-123456", Suffix),
        ("prefix_ooooooiiiiiiuuuuuuulllllll", Suffix),
        ("prefix_i23456789ol23456789oi23456", Suffix),
        ("prefix_123456789-0123456789-01234", Suffix),
        ("prefix_8zzzzzzzzzzzzzzzzzzzzzzzzz", Suffix),
    ] {
        assert_eq!(decode_typeid(text), Err(error), "{text:?}");
    }
    assert!(is_typeid_prefix(&"a".repeat(63)));
    assert!(!is_typeid_prefix(""));
}

#[test]
fn an_id_of_another_resource_is_told_apart_from_nonsense() {
    let check = |kind, name, prefix, text: &str, expected: &str| {
        let error = id_type(kind, name, prefix).parse(text).expect_err(text);
        assert_eq!(error.to_string(), expected, "{text}");
    };
    let author = "author_01h455vb4pex5vsknk084sn02q";
    check(
        IdKind::TypeId,
        "Book",
        "book",
        author,
        "this is an author id; a book id is expected",
    );
    check(
        IdKind::Uuid,
        "OrderLine",
        "",
        author,
        "this is an author id; an order line id is expected",
    );
    check(
        IdKind::Integer,
        "Booking",
        "BKG-",
        "order_line_01h455vb4pex5vsknk084sn02q",
        "this is an order line id; a booking id is expected",
    );
    check(
        IdKind::TypeId,
        "User",
        "user",
        "user_01H455VB4PEX5VSKNK084SN02Q",
        "a user id is written user_ followed by 26 lower-case letters and digits",
    );
    check(
        IdKind::Integer,
        "Booking",
        "BKG-",
        "77231",
        "a booking id is written BKG- followed by a number, as in BKG-17",
    );
    check(
        IdKind::Uuid,
        "Event",
        "",
        "17",
        "an event id is a UUID, such as 01890a5d-ac96-774b-bcce-b302099a8057",
    );
    check(
        IdKind::Text,
        "Tag",
        "",
        "a/b",
        "a tag id is 1 to 255 letters, digits, '.', '_', '~' or '-', and not . or ..",
    );
}

#[test]
fn ids_of_every_kind_are_read_and_written() {
    let v7 = Value::Uuid(uuid("01890a5d-ac96-774b-bcce-b302099a8057"));
    for (kind, prefix, text, value, json) in [
        (
            IdKind::TypeId,
            "book",
            "book_01h455vb4pex5vsknk084sn02q",
            v7.clone(),
            "\"book_01h455vb4pex5vsknk084sn02q\"",
        ),
        (
            IdKind::Random,
            "",
            "01h455vb4pex5vsknk084sn02q",
            v7.clone(),
            "\"01h455vb4pex5vsknk084sn02q\"",
        ),
        (
            IdKind::Uuid,
            "",
            "01890a5d-ac96-774b-bcce-b302099a8057",
            v7,
            "\"01890a5d-ac96-774b-bcce-b302099a8057\"",
        ),
        (IdKind::Integer, "", "77231", Value::Int(77_231), "77231"),
        (
            IdKind::Integer,
            "",
            "9007199254740991",
            Value::Int(9_007_199_254_740_991),
            "9007199254740991",
        ),
        (
            IdKind::Integer,
            "BKG-",
            "BKG-77231",
            Value::Int(77_231),
            "\"BKG-77231\"",
        ),
        (
            IdKind::Text,
            "",
            "a.b_c~d-1",
            Value::Text("a.b_c~d-1".into()),
            "\"a.b_c~d-1\"",
        ),
        (
            IdKind::Text,
            "",
            "...",
            Value::Text("...".into()),
            "\"...\"",
        ),
    ] {
        let id = id_type(kind, "Book", prefix);
        assert_eq!(id.parse(text), Ok(value.clone()), "{text}");
        assert_eq!(id.to_text(&value), text);
        let mut written = Vec::new();
        id.write(&value, &mut written);
        assert_eq!(String::from_utf8(written).expect("UTF-8"), json);
    }
}

#[test]
fn one_id_has_one_spelling() {
    let long = "a".repeat(256);
    for (kind, prefix, texts) in [
        (
            IdKind::Integer,
            "",
            &[
                "",
                "0",
                "007",
                "+7",
                "-7",
                "7.0",
                "1e3",
                " 7",
                "7 ",
                "٧",
                "9007199254740992",
                "99999999999999999999",
            ][..],
        ),
        (
            IdKind::Integer,
            "BKG-",
            &["", "BKG-", "BKG-0", "BKG-07", "bkg-7", "7", "BKG-BKG-7"],
        ),
        (
            IdKind::Text,
            "",
            &[
                "",
                ".",
                "..",
                "a b",
                "a/b",
                "a%2Fb",
                "ä",
                "a\0",
                "a?b",
                "a#b",
                long.as_str(),
            ],
        ),
        (
            IdKind::Uuid,
            "",
            &[
                "",
                "01890a5dac96774bbcceb302099a8057",
                "{01890a5d-ac96-774b-bcce-b302099a8057}",
                "01890a5d-ac96-774b-bcce-b302099a805",
                "01890a5d-ac96-774b-bcce-b302099a805g",
                "01890a5d_ac96_774b_bcce_b302099a8057",
                "01890a5da-c96-774b-bcce-b302099a8057",
            ],
        ),
        (
            IdKind::TypeId,
            "book",
            &["", "book_", "book", "01h455vb4pex5vsknk084sn02q"],
        ),
        (IdKind::TypeId, "", &["", "book_01h455vb4pex5vsknk084sn02q"]),
    ] {
        let id = id_type(kind, "Book", prefix);
        for text in texts {
            assert!(id.parse(text).is_err(), "{kind:?} {text:?}");
        }
    }
    let id = id_type(IdKind::Text, "Book", "");
    assert!(id.parse(&"a".repeat(255)).is_ok());
}

#[test]
fn upper_case_uuids_come_back_in_lower_case() {
    let id = id_type(IdKind::Uuid, "Book", "");
    let value = id
        .parse("01890A5D-AC96-774B-BCCE-B302099A8057")
        .expect("any case");
    assert_eq!(id.to_text(&value), "01890a5d-ac96-774b-bcce-b302099a8057");
}

#[test]
fn an_id_with_a_value_of_another_kind_is_still_json() {
    for value in [
        Value::Null,
        Value::Bool(true),
        Value::Int(3),
        Value::Text("\"".into()),
    ] {
        for kind in [IdKind::TypeId, IdKind::Uuid, IdKind::Integer, IdKind::Text] {
            let mut out = Vec::new();
            id_type(kind, "Book", "book").write(&value, &mut out);
            assert!(
                serde_json::from_slice::<serde_json::Value>(&out).is_ok(),
                "{kind:?} {value:?}"
            );
        }
    }
}

proptest! {
    #[test]
    fn typeids_survive(bytes in any::<[u8; 16]>(), prefix in "([a-z]([a-z_]{0,61}[a-z])?)?") {
        let text = encode_typeid(&prefix, &bytes);
        prop_assert_eq!(decode_typeid(&text), Ok((prefix.as_str(), bytes)));
    }

    #[test]
    fn typeids_sort_as_their_bytes(a in any::<[u8; 16]>(), b in any::<[u8; 16]>()) {
        prop_assert_eq!(encode_typeid("x", &a).cmp(&encode_typeid("x", &b)), a.cmp(&b));
    }

    #[test]
    fn uuids_agree_with_another_printer(bytes in any::<[u8; 16]>()) {
        let theirs = uuid::Uuid::from_bytes(bytes);
        let mut ours = Vec::new();
        write_uuid(&bytes, &mut ours);
        prop_assert_eq!(String::from_utf8(ours).expect("ASCII"), theirs.to_string());
        prop_assert_eq!(parse_uuid(&theirs.to_string().to_uppercase()), Some(bytes));
    }

    #[test]
    fn nothing_panics(text in any::<String>(), near in "[a-z_]{0,4}[0-9a-z_-]{20,40}") {
        for text in [&text, &near] {
            let _ = decode_typeid(text);
            let _ = parse_uuid(text);
            for kind in [IdKind::TypeId, IdKind::Uuid, IdKind::Integer, IdKind::Text] {
                let id = id_type(kind, "Book", "");
                if let Ok(value) = id.parse(text) {
                    prop_assert_eq!(&id.to_text(&value).to_lowercase(), &text.to_lowercase());
                }
            }
        }
    }
}
