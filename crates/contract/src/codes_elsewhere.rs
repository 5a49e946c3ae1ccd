//! What there is to say about the codes of YAML and of expressions.

use crate::codes::Explanation;
use crate::yaml::codes as yaml;

const fn about(code: &'static str, title: &'static str, text: &'static str) -> Explanation {
    Explanation { code, title, text }
}

pub static YAML: &[Explanation] = &[
    about(
        yaml::SYNTAX,
        "not YAML",
        "The text cannot be read as YAML. The message shows the place where reading stopped; the mistake is there or shortly before. A comment begins with `#`; the marks that version control leaves around a conflict, or a code fence of a Markdown page, are not part of a contract.",
    ),
    about(
        yaml::SPACE_AFTER_COLON,
        "space after the colon",
        "A key and its value are separated by a colon and a space: `key: value`. Without the space, YAML reads one long word.",
    ),
    about(
        yaml::INDENTATION,
        "indentation",
        "What belongs to a key is indented further than it, and everything on one level by the same number of spaces.",
    ),
    about(
        yaml::NEEDS_QUOTES,
        "needs quotes",
        "The value begins with or contains a character that means something in YAML. Put single quotes around it; a quote inside is written twice.",
    ),
    about(
        yaml::QUOTE_NOT_CLOSED,
        "quote not closed",
        "A value begins with a quote and no quote ends it.",
    ),
    about(
        yaml::BRACKET,
        "bracket without partner",
        "Every `[` needs its `]`, every `{` its `}`, and of two the inner one is closed first.",
    ),
    about(
        yaml::TEXT_AFTER_VALUE,
        "text behind the value",
        "Something stands behind a closing quote or bracket. If it belongs to the value, the quotes must go around all of it.",
    ),
    about(
        yaml::ESCAPE,
        "unknown escape",
        "In double quotes a backslash begins an escape such as `\\n`. Patterns are best written in single quotes, where a backslash is a backslash.",
    ),
    about(
        yaml::TAB,
        "tab",
        "YAML is indented with spaces; tabs are as wide as each editor likes.",
    ),
    about(
        yaml::COLON_MISSING,
        "colon missing",
        "A key is followed by a colon.",
    ),
    about(
        yaml::DUPLICATE_KEY,
        "key given twice",
        "A key stands twice in one map. Which of the two values is meant nobody can tell.",
    ),
    about(
        yaml::ANCHOR,
        "anchor",
        "Anchors (`&name`) are not part of the contract language, so that every contract is equal to some JSON and reads from top to bottom. Repeat the text, or name a rule or type.",
    ),
    about(
        yaml::ALIAS,
        "alias",
        "Aliases (`*name`) are not part of the contract language. Repeat the text; a value that begins with `*` needs quotes.",
    ),
    about(
        yaml::TAG,
        "tag",
        "Tags (`!name`) are not part of the contract language. A value that begins with `!` needs quotes.",
    ),
    about(
        yaml::MERGE_KEY,
        "merge key",
        "Merge keys (`<<:`) are not part of the contract language. Write the keys out.",
    ),
    about(
        yaml::SECOND_DOCUMENT,
        "second document",
        "A file is one document. What stands behind `---` belongs into a file of its own, named by `include`.",
    ),
    about(
        yaml::DIRECTIVE,
        "directive",
        "YAML directives (`%YAML`, `%TAG`) are not part of the contract language; it is always YAML 1.2.",
    ),
    about(
        yaml::KEY_NOT_TEXT,
        "key is not text",
        "YAML reads this key as a number, true, false or null. Names are text.",
    ),
    about(yaml::COMPLEX_KEY, "key is a list or map", "Keys are words."),
    about(
        yaml::KEY_MISSING,
        "key missing",
        "A colon with nothing in front of it.",
    ),
    about(
        yaml::VALUE_MISSING,
        "value missing",
        "In `{…}` every key has a value: `{key: value}`. A list is written `[a, b]`.",
    ),
    about(
        yaml::PAIR_IN_LIST,
        "key in a list",
        "`[a: 1]` is a list with a map in it. If that is meant, write `[{a: 1}]`; if not, `{a: 1}`.",
    ),
    about(
        yaml::COMMENT_IN_FORMULA,
        "comment in a formula",
        "A space and `#` begin a comment, also in the middle of a formula. If `#` belongs to it, put the formula in quotes.",
    ),
    about(
        yaml::INT_OUT_OF_RANGE,
        "number too large",
        "Whole numbers in a contract have 64 bits.",
    ),
    about(
        yaml::NUMBER_NOT_FINITE,
        "not a number",
        "Infinity and not-a-number have no place in a contract, as JSON has neither.",
    ),
    about(
        yaml::LEADING_ZERO,
        "leading zeros",
        "A number with zeros in front is read without them. If the zeros matter, it is text and needs quotes.",
    ),
    about(
        yaml::TOO_LARGE,
        "file too large",
        "The file is far larger than any contract. Probably it is not one.",
    ),
    about(
        yaml::TOO_DEEP,
        "nested too deep",
        "The language needs about ten levels; this is far beyond.",
    ),
    about(
        yaml::TOO_MANY,
        "too many values",
        "The file holds far more values than any contract.",
    ),
    about(
        yaml::NOT_UTF8,
        "not UTF-8",
        "A contract is text in UTF-8. A file in another encoding, such as Latin-1 or UTF-16, has to be saved as UTF-8; most editors ask for the encoding under \"save as\".",
    ),
    about(
        yaml::CHARACTER,
        "character that does not belong",
        "An invisible or forbidden character, often copied along with text from a web page. Delete it and type it anew.",
    ),
];

pub static EXPRESSIONS: &[Explanation] = &[
    about(
        "E0300",
        "expression cannot be read",
        "Something is missing or stands where it cannot. Conditions are comparisons (`==`, `!=`, `<`, `<=`, `>`, `>=`, `in`) and names of rules, joined by `&&` and `||`, turned round by `!`, grouped by parentheses.",
    ),
    about(
        "E0301",
        "literal cannot be read",
        "A string has no end or an unknown escape, or a number is not one. Strings stand in single or double quotes; `r'…'` takes backslashes as they are.",
    ),
    about(
        "E0302",
        "expression too large",
        "Expressions have a limit in length, parts and nesting, so that no rule can cost more than a request may. Name parts of it as rules.",
    ),
    about(
        "E0303",
        "word of another language",
        "The expression language is CEL: `==` compares, `&&` and `||` join, `!` turns round, `null` is nothing.",
    ),
    about(
        "E0304",
        "not part of the language",
        "Expressions have no comments, no objects, no indexing and no loops: what needs them is not a condition.",
    ),
    about(
        "E0310",
        "unknown name",
        "A bare name in a condition is a rule: of the resource, of the contract, or `public`, `signed_in`, `nobody`. Fields are named through their record: `this.title`.",
    ),
    about(
        "E0311",
        "unknown field",
        "After `this.` stands a field, a relation, a list, or a rule of the resource; after a relation, one of the other resource's.",
    ),
    about(
        "E0312",
        "unknown function",
        "The functions are `size contains startsWith endsWith lowerAscii upperAscii matches timestamp duration date`, and on lists `exists all exists_one count sum avg min max filter map`; in formulas also those for money and conversions.",
    ),
    about(
        "E0313",
        "wrong arguments",
        "A function is given too many or too few arguments, or something else than it takes.",
    ),
    about(
        "E0314",
        "name that is not available here",
        "`this` is there where a record is spoken of, `next` only in rules for create, update and replace, `input` only in operations.",
    ),
    about(
        "E0315",
        "rules in a circle",
        "A rule or computed field needs itself to be answered, perhaps through others. Databases and people give up on such rules, so they are refused. For trees of unknown depth keep what the rule needs in the record itself.",
    ),
    about(
        "E0316",
        "variable name that is taken",
        "The variable of `exists(m, …)` needs a name of its own.",
    ),
    about(
        "E0320",
        "types that do not go together",
        "The two sides are of types that are never equal or ordered, such as text and a number.",
    ),
    about(
        "E0321",
        "another type is needed",
        "The value is of another type than its place asks for: a condition is true or false, `+` adds numbers or joins texts.",
    ),
    about(
        "E0322",
        "literal of another type",
        "The literal cannot be a value of the type it meets: a word an enum does not have, a text that is no date.",
    ),
    about(
        "E0323",
        "type of a claim unclear",
        "What belongs to the caller is text until it meets something whose type is known. Compare it with a field or a literal.",
    ),
    about(
        "E0324",
        "formula of another type",
        "The formula gives another type than its field has.",
    ),
    about(
        "E0325",
        "comparison without meaning",
        "These values have no order or are never equal: lists, objects, `json`, money of two currencies.",
    ),
    about(
        "E0330",
        "null not handled",
        "The value may be null, and what would then be the answer nobody has said. Say it: `x != null && x < now`, or `x == null || x < now`. A relation that may be empty is asked before it is followed.",
    ),
    about(
        "E0331",
        "result may be null",
        "The field is never null, but its formula may be. Put a `?` behind the field's name, or say what to use instead: `x != null ? x : 0`.",
    ),
    about(
        "E0332",
        "claims are never null",
        "What belongs to the caller is not null but missing, and a condition that reads something missing is false. So guests are shut out without anybody having to think of them; ask `signed_in` to tell guests apart.",
    ),
    about(
        "E0340",
        "arithmetic out of range",
        "A condition is also answered by the database, where a number too large is an error for the whole list. So its arithmetic must provably stay in range of its type: use smaller integer types, or compare differently.",
    ),
    about(
        "E0341",
        "division",
        "Conditions divide only by numbers written out that are not zero.",
    ),
    about(
        "E0350",
        "no database can answer this",
        "Access rules filter lists and computed fields stand in them, so both become part of the database's statement, and everything in them needs a form there. The message names the part that has none.",
    ),
];
