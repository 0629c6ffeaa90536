//! `send` through proxies and over TLS, with the proxy, the service and the certificate authority
//! in this process.

// On other systems, no environment variable sets the trusted certificates.
#![cfg(all(feature = "send", target_os = "linux"))]

mod common;

use std::io::{self, BufRead, BufReader, Read, Write};
use std::net::{TcpListener, TcpStream};
use std::process::Output;
use std::sync::{Arc, Mutex};
use std::thread;

use common::server::{Server, without_proxies};
use common::{Bench, data, stderr, stdout};
use rcgen::{BasicConstraints, CertificateParams, DnType, IsCa, Issuer, KeyPair};
use rustls::ServerConfig;
use rustls::pki_types::PrivateKeyDer;

/// A name that only the proxy can resolve.
const INSIDE: &str = "tracker.example.org";

/// A proxy that connects to one port of this machine for every host.
struct Proxy {
    port: u16,
    /// The heads of the requests, or for SOCKS the host and port.
    asked: Arc<Mutex<Vec<String>>>,
}

impl Proxy {
    fn start(to: u16, serve: fn(&mut BufReader<TcpStream>) -> io::Result<String>) -> Proxy {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let proxy = Proxy {
            port: listener.local_addr().unwrap().port(),
            asked: Arc::default(),
        };
        let asked = proxy.asked.clone();
        thread::spawn(move || {
            for stream in listener.incoming().flatten() {
                let asked = asked.clone();
                thread::spawn(move || -> io::Result<()> {
                    let mut client = BufReader::new(stream);
                    let request = serve(&mut client)?;
                    asked.lock().unwrap().push(request);
                    let service = TcpStream::connect(("127.0.0.1", to))?;
                    pass(client, service)
                });
            }
        });
        proxy
    }

    /// A proxy for `CONNECT`.
    fn http(to: u16) -> Proxy {
        Proxy::start(to, |client| {
            let mut head = String::new();
            while !head.ends_with("\r\n\r\n") && client.read_line(&mut head)? > 0 {}
            client
                .get_mut()
                .write_all(b"HTTP/1.1 200 Connection established\r\n\r\n")?;
            Ok(head)
        })
    }

    /// A SOCKS5 proxy without passwords.
    fn socks(to: u16) -> Proxy {
        Proxy::start(to, |client| {
            let read = |client: &mut BufReader<TcpStream>, length: usize| {
                let mut bytes = vec![0; length];
                client.read_exact(&mut bytes).map(|()| bytes)
            };
            let methods = usize::from(read(client, 2)?[1]);
            read(client, methods)?;
            client.get_mut().write_all(&[5, 0])?;
            // The command "connect", with a host name.
            assert_eq!(read(client, 4)?, [5, 1, 0, 3]);
            let length = usize::from(read(client, 1)?[0]);
            let host = String::from_utf8(read(client, length)?).unwrap();
            let port = read(client, 2)?;
            client
                .get_mut()
                .write_all(&[5, 0, 0, 1, 0, 0, 0, 0, 0, 0])?;
            Ok(format!("{host}:{}", u16::from_be_bytes([port[0], port[1]])))
        })
    }

    fn asked(&self) -> Vec<String> {
        self.asked.lock().unwrap().clone()
    }
}

/// Copies in both directions until one side closes.
fn pass(client: BufReader<TcpStream>, service: TcpStream) -> io::Result<()> {
    let mut back = (service.try_clone()?, client.get_ref().try_clone()?);
    thread::spawn(move || io::copy(&mut back.0, &mut back.1));
    let (mut client, mut service) = (client, service);
    io::copy(&mut client, &mut service)?;
    service.shutdown(std::net::Shutdown::Write)
}

fn send(bench: &Bench, dsn: &str, variables: &[(&str, &str)]) -> Output {
    let mut command = bench.command(&["send", dsn]);
    command.arg(data("census.json"));
    without_proxies(&mut command)
        .env_remove("SSL_CERT_DIR")
        .envs(variables.iter().copied())
        .output()
        .unwrap()
}

/// A certificate authority as PEM, and a server with its certificate for `names`.
fn authority(name: &str, names: &[&str]) -> (String, Arc<ServerConfig>) {
    let mut params = CertificateParams::new(Vec::new()).unwrap();
    params.distinguished_name.push(DnType::CommonName, name);
    params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
    let key = KeyPair::generate().unwrap();
    let root = params.self_signed(&key).unwrap().pem();
    let issuer = Issuer::new(params, key);
    let names: Vec<String> = names.iter().map(|&name| name.to_owned()).collect();
    let key = KeyPair::generate().unwrap();
    let leaf = CertificateParams::new(names).unwrap();
    let leaf = leaf.signed_by(&key, &issuer).unwrap();
    let key = PrivateKeyDer::try_from(key.serialize_der()).unwrap();
    let config =
        ServerConfig::builder_with_provider(rustls::crypto::ring::default_provider().into())
            .with_safe_default_protocol_versions()
            .unwrap()
            .with_no_client_auth()
            .with_single_cert(vec![leaf.der().clone()], key)
            .unwrap();
    (root, Arc::new(config))
}

#[test]
fn http_goes_through_the_proxy_for_http() {
    let bench = Bench::new();
    let server = Server::start(&[]);
    let proxy = Proxy::http(server.port);
    let address = format!("http://me:hunter2@127.0.0.1:{}", proxy.port);
    let dsn = format!("http://abc@{INSIDE}/7");
    let output = send(&bench, &dsn, &[("HTTP_PROXY", &address)]);
    assert_eq!(stdout(&output), "sent 1 dump\n", "{output:?}");
    let asked = proxy.asked();
    assert_eq!(asked.len(), 1, "{asked:?}");
    assert!(
        asked[0].starts_with(&format!("CONNECT {INSIDE}:80 HTTP/1.1\r\n")),
        "{asked:?}"
    );
    // "me:hunter2".
    assert!(
        asked[0].contains("Proxy-Authorization: Basic bWU6aHVudGVyMg==\r\n"),
        "{asked:?}"
    );
    let requests = server.requests();
    assert_eq!(requests[0].path, "/api/7/envelope/");
    assert!(requests[0].headers.contains(&format!("host: {INSIDE}\r\n")));
    assert!(!requests[0].headers.contains("proxy-authorization"));
}

#[test]
fn the_proxy_for_https_is_not_used_for_http() {
    let bench = Bench::new();
    let server = Server::start(&[]);
    let proxy = Proxy::http(server.port);
    let address = format!("http://127.0.0.1:{}", proxy.port);
    let output = send(&bench, &server.dsn(), &[("HTTPS_PROXY", &address)]);
    assert_eq!(stdout(&output), "sent 1 dump\n", "{output:?}");
    assert_eq!(proxy.asked(), [""; 0]);
}

#[test]
fn no_proxy_is_honoured() {
    let bench = Bench::new();
    let server = Server::start(&[]);
    let proxy = Proxy::http(server.port);
    let address = format!("http://127.0.0.1:{}", proxy.port);
    let excepted = ("NO_PROXY", "localhost, 127.0.0.0/8");
    let output = send(&bench, &server.dsn(), &[("HTTP_PROXY", &address), excepted]);
    assert_eq!(stdout(&output), "sent 1 dump\n", "{output:?}");
    assert_eq!(proxy.asked(), [""; 0]);
}

#[test]
fn https_goes_through_the_proxy_for_https_encrypted() {
    let bench = Bench::new();
    let (root, config) = authority("Company", &[INSIDE]);
    let root = bench.put("root.pem", root.as_bytes());
    let server = Server::start_tls(config);
    let proxy = Proxy::http(server.port);
    let address = format!("http://127.0.0.1:{}", proxy.port);
    let output = send(
        &bench,
        &format!("https://abc@{INSIDE}/7"),
        &[
            ("HTTPS_PROXY", &address),
            ("SSL_CERT_FILE", root.to_str().unwrap()),
        ],
    );
    assert_eq!(stdout(&output), "sent 1 dump\n", "{output:?}");
    let asked = proxy.asked();
    assert_eq!(asked.len(), 1, "{asked:?}");
    assert!(
        asked[0].starts_with(&format!("CONNECT {INSIDE}:443 HTTP/1.1\r\n")),
        "{asked:?}"
    );
    assert!(!asked[0].contains("abc"));
    assert_eq!(server.requests()[0].path, "/api/7/envelope/");
}

#[test]
fn a_socks_proxy_serves_both() {
    let bench = Bench::new();
    let server = Server::start(&[]);
    let proxy = Proxy::socks(server.port);
    let address = format!("socks5h://127.0.0.1:{}", proxy.port);
    let dsn = format!("http://abc@{INSIDE}:9000/7");
    let output = send(&bench, &dsn, &[("ALL_PROXY", &address)]);
    assert_eq!(stdout(&output), "sent 1 dump\n", "{output:?}");
    assert_eq!(proxy.asked(), [format!("{INSIDE}:9000")]);
}

#[test]
fn the_message_for_a_refused_connection_has_the_proxy_without_its_password() {
    let bench = Bench::new();
    let dsn = format!("http://abc@{INSIDE}/7");
    let refusing = Proxy::start(0, |client| {
        let mut head = String::new();
        while !head.ends_with("\r\n\r\n") && client.read_line(&mut head)? > 0 {}
        client
            .get_mut()
            .write_all(b"HTTP/1.1 407 Proxy Authentication Required\r\n\r\n")?;
        Err(io::ErrorKind::PermissionDenied.into())
    });
    let address = format!("http://me:hunter2@127.0.0.1:{}", refusing.port);
    for (address, why) in [(&*address, "407"), ("http://127.0.0.1:1", "refused")] {
        let output = send(&bench, &dsn, &[("HTTP_PROXY", address)]);
        assert_eq!(output.status.code(), Some(2), "{output:?}");
        let said = stderr(&output);
        assert!(
            said.contains(why) && said.contains("through the proxy http://127.0.0.1:"),
            "{said}"
        );
        assert!(!said.contains("hunter2"), "{said}");
    }
    let output = send(&bench, &dsn, &[("HTTP_PROXY", "http://")]);
    assert_eq!(output.status.code(), Some(2), "{output:?}");
    assert!(
        stderr(&output).contains("HTTP_PROXY is not the address of a proxy"),
        "{output:?}"
    );
}

#[test]
fn a_service_with_a_trusted_certificate_gets_the_dump() {
    let bench = Bench::new();
    let (root, config) = authority("Company", &["127.0.0.1"]);
    let root = bench.put("root.pem", root.as_bytes());
    let server = Server::start_tls(config);
    let dsn = format!("https://abc@127.0.0.1:{}/7", server.port);
    let output = send(&bench, &dsn, &[("SSL_CERT_FILE", root.to_str().unwrap())]);
    assert_eq!(stdout(&output), "sent 1 dump\n", "{output:?}");
    assert!(server.requests()[0].has_attachment());
}

#[test]
fn an_untrusted_service_gets_nothing() {
    let bench = Bench::new();
    let (_, config) = authority("Company", &["127.0.0.1"]);
    let (other_root, other_config) = authority("Other", &["another.example.org"]);
    let other_root = bench.put("other.pem", other_root.as_bytes());
    let missing = bench.dir.path().join("missing.pem");
    for (config, trusted, why) in [
        (
            &config,
            &other_root,
            "does not trust the authority that signed",
        ),
        (&other_config, &other_root, "not valid for"),
        (&config, &missing, "install the system's certificates"),
    ] {
        let server = Server::start_tls(config.clone());
        let dsn = format!("https://abc@127.0.0.1:{}/7", server.port);
        let output = send(
            &bench,
            &dsn,
            &[("SSL_CERT_FILE", trusted.to_str().unwrap())],
        );
        assert_eq!(output.status.code(), Some(2), "{output:?}");
        assert_eq!(stdout(&output), "sent 0 dumps\n");
        let said = stderr(&output);
        assert!(said.contains(why), "{said}");
        assert!(server.requests().is_empty());
    }
}

#[test]
fn the_message_for_a_service_without_tls_suggests_http() {
    let bench = Bench::new();
    let (root, _) = authority("Company", &["127.0.0.1"]);
    let root = bench.put("root.pem", root.as_bytes());
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let port = listener.local_addr().unwrap().port();
    thread::spawn(move || {
        for mut stream in listener.incoming().flatten() {
            let _ = stream.write_all(b"HTTP/1.1 400 Bad Request\r\nContent-Length: 0\r\n\r\n");
        }
    });
    let dsn = format!("https://abc@127.0.0.1:{port}/7");
    let output = send(&bench, &dsn, &[("SSL_CERT_FILE", root.to_str().unwrap())]);
    assert_eq!(output.status.code(), Some(2), "{output:?}");
    assert!(
        stderr(&output).contains("is it an http:// address?"),
        "{output:?}"
    );
}
