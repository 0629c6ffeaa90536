//! Decides whether a key makes its value secret, and how strongly.

use crate::key_words::Words;
use crate::word_list::WordList;

/// How strongly a key indicates a secret.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Strength {
    /// `session`, `auth`: words of ordinary logs, too. The value must look like a credential.
    Weak,
    /// `token`, `cookie`: parsers have tokens, too. Words and numbers are not secret.
    Medium,
    /// `password`, `secret`, `api_key`: every value is secret except placeholders and sentences.
    Strong,
}

/// What kind of value belongs to a key.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Kind {
    Plain,
    /// `pass`, `pwd`: passwords, but also the passes of a compiler or the working directory.
    Pass,
    /// `pin`, `otp`, `verification code`: a few digits.
    Code,
    /// `mnemonic`, `seed phrase`: several words.
    Phrase,
    /// `Authorization:`: the value is the rest of the line.
    Line,
    /// `Cookie:`: the value is the rest of the line if that has an `=`.
    Cookie,
}

/// The class of a secret key.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Secret {
    pub(crate) strength: Strength,
    pub(crate) kind: Kind,
    /// `secrets`, `tokens`: a small number is a count.
    pub(crate) plural: bool,
}

const fn secret(strength: Strength, kind: Kind) -> Secret {
    Secret {
        strength,
        kind,
        plural: false,
    }
}

const STRONG: Secret = secret(Strength::Strong, Kind::Plain);
const MEDIUM: Secret = secret(Strength::Medium, Kind::Plain);
const WEAK: Secret = secret(Strength::Weak, Kind::Plain);
const PASS: Secret = secret(Strength::Strong, Kind::Pass);
const CODE: Secret = secret(Strength::Strong, Kind::Code);
const PHRASE: Secret = secret(Strength::Strong, Kind::Phrase);
const LINE: Secret = secret(Strength::Medium, Kind::Line);
const COOKIE: Secret = secret(Strength::Medium, Kind::Cookie);
const PLURAL_STRONG: Secret = Secret {
    plural: true,
    ..STRONG
};
const PLURAL_MEDIUM: Secret = Secret {
    plural: true,
    ..MEDIUM
};

/// Words that alone make a key secret, with the tag of their class; see `of_tag`. Compound words that
/// end in `pass` or `pwd` are listed one by one, because the endings alone would match `compass`.
static WORDS: WordList = WordList::new(
    "accesskey=s adminpass=p adminpwd=p apikey=s apikeys=S auth=w authkey=s authorization=l \
     authtoken=m bindpw=s contrasena=s contraseña=s cookie=k cookies=k cred=s credential=s \
     credentials=S creds=S csrf=m csrftoken=m dbpass=p dbpwd=p encrypt=w ftppass=p httppass=p \
     jsessionid=m jwt=m kennwort=s mailpass=p masterauth=s mnemonic=f motdepasse=s mypass=p \
     oauth=w otp=c pass=p passcode=s passphrase=s passphrases=S passwd=s password=s passwords=S \
     passwort=s pat=w phpsessid=m pin=c privatekey=s proxypass=p psk=s pw=p pwd=p requirepass=s \
     rootpass=p rootpwd=p samlresponse=m secret=s secretkey=s secrets=S seed=f senha=s sessid=m \
     session=w sessionid=m sid=w sig=w signature=w smtppass=p ticket=w token=m tokens=M totp=c \
     userpass=p userpwd=p wachtwoord=s xsrf=m пароль=s パスワード=s 密码=s",
);

/// Endings that make a word without separators secret: `dbpassword`, `PGPASSWORD`.
const ENDINGS: &[(&str, Secret)] = &[
    ("accesskey", STRONG),
    ("apikey", STRONG),
    ("passphrase", STRONG),
    ("passwd", STRONG),
    ("password", STRONG),
    ("privatekey", STRONG),
    ("secret", STRONG),
    ("secretkey", STRONG),
    ("sessionid", MEDIUM),
    ("token", MEDIUM),
];

/// Words that make a following `key` secret.
static KEY_KINDS: WordList = WordList::new(
    "access account api app auth client decryption deploy encryption functions hmac licence \
     license master preshared private secret service session shared signing ssh storage \
     subscription unseal wallet",
);

/// Words that make a following `code` secret.
static CODE_KINDS: WordList = WordList::new(
    "2fa access activation auth authentication authorization backup confirmation factor login mfa \
     otp pairing recovery security sms time verification",
);

/// Pairs of consecutive words.
const PAIRS: &[(&str, &str, Secret)] = &[
    ("pass", "phrase", STRONG),
    ("pass", "word", STRONG),
    ("pass", "code", STRONG),
    ("de", "passe", STRONG),
    ("seed", "phrase", PHRASE),
    ("seed", "words", PHRASE),
    ("recovery", "phrase", PHRASE),
    ("backup", "phrase", PHRASE),
    ("mnemonic", "phrase", PHRASE),
    ("wallet", "seed", PHRASE),
    ("security", "answer", STRONG),
    ("saml", "response", MEDIUM),
    ("session", "id", MEDIUM),
    ("secret", "id", WEAK),
    ("session", "cookie", MEDIUM),
    ("code", "verifier", MEDIUM),
    ("bind", "pw", STRONG),
    ("require", "pass", STRONG),
];

/// Last words of keys whose values only describe a secret.
static HARMLESS_ENDINGS: WordList = WordList::new(
    "age alg algorithm algorithms at attempt attempts audience authenticate authentication bits \
     bucket budget callback class config consumed controller count counter created \
     credentials_provider date digits dir directory disabled domain duration enabled endpoint \
     engine env error errors event exp expected expired expires expiry failed failures fd field \
     file filter flow format handler header help hint hits host id index interval invalid issuer \
     kind label len length level lifetime limit location manager max mechanism method methods \
     middleware min missing mode name names option options out param path period plugin policy \
     port prefix present prompt protection protocol provider providers rate ref refresh region \
     remaining required reset retries role rotation rounds scheme scope scopes second secure \
     selector server service set size source span state status storage store strategy strength \
     success through time timeout tls total ttl type types updated uri url usage use used user \
     username valid validity version volume",
);

/// First words of keys whose values are bools or numbers.
static HARMLESS_BEGINNINGS: WordList = WordList::new(
    "allow ask enable expired has invalid is max min missing no num public require requires skip \
     supports total unexpected www",
);

/// The secret keys of a redactor.
#[derive(Debug, Default)]
pub(crate) struct Keys {
    built_in: bool,
    /// The user's keys, normalised.
    own: Vec<String>,
}

impl Keys {
    pub(crate) fn none() -> Keys {
        Keys::default()
    }

    pub(crate) fn built_in() -> Keys {
        Keys {
            built_in: true,
            own: Vec::new(),
        }
    }

    pub(crate) fn add(&mut self, key: &str) {
        let words = Words::of(key).as_str().to_owned();
        // Not empty: longer than the spaces at both ends.
        if words.len() > 1 {
            self.own.push(words);
        }
    }

    pub(crate) fn has_own(&self) -> bool {
        !self.own.is_empty()
    }

    /// Whether the key equals one of the user's keys, and does not only contain it.
    pub(crate) fn is_exactly(&self, key: &str) -> bool {
        let words = Words::of(key);
        self.own.iter().any(|own| own == words.as_str())
    }

    /// The anchor of each of the user's keys: its longest word.
    pub(crate) fn anchors(&self) -> impl Iterator<Item = &str> {
        self.own
            .iter()
            .filter_map(|key| key.split(' ').max_by_key(|word| word.len()))
    }

    /// The class of the key; `None` if it is not secret.
    pub(crate) fn secret(&self, key: &str) -> Option<Secret> {
        let words = Words::of(key);
        let words = words.as_str();
        let has = |own: &String| {
            let mut windows = words.as_bytes().windows(own.len());
            windows.any(|window| window == own.as_bytes())
        };
        if self.own.iter().any(has) {
            return Some(STRONG);
        }
        if self.built_in { classify(words) } else { None }
    }
}

/// Classifies normalised words.
fn classify(words: &str) -> Option<Secret> {
    let mut found: Option<Secret> = None;
    let mut previous = "";
    let mut count = 0;
    let mut found_at = 0;
    for word in words.split(' ').filter(|word| !word.is_empty()) {
        if count == 0 && HARMLESS_BEGINNINGS.has(word) && words.len() > word.len() + 2 {
            return None;
        }
        if let Some(secret) = class_of_word(previous, word) {
            // `session_key` is as strong as its strongest part.
            if found.is_none_or(|found| found.strength <= secret.strength) {
                found = Some(secret);
            }
            found_at = count;
        }
        previous = word;
        count += 1;
    }
    let found = found?;
    let is_last = found_at + 1 == count;
    if !is_last && HARMLESS_ENDINGS.has(previous) {
        return None;
    }
    Some(found)
}

fn class_of_word(previous: &str, word: &str) -> Option<Secret> {
    // `password2` is a password, too.
    let stem = match word.trim_end_matches(|c: char| c.is_ascii_digit()) {
        "" => word,
        stem => stem,
    };
    if matches!(stem, "key" | "keys") {
        return KEY_KINDS.has(previous).then_some(Secret {
            plural: stem == "keys",
            ..STRONG
        });
    }
    if matches!(stem, "code" | "codes") {
        return CODE_KINDS.has(previous).then_some(CODE);
    }
    let pair = PAIRS
        .iter()
        .find(|(first, second, _)| *first == previous && *second == stem);
    if let Some((_, _, secret)) = pair {
        return Some(*secret);
    }
    if let Some(tag) = WORDS.find(stem.as_bytes()) {
        return of_tag(tag);
    }
    let ending = ENDINGS.iter().find(|(ending, _)| stem.ends_with(ending));
    ending.map(|(_, secret)| *secret)
}

/// The class for a tag in `WORDS`.
fn of_tag(tag: &[u8]) -> Option<Secret> {
    Some(match tag {
        b"s" => STRONG,
        b"S" => PLURAL_STRONG,
        b"m" => MEDIUM,
        b"M" => PLURAL_MEDIUM,
        b"w" => WEAK,
        b"p" => PASS,
        b"c" => CODE,
        b"f" => PHRASE,
        b"l" => LINE,
        b"k" => COOKIE,
        _ => return None,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn keys_that_say_secret() {
        for key in [
            "password",
            "PASSWORD",
            "db_password",
            "dbPassword",
            "DBPassword",
            "dbpassword",
            "password2",
            "password_hash",
            "passwd",
            "pwd",
            "smtp_pass",
            "secret",
            "client_secret",
            "clientSecret",
            "AWS_SECRET_ACCESS_KEY",
            "token",
            "access_token",
            "accessToken",
            "X-Auth-Token",
            "csrf-token",
            "api_key",
            "apikey",
            "api-key",
            "X-Api-Key",
            "APIKey",
            "access_key",
            "private_key",
            "Authorization",
            "Proxy-Authorization",
            "auth",
            "cookie",
            "Set-Cookie",
            "session",
            "session_id",
            "sessionid",
            "credential",
            "credentials",
            "passphrase",
            "user.password",
            "JSESSIONID",
        ] {
            assert!(Keys::built_in().secret(key).is_some(), "{key}");
        }
    }

    #[test]
    fn lists_are_sorted_and_tags_are_known() {
        for list in [
            &WORDS,
            &KEY_KINDS,
            &CODE_KINDS,
            &HARMLESS_ENDINGS,
            &HARMLESS_BEGINNINGS,
        ] {
            list.check();
        }
        for word in WORDS.list.split(' ') {
            let tag = word.split_once('=').map(|(_, tag)| tag.as_bytes());
            assert!(tag.is_some_and(|tag| of_tag(tag).is_some()), "{word}");
        }
    }

    #[test]
    fn keys_that_do_not() {
        for key in [
            "author",
            "authority",
            "authenticated",
            "monkey",
            "keyboard",
            "key",
            "public_key",
            "primaryKey",
            "passed",
            "passenger",
            "compass",
            "bypassed",
            "tokens_used",
            "token_count",
            "tokenizer",
            "password_length",
            "auth_method",
            "session_duration",
            "secretary",
            "possession",
            "sidecar",
            "",
            "-",
            "name",
            "file",
            "cookie_policy",
        ] {
            assert!(Keys::built_in().secret(key).is_none(), "{key}");
        }
    }

    #[test]
    fn a_key_of_the_users_is_found_among_other_words() {
        let mut keys = Keys::none();
        keys.add("licence_number");
        assert!(keys.secret("userLicenceNumber").is_some());
        assert!(keys.secret("LICENCE-NUMBER").is_some());
        assert!(keys.secret("licence").is_none());
        assert!(keys.secret("password").is_none());
    }
}
