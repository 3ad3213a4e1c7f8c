"""What a probe ended with, and the report that collects it."""

from __future__ import annotations

import datetime as dt
from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum


class Verdict(StrEnum):
    """How a probe ended."""

    PROVED = "proved"
    """The guardrail was seen at work."""
    FAILED = "failed"
    """The guardrail did not hold, or something else had to hold in its place."""
    KEPT = "kept"
    """The guardrail does not hold yet, because of what an adoption left to its owner on purpose."""
    NOT_PROVABLE = "not-provable"
    """It stands as declared, but nothing that the API server says can show that it works."""
    ERROR = "error"
    """The probe could not be tried."""


@dataclass(frozen=True, slots=True)
class Result:
    """One probe and what came of it.

    Attributes:
        guardrail: id of the guardrail.
        team: whose guardrail it is; empty for the platform's own.
        tried: what was tried, in words.
        object: what it was tried on.
        persona: as whom.
        expected: what a guardrail that works would have answered.
        got: what came back, in the server's own words where it has any.
        at: when, UTC.
    """

    guardrail: str
    team: str
    tried: str
    object: str
    persona: str
    expected: str
    got: str
    verdict: Verdict
    at: dt.datetime


@dataclass(frozen=True, slots=True)
class ProofReport:
    """Everything that one run of prove found.

    Attributes:
        version: what the API server calls itself.
        results: in the order in which they were tried.
        missing: rights that whoever ran prove lacked, in words; what needs them could not be tried.
    """

    platform: str
    cluster: str
    server: str
    version: str
    started: dt.datetime
    finished: dt.datetime
    results: tuple[Result, ...]
    missing: tuple[str, ...] = ()

    @property
    def counts(self) -> Mapping[Verdict, int]:
        """How many results of each verdict; all verdicts are there."""
        found = Counter(result.verdict for result in self.results)
        return {verdict: found[verdict] for verdict in Verdict}

    @property
    def failed(self) -> bool:
        """Whether anything failed or could not be tried: the run is no proof then, and exits with 1."""
        return any(result.verdict in {Verdict.FAILED, Verdict.ERROR} for result in self.results)

    @property
    def untried(self) -> int:
        """Probes that could not be tried."""
        return self.counts[Verdict.ERROR]

    @property
    def broken(self) -> tuple[str, ...]:
        """Ids of the guardrails that failed, in the order of the catalogue."""
        return self._guardrails(Verdict.FAILED)

    @property
    def kept(self) -> tuple[str, ...]:
        """Ids of the guardrails that do not hold because of what adoption left there."""
        return self._guardrails(Verdict.KEPT)

    def _guardrails(self, verdict: Verdict) -> tuple[str, ...]:
        return tuple(dict.fromkeys(result.guardrail for result in self.results if result.verdict is verdict))
