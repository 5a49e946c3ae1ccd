//! Every code a diagnostic about a contract can have, and a paragraph on each.
//!
//! A code keeps its meaning for ever; one that is no longer given out is not given out again.
//! E0001–E0099 the structure of the file · E0100–E0199 YAML · E0200–E0299 names, types and
//! fields · E0300–E0399 expressions · E0400–E0499 access, checks, limits, tests · W… warnings.

/// A code and what there is to say about it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Explanation {
    pub code: &'static str,
    /// A few words, for lists.
    pub title: &'static str,
    pub text: &'static str,
}

/// What there is to say about a code, in any case: `e0040`.
pub fn explain(code: &str) -> Option<Explanation> {
    all().find(|known| known.code.eq_ignore_ascii_case(code.trim()))
}

/// Every code, in order.
pub fn all() -> impl Iterator<Item = Explanation> {
    let mut all: Vec<Explanation> = OWN
        .iter()
        .chain(crate::codes_elsewhere::YAML)
        .chain(crate::codes_elsewhere::EXPRESSIONS)
        .copied()
        .collect();
    all.sort_by_key(|known| (!known.code.starts_with('E'), known.code));
    all.into_iter()
}

macro_rules! codes {
    ($($(#[$doc:meta])* $name:ident $code:literal $title:literal $text:literal)*) => {
        $(#[doc = $title] pub const $name: &str = $code;)*
        static OWN: &[Explanation] = &[$(Explanation { code: $code, title: $title, text: $text }),*];
    };
}

codes! {
    NOT_YET "E0002" "not supported yet"
    "The word belongs to the contract language, but this version of frontdesk cannot do it yet. It is refused rather than ignored, so that a contract never promises what the server does not keep. Delete it until a later version supports it."

    UNKNOWN_KEY "E0040" "unknown key"
    "The key means nothing where it stands. Unknown keys are errors because a misspelt one would otherwise be ignored without anybody noticing, and an ignored `access` or `unique` does harm. The help names the key that was probably meant, or where the key belongs."

    MISSING_KEY "E0041" "missing key"
    "Something cannot be without this key: a contract needs `frontdesk`, `name` and `resources`, a resource needs `fields`, a limit needs `by` and `allow`."

    WRONG_KIND "E0042" "wrong kind of value"
    "The key is known, but its value has another form than it needs, for example text where a list is needed. A list is written `[a, b]` or with one `- a` per line, a map `{key: value}` or with one `key: value` per line, indented. Numbers, `true` and `false` that are meant as text need quotes."

    UNKNOWN_WORD "E0043" "unknown word"
    "The value must be one of a few words, and is another."

    NO_VALUE "E0044" "nothing behind the key"
    "The key has no value. If its value was meant to stand on the following lines, these must be indented further than the key; if it has none, delete the key."

    OUT_OF_RANGE "E0045" "number out of range"
    "The number is smaller or larger than it may be here."

    LANGUAGE "E0046" "other language version"
    "`frontdesk: 1` at the top says which version of the contract language the file is written in. This server understands version 1."

    TOO_MANY "E0047" "too many"
    "The contract has more of something than the server is built for. The limits are far beyond what people write by hand and keep a runaway generator from exhausting memory."

    DAY "E0048" "not a day"
    "A day is written like 2026-11-22: year, month and day with all their digits, and there must be such a day in the calendar."

    EMPTY "E0049" "empty"
    "The list, map or text has nothing in it where something is needed. If there is nothing to say, delete the key."

    INCLUDE_OUTSIDE "E0050" "include outside the folder"
    "Everything a contract consists of lies in its folder, so that the folder can be copied, reviewed and deployed as one thing. Patterns in `include` are relative to it, with `/` between names, and never contain `..`."

    INCLUDE_NOTHING "E0051" "include finds nothing"
    "No file matches the pattern. A misspelt pattern would otherwise silently leave out a part of the contract."

    INCLUDE_UNREADABLE "E0052" "include cannot be read"
    "The files the pattern stands for could not be read; the message says why."

    INCLUDE_NESTED "E0053" "include inside an included file"
    "Only the main file includes others, so that one look at it shows which files make up the contract."

    MAIN_ONLY "E0054" "key belongs in the main file"
    "Included files hold `resources`, `types`, `rules`, `limits` and `errors`. What there is only one of, such as `name` or `base`, stands in the main file."

    TWICE "E0055" "declared twice"
    "Two files of the contract declare the same name. All files together are one contract, and a name means one thing in it."

    INCLUDE_AGAIN "E0056" "include that adds nothing"
    "The file is part of the contract already: it is the one that includes, or another entry of `include` brings it. Probably another file is meant."

    BAD_SLUG "E0200" "name is not snake_case"
    "Names of fields, rules, lists, limits and errors are snake_case: lower-case letters and digits, words joined by `_`, a letter first. The other spellings (camelCase in GraphQL, kebab-case in paths) are made from it."

    BAD_TYPE_NAME "E0201" "name is not PascalCase"
    "Resources and named types are written like `Book` or `PlayList`: a capital first, then letters and digits. So a reader can tell a resource from a field at a glance."

    RESERVED "E0202" "reserved name"
    "The name already has a meaning: system fields such as `id` and `created_at`, parameters of lists such as `sort` and `limit`, names of the expression language such as `this` and `user`, or something the server keeps for itself."

    TAKEN "E0203" "name used twice in a resource"
    "In expressions `this.name` must mean one thing, so fields, relations, lists and rules of a resource share one set of names. A relation `author` takes two: `author` and `author_id`."

    STYLE_COLLISION "E0204" "names meet in another style"
    "Two different names become the same one in another spelling: `line_1` and `line1` are both `line1` in camelCase. Every contract can be served in every style, so one of them must change."

    RESOURCE_COLLISION "E0205" "resources get in each other's way"
    "Two resources or types would have the same path, table, or type name in a generated document."

    BAD_PATH "E0206" "path cannot be used"
    "A resource's path is one plural word in kebab-case, such as `books` or `play-lists`, without slashes. `graphql`, `live` and `operations` are kept for what comes. Without a base (`base: /`), what the server answers itself is taken too: `docs`, `assets`, `problems`, `healthz`, `readyz` and a few more."

    BAD_BASE "E0207" "base cannot be used"
    "`base` is the path in front of everything: it begins with `/`, does not end with one, and consists of plain words. `/` alone means that there is none."

    UNKNOWN_TYPE "E0210" "unknown type"
    "The type of a field is a built-in one (string, text, integer, number, boolean, date, date-time, money, decimal, uuid, json), a format (email, uri, int53, int64), a resource, or a type named under `types`."

    NO_TYPE "E0211" "field without a type"
    "Every field says what it holds: with `type`, with `enum`, or in the short form with one word."

    RECURSIVE_TYPE "E0212" "type that contains itself"
    "An object that contains itself would have no end. For trees, use a resource with a relation to itself: `parent?: Category`."

    NESTING "E0213" "nesting that cannot be served"
    "Lists hold values or objects, not lists; objects and lists do not hold relations. Not every API style has a form for these. Wrap the inner list in an object, or make it a resource of its own with a relation."

    FORMAT "E0214" "format that does not go with the type"
    "`format` narrows text (`email`, `uri`, `duration`, `uuid`, `date`, `date-time`) or integers (`int53`, `int64`)."

    RELATION "E0215" "relation with words that do not fit"
    "A relation holds the id of another record. Its value has no length, pattern or default; all it can have is what any field has, such as `immutable`, `unique` or `access`."

    NOT_FOR_TYPE "E0220" "constraint for another type"
    "Constraints belong to types: `minLength`, `maxLength` and `pattern` to text, `minimum`, `maximum` and `multipleOf` to numbers, `minItems`, `maxItems` and `uniqueItems` to lists. One on another type would never do anything."

    IMPOSSIBLE "E0221" "constraint nothing can fulfil"
    "No value fulfils these constraints, so no record could ever be written."

    PATTERN "E0222" "pattern cannot be used"
    "Patterns are regular expressions that run in linear time whatever the text. Look-ahead, look-behind and back-references are not available, because with them a short text can occupy a server for minutes."

    ENUM "E0223" "enum value cannot be used"
    "The words of an enum are snake_case and different from each other; other API styles write them in capitals. For values that must be spelled otherwise use `type: string` with a `pattern`."

    DEFAULT "E0224" "default does not fit"
    "The default must be a value that a client could send: of the field's type and within its constraints."

    EXAMPLE "E0225" "example does not fit"
    "Examples are shown in the documents and tried by tools, so each must be a value the field accepts."

    CONTRADICTION "E0226" "words that exclude each other"
    "Two words on one field say opposite things, or one makes the other pointless, such as `readOnly` with `writeOnly`."

    NOT_INDEXABLE "E0227" "cannot be indexed"
    "`index` and `unique` need a value that is stored and can be compared. Objects, lists and `json` have no order; money of two currencies cannot be compared, nor can the spellings of a `duration`; a computed field is not stored; and filtering by a field nobody may read would reveal it."

    NEVER_FILLED "E0228" "field that nothing can fill"
    "Clients may not write the field, it may not be empty, and neither `default` nor `set` gives it a value: no record could ever be created."

    UNKNOWN_FIELD "E0230" "unknown field"
    "A name stands where a field of the resource is needed, and there is no such field."

    SEARCH "E0231" "field cannot be searched"
    "`search` looks through stored text that everybody who may read the record may see."

    LIST "E0232" "list cannot be resolved"
    "`lists: {books: Book.author}` names the other side of a relation: a resource, a dot, and the relation in it that points back here."

    ID "E0233" "id cannot be made this way"
    "Ids are prefixed and sortable by default (`book_01h455vb4pex5vsknk084sn02q`). `id:` can be `integer`, `uuid`, `string` (chosen by the client) or `random`, and `{prefix: …, type: …}` changes the prefix."

    HISTORY "E0234" "was or removed does not fit"
    "`was` names what a field or resource was called before, so that its data is kept; `removed` names fields that are gone on purpose. Neither can name something that still exists, and no old name can be used twice."

    DEPRECATED "E0235" "deprecation does not fit"
    "`sunset` is the day something goes away and cannot lie before `since`, the day it was announced; `use` names what to use instead."

    NOT_INSIDE "E0236" "word for fields of a resource only"
    "The fields of an object that is inside a field are not columns: they can have a type, constraints, a default and a description, but no index, no access and no history of their own."

    KEY "E0237" "key that cannot stand in a path"
    "`key` names the fields whose values stand in a record's path instead of its id. Each is stored, never empty, seen by everybody who may read the record, and of a type with one spelling: text, an enum, an integer, a uuid or a date. The record keeps its `id`, which relations go on holding."

    WITHIN "E0238" "within that leads nowhere"
    "`within: Repo` puts the records into the path of the record that one of their relations points to. The relation is always there and never changes. Where several relations point to the resource, `within` names the relation instead."

    SEQUENCE "E0239" "sequence that cannot be counted"
    "`sequence: Repo` on an integer field has the server count it for each record that a relation of the resource points to. The relation is always there and never changes; clients do not write the number."

    NO_EQUALS "E0240" "formula without ="
    "A value that starts with `=` is a formula; every other value is what it says. `value` is always a formula."

    EQUALS "E0241" "condition with ="
    "Conditions (`rules`, `access`, `rule`) are always expressions and are written without `=` in front. Only values that could also be meant literally need it."

    ORDINARY_VALUE "E0242" "value does not fit the field"
    "`set` without `=` is a fixed value, which must be one that the field accepts. If a formula was meant, put `=` in front."

    NEXT_IN_DELETE "E0401" "next where nothing is next"
    "`write` also opens delete, and a record that is deleted does not become anything. Write a `delete` rule of its own, or `create` and `update` instead of `write`."

    MIXED "E0402" "check that neither side can answer"
    "The condition looks at other records, which only the database can do, and uses something that only the server has. Make two checks of it, or keep to the record's own fields."

    FOR_EVERYBODY "E0403" "computed field that depends on the caller"
    "A computed field is part of the record, and the record is the same for everybody who may see it: caches, feeds and documents rely on it. What depends on who asks belongs into a rule."

    ALLOW "E0410" "limit that cannot be read"
    "A limit allows a number of requests per second, minute, hour or day: `allow: 60/minute`."

    UNKNOWN_LIMIT "E0411" "unknown limit"
    "`limit` names one of the `limits` at the top of the contract."

    ERROR_CODE "E0412" "error that is already there"
    "The server itself answers problems with this code. An error of one's own needs another name, so that clients can tell them apart."

    SCOPE "E0413" "scope cannot be used"
    "A scope is a resource's `scope` (its path unless said otherwise) with `.read` or `.write` behind it."

    ORIGIN "E0414" "not an origin"
    "`cors` lists origins: the scheme, host and, if unusual, the port of a web page, such as https://app.example. Browsers compare them as text, so there is no path and no `/` at the end."

    TEST "E0420" "test that cannot be run"
    "A test names an action, a record, and what is to be expected: `allowed`, `hidden` (404), `refused` (403) or `refused by RULE`, where RULE is the rule as `access` states it."

    DURATION "E0415" "length of time that cannot be read"
    "A length of time is a whole number and a unit: `s` for seconds, `m` for minutes, `h` for hours, `d` for days. `30d` is thirty days."

    USERS "E0430" "users that are not people"
    "`auth: {users: User}` names the resource whose records are people; whoever signs up gets one. If it has a text field `email` (or the one that `email:` names), the person's address is there too; without one only the account has it. What is about people needs `users`."

    LIFETIME "E0431" "length of time out of bounds"
    "Access tokens are believed without asking the database, so they last from a minute to an hour; whoever stays signed in signs in again within a year. What may lie unused cannot be longer than the whole."

    MAILBOX "E0432" "not a sender of mail"
    "Mail comes from an address such as `hello@photos.example`, with a name before it if you like: `Photos <hello@photos.example>`."

    SECRET "E0433" "secret in plain text"
    "A contract is read by many: it is in a repository, in backups, in front of whoever reviews it. So it names secrets, `$NAME`, and their values come from the environment (`NAME`, or a file named by `NAME_FILE`) or from the server's own table of secrets."

    SECRET_NAME "E0434" "not the name of a secret"
    "Secrets are named like variables of the environment, with a `$` in front: `$PRINTER_SECRET`, capitals, digits and `_`."

    REDIRECT "E0435" "address nobody can be sent back to"
    "With the address a browser is sent back to goes a code that lets its owner in. So it is absolute, without a fragment, compared exactly, and encrypted (`https`), but for one on the same machine (`http://127.0.0.1/…`) or the own scheme of an app on people's devices (`com.example.app:/…`)."

    ADDRESS "E0436" "address that cannot be asked"
    "Keys, metadata and tokens of others are fetched at these addresses; whoever could change them on the way could be anybody. So they are absolute and begin with `https`, but for one on the same machine."

    CLIENT "E0437" "app that cannot be let in"
    "An app proves that it is the one in exactly one way: by a `secret`, by signing with a key of its own (`jwks`), or, where it can keep no secret, not at all (`public: true`). People come back from signing in to one of its `redirect_uris`, or confirm a code (`device: true`)."

    PROVIDER "E0438" "provider nobody can sign in with"
    "A provider that speaks OpenID Connect has an `issuer`, at which it says everything else. One that speaks OAuth only has `authorize`, `token` and `userinfo` instead."

    ISSUER_TWICE "E0439" "issuer named twice"
    "Tokens say who made them, and by that the entry is found that says what they mean. Two entries with one issuer would be two meanings of one token."

    KEY_SET "E0440" "not a set of keys"
    "`jwks` is a set of public keys, `{keys: [{kty: EC, …}]}` (RFC 7517), or the address where one is."

    CERTIFICATE "E0441" "certificate that tells nobody apart"
    "A service is known by one name in its certificate: `san`, a DNS name or URI among its subject alternative names, or `subject`, the distinguished name of its subject. Each name is compared exactly and belongs to one service."

    CLAIM "E0442" "claim that rules cannot read"
    "What credentials say of a caller is read by rules as `user.NAME`. Where the contract says who people are (`auth.users`), these are fields of the person's record, with their types; the id follows from the credential itself."

    THEME "E0443" "look that cannot be had"
    "The pages on which people sign in take a colour, `#00aa77`, and a picture that lies in the contract's folder; they load nothing from elsewhere."

    UNREADABLE "W0400" "resource nobody can read"
    "Closed until opened: without `read`, `list` or `get` in `access` nobody but the operator can see the records. That may be meant; then open it for nobody by name: `read: nobody`."

    OPEN_TO_GUESTS "W0401" "anybody can write, without limit"
    "The rule `public` opens writing to people who have not said who they are, and no limit holds them back. A script can fill the database."

    REDUNDANT_INDEX "W0402" "index that is already there"
    "A unique field has an index anyway."

    CACHE_WITHOUT_EFFECT "W0403" "`cache` without effect"
    "Only answers that are the same for everybody may be kept by caches that many share: the resource is for everybody, its rule for reading is literally `public`, and no field is hidden from anybody. Everything else is answered as `private, no-cache`, whatever `cache` says."

    NO_FIRST "W0405" "record that needs one before it"
    "Relations without `?` always lead to a record. Where they go in a circle, or from a resource to itself, no first record can be created by a request: each needs one that is there before. Put a `?` behind one of them."

    NEVER_NULL "W0406" "comparison with null that says nothing"
    "A field without `?` is never null, so `== null` is always false and `!= null` always true. If records may be without it, put a `?` behind its name; if not, leave the comparison out."

    TWO_KINDS "W0407" "claim read as two types"
    "What belongs to the caller takes the type of what it is compared with. One claim that is text in one rule and a number, a list, or true or false in another is probably misread in one of them: a value that is not of the type makes the rule false."

    ANY_TEXT_AS_ADDRESS "W0410" "address that may be any text"
    "The field holds the addresses people sign in with, but accepts any text. With `format: email` whoever writes it is told of slips; with `unique: true` no two records have one address."

    OWN_RIGHTS "W0411" "rights that people can give themselves"
    "Rules go by this field of the caller's own record, and the caller can write it, or choose it when signing up. So whoever likes to is staff. Say at the field who may give it, `access: {write: staff}`; those who may not can still write the rest of their record."

    LIMIT_WITHOUT_EFFECT "W0404" "limit that nothing uses"
    "`guests` and `default` apply to everything. Any other limit counts only where a resource names it: `limit: search`."
}
