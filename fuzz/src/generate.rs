//! Contracts out of bytes: nearly all of them compile, so that what comes after the compiler is
//! fuzzed too.

use std::fmt::Write;

/// Where bytes do not begin a text: no UTF-8 does so.
pub const GENERATED: u8 = 0xff;

const RESOURCES_MAX: usize = 4;
const FIELDS_MAX: usize = 7;
const EDITS_MAX: usize = 4;

/// Words of SQL among them, and names that look alike when they are joined.
const FIELDS: [&str; 12] = [
    "a", "b", "order", "group", "where", "select", "a_b", "a_amount", "index", "text", "n1",
    "b_id_x",
];
const RESOURCES: [&str; 8] = [
    "A", "Order", "Group", "AB", "Table", "User", "Index", "Select",
];

const TYPES: [&str; 26] = [
    "string",
    "text",
    "integer",
    "int53",
    "int64",
    "number",
    "boolean",
    "date",
    "date-time",
    "money",
    "decimal",
    "uuid",
    "json",
    "email",
    "enum: [a, b]",
    "enum: [b, c, a]",
    "type: string, minLength: 1, maxLength: 3",
    "type: integer, minimum: 0, maximum: 9",
    "type: decimal, exclusiveMinimum: 0",
    "type: array, items: string",
    "type: array, items: {type: object, properties: {x: integer, y?: date}}",
    "type: array, items: {enum: [p, q]}, uniqueItems: true, maxItems: 2",
    "type: object, properties: {x: integer, y?: string}",
    "type: object, properties: {x: {type: string, default: d}, z: {type: array, items: money}}",
    "RELATION",
    "RELATION",
];

/// Conditions about `this`, of fields that every resource has, with places for its own.
const CONDITIONS: [&str; 16] = [
    "public",
    "signed_in",
    "nobody",
    "this.owner == user.id",
    "this.owner == user.id || user.role == 'staff'",
    "this.size > 3 && this.size < user.level",
    "this.size != null && this.created_at < now",
    "this.FIELD == this.FIELD",
    "this.FIELD != null",
    "this.RELATION_id != null && this.RELATION.owner == user.id",
    "this.RELATION_id == user.id",
    "this.LIST.exists(x, x.owner == user.id)",
    "this.LIST.all(x, x.size == 1 || x.owner == user.id)",
    "this.LIST.filter(x, x.size > 1).count() < 2",
    "!(this.owner.startsWith('a')) && this.RULE",
    "this.RELATION_id == null || this.RELATION.RULE",
];

const FORMULAS: [(&str, &str); 8] = [
    ("string", "=this.owner + '!'"),
    ("integer", "=this.size"),
    ("boolean", "=this.RULE"),
    ("number", "=this.LIST.avg(x, x.size)"),
    ("int64", "=this.LIST.count()"),
    ("int64", "=this.LIST.sum(x, x.size)"),
    ("date-time", "=this.LIST.max(x, x.created_at)"),
    (
        "string",
        "=this.RELATION_id != null ? this.RELATION.owner : null",
    ),
];

/// Takes choices from bytes; the first one for ever when they have run out.
pub struct Choices<'d>(&'d [u8]);

impl<'d> Choices<'d> {
    pub fn new(data: &'d [u8]) -> Choices<'d> {
        Choices(data)
    }

    fn below(&mut self, end: usize) -> usize {
        match self.0.split_first() {
            Some((first, rest)) => {
                self.0 = rest;
                usize::from(*first) % end.max(1)
            }
            None => 0,
        }
    }

    fn one_in(&mut self, chance: usize) -> bool {
        self.below(chance) == chance - 1
    }

    fn pick<T: Copy>(&mut self, from: &[T]) -> T {
        from[self.below(from.len())]
    }
}

#[derive(Clone)]
pub struct Contract {
    resources: Vec<Resource>,
}

#[derive(Clone)]
struct Resource {
    name: &'static str,
    was: Option<&'static str>,
    removed: Vec<String>,
    id: &'static str,
    fields: Vec<Field>,
    computed: Vec<usize>,
    rule: usize,
    access: [usize; 5],
    unique: Option<(usize, usize)>,
    index: Option<(usize, usize)>,
    search: bool,
    concurrency: bool,
}

#[derive(Clone)]
struct Field {
    name: &'static str,
    was: Option<String>,
    ty: &'static str,
    /// Of a relation.
    target: usize,
    nullable: bool,
    /// One of [`MORE`].
    more: usize,
}

const MORE: [&str; 8] = [
    "",
    ", index: true",
    ", unique: true",
    ", immutable: true",
    ", access: {read: this.owner == user.id}",
    ", access: {write: next.size == 1}",
    ", audience: private",
    ", writeOnly: true",
];

impl Contract {
    pub fn of(choices: &mut Choices<'_>) -> Contract {
        let count = 1 + choices.below(RESOURCES_MAX);
        let first = choices.below(RESOURCES.len());
        let mut resources = vec![];
        for at in 0..count {
            let mut fields: Vec<Field> = vec![];
            for _ in 0..choices.below(FIELDS_MAX) {
                let field = Field {
                    name: choices.pick(&FIELDS),
                    was: None,
                    ty: choices.pick(&TYPES),
                    target: choices.below(count),
                    nullable: choices.one_in(2),
                    more: choices.below(MORE.len() * 2) % (MORE.len() + 4) % MORE.len(),
                };
                if fields.iter().all(|known| known.name != field.name) {
                    fields.push(field);
                }
            }
            let two = |choices: &mut Choices<'_>| {
                choices
                    .one_in(4)
                    .then(|| (choices.below(FIELDS_MAX), choices.below(FIELDS_MAX)))
            };
            resources.push(Resource {
                name: RESOURCES[(first + at) % RESOURCES.len()],
                was: None,
                removed: vec![],
                id: choices.pick(&[
                    "",
                    "",
                    "integer",
                    "string",
                    "uuid",
                    "random",
                    "{prefix: \"P-\", type: integer}",
                ]),
                fields,
                computed: (0..choices.below(3))
                    .map(|_| choices.below(FORMULAS.len()))
                    .collect(),
                rule: choices.below(CONDITIONS.len()),
                access: [(); 5].map(|()| choices.below(CONDITIONS.len())),
                unique: two(choices),
                index: two(choices),
                search: choices.one_in(3),
                concurrency: choices.one_in(6),
            });
        }
        Contract { resources }
    }

    /// The contract after a few changes, of which some are not possible.
    pub fn edited(&self, choices: &mut Choices<'_>) -> Contract {
        let mut after = self.clone();
        for _ in 0..1 + choices.below(EDITS_MAX) {
            let count = after.resources.len();
            let resource = choices.below(count);
            let resource = &mut after.resources[resource];
            let field = choices.below(resource.fields.len());
            let Some(field) = resource.fields.get_mut(field) else {
                resource.search = !resource.search;
                continue;
            };
            match choices.below(9) {
                0 => field.ty = choices.pick(&TYPES),
                1 => field.nullable = !field.nullable,
                2 => field.more = choices.below(MORE.len()),
                3 => {
                    let name = choices.pick(&FIELDS);
                    let old = field.name;
                    if resource.fields.iter().all(|known| known.name != name)
                        && let Some(field) =
                            resource.fields.iter_mut().find(|known| known.name == old)
                    {
                        field.was = Some(old.to_owned());
                        field.name = name;
                    }
                }
                4 => {
                    let gone = field.name;
                    resource.fields.retain(|known| known.name != gone);
                    resource.removed.push(gone.to_owned());
                }
                5 => {
                    let field = Field {
                        name: choices.pick(&FIELDS),
                        was: None,
                        ty: choices.pick(&TYPES),
                        target: choices.below(count),
                        nullable: true,
                        more: choices.below(3),
                    };
                    if resource.fields.iter().all(|known| known.name != field.name) {
                        resource.fields.push(field);
                    }
                }
                6 => {
                    resource.was = Some(resource.name);
                    resource.name = ["Other", "Item"][choices.below(2)];
                }
                7 => resource.unique = Some((choices.below(FIELDS_MAX), choices.below(FIELDS_MAX))),
                _ => field.target = choices.below(count),
            }
        }
        after
    }

    /// As a person would write it.
    pub fn text(&self) -> String {
        let mut out = "frontdesk: 1\nname: x\nresources:\n".to_owned();
        for (at, resource) in self.resources.iter().enumerate() {
            self.resource(at, resource, &mut out)
                .expect("strings can always be written to");
        }
        out
    }

    fn resource(&self, at: usize, resource: &Resource, out: &mut String) -> std::fmt::Result {
        writeln!(out, "  {}:", resource.name)?;
        if !resource.id.is_empty() {
            writeln!(out, "    id: {}", resource.id)?;
        }
        if let Some(was) = resource.was {
            writeln!(out, "    was: {was}")?;
        }
        if !resource.removed.is_empty() {
            writeln!(out, "    removed: [{}]", resource.removed.join(", "))?;
        }
        writeln!(
            out,
            "    fields:\n      owner: {{type: string, index: true}}\n      size: {{type: integer, default: 1}}"
        )?;
        for field in &resource.fields {
            self.field(field, out)?;
        }
        for (number, formula) in resource.computed.iter().enumerate() {
            let (ty, formula) = FORMULAS[*formula];
            let formula = self.filled(at, formula);
            writeln!(
                out,
                "      c{number}?: {{type: {ty}, value: \"{formula}\"}}"
            )?;
        }
        let lists = self.lists(at);
        if !lists.is_empty() {
            writeln!(out, "    lists: {{{}}}", lists.join(", "))?;
        }
        let names: Vec<&str> = resource
            .fields
            .iter()
            .map(|field| field.name)
            .chain(["owner", "size"])
            .collect();
        for (key, pair) in [("unique", resource.unique), ("index", resource.index)] {
            if let Some((a, b)) = pair {
                let (a, b) = (names[a % names.len()], names[b % names.len()]);
                if a != b {
                    writeln!(out, "    {key}: [[{a}, {b}]]")?;
                }
            }
        }
        if resource.search {
            writeln!(out, "    search: [owner]")?;
        }
        if resource.concurrency {
            writeln!(out, "    concurrency: required")?;
        }
        let rule = CONDITIONS[resource.rule];
        // Rules that ask one another would go round in a ring.
        let rule = if rule.contains("RULE") {
            "public"
        } else {
            rule
        };
        writeln!(out, "    rules: {{rule: \"{}\"}}", self.filled(at, rule))?;
        let words = ["list", "get", "create", "update", "delete"];
        let access = words.iter().zip(resource.access);
        let access: Vec<String> = access
            .map(|(word, condition)| {
                format!("{word}: \"{}\"", self.filled(at, CONDITIONS[condition]))
            })
            .collect();
        writeln!(out, "    access: {{{}}}", access.join(", "))
    }

    fn field(&self, field: &Field, out: &mut String) -> std::fmt::Result {
        let target = self.resources[field.target % self.resources.len()].name;
        let relation = field.ty == "RELATION";
        let ty = if relation { target } else { field.ty };
        let ty = if ty.contains(':') {
            ty.to_owned()
        } else {
            format!("type: {ty}")
        };
        let plain = !ty.contains("array")
            && !ty.contains("object")
            && !ty.contains("json")
            && !ty.contains("text");
        let more = match MORE[field.more] {
            more if (more.contains("index") || more.contains("unique"))
                && (!plain || relation && more.contains("index")) =>
            {
                ""
            }
            more => more,
        };
        let was = field
            .was
            .as_ref()
            .map_or_else(String::new, |was| format!(", was: {was}"));
        let mark = if field.nullable { "?" } else { "" };
        writeln!(out, "      {}{mark}: {{{ty}{more}{was}}}", field.name)
    }

    /// Of the resource `at`: one list for each relation to it.
    fn lists(&self, at: usize) -> Vec<String> {
        let mut lists = vec![];
        for other in &self.resources {
            for field in &other.fields {
                if field.ty == "RELATION" && field.target % self.resources.len() == at {
                    lists.push(format!("l{}: {}.{}", lists.len(), other.name, field.name));
                }
            }
        }
        lists
    }

    /// An expression with this resource's own names in it, or `true` where it has none.
    fn filled(&self, at: usize, template: &str) -> String {
        let resource = &self.resources[at];
        let relation = resource
            .fields
            .iter()
            .find(|field| field.ty == "RELATION" && field.nullable);
        let field = resource
            .fields
            .iter()
            .find(|field| field.nullable && field.ty != "RELATION");
        let known = |word: &str, found: bool| found || !template.contains(word);
        if !known("RELATION", relation.is_some())
            || !known("FIELD", field.is_some())
            || !known("LIST", !self.lists(at).is_empty())
        {
            return if template.starts_with('=') {
                "=null".to_owned()
            } else {
                "public".to_owned()
            };
        }
        let relation = relation.map_or("", |field| field.name);
        let field = field.map_or("", |field| field.name);
        template
            .replace("RELATION", relation)
            .replace("FIELD", field)
            .replace("LIST", "l0")
            .replace("RULE", "rule")
    }
}
