//! The codes of YAML problems, E0100 to E0199. A code keeps its meaning for ever.

/// The text is not YAML, and no code below says it better.
pub const SYNTAX: &str = "E0100";
/// `key:value` instead of `key: value`.
pub const SPACE_AFTER_COLON: &str = "E0101";
/// A line stands too far left or right.
pub const INDENTATION: &str = "E0102";
/// A bare value holds or begins with something YAML reads differently; it needs quotes.
pub const NEEDS_QUOTES: &str = "E0103";
/// A quote is opened and not closed.
pub const QUOTE_NOT_CLOSED: &str = "E0104";
/// A bracket without its partner.
pub const BRACKET: &str = "E0105";
/// Something stands behind a closing quote or bracket.
pub const TEXT_AFTER_VALUE: &str = "E0106";
/// A backslash in double quotes that means nothing.
pub const ESCAPE: &str = "E0107";
/// A tab between the tokens or as indentation.
pub const TAB: &str = "E0108";
/// A key without `:`.
pub const COLON_MISSING: &str = "E0109";
/// A key stands twice in one map.
pub const DUPLICATE_KEY: &str = "E0110";
/// `&name`.
pub const ANCHOR: &str = "E0111";
/// `*name`.
pub const ALIAS: &str = "E0112";
/// `!name`.
pub const TAG: &str = "E0113";
/// `<<:`.
pub const MERGE_KEY: &str = "E0114";
/// A second document in the same file.
pub const SECOND_DOCUMENT: &str = "E0115";
/// `%YAML`, `%TAG`.
pub const DIRECTIVE: &str = "E0116";
/// A key that YAML reads as a number, true, false or null.
pub const KEY_NOT_TEXT: &str = "E0117";
/// A list, a map or `? …` as a key.
pub const COMPLEX_KEY: &str = "E0118";
/// `: value`.
pub const KEY_MISSING: &str = "E0119";
/// `{a, b}`.
pub const VALUE_MISSING: &str = "E0120";
/// `[a: 1]`.
pub const PAIR_IN_LIST: &str = "E0121";
/// ` #` inside a formula begins a comment.
pub const COMMENT_IN_FORMULA: &str = "E0122";
/// A whole number outside 64 bits.
pub const INT_OUT_OF_RANGE: &str = "E0123";
/// `.inf`, `.nan` or a number too large to be one.
pub const NUMBER_NOT_FINITE: &str = "E0124";
/// `007`: the zeros are not kept (a warning).
pub const LEADING_ZERO: &str = "E0125";
/// More bytes than a file may have.
pub const TOO_LARGE: &str = "E0130";
/// Nested deeper than allowed.
pub const TOO_DEEP: &str = "E0131";
/// More values than a file may have.
pub const TOO_MANY: &str = "E0132";
/// Bytes that are no text.
pub const NOT_UTF8: &str = "E0134";
/// A character that cannot be seen or does not belong in a text.
pub const CHARACTER: &str = "E0133";
