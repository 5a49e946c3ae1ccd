//! What begins with a letter to somebody's address: signing in by a link, and a new password for
//! who has forgotten theirs.
//!
//! The answer is the same whether or not the address has an account, and so is what is done:
//! a look, a ticket, a letter.

use std::time::Duration;

use call::Failure;
use identity::families::Ended;
use identity::tickets::{self, NewTicket, Nothing, Purpose, Used};

use crate::account::{self, Account, By};
use crate::letters::{Kind, Letter, Secret};
use crate::sign_in::{SignIn, method};
use crate::sign_up::worthless;
use crate::{From, People, email, may_try, trouble};

/// How long a link that signs in is good.
const MAGIC_LASTS: Duration = Duration::from_secs(15 * 60);
/// How long a link to a new password is good.
const RESET_LASTS: Duration = Duration::from_secs(60 * 60);

impl People {
    /// Mails a link that signs in.
    ///
    /// # Errors
    /// [`call::Code::Invalid`] for what is no address, [`call::Code::RateLimited`].
    pub async fn mail_magic_link(&self, address: &str, from: &From<'_>) -> Result<(), Failure> {
        let link = |ticket| Kind::MagicLink { ticket };
        self.mail_ticket(address, Purpose::MagicLink, MAGIC_LASTS, link, from)
            .await
    }

    /// Signs in by such a link. It proves one thing; the second one may still be asked for.
    ///
    /// # Errors
    /// [`call::Code::NotFound`] when it is worth nothing.
    pub async fn use_magic_link(&self, ticket: &str, from: &From<'_>) -> Result<SignIn, Failure> {
        let used = tickets::consume::<Nothing>(self.driver(), Purpose::MagicLink, ticket, from.now);
        let used = used.await.map_err(|error| trouble(&error))?;
        let Used::Now(tickets::Ticket {
            account: Some(account),
            ..
        }) = used
        else {
            return Err(worthless());
        };
        let kept = self.kept(&account).await.map_err(|_| worthless())?;
        self.one_proof(kept, method::EMAIL, from).await
    }

    /// Mails a link to a new password.
    ///
    /// # Errors
    /// [`call::Code::Invalid`] for what is no address, [`call::Code::RateLimited`].
    pub async fn mail_reset(&self, address: &str, from: &From<'_>) -> Result<(), Failure> {
        let link = |ticket| Kind::ResetPassword { ticket };
        self.mail_ticket(address, Purpose::ResetPassword, RESET_LASTS, link, from)
            .await
    }

    /// Sets a new password by such a link, and signs everybody out who had the old one.
    ///
    /// # Errors
    /// [`call::Code::NotFound`] when it is worth nothing, [`call::Code::Invalid`] for a password that may not be
    /// chosen, after which the link is still good.
    pub async fn reset_password(
        &self,
        ticket: &str,
        password: &str,
        from: &From<'_>,
    ) -> Result<Account, Failure> {
        let purpose = Purpose::ResetPassword;
        let found = tickets::look::<Nothing>(self.driver(), purpose, ticket, from.now).await;
        let found = found
            .map_err(|error| trouble(&error))?
            .ok_or_else(worthless)?;
        let id = found.account.ok_or_else(worthless)?;
        let account = self.account(&id).await.map_err(|_| worthless())?;
        let password = self.new_password(password, &account.email, "password")?;
        let hash = self.lasting().hasher.hash(&password).await?;
        let dialect = self.driver().dialect();
        let (text, now) = (ticket.to_owned(), from.now);
        let mut change = self.password_change(&id, hash, now);
        change.push(self.noted(audit::Action::PasswordReset, &id, Some(from))?);
        let changed = store::transact(self.driver(), move |transaction| {
            let (text, change) = (text.clone(), change.clone());
            Box::pin(async move {
                let used =
                    tickets::consume_in::<Nothing>(transaction, dialect, purpose, &text, now);
                if !matches!(used.await?, Used::Now(_)) {
                    return Ok(Err(worthless()));
                }
                for (statement, arguments) in &change {
                    let parameters = statement.bind_args(arguments);
                    transaction
                        .execute(&statement.statement, &parameters)
                        .await?;
                }
                Ok(Ok(()))
            })
        });
        changed.await.map_err(|error| trouble(&error))??;
        self.sign_out_everywhere(&account, Ended::Account, now)
            .await?;
        self.write(&account, Kind::PasswordChanged);
        Ok(account)
    }

    async fn mail_ticket(
        &self,
        address: &str,
        purpose: Purpose,
        lasts: Duration,
        link: impl FnOnce(Secret) -> Kind,
        from: &From<'_>,
    ) -> Result<(), Failure> {
        let email = email(address)?;
        may_try(&self.lasting().letters, Some(email.lookup()), from)?.wrong();
        let known = account::find(self.driver(), By::Address(email.lookup())).await;
        let known = known.map_err(|error| trouble(&error))?;
        let account = known.map(|kept| kept.account);
        let account = account.filter(|account| account.disabled_at.is_none());
        let ticket = NewTicket {
            purpose,
            account: account.as_ref().map(|account| account.id.as_str()),
            handle: None,
            payload: &Nothing {},
            lasts,
        };
        let ticket = tickets::issue(self.driver(), ticket, from.now).await?;
        match account {
            Some(account) => self.write(&account, link(Secret(ticket.reveal().to_owned()))),
            None => self.write_to(email.as_str(), from.language, Kind::NoAccount),
        }
        Ok(())
    }

    /// A letter to the address that an account has.
    pub(crate) fn write(&self, account: &Account, kind: Kind) {
        self.write_to(&account.email, account.language.as_deref(), kind);
    }

    pub(crate) fn write_to(&self, to: &str, language: Option<&str>, kind: Kind) {
        self.lasting().post.send(Letter {
            to: to.to_owned(),
            language: language.map(str::to_owned),
            kind,
        });
    }
}
