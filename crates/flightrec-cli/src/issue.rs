//! The address of a prefilled issue.

use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, utf8_percent_encode};

use crate::export::markdown::{self, Amount, Tokens};

/// Servers refuse longer addresses: the limit of GitHub and GitLab is 8 KiB.
const MAX_URL: usize = 8_000;

/// The size of the text that is tried first. Each byte takes one to three bytes in the address.
const FIRST_TRY: usize = MAX_URL / 3;

/// All characters but the "unreserved" ones of RFC 3986, which are not percent-encoded.
const ENCODED: &AsciiSet = &NON_ALPHANUMERIC
    .remove(b'-')
    .remove(b'.')
    .remove(b'_')
    .remove(b'~');

/// A repository with an issue tracker on the web.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Repository {
    scheme: &'static str,
    /// With a port, if there is one.
    host: String,
    /// `owner/name`, or more directories on GitLab.
    path: String,
}

impl Repository {
    /// Parses `owner/name`, a web address, or an address for `git clone`.
    ///
    /// # Errors
    ///
    /// If the text is none of these. A dump is not trusted, so only a host and plain names of
    /// directories are accepted.
    pub(crate) fn parse(text: &str) -> Result<Repository, String> {
        let refused = || {
            let text = crate::render::text::line(text);
            format!("\"{text}\" is not a repository: expected OWNER/NAME or its web address")
        };
        let whole = text.trim();
        let whole = whole.strip_prefix("git+").unwrap_or(whole);
        let (scheme, rest) = match whole.split_once("://") {
            Some(("http", rest)) => ("http", rest),
            Some(("https" | "ssh" | "git", rest)) => ("https", rest),
            Some(_) => return Err(refused()),
            // git@github.com:owner/name
            None if whole.contains('@') => ("https", whole),
            None => ("https", whole),
        };
        let is_address = whole.contains("://") || whole.contains('@');
        let rest = rest.split(['?', '#']).next().unwrap_or_default();
        // A user's name is not part of the address, and may come with a password.
        let (authority, path) = match (is_address, rest.split_once('/')) {
            (true, Some((authority, _))) if authority.contains('@') && !whole.contains("://") => {
                // The path begins at the colon.
                let (_, rest) = rest.split_once('@').ok_or_else(refused)?;
                rest.split_once(':').ok_or_else(refused)?
            }
            (true, Some((authority, path))) => {
                (authority.rsplit('@').next().unwrap_or_default(), path)
            }
            (true, None) => return Err(refused()),
            (false, _) => ("github.com", rest),
        };
        let host = match authority.split_once(':') {
            // The port of SSH is not the port of the web server.
            Some((host, _)) if whole.starts_with("ssh://") => host,
            _ => authority,
        };
        let is_host = |char: char| char.is_ascii_alphanumeric() || "-.:".contains(char);
        if host.is_empty() || !host.chars().all(is_host) {
            return Err(refused());
        }
        // A page of the repository, such as a directory of a workspace, is removed from the path.
        let path = path.split("/-/").next().unwrap_or_default();
        let mut names: Vec<&str> = path.split('/').filter(|name| !name.is_empty()).collect();
        if !is_gitlab(host) {
            names.truncate(2);
        }
        if let Some(last) = names.last_mut() {
            *last = last.strip_suffix(".git").unwrap_or(last);
        }
        let is_name = |name: &&str| {
            let plain = |char: char| char.is_ascii_alphanumeric() || "-_.~".contains(char);
            !name.is_empty() && !name.starts_with("..") && *name != "." && name.chars().all(plain)
        };
        if names.len() < 2 || !names.iter().all(is_name) {
            return Err(refused());
        }
        Ok(Repository {
            scheme,
            host: host.to_ascii_lowercase(),
            path: names.join("/"),
        })
    }

    pub(crate) fn host(&self) -> &str {
        &self.host
    }

    /// The address of the form for a new issue. Gitea and Forgejo have the same as GitHub.
    fn form(&self, title: &str, body: &str) -> String {
        let (page, title_key, body_key) = if is_gitlab(&self.host) {
            ("-/issues/new", "issue%5Btitle%5D", "issue%5Bdescription%5D")
        } else {
            ("issues/new", "title", "body")
        };
        let encode = |text: &str| utf8_percent_encode(text, ENCODED).to_string();
        format!(
            "{}://{}/{}/{page}?{title_key}={}&{body_key}={}",
            self.scheme,
            self.host,
            self.path,
            encode(title),
            encode(body)
        )
    }
}

fn is_gitlab(host: &str) -> bool {
    host.split('.')
        .any(|part| part.eq_ignore_ascii_case("gitlab"))
}

/// The address of an issue with as much of the dump as fits.
pub(crate) fn url(repository: &Repository, source: &markdown::Source<'_>) -> String {
    let title = markdown::plain_title(source.dump);
    let write = |budget: Tokens| {
        let amount = Amount {
            budget,
            ..Amount::default()
        };
        markdown::one(source, amount)
    };
    let whole = write(Tokens::ISSUE);
    let url = repository.form(&title, &whole);
    if url.len() <= MAX_URL {
        return url;
    }
    let mut budget = FIRST_TRY;
    loop {
        let body = write(Tokens(budget));
        let url = repository.form(&title, &body);
        if url.len() <= MAX_URL {
            return url;
        }
        if budget <= Tokens::LEAST {
            // Percent-encoding makes even a short text in a non-Latin script too long. The issue then has
            // only a title.
            return repository.form(&title, "");
        }
        budget = (budget / 8 * 7).max(Tokens::LEAST);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use flightrec_dump::Dump;

    fn parsed(text: &str) -> String {
        Repository::parse(text).map_or_else(|why| why, |it| it.form("t", "b"))
    }

    #[test]
    fn repositories_are_read_in_every_form_that_is_common() {
        let github = "https://github.com/owner/name/issues/new?title=t&body=b";
        for text in [
            "owner/name",
            "https://github.com/owner/name",
            "https://github.com/owner/name/",
            "https://github.com/owner/name.git",
            "https://user:password@github.com/owner/name.git",
            "https://GitHub.com/owner/name/tree/main/crates/a?tab=readme#top",
            "git+https://github.com/owner/name",
            "ssh://git@github.com:22/owner/name.git",
            "git@github.com:owner/name.git",
        ] {
            assert_eq!(parsed(text), github, "{text}");
        }
        assert_eq!(
            parsed("https://gitlab.example.org/group/sub/name/-/tree/main"),
            "https://gitlab.example.org/group/sub/name/-/issues/new?issue%5Btitle%5D=t&issue%5Bdescription%5D=b"
        );
        assert_eq!(
            parsed("http://localhost:3000/owner/name"),
            "http://localhost:3000/owner/name/issues/new?title=t&body=b"
        );
    }

    #[test]
    fn nothing_else_is_made_an_address() {
        for text in [
            "",
            "name",
            "javascript:alert(1)//a/b",
            "javascript://github.com/a/b",
            "file:///etc/passwd",
            "https://github.com",
            "https://github.com/../..",
            "https://git hub.com/a/b",
            "https://github.com/a/b c",
            "owner/na\u{202e}me",
            "https://github.com/a/\"onclick=",
        ] {
            assert!(Repository::parse(text).is_err(), "{text}: {}", parsed(text));
        }
    }

    #[test]
    fn the_address_is_short_enough_whatever_the_dump_has() {
        let repository = Repository::parse("owner/name").unwrap();
        for text in ["<&>", "plain text ", "世界", "\u{202e}`"] {
            let message = text.repeat(2_000);
            let json = serde_json::json!({
                "schema": "flightrec/1", "app": message, "reason": {"kind": "error", "message": message},
                "latest_logs": [{"seq": 1, "msg": message}, {"seq": 2, "msg": message}],
            });
            let dump = Dump::from_json(json.to_string().as_bytes()).unwrap();
            let source = markdown::Source {
                dump: &dump,
                file: "dump.json".to_owned(),
            };
            let url = url(&repository, &source);
            assert!(url.len() <= MAX_URL, "{} bytes", url.len());
            assert!(url.is_ascii());
        }
    }
}
