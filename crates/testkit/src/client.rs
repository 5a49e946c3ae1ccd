//! A client that sends what it is told and hides nothing: HTTP/1.1, one connection per request.

use std::io::{Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::sync::Arc;

use rustls::{ClientConfig, ClientConnection, StreamOwned};
use serde_json::Value as Json;

use crate::PATIENCE;
use crate::answer::Answer;

/// Talks to one server as one caller.
#[derive(Clone, Debug)]
pub struct Client {
    address: SocketAddr,
    /// What stands behind `Authorization: `.
    authorization: Option<String>,
    /// What it trusts and shows, where TLS is spoken.
    tls: Option<Arc<ClientConfig>>,
}

/// A request that is being put together.
#[derive(Clone, Debug)]
#[must_use]
pub struct Call {
    address: SocketAddr,
    tls: Option<Arc<ClientConfig>>,
    method: String,
    target: String,
    headers: Vec<(String, String)>,
    body: Option<Vec<u8>>,
}

impl Client {
    /// Nobody in particular.
    pub fn guest(address: SocketAddr) -> Client {
        Client {
            address,
            authorization: None,
            tls: None,
        }
    }

    /// The same over TLS, with what [`testca::client`] makes.
    pub fn over_tls(&self, config: ClientConfig) -> Client {
        Client {
            tls: Some(Arc::new(config)),
            ..self.clone()
        }
    }

    /// The same server at another of its addresses.
    pub fn at(&self, address: SocketAddr) -> Client {
        Client {
            address,
            ..self.clone()
        }
    }

    /// The same server, with this key.
    pub fn with_key(&self, key: &str) -> Client {
        self.with_authorization(format!("Bearer {key}"))
    }

    /// The same server, with anything at all behind `Authorization: `.
    pub fn with_authorization(&self, value: impl Into<String>) -> Client {
        Client {
            address: self.address,
            authorization: Some(value.into()),
            tls: self.tls.clone(),
        }
    }

    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// A request to be completed and sent.
    pub fn request(&self, method: &str, target: &str) -> Call {
        let authorization = self.authorization.iter().cloned();
        Call {
            address: self.address,
            tls: self.tls.clone(),
            method: method.to_owned(),
            target: target.to_owned(),
            headers: authorization
                .map(|value| ("authorization".to_owned(), value))
                .collect(),
            body: None,
        }
    }

    pub fn get(&self, target: &str) -> Answer {
        self.request("GET", target).send()
    }

    pub fn head(&self, target: &str) -> Answer {
        self.request("HEAD", target).send()
    }

    pub fn options(&self, target: &str) -> Answer {
        self.request("OPTIONS", target).send()
    }

    pub fn delete(&self, target: &str) -> Answer {
        self.request("DELETE", target).send()
    }

    pub fn post(&self, target: &str, body: &Json) -> Answer {
        self.request("POST", target).json(body).send()
    }

    pub fn put(&self, target: &str, body: &Json) -> Answer {
        self.request("PUT", target).json(body).send()
    }

    /// With a merge patch.
    pub fn patch(&self, target: &str, body: &Json) -> Answer {
        self.request("PATCH", target)
            .body("application/merge-patch+json", body.to_string())
            .send()
    }
}

impl Call {
    /// Adds a field, also one that is there already.
    pub fn header(mut self, name: &str, value: impl Into<String>) -> Call {
        self.headers.push((name.to_owned(), value.into()));
        self
    }

    pub fn json(self, body: &Json) -> Call {
        self.body("application/json", body.to_string())
    }

    pub fn body(self, content_type: &str, body: impl Into<Vec<u8>>) -> Call {
        Call {
            body: Some(body.into()),
            ..self
        }
        .header("content-type", content_type)
    }

    /// Sends it and waits for the whole answer.
    ///
    /// # Panics
    /// When there is none, or it is not HTTP.
    #[track_caller]
    pub fn send(self) -> Answer {
        let what = format!("{} {}", self.method, self.target);
        self.try_send()
            .unwrap_or_else(|error| panic!("{what}: {error}"))
    }

    /// The same for servers that may not be there.
    ///
    /// # Errors
    /// When there is no connection, or it ends too early.
    pub fn try_send(self) -> std::io::Result<Answer> {
        let stream = TcpStream::connect_timeout(&self.address, PATIENCE)?;
        stream.set_read_timeout(Some(PATIENCE))?;
        stream.set_write_timeout(Some(PATIENCE))?;
        let mut head = format!("{} {} HTTP/1.1\r\n", self.method, self.target);
        let mut field = |name: &str, value: &str| head.push_str(&format!("{name}: {value}\r\n"));
        if !self
            .headers
            .iter()
            .any(|(name, _)| name.eq_ignore_ascii_case("host"))
        {
            field("host", &self.address.to_string());
        }
        field("connection", "close");
        for (name, value) in &self.headers {
            field(name, value);
        }
        if let Some(body) = &self.body {
            field("content-length", &body.len().to_string());
        }
        head.push_str("\r\n");
        let mut message = head.into_bytes();
        message.extend(self.body.unwrap_or_default());
        let answer = match self.tls {
            None => exchange(stream, &message)?,
            Some(config) => {
                let name = self.address.ip().into();
                let connection = ClientConnection::new(config, name);
                let connection = connection.map_err(std::io::Error::other)?;
                exchange(StreamOwned::new(connection, stream), &message)?
            }
        };
        // Only these say a length of what does not come.
        let bodiless = self.method == "HEAD";
        parse(&answer, bodiless).ok_or_else(|| {
            let shown = String::from_utf8_lossy(&answer);
            std::io::Error::new(
                std::io::ErrorKind::InvalidData,
                format!("no answer: {shown:?}"),
            )
        })
    }
}

fn exchange(mut stream: impl Read + Write, message: &[u8]) -> std::io::Result<Vec<u8>> {
    stream.write_all(message)?;
    let mut answer = Vec::new();
    stream.read_to_end(&mut answer)?;
    Ok(answer)
}

fn parse(bytes: &[u8], bodiless: bool) -> Option<Answer> {
    let end = bytes.windows(4).position(|four| four == b"\r\n\r\n")?;
    let head = std::str::from_utf8(&bytes[..end]).ok()?;
    let mut lines = head.split("\r\n");
    let status = lines.next()?.split(' ').nth(1)?.parse().ok()?;
    let headers: Vec<(String, String)> = lines
        .filter_map(|line| line.split_once(':'))
        .map(|(name, value)| (name.to_ascii_lowercase(), value.trim().to_owned()))
        .collect();
    let mut answer = Answer {
        status,
        headers,
        body: bytes[end + 4..].to_vec(),
    };
    if answer.header("transfer-encoding").as_deref() == Some("chunked") {
        answer.body = unchunked(&answer.body)?;
    } else if let Some(length) = answer.header("content-length")
        && !(bodiless || answer.status == 304)
        && length.parse() != Ok(answer.body.len())
    {
        return None;
    }
    Some(answer)
}

fn unchunked(mut bytes: &[u8]) -> Option<Vec<u8>> {
    let mut body = Vec::new();
    loop {
        let end = bytes.windows(2).position(|two| two == b"\r\n")?;
        let size = std::str::from_utf8(&bytes[..end]).ok()?;
        let size = usize::from_str_radix(size.split(';').next()?.trim(), 16).ok()?;
        bytes = &bytes[end + 2..];
        if size == 0 {
            return Some(body);
        }
        body.extend_from_slice(bytes.get(..size)?);
        bytes = bytes.get(size + 2..)?;
    }
}
