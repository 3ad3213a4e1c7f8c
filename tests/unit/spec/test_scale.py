"""A thousand teams: no check may be quadratic. The figures are in benchmarks/; this only keeps the order of growth."""

from __future__ import annotations

import time

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


def seconds(files: dict[str, str]) -> float:
    begun = time.process_time()
    problems_of(files)
    return time.process_time() - begun


def test_four_times_the_teams_take_about_four_times_as_long():
    small = min(seconds(many(50, 5)) for _ in range(3))
    large = min(seconds(many(200, 5)) for _ in range(2))
    assert large < 9 * small


def test_a_directory_full_of_errors_is_told_as_quickly():
    files = many(200, 5, word="a1000")
    begun = time.process_time()
    assert len(problems_of(files)) == 1000
    assert time.process_time() - begun < 20


def test_many_teams_are_loaded():
    assert len(load(dict(SourceTree(many(100, 3)).files)).platform.teams) == 100
