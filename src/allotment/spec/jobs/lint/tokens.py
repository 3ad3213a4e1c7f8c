"""The rule about secrets written where everybody reads them. It names the place, and never repeats the value."""

from __future__ import annotations

import math
import re
from collections import Counter
from collections.abc import Iterator
from itertools import pairwise
from typing import Final

from allotment.spec.jobs.lint.linted import LintAdvice, LintedJob, LintRule

PLAIN_SIGHT: Final = "secret-in-plain-sight"

_KNOWN: Final = re.compile(
    r"\b(?:sk-[A-Za-z0-9_-]{16,}|gh[opusr]_[A-Za-z0-9]{20,}|github_pat_[A-Za-z0-9_]{20,}|glpat-[A-Za-z0-9_-]{16,}"
    r"|hf_[A-Za-z0-9]{20,}|xox[abprs]-[A-Za-z0-9-]{10,}|AKIA[0-9A-Z]{16}|AIza[A-Za-z0-9_-]{30,}"
    r"|eyJ[A-Za-z0-9_-]{8,}\.eyJ[A-Za-z0-9_-]{8,})"
    r"|-----BEGIN [A-Z ]*PRIVATE KEY-----|://[^/\s:@]+:[^/\s@]+@|[?&](?:X-Amz-Signature|sig|token)=[^&\s]{8,}"
)
"""Forms that well-known services give to what they hand out, and passwords within addresses."""
_SECRET_WORDS: Final = frozenset(
    {"apikey", "credential", "credentials", "passphrase", "passwd", "password", "pwd", "secret", "token"}
)
_SECRET_PAIRS: Final = frozenset({("api", "key"), ("access", "key"), ("private", "key"), ("auth", "key")})
_HARMLESS: Final = re.compile(r"(?:true|false|yes|no|none|null|[-+.0-9]*|[./~$].*)", re.IGNORECASE)
_PUBLIC_WORDS: Final = frozenset({"commit", "digest", "hash", "revision", "sha", "sha1", "sha256"})
_DENSE: Final = re.compile(r"[A-Za-z0-9+/_=-]{24,}")
_HEX: Final = re.compile(r"[0-9a-f]{32,}|[0-9A-F]{32,}")
_LEAST_BITS: Final = 3.7
"""Bits a character: words of a language have about 3 in so short a text, random ones of 62 letters above 4."""


def looks_like_a_secret(name: str, value: str) -> bool:
    """Whether a value is probably one that nobody else should read.

    Args:
        name: of the variable or flag that it is given to; empty for none.
        value: as it is written.
    """
    if _KNOWN.search(value):
        return True
    words = [word for word in re.split(r"[^a-z0-9]+", name.lower()) if word]
    pairs = set(pairwise(words))
    if (_SECRET_WORDS & set(words) or _SECRET_PAIRS & pairs) and _HARMLESS.fullmatch(value) is None:
        return True
    return not _PUBLIC_WORDS & set(words) and _is_random(value)


def _is_random(value: str) -> bool:
    if _HEX.fullmatch(value):
        return True
    if _DENSE.fullmatch(value) is None or "/" in value.strip("/"):
        return False
    kinds = (str.isdigit, str.islower, str.isupper)
    number = len(value)
    bits = -sum(times / number * math.log2(times / number) for times in Counter(value).values())
    return all(any(kind(character) for character in value) for kind in kinds) and bits >= _LEAST_BITS


def secret_in_plain_sight(linted: LintedJob) -> Iterator[LintAdvice]:
    """In a variable, an argument or an address of data."""
    program = linted.job.program
    for name, value in program.environment.items():
        if looks_like_a_secret(name, value):
            yield LintAdvice(
                ("run", "env", name),
                f"the value of {name} looks like a secret, and everybody who sees the job reads it",
                f"put it into a secret, and write `secrets: {{{name}: SECRET/KEY}}`; change it, as it was written down",
            )
    if any(looks_like_a_secret(flag, value) for flag, value in _handed(program.argv)):
        field = "args" if linted.was_written("run.args") else "command"
        yield LintAdvice(
            ("run", field),
            "an argument looks like a secret, and everybody who sees the job or its processes reads it",
            "hand it over in a variable of `run.secrets`; change it, as it was written down",
        )
    for index, data in enumerate(linted.job.data):
        if _KNOWN.search(data.source):
            yield LintAdvice(
                ("data", index, "source"),
                "the address holds what looks like a secret, and everybody who sees the job reads it",
                "use an address without, and rights of the job's own",
            )
    for each in program.secrets:
        if _KNOWN.search(each.secret) or _is_random(each.secret) or _is_random(each.key):
            yield LintAdvice(
                ("run", "secrets", each.variable),
                "that looks like a secret itself, where its name belongs",
                "write the name of the secret that holds it; change it, as it was written down",
            )


def _handed(argv: tuple[str, ...]) -> Iterator[tuple[str, str]]:
    """Arguments, each with the flag that it is the value of."""
    flag = ""
    for word in argv:
        if word.startswith("-"):
            flag, equals, value = word.partition("=")
            if equals:
                yield flag, value
                flag = ""
        else:
            yield flag, word
            flag = ""


RULES: Final = (
    LintRule(
        PLAIN_SIGHT,
        "What looks like a secret in a variable, an argument or an address",
        "A job is kept, shown and listed; whoever may see it reads the value.",
        secret_in_plain_sight,
    ),
)
