//! A contract with people, and what everybody in these tests does first.

use serde_json::{Value as Json, json};
use testkit::{App, Client};

/// Notes belong to whoever wrote them; staff see all.
pub const NOTES: &str = "
frontdesk: 1
name: notes
auth:
  users: User
  scopes: {notes.read: See your notes}
rules:
  staff: user.role == 'staff'
resources:
  User:
    fields:
      name: {type: string, maxLength: 50}
      email: {type: string, format: email, unique: true, access: {read: self || staff}}
      role: {enum: [member, staff], default: member, access: {write: staff}}
    rules: {self: this.id == user.id}
    access: {read: self || staff, update: self || staff, delete: staff}
  Note:
    fields:
      owner: {type: User, set: =user.id}
      text: string
    rules: {mine: this.owner_id == user.id}
    access: {read: mine || staff, create: signed_in, update: mine, delete: mine}
";

pub const PASSWORD: &str = "seven blue umbrellas";

/// Signs up with this address, follows the letter and gives the tokens.
#[track_caller]
pub fn sign_up(app: &App, email: &str) -> Json {
    let wish = json!({"email": email, "password": PASSWORD, "name": "Ann"});
    app.post("/auth/sign-up", &wish).expect(202);
    let ticket = app.mailbox().ticket(email);
    let confirmed = app.post("/auth/sign-up/confirm", &json!({"token": ticket}));
    confirmed.expect(200).json()
}

#[track_caller]
pub fn log_in(app: &App, email: &str, password: &str) -> Json {
    let wish = json!({"email": email, "password": password});
    app.post("/auth/login", &wish).expect(200).json()
}

#[track_caller]
pub fn with(app: &App, tokens: &Json) -> Client {
    let token = tokens["access_token"].as_str().unwrap();
    app.with_authorization(format!("Bearer {token}"))
}
