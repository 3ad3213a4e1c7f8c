"""The story, step by step: what a member wants, what the approver offers, and what is left when its time is over."""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from typing import Any, Final

from allotment.adapters.files.tree import read_tree
from allotment.model.platform import Platform
from allotment.spec.load import load_platform
from tests.live.decide.conftest import git
from tests.live.kubernetes.driving import until
from tests.live.story.house import Colleague, House
from tests.live.story.stage import FLAVOR, Stage

WHY: Final = "evaluation of the release candidate"
BECAUSE: Final = "cv has a deadline on Friday"
OVER: Final = 48 * 3600 + 60
"""Seconds from its beginning after which the grant is over."""
_ASKED: Final = ("gpus", "16", "--accelerator", "a100", "--for", "72h", "--team", "nlp", "--why", WHY)
_MOMENT: Final = re.compile(r"\d{4}-\d\d-\d\dT[\d:.]+Z|\b[0-9a-f]{40}\b|^index .*", re.MULTILINE)
_PATIENCE: Final = 120
GIVEN: Final = {"east": (10, 6), "west": (6, 6)}
"""Guaranteed devices of nlp and of cv while the grant lasts: twelve more for nlp, over both clusters."""
BEFORE: Final = {"east": (2, 6), "west": (2, 6)}


@dataclass(frozen=True)
class Outcome:
    """What a story leaves; moments and names of commits are left out.

    Attributes:
        commits: each with author, committer, message and difference, oldest first.
        requests: all that were ever made, as documents.
        grants: the same.
        acts: what the audit trail has of them: verb, who, why.
        changes: what is not as the platform directory declares it, in both clusters.
        quotas: see `Stage.quotas`.
        files: of the platform directory.
    """

    commits: str
    requests: list[dict[str, Any]]
    grants: list[dict[str, Any]]
    acts: list[tuple[str, str, str]]
    changes: list[str]
    quotas: dict[str, tuple[int, ...]]
    files: list[str]


@dataclass
class Story:
    """One telling; its steps build on each other, and each may be done again where nobody answered."""

    stage: Stage
    house: House
    ada: Colleague
    lee: Colleague
    request: str = ""
    seen: dict[str, Any] = field(default_factory=dict)

    def steps(self) -> Iterator[tuple[str, Callable[[], None]]]:
        """In order, by name."""
        yield "the member signs in", self.ada.sign_in
        yield "she looks what would become of it", self._looks
        yield "she asks", self._asks
        yield "the approver signs in", self.lee.sign_in
        yield "he looks at it", self._is_shown
        yield "he offers less", self._offers
        yield "she accepts", self._accepts
        yield "it is given", self._is_given
        yield "its time passes", partial(self.house.later, OVER)
        yield "it is taken back", self._is_taken_back
        yield "the lender takes its own", self._lender

    def _looks(self) -> None:
        self.seen = self.ada.asks("request", *_ASKED, "--dry-run")

    def _asks(self) -> None:
        self.request = str(self.ada.asks("request", *_ASKED, "--key", "rc-1")["id"])

    def _is_shown(self) -> None:
        self.seen = self.lee.asks("request", "show", self.request)

    def _offers(self) -> None:
        words = ("counter", self.request, "--gpus", "12", "--for", "48h", "-m", BECAUSE)
        self.lee.run(*words, done=lambda: self._stands("offered"))

    def _accepts(self) -> None:
        self.ada.run("request", "accept", self.request, done=lambda: self._stands("approved"))

    def _stands(self, state: str) -> bool:
        return bool(self.ada.asks("request", "show", self.request)["state"] == state)

    def _is_given(self) -> None:
        until(lambda: self._grant() == "active", self._grant, _PATIENCE)
        until(lambda: "release" in self.stage.east.admitted("nlp"), lambda: "nlp's job waits still", _PATIENCE)

    def _is_taken_back(self) -> None:
        until(lambda: self._grant() == "ended", self._grant, _PATIENCE)

    def _lender(self) -> None:
        """What nlp runs is borrowed from now on, and gives way as soon as cv wants what is its own.

        Which of its jobs cv has in its place is Kueue's business.
        """
        east = self.stage.east
        east.submit("cv", "own", 1)
        until(lambda: len(east.admitted("cv")) > 1, lambda: str(east.admitted("cv")), _PATIENCE)
        until(lambda: "release" not in east.admitted("nlp"), lambda: "nlp keeps what it has borrowed", _PATIENCE)

    def _grant(self) -> str:
        found = {
            f"{each['state']} {each['trouble'] or ''}".strip() for each in self.house.listed("grant", "list", "-a")
        }
        return " ".join(sorted(found))

    def outcome(self) -> Outcome:
        """What is there now."""
        shape = "--format=%an <%ae>%n%cn%n%B"
        acts = [json.loads(each) for each in self.house.run("audit", "export").splitlines()]
        return Outcome(
            commits=_MOMENT.sub("…", self.house.log("--reverse", "-p", "--no-color", shape, "--", "grants")),
            requests=[_timeless(each) for each in self.house.listed("requests", "-a")],
            grants=[_timeless(each) for each in self.house.listed("grant", "list", "-a")],
            acts=[
                (each["verb"], each["who"], each["why"] or "")
                for each in acts
                if each["verb"].startswith(("request.", "grant."))
            ],
            changes=self.stage.changes(self.at_head()),
            quotas=self.stage.quotas(),
            files=git(self.house.remote, "ls-tree", "-r", "--name-only", "main").splitlines(),
        )

    def at_head(self) -> Platform:
        """The platform as the repository has it."""
        found = self.house.folder / "checkout"
        if not found.exists():
            git(found.parent, "clone", "-q", str(self.house.remote), str(found))
        git(found, "pull", "-q")
        return load_platform(read_tree(found)).platform


def _timeless(found: dict[str, Any]) -> dict[str, Any]:
    """A document with neither moments nor what depends on them."""
    text = _MOMENT.sub("…", json.dumps(found, sort_keys=True))
    kept: dict[str, Any] = json.loads(text)
    for each in kept.get("decisions", ()):
        del each["from"]  # a port
        for effect in each["effects"]:
            effect["work"] = ""  # of two jobs of cv that are alike, either gives way
    return kept


def told(stage: Stage, house: House, folder: Path) -> Story:
    """A story that nobody has begun to tell."""
    people = {"ada": "story-nlp", "lee": "story-leads"}
    for login, group in people.items():
        house.provider.enroll(login, group)
        (folder / login).mkdir()
    ada, lee = (Colleague(login, folder / login, house) for login in people)
    stage.set_work()
    return Story(stage, house, ada, lee)


__all__ = ["BECAUSE", "BEFORE", "FLAVOR", "GIVEN", "WHY", "Outcome", "Story", "told"]
