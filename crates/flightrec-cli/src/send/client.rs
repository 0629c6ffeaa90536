//! HTTP requests, which are retried if that can help.

use std::thread;
use std::time::Duration;

use jiff::Timestamp;
use rustls::CertificateError;
use ureq::Agent;
use ureq::http::{HeaderMap, StatusCode, Uri};
use ureq::tls::{RootCerts, TlsConfig};

use super::proxy;
use super::target::Post;
use crate::render::{text, time};

/// Pauses before the retries of a request, if the service does not ask for a longer pause.
const PAUSES: [Duration; 3] = [
    Duration::from_millis(200),
    Duration::from_secs(1),
    Duration::from_secs(3),
];

/// If a service asks for a longer pause, sending ends.
const MAX_PAUSE: Duration = Duration::from_secs(600);

/// How often a service may ask for a pause during one request.
const MAX_WAITS: usize = 20;

/// How much of an answer is read, in bytes.
const MAX_ANSWER: u64 = 64 << 10;

/// How much of an answer is shown, in characters.
const SHOWN: usize = 200;

#[cfg(any(windows, target_vendor = "apple"))]
const UNKNOWN_ISSUER: &str = ": this system does not trust the authority that signed the service's \
     certificate; add that authority to the system's certificates";
#[cfg(not(any(windows, target_vendor = "apple")))]
const UNKNOWN_ISSUER: &str = ": this system does not trust the authority that signed the service's \
     certificate; add that authority to the system's certificates, or name a file with it in \
     SSL_CERT_FILE";

/// The only errors of this kind are about the system's certificates.
const NO_CERTIFICATES: &str =
    ": install the system's certificates, or name a file with certificates in SSL_CERT_FILE";

/// The result of a request.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Delivery {
    Taken,
    /// The service refuses this one, but may accept others.
    Refused {
        status: u16,
        why: String,
    },
}

/// Why no further request should be made now.
#[derive(Debug)]
pub(crate) struct Stop(pub(crate) String);

/// An HTTP client for one service.
pub(crate) struct Client {
    agent: Agent,
    /// ` through the proxy ADDRESS`, or nothing.
    via: String,
}

impl Client {
    /// A client for the service at an address, through the proxy that the environment names for it
    /// (`HTTPS_PROXY`, `HTTP_PROXY`, `ALL_PROXY`, `NO_PROXY`).
    ///
    /// # Errors
    ///
    /// If the address of the service or of the proxy can't be parsed.
    pub(crate) fn new(url: &str) -> Result<Client, String> {
        let url: Uri = url.parse().map_err(|error| {
            let url = text::line(url);
            format!("\"{url}\" is not an address: {error}")
        })?;
        let proxy = proxy::proxy(&url, |name| std::env::var(name).ok())?;
        let via = proxy.as_ref().map(|proxy| {
            let address = proxy::address(proxy);
            format!(" through the proxy {}", text::line(&address))
        });
        let tls = TlsConfig::builder().root_certs(RootCerts::PlatformVerifier);
        let config = Agent::config_builder()
            .tls_config(tls.build())
            .proxy(proxy)
            .http_status_as_error(false)
            // A redirected POST would become a GET.
            .max_redirects(0)
            .max_redirects_will_error(false)
            .timeout_connect(Some(Duration::from_secs(20)))
            .timeout_global(Some(Duration::from_secs(120)))
            .user_agent(concat!("flightrec/", env!("CARGO_PKG_VERSION")));
        Ok(Client {
            agent: config.build().into(),
            via: via.unwrap_or_default(),
        })
    }

    /// Sends a request until the service accepts or refuses it. Calls `say` with the reason of a pause.
    pub(crate) fn deliver(&self, post: &Post, say: &dyn Fn(&str)) -> Result<Delivery, Stop> {
        let mut pauses = PAUSES.into_iter();
        let mut waits = 0;
        loop {
            let (why, asked) = match self.post(post) {
                Ok(answer) if answer.status.is_success() => return Ok(Delivery::Taken),
                Ok(answer) => {
                    let status = answer.status;
                    let why = format!("HTTP status {}{}", status.as_u16(), answer.text);
                    let is_busy = status == StatusCode::TOO_MANY_REQUESTS;
                    match status.as_u16() {
                        401 | 403 | 404 => {
                            return Err(Stop(format!("the service refuses the address: {why}")));
                        }
                        300..400 => {
                            return Err(Stop(format!("the service has moved: {why}")));
                        }
                        400..500 if !is_busy && status != StatusCode::REQUEST_TIMEOUT => {
                            return Ok(Delivery::Refused {
                                status: status.as_u16(),
                                why,
                            });
                        }
                        _ => (why, answer.retry_after),
                    }
                }
                Err(error) => {
                    let why = format!("{}{}", text::line(&message_of(&error)), self.via);
                    if let Some(hint) = tls_hint(&error) {
                        return Err(Stop(format!("{why}{hint}")));
                    }
                    (why, None)
                }
            };
            let pause = match asked {
                Some(pause) if pause > MAX_PAUSE || waits == MAX_WAITS => {
                    let pause = time::length(pause.try_into().unwrap_or_default());
                    return Err(Stop(format!(
                        "the service asks for a pause of {pause}: {why}"
                    )));
                }
                Some(pause) => {
                    waits += 1;
                    if pause > Duration::ZERO {
                        let pause = time::length(pause.try_into().unwrap_or_default());
                        say(&format!("waiting {pause}, as the service asks: {why}"));
                    }
                    pause
                }
                None => pauses.next().ok_or(Stop(why))?,
            };
            thread::sleep(pause);
        }
    }

    fn post(&self, post: &Post) -> Result<Answer, ureq::Error> {
        let mut request = self.agent.post(&post.url);
        for (name, value) in &post.headers {
            request = request.header(*name, value);
        }
        let request = request.header("Content-Encoding", "gzip");
        let mut answer = request.send(&post.body[..])?;
        let retry_after = retry_after(answer.headers());
        // Read to its end, so that the connection can be used again.
        let body = answer
            .body_mut()
            .with_config()
            .limit(MAX_ANSWER)
            .read_to_string();
        let body = body.unwrap_or_default();
        let body = text::line(body.trim()).into_owned();
        let (body, more) = text::head(&body, SHOWN);
        let more = if more > 0 { "…" } else { "" };
        Ok(Answer {
            status: answer.status(),
            retry_after,
            text: if body.is_empty() {
                String::new()
            } else {
                format!(" ({body}{more})")
            },
        })
    }
}

/// The message of an error, without the prefix of the HTTP library.
fn message_of(error: &ureq::Error) -> String {
    match error {
        ureq::Error::Io(error) => error.to_string(),
        ureq::Error::Rustls(error) => error.to_string(),
        error => error.to_string(),
    }
}

/// A hint on how to fix an error of TLS. A retry does not help with these.
fn tls_hint(error: &ureq::Error) -> Option<&'static str> {
    let error = match error {
        ureq::Error::Rustls(error) => error,
        ureq::Error::Io(error) => error.get_ref()?.downcast_ref::<rustls::Error>()?,
        _ => return None,
    };
    Some(match error {
        rustls::Error::InvalidCertificate(CertificateError::UnknownIssuer) => UNKNOWN_ISSUER,
        rustls::Error::General(_) => NO_CERTIFICATES,
        rustls::Error::InvalidMessage(_) => ": is it an http:// address?",
        _ => "",
    })
}

struct Answer {
    status: StatusCode,
    retry_after: Option<Duration>,
    /// The body, in brackets.
    text: String,
}

/// The header is a number of seconds or a date.
fn retry_after(headers: &HeaderMap) -> Option<Duration> {
    let value = headers.get("Retry-After")?.to_str().ok()?.trim();
    if let Ok(seconds) = value.parse::<f64>() {
        return Duration::try_from_secs_f64(seconds.max(0.0)).ok();
    }
    let date = jiff::fmt::rfc2822::parse(value).ok()?.timestamp();
    let pause = date.duration_since(Timestamp::now());
    Some(pause.try_into().unwrap_or(Duration::ZERO))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_pause_is_a_number_of_seconds_or_a_date() {
        let pause = |value: &str| {
            let mut headers = HeaderMap::new();
            headers.insert("Retry-After", value.parse().unwrap());
            retry_after(&headers)
        };
        assert_eq!(pause("17"), Some(Duration::from_secs(17)));
        assert_eq!(pause("-1"), Some(Duration::ZERO));
        assert_eq!(pause("Wed, 21 Oct 2015 07:28:00 GMT"), Some(Duration::ZERO));
        assert!(pause("Fri, 21 Oct 2089 07:28:00 GMT") > Some(MAX_PAUSE));
        assert_eq!(pause("soon"), None);
    }
}
