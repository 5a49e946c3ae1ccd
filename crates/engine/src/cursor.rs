//! Opaque, signed cursors: where a list continues.
//!
//! A cursor is the sort values of the last record seen, with a MAC over them *and* over the
//! question they belong to (resource, parent, filters, sort, contract base). A cursor used
//! with another question, or altered, fails the MAC. It gives no access by itself: every page
//! is authorised anew.

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD as BASE64;
use call::{Code, Failure, FieldProblem, Place};
use hmac::{Hmac, KeyInit, Mac};
use sha2::Sha256;
use value::{Type, Value};

/// Bytes of the MAC kept: forging one takes 2^128 tries.
const MAC_BYTES: usize = 16;
/// A cursor holds at most the sort keys of one record; longer ones are not ours.
const CURSOR_BYTES_MAX: usize = 8 * 1024;

/// Signs and reads cursors.
pub struct CursorKey(Hmac<Sha256>);

impl CursorKey {
    pub fn new(secret: &[u8; 32]) -> CursorKey {
        CursorKey(Hmac::new_from_slice(secret).expect("HMAC takes keys of any length"))
    }

    /// `question` is everything the list depends on but the page.
    pub fn seal(&self, question: &[u8], types: &[Type], values: &[Value]) -> String {
        let mut payload = vec![b'['];
        for (index, (ty, value)) in types.iter().zip(values).enumerate() {
            if index > 0 {
                payload.push(b',');
            }
            if value.is_null() {
                payload.extend_from_slice(b"null");
            } else {
                value::json::write(ty, value, &mut payload);
            }
        }
        payload.push(b']');
        let mac = self.mac(question, &payload);
        let mut bytes = mac[..MAC_BYTES].to_vec();
        bytes.extend_from_slice(&payload);
        format!("c_{}", BASE64.encode(bytes))
    }

    pub fn open(
        &self,
        question: &[u8],
        types: &[Type],
        cursor: &str,
    ) -> Result<Vec<Value>, Failure> {
        self.read(question, types, cursor).ok_or_else(|| {
            let detail = "this cursor was made for another list, filter or sort, or has been altered; \
                          start again without `cursor`";
            Failure {
                problems: vec![FieldProblem {
                    place: Place::Parameter("cursor".to_owned()),
                    code: "cursor_mismatch",
                    detail: detail.to_owned(),
                }],
                ..Failure::new(Code::CursorMismatch, detail)
            }
        })
    }

    fn read(&self, question: &[u8], types: &[Type], cursor: &str) -> Option<Vec<Value>> {
        let text = cursor
            .strip_prefix("c_")
            .filter(|text| text.len() <= CURSOR_BYTES_MAX)?;
        let bytes = BASE64.decode(text).ok()?;
        let (mac, payload) = bytes.split_at_checked(MAC_BYTES)?;
        let mut expected = self.0.clone();
        feed(&mut expected, question, payload);
        expected.verify_truncated_left(mac).ok()?;
        let values: Vec<serde_json::Value> = serde_json::from_slice(payload).ok()?;
        if values.len() != types.len() {
            return None;
        }
        types
            .iter()
            .zip(&values)
            .map(|(ty, json)| {
                if json.is_null() {
                    Some(Value::Null)
                } else {
                    value::json::read(ty, json).ok()
                }
            })
            .collect()
    }

    fn mac(&self, question: &[u8], payload: &[u8]) -> Vec<u8> {
        let mut mac = self.0.clone();
        feed(&mut mac, question, payload);
        mac.finalize().into_bytes().to_vec()
    }
}

fn feed(mac: &mut Hmac<Sha256>, question: &[u8], payload: &[u8]) {
    mac.update(&(question.len() as u64).to_be_bytes());
    mac.update(question);
    mac.update(payload);
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_cursor_answers_its_own_question_only() {
        let key = CursorKey::new(&[7; 32]);
        let types = [Type::Text, Type::Int53];
        let values = [Value::Text("Dune".into()), Value::Int(42)];
        let cursor = key.seal(b"books?sort=title", &types, &values);
        assert_eq!(
            key.open(b"books?sort=title", &types, &cursor),
            Ok(values.to_vec())
        );

        let refused = |question: &[u8], types: &[Type], cursor: &str| {
            key.open(question, types, cursor)
                .map_err(|failure| failure.code)
        };
        let mismatch = Err(Code::CursorMismatch);
        assert_eq!(refused(b"books?sort=-title", &types, &cursor), mismatch);
        assert_eq!(refused(b"books?sort=title", &types[..1], &cursor), mismatch);
        assert_eq!(
            refused(b"books?sort=title", &types, &cursor[..cursor.len() - 1]),
            mismatch
        );
        assert_eq!(refused(b"books?sort=title", &types, ""), mismatch);
        assert_eq!(refused(b"books?sort=title", &types, "c_!!!"), mismatch);
        let other = CursorKey::new(&[8; 32]);
        assert!(other.open(b"books?sort=title", &types, &cursor).is_err());
    }

    #[test]
    fn nulls_survive() {
        let key = CursorKey::new(&[0; 32]);
        let types = [Type::Date, Type::Int53];
        let values = vec![Value::Null, Value::Int(1)];
        let cursor = key.seal(b"q", &types, &values);
        assert_eq!(key.open(b"q", &types, &cursor), Ok(values));
    }
}
