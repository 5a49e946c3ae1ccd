//! One connection: statements prepared once per text, one result at a time.

use std::future::Future;
use std::pin::{Pin, pin};
use std::sync::Arc;
use std::task::{Context, Poll, Waker};
use std::time::{Duration, Instant};

use futures_util::TryStreamExt;
use futures_util::future::maybe_done;
use store::StoreError;
use store::driver::{Rows, Sole, Statement};
use tokio::time::timeout;
use tokio_postgres::{CancelToken, Client, RowStream};
use value::Value;

use crate::error::{Failed, Then, failed, internal, unavailable};
use crate::options::Options;
use crate::statements::Statements;
use crate::storage::{self, Bound, Raw, type_of};
use crate::target::Target;
use crate::tls;

/// What a result took and how many rows were changed.
pub(crate) struct Answer {
    pub rows: Rows,
    pub changed: u64,
}

/// Why a transaction was not committed.
pub(crate) enum Ended {
    /// It was undone, for this.
    Undone(Failed),
    /// Nobody knows whether it was.
    InDoubt(String),
}

/// A connection on which nothing came for longer may have been cut without a word, by whoever is
/// in between.
const FRESH: Duration = Duration::from_secs(1);

/// The outcome of something that was sent and not waited for. In the order of sending.
pub(crate) type OnItsWay = Pin<Box<dyn Future<Output = Result<(), tokio_postgres::Error>> + Send>>;

pub(crate) struct Connection {
    client: Arc<Client>,
    statements: Statements,
    born: Instant,
    /// When the last answer came.
    heard: Instant,
    /// What statements are allowed by the session.
    allowed: Duration,
    silence_max: Duration,
    result_bytes_max: usize,
    shared: bool,
    /// Not to be used again.
    broken: bool,
    /// A statement runs; if nobody waits for it any more, it is to be cancelled.
    busy: bool,
}

impl Connection {
    pub async fn open(target: &Target, options: &Options) -> Result<Connection, Failed> {
        let connector = tls::connector(target).map_err(Failed::of)?;
        let opening = target.config.connect(connector);
        let (client, line) = match timeout(options.connect_max, opening).await {
            Ok(Ok(opened)) => opened,
            Ok(Err(error)) => return Err(unconnected(&error, options)),
            Err(_) => return Err(Failed::lost("the server does not answer")),
        };
        tokio::spawn(async move {
            if let Err(error) = line.await {
                tracing::debug!(%error, "a connection to the database has ended");
            }
        });
        let connection = Connection {
            client: Arc::new(client),
            statements: Statements::new(options.statements_max),
            born: Instant::now(),
            heard: Instant::now(),
            allowed: options.write_time_max,
            silence_max: options.silence_max,
            result_bytes_max: options.result_bytes_max,
            shared: target.shared_connections,
            broken: false,
            busy: false,
        };
        if !connection.shared {
            // Compiling what is asked for milliseconds takes seconds; nobody can interrupt it.
            let settings = format!(
                "SET statement_timeout = {}; SET lock_timeout = {}; \
                 SET idle_in_transaction_session_timeout = {}; SET TimeZone = 'UTC'; \
                 SELECT set_config(name, 'off', false) FROM pg_settings WHERE name = 'jit'",
                options.write_time_max.as_millis(),
                options.lock_time_max.as_millis(),
                (options.write_time_max + options.silence_max).as_millis(),
            );
            connection.command(&settings, options.connect_max).await?;
        }
        Ok(connection)
    }

    pub fn result_bytes_max(&self) -> usize {
        self.result_bytes_max
    }

    /// To be asked without a turn, by whoever shares it with others.
    pub fn client(&self) -> Arc<Client> {
        Arc::clone(&self.client)
    }

    /// Whether it can be used by somebody else now.
    pub fn is_usable(&self, lifetime_max: Duration) -> bool {
        !self.is_broken() && self.born.elapsed() < lifetime_max
    }

    /// Session settings and prepared statements do not last from one transaction to the next.
    pub fn is_shared(&self) -> bool {
        self.shared
    }

    pub fn is_broken(&self) -> bool {
        self.broken || self.busy || self.client.is_closed()
    }

    /// Nobody knows any more what state it is in.
    pub fn give_up(&mut self) {
        self.broken = true;
    }

    /// How to end what still runs although nobody waits for it.
    pub fn unfinished(&self) -> Option<CancelToken> {
        self.busy.then(|| self.client.cancel_token())
    }

    /// Prepared statements may have been made for tables that are no longer so.
    pub fn forget(&mut self) {
        self.statements.clear();
    }

    /// Somebody is there.
    pub fn hear(&mut self) {
        self.heard = Instant::now();
    }

    /// Whether somebody has just been there.
    pub fn is_fresh(&self) -> bool {
        self.heard.elapsed() < FRESH
    }

    /// How long whatever is sent may take to be answered.
    pub fn patience(&self, allowed: Duration) -> Duration {
        allowed + self.silence_max
    }

    /// Looks at how something ended: whether the connection is to be used any more, and its
    /// statements.
    pub fn note(&mut self, then: Then) {
        match then {
            Then::Lost => self.broken = true,
            Then::Forget => self.forget(),
            Then::Nothing | Then::Again => {}
        }
    }

    /// Whether a statement can be sent without a question before it.
    pub fn knows(&self, statement: &Statement) -> bool {
        self.shared || self.statements.knows(statement)
    }

    /// Runs words without parameters and results.
    pub async fn command(&self, words: &str, allowed: Duration) -> Result<(), Failed> {
        match timeout(allowed + self.silence_max, self.client.batch_execute(words)).await {
            Ok(Ok(())) => Ok(()),
            Ok(Err(error)) => Err(failed(&error, allowed)),
            Err(_) => Err(silent()),
        }
    }

    /// Sends words whose answer nobody waits for. What is sent after them runs after them.
    pub fn send(&self, words: &str) {
        let mut sending = pin!(self.client.batch_execute(words));
        // They are put into the line when first asked for; the answer is thrown away.
        let _ = sending
            .as_mut()
            .poll(&mut Context::from_waker(Waker::noop()));
    }

    /// What the server lets single statements take from now on.
    pub fn allow(&mut self, time: Duration) {
        if self.allowed != time && !self.shared {
            self.send(&format!("SET statement_timeout = {}", time.as_millis()));
            self.allowed = time;
        }
    }

    /// Runs a statement. `before` is sent along with it, to save a trip to the server.
    pub async fn run(
        &mut self,
        before: Option<&str>,
        statement: &Statement,
        parameters: &[Value],
        allowed: Duration,
    ) -> Result<Answer, Failed> {
        check(statement, parameters)?;
        let silence = allowed + self.silence_max;
        self.busy = true;
        let ran = timeout(
            silence,
            self.run_unbounded(before, statement, parameters, allowed),
        );
        let ran = ran.await.unwrap_or_else(|_| Err(silent()));
        // The rest of a result that was too large is still to come.
        self.busy = matches!(
            &ran,
            Err(Failed {
                error: StoreError::TooLarge { .. },
                ..
            })
        );
        match &ran {
            Ok(_) => self.hear(),
            Err(error) => self.note(error.then),
        }
        ran
    }

    async fn run_unbounded(
        &mut self,
        before: Option<&str>,
        statement: &Statement,
        parameters: &[Value],
        allowed: Duration,
    ) -> Result<Answer, Failed> {
        if self.shared {
            return self
                .run_unprepared(before, statement, parameters, allowed)
                .await;
        }
        let told = |error| failed(&error, allowed);
        let known = self.statements.known(statement);
        let Some(prepared) = known else {
            let prepared = self.prepare(before, statement, allowed).await?;
            let rows = self
                .client
                .query_raw(&prepared, parameters.iter().map(Bound));
            let rows = rows.await.map_err(told)?;
            return collect(statement, rows, self.result_bytes_max, allowed).await;
        };
        let rows = self
            .client
            .query_raw(&prepared, parameters.iter().map(Bound));
        let rows = match before {
            None => rows.await.map_err(told)?,
            Some(before) => {
                let (begun, rows) = tokio::join!(self.client.batch_execute(before), rows);
                begun.map_err(told)?;
                rows.map_err(told)?
            }
        };
        collect(statement, rows, self.result_bytes_max, allowed).await
    }

    /// Sends a statement, and `before` before it, and does not wait for what comes of them.
    pub async fn send_ahead(
        &mut self,
        before: Option<String>,
        statement: &Statement,
        parameters: Vec<Value>,
        allowed: Duration,
        on_their_way: &mut Vec<OnItsWay>,
    ) -> Result<(), Failed> {
        check(statement, &parameters)?;
        let prepared = match (self.shared, self.statements.known(statement)) {
            (true, _) => None,
            (false, Some(known)) => Some(known),
            (false, None) => Some(self.prepare(None, statement, allowed).await?),
        };
        if let Some(before) = before {
            let client = Arc::clone(&self.client);
            on_their_way.extend(begun(async move { client.batch_execute(&before).await })?);
        }
        let sending = self.sending(prepared, statement, parameters);
        let running = async move {
            let mut rows = pin!(sending.await?);
            while rows.try_next().await?.is_some() {}
            Ok(())
        };
        on_their_way.extend(begun(running)?);
        Ok(())
    }

    /// Runs statements as one transaction, sent one behind the other: what each of them gave.
    pub async fn run_together(
        &mut self,
        begin: &str,
        statements: Vec<Sole>,
        allowed: Duration,
    ) -> Result<Vec<Rows>, Ended> {
        let mut prepared = Vec::with_capacity(statements.len());
        for Sole {
            statement,
            parameters,
        } in &statements
        {
            check(statement, parameters).map_err(Ended::Undone)?;
            let known = match (self.shared, self.statements.known(statement)) {
                (true, _) => None,
                (false, Some(known)) => Some(known),
                (false, None) => {
                    let preparing = timeout(
                        self.patience(allowed),
                        self.prepare(None, statement, allowed),
                    );
                    let preparing = preparing.await.unwrap_or_else(|_| Err(silent()));
                    Some(preparing.map_err(|failed| {
                        self.note(failed.then);
                        Ended::Undone(failed)
                    })?)
                }
            };
            prepared.push(known);
        }
        self.busy = true;
        let ended = self
            .run_prepared_together(begin, statements, prepared, allowed)
            .await;
        self.busy = false;
        match &ended {
            Ok(_) => self.hear(),
            Err(Ended::Undone(failed)) => self.note(failed.then),
            Err(Ended::InDoubt(_)) => self.give_up(),
        }
        ended
    }

    async fn run_prepared_together(
        &self,
        begin: &str,
        statements: Vec<Sole>,
        prepared: Vec<Option<tokio_postgres::Statement>>,
        allowed: Duration,
    ) -> Result<Vec<Rows>, Ended> {
        let patience = self.patience(allowed);
        let most = self.result_bytes_max;
        self.send(begin);
        let mut coming = Vec::with_capacity(statements.len());
        for (sole, prepared) in statements.into_iter().zip(prepared) {
            let statement = Arc::clone(&sole.statement);
            let sending = self.sending(prepared, &sole.statement, sole.parameters);
            let mut running = Box::pin(maybe_done(async move {
                let rows = sending.await.map_err(|error| failed(&error, allowed))?;
                collect(&statement, rows, most, allowed).await
            }));
            // Whoever waits for it later asks again, and is woken then.
            let _ = running
                .as_mut()
                .poll(&mut Context::from_waker(Waker::noop()));
            if let Some(Err(failed)) = running.as_mut().output_mut() {
                // It was not even sent, so nothing may be committed.
                let failed = failed.clone();
                self.send("ROLLBACK");
                return Err(Ended::Undone(failed));
            }
            coming.push(running);
        }
        // See [`crate::transaction::Open::commit`].
        let mut commit = Box::pin(maybe_done(self.client.batch_execute("COMMIT")));
        let sent_along = self.is_fresh();
        if sent_along {
            let _ = commit
                .as_mut()
                .poll(&mut Context::from_waker(Waker::noop()));
        }
        let mut all = Vec::with_capacity(coming.len());
        for mut running in coming {
            let arrived = timeout(patience, running.as_mut()).await.is_ok();
            let ran = running.as_mut().take_output().filter(|_| arrived);
            match ran.unwrap_or_else(|| Err(silent())) {
                Ok(answer) => all.push(answer.rows),
                // It did nothing of what was sent later, or made an undo of the commit.
                Err(failed) if failed.by_server || !sent_along => {
                    if !sent_along {
                        self.send("ROLLBACK");
                    }
                    return Err(Ended::Undone(failed));
                }
                Err(failed) => return Err(Ended::InDoubt(failed.error.to_string())),
            }
        }
        let arrived = timeout(patience, commit.as_mut()).await.is_ok();
        match commit.as_mut().take_output().filter(|_| arrived) {
            Some(Ok(())) => Ok(all),
            Some(Err(error)) => {
                let failed = failed(&error, allowed);
                match failed.then {
                    Then::Lost => Err(Ended::InDoubt(failed.error.to_string())),
                    Then::Nothing | Then::Again | Then::Forget => Err(Ended::Undone(failed)),
                }
            }
            None => Err(Ended::InDoubt(silent().error.to_string())),
        }
    }

    /// A statement on its way, once it is asked for.
    fn sending(
        &self,
        prepared: Option<tokio_postgres::Statement>,
        statement: &Statement,
        parameters: Vec<Value>,
    ) -> impl Future<Output = Result<RowStream, tokio_postgres::Error>> + Send + use<> {
        let client = Arc::clone(&self.client);
        let types: Vec<_> = match prepared {
            Some(_) => vec![],
            None => statement.parameters.iter().map(|s| type_of(*s)).collect(),
        };
        let text = match prepared {
            Some(_) => String::new(),
            None => statement.text.to_string(),
        };
        async move {
            let values = parameters.iter().map(Bound);
            match &prepared {
                Some(prepared) => client.query_raw(prepared, values).await,
                None => client.query_typed_raw(&text, values.zip(types)).await,
            }
        }
    }

    async fn prepare(
        &mut self,
        before: Option<&str>,
        statement: &Statement,
        allowed: Duration,
    ) -> Result<tokio_postgres::Statement, Failed> {
        let told = |error| failed(&error, allowed);
        let types: Vec<_> = statement.parameters.iter().map(|s| type_of(*s)).collect();
        let preparing = self.client.prepare_typed(&statement.text, &types);
        let prepared = match before {
            None => preparing.await.map_err(told)?,
            Some(before) => {
                let (begun, prepared) = tokio::join!(self.client.batch_execute(before), preparing);
                begun.map_err(told)?;
                prepared.map_err(told)?
            }
        };
        self.statements.keep(statement, prepared)
    }

    /// Without a name on the server, for it may be another server connection next time.
    async fn run_unprepared(
        &self,
        before: Option<&str>,
        statement: &Statement,
        parameters: &[Value],
        allowed: Duration,
    ) -> Result<Answer, Failed> {
        let told = |error| failed(&error, allowed);
        let types = statement.parameters.iter().map(|s| type_of(*s));
        let parameters: Vec<_> = parameters.iter().map(Bound).zip(types).collect();
        let rows = self.client.query_typed_raw(&statement.text, parameters);
        let rows = match before {
            None => rows.await.map_err(told)?,
            Some(before) => {
                let (begun, rows) = tokio::join!(self.client.batch_execute(before), rows);
                begun.map_err(told)?;
                rows.map_err(told)?
            }
        };
        collect(statement, rows, self.result_bytes_max, allowed).await
    }
}

/// All rows of a result.
pub(crate) async fn collect(
    statement: &Statement,
    rows: RowStream,
    bytes_max: usize,
    allowed: Duration,
) -> Result<Answer, Failed> {
    let width = statement.columns.len();
    let mut cells: Vec<Value> = Vec::new();
    let mut heap = 0;
    let mut rows = pin!(rows);
    while let Some(row) = rows
        .try_next()
        .await
        .map_err(|error| failed(&error, allowed))?
    {
        if row.len() != width {
            return Err(Failed::of(internal(format!(
                "a statement gives {} columns and declares {width}",
                row.len()
            ))));
        }
        for (at, storage) in statement.columns.iter().enumerate() {
            let cell: Raw<'_> = row.try_get(at).map_err(|error| failed(&error, allowed))?;
            let value = storage::decode(*storage, &cell).map_err(Failed::of)?;
            heap += storage::heap_bytes(&value);
            cells.push(value);
        }
        if heap + cells.len() * size_of::<Value>() > bytes_max {
            return Err(Failed::of(StoreError::TooLarge {
                most_bytes: bytes_max,
            }));
        }
    }
    Ok(Answer {
        rows: Rows { width, cells },
        changed: rows.rows_affected().unwrap_or(0),
    })
}

/// Waits for the outcome of what was sent, in the order of sending. The connection reads no
/// further than somebody listens, so whoever waits for something sent later waits for this at the
/// same time.
pub(crate) async fn arrival(
    sent: impl IntoIterator<Item = OnItsWay>,
    allowed: Duration,
    patience: Duration,
) -> Result<(), Failed> {
    for one in sent {
        match timeout(patience, one).await {
            Ok(arrived) => arrived.map_err(|error| failed(&error, allowed))?,
            Err(_) => return Err(silent()),
        }
    }
    Ok(())
}

/// Begins something, which sends it. Nothing if it is done with.
fn begun(
    future: impl Future<Output = Result<(), tokio_postgres::Error>> + Send + 'static,
) -> Result<Option<OnItsWay>, Failed> {
    let mut begun: OnItsWay = Box::pin(future);
    // Whoever waits for it later asks again, and is woken then.
    match begun.as_mut().poll(&mut Context::from_waker(Waker::noop())) {
        Poll::Pending => Ok(Some(begun)),
        Poll::Ready(Ok(())) => Ok(None),
        Poll::Ready(Err(error)) => Err(failed(&error, Duration::ZERO)),
    }
}

pub(crate) fn check(statement: &Statement, parameters: &[Value]) -> Result<(), Failed> {
    if statement.parameters.len() != parameters.len() {
        return Err(Failed::of(internal(format!(
            "a statement takes {} parameters and was given {}",
            statement.parameters.len(),
            parameters.len()
        ))));
    }
    let misfit = statement
        .parameters
        .iter()
        .zip(parameters)
        .find(|(storage, value)| !storage::fits(**storage, value));
    match misfit {
        None => Ok(()),
        Some((storage, value)) => Err(Failed::of(storage::misfit(*storage, value))),
    }
}

/// Whatever is told instead of a connection, there is none.
fn unconnected(error: &tokio_postgres::Error, options: &Options) -> Failed {
    let failed = failed(error, options.connect_max);
    match failed.error {
        StoreError::Internal { reason } => Failed {
            error: unavailable(reason),
            ..failed
        },
        _ => failed,
    }
}

pub(crate) fn silent() -> Failed {
    Failed::lost("the server does not answer")
}
