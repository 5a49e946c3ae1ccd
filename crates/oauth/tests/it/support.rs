//! A service with people and apps on a database of its own, and a clock that stands still until
//! it is moved.

use std::cell::RefCell;
use std::net::{IpAddr, Ipv4Addr};
use std::sync::atomic::{AtomicI64, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use audit::Audit;
use base64::Engine as _;
use base64::engine::general_purpose::{STANDARD, URL_SAFE_NO_PAD};
use bytes::Bytes;
use call::{BoxFuture, Failure};
use engine::Engine;
use http::HeaderMap;
use identity::clients::Clients;
use identity::denied::Denied;
use identity::dpop::Dpop;
use identity::families::{self, Families};
use identity::grants::Grants;
use identity::guess::Guesses;
use identity::jws::{Algorithm, Jwk, Pair};
use identity::password::{Cost, Hasher};
use identity::sessions::{Lasts, NewSession, Sessions};
use identity::signing::{self, Signing};
use identity::tokens::{self, Tokens};
use model::Model;
use oauth::{Door, Lasting, Outside, Parts};
use people::{Account, Letter, People, Post, SignUp};
use serde_json::Value as Json;
use sha2::{Digest, Sha256};
use testdb::{Fresh, wait};
use value::Timestamp;
use vault::{MasterKeys, Secrets, Vault};
use web::cookies::Cookie;
use web::{Request, Scheme};

pub const ISSUER: &str = "https://photos.example";
pub const AUDIENCE: &str = "https://photos.example/api";
/// The 1st of January 2027.
pub const NOW: i64 = 1_798_761_600_000;
pub const PRINTER_SECRET: &str = "p+r/i%6eter";
pub const VERIFIER: &str = "a-verifier-of-more-than-forty-three-characters";
pub const BACK: &str = "https://print.example/back";

const CONTRACT: &str = "frontdesk: 1
name: photos
auth:
  users: User
  scopes: {photos.read: See all of your photos}
  clients:
    printer:
      title: Print shop
      secret: $PRINTER_SECRET
      redirect_uris: [https://print.example/back]
      scopes: [openid, profile, email, offline_access, photos.read]
      post_logout_redirect_uris: [https://print.example/bye]
      backchannel_logout_uri: https://print.example/signed-out
    viewer:
      title: <Viewer>
      public: true
      redirect_uris: [https://viewer.example/back, https://viewer.example/other]
      scopes: [openid, photos.read]
    tool: {public: true, redirect_uris: ['http://127.0.0.1/back'], scopes: [photos.read], device: true}
    own: {public: true, trusted: true, redirect_uris: [https://photos.example/app], scopes: [openid, photos.read, photos.write]}
    robot: {secret: $ROBOT_SECRET, scopes: [photos.read, openid]}
resources:
  User: {fields: {name: text}}
  Photo: {fields: {title: text}}
";

#[derive(Debug, Default)]
struct Mailbox(Mutex<Vec<Letter>>);

impl Post for Mailbox {
    fn send(&self, letter: Letter) {
        self.0.lock().unwrap().push(letter);
    }
}

/// Keys at any address, and a list of who was told what.
#[derive(Default)]
pub struct Others {
    pub keys: Mutex<Vec<Jwk>>,
    pub told: Mutex<Vec<(String, String)>>,
}

impl Outside for Others {
    fn keys<'a>(&'a self, _: &'a str) -> BoxFuture<'a, Result<Vec<Jwk>, Failure>> {
        let keys = self.keys.lock().unwrap().clone();
        Box::pin(async { Ok(keys) })
    }

    fn signed_out(&self, url: String, logout_token: String) {
        self.told.lock().unwrap().push((url, logout_token));
    }
}

pub struct World {
    pub model: Arc<Model>,
    pub door: Door,
    pub clients: Arc<Clients>,
    pub grants: Arc<Grants>,
    pub tokens: Arc<Tokens>,
    pub families: Arc<Families>,
    pub denied: Arc<Denied>,
    pub sessions: Arc<Sessions>,
    pub audit: Arc<Audit>,
    pub others: Arc<Others>,
    pub people: People,
    clock: Arc<AtomicI64>,
    mailbox: Arc<Mailbox>,
    // After what uses it.
    _fresh: Fresh,
}

/// Somebody at a browser.
pub struct Browser {
    pub account: Account,
    pub session: String,
    pub cookie: String,
}

pub struct Answer {
    pub status: u16,
    pub headers: HeaderMap,
    pub body: String,
}

impl World {
    pub fn new() -> World {
        World::signing_with(Algorithm::Es256)
    }

    pub fn signing_with(algorithm: Algorithm) -> World {
        let fresh = Fresh::of(CONTRACT);
        let model = Arc::new(compiled());
        let driver = || Arc::clone(&fresh.driver);
        let keys = MasterKeys::parse(&MasterKeys::generate().unwrap()).unwrap();
        let vault = Vault::new(keys);
        let now = Timestamp(NOW);
        let denied = Arc::new(wait(Denied::open(driver(), now)).unwrap());
        let settings = signing::Settings {
            algorithms: vec![algorithm],
        };
        let opened = Signing::open(driver(), vault.clone(), Arc::clone(&denied), settings, now);
        let signing = Arc::new(wait(opened).unwrap());
        let settings = tokens::Settings {
            issuer: ISSUER.to_owned(),
            audience: AUDIENCE.to_owned(),
            access_life: Duration::from_secs(15 * 60),
        };
        let tokens = Tokens::new(Arc::clone(&signing), Arc::clone(&denied), settings);
        let tokens = Arc::new(tokens);
        let settings = families::Settings {
            idle: Duration::from_secs(14 * 24 * 3600),
            absolute: Duration::from_secs(30 * 24 * 3600),
        };
        let families = Families::new(driver(), Arc::clone(&denied), &[7; 32], settings);
        let families = Arc::new(families);
        let environment = |name: &str| match name {
            "PRINTER_SECRET" => Some(PRINTER_SECRET.to_owned()),
            "ROBOT_SECRET" => Some("r".to_owned()),
            _ => None,
        };
        let secrets = Secrets::new(driver(), Some(vault.clone()));
        let secrets = secrets.with_environment(Arc::new(environment));
        let clients = Arc::new(Clients::new(driver(), secrets));
        let audit = Arc::new(wait(Audit::open(driver(), Some(&vault), now)).unwrap());
        let grants = Arc::new(Grants::new(driver()).audited(Arc::clone(&audit)));
        let sessions = Arc::new(Sessions::new(driver()));
        let mailbox = Arc::new(Mailbox::default());
        let engine = Engine::new(Arc::clone(&model), driver(), &[1; 32]);
        let lasting = people::Lasting {
            hasher: Arc::new(Hasher::new(Cost::FLOOR).unwrap()),
            passwords: Arc::new(Guesses::of_passwords()),
            second_factors: Arc::new(Guesses::of_second_factors()),
            letters: Arc::new(Guesses::of_passwords()),
            sessions: Arc::clone(&sessions),
            vault: Arc::new(vault.clone()),
            post: Arc::clone(&mailbox) as Arc<dyn Post>,
            audit: Arc::clone(&audit),
            families: Arc::clone(&families),
            denied: Arc::clone(&denied),
            tokens: Arc::clone(&tokens),
        };
        let people = People::new(engine, Arc::new(lasting)).unwrap();
        let clock = Arc::new(AtomicI64::new(NOW));
        let others = Arc::new(Others::default());
        let origin = ISSUER.parse().unwrap();
        let parts = Parts {
            model: Arc::clone(&model),
            people: Some(people.clone()),
            driver: driver(),
            clients: Arc::clone(&clients),
            grants: Arc::clone(&grants),
            tokens: Arc::clone(&tokens),
            families: Arc::clone(&families),
            denied: Arc::clone(&denied),
            signing,
            sessions: Arc::clone(&sessions),
            dpop: Arc::new(Dpop::new(&[3; 32])),
            audit: Arc::clone(&audit),
            outside: Arc::clone(&others) as Arc<dyn Outside>,
            lasting: Arc::new(Lasting::new()),
            cookie: Cookie::new("session", &origin),
            origin,
            stylesheet: Some("/account/style.css".to_owned()),
            certificates: true,
            clock: {
                let clock = Arc::clone(&clock);
                Arc::new(move || Timestamp(clock.load(Ordering::Relaxed)))
            },
        };
        World {
            door: Door::new(parts),
            model,
            clients,
            grants,
            tokens,
            families,
            denied,
            sessions,
            audit,
            others,
            people,
            clock,
            mailbox,
            _fresh: fresh,
        }
    }

    pub fn now(&self) -> Timestamp {
        Timestamp(self.clock.load(Ordering::Relaxed))
    }

    /// Lets time pass, with what happens every second.
    pub fn pass(&self, seconds: i64) {
        self.clock.fetch_add(seconds * 1000, Ordering::Relaxed);
        wait(self.denied.poll(self.now())).unwrap();
    }

    /// Somebody with an account, signed in at a browser.
    pub fn person(&self, name: &str) -> Browser {
        let email = format!("{name}@example.com");
        let from = people::From {
            address: IpAddr::V4(Ipv4Addr::LOCALHOST),
            agent: None,
            language: None,
            now: self.now(),
        };
        let mut fields = serde_json::Map::new();
        fields.insert("name".to_owned(), name.into());
        let wish = SignUp {
            email: &email,
            password: None,
            fields,
        };
        wait(self.people.sign_up(wish, &from)).unwrap();
        let letter = self.mailbox.0.lock().unwrap().pop().unwrap();
        let (_, ticket) = letter.kind.path().unwrap();
        let signed_in = wait(self.people.confirm_sign_up(ticket, &from)).unwrap();
        self.sign_in(signed_in.account)
    }

    pub fn sign_in(&self, account: Account) -> Browser {
        let new = NewSession {
            account: &account.id,
            user: &account.user,
            methods: &["pwd".to_owned()],
            authenticated_at: self.now(),
            client_address: None,
            agent: None,
            lasts: Lasts {
                idle: Duration::from_secs(4 * 3600),
                absolute: Duration::from_secs(30 * 24 * 3600),
            },
        };
        let (session, text) = wait(self.sessions.begin(new, self.now())).unwrap();
        Browser {
            account,
            session: session.id,
            cookie: format!("__Host-session={}", text.reveal()),
        }
    }

    pub fn ask(&self, ask: Ask<'_>) -> Answer {
        let mut head = http::Request::builder()
            .method(ask.method)
            .uri(ask.target)
            .body(())
            .unwrap()
            .into_parts()
            .0;
        for (name, value) in ask.headers.borrow().iter() {
            let name = http::HeaderName::from_bytes(name.as_bytes()).unwrap();
            head.headers.append(name, value.parse().unwrap());
        }
        let body = ask.body.as_deref().unwrap_or_default();
        let request = Request {
            head,
            peer: ([192, 0, 2, 1], 5000).into(),
            client: ask.address,
            scheme: Scheme::Https,
            secure: ask.secure,
            certificate: ask.certificate,
            private: false,
            body: Bytes::copy_from_slice(body.as_bytes()).into(),
        };
        let response = wait(self.door.handle(request));
        Answer {
            status: response.status().as_u16(),
            headers: response.headers().clone(),
            body: String::from_utf8(response.body().bytes().unwrap().to_vec()).unwrap(),
        }
    }

    /// A form as an app of ours, known by its secret if it has one.
    pub fn post(&self, client: &str, path: &str, fields: &[(&str, &str)]) -> Answer {
        let ask = Ask::post(path, fields);
        self.ask(match client {
            "printer" => ask.basic("printer", PRINTER_SECRET),
            "robot" => ask.basic("robot", "r"),
            public => ask.more(&[("client_id", public)]),
        })
    }

    /// An authorization request, up to the consent page or back to the app.
    pub fn authorize(&self, who: Option<&Browser>, fields: &[(&str, &str)]) -> Answer {
        let mut ask = Ask::get(&format!("/oauth2/authorize?{}", encoded(fields)));
        if let Some(who) = who {
            ask = ask.at_browser(who);
        }
        self.ask(ask)
    }

    /// The whole way to a code, with consent where it is asked for.
    pub fn code(&self, who: &Browser, fields: &[(&str, &str)]) -> String {
        let mut answer = self.authorize(Some(who), fields);
        if answer.location().starts_with("/consent") {
            answer = self.consent(who, &answer.location(), "allow");
        }
        answer.parameter("code")
    }

    pub fn consent(&self, who: &Browser, place: &str, decision: &str) -> Answer {
        let page = self.ask(Ask::get(place).at_browser(who));
        assert_eq!(page.status, 200, "{}", page.body);
        let fields = [
            ("request", &*page.input("request")),
            ("token", &page.input("token")),
            ("decision", decision),
        ];
        self.ask(Ask::post("/consent", &fields).at_browser(who).own_page())
    }

    /// What the printer gets for these scopes.
    pub fn printer_tokens(&self, who: &Browser, scope: &str) -> Json {
        let code = self.code(who, &printer(scope));
        let answer = self.exchange("printer", &code, BACK);
        assert_eq!(answer.status, 200, "{}", answer.body);
        answer.json()
    }

    pub fn exchange(&self, client: &str, code: &str, back: &str) -> Answer {
        let fields = [
            ("grant_type", "authorization_code"),
            ("code", code),
            ("redirect_uri", back),
            ("code_verifier", VERIFIER),
        ];
        self.post(client, "/oauth2/token", &fields)
    }

    pub fn refresh(&self, client: &str, token: &str) -> Answer {
        let fields = [("grant_type", "refresh_token"), ("refresh_token", token)];
        self.post(client, "/oauth2/token", &fields)
    }

    /// Whether the API would accept it.
    pub fn accepts(&self, access_token: &Json) -> bool {
        let text = access_token.as_str().unwrap();
        wait(self.tokens.verify(text, self.now())).is_ok()
    }
}

fn compiled() -> Model {
    let mut sources = diag::Sources::new();
    let main = sources.add("frontdesk.yaml", CONTRACT.to_owned());
    let mut found = diag::Diagnostics::new();
    let model = contract::compile(main, &mut sources, &mut |_| Ok(vec![]), &mut found);
    model.unwrap_or_else(|| panic!("{found:?}"))
}

/// A request that is to be sent.
pub struct Ask<'a> {
    method: &'a str,
    target: String,
    headers: RefCell<Vec<(String, String)>>,
    body: Option<String>,
    address: IpAddr,
    secure: bool,
    certificate: Option<Arc<web::tls::Certificate>>,
}

impl Ask<'static> {
    pub fn get(target: &str) -> Ask<'static> {
        Ask {
            method: "GET",
            target: target.to_owned(),
            headers: RefCell::default(),
            body: None,
            address: IpAddr::from([192, 0, 2, 1]),
            secure: true,
            certificate: None,
        }
    }

    pub fn post(path: &str, fields: &[(&str, &str)]) -> Ask<'static> {
        let ask = Ask {
            method: "POST",
            body: Some(encoded(fields)),
            ..Ask::get(path)
        };
        ask.header("content-type", "application/x-www-form-urlencoded")
    }
}

impl<'a> Ask<'a> {
    pub fn method(self, method: &'a str) -> Ask<'a> {
        Ask { method, ..self }
    }

    pub fn header(self, name: &str, value: &str) -> Ask<'a> {
        let pair = (name.to_owned(), value.to_owned());
        self.headers.borrow_mut().push(pair);
        self
    }

    pub fn basic(self, id: &str, secret: &str) -> Ask<'a> {
        let pair = STANDARD.encode(format!("{id}:{secret}"));
        self.header("authorization", &format!("Basic {pair}"))
    }

    pub fn more(mut self, fields: &[(&str, &str)]) -> Ask<'a> {
        let body = self.body.get_or_insert_default();
        body.push('&');
        body.push_str(&encoded(fields));
        self
    }

    pub fn at_browser(self, who: &Browser) -> Ask<'a> {
        self.header("cookie", &who.cookie)
    }

    pub fn own_page(self) -> Ask<'a> {
        self.header("sec-fetch-site", "same-origin")
    }

    pub fn from(self, address: [u8; 4]) -> Ask<'a> {
        let address = IpAddr::from(address);
        Ask { address, ..self }
    }

    pub fn in_the_clear(self) -> Ask<'a> {
        Ask {
            secure: false,
            ..self
        }
    }

    pub fn with_certificate(self, certificate: web::tls::Certificate) -> Ask<'a> {
        Ask {
            certificate: Some(Arc::new(certificate)),
            ..self
        }
    }
}

impl Answer {
    pub fn json(&self) -> Json {
        serde_json::from_str(&self.body).unwrap_or_else(|_| panic!("{}", self.body))
    }

    pub fn header(&self, name: &str) -> &str {
        self.headers
            .get(name)
            .map_or("", |value| value.to_str().unwrap())
    }

    pub fn location(&self) -> String {
        assert_eq!(self.status, 303, "{}", self.body);
        self.header("location").to_owned()
    }

    /// Of where it leads.
    pub fn parameter(&self, name: &str) -> String {
        let location = self.location();
        let (_, query) = location.split_once('?').unwrap();
        let form = web::form::Form::parse(query.as_bytes(), &[]).unwrap();
        let found = form.field(name);
        found
            .unwrap_or_else(|| panic!("no {name} in {location}"))
            .to_owned()
    }

    /// The value of a form's input.
    pub fn input(&self, name: &str) -> String {
        let (_, rest) = self
            .body
            .split_once(&format!("name=\"{name}\" value=\""))
            .unwrap();
        rest.split('"').next().unwrap().to_owned()
    }

    /// What a refusal at the token endpoint says.
    #[track_caller]
    pub fn is_refused(&self, status: u16, error: &str) {
        let found = (
            self.status,
            self.json()["error"].as_str().unwrap_or_default().to_owned(),
        );
        assert_eq!(found, (status, error.to_owned()), "{}", self.body);
        assert_eq!(self.header("cache-control"), "no-store");
    }

    /// What a refusal at the app's address says.
    #[track_caller]
    pub fn is_sent_back(&self, error: &str) {
        assert!(
            self.location().starts_with("https://") || self.location().starts_with("http://127")
        );
        assert_eq!(self.parameter("error"), error);
        assert_eq!(self.parameter("iss"), ISSUER);
    }
}

pub fn encoded(fields: &[(&str, &str)]) -> String {
    let encode = |text: &str| {
        let bytes = text.bytes().map(|byte| match byte {
            b if b.is_ascii_alphanumeric() => char::from(b).to_string(),
            b => format!("%{b:02X}"),
        });
        bytes.collect::<String>()
    };
    let pairs = fields
        .iter()
        .map(|(name, value)| format!("{name}={}", encode(value)));
    pairs.collect::<Vec<_>>().join("&")
}

pub fn challenge() -> String {
    URL_SAFE_NO_PAD.encode(Sha256::digest(VERIFIER))
}

/// A request of the printer.
pub fn printer(scope: &str) -> Vec<(&str, &str)> {
    request("printer", BACK, scope)
}

pub fn request<'a>(client: &'a str, back: &'a str, scope: &'a str) -> Vec<(&'a str, &'a str)> {
    // Lives as long as the process, as tests do.
    let challenge: &'static str = Box::leak(challenge().into_boxed_str());
    vec![
        ("client_id", client),
        ("redirect_uri", back),
        ("response_type", "code"),
        ("scope", scope),
        ("state", "s&t=a te"),
        ("nonce", "n0nce"),
        ("code_challenge", challenge),
        ("code_challenge_method", "S256"),
    ]
}

/// The same with another value of a parameter, or without it.
pub fn with<'a>(
    fields: &[(&'a str, &'a str)],
    name: &'a str,
    value: Option<&'a str>,
) -> Vec<(&'a str, &'a str)> {
    let mut fields = fields.to_vec();
    fields.retain(|(known, _)| *known != name);
    fields.extend(value.map(|value| (name, value)));
    fields
}

/// What a signed text says; whether it is signed is for others.
pub fn claims(text: &Json) -> Json {
    let payload = text.as_str().unwrap().split('.').nth(1).unwrap();
    serde_json::from_slice(&URL_SAFE_NO_PAD.decode(payload).unwrap()).unwrap()
}

/// Signed with a pair, whatever the header says.
pub fn signed(pair: &Pair, header: &Json, claims: &Json) -> String {
    let head = URL_SAFE_NO_PAD.encode(header.to_string());
    let signed = [&*head, ".", &URL_SAFE_NO_PAD.encode(claims.to_string())].concat();
    let signature = URL_SAFE_NO_PAD.encode(pair.signature(signed.as_bytes()).unwrap());
    [&*signed, ".", &*signature].concat()
}
