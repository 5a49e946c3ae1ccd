//! The tables of identity: people and their proofs, sessions and tokens, apps and what they were
//! allowed, keys that sign, what is denied, who did what.
//!
//! Only their form. What is put into them, and what it means, is for the crate `identity` to say.
//! No secret lies in them as it is: passwords and codes as hashes, the rest sealed.

use crate::driver::{Cost, Dialect, Storage};
use crate::prepared::{Cell, Prepared};
use crate::sql::Sql;
use crate::table::{Column, Kind, Table};

const fn text(name: &'static str) -> Column {
    Column::new(name, Kind::Text)
}

const fn text_or_null(name: &'static str) -> Column {
    Column::nullable(name, Kind::Text)
}

const fn time(name: &'static str) -> Column {
    Column::new(name, Kind::Time)
}

const fn time_or_null(name: &'static str) -> Column {
    Column::nullable(name, Kind::Time)
}

const fn json(name: &'static str) -> Column {
    Column::new(name, Kind::Json)
}

const fn json_or_null(name: &'static str) -> Column {
    Column::nullable(name, Kind::Json)
}

/// Who can sign in. Each has one record of the contract's users (`auth.users`).
pub static ACCOUNTS: Table = Table {
    name: "frontdesk_accounts",
    columns: &[
        text("id"),
        // The id of the user's record, as the API writes it.
        text("user"),
        // The e-mail address as it was given, and as it is compared.
        text("email"),
        text("address"),
        time_or_null("verified_at"),
        // A PHC string.
        text_or_null("password"),
        time_or_null("password_at"),
        // The secret of one-time codes, sealed; from when on they are asked for; the last step
        // of which one was accepted.
        text_or_null("totp"),
        time_or_null("totp_at"),
        Column::nullable("totp_step", Kind::Int),
        // Tokens that were issued under a lower one are not accepted any more.
        Column::new("epoch", Kind::Int),
        text_or_null("language"),
        time("created_at"),
        time_or_null("signed_in_at"),
        time_or_null("disabled_at"),
    ],
    unique: &[&["user"], &["address"]],
    indexes: &[],
};

/// Passkeys, by their credential ids.
pub static PASSKEYS: Table = Table {
    name: "frontdesk_passkeys",
    columns: &[
        text("id"),
        text("account"),
        text("name"),
        json("data"),
        time("created_at"),
        time_or_null("used_at"),
    ],
    unique: &[],
    indexes: &[&["account"]],
};

/// Recovery codes, by their hashes.
pub static RECOVERY_CODES: Table = Table {
    name: "frontdesk_recovery_codes",
    columns: &[
        text("hash"),
        text("account"),
        time("created_at"),
        time_or_null("used_at"),
    ],
    unique: &[],
    indexes: &[&["account"]],
};

/// Everything that may be used once: links in mails, authorization codes, pushed requests, device
/// codes. By their hashes.
pub static TICKETS: Table = Table {
    name: "frontdesk_tickets",
    columns: &[
        text("hash"),
        text("purpose"),
        text_or_null("account"),
        // By which else it may be looked up, such as a device's user code.
        text_or_null("handle"),
        json("payload"),
        time("created_at"),
        time("expires_at"),
        time_or_null("used_at"),
    ],
    unique: &[&["purpose", "handle"]],
    indexes: &[&["account"], &["expires_at"]],
};

/// Browsers that are signed in, by the hashes of their cookies.
pub static SESSIONS: Table = Table {
    name: "frontdesk_sessions",
    columns: &[
        text("id"),
        text("hash"),
        text("account"),
        // The id of the user's record.
        text("user"),
        // How the person proved who they are, and when.
        json("methods"),
        time("authenticated_at"),
        text_or_null("client_address"),
        text_or_null("agent"),
        time("created_at"),
        time("seen_at"),
        time("expires_at"),
        time_or_null("ended_at"),
    ],
    unique: &[&["hash"]],
    indexes: &[&["account"], &["expires_at"]],
};

/// Refresh tokens that descend from one sign-in or grant.
pub static FAMILIES: Table = Table {
    name: "frontdesk_families",
    columns: &[
        text("id"),
        text("account"),
        text("client"),
        // The browser's session in which an app was allowed.
        text_or_null("session"),
        // Null: all, for a person's own sign-in.
        json_or_null("scopes"),
        json("audience"),
        // The key or certificate that its tokens are bound to.
        json_or_null("binding"),
        json("methods"),
        time("authenticated_at"),
        // Of the token that may be used, and of the one before it.
        text("hash"),
        text_or_null("previous"),
        time("rotated_at"),
        text_or_null("client_address"),
        text_or_null("agent"),
        time("created_at"),
        time("idle_until"),
        time("expires_at"),
        time_or_null("ended_at"),
        text_or_null("why"),
    ],
    unique: &[],
    indexes: &[&["account"], &["client"], &["session"], &["expires_at"]],
};

/// What people allowed to apps.
pub static GRANTS: Table = Table {
    name: "frontdesk_grants",
    columns: &[
        text("id"),
        text("account"),
        text("client"),
        text("resource"),
        json("scopes"),
        time("created_at"),
        time("updated_at"),
    ],
    unique: &[&["account", "client", "resource"]],
    indexes: &[&["client"]],
};

/// Apps that were registered beside the contract's.
pub static CLIENTS: Table = Table {
    name: "frontdesk_clients",
    columns: &[
        text("id"),
        json("data"),
        // Hashes of its secrets, each with the time it is good until.
        json("secrets"),
        time("created_at"),
        time_or_null("disabled_at"),
    ],
    unique: &[],
    indexes: &[],
};

/// The keys that sign tokens. What each is for at a time follows from its times.
pub static SIGNING_KEYS: Table = Table {
    name: "frontdesk_signing_keys",
    columns: &[
        text("id"),
        text("algorithm"),
        json("public"),
        // PKCS #8, sealed.
        text("private"),
        time("created_at"),
        time("signs_at"),
        time_or_null("revoked_at"),
    ],
    unique: &[],
    indexes: &[],
};

/// Tokens that are not accepted any more although they have not expired.
pub static DENIED: Table = Table {
    name: "frontdesk_denied",
    columns: &[
        Column::new("position", Kind::Counted),
        // `token`, `family`, `account`, `grant`.
        text("kind"),
        text("subject"),
        // Of an account: what was issued under a lower epoch is denied.
        Column::nullable("epoch", Kind::Int),
        time("at"),
        // From then on everything it denies has expired.
        time("until"),
    ],
    unique: &[],
    indexes: &[&["until"]],
};

/// Who did what, each entry bound to all before it by its hash.
pub static AUDIT: Table = Table {
    name: "frontdesk_audit",
    columns: &[
        Column::new("position", Kind::Int),
        time("at"),
        text("action"),
        text("outcome"),
        text("actor"),
        text_or_null("subject"),
        text_or_null("client"),
        text_or_null("client_address"),
        json("detail"),
        text("hash"),
    ],
    unique: &[],
    indexes: &[&["at"], &["actor"], &["subject"]],
};

/// Which account belongs to whom elsewhere.
pub static LOGINS: Table = Table {
    name: "frontdesk_logins",
    columns: &[
        text("id"),
        text("provider"),
        text("issuer"),
        text("subject"),
        text("account"),
        text_or_null("email"),
        time("created_at"),
        time_or_null("used_at"),
    ],
    unique: &[&["issuer", "subject"]],
    indexes: &[&["account"]],
};

/// Secrets that people keep here, sealed.
pub static SEALED: Table = Table {
    name: "frontdesk_sealed",
    columns: &[
        text("name"),
        text("value"),
        time("created_at"),
        time("updated_at"),
    ],
    unique: &[],
    indexes: &[],
};

/// All of them.
pub static TABLES: [&Table; 13] = [
    &ACCOUNTS,
    &PASSKEYS,
    &RECOVERY_CODES,
    &TICKETS,
    &SESSIONS,
    &FAMILIES,
    &GRANTS,
    &CLIENTS,
    &SIGNING_KEYS,
    &DENIED,
    &AUDIT,
    &LOGINS,
    &SEALED,
];

/// Keeps all others from numbering entries of the audit log until the transaction ends. Nothing
/// where there is one writer.
pub fn lock_audit(dialect: Dialect) -> Option<Prepared> {
    // The letters of `fd_audit`.
    const LOCK: i64 = 0x6664_5f61_7564_6974;
    (dialect == Dialect::Postgres).then(|| {
        let mut sql = Sql::new(dialect);
        sql.push("SELECT CAST(1 AS bigint) FROM pg_advisory_xact_lock(");
        sql.integer(LOCK);
        sql.push(")");
        sql.returns(Storage::Int, Cell::Plain);
        sql.finish(Cost::Short)
    })
}

pub(crate) fn create(dialect: Dialect) -> Vec<String> {
    TABLES
        .iter()
        .flat_map(|table| table.create(dialect))
        .collect()
}
