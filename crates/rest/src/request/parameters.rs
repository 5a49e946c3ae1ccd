//! The query string: `limit cursor sort fields include q total` and filters.

use call::{
    Code, Failure, FieldProblem, Filter, Operand, Operator, Place, Query, SortKey, ViewRequest,
};
use model::{Action, ListStyle};
use web::query::{Parameter, QueryError};

use crate::failure::Refusal;

/// What lists understand beside filters.
const OF_LISTS: [&str; 7] = ["cursor", "fields", "include", "limit", "q", "sort", "total"];
/// What other APIs call them.
const ELSEWHERE: [(&str, &[&str]); 5] = [
    ("cursor", &["page", "offset", "skip", "page_token"]),
    ("fields", &["select", "only"]),
    ("include", &["expand", "embed", "with"]),
    (
        "limit",
        &["per_page", "page_size", "pagesize", "size", "top"],
    ),
    (
        "sort",
        &["order", "order_by", "orderby", "ordering", "sort_by"],
    ),
];
/// What everything that answers with one record understands.
const OF_RECORDS: [&str; 2] = ["fields", "include"];
/// What writes understand that answer with a record, those of many records, and those that
/// answer with nothing.
const OF_WRITES: [&str; 3] = ["dry_run", "fields", "include"];
const OF_BATCHES: [&str; 2] = ["dry_run", "fields"];
const OF_DELETES: [&str; 1] = ["dry_run"];

/// Reads the query string of a request for one record, and collects everything that is wrong with it.
pub fn of_record(query: &str) -> Result<ViewRequest, Refusal> {
    let parameters = web::query::parse(Some(query)).map_err(unreadable)?;
    let mut reader = Reader::default();
    for parameter in &parameters {
        reader.of_record(parameter);
    }
    reader.end()?;
    Ok(reader.view)
}

/// Reads the query string of a list, whose style may name its parameters otherwise. What is wrong
/// goes on to the engine, which may find more.
pub fn of_list(query: &str, style: &ListStyle) -> Result<(Query, ViewRequest), Refusal> {
    let parameters = web::query::parse(Some(query)).map_err(unreadable)?;
    let mut reader = Reader::default();
    for parameter in &parameters {
        match (&*parameter.name, &parameter.bracket) {
            (name, None) if *name == *style.limit => {
                reader.query.limit = reader.limit(&style.limit, &parameter.value);
            }
            // A filter like any other name.
            ("limit", None) => reader.filter(parameter),
            ("total", None) if style.bare => reader.filter(parameter),
            _ => reader.of_list(parameter),
        }
    }
    reader.query.unreadable = reader.faults;
    Ok((reader.query, reader.view))
}

/// Reads the query string of a write: what to answer with, and whether to do it only for show.
pub fn of_write(
    query: &str,
    action: Action,
    is_batch: bool,
) -> Result<(ViewRequest, bool), Refusal> {
    let parameters = web::query::parse(Some(query)).map_err(unreadable)?;
    let mut reader = Reader::default();
    let mut dry_run = false;
    let known: &[&'static str] = match action {
        _ if is_batch => &OF_BATCHES,
        Action::Delete => &OF_DELETES,
        _ => &OF_WRITES,
    };
    for parameter in &parameters {
        match (&*parameter.name, &parameter.bracket) {
            ("dry_run", None) => match &*parameter.value {
                "true" => dry_run = true,
                "false" => dry_run = false,
                _ => reader.fault(parameter, "invalid", "`dry_run` is `true` or `false`."),
            },
            (name, None) if known.contains(&name) => reader.of_record(parameter),
            _ => reader.unknown(parameter, known),
        }
    }
    reader.end()?;
    Ok((reader.view, dry_run))
}

/// Makes sure that there are no parameters, where there is nothing they could say.
pub fn of_nothing(query: &str) -> Result<(), Refusal> {
    let parameters = web::query::parse(Some(query)).map_err(unreadable)?;
    let mut reader = Reader::default();
    for parameter in &parameters {
        reader.unknown(parameter, &[]);
    }
    reader.end()
}

#[derive(Default)]
struct Reader {
    query: Query,
    view: ViewRequest,
    faults: Vec<FieldProblem>,
}

impl Reader {
    fn end(&mut self) -> Result<(), Refusal> {
        match std::mem::take(&mut self.faults) {
            faults if faults.is_empty() => Ok(()),
            faults => Err(Failure::with_problems(Code::Malformed, faults).into()),
        }
    }

    fn of_list(&mut self, parameter: &Parameter<'_>) {
        let value = &*parameter.value;
        match (&*parameter.name, &parameter.bracket) {
            ("limit", None) => self.query.limit = self.limit("limit", value),
            ("cursor", None) if value.is_empty() => {
                self.fault(
                    parameter,
                    "invalid",
                    "`cursor` is empty; leave it out to begin at the start.",
                );
            }
            ("cursor", None) => self.query.cursor = Some(value.to_owned()),
            ("sort", None) => self.sort(parameter),
            ("q", None) => self.query.words = Some(value.to_owned()),
            ("total", None) => match value {
                "true" => self.query.total = true,
                "false" => self.query.total = false,
                _ => self.fault(parameter, "invalid", "`total` is `true` or `false`."),
            },
            ("fields" | "include", None) => self.of_record(parameter),
            _ => self.filter(parameter),
        }
    }

    fn of_record(&mut self, parameter: &Parameter<'_>) {
        match (&*parameter.name, &parameter.bracket) {
            ("fields", None) => self.view.fields = Some(self.names(parameter, "id,title")),
            ("include", None) => self.view.include = self.names(parameter, "author,reviews"),
            _ => self.unknown(parameter, &OF_RECORDS),
        }
    }

    fn limit(&mut self, name: &str, value: &str) -> Option<u32> {
        if value.is_empty() || !value.bytes().all(|byte| byte.is_ascii_digit()) {
            let detail = format!("`{name}` is a whole number, 1 or more.");
            self.fault_at(name, "invalid", detail);
            return None;
        }
        // Too large a number is lowered, here to what fits, by the engine to the maximum.
        let limit = value.parse().unwrap_or(u32::MAX);
        if limit == 0 {
            self.fault_at(name, "too_small", format!("`{name}` is at least 1."));
            return None;
        }
        Some(limit)
    }

    fn sort(&mut self, parameter: &Parameter<'_>) {
        for key in parameter.value.split(',') {
            let (descending, field) = match key.strip_prefix('-') {
                Some(field) => (true, field),
                None => (false, key),
            };
            if key.is_empty() {
                self.name_missing(parameter);
            } else if !is_name(field) {
                let detail = format!(
                    "`{}` is not a sort key; write field names with commas between them and `-` \
                     before those to sort downwards, such as `sort=-published,title`.",
                    shown(key)
                );
                self.fault(parameter, "invalid", detail);
            } else if self.query.sort.iter().any(|known| known.field == field) {
                let detail = format!("`{}` is a sort key already; name it once.", shown(field));
                self.fault(parameter, "repeated", detail);
            } else {
                self.query.sort.push(SortKey {
                    field: field.to_owned(),
                    descending,
                });
            }
        }
    }

    /// Told once, however many commas there are.
    fn name_missing(&mut self, parameter: &Parameter<'_>) {
        let name = &parameter.name;
        let detail = match parameter.value.is_empty() {
            true => format!("after `{name}=` a name is missing; write one, or leave `{name}` out."),
            false => "a name is missing before, between or after the commas.".to_owned(),
        };
        let place = Place::Parameter(parameter.to_string());
        let told = |known: &FieldProblem| known.detail == detail && known.place == place;
        if !self.faults.iter().any(told) {
            self.fault(parameter, "invalid", detail);
        }
    }

    /// A list of names with commas between them.
    fn names(&mut self, parameter: &Parameter<'_>, example: &str) -> Vec<String> {
        let mut names: Vec<String> = Vec::new();
        for name in parameter.value.split(',') {
            if name.is_empty() {
                self.name_missing(parameter);
            } else if !name.split('.').all(is_name) {
                let detail = format!(
                    "`{}` is not a name; write names with commas between them, such as \
                     `{}={example}`.",
                    shown(name),
                    parameter.name
                );
                self.fault(parameter, "invalid", detail);
            } else if !names.iter().any(|known| known == name) {
                names.push(name.to_owned());
            }
        }
        names
    }

    fn filter(&mut self, parameter: &Parameter<'_>) {
        let operator = match &parameter.bracket {
            None => Operator::Eq,
            Some(word) => match Operator::parse(word) {
                Some(operator) => operator,
                None => {
                    let operators = Operator::ALL.map(Operator::name);
                    let detail = format!(
                        "`{}` is not an operator{}; the operators are {}.",
                        shown(word),
                        nearest(word, operators),
                        operators.join(", ")
                    );
                    return self.fault(parameter, "unknown_operator", detail);
                }
            },
        };
        let (relation, field) = match parameter.name.split_once('.') {
            Some((relation, field)) => (Some(relation), field),
            None => (None, &*parameter.name),
        };
        if !is_name(field) || !relation.is_none_or(is_name) {
            let detail = format!(
                "`{}` is neither a field nor `relation.field`.",
                shown(&parameter.name)
            );
            return self.fault(parameter, "unknown_parameter", detail);
        }
        self.query.filters.push(Filter {
            relation: relation.map(str::to_owned),
            field: field.to_owned(),
            operator,
            operand: Operand::Text(parameter.value.clone().into_owned()),
            place: Place::Parameter(parameter.to_string()),
        });
    }

    fn unknown(&mut self, parameter: &Parameter<'_>, allowed: &[&'static str]) {
        let detail = if allowed.is_empty() {
            "There are no parameters here.".to_owned()
        } else if OF_LISTS.contains(&&*parameter.name) {
            format!(
                "`{}` is a parameter of lists; the parameters here are {}.",
                parameter.name,
                allowed.join(", ")
            )
        } else {
            let spelled = parameter.to_string();
            format!(
                "`{}` is not a parameter{}; the parameters here are {}.",
                shown(&spelled),
                nearest(&parameter.name, allowed.iter().copied()),
                allowed.join(", ")
            )
        };
        self.fault(parameter, "unknown_parameter", detail);
    }

    fn fault(&mut self, parameter: &Parameter<'_>, code: &'static str, detail: impl Into<String>) {
        self.fault_at(&parameter.to_string(), code, detail);
    }

    fn fault_at(&mut self, parameter: &str, code: &'static str, detail: impl Into<String>) {
        let place = Place::Parameter(parameter.to_owned());
        self.faults.push(FieldProblem {
            place,
            code,
            detail: detail.into(),
        });
    }
}

/// The parameter of lists of this style that was probably meant by a filter on an unknown field.
pub fn nearest_of_lists<'a>(word: &str, style: &'a ListStyle) -> Option<&'a str> {
    if word == "limit" {
        // Whoever sends it means nothing else, whatever it is called here.
        return Some(&style.limit);
    }
    let meant = ELSEWHERE.iter().find(|(_, names)| names.contains(&word));
    if let Some((meant, _)) = meant {
        return match *meant {
            "limit" => Some(&style.limit),
            other => Some(other),
        };
    }
    let others = OF_LISTS
        .into_iter()
        .filter(|name| *name != "limit" && !(style.bare && *name == "total"));
    diag::suggest::nearest(word, others.chain([&*style.limit]))
}

/// What a field or relation can be called at all. What passes is told back whole in refusals.
pub(super) fn is_name(text: &str) -> bool {
    /// Contracts allow 50, and `_id` may follow.
    const BYTES_MAX: usize = 64;
    (1..=BYTES_MAX).contains(&text.len())
        && text
            .bytes()
            .all(|byte| byte.is_ascii_alphanumeric() || byte == b'_')
}

/// What a client sent, short enough for a sentence.
pub(super) fn shown(text: &str) -> &str {
    const CHARACTERS: usize = 60;
    text.char_indices()
        .nth(CHARACTERS)
        .map_or(text, |(end, _)| &text[..end])
}

pub(super) fn nearest(word: &str, known: impl IntoIterator<Item = &'static str>) -> String {
    diag::suggest::nearest(word, known)
        .map_or_else(String::new, |found| format!(" (did you mean `{found}`?)"))
}

fn unreadable(error: QueryError) -> Refusal {
    let detail = error.to_string();
    let (code, name) = match error {
        QueryError::Percent(name) | QueryError::Encoding(name) | QueryError::Control(name) => {
            ("invalid_encoding", name)
        }
        QueryError::Name(name) => ("unknown_parameter", name),
        QueryError::Repeated(name) => ("repeated", name),
        QueryError::TooLong(name) => ("too_long", name),
        QueryError::TooMany => return Failure::new(Code::Malformed, detail).into(),
    };
    let fault = FieldProblem {
        place: Place::Parameter(name),
        code,
        detail,
    };
    Failure::with_problems(Code::Malformed, vec![fault]).into()
}

#[cfg(test)]
mod tests {
    use super::*;

    /// What the query string of a list or of one record is read as, or where it is wrong.
    #[track_caller]
    fn check(action: Action, query: &str, expected: &str) {
        let read = match action {
            Action::List => of_list(query, &ListStyle::default()),
            _ => of_record(query).map(|view| (Query::default(), view)),
        };
        let found = match read {
            Ok((query, _)) if !query.unreadable.is_empty() => {
                let told = query.unreadable.iter().map(|fault| match &fault.place {
                    Place::Parameter(name) => format!("!{name} {}", fault.code),
                    other => panic!("{other:?}"),
                });
                told.collect::<Vec<_>>().join(" ")
            }
            Ok((query, view)) => {
                let mut words = Vec::new();
                for filter in &query.filters {
                    let Operand::Text(operand) = &filter.operand else {
                        panic!("not text")
                    };
                    let relation = filter.relation.as_deref().unwrap_or("-");
                    words.push(format!(
                        "{relation}/{} {} {operand:?}",
                        filter.field,
                        filter.operator.name()
                    ));
                }
                for key in &query.sort {
                    words.push(format!(
                        "{}{}",
                        if key.descending { "↓" } else { "↑" },
                        key.field
                    ));
                }
                words.extend(query.words.map(|words| format!("q {words:?}")));
                words.extend(query.limit.map(|limit| format!("limit {limit}")));
                words.extend(query.cursor.map(|cursor| format!("cursor {cursor:?}")));
                words.extend(query.total.then(|| "total".to_owned()));
                words.extend(view.fields.map(|fields| format!("fields {fields:?}")));
                if !view.include.is_empty() {
                    words.push(format!("include {:?}", view.include));
                }
                words.join(" ")
            }
            Err(refusal) => {
                let problem = refusal.problem();
                assert_eq!(
                    (problem.status().as_u16(), problem.code()),
                    (400, "malformed")
                );
                let told = problem.faults().iter().map(|fault| match &fault.place {
                    web::problem::Place::Parameter(name) => format!("!{name} {}", fault.code),
                    other => panic!("{other:?}"),
                });
                told.collect::<Vec<_>>().join(" ")
            }
        };
        assert_eq!(found, expected, "{query}");
    }

    #[test]
    fn lists_are_read() {
        for (query, expected) in [
            ("", ""),
            ("limit=20", "limit 20"),
            ("limit=007", "limit 7"),
            ("limit=99999999999999999999", "limit 4294967295"),
            ("cursor=abc", "cursor \"abc\""),
            ("sort=-published,title", "↓published ↑title"),
            ("q=two+words", "q \"two words\""),
            ("q=", "q \"\""),
            ("total=true", "total"),
            ("total=false", ""),
            (
                "fields=id,author.name,id",
                "fields [\"id\", \"author.name\"]",
            ),
            (
                "include=author,reviews.reader",
                "include [\"author\", \"reviews.reader\"]",
            ),
            (
                "state=held&price[lte]=20",
                "-/state eq \"held\" -/price lte \"20\"",
            ),
            (
                "id[in]=a,b&author.name=x",
                "-/id in \"a,b\" author/name eq \"x\"",
            ),
            (
                "author.name%5Bstarts_with%5D=%C3%A9",
                "author/name starts_with \"é\"",
            ),
            (
                "price[gte]=1&price[lte]=2",
                "-/price gte \"1\" -/price lte \"2\"",
            ),
            ("title=", "-/title eq \"\""),
            // A field may be called like a parameter.
            (
                "total[eq]=3&limit[gt]=1",
                "-/total eq \"3\" -/limit gt \"1\"",
            ),
        ] {
            check(Action::List, query, expected);
        }
    }

    #[test]
    fn what_cannot_be_read_is_refused_at_its_place() {
        for (query, expected) in [
            ("limit=", "!limit invalid"),
            ("limit=-1", "!limit invalid"),
            ("limit=1.0", "!limit invalid"),
            ("limit=0", "!limit too_small"),
            ("limit=1&limit=2", "!limit repeated"),
            ("total=maybe", "!total invalid"),
            ("total=", "!total invalid"),
            ("cursor=", "!cursor invalid"),
            ("sort=", "!sort invalid"),
            ("sort=title,", "!sort invalid"),
            ("sort=%2Btitle", "!sort invalid"),
            ("sort=title,-title", "!sort repeated"),
            ("fields=", "!fields invalid"),
            ("fields=a..b", "!fields invalid"),
            ("include=a b", "!include invalid"),
            ("price[between]=1", "!price[between] unknown_operator"),
            ("price[LTE]=1", "!price[LTE] unknown_operator"),
            ("a.b.c=1", "!a.b.c unknown_parameter"),
            (".b=1", "!.b unknown_parameter"),
            ("ti-tle=1", "!ti-tle unknown_parameter"),
            ("a=%zz", "!a invalid_encoding"),
            ("a[b=1", "!a[b unknown_parameter"),
            (
                "limit=x&total=y&z[q]=1",
                "!limit invalid !total invalid !z[q] unknown_operator",
            ),
        ] {
            check(Action::List, query, expected);
        }
    }

    #[test]
    fn single_records_know_two_parameters() {
        let get = Action::Get;
        check(
            get,
            "fields=id&include=author",
            "fields [\"id\"] include [\"author\"]",
        );
        check(get, "title=x", "!title unknown_parameter");
        check(get, "limit=1", "!limit unknown_parameter");
        check(get, "fields[eq]=1", "!fields[eq] unknown_parameter");
        check(get, "dry_run=true", "!dry_run unknown_parameter");
    }

    #[test]
    fn writes_can_be_for_show() {
        #[track_caller]
        fn check(action: Action, is_batch: bool, query: &str, expected: &str) {
            let found = match of_write(query, action, is_batch) {
                Ok((view, dry_run)) => format!("{:?} {:?} {dry_run}", view.fields, view.include),
                Err(refusal) => {
                    let problem = refusal.problem();
                    let fault = &problem.faults()[0];
                    format!("{:?} {}", fault.place, fault.code)
                }
            };
            assert_eq!(found, expected, "{query}");
        }
        let create = Action::Create;
        for action in [create, Action::Update, Action::Replace] {
            let query = "fields=id&include=author&dry_run=true";
            check(action, false, query, "Some([\"id\"]) [\"author\"] true");
            let unknown = "Parameter(\"limit\") unknown_parameter";
            check(action, false, "limit=1", unknown);
        }
        check(create, false, "dry_run=false", "None [] false");
        check(create, false, "dry_run=", "Parameter(\"dry_run\") invalid");
        let bracket = "Parameter(\"dry_run[eq]\") unknown_parameter";
        check(create, false, "dry_run[eq]=true", bracket);
        check(
            create,
            true,
            "fields=id&dry_run=true",
            "Some([\"id\"]) [] true",
        );
        let include = "Parameter(\"include\") unknown_parameter";
        check(create, true, "include=author", include);
        check(Action::Delete, false, "dry_run=true", "None [] true");
        let fields = "Parameter(\"fields\") unknown_parameter";
        check(Action::Delete, false, "fields=id", fields);
    }

    #[test]
    fn refusals_name_what_was_meant() {
        for (query, expected) in [
            (
                "feilds=id",
                "`feilds` is not a parameter (did you mean `fields`?); the parameters here are fields, include.",
            ),
            (
                "limit=1",
                "`limit` is a parameter of lists; the parameters here are fields, include.",
            ),
        ] {
            let refusal = of_record(query).unwrap_err();
            assert_eq!(refusal.problem().faults()[0].detail, expected);
        }
        let (query, _) = of_list("price[start_with]=1", &ListStyle::default()).unwrap();
        assert_eq!(
            query.unreadable[0].detail,
            "`start_with` is not an operator (did you mean `starts_with`?); the operators are eq, \
             ne, lt, lte, gt, gte, in, contains, starts_with, is_null."
        );
    }
}
