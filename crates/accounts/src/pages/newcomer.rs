//! Signing up, and a new password for who has forgotten theirs: what begins with a letter.

use call::Failure;
use maud::{Markup, html};
use model::{Audience, Field, SignUp as Open, TextFormat};
use people::SignUp;
use serde_json::{Map, Value as Json};
use value::Type;
use web::Response;
use web::form::Form;

use super::layout::{Input, Sheet, TOKEN, Trouble, button, hidden};
use super::texts::filled;
use super::{Visit, to};
use crate::Door;
use crate::asked::Asked;

/// Before the names of the record's fields, so that none of them meets a name of ours.
const PREFIX: &str = "field.";

impl Door {
    /// What a new person must say of themselves, besides their address.
    fn wanted(&self) -> impl Iterator<Item = &Field> {
        let users = self.people.users();
        let fields = &self.people.model().resource(users.resource).fields;
        fields.iter().filter(|field| {
            field.required_on_create()
                && field.is_stored()
                && !field.is_system()
                && users.email != Some(field.id)
                && field.audience == Audience::Public
        })
    }

    pub(super) fn sign_up_sheet(
        &self,
        visit: &Visit<'_>,
        form: Option<&Form>,
        trouble: &Trouble,
    ) -> Sheet {
        let texts = visit.texts;
        let inputs: Option<Vec<Markup>> = self
            .wanted()
            .map(|field| input(field, visit, form, trouble))
            .collect();
        let ways = html! { ul.ways { li { a href="/login" { (texts.have_account) } } } };
        let inputs = match (self.people.users().sign_up, inputs) {
            (Open::Closed, _) => {
                return Sheet::new(texts.sign_up, html! { p { (texts.sign_up_closed) } (ways) });
            }
            (Open::Open, None) => {
                let body = html! { p { (texts.sign_up_elsewhere) } (ways) };
                return Sheet::new(texts.sign_up, body);
            }
            (Open::Open, Some(inputs)) => inputs,
        };
        let typed = form
            .and_then(|form| form.field("email"))
            .unwrap_or_default();
        let body = html! {
            (trouble.alert())
            // What belongs to no input here.
            @for (name, text) in &trouble.fields {
                @if !self.asks_for(name) { p.error { (name) ": " (text) } }
            }
            form method="post" action="/account/sign-up" {
                (hidden(TOKEN, Some(&visit.token)))
                (Input { value: typed, error: trouble.of("email"), first: form.is_none(),
                    ..Input::new("email", texts.email, "email", "username") }.markup())
                @for input in inputs { (input) }
                (self.password_input(visit, texts.password, trouble))
                (button(texts.sign_up))
            }
            (ways)
        };
        Sheet::new(texts.sign_up, body)
    }

    fn asks_for(&self, name: &str) -> bool {
        name == "email" || name == "password" || self.wanted().any(|field| field.name == name)
    }

    /// One to choose a password with, where there are passwords.
    pub(super) fn password_input(
        &self,
        visit: &Visit<'_>,
        label: &str,
        trouble: &Trouble,
    ) -> Markup {
        let Some(wanted) = self.people.model().auth.password else {
            return html! {};
        };
        let least = wanted.min_length.to_string();
        let hint = filled(visit.texts.password_hint, "least", &least);
        let error = trouble.of("password").or(trouble.of("new_password"));
        Input {
            hint: Some(&hint),
            error,
            ..Input::new("password", label, "password", "new-password")
        }
        .markup()
    }

    pub(super) async fn post_sign_up(
        &self,
        visit: &Visit<'_>,
        form: &Form,
        asked: &Asked<'_>,
    ) -> Result<Response, Failure> {
        let mut fields = Map::new();
        for field in self.wanted() {
            let typed = form.field(&format!("{PREFIX}{}", field.name));
            if let Some(value) = read(&field.shape.ty, typed.unwrap_or_default()) {
                fields.insert(field.name.clone(), value);
            }
        }
        let has_passwords = self.people.model().auth.password.is_some();
        let wish = SignUp {
            email: form.field("email").unwrap_or_default(),
            password: has_passwords.then(|| form.field("password").unwrap_or_default()),
            fields,
        };
        match self.people.sign_up(wish, &asked.from()).await {
            Ok(()) => Ok(to("/account/sent")),
            Err(failure) => {
                let wrong = visit.texts.sign_up_closed;
                Ok(self.told(visit, failure, asked, wrong, |trouble| {
                    self.sign_up_sheet(visit, Some(form), trouble)
                }))
            }
        }
    }

    pub(super) async fn post_confirm(
        &self,
        visit: &Visit<'_>,
        form: &Form,
        asked: &Asked<'_>,
    ) -> Result<Response, Failure> {
        let ticket = form.field("token").unwrap_or_default();
        match self.people.confirm_sign_up(ticket, &asked.from()).await {
            Ok(signed_in) => self.let_in(&signed_in, None, asked).await,
            Err(failure) => {
                let wrong = visit.texts.taken;
                Ok(self.told(visit, failure, asked, wrong, |trouble| {
                    confirm(visit, Some(form), trouble)
                }))
            }
        }
    }

    /// Asks for a letter, or, with the ticket of one, for the new password.
    pub(super) fn reset_sheet(
        &self,
        visit: &Visit<'_>,
        form: Option<&Form>,
        trouble: &Trouble,
    ) -> Sheet {
        let texts = visit.texts;
        let ticket = form.unwrap_or(&visit.query).filled("token");
        // One that is worth nothing is asked for anew.
        let refused = form.is_some() && trouble.fields.is_empty() && trouble.text.is_some();
        let ticket = ticket.filter(|_| !refused);
        let typed = form
            .and_then(|form| form.field("email"))
            .unwrap_or_default();
        let body = html! {
            (trouble.alert())
            @if ticket.is_none() { p { (texts.reset_why) } }
            form method="post" action="/account/reset" {
                (hidden(TOKEN, Some(&visit.token)))
                (hidden("token", ticket))
                @if ticket.is_some() {
                    (self.password_input(visit, texts.new_password, trouble))
                    (button(texts.reset_do))
                } @else {
                    (Input { value: typed, error: trouble.of("email"), first: true,
                        ..Input::new("email", texts.email, "email", "username") }.markup())
                    (button(texts.reset_send))
                }
            }
            ul.ways { li { a href="/login" { (texts.sign_in) } } }
        };
        Sheet::new(texts.reset_title, body)
    }

    pub(super) async fn post_reset(
        &self,
        visit: &Visit<'_>,
        form: &Form,
        asked: &Asked<'_>,
    ) -> Result<Response, Failure> {
        let from = asked.from();
        let field = |name| form.field(name).unwrap_or_default();
        let done = match form.filled("token") {
            Some(ticket) => {
                let reset = self.people.reset_password(ticket, field("password"), &from);
                reset.await.map(|_| "/login?done=reset")
            }
            None => {
                let mailed = self.people.mail_reset(field("email"), &from).await;
                mailed.map(|()| "/account/sent")
            }
        };
        match done {
            Ok(next) => Ok(to(next)),
            Err(failure) => {
                let wrong = visit.texts.worthless;
                Ok(self.told(visit, failure, asked, wrong, |trouble| {
                    self.reset_sheet(visit, Some(form), trouble)
                }))
            }
        }
    }
}

/// A button that uses a letter's ticket at `action`: programs that look at links press none.
pub fn press(visit: &Visit<'_>, why: &str, action: &str, ticket: &str) -> Markup {
    html! {
        p { (why) }
        form method="post" action=(action) {
            (hidden(TOKEN, Some(&visit.token)))
            (hidden("token", Some(ticket)))
            (button(visit.texts.confirm_do))
        }
    }
}

/// Asks for a press on a button.
pub fn confirm(visit: &Visit<'_>, form: Option<&Form>, trouble: &Trouble) -> Sheet {
    let texts = visit.texts;
    let ticket = visit.query.filled("token").filter(|_| form.is_none());
    let body = html! {
        (trouble.alert())
        @if let Some(ticket) = ticket {
            (press(visit, texts.confirm_why, "/account/confirm", ticket))
        } @else {
            @if trouble.text.is_none() { p.alert { (texts.worthless) } }
            ul.ways {
                li { a href="/account/sign-up" { (texts.sign_up) } }
                li { a href="/login" { (texts.sign_in) } }
            }
        }
    };
    Sheet::new(texts.confirm_title, body)
}

/// The same whether there is a letter or not.
pub fn sent(visit: &Visit<'_>) -> Sheet {
    let texts = visit.texts;
    let body = html! {
        p role="status" { (texts.sent_why) }
        ul.ways { li { a href="/login" { (texts.sign_in) } } }
    };
    Sheet::new(texts.sent_title, body)
}

/// What a field is asked with; nothing where no single input can hold it.
fn input(
    field: &Field,
    visit: &Visit<'_>,
    form: Option<&Form>,
    trouble: &Trouble,
) -> Option<Markup> {
    let name = format!("{PREFIX}{}", field.name);
    let label = label(&field.name);
    let (kind, autocomplete) = match &field.shape.ty {
        Type::Text => match field.shape.constraints.format {
            Some(TextFormat::Email) => ("email", "email"),
            Some(TextFormat::Uri) => ("url", "url"),
            _ => ("text", known(&field.name)),
        },
        Type::Int32 | Type::Int53 | Type::Int64 => ("number", "off"),
        Type::Float | Type::Decimal => ("text", "off"),
        Type::Date => ("date", known(&field.name)),
        Type::Bool | Type::Enum(_) => ("text", "off"),
        _ => return None,
    };
    let typed = form.and_then(|form| form.field(&name)).unwrap_or_default();
    let input = Input {
        value: typed,
        hint: field.description.as_deref(),
        error: trouble.of(&field.name),
        ..Input::new(&name, &label, kind, autocomplete)
    };
    Some(match &field.shape.ty {
        Type::Bool => input.checkbox(),
        Type::Enum(words) => input.choices(visit.texts.choose, words.iter().map(|word| &**word)),
        _ => input.markup(),
    })
}

/// What browsers know of people (HTML Standard, autofill), by the names such fields usually have.
fn known(name: &str) -> &'static str {
    match name {
        "name" | "full_name" | "display_name" => "name",
        "first_name" | "given_name" => "given-name",
        "last_name" | "family_name" | "surname" => "family-name",
        "nickname" => "nickname",
        "phone" | "telephone" | "phone_number" => "tel",
        "organization" | "company" => "organization",
        "street" | "street_address" => "street-address",
        "city" | "town" => "address-level2",
        "postal_code" | "zip" | "zip_code" => "postal-code",
        "birthday" | "birth_date" | "date_of_birth" => "bday",
        _ => "off",
    }
}

/// `first_name` as people read it.
fn label(name: &str) -> String {
    let words = name.replace('_', " ");
    let mut letters = words.chars();
    match letters.next() {
        Some(first) => first.to_uppercase().chain(letters).collect(),
        None => words,
    }
}

/// What was typed, as a body would have it. What fits no type is left as it is, to be refused where all
/// is checked.
fn read(ty: &Type, typed: &str) -> Option<Json> {
    match ty {
        Type::Bool => return Some(Json::Bool(typed == "true")),
        _ if typed.is_empty() => return None,
        Type::Int32 | Type::Int53 | Type::Float => {
            if let Ok(number) = serde_json::from_str::<serde_json::Number>(typed.trim()) {
                return Some(Json::Number(number));
            }
        }
        _ => {}
    }
    Some(Json::String(typed.to_owned()))
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn what_is_typed_becomes_what_a_body_would_have() {
        for (ty, typed, expected) in [
            (Type::Text, "42", Some(json!("42"))),
            (Type::Text, "", None),
            (Type::Int32, " 42", Some(json!(42))),
            (Type::Int32, "many", Some(json!("many"))),
            (Type::Int64, "42", Some(json!("42"))),
            (Type::Float, "1.5", Some(json!(1.5))),
            (Type::Bool, "true", Some(json!(true))),
            (Type::Bool, "", Some(json!(false))),
        ] {
            assert_eq!(read(&ty, typed), expected, "{ty:?} {typed}");
        }
        assert_eq!(label("first_name"), "First name");
    }
}
