use std::sync::Arc;
use std::time::Duration;

use audit::{Audit, Filter};
use futures_util::future::join_all;
use identity::families::{
    Ended, Families, Family, NewFamily, RefreshRefused, Refreshed, Settings, Shown, Which,
};
use identity::tokens::{Binding, NewAccess, Refused};
use testdb::wait;
use value::Timestamp;

use crate::support::{DAY, HOUR, MINUTE, NOW, Node, SECOND, Service, ann, at};

/// A node with its refresh tokens.
struct World {
    node: Node,
    families: Families,
    audit: Arc<Audit>,
}

impl World {
    fn new() -> World {
        World::of(&Service::new())
    }

    fn of(service: &Service) -> World {
        let node = service.node(NOW);
        let settings = Settings {
            idle: Duration::from_secs(14 * 24 * 60 * 60),
            absolute: Duration::from_secs(30 * 24 * 60 * 60),
        };
        let driver = Arc::clone(&service.fresh.driver);
        let families = Families::new(driver, Arc::clone(&node.denied), &[5; 32], settings);
        let driver = &service.fresh.driver;
        let audit = wait(Audit::open(Arc::clone(driver), Some(&service.vault), NOW));
        let audit = Arc::new(audit.unwrap());
        World {
            node,
            families: families.audited(Arc::clone(&audit)),
            audit,
        }
    }

    fn begin(&self, new: NewFamily) -> (Family, String) {
        let (family, token) = wait(self.families.begin(new, NOW)).unwrap();
        (family, token.reveal())
    }

    fn refresh(&self, text: &str, now: Timestamp) -> Result<Refreshed, RefreshRefused> {
        self.show(text, "printer", &Binding::default(), now)
    }

    fn show(
        &self,
        text: &str,
        client: &str,
        proved: &Binding,
        now: Timestamp,
    ) -> Result<Refreshed, RefreshRefused> {
        let shown = Shown { client, proved };
        wait(self.families.refresh(text, shown, now)).unwrap()
    }

    #[track_caller]
    fn follow(&self, text: &str, now: Timestamp) -> String {
        self.refresh(text, now).unwrap().token.reveal()
    }

    fn find(&self, id: &str) -> Family {
        wait(self.families.find(id)).unwrap().unwrap()
    }

    /// What was written down.
    fn noted(&self) -> Vec<String> {
        wait(self.audit.settle()).unwrap();
        let all = wait(self.audit.list(&Filter::default(), 100)).unwrap();
        all.into_iter().map(|entry| entry.action).collect()
    }

    fn end(&self, which: Which<'_>) -> usize {
        wait(self.families.end(which, Ended::Revoked, NOW))
            .unwrap()
            .len()
    }

    fn access(&self, family: &Family) -> Result<(), Refused> {
        let new = NewAccess {
            family: Some(family.id.clone()),
            ..ann()
        };
        let text = self.node.mint(new, NOW);
        self.node.verify(&text, NOW).map(drop)
    }
}

fn ours() -> NewFamily {
    NewFamily {
        account: "ann".to_owned(),
        client: "printer".to_owned(),
        scopes: Some(vec!["photos.read".to_owned()]),
        audience: vec!["https://photos.example/api".to_owned()],
        methods: vec!["pwd".to_owned(), "otp".to_owned()],
        address: Some("192.0.2.1".to_owned()),
        agent: Some("Mozilla/5.0".to_owned()),
        ..NewFamily::default()
    }
}

#[test]
fn a_family_is_what_it_was_begun_as() {
    let world = World::new();
    let binding = Binding {
        jkt: Some("thumb".to_owned()),
        certificate: None,
    };
    let new = NewFamily {
        session: Some("session-1".to_owned()),
        binding: Some(binding.clone()),
        ..ours()
    };
    let (family, token) = world.begin(new);
    assert_eq!(world.find(&family.id), family);
    assert_eq!(family.scopes.as_deref().unwrap(), ["photos.read"]);
    assert_eq!(family.methods, ["pwd", "otp"]);
    assert_eq!(family.idle_until, at(14 * DAY));
    assert_eq!(family.expires_at, at(30 * DAY));
    let refreshed = world.show(&token, "printer", &binding, at(HOUR)).unwrap();
    assert_eq!(world.find(&family.id), refreshed.family);
    assert_eq!(refreshed.family.idle_until, at(14 * DAY + HOUR));
    assert_eq!(refreshed.family.rotated_at, at(HOUR));
    assert!(!refreshed.repeated);
    let all = NewFamily {
        scopes: None,
        ..ours()
    };
    let (family, _) = world.begin(all);
    assert_eq!(world.find(&family.id).scopes, None);
}

#[test]
fn each_token_is_followed_by_another() {
    let world = World::new();
    let (family, mut token) = world.begin(ours());
    let mut seen = std::collections::BTreeSet::new();
    for minute in 1..20 {
        assert!(seen.insert(token.clone()));
        token = world.follow(&token, at(minute * MINUTE));
    }
    assert_eq!(world.find(&family.id).ended_at, None);
    assert!(wait(world.families.of_token(&token)).unwrap().is_some());
    let first = seen.first().unwrap();
    assert!(wait(world.families.of_token(first)).unwrap().is_none() || *first == token);
}

#[test]
fn an_answer_that_was_lost_is_given_again() {
    let world = World::new();
    let (family, first) = world.begin(ours());
    let second = world.follow(&first, NOW);
    for now in [NOW, at(SECOND), at(30 * SECOND - 1)] {
        let again = world.refresh(&first, now).unwrap();
        assert_eq!(again.token.reveal(), second);
        assert!(again.repeated);
    }
    // It did not make the family any younger.
    assert_eq!(world.find(&family.id).rotated_at, NOW);
    let third = world.follow(&second, at(31 * SECOND));
    assert_ne!(third, second);
}

#[test]
fn a_replay_after_the_grace_ends_that_family_and_no_other() {
    let world = World::new();
    let (family, first) = world.begin(ours());
    let (other, other_token) = world.begin(ours());
    let second = world.follow(&first, NOW);
    assert_eq!(world.access(&family), Ok(()));
    let replayed = world.refresh(&first, at(30 * SECOND)).err();
    let expected = RefreshRefused::Replayed {
        family: family.id.clone(),
        account: "ann".to_owned(),
    };
    assert_eq!(replayed, Some(expected));
    let now = world.find(&family.id);
    assert_eq!(now.why.as_deref(), Some("replayed"));
    assert_eq!(now.ended_at, Some(at(30 * SECOND)));
    // Neither the thief nor the owner goes on with it.
    for token in [&first, &second] {
        let refused = world.refresh(token, at(31 * SECOND)).err();
        assert_eq!(refused, Some(RefreshRefused::Ended));
    }
    assert_eq!(world.access(&family), Err(Refused::Denied));
    assert_eq!(world.access(&other), Ok(()));
    assert!(world.refresh(&other_token, at(31 * SECOND)).is_ok());
}

#[test]
fn a_token_from_before_the_previous_one_has_no_grace() {
    let world = World::new();
    let (family, first) = world.begin(ours());
    let second = world.follow(&first, NOW);
    world.follow(&second, at(1));
    let refused = world.refresh(&first, at(2)).err();
    assert!(matches!(refused, Some(RefreshRefused::Replayed { .. })));
    assert!(world.find(&family.id).ended_at.is_some());
}

#[test]
fn only_a_token_that_was_made_here_ends_anything() {
    let service = Service::new();
    let world = World::of(&service);
    let (family, token) = world.begin(ours());
    let elsewhere = Families::new(
        Arc::clone(&service.fresh.driver),
        Arc::clone(&world.node.denied),
        &[6; 32],
        Settings {
            idle: Duration::from_secs(60),
            absolute: Duration::from_secs(60),
        },
    );
    let foreign = wait(elsewhere.begin(ours(), NOW)).unwrap().1.reveal();
    let mut changed = token.clone();
    changed.replace_range(40..41, if &token[40..41] == "A" { "B" } else { "A" });
    for text in [&*foreign, &*changed, &token[..60], "fdr_", "", "fdr_é"] {
        let refused = world.refresh(text, NOW).err();
        assert_eq!(refused, Some(RefreshRefused::Unknown), "{text}");
        assert!(wait(world.families.of_token(text)).unwrap().is_none());
    }
    assert_eq!(world.find(&family.id).ended_at, None);
}

#[test]
fn a_token_is_good_for_its_client_with_what_it_is_bound_to() {
    let world = World::new();
    let binding = |jkt: &str| Binding {
        jkt: Some(jkt.to_owned()),
        certificate: None,
    };
    let new = NewFamily {
        binding: Some(binding("ours")),
        ..ours()
    };
    let (family, token) = world.begin(new);
    let check = |client: &str, proved: &Binding, expected| {
        let refused = world.show(&token, client, proved, NOW).err();
        assert_eq!(refused, Some(expected));
    };
    check("scanner", &binding("ours"), RefreshRefused::Client);
    check("printer", &binding("theirs"), RefreshRefused::Binding);
    check("printer", &Binding::default(), RefreshRefused::Binding);
    // None of that was a use.
    assert_eq!(world.find(&family.id).ended_at, None);
    assert!(world.noted().is_empty());
    let used = world.show(&token, "printer", &binding("ours"), NOW);
    assert!(!used.unwrap().repeated);
}

#[test]
fn a_family_ends_when_it_is_not_used_and_at_its_time() {
    let world = World::new();
    let (_, token) = world.begin(ours());
    let refused = world.refresh(&token, at(14 * DAY)).err();
    assert_eq!(refused, Some(RefreshRefused::Expired));
    let token = world.follow(&token, at(14 * DAY - 1));
    let token = world.follow(&token, at(28 * DAY - 2));
    // However often it was used.
    let refused = world.refresh(&token, at(30 * DAY)).err();
    assert_eq!(refused, Some(RefreshRefused::Expired));
    assert!(world.refresh(&token, at(30 * DAY - 1)).is_ok());
}

#[test]
fn sixty_four_at_once_get_one_successor() {
    let service = Service::new();
    let (here, there) = (World::of(&service), World::of(&service));
    let (family, first) = here.begin(ours());
    let mut token = first;
    for round in 1..=5 {
        let now = at(round * MINUTE);
        let proved = Binding::default();
        let shown = Shown {
            client: "printer",
            proved: &proved,
        };
        let all = (0..64).map(|number| {
            let world = if number % 2 == 0 { &here } else { &there };
            world.families.refresh(&token, shown, now)
        });
        let all: Vec<Refreshed> = wait(join_all(all))
            .into_iter()
            .map(|refreshed| refreshed.unwrap().unwrap())
            .collect();
        let used = all.iter().filter(|refreshed| !refreshed.repeated).count();
        assert_eq!(used, 1);
        let mut successors: Vec<String> = all
            .iter()
            .map(|refreshed| refreshed.token.reveal())
            .collect();
        successors.dedup();
        assert_eq!(successors.len(), 1);
        token = successors.remove(0);
    }
    assert_eq!(here.find(&family.id).ended_at, None);
    assert!(there.refresh(&token, at(HOUR)).is_ok());
}

#[test]
fn sixty_four_replays_at_once_end_it_once() {
    let service = Service::new();
    let (here, there) = (World::of(&service), World::of(&service));
    let (family, first) = here.begin(ours());
    here.follow(&first, NOW);
    let now = at(HOUR);
    let proved = Binding::default();
    let shown = Shown {
        client: "printer",
        proved: &proved,
    };
    let all = (0..64).map(|number| {
        let world = if number % 2 == 0 { &here } else { &there };
        world.families.refresh(&first, shown, now)
    });
    for refreshed in wait(join_all(all)) {
        let refused = refreshed.unwrap().unwrap_err();
        assert!(
            matches!(
                refused,
                RefreshRefused::Replayed { .. } | RefreshRefused::Ended
            ),
            "{refused:?}"
        );
    }
    let denied = store::people::DENIED.find(service.fresh.driver.dialect(), &[]);
    let rows = wait(service.fresh.driver.query(&denied.statement, &[])).unwrap();
    assert_eq!(rows.len(), 1);
    assert_eq!(here.noted(), ["family_revoked"]);
    assert_eq!(here.find(&family.id).ended_at, Some(now));
}

#[test]
fn families_are_ended_by_what_they_have_in_common() {
    let world = World::new();
    let begin = |account: &str, client: &str, session: Option<&str>| {
        let new = NewFamily {
            account: account.to_owned(),
            client: client.to_owned(),
            session: session.map(str::to_owned),
            ..ours()
        };
        world.begin(new).0
    };
    let all = [
        begin("ann", "printer", Some("s1")),
        begin("ann", "printer", Some("s2")),
        begin("ann", "scanner", Some("s1")),
        begin("ann", "scanner", None),
        begin("bob", "printer", None),
    ];
    let alive = || -> Vec<bool> {
        let ended = |family: &Family| world.find(&family.id).ended_at.is_none();
        all.iter().map(ended).collect()
    };
    assert_eq!(world.end(Which::One(&all[0].id)), 1);
    assert_eq!(world.end(Which::One(&all[0].id)), 0);
    assert_eq!(alive(), [false, true, true, true, true]);
    assert_eq!(world.end(Which::Session("s1")), 1);
    assert_eq!(alive(), [false, true, false, true, true]);
    let grant = Which::Grant {
        account: "ann",
        client: "printer",
    };
    assert_eq!(world.end(grant), 1);
    assert_eq!(alive(), [false, false, false, true, true]);
    let others = |but| Which::Others {
        account: "ann",
        but,
    };
    assert_eq!(world.end(others(&all[3].id)), 0);
    assert_eq!(world.end(others(&all[4].id)), 1);
    assert_eq!(alive(), [false, false, false, false, true]);
    assert_eq!(world.end(Which::Account("ann")), 0);
    assert_eq!(world.end(Which::Client("printer")), 1);
    for family in &all {
        assert_eq!(world.access(family), Err(Refused::Denied));
    }
}

#[test]
fn a_person_sees_what_is_good() {
    let world = World::new();
    let (first, _) = world.begin(ours());
    let (second, token) = world.begin(ours());
    let bobs = NewFamily {
        account: "bob".to_owned(),
        ..ours()
    };
    world.begin(bobs);
    let list = |now| -> Vec<String> {
        let listed = wait(world.families.list("ann", now)).unwrap();
        let mut ids: Vec<String> = listed.into_iter().map(|family| family.id).collect();
        ids.sort();
        ids
    };
    let mut both = vec![first.id.clone(), second.id.clone()];
    both.sort();
    assert_eq!(list(NOW), both);
    world.follow(&token, at(DAY));
    assert_eq!(list(at(14 * DAY)), std::slice::from_ref(&second.id));
    world.end(Which::One(&second.id));
    assert!(list(at(14 * DAY)).is_empty());
    // And for a while also what was.
    wait(world.families.sweep(at(60 * DAY - 1))).unwrap();
    assert!(world.find(&second.id).ended_at.is_some());
    wait(world.families.sweep(at(60 * DAY))).unwrap();
    assert_eq!(wait(world.families.find(&second.id)).unwrap(), None);
}
