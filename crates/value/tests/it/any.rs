//! Arbitrary types and values of them.

use std::sync::Arc;

use proptest::collection::{btree_map, btree_set, vec};
use proptest::prelude::*;
use value::json::INT53_MAX;
use value::{
    Currency, Date, Decimal, Duration, IdKind, IdType, Member, Money, ObjectType, ResourceId,
    Timestamp, Type, Value,
};

pub fn id_type(kind: IdKind, name: &str, prefix: &str) -> IdType {
    IdType {
        resource: ResourceId(0),
        resource_name: name.into(),
        kind,
        prefix: prefix.into(),
    }
}

pub fn enum_type(values: &[&str]) -> Type {
    Type::Enum(values.iter().map(|value| Box::from(*value)).collect())
}

pub fn list(item: Type) -> Type {
    Type::List(Arc::new(item))
}

pub fn object(members: &[(&str, Type, bool)]) -> Type {
    let member = |(name, ty, nullable): &(&str, Type, bool)| Member {
        name: (*name).into(),
        ty: ty.clone(),
        nullable: *nullable,
    };
    Type::Object(Arc::new(ObjectType {
        name: None,
        members: members.iter().map(member).collect(),
    }))
}

/// One of every scalar type, and of every kind of id.
pub fn scalar_types() -> Vec<Type> {
    let id = |kind, prefix| Type::Id(Arc::new(id_type(kind, "Book", prefix)));
    vec![
        Type::Bool,
        Type::Int32,
        Type::Int53,
        Type::Int64,
        Type::Float,
        Type::Text,
        Type::Decimal,
        Type::Money,
        Type::Date,
        Type::Timestamp,
        Type::Duration,
        Type::Uuid,
        id(IdKind::TypeId, "book"),
        id(IdKind::Random, "book_copy"),
        id(IdKind::Uuid, ""),
        id(IdKind::Integer, ""),
        id(IdKind::Integer, "BKG-"),
        id(IdKind::Text, ""),
        enum_type(&["draft", "in_print", "sold \"out\"", "ünïcode"]),
    ]
}

pub fn scalar_type() -> impl Strategy<Value = Type> {
    proptest::sample::select(scalar_types())
}

pub fn any_type() -> impl Strategy<Value = Type> {
    let leaf = prop_oneof![9 => scalar_type(), 1 => Just(Type::Json)];
    leaf.prop_recursive(3, 16, 4, |inner| {
        let members = btree_map("[a-z~/\"]{1,6}", (inner.clone(), any::<bool>()), 0..4);
        prop_oneof![
            inner.prop_map(list),
            members.prop_map(|members| {
                let members = members.into_iter().map(|(name, (ty, nullable))| Member {
                    name: name.into(),
                    ty,
                    nullable,
                });
                Type::Object(Arc::new(ObjectType {
                    name: None,
                    members: members.collect(),
                }))
            }),
        ]
    })
}

pub fn any_text() -> impl Strategy<Value = String> {
    prop_oneof![
        any::<String>().prop_map(|text| text.replace('\0', "")),
        "[\\x01-\\x7f]{0,40}",
        "[ -~]{0,40}"
    ]
}

/// JSON as a parser gives it and fields keep it: floats have all their digits, text has no U+0000.
pub fn any_json() -> impl Strategy<Value = serde_json::Value> {
    use serde_json::Value as Json;
    let leaf = prop_oneof![
        Just(Json::Null),
        any::<bool>().prop_map(Json::from),
        any::<i64>().prop_map(Json::from),
        any::<u64>().prop_map(Json::from),
        (-(1_i64 << 53) as f64..(1_i64 << 53) as f64).prop_map(Json::from),
        any_text().prop_map(Json::from),
    ];
    leaf.prop_recursive(4, 24, 4, |inner| {
        prop_oneof![
            vec(inner.clone(), 0..4).prop_map(Json::from),
            btree_map(any_text(), inner, 0..4)
                .prop_map(|members| Json::Object(members.into_iter().collect())),
        ]
    })
}

pub fn finite() -> impl Strategy<Value = f64> {
    any::<f64>().prop_filter("finite", |number| number.is_finite())
}

pub fn any_decimal() -> impl Strategy<Value = Decimal> {
    let all = Decimal::MIN.millionths()..=Decimal::MAX.millionths();
    prop_oneof![all, -2_000_000_i64..2_000_000].prop_filter_map("range", Decimal::from_millionths)
}

pub fn any_currency() -> impl Strategy<Value = Currency> {
    proptest::sample::select(value::currency::CODES)
        .prop_map(|code| Currency::parse(code).expect("a code of the table"))
}

/// A value of the type, never null at the top.
pub fn value_of(ty: &Type) -> BoxedStrategy<Value> {
    match ty {
        Type::Bool => any::<bool>().prop_map(Value::Bool).boxed(),
        Type::Int32 => any::<i32>().prop_map(|int| Value::Int(int.into())).boxed(),
        Type::Int53 => (-INT53_MAX..=INT53_MAX).prop_map(Value::Int).boxed(),
        Type::Int64 => any::<i64>().prop_map(Value::Int).boxed(),
        Type::Float => finite().prop_map(Value::Float).boxed(),
        Type::Text => any_text().prop_map(Value::Text).boxed(),
        Type::Decimal => any_decimal().prop_map(Value::Decimal).boxed(),
        Type::Money => (any_decimal(), any_currency())
            .prop_map(|(amount, currency)| Value::Money(Money { amount, currency }))
            .boxed(),
        Type::Date => (Date::MIN.0..=Date::MAX.0)
            .prop_map(|days| Value::Date(Date(days)))
            .boxed(),
        Type::Timestamp => (Timestamp::MIN.0..=Timestamp::MAX.0)
            .prop_map(|ms| Value::Timestamp(Timestamp(ms)))
            .boxed(),
        Type::Duration => prop_oneof![
            Duration::MIN.0..=Duration::MAX.0,
            -100_000_000_i64..100_000_000,
            (-400_i64..400).prop_map(|hours| hours * 3_600_000),
        ]
        .prop_map(|ms| Value::Duration(Duration(ms)))
        .boxed(),
        Type::Uuid => any::<[u8; 16]>().prop_map(Value::Uuid).boxed(),
        Type::Id(id) => match id.kind {
            IdKind::TypeId | IdKind::Random | IdKind::Uuid => {
                any::<[u8; 16]>().prop_map(Value::Uuid).boxed()
            }
            IdKind::Integer => (1..=INT53_MAX).prop_map(Value::Int).boxed(),
            IdKind::Text => "[A-Za-z0-9~-][A-Za-z0-9._~-]{0,254}"
                .prop_map(Value::Text)
                .boxed(),
        },
        Type::Enum(values) => proptest::sample::select(values.to_vec())
            .prop_map(|value| Value::Text(value.into()))
            .boxed(),
        Type::List(item) => vec(value_of(item), 0..4).prop_map(Value::List).boxed(),
        Type::Object(object) => object
            .members
            .iter()
            .map(|member| {
                let value = value_of(&member.ty);
                if member.nullable {
                    prop_oneof![Just(Value::Null), value].boxed()
                } else {
                    value
                }
            })
            .collect::<Vec<_>>()
            .prop_map(Value::Object)
            .boxed(),
        // Null is never a value, so JSON's null is not one either.
        Type::Json => any_json()
            .prop_filter("not null", |json| !json.is_null())
            .prop_map(|json| Value::Json(json.to_string().into()))
            .boxed(),
    }
}

pub fn typed_value() -> impl Strategy<Value = (Type, Value)> {
    any_type().prop_flat_map(|ty| {
        let value = value_of(&ty);
        (Just(ty), value)
    })
}

pub fn typed_scalar() -> impl Strategy<Value = (Type, Value)> {
    scalar_type().prop_flat_map(|ty| {
        let value = value_of(&ty);
        (Just(ty), value)
    })
}

/// Distinct short names, for enums that must be told apart.
pub fn names(count: usize) -> impl Strategy<Value = Vec<String>> {
    btree_set("[a-z]{3,8}", count).prop_map(|names| names.into_iter().collect())
}
