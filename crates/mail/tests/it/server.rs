//! A mail server that keeps what it is told, and answers as a test wants.

use std::collections::VecDeque;
use std::net::SocketAddr;
use std::sync::{Arc, Mutex};

use tokio::io::{AsyncBufReadExt, AsyncWriteExt, BufReader};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::mpsc;

pub struct MailServer {
    pub address: SocketAddr,
    /// Everything a client said in one delivery, once it is over.
    pub mails: mpsc::UnboundedReceiver<Mail>,
}

#[derive(Debug)]
pub struct Mail {
    pub commands: Vec<String>,
    /// As the body is, without its dots.
    pub data: String,
}

impl MailServer {
    /// Answers `RCPT TO` with these, and then that it is fine.
    pub async fn start(answers: &[&'static str]) -> MailServer {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let (out, mails) = mpsc::unbounded_channel();
        let answers = Arc::new(Mutex::new(answers.iter().copied().collect()));
        tokio::spawn(async move {
            while let Ok((stream, _)) = listener.accept().await {
                tokio::spawn(serve(stream, Arc::clone(&answers), out.clone()));
            }
        });
        MailServer { address, mails }
    }

    pub async fn next(&mut self) -> Mail {
        self.mails.recv().await.unwrap()
    }
}

async fn serve(
    stream: TcpStream,
    answers: Arc<Mutex<VecDeque<&'static str>>>,
    out: mpsc::UnboundedSender<Mail>,
) {
    let (read, mut write) = stream.into_split();
    let mut lines = BufReader::new(read).lines();
    let mut commands = Vec::new();
    let mut say = async |text: &str| {
        let text = format!("{text}\r\n");
        write.write_all(text.as_bytes()).await.is_ok()
    };
    say("220 mail.test").await;
    while let Ok(Some(line)) = lines.next_line().await {
        let word = line
            .split([' ', ':'])
            .next()
            .unwrap_or_default()
            .to_ascii_uppercase();
        commands.push(line);
        let answer = match word.as_str() {
            "EHLO" => "250-mail.test\r\n250-AUTH PLAIN\r\n250 8BITMIME",
            "AUTH" => "235 welcome",
            "RCPT" => answers.lock().unwrap().pop_front().unwrap_or("250 fine"),
            "DATA" => {
                say("354 go on").await;
                let mut data = String::new();
                while let Ok(Some(line)) = lines.next_line().await {
                    if line == "." {
                        break;
                    }
                    data.push_str(line.strip_prefix('.').unwrap_or(&line));
                    data.push('\n');
                }
                let commands = std::mem::take(&mut commands);
                let _ = out.send(Mail { commands, data });
                "250 taken"
            }
            "QUIT" => "221 bye",
            _ => "250 fine",
        };
        if !say(answer).await {
            return;
        }
    }
}
