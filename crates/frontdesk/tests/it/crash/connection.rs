//! One connection that is kept, and the difference between no answer and half of one.

use std::io::{BufRead, BufReader, Read, Write};
use std::net::{SocketAddr, TcpStream};

use serde_json::Value as Json;
use testkit::PATIENCE;

pub struct Connection {
    stream: BufReader<TcpStream>,
}

/// A whole answer.
#[derive(Clone, Debug)]
pub struct Reply {
    pub status: u16,
    /// The version in the ETag.
    pub version: Option<i64>,
    /// Null if there is no body.
    pub body: Json,
    /// The server takes no further request on this connection.
    pub closes: bool,
}

/// The connection has ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Broken {
    /// Before the first byte of an answer.
    Silent,
    /// In the middle of it.
    Cut,
}

impl Connection {
    pub fn open(address: SocketAddr) -> std::io::Result<Connection> {
        let stream = TcpStream::connect_timeout(&address, PATIENCE)?;
        stream.set_read_timeout(Some(PATIENCE))?;
        stream.set_write_timeout(Some(PATIENCE))?;
        stream.set_nodelay(true)?;
        Ok(Connection {
            stream: BufReader::new(stream),
        })
    }

    /// Sends a request, with a version it relies on, and reads the answer to its end.
    pub fn send(
        &mut self,
        method: &str,
        target: &str,
        version: Option<i64>,
        body: Option<&Json>,
    ) -> Result<Reply, Broken> {
        let mut message = format!("{method} {target} HTTP/1.1\r\nhost: crash.example\r\n");
        if let Some(version) = version {
            message.push_str(&format!("if-match: \"{version}.0\"\r\n"));
        }
        if let Some(body) = body {
            let body = body.to_string();
            let length = body.len();
            message.push_str(&format!(
                "content-type: application/json\r\ncontent-length: {length}\r\n\r\n{body}"
            ));
        } else {
            message.push_str("\r\n");
        }
        // Who could not send all of it may be answered all the same.
        let _ = self.stream.get_mut().write_all(message.as_bytes());
        self.read()
    }

    fn read(&mut self) -> Result<Reply, Broken> {
        let first = self.line().map_err(|read| match read {
            0 => Broken::Silent,
            _ => Broken::Cut,
        })?;
        let status = first.split(' ').nth(1).and_then(|code| code.parse().ok());
        let mut reply = Reply {
            status: status.unwrap_or_else(|| panic!("no status: {first:?}")),
            version: None,
            body: Json::Null,
            closes: false,
        };
        let mut length = 0;
        loop {
            let line = self.line().map_err(|_| Broken::Cut)?;
            if line.is_empty() {
                break;
            }
            let (name, value) = line.split_once(':').unwrap();
            let value = value.trim();
            match name.to_ascii_lowercase().as_str() {
                "content-length" => length = value.parse().unwrap(),
                "connection" => reply.closes = value.eq_ignore_ascii_case("close"),
                "etag" => {
                    let version = value.trim_matches('"').split('.').next();
                    reply.version = version.and_then(|version| version.parse().ok());
                }
                "transfer-encoding" => panic!("an answer of unknown length: {first:?}"),
                _ => {}
            }
        }
        let mut body = vec![0; length];
        let read = self.stream.read_exact(&mut body);
        read.map_err(|_| Broken::Cut)?;
        if length > 0 {
            reply.body = serde_json::from_slice(&body).unwrap();
        }
        Ok(reply)
    }

    /// A line of the head, or how many bytes of it came.
    fn line(&mut self) -> Result<String, usize> {
        let mut line = Vec::new();
        // An error is an end as well; what came before it counts.
        let _ = self.stream.read_until(b'\n', &mut line);
        match line.strip_suffix(b"\r\n") {
            Some(whole) => Ok(String::from_utf8(whole.to_vec()).unwrap()),
            None => Err(line.len()),
        }
    }
}
