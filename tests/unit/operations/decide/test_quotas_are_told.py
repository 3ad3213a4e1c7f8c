"""From what clusters show to what is sent: of each threshold of a guarantee one notice, with what is used of what."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass, field, replace

import msgspec
import pytest

from allotment.model.observed.snapshot import Snapshot
from allotment.model.requests.notice import Delta, Measure, Notice, NoticeKind
from allotment.operations.decide.notifying import Notifier
from allotment.operations.decide.receivers import configured_notices
from allotment.ports.notices import Receiver
from tests.unit.operations.decide.test_desk import CLUSTER, FLAVOR, Office
from tests.unit.simulation.live.cluster import queue, snapshot, work

TEAM = {"team": {"kind": "slack", "url": "https://hooks.example/a", "teams": ["nlp"]}}
OTHERS = {"cvs": {"kind": "slack", "url": "https://hooks.example/b", "teams": ["cv"]}}
LOOKED_AGAIN = 301
"""Seconds after which a pass looks at the clusters anew."""


@dataclass
class Post:
    """A receiver's post box: what was sent, and to whom."""

    sent: list[tuple[Notice, str]] = field(default_factory=list)

    def send(self, notice: Notice, to: Receiver) -> None:
        self.sent.append((notice, to.name))


class Watched:
    """An office whose cluster shows as many devices in use as a test says."""

    def __init__(self) -> None:
        self.office, self.post = Office(), Post()
        self.used = 0
        self.room = replace(self.office.room, snapshots=self.seen)
        configured = configured_notices({"receivers": TEAM | OTHERS})
        self.notifier = Notifier(self.room, self.office.store.notices, self.post, configured, lambda *_: {})
        self.nominal = self.office.nominal()

    def seen(self, names: Sequence[str]) -> tuple[Snapshot, ...]:
        assert CLUSTER in names
        works = [work(f"w{number}", 1, came=50, got=50) for number in range(self.used)]
        objects = json.loads(json.dumps([*queue("nlp", self.nominal), *works]).replace('"a100"', f'"{FLAVOR}"'))
        read = snapshot(*objects)
        (source,) = read.sources
        return (msgspec.structs.replace(read, sources=(msgspec.structs.replace(source, name=CLUSTER),)),)

    def told(self, used: int) -> list[tuple[str, tuple[Delta, ...], str]]:
        """What is sent once so many devices are used, and looked at; several passes send nothing more."""
        self.used = used
        self.office.now += LOOKED_AGAIN
        for _ in range(3):
            self.notifier.tell_due()
        found = [(each.subject, each.deltas, to) for each, to in self.post.sent if each.kind is NoticeKind.QUOTA]
        assert len(found) == len(self.post.sent)
        self.post.sent.clear()
        return found


@pytest.fixture
def watched() -> Watched:
    return Watched()


def at(step: int, used: int, of: int) -> list[tuple[str, tuple[Delta, ...], str]]:
    """One notice, to the team's own receiver."""
    said = f"nlp: {step} % of its {FLAVOR} in {CLUSTER} are used"
    return [(said, (Delta(Measure.DEVICES, used, of),), "team")]


def test_each_threshold_that_is_crossed_is_told_once_with_what_is_used(watched: Watched) -> None:
    of = watched.nominal
    assert of == 12, "60, 80 and 95 % of it are 7.2, 9.6 and 11.4"
    heard = {used: watched.told(used) for used in range(of + 2)}
    assert {used: found for used, found in heard.items() if found} == {
        8: at(60, 8, of), 10: at(80, 10, of), 12: at(95, 12, of),
    }  # fmt: skip


def test_what_falls_and_rises_again_is_no_news_until_the_month_is_over(watched: Watched) -> None:
    of = watched.nominal
    assert watched.told(10) == at(80, 10, of), "two thresholds at once are told by the higher one"
    assert [watched.told(used) for used in (3, 8, 10, 3, 11)] == [[]] * 5
    assert watched.told(12) == at(95, 12, of)
    assert [watched.told(used) for used in (0, 12)] == [[]] * 2
    watched.office.now += 31 * 24 * 3600
    assert watched.told(8) == at(60, 8, of)
    assert watched.told(12) == at(95, 12, of)
    assert watched.told(12) == []


def test_what_no_cluster_shows_is_told_of_nobody(watched: Watched) -> None:
    watched.room = replace(watched.room, snapshots=lambda _: ())
    watched.notifier.room = watched.room
    assert watched.told(12) == []
