//! What came back.

use std::fmt;

use serde_json::Value as Json;

/// An HTTP response, whole.
#[derive(Clone, PartialEq, Eq)]
pub struct Answer {
    pub status: u16,
    /// In the order they came; names in lower case.
    pub headers: Vec<(String, String)>,
    pub body: Vec<u8>,
}

impl Answer {
    /// Itself, if it has this status.
    ///
    /// # Panics
    /// With the whole answer if not.
    #[track_caller]
    pub fn expect(self, status: u16) -> Answer {
        assert!(self.status == status, "expected {status}, got {self:?}");
        self
    }

    /// The value of a field; several of one name joined with `, `.
    pub fn header(&self, name: &str) -> Option<String> {
        let values: Vec<&str> = self
            .headers
            .iter()
            .filter(|(known, _)| known.eq_ignore_ascii_case(name))
            .map(|(_, value)| value.as_str())
            .collect();
        (!values.is_empty()).then(|| values.join(", "))
    }

    /// The entity tag, quotes included.
    #[track_caller]
    pub fn etag(&self) -> String {
        self.header("etag")
            .unwrap_or_else(|| panic!("no ETag in {self:?}"))
    }

    #[track_caller]
    pub fn text(&self) -> &str {
        std::str::from_utf8(&self.body).unwrap_or_else(|_| panic!("not UTF-8: {self:?}"))
    }

    #[track_caller]
    pub fn json(&self) -> Json {
        serde_json::from_slice(&self.body).unwrap_or_else(|error| panic!("{error} in {self:?}"))
    }

    /// The `code` of a problem.
    #[track_caller]
    pub fn code(&self) -> String {
        match &self.json()["code"] {
            Json::String(code) => code.clone(),
            _ => panic!("no problem: {self:?}"),
        }
    }

    /// The faults of a problem as `place code`: `/title too_long`, `?sort unknown_field`.
    #[track_caller]
    pub fn faults(&self) -> Vec<String> {
        let problem = self.json();
        let faults = problem["errors"]
            .as_array()
            .map(Vec::as_slice)
            .unwrap_or_default();
        faults
            .iter()
            .map(|fault| {
                let text = |member: &str| fault[member].as_str();
                let place = match (text("pointer"), text("parameter"), text("header")) {
                    (Some(pointer), _, _) => pointer.to_owned(),
                    (_, Some(parameter), _) => format!("?{parameter}"),
                    (_, _, Some(header)) => format!("{header}:"),
                    _ => "nowhere".to_owned(),
                };
                format!("{place} {}", text("code").unwrap_or("without code"))
            })
            .collect()
    }

    /// The records of a list.
    #[track_caller]
    pub fn items(&self) -> Vec<Json> {
        let list = self.json();
        let items = list.get("items").unwrap_or(&list);
        match items {
            Json::Array(items) => items.clone(),
            _ => panic!("no list: {self:?}"),
        }
    }
}

impl fmt::Debug for Answer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(f, "{}", self.status)?;
        for (name, value) in &self.headers {
            writeln!(f, "{name}: {value}")?;
        }
        write!(f, "\n{}", String::from_utf8_lossy(&self.body))
    }
}
