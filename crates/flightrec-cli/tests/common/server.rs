//! A service in this process that receives from `send`, with or without TLS.

use std::io::{BufRead, BufReader, Read, Write};
use std::net::TcpListener;
use std::process::Command;
use std::sync::{Arc, Mutex, MutexGuard};
use std::thread;

use flate2::read::GzDecoder;
use rustls::{ServerConfig, ServerConnection, StreamOwned};
use sentry_types::protocol::v7::EnvelopeItem;

/// A received request.
#[derive(Clone, Debug)]
pub(crate) struct Request {
    pub(crate) path: String,
    pub(crate) headers: String,
    pub(crate) body: Vec<u8>,
}

impl Request {
    pub(crate) fn has_attachment(&self) -> bool {
        let (envelope, _) = super::envelope(&self.body);
        envelope
            .items()
            .any(|item| matches!(item, EnvelopeItem::Attachment(_)))
    }
}

/// Answers with the given status lines and headers, then with 200.
pub(crate) struct Server {
    pub(crate) port: u16,
    requests: Arc<Mutex<Vec<Request>>>,
    answers: Arc<Mutex<Vec<&'static str>>>,
}

impl Server {
    pub(crate) fn start(answers: &[&'static str]) -> Server {
        Server::start_with(answers, None)
    }

    /// Starts a server with TLS.
    pub(crate) fn start_tls(config: Arc<ServerConfig>) -> Server {
        Server::start_with(&[], Some(config))
    }

    fn start_with(answers: &[&'static str], tls: Option<Arc<ServerConfig>>) -> Server {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let server = Server {
            port: listener.local_addr().unwrap().port(),
            requests: Arc::default(),
            answers: Arc::new(Mutex::new(answers.iter().rev().copied().collect())),
        };
        let (requests, answers) = (server.requests.clone(), server.answers.clone());
        thread::spawn(move || {
            for stream in listener.incoming().flatten() {
                let (requests, answers, tls) = (requests.clone(), answers.clone(), tls.clone());
                thread::spawn(move || match tls {
                    None => serve(stream, &requests, &answers),
                    Some(config) => {
                        let connection = ServerConnection::new(config).unwrap();
                        serve(StreamOwned::new(connection, stream), &requests, &answers)
                    }
                });
            }
        });
        server
    }

    pub(crate) fn dsn(&self) -> String {
        format!("http://abc@127.0.0.1:{}/7", self.port)
    }

    pub(crate) fn requests(&self) -> MutexGuard<'_, Vec<Request>> {
        self.requests.lock().unwrap()
    }
}

/// Reads requests until the client closes the connection.
fn serve(
    stream: impl Read + Write,
    requests: &Mutex<Vec<Request>>,
    answers: &Mutex<Vec<&'static str>>,
) -> Option<()> {
    let mut stream = BufReader::new(stream);
    loop {
        let mut head = String::new();
        while !head.ends_with("\r\n\r\n") {
            if stream.read_line(&mut head).ok()? == 0 {
                return None;
            }
        }
        let path = head.split(' ').nth(1)?.to_owned();
        let headers = head.to_ascii_lowercase();
        let length = headers
            .split("content-length: ")
            .nth(1)?
            .lines()
            .next()?
            .parse()
            .ok()?;
        let mut body = vec![0; length];
        stream.read_exact(&mut body).ok()?;
        let mut plain = Vec::new();
        GzDecoder::new(&body[..]).read_to_end(&mut plain).ok()?;
        requests.lock().unwrap().push(Request {
            path,
            headers,
            body: plain,
        });
        let answer = answers.lock().unwrap().pop().unwrap_or("200 OK");
        if answer == "break" {
            return None;
        }
        let answer = format!("HTTP/1.1 {answer}\r\nContent-Length: 2\r\n\r\n{{}}");
        stream.get_mut().write_all(answer.as_bytes()).ok()?;
        stream.get_mut().flush().ok()?;
    }
}

/// Removes proxies from a command's environment.
pub(crate) fn without_proxies(command: &mut Command) -> &mut Command {
    for name in ["HTTP_PROXY", "HTTPS_PROXY", "ALL_PROXY", "NO_PROXY"] {
        command
            .env_remove(name)
            .env_remove(name.to_ascii_lowercase());
    }
    command
}
