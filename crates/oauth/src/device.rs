//! Devices without a browser (RFC 8628): the device shows a code, its person types it in
//! elsewhere and decides, and the device asks until they have.
//!
//! A person is always asked, whoever the app is: nothing shows that the device is before them.

use std::collections::HashMap;
use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant};

use call::Failure;
use http::StatusCode;
use identity::clients::Client;
use identity::families;
use identity::guess::Attempt;
use identity::tickets::{self, NewTicket, Purpose, TicketError, Used};
use identity::tokens::Binding;
use serde::{Deserialize, Serialize};
use serde_json::json;
use store::StoreError;
use value::Timestamp;
use web::form::Form;
use web::{Request, Response, csrf};

use crate::Door;
use crate::answer::{self, with_query};
use crate::authorize::{REPEATABLE, Waiting};
use crate::code::grant;
use crate::language::Language;
use crate::metadata;
use crate::pages::{Asking, Hidden};
use crate::refusal::{Refused, trouble};
use crate::scope::{self, Behalf};
use crate::signed_in::SignedIn;
use crate::token::{SignIn, gets_refresh, wanted};
use crate::words::Words;

/// As long as somebody needs to find a telephone and sign in there.
const LASTS: Duration = Duration::from_secs(10 * 60);
/// Between two questions of a device.
const INTERVAL: Duration = Duration::from_secs(5);
/// What is added when it asks too often (RFC 8628 §3.5).
const SLOWER: Duration = Duration::from_secs(5);
/// Letters of a code: nothing that could be taken for something else, and no words
/// (RFC 8628 §6.1).
const LETTERS: &[u8; 20] = b"BCDFGHJKLMNPQRSTVWXZ";
/// 34 bits, which at twenty guesses per address are enough for ten minutes.
const CODE_CHARS: usize = 8;
/// How often another code is drawn when one is taken.
const DRAWS: u32 = 4;
/// Devices whose questions are counted at once, by each node.
const POLLS_MAX: usize = 10_000;
/// What the form for a code is made for.
const TYPING: &str = "device";

/// What a device asked for, and what became of it.
#[derive(Clone, Debug, Serialize, Deserialize)]
struct Wish {
    client: String,
    scopes: Vec<String>,
    resource: String,
    decided: Option<Decided>,
}

#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
enum Decided {
    Denied,
    Allowed {
        account: String,
        session: String,
        methods: Vec<String>,
        /// In milliseconds.
        authenticated_at: i64,
    },
}

/// When each device last asked.
pub struct Polls {
    last: Mutex<HashMap<String, (Instant, Duration)>>,
}

impl Polls {
    pub fn new() -> Polls {
        Polls {
            last: Mutex::default(),
        }
    }

    /// Whether a device asks too often. It has to wait longer from then on.
    fn is_too_soon(&self, code: &str, now: Instant) -> bool {
        let mut last = self.last.lock().unwrap_or_else(PoisonError::into_inner);
        if last.len() >= POLLS_MAX {
            last.retain(|_, (at, _)| now.saturating_duration_since(*at) < LASTS);
            if last.len() >= POLLS_MAX {
                last.clear();
            }
        }
        let entry = last.get(code).copied();
        // Clocks of devices are no better than half a second.
        let slack = Duration::from_millis(500);
        let soon = |(at, interval): (Instant, Duration)| {
            now.saturating_duration_since(at) + slack < interval
        };
        let is_too_soon = entry.is_some_and(soon);
        let interval = match (entry, is_too_soon) {
            (Some((_, interval)), true) => interval.saturating_add(SLOWER).min(LASTS),
            (Some((_, interval)), false) => interval,
            (None, _) => INTERVAL,
        };
        last.insert(code.to_owned(), (now, interval));
        is_too_soon
    }
}

impl Door {
    /// A device wants to begin (RFC 8628 §3.1).
    pub async fn device_authorization(
        &self,
        request: &mut Request,
        now: Timestamp,
    ) -> Result<Response, Refused> {
        let form = Form::read(request, &REPEATABLE).await?;
        let client = self.client(request, &form, now).await?;
        self.people()?;
        may_use_device(&client)?;
        let model = &self.parts.model;
        let wish = Wish {
            client: client.id.clone(),
            scopes: scope::granted(model, &client, form.filled("scope"), Behalf::Person)?,
            resource: self.wanted_resource(&form)?,
            decided: None,
        };
        let (code, user_code) = self.draw(&wish, now).await?;
        let shown = shown(&user_code);
        let place = self.url(metadata::DEVICE);
        let body = json!({
            "device_code": code,
            "user_code": shown,
            "verification_uri": place,
            "verification_uri_complete": with_query(&place, &[("user_code", &shown)]),
            "expires_in": LASTS.as_secs(),
            "interval": INTERVAL.as_secs(),
        });
        Ok(answer::json(StatusCode::OK, &body))
    }

    async fn draw(&self, wish: &Wish, now: Timestamp) -> Result<(String, String), Refused> {
        let mut left = DRAWS;
        loop {
            let user_code = user_code().ok_or(TicketError::NoRandomness)?;
            let ticket = NewTicket {
                purpose: Purpose::DeviceCode,
                account: None,
                handle: Some(&user_code),
                payload: wish,
                lasts: LASTS,
            };
            left -= 1;
            match tickets::issue(self.driver(), ticket, now).await {
                Ok(code) => return Ok((code.reveal().to_owned(), user_code)),
                Err(TicketError::Store(StoreError::Unique { .. })) if left > 0 => {}
                Err(error) => return Err(error.into()),
            }
        }
    }

    /// A device asks whether somebody has decided (RFC 8628 §3.4).
    pub async fn by_device(
        &self,
        client: &Client,
        form: &Form,
        proved: Binding,
        request: &Request,
        now: Timestamp,
    ) -> Result<Response, Refused> {
        may_use_device(client)?;
        let code = wanted(form, "device_code")?;
        let purpose = Purpose::DeviceCode;
        let found = tickets::look::<Wish>(self.driver(), purpose, code, now).await?;
        let Some(found) = found.filter(|found| found.payload.client == client.id) else {
            return Err(Refused::new(
                "expired_token",
                "the device code is unknown, was used or has expired",
            ));
        };
        if self
            .parts
            .lasting
            .polls
            .is_too_soon(&found.hash, Instant::now())
        {
            return Err(Refused::new("slow_down", "ask less often"));
        }
        if found.payload.decided.is_none() {
            let waits = "nobody has decided yet";
            return Err(Refused::new("authorization_pending", waits));
        }
        let used = tickets::consume::<Wish>(self.driver(), purpose, code, now).await?;
        let Used::Now(ticket) = used else {
            return Err(grant("the device code was used before"));
        };
        let wish = ticket.payload;
        let Some(Decided::Allowed {
            account,
            session,
            methods,
            authenticated_at,
        }) = wish.decided
        else {
            return Err(Refused::new("access_denied", "the person did not allow it"));
        };
        let account = self.account(&account).await?;
        let new = families::NewFamily {
            account: account.id.clone(),
            client: client.id.clone(),
            session: Some(session),
            scopes: Some(wish.scopes.clone()),
            audience: vec![wish.resource],
            methods,
            authenticated_at: Some(Timestamp(authenticated_at)),
            ..self.new_family(client, &proved, request)
        };
        let (family, token) = self.parts.families.begin(new, now).await?;
        // A device has nobody at hand who could sign in again.
        let gets = gets_refresh(client, &wish.scopes) || client.device;
        self.signed(
            SignIn {
                client,
                account: &account,
                family: &family,
                refresh: gets.then_some(&token),
                scopes: wish.scopes,
                nonce: None,
                binding: proved,
            },
            now,
        )
    }

    /// Where people type codes in.
    pub async fn device_page(&self, request: &mut Request, now: Timestamp) -> Response {
        let language = Language::of(None, request.headers());
        if self.parts.people.is_none() {
            let words = Words::of(language);
            return self.dead_end(StatusCode::NOT_FOUND, language, words.no_people);
        }
        let query = request.uri().query().unwrap_or_default();
        let form = Form::parse(query.as_bytes(), &[]).unwrap_or_default();
        let typed = plain(form.filled("user_code").unwrap_or_default());
        match self.signed_in(request.headers(), now).await {
            Ok(Some(who)) => {
                let token = who.form_token(TYPING);
                self.ask_code(language, &shown(&typed), &token, false)
            }
            Ok(None) => match self.wait(&Waiting::Device(shown(&typed)), now).await {
                Ok(ticket) => self.to_sign_in(&ticket, language),
                Err(failure) => self.broken(language, &failure),
            },
            Err(failure) => self.broken(language, &failure),
        }
    }

    /// A code was typed in, or what it stands for was decided.
    pub async fn device_decided(&self, request: &mut Request, now: Timestamp) -> Response {
        let language = Language::of(None, request.headers());
        let words = Words::of(language);
        let foreign = || self.dead_end(StatusCode::FORBIDDEN, language, words.foreign_form);
        if csrf::check(request.method(), request.headers(), &self.parts.origin).is_err() {
            return foreign();
        }
        let form = match Form::read(request, &[]).await {
            Ok(form) => form,
            Err(error) => {
                return self.dead_end(StatusCode::BAD_REQUEST, language, &error.to_string());
            }
        };
        let who = match self.signed_in(request.headers(), now).await {
            Ok(Some(who)) => who,
            Ok(None) => return foreign(),
            Err(failure) => return self.broken(language, &failure),
        };
        let token = form.filled("token").unwrap_or_default();
        let code = plain(form.filled("user_code").unwrap_or_default());
        let answered = match form.field("decision") {
            None if who.is_own_form(TYPING, token) => {
                self.typed(&code, &who, request, language, now).await
            }
            Some(decision) if who.is_own_form(&purpose(&code), token) => {
                self.device_settled(&code, decision == "allow", &who, language, now)
                    .await
            }
            _ => return foreign(),
        };
        answered.unwrap_or_else(|failure| self.broken(language, &failure))
    }

    async fn typed(
        &self,
        code: &str,
        who: &SignedIn,
        request: &Request,
        language: Language,
        now: Timestamp,
    ) -> Result<Response, Failure> {
        let guesses = &self.parts.lasting.codes;
        let attempt = Attempt {
            account: None,
            peer: request.client,
            known_device: false,
        };
        let permit = guesses.may_try(&attempt, Instant::now())?;
        let wrong = || self.ask_code(language, code, &who.form_token(TYPING), true);
        let found = match self.wish(code, now).await {
            Ok(found) => found,
            Err(failure) => {
                guesses.undecided(permit, Instant::now());
                return Err(failure);
            }
        };
        let Some((wish, client)) = found else {
            return Ok(wrong());
        };
        guesses.right(permit, Instant::now());
        let asking = Asking {
            client: &client,
            scopes: &wish.scopes,
            resource: &wish.resource,
            who,
            goes_to: None,
        };
        let hidden = Hidden {
            action: metadata::DEVICE,
            name: "user_code",
            value: code,
            token: &who.form_token(&purpose(code)),
        };
        Ok(self.ask(language, &asking, &hidden))
    }

    /// What a code stands for that nobody has decided about.
    async fn wish(&self, code: &str, now: Timestamp) -> Result<Option<(Wish, Client)>, Failure> {
        let purpose = Purpose::DeviceCode;
        let found = tickets::by_handle::<Wish>(self.driver(), purpose, code, now).await;
        let Some(found) = found.map_err(trouble)? else {
            return Ok(None);
        };
        let clients = &self.parts.clients;
        let auth = &self.parts.model.auth;
        let client = clients.find(auth, &found.payload.client).await?;
        Ok(client.map(|client| (found.payload, client)))
    }

    async fn device_settled(
        &self,
        code: &str,
        allowed: bool,
        who: &SignedIn,
        language: Language,
        now: Timestamp,
    ) -> Result<Response, Failure> {
        let Some((wish, client)) = self.wish(code, now).await? else {
            return Ok(self.over(language));
        };
        let decided = match allowed {
            true => Decided::Allowed {
                account: who.account.id.clone(),
                session: who.session.id.clone(),
                methods: who.session.methods.clone(),
                authenticated_at: who.session.authenticated_at.0,
            },
            false => Decided::Denied,
        };
        if allowed {
            // First, so that what is given can be taken back.
            let grants = &self.parts.grants;
            grants
                .allow(
                    &who.account.id,
                    &client.id,
                    &wish.resource,
                    &wish.scopes,
                    now,
                )
                .await
                .map_err(trouble)?;
        }
        let wish = Wish {
            decided: Some(decided),
            ..wish
        };
        let purpose = Purpose::DeviceCode;
        let settled = tickets::settle(self.driver(), purpose, code, &wish, now).await;
        if !settled.map_err(trouble)? {
            return Ok(self.over(language));
        }
        let words = Words::of(language);
        let text = match allowed {
            true => words.device_allowed,
            false => words.device_denied,
        };
        Ok(self.notice(StatusCode::OK, language, words.device_title, text))
    }
}

/// What the form of a decision is made for.
fn purpose(code: &str) -> String {
    ["device\n", code].concat()
}

fn may_use_device(client: &Client) -> Result<(), Refused> {
    match client.device {
        true => Ok(()),
        false => Err(Refused::new(
            "unauthorized_client",
            "this client is not registered for devices",
        )),
    }
}

/// A code as it is compared: however somebody types it.
fn plain(typed: &str) -> String {
    let letters = typed.chars().map(|c| c.to_ascii_uppercase());
    letters
        .filter(|c| c.is_ascii() && LETTERS.contains(&(*c as u8)))
        .take(CODE_CHARS)
        .collect()
}

/// As it is shown: `BCDF-GHJK`.
fn shown(code: &str) -> String {
    match code.split_at_checked(CODE_CHARS / 2) {
        Some((front, back)) if !back.is_empty() => format!("{front}-{back}"),
        _ => code.to_owned(),
    }
}

fn user_code() -> Option<String> {
    let mut code = String::with_capacity(CODE_CHARS);
    while code.len() < CODE_CHARS {
        let mut bytes = [0; 2 * CODE_CHARS];
        getrandom::fill(&mut bytes).ok()?;
        // As many of a byte's values for each letter.
        let even = bytes
            .iter()
            .filter(|byte| usize::from(**byte) < 256 / 20 * 20);
        let letters = even.map(|byte| char::from(LETTERS[usize::from(*byte) % LETTERS.len()]));
        code.extend(letters.take(CODE_CHARS - code.len()));
    }
    Some(code)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn codes_are_read_however_they_are_typed() {
        for typed in ["BCDF-GHJK", "bcdfghjk", " bcdf ghjk ", "b-c-d-f-g-h-j-k"] {
            assert_eq!(plain(typed), "BCDFGHJK", "{typed}");
        }
        assert_eq!(shown("BCDFGHJK"), "BCDF-GHJK");
        assert_eq!(shown(""), "");
        let code = user_code().unwrap();
        assert_eq!(plain(&shown(&code)), code);
        assert_ne!(user_code(), user_code());
    }

    #[test]
    fn a_device_that_asks_too_often_has_to_wait_longer() {
        let (polls, begin) = (Polls::new(), Instant::now());
        let asks = |seconds| polls.is_too_soon("a", begin + Duration::from_secs(seconds));
        assert!(!asks(0));
        assert!(asks(1), "five seconds between two questions");
        assert!(asks(7), "ten, after one that came too soon");
        assert!(!asks(23), "fifteen");
        assert!(!polls.is_too_soon("b", begin), "another device");
    }
}
