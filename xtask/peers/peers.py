"""Masks texts with one of the peers from PyPI.

Usage: peers.py NAME < TEXTS > RESULT

TEXTS is a list of texts in JSON. RESULT has the masked texts, the time that masking took in
milliseconds, and the peer's version.
"""

import json
import math
import re
import sys
import time
from importlib.metadata import version
from pathlib import Path

MASK = "[redacted]"


def splice(text, ranges):
    """Replaces ranges of a text by the mask. Overlapping ranges are joined."""
    out, done = [], 0
    for start, end in sorted(ranges):
        if end <= done:
            continue
        if start >= done:
            out += [text[done:start], MASK]
        done = end
    return "".join(out) + text[done:]


def gitleaks():
    """The rules of gitleaks: regular expressions, keywords, entropy and allow-lists."""
    import tomllib

    import maskerlogger
    import re2

    path = Path(maskerlogger.__file__).parent / "config" / "gitleaks.toml"
    config = tomllib.loads(path.read_text())
    options = re2.Options()
    options.log_errors = False
    options.max_mem = 256 << 20

    def compiled(patterns):
        return [re2.compile(pattern, options) for pattern in patterns]

    def allowlists(table):
        lists = table.get("allowlists", [])
        return lists + ([table["allowlist"]] if "allowlist" in table else [])

    def compile_lists(table):
        return [
            (
                compiled(one.get("regexes", [])),
                one.get("regexTarget", "secret"),
                [word.lower() for word in one.get("stopwords", [])],
            )
            for one in allowlists(table)
            # An allow-list that requires a path does not apply to a log.
            if not (one.get("condition") == "AND" and "paths" in one)
        ]

    everywhere = compile_lists(config)
    rules = [
        (
            re2.compile(rule["regex"], options),
            rule.get("secretGroup", 0),
            rule.get("entropy", 0),
            [word.lower() for word in rule.get("keywords", [])],
            compile_lists(rule) + everywhere,
        )
        for rule in config["rules"]
        if "regex" in rule
    ]

    def entropy(secret):
        counts = {char: secret.count(char) for char in set(secret)}
        return -sum(n / len(secret) * math.log2(n / len(secret)) for n in counts.values())

    def allowed(lists, text, match, secret):
        start = text.rfind("\n", 0, match.start()) + 1
        end = text.find("\n", match.end())
        line = text[start : end if end >= 0 else len(text)]
        targets = {"secret": secret, "match": match.group(0), "line": line}
        return any(
            any(pattern.search(targets[target]) for pattern in patterns)
            or any(word in secret.lower() for word in stopwords)
            for patterns, target, stopwords in lists
        )

    def mask(text):
        lower = text.lower()
        ranges = []
        for pattern, group, least, keywords, lists in rules:
            if keywords and not any(word in lower for word in keywords):
                continue
            for match in pattern.finditer(text):
                chosen = group
                if not chosen:
                    # If a rule does not name a group, the secret is the first group that matched.
                    groups = range(1, len(match.groups()) + 1)
                    chosen = next((at for at in groups if match.group(at)), 0)
                secret = match.group(chosen)
                if not secret or (least and entropy(secret) <= least):
                    continue
                if not allowed(lists, text, match, secret):
                    ranges.append(match.span(chosen))
        return splice(text, ranges)

    return mask, f"{len(rules)} rules, maskerlogger {version('maskerlogger')}"


def detect_secrets():
    """`scan_file` with the default settings, and a file for each text."""
    import tempfile

    from detect_secrets.core.scan import scan_file
    from detect_secrets.settings import default_settings

    folder = tempfile.TemporaryDirectory()
    path = Path(folder.name) / "app.log"
    settings = default_settings()
    settings.__enter__()

    def mask(text):
        path.write_text(text)
        found = [secret.secret_value for secret in scan_file(str(path))]
        # For some tokens it returns only the beginning.
        ranges = [
            match.span()
            for secret in found
            if secret
            for match in re.finditer(re.escape(secret) + r"[A-Za-z0-9_-]*", text)
        ]
        return splice(text, ranges)

    # Keeps the folder and the settings alive as long as the function.
    mask.kept = folder, settings
    return mask, version("detect-secrets")


def presidio():
    """The recognisers of credentials and payment data that work without a language model."""
    import spacy
    from presidio_analyzer import AnalyzerEngine
    from presidio_analyzer.nlp_engine import SpacyNlpEngine

    class Blank(SpacyNlpEngine):
        def __init__(self):
            super().__init__(models=[{"lang_code": "en", "model_name": "blank"}])
            self.nlp = {"en": spacy.blank("en")}

        def load(self):
            pass

    analyzer = AnalyzerEngine(nlp_engine=Blank(), supported_languages=["en"])
    entities = [
        entity
        for entity in ["CREDIT_CARD", "CRYPTO", "IBAN_CODE", "API_KEY", "PASSWORD", "SECRET"]
        if entity in analyzer.get_supported_entities("en")
    ]

    def mask(text):
        found = analyzer.analyze(text, language="en", entities=entities)
        return splice(text, [(one.start, one.end) for one in found])

    return mask, f"{version('presidio-analyzer')}: {', '.join(entities)}"


PEERS = {"gitleaks": gitleaks, "detect-secrets": detect_secrets, "presidio": presidio}


def main():
    texts = json.load(sys.stdin)
    mask, release = PEERS[sys.argv[1]]()
    mask("warm up")
    start = time.perf_counter()
    masked = [mask(text) for text in texts]
    ms = (time.perf_counter() - start) * 1000
    json.dump({"version": release, "ms": ms, "masked": masked}, sys.stdout)


main()
