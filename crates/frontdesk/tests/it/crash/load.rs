//! Many clients that write at the same time, and remember what they sent and what they were told.

use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::thread::{self, JoinHandle};

use serde_json::{Map, Value as Json, json};

use super::Dice;
use super::connection::{Broken, Connection, Reply};
use super::ledger::Ledger;

/// Which kind of change a request asks for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Wish {
    Create,
    Patch,
    Replace,
    Delete,
}

/// One request to change something, and what became of it.
#[derive(Clone, Debug)]
pub struct Deed {
    pub wish: Wish,
    pub resource: &'static str,
    /// Unless the server gives it.
    pub record: Option<String>,
    /// Has a `mark` that no other request has, except when deleting.
    pub sent: Map<String, Json>,
    /// On a clock that all clients share.
    pub began: u64,
    pub ended: u64,
    pub end: Result<Reply, Broken>,
}

impl Deed {
    pub fn is_acknowledged(&self) -> bool {
        matches!(&self.end, Ok(reply) if reply.status < 300)
    }

    pub fn is_refused(&self) -> bool {
        matches!(&self.end, Ok(reply) if reply.status >= 400)
    }

    pub fn is_cut(&self) -> bool {
        self.end.as_ref().err() == Some(&Broken::Cut)
    }

    pub fn mark(&self) -> Option<&str> {
        self.sent.get("mark").map(|mark| mark.as_str().unwrap())
    }
}

/// A record as its only writer knows it.
#[derive(Clone, Debug)]
pub struct Own {
    pub resource: &'static str,
    pub record: String,
    pub version: i64,
    /// The fields that clients set.
    pub fields: Map<String, Json>,
}

pub fn path(resource: &str) -> &'static str {
    match resource {
        "Account" => "/v1/accounts",
        "Line" => "/v1/lines",
        other => panic!("no resource {other}"),
    }
}

/// Clients at work.
pub struct Load {
    shared: Arc<Shared>,
    clients: Vec<JoinHandle<Vec<Deed>>>,
}

struct Shared {
    address: SocketAddr,
    /// Counts what is sent and what is answered.
    clock: AtomicU64,
    acknowledged: AtomicU64,
    /// Ids of accounts that everybody changes.
    accounts: Vec<String>,
}

impl Load {
    /// Starts so many clients. Those of an earlier round go on with their records.
    pub fn start(
        address: SocketAddr,
        round: u64,
        clients: u64,
        seed: u64,
        accounts: &[String],
        ledger: &Ledger,
    ) -> Load {
        let shared = Arc::new(Shared {
            address,
            clock: AtomicU64::new(ledger.clock()),
            acknowledged: AtomicU64::new(0),
            accounts: accounts.to_vec(),
        });
        let clients = (0..clients).map(|number| {
            let name = format!("c{number}");
            let client = Client {
                own: ledger.owned_by(&name),
                name,
                round,
                count: 0,
                dice: Dice(seed ^ number),
                shared: Arc::clone(&shared),
                deeds: vec![],
                versions: vec![None; accounts.len()],
            };
            thread::spawn(move || client.work())
        });
        Load {
            clients: clients.collect(),
            shared,
        }
    }

    pub fn acknowledged(&self) -> u64 {
        self.shared.acknowledged.load(Ordering::Relaxed)
    }

    /// Fails if a client did.
    pub fn assert_alive(&mut self) {
        if let Some(at) = self.clients.iter().position(JoinHandle::is_finished) {
            let ended = self.clients.swap_remove(at).join();
            match ended {
                Err(panic) => std::panic::resume_unwind(panic),
                Ok(deeds) => panic!("a client lost its server: {:?}", deeds.last()),
            }
        }
    }

    /// Waits until all clients have lost their server; what they did.
    pub fn deeds(self) -> Vec<Deed> {
        let joined = self.clients.into_iter().map(JoinHandle::join);
        joined
            .flat_map(|ended| match ended {
                Ok(deeds) => deeds,
                Err(panic) => std::panic::resume_unwind(panic),
            })
            .collect()
    }
}

struct Client {
    name: String,
    round: u64,
    count: u64,
    dice: Dice,
    shared: Arc<Shared>,
    own: Vec<Own>,
    /// Of the shared accounts, as last seen.
    versions: Vec<Option<i64>>,
    deeds: Vec<Deed>,
}

impl Client {
    /// Until there is nobody to connect to.
    fn work(mut self) -> Vec<Deed> {
        while let Ok(mut connection) = Connection::open(self.shared.address) {
            while let Ok(open) = self.one(&mut connection)
                && open
            {}
        }
        self.deeds
    }

    /// One request of any kind. Whether the connection can be used again.
    fn one(&mut self, connection: &mut Connection) -> Result<bool, Broken> {
        match self.dice.below(100) {
            0..30 => self.create_account(connection),
            30..42 => self.create_line(connection),
            42..64 => self.change_own(connection, Wish::Patch),
            64..70 => self.change_own(connection, Wish::Replace),
            70..80 => self.change_shared(connection),
            80..90 => self.delete_own(connection),
            90..96 => self.be_refused(connection),
            _ => self.read_own(connection),
        }
    }

    fn create_account(&mut self, connection: &mut Connection) -> Result<bool, Broken> {
        let mark = self.mark();
        let mut sent = fields(json!({"name": mark, "mark": mark, "amount": self.count}));
        self.add_text(&mut sent);
        self.create(connection, "Account", sent)
    }

    fn create_line(&mut self, connection: &mut Connection) -> Result<bool, Broken> {
        let Some(account) = self.pick_own(Some("Account")) else {
            return self.create_account(connection);
        };
        let account: i64 = self.own[account].record.parse().unwrap();
        let mark = self.mark();
        let sent = fields(json!({"account_id": account, "mark": mark, "amount": self.count}));
        self.create(connection, "Line", sent)
    }

    fn create(
        &mut self,
        connection: &mut Connection,
        resource: &'static str,
        sent: Map<String, Json>,
    ) -> Result<bool, Broken> {
        let reply = self.change(connection, Wish::Create, resource, None, None, &sent)?;
        assert_eq!(reply.status, 201, "{sent:?}: {reply:?}");
        self.own.push(Own {
            resource,
            record: match &reply.body["id"] {
                Json::String(id) => id.clone(),
                id => id.to_string(),
            },
            version: reply.version.unwrap(),
            fields: settable(resource, &reply.body),
        });
        Ok(!reply.closes)
    }

    fn change_own(&mut self, connection: &mut Connection, wish: Wish) -> Result<bool, Broken> {
        let Some(at) = self.pick_own(None) else {
            return self.create_account(connection);
        };
        let own = self.own[at].clone();
        let mut sent = match wish {
            Wish::Replace => own.fields.clone(),
            _ => Map::new(),
        };
        sent.remove("text");
        sent.insert("mark".to_owned(), self.mark().into());
        sent.insert("amount".to_owned(), self.count.into());
        if own.resource == "Account" {
            self.add_text(&mut sent);
        }
        // Half of them say what they rely on.
        let version = (self.dice.below(2) == 0).then_some(own.version);
        let changed = self.change(
            connection,
            wish,
            own.resource,
            Some(&own.record),
            version,
            &sent,
        );
        let reply = self.or_forget(at, changed)?;
        assert_eq!(reply.status, 200, "{sent:?}: {reply:?}");
        assert_eq!(reply.version, Some(own.version + 1), "{sent:?}: {reply:?}");
        let own = &mut self.own[at];
        own.version += 1;
        own.fields = settable(own.resource, &reply.body);
        Ok(!reply.closes)
    }

    fn change_shared(&mut self, connection: &mut Connection) -> Result<bool, Broken> {
        let shared = Arc::clone(&self.shared);
        let at = usize::try_from(self.dice.below(shared.accounts.len() as u64)).unwrap();
        let version = self.versions[at].filter(|_| self.count.is_multiple_of(2));
        let mark = self.mark();
        let sent = fields(json!({"mark": mark, "amount": self.count}));
        let record = &shared.accounts[at];
        let reply = self.change(
            connection,
            Wish::Patch,
            "Account",
            Some(record),
            version,
            &sent,
        )?;
        match reply.status {
            200 => self.versions[at] = reply.version,
            412 if version.is_some() => self.versions[at] = None,
            _ => panic!("{sent:?}: {reply:?}"),
        }
        Ok(!reply.closes)
    }

    fn delete_own(&mut self, connection: &mut Connection) -> Result<bool, Broken> {
        let Some(at) = self.pick_own(None) else {
            return self.create_account(connection);
        };
        let own = self.own[at].clone();
        let record = Some(own.record.as_str());
        let deleted = self.change(
            connection,
            Wish::Delete,
            own.resource,
            record,
            None,
            &Map::new(),
        );
        let reply = self.or_forget(at, deleted)?;
        match reply.status {
            204 => drop(self.own.swap_remove(at)),
            // Not while it has lines.
            409 if own.resource == "Account" => {}
            _ => panic!("{own:?}: {reply:?}"),
        }
        Ok(!reply.closes)
    }

    /// Before the transaction or inside it, beside others that succeed.
    fn be_refused(&mut self, connection: &mut Connection) -> Result<bool, Broken> {
        let mark = self.mark();
        let taken = self.pick_own(Some("Account"));
        let (resource, sent) = match (self.dice.below(3), taken) {
            (0, Some(taken)) => {
                let name = &self.own[taken].fields["name"];
                ("Account", json!({"name": name, "mark": mark, "amount": 1}))
            }
            (1, _) => ("Account", json!({"name": mark, "mark": mark, "amount": -1})),
            _ => (
                "Line",
                json!({"account_id": 999_999_999, "mark": mark, "amount": 1}),
            ),
        };
        let sent = fields(sent);
        let reply = self.change(connection, Wish::Create, resource, None, None, &sent)?;
        assert!(matches!(reply.status, 409 | 422), "{sent:?}: {reply:?}");
        Ok(!reply.closes)
    }

    /// What was acknowledged can be read at once.
    fn read_own(&mut self, connection: &mut Connection) -> Result<bool, Broken> {
        let Some(at) = self.pick_own(None) else {
            return self.create_account(connection);
        };
        let own = &self.own[at];
        let target = format!("{}/{}", path(own.resource), own.record);
        let reply = connection.send("GET", &target, None, None)?;
        assert_eq!(
            (reply.status, reply.version),
            (200, Some(own.version)),
            "{own:?}: {reply:?}"
        );
        assert_eq!(settable(own.resource, &reply.body), own.fields);
        Ok(!reply.closes)
    }

    /// Sends a change and writes down what became of it.
    fn change(
        &mut self,
        connection: &mut Connection,
        wish: Wish,
        resource: &'static str,
        record: Option<&str>,
        version: Option<i64>,
        sent: &Map<String, Json>,
    ) -> Result<Reply, Broken> {
        let method = match wish {
            Wish::Create => "POST",
            Wish::Patch => "PATCH",
            Wish::Replace => "PUT",
            Wish::Delete => "DELETE",
        };
        let target = match record {
            None => path(resource).to_owned(),
            Some(record) => format!("{}/{record}", path(resource)),
        };
        let body = (wish != Wish::Delete).then(|| Json::Object(sent.clone()));
        let began = self.shared.clock.fetch_add(1, Ordering::SeqCst);
        let end = connection.send(method, &target, version, body.as_ref());
        let ended = self.shared.clock.fetch_add(1, Ordering::SeqCst);
        let deed = Deed {
            wish,
            resource,
            record: record.map(str::to_owned),
            sent: sent.clone(),
            began,
            ended,
            end: end.clone(),
        };
        if deed.is_acknowledged() {
            self.shared.acknowledged.fetch_add(1, Ordering::Relaxed);
        }
        self.deeds.push(deed);
        end
    }

    /// Whoever was not answered does not know how the record is now.
    fn or_forget(&mut self, at: usize, end: Result<Reply, Broken>) -> Result<Reply, Broken> {
        if end.is_err() {
            self.own.swap_remove(at);
        }
        end
    }

    fn mark(&mut self) -> String {
        self.count += 1;
        format!("{}-{}-{}", self.name, self.round, self.count)
    }

    /// Enough now and then to fill pages, so that the log grows and starts over.
    fn add_text(&mut self, sent: &mut Map<String, Json>) {
        if self.dice.below(3) == 0 {
            let length = usize::try_from(self.dice.below(4000)).unwrap();
            sent.insert("text".to_owned(), "m".repeat(length).into());
        }
    }

    fn pick_own(&mut self, resource: Option<&str>) -> Option<usize> {
        let fitting: Vec<usize> = (0..self.own.len())
            .filter(|at| resource.is_none_or(|resource| self.own[*at].resource == resource))
            .collect();
        self.dice.pick(&fitting).copied()
    }
}

fn fields(json: Json) -> Map<String, Json> {
    match json {
        Json::Object(members) => members,
        other => panic!("no object: {other}"),
    }
}

/// The fields of a record that clients set.
pub fn settable(resource: &str, record: &Json) -> Map<String, Json> {
    let names: &[&str] = match resource {
        "Account" => &["name", "mark", "amount", "text"],
        _ => &["account_id", "mark", "amount"],
    };
    names
        .iter()
        .map(|name| ((*name).to_owned(), record[name].clone()))
        .collect()
}
