//! Rules mean the same in memory and in SQL (CONTRACT 4.8 D).
//!
//! Random rules are written as text, checked, and asked of random rows: by the evaluator, and by
//! SQLite in every form they are lowered to. The texts are drawn from a grammar that knows the
//! model's types and guards what may be null, so nearly all of them pass the checker; rows have
//! nulls, extremes and characters that text functions like to get wrong.

use std::borrow::Cow;
use std::cmp::Ordering;
use std::collections::BTreeMap;
use std::sync::Arc;

use expr::caller::read_claim;
use expr::ir::{Claim, Node};
use expr::{CallerValues, Condition, Env, Expr, Guest, Lookup, Record, Scope};
use model::Model;
use store::{Dialect, Output, Select, layout, select, write};
use value::{Date, Decimal, FieldId, Money, ResourceId, Timestamp, Type, Value};

use crate::support::database::NOW;
use crate::support::{Database, model, try_check};

/// Rules asked in one run. More with `AGREEMENT_RULES`.
const RULES: u64 = 400;
/// Other data every so many rules.
const RULES_PER_DATABASE: u64 = 100;

const MODEL: &str = "
    User
      name text index
      role enum(user,staff,banned)
      level? int
      boss? -> User
      lists owned List.owner
      lists assigned Task.assignee
      rule self: this.id == user.id
      rule under: this.boss_id == user.id
    Shop id=text
      title text
      country? text index
    Ticket id=integer
      label text
      task? -> Task
      weight? number
    List
      name text
      owner -> User
      open bool
      shop? -> Shop
      lists members Member.list
      lists tasks Task.list
      rule mine: this.owner_id == user.id
      rule viewer: mine || this.members.exists(m, m.user_id == user.id && m.rank < 5)
      rule editor: mine || this.members.filter(m, m.role == 'editor').exists(m, m.user_id == user.id || m.user.boss_id == user.id)
    Member
      list -> List
      user -> User
      role enum(viewer,editor)
      since? date
      rank int
      rule visible: this.list.viewer
    Task
      list -> List
      title text
      note? text
      state enum(new,held,done)
      done bool
      flag? bool
      points int
      big int53
      huge? int64
      ratio number
      share? number
      cost decimal
      fee decimal minimum=0 maximum=1000
      dozen int minimum=-12 maximum=12
      tiny number minimum=-1 maximum=1
      rebate? decimal
      price? money
      day date
      until? date
      at time
      due? time
      code uuid
      tags list(text)
      counts? list(int)
      days list(date)
      place? object(city:text,zip?:text,floor:int)
      assignee? -> User
      parent? -> Task
      ticket? -> Ticket
      lists children Task.parent
      lists tickets Ticket.task
      rule visible: this.list.viewer || this.assignee_id == user.id
      rule loose: this.parent_id == null || this.parent.list.open
      rule listed: this.tickets.exists(t, t.label == user.name) || this.list.editor
";

/// A small generator with a seed, so that a failure can be had again.
struct Random(u64);

impl Random {
    fn below(&mut self, end: usize) -> usize {
        // SplitMix64.
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        ((z ^ (z >> 31)) % end as u64) as usize
    }

    fn chance(&mut self, percent: usize) -> bool {
        self.below(100) < percent
    }

    fn pick<'a, T>(&mut self, from: &'a [T]) -> &'a T {
        &from[self.below(from.len())]
    }

    fn text(&mut self) -> &'static str {
        TEXTS[self.below(TEXTS.len())]
    }
}

/// Texts that differ in what text functions look at.
const TEXTS: [&str; 16] = [
    "",
    "a",
    "A",
    "ab",
    "abc",
    "b",
    "é",
    "e\u{301}",
    "É",
    "ß",
    "😀a",
    "a%b_",
    "it's",
    "\"q\"",
    "\u{10ffff}",
    "a\\n",
];
const INTS: [i64; 9] = [0, 1, -1, 2, 3, 7, i32::MIN as i64, i32::MAX as i64, -7];
const FLOATS: [f64; 12] = [
    0.0,
    -0.0,
    0.5,
    1.0,
    -1.5,
    2.0,
    1e300,
    -1e300,
    1e-300,
    5e-324,
    f64::MAX,
    f64::MIN,
];
const DAYS: [i32; 6] = [0, -1, 1, 19_000, -719_162, 2_932_896];

fn uuid(n: usize) -> [u8; 16] {
    let mut bytes = [0x5a; 16];
    bytes[15] = n as u8;
    bytes
}

fn times() -> Vec<i64> {
    vec![
        0,
        -1,
        1,
        86_399_999,
        86_400_000,
        -86_400_000,
        -86_400_001,
        NOW.0,
        NOW.0 - 1,
        NOW.0 + 600_000,
        Timestamp::MIN.0,
        Timestamp::MAX.0,
    ]
}

fn decimals() -> Vec<Decimal> {
    [
        "0",
        "0.000001",
        "-0.000001",
        "1",
        "12.5",
        "-12.5",
        "999999999999.999999",
    ]
    .map(|text| Decimal::parse(text).unwrap())
    .to_vec()
}

/// A value of a type, of the few there are, so that equals are met.
fn value(random: &mut Random, ty: &Type) -> Value {
    match ty {
        Type::Bool => Value::Bool(random.chance(50)),
        Type::Int32 => Value::Int(*random.pick(&INTS)),
        Type::Int53 => Value::Int(*random.pick(&[0, 1, 5, (1 << 53) - 1, -(1 << 53) + 1])),
        Type::Int64 => Value::Int(*random.pick(&[0, 1, 5, i64::MIN, i64::MAX, 1 << 53])),
        Type::Float => Value::Float(*random.pick(&FLOATS)),
        Type::Text => Value::Text(random.text().to_owned()),
        Type::Enum(values) => Value::Text(random.pick(values).to_string()),
        Type::Decimal => Value::Decimal(*random.pick(&decimals())),
        Type::Money => Value::Money(Money::new(
            *random.pick(&decimals()),
            random.pick(&["EUR", "JPY"]).parse().unwrap(),
        )),
        Type::Date => Value::Date(Date(*random.pick(&DAYS))),
        Type::Timestamp => Value::Timestamp(Timestamp(*random.pick(&times()))),
        Type::Uuid => Value::Uuid(uuid(random.below(3))),
        Type::List(item) => {
            let count = random.below(4);
            Value::List((0..count).map(|_| value(random, item)).collect())
        }
        Type::Object(object) => Value::Object(
            object
                .members
                .iter()
                .map(|member| match member.nullable && random.chance(40) {
                    true => Value::Null,
                    false => value(random, &member.ty),
                })
                .collect(),
        ),
        other => panic!("{other:?}"),
    }
}

/// A value of the field's type that its limits allow.
fn allowed(random: &mut Random, shape: &model::Shape) -> Value {
    let (least, greatest) = shape.constraints.ends();
    loop {
        let value = value(random, &shape.ty);
        let below = |end: &Value| value.compare(end) == Some(Ordering::Less);
        let above = |end: &Value| value.compare(end) == Some(Ordering::Greater);
        if !least.as_ref().is_some_and(below) && !greatest.as_ref().is_some_and(above) {
            return value;
        }
    }
}

/// All rows, in memory and in a database.
struct World {
    model: Model,
    database: Database,
    rows: BTreeMap<ResourceId, Vec<Record>>,
}

impl World {
    fn new(random: &mut Random) -> World {
        let model = model(MODEL);
        let database = Database::of(&model);
        let mut world = World {
            model,
            database,
            rows: BTreeMap::new(),
        };
        for (name, count) in [
            ("User", 4),
            ("Shop", 3),
            ("Ticket", 0),
            ("List", 5),
            ("Member", 8),
            ("Task", 14),
            ("Ticket", 6),
        ] {
            for n in 0..count {
                world.add(random, name, n);
            }
        }
        world
    }

    fn add(&mut self, random: &mut Random, name: &str, n: usize) {
        let resource = self.model.resource_named(name).unwrap();
        let mut record = vec![Value::Null; resource.fields.len()];
        for field in layout::stored_fields(resource) {
            let ty = &field.shape.ty;
            record[usize::from(field.id.0)] = match (field.relation(), ty) {
                (Some((_, target)), _) => {
                    let there = self.rows.get(&target).map_or(&[][..], Vec::as_slice);
                    match there {
                        [] => Value::Null,
                        _ if field.shape.nullable && random.chance(40) => Value::Null,
                        there => random.pick(there)[0].clone(),
                    }
                }
                (None, Type::Id(id)) => match id.kind {
                    value::IdKind::Integer => Value::Int(n as i64 + 1),
                    value::IdKind::Text => Value::Text(format!("s{n}")),
                    _ => {
                        let mut bytes = uuid(n);
                        bytes[0] = resource.id.0 as u8;
                        Value::Uuid(bytes)
                    }
                },
                _ if field.shape.nullable && random.chance(35) => Value::Null,
                (None, _) => allowed(random, &field.shape),
            };
        }
        let fields: Vec<(&str, Value)> = layout::stored_fields(resource)
            .map(|field| (field.name.as_str(), record[usize::from(field.id.0)].clone()))
            .collect();
        self.database.insert(&self.model, name, &fields);
        self.rows
            .entry(resource.id)
            .or_default()
            .push(record.into());
    }

    fn rows(&self, resource: ResourceId) -> &[Record] {
        self.rows.get(&resource).map_or(&[], Vec::as_slice)
    }
}

impl Lookup for World {
    fn one(&self, resource: ResourceId, id: &Value) -> Option<Record> {
        self.rows(resource)
            .iter()
            .find(|row| row[0] == *id)
            .cloned()
    }

    fn many(&self, resource: ResourceId, field: FieldId, id: &Value) -> Vec<Record> {
        let holds = |row: &&Record| row[usize::from(field.0)] == *id;
        self.rows(resource).iter().filter(holds).cloned().collect()
    }
}

/// A caller with some claims.
struct User(Vec<(Claim, String)>);

impl CallerValues for User {
    fn signed_in(&self) -> bool {
        true
    }

    fn claim(&self, claim: &Claim) -> Option<Cow<'_, str>> {
        self.0
            .iter()
            .find(|(known, _)| known == claim)
            .map(|(_, text)| text.as_str().into())
    }
}

fn callers(world: &World, random: &mut Random) -> Vec<(&'static str, Box<dyn CallerValues>)> {
    let users = world.model.resource_named("User").unwrap();
    let id = users.id_type.to_text(&random.pick(world.rows(users.id))[0]);
    let named = |name: &str, value: &str| (Claim::Named(name.into()), value.to_owned());
    let all = vec![
        (Claim::Id, id.clone()),
        named("name", random.text()),
        named("level", "3"),
        named("states", "[\"new\",\"held\"]"),
        named("until", "2022-01-08"),
    ];
    let some = vec![(Claim::Id, id), named("level", "many"), named("name", "a")];
    let unknown = vec![named("level", "1")];
    vec![
        ("guest", Box::new(Guest)),
        ("user", Box::new(User(all))),
        ("user without some claims", Box::new(User(some))),
        ("user without an id", Box::new(User(unknown))),
    ]
}

/// Writes rules.
struct Grammar<'a> {
    model: &'a Model,
    random: &'a mut Random,
    variables: usize,
    /// Allows `next`.
    next: bool,
}

/// A row that has a name: `this.list`, and what must not be null for it to be there.
#[derive(Clone)]
struct Named {
    text: String,
    resource: ResourceId,
    guards: Vec<String>,
}

/// Something with a value.
struct Term {
    text: String,
    ty: Type,
    nullable: bool,
    guards: Vec<String>,
}

/// What operators take alike.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum Class {
    Bool,
    Int,
    Float,
    Text,
    Decimal,
    Date,
    Time,
    Uuid,
    Id(ResourceId),
}

fn class(ty: &Type) -> Option<Class> {
    Some(match ty {
        Type::Bool => Class::Bool,
        Type::Int32 | Type::Int53 | Type::Int64 => Class::Int,
        Type::Float => Class::Float,
        Type::Text | Type::Enum(_) => Class::Text,
        Type::Decimal => Class::Decimal,
        Type::Date => Class::Date,
        Type::Timestamp => Class::Time,
        Type::Uuid => Class::Uuid,
        Type::Id(id) => Class::Id(id.resource),
        _ => return None,
    })
}

fn quoted(text: &str) -> String {
    format!("'{}'", text.replace('\\', "\\\\").replace('\'', "\\'"))
}

impl Grammar<'_> {
    fn condition(&mut self, rows: &[Named], depth: usize) -> String {
        if depth == 0 {
            return self.atom(rows, 0);
        }
        match self.random.below(12) {
            0..=1 => self.joined(rows, depth, " && "),
            2..=3 => self.joined(rows, depth, " || "),
            4 => format!("!({})", self.condition(rows, depth - 1)),
            5 => format!(
                "({} ? {} : {})",
                self.condition(rows, depth - 1),
                self.condition(rows, depth - 1),
                self.condition(rows, depth - 1)
            ),
            6..=7 => self.quantifier(rows, depth),
            8 => self.named_rule(rows),
            9 => (*self.random.pick(&["signed_in", "public", "nobody"])).to_owned(),
            _ => self.atom(rows, depth),
        }
    }

    fn joined(&mut self, rows: &[Named], depth: usize, word: &str) -> String {
        let count = 2 + self.random.below(2);
        let parts: Vec<String> = (0..count)
            .map(|_| self.condition(rows, depth - 1))
            .collect();
        format!("({})", parts.join(word))
    }

    /// A row reached from a known one.
    fn row(&mut self, rows: &[Named]) -> Named {
        let mut row = self.random.pick(rows).clone();
        while self.random.chance(45) {
            let resource = self.model.resource(row.resource);
            let relations: Vec<_> = resource
                .fields
                .iter()
                .filter(|field| field.relation().is_some())
                .collect();
            if relations.is_empty() {
                break;
            }
            let field = *self.random.pick(&relations);
            let (name, target) = field.relation().unwrap();
            if field.shape.nullable {
                row.guards.push(format!("{}.{}", row.text, field.name));
            }
            row.text = format!("{}.{name}", row.text);
            row.resource = target;
        }
        row
    }

    fn field(&mut self, rows: &[Named], fits: &dyn Fn(&Type) -> bool) -> Option<Term> {
        for _ in 0..20 {
            let row = self.row(rows);
            let resource = self.model.resource(row.resource);
            let fields: Vec<_> = resource
                .fields
                .iter()
                .filter(|field| {
                    fits(&field.shape.ty)
                        && field.name != "created_at"
                        && field.name != "updated_at"
                })
                .collect();
            if fields.is_empty() {
                continue;
            }
            let field = *self.random.pick(&fields);
            return Some(Term {
                text: format!("{}.{}", row.text, field.name),
                ty: field.shape.ty.clone(),
                nullable: field.shape.nullable,
                guards: row.guards,
            });
        }
        None
    }

    /// A list of records.
    fn list(&mut self, rows: &[Named]) -> Option<(String, ResourceId, Vec<String>)> {
        for _ in 0..20 {
            let row = self.row(rows);
            let lists = &self.model.resource(row.resource).lists;
            if lists.is_empty() || row.text.starts_with("next") {
                continue;
            }
            let list = self.random.pick(lists);
            return Some((
                format!("{}.{}", row.text, list.name),
                list.resource,
                row.guards,
            ));
        }
        None
    }

    /// The list, perhaps filtered, with a variable for its rows.
    fn elements(
        &mut self,
        rows: &[Named],
        depth: usize,
    ) -> Option<(String, String, Vec<Named>, Vec<String>)> {
        let (mut list, resource, guards) = self.list(rows)?;
        self.variables += 1;
        let variable = format!("v{}", self.variables);
        let mut inner = rows.to_vec();
        let element = Named {
            text: variable.clone(),
            resource,
            guards: vec![],
        };
        // Mostly about the element itself.
        inner.extend([element.clone(), element.clone(), element]);
        if self.random.chance(30) {
            let filter = self.condition(&inner, depth.saturating_sub(1).min(1));
            list = format!("{list}.filter({variable}, {filter})");
        }
        Some((list, variable, inner, guards))
    }

    fn quantifier(&mut self, rows: &[Named], depth: usize) -> String {
        if self.random.chance(30) {
            return self.mapped(rows, depth);
        }
        let Some((list, variable, inner, guards)) = self.elements(rows, depth) else {
            return self.atom(rows, depth);
        };
        let body = self.condition(&inner, depth - 1);
        let kind = if self.random.chance(70) {
            "exists"
        } else {
            "all"
        };
        self.guarded(guards, format!("{list}.{kind}({variable}, {body})"))
    }

    fn named_rule(&mut self, rows: &[Named]) -> String {
        for _ in 0..20 {
            let row = self.row(rows);
            let rules = &self.model.resource(row.resource).rules;
            if !rules.is_empty() {
                let rule = self.random.pick(rules);
                return self.guarded(row.guards, format!("{}.{}", row.text, rule.name));
            }
        }
        "public".into()
    }

    fn guarded(&mut self, guards: Vec<String>, text: String) -> String {
        if guards.is_empty() {
            return text;
        }
        if self.random.chance(60) {
            let guards: Vec<String> = guards
                .iter()
                .map(|guard| format!("{guard} != null"))
                .collect();
            format!("({} && {text})", guards.join(" && "))
        } else if self.random.chance(60) {
            let guards: Vec<String> = guards
                .iter()
                .map(|guard| format!("{guard} == null"))
                .collect();
            format!("({} || {text})", guards.join(" || "))
        } else {
            let guards: Vec<String> = guards
                .iter()
                .map(|guard| format!("{guard} != null"))
                .collect();
            let otherwise = if self.random.chance(50) {
                "true"
            } else {
                "false"
            };
            format!("({} ? {text} : {otherwise})", guards.join(" && "))
        }
    }

    /// What makes a condition a set: a reference to the caller.
    fn of_caller(&mut self, rows: &[Named]) -> String {
        let users = self.model.resource_named("User").unwrap().id;
        let Some(term) = self.field(rows, &|ty| class(ty) == Some(Class::Id(users))) else {
            return "signed_in".into();
        };
        let operator = if self.random.chance(85) { "==" } else { "!=" };
        self.guarded(term.guards, format!("{} {operator} user.id", term.text))
    }

    fn atom(&mut self, rows: &[Named], depth: usize) -> String {
        match self.random.below(12) {
            10..=11 => self.of_caller(rows),
            0 => self.null_test(rows),
            1 => self.text_test(rows),
            2 => self.member_of(rows),
            3 if depth > 0 => self.counted(rows, depth),
            4 => self.with_members(rows),
            _ => self.comparison(rows, depth),
        }
    }

    fn null_test(&mut self, rows: &[Named]) -> String {
        let Some(term) = self.field(rows, &|_| true) else {
            return "true".into();
        };
        if !term.nullable {
            return self.comparison(rows, 0);
        }
        let operator = if self.random.chance(50) { "==" } else { "!=" };
        self.guarded(term.guards, format!("{} {operator} null", term.text))
    }

    fn text_test(&mut self, rows: &[Named]) -> String {
        let Some(mut term) = self.field(rows, &|ty| class(ty) == Some(Class::Text)) else {
            return "true".into();
        };
        if term.nullable {
            term.guards.push(term.text.clone());
        }
        let other = match self.random.below(4) {
            0 => "user.name".to_owned(),
            1 => match self.field(rows, &|ty| *ty == Type::Text) {
                Some(other) if !other.nullable => {
                    term.guards.extend(other.guards);
                    other.text
                }
                _ => quoted("a"),
            },
            _ => quoted(self.random.text()),
        };
        let text = match self.random.below(4) {
            0 => format!("{}.lowerAscii()", term.text),
            1 => format!("{}.upperAscii()", term.text),
            _ => term.text,
        };
        let method = *self.random.pick(&["startsWith", "endsWith", "contains"]);
        self.guarded(term.guards, format!("{text}.{method}({other})"))
    }

    fn member_of(&mut self, rows: &[Named]) -> String {
        match self.random.below(5) {
            0 => "'a' in this.tags".replace("this", &self.random.pick(rows).text.clone()),
            1 => {
                let Some(mut list) = self.field(rows, &|ty| matches!(ty, Type::List(_))) else {
                    return "true".into();
                };
                if list.nullable {
                    list.guards.push(list.text.clone());
                }
                let element = match &list.ty {
                    Type::List(item) if **item == Type::Int32 => "user.level".to_owned(),
                    Type::List(item) if **item == Type::Date => "user.until".to_owned(),
                    _ => quoted(self.random.text()),
                };
                self.guarded(list.guards, format!("{element} in {}", list.text))
            }
            2 => match self.field(
                rows,
                &|ty| matches!(ty, Type::Enum(values) if values.len() == 3),
            ) {
                Some(term) => self.guarded(term.guards, format!("{} in user.states", term.text)),
                None => "true".into(),
            },
            _ => {
                let Some(mut term) = self.field(rows, &|ty| {
                    matches!(
                        class(ty),
                        Some(Class::Int | Class::Text | Class::Date | Class::Decimal)
                    )
                }) else {
                    return "true".into();
                };
                if term.nullable {
                    term.guards.push(term.text.clone());
                }
                let items: Vec<String> = (0..1 + self.random.below(3))
                    .map(|_| self.literal(&term.ty))
                    .collect();
                self.guarded(
                    term.guards,
                    format!("{} in [{}]", term.text, items.join(", ")),
                )
            }
        }
    }

    fn with_members(&mut self, rows: &[Named]) -> String {
        let Some(mut term) = self.field(rows, &|ty| matches!(ty, Type::Money | Type::Object(_)))
        else {
            return "true".into();
        };
        if term.nullable {
            term.guards.push(term.text.clone());
        }
        let text = &term.text;
        let test = match (&term.ty, self.random.below(3)) {
            (Type::Money, 0) => format!("{text}.currency == 'EUR'"),
            (Type::Money, _) => format!("{text}.amount > {}", self.literal(&Type::Decimal)),
            (_, 0) => format!("{text}.city == {}", quoted(self.random.text())),
            (_, 1) => format!(
                "{text}.zip == null || {text}.zip != {}",
                quoted(self.random.text())
            ),
            _ => format!("{text}.floor < {}", self.literal(&Type::Int32)),
        };
        self.guarded(term.guards, format!("({test})"))
    }

    /// Something about what is taken from each record of a list.
    fn mapped(&mut self, rows: &[Named], depth: usize) -> String {
        let Some((list, variable, inner, guards)) = self.elements(rows, depth) else {
            return "true".into();
        };
        let fits = |ty: &Type| class(ty).is_some_and(|class| class != Class::Bool);
        let element: Vec<Named> = inner.last().cloned().into_iter().collect();
        let Some(taken) = self.field(&element, &fits) else {
            return "true".into();
        };
        if !taken.guards.is_empty() {
            // As in an aggregate.
            return self.guarded(guards, format!("{list}.map({variable}, 1).count() > 1"));
        }
        let Term {
            ty, nullable, text, ..
        } = taken;
        self.variables += 1;
        let value = format!("v{}", self.variables);
        let (ty, text) = match (&ty, self.random.below(4)) {
            // Stays in 64 bits.
            (Type::Int32, 0) if !nullable => (ty, format!("{text} % 7")),
            (Type::Text, 0) if !nullable => (ty, format!("{text}.lowerAscii()")),
            (Type::Int32, 1) => {
                let other = self.list(&element);
                match other {
                    Some((list, _, guards)) if guards.is_empty() && !nullable => {
                        (ty, format!("({text} < {list}.count() ? 1 : 2)"))
                    }
                    _ => (ty, text),
                }
            }
            _ => (ty, text),
        };
        let mut list = format!("{list}.map({variable}, {text})");
        let class = class(&ty).unwrap();
        let ordered = !matches!(class, Class::Uuid | Class::Id(_)) && !matches!(ty, Type::Enum(_));
        if ordered && self.random.chance(25) {
            list = format!(
                "{list}.filter({value}, {value} != null && {value} >= {})",
                self.literal(&ty)
            );
        }
        if !nullable && class == Class::Int && self.random.chance(25) {
            list = format!("{list}.map({value}, {value} % 3 + {value} % 2)");
        }
        let test = match self.random.below(6) {
            0 => format!("size({list}) == {}", self.random.below(3)),
            1 if ordered && class != Class::Time => {
                let kind = *self.random.pick(&["min", "max"]);
                format!("{list}.{kind}() == {}", self.literal(&ty))
            }
            2 | 3 => {
                let kind = *self.random.pick(&["exists", "all", "exists_one"]);
                let operator = *self.random.pick(&["==", "!="]);
                let (other, others) = self.operand(rows, &ty, class, true, depth);
                let test = format!("{value} == null || {value} {operator} {other}");
                self.guarded(others, format!("{list}.{kind}({value}, {test})"))
            }
            _ => {
                let (other, others) = self.operand(rows, &ty, class, false, depth);
                self.guarded(others, format!("{other} in {list}"))
            }
        };
        self.guarded(guards, test)
    }

    /// A comparison with a count or another aggregate.
    fn counted(&mut self, rows: &[Named], depth: usize) -> String {
        let Some((list, variable, inner, guards)) = self.elements(rows, depth) else {
            return "true".into();
        };
        let number = self.random.below(4);
        let compare = *self.random.pick(&["==", "!=", "<", ">="]);
        let kind = *self.random.pick(&["count", "sum", "avg", "min", "max"]);
        if kind == "count" {
            return self.guarded(guards, format!("{list}.count() {compare} {number}"));
        }
        let element: Vec<Named> = inner.last().cloned().into_iter().collect();
        let fits = |ty: &Type| match kind {
            "avg" => matches!(ty, Type::Int32 | Type::Int53 | Type::Float),
            "sum" => matches!(
                ty,
                Type::Int32 | Type::Int53 | Type::Int64 | Type::Float | Type::Decimal
            ),
            _ => matches!(
                ty,
                Type::Int32
                    | Type::Int64
                    | Type::Float
                    | Type::Decimal
                    | Type::Text
                    | Type::Date
                    | Type::Timestamp
            ),
        };
        let Some(body) = self.field(&element, &fits) else {
            return "true".into();
        };
        if !body.guards.is_empty() {
            // The body of an aggregate has nowhere to exclude null.
            return self.guarded(guards, format!("{list}.count() {compare} {number}"));
        }
        let aggregate = format!("{list}.{kind}({variable}, {})", body.text);
        let test = match kind {
            "sum" | "avg" => format!("({aggregate} != null && {aggregate} {compare} {number})"),
            _ => {
                let literal = self.literal(&body.ty);
                format!("({aggregate} == null || {aggregate} {compare} {literal})")
            }
        };
        self.guarded(guards, test)
    }

    fn comparison(&mut self, rows: &[Named], depth: usize) -> String {
        let Some(mut term) = self.field(rows, &|ty| class(ty).is_some()) else {
            return "true".into();
        };
        let class = class(&term.ty).unwrap();
        let ordered = !matches!(class, Class::Bool | Class::Uuid | Class::Id(_))
            && !matches!(term.ty, Type::Enum(_));
        let operator = match ordered && self.random.chance(50) {
            true => *self.random.pick(&["<", "<=", ">", ">="]),
            false => *self.random.pick(&["==", "==", " !="]),
        };
        let equality =
            operator.trim().len() == 2 && operator.contains("==") || operator.contains('!');
        if class == Class::Bool && !term.nullable && self.random.chance(60) {
            return self.guarded(term.guards, term.text);
        }
        let (other, guards) = self.operand(rows, &term.ty, class, equality, depth);
        if term.nullable && !equality {
            term.guards.push(term.text.clone());
        }
        if class == Class::Time && !term.nullable && self.random.chance(30) {
            let (other, guards) = self.operand(rows, &Type::Date, Class::Date, false, depth);
            term.guards.extend(guards);
            return self.guarded(term.guards, format!("date({}) <= {other}", term.text));
        }
        let left = match self.random.below(8) {
            // Stays in 64 bits, and so passes the checker.
            0 if term.ty == Type::Int32 && !term.nullable => {
                format!(
                    "{} {} {}",
                    term.text,
                    *self.random.pick(&["+", "-", "*", "/", "%"]),
                    1 + self.random.below(9)
                )
            }
            1 if term.ty == Type::Int32 && !term.nullable => format!("-{}", term.text),
            2 if term.ty == Type::Float && !term.nullable => format!("{} * 0.5", term.text),
            _ => term.text,
        };
        let mut all = term.guards;
        all.extend(guards);
        let test = match self.random.chance(50) {
            true => format!("{left} {operator} {other}"),
            false if equality => format!("{other} {operator} {left}"),
            false => format!("{left} {operator} {other}"),
        };
        self.guarded(all, test)
    }

    /// What is compared with a term of a type.
    fn operand(
        &mut self,
        rows: &[Named],
        ty: &Type,
        wanted: Class,
        equality: bool,
        depth: usize,
    ) -> (String, Vec<String>) {
        match self.random.below(6) {
            0 | 1 => {
                if let Some(other) = self.field(rows, &|other| class(other) == Some(wanted)) {
                    let mut guards = other.guards;
                    if other.nullable && !equality {
                        guards.push(other.text.clone());
                    }
                    return (other.text, guards);
                }
            }
            2 => {
                let claim = match wanted {
                    Class::Id(id) if self.model.resource(id).name == "User" => Some("user.id"),
                    Class::Int => Some("user.level"),
                    Class::Text if *ty == Type::Text => Some("user.name"),
                    Class::Date => Some("user.until"),
                    _ => None,
                };
                if let Some(claim) = claim {
                    return (claim.to_owned(), vec![]);
                }
            }
            3 => match wanted {
                Class::Time => {
                    let time = *self.random.pick(&[
                        "now",
                        "(now + duration('10m'))",
                        "(now - duration('36h'))",
                    ]);
                    return (time.to_owned(), vec![]);
                }
                Class::Date => return ("date(now)".to_owned(), vec![]),
                Class::Int => {
                    if let Some(text) = self.field(rows, &|ty| *ty == Type::Text)
                        && !text.nullable
                    {
                        return (format!("size({})", text.text), text.guards);
                    }
                }
                Class::Bool if depth > 0 => {
                    return (format!("({})", self.condition(rows, depth - 1)), vec![]);
                }
                _ => {}
            },
            4 if depth > 0 => {
                let condition = self.condition(rows, depth - 1);
                return (
                    format!(
                        "({condition} ? {} : {})",
                        self.literal(ty),
                        self.literal(ty)
                    ),
                    vec![],
                );
            }
            _ => {}
        }
        (self.literal(ty), vec![])
    }

    fn literal(&mut self, ty: &Type) -> String {
        let random = &mut *self.random;
        match ty {
            Type::Int53 | Type::Int64 => (*random.pick(&[0, 1, 5])).to_string(),
            Type::Int32 | Type::Text | Type::Enum(_) | Type::Bool | Type::Float => {
                match value(random, ty) {
                    Value::Int(number) => number.to_string(),
                    Value::Bool(known) => known.to_string(),
                    Value::Float(number) => format!("{number:?}"),
                    Value::Text(text) => quoted(&text),
                    other => panic!("{other:?}"),
                }
            }
            Type::Date => format!("date('{}')", value::text::print(ty, &value(random, ty))),
            Type::Timestamp => format!(
                "timestamp('{}')",
                value::text::print(ty, &value(random, ty))
            ),
            Type::Id(id) => {
                let value = match id.kind {
                    value::IdKind::Integer => Value::Int(random.below(7) as i64 + 1),
                    value::IdKind::Text => Value::Text(format!("s{}", random.below(4))),
                    _ => {
                        let mut bytes = uuid(random.below(6));
                        bytes[0] = id.resource.0 as u8;
                        Value::Uuid(bytes)
                    }
                };
                quoted(&id.to_text(&value))
            }
            ty => quoted(&value::text::print(ty, &value(random, ty))),
        }
    }

    fn rule(&mut self, resource: ResourceId) -> String {
        let this = Named {
            text: "this".into(),
            resource,
            guards: vec![],
        };
        let mut rows = vec![this];
        if self.next {
            rows.push(Named {
                text: "next".into(),
                resource,
                guards: vec![],
            });
        }
        let depth = 1 + self.random.below(3);
        self.condition(&rows, depth)
    }
}

fn env<'a>(
    world: &'a World,
    caller: &'a dyn CallerValues,
    this: &'a [Value],
    next: Option<&'a [Value]>,
) -> Env<'a> {
    Env {
        now: NOW,
        caller,
        this: Some(this),
        next,
        row: None,
        input: &[],
        lookup: world,
    }
}

fn bind(prepared: &store::Prepared, args: &[Value], caller: &dyn CallerValues) -> Vec<Value> {
    let claims = |claim: &Claim, ty: &Type| read_claim(caller, claim, ty).unwrap_or(Value::Null);
    prepared.bind(args, &claims, NOW)
}

/// Which rows a select of this shape finds.
fn found(world: &World, shape: &Select, caller: &dyn CallerValues) -> Vec<Value> {
    let prepared = select::select(&world.model, testdb::dialect(), shape).unwrap();
    // The other spelling at least exists.
    select::select(&world.model, Dialect::Postgres, shape).unwrap();
    let rows = world
        .database
        .query_bound(&prepared, &bind(&prepared, &[], caller));
    rows.into_iter().map(|mut row| row.remove(0)).collect()
}

/// Asks everything of one rule.
fn ask(
    world: &World,
    resource: ResourceId,
    text: &str,
    rule: &Expr,
    who: &str,
    caller: &dyn CallerValues,
) {
    let condition = Condition::new(rule.clone());
    let residual = match condition.key(caller, NOW) {
        Some(key) => condition.specialise(key),
        None => condition.specialise_for(caller, NOW),
    };
    let residual = Arc::new(residual);
    let rows = world.rows(resource);
    let expected: Vec<bool> = rows
        .iter()
        .map(|row| expr::holds(rule, &env(world, caller, row, None)).unwrap())
        .collect();
    let told = |form: &str, id: &Value, wanted: bool| {
        format!("{text}\nfor a {who}, {form}, row {id:?}: in memory {wanted}\n{residual:#?}")
    };
    let not = Arc::new(Expr {
        node: Node::Not(Box::new((*residual).clone())),
        ..(*residual).clone()
    });

    let with = |condition: &Arc<Expr>| Select {
        outputs: vec![Output::Field(FieldId(0))],
        restrict: vec![Arc::clone(condition)],
        ..Select::new(resource)
    };
    let listed = found(world, &with(&residual), caller);
    let others = found(world, &with(&not), caller);
    for (row, wanted) in rows.iter().zip(&expected) {
        assert_eq!(
            listed.contains(&row[0]),
            *wanted,
            "{}",
            told("in a list", &row[0], *wanted)
        );
        assert_eq!(
            others.contains(&row[0]),
            !*wanted,
            "{}",
            told("negated", &row[0], *wanted)
        );
    }

    let outputs = vec![
        Output::Field(FieldId(0)),
        Output::Holds(Arc::clone(&residual)),
    ];
    let shape = Select {
        outputs,
        ..Select::new(resource)
    };
    let prepared = select::select(&world.model, testdb::dialect(), &shape).unwrap();
    let each = world
        .database
        .query_bound(&prepared, &bind(&prepared, &[], caller));
    assert_eq!(each.len(), rows.len());
    for row in each {
        let at = rows.iter().position(|known| known[0] == row[0]).unwrap();
        assert_eq!(
            row[1],
            Value::Bool(expected[at]),
            "{}",
            told("as output", &row[0], expected[at])
        );
    }

    // As if it were not stored yet; nothing can point to it then, so its lists are only asked of
    // the record itself.
    let unsaved =
        write::holds_unsaved(&world.model, testdb::dialect(), resource, &residual).unwrap();
    let stored: Vec<usize> = layout::stored_fields(world.model.resource(resource))
        .map(|field| usize::from(field.id.0))
        .collect();
    for (row, wanted) in rows.iter().zip(&expected) {
        let args: Vec<Value> = stored.iter().map(|at| row[*at].clone()).collect();
        let answer = world
            .database
            .query_bound(&unsaved, &bind(&unsaved, &args, caller));
        assert_eq!(
            answer,
            [[Value::Bool(*wanted)]],
            "{}",
            told("unsaved", &row[0], *wanted)
        );
    }
}

/// What the rules are about; tasks have most to ask.
const RESOURCES: [&str; 5] = ["Task", "Task", "List", "Member", "User"];

fn seed() -> u64 {
    std::env::var("AGREEMENT_SEED")
        .ok()
        .and_then(|text| text.parse().ok())
        .unwrap_or(1)
}

fn rules() -> u64 {
    std::env::var("AGREEMENT_RULES")
        .ok()
        .and_then(|text| text.parse().ok())
        .unwrap_or(RULES)
}

#[test]
fn memory_and_sql_agree_on_every_rule() {
    let mut random = Random(seed());
    let mut refused = 0;
    let (mut some, mut asked, mut mapped) = (0, 0, 0);
    let mut world = World::new(&mut random);
    for n in 0..rules() {
        if n % RULES_PER_DATABASE == RULES_PER_DATABASE - 1 {
            world = World::new(&mut random);
        }
        let resource = world
            .model
            .resource_named(RESOURCES[random.below(RESOURCES.len())])
            .unwrap();
        let resource = resource.id;
        let mut grammar = Grammar {
            model: &world.model,
            random: &mut random,
            variables: 0,
            next: false,
        };
        let text = grammar.rule(resource);
        let rule = match try_check(&world.model, &text, &Scope::rule(Some(resource))) {
            Ok(rule) => rule,
            Err(problems) => {
                if std::env::var("AGREEMENT_SHOW").is_ok() {
                    eprintln!("{text}\n   {problems}");
                }
                refused += 1;
                continue;
            }
        };
        assert!(expr::not_sql(&rule).is_empty(), "{text}");
        mapped += u64::from(text.contains(".map("));
        for (who, caller) in callers(&world, &mut random) {
            ask(&world, resource, &text, &rule, who, &*caller);
            let this = &world.rows(resource)[0];
            asked += 1;
            some += usize::from(expr::holds(&rule, &env(&world, &*caller, this, None)).unwrap());
        }
    }
    assert!(
        refused * 4 < rules(),
        "{refused} of {} rules were refused",
        rules()
    );
    assert!(mapped * 20 > rules(), "{mapped} rules used `map`");
    assert!(
        some * 10 > asked && (asked - some) * 10 > asked,
        "{some} of {asked} rules held"
    );
}

#[test]
fn rules_about_a_change_agree_too() {
    let mut random = Random(seed() + 1000);
    let world = World::new(&mut random);
    let task = world.model.resource_named("Task").unwrap().id;
    let stored: Vec<usize> = layout::stored_fields(world.model.resource(task))
        .map(|field| usize::from(field.id.0))
        .collect();
    let mut asked = 0;
    for _ in 0..rules() {
        let mut grammar = Grammar {
            model: &world.model,
            random: &mut random,
            variables: 0,
            next: true,
        };
        let text = grammar.rule(task);
        let scope = Scope {
            next: true,
            ..Scope::rule(Some(task))
        };
        let Ok(rule) = try_check(&world.model, &text, &scope) else {
            continue;
        };
        for (who, caller) in callers(&world, &mut random) {
            let residual = Condition::new(rule.clone()).specialise_for(&*caller, NOW);
            let prepared = write::holds(&world.model, testdb::dialect(), task, &residual).unwrap();
            let rows = world.rows(task);
            for this in &rows[..4] {
                // The record as it would become: other values, the same id.
                let mut next = random.pick(rows).to_vec();
                next[0] = this[0].clone();
                let wanted = expr::holds(&rule, &env(&world, &*caller, this, Some(&next))).unwrap();
                let mut args = vec![this[0].clone()];
                if prepared.args() > 1 {
                    args.extend(stored.iter().map(|at| next[*at].clone()));
                }
                let answer = world
                    .database
                    .query_bound(&prepared, &bind(&prepared, &args, &*caller));
                assert_eq!(
                    answer,
                    [[Value::Bool(wanted)]],
                    "{text}\nfor a {who}: {this:?}\n{next:?}"
                );
                asked += 1;
            }
        }
    }
    assert!(asked > 0);
}

#[test]
fn computed_fields_agree() {
    let mut random = Random(seed() + 2000);
    let world = World::new(&mut random);
    for (resource, text, ty) in [
        ("List", "this.tasks.count()", Type::Int64),
        ("List", "this.tasks.sum(t, t.points)", Type::Int64),
        (
            "List",
            "this.tasks.filter(t, t.cost < 100).sum(t, t.cost)",
            Type::Decimal,
        ),
        ("List", "this.tasks.sum(t, t.ratio)", Type::Float),
        ("List", "this.tasks.sum(t, t.cost)", Type::Decimal),
        ("List", "this.tasks.sum(t, t.rebate)", Type::Decimal),
        ("List", "this.tasks.sum(t, t.big)", Type::Int64),
        ("List", "this.tasks.sum(t, t.huge)", Type::Int64),
        ("List", "this.tasks.sum(t, t.points)", Type::Int32),
        (
            "List",
            "this.tasks.sum(t, t.points * t.points)",
            Type::Int53,
        ),
        ("List", "this.tasks.sum(t, t.fee * t.dozen)", Type::Decimal),
        ("List", "this.tasks.sum(t, t.share)", Type::Float),
        ("List", "this.tasks.avg(t, t.ratio)", Type::Float),
        ("List", "this.tasks.avg(t, t.tiny * 0.3)", Type::Float),
        ("List", "this.tasks.avg(t, t.big)", Type::Float),
        ("List", "this.tasks.max(t, t.cost)", Type::Decimal),
        ("Task", "this.points * this.points", Type::Int32),
        ("Task", "this.points * 4000000", Type::Int53),
        ("Task", "this.big", Type::Int32),
        ("Task", "this.fee * this.dozen + this.fee", Type::Decimal),
        ("Task", "this.at + duration('24h')", Type::Timestamp),
        ("Task", "this.at - duration('24h')", Type::Timestamp),
        ("Task", "this.tiny * this.tiny", Type::Float),
        ("Task", "this.tiny * 0.75", Type::Float),
        ("Task", "this.tiny / 3.0", Type::Float),
        ("Task", "this.ratio * 0.5 + this.tiny", Type::Float),
        ("Task", "-this.tiny * (this.ratio / 7.0)", Type::Float),
        ("List", "this.tasks.avg(t, t.points)", Type::Float),
        ("List", "this.tasks.avg(t, t.share)", Type::Float),
        ("List", "this.tasks.min(t, t.due)", Type::Timestamp),
        ("List", "this.tasks.map(t, t.due).min()", Type::Timestamp),
        (
            "List",
            "this.tasks.map(t, t.points % 9).map(n, n * n).sum(n, n + 1)",
            Type::Int64,
        ),
        (
            "List",
            "this.tasks.map(t, t.share).filter(s, s != null).count()",
            Type::Int64,
        ),
        (
            "List",
            "this.owner_id in this.members.map(m, m.user_id)",
            Type::Bool,
        ),
        ("List", "this.tasks.max(t, t.title)", Type::Text),
        (
            "List",
            "this.tasks.filter(t, t.done).max(t, t.cost)",
            Type::Decimal,
        ),
        (
            "List",
            "this.owner.boss_id != null ? this.owner.boss.name : this.name",
            Type::Text,
        ),
        ("List", "this.open ? size(this.name) : -1", Type::Int64),
        (
            "List",
            "this.name + '!' + this.owner.name.lowerAscii()",
            Type::Text,
        ),
        ("Task", "date(this.at)", Type::Date),
        (
            "Task",
            "this.place != null ? this.place.zip : this.note",
            Type::Text,
        ),
        (
            "Task",
            "this.price != null ? this.price.amount : this.rebate",
            Type::Decimal,
        ),
        ("Task", "this.list.open", Type::Bool),
    ] {
        let resource = world.model.resource_named(resource).unwrap().id;
        let scope = Scope::computed(resource, ty, true);
        let formula = try_check(&world.model, text, &scope).unwrap();
        let outputs = vec![
            Output::Field(FieldId(0)),
            Output::Formula(Arc::new(formula.clone())),
        ];
        let shape = Select {
            outputs,
            ..Select::new(resource)
        };
        let prepared = select::select(&world.model, testdb::dialect(), &shape).unwrap();
        for row in world.database.query(&prepared, &[]) {
            let this = world
                .rows(resource)
                .iter()
                .find(|known| known[0] == row[0])
                .unwrap();
            let wanted = expr::eval(&formula, &env(&world, &Guest, this, None)).unwrap();
            assert_eq!(row[1], wanted, "{text}");
        }
    }
}

/// What the checker lets through, the database takes: deep, wide, and rules that repeat rules.
#[test]
fn large_rules_are_taken() {
    let mut random = Random(seed() + 3000);
    let world = World::new(&mut random);
    let task = world.model.resource_named("Task").unwrap().id;
    let nested = |depth: usize| {
        let mut text = "this.done".to_owned();
        for n in (0..depth).rev() {
            let of = if n == 0 {
                "this".to_owned()
            } else {
                format!("v{}", n - 1)
            };
            text = format!("({of}.children.exists(v{n}, v{n}.points > {n}) || !({text}))");
            text = match n % 2 {
                0 => format!("(this.done ? {text} : this.points == {n})"),
                _ => text,
            };
            text = text.replace(&format!("v{}.children", n.wrapping_sub(1)), "this.children");
        }
        text
    };
    let within = |depth: usize| {
        let mut text = format!("v{}.done", depth - 1);
        for n in (0..depth).rev() {
            let of = if n == 0 {
                "this".to_owned()
            } else {
                format!("v{}", n - 1)
            };
            text = format!("{of}.children.exists(v{n}, v{n}.points > {n} && {text})");
        }
        text
    };
    // As often as a condition has room for.
    let wide = |part: &str, join: &str| vec![part; 7_900 / (part.len() + join.len())].join(join);
    for text in [
        nested(9),
        within(15),
        wide("this.points == 3", " || "),
        wide("this.list.mine", " || "),
        wide("this.tickets.exists(t, t.label == user.name)", " || "),
        vec!["this.visible"; 250].join(" || "),
        format!(
            "this.parent_id != null && {}",
            wide("this.parent.list.owner.name == 'a'", " && ")
        ),
        format!(
            "this.list.members.exists(m, {})",
            wide("m.user_id == user.id", " || ")
        ),
        format!("this.points in [{}]", wide("70000", ", ")),
        format!("this.title == '{}'", "x".repeat(7_900)),
    ] {
        let rule = try_check(&world.model, &text, &Scope::rule(Some(task))).unwrap();
        for (who, caller) in callers(&world, &mut random) {
            let short = text.chars().take(200).collect::<String>();
            ask(&world, task, &short, &rule, who, &*caller);
        }
    }
}
