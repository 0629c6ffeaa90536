//! Secrets in command lines: `--password X`, `mysql -pX`, `curl -u me:X`.

use std::borrow::Cow;

use crate::byte_set::ByteSet;
use crate::found_key::Key;
use crate::key::{Secret, Strength};
use crate::masking::bare_len;
use crate::quote;
use crate::redactor::Redactor;
use crate::rule::RuleName;
use crate::scan::Scan;
use crate::value::{self, Syntax};
use crate::word_list::WordList;

/// How far before a short option the program is searched.
const COMMAND: usize = 160;

/// Programs whose short options take passwords, and the options.
static PROGRAMS: WordList = WordList::new(
    "7z=-p 7za=-p az=-p bcp=-P curl=-u docker=-p helm=-p http=-a ipmitool=-P ldapadd=-w \
     ldapmodify=-w ldapsearch=-w ldapwhoami=-w mariadb=-p mongo=-p mongodump=-p \
     mongorestore=-p mongosh=-p mosquitto_pub=-P mosquitto_sub=-P mysql=-p mysqladmin=-p \
     mysqldump=-p podman=-p rar=-p redis-cli=-a rpcclient=-U smbclient=-U sqlcmd=-P \
     sshpass=-p unzip=-P zip=-P",
);

/// Programs whose `-p` is not a password.
static OTHERS: WordList = WordList::new(
    "bat cargo cp fd gdb git grep kill kubectl ls lsof make mkdir nc nmap npm patch perf pip \
     ps psql python rg rsync rustc scp sed sort ssh strace su sudo tar tcpdump tmux wget",
);

/// The value of `--key` after a space. `at` is its beginning.
pub(crate) fn option_value(
    scan: &mut Scan<'_>,
    key: &Key,
    secret: Secret,
    spaces: usize,
    at: usize,
) -> Option<usize> {
    let name = key.name(scan);
    // In a help text, the description comes after two or more spaces.
    let is_help = spaces > 1 || matches!(scan.get(at), Some(b'<' | b'['));
    // Whether the key is the beginning of an option, and not the end of a longer word.
    let starts_option = key.start().checked_sub(1).is_none_or(|at| {
        scan.bytes[at].is_ascii_whitespace() || b"\"'`[,(".contains(&scan.bytes[at])
    });
    if is_help || !starts_option {
        return None;
    }
    let range = match quote::quoted(scan, at) {
        Some(quoted) => quoted.content,
        None => at..at + bare_len(scan, at),
    };
    let value = scan.str(range.clone());
    let is_flag = value.starts_with("--")
        || (value.starts_with('-')
            && value[1..].bytes().all(|b| b.is_ascii_alphabetic())
            && value.len() <= 3);
    if is_flag || !value::is_secret(secret, Syntax::Option, name, value) {
        return None;
    }
    scan.mask(range.clone(), RuleName::Key);
    Some(range.end)
}

/// ` -p X`, ` -pX`, ` -u me:X`, ` --user me:X`, ` -a X`, ` -w X`, ` -P X`, ` -U me%X`.
pub(crate) fn short_option(scan: &mut Scan<'_>, start: usize, end: usize) -> Option<usize> {
    let is_long = scan.starts_with(start + 1, "--");
    let option = scan.str(start + 1..start + 3);
    let program = program(scan, start);
    let takes = PROGRAMS.find(program.as_bytes()) == Some(option.as_bytes());
    let is_known = takes && (program != "docker" || names_login(scan, start));
    let mut at = if is_long { end } else { start + 3 };
    if is_long {
        // `--username ana`
        if !matches!(scan.get(at), Some(b' ' | b'=')) {
            return None;
        }
        at += 1;
    } else if scan.get(at) == Some(b' ') {
        if takes
            && matches!(
                program,
                "mysql" | "mysqldump" | "mysqladmin" | "mariadb" | "7z"
            )
        {
            // The password must follow without a space; otherwise it is a database.
            return None;
        }
        at += scan.run(at, |b| b == b' ');
    } else if !matches!(option, "-p" | "-P" | "-u") {
        return None;
    }
    let range = match quote::quoted(scan, at) {
        Some(quoted) => quoted.content,
        None => at..at + bare_len(scan, at),
    };
    let value = scan.str(range.clone());
    let secret = match option {
        "-u" | "--" => password_of_pair(value, program == "curl" || is_long),
        "-U" => value.split_once('%').map(|(_, password)| password),
        _ if OTHERS.has(program) => None,
        _ if is_known => {
            Some(value).filter(|value| !value.starts_with('-') && !value::is_path(value))
        }
        "-p" => Some(value).filter(|value| {
            value::looks_like_password(value) && value.len() >= 6 && !value.contains([':', '='])
        }),
        _ => None,
    }?;
    if secret.is_empty() || value::is_placeholder(secret) {
        return None;
    }
    let begin = range.end - secret.len();
    scan.mask(begin..range.end, RuleName::Argument);
    Some(range.end)
}

/// `net use … /user:NAME X`, `rabbitmqctl add_user NAME X`. `at` is the beginning of the name.
pub(crate) fn after_user(scan: &mut Scan<'_>, at: usize) -> Option<usize> {
    let start = at + bare_len(scan, at) + 1;
    let end = start + bare_len(scan, start.min(scan.bytes.len()));
    let is_secret =
        scan.get(start - 1) == Some(b' ') && value::looks_like_password(scan.str(start..end));
    is_secret.then(|| {
        scan.mask(start..end, RuleName::Argument);
        end
    })
}

/// `htpasswd -b FILE USER X`, `htpasswd -nb USER X`. `at` is after the dash.
pub(crate) fn htpasswd(scan: &mut Scan<'_>, at: usize) -> Option<usize> {
    const MOST_WORDS: usize = 6;
    let options = scan.str(at..at + bare_len(scan, at));
    if !options.contains('b') {
        return None;
    }
    let arguments = if options.contains('n') { 2 } else { 3 };
    let mut start = at + options.len();
    let mut seen = 0;
    for _ in 0..MOST_WORDS {
        start += scan.run(start, |b| b == b' ');
        let len = bare_len(scan, start.min(scan.bytes.len()));
        if len == 0 {
            return None;
        }
        seen += usize::from(scan.get(start) != Some(b'-'));
        if seen == arguments {
            scan.mask(start..start + len, RuleName::Argument);
            return Some(start + len);
        }
        start += len;
    }
    None
}

/// The password in `user:password`.
fn password_of_pair(value: &str, is_known: bool) -> Option<&str> {
    let (user, password) = value.split_once(':')?;
    let names_user = user.bytes().any(|b| b.is_ascii_alphabetic()) && !user.contains('/');
    let is_secret = if is_known {
        password.len() >= 4 && password.bytes().any(|b| !b.is_ascii_digit())
    } else {
        value::looks_like_password(password)
    };
    (names_user && is_secret && !password.starts_with('/')).then_some(password)
}

/// The program whose option is at `at`: the nearest known program name before it.
fn program<'a>(scan: &mut Scan<'a>, at: usize) -> &'a str {
    let earliest = at.saturating_sub(COMMAND);
    let bytes: &'a [u8] = scan.bytes;
    // Text that was searched for the previous option is not searched again.
    let from = earliest.max(scan.programs_done.min(at));
    let ends_word = |b: &u8| const { ByteSet::of(b" \t\n\"'`/|;&") }.has(*b);
    scan.step(2 * (at - from));
    scan.programs_done = at;
    let mut end = at;
    for word in bytes[from..at].rsplit(ends_word) {
        let start = end - word.len();
        if PROGRAMS.find(word).or_else(|| OTHERS.find(word)).is_some() {
            scan.program = start..end;
            break;
        }
        end = start.saturating_sub(1);
    }
    if scan.program.start < earliest {
        return "";
    }
    scan.str(scan.program.clone())
}

fn names_login(scan: &Scan<'_>, at: usize) -> bool {
    let before = &scan.bytes[at.saturating_sub(COMMAND)..at];
    memchr::memmem::find(before, b"login").is_some()
}

/// ` /p:X`
pub(crate) fn attached(scan: &mut Scan<'_>, at: usize) -> Option<usize> {
    let len = bare_len(scan, at);
    value::looks_like_password(scan.str(at..at + len)).then(|| {
        scan.mask(at..at + len, RuleName::Argument);
        at + len
    })
}

/// `-passin pass:X`
pub(crate) fn openssl_pass(scan: &mut Scan<'_>, start: usize, at: usize) -> Option<usize> {
    let before = &scan.bytes[start.saturating_sub(10)..start];
    let is_option = before.ends_with(b"-pass ")
        || before.ends_with(b"-passin ")
        || before.ends_with(b"-passout ");
    let len = bare_len(scan, at);
    (is_option && len > 0).then(|| {
        scan.mask(at..at + len, RuleName::Argument);
        at + len
    })
}

/// Masks the arguments of a process: each argument by its own text, and the values of options by the
/// options' names.
pub(crate) fn mask_args<S: AsRef<str>>(redactor: &Redactor, args: &[S]) -> Vec<String> {
    let mut masked = Vec::with_capacity(args.len());
    let mut option: Option<&str> = None;
    for arg in args {
        let arg = arg.as_ref();
        let value = option
            .take()
            .and_then(|option| masked_value(redactor, option, arg));
        let new = value.unwrap_or_else(|| mask_arg(redactor, arg));
        if arg.starts_with('-') && !arg.contains('=') {
            option = Some(arg);
        }
        masked.push(new);
    }
    masked
}

/// The masked argument after an option; `None` if the option is not secret.
fn masked_value(redactor: &Redactor, option: &str, arg: &str) -> Option<String> {
    let name = option.trim_start_matches('-');
    let is_flag = arg.starts_with("--")
        || (arg.starts_with('-')
            && arg.len() <= 3
            && arg[1..].bytes().all(|b| b.is_ascii_alphabetic()));
    if is_flag {
        return None;
    }
    match name {
        "p" | "P" | "w" if is_password_argument(arg) => {
            return Some(redactor.mask_whole(RuleName::Argument, arg));
        }
        "u" | "U" | "user" | "proxy-user" | "U-user" => {
            let (user, password) = arg.split_once([':', '%'])?;
            let is_id = password.bytes().all(|b| b.is_ascii_digit());
            if is_id || password.starts_with('/') || user.is_empty() {
                return None;
            }
            let separator = &arg[user.len()..=user.len()];
            let password = redactor.mask_whole(RuleName::Argument, password);
            return Some(format!("{user}{separator}{password}"));
        }
        _ => {}
    }
    match redactor.class(name) {
        Some(secret) if secret.strength != Strength::Weak => (!value::is_placeholder(arg)
            && value::is_secret(secret, Syntax::Option, name, arg))
        .then(|| redactor.mask_whole(RuleName::Key, arg)),
        _ => {
            let value = redactor.value(name, arg);
            matches!(value, Cow::Owned(_))
                .then(|| value.clone().into_owned())
                .or_else(|| (value != arg).then(|| value.into_owned()))
        }
    }
}

/// Whether an argument of `-p` may be a password: not a port, a path or a mapping of ports.
fn is_password_argument(arg: &str) -> bool {
    let is_port = arg
        .bytes()
        .all(|b| b.is_ascii_digit() || const { ByteSet::of(b":.-/") }.has(b))
        && arg.len() <= 21;
    !arg.is_empty()
        && !is_port
        && !value::is_path(arg)
        && !value::is_placeholder(arg)
        && (value::looks_like_password(arg)
            || arg
                .bytes()
                .any(|b| !b.is_ascii_lowercase() && b != b'-' && b != b'_'))
}

fn mask_arg(redactor: &Redactor, arg: &str) -> String {
    // `-pX`: a password without a space after the option.
    let attached = arg
        .strip_prefix("-p")
        .or_else(|| arg.strip_prefix("-P"))
        .filter(|rest| {
            rest.len() >= 5 && value::looks_like_password(rest) && !rest.starts_with('=')
        });
    if let Some(rest) = attached {
        let option = &arg[..arg.len() - rest.len()];
        return format!("{option}{}", redactor.mask_whole(RuleName::Argument, rest));
    }
    if let Some(password) = arg
        .strip_prefix("pass:")
        .filter(|password| !password.is_empty())
    {
        return format!("pass:{}", redactor.mask_whole(RuleName::Argument, password));
    }
    redactor.text(arg).into_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lists_are_sorted() {
        PROGRAMS.check();
        OTHERS.check();
    }
}
