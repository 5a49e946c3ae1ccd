//! A server to talk to, and a client that sends exactly the bytes it is given.

use std::net::SocketAddr;
use std::time::Duration;

use bytes::Bytes;
use http::header::CONTENT_TYPE;
use http::{HeaderValue, StatusCode};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio::sync::oneshot;
use tokio::task::JoinHandle;
use tokio::time::timeout;
use web::{
    Body, Handler, Limits, Listener, Problem, Request, Response, Server, Stopped, bind, handler_fn,
};

/// Longer than anything here takes; whoever waits this long has found a mistake.
pub const PATIENCE: Duration = Duration::from_secs(10);

pub struct Running {
    pub address: SocketAddr,
    stop: Option<oneshot::Sender<()>>,
    server: JoinHandle<Stopped>,
}

impl Running {
    pub fn start(limits: Limits, handler: impl Handler) -> Running {
        let listener = bind(([127, 0, 0, 1], 0).into()).unwrap();
        Running::start_at(listener.into(), limits, handler)
    }

    pub fn start_at(listener: Listener, limits: Limits, handler: impl Handler) -> Running {
        let address = listener.tcp.local_addr().unwrap();
        let (stop, stopped) = oneshot::channel::<()>();
        let shutdown = async {
            let _ = stopped.await;
        };
        let server = tokio::spawn(Server::run(listener, handler, limits, shutdown));
        Running {
            address,
            stop: Some(stop),
            server,
        }
    }

    /// A server that answers with what it understood.
    pub fn echo(limits: Limits) -> Running {
        Running::start(limits, handler_fn(echo))
    }

    pub fn begin_stop(&mut self) {
        self.stop.take().unwrap().send(()).unwrap();
    }

    pub async fn stopped(self) -> Stopped {
        timeout(PATIENCE, self.server).await.unwrap().unwrap()
    }

    pub async fn connect(&self) -> Client {
        Client {
            stream: TcpStream::connect(self.address).await.unwrap(),
        }
    }

    /// Sends `bytes` on a connection of its own and reads until the server closes.
    pub async fn exchange(&self, bytes: &str) -> String {
        let mut client = self.connect().await;
        client.send(bytes).await;
        client.read_all().await
    }
}

/// Method, target and body, and what went wrong with the body.
pub async fn echo(mut request: Request) -> Response {
    let target = request
        .head
        .uri
        .path_and_query()
        .map_or("", |target| target.as_str())
        .to_owned();
    match request.body.read(1 << 20).await {
        Ok(body) => {
            let text = format!(
                "{} {target} {}",
                request.method(),
                String::from_utf8_lossy(&body)
            );
            let mut response = Response::new(Body::from(text));
            let plain = HeaderValue::from_static("text/plain");
            response.headers_mut().insert(CONTENT_TYPE, plain);
            response
        }
        Err(error) => Problem::from(error).respond(),
    }
}

pub fn bytes(length: usize) -> Response {
    Response::new(Body::from(Bytes::from(vec![b'x'; length])))
}

pub fn status(status: StatusCode) -> Response {
    let mut response = Response::default();
    *response.status_mut() = status;
    response
}

pub struct Client {
    pub stream: TcpStream,
}

impl Client {
    pub async fn send(&mut self, bytes: &str) {
        self.stream.write_all(bytes.as_bytes()).await.unwrap();
    }

    /// Everything until the server closes.
    pub async fn read_all(&mut self) -> String {
        let mut all = Vec::new();
        timeout(PATIENCE, self.stream.read_to_end(&mut all))
            .await
            .unwrap()
            .unwrap();
        String::from_utf8(all).unwrap()
    }

    /// Everything until `end` has come.
    pub async fn read_until(&mut self, end: &str) -> String {
        let mut all = Vec::new();
        while !all.ends_with(end.as_bytes()) {
            let byte = timeout(PATIENCE, self.stream.read_u8()).await;
            all.push(byte.unwrap().unwrap_or_else(|error| {
                panic!("{error} after {:?}", String::from_utf8_lossy(&all))
            }));
        }
        String::from_utf8(all).unwrap()
    }
}

/// The first line of an answer and its body.
pub fn gist(answer: &str) -> (&str, &str) {
    let (head, body) = answer.split_once("\r\n\r\n").unwrap_or((answer, ""));
    (head.lines().next().unwrap_or(""), body)
}

pub fn field<'a>(answer: &'a str, name: &str) -> Option<&'a str> {
    let (head, _) = answer.split_once("\r\n\r\n")?;
    head.lines().skip(1).find_map(|line| {
        let (known, value) = line.split_once(": ")?;
        known.eq_ignore_ascii_case(name).then_some(value)
    })
}
