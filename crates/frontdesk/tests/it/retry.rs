//! Writes that are sent again blindly until they are answered, through a proxy that cuts
//! connections at random, to a server that is killed at random: each is carried out once.
//!
//! ```text
//!  clients ──► proxy ──► server, killed and started again
//!              cuts requests and answers after so many bytes
//! ```

use std::collections::BTreeMap;
use std::io::{Read, Write};
use std::net::{Shutdown, SocketAddr, TcpListener, TcpStream};
use std::path::Path;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Mutex};
use std::thread::{self, JoinHandle};
use std::time::{Duration, Instant};

use serde_json::{Value as Json, json};
use testdb::OnServer;
use testkit::{Answer, Call, Client, PATIENCE, eventually};

use crate::crash::{Dice, Seed};
use crate::support::{folder, on_sqlite, serve};

const CONTRACT: &str = "\
frontdesk: 1
name: till
resources:
  Payment:
    id: integer
    idempotency: required
    fields:
      mark:   {type: string, maxLength: 40, index: true}
      amount: {type: integer, minimum: 0}
    access: {read: public, write: public}
";

const CLIENTS: u64 = 6;
/// Each of one to three requests.
const TASKS: u64 = 25;
const KILLS: u64 = 6;

/// A proxy that is not to be relied on.
struct Proxy {
    address: SocketAddr,
    target: Arc<Mutex<SocketAddr>>,
    cuts: Arc<AtomicU64>,
    stop: Arc<AtomicBool>,
}

impl Proxy {
    fn start(target: SocketAddr, seed: u64) -> Proxy {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let proxy = Proxy {
            address: listener.local_addr().unwrap(),
            target: Arc::new(Mutex::new(target)),
            cuts: Arc::default(),
            stop: Arc::default(),
        };
        let (target, cuts) = (Arc::clone(&proxy.target), Arc::clone(&proxy.cuts));
        let stop = Arc::clone(&proxy.stop);
        thread::spawn(move || {
            let mut dice = Dice::new(seed);
            for client in listener.incoming() {
                if stop.load(Ordering::Relaxed) {
                    return;
                }
                let (Ok(client), to) = (client, *target.lock().unwrap()) else {
                    continue;
                };
                // Nobody is there while the server starts: the client sees its connection end.
                let Ok(server) = TcpStream::connect_timeout(&to, PATIENCE) else {
                    continue;
                };
                let (request, answer) = match dice.below(3) {
                    0 => (None, None),
                    1 => (Some(dice.below(400)), None),
                    _ => (None, Some(dice.below(700))),
                };
                pass(&client, &server, request, &cuts);
                pass(&server, &client, answer, &cuts);
            }
        });
        proxy
    }

    fn lead_to(&self, target: SocketAddr) {
        *self.target.lock().unwrap() = target;
    }
}

impl Drop for Proxy {
    fn drop(&mut self) {
        self.stop.store(true, Ordering::Relaxed);
        // So that it looks.
        drop(TcpStream::connect(self.address));
    }
}

/// Passes bytes on, all or so many; then both connections end.
fn pass(from: &TcpStream, to: &TcpStream, most: Option<u64>, cuts: &Arc<AtomicU64>) {
    let (mut from, mut to) = (from.try_clone().unwrap(), to.try_clone().unwrap());
    let cuts = Arc::clone(cuts);
    thread::spawn(move || {
        let mut left = most.unwrap_or(u64::MAX);
        let mut piece = [0; 4096];
        loop {
            let read = match from.read(&mut piece) {
                Ok(0) | Err(_) => {
                    // The other direction may still have something to say.
                    drop(to.shutdown(Shutdown::Write));
                    return;
                }
                Ok(read) => read,
            };
            let passed = usize::try_from(left).unwrap_or(usize::MAX).min(read);
            let written = to.write_all(&piece[..passed]);
            left -= passed as u64;
            if passed < read || written.is_err() {
                cuts.fetch_add(1, Ordering::Relaxed);
                drop(from.shutdown(Shutdown::Both));
                drop(to.shutdown(Shutdown::Both));
                return;
            }
        }
    });
}

/// What a client was told in the end.
struct Told {
    mark: String,
    id: Json,
    amount: i64,
    gone: bool,
    /// The first request of it, to be sent once more.
    key: String,
    first: Answer,
}

/// Sends a request again and again until it is answered.
fn insist(call: &Call, sent: &AtomicU64) -> Answer {
    let deadline = Instant::now() + 3 * PATIENCE;
    loop {
        assert!(Instant::now() < deadline, "no answer to {call:?}");
        sent.fetch_add(1, Ordering::Relaxed);
        match call.clone().try_send() {
            Ok(answer) if answer.status == 409 => {
                assert_eq!(answer.code(), "idempotency_in_progress");
            }
            Ok(answer) if answer.status == 503 => {}
            Ok(answer) => return answer,
            Err(_) => {}
        }
        thread::park_timeout(Duration::from_millis(2));
    }
}

/// Creates a record by an operation, and by another one if the first was left behind, always with
/// the same key. What it gave, and the answer from then on.
fn by_operation(client: &Client, key: &str, body: &Json, sent: &AtomicU64) -> (Answer, Json) {
    loop {
        let begin = client
            .request("POST", "/v1/payments")
            .header("idempotency-key", key)
            .header("prefer", "respond-async")
            .json(body);
        let begun = insist(&begin, sent);
        if begun.status != 202 {
            // It was begun by a request whose answer was lost.
            let made = begun.clone().expect(201).json();
            return (begun, made);
        }
        let look = client.request("GET", &begun.header("location").unwrap());
        let end = eventually("the operation's end", || {
            let end = insist(&look, sent).expect(200).json();
            (end["state"] != "running").then_some(end)
        });
        if end["state"] == "succeeded" {
            let made = insist(&begin, sent).expect(201);
            assert_eq!(
                (&made.json(), &json!(201)),
                (&end["result"], &end["status"])
            );
            assert_eq!(made.header("location").unwrap(), end["location"]);
            return (made, end["result"].clone());
        }
        assert_eq!(end["problem"]["code"], "timed_out", "{end}");
    }
}

fn work(client: &Client, number: u64, seed: u64, done: &AtomicU64, sent: &AtomicU64) -> Vec<Told> {
    let mut dice = Dice::new(seed);
    let tasks = (0..TASKS).map(|task| {
        let mark = format!("{number}-{task}");
        let key = |step: &str| format!("{mark}-{step}");
        let send = |method: &str, path: &str, step: &str, body: &Json| {
            let call = client.request(method, path);
            let call = call.header("idempotency-key", key(step)).json(body);
            insist(&call, sent)
        };
        let body = json!({"mark": mark, "amount": 1});
        let (key_of_first, first, made) = if dice.below(8) == 0 {
            let key = key("operation");
            let (begun, made) = by_operation(client, &key, &body, sent);
            (key, begun, made)
        } else {
            let first = send("POST", "/v1/payments", "create", &body).expect(201);
            let made = first.json();
            (key("create"), first, made)
        };
        let id = made["id"].clone();
        let path = format!("/v1/payments/{id}");
        let mut amount = 1;
        if dice.below(2) == 0 {
            // That it is given the version makes a second time a 412.
            let patch = json!({"update": [{"id": id, "etag": "\"1.0\"", "amount": 2}]});
            send("POST", "/v1/payments/batch", "change", &patch).expect(200);
            amount = 2;
        }
        let gone = dice.below(5) == 0;
        if gone {
            // A second time it would be 404.
            let body = json!({"delete": [id]});
            send("POST", "/v1/payments/batch", "delete", &body).expect(200);
        } else if amount == 1 {
            let changed = send("PATCH", &path, "more", &json!({"amount": 3}));
            assert_eq!(changed.expect(200).etag()[..3], *"\"2.");
            amount = 3;
        }
        done.fetch_add(1, Ordering::Relaxed);
        Told {
            key: key_of_first,
            mark,
            id,
            amount,
            gone,
            first,
        }
    });
    tasks.collect()
}

#[test]
fn whatever_is_sent_again_is_carried_out_once() {
    let seed = Seed::draw();
    let mut dice = Dice::new(seed.0);
    let place = folder(&[
        ("frontdesk.yaml", CONTRACT),
        ("frontdesk.toml", "log = \"error\"\n"),
    ]);
    let database = OnServer::fresh();
    let start = |place: &Path| match &database {
        Some(database) => serve(place, &["--database", database.url()]),
        None => serve(place, &[]),
    };
    let mut process = start(place.path());
    let proxy = Proxy::start(process.client().address(), dice.next());
    let (done, sent) = (Arc::new(AtomicU64::new(0)), Arc::new(AtomicU64::new(0)));
    let clients: Vec<JoinHandle<Vec<Told>>> = (0..CLIENTS)
        .map(|number| {
            let client = Client::guest(proxy.address);
            let (done, sent, seed) = (Arc::clone(&done), Arc::clone(&sent), dice.next());
            thread::spawn(move || work(&client, number, seed, &done, &sent))
        })
        .collect();
    for kill in 1..=KILLS {
        let enough = CLIENTS * TASKS * kill / (KILLS + 2);
        eventually("progress", || {
            (done.load(Ordering::Relaxed) >= enough).then_some(())
        });
        thread::park_timeout(Duration::from_micros(dice.below(3000)));
        process.signal("KILL");
        process.ended();
        process = start(place.path());
        proxy.lead_to(process.client().address());
    }
    let told: Vec<Told> = clients
        .into_iter()
        .flat_map(|client| client.join().unwrap())
        .collect();

    // Every record is there once, as its client was told.
    let client = process.client();
    let mut found = BTreeMap::<String, Vec<(Json, Json)>>::new();
    let mut path = "/v1/payments?limit=200".to_owned();
    loop {
        let page = client.get(&path).expect(200).json();
        for item in page["items"].as_array().unwrap() {
            let mark = item["mark"].as_str().unwrap().to_owned();
            let record = (item["id"].clone(), item["amount"].clone());
            found.entry(mark).or_default().push(record);
        }
        match page["next_cursor"].as_str() {
            Some(cursor) => path = format!("/v1/payments?limit=200&cursor={cursor}"),
            None => break,
        }
    }
    assert_eq!(told.len() as u64, CLIENTS * TASKS);
    for one in &told {
        let expected = match one.gone {
            true => vec![],
            false => vec![(one.id.clone(), json!(one.amount))],
        };
        let found = found.remove(&one.mark).unwrap_or_default();
        assert_eq!(found, expected, "{}", one.mark);
        // And its first answer is still the one that it was given.
        let body = json!({"mark": one.mark, "amount": 1});
        let call = client.request("POST", "/v1/payments").json(&body);
        let call = call.header("idempotency-key", &one.key);
        let again = insist(&call, &sent);
        assert_eq!(
            again.header("idempotency-replayed").as_deref(),
            Some("true")
        );
        let first = (one.first.status, one.first.text());
        assert_eq!((again.status, again.text()), first);
        assert_eq!(again.header("location"), one.first.header("location"));
    }
    assert!(found.is_empty(), "nobody was told of these: {found:?}");
    // It was no walk in the park.
    assert!(proxy.cuts.load(Ordering::Relaxed) > 20);
    assert!(sent.load(Ordering::Relaxed) > CLIENTS * TASKS * 2);
    process.signal("TERM");
    assert_eq!(process.ended().code(), Some(0), "{}", process.said());
}

const TASKS_CONTRACT: &str = "\
frontdesk: 1
name: pile
resources:
  Task:
    id: integer
    fields: {mark: {type: string, maxLength: 40, index: true}}
    access: {read: public, write: public}
";
/// Enough that a kill comes before the end.
const TASKS_AT_ONCE: usize = 1_000;
const ROUNDS: usize = 5;

/// Until it is done, by whichever operation.
fn send_again(client: &Client, mark: &str) {
    let body = json!({"create": vec![json!({"mark": mark}); TASKS_AT_ONCE]});
    let call = client.request("POST", "/v1/tasks/batch").json(&body);
    let call = call.header("idempotency-key", mark);
    eventually("the end of the lease", || {
        let answer = call.clone().send();
        if answer.status == 409 {
            assert_eq!(answer.code(), "idempotency_in_progress");
            return None;
        }
        Some(answer.expect(200))
    });
}

#[test]
fn an_operation_whose_process_is_killed_has_succeeded_or_failed() {
    let place = folder(&[("frontdesk.yaml", TASKS_CONTRACT)]);
    let mut process = serve(place.path(), &[]);
    let mut dice = Dice::new(Seed::draw().0);
    let begun: Vec<(String, String)> = (0..ROUNDS)
        .map(|round| {
            let mark = format!("round-{round}");
            let body = json!({"create": vec![json!({"mark": mark}); TASKS_AT_ONCE]});
            let client = process.client();
            let call = client.request("POST", "/v1/tasks/batch").json(&body);
            let call = call.header("idempotency-key", &mark);
            let answer = call.header("prefer", "respond-async").send();
            let path = answer.expect(202).header("location").unwrap();
            thread::park_timeout(Duration::from_micros(dice.below(20_000)));
            process.signal("KILL");
            process.ended();
            process = serve(place.path(), &[]);
            (mark, path)
        })
        .collect();
    let client = process.client();
    let count = |mark: &str| {
        let filter = format!("/v1/tasks?limit=1&total=true&mark={mark}");
        client.get(&filter).expect(200).json()["total"].clone()
    };
    let mut failed = 0;
    for (round, (mark, path)) in begun.into_iter().enumerate() {
        // Every other one is only sent again, and not looked at before.
        if round % 2 == 1 {
            send_again(&client, &mark);
            assert_eq!(count(&mark), TASKS_AT_ONCE);
            continue;
        }
        // In a data folder there is nobody to wait for; on a server others may be.
        let end = match on_sqlite() {
            true => client.get(&path).expect(200).json(),
            false => eventually("the end of the lease", || {
                let end = client.get(&path).expect(200).json();
                (end["state"] != "running").then_some(end)
            }),
        };
        let there = count(&mark);
        if end["state"] == "succeeded" {
            assert_eq!(there, TASKS_AT_ONCE, "{end}");
        } else {
            assert_eq!((&end["state"], &there), (&json!("failed"), &json!(0)));
            assert_eq!(end["problem"]["code"], "timed_out");
            failed += 1;
        }
        send_again(&client, &mark);
        assert_eq!(count(&mark), TASKS_AT_ONCE);
    }
    assert!(failed > 0, "no kill came in time");
}
