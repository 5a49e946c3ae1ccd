//! What people see and do with a browser, which keeps cookies and sends forms.

use std::cell::RefCell;
use std::collections::BTreeMap;
use std::time::SystemTime;

use hmac::{Hmac, KeyInit, Mac};
use sha1::Sha1;
use testkit::{Answer, App, Call};

use crate::support::{NOTES, PASSWORD, log_in, sign_up, with};

/// Keeps cookies, and the token of the last form it has seen.
struct Browser<'a> {
    app: &'a App,
    jar: RefCell<BTreeMap<String, String>>,
    token: RefCell<String>,
    language: &'a str,
}

impl<'a> Browser<'a> {
    fn new(app: &'a App) -> Browser<'a> {
        Browser {
            app,
            jar: RefCell::default(),
            token: RefCell::default(),
            language: "en",
        }
    }

    #[track_caller]
    fn get(&self, path: &str) -> Answer {
        self.take(self.call("GET", path))
    }

    /// Fills in the form of the page it is on, as people do.
    #[track_caller]
    fn post(&self, path: &str, fields: &[(&str, &str)]) -> Answer {
        let call = self.call("POST", path);
        self.take(self.fill(call.header("sec-fetch-site", "same-origin"), fields))
    }

    fn call(&self, method: &str, path: &str) -> Call {
        let jar = self.jar.borrow();
        let pairs: Vec<String> = jar
            .iter()
            .map(|(name, value)| format!("{name}={value}"))
            .collect();
        let call = self
            .app
            .request(method, path)
            .header("accept-language", self.language);
        match pairs.is_empty() {
            true => call,
            false => call.header("cookie", pairs.join("; ")),
        }
    }

    fn fill(&self, call: Call, fields: &[(&str, &str)]) -> Call {
        let token = self.token.borrow().clone();
        let all = [("form", token.as_str())]
            .into_iter()
            .chain(fields.iter().copied());
        let pairs: Vec<String> = all
            .map(|(name, value)| format!("{name}={}", coded(value)))
            .collect();
        call.body("application/x-www-form-urlencoded", pairs.join("&"))
    }

    #[track_caller]
    fn take(&self, call: Call) -> Answer {
        let answer = call.send();
        for (name, value) in &answer.headers {
            if name == "set-cookie" {
                let (name, rest) = value.split_once('=').unwrap();
                let value = rest.split(';').next().unwrap();
                match rest.contains("Max-Age=0") {
                    true => self.jar.borrow_mut().remove(name),
                    false => self
                        .jar
                        .borrow_mut()
                        .insert(name.to_owned(), value.to_owned()),
                };
            }
        }
        if let Some((_, rest)) = answer.text().split_once("name=\"form\" value=\"") {
            *self.token.borrow_mut() = rest.split('"').next().unwrap().to_owned();
        }
        answer
    }

    fn cookie(&self, name: &str) -> Option<String> {
        self.jar.borrow().get(name).cloned()
    }

    #[track_caller]
    fn sign_in(&self, email: &str, password: &str) -> Answer {
        self.get("/login").expect(200);
        self.post("/login", &[("email", email), ("password", password)])
    }
}

fn coded(text: &str) -> String {
    text.bytes().map(|byte| format!("%{byte:02X}")).collect()
}

/// What an authenticator app shows now (RFC 6238).
fn one_time_code(secret: &str) -> String {
    let digits = secret.bytes().map(|byte| match byte {
        b'A'..=b'Z' => byte - b'A',
        _ => byte - b'2' + 26,
    });
    let bits: String = digits.map(|digit| format!("{digit:05b}")).collect();
    let key: Vec<u8> = (0..bits.len() / 8)
        .map(|at| u8::from_str_radix(&bits[at * 8..at * 8 + 8], 2).unwrap())
        .collect();
    let now = SystemTime::now()
        .duration_since(SystemTime::UNIX_EPOCH)
        .unwrap();
    let mut mac = <Hmac<Sha1> as KeyInit>::new_from_slice(&key).unwrap();
    mac.update(&(now.as_secs() / 30).to_be_bytes());
    let mac = mac.finalize().into_bytes();
    let at = usize::from(mac[19] & 15);
    let number = u32::from_be_bytes(mac[at..at + 4].try_into().unwrap()) & 0x7fff_ffff;
    format!("{:06}", number % 1_000_000)
}

#[track_caller]
fn leads(answer: &Answer, to: &str) {
    assert_eq!(
        (answer.status, answer.header("location").as_deref()),
        (303, Some(to)),
        "{answer:?}"
    );
}

#[test]
fn from_signing_up_to_signing_in_again() {
    let app = App::start(NOTES);
    let ann = Browser::new(&app);
    leads(&ann.get("/account"), "/login?continue=/account");
    assert!(
        ann.get("/account/sign-up")
            .expect(200)
            .text()
            .contains("name=\"field.name\"")
    );
    let wish = [
        ("email", "ann@example.com"),
        ("password", PASSWORD),
        ("field.name", "Ann"),
    ];
    leads(&ann.post("/account/sign-up", &wish), "/account/sent");
    ann.get("/account/sent").expect(200);
    let ticket = app.mailbox().ticket("ann@example.com");
    // Looking at the link uses nothing up.
    for _ in 0..2 {
        ann.get(&format!("/account/confirm?token={ticket}"))
            .expect(200);
    }
    leads(
        &ann.post("/account/confirm", &[("token", &ticket)]),
        "/account",
    );
    assert!(
        ann.get("/account")
            .expect(200)
            .text()
            .contains("ann@example.com")
    );
    leads(
        &ann.post("/account/sign-out", &[]),
        "/login?done=signed_out",
    );
    assert_eq!(ann.cookie("session"), None);
    leads(&ann.get("/account"), "/login?continue=/account");
    let wrong = ann
        .sign_in("ann@example.com", "nine red umbrellas")
        .expect(401);
    assert!(
        wrong.text().contains("value=\"ann@example.com\""),
        "{wrong:?}"
    );
    assert!(!wrong.text().contains("nine red umbrellas"), "{wrong:?}");
    leads(&ann.sign_in("ann@example.com", PASSWORD), "/account");
    ann.get("/account").expect(200);
    // The same session is good for the API.
    ann.call("GET", "/v1/notes").send().expect(200);
}

#[test]
fn pages_tell_nobody_who_has_an_account() {
    let app = App::start(NOTES);
    sign_up(&app, "ann@example.com");
    let guest = Browser::new(&app);
    let shown = |answer: Answer, email: &str| {
        let token = guest.token.borrow().clone();
        answer.text().replace(email, "").replace(&token, "")
    };
    let wrong = guest
        .sign_in("ann@example.com", "nine red umbrellas")
        .expect(401);
    let unknown = guest
        .sign_in("bob@example.com", "nine red umbrellas")
        .expect(401);
    assert_eq!(
        shown(wrong, "ann@example.com"),
        shown(unknown, "bob@example.com")
    );
    for path in ["/login/link", "/account/reset"] {
        for email in ["ann@example.com", "bob@example.com"] {
            guest.get(path).expect(200);
            leads(&guest.post(path, &[("email", email)]), "/account/sent");
        }
    }
}

#[test]
fn forms_of_others_are_refused() {
    let app = App::start(NOTES);
    sign_up(&app, "ann@example.com");
    let ann = Browser::new(&app);
    let login = [("email", "ann@example.com"), ("password", PASSWORD)];
    ann.get("/login").expect(200);
    let check = |headers: &[(&str, &str)], expected: u16| {
        let call = headers
            .iter()
            .fold(ann.call("POST", "/login"), |call, (name, value)| {
                call.header(name, *value)
            });
        ann.fill(call, &login).send().expect(expected);
    };
    let own = format!("http://{}", app.address());
    check(&[], 403);
    check(&[("sec-fetch-site", "cross-site")], 403);
    check(&[("sec-fetch-site", "same-site"), ("origin", &own)], 403);
    check(&[("origin", "https://evil.example")], 403);
    check(&[("origin", "null")], 403);
    check(&[("origin", &own)], 303);
    // Without the token of a form, or with that of another browser, it is not ours either.
    let right = ann.token.replace(String::new());
    ann.post("/login", &login).expect(403);
    let other = Browser::new(&app);
    other.get("/login").expect(200);
    ann.token.replace(other.token.borrow().clone());
    ann.post("/login", &login).expect(403);
    ann.token.replace(right);
    leads(&ann.post("/login", &login), "/account");
    // Nor is one from before signing in.
    ann.post("/account/sign-out", &[]).expect(403);
    ann.get("/account").expect(200);
    leads(
        &ann.post("/account/sign-out", &[]),
        "/login?done=signed_out",
    );
    let json = ann
        .call("POST", "/login")
        .header("sec-fetch-site", "same-origin");
    json.body("application/json", "{}").send().expect(415);
}

#[test]
fn nobody_keeps_a_session_that_was_planted() {
    let app = App::start(NOTES);
    sign_up(&app, "ann@example.com");
    let ann = Browser::new(&app);
    ann.sign_in("ann@example.com", PASSWORD).expect(303);
    let first = ann.cookie("session").unwrap();
    leads(&ann.sign_in("ann@example.com", PASSWORD), "/account");
    let second = ann.cookie("session").unwrap();
    assert_ne!(first, second);
    let old = app
        .request("GET", "/account")
        .header("cookie", format!("session={first}"));
    leads(&old.send(), "/login?continue=/account");
    let planted = "A".repeat(43);
    let eve = Browser::new(&app);
    eve.jar
        .borrow_mut()
        .insert("session".to_owned(), planted.clone());
    eve.sign_in("ann@example.com", PASSWORD).expect(303);
    assert_ne!(eve.cookie("session").unwrap(), planted);
}

#[test]
fn people_are_sent_to_places_of_ours_alone() {
    let app = App::start(NOTES);
    sign_up(&app, "ann@example.com");
    let ann = Browser::new(&app);
    let way = "/oauth2/authorize?client_id=a&redirect_uri=https%3A%2F%2Fapp.example";
    for (wanted, expected) in [
        (way, way),
        ("//evil.example", "/account"),
        ("/\\evil.example", "/account"),
        ("https://evil.example/", "/account"),
        ("javascript:alert(1)", "/account"),
        ("/\r\nset-cookie: a=b", "/account"),
        ("/\t/evil.example", "/account"),
        ("", "/account"),
    ] {
        let page = ann
            .get(&format!("/login?continue={}", coded(wanted)))
            .expect(200);
        assert!(!page.text().contains("evil.example"), "{page:?}");
        let fields = [
            ("email", "ann@example.com"),
            ("password", PASSWORD),
            ("continue", wanted),
        ];
        leads(&ann.post("/login", &fields), expected);
    }
}

#[test]
fn every_page_is_protected_and_speaks_to_everybody() {
    let app = App::start(NOTES);
    sign_up(&app, "ann@example.com");
    let ann = Browser::new(&app);
    let guests = [
        "/login",
        "/login/link",
        "/login/link?token=x",
        "/account/sign-up",
        "/account/confirm",
        "/account/confirm?token=x",
        "/account/reset",
        "/account/reset?token=x",
        "/account/sent",
        "/account/email/confirm?token=x",
    ];
    let own = [
        "/account",
        "/account/password",
        "/account/email",
        "/account/codes",
        "/account/sessions",
        "/account/delete",
        "/account?done=password",
    ];
    let check = |path: &str, status: u16| {
        let answer = ann.get(path).expect(status);
        let policy = answer.header("content-security-policy").unwrap();
        for part in [
            "default-src 'none'",
            "frame-ancestors 'none'",
            "base-uri 'none'",
        ] {
            assert!(policy.contains(part), "{path}: {policy}");
        }
        assert!(
            !policy.contains("unsafe") && !policy.contains("script-src"),
            "{path}: {policy}"
        );
        assert_eq!(
            answer.header("cache-control").as_deref(),
            Some("no-store, no-transform"),
            "{path}"
        );
        assert_eq!(
            answer.header("x-content-type-options").as_deref(),
            Some("nosniff"),
            "{path}"
        );
        assert_eq!(
            answer.header("referrer-policy").as_deref(),
            Some("no-referrer"),
            "{path}"
        );
        assert_eq!(answer.header("content-encoding"), None, "{path}");
        let text = answer.text();
        assert!(
            text.contains("<html lang=\"en\">") && text.contains("<title>"),
            "{path}: {text}"
        );
        for never in ["<script", "onclick", "style=\"", "javascript:"] {
            assert!(!text.contains(never), "{path}: {never}");
        }
        let ids: Vec<&str> = text
            .split(" id=\"")
            .skip(1)
            .map(|rest| rest.split('"').next().unwrap())
            .collect();
        for (place, id) in ids.iter().enumerate() {
            assert!(!ids[..place].contains(id), "{path}: {id} twice");
        }
        for input in text
            .split("<input ")
            .skip(1)
            .map(|rest| rest.split('>').next().unwrap())
        {
            if input.contains("type=\"hidden\"") {
                continue;
            }
            let id = input
                .split("id=\"")
                .nth(1)
                .unwrap()
                .split('"')
                .next()
                .unwrap();
            assert!(
                text.contains(&format!("<label for=\"{id}\"")),
                "{path}: {input}"
            );
            assert!(input.contains("autocomplete="), "{path}: {input}");
        }
        for described in text.split("aria-describedby=\"").skip(1) {
            for id in described.split('"').next().unwrap().split(' ') {
                assert!(ids.contains(&id), "{path}: {id}");
            }
        }
    };
    for path in guests {
        check(path, 200);
    }
    check("/login/nowhere", 404);
    check("/account/logo", 404);
    ann.get("/account/sign-up");
    ann.sign_in("ann@example.com", PASSWORD).expect(303);
    for path in own {
        check(path, 200);
    }
    let post = ann.post("/account", &[]).expect(405);
    assert_eq!(post.header("allow").as_deref(), Some("GET, HEAD"));
    let style = ann.get("/account/style.css").expect(200);
    assert!(
        style
            .header("content-type")
            .unwrap()
            .starts_with("text/css")
    );
}

#[test]
fn nothing_that_is_typed_becomes_markup() {
    let app = App::start(NOTES);
    let evil = "\"><script>alert(1)</script><x y='";
    let eve = Browser::new(&app);
    eve.get("/account/sign-up").expect(200);
    let names = [
        "email",
        "password",
        "field.name",
        "token",
        "code",
        "continue",
        "id",
        "do",
        "everywhere",
    ];
    let fields: Vec<(&str, &str)> = names.iter().map(|name| (*name, evil)).collect();
    let check = |answer: Answer, path: &str| {
        assert!(
            !answer.text().contains("<script") && !answer.text().contains("<x y="),
            "{path}: {answer:?}"
        );
    };
    for path in [
        "/login",
        "/login/link",
        "/account/sign-up",
        "/account/confirm",
        "/account/reset",
        "/account/email/confirm",
    ] {
        let query = format!(
            "{path}?token={0}&continue={0}&done={0}&email={0}",
            coded(evil)
        );
        check(eve.get(&query), path);
        check(eve.post(path, &fields), path);
        let only: Vec<(&str, &str)> = fields
            .iter()
            .copied()
            .filter(|(name, _)| *name != "token")
            .collect();
        check(eve.post(path, &only), path);
    }
    sign_up(&app, "ann@example.com");
    eve.sign_in("ann@example.com", PASSWORD).expect(303);
    for path in [
        "/account/password",
        "/account/email",
        "/account/codes",
        "/account/sessions",
        "/account/delete",
    ] {
        eve.get(path).expect(200);
        check(eve.post(path, &fields), path);
    }
}

#[test]
fn what_is_wrong_stands_beside_the_field_and_what_was_typed_stays() {
    let app = App::start(NOTES);
    let eve = Browser::new(&app);
    eve.get("/account/sign-up").expect(200);
    let wish = [
        ("email", "eve@example.com"),
        ("password", "short"),
        ("field.name", "Eve"),
    ];
    let refused = eve.post("/account/sign-up", &wish).expect(422);
    let text = refused.text();
    assert!(
        text.contains("id=\"password-error\"") && text.contains("aria-invalid=\"true\""),
        "{text}"
    );
    assert!(
        text.contains("value=\"eve@example.com\"") && text.contains("value=\"Eve\""),
        "{text}"
    );
    assert!(!text.contains("value=\"short\""), "{text}");
    let long = "n".repeat(51);
    let wish = [
        ("email", "eve@example.com"),
        ("password", PASSWORD),
        ("field.name", &long),
    ];
    let refused = eve.post("/account/sign-up", &wish).expect(422);
    assert!(
        refused.text().contains("id=\"field-name-error\""),
        "{refused:?}"
    );
    assert_eq!(app.mailbox().list(), [""; 0]);
}

#[test]
fn a_forgotten_password_is_replaced_and_a_link_signs_in() {
    let app = App::start(NOTES);
    sign_up(&app, "ann@example.com");
    let ann = Browser::new(&app);
    ann.get("/account/reset").expect(200);
    leads(
        &ann.post("/account/reset", &[("email", "ann@example.com")]),
        "/account/sent",
    );
    let ticket = app.mailbox().ticket("ann@example.com");
    ann.get(&format!("/account/reset?token={ticket}"))
        .expect(200);
    let short = ann
        .post(
            "/account/reset",
            &[("token", &ticket), ("password", "short")],
        )
        .expect(422);
    assert!(short.text().contains(&ticket));
    let new = [
        ("token", ticket.as_str()),
        ("password", "nine purple bicycles"),
    ];
    leads(&ann.post("/account/reset", &new), "/login?done=reset");
    ann.post("/account/reset", &new).expect(404);
    leads(
        &ann.sign_in("ann@example.com", "nine purple bicycles"),
        "/account",
    );

    let phone = Browser::new(&app);
    phone.get("/login/link").expect(200);
    leads(
        &phone.post("/login/link", &[("email", "ann@example.com")]),
        "/account/sent",
    );
    let ticket = app.mailbox().ticket("ann@example.com");
    phone
        .get(&format!("/login/link?token={ticket}"))
        .expect(200);
    phone
        .get(&format!("/login/link?token={ticket}"))
        .expect(200);
    leads(
        &phone.post("/login/link", &[("token", &ticket)]),
        "/account",
    );
    phone.get("/account").expect(200);
    phone.post("/login/link", &[("token", &ticket)]).expect(404);
}

#[test]
fn people_change_what_there_is_of_them() {
    let app = App::start(NOTES);
    let program = with(&app, &sign_up(&app, "ann@example.com"));
    let ann = Browser::new(&app);
    ann.sign_in("ann@example.com", PASSWORD).expect(303);
    let list = ann.get("/account/sessions").expect(200);
    let id = list.text().split("name=\"id\" value=\"").nth(1).unwrap();
    let id = id.split('"').next().unwrap().to_owned();
    leads(
        &ann.post("/account/sessions", &[("id", &id)]),
        "/account/sessions?done=session",
    );
    program.get("/auth/me").expect(401);

    ann.get("/account/password").expect(200);
    let wrong = [
        ("current_password", "no"),
        ("password", "nine purple bicycles"),
    ];
    ann.post("/account/password", &wrong).expect(403);
    let right = [
        ("current_password", PASSWORD),
        ("password", "nine purple bicycles"),
    ];
    leads(
        &ann.post("/account/password", &right),
        "/account?done=password",
    );
    assert!(
        ann.get("/account?done=password")
            .expect(200)
            .text()
            .contains("role=\"status\"")
    );
    log_in(&app, "ann@example.com", "nine purple bicycles");

    ann.get("/account/email").expect(200);
    let new = [
        ("email", "ann@new.example"),
        ("current_password", "nine purple bicycles"),
    ];
    leads(&ann.post("/account/email", &new), "/account/sent");
    let ticket = app.mailbox().ticket("ann@new.example");
    ann.get(&format!("/account/email/confirm?token={ticket}"))
        .expect(200);
    leads(
        &ann.post("/account/email/confirm", &[("token", &ticket)]),
        "/account?done=email",
    );
    assert!(
        ann.get("/account")
            .expect(200)
            .text()
            .contains("ann@new.example")
    );
    let export = ann.get("/account/export").expect(200);
    assert!(
        export
            .header("content-disposition")
            .unwrap()
            .starts_with("attachment")
    );
    assert_eq!(export.json()["account"]["email"], "ann@new.example");

    ann.get("/account/delete").expect(200);
    ann.post("/account/delete", &[("current_password", "no")])
        .expect(403);
    let gone = ann.post(
        "/account/delete",
        &[("current_password", "nine purple bicycles")],
    );
    leads(&gone, "/login?done=deleted");
    ann.sign_in("ann@new.example", "nine purple bicycles")
        .expect(401);
}

#[test]
fn a_second_factor_is_set_up_and_asked_for() {
    let app = App::start(NOTES);
    sign_up(&app, "ann@example.com");
    let ann = Browser::new(&app);
    ann.sign_in("ann@example.com", PASSWORD).expect(303);
    ann.get("/account/codes").expect(200);
    ann.post(
        "/account/codes",
        &[("do", "begin"), ("current_password", "no")],
    )
    .expect(403);
    let setup = ann.post(
        "/account/codes",
        &[("do", "begin"), ("current_password", PASSWORD)],
    );
    let setup = setup.expect(200);
    assert!(setup.text().contains("<svg"), "{setup:?}");
    let between = |text: &str, before: &str, after: &str| {
        text.split(before)
            .nth(1)
            .unwrap()
            .split(after)
            .next()
            .unwrap()
            .to_owned()
    };
    let secret = between(setup.text(), "class=\"secret\">", "<");
    let ticket = between(setup.text(), "name=\"token\" value=\"", "\"");
    let code = one_time_code(&secret);
    let codes = ann.post(
        "/account/codes",
        &[("do", "confirm"), ("token", &ticket), ("code", &code)],
    );
    let recovery = between(codes.expect(200).text(), "<li class=\"secret\">", "<");
    ann.post("/account/sign-out", &[]).expect(303);
    leads(&ann.get("/login/second-factor"), "/login");

    leads(
        &ann.sign_in("ann@example.com", PASSWORD),
        "/login/second-factor",
    );
    assert_eq!(ann.cookie("session"), None);
    ann.get("/login/second-factor").expect(200);
    ann.post("/login/second-factor", &[("code", "nonsense")])
        .expect(401);
    let done = [("code", recovery.as_str()), ("continue", "/account/codes")];
    leads(&ann.post("/login/second-factor", &done), "/account/codes");
    ann.get("/account/codes").expect(200);
    ann.post(
        "/account/codes",
        &[("do", "renew"), ("current_password", PASSWORD)],
    )
    .expect(200);
    let off = ann.post(
        "/account/codes",
        &[("do", "remove"), ("current_password", PASSWORD)],
    );
    leads(&off, "/account/codes?done=codes_removed");
    ann.post("/account/sign-out", &[]).expect(303);
    leads(&ann.sign_in("ann@example.com", PASSWORD), "/account");
}

#[test]
fn pages_speak_german_and_look_as_the_contract_says() {
    let contract = NOTES.replace(
        "  scopes:",
        "  theme: {color: \"#ffdd00\", title: Notizen, logo: logo.svg}\n  scopes:",
    );
    let app = App::builder()
        .file("frontdesk.yaml", &contract)
        .file("logo.svg", "<svg xmlns=\"http://www.w3.org/2000/svg\"/>")
        .start();
    let anna = Browser {
        language: "de-AT, en;q=0.5",
        ..Browser::new(&app)
    };
    let page = anna.get("/login").expect(200);
    for part in [
        "<html lang=\"de\">",
        "Bei Notizen anmelden",
        "/account/logo?v=",
    ] {
        assert!(page.text().contains(part), "{part}: {page:?}");
    }
    let wrong = anna
        .sign_in("ann@example.com", "nine red umbrellas")
        .expect(401);
    assert!(
        wrong
            .text()
            .contains("Die Adresse oder das Passwort ist falsch."),
        "{wrong:?}"
    );
    let style = anna.get("/account/style.css").expect(200);
    assert!(
        style
            .text()
            .contains("--accent: rgb(255 221 0); --accent-ink: #000;")
    );
    let logo = anna.get("/account/logo").expect(200);
    assert_eq!(
        logo.header("content-type").as_deref(),
        Some("image/svg+xml")
    );
    assert!(
        logo.header("content-security-policy")
            .unwrap()
            .contains("sandbox")
    );
}

#[test]
fn who_tries_too_often_has_to_wait() {
    let app = App::start(NOTES);
    let eve = Browser::new(&app);
    eve.get("/login").expect(200);
    let wrong = [
        ("email", "ann@example.com"),
        ("password", "nine red umbrellas"),
    ];
    let mut answers = (0..30).map(|_| eve.post("/login", &wrong));
    let waits = answers.find(|answer| answer.status == 429).unwrap();
    assert!(waits.header("retry-after").is_some());
    assert!(waits.text().contains("Too many tries"), "{waits:?}");
}

#[test]
fn nobody_signs_up_where_that_is_closed() {
    let app = App::start(&NOTES.replace("users: User", "users: {resource: User, sign_up: closed}"));
    let eve = Browser::new(&app);
    let page = eve.get("/account/sign-up").expect(200);
    assert!(!page.text().contains("<form"), "{page:?}");
    assert!(
        !eve.get("/login")
            .expect(200)
            .text()
            .contains("/account/sign-up")
    );
    let wish = [
        ("email", "eve@example.com"),
        ("password", PASSWORD),
        ("field.name", "Eve"),
    ];
    eve.post("/account/sign-up", &wish).expect(403);
    assert_eq!(app.mailbox().list(), [""; 0]);
}
