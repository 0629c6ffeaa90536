//! Chooses the proxy for an address from the environment, by the scheme, as `curl` and Go do. The HTTP
//! library would use one proxy for both schemes, and compare only hosts.

use std::net::IpAddr;

use ipnet::IpNet;
use ureq::Proxy;
use ureq::http::Uri;

/// The proxy for an address, if there is one. `variable` looks up the environment.
///
/// # Errors
///
/// If the value of a variable is not a proxy. The error omits the value: it may have a password.
pub(super) fn proxy(
    url: &Uri,
    variable: impl Fn(&str) -> Option<String>,
) -> Result<Option<Proxy>, String> {
    let upper = match url.scheme_str() {
        Some("https") => "HTTPS_PROXY",
        _ => "HTTP_PROXY",
    };
    let named = |upper: &str| {
        let names = [upper.to_ascii_lowercase(), upper.to_owned()];
        names.into_iter().find_map(|name| {
            let value = variable(&name)?.trim().to_owned();
            (!value.is_empty()).then_some((name, value))
        })
    };
    let Some((name, value)) = named(upper).or_else(|| named("ALL_PROXY")) else {
        return Ok(None);
    };
    if named("NO_PROXY").is_some_and(|(_, list)| is_excepted(url, &list)) {
        return Ok(None);
    }
    let proxy = Proxy::new(&value).map_err(|_| {
        format!(
            "the environment variable {name} is not the address of a proxy: expected http://HOST:PORT"
        )
    })?;
    Ok(Some(proxy))
}

/// The address of a proxy without name and password.
pub(super) fn address(proxy: &Proxy) -> String {
    let scheme = proxy.protocol().to_string().to_ascii_lowercase();
    format!("{scheme}://{}:{}", proxy.host(), proxy.port())
}

/// Whether a list has the host of an address, a domain or network that it belongs to, or `*`.
fn is_excepted(url: &Uri, list: &str) -> bool {
    let host = url.host().unwrap_or_default();
    let host = host.trim_start_matches('[').trim_end_matches(']');
    let default = if url.scheme_str() == Some("https") {
        443
    } else {
        80
    };
    let port = url.port_u16().unwrap_or(default);
    let ip = host.parse::<IpAddr>().ok();
    let entries = list.split([',', ' ']).filter(|entry| !entry.is_empty());
    entries.into_iter().any(|entry| {
        if entry == "*" {
            return true;
        }
        if let Some(ip) = ip
            && let Ok(network) = entry.parse::<IpNet>()
        {
            return network.contains(&ip);
        }
        if entry.parse::<IpAddr>().is_ok_and(|entry| ip == Some(entry)) {
            return true;
        }
        let (entry, is_port) = match entry.rsplit_once(':') {
            Some((entry, digits)) if !entry.ends_with(':') && digits.parse::<u16>().is_ok() => {
                (entry, digits.parse() == Ok(port))
            }
            _ => (entry, true),
        };
        let bare = entry.trim_start_matches('[').trim_end_matches(']');
        let domain = bare.trim_start_matches('*').trim_start_matches('.');
        is_port && is_within(host, domain)
    })
}

fn is_within(host: &str, domain: &str) -> bool {
    let start = host.len().checked_sub(domain.len());
    let tail = start.and_then(|start| host.get(start..).map(|tail| (start, tail)));
    tail.is_some_and(|(start, tail)| {
        !domain.is_empty()
            && tail.eq_ignore_ascii_case(domain)
            && (start == 0 || host.as_bytes()[start - 1] == b'.')
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn chosen(url: &str, variables: &[(&str, &str)]) -> Result<Option<String>, String> {
        let variable = |name: &str| {
            let found = variables.iter().find(|(known, _)| *known == name)?;
            Some(found.1.to_owned())
        };
        let proxy = proxy(&url.parse().unwrap(), variable)?;
        Ok(proxy.as_ref().map(address))
    }

    #[test]
    fn the_scheme_decides_which_variable_counts() {
        let both = [
            ("HTTP_PROXY", "http://one:3128"),
            ("HTTPS_PROXY", "two:8080"),
        ];
        let of = |url, variables| chosen(url, variables).unwrap();
        assert_eq!(of("http://host/", &both).unwrap(), "http://one:3128");
        assert_eq!(of("https://host/", &both).unwrap(), "http://two:8080");
        assert_eq!(of("https://host/", &both[..1]), None);
        let all = [("all_proxy", "socks5h://three"), ("HTTP_PROXY", "")];
        assert_eq!(of("http://host/", &all).unwrap(), "socks5h://three:1080");
        let lower = [("https_proxy", "http://a"), ("HTTPS_PROXY", "http://b")];
        assert_eq!(of("https://host/", &lower).unwrap(), "http://a:80");
        assert_eq!(of("https://host/", &[]), None);
    }

    #[test]
    fn a_password_is_not_shown() {
        let secret = [("HTTP_PROXY", "http://me:hunter2@one:3128")];
        let shown = chosen("http://host/", &secret).unwrap().unwrap();
        assert_eq!(shown, "http://one:3128");
        let wrong = [("HTTP_PROXY", "gopher://me:hunter2@one")];
        let error = chosen("http://host/", &wrong).unwrap_err();
        assert!(
            error.contains("HTTP_PROXY") && !error.contains("hunter2"),
            "{error}"
        );
    }

    #[test]
    fn excepted_hosts_are_names_domains_and_networks() {
        let excepted =
            |host: &str, list: &str| is_excepted(&format!("http://{host}/").parse().unwrap(), list);
        for (host, list) in [
            ("example.org", "example.org"),
            ("a.EXAMPLE.org", "one, example.ORG"),
            ("a.example.org", ".example.org"),
            ("a.example.org", "*.example.org"),
            ("anything", "one,*"),
            ("example.org:4318", "example.org:4318"),
            ("127.0.0.1:8000", "localhost,127.0.0.1"),
            ("10.1.2.3", "10.0.0.0/8"),
            ("[::1]:8000", "::1"),
            ("[fd00::7]", "fd00::/8"),
            ("localhost", "localhost 127.0.0.1"),
        ] {
            assert!(excepted(host, list), "{host} {list}");
        }
        for (host, list) in [
            ("notexample.org", "example.org"),
            ("example.org", "a.example.org"),
            ("example.org:4318", "example.org:4317"),
            ("11.1.2.3", "10.0.0.0/8"),
            ("example.org", "10.0.0.0/8"),
            ("example.org", ", ,."),
            ("[::1]", "::2"),
        ] {
            assert!(!excepted(host, list), "{host} {list}");
        }
    }
}
