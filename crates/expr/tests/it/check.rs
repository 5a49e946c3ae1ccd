//! What the checker accepts, and what it says about everything else.

use std::sync::Arc;

use expr::explain::SchemaNames;
use expr::ir::{Node, RuleDef};
use expr::schema::{Property, Schema, Unresolved, UserField};
use expr::{Expr, Scope, check};
use value::{ResourceId, Type};

use crate::support::{TASK, Todo, USER, id_type, problems, shown, task_rule};

/// Each text, with all that is said about it as a condition about a task:
/// code, ‹what is underlined›, message, (label), → help.
fn says(table: &[(&str, &str)]) {
    for (text, expected) in table {
        assert_eq!(
            problems(text, &Scope::rule(Some(TASK))),
            *expected,
            "{text}"
        );
    }
}

#[test]
fn these_are_conditions() {
    for text in [
        "public",
        "late && mine",
        "this.done",
        "this.late",
        "this.list == null",
        "this.list.stars != null && this.list.stars > 3.0",
        "this.list.size > 3",
        "user.role",
        "user.role == user.kind",
        "this.assignee_id == user.id",
        "this.list.owner_id != null && this.list.owner.role == 'staff'",
        "this.due != null && this.due < date(now)",
        "this.due != null && this.due < '2026-12-01'",
        "this.held_until == null || this.held_until < now",
        "this.weight > 3",
        "this.cost > 12.50",
        "this.stars + this.stars > 3",
        "this.big / 2 > 2",
        "this.stars % 2 == 0",
        "this.weight / 2.0 > 1.0",
        "this.weight * 0.25 + this.weight / 2.0 > 1.0",
        "this.title + 'a' == 'b'",
        "this.created_at + duration('1h30m') < now",
        "now - this.created_at > duration('P1D')",
        "this.price != null && this.price.amount > 3 && this.price.currency == 'EUR'",
        "this.price_amount != null && this.price_amount > '3.50'",
        "this.place != null && this.place.city == 'Kiel'",
        "this.place != null && this.place.zip != null && this.place.zip.startsWith('2')",
        "this.data == null",
        "'a' in this.tags",
        "this.stars in [1, 2, this.mid]",
        "'admin' in user.roles",
        "this.tags.exists(t, t == 'a')",
        "size(this.title) > 1",
        "size(this.list.tasks) > 1",
        "has(this.due)",
        "this.blocked == true",
        "this.code == '01890a5d-ac96-774b-bcce-b302099a8057'",
        "this.done ? this.stars > 1 : this.title == 'x'",
        "(this.done ? 'a' : 'b') == this.title",
        "this.list.viewer",
        "nobody || signed_in && !office_hours",
        "user.since < now",
        "user.since < '2026-01-01'",
        "this.created_at < user.since",
        "user.admin",
        "user.admin == true",
        "string(this.stars) == '3'",
        "int(this.title) == 3",
        "double(this.stars) > 1.5",
        "this.price != null && this.price.minor() > 5",
        "this.list.owner_id != null && this.list.owner.lists.exists(l, l.published && l.owner_id == this.assignee_id)",
    ] {
        assert_eq!(problems(text, &Scope::rule(Some(TASK))), "", "{text}");
    }
}

#[test]
fn names_are_resolved_or_explained() {
    says(&[
        (
            "titel == 'a'",
            "E0310 ‹titel› there is no rule named `titel` (unknown name) → did you mean `this.title`?",
        ),
        (
            "title == 'a'",
            "E0310 ‹title› there is no rule named `title` (unknown name) → write `this.title`",
        ),
        (
            "stafff",
            "E0310 ‹stafff› there is no rule named `stafff` (unknown name) → did you mean `staff`?",
        ),
        (
            "Staff",
            "E0310 ‹Staff› there is no rule named `Staff` (unknown name) → did you mean `staff`?",
        ),
        (
            "none == this.due",
            "E0310 ‹none› there is no rule named `none` (unknown name) → write `null`",
        ),
        (
            "anyone",
            "E0310 ‹anyone› there is no rule named `anyone` (unknown name) → write `public`",
        ),
        (
            "user_id == this.assignee_id",
            "E0310 ‹user_id› there is no rule named `user_id` (unknown name) → write `user.id`",
        ),
        (
            "this.titel == 'a'",
            "E0311 ‹titel› Task has no field, relation, list or rule named `titel` (not in Task) → did you mean `title`?",
        ),
        (
            "this.foo",
            "E0311 ‹foo› Task has no field, relation, list or rule named `foo` (not in Task) → it has id, list, list_id, title, done, due, held_until, assignee, assignee_id, stars, mid, big, …",
        ),
        (
            "this.list.titel == 'a'",
            "E0311 ‹titel› List has no field, relation, list or rule named `titel` (not in List) → it has id, name, owner, owner_id, published, members, tasks, size, stars, mine, viewer, editor",
        ),
        (
            "this.list.nme == 'a'",
            "E0311 ‹nme› List has no field, relation, list or rule named `nme` (not in List) → did you mean `name`?",
        ),
        (
            "this.list.tasks.title == 'a'",
            "E0311 ‹title› `this.list.tasks` is a list of Task records; which one's `title`? (a list has no fields) → write `this.list.tasks.exists(x, x.title == …)`",
        ),
        (
            "this.list.tasks.exists(t, t.titel == 'a')",
            "E0311 ‹titel› Task has no field, relation, list or rule named `titel` (not in Task) → did you mean `title`?",
        ),
        (
            "this.list.tasks.exists(this, this.done)",
            "E0316 ‹this› `this` has a meaning of its own (taken) → choose another name",
        ),
        (
            "this.list.tasks.exists(t, t.list.tasks.exists(t, t.done))",
            "E0316 ‹t› `t` is already the variable of a list around this one (taken) → choose another name",
        ),
        (
            "this.list.tasks.exists(t)",
            "E0313 ‹exists› `exists` takes 2 arguments, not 1 (wrong number of arguments) → write `.exists(x, x.role == 'editor')`",
        ),
        (
            "this.list.tasks.exists(t.done, t.done)",
            "E0313 ‹t.done› the first argument names the variable (a plain name is expected) → write `.exists(x, x.role == 'editor')`",
        ),
        (
            "this.list.tasks.any(t, t.done)",
            "E0312 ‹any› lists have no method `any` (unknown method) → write `.exists(x, …)`",
        ),
        (
            "this.list.tasks.collect(t, t.stars)",
            "E0312 ‹collect› lists have no method `collect` (unknown method) → write `.map(x, x.field)`",
        ),
        (
            "this.list.tasks.one(t, t.done)",
            "E0312 ‹one› lists have no method `one` (unknown method) → write `.exists_one(x, …)`",
        ),
        (
            "user.role.name == 'a'",
            "E0311 ‹name› claims of the caller have no parts (not available) → a claim is a single value: `user.role`",
        ),
        (
            "input.x == 1",
            "E0314 ‹input› there is no input here (not available here) → what is written is the record itself: `this.title`",
        ),
        (
            "next.done",
            "E0314 ‹next› `next` exists only in access rules for create, update and replace (not available here) → the record as it is, or would become, is `this`; what compares both stands in `access`: `update: this.state == next.state`",
        ),
        (
            "row.done",
            "E0314 ‹row› `row` exists only in a `where` (not available here) → the record is `this`",
        ),
        (
            "this.place != null && this.place.town == 'Kiel'",
            "E0311 ‹town› a Place object has no member named `town` (unknown member) → it has city, zip",
        ),
        (
            "this.data.x == 1",
            "E0311 ‹x› JSON has no member named `x` (unknown member) → rules cannot look into `json`; give it a type under `types:`",
        ),
        (
            "this.role in ['a']",
            "E0311 ‹role› Task has no field, relation, list or rule named `role` (not in Task) → it has id, list, list_id, title, done, due, held_until, assignee, assignee_id, stars, mid, big, …",
        ),
        (
            "this.tags.exist(t, t == 'a')",
            "E0312 ‹exist› there is no method `exist` (unknown method) → did you mean `exists`?",
        ),
        (
            "this.tags.filter(t, t == 'a')",
            "E0312 ‹filter› there is no method `filter` (unknown method) → only lists of records have it; lists of values have `exists`, `all`, `map` and `size`",
        ),
        (
            "this.title.startswith('a')",
            "E0312 ‹startswith› there is no method `startswith` (unknown method) → write `.startsWith('text')`",
        ),
        (
            "this.title.length() > 1",
            "E0312 ‹length› there is no method `length` (unknown method) → write `size(this.title)`",
        ),
        (
            "this.title.size > 1",
            "E0311 ‹size› a string has no member named `size` (unknown member) → write `size(this.title)`",
        ),
        (
            "length(this.title) > 1",
            "E0312 ‹length› there is no function `length` (unknown function) → write `size(this.title)`",
        ),
        (
            "this.title.matches(this.title)",
            "E0313 ‹this.title› the pattern must be a constant (not a constant) → write the pattern itself, such as r'^[a-z]+$'; what is in a field is looked for with `.contains(…)`",
        ),
        (
            "late()",
            "E0312 ‹late› there is no function `late` (unknown function) → a rule has no parentheses: write `late`",
        ),
        (
            "this.late()",
            "E0312 ‹late› `this` has no method `late` (unknown method) → fields and rules have no parentheses: `this.late`",
        ),
        (
            "lower(this.title) == 'a'",
            "E0312 ‹lower› there is no function `lower` (unknown function) → write `this.title.lowerAscii()`",
        ),
        (
            "this.list.editr",
            "E0311 ‹editr› List has no field, relation, list or rule named `editr` (not in List) → did you mean `editor`?",
        ),
        (
            "float(this.stars) > 1.5",
            "E0312 ‹float› there is no function `float` (unknown function) → write `double(this.stars)`",
        ),
        (
            "this.price != null && this.price.plus(this.price).amount > 5",
            "E0312 ‹plus› there is no method `plus` (unknown method) → money has add, times and minor",
        ),
    ]);
}

#[test]
fn types_must_go_together() {
    says(&[
            (
                "this.title",
                "E0321 ‹this.title› a condition is expected here, not a string (this is a string) → compare it: `this.title == 'text'`",
            ),
            (
                "this.list",
                "E0321 ‹this.list› `this.list` is a whole record (not a single value) → write `this.list_id` for its id, or `this.list.name` for a field of it",
            ),
            (
                "this.list.tasks",
                "E0321 ‹this.list.tasks› `this.list.tasks` is a list of records (not a single value) → write `this.list.tasks.exists(x, …)`, `this.list.tasks.all(x, …)` or `this.list.tasks.count()`",
            ),
            (
                "this.list.tasks.count() > 'a'",
                "E0322 ‹'a'› 'a' is a string, not an integer (an integer is expected) → write an integer such as `3`",
            ),
            (
                "this.list.tasks.sum(t, t.title) > 1",
                "E0321 ‹t.title› `sum` does not work on string (this is a string) → `sum` takes numbers; to count write `.count()`",
            ),
            (
                "this.list.tasks.avg(t, t.cost) > 1.0",
                "E0321 ‹t.cost› `avg` does not work on decimal (this is a decimal) → an average is not exact; use `sum` and `count`",
            ),
            (
                "this.list.tasks.sum(t, t.price) > 1",
                "E0321 ‹t.price› `sum` does not work on money (this is money) → write `t.price.amount`",
            ),
            (
                "user",
                "E0321 ‹user› `user` is the caller (not a single value) → for anybody who is known write `signed_in`; for somebody of the record's, compare: `this.owner_id == user.id`",
            ),
            (
                "user.id",
                "E0321 ‹user.id› a condition is expected here, not the caller's id (this is an id) → for anybody who is known write `signed_in`; for somebody of the record's, compare: `this.owner_id == user.id`",
            ),
            (
                "!user.id",
                "E0321 ‹user.id› a condition is expected here, not the caller's id (this is an id) → for callers who are not known write `!signed_in`",
            ),
            (
                "user.level + user.other > 1",
                "E0323 ‹user.level + user.other› it is unclear which type these two claims have (two claims) → compute with one claim and something whose type is known",
            ),
            (
                "this == user",
                "E0321 ‹this› `this` is a whole record (not a single value) → write `this.id`, or another field
E0321 ‹user› `user` is the caller (not a single value) → write `user.id` or a claim such as `user.role`; for anybody known, `signed_in`",
            ),
            (
                "this.assignee == user.id",
                "E0321 ‹this.assignee› `this.assignee` is a whole record (not a single value) → write `this.assignee_id` for its id, or `this.assignee.name` for a field of it",
            ),
            (
                "this.assignee_id == this.list_id",
                "E0320 ‹this.assignee_id == this.list_id› the id of a User is never that of a List (`this.assignee_id` is a user id, `this.list_id` is a list id) → beside `this.assignee_id` write a field that holds the id of a User, or such an id as the API shows it",
            ),
            (
                "this.assignee_id == 'usr_1'",
                "E0322 ‹'usr_1'› 'usr_1' is not a user id (a user id is written user_ followed by 26 lower-case letters and digits) → write a field that holds the id of a User, or such an id as the API shows it",
            ),
            (
                "this.assignee_id != null && this.assignee.role == 'stuff'",
                "E0322 ‹'stuff'› 'stuff' is not one of reader, staff (not one of its values) → did you mean 'staff'?",
            ),
            (
                "this.due < now",
                "E0320 ‹this.due < now› date and date-time do not go together (`this.due` is a date, `now` is a date-time) → write `this.due != null && this.due < date(now)`",
            ),
            (
                "this.due != null && this.due < now",
                "E0320 ‹this.due < now› date and date-time do not go together (`this.due` is a date, `now` is a date-time) → write `date(now)`",
            ),
            (
                "this.due != null && this.due < '2026-13-01'",
                "E0322 ‹'2026-13-01'› '2026-13-01' is not a date (there is no such day in the calendar) → write a date such as `'2026-11-22'`",
            ),
            (
                "this.done == 'true'",
                "E0322 ‹'true'› 'true' is a string, not true or false (true or false is expected) → write it without quotes: `true`",
            ),
            (
                "this.stars == '4'",
                "E0322 ‹'4'› '4' is a string, not an integer (an integer is expected) → write it without quotes: `4`",
            ),
            (
                "this.stars > 3.5",
                "E0320 ‹this.stars > 3.5› integer and number do not go together (`this.stars` is an integer, `3.5` is a number) → beside `this.stars` write an integer such as `3`",
            ),
            (
                "this.stars == this.weight",
                "E0320 ‹this.stars == this.weight› integer and number do not go together (`this.stars` is an integer, `this.weight` is a number) → beside `this.stars` write an integer such as `3`",
            ),
            (
                "this.cost > 12.1234567",
                "E0322 ‹12.1234567› `12.1234567` is not a decimal (a decimal has at most 6 digits after the point) → a decimal has at most 12 digits before the point and 6 after it",
            ),
            (
                "this.stars > 99999999999",
                "E0322 ‹99999999999› 99999999999 is out of the range of integer (out of range) → an integer goes from -2147483648 to 2147483647; for more the field needs `type: int53`",
            ),
            (
                "this.stars + 'a' > 1",
                "E0322 ‹'a'› 'a' is a string, not an integer (an integer is expected) → write an integer such as `3`",
            ),
            (
                "this.created_at + 5 < now",
                "E0321 ‹this.created_at + 5› `+` does not work on date-time and int64 (`this.created_at` is a date-time, `5` is an integer) → write `this.created_at + duration('10m')`",
            ),
            (
                "this.created_at + '1h' < now",
                "E0321 ‹'1h'› a text cannot be added to an instant (text) → write `duration('1h')`",
            ),
            (
                "this.due != null && this.due + duration('1h') < date(now)",
                "E0321 ‹this.due + duration('1h')› `+` does not work on date and duration (`this.due` is a date, `duration('1h')` is a duration) → days cannot be computed with; use date-times and `duration('24h')`",
            ),
            (
                "duration('1x') > duration('1h')",
                "E0322 ‹'1x'› '1x' is not a duration (a duration is a number with a unit (ms, s, m, h, d or w), such as 10m) → write it like `duration('1h30m')`",
            ),
            (
                "timestamp('2026') > now",
                "E0322 ‹'2026'› '2026' is not a timestamp (a date-time is written like 2026-11-22T10:00:00Z) → write it like `timestamp('2026-11-22T10:00:00Z')`",
            ),
            (
                "this.price > 3",
                "E0320 ‹this.price > 3› money and integer do not go together (`this.price` is money, `3` is an integer) → write `this.price.amount`
E0330 ‹this.price› `this.price` may be null here (may be null) → write `this.price != null &&` in front of the comparison",
            ),
            (
                "this.price != null && this.price > 3",
                "E0320 ‹this.price > 3› money and integer do not go together (`this.price` is money, `3` is an integer) → write `this.price.amount`",
            ),
            (
                "this.tags == ['a']",
                "E0325 ‹this.tags› list of strings cannot be compared (this is a list of strings) → ask about its elements: `x in this.tags`",
            ),
            (
                "this.tags.contains('a')",
                "E0321 ‹this.tags› a text is expected, not a list of strings (this is a list of strings) → write `'a' in this.tags`",
            ),
            (
                "1 in this.tags",
                "E0320 ‹1 in this.tags› integer and string do not go together (`1` is an integer, `this.tags` is a string) → write `'1'`",
            ),
            (
                "'a' in this.title",
                "E0321 ‹this.title› `in` needs a list, not a string (this is a string) → write `this.title.contains('a')`",
            ),
            (
                "this in this.list.tasks",
                "E0321 ‹this› `this` is a whole record (not a single value) → write `this.id`, or another field
E0321 ‹this.list.tasks› `this.list.tasks` is a list of records (not a list of values) → write `this.list.tasks.exists(x, x.id == …)`",
            ),
            (
                "this.title in []",
                "E0325 ‹[]› nothing is in an empty list (empty) → list the allowed values",
            ),
            (
                "this.title in ['a', 1]",
                "E0320 ‹1› the values of a list are of one type, like `'a'` (this is an integer) → write `'1'`, or numbers only",
            ),
            (
                "size(this.stars) > 1",
                "E0321 ‹this.stars› a text or a list is expected, not an integer (this is an integer) → `size` counts the characters of a text and the entries of a list",
            ),
            (
                "this.title.matches('(')",
                "E0322 ‹'('› this is not a regular expression (unclosed group) → write it as for RE2, best as r'…': look-around and back-references do not exist",
            ),
            (
                "this.title.matches('^a(?=b)')",
                "E0322 ‹'^a(?=b)'› this is not a regular expression (look-around, including look-ahead and look-behind, is not supported) → write it as for RE2, best as r'…': look-around and back-references do not exist",
            ),
            (
                "this.stars.matches('a')",
                "E0321 ‹this.stars› a text is expected, not an integer (this is an integer) → only texts have it: compare `this.stars` itself",
            ),
            (
                "this.title.startsWith(1)",
                "E0321 ‹1› a text is expected, not an integer (this is an integer) → write a text, such as `'text'`",
            ),
            (
                "!this.stars == 1",
                "E0321 ‹this.stars› a condition is expected here, not an integer (this is an integer) → `!` takes a condition: write `!(a == b)`, not `!a == b`",
            ),
            (
                "-this.done",
                "E0321 ‹this.done› boolean cannot be negated (this is true or false) → write `!` instead of `-`",
            ),
            (
                "null == null",
                "E0325 ‹null == null› null is compared with null (always the same) → write `x == null` or `x != null` about something that may be null",
            ),
            (
                "null < this.due",
                "E0325 ‹null < this.due› null has no order (compared with null) → write `x == null` or `x != null` about something that may be null",
            ),
            (
                "this.done > false",
                "E0325 ‹this.done› boolean has no order (this is true or false) → write `this.done` or `!this.done`",
            ),
            (
                "this.title == 1",
                "E0320 ‹this.title == 1› string and integer do not go together (`this.title` is a string, `1` is an integer) → write `'1'`",
            ),
            (
                "this.done == 1",
                "E0320 ‹this.done == 1› boolean and integer do not go together (`this.done` is true or false, `1` is an integer) → `this.done` is true or false by itself: write `this.done` or `!this.done`",
            ),
            (
                "this.code == 'x'",
                "E0322 ‹'x'› 'x' is not a UUID (a UUID is written like 01890a5d-ac96-774b-bcce-b302099a8057) → write a UUID such as `'01890a5d-ac96-774b-bcce-b302099a8057'`",
            ),
            (
                "this.done ? this.stars > 1 : this.title",
                "E0320 ‹this.stars > 1 : this.title› boolean and string do not go together (`this.stars > 1` is true or false, `this.title` is a string) → one side is a condition: it is true or false by itself",
            ),
            (
                "(this.done ? 1 : 'b') == this.title",
                "E0322 ‹'b'› 'b' is a string, not an integer (an integer is expected) → write an integer such as `3`",
            ),
            (
                "money('1.0', 'EUR') == this.price",
                "E0325 ‹money('1.0', 'EUR')› money cannot be compared (this is money) → compare `money('1.0', 'EUR').amount`, and `money('1.0', 'EUR').currency` where there are several",
            ),
    ]);
}

#[test]
fn null_must_be_excluded() {
    says(&[
        (
            "this.list.tasks.avg(t, t.stars) > 3.0",
            "E0330 ‹this.list.tasks.avg(t, t.stars)› `this.list.tasks.avg(t, t.stars)` may be null here (may be null) → write `this.list.tasks.avg(t, t.stars) != null && this.list.tasks.avg(t, t.stars) > 3.0`, or `this.list.tasks.avg(t, t.stars) == null || this.list.tasks.avg(t, t.stars) > 3.0`",
        ),
        (
            "this.list.stars > 3.0",
            "E0330 ‹this.list.stars› `this.list.stars` may be null here (may be null) → write `this.list.stars != null && this.list.stars > 3.0`, or `this.list.stars == null || this.list.stars > 3.0`",
        ),
        (
            "user == null",
            "E0332 ‹user› what belongs to the caller is never null (a caller without it makes the condition false) → write `!signed_in`",
        ),
        (
            "user.id != null",
            "E0332 ‹user.id› what belongs to the caller is never null (a caller without it makes the condition false) → write `signed_in`",
        ),
        (
            "user.role != null",
            "E0332 ‹user.role› what belongs to the caller is never null (a caller without it makes the condition false) → leave it out: what reads `user.role` is false for callers without it",
        ),
        (
            "this.assignee.role == 'staff'",
            "E0330 ‹this.assignee› `this.assignee_id` may be null here (may be null) → write `this.assignee_id != null && this.assignee.role == 'staff'`, or `this.assignee_id == null || this.assignee.role == 'staff'`",
        ),
        (
            "this.list.owner.role == 'staff'",
            "E0330 ‹this.list.owner› `this.list.owner_id` may be null here (may be null) → write `this.list.owner_id != null && this.list.owner.role == 'staff'`, or `this.list.owner_id == null || this.list.owner.role == 'staff'`",
        ),
        (
            "this.held_until < now",
            "E0330 ‹this.held_until› `this.held_until` may be null here (may be null) → write `this.held_until != null && this.held_until < now`, or `this.held_until == null || this.held_until < now`",
        ),
        (
            "this.price.amount > 3",
            "E0330 ‹this.price› `this.price` may be null here (may be null) → write `this.price != null && this.price.amount > 3`, or `this.price == null || this.price.amount > 3`",
        ),
        (
            "this.place.city == 'Kiel'",
            "E0330 ‹this.place› `this.place` may be null here (may be null) → write `this.place != null && this.place.city == 'Kiel'`, or `this.place == null || this.place.city == 'Kiel'`",
        ),
        (
            "this.place != null && this.place.zip.startsWith('2')",
            "E0330 ‹this.place.zip› `this.place.zip` may be null here (may be null) → write `this.place.zip != null && this.place.zip.startsWith('2')`, or `this.place.zip == null || this.place.zip.startsWith('2')`",
        ),
        (
            "this.list.owner_id in [user.id]",
            "E0330 ‹this.list.owner_id› `this.list.owner_id` may be null here (may be null) → write `this.list.owner_id != null && this.list.owner_id in [user.id]`, or `this.list.owner_id == null || this.list.owner_id in [user.id]`",
        ),
        (
            "has(user.role)",
            "E0332 ‹user.role› what belongs to the caller is never null (a caller without it makes the condition false) → leave it out: what reads `user.role` is false for callers without it",
        ),
        (
            "this.blocked",
            "E0330 ‹this.blocked› `this.blocked` may be null (may be null) → write `this.blocked == true`, which is false for null",
        ),
        (
            "!this.blocked",
            "E0330 ‹this.blocked› `this.blocked` may be null (may be null) → write `this.blocked == true`, which is false for null",
        ),
        (
            "this.list.owner.lists.exists(l, l.published)",
            "E0330 ‹this.list.owner› `this.list.owner_id` may be null here (may be null) → write `this.list.owner_id != null && this.list.owner.lists.exists(l, l.published)`, or `this.list.owner_id == null || this.list.owner.lists.exists(l, l.published)`",
        ),
    ]);
}

#[test]
fn arithmetic_must_stay_in_range() {
    says(&[
        (
            "this.list.tasks.sum(t, t.big) > 1",
            "E0330 ‹this.list.tasks.sum(t, t.big)› `this.list.tasks.sum(t, t.big)` may be null here (may be null) → write `this.list.tasks.sum(t, t.big) != null && this.list.tasks.sum(t, t.big) > 1`, or `this.list.tasks.sum(t, t.big) == null || this.list.tasks.sum(t, t.big) > 1`",
        ),
        (
            "user.level + 1 > 2",
            "E0340 ‹user.level + 1› this could leave 64 bits (not provably in range) → give the fields a `minimum` and a `maximum`, use `integer` fields, which have 32 bits, or compare the values themselves",
        ),
        (
            "this.cost + 1 > 2",
            "E0340 ‹this.cost + 1› this could leave the range of decimals (not provably in range) → give the fields it is computed from a `minimum` and a `maximum`, or compare the values themselves",
        ),
        (
            "this.mid * this.mid > 3",
            "E0340 ‹this.mid * this.mid› this could leave 64 bits (not provably in range) → give the fields a `minimum` and a `maximum`, use `integer` fields, which have 32 bits, or compare the values themselves",
        ),
        (
            "this.big + 1 > 2",
            "E0340 ‹this.big + 1› this could leave 64 bits (not provably in range) → give the fields a `minimum` and a `maximum`, use `integer` fields, which have 32 bits, or compare the values themselves",
        ),
        (
            "this.stars / this.mid > 1",
            "E0341 ‹this.mid› a condition divides only by a constant that is not zero (could be zero) → multiply the other side instead, or write a number",
        ),
        (
            "this.stars / 0 > 1",
            "E0341 ‹0› nothing can be divided by zero (zero) → write another number, or leave the division out",
        ),
        (
            "this.weight / this.weight > 1.0",
            "E0341 ‹this.weight› a condition divides only by a constant that is not zero (could be zero) → multiply the other side instead, or write a number",
        ),
        (
            "this.weight * this.weight > 1.0",
            "E0340 ‹this.weight * this.weight› `*` could leave the range of numbers (not provably in range) → give the fields it is computed from a `minimum` and a `maximum`, or compare the values themselves",
        ),
    ]);
}

/// Everything said about a formula of this type.
fn formula(text: &str, expected: Type, nullable: bool) -> String {
    problems(text, &Scope::formula(Some(TASK), expected, nullable))
}

#[test]
fn formulas_give_the_type_asked_for() {
    for (text, ty, nullable) in [
        ("user.id", id_type(USER), false),
        ("this.title + ' ' + string(this.stars)", Type::Text, false),
        (
            "this.price == null ? null : this.price.times(size(this.tags))",
            Type::Money,
            true,
        ),
        ("this.list.tasks.avg(t, t.stars)", Type::Float, true),
        ("this.list.tasks.count()", Type::Int32, false),
        (
            "this.list.owner_id == null ? 'nobody' : this.list.owner.name",
            Type::Text,
            false,
        ),
        ("now + duration('10m')", Type::Timestamp, false),
        ("late", Type::Bool, false),
        ("'2026-01-01'", Type::Date, false),
        ("this.due", Type::Date, true),
        ("12.5", Type::Decimal, false),
        ("this.big * this.big / this.stars", Type::Int64, false),
        (
            "['a', this.title]",
            Type::List(std::sync::Arc::new(Type::Text)),
            false,
        ),
        ("null", Type::Text, true),
    ] {
        assert_eq!(formula(text, ty, nullable), "", "{text}");
    }
    insta::assert_snapshot!(formula("this.due", Type::Date, false), @"E0331 ‹this.due› the result may be null (may be null) → write `this.due != null ? this.due : …`, or let the result be null");
    insta::assert_snapshot!(formula("null", Type::Date, false), @"E0331 ‹null› null is not allowed here (null) → write a value, or let the result be null");
    insta::assert_snapshot!(formula("this.stars", Type::Float, false), @"E0324 ‹this.stars› this gives an integer, but a number is expected (this is an integer) → write `double(this.stars)`");
    insta::assert_snapshot!(formula("now", Type::Date, false), @"E0324 ‹now› this gives a date-time, but a date is expected (this is a date-time) → write `date(now)`");
    insta::assert_snapshot!(formula("this.held_until + duration('1m')", Type::Timestamp, true), @"E0330 ‹this.held_until› `this.held_until` may be null here (may be null) → write `this.held_until == null ? … : …` around it");
    insta::assert_snapshot!(formula("user.tags", Type::Money, true), @"E0323 ‹user.tags› a claim of the caller cannot be read as money (a claim is plain text) → a claim is one text; money has an `.amount` and a `.currency`");
}

#[test]
fn input_has_the_members_of_the_scope() {
    let scope = Scope {
        input: vec![
            (
                "seats".into(),
                Type::List(std::sync::Arc::new(Type::Text)),
                false,
            ),
            ("count".into(), Type::Int32, true),
        ],
        ..Scope::rule(Some(TASK))
    };
    assert_eq!(problems("this.title in input.seats", &scope), "");
    assert_eq!(
        problems(
            "input.count != null && input.count > size(input.seats)",
            &scope
        ),
        ""
    );
    assert_eq!(
        problems(
            "input.seats.exists(s, s.startsWith('A') && s != this.title)",
            &scope
        ),
        ""
    );
    insta::assert_snapshot!(problems("input.count > 1", &scope), @"E0330 ‹input.count› `input.count` may be null here (may be null) → write `input.count != null && input.count > 1`, or `input.count == null || input.count > 1`");
    insta::assert_snapshot!(problems("input.seat == 'a'", &scope), @"E0311 ‹seat› the input has no member named `seat` (not in input) → did you mean `seats`?");
    insta::assert_snapshot!(problems("seats == 'a'", &scope), @"E0310 ‹seats› there is no rule named `seats` (unknown name) → write `input.seats`");
    insta::assert_snapshot!(problems("input == 1", &scope), @"E0321 ‹input› `input` is all arguments together (not a single value) → write `input.NAME`");
}

#[test]
fn next_and_row_are_rows_of_their_own() {
    let scope = Scope {
        next: true,
        row: Some(USER),
        ..Scope::rule(Some(TASK))
    };
    assert_eq!(
        problems(
            "next.list_id == this.list_id && row.id == this.list.owner_id && row.self",
            &scope
        ),
        ""
    );
    let nobody = Scope {
        input: vec![],
        ..Scope::rule(None)
    };
    insta::assert_snapshot!(problems("this.done || late", &nobody), @"
    E0314 ‹this› there is no record here that `this` could be (not available here)
    E0310 ‹late› there is no rule named `late` (unknown name) → declare it under `rules:`, such as `late: user.role == 'late'`; if it is a text, put it in quotes: `'late'`
    ");
}

#[test]
fn claims_take_the_type_they_meet() {
    let types = |text: &str| {
        let mut found = vec![];
        claims(&task_rule(text), &mut found);
        found.join(", ")
    };
    assert_eq!(types("this.assignee_id == user.id"), "user id");
    assert_eq!(types("user.id == this.list_id"), "list id");
    assert_eq!(types("user.level > 3"), "int64");
    assert_eq!(types("this.stars < user.level"), "integer");
    assert_eq!(types("user.factor * 0.5 > this.weight"), "number");
    assert_eq!(types("this.cost < user.budget"), "decimal");
    assert_eq!(types("user.born < '2000-01-01'"), "string");
    assert_eq!(types("user.born < date(now)"), "date");
    assert_eq!(types("date(user.born) < '2000-01-01'"), "date");
    assert_eq!(types("user.since + duration('1h') < now"), "date-time");
    assert_eq!(
        types("user.admin || user.tester == true"),
        "boolean, boolean"
    );
    assert_eq!(types("user.a == user.b"), "string, string");
    assert_eq!(types("user.email.endsWith(user.domain)"), "string, string");
    assert_eq!(types("user.role in ['a', 'b']"), "string");
    assert_eq!(types("this.list_id in user.lists"), "list of list ids");
    assert_eq!(
        types("(this.done ? user.a : user.b) == this.code"),
        "uuid, uuid"
    );
    assert_eq!(
        types("this.list_id in [user.list, user.other]"),
        "list id, list id"
    );
    assert_eq!(
        types("this.assignee_id != null && this.assignee.role == user.role"),
        "enum"
    );
}

fn claims(expr: &Expr, found: &mut Vec<String>) {
    if let Node::Caller(_) = expr.node {
        found.push(expr.ty.name().into_owned());
    }
    expr.each_child(&mut |child| claims(child, found));
}

#[test]
fn what_is_wrong_elsewhere_is_not_told_again() {
    for text in [
        "wrong",
        "wrong || late",
        "loop_a",
        "this.list.tasks.exists(t, t.wrong)",
        "!loop_b",
    ] {
        let scope = Scope::rule(Some(TASK));
        assert_eq!(problems(text, &scope), "told elsewhere", "{text}");
    }
}

#[test]
fn a_circle_of_rules_is_told_with_its_path() {
    struct Circle;
    impl Schema for Circle {
        fn property(&self, _: ResourceId, _: &str) -> Result<Property, Unresolved> {
            Err(Unresolved::Unknown)
        }
        fn rule(&self, _: Option<ResourceId>, name: &str) -> Result<Arc<RuleDef>, Unresolved> {
            match name {
                "a" => Err(Unresolved::Cycle(vec!["a".into(), "b".into()])),
                "me" => Err(Unresolved::Cycle(vec!["me".into()])),
                _ => Err(Unresolved::TooDeep),
            }
        }
        fn property_names(&self, _: ResourceId) -> Vec<String> {
            vec![]
        }
        fn rule_names(&self, _: Option<ResourceId>) -> Vec<String> {
            vec![]
        }
        fn resource_name(&self, _: ResourceId) -> &str {
            ""
        }
    }
    let text = "a || me || deep";
    let (expr, problems) = check(text, &Scope::rule(None), &Circle);
    assert_eq!(expr, None);
    insta::assert_snapshot!(shown(text, &problems), @"
    E0315 ‹a› `a` needs itself to be answered (`a` → `b` → `a`) → rules and formulas must not go in circles; spell one of them out
    E0315 ‹me› `me` needs itself to be answered (`me` → `me`) → rules and formulas must not go in circles; spell one of them out
    E0302 ‹deep› `deep` uses too many others through one another (the chain is too long) → ask fewer rules through one another
    ");
}

#[test]
fn rules_through_rules_are_bounded() {
    let scope = Scope::rule(None);
    assert_eq!(problems("chain30", &scope), "");
    // The rule itself was refused, where it stands.
    assert_eq!(problems("chain40", &scope), "told elsewhere");
    insta::assert_snapshot!(problems("!!!!(chain30)", &scope), @"E0302 ‹!!!!(chain30)› with the rules it uses this is more than 64 levels deep (too deep) → ask fewer rules through one another");
    // 300 times 62 parts.
    let wide = vec!["chain30"; 300].join(" || ");
    let told = problems(&wide, &scope);
    assert!(
        told.starts_with(
            "E0302 ‹chain30› with the rules and formulas it uses this has more than 5000 parts"
        ),
        "{told}"
    );
    assert_eq!(told.lines().count(), 1);
}

#[test]
fn computed_fields_are_spelled_out() {
    let names = Todo::new();
    let print = |text: &str| expr::explain::print(&task_rule(text), &SchemaNames(&names));
    assert_eq!(print("this.list.size > 3"), "this.list.tasks.count() > 3");
    assert_eq!(
        print("this.list.tasks.exists(t, t.list.stars != null && t.list.stars > 3)"),
        "this.list.tasks.exists(x, x.list.tasks.avg(y, y.stars) != null && x.list.tasks.avg(y, y.stars) > 3.0)"
    );
}

#[test]
fn one_mistake_hides_no_other() {
    says(&[
        (
            "this.titel + this.due < this.stars",
            "E0311 ‹titel› Task has no field, relation, list or rule named `titel` (not in Task) → did you mean `title`?\nE0330 ‹this.due› `this.due` may be null here (may be null) → write `this.due != null && this.titel + this.due < this.stars`, or `this.due == null || this.titel + this.due < this.stars`",
        ),
        (
            "this.titel < this.due",
            "E0311 ‹titel› Task has no field, relation, list or rule named `titel` (not in Task) → did you mean `title`?\nE0330 ‹this.due› `this.due` may be null here (may be null) → write `this.due != null && this.titel < this.due`, or `this.due == null || this.titel < this.due`",
        ),
        (
            "this.titel.startsWith(this.tilte)",
            "E0311 ‹titel› Task has no field, relation, list or rule named `titel` (not in Task) → did you mean `title`?\nE0311 ‹tilte› Task has no field, relation, list or rule named `tilte` (not in Task) → did you mean `title`?",
        ),
        (
            "this.stars.startsWith(this.tilte)",
            "E0321 ‹this.stars› a text is expected, not an integer (this is an integer) → only texts have it: compare `this.stars` itself\nE0311 ‹tilte› Task has no field, relation, list or rule named `tilte` (not in Task) → did you mean `title`?",
        ),
        (
            "this.title.startswith(this.tilte)",
            "E0312 ‹startswith› there is no method `startswith` (unknown method) → write `.startsWith('text')`\nE0311 ‹tilte› Task has no field, relation, list or rule named `tilte` (not in Task) → did you mean `title`?",
        ),
        (
            "lower(this.tilte) == this.titel",
            "E0312 ‹lower› there is no function `lower` (unknown function) → write `this.tilte.lowerAscii()`\nE0311 ‹tilte› Task has no field, relation, list or rule named `tilte` (not in Task) → did you mean `title`?\nE0311 ‹titel› Task has no field, relation, list or rule named `titel` (not in Task) → did you mean `title`?",
        ),
        (
            "this.stars in ['a', 'b']",
            "E0322 ‹'a'› 'a' is a string, not an integer (an integer is expected) → write an integer such as `3`\nE0322 ‹'b'› 'b' is a string, not an integer (an integer is expected) → write an integer such as `3`",
        ),
        (
            "this.assignee_id == null || this.assignee.role in ['redaer', 'stff']",
            "E0322 ‹'redaer'› 'redaer' is not one of reader, staff (not one of its values) → did you mean 'reader'?\nE0322 ‹'stff'› 'stff' is not one of reader, staff (not one of its values) → did you mean 'staff'?",
        ),
        (
            "this.titles.exists(t, t.x)",
            "E0311 ‹titles› Task has no field, relation, list or rule named `titles` (not in Task) → did you mean `title`?",
        ),
    ]);
}

/// A contract that says callers are users: with a field for each name that rules may read.
struct Known(Todo);

impl Schema for Known {
    fn property(&self, resource: ResourceId, name: &str) -> Result<Property, Unresolved> {
        self.0.property(resource, name)
    }

    fn rule(&self, resource: Option<ResourceId>, name: &str) -> Result<Arc<RuleDef>, Unresolved> {
        self.0.rule(resource, name)
    }

    fn property_names(&self, resource: ResourceId) -> Vec<String> {
        self.0.property_names(resource)
    }

    fn rule_names(&self, resource: Option<ResourceId>) -> Vec<String> {
        self.0.rule_names(resource)
    }

    fn resource_name(&self, resource: ResourceId) -> &str {
        self.0.resource_name(resource)
    }

    fn user(&self, name: &str) -> UserField {
        let ty = match name {
            "age" => Type::Int32,
            "trusted" => Type::Bool,
            "since" => Type::Timestamp,
            "torn" => return UserField::Broken,
            name => match self.0.property(USER, name) {
                Ok(Property::Field { ty, .. }) => ty,
                _ => {
                    return UserField::Wrong {
                        message: format!("no `{name}`"),
                        label: "here".to_owned(),
                        help: "write another".to_owned(),
                    };
                }
            },
        };
        UserField::Field(ty)
    }
}

#[test]
fn what_is_known_of_users_has_types_of_its_own() {
    let schema = Known(Todo::new());
    let codes = |text: &str| -> Vec<&'static str> {
        let (found, problems) = check(text, &Scope::rule(Some(TASK)), &schema);
        let codes: Vec<&'static str> = problems.iter().map(|problem| problem.code).collect();
        assert!(found.is_none() || codes.is_empty(), "{text}");
        codes
    };
    for fine in [
        "user.role == 'staff'",
        "user.role in ['staff', 'reader']",
        "user.trusted",
        "user.age >= 18 && user.age + 1 > this.stars",
        "user.since < now - duration('24h')",
        "user.name == user.email",
        "user.name.startsWith('A')",
        "this.title == user.name",
        "user.role == user.name",
        "this.assignee_id == user.id",
    ] {
        assert_eq!(codes(fine), [""; 0], "{fine}");
    }
    for (wrong, code) in [
        ("user.role == 'staf'", "E0322"),
        ("user.role == staff", "E0310"),
        ("user.role == 3", "E0320"),
        ("user.name > 3", "E0320"),
        ("user.name", "E0321"),
        ("user.age", "E0321"),
        ("user.age == '18'", "E0322"),
        ("'a' in user.name", "E0321"),
        ("this.stars == user.name", "E0320"),
        ("this.list_id == user.id", "E0320"),
        ("this.title == user.id", "E0320"),
        ("user.tenant == 'a'", "E0311"),
        ("user.name != null", "E0332"),
        ("user.name.size", "E0311"),
    ] {
        assert_eq!(codes(wrong), [code], "{wrong}");
    }
    // What is wrong elsewhere is told there.
    let (found, problems) = check("user.torn == 3", &Scope::rule(None), &schema);
    assert!(found.is_none() && problems.is_empty());
    // A claim is read as the field's type, whatever it meets.
    let (found, _) = check("user.role == user.name", &Scope::rule(None), &schema);
    let Some(Node::Compare(_, left, _)) = found.map(|found| found.node) else {
        panic!("a comparison")
    };
    assert!(matches!(left.ty, Type::Enum(_)), "{:?}", left.ty);
}
