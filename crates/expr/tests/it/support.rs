//! A small contract to write rules about: to-do lists shared between users.

use std::cell::RefCell;
use std::collections::HashMap;
use std::sync::Arc;

use expr::ir::RuleDef;
use expr::schema::{Property, Schema, Unresolved};
use expr::{CallerValues, Env, Expr, Lookup, Problem, Record, Scope, builtin_rules, check};
use value::{
    Currency, Date, Decimal, FieldId, IdKind, IdType, Member, Money, ObjectType, ResourceId,
    Timestamp, Type, Value,
};

pub const USER: ResourceId = ResourceId(0);
pub const LIST: ResourceId = ResourceId(1);
pub const MEMBER: ResourceId = ResourceId(2);
pub const TASK: ResourceId = ResourceId(3);

struct Field {
    name: &'static str,
    ty: Type,
    nullable: bool,
    /// Name and target.
    relation: Option<(&'static str, ResourceId)>,
}

struct Resource {
    name: &'static str,
    fields: Vec<Field>,
    lists: Vec<(&'static str, ResourceId, &'static str)>,
    rules: Vec<(&'static str, String)>,
    /// Name, type, nullable, formula.
    computed: Vec<(&'static str, Type, bool, &'static str)>,
}

/// A rule's resource and name.
type RuleKey = (Option<ResourceId>, String);

/// Compiles rules when they are first asked for, as a contract compiler does.
pub struct Todo {
    resources: Vec<Resource>,
    rules: Vec<(&'static str, String)>,
    known: RefCell<HashMap<RuleKey, Result<Arc<RuleDef>, Unresolved>>>,
    path: RefCell<Vec<String>>,
}

pub fn id_type(resource: ResourceId) -> Type {
    let (name, prefix) = [
        ("User", "user"),
        ("List", "list"),
        ("Member", "member"),
        ("Task", "task"),
    ][usize::from(resource.0)];
    Type::Id(Arc::new(IdType {
        resource,
        resource_name: name.into(),
        kind: IdKind::TypeId,
        prefix: prefix.into(),
    }))
}

fn choice(values: &[&str]) -> Type {
    Type::Enum(values.iter().map(|value| (*value).into()).collect())
}

fn place() -> Type {
    let member = |name: &str, nullable| Member {
        name: name.into(),
        ty: Type::Text,
        nullable,
    };
    Type::Object(Arc::new(ObjectType {
        name: Some("Place".into()),
        members: vec![member("city", false), member("zip", true)],
    }))
}

impl Todo {
    pub fn new() -> Todo {
        let field = |name, ty, nullable| Field {
            name,
            ty,
            nullable,
            relation: None,
        };
        let relation = |name, id, target, nullable| Field {
            name: id,
            ty: id_type(target),
            nullable,
            relation: Some((name, target)),
        };
        let id = |resource| field("id", id_type(resource), false);
        let rules = |rules: &[(&'static str, &str)]| {
            rules
                .iter()
                .map(|(name, text)| (*name, (*text).to_owned()))
                .collect::<Vec<_>>()
        };
        let mut todo = Todo {
            resources: vec![
                Resource {
                    name: "User",
                    fields: vec![
                        id(USER),
                        field("name", Type::Text, false),
                        field("email", Type::Text, true),
                        field("role", choice(&["reader", "staff"]), false),
                    ],
                    lists: vec![("lists", LIST, "owner_id")],
                    rules: rules(&[("self", "this.id == user.id")]),
                    computed: vec![],
                },
                Resource {
                    name: "List",
                    fields: vec![
                        id(LIST),
                        field("name", Type::Text, false),
                        relation("owner", "owner_id", USER, true),
                        field("published", Type::Bool, false),
                    ],
                    lists: vec![("members", MEMBER, "list_id"), ("tasks", TASK, "list_id")],
                    rules: rules(&[
                        ("mine", "this.owner_id == user.id"),
                        (
                            "viewer",
                            "mine || this.members.exists(m, m.user_id == user.id)",
                        ),
                        (
                            "editor",
                            "mine || this.members.exists(m, m.user_id == user.id && m.role == 'editor')",
                        ),
                    ]),
                    computed: vec![
                        ("size", Type::Int64, false, "this.tasks.count()"),
                        ("stars", Type::Float, true, "this.tasks.avg(t, t.stars)"),
                    ],
                },
                Resource {
                    name: "Member",
                    fields: vec![
                        id(MEMBER),
                        relation("list", "list_id", LIST, false),
                        relation("user", "user_id", USER, false),
                        field("role", choice(&["viewer", "editor"]), false),
                    ],
                    lists: vec![],
                    rules: vec![],
                    computed: vec![],
                },
                Resource {
                    name: "Task",
                    fields: vec![
                        id(TASK),
                        relation("list", "list_id", LIST, false),
                        field("title", Type::Text, false),
                        field("done", Type::Bool, false),
                        field("due", Type::Date, true),
                        field("held_until", Type::Timestamp, true),
                        relation("assignee", "assignee_id", USER, true),
                        field("stars", Type::Int32, false),
                        field("mid", Type::Int53, false),
                        field("big", Type::Int64, false),
                        field("price", Type::Money, true),
                        field("cost", Type::Decimal, false),
                        field("weight", Type::Float, false),
                        field("tags", Type::List(Arc::new(Type::Text)), false),
                        field("place", place(), true),
                        field("data", Type::Json, true),
                        field("blocked", Type::Bool, true),
                        field("created_at", Type::Timestamp, false),
                        field("code", Type::Uuid, true),
                    ],
                    lists: vec![],
                    rules: rules(&[
                        ("late", "this.held_until != null && this.held_until < now"),
                        ("assigned", "this.assignee_id != null"),
                        ("mine", "this.assignee_id == user.id"),
                        ("loop_a", "loop_b || public"),
                        ("loop_b", "this.list.tasks.exists(t, t.loop_a)"),
                        ("wrong", "this.nothing == 1"),
                    ]),
                    computed: vec![(
                        "price_amount",
                        Type::Decimal,
                        true,
                        "this.price != null ? this.price.amount : null",
                    )],
                },
            ],
            rules: rules(&[
                ("staff", "user.role == 'staff'"),
                ("banned", "user.role == 'banned'"),
                ("office_hours", "now < timestamp('2026-11-22T18:00:00Z')"),
            ]),
            known: RefCell::default(),
            path: RefCell::default(),
        };
        // A chain that is a little too long, and one that just fits.
        for at in 0..70 {
            let name: &'static str = Box::leak(format!("chain{at}").into_boxed_str());
            let body = if at == 0 {
                "signed_in".to_owned()
            } else {
                format!("!chain{}", at - 1)
            };
            todo.rules.push((name, body));
        }
        todo
    }

    fn resource(&self, id: ResourceId) -> &Resource {
        &self.resources[usize::from(id.0)]
    }

    pub fn field(&self, resource: ResourceId, name: &str) -> FieldId {
        let at = self
            .resource(resource)
            .fields
            .iter()
            .position(|field| field.name == name);
        FieldId(u16::try_from(at.expect("a field of the test contract")).unwrap())
    }

    fn compile(
        &self,
        resource: Option<ResourceId>,
        name: &str,
        text: &str,
    ) -> Result<Arc<RuleDef>, Unresolved> {
        let key = (resource, name.to_owned());
        if let Some(known) = self.known.borrow().get(&key) {
            return known.clone();
        }
        let label = match resource {
            Some(resource) => format!("{}.{name}", self.resource_name(resource)),
            None => name.to_owned(),
        };
        if let Some(at) = self.path.borrow().iter().position(|on| *on == label) {
            return Err(Unresolved::Cycle(self.path.borrow()[at..].to_vec()));
        }
        if self.path.borrow().len() >= expr::ir::DEPTH_MAX {
            return Err(Unresolved::TooDeep);
        }
        self.path.borrow_mut().push(label);
        let (expr, _) = check(text, &Scope::rule(resource), self);
        self.path.borrow_mut().pop();
        let rule = match expr {
            Some(body) => Ok(Arc::new(RuleDef {
                name: name.into(),
                resource,
                body,
            })),
            None => Err(Unresolved::Broken),
        };
        self.known.borrow_mut().insert(key, rule.clone());
        rule
    }
}

impl Schema for Todo {
    fn property(&self, resource: ResourceId, name: &str) -> Result<Property, Unresolved> {
        let spec = self.resource(resource);
        for (at, field) in spec.fields.iter().enumerate() {
            let id = FieldId(u16::try_from(at).unwrap());
            if field.name == name {
                return Ok(Property::Field {
                    id,
                    ty: field.ty.clone(),
                    nullable: field.nullable,
                });
            }
            if let Some((relation, target)) = field.relation
                && relation == name
            {
                return Ok(Property::Relation {
                    via: id,
                    target,
                    nullable: field.nullable,
                });
            }
        }
        if let Some((_, target, field)) = spec.lists.iter().find(|(list, ..)| *list == name) {
            return Ok(Property::List {
                resource: *target,
                field: self.field(*target, field),
            });
        }
        if let Some((_, ty, nullable, text)) = spec.computed.iter().find(|(n, ..)| *n == name) {
            let scope = Scope::computed(resource, ty.clone(), *nullable);
            let (formula, problems) = check(text, &scope, self);
            let formula = Arc::new(formula.unwrap_or_else(|| panic!("{text}: {problems:?}")));
            return Ok(Property::Computed {
                ty: ty.clone(),
                nullable: *nullable,
                formula,
            });
        }
        match spec.rules.iter().find(|(rule, _)| *rule == name) {
            Some((_, text)) => self.compile(Some(resource), name, text).map(Property::Rule),
            None => Err(Unresolved::Unknown),
        }
    }

    fn rule(&self, resource: Option<ResourceId>, name: &str) -> Result<Arc<RuleDef>, Unresolved> {
        let own = resource
            .map(|id| &self.resource(id).rules[..])
            .unwrap_or_default();
        if let Some((_, text)) = own.iter().find(|(rule, _)| *rule == name) {
            return self.compile(resource, name, text);
        }
        if let Some((_, text)) = self.rules.iter().find(|(rule, _)| *rule == name) {
            return self.compile(None, name, text);
        }
        let builtin = builtin_rules().into_iter().find(|rule| *rule.name == *name);
        builtin.ok_or(Unresolved::Unknown)
    }

    fn property_names(&self, resource: ResourceId) -> Vec<String> {
        let spec = self.resource(resource);
        let fields = spec.fields.iter().flat_map(|field| {
            field
                .relation
                .map(|(relation, _)| relation)
                .into_iter()
                .chain([field.name])
        });
        fields
            .chain(spec.lists.iter().map(|(name, ..)| *name))
            .chain(spec.computed.iter().map(|(name, ..)| *name))
            .chain(spec.rules.iter().map(|(name, _)| *name))
            .map(str::to_owned)
            .collect()
    }

    fn rule_names(&self, resource: Option<ResourceId>) -> Vec<String> {
        let own = resource
            .map(|id| &self.resource(id).rules[..])
            .unwrap_or_default();
        own.iter()
            .chain(&self.rules)
            .map(|(name, _)| (*name).to_owned())
            .collect()
    }

    fn resource_name(&self, resource: ResourceId) -> &str {
        self.resource(resource).name
    }
}

/// A checked condition about a task.
pub fn task_rule(text: &str) -> Expr {
    rule(TASK, text)
}

pub fn rule(resource: ResourceId, text: &str) -> Expr {
    checked(
        text,
        &Scope {
            next: true,
            ..Scope::rule(Some(resource))
        },
    )
}

pub fn checked(text: &str, scope: &Scope) -> Expr {
    let (expr, problems) = check(text, scope, &Todo::new());
    expr.unwrap_or_else(|| panic!("{text}: {problems:#?}"))
}

/// The problems, one per line: code, what is underlined, message, label, help.
pub fn problems(text: &str, scope: &Scope) -> String {
    let (expr, problems) = check(text, scope, &Todo::new());
    match expr {
        Some(_) => assert_eq!(problems, [], "{text}"),
        None if problems.is_empty() => return "told elsewhere".to_owned(),
        None => {}
    }
    shown(text, &problems)
}

pub fn shown(text: &str, problems: &[Problem]) -> String {
    let lines = problems.iter().map(|problem| {
        // What `this` is not, whoever knows the place says.
        let told = problem.help.is_some() || problem.code == "E0314";
        assert!(told, "{text}: {problem:?}");
        let under = &text[problem.at.clone()];
        let help = problem
            .help
            .as_ref()
            .map(|help| format!(" → {help}"))
            .unwrap_or_default();
        format!(
            "{} ‹{under}› {} ({}){help}",
            problem.code, problem.message, problem.label
        )
    });
    lines.collect::<Vec<_>>().join("\n")
}

/// A caller with these claims; `id` is `user.id`.
#[derive(Clone, Debug)]
pub struct Caller(pub Vec<(&'static str, String)>);

impl Caller {
    pub fn user(at: u8) -> Caller {
        Caller(vec![("id", user_id(at))])
    }

    pub fn with(mut self, claim: &'static str, text: &str) -> Caller {
        self.0.push((claim, text.to_owned()));
        self
    }
}

impl CallerValues for Caller {
    fn signed_in(&self) -> bool {
        true
    }

    fn claim(&self, claim: &expr::ir::Claim) -> Option<std::borrow::Cow<'_, str>> {
        let wanted = match claim {
            expr::ir::Claim::Id => "id",
            expr::ir::Claim::Named(name) => name,
        };
        self.0
            .iter()
            .find(|(name, _)| *name == wanted)
            .map(|(_, text)| text.as_str().into())
    }
}

pub fn uuid(resource: ResourceId, at: u8) -> Value {
    let mut bytes = [0; 16];
    bytes[0] = u8::try_from(resource.0).unwrap() + 1;
    bytes[15] = at;
    Value::Uuid(bytes)
}

pub fn user_id(at: u8) -> String {
    value::text::print(&id_type(USER), &uuid(USER, at))
}

pub fn text(text: &str) -> Value {
    Value::Text(text.to_owned())
}

pub fn instant(text: &str) -> Value {
    Value::Timestamp(Timestamp::parse(text).unwrap())
}

pub const NOW: &str = "2026-11-22T10:00:00Z";

pub fn now() -> Timestamp {
    Timestamp::parse(NOW).unwrap()
}

/// Rows in memory.
pub struct World {
    pub schema: Todo,
    pub rows: HashMap<ResourceId, Vec<Record>>,
}

impl World {
    pub fn empty() -> World {
        World {
            schema: Todo::new(),
            rows: HashMap::new(),
        }
    }

    /// Three users (1 is staff); list 1 of user 1, shared with 2 (editor) and 3 (viewer), with
    /// tasks 1 and 2; list 2 of nobody, published, empty.
    pub fn new() -> World {
        let mut world = World::empty();
        for at in 1..=3 {
            let role = if at == 1 { "staff" } else { "reader" };
            world.add(
                USER,
                at,
                &[("name", text(&format!("User {at}"))), ("role", text(role))],
            );
        }
        world.add(
            LIST,
            1,
            &[("name", text("Home")), ("owner_id", uuid(USER, 1))],
        );
        world.add(
            LIST,
            2,
            &[("name", text("Free")), ("published", Value::Bool(true))],
        );
        for (at, role) in [(2, "editor"), (3, "viewer")] {
            world.add(
                MEMBER,
                at,
                &[
                    ("list_id", uuid(LIST, 1)),
                    ("user_id", uuid(USER, at)),
                    ("role", text(role)),
                ],
            );
        }
        world.add(
            TASK,
            1,
            &[
                ("list_id", uuid(LIST, 1)),
                ("title", text("Buy milk")),
                ("due", Value::Date(Date::parse("2026-11-21").unwrap())),
                ("held_until", instant("2026-11-22T09:00:00Z")),
                ("assignee_id", uuid(USER, 2)),
                ("stars", Value::Int(4)),
                ("mid", Value::Int(-7)),
                ("big", Value::Int(i64::MAX)),
                (
                    "price",
                    Value::Money(Money::new(
                        Decimal::parse("12.50").unwrap(),
                        Currency::parse("EUR").unwrap(),
                    )),
                ),
                ("cost", Value::Decimal(Decimal::parse("3.25").unwrap())),
                ("weight", Value::Float(1.5)),
                ("tags", Value::List(vec![text("food"), text("äpfel")])),
                ("place", Value::Object(vec![text("Kiel"), Value::Null])),
            ],
        );
        world.add(
            TASK,
            2,
            &[
                ("list_id", uuid(LIST, 1)),
                ("title", text("Zähne putzen")),
                ("done", Value::Bool(true)),
                ("stars", Value::Int(1)),
            ],
        );
        world
    }

    /// A row with these fields; the others are null, false, 0 or empty.
    pub fn add(&mut self, resource: ResourceId, at: u8, given: &[(&str, Value)]) {
        let fields = &self.schema.resource(resource).fields;
        let row = fields.iter().map(|field| {
            let given = given.iter().find(|(name, _)| *name == field.name);
            match (given, &field.ty) {
                (Some((_, value)), _) => value.clone(),
                _ if field.name == "id" => uuid(resource, at),
                _ if field.nullable => Value::Null,
                (None, Type::Bool) => Value::Bool(false),
                (None, Type::Int32 | Type::Int53 | Type::Int64) => Value::Int(0),
                (None, Type::Float) => Value::Float(0.0),
                (None, Type::Decimal) => Value::Decimal(Decimal::ZERO),
                (None, Type::Timestamp) => instant("2026-01-01T00:00:00Z"),
                (None, Type::Text) => text(""),
                (None, Type::List(_)) => Value::List(vec![]),
                (None, other) => panic!("{} needs {other:?}", field.name),
            }
        });
        let row: Record = row.collect();
        self.rows.entry(resource).or_default().push(row);
    }

    pub fn row(&self, resource: ResourceId, at: u8) -> Record {
        self.one(resource, &uuid(resource, at))
            .expect("a row of the test world")
    }

    pub fn env<'a>(&'a self, caller: &'a dyn CallerValues, this: &'a [Value]) -> Env<'a> {
        Env {
            now: now(),
            caller,
            this: Some(this),
            next: None,
            row: None,
            input: &[],
            lookup: self,
        }
    }
}

impl Lookup for World {
    fn one(&self, resource: ResourceId, id: &Value) -> Option<Record> {
        self.rows
            .get(&resource)?
            .iter()
            .find(|row| row[0] == *id)
            .cloned()
    }

    fn many(&self, resource: ResourceId, field: FieldId, id: &Value) -> Vec<Record> {
        let rows = self
            .rows
            .get(&resource)
            .map(Vec::as_slice)
            .unwrap_or_default();
        rows.iter()
            .filter(|row| row[usize::from(field.0)] == *id)
            .cloned()
            .collect()
    }
}
