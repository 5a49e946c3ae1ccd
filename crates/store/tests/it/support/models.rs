//! The small language for models.

use std::sync::Arc;
use std::time::Duration;

use expr::ir::RuleDef;
use expr::schema::{Property, Schema, Unresolved};
use expr::{Expr, Scope};
use model::{
    Access, Audience, Concurrency, Constraints, DocsAccess, Field, FieldKind, Idempotency,
    ListRelation, Model, Resource, Shape, SystemField, names,
};
use value::{FieldId, IdKind, IdType, Member, ObjectType, ResourceId, Type, Value};

/// Compiles a model. Panics on what it does not understand.
pub fn model(text: &str) -> Model {
    // All texts of tests are indented; the least indented lines are resources.
    let indent = |line: &str| line.len() - line.trim_start().len();
    let least = text
        .lines()
        .filter(|line| !line.trim().is_empty())
        .map(indent)
        .min()
        .unwrap_or(0);
    let lines: Vec<(bool, &str)> = text
        .lines()
        .filter(|line| !line.trim().is_empty())
        .map(|line| (indent(line) > least, line.trim()))
        .collect();
    let mut model = Model {
        name: "test".into(),
        title: "Test".into(),
        description: None,
        base: "/v1".into(),
        resources: vec![],
        rules: expr::builtin_rules(),
        types: vec![],
        type_members: vec![],
        errors: vec![],
        limits: vec![],
        cors: vec![],
        docs: DocsAccess::Public,
        auth: model::Auth::default(),
        tests: vec![],
    };
    for (_, line) in lines.iter().filter(|(inner, _)| !inner) {
        let id = ResourceId(u16::try_from(model.resources.len()).unwrap());
        model.resources.push(resource(id, line));
    }
    let mut at = 0;
    for (inner, line) in &lines {
        if !inner {
            at += 1;
        } else {
            let resource = ResourceId(u16::try_from(at - 1).unwrap());
            fields(&mut model, resource, line);
        }
    }
    for resource in &mut model.resources {
        for system in [SystemField::CreatedAt, SystemField::UpdatedAt] {
            let name = if system == SystemField::CreatedAt {
                "created_at"
            } else {
                "updated_at"
            };
            push(
                resource,
                name,
                Type::Timestamp,
                false,
                FieldKind::System(system),
            );
        }
    }
    let mut at = 0;
    for (inner, line) in &lines {
        if !inner {
            at += 1;
        } else {
            rest(&mut model, ResourceId(u16::try_from(at - 1).unwrap()), line);
        }
    }
    model
}

fn resource(id: ResourceId, line: &str) -> Resource {
    let mut words = line.split_whitespace();
    let name = words.next().unwrap().to_owned();
    let mut kind = IdKind::TypeId;
    let (mut was, mut soft) = (None, None);
    for word in words {
        match word.split_once('=').unwrap() {
            ("id", "integer") => kind = IdKind::Integer,
            ("id", "text") => kind = IdKind::Text,
            ("id", "uuid") => kind = IdKind::Uuid,
            ("soft", seconds) => soft = Some(Duration::from_secs(seconds.parse().unwrap())),
            ("was", old) => was = Some(old.to_owned()),
            _ => panic!("{word}"),
        }
    }
    let snake = names::snake(&name);
    let prefix = if kind == IdKind::TypeId {
        snake.clone()
    } else {
        String::new()
    };
    let id_type = Arc::new(IdType {
        resource: id,
        resource_name: name.as_str().into(),
        kind,
        prefix: prefix.into(),
    });
    let mut resource = Resource {
        id,
        path: names::kebab(&names::plural(&snake)),
        plural: names::kebab(&names::plural(&snake)),
        scope: names::kebab(&names::plural(&snake)),
        snake,
        name,
        id_type: Arc::clone(&id_type),
        fields: vec![],
        lists: vec![],
        unique: vec![],
        index: vec![],
        search: vec![],
        rules: vec![],
        access: Access::default(),
        checks: vec![],
        audience: Audience::Public,
        concurrency: Concurrency::Optional,
        idempotency: Idempotency::Optional,
        list: model::ListStyle::default(),
        cache_seconds: None,
        soft_delete: soft,
        limit: None,
        deprecated: None,
        was,
        removed: vec![],
        key: vec![],
        within: None,
        description: None,
    };
    let field = push(
        &mut resource,
        "id",
        Type::Id(id_type),
        false,
        FieldKind::System(SystemField::Id),
    );
    field.unique = true;
    field.indexed = true;
    resource
}

fn push<'r>(
    resource: &'r mut Resource,
    name: &str,
    ty: Type,
    nullable: bool,
    kind: FieldKind,
) -> &'r mut Field {
    let id = FieldId(u16::try_from(resource.fields.len()).unwrap());
    resource.fields.push(Field {
        id,
        name: name.to_owned(),
        indexed: matches!(kind, FieldKind::Relation { .. }),
        kind,
        shape: Shape {
            ty,
            nullable,
            constraints: Constraints::default(),
            items: None,
            members: None,
            default: None,
            description: None,
        },
        default: None,
        set: None,
        read: None,
        write: None,
        read_only: false,
        write_only: false,
        immutable: false,
        sequence: None,
        unique: false,
        audience: Audience::Public,
        deprecated: None,
        was: None,
        description: None,
        examples: vec![],
    });
    resource.fields.last_mut().unwrap()
}

const NOT_FIELDS: [&str; 5] = ["lists", "unique", "index", "removed", "rule"];

fn fields(model: &mut Model, resource: ResourceId, line: &str) {
    let mut words = line.split_whitespace();
    let first = words.next().unwrap();
    if NOT_FIELDS.contains(&first) || line.contains(" = ") {
        return;
    }
    let (name, nullable) = nullable(first);
    let ty = words.next().unwrap();
    let (field_name, ty, kind) = if ty == "->" {
        let target = model.resource_named(words.next().unwrap()).unwrap();
        let kind = FieldKind::Relation {
            relation: name.to_owned(),
            target: target.id,
        };
        (
            format!("{name}_id"),
            Type::Id(Arc::clone(&target.id_type)),
            kind,
        )
    } else {
        (name.to_owned(), type_named(ty), FieldKind::Stored)
    };
    let resource = &mut model.resources[usize::from(resource.0)];
    let field = push(resource, &field_name, ty.clone(), nullable, kind);
    let id = field.id;
    let mut search = false;
    for word in words {
        match word.split_once('=') {
            None if word == "unique" => (field.unique, field.indexed) = (true, true),
            None if word == "index" => field.indexed = true,
            None if word == "search" => search = true,
            Some(("was", old)) => field.was = Some(old.to_owned()),
            Some(("default", text)) => field.default = Some(default(&ty, text)),
            Some((word, text)) => limit(&mut field.shape, word, text),
            _ => panic!("{word}"),
        }
    }
    if search {
        resource.search.push(id);
    }
}

/// `maxLength=4`, of elements `[].maxLength=4`, of a member `city.maxLength=4`.
fn limit(shape: &mut Shape, word: &str, text: &str) {
    if let Some((place, word)) = word.split_once('.') {
        let plain = |ty: &Type, nullable| Shape {
            ty: ty.clone(),
            nullable,
            constraints: Constraints::default(),
            items: None,
            members: None,
            default: None,
            description: None,
        };
        match &shape.ty {
            Type::List(item) => {
                assert_eq!(place, "[]");
                let items = shape
                    .items
                    .get_or_insert_with(|| Arc::new(plain(item, false)));
                limit(Arc::make_mut(items), word, text);
            }
            Type::Object(object) => {
                let at = object
                    .members
                    .iter()
                    .position(|known| *known.name == *place);
                let members = shape.members.get_or_insert_with(|| {
                    let members = object.members.iter();
                    Arc::new(members.map(|one| plain(&one.ty, one.nullable)).collect())
                });
                limit(&mut Arc::make_mut(members)[at.unwrap()], word, text);
            }
            _ => panic!("{place} is in nothing"),
        }
        return;
    }
    let limits = &mut shape.constraints;
    let bound = || Some(value::text::parse(&shape.ty, text).unwrap());
    let count = || Some(text.parse().unwrap());
    match word {
        "minLength" => limits.min_length = count(),
        "maxLength" => limits.max_length = count(),
        "pattern" => {
            limits.pattern = Some(model::Pattern {
                source: text.to_owned(),
                regex: regex::Regex::new(text).unwrap(),
            });
        }
        "format" => {
            limits.format = Some(match text {
                "email" => model::TextFormat::Email,
                "uri" => model::TextFormat::Uri,
                "duration" => model::TextFormat::Duration,
                _ => panic!("{text}"),
            });
        }
        "minimum" => limits.minimum = bound(),
        "maximum" => limits.maximum = bound(),
        "exclusiveMinimum" => limits.exclusive_minimum = bound(),
        "exclusiveMaximum" => limits.exclusive_maximum = bound(),
        "multipleOf" => limits.multiple_of = bound(),
        "minItems" => limits.min_items = count(),
        "maxItems" => limits.max_items = count(),
        "uniqueItems" => limits.unique_items = text == "true",
        _ => panic!("{word}"),
    }
}

fn default(ty: &Type, text: &str) -> Value {
    match ty {
        Type::Money => Value::Money(value::Money::parse(&text.replace('_', " ")).unwrap()),
        Type::List(_) => value::json::from_json_text(ty, text).unwrap(),
        ty => value::text::parse(ty, text).unwrap(),
    }
}

fn rest(model: &mut Model, resource: ResourceId, line: &str) {
    let (first, words) = line.split_once(' ').unwrap();
    let described = model.resource(resource);
    let ids = |names: &str| -> Vec<FieldId> {
        names
            .split(',')
            .map(|name| described.field_named(name).unwrap().id)
            .collect()
    };
    match first {
        "lists" => {
            let (name, path) = words.split_once(' ').unwrap();
            let (other, relation) = path.split_once('.').unwrap();
            let other = model.resource_named(other).unwrap();
            let list = ListRelation {
                name: name.to_owned(),
                resource: other.id,
                field: other.relation_named(relation).unwrap().id,
            };
            model.resources[usize::from(resource.0)].lists.push(list);
        }
        "unique" => {
            let ids = ids(words);
            model.resources[usize::from(resource.0)].unique.push(ids);
        }
        "index" => {
            let ids = ids(words);
            model.resources[usize::from(resource.0)].index.push(ids);
        }
        "removed" => {
            let names = words.split(',').map(str::to_owned);
            model.resources[usize::from(resource.0)]
                .removed
                .extend(names);
        }
        "rule" => {
            let (name, condition) = words.split_once(": ").unwrap();
            let body = rule(model, resource, condition);
            let name: Box<str> = name.into();
            let rule = RuleDef {
                name,
                resource: Some(resource),
                body,
            };
            model.resources[usize::from(resource.0)]
                .rules
                .push(Arc::new(rule));
        }
        _ => {
            let Some((field, formula)) = line.split_once(" = ") else {
                return;
            };
            let (name, ty) = field.split_once(' ').unwrap();
            let (name, nullable) = nullable(name);
            let ty = type_named(ty);
            let scope = Scope::computed(resource, ty.clone(), nullable);
            let formula = Arc::new(check(model, formula, &scope));
            let resource = &mut model.resources[usize::from(resource.0)];
            push(resource, name, ty, nullable, FieldKind::Computed(formula));
        }
    }
}

fn nullable(name: &str) -> (&str, bool) {
    name.strip_suffix('?')
        .map_or((name, false), |name| (name, true))
}

fn type_named(text: &str) -> Type {
    if let Some(item) = text.strip_prefix("list(") {
        return Type::List(Arc::new(type_named(item.strip_suffix(')').unwrap())));
    }
    if let Some(values) = text.strip_prefix("enum(") {
        let values = values.strip_suffix(')').unwrap();
        return Type::Enum(values.split(',').map(Box::from).collect());
    }
    if let Some(members) = text.strip_prefix("object(") {
        let members = members.strip_suffix(')').unwrap().split(',').map(|member| {
            let (name, ty) = member.split_once(':').unwrap();
            let (name, nullable) = nullable(name);
            Member {
                name: name.into(),
                ty: type_named(ty),
                nullable,
            }
        });
        return Type::Object(Arc::new(ObjectType {
            name: None,
            members: members.collect(),
        }));
    }
    match text {
        "bool" => Type::Bool,
        "int" => Type::Int32,
        "int53" => Type::Int53,
        "int64" => Type::Int64,
        "number" => Type::Float,
        "text" => Type::Text,
        "decimal" => Type::Decimal,
        "money" => Type::Money,
        "date" => Type::Date,
        "time" => Type::Timestamp,
        "uuid" => Type::Uuid,
        "json" => Type::Json,
        _ => panic!("no type {text}"),
    }
}

/// A condition about a record of `resource`; may name `next`.
pub fn rule(model: &Model, resource: ResourceId, text: &str) -> Expr {
    check(
        model,
        text,
        &Scope {
            next: true,
            ..Scope::rule(Some(resource))
        },
    )
}

pub fn check(model: &Model, text: &str, scope: &Scope) -> Expr {
    try_check(model, text, scope).unwrap_or_else(|problems| panic!("{text}: {problems}"))
}

pub fn try_check(model: &Model, text: &str, scope: &Scope) -> Result<Expr, String> {
    let (expr, problems) = expr::check(text, scope, &Names(model));
    let told: Vec<String> = problems
        .iter()
        .map(|problem| problem.message.clone())
        .collect();
    expr.filter(|_| told.is_empty())
        .ok_or_else(|| told.join("; "))
}

struct Names<'m>(&'m Model);

impl Schema for Names<'_> {
    fn property(&self, resource: ResourceId, name: &str) -> Result<Property, Unresolved> {
        let resource = self.0.resource(resource);
        if let Some(field) = resource.field_named(name) {
            let (ty, nullable) = (field.shape.ty.clone(), field.shape.nullable);
            return Ok(match &field.kind {
                FieldKind::Computed(formula) => Property::Computed {
                    ty,
                    nullable,
                    formula: Arc::clone(formula),
                },
                _ => Property::Field {
                    id: field.id,
                    ty,
                    nullable,
                },
            });
        }
        if let Some(field) = resource.relation_named(name) {
            let (_, target) = field.relation().unwrap();
            return Ok(Property::Relation {
                via: field.id,
                target,
                nullable: field.shape.nullable,
            });
        }
        if let Some(list) = resource.list_named(name) {
            return Ok(Property::List {
                resource: list.resource,
                field: list.field,
            });
        }
        let rule = resource.rules.iter().find(|rule| *rule.name == *name);
        rule.map(|rule| Property::Rule(Arc::clone(rule)))
            .ok_or(Unresolved::Unknown)
    }

    fn rule(&self, resource: Option<ResourceId>, name: &str) -> Result<Arc<RuleDef>, Unresolved> {
        let of_resource = resource
            .map(|id| self.0.resource(id).rules.iter())
            .into_iter()
            .flatten();
        of_resource
            .chain(&self.0.rules)
            .find(|rule| *rule.name == *name)
            .cloned()
            .ok_or(Unresolved::Unknown)
    }

    fn limits(&self, resource: ResourceId, field: FieldId) -> (Option<Value>, Option<Value>) {
        let field = &self.0.resource(resource).fields[usize::from(field.0)];
        field.shape.constraints.ends()
    }

    fn property_names(&self, _: ResourceId) -> Vec<String> {
        vec![]
    }

    fn rule_names(&self, _: Option<ResourceId>) -> Vec<String> {
        vec![]
    }

    fn resource_name(&self, resource: ResourceId) -> &str {
        &self.0.resource(resource).name
    }
}
