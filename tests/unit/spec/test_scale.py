"""A thousand teams: no check may be quadratic. The figures are in benchmarks/; this only keeps the order of growth.

What grows is counted, not timed: how often anything is called is the same on a busy machine.
"""

from __future__ import annotations

import sys
from types import FrameType

from allotment.model.source import SourceTree
from tests.unit.spec.trees import CLUSTER, PLATFORM, load, problems_of


def many(teams: int, clusters: int, word: str = "a100") -> dict[str, str]:
    files = {"platform.yaml": PLATFORM}
    for number in range(clusters):
        text = CLUSTER.replace("name: dev", f"name: c{number}").replace("maxNodes: 4", "maxNodes: 100000")
        files[f"clusters/{number}.yaml"] = text
    for number in range(teams):
        head = f"kind: Team\nname: team{number}\ncostCenter: c\ngroups: {{members: [g{number}]}}\nplacements:\n"
        places = (
            f"  c{cluster}:\n    cpu: {{nominal: 4, borrowingLimit: 2}}\n    memory: 1Gi\n"
            f"    accelerators: {{{word}: {{nominal: 1, borrowingLimit: 1}}}}\n"
            for cluster in range(clusters)
        )
        files[f"teams/{number}.yaml"] = head + "".join(places)
    return files


def calls(files: dict[str, str]) -> int:
    """How often anything is called, of Python or of C, while the files are checked."""
    counted = 0

    def count(_frame: FrameType, event: str, _what: object) -> None:
        nonlocal counted
        counted += event in {"call", "c_call"}

    before = sys.getprofile()
    sys.setprofile(count)
    try:
        problems_of(files)
    finally:
        sys.setprofile(before)
    return counted


def test_four_times_the_teams_take_about_four_times_as_many_steps() -> None:
    problems_of(many(2, 5))  # what is made once, at the first use, counts for neither
    assert calls(many(100, 5)) < 4.5 * calls(many(25, 5))


def test_four_times_the_errors_take_about_four_times_as_many_steps() -> None:
    assert len(problems_of(many(25, 5, word="a1000"))) == 125
    assert calls(many(100, 5, word="a1000")) < 4.5 * calls(many(25, 5, word="a1000"))


def test_many_teams_are_loaded():
    assert len(load(dict(SourceTree(many(100, 3)).files)).platform.teams) == 100
