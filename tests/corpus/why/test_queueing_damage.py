"""Objects damaged at random: the bridge and the twin go on with what is left of them."""

from __future__ import annotations

import copy
from pathlib import Path
from random import Random
from typing import Any, Final

import pytest

from allotment.model.observed.snapshot import Source
from allotment.observe.gathering import Gathered
from allotment.scheduling.snapshot.attempts import Settlement
from allotment.scheduling.snapshot.queueing import queueing_view
from allotment.scheduling.snapshot.tables import flavor_table, smallest_fitting
from tests.corpus.why.test_queueing import cases

pytestmark = pytest.mark.corpus

ROUNDS, WOUNDS = 4, 6
KINDS: Final = frozenset(
    {"AdmissionCheck", "ClusterQueue", "Cohort", "LimitRange", "LocalQueue", "Namespace", "ResourceFlavor", "Workload"}
)
POISON: Final = ("", None, -1, 0, "x" * 5000, [], {}, "\x1b[31m", 10**30, "1e400", True, [None], "9Ei")


def places(value: Any) -> list[tuple[Any, Any]]:
    """Every place in an object where something could be wrong."""
    found: list[tuple[Any, Any]] = []
    waiting = [value]
    while waiting:
        each = waiting.pop()
        keys = list(each) if isinstance(each, dict) else range(len(each)) if isinstance(each, list) else ()
        found += [(each, key) for key in keys]
        waiting += [each[key] for key in keys]
    return found


def wound(objects: list[Any], rng: Random) -> None:
    holder, key = rng.choice(places(rng.choice(objects)))
    if rng.random() < 0.4:
        del holder[key]
    else:
        holder[key] = copy.deepcopy(rng.choice(POISON))


def test_damaged_objects_end_no_answer(data: Path) -> None:
    rng = Random(7)
    told = 0
    for case, _, _ in cases(data):
        ours = [each for each in case["objects"] if each["kind"] in KINDS]
        for _ in range(ROUNDS):
            objects = copy.deepcopy(ours)
            for _ in range(WOUNDS):
                wound([each for each in objects if each], rng)
            gathered = Gathered()
            gathered.take_any(objects)
            view = queueing_view(Source(objects=gathered.objects(), gaps=gathered.gaps), case["now"])
            settlement = Settlement(view)
            told += sum(bool(settlement.of(key).message) for key in [*view.absent, *settlement.ids])
            for each in view.pending:
                flavor_table(view, each.name)
                smallest_fitting(view, each.name)
    assert told > 0
