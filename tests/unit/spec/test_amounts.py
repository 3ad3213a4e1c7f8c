"""Other amounts for a team: where they are written, and what stays."""

from __future__ import annotations

import pytest

from allotment.errors import InputError, NotFoundError, UsageError
from allotment.spec.amounts import AmountsRequest, set_amounts
from allotment.spec.problems import InvalidPlatformError
from allotment.spec.source import SourceTree
from tests.unit.spec.trees import CLUSTER, TEAM, tiny

OVERRIDE = "overrides:\n  teams:\n    nlp: {cpu: 8, weight: 2}  # for the winter\n"


def edited(files: dict[str, str], **fields) -> dict[str, str]:
    """Changed lines by file: new text only."""
    changes = set_amounts(SourceTree(files), AmountsRequest("nlp", **fields))
    return {
        file: [new for old, new in zip(files[file].splitlines(), text.splitlines(), strict=True) if new != old]
        for file, text in changes.items()
    }


CHANGED = {
    "a plain amount": (tiny(), {"cpu": "32"}, {"team.yaml": ["    cpu: 32"]}),
    "with a comment": (
        tiny(team=TEAM.replace("cpu: 64", "cpu: 64  # of 64 asked for")),
        {"cpu": "32"},
        {"team.yaml": ["    cpu: 32  # of 64 asked for"]},
    ),
    "limits stay": (
        tiny(team=TEAM.replace("cpu: 64", "cpu: {nominal: 64, borrowingLimit: 0, lendingLimit: 8}")),
        {"cpu": "32"},
        {"team.yaml": ["    cpu: {nominal: 32, borrowingLimit: 0, lendingLimit: 8}"]},
    ),
    "several at once": (
        tiny(),
        {"memory": "64Gi", "accelerators": {"a100": 4}},
        {"team.yaml": ["    memory: 64Gi", "      a100: 4"]},
    ),
    "on one line": (
        tiny(team=TEAM[: TEAM.index("  dev:")] + "  dev: {cpu: 64, memory: 256Gi, accelerators: {a100: 8}}\n"),
        {"memory": "64Gi"},
        {"team.yaml": ["  dev: {cpu: 64, memory: 64Gi, accelerators: {a100: 8}}"]},
    ),
    "a cluster's override": (
        tiny(cluster=CLUSTER + OVERRIDE),
        {"cpu": "16", "memory": "64Gi"},
        {"cluster.yaml": ["    nlp: {cpu: 16, weight: 2}  # for the winter"], "team.yaml": ["    memory: 64Gi"]},
    ),
    "in one of two clusters": (
        tiny(
            two=CLUSTER.replace("name: dev", "name: two"),
            team=TEAM + "  two: {cpu: 1, memory: 1Gi, accelerators: {a100: 2}}\n",
        ),
        {"accelerators": {"two/a100": 1}},
        {"team.yaml": ["  two: {cpu: 1, memory: 1Gi, accelerators: {a100: 1}}"]},
    ),
    "what it has already": (tiny(), {"cpu": "64"}, {}),
    "a cost centre": (tiny(), {"cost_center": "cc-9"}, {"team.yaml": ["costCenter: cc-9"]}),
    "a name of several words": (
        tiny(team=TEAM.replace("placements:", "displayName: Natural Language  # since May\nplacements:")),
        {"display_name": "Words: and more"},
        {"team.yaml": ['displayName: "Words: and more"  # since May']},
    ),
    "a cost centre, whatever the clusters": (
        tiny(two=CLUSTER.replace("name: dev", "name: two"), team=TEAM + "  two: {cpu: 1, memory: 1Gi}\n"),
        {"cost_center": "cc-9"},
        {"team.yaml": ["costCenter: cc-9"]},
    ),
}


@pytest.mark.parametrize(("files", "fields", "lines"), CHANGED.values(), ids=CHANGED)
def test_only_the_number_changes(files, fields, lines):
    assert edited(files, **fields) == lines


REFUSED = {
    "nothing": (tiny(), {}, UsageError, "nothing to set"),
    "another cluster": (tiny(), {"cpu": "1", "clusters": ("prod",)}, NotFoundError, "is not in cluster"),
    "an accelerator it has not": (tiny(), {"accelerators": {"h100": 1}}, InputError, "has no placements.dev"),
    "a word for a cluster that is not meant": (
        tiny(),
        {"accelerators": {"two/a100": 1}, "clusters": ("dev",)},
        UsageError,
        "which --cluster leaves out",
    ),
    "a word for another cluster": (tiny(), {"accelerators": {"two/a100": 1}}, NotFoundError, "is not in cluster"),
    "a name that is not plain": (
        tiny(team=TEAM.replace("placements:", "displayName: Words & more\nplacements:")),
        {"display_name": "Words"},
        InputError,
        "cannot be edited",
    ),
    "a name with a comma": (
        tiny(team=TEAM.replace("placements:", "displayName: Words, Inc\nplacements:")),
        {"display_name": "Words"},
        InputError,
        "cannot be edited",
    ),
    "no cost centre": (tiny(), {"cost_center": "a b"}, InvalidPlatformError, "has one error"),
    "more than there is": (tiny(), {"accelerators": {"a100": 800}}, InvalidPlatformError, "has one error"),
    "memory without a unit": (tiny(), {"memory": "128"}, InvalidPlatformError, "has one error"),
    "another field in a value": (tiny(), {"cpu": "1\n    weight: 9"}, UsageError, "no amount"),
    "a value that another cluster shares": (
        tiny(
            two=CLUSTER.replace("name: dev", "name: two"),
            team=TEAM.replace("  dev:", "  dev: &same") + "  two: *same\n",
        ),
        {"cpu": "1", "clusters": ("dev",)},
        InputError,
        "also that of team nlp in two",
    ),
    "a value that stands elsewhere": (
        tiny(
            two=CLUSTER.replace("name: dev", "name: two"),
            team=TEAM.replace("  dev:", "  dev: &same") + "  two: *same\n",
        ),
        {"cpu": "1", "clusters": ("two",)},
        InputError,
        "has no placements.two.cpu of its own",
    ),
    "several clusters and none named": (
        tiny(two=CLUSTER.replace("name: dev", "name: two"), team=TEAM + "  two: {cpu: 1, memory: 1Gi}\n"),
        {"cpu": "1"},
        UsageError,
        "is in several clusters",
    ),
    "an alias": (
        tiny(team=TEAM.replace("nlp\ncost", "nlp\ncost").replace("cpu: 64", "cpu: &c 64")),
        {"cpu": "1"},
        InputError,
        "cannot be edited",
    ),
}


@pytest.mark.parametrize(("files", "fields", "error", "words"), REFUSED.values(), ids=REFUSED)
def test_refused(files, fields, error, words):
    with pytest.raises(error, match=words):
        edited(files, **fields)


def test_a_field_that_is_missing_is_added_at_the_end():
    files = tiny()
    changes = set_amounts(SourceTree(files), AmountsRequest("nlp", display_name="yes"))
    assert changes == {"team.yaml": files["team.yaml"] + 'displayName: "yes"\n'}


def test_an_unknown_team():
    with pytest.raises(NotFoundError, match="there is no team"):
        set_amounts(SourceTree(tiny()), AmountsRequest("nlpp", cpu="1"))
