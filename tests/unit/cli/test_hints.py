"""Commands in sentences are made complete, so that they run as printed."""

from __future__ import annotations

import pytest

from allotment.cli.shell.hints import Way
from allotment.model.manifest import ObjectKey
from allotment.plan.changes import Action, Blocked

WAY = Way("'my dir'", "dev", " --kubeconfig k --context c")
FLAGS = "--platform 'my dir' --cluster dev --kubeconfig k --context c"


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("with `allot adopt ns/a`, or", f"with `allot adopt ns/a {FLAGS}`, or"),
        ("run `allot apply` first", f"run `allot apply {FLAGS}` first"),
        ("`allot nodes label --pool a n1`", f"`allot nodes label --pool a n1 {FLAGS}`"),
        # A command by its name alone, one that is complete, and what is no command of ours.
        ("see `allot nodes label`", "see `allot nodes label`"),
        ("`allot plan --cluster prod`", "`allot plan --cluster prod`"),
        ("`helm upgrade` and allot adopt", "`helm upgrade` and allot adopt"),
    ],
)
def test_commands_in_a_text(text: str, told: str) -> None:
    assert WAY.told(text) == told
    assert WAY.told(told) == told


def blocked(remedy: str) -> Blocked:
    return Blocked(ObjectKey("", "ConfigMap", "", "x"), Action.CREATE, "what", "why", "fix", remedy=remedy)


def test_namespaces_one_by_one_and_first_the_rest_together() -> None:
    words = ("clusterqueue/a", "namespace/x", "resourceflavor/b", "namespace/y", "", "--undo clusterqueue/old")
    here = Way("", "dev", "")
    assert [command for command, _ in here.adoptions(map(blocked, words))] == [
        "allot adopt namespace/x --cluster dev",
        "allot adopt namespace/y --cluster dev",
        "allot adopt clusterqueue/a resourceflavor/b --cluster dev",
        "allot adopt --undo clusterqueue/old --cluster dev",
    ]


def test_of_many_some_are_named_and_the_listing_has_the_rest() -> None:
    steps = Way("", "dev", "").adoptions(blocked(f"resourceflavor/f{number}") for number in range(9))
    assert [command.count("/") for command, _ in steps] == [5, 0]
