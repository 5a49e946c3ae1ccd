//! `auth.users`: the resource whose records are people.

use diag::{Diagnostic, Diagnostics, suggest};
use model::{SignUp, TextFormat, Users};
use value::{FieldId, ResourceId, Type};

use crate::codes;
use crate::read::{Item, Text, names_of};
use crate::resolve::{Draft, ResourceDraft, stored_field};
use crate::sections::Sections;

/// The field that is taken to hold the address, unless another is named.
const EMAIL: &str = "email";

/// The resource that is named, if it is one.
pub fn resource(
    sections: &Sections<'_, '_>,
    drafts: &[ResourceDraft<'_, '_>],
    out: &mut Diagnostics,
) -> Option<ResourceId> {
    let text = named(sections.main.get("auth")?)?;
    let name = text.as_str();
    if let Some(draft) = drafts.iter().find(|draft| draft.name() == name) {
        return Some(draft.id);
    }
    if sections.torn.things {
        return None;
    }
    let found = Diagnostic::error(
        codes::USERS,
        text.span(),
        format!("there is no resource `{name}`"),
    );
    let is_type = sections.types.iter().any(|(key, _)| key.value == name);
    let names = || drafts.iter().map(|draft| draft.name());
    out.push(match suggest::nearest(name, names()) {
        _ if is_type => found.label("this is a type, not a resource").help(
            "people are records of their own: write a resource for them under `resources:`",
        ),
        Some(near) => found
            .label(format!("did you mean `{near}`?"))
            .help(format!("write `users: {near}`")),
        None => found.label("people are records of it").help(format!(
            "add it under `resources:`, for example `{name}: {{fields: {{email: {{type: string, format: email, unique: true}}}}, rules: {{self: this.id == user.id}}, access: {{read: self, update: self}}}}`; the resources are {}",
            names_of(names().take(20))
        )),
    });
    None
}

/// The name of the resource, in either form.
fn named<'a>(auth: &Item<'a>) -> Option<Text<'a>> {
    let users = auth.get("users")?;
    users.as_text().or_else(|| users.text("resource"))
}

/// All of it but what is read of the record.
pub fn read(auth: &Item<'_>, draft: &Draft<'_, '_>, out: &mut Diagnostics) -> Option<Users> {
    let item = auth.get("users")?;
    let id = draft.users?;
    let resource = &draft.resources[usize::from(id.0)];
    Some(Users {
        resource: id,
        email: email(item, resource, out),
        sign_up: match item.text("sign_up").map(|word| word.as_str()) {
            Some("closed") => SignUp::Closed,
            _ => SignUp::Open,
        },
        claims: vec![],
    })
}

/// The field that holds the address: the one that is named, else `email`, if there is one.
fn email(
    item: &Item<'_>,
    resource: &ResourceDraft<'_, '_>,
    out: &mut Diagnostics,
) -> Option<FieldId> {
    let named = item.text(EMAIL);
    let id = match named {
        Some(name) => stored_field(resource, name, "email", out)?,
        None => match resource.stored(EMAIL) {
            crate::resolve::Lookup::Found(id) => id,
            _ => return None,
        },
    };
    let draft = resource.field(id);
    let (field, declared) = (&draft.field, draft.declared);
    if draft.broken {
        return None;
    }
    if field.shape.ty != Type::Text || field.relation().is_some() {
        // A field that only happens to be called so is no mistake.
        if let Some(name) = named {
            out.push(
                Diagnostic::error(
                    codes::USERS,
                    name.span(),
                    format!("`{}` cannot hold an address", name.as_str()),
                )
                .label(format!("this is {}", field.shape.ty.describe()))
                .help("name a field that is `{type: string, format: email}`"),
            );
        }
        return None;
    }
    if let Some(declared) = declared
        && field.shape.constraints.format != Some(TextFormat::Email)
    {
        out.push(
            Diagnostic::warning(
                codes::ANY_TEXT_AS_ADDRESS,
                declared.span,
                format!(
                    "`{}` holds people's addresses, and any text besides",
                    declared.name
                ),
            )
            .label("not held to be an address")
            .help(format!(
                "write `{}: {{type: string, format: email, unique: true}}`",
                declared.name
            )),
        );
    }
    Some(id)
}
