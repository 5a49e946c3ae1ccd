//! What `user.NAME` is: of a contract that says who people are, a field of the person's record.
//!
//! Rules, tests, certificates and tokens of others all name such fields, and are answered alike
//! by [`field`].

use diag::{Diagnostic, Span, suggest};
use model::Field;
use value::Type;

use crate::read::names_of;
use crate::resolve::{Property, ResourceDraft};

/// Why a name is no field that can be known of a caller.
pub struct Wrong {
    pub message: String,
    pub label: String,
    pub help: String,
}

impl Wrong {
    pub fn at(self, code: &'static str, span: Span) -> Diagnostic {
        Diagnostic::error(code, span, self.message)
            .label(self.label)
            .help(self.help)
    }
}

/// The field that is meant. `Err(None)`: it is wrong itself, which has been reported.
///
/// `before`: what is written in front of a name where it stands, `user.` in expressions.
pub fn field<'d>(
    people: &'d ResourceDraft<'_, '_>,
    before: &str,
    name: &str,
) -> Result<&'d Field, Option<Wrong>> {
    let resource = people.name();
    let wrong = |message: String, label: &str, help: String| {
        Err(Some(Wrong {
            message,
            label: label.to_owned(),
            help,
        }))
    };
    let id = match people.properties.get(name) {
        Some(Property::Field(id)) => *id,
        Some(Property::Broken) => return Err(None),
        Some(Property::Relation(_)) => {
            return wrong(
                format!("of the caller's `{name}` only the id is known"),
                "a whole record",
                format!(
                    "write `{before}{name}_id`; to ask for more, begin at the record the rule is about"
                ),
            );
        }
        Some(Property::Computed(_)) => {
            return wrong(
                format!("`{name}` is computed, and not known of the caller"),
                "not stored",
                "write a field it is computed from".to_owned(),
            );
        }
        Some(Property::List(_)) => {
            return wrong(
                format!("`{name}` is a list of records, and not known of the caller"),
                "a list",
                "begin at the record the rule is about: `this.members.exists(m, m.user_id == user.id)`"
                    .to_owned(),
            );
        }
        Some(Property::Rule(_)) => {
            return wrong(
                format!("`{name}` is a rule of `{resource}`, and not known of the caller"),
                "a rule",
                "rules about the caller stand at the top of the contract, under `rules:`"
                    .to_owned(),
            );
        }
        None if people.torn => return Err(None),
        None => {
            let names: Vec<&str> = readable(people).collect();
            let message = format!("`{resource}` has no field `{name}`");
            return match suggest::nearest(name, names.iter().copied()) {
                Some(near) => wrong(
                    message,
                    &format!("did you mean `{near}`?"),
                    format!("write `{before}{near}`"),
                ),
                None => wrong(
                    message,
                    "not known of the caller",
                    format!(
                        "callers are records of `{resource}`; known of them are {}",
                        names_of(names.into_iter().take(20))
                    ),
                ),
            };
        }
    };
    let draft = people.field(id);
    if draft.broken {
        return Err(None);
    }
    let field = &draft.field;
    if field.write_only {
        return wrong(
            format!("`{name}` is never read, not even by rules"),
            "write-only",
            "ask for another field of the caller".to_owned(),
        );
    }
    if !field.can_be_claim() {
        let help = match &field.shape.ty {
            Type::Money => "money has two parts; make what rules ask for a field of its own",
            Type::List(_) => {
                "a list is asked for where it is: give the records a relation to the person"
            }
            _ => "make what rules ask for a field of its own",
        };
        return Err(Some(Wrong {
            message: format!(
                "{} cannot be known of the caller",
                field.shape.ty.describe()
            ),
            label: format!("`{name}` is {}", field.shape.ty.describe()),
            help: help.to_owned(),
        }));
    }
    Ok(field)
}

/// The names that [`field`] finds.
fn readable<'d>(people: &'d ResourceDraft<'_, '_>) -> impl Iterator<Item = &'d str> {
    let fields = people.fields.iter().filter(|draft| {
        let property = people.properties.get(&draft.field.name);
        let is_field = matches!(property, Some(Property::Field(_)));
        is_field && !draft.broken && draft.field.can_be_claim()
    });
    fields.map(|draft| draft.field.name.as_str())
}
