//! Reads the corpus, and checks whether a redactor masked the secrets and nothing else.

use std::collections::BTreeMap;
use std::fs;
use std::path::Path;

use logredact::Redactor;

/// Parts of the corpus, as files.
pub(crate) const SECRETS: [&str; 4] = [
    "secrets.txt",
    "held-out-secrets.txt",
    "held-out-2-secrets.txt",
    "held-out-3-secrets.txt",
];
pub(crate) const BENIGN: [&str; 5] = [
    "benign.txt",
    "demo-benign.txt",
    "held-out-benign.txt",
    "held-out-2-benign.txt",
    "held-out-3-benign.txt",
];

/// How many consecutive bytes of a secret must not be left.
const PIECE: usize = 8;

/// A case: one or more texts, and the secrets in them.
#[derive(Debug)]
pub(crate) struct Case {
    pub(crate) file: &'static str,
    pub(crate) line: usize,
    pub(crate) form: String,
    /// The texts in the order in which they were written.
    pub(crate) texts: Vec<String>,
    /// The texts with `\u{1}` for each secret.
    templates: Vec<String>,
    pub(crate) secrets: Vec<String>,
}

/// The outcome of a case.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Outcome {
    /// How many secrets were masked, and whether everything else is unchanged.
    Secrets {
        masked: usize,
        exact: bool,
    },
    Benign {
        untouched: bool,
    },
}

/// All cases of a file.
pub(crate) fn read(folder: &Path, file: &'static str) -> Vec<Case> {
    let path = folder.join(file);
    let content =
        fs::read_to_string(&path).unwrap_or_else(|error| panic!("{}: {error}", path.display()));
    let mut form = String::new();
    let mut cases = Vec::new();
    for (at, line) in content.lines().enumerate() {
        if let Some(name) = line.strip_prefix("## ") {
            form = name.to_owned();
            continue;
        }
        if !line.is_empty() {
            cases.push(Case::parse(file, at + 1, &form, line));
        }
    }
    cases
}

/// Masks a case with a new redactor, so that it does not use values learned from another case.
pub(crate) fn mask(case: &Case) -> Vec<String> {
    let redactor = Redactor::default();
    let mut stream = redactor.stream();
    case.texts
        .iter()
        .map(|text| stream.text(text).into_owned())
        .collect()
}

impl Case {
    fn parse(file: &'static str, line: usize, form: &str, text: &str) -> Case {
        let text = text.replace('¦', "").replace('␊', "\n").replace('␍', "\r");
        let mut secrets = Vec::new();
        let mut plain = String::new();
        let mut template = String::new();
        let mut rest = text.as_str();
        while let Some((before, after)) = rest.split_once('«') {
            let (secret, after) = after.split_once('»').expect("« is closed by »");
            // A secret of several lines or texts is masked if each part is.
            for part in secret.split(['\n', '␞']) {
                if part.len() >= 4 || !secret.contains(['\n', '␞']) {
                    secrets.push(part.trim().to_owned());
                }
            }
            plain.push_str(before);
            plain.push_str(secret);
            template.push_str(before);
            template.push('\u{1}');
            rest = after;
        }
        plain.push_str(rest);
        template.push_str(rest);
        Case {
            file,
            line,
            form: form.to_owned(),
            texts: plain.split('␞').map(str::to_owned).collect(),
            templates: template.split('␞').map(str::to_owned).collect(),
            secrets,
        }
    }

    /// The outcome of the case, whose masked texts are `masked`.
    pub(crate) fn judge(&self, masked: &[String], mask: &str) -> Outcome {
        let all = masked.join("\n");
        if self.secrets.is_empty() {
            return Outcome::Benign {
                untouched: masked.join("\n") == self.texts.join("\n"),
            };
        }
        // A part that also occurs elsewhere in the text is not a leak.
        let elsewhere = self.templates.join("\n");
        let gone = |secret: &&String| {
            let len = secret.len().min(PIECE);
            !secret.as_bytes().windows(len).any(|piece| {
                contains(all.as_bytes(), piece) && !contains(elsewhere.as_bytes(), piece)
            })
        };
        let expected: Vec<String> = self
            .templates
            .iter()
            .map(|template| template.replace('\u{1}', mask))
            .collect();
        Outcome::Secrets {
            masked: self.secrets.iter().filter(gone).count(),
            exact: masked == expected,
        }
    }
}

fn contains(text: &[u8], piece: &[u8]) -> bool {
    text.windows(piece.len()).any(|window| window == piece)
}

/// The results of a redactor for a part of the corpus.
#[derive(Debug, Default)]
pub(crate) struct Score {
    pub(crate) secrets: usize,
    pub(crate) masked: usize,
    pub(crate) lines_with_secrets: usize,
    pub(crate) exact: usize,
    pub(crate) benign: usize,
    pub(crate) touched: usize,
    /// For each form, the number of secrets, and of those that were masked.
    pub(crate) forms: BTreeMap<String, (usize, usize)>,
    /// The number of secrets in the held-out parts, and of those that were masked.
    pub(crate) held_out: (usize, usize),
    /// A line for each secret that was missed and each benign text that was changed.
    pub(crate) wrong: Vec<String>,
    /// A line for each text whose secrets are masked, but that was also changed elsewhere.
    pub(crate) inexact: Vec<String>,
}

impl Score {
    pub(crate) fn add(&mut self, case: &Case, masked: &[String], mask: &str) {
        let place = format!("{}:{}", case.file, case.line);
        match case.judge(masked, mask) {
            Outcome::Secrets { masked: n, exact } => {
                let all = case.secrets.len();
                self.secrets += all;
                self.masked += n;
                self.lines_with_secrets += 1;
                self.exact += usize::from(exact);
                let form = self.forms.entry(case.form.clone()).or_default();
                form.0 += all;
                form.1 += n;
                if case.file.starts_with("held-out") {
                    self.held_out.0 += all;
                    self.held_out.1 += n;
                }
                if n < all {
                    self.wrong.push(format!(
                        "missed {place}: {:?}\n    became {masked:?}",
                        case.texts
                    ));
                } else if !exact {
                    self.inexact.push(format!("inexact {place}: {masked:?}"));
                }
            }
            Outcome::Benign { untouched } => {
                self.benign += 1;
                if !untouched {
                    self.touched += 1;
                    self.wrong.push(format!(
                        "touched {place}: {:?}\n    became {masked:?}",
                        case.texts
                    ));
                }
            }
        }
    }

    /// The share of secrets that were masked.
    pub(crate) fn recall(&self) -> f64 {
        self.masked as f64 / self.secrets.max(1) as f64
    }

    /// The share of benign texts that were changed.
    pub(crate) fn touched_share(&self) -> f64 {
        self.touched as f64 / self.benign.max(1) as f64
    }
}
