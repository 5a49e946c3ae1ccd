//! Access tests: `tests:` of a resource. Reads and checks them; running them is the server's.

use diag::{Diagnostic, Diagnostics, Sources};
use model::{Access, AccessTest, Action, Expectation, Rule, TestCaller};

use crate::codes;
use crate::form::one_of;
use crate::json;
use crate::person;
use crate::read::{Item, Text, names_of};
use crate::resolve::{Lookup, Property, ResourceDraft};
use crate::yaml::Kind;

/// Tests of one resource.
const TESTS_MAX: usize = 1_000;

/// The tests of a resource. `field_rules`: those its refusals can name, besides `access`'s.
/// `people`: the resource that callers are records of.
pub fn read(
    draft: &ResourceDraft<'_, '_>,
    access: &Access,
    field_rules: &[&Rule],
    people: Option<&ResourceDraft<'_, '_>>,
    sources: &Sources,
    out: &mut Diagnostics,
) -> Vec<AccessTest> {
    let Some(list) = draft.item.get("tests") else {
        return vec![];
    };
    if let Some(extra) = list.items().get(TESTS_MAX) {
        out.push(
            Diagnostic::error(
                codes::TOO_MANY,
                crate::read::head(sources, extra.span()),
                format!("a resource has at most {TESTS_MAX} tests"),
            )
            .label("one too many")
            .help("keep those that show something the others do not"),
        );
    }
    let mut reader = Reader {
        draft,
        access,
        field_rules,
        people,
        torn: draft.item.node.torn_inside(),
        sources,
        out,
    };
    list.items()
        .iter()
        .take(TESTS_MAX)
        .filter_map(|item| reader.test(item))
        .collect()
}

struct Reader<'t, 'r, 'a> {
    draft: &'t ResourceDraft<'r, 'a>,
    access: &'t Access,
    field_rules: &'t [&'t Rule],
    people: Option<&'t ResourceDraft<'t, 't>>,
    /// Some of the resource could not be read.
    torn: bool,
    sources: &'t Sources,
    out: &'t mut Diagnostics,
}

impl<'t, 'a> Reader<'t, '_, 'a> {
    fn test(&mut self, item: &Item<'a>) -> Option<AccessTest> {
        let record = self.values(item, "record");
        let input = self.values(item, "input");
        let caller = self.caller(item);
        let action = self.action(item);
        if let Some(action) = action {
            self.fitting(item, action);
        }
        let expect = item
            .text("expect")
            .and_then(|text| self.expectation(text, action));
        let span = item.span();
        let (line, _) = self.sources.line_column(span);
        Some(AccessTest {
            name: item
                .text("name")
                .map(|name| name.as_str().trim().to_owned()),
            resource: self.draft.id,
            caller: caller?,
            action: action?,
            record: record?,
            input: input?,
            expect: expect?,
            file: self.sources.path(span.file).to_owned(),
            line: u32::try_from(line).unwrap_or(u32::MAX),
        })
    }

    fn action(&mut self, item: &Item<'a>) -> Option<Action> {
        let text = item.text("action")?;
        let action = Action::ALL
            .into_iter()
            .find(|known| known.name() == text.as_str())?;
        if action == Action::Restore
            && self.draft.item.entry("soft_delete").is_none()
            && !self.draft.item.node.torn
        {
            self.out.push(
                Diagnostic::error(
                    codes::TEST,
                    text.span(),
                    format!(
                        "what is deleted from `{}` is gone for good",
                        self.draft.name()
                    ),
                )
                .label("nothing can be restored")
                .help("write `soft_delete: 30d` in the resource, or delete this test"),
            );
        }
        Some(action)
    }

    /// What an action has no use for.
    fn fitting(&mut self, item: &Item<'a>, action: Action) {
        let needless = match action {
            Action::Create => (
                "record",
                "nothing is stored yet: what is created goes into `input`",
            ),
            Action::List | Action::Get | Action::Delete | Action::Restore => (
                "input",
                "this action writes nothing: what is there goes into `record`",
            ),
            Action::Update | Action::Replace => return,
        };
        if let Some(entry) = item.entry(needless.0) {
            self.out.push(
                Diagnostic::error(
                    codes::TEST,
                    entry.key.span,
                    format!(
                        "`{}` does not go with the action `{}`",
                        entry.name,
                        action.name()
                    ),
                )
                .label("without effect")
                .help(needless.1),
            );
        }
    }

    /// The outer option is `None` for a mistake, the inner one for a guest.
    #[allow(clippy::option_option)]
    fn caller(&mut self, item: &Item<'a>) -> Option<Option<TestCaller>> {
        let Some(caller) = item.entry("as") else {
            return Some(None);
        };
        if caller.item.is_broken() {
            return None;
        }
        if caller.item.as_text().is_some() {
            return Some(None);
        }
        let mut found = TestCaller::default();
        let mut whole = true;
        for entry in caller.item.get("user")?.entries() {
            let node = entry.item.node;
            if entry.item.is_broken() {
                whole = false;
                continue;
            }
            let Ok(field) = self.known(entry) else {
                whole = false;
                continue;
            };
            let text = match &node.kind {
                Kind::String(text) => text.clone(),
                Kind::Int(_) | Kind::Float(_) | Kind::Bool(_) => {
                    node.source(self.sources.text(node.span.file)).to_owned()
                }
                Kind::List(_) if field.is_none() => json::plain(node).to_string(),
                Kind::List(_) | Kind::Null | Kind::Map(_) => {
                    self.out.push(
                        Diagnostic::error(
                            codes::TEST,
                            entry.key.span,
                            format!(
                                "the claim `{}` must be a word, a number or a list",
                                entry.name
                            ),
                        )
                        .label("not a claim")
                        .help("leave a claim out that the caller does not have"),
                    );
                    whole = false;
                    continue;
                }
            };
            if let Some(field) = field
                && let Err(why) = value::text::parse(&field.shape.ty, &text)
            {
                self.out.push(
                    Diagnostic::error(
                        codes::TEST,
                        entry.item.span(),
                        format!("`user.{}` cannot be this: {}", entry.name, why.detail),
                    )
                    .label("not a value of this field")
                    .help(format!(
                        "write a value that the field `{}` can hold, which is {}",
                        entry.name,
                        field.shape.ty.describe()
                    )),
                );
                whole = false;
                continue;
            }
            if entry.name == "id" {
                found.id = Some(text);
            } else {
                found.claims.push((entry.name.to_owned(), text));
            }
        }
        whole.then_some(Some(found))
    }

    /// The field of the caller's record that a claim is; `Ok(None)` where it can be anything, an
    /// error where it is none, which has been reported.
    fn known(&mut self, entry: &crate::read::Entry<'a>) -> Result<Option<&'t model::Field>, ()> {
        let Some(people) = self.people else {
            return Ok(None);
        };
        person::field(people, "", entry.name)
            .map(Some)
            .map_err(|wrong| {
                self.out
                    .extend(wrong.map(|wrong| wrong.at(codes::TEST, entry.key.span)));
            })
    }

    fn values(
        &mut self,
        item: &Item<'a>,
        key: &str,
    ) -> Option<serde_json::Map<String, serde_json::Value>> {
        let Some(written) = item.entry(key) else {
            return Some(serde_json::Map::new());
        };
        let mut values = serde_json::Map::new();
        let mut fine = !written.item.is_broken();
        for entry in written.item.entries() {
            match self.value(entry) {
                Some(value) => {
                    values.insert(entry.name.to_owned(), value);
                }
                None => fine = false,
            }
        }
        fine.then_some(values)
    }

    fn value(&mut self, entry: &crate::read::Entry<'a>) -> Option<serde_json::Value> {
        let name = entry.name;
        let wrong = |message: String, label: String, help: String| {
            Diagnostic::error(codes::TEST, entry.key.span, message)
                .label(label)
                .help(help)
        };
        let id = match self.draft.stored(name) {
            Lookup::Found(id) => id,
            Lookup::Broken => return None,
            Lookup::Computed => {
                self.out.push(wrong(
                    format!("`{name}` is computed and cannot be given"),
                    "not stored".to_owned(),
                    "give the fields it is computed from".to_owned(),
                ));
                return None;
            }
            Lookup::Other(_) | Lookup::Unknown => {
                let names: Vec<&str> = self
                    .draft
                    .fields
                    .iter()
                    .map(|field| field.field.name.as_str())
                    .collect();
                let near = diag::suggest::nearest(name, names.iter().copied());
                self.out.push(wrong(
                    format!("`{}` has no field `{name}`", self.draft.name()),
                    match near {
                        Some(near) => format!("did you mean `{near}`?"),
                        None => "no such field".to_owned(),
                    },
                    match near {
                        Some(near) => format!("write `{near}:`"),
                        None => format!("its fields are {}", names_of(names)),
                    },
                ));
                return None;
            }
        };
        let field = &self.draft.field(id).field;
        if matches!(self.draft.properties.get(name), Some(Property::Relation(_))) {
            self.out.push(wrong(
                format!("a record holds the id of `{name}`, not the record"),
                "a relation".to_owned(),
                format!("write `{}:` and an id", field.name),
            ));
            return None;
        }
        if entry.item.is_broken() {
            return None;
        }
        if entry.item.node.kind == Kind::Null {
            if field.shape.nullable {
                return Some(serde_json::Value::Null);
            }
            self.out.push(
                Diagnostic::error(
                    codes::TEST,
                    entry.key.span,
                    format!("`{name}` is never null"),
                )
                .label("null")
                .help("give it a value, or leave it out to take its default"),
            );
            return None;
        }
        let source = self.sources.text(entry.item.span().file);
        match json::literal(entry.item.node, &field.shape, source) {
            Ok(value) => {
                let text = value::json::to_json_text(&field.shape.ty, &value);
                serde_json::from_str(&text).ok()
            }
            Err(misfits) => {
                for misfit in misfits {
                    self.out.push(
                        Diagnostic::error(
                            codes::TEST,
                            misfit.span,
                            format!("`{name}` cannot hold this: {}", misfit.why),
                        )
                        .label("not a value of this field")
                        .help(misfit.advice(self.sources)),
                    );
                }
                None
            }
        }
    }

    /// `action`: `None` if it is wrong, so that any action's rule may be meant.
    fn expectation(&mut self, text: Text<'a>, action: Option<Action>) -> Option<Expectation> {
        let written = text.as_str().trim();
        match written {
            "allowed" => return Some(Expectation::Allowed),
            "hidden" => return Some(Expectation::Hidden),
            "refused" => return Some(Expectation::Refused { rule: None }),
            _ => {}
        }
        let Some(rule) = written.strip_prefix("refused by ").map(str::trim) else {
            let words = ["allowed", "hidden", "refused"];
            let first = written.split_whitespace().next().unwrap_or_default();
            let found = Diagnostic::error(
                codes::TEST,
                text.span(),
                format!("a test cannot expect `{written}`"),
            );
            let found = match diag::suggest::nearest(first, words) {
                Some(near) => found.label(format!("did you mean `{near}`?")),
                None => found.label("not an outcome"),
            };
            self.out
                .push(found.help("write `allowed`, `hidden`, `refused` or `refused by RULE`"));
            return None;
        };
        let actions = match action {
            Some(action) => vec![action],
            None => Action::ALL.to_vec(),
        };
        let known: Vec<&Rule> = actions
            .iter()
            .filter_map(|action| self.access.rule(*action))
            .chain(self.field_rules.iter().copied())
            .collect();
        if known.iter().any(|known| known.text == rule) {
            let refuses = known
                .iter()
                .any(|known| known.text == rule && !crate::access::is_open_to_all(known));
            if !refuses {
                self.out.push(
                    Diagnostic::error(codes::TEST, text.span(), format!("`{rule}` refuses nobody"))
                        .label("open to everybody")
                        .help("write `allowed`, or `hidden` if the caller cannot read the record"),
                );
                return None;
            }
            return Some(Expectation::Refused {
                rule: Some(rule.to_owned()),
            });
        }
        // The condition of one may be wrong, which has been reported where it stands.
        let unclear = actions.iter().any(|action| {
            self.access.rule(*action).is_none() && crate::access::meant_to_open(self.draft, *action)
        });
        if self.torn || unclear {
            return None;
        }
        let message = match action {
            Some(action) => format!(
                "`{rule}` is not the rule that decides about `{}`",
                action.name()
            ),
            None => format!(
                "`{rule}` decides about no action of `{}`",
                self.draft.name()
            ),
        };
        let help = self.rules_that_refuse(&known, action);
        self.out.push(
            Diagnostic::error(codes::TEST, text.span(), message)
                .label("another rule, or part of one")
                .help(help),
        );
        None
    }

    /// What to write after `refused by`, or instead of it.
    fn rules_that_refuse(&self, known: &[&Rule], action: Option<Action>) -> String {
        let mut refusing: Vec<&str> = vec![];
        for rule in known
            .iter()
            .filter(|rule| !crate::access::is_open_to_all(rule))
        {
            if !refusing.contains(&&*rule.text) {
                refusing.push(&rule.text);
            }
        }
        let own = action.map(|action| (action.name(), self.access.rule(action)));
        match (own, refusing.as_slice()) {
            (Some((name, Some(own))), _) if !crate::access::is_open_to_all(own) => format!(
                "`{name}` is opened by `{0}`: write `refused by {0}`",
                own.text
            ),
            (Some((name, Some(own))), []) => format!(
                "`{name}` is opened by `{}`, which refuses nobody: write `allowed`",
                own.text
            ),
            (Some((name, None)), []) => {
                format!("`{name}` is not opened by any rule: write `refused`")
            }
            (None, []) => {
                "no rule refuses anybody here: write `allowed`, `hidden` or `refused`".to_owned()
            }
            (_, rules) => {
                let rules: Vec<String> = rules
                    .iter()
                    .map(|rule| format!("`refused by {rule}`"))
                    .collect();
                format!("write {}", one_of(&rules))
            }
        }
    }
}
