//! What is allowed but probably not meant. Asked only of contracts without errors: beside an
//! error, half of these would be its echo.

mod first;
mod rights;

use diag::{Diagnostic, Diagnostics};
use model::{Action, Differs, Limit, Model, Resource};

use crate::access::is_open_to_all;
use crate::codes;
use crate::resolve::{Draft, ResourceDraft, warn_of_indexes};
use crate::sections::Sections;

pub fn about(
    model: &Model,
    draft: &Draft<'_, '_>,
    sections: &Sections<'_, '_>,
    out: &mut Diagnostics,
) {
    for (resource, draft) in model.resources.iter().zip(&draft.resources) {
        unreadable(resource, draft, out);
        open_to_guests(model, resource, draft, out);
        warn_of_indexes(draft, out);
        cached_in_vain(resource, draft, out);
    }
    unused_limits(model, sections, out);
    first::about(model, draft, out);
    rights::about(model, draft, out);
}

fn unused_limits(model: &Model, sections: &Sections<'_, '_>, out: &mut Diagnostics) {
    for (key, _) in &sections.limits {
        let name = key.value.as_str();
        let is_used = [Limit::GUESTS, Limit::DEFAULT].contains(&name)
            || model
                .resources
                .iter()
                .any(|resource| resource.limit.as_deref() == Some(name));
        if is_used {
            continue;
        }
        out.push(
            Diagnostic::warning(
                codes::LIMIT_WITHOUT_EFFECT,
                key.span,
                format!("the limit `{name}` holds nobody back"),
            )
            .label("no resource names it")
            .help(format!(
                "write `limit: {name}` on the resources it is for; for everything, call it `default` or `guests`"
            )),
        );
    }
}

fn cached_in_vain(resource: &Resource, draft: &ResourceDraft<'_, '_>, out: &mut Diagnostics) {
    let Some(cache) = draft.item.get("cache") else {
        return;
    };
    let (Some(differs), Some(_)) = (
        resource.differs(Action::List),
        resource.differs(Action::Get),
    ) else {
        return;
    };
    let why = match differs {
        Differs::Audience => "not everybody is served this resource".to_owned(),
        Differs::Rule(None) => "nobody can list or get it".to_owned(),
        Differs::Rule(Some(rule)) => format!("its rule `{}` is not `public`", rule.text),
        Differs::Field(field) => format!("`{}` is not shown to everybody", field.name),
    };
    out.push(
        Diagnostic::warning(
            codes::CACHE_WITHOUT_EFFECT,
            cache.span(),
            format!(
                "answers about `{}` are never cached by others",
                resource.name
            ),
        )
        .label(why)
        .help(
            "leave `cache` out; every answer has an `ETag`, so that callers need not load it twice",
        ),
    );
}

fn unreadable(resource: &Resource, draft: &ResourceDraft<'_, '_>, out: &mut Diagnostics) {
    // Whoever writes `read: nobody` has said it.
    if resource.access.list.is_some() || resource.access.get.is_some() {
        return;
    }
    let help = match draft.item.entry("access") {
        None => {
            "add `access: {read: public}` or a rule of its own; without, it is closed to all but the operator"
        }
        Some(_) => "add `read:` to its `access`, or say that it is meant with `read: nobody`",
    };
    out.push(
        Diagnostic::warning(
            codes::UNREADABLE,
            draft.key.span,
            format!("nobody can read `{}`", resource.name),
        )
        .label("closed until opened")
        .help(help),
    );
}

fn open_to_guests(
    model: &Model,
    resource: &Resource,
    draft: &ResourceDraft<'_, '_>,
    out: &mut Diagnostics,
) {
    if model.is_limited(resource) {
        return;
    }
    let writes = [
        Action::Create,
        Action::Update,
        Action::Replace,
        Action::Delete,
    ];
    let open = writes
        .into_iter()
        .any(|action| resource.access.rule(action).is_some_and(is_open_to_all));
    let Some(access) = draft.item.get("access").filter(|_| open) else {
        return;
    };
    let span = access
        .entries()
        .iter()
        .filter(|entry| !matches!(entry.name, "read" | "list" | "get"))
        .find(|entry| {
            entry
                .item
                .as_text()
                .is_some_and(|text| text.as_str().trim() == "public")
        })
        .map_or(draft.key.span, |entry| entry.item.span());
    out.push(
        Diagnostic::warning(
            codes::OPEN_TO_GUESTS,
            span,
            format!(
                "anybody can write `{}`, as often as they like",
                resource.name
            ),
        )
        .label("open to everybody, and no limit")
        .help("write `signed_in`, or limit it: `limits: {guests: {by: ip, allow: 60/minute}}`"),
    );
}
