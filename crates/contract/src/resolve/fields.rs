//! The fields of a resource: their types, and which words go together.

use std::sync::Arc;

use diag::{Diagnostic, Diagnostics};
use model::{Audience, Deprecated, Field, FieldKind, Shape, SystemField, TextFormat};
use value::{IdKind, IdType, Type, Value};

use super::shapes::{Found, Place, Shapes, without_mark};
use super::{Declared, FIELDS_MAX, FieldDraft, Property, ResourceDraft, constraints, field_id};
use crate::codes;
use crate::names::{Taken, check_list_name, check_queryable_name, check_rule_name};
use crate::read::Item;

/// Pairs of words that exclude each other on one field, and why.
const EXCLUDING: &[(&str, &str, &str)] = &[
    (
        "readOnly",
        "writeOnly",
        "nobody could write it and nobody could read it",
    ),
    (
        "readOnly",
        "immutable",
        "`immutable` lets clients give it once, `readOnly` never",
    ),
    (
        "set",
        "default",
        "`set` fills it in every time, so the default is never used",
    ),
    ("set", "readOnly", "`set` makes it read-only already"),
    ("set", "immutable", "`set` makes it read-only already"),
    (
        "set",
        "writeOnly",
        "clients could neither write nor read it",
    ),
    (
        "value",
        "default",
        "it is computed, so the default is never used",
    ),
    (
        "value",
        "set",
        "`set` fills it in when a record is created, `value` computes it when it is read",
    ),
    (
        "sequence",
        "default",
        "the server counts it, so the default is never used",
    ),
    (
        "sequence",
        "set",
        "`sequence` counts it and `set` fills it in",
    ),
    (
        "sequence",
        "value",
        "`sequence` counts it once, `value` computes it when it is read",
    ),
    (
        "sequence",
        "readOnly",
        "`sequence` makes it read-only already",
    ),
    (
        "sequence",
        "immutable",
        "`sequence` makes it read-only already",
    ),
    (
        "sequence",
        "writeOnly",
        "clients could neither write nor read it",
    ),
    ("value", "readOnly", "what is computed is read-only already"),
    (
        "value",
        "writeOnly",
        "clients could neither write nor read it",
    ),
    ("value", "immutable", "what is computed is never written"),
    (
        "value",
        "was",
        "it is not stored, so there is no data to keep",
    ),
];

/// The resource's fields; whether some could not be read.
pub fn resolve<'r, 'a>(
    resource: &'r Item<'a>,
    id_type: &Arc<IdType>,
    shapes: &mut Shapes<'_, 'r, 'a>,
) -> (Vec<FieldDraft<'r, 'a>>, bool) {
    let mut id = system(SystemField::Id, Type::Id(Arc::clone(id_type)), id_type);
    id.broken = super::ids::unknown(resource);
    let mut fields = vec![id];
    let declared = resource.entry("fields").map(|entry| &entry.item);
    let torn = resource.node.torn || declared.is_none_or(|fields| fields.is_broken() || fields.odd);
    let entries = declared.map(Item::entries).unwrap_or_default();
    if let Some(extra) = entries.get(FIELDS_MAX) {
        shapes.out.push(
            Diagnostic::error(
                codes::TOO_MANY,
                extra.key.span,
                format!("a resource has at most {FIELDS_MAX} fields"),
            )
            .label("one too many")
            .help("put what belongs together into an object, or into a resource of its own"),
        );
    }
    for entry in entries.iter().take(FIELDS_MAX) {
        let (name, nullable) = without_mark(entry.name);
        let place = Declared {
            name,
            span: entry.key.span,
            item: &entry.item,
        };
        let draft = field(place, nullable, shapes);
        fields.push(draft);
    }
    fields.push(system(SystemField::CreatedAt, Type::Timestamp, id_type));
    fields.push(system(SystemField::UpdatedAt, Type::Timestamp, id_type));
    for (at, draft) in fields.iter_mut().enumerate() {
        draft.field.id = field_id(at);
    }
    (fields, torn)
}

fn system<'r, 'a>(which: SystemField, ty: Type, id: &IdType) -> FieldDraft<'r, 'a> {
    let (name, is_id) = match which {
        SystemField::Id => ("id", true),
        SystemField::CreatedAt => ("created_at", false),
        SystemField::UpdatedAt => ("updated_at", false),
    };
    let mut field = blank(name, plain(ty));
    field.kind = FieldKind::System(which);
    // Only ids that the client chooses come with the record.
    field.read_only = !(is_id && id.kind == IdKind::Text);
    field.immutable = is_id;
    field.unique = is_id;
    field.indexed = is_id;
    FieldDraft {
        field,
        declared: None,
        broken: false,
    }
}

fn plain(ty: Type) -> Shape {
    Shape {
        ty,
        nullable: false,
        constraints: model::Constraints::default(),
        items: None,
        members: None,
        default: None,
        description: None,
    }
}

fn blank(name: &str, shape: Shape) -> Field {
    Field {
        id: field_id(0),
        name: name.to_owned(),
        kind: FieldKind::Stored,
        shape,
        default: None,
        set: None,
        read: None,
        write: None,
        read_only: false,
        write_only: false,
        immutable: false,
        sequence: None,
        unique: false,
        indexed: false,
        audience: Audience::Public,
        deprecated: None,
        was: None,
        description: None,
        examples: vec![],
    }
}

fn field<'r, 'a>(
    declared: Declared<'r, 'a>,
    nullable: bool,
    shapes: &mut Shapes<'_, 'r, 'a>,
) -> FieldDraft<'r, 'a> {
    let Declared { name, span, item } = declared;
    shapes.check_name(name, span);
    let found = shapes.shape(item, name, Place::Field, 0);
    let broken = found.is_none();
    let (mut shape, kind, column) = match found {
        Some(Found::Shape(shape)) => (*shape, FieldKind::Stored, name.to_owned()),
        Some(Found::Relation(target)) => {
            let kind = FieldKind::Relation {
                relation: name.to_owned(),
                target,
            };
            let id = Type::Id(Arc::clone(shapes.id_type(target)));
            (plain(id), kind, format!("{name}_id"))
        }
        None => (plain(Type::Json), FieldKind::Stored, name.to_owned()),
    };
    shape.nullable = nullable;
    let relation = matches!(kind, FieldKind::Relation { .. });
    let mut field = blank(&column, shape);
    field.kind = kind;
    let has = |key: &str| item.entry(key).is_some();
    let (set, computed, counted) = (has("set"), has("value"), has("sequence"));
    field.read_only = item.flag("readOnly") || set || computed || counted;
    field.write_only = item.flag("writeOnly");
    field.immutable = item.flag("immutable");
    field.unique = item.flag("unique");
    field.indexed = item.flag("index") || field.unique || relation;
    field.audience = audience(item);
    field.description = item
        .text("description")
        .map(|text| text.as_str().to_owned());
    field.was = item.text("was").map(|was| was.as_str().to_owned());
    if !broken {
        if relation && name.ends_with("_id") {
            let bare = name.trim_end_matches("_id");
            shapes.out.push(
                Diagnostic::error(
                    codes::RELATION,
                    span,
                    format!("the relation `{name}` would be called `{name}_id` in records"),
                )
                .label("a relation is named after the record, not after its id")
                .help(format!("write `{bare}:`; records then have `{bare}_id`")),
            );
        }
        if field.indexed && !relation {
            check_queryable_name(name, span, shapes.out);
        }
        indexable(&field, item, shapes.out);
        if let Some(default) = item
            .get("default")
            .filter(|_| !relation && !computed && !set)
        {
            field.default = shapes.default(default, &field.shape);
        }
        field.examples = shapes.examples(item, &field.shape);
        fixed_set(&mut field, item, shapes);
    }
    // These do not ask what it holds.
    contradictions(item, shapes.out);
    never_filled(&field, declared, shapes.out);
    FieldDraft {
        field,
        declared: Some(declared),
        // What is lost of it may say what fits it.
        broken: broken || item.node.torn_inside(),
    }
}

/// `audience:` of a field or resource.
pub fn audience(item: &Item<'_>) -> Audience {
    match item.text("audience").map(|text| text.as_str()) {
        Some("partner") => Audience::Partner,
        Some("private") => Audience::Private,
        _ => Audience::Public,
    }
}

/// Whether the key is there and says more than `false`.
fn says(item: &Item<'_>, key: &str) -> bool {
    item.get(key)
        .is_some_and(|item| item.as_bool() != Some(false))
}

fn contradictions(item: &Item<'_>, out: &mut Diagnostics) {
    for (first, second, why) in EXCLUDING {
        if says(item, first) && says(item, second) {
            contradiction(item, first, second, why, out);
        }
    }
    if says(item, "value") {
        for word in constraints::words() {
            if says(item, word) {
                contradiction(
                    item,
                    "value",
                    word,
                    "what is computed is not held against constraints",
                    out,
                );
            }
        }
    }
    let access = |key: &str| {
        item.get("access")
            .and_then(|access| access.entry(key))
            .map(|entry| entry.key.span)
    };
    for word in ["readOnly", "set", "value", "sequence"] {
        if let Some(span) = access("write").filter(|_| says(item, word)) {
            out.push(
                Diagnostic::error(
                    codes::CONTRADICTION,
                    span,
                    format!("`access: {{write: …}}` on a field with `{word}`"),
                )
                .label("clients never write this field")
                .help(format!("delete this rule, or `{word}`")),
            );
        }
    }
    if let Some(span) = access("read").filter(|_| says(item, "writeOnly")) {
        out.push(
            Diagnostic::error(
                codes::CONTRADICTION,
                span,
                "`access: {read: …}` on a field with `writeOnly`",
            )
            .label("clients never read this field")
            .help("delete this rule, or `writeOnly`"),
        );
    }
}

fn contradiction(item: &Item<'_>, first: &str, second: &str, why: &str, out: &mut Diagnostics) {
    let span = |key: &str| item.entry(key).map_or(item.span(), |entry| entry.key.span);
    out.push(
        Diagnostic::error(
            codes::CONTRADICTION,
            span(second),
            format!("`{first}` and `{second}` on the same field"),
        )
        .label(why)
        .also(span(first), format!("together with `{first}`"))
        .help(format!("delete `{second}` or `{first}`")),
    );
}

/// Why a value of this field cannot have an index; also for those over several fields.
pub fn not_indexable(field: &Field, computed: bool) -> Option<(&'static str, &'static str)> {
    if computed {
        return Some((
            "computed when read, not stored",
            "store it instead, or filter by what it is computed from",
        ));
    }
    let reason = match &field.shape.ty {
        Type::Json | Type::List(_) | Type::Object(_) => {
            ("has no order", "make what is looked for a field of its own")
        }
        Type::Money => (
            "amounts of different currencies cannot be compared",
            "keep the amount in a `decimal` or `integer` field and the currency beside it",
        ),
        _ if field.shape.constraints.format == Some(TextFormat::Duration) => (
            "one length of time has many spellings, and a month no fixed length",
            "to find or sort by it, keep an `integer` with the unit in its name, as `takes_minutes`",
        ),
        _ if field.write_only => (
            "filtering by it would reveal it",
            "delete it, or let it be read by those it concerns with `access: {read: …}`",
        ),
        _ => return None,
    };
    Some(reason)
}

fn indexable(field: &Field, item: &Item<'_>, out: &mut Diagnostics) {
    let computed = says(item, "value");
    let Some((why, help)) = not_indexable(field, computed) else {
        return;
    };
    for key in ["unique", "index"] {
        if let Some(entry) = item.entry(key).filter(|_| item.flag(key)) {
            out.push(
                Diagnostic::error(
                    codes::NOT_INDEXABLE,
                    entry.key.span,
                    format!("`{}` cannot have `{key}: true`", field.name),
                )
                .label(why)
                .help(help),
            );
        }
    }
}

fn never_filled(field: &Field, declared: Declared<'_, '_>, out: &mut Diagnostics) {
    let item = declared.item;
    let filled = ["set", "value", "sequence"]
        .into_iter()
        .any(|word| says(item, word));
    let explicit = item.flag("readOnly") && !filled;
    if explicit && !field.shape.nullable && item.entry("default").is_none() && !item.node.torn {
        let name = declared.name;
        let span = item
            .entry("readOnly")
            .map_or(declared.span, |entry| entry.key.span);
        out.push(
            Diagnostic::error(
                codes::NEVER_FILLED,
                span,
                format!("nothing ever gives `{name}` a value"),
            )
            .label("clients may not write it")
            .help(format!(
                "write `{name}?` so that it may be empty, or give it a `default:` or `set:`"
            )),
        );
    }
}

/// `set:` without `=` is a fixed value.
fn fixed_set(field: &mut Field, item: &Item<'_>, shapes: &mut Shapes<'_, '_, '_>) {
    let Some(set) = item.get("set") else { return };
    if set
        .as_text()
        .is_some_and(|text| text.as_str().starts_with('='))
    {
        return;
    }
    let source = shapes.sources.text(set.span().file);
    match crate::json::literal(set.node, &field.shape, source) {
        Ok(value) => {
            let formula = set
                .as_text()
                .filter(|_| field.shape.ty == Type::Text)
                .and_then(|text| super::formula::advice(text, set.node.source(source), "set"));
            if let Some(help) = formula {
                shapes.out.push(
                    Diagnostic::error(
                        codes::ORDINARY_VALUE,
                        set.span(),
                        "`set` without `=` is a fixed value: every record would hold these very words",
                    )
                    .label("a formula without its `=`?")
                    .help(help),
                );
            }
            field.set = Some(Arc::new(constant(value, &field.shape.ty)));
        }
        Err(misfits) => {
            for misfit in misfits {
                let text = set.as_text().map(crate::read::Text::as_str);
                let formula = text.map(|text| crate::read::without_dollar(text).unwrap_or(text));
                let help = match formula {
                    Some(formula) if super::formula::reads_like_one(formula) => {
                        format!("if it is a formula, write `set: ={formula}`")
                    }
                    _ => format!(
                        "{}; a formula begins with `=`, as in `set: =now`",
                        misfit.advice(shapes.sources)
                    ),
                };
                shapes.out.push(
                    Diagnostic::error(
                        codes::ORDINARY_VALUE,
                        misfit.span,
                        format!(
                            "`set` without `=` is a fixed value, and this one does not fit: {}",
                            misfit.why
                        ),
                    )
                    .label("not a value of this field")
                    .help(help),
                );
            }
        }
    }
}

/// A value as an expression.
fn constant(value: Value, ty: &Type) -> expr::Expr {
    expr::Expr {
        node: expr::ir::Node::Const(value),
        ty: ty.clone(),
        nullable: false,
        at: 0..0,
    }
}

/// Gives every name of the resource its meaning; reports those that meet.
pub fn name<'a>(draft: &mut ResourceDraft<'_, 'a>, out: &mut Diagnostics) {
    let mut taken: Taken<'_> = Taken::new("this resource");
    let mut properties = std::mem::take(&mut draft.properties);
    // Derived column names live as long as this call only.
    let columns: Vec<String> = draft.fields.iter().map(|f| f.field.name.clone()).collect();
    for (field, column) in draft.fields.iter().zip(&columns) {
        let id = field.field.id;
        let Some(declared) = field.declared else {
            let property = match field.broken {
                true => Property::Broken,
                false => Property::Field(id),
            };
            properties.insert(column.clone(), property);
            continue;
        };
        let computed = declared.item.entry("value").is_some();
        let property = match &field.field.kind {
            _ if field.broken => Property::Broken,
            FieldKind::Relation { .. } => Property::Relation(id),
            _ if computed => Property::Computed(id),
            _ => Property::Field(id),
        };
        let kind = match property {
            Property::Relation(_) => "a relation",
            _ => "a field",
        };
        if taken.claim(declared.name, kind, declared.span, out) {
            properties.insert(declared.name.to_owned(), property);
            taken.claim_spellings(declared.name, declared.span, out);
        }
    }
    // Columns of relations come last, so that it is the plain field beside a relation that is
    // reported, whichever stands first.
    for (field, column) in draft.fields.iter().zip(&columns) {
        let Some(declared) = field.declared else {
            continue;
        };
        if field.broken {
            // It may have been a relation.
            let column = format!("{}_id", declared.name);
            properties.entry(column).or_insert(Property::Broken);
            continue;
        }
        if !matches!(field.field.kind, FieldKind::Relation { .. }) {
            continue;
        }
        if let Some(other) = draft
            .fields
            .iter()
            .filter_map(|other| other.declared)
            .find(|other| other.name == column)
        {
            out.push(
                Diagnostic::error(
                    codes::TAKEN,
                    other.span,
                    format!(
                        "the relation `{}` already brings a field `{column}` along",
                        declared.name
                    ),
                )
                .label("the same field again")
                .also(declared.span, "the relation")
                .help(format!("delete `{column}`")),
            );
        } else {
            properties.insert(column.clone(), Property::Field(field.field.id));
            taken.claim_spellings(column, declared.span, out);
        }
    }
    money_columns(draft, out);
    let lists = draft
        .item
        .get("lists")
        .map(Item::entries)
        .unwrap_or_default();
    for entry in lists {
        check_list_name(entry.name, entry.key.span, out);
        if taken.claim(entry.name, "a list", entry.key.span, out) {
            // What it lists is found out later.
            properties.insert(entry.name.to_owned(), Property::Broken);
            taken.claim_spellings(entry.name, entry.key.span, out);
        }
    }
    let rules = draft
        .item
        .get("rules")
        .map(Item::entries)
        .unwrap_or_default();
    for (at, entry) in rules.iter().enumerate() {
        check_rule_name(entry.name, entry.key.span, out);
        let free = taken.claim(entry.name, "a rule", entry.key.span, out)
            && !properties.contains_key(entry.name);
        if free {
            let property = if entry.item.is_broken() {
                Property::Broken
            } else {
                Property::Rule(at)
            };
            properties.insert(entry.name.to_owned(), property);
        }
    }
    for key in ["lists", "rules"] {
        draft.torn |= draft
            .item
            .entry(key)
            .is_some_and(|entry| entry.item.is_broken() || entry.item.odd);
    }
    draft.properties = properties;
}

/// Money is kept in two columns, which no other field may be called.
fn money_columns(draft: &ResourceDraft<'_, '_>, out: &mut Diagnostics) {
    for money in draft
        .fields
        .iter()
        .filter(|f| f.field.shape.ty == Type::Money)
    {
        let Some(declared) = money.declared.filter(|_| !money.broken) else {
            continue;
        };
        for part in ["amount", "currency"] {
            let column = format!("{}_{part}", declared.name);
            let other = draft
                .fields
                .iter()
                .filter(|field| field.field.name == column)
                .find_map(|field| field.declared);
            if let Some(other) = other {
                out.push(
                    Diagnostic::error(
                        codes::TAKEN,
                        other.span,
                        format!(
                            "the money `{}` keeps its {part} under `{column}`",
                            declared.name
                        ),
                    )
                    .label("the same column again")
                    .also(declared.span, "money has its currency with it")
                    .help(format!(
                        "delete `{column}`: the {part} is `{}.{part}`; or rename one of them",
                        declared.name
                    )),
                );
            }
        }
    }
}

/// `deprecated:` of a field or resource; `known` tells whether what to `use` exists.
pub fn deprecated(
    item: &Item<'_>,
    known: impl Fn(&str) -> bool,
    what: &str,
    out: &mut Diagnostics,
) -> Option<Deprecated> {
    let declared = item.get("deprecated")?;
    if let Some(flag) = declared.as_bool() {
        return flag.then(Deprecated::default);
    }
    let text = |key: &str| declared.text(key).map(|text| text.as_str().to_owned());
    let (since, sunset) = (text("since"), text("sunset"));
    if let (Some(since), Some(end)) = (&since, &sunset)
        && end < since
        && let Some(entry) = declared.entry("sunset")
    {
        out.push(
            Diagnostic::error(
                codes::DEPRECATED,
                entry.item.span(),
                "it goes away before it was announced",
            )
            .label(format!("before {since}"))
            .help("`since` is the day it was announced, `sunset` the day it goes away"),
        );
    }
    if let Some(replacement) = declared.text("use")
        && !known(replacement.as_str())
    {
        out.push(
            Diagnostic::error(
                codes::DEPRECATED,
                replacement.span(),
                format!("there is no {what} `{}`", replacement.as_str()),
            )
            .label("to be used instead")
            .help(format!(
                "name a {what} that exists; explanations go into `why:`"
            )),
        );
    }
    Some(Deprecated {
        since,
        sunset,
        replacement: text("use"),
        why: text("why"),
    })
}
