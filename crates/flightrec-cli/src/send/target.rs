//! The services that dumps are sent to, and the requests that they accept.

use std::io::{self, Write};

use flate2::Compression;
use flate2::write::GzEncoder;
use flightrec_dump::Dump;

use crate::export::{self, Format, Selected, sentry};
use crate::render::text;

/// A service.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Target {
    /// A project of Sentry or of a service that accepts Sentry's envelopes.
    Sentry { url: String, key: String },
    /// An OpenTelemetry collector, by its address without `/v1/logs`.
    Otlp { base: String },
}

/// A request.
#[derive(Debug)]
pub(crate) struct Post {
    pub(crate) url: String,
    pub(crate) headers: Vec<(&'static str, String)>,
    /// Compressed with gzip.
    pub(crate) body: Vec<u8>,
}

impl Target {
    /// Parses a DSN: `https://KEY@HOST/PROJECT`. There may be directories before the project.
    ///
    /// # Errors
    ///
    /// If the text is not a DSN.
    pub(crate) fn sentry(dsn: &str) -> Result<Target, String> {
        let parsed = || {
            let (scheme, rest) = dsn.split_once("://")?;
            let (user, rest) = rest.split_once('@')?;
            // An old DSN has a secret after a colon, which services do not need any more.
            let key = user.split(':').next()?;
            let (host, path) = rest.split_once('/')?;
            let path = path.split(['?', '#']).next()?.trim_end_matches('/');
            let (directory, project) = match path.rsplit_once('/') {
                Some((directory, project)) => (format!("/{directory}"), project),
                None => (String::new(), path),
            };
            let is_plain = |text: &str| {
                let plain = |char: char| char.is_ascii_alphanumeric() || "-_.".contains(char);
                !text.is_empty() && text.chars().all(plain)
            };
            let is_known = ["http", "https"].contains(&scheme);
            let is_host = |host: &str| {
                let plain = |char: char| char.is_ascii_alphanumeric() || "-.:[]".contains(char);
                !host.is_empty() && host.chars().all(plain)
            };
            let is_good = is_known && is_host(host) && is_plain(key) && is_plain(project);
            is_good.then(|| Target::Sentry {
                url: format!("{scheme}://{host}{directory}/api/{project}/envelope/"),
                key: key.to_owned(),
            })
        };
        parsed().ok_or_else(|| {
            format!(
                "\"{}\" is not a DSN: expected https://KEY@HOST/PROJECT, as the project's settings \
                 show it",
                text::line(dsn)
            )
        })
    }

    /// Parses the address of a collector: `http://HOST:4318`, with or without `/v1/logs`.
    ///
    /// # Errors
    ///
    /// If the text is not an address.
    pub(crate) fn otlp(url: &str) -> Result<Target, String> {
        let base = url.trim_end_matches('/').trim_end_matches("/v1/logs");
        let known = |scheme| {
            base.strip_prefix(scheme)
                .is_some_and(|rest: &str| !rest.is_empty())
        };
        if !["http://", "https://"].into_iter().any(known)
            || base.contains(|char: char| char.is_whitespace() || char.is_control())
        {
            let url = text::line(url);
            return Err(format!(
                "\"{url}\" is not an address: expected http://HOST:4318"
            ));
        }
        Ok(Target::Otlp {
            base: base.to_owned(),
        })
    }

    /// Identifies the target: the address without the key, because the key may be replaced.
    pub(crate) fn name(&self) -> &str {
        match self {
            Target::Sentry { url, .. } => url,
            Target::Otlp { base } => base,
        }
    }

    /// The requests that send a dump.
    ///
    /// # Errors
    ///
    /// Not expected: everything is written to memory.
    pub(crate) fn posts(
        &self,
        dump: &Dump,
        json: &[u8],
        file: &str,
        attach: bool,
    ) -> io::Result<Vec<Post>> {
        let gzip = |write: &dyn Fn(&mut dyn Write) -> io::Result<()>| {
            let mut out = GzEncoder::new(Vec::new(), Compression::fast());
            write(&mut out)?;
            out.finish()
        };
        match self {
            Target::Sentry { url, key } => {
                let version = env!("CARGO_PKG_VERSION");
                let auth = format!(
                    "Sentry sentry_version=7, sentry_client=flightrec/{version}, sentry_key={key}"
                );
                Ok(vec![Post {
                    url: url.clone(),
                    headers: vec![
                        ("Content-Type", "application/x-sentry-envelope".to_owned()),
                        ("X-Sentry-Auth", auth),
                    ],
                    body: gzip(&|out| sentry::write(out, dump, json, file, attach))?,
                }])
            }
            Target::Otlp { base } => {
                let selected = [Selected {
                    dump,
                    records: dump.latest_logs.iter().collect(),
                }];
                let post = |path: &str, format: Format| -> io::Result<Post> {
                    Ok(Post {
                        url: format!("{base}{path}"),
                        headers: vec![("Content-Type", "application/json".to_owned())],
                        body: gzip(&|out| export::write(out, format, &selected))?,
                    })
                };
                let mut posts = vec![post("/v1/logs", Format::Otlp)?];
                if !dump.spans.is_empty() {
                    posts.push(post("/v1/traces", Format::OtlpTraces)?);
                }
                Ok(posts)
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_dsn_has_a_key_a_host_and_a_project() {
        let url = |dsn: &str| match Target::sentry(dsn) {
            Ok(Target::Sentry { url, key }) => format!("{key} {url}"),
            other => format!("{other:?}"),
        };
        assert_eq!(
            url("https://abc@sentry.example.org/7"),
            "abc https://sentry.example.org/api/7/envelope/"
        );
        assert_eq!(
            url("http://abc:secret@127.0.0.1:8000/tracker/7/"),
            "abc http://127.0.0.1:8000/tracker/api/7/envelope/"
        );
        for dsn in [
            "",
            "dump.json",
            "https://sentry.example.org/7",
            "https://@host/7",
            "https://abc@host/",
            "ftp://abc@host/7",
            "https://a\nb@host/7",
            "https://abc@ho st/7",
        ] {
            assert!(Target::sentry(dsn).is_err(), "{dsn}");
        }
    }

    #[test]
    fn a_collector_has_an_address() {
        let base = |url: &str| Target::otlp(url).map(|target| target.name().to_owned());
        assert_eq!(
            base("http://localhost:4318").unwrap(),
            "http://localhost:4318"
        );
        assert_eq!(base("http://h:4318/v1/logs").unwrap(), "http://h:4318");
        assert_eq!(base("https://h/otlp/").unwrap(), "https://h/otlp");
        assert!(base("localhost:4318").is_err() && base("http://").is_err());
    }
}
