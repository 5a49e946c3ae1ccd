//! Every key of the contract language, in the order documents show them.
//!
//! A key that belongs to the language but not to this version of the server is in its table
//! too, marked `later`: it is refused by name instead of being called unknown, and it is left
//! out of the JSON Schema. Adding a key here is half of adding it to the language; the other
//! half is reading it in `read`.

mod auth;

use crate::form::{Choice, Form, Key, Keys, Table};

use auth::{AUTH, CLIENT, JWT, MAIL, PASSWORD, PROVIDER, SERVICE, SESSIONS, THEME, TOKENS, USERS};

/// The version of the language this compiler understands.
pub const LANGUAGE: i64 = 1;

/// What the model keeps lengths and counts in; nobody reaches it.
pub const MANY: i64 = u32::MAX as i64;

const COUNT: Form = Form::Whole { min: 0, max: MANY };

const fn word(word: &'static str) -> Choice {
    Choice { word, later: false }
}

const fn later(word: &'static str) -> Choice {
    Choice { word, later: true }
}

/// All tables, for telling where a misplaced key belongs.
pub static TABLES: [&Table; 25] = [
    &CONTRACT,
    &RESOURCE,
    &FIELD,
    &MEMBER,
    &AUTH,
    &USERS,
    &PASSWORD,
    &TOKENS,
    &SESSIONS,
    &MAIL,
    &THEME,
    &CLIENT,
    &JWT,
    &PROVIDER,
    &SERVICE,
    &LIMIT,
    &ERROR,
    &ID,
    &ACCESS,
    &FIELD_ACCESS,
    &CHECK,
    &LIST_STYLE,
    &DEPRECATED,
    &TEST,
    &TEST_CALLER,
];

pub static CONTRACT: Table = Table {
    what: "the contract",
    keys: &[
        Key::new(
            "frontdesk",
            Form::Version,
            "The version of the contract language: 1.",
            "frontdesk: 1",
        )
        .required(),
        Key::new(
            "name",
            Form::Slug,
            "The API's name in snake_case.",
            "name: bookstore",
        )
        .required(),
        Key::new(
            "title",
            Form::Text,
            "The API's name for people. By default made of `name`.",
            "title: The bookstore",
        ),
        Key::new(
            "description",
            Form::Text,
            "What the API is for. Shown in its documents.",
            "description: Books, their authors and what readers think of them.",
        ),
        Key::new(
            "include",
            Form::List {
                of: &Form::Text,
                min: 1,
            },
            "More files of this contract, as patterns relative to its folder.",
            "include: [resources/*.yaml]",
        ),
        Key::new(
            "base",
            Form::Text,
            "The path in front of everything: `/v1` unless said otherwise, `/` for none.",
            "base: /v1",
        ),
        Key::new(
            "styles",
            Form::List {
                of: &Form::Choice(&[
                    word("rest"),
                    later("graphql"),
                    later("grpc"),
                    later("live"),
                    later("soap"),
                ]),
                min: 1,
            },
            "The API styles to serve.",
            "styles: [rest]",
        ),
        Key::new(
            "auth",
            Form::Table(&AUTH),
            "How callers prove who they are.",
            "auth: {users: User}",
        ),
        Key::new(
            "limits",
            Form::Map {
                keys: Keys::Slug,
                of: &Form::Table(&LIMIT),
                min: 1,
                example: "default: {by: user, allow: 600/minute}",
            },
            "Rate limits by name. `guests` and `default` apply to everyone.",
            "limits: {default: {by: user, allow: 600/minute}}",
        ),
        Key::new(
            "cors",
            Form::List {
                of: &Form::Text,
                min: 0,
            },
            "The web pages (origins) whose scripts may call the API.",
            "cors: [\"https://app.example\"]",
        ),
        Key::new(
            "docs",
            Form::Choice(&[word("public"), word("signed_in"), word("off")]),
            "Who may see the documents: everybody unless said otherwise.",
            "docs: public",
        ),
        Key::new(
            "rules",
            RULES,
            "Named conditions about the caller, for the access rules of every resource.",
            "rules: {staff: user.role == 'staff'}",
        ),
        Key::new(
            "errors",
            Form::Map {
                keys: Keys::Slug,
                of: &Form::Table(&ERROR),
                min: 1,
                example: "seat_taken: {status: 409, title: The seat is taken}",
            },
            "Problems of one's own that the API answers.",
            "errors: {seat_taken: {status: 409, title: The seat is taken}}",
        ),
        Key::new(
            "types",
            Form::Map {
                keys: Keys::TypeName,
                of: &MEMBERS,
                min: 1,
                example: "Address: {street: string, city: string}",
            },
            "Named objects that fields can hold.",
            "types: {Address: {street: string, city: string}}",
        ),
        Key::new(
            "resources",
            Form::Map {
                keys: Keys::TypeName,
                of: &Form::Table(&RESOURCE),
                min: 1,
                example: "Note: {fields: {text: string}, access: {read: public}}",
            },
            "The kinds of records the API serves.",
            "resources: {Note: {fields: {text: string}, access: {read: public}}}",
        )
        .required(),
        Key::later("operations"),
        Key::later("services"),
        Key::later("routes"),
        Key::later("versions"),
        Key::later("accept"),
        Key::later("schedules"),
        Key::later("on"),
        Key::later("webhooks"),
    ],
    habits: &[
        (
            "version",
            "the language version is `frontdesk: 1`; the API's own version is in `base: /v1`",
        ),
        (
            "info",
            "write `name:`, `title:` and `description:` at the top",
        ),
        (
            "servers",
            "the path in front of everything is `base: /v1`; where the server listens is said when it is started",
        ),
        (
            "host",
            "the path in front of everything is `base: /v1`; where the server listens is said when it is started",
        ),
        ("tags", "delete it: the documents are grouped by resource"),
        (
            "env",
            "delete it: what differs from place to place is said when the server is started",
        ),
        (
            "database",
            "delete it: where data is kept is said when the server is started",
        ),
        (
            "datasource",
            "delete it: where data is kept is said when the server is started",
        ),
        (
            "definitions",
            "write `resources:` or, for plain objects, `types:`",
        ),
        (
            "enums",
            "an enum is written at its field: `state: {enum: [open, closed]}`",
        ),
        (
            "roles",
            "a role is a claim of the caller; rules ask for it: `rules: {staff: user.role == 'staff'}`",
        ),
        ("tests", "write `tests:` in the resource they are about"),
        ("access", "write `access:` in each resource"),
        (
            "fields",
            "write `fields:` in a resource, `resources: {Book: {fields: {title: string}}}`",
        ),
        (
            "swagger",
            "this is a frontdesk contract, not an OpenAPI document; start with `frontdesk: 1`",
        ),
        (
            "openapi",
            "this is a frontdesk contract, not an OpenAPI document; start with `frontdesk: 1`",
        ),
        ("models", "write `resources:`"),
        ("entities", "write `resources:`"),
        ("tables", "write `resources:`"),
        (
            "schemas",
            "write `resources:` or, for plain objects, `types:`",
        ),
        (
            "components",
            "write `resources:` or, for plain objects, `types:`",
        ),
        (
            "paths",
            "paths follow from `resources:`; one resource's can be changed with `path:`",
        ),
        (
            "policies",
            "conditions are `rules:`; `access:` in a resource says which of them opens what",
        ),
        ("permissions", "write `access:` in each resource"),
        ("graphql", STYLES_LATER),
        ("grpc", STYLES_LATER),
        ("soap", STYLES_LATER),
        ("websocket", STYLES_LATER),
        ("websockets", STYLES_LATER),
        ("live", STYLES_LATER),
        (
            "rest",
            "delete it: REST is what every contract gives; `styles: [rest]` says so",
        ),
        ("imports", "write `include:`"),
        ("rate_limits", "write `limits:`"),
        ("security", "write `auth:`, and `access:` in each resource"),
    ],
};

const STYLES_LATER: &str = "delete it: which styles an API speaks is said by `styles: [rest]`, and `rest` is the only one yet";

pub static LIMIT: Table = Table {
    what: "a limit",
    keys: &[
        Key::new(
            "by",
            Form::Choice(&[word("ip"), word("user"), word("key"), word("everyone")]),
            "Who shares one count.",
            "by: user",
        )
        .required(),
        Key::new(
            "allow",
            Form::Word("a number of requests per time"),
            "How many requests in which time.",
            "allow: 60/minute",
        )
        .required(),
        Key::new(
            "burst",
            Form::Whole { min: 1, max: MANY },
            "How many requests may come at once.",
            "burst: 10",
        ),
    ],
    habits: &[
        (
            "per",
            "the time is part of `allow: 60/minute`; whom it counts is `by:`",
        ),
        ("rate", "write `allow: 60/minute`"),
        ("limit", "write `allow: 60/minute`"),
        ("requests", "write `allow: 60/minute`"),
        ("max", "write `allow: 60/minute`"),
        ("count", "write `allow: 60/minute`"),
        ("period", "the time is part of `allow: 60/minute`"),
        ("interval", "the time is part of `allow: 60/minute`"),
        ("window", "the time is part of `allow: 60/minute`"),
    ],
};

pub static ERROR: Table = Table {
    what: "an error",
    keys: &[
        Key::new(
            "status",
            Form::Whole { min: 400, max: 599 },
            "The HTTP status it is answered with.",
            "status: 409",
        )
        .required(),
        Key::new(
            "title",
            Form::Text,
            "What happened, in a few words.",
            "title: The seat is taken",
        )
        .required(),
        Key::later("fields"),
    ],
    habits: &[
        ("message", "write `title:`"),
        (
            "code",
            "the error's name is its code; the number is `status:`",
        ),
    ],
};

pub static RESOURCE: Table = Table {
    what: "a resource",
    keys: &[
        Key::new(
            "description",
            Form::Text,
            "What a record is. Shown in the documents.",
            "description: A book we sell.",
        ),
        AUDIENCE,
        Key::new(
            "id",
            Form::Either(&[ID_KIND, Form::Table(&ID)]),
            "How ids are made: prefixed and sortable unless said otherwise.",
            "id: {prefix: \"BKG-\", type: integer}",
        ),
        Key::new(
            "path",
            Form::Text,
            "The collection's path: the plural of the name unless said otherwise.",
            "path: books",
        ),
        Key::new(
            "fields",
            Form::Map {
                keys: Keys::FieldName,
                of: &Form::Either(&[TYPE_WORD, Form::Table(&FIELD)]),
                min: 1,
                example: "title: string",
            },
            "What a record consists of. `name?` may be left out.",
            "fields: {title: string}",
        )
        .required(),
        Key::new(
            "lists",
            Form::Map {
                keys: Keys::Slug,
                of: &Form::Word("a resource and its relation, like `Book.author`"),
                min: 1,
                example: "books: Book.author",
            },
            "The other side of relations: the records that point here.",
            "lists: {books: Book.author}",
        ),
        Key::new(
            "unique",
            FIELD_LISTS,
            "Fields that together may occur only once.",
            "unique: [[book, reviewer]]",
        ),
        Key::new(
            "index",
            FIELD_LISTS,
            "Fields that are often filtered or sorted by together.",
            "index: [[author, published]]",
        ),
        Key::new(
            "key",
            Form::Either(&[
                Form::Slug,
                Form::List {
                    of: &Form::Text,
                    min: 1,
                },
            ]),
            "The fields whose values stand in the record's path instead of its id.",
            "key: [owner, name]",
        ),
        Key::new(
            "within",
            Form::Word("the resource, or the relation to it, in whose path the records stand"),
            "The resource in whose path the records stand.",
            "within: Repo",
        ),
        Key::new(
            "search",
            Form::List {
                of: &Form::Text,
                min: 1,
            },
            "The text fields that `?q=` looks through.",
            "search: [title]",
        ),
        Key::new(
            "rules",
            RULES,
            "Named conditions about a record and the caller.",
            "rules: {mine: this.owner_id == user.id}",
        ),
        Key::new(
            "access",
            Form::Table(&ACCESS),
            "Which rule opens which action. What is not opened is closed.",
            "access: {read: public, write: signed_in}",
        ),
        Key::new(
            "scope",
            Form::Text,
            "The first half of the scopes a credential needs: the path unless said otherwise.",
            "scope: catalogue",
        ),
        Key::new(
            "check",
            Form::List {
                of: &Form::Table(&CHECK),
                min: 1,
            },
            "Conditions that every written record must fulfil.",
            "check: [{rule: this.ends_at > this.starts_at, message: must end after it starts}]",
        ),
        Key::new(
            "concurrency",
            Form::Choice(&[word("optional"), word("required")]),
            "Whether a change must name the state it was made from (If-Match).",
            "concurrency: required",
        ),
        Key::new(
            "idempotency",
            Form::Choice(&[word("optional"), word("required")]),
            "Whether POST and PATCH must carry a key that makes sending them again safe \
             (Idempotency-Key).",
            "idempotency: required",
        ),
        Key::new(
            "list",
            Form::Table(&LIST_STYLE),
            "How lists are answered.",
            "list: {shape: array, limit: per_page}",
        ),
        Key::new(
            "cache",
            Form::Word("a length of time like `60s`"),
            "For how long anybody may use an answer again that is the same for everybody.",
            "cache: 60s",
        ),
        Key::new(
            "soft_delete",
            Form::Word("a length of time like `30d`"),
            "How long a deleted record can be restored before it is gone for good.",
            "soft_delete: 30d",
        ),
        Key::new(
            "limit",
            Form::Text,
            "The limit, from `limits`, that requests for this resource count against.",
            "limit: search",
        ),
        DEPRECATION,
        Key::new(
            "was",
            Form::TypeName,
            "The resource's name before, so that its data is kept.",
            "was: Novel",
        ),
        Key::new(
            "removed",
            Form::List {
                of: &Form::Text,
                min: 1,
            },
            "Fields that are gone on purpose, whose data may go too.",
            "removed: [blurb]",
        ),
        Key::new(
            "tests",
            Form::List {
                of: &Form::Table(&TEST),
                min: 1,
            },
            "Who must be allowed what, checked by `frontdesk test`.",
            "tests: [{as: guest, action: create, expect: refused}]",
        ),
        Key::later("operations"),
        Key::later("live"),
        Key::later("expire"),
    ],
    habits: &[
        ("properties", "write `fields:`"),
        ("columns", "write `fields:`"),
        ("attributes", "write `fields:`"),
        ("plural", "write `path:` with the plural"),
        ("permissions", "write `access:`"),
        ("policies", "write `rules:` and `access:`"),
        (
            "relations",
            "a relation is a field whose type is a resource: `author: Author`",
        ),
        (
            "validations",
            "put words like `maxLength` into the fields; what concerns several fields is `check:`",
        ),
        ("schema", "write `fields:`"),
        ("model", "write `fields:`"),
        (
            "type",
            "delete it: a resource is always an object; what it consists of stands under `fields:`",
        ),
        (
            "additionalProperties",
            "delete it: a record has exactly its fields; use a `json` field for open ones",
        ),
        (
            "enum",
            "a resource has fields; words to choose from are a field's: `state: {enum: [open, closed]}`",
        ),
        ("title", "write `description:`"),
        ("summary", "write `description:`"),
        ("comment", "write `description:`"),
        (
            "table",
            "delete it: the table is named after the resource; a name it had before is `was:`",
        ),
        (
            "table_name",
            "delete it: the table is named after the resource; a name it had before is `was:`",
        ),
        (
            "tableName",
            "delete it: the table is named after the resource; a name it had before is `was:`",
        ),
        (
            "extends",
            "there is no inheritance: write the fields out; what is shared can be a rule or a type",
        ),
        (
            "inherits",
            "there is no inheritance: write the fields out; what is shared can be a rule or a type",
        ),
        (
            "abstract",
            "there is no inheritance: write the fields out; what is shared can be a rule or a type",
        ),
        (
            "mixins",
            "there is no inheritance: write the fields out; what is shared can be a rule or a type",
        ),
        ("primary_key", "write `id:`"),
        ("primaryKey", "write `id:`"),
        ("indexes", "write `index:`"),
        ("indices", "write `index:`"),
        ("unique_together", "write `unique:`"),
        ("validates", "write `check:`"),
        ("constraints", "write `check:`"),
        ("checks", "write `check:`"),
        (
            "has_many",
            "write `lists: {books: Book.author}`: the records whose relation points here",
        ),
        (
            "hasMany",
            "write `lists: {books: Book.author}`: the records whose relation points here",
        ),
        (
            "array_relationships",
            "write `lists: {books: Book.author}`: the records whose relation points here",
        ),
        (
            "object_relationships",
            "a relation is a field whose type is a resource: `author: Author`",
        ),
        (
            "relationships",
            "a relation is a field whose type is a resource: `author: Author`",
        ),
        (
            "belongs_to",
            "a relation is a field whose type is a resource: `author: Author`",
        ),
        (
            "belongsTo",
            "a relation is a field whose type is a resource: `author: Author`",
        ),
        (
            "select_permissions",
            "write `access: {read: …}`; a rule such as `this.owner_id == user.id` is the filter",
        ),
        ("insert_permissions", "write `access: {create: …}`"),
        ("update_permissions", "write `access: {update: …}`"),
        ("delete_permissions", "write `access: {delete: …}`"),
        (
            "default_scope",
            "write `access: {read: …}`: its rule is the filter of every list",
        ),
        (
            "ordering",
            "lists are sorted by the caller: `?sort=-created_at`; give fields `index: true`",
        ),
        (
            "order",
            "lists are sorted by the caller: `?sort=-created_at`; give fields `index: true`",
        ),
        (
            "pagination",
            "lists are always paged; how they look is `list: {shape: array, limit: per_page}`",
        ),
        (
            "filters",
            "lists are filtered by `?field=value`: give fields `index: true`",
        ),
        (
            "methods",
            "write `access:`: an action that no rule opens is not offered",
        ),
        (
            "actions",
            "write `access:`: an action that no rule opens is not offered",
        ),
        ("endpoint", "write `path:`"),
        ("route", "write `path:`"),
        ("url", "write `path:`"),
        (
            "auth",
            "`auth:` stands at the top; who may do what is `access:`",
        ),
        ("softDelete", "write `soft_delete: 30d`"),
        ("paranoid", "write `soft_delete: 30d`"),
        ("rate_limit", "write `limit:`"),
        ("ttl", "write `cache:`"),
        (
            "timestamps",
            "`created_at` and `updated_at` are on every record anyway",
        ),
        (
            "required",
            "every field is required unless its name ends in `?`",
        ),
    ],
};

pub static ID: Table = Table {
    what: "`id`",
    keys: &[
        Key::new(
            "prefix",
            Form::Text,
            "What every id begins with.",
            "prefix: \"BKG-\"",
        ),
        Key::new("type", ID_KIND, "How ids are made.", "type: integer"),
    ],
    habits: &[],
};

pub static ACCESS: Table = Table {
    what: "`access`",
    keys: &[
        Key::new(
            "read",
            Form::Condition,
            "Opens list and get.",
            "read: public",
        ),
        Key::new(
            "write",
            Form::Condition,
            "Opens create, update, replace and delete.",
            "write: signed_in",
        ),
        Key::new("list", Form::Condition, "Opens lists.", "list: public"),
        Key::new("get", Form::Condition, "Opens one record.", "get: public"),
        Key::new(
            "create",
            Form::Condition,
            "Opens adding; `this` is the record as it would become.",
            "create: signed_in",
        ),
        Key::new(
            "update",
            Form::Condition,
            "Opens changing (PATCH) and replacing; must hold before and after.",
            "update: this.owner_id == user.id",
        ),
        Key::new(
            "replace",
            Form::Condition,
            "Opens replacing (PUT); must hold before and after.",
            "replace: nobody",
        ),
        Key::new(
            "delete",
            Form::Condition,
            "Opens deleting.",
            "delete: this.owner_id == user.id",
        ),
    ],
    habits: &[
        ("patch", "write `update:`"),
        ("put", "write `replace:`"),
        ("post", "write `create:`"),
        ("view", "write `get:`, or `read:` for lists too"),
        ("edit", "write `update:`"),
        ("index", "write `list:`"),
        ("show", "write `get:`"),
        ("retrieve", "write `get:`"),
        ("select", "write `read:`"),
        ("add", "write `create:`"),
        ("new", "write `create:`"),
        ("change", "write `update:`"),
        ("partial_update", "write `update:`"),
        (
            "restore",
            "delete it: who may delete may restore; `soft_delete: 30d` in the resource makes it possible",
        ),
        (
            "search",
            "delete it: who may list may search; the fields are `search:` in the resource",
        ),
        ("insert", "write `create:`"),
        ("remove", "write `delete:`"),
        ("destroy", "write `delete:`"),
        ("all", "write `read:` and `write:`"),
    ],
};

pub static LIST_STYLE: Table = Table {
    what: "a list",
    keys: &[
        Key::new(
            "shape",
            Form::Choice(&[word("page"), word("array")]),
            "A page with `items` and `next_cursor`, or a bare array with `Link` only.",
            "shape: array",
        ),
        Key::new(
            "limit",
            Form::Slug,
            "What the parameter for the size of a page is called.",
            "limit: per_page",
        ),
    ],
    habits: &[
        ("size", "write `limit:` with the name of the parameter"),
        (
            "page_size",
            "callers say how many they want: `?limit=20`; `limit:` here is the name of that parameter",
        ),
        (
            "per_page",
            "write `limit: per_page`, if the parameter is to be called so",
        ),
        ("format", "write `shape:`"),
        (
            "filter",
            "relations and fields with `index: true` or `unique: true` can be filtered by: `?author_id=…`, `?author.name=…`",
        ),
        (
            "filters",
            "relations and fields with `index: true` or `unique: true` can be filtered by: `?author_id=…`, `?author.name=…`",
        ),
        (
            "sort",
            "callers sort by relations and fields with `index: true`: `?sort=-author_id`",
        ),
        (
            "order",
            "callers sort by relations and fields with `index: true`: `?sort=-author_id`",
        ),
        (
            "fields",
            "callers choose: `?fields=id,title,author_id`; who may see a field is its `access: {read: …}`",
        ),
        ("include", "callers choose: `?include=author`"),
        (
            "max",
            "at most 200 records are on a page; callers say how many: `?limit=20`",
        ),
        ("search", "write `search:` beside `list:`"),
    ],
};

pub static CHECK: Table = Table {
    what: "a check",
    keys: &[
        Key::new(
            "rule",
            Form::Condition,
            "What must hold for the record as it would become.",
            "rule: this.ends_at > this.starts_at",
        )
        .required(),
        Key::new(
            "message",
            Form::Text,
            "What the client is told.",
            "message: must end after it starts",
        )
        .required(),
        Key::new(
            "at",
            Form::Text,
            "The field the message points at.",
            "at: ends_at",
        ),
    ],
    habits: &[
        ("field", "write `at:`"),
        ("condition", "write `rule:`"),
        ("if", "write `rule:` with what must hold"),
        ("when", "write `rule:` with what must hold"),
        ("that", "write `rule:`"),
        ("assert", "write `rule:`"),
        ("expr", "write `rule:`"),
        ("expression", "write `rule:`"),
        ("name", "write `message:`"),
        ("error", "write `message:`"),
    ],
};

pub static DEPRECATED: Table = Table {
    what: "`deprecated`",
    keys: &[
        Key::new(
            "since",
            Form::Day,
            "The day it was announced.",
            "since: 2026-11-01",
        ),
        Key::new(
            "sunset",
            Form::Day,
            "The day it goes away.",
            "sunset: 2027-11-01",
        ),
        Key::new("use", Form::Text, "What to use instead.", "use: price"),
        Key::new(
            "why",
            Form::Text,
            "The reason, for people.",
            "why: prices have currencies now",
        ),
    ],
    habits: &[("replacement", "write `use:`"), ("reason", "write `why:`")],
};

pub static TEST: Table = Table {
    what: "a test",
    keys: &[
        Key::new(
            "name",
            Form::Text,
            "What the test shows.",
            "name: a guest cannot write",
        ),
        Key::new(
            "as",
            Form::Either(&[Form::Choice(&[word("guest")]), Form::Table(&TEST_CALLER)]),
            "Who asks: a guest unless said otherwise.",
            "as: {user: {role: staff}}",
        ),
        Key::new(
            "action",
            Form::Choice(&[
                word("list"),
                word("get"),
                word("create"),
                word("update"),
                word("replace"),
                word("delete"),
                word("restore"),
            ]),
            "What is asked for.",
            "action: update",
        )
        .required(),
        Key::new(
            "record",
            VALUES,
            "The record as stored. Fields left out take their defaults.",
            "record: {title: Dune}",
        ),
        Key::new(
            "input",
            VALUES,
            "What the request writes.",
            "input: {title: Dune Messiah}",
        ),
        Key::new(
            "expect",
            Form::Text,
            "`allowed`, `hidden`, `refused` or `refused by RULE`.",
            "expect: refused by staff",
        )
        .required(),
    ],
    habits: &[
        ("user", "write `as: {user: {…}}`"),
        ("then", "write `expect:`"),
        ("status", "write `expect:`"),
        ("result", "write `expect:`"),
        ("body", "write `input:`"),
        ("data", "write `input:`"),
        ("given", "write `record:`"),
        ("row", "write `record:`"),
        ("method", "write `action:`"),
        ("do", "write `action:`"),
        (
            "when",
            "write `action: delete` beside `expect:`, and what is written as `input: {…}`",
        ),
        ("description", "write `name:`"),
    ],
};

pub static TEST_CALLER: Table = Table {
    what: "`as`",
    keys: &[Key::new(
        "user",
        VALUES,
        "The caller's id and claims.",
        "user: {role: staff}",
    )
    .required()],
    habits: &[
        ("role", "write `as: {user: {role: …}}`"),
        ("id", "write `as: {user: {id: …}}`"),
    ],
};

pub static FIELD: Table = Table {
    what: "a field",
    keys: &[
        TYPE,
        ENUM,
        FORMAT,
        MIN_LENGTH,
        MAX_LENGTH,
        PATTERN,
        MINIMUM,
        MAXIMUM,
        EXCLUSIVE_MINIMUM,
        EXCLUSIVE_MAXIMUM,
        MULTIPLE_OF,
        items(),
        MIN_ITEMS,
        MAX_ITEMS,
        UNIQUE_ITEMS,
        properties(),
        DEFAULT,
        DESCRIPTION,
        EXAMPLES,
        Key::new(
            "readOnly",
            Form::Bool,
            "Clients may not write it.",
            "readOnly: true",
        ),
        Key::new(
            "writeOnly",
            Form::Bool,
            "Clients may write it but never read it.",
            "writeOnly: true",
        ),
        Key::new(
            "immutable",
            Form::Bool,
            "May be given on create, not changed later.",
            "immutable: true",
        ),
        Key::new(
            "unique",
            Form::Bool,
            "No two records may hold the same value.",
            "unique: true",
        ),
        Key::new(
            "index",
            Form::Bool,
            "May be filtered and sorted by.",
            "index: true",
        ),
        Key::new(
            "set",
            Form::Any,
            "What the server fills in on create, instead of the client.",
            "set: =user.id",
        ),
        Key::new(
            "value",
            Form::Formula,
            "Computed when read, never stored.",
            "value: '=this.reviews.avg(r, r.stars)'",
        ),
        Key::new(
            "access",
            Form::Table(&FIELD_ACCESS),
            "Who may see and write the field, on top of the resource's rules.",
            "access: {read: self || staff}",
        ),
        AUDIENCE,
        DEPRECATION,
        Key::new(
            "was",
            Form::Slug,
            "The field's name before, so that its data is kept.",
            "was: name",
        ),
        Key::new(
            "sequence",
            Form::Word("the resource, or the relation, for whose records it is counted"),
            "The server counts it, 1, 2, 3 …, for each record of another resource.",
            "sequence: Repo",
        ),
    ],
    habits: FIELD_HABITS,
};

/// A field of an object inside a field.
pub static MEMBER: Table = Table {
    what: "a field of an object",
    keys: &[
        TYPE,
        ENUM,
        FORMAT,
        MIN_LENGTH,
        MAX_LENGTH,
        PATTERN,
        MINIMUM,
        MAXIMUM,
        EXCLUSIVE_MINIMUM,
        EXCLUSIVE_MAXIMUM,
        MULTIPLE_OF,
        items(),
        MIN_ITEMS,
        MAX_ITEMS,
        UNIQUE_ITEMS,
        properties(),
        DEFAULT,
        DESCRIPTION,
    ],
    habits: FIELD_HABITS,
};

pub static FIELD_ACCESS: Table = Table {
    what: "a field's `access`",
    keys: &[
        Key::new("read", Form::Condition, "Who may see it.", "read: staff"),
        Key::new(
            "write",
            Form::Condition,
            "Who may write it.",
            "write: staff",
        ),
    ],
    habits: &[
        ("update", "write `write:`"),
        ("create", "write `write:`"),
        ("edit", "write `write:`"),
        ("list", "write `read:`"),
        ("get", "write `read:`"),
        ("view", "write `read:`"),
        (
            "delete",
            "delete it: who may write a field may clear it, if its name ends in `?`",
        ),
    ],
};

const FIELD_HABITS: &[(&str, &str)] = &[
    (
        "required",
        "a field is required unless its name ends in `?`, as in `title?`",
    ),
    (
        "optional",
        "put a `?` behind the field's name, as in `title?`",
    ),
    (
        "nullable",
        "put a `?` behind the field's name, as in `title?`",
    ),
    ("null", "put a `?` behind the field's name, as in `title?`"),
    (
        "hidden",
        "what nobody may read is `writeOnly: true`; what some may read has `access: {read: staff}`",
    ),
    (
        "private",
        "what nobody may read is `writeOnly: true`; what some may read has `access: {read: staff}`",
    ),
    ("target", "write the name of the resource as `type:`"),
    ("resource", "write the name of the resource as `type:`"),
    ("model", "write the name of the resource as `type:`"),
    (
        "related_name",
        "the records that point here are `lists: {books: Book.author}` in the other resource",
    ),
    (
        "back_populates",
        "the records that point here are `lists: {books: Book.author}` in the other resource",
    ),
    (
        "precision",
        "write `type: decimal`, which has 6 digits after the point; fewer are `multipleOf: 0.01`",
    ),
    (
        "scale",
        "write `type: decimal`, which has 6 digits after the point; fewer are `multipleOf: 0.01`",
    ),
    (
        "primaryKey",
        "every resource has an `id`; `id:` in the resource says how it is made",
    ),
    (
        "primary_key",
        "every resource has an `id`; `id:` in the resource says how it is made",
    ),
    ("blank", "put a `?` behind the field's name, as in `title?`"),
    (
        "allow_null",
        "put a `?` behind the field's name, as in `title?`",
    ),
    (
        "not_null",
        "a field is required unless its name ends in `?`, as in `title?`",
    ),
    (
        "notNull",
        "a field is required unless its name ends in `?`, as in `title?`",
    ),
    ("title", "write `description:`"),
    ("label", "write `description:`"),
    ("help_text", "write `description:`"),
    ("verbose_name", "write `description:`"),
    ("choices", "write `enum: [one, two]`"),
    ("options", "write `enum: [one, two]`"),
    (
        "on_delete",
        "delete it: what others point at cannot be deleted; a relation with a `?` can be cleared before",
    ),
    (
        "onDelete",
        "delete it: what others point at cannot be deleted; a relation with a `?` can be cleared before",
    ),
    (
        "foreign_key",
        "delete it: a field whose type is a resource is the relation, `author: Author`",
    ),
    ("to", "write the name of the resource as `type:`"),
    (
        "many",
        "the records that point here are `lists: {books: Book.author}` beside `fields:`",
    ),
    (
        "auto_now_add",
        "delete the field: every record has `created_at`",
    ),
    (
        "auto_now",
        "delete the field: every record has `updated_at`",
    ),
    ("db_index", "write `index: true`"),
    (
        "db_column",
        "delete it: the column is named after the field; a name it had before is `was:`",
    ),
    (
        "column",
        "delete it: the column is named after the field; a name it had before is `was:`",
    ),
    (
        "autoIncrement",
        "ids are made by `id: integer` beside `fields:`; `sequence:` counts within another resource",
    ),
    (
        "autoincrement",
        "ids are made by `id: integer` beside `fields:`; `sequence:` counts within another resource",
    ),
    (
        "validate",
        "put words like `maxLength` into the field; what concerns several fields is `check:` beside `fields:`",
    ),
    ("generated", "write `value: '=…'`"),
    ("length", "write `minLength:` and `maxLength:`"),
    (
        "min",
        "write `minimum:` for numbers, `minLength:` for text, `minItems:` for lists",
    ),
    (
        "max",
        "write `maximum:` for numbers, `maxLength:` for text, `maxItems:` for lists",
    ),
    ("values", "write `enum: [one, two]`"),
    (
        "oneOf",
        "one field has one type; use `json` if it truly varies",
    ),
    (
        "anyOf",
        "one field has one type; use `json` if it truly varies",
    ),
    (
        "allOf",
        "list all members under `properties:`, or name the object in `types:`",
    ),
    ("$ref", "write the name of the type or resource as `type:`"),
    ("ref", "write the name of the resource as `type:`"),
    ("references", "write the name of the resource as `type:`"),
    ("const", "write `enum:` with one word"),
    (
        "additionalProperties",
        "an object has exactly its `properties`; use `json` for open ones",
    ),
    ("computed", "write `value: '=…'`"),
    ("regex", "write `pattern:`"),
    ("doc", "write `description:`"),
    ("comment", "write `description:`"),
    ("example", "write `examples: [ … ]`"),
    ("indexed", "write `index: true`"),
    (
        "primary",
        "every resource has an `id`; `id:` in the resource says how it is made",
    ),
];

const AUDIENCE: Key = Key::new(
    "audience",
    Form::Choice(&[word("public"), word("partner"), word("private")]),
    "Whom it is served and documented to: everybody unless said otherwise.",
    "audience: partner",
);

const DEPRECATED_FORMS: &[Form] = &[Form::Bool, Form::Table(&DEPRECATED)];

const DEPRECATION: Key = Key::new(
    "deprecated",
    Form::Either(DEPRECATED_FORMS),
    "Not to be used any more.",
    "deprecated: {since: 2026-11-01, use: price}",
);

const ID_KIND: Form = Form::Choice(&[
    word("uuid"),
    word("integer"),
    word("string"),
    word("random"),
]);

const RULES: Form = Form::Map {
    keys: Keys::Slug,
    of: &Form::Condition,
    min: 1,
    example: "staff: user.role == 'staff'",
};

const VALUES: Form = Form::Map {
    keys: Keys::Free,
    of: &Form::Any,
    min: 0,
    example: "role: staff",
};

const FIELD_LISTS: Form = Form::List {
    of: &Form::List {
        of: &Form::Text,
        min: 1,
    },
    min: 1,
};

static MEMBER_FORMS: [Form; 2] = [TYPE_WORD, Form::Table(&MEMBER)];

static MEMBER_FORM: Form = Form::Either(&MEMBER_FORMS);

pub static MEMBERS: Form = Form::Map {
    keys: Keys::FieldName,
    of: &MEMBER_FORM,
    min: 1,
    example: "street: string",
};

const TYPE_WORD: Form = Form::Word("a type like `string`");

const TYPE: Key = Key::new(
    "type",
    TYPE_WORD,
    "string, text, integer, number, boolean, date, date-time, money, decimal, uuid, json, email, uri, int53, int64, array, object, a resource or a named type.",
    "type: string",
);
const ENUM: Key = Key::new(
    "enum",
    Form::List {
        of: &Form::Word("a word"),
        min: 1,
    },
    "The words it may be, in snake_case.",
    "enum: [draft, published]",
);
const FORMAT: Key = Key::new(
    "format",
    Form::Choice(&[
        word("email"),
        word("uri"),
        word("duration"),
        word("uuid"),
        word("date"),
        word("date-time"),
        word("int53"),
        word("int64"),
    ]),
    "A closer form of text or integer.",
    "format: email",
);
const MIN_LENGTH: Key = Key::new("minLength", COUNT, "Fewest characters.", "minLength: 1");
const MAX_LENGTH: Key = Key::new("maxLength", COUNT, "Most characters.", "maxLength: 200");
const PATTERN: Key = Key::new(
    "pattern",
    Form::Text,
    "A regular expression the text must match.",
    "pattern: '^[A-Z]{3}$'",
);
const MINIMUM: Key = Key::new("minimum", Form::Number, "Smallest value.", "minimum: 0");
const MAXIMUM: Key = Key::new("maximum", Form::Number, "Largest value.", "maximum: 100");
const EXCLUSIVE_MINIMUM: Key = Key::new(
    "exclusiveMinimum",
    Form::Number,
    "Must be larger than this.",
    "exclusiveMinimum: 0",
);
const EXCLUSIVE_MAXIMUM: Key = Key::new(
    "exclusiveMaximum",
    Form::Number,
    "Must be smaller than this.",
    "exclusiveMaximum: 100",
);
const MULTIPLE_OF: Key = Key::new(
    "multipleOf",
    Form::Number,
    "Must be a multiple of this.",
    "multipleOf: 5",
);
const fn items() -> Key {
    Key::new(
        "items",
        Form::Either(&MEMBER_FORMS),
        "What a list holds.",
        "items: string",
    )
}
const MIN_ITEMS: Key = Key::new("minItems", COUNT, "Fewest entries.", "minItems: 1");
const MAX_ITEMS: Key = Key::new("maxItems", COUNT, "Most entries.", "maxItems: 8");
const UNIQUE_ITEMS: Key = Key::new(
    "uniqueItems",
    Form::Bool,
    "No entry may occur twice.",
    "uniqueItems: true",
);
const fn properties() -> Key {
    Key::new(
        "properties",
        Form::Map {
            keys: Keys::FieldName,
            of: &MEMBER_FORM,
            min: 1,
            example: "street: string",
        },
        "The members of an object.",
        "properties: {street: string, city: string}",
    )
}
const DEFAULT: Key = Key::new(
    "default",
    Form::Any,
    "The value when it is left out on create.",
    "default: 0",
);
const DESCRIPTION: Key = Key::new(
    "description",
    Form::Text,
    "What it means. Shown in the documents.",
    "description: The price without tax.",
);
const EXAMPLES: Key = Key::new(
    "examples",
    Form::List {
        of: &Form::Any,
        min: 1,
    },
    "Values for the documents; each must be a valid one. The last is for records to be created.",
    "examples: [Dune]",
);
