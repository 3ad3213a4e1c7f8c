"""Other amounts for a team: where they are written, and what stays."""

from __future__ import annotations

import pytest

from allotment.errors import InputError, NotFoundError, UsageError
from allotment.model.source import SourceTree
from allotment.spec.amounts import AmountsRequest, set_amounts
from allotment.spec.load import load_platform
from allotment.spec.problems import InvalidPlatformError
from tests.unit.spec.trees import CLUSTER, OTHER_TEAM, TEAM, tiny

ONE_LINE = TEAM[: TEAM.index("  dev:")] + "  dev: "
TWO_POOLS = (
    CLUSTER
    + """\
  - name: reserved
    accelerator: a100
    acceleratorsPerNode: 8
    capacityType: reserved
    cpu: 96
    memory: 1Ti
    minNodes: 1
    maxNodes: 4
"""
)
SPOT = TEAM.replace("a100: 8", "a100-spot: 8")
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


BLOCK_GROUPS = """\
groups:
  # Of the directory of people.
  members:
    - one  # the first
    # both of them
    - two
  # Nobody else.
"""

ADDED = {
    "a bound beside a plain guarantee": (
        tiny(),
        {"borrowing": {"a100": 2}},
        {"team.yaml": {10: "      a100: {nominal: 8, borrowingLimit: 2}"}},
    ),
    "both bounds and another guarantee": (
        tiny(team=TEAM.replace("a100: 8", "a100: {nominal: 8, borrowingLimit: 2} # for the winter")),
        {"accelerators": {"a100": 6}, "borrowing": {"a100": 0}, "lending": {"a100": 4}},
        {"team.yaml": {10: "      a100: {nominal: 6, borrowingLimit: 0, lendingLimit: 4} # for the winter"}},
    ),
    "a bound in a block": (
        tiny(team=TEAM.replace("a100: 8", "a100:\n        nominal: 8")),
        {"lending": {"a100": 4}},
        {"team.yaml": {12: "        lendingLimit: 4"}},
    ),
    "a bound by the accelerator's name": (
        tiny(team=SPOT),
        {"borrowing": {"dev/a100": 2}},
        {"team.yaml": {10: "      a100-spot: {nominal: 8, borrowingLimit: 2}"}},
    ),
    "a bound that goes": (
        tiny(team=TEAM.replace("a100: 8", "a100: {nominal: 8, borrowingLimit: 2}")),
        {"borrowing": {"a100": None}},
        {"team.yaml": {10: "      a100: {nominal: 8, borrowingLimit: null}"}},
    ),
    "a bound that was not there goes": (tiny(), {"lending": {"a100": None}}, {}),
    "a bound of what is offered for borrowing alone": (
        tiny(cluster=TWO_POOLS, team=SPOT),
        {"accelerators": {"a100:reserved": 0}, "borrowing": {"a100:reserved": 4}},
        {"team.yaml": {11: "      a100-reserved: {nominal: 0, borrowingLimit: 4}"}},
    ),
    "an accelerator by another word": (
        tiny(),
        {"accelerators": {"a100:spot": 2}},
        {"team.yaml": {10: "      a100: 2"}},
    ),
    "a flavor by its accelerator's name": (
        tiny(team=SPOT),
        {"accelerators": {"a100": 2}},
        {"team.yaml": {10: "      a100-spot: 2"}},
    ),
    "an accelerator in a block": (
        tiny(cluster=TWO_POOLS, team=SPOT),
        {"accelerators": {"a100:reserved": 2}},
        {"team.yaml": {11: "      a100-reserved: 2"}},
    ),
    "an accelerator on one line": (
        tiny(cluster=TWO_POOLS, team=ONE_LINE + "{cpu: 64, memory: 256Gi, accelerators: {a100-spot: 8}}  # all\n"),
        {"accelerators": {"a100:reserved": 2}},
        {
            "team.yaml": {
                6: "  dev: {cpu: 64, memory: 256Gi, accelerators: {a100-spot: 8, a100-reserved: 2}}  # all",
            }
        },
    ),
    "the first accelerator in a block": (
        tiny(team=TEAM[: TEAM.index("    accelerators")] + "\n# The end.\n"),
        {"accelerators": {"a100": 2}},
        {"team.yaml": {9: "    accelerators:", 10: "      a100: 2"}},
    ),
    "the first accelerator on one line": (
        tiny(team=ONE_LINE + "{cpu: 64, memory: 256Gi}"),
        {"accelerators": {"a100": 2}},
        {"team.yaml": {6: "  dev: {cpu: 64, memory: 256Gi, accelerators: {a100: 2}}"}},
    ),
    "all of an empty placement": (
        tiny(team=ONE_LINE + "{}\n"),
        {"cpu": "8", "memory": "16Gi", "accelerators": {"a100": 2}},
        {"team.yaml": {6: "  dev: {cpu: 8, memory: 16Gi, accelerators: {a100: 2}}"}},
    ),
    "amounts that were the usual ones": (
        tiny(team=TEAM.replace("    cpu: 64\n    memory: 256Gi\n", "")),
        {"cpu": "8"},
        {"team.yaml": {9: "    cpu: 8"}},
    ),
    "in a cluster's override": (
        tiny(cluster=TWO_POOLS + "overrides:\n  teams:\n    nlp:\n      accelerators:\n        a100-spot: 1  # less\n"),
        {"accelerators": {"a100:reserved": 2}},
        {"cluster.yaml": {26: "        a100-reserved: 2"}},
    ),
    "before another document": (
        tiny(team=SPOT + "---\n" + OTHER_TEAM, cluster=TWO_POOLS),
        {"accelerators": {"a100:reserved": 2}},
        {"team.yaml": {11: "      a100-reserved: 2"}},
    ),
    "owners besides members": (
        tiny(),
        {"owners": ("leads", "8f0d")},
        {"team.yaml": {4: 'groups: {members: [nlp], owners: [leads, "8f0d"]}'}},
    ),
    "owners in a block": (
        tiny(team=TEAM.replace("groups: {members: [nlp]}\n", BLOCK_GROUPS)),
        {"owners": ("leads",)},
        {"team.yaml": {10: "  owners: [leads]"}},
    ),
    "other members": (tiny(), {"members": ("a", "b", "a")}, {"team.yaml": {4: "groups: {members: [a, b]}"}}),
    "another member in a block": (
        tiny(team=TEAM.replace("groups: {members: [nlp]}\n", BLOCK_GROUPS)),
        {"members": ("one", "two", "three")},
        {"team.yaml": {10: "    - three"}},
    ),
    "the first group": (
        tiny(team=TEAM.replace("groups: {members: [nlp]}\n", "")),
        {"members": ("a",)},
        {"team.yaml": {10: "groups:", 11: "  members: [a]"}},
    ),
    "the members it has already": (tiny(), {"members": ("nlp",)}, {}),
}
"""Files, what is asked for, and the lines that are in the new text by number, none of them in the old one."""


@pytest.mark.parametrize(("files", "fields", "lines"), ADDED.values(), ids=ADDED)
def test_what_is_new_is_put_where_it_belongs(files, fields, lines):
    changes = set_amounts(SourceTree(files), AmountsRequest("nlp", **fields))
    found = {}
    for file, text in changes.items():
        old, new = files[file].splitlines(), text.splitlines()
        added = [number for number, line in enumerate(new, 1) if line not in old]
        found[file] = {number: new[number - 1] for number in added}
        # On one line the old text is there still, but for that line.
        kept = [line for line in old if line in new]
        assert [line for number, line in enumerate(new, 1) if number not in added] == kept
        assert len(old) - len(kept) <= 1
    assert found == lines


def test_groups_that_go_take_only_their_own_lines():
    files = tiny(team=TEAM.replace("groups: {members: [nlp]}\n", BLOCK_GROUPS))
    [text] = set_amounts(SourceTree(files), AmountsRequest("nlp", members=("two", "three"))).values()
    assert text == files["team.yaml"].replace("    - one  # the first\n", "").replace("- two", "- two\n    - three")


@pytest.mark.parametrize("text", [TEAM, ONE_LINE + "{cpu: 64, memory: 256Gi}\n"], ids=["block", "one line"])
def test_what_was_set_is_what_is_read(text):
    request = AmountsRequest(
        "nlp", cpu="8", memory="16Gi", accelerators={"a100-spot": 3}, members=("no", "1e3"), owners=("# o",)
    )
    files = tiny(team=text.replace("      a100: 8\n", "      a100-spot: 8\n"))
    tree = SourceTree(files)
    [team] = load_platform(tree.with_changes(set_amounts(tree, request))).platform.teams
    [placement] = team.placements
    assert (placement.cpu.nominal, placement.memory.nominal) == (8_000, 16 << 30)
    assert [(each.flavor, each.devices.nominal) for each in placement.accelerators] == [("a100-spot", 3)]
    assert (team.groups.members, team.groups.owners) == (("no", "1e3"), ("# o",))


@pytest.mark.parametrize(("bound", "read"), [(3, 3), (None, None)])
def test_bounds_that_were_set_are_those_that_are_read(bound, read):
    tree = SourceTree(tiny(team=TEAM.replace("a100: 8", "a100: {nominal: 8, borrowingLimit: 2, lendingLimit: 1}")))
    request = AmountsRequest("nlp", borrowing={"a100": bound}, lending={"a100": bound})
    [team] = load_platform(tree.with_changes(set_amounts(tree, request))).platform.teams
    [entry] = team.placements[0].accelerators
    assert (entry.devices.nominal, entry.devices.borrowing_limit, entry.devices.lending_limit) == (8, read, read)


REFUSED = {
    "nothing": (tiny(), {}, UsageError, "nothing to set"),
    "another cluster": (tiny(), {"cpu": "1", "clusters": ("prod",)}, NotFoundError, "is not in cluster"),
    "an accelerator that the cluster has not": (
        tiny(),
        {"accelerators": {"h100": 1}},
        InvalidPlatformError,
        "has one error",
    ),
    "groups by an alias": (
        tiny(team=TEAM.replace("{members: [nlp]}", "{owners: &o [nlp], members: *o}")),
        {"members": ("a",)},
        InputError,
        "cannot be edited",
    ),
    "groups over several lines": (
        tiny(team=TEAM.replace("[nlp]", "[nlp,\n  other]")),
        {"members": ("a",)},
        InputError,
        "cannot be edited",
    ),
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
        "cannot be edited",
    ),
    "several clusters and none named": (
        tiny(two=CLUSTER.replace("name: dev", "name: two"), team=TEAM + "  two: {cpu: 1, memory: 1Gi}\n"),
        {"cpu": "1"},
        UsageError,
        "is in several clusters",
    ),
    "a bound without a guarantee": (
        tiny(cluster=TWO_POOLS, team=SPOT),
        {"borrowing": {"a100:reserved": 4}},
        UsageError,
        'is guaranteed no "a100-reserved"',
    ),
    "more is lent than there is": (tiny(), {"lending": {"a100": 9}}, InvalidPlatformError, "has one error"),
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
