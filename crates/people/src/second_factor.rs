//! Second factors: one-time codes of an authenticator app, and recovery codes for the day it is
//! lost.

use std::time::Duration;

use call::{Code, Failure};
use identity::random::hex;
use identity::recovery::RecoveryCode;
use identity::tickets::{self, NewTicket, Purpose, Used};
use identity::totp;
use serde::{Deserialize, Serialize};
use store::people::{ACCOUNTS, RECOVERY_CODES};
use store::table::{Set, Test};
use store::{Dialect, Prepared};
use value::{Timestamp, Value};
use vault::Place;
use zeroize::Zeroizing;

use crate::account;
use crate::letters::Kind;
use crate::sign_in::method;
use crate::sign_up::worthless;
use crate::{From, People, may_try, trouble};

/// How long setting up an app may take.
const SETUP_LASTS: Duration = Duration::from_secs(15 * 60);

/// What an authenticator app needs to know, once.
pub struct NewTotp {
    /// Confirms it, with a code of the app.
    pub ticket: String,
    /// In base32, to be typed.
    pub secret: Zeroizing<String>,
    /// `otpauth://…`, to be followed on a phone.
    pub uri: Zeroizing<String>,
    /// The same as a picture to be scanned.
    pub qr_svg: Option<Zeroizing<String>>,
}

/// What second factors an account has.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct SecondFactors {
    pub totp: bool,
    /// That have not been used.
    pub recovery_codes: usize,
}

#[derive(Serialize, Deserialize)]
struct Setup {
    /// Sealed.
    secret: String,
}

impl People {
    /// Begins to set up one-time codes. Nothing is asked for until they are confirmed.
    ///
    /// # Errors
    /// [`Code::Conflict`] when there are some already.
    pub async fn begin_totp(&self, id: &str, now: Timestamp) -> Result<NewTotp, Failure> {
        let account = self.account(id).await?;
        if account.has_totp() {
            let detail = "one-time codes are set up already; remove them first";
            return Err(Failure::new(Code::Conflict, detail));
        }
        let secret = totp::Secret::generate().map_err(Failure::internal)?;
        let sealed = Place::TOTP.seal(&self.lasting().vault, id, secret.as_bytes());
        let setup = Setup {
            secret: sealed.map_err(Failure::internal)?,
        };
        let ticket = NewTicket {
            purpose: Purpose::TotpSetup,
            account: Some(id),
            handle: None,
            payload: &setup,
            lasts: SETUP_LASTS,
        };
        let ticket = tickets::issue(self.driver(), ticket, now).await?;
        let uri = secret.uri(self.title(), &account.email);
        Ok(NewTotp {
            ticket: ticket.reveal().to_owned(),
            secret: secret.base32(),
            qr_svg: totp::qr_svg(&uri),
            uri,
        })
    }

    /// A code of the app proves that it knows the secret: from now on codes are asked for. Returns
    /// new recovery codes, to be shown once.
    ///
    /// # Errors
    /// [`Code::Invalid`] when the code is wrong, [`Code::NotFound`] when setting up took too long,
    /// [`Code::RateLimited`].
    pub async fn confirm_totp(
        &self,
        id: &str,
        ticket: &str,
        code: &str,
        from: &From<'_>,
    ) -> Result<Vec<Zeroizing<String>>, Failure> {
        let purpose = Purpose::TotpSetup;
        let found = tickets::look::<Setup>(self.driver(), purpose, ticket, from.now).await;
        let found = found.map_err(|error| trouble(&error))?;
        let found = found.filter(|found| found.account.as_deref() == Some(id));
        let setup = found.ok_or_else(worthless)?.payload;
        let secret = self.open_totp(id, &setup.secret)?;
        let attempt = may_try(&self.lasting().second_factors, Some(id), from)?;
        let step = secret.verify(code, seconds(from.now), None);
        let Some(step) = step else {
            return Err(wrong_code(Code::Invalid));
        };
        attempt.right();
        let dialect = self.driver().dialect();
        let (codes, mut statements) = self.new_codes(id, from.now)?;
        statements.push(account::setting(
            dialect,
            id,
            [
                ("totp", Value::Text(setup.secret)),
                ("totp_at", Value::Timestamp(from.now)),
                (
                    "totp_step",
                    Value::Int(i64::try_from(step).unwrap_or(i64::MAX)),
                ),
            ],
        ));
        statements.push(self.noted(audit::Action::SecondFactorAdded, id, Some(from))?);
        let (text, now) = (ticket.to_owned(), from.now);
        let done = store::transact(self.driver(), move |transaction| {
            let (text, statements) = (text.clone(), statements.clone());
            Box::pin(async move {
                let used = tickets::consume_in::<Setup>(transaction, dialect, purpose, &text, now);
                if !matches!(used.await?, Used::Now(_)) {
                    return Ok(Err(worthless()));
                }
                for (statement, arguments) in &statements {
                    let parameters = statement.bind_args(arguments);
                    transaction
                        .execute(&statement.statement, &parameters)
                        .await?;
                }
                Ok(Ok(()))
            })
        });
        done.await.map_err(|error| trouble(&error))??;
        self.write(&self.account(id).await?, Kind::SecondFactorAdded);
        Ok(codes)
    }

    /// Asks for no codes any more.
    ///
    /// # Errors
    /// When the database cannot be asked.
    pub async fn remove_totp(&self, id: &str) -> Result<(), Failure> {
        let account = self.account(id).await?;
        if !account.has_totp() {
            return Err(Failure::new(Code::NotFound, "there are no one-time codes"));
        }
        let dialect = self.driver().dialect();
        let set = ["totp", "totp_at", "totp_step"].map(Set::Null);
        let clear = ACCOUNTS.update(dialect, &set, &[Test::Is("id")]);
        let whose = Value::Text(id.to_owned());
        let codes = RECOVERY_CODES.delete(dialect, &[Test::Is("account")]);
        let statements = vec![
            (clear, vec![whose.clone()]),
            (codes, vec![whose]),
            self.noted(audit::Action::SecondFactorRemoved, id, None)?,
        ];
        let done = store::execute(self.driver(), statements).await;
        done.map_err(|error| trouble(&error))?;
        self.write(&account, Kind::SecondFactorRemoved);
        Ok(())
    }

    /// New recovery codes in place of the old ones, to be shown once.
    ///
    /// # Errors
    /// [`Code::Conflict`] when nothing would ask for them.
    pub async fn renew_recovery_codes(
        &self,
        id: &str,
        now: Timestamp,
    ) -> Result<Vec<Zeroizing<String>>, Failure> {
        if !self.account(id).await?.has_totp() {
            let detail = "recovery codes stand in for one-time codes; set those up first";
            return Err(Failure::new(Code::Conflict, detail));
        }
        let (codes, mut statements) = self.new_codes(id, now)?;
        statements.push(self.noted(audit::Action::RecoveryCodesMade, id, None)?);
        let done = store::execute(self.driver(), statements).await;
        done.map_err(|error| trouble(&error))?;
        Ok(codes)
    }

    /// What second factors an account has.
    ///
    /// # Errors
    /// When the database cannot be asked.
    pub async fn second_factors(&self, id: &str) -> Result<SecondFactors, Failure> {
        let totp = self.account(id).await?.has_totp();
        let tests = [Test::Is("account"), Test::IsNull("used_at")];
        let find = RECOVERY_CODES.find(self.driver().dialect(), &tests);
        let parameters = find.bind_args(&[Value::Text(id.to_owned())]);
        let rows = self.driver().query(&find.statement, &parameters).await;
        let recovery_codes = rows.map_err(|error| trouble(&error))?.len();
        Ok(SecondFactors {
            totp,
            recovery_codes,
        })
    }

    /// Whether a code is right, whichever kind it is. How it was proved, in the words of tokens.
    pub(crate) async fn prove_second(
        &self,
        id: &str,
        code: &str,
        from: &From<'_>,
    ) -> Result<&'static str, Failure> {
        let attempt = may_try(&self.lasting().second_factors, Some(id), from)?;
        if let Some(code) = RecoveryCode::parse(code) {
            let tests = [
                Test::Is("hash"),
                Test::Is("account"),
                Test::IsNull("used_at"),
            ];
            let dialect = self.driver().dialect();
            let consume = RECOVERY_CODES.update(dialect, &[Set::To("used_at")], &tests);
            let arguments = vec![
                Value::Timestamp(from.now),
                Value::Text(hex(&code.hash())),
                Value::Text(id.to_owned()),
            ];
            let used = store::execute(self.driver(), vec![(consume, arguments)]).await;
            if used.map_err(|error| trouble(&error))? == 0 {
                return Err(wrong_code(Code::Unauthenticated));
            }
            attempt.right();
            return Ok(method::RECOVERY);
        }
        let kept = self.kept(id).await?;
        let Some(sealed) = kept.totp.filter(|_| kept.account.has_totp()) else {
            return Err(wrong_code(Code::Unauthenticated));
        };
        let secret = self.open_totp(id, &sealed)?;
        let last = kept.totp_step.and_then(|step| u64::try_from(step).ok());
        let step = secret.verify(code, seconds(from.now), last);
        let Some(step) = step.and_then(|step| i64::try_from(step).ok()) else {
            return Err(wrong_code(Code::Unauthenticated));
        };
        // A code is good once: of two who come with the same one, one is first.
        let tests = match last {
            Some(_) => [Test::Is("id"), Test::Is("totp_step")].as_slice(),
            None => [Test::Is("id"), Test::IsNull("totp_step")].as_slice(),
        };
        let note = ACCOUNTS.update(self.driver().dialect(), &[Set::To("totp_step")], tests);
        let mut arguments = vec![Value::Int(step), Value::Text(id.to_owned())];
        arguments.extend(kept.totp_step.map(Value::Int));
        let noted = store::execute(self.driver(), vec![(note, arguments)]).await;
        if noted.map_err(|error| trouble(&error))? == 0 {
            return Err(wrong_code(Code::Unauthenticated));
        }
        attempt.right();
        Ok(method::CODE)
    }

    fn open_totp(&self, id: &str, sealed: &str) -> Result<totp::Secret, Failure> {
        let opened = Place::TOTP.open(&self.lasting().vault, id, sealed);
        let bytes = opened.map_err(Failure::internal)?;
        totp::Secret::from_bytes(&bytes)
            .ok_or_else(|| Failure::internal("the secret of one-time codes has another length"))
    }

    fn new_codes(
        &self,
        id: &str,
        now: Timestamp,
    ) -> Result<(Vec<Zeroizing<String>>, Statements), Failure> {
        let dialect: Dialect = self.driver().dialect();
        let codes = RecoveryCode::generate().map_err(Failure::internal)?;
        let old = RECOVERY_CODES.delete(dialect, &[Test::Is("account")]);
        let mut statements = vec![(old, vec![Value::Text(id.to_owned())])];
        for code in &codes {
            let row = RECOVERY_CODES.row([
                ("hash", Value::Text(hex(&code.hash()))),
                ("account", Value::Text(id.to_owned())),
                ("created_at", Value::Timestamp(now)),
            ]);
            statements.push((RECOVERY_CODES.insert(dialect), row));
        }
        Ok((codes.iter().map(RecoveryCode::reveal).collect(), statements))
    }
}

type Statements = Vec<(Prepared, Vec<Value>)>;

fn wrong_code(code: Code) -> Failure {
    let detail = "the code is wrong, or has been used";
    match code {
        Code::Invalid => Failure::with_problems(
            code,
            vec![call::FieldProblem {
                place: call::Place::Pointer("/code".to_owned()),
                code: "wrong_code",
                detail: detail.to_owned(),
            }],
        ),
        code => Failure::new(code, detail),
    }
}

fn seconds(at: Timestamp) -> u64 {
    u64::try_from(at.0.div_euclid(1000)).unwrap_or(0)
}
