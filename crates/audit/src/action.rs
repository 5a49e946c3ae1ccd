//! What can be done that is audited. The names are kept and shown: they are never changed.

macro_rules! actions {
    ($($(#[$about:meta])* $action:ident = $name:literal,)*) => {
        /// What somebody did.
        #[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
        pub enum Action {
            $($(#[$about])* $action,)*
        }

        impl Action {
            pub const ALL: &[Action] = &[$(Action::$action),*];

            /// As it is kept and shown.
            pub fn name(self) -> &'static str {
                match self {
                    $(Action::$action => $name,)*
                }
            }
        }
    };
}

actions! {
    // People.
    SignUp = "sign_up",
    SignIn = "sign_in",
    SignInFailed = "sign_in_failed",
    SignOut = "sign_out",
    PasswordChanged = "password_changed",
    PasswordReset = "password_reset",
    EmailVerified = "email_verified",
    EmailChanged = "email_changed",
    SecondFactorAdded = "second_factor_added",
    SecondFactorRemoved = "second_factor_removed",
    RecoveryCodesMade = "recovery_codes_made",
    RecoveryCodeUsed = "recovery_code_used",
    PasskeyAdded = "passkey_added",
    PasskeyRemoved = "passkey_removed",
    LoginLinked = "login_linked",
    LoginUnlinked = "login_unlinked",
    AccountDisabled = "account_disabled",
    AccountEnabled = "account_enabled",
    AccountDeleted = "account_deleted",
    AccountExported = "account_exported",
    // What they are signed in with.
    SessionEnded = "session_ended",
    /// A refresh token came again after it had been replaced.
    FamilyRevoked = "family_revoked",
    TokenRevoked = "token_revoked",
    // Apps.
    ConsentGranted = "consent_granted",
    ConsentRevoked = "consent_revoked",
    ClientCreated = "client_created",
    ClientChanged = "client_changed",
    ClientSecretRotated = "client_secret_rotated",
    ClientDisabled = "client_disabled",
    ClientDeleted = "client_deleted",
    // Keys and secrets.
    KeyCreated = "key_created",
    KeyRotated = "key_rotated",
    KeyRevoked = "key_revoked",
    SigningKeyRotated = "signing_key_rotated",
    SigningKeyRevoked = "signing_key_revoked",
    SecretSet = "secret_set",
    SecretRemoved = "secret_removed",
    SecretsRewrapped = "secrets_rewrapped",
    // Administration.
    ContractChanged = "contract_changed",
    /// One that lost data.
    MigrationApplied = "migration_applied",
    DataImported = "data_imported",
    BackupMade = "backup_made",
    BackupRestored = "backup_restored",
    AuditPruned = "audit_pruned",
    /// What is left in the place of entries that were pruned.
    AuditAnchor = "audit_anchor",
}

impl Action {
    pub fn named(name: &str) -> Option<Action> {
        Action::ALL.iter().copied().find(|one| one.name() == name)
    }
}

/// How it ended.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Outcome {
    #[default]
    Done,
    /// It was not allowed.
    Refused,
    /// It was allowed, and did not work.
    Failed,
}

impl Outcome {
    /// As it is kept and shown.
    pub fn name(self) -> &'static str {
        match self {
            Outcome::Done => "done",
            Outcome::Refused => "refused",
            Outcome::Failed => "failed",
        }
    }
}
