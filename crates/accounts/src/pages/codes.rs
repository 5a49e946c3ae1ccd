//! One-time codes and recovery codes.

use call::Failure;
use maud::{Markup, PreEscaped, html};
use web::Response;
use web::form::Form;

use super::account::{current_password, done, to_account};
use super::layout::{Input, Sheet, TOKEN, Trouble, button, hidden};
use super::texts::filled;
use super::{Visit, Who, to};
use crate::Door;
use crate::asked::{Asked, now};

/// What a form here is for, in its field `do`.
const BEGIN: &str = "begin";
const CONFIRM: &str = "confirm";
const RENEW: &str = "renew";
const REMOVE: &str = "remove";

impl Door {
    pub(super) async fn codes_sheet(
        &self,
        who: &Who,
        visit: &Visit<'_>,
        trouble: &Trouble,
    ) -> Result<Sheet, Failure> {
        let texts = visit.texts;
        let factors = self.people.second_factors(&who.account.id).await?;
        let left = factors.recovery_codes.to_string();
        let body = html! {
            (done(visit))
            (trouble.alert())
            @if factors.totp {
                p { (texts.codes_on) }
                p { (filled(texts.codes_left, "count", &left)) }
                (ask(who, visit, RENEW, texts.codes_renew))
                section {
                    p { (texts.codes_remove_why) }
                    (ask(who, visit, REMOVE, texts.codes_remove))
                }
            } @else {
                p { (texts.codes_off) }
                (ask(who, visit, BEGIN, texts.codes_begin))
            }
            (to_account(visit))
        };
        Ok(Sheet::new(texts.codes_title, body))
    }

    /// What is shown once is the answer itself, and not behind a redirect: it is nowhere to be read
    /// again.
    pub(super) async fn post_codes(
        &self,
        who: &Who,
        visit: &Visit<'_>,
        form: &Form,
        asked: &Asked<'_>,
    ) -> Result<Response, Failure> {
        match self.do_codes(who, visit, form, asked).await {
            Ok(response) => Ok(response),
            Err(failure) if form.field("do") == Some(CONFIRM) => {
                let sheet = self.codes_sheet(who, visit, &Trouble::default()).await?;
                let wrong = visit.texts.wrong_code;
                Ok(self.told(visit, failure, asked, wrong, |trouble| {
                    // The secret is not shown again: setting up begins anew.
                    let text = trouble.of("code").or(trouble.text.as_deref());
                    let text = text.map(str::to_owned);
                    let fields = vec![];
                    let trouble = Trouble { text, fields };
                    Sheet::new(sheet.heading, html! { (trouble.alert()) (sheet.body) })
                }))
            }
            Err(failure) => {
                let sheet = self.codes_sheet(who, visit, &Trouble::default()).await?;
                Ok(self.told_own(who, visit, failure, asked, |trouble| {
                    Sheet::new(sheet.heading, html! { (trouble.alert()) (sheet.body) })
                }))
            }
        }
    }

    async fn do_codes(
        &self,
        who: &Who,
        visit: &Visit<'_>,
        form: &Form,
        asked: &Asked<'_>,
    ) -> Result<Response, Failure> {
        let id = &who.account.id;
        let what = form.field("do").unwrap_or_default();
        if what == CONFIRM {
            let field = |name| form.field(name).unwrap_or_default();
            let (ticket, code) = (field("token"), field("code"));
            let from = asked.from();
            let codes = self.people.confirm_totp(id, ticket, code, &from).await?;
            return Ok(visit.ok(&shown_once(visit, codes.iter().map(|code| code.as_str()))));
        }
        self.require_proof(who, form, asked).await?;
        match what {
            BEGIN => {
                let new = self.people.begin_totp(id, now()).await?;
                Ok(visit.ok(&setup(visit, &new)))
            }
            RENEW => {
                let codes = self.people.renew_recovery_codes(id, now()).await?;
                Ok(visit.ok(&shown_once(visit, codes.iter().map(|code| code.as_str()))))
            }
            REMOVE => {
                self.people.remove_totp(id).await?;
                Ok(to("/account/codes?done=codes_removed"))
            }
            _ => Ok(to("/account/codes")),
        }
    }
}

fn ask(who: &Who, visit: &Visit<'_>, what: &str, text: &str) -> Markup {
    let within = format!("{what}-");
    html! {
        form method="post" action="/account/codes" {
            (hidden(TOKEN, Some(&visit.token)))
            (hidden("do", Some(what)))
            (current_password(who, visit, &within))
            (button(text))
        }
    }
}

fn setup(visit: &Visit<'_>, new: &people::NewTotp) -> Sheet {
    let texts = visit.texts;
    let body = html! {
        p { (texts.codes_scan) }
        @if let Some(svg) = &new.qr_svg {
            div.qr role="img" aria-label=(texts.codes_picture) { (PreEscaped(svg.as_str())) }
        }
        p { (texts.codes_key) ": " span.secret { (*new.secret) } }
        form method="post" action="/account/codes" {
            (hidden(TOKEN, Some(&visit.token)))
            (hidden("do", Some(CONFIRM)))
            (hidden("token", Some(&new.ticket)))
            (Input { first: true,
                ..Input::new("code", texts.code_label, "text", "one-time-code") }.markup())
            (button(texts.codes_confirm))
        }
        (to_account(visit))
    };
    Sheet::new(texts.codes_title, body)
}

fn shown_once<'c>(visit: &Visit<'_>, codes: impl Iterator<Item = &'c str>) -> Sheet {
    let texts = visit.texts;
    let body = html! {
        p role="status" { (texts.recovery_why) }
        ul.list { @for code in codes { li.secret { (code) } } }
        (to_account(visit))
    };
    Sheet::new(texts.recovery_title, body)
}
