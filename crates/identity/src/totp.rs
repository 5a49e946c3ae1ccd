//! Codes of an authenticator app: TOTP (RFC 6238) as all apps know it, with SHA-1, six digits and
//! steps of thirty seconds.
//!
//! A code is good once: whoever accepts one stores its step with compare-and-set and shows it the
//! next time. Guessing is held back elsewhere ([`crate::guess`]), since six digits are few.

use std::fmt;

use hmac::{Hmac, KeyInit, Mac};
use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, utf8_percent_encode};
use qrcodegen::{QrCode, QrCodeEcc};
use sha1::Sha1;
use subtle::ConstantTimeEq;
use zeroize::Zeroizing;

/// As many as the hash has, which RFC 4226 §4 recommends.
pub const SECRET_BYTES: usize = 20;
const STEP_SECONDS: u64 = 30;
/// Steps before and after the present one in which a code is taken, as clocks and people are slow
/// (RFC 6238 §5.2).
const STEPS_ASIDE: u64 = 1;
const DIGITS: usize = 6;
/// What the code is of; beyond it a phone could not read it any more.
const URI_BYTES_MAX: usize = 600;
/// Light modules around the code (ISO/IEC 18004 §9.1).
const QUIET_ZONE: i32 = 4;
const BASE32: &[u8; 32] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZ234567";
const UNRESERVED: &AsciiSet = &NON_ALPHANUMERIC
    .remove(b'-')
    .remove(b'.')
    .remove(b'_')
    .remove(b'~');

/// What a person's app and the server share. Wiped when dropped, and never shown by `Debug`.
#[derive(Clone)]
pub struct Secret(Zeroizing<[u8; SECRET_BYTES]>);

impl Secret {
    /// A new one.
    ///
    /// # Errors
    /// When the operating system has no random bytes to give.
    pub fn generate() -> Result<Secret, getrandom::Error> {
        let mut bytes = Zeroizing::new([0; SECRET_BYTES]);
        getrandom::fill(&mut *bytes)?;
        Ok(Secret(bytes))
    }

    /// As it was stored; `None` when that is too long or too short.
    pub fn from_bytes(bytes: &[u8]) -> Option<Secret> {
        Some(Secret(Zeroizing::new(bytes.try_into().ok()?)))
    }

    /// To be stored, sealed.
    pub fn as_bytes(&self) -> &[u8; SECRET_BYTES] {
        &self.0
    }

    /// For people who cannot scan: base32 (RFC 4648 §6) without padding.
    pub fn base32(&self) -> Zeroizing<String> {
        let mut text = Zeroizing::new(String::with_capacity(SECRET_BYTES * 8 / 5));
        for five in self.0.chunks(5) {
            let bits = five
                .iter()
                .fold(0u64, |bits, byte| bits << 8 | u64::from(*byte));
            for digit in (0..8).rev() {
                text.push(char::from(BASE32[(bits >> (5 * digit) & 31) as usize]));
            }
        }
        text
    }

    /// What an app is told by link or by [`qr_svg`]. `issuer` is the site and `account` whom it
    /// knows there.
    pub fn uri(&self, issuer: &str, account: &str) -> Zeroizing<String> {
        let escape = |text: &str| utf8_percent_encode(text, UNRESERVED).to_string();
        let (issuer, account) = (escape(issuer), escape(account));
        Zeroizing::new(format!(
            "otpauth://totp/{issuer}:{account}?secret={}&issuer={issuer}&algorithm=SHA1\
             &digits={DIGITS}&period={STEP_SECONDS}",
            *self.base32()
        ))
    }

    /// The step that the code belongs to, to be stored as the last one used; `None` when it is
    /// wrong, or of that step or an earlier one. Spaces in the code do not matter. All steps are
    /// tried, and each is compared in constant time.
    pub fn verify(
        &self,
        typed: &str,
        now_unix_seconds: u64,
        last_used: Option<u64>,
    ) -> Option<u64> {
        let digits: Vec<u8> = typed
            .chars()
            .filter(|c| !c.is_whitespace())
            .take(DIGITS + 1)
            .map(|c| u8::try_from(c).unwrap_or(0))
            .collect();
        let present = now_unix_seconds / STEP_SECONDS;
        let steps = present.saturating_sub(STEPS_ASIDE)..=present.saturating_add(STEPS_ASIDE);
        let mut right = None;
        for step in steps {
            let same = bool::from(self.code(step).ct_eq(&digits));
            if same && last_used.is_none_or(|last| step > last) {
                right = right.or(Some(step));
            }
        }
        right
    }

    /// RFC 4226 §5.3, of RFC 6238's counter.
    fn code(&self, step: u64) -> [u8; DIGITS] {
        let mut mac = <Hmac<Sha1> as KeyInit>::new_from_slice(&*self.0)
            .expect("HMAC takes keys of any length");
        mac.update(&step.to_be_bytes());
        let mac: [u8; SECRET_BYTES] = mac.finalize().into_bytes().into();
        let at = usize::from(mac[SECRET_BYTES - 1] & 15);
        let four = [mac[at] & 0x7f, mac[at + 1], mac[at + 2], mac[at + 3]];
        let mut number = u32::from_be_bytes(four);
        let mut code = [0; DIGITS];
        for digit in code.iter_mut().rev() {
            // Cannot truncate: it is below ten.
            *digit = b'0' + (number % 10) as u8;
            number /= 10;
        }
        code
    }
}

impl fmt::Debug for Secret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Secret")
    }
}

/// A picture of [`Secret::uri`] to scan: an SVG without style or script, so that it may stand in
/// a page with any content security policy. `None` when it is too long to be read by a phone.
pub fn qr_svg(uri: &str) -> Option<Zeroizing<String>> {
    if uri.len() > URI_BYTES_MAX {
        return None;
    }
    let code = QrCode::encode_text(uri, QrCodeEcc::Medium).ok()?;
    let mut dark = Zeroizing::new(String::new());
    for y in 0..code.size() {
        let mut x = 0;
        while x < code.size() {
            let run = (x..code.size())
                .take_while(|at| code.get_module(*at, y))
                .count();
            // Cannot truncate: a code has 177 modules a side at most.
            let run = run as i32;
            if run > 0 {
                let (left, top) = (x + QUIET_ZONE, y + QUIET_ZONE);
                dark.push_str(&format!("M{left} {top}h{run}v1h-{run}z"));
            }
            x += run + 1;
        }
    }
    let side = code.size() + 2 * QUIET_ZONE;
    Some(Zeroizing::new(format!(
        "<svg xmlns=\"http://www.w3.org/2000/svg\" viewBox=\"0 0 {side} {side}\" role=\"img\" \
         shape-rendering=\"crispEdges\"><rect width=\"{side}\" height=\"{side}\" fill=\"#fff\"/>\
         <path fill=\"#000\" d=\"{}\"/></svg>",
        *dark
    )))
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The secret of the vectors in RFC 4226 appendix D and RFC 6238 appendix B.
    fn known() -> Secret {
        Secret::from_bytes(b"12345678901234567890").unwrap()
    }

    #[test]
    fn codes_of_the_rfcs() {
        for (count, code) in [
            "755224", "287082", "359152", "969429", "338314", "254676", "287922", "162583",
            "399871", "520489",
        ]
        .iter()
        .enumerate()
        {
            assert_eq!(known().code(count as u64), code.as_bytes());
        }
        // RFC 6238 lists eight digits; six are the last of them.
        for (seconds, code) in [
            (59, "287082"),
            (1_111_111_109, "081804"),
            (1_111_111_111, "050471"),
            (1_234_567_890, "005924"),
            (2_000_000_000, "279037"),
            (20_000_000_000, "353130"),
        ] {
            assert_eq!(known().verify(code, seconds, None), Some(seconds / 30));
        }
    }

    #[test]
    fn a_step_early_or_late_is_fine_and_two_are_not() {
        let now = 30 * 37_037_036;
        let code = "050471"; // of step 37 037 037
        for (seconds, expected) in [
            (now - 1, None),
            (now, Some(37_037_037)),
            (now + 89, Some(37_037_037)),
            (now + 90, None),
            (0, None),
            (u64::MAX, None),
        ] {
            assert_eq!(known().verify(code, seconds, None), expected, "{seconds}");
        }
    }

    #[test]
    fn a_code_is_good_once() {
        let step = known().verify("050471", 1_111_111_111, None).unwrap();
        assert_eq!(known().verify("050471", 1_111_111_111, Some(step)), None);
        assert_eq!(
            known().verify("050471", 1_111_111_111, Some(step + 1)),
            None
        );
        let before = Some(step - 1);
        assert_eq!(known().verify("050471", 1_111_111_111, before), Some(step));
    }

    #[test]
    fn only_the_code_is_the_code() {
        assert!(known().verify(" 050 471 ", 1_111_111_111, None).is_some());
        for typed in [
            "",
            "05047",
            "0504711",
            "50471",
            "050472",
            "０５０４７１",
            "+50471",
            "\0",
        ] {
            assert_eq!(known().verify(typed, 1_111_111_111, None), None, "{typed}");
        }
        assert_eq!(known().verify(&"0".repeat(1 << 16), 59, None), None);
    }

    #[test]
    fn what_an_app_is_told() {
        let uri = known().uri("Ann's photos", "ann+x@example.com");
        assert_eq!(
            *uri,
            "otpauth://totp/Ann%27s%20photos:ann%2Bx%40example.com\
             ?secret=GEZDGNBVGY3TQOJQGEZDGNBVGY3TQOJQ&issuer=Ann%27s%20photos\
             &algorithm=SHA1&digits=6&period=30"
        );
        let svg = qr_svg(&uri).unwrap();
        assert!(svg.starts_with("<svg ") && svg.ends_with("</svg>"));
        assert!(
            !svg.contains("style") && svg.len() < 30_000,
            "{}",
            svg.len()
        );
        assert!(qr_svg(&"x".repeat(URI_BYTES_MAX + 1)).is_none());
        assert!(qr_svg(&"ü".repeat(URI_BYTES_MAX / 2)).is_some());
    }

    #[test]
    fn secrets_differ_and_keep_silent() {
        let secret = Secret::generate().unwrap();
        assert_ne!(secret.as_bytes(), Secret::generate().unwrap().as_bytes());
        assert_eq!(format!("{secret:?}"), "Secret");
        assert!(Secret::from_bytes(&[0; 19]).is_none());
    }
}
