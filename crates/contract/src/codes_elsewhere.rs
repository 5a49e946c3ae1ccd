//! What there is to say about the codes of YAML and of expressions.

use crate::codes::Explanation;
use crate::yaml::codes as yaml;

const fn about(code: &'static str, title: &'static str, text: &'static str) -> Explanation {
    Explanation { code, title, text }
}

pub static YAML: &[Explanation] = &[
    about(yaml::SYNTAX, "not YAML", "The text cannot be read as YAML. The message shows the place where reading stopped; the mistake is there or shortly before."),
    about(yaml::SPACE_AFTER_COLON, "space after the colon", "A key and its value are separated by a colon and a space: `key: value`. Without the space, YAML reads one long word."),
    about(yaml::INDENTATION, "indentation", "What belongs to a key is indented further than it, and everything on one level by the same number of spaces."),
    about(yaml::NEEDS_QUOTES, "needs quotes", "The value begins with or contains a character that means something in YAML. Put single quotes around it; a quote inside is written twice."),
    about(yaml::QUOTE_NOT_CLOSED, "quote not closed", "A value begins with a quote and no quote ends it."),
    about(yaml::BRACKET, "bracket without partner", "Every `[` needs its `]`, every `{` its `}`."),
    about(yaml::TEXT_AFTER_VALUE, "text behind the value", "Something stands behind a closing quote or bracket. If it belongs to the value, the quotes must go around all of it."),
    about(yaml::ESCAPE, "unknown escape", "In double quotes a backslash begins an escape such as `\\n`. Patterns are best written in single quotes, where a backslash is a backslash."),
    about(yaml::TAB, "tab", "YAML is indented with spaces; tabs are as wide as each editor likes."),
    about(yaml::COLON_MISSING, "colon missing", "A key is followed by a colon."),
    about(yaml::DUPLICATE_KEY, "key given twice", "A key stands twice in one map. Which of the two values is meant nobody can tell."),
    about(yaml::ANCHOR, "anchor", "Anchors (`&name`) are not part of the contract language, so that every contract is equal to some JSON and reads from top to bottom. Repeat the text, or name a rule or type."),
    about(yaml::ALIAS, "alias", "Aliases (`*name`) are not part of the contract language. Repeat the text; a value that begins with `*` needs quotes."),
    about(yaml::TAG, "tag", "Tags (`!name`) are not part of the contract language. A value that begins with `!` needs quotes."),
    about(yaml::MERGE_KEY, "merge key", "Merge keys (`<<:`) are not part of the contract language. Write the keys out."),
    about(yaml::SECOND_DOCUMENT, "second document", "A file is one document. What stands behind `---` belongs into a file of its own, named by `include`."),
    about(yaml::DIRECTIVE, "directive", "YAML directives (`%YAML`, `%TAG`) are not part of the contract language; it is always YAML 1.2."),
    about(yaml::KEY_NOT_TEXT, "key is not text", "YAML reads this key as a number, true, false or null. Names are text."),
    about(yaml::COMPLEX_KEY, "key is a list or map", "Keys are words."),
    about(yaml::KEY_MISSING, "key missing", "A colon with nothing in front of it."),
    about(yaml::VALUE_MISSING, "value missing", "In `{…}` every key has a value: `{key: value}`. A list is written `[a, b]`."),
    about(yaml::PAIR_IN_LIST, "key in a list", "`[a: 1]` is a list with a map in it. If that is meant, write `[{a: 1}]`; if not, `{a: 1}`."),
    about(yaml::COMMENT_IN_FORMULA, "comment in a formula", "A space and `#` begin a comment, also in the middle of a formula. If `#` belongs to it, put the formula in quotes."),
    about(yaml::INT_OUT_OF_RANGE, "number too large", "Whole numbers in a contract have 64 bits."),
    about(yaml::NUMBER_NOT_FINITE, "not a number", "Infinity and not-a-number have no place in a contract, as JSON has neither."),
    about(yaml::LEADING_ZERO, "leading zeros", "A number with zeros in front is read without them. If the zeros matter, it is text and needs quotes."),
    about(yaml::TOO_LARGE, "file too large", "The file is far larger than any contract. Probably it is not one."),
    about(yaml::TOO_DEEP, "nested too deep", "The language needs about ten levels; this is far beyond."),
    about(yaml::TOO_MANY, "too many values", "The file holds far more values than any contract."),
    about(yaml::CHARACTER, "character that does not belong", "An invisible or forbidden character, often copied along with text from a web page. Delete it and type it anew."),
];

pub static EXPRESSIONS: &[Explanation] = &[];
