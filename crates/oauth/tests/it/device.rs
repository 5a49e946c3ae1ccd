//! Devices without a browser.

use crate::support::{Ask, Browser, World};

const GRANT: &str = "urn:ietf:params:oauth:grant-type:device_code";

struct Device {
    code: String,
    user_code: String,
}

impl World {
    fn device(&self) -> Device {
        let fields = [("scope", "photos.read photos.write")];
        let answer = self.post("tool", "/oauth2/device_authorization", &fields);
        assert_eq!(answer.status, 200, "{}", answer.body);
        let body = answer.json();
        assert_eq!(
            (&body["expires_in"], &body["interval"]),
            (&600.into(), &5.into())
        );
        let text = |name: &str| body[name].as_str().unwrap().to_owned();
        let complete = text("verification_uri_complete");
        assert!(complete.ends_with(&format!("/device?user_code={}", text("user_code"))));
        Device {
            code: text("device_code"),
            user_code: text("user_code"),
        }
    }

    fn poll(&self, client: &str, device: &Device) -> crate::support::Answer {
        let fields = [("grant_type", GRANT), ("device_code", &*device.code)];
        self.post(client, "/oauth2/token", &fields)
    }

    /// Types a code in, and gets the page that asks.
    fn type_in(&self, who: &Browser, code: &str) -> crate::support::Answer {
        let page = self.ask(Ask::get("/device").at_browser(who));
        let fields = [("user_code", code), ("token", &*page.input("token"))];
        self.ask(Ask::post("/device", &fields).at_browser(who).own_page())
    }

    fn settle(&self, who: &Browser, device: &Device, decision: &str) -> crate::support::Answer {
        let page = self.type_in(who, &device.user_code);
        assert_eq!(page.status, 200, "{}", page.body);
        let fields = [
            ("user_code", &*page.input("user_code")),
            ("token", &page.input("token")),
            ("decision", decision),
        ];
        self.ask(Ask::post("/device", &fields).at_browser(who).own_page())
    }
}

#[test]
fn a_person_decides_elsewhere() {
    let world = World::new();
    let ann = world.person("ann");
    let device = world.device();
    world
        .poll("tool", &device)
        .is_refused(400, "authorization_pending");
    let page = world.type_in(&ann, &device.user_code.to_lowercase().replace('-', " "));
    assert!(
        page.body.contains("See all of your photos"),
        "{}",
        page.body
    );
    assert!(
        page.body
            .contains("Go on only if you have just started this yourself")
    );
    assert_eq!(world.settle(&ann, &device, "allow").status, 200);

    let other = World::new();
    let ann = other.person("ann");
    let device = other.device();
    assert_eq!(other.settle(&ann, &device, "allow").status, 200);
    let answer = other.poll("tool", &device);
    assert_eq!(answer.status, 200, "{}", answer.body);
    let tokens = answer.json();
    assert_eq!(tokens["scope"], "photos.read");
    assert!(other.accepts(&tokens["access_token"]) && tokens["refresh_token"].is_string());
    other.poll("tool", &device).is_refused(400, "expired_token");
    let again = other.type_in(&ann, &device.user_code);
    assert_eq!(again.status, 400, "the code is not known any more");
}

#[test]
fn who_denies_gives_nothing() {
    let world = World::new();
    let ann = world.person("ann");
    let device = world.device();
    assert_eq!(world.settle(&ann, &device, "deny").status, 200);
    world.poll("tool", &device).is_refused(400, "access_denied");
}

#[test]
fn devices_wait_between_two_questions() {
    let world = World::new();
    let device = world.device();
    world
        .poll("tool", &device)
        .is_refused(400, "authorization_pending");
    world.poll("tool", &device).is_refused(400, "slow_down");
    let another = world.device();
    world
        .poll("tool", &another)
        .is_refused(400, "authorization_pending");
}

#[test]
fn codes_are_for_their_app_and_for_ten_minutes() {
    let world = World::new();
    let ann = world.person("ann");
    let device = world.device();
    world
        .poll("viewer", &device)
        .is_refused(400, "unauthorized_client");
    let fields = [("scope", "photos.read")];
    let refused = world.post("viewer", "/oauth2/device_authorization", &fields);
    refused.is_refused(400, "unauthorized_client");
    world.pass(601);
    world.poll("tool", &device).is_refused(400, "expired_token");
    assert_eq!(world.type_in(&ann, &device.user_code).status, 400);
}

#[test]
fn codes_are_guessed_a_few_times() {
    let world = World::new();
    let ann = world.person("ann");
    let device = world.device();
    for _ in 0..20 {
        assert_eq!(world.type_in(&ann, "BBBB-BBBB").status, 400);
    }
    let held = world.type_in(&ann, &device.user_code);
    assert_eq!(held.status, 429, "{}", held.body);
}

#[test]
fn only_the_form_that_was_shown_counts() {
    let world = World::new();
    let (ann, eve) = (world.person("ann"), world.person("eve"));
    let device = world.device();
    let page = world.type_in(&ann, &device.user_code);
    let (code, token) = (page.input("user_code"), page.input("token"));
    let typing = world
        .ask(Ask::get("/device").at_browser(&ann))
        .input("token");
    let fields = |token| {
        [
            ("user_code", &*code),
            ("token", token),
            ("decision", "allow"),
        ]
    };
    let good = || Ask::post("/device", &fields(&token));
    for (why, ask) in [
        ("no page says whose", good().at_browser(&ann)),
        (
            "another site's page",
            good()
                .at_browser(&ann)
                .header("sec-fetch-site", "cross-site"),
        ),
        ("another person", good().at_browser(&eve).own_page()),
        ("nobody", good().own_page()),
        (
            "the form for the code",
            Ask::post("/device", &fields(&typing))
                .at_browser(&ann)
                .own_page(),
        ),
    ] {
        assert_eq!(world.ask(ask).status, 403, "{why}");
    }
    world
        .poll("tool", &device)
        .is_refused(400, "authorization_pending");
}

#[test]
fn who_is_not_signed_in_comes_back_with_the_code() {
    let world = World::new();
    let device = world.device();
    let target = format!("/device?user_code={}", device.user_code);
    let first = world.ask(Ask::get(&target));
    assert!(first.location().starts_with("/login?continue="));
    let ann = world.person("ann");
    let place = first.parameter("continue");
    let next = world.ask(Ask::get(&place).at_browser(&ann)).location();
    assert_eq!(next, target);
    let page = world.ask(Ask::get(&next).at_browser(&ann));
    assert!(
        page.body
            .contains(&format!("value=\"{}\"", device.user_code)),
        "{}",
        page.body
    );
}
