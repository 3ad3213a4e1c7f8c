"""What a server is told of its forge, and what it makes of it."""

from __future__ import annotations

from contextlib import ExitStack
from pathlib import Path

import pytest

from allotment.api.proposing import mode_of, proposing_of
from allotment.api.words import parsed
from allotment.errors import UsageError
from allotment.ports.repository import CommitMode

PLACE = ("--repository", "https://forge.example/acme/platform")
FORGE = ("--forge-address", "https://forge.example", "--forge-repository", "acme/platform", "--forge-token", "/t")
PULLS = ("--repository-mode", "pull-request")


@pytest.mark.parametrize(
    ("words", "mode", "proposes", "takes"),
    [
        ((), "direct", False, False),
        ((*PLACE, "--repository-mode", "branch"), "branch", False, False),
        ((*PLACE, *PULLS, *FORGE), "branch", True, False),
        ((*PLACE, *PULLS, *FORGE, "--forge", "github"), "branch", True, False),
        ((*PLACE, *PULLS, *FORGE, "--repository-take-back", "direct"), "branch", True, True),
        ((*PLACE, "--repository-take-back", "direct"), "direct", False, False),
    ],
)
def test_how_changes_are_proposed(
    tmp_path: Path, words: tuple[str, ...], mode: str, proposes: bool, takes: bool
) -> None:
    asked = parsed(words, None)
    with ExitStack() as opened:
        found = proposing_of(asked, tmp_path, {}, opened)
        assert mode_of(asked) == mode
        assert ((found.proposer is not None), (found.taking is not None)) == (proposes, takes)
        if found.taking is not None:
            assert found.taking.mode is CommitMode.DIRECT


@pytest.mark.parametrize(
    ("words", "said"),
    [
        ((*PULLS, *FORGE), "--repository"),
        ((*PLACE, *PULLS), "--forge-address"),
        ((*PLACE, *PULLS, *FORGE[:2]), "--forge-repository"),
        ((*PLACE, *PULLS, *FORGE[:4]), "--forge-token"),
        ((*PLACE, *PULLS, "--forge-address", "http://forge.example", *FORGE[2:]), "in the clear"),
    ],
)
def test_a_server_does_not_start_without_what_its_forge_needs(
    tmp_path: Path, words: tuple[str, ...], said: str
) -> None:
    with ExitStack() as opened, pytest.raises(UsageError, match=said):
        proposing_of(parsed(words, None), tmp_path, {}, opened)
