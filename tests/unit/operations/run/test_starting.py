"""A server that runs already is either what was asked for, or that is said."""

from __future__ import annotations

import pytest

from allotment.cli.commands.run.jobs_view import server_text
from allotment.errors import ConflictError
from allotment.operations.run.starting import check_as_asked
from allotment.ports.backends import BackendOffer
from allotment.ports.job_service import ServedBackend, ServerStatus

LOCAL = ServedBackend("local", BackendOffer("local", ("process",), {"slots": 8}))
STATUS = ServerStatus("1", 7, 0, "acme", "/platforms/acme", ("cv",), (LOCAL,))


@pytest.mark.parametrize(
    ("directory", "slots", "command"),
    [
        ("", None, ""),
        ("/platforms/x/../acme", 8, ""),
        ("/platforms/my own", None, "allot up --platform '/platforms/my own'"),
        ("", 4, "allot up --slots 4"),
        ("/platforms/acme", 4, "allot up --platform /platforms/acme --slots 4"),
    ],
)
def test_what_is_not_used_is_refused_with_the_way_to_have_it(directory: str, slots: int | None, command: str) -> None:
    if not command:
        check_as_asked(STATUS, directory, slots)
        return
    with pytest.raises(ConflictError) as found:
        check_as_asked(STATUS, directory, slots)
    assert f"`allot down` and `{command}`" in found.value.fix
    assert found.value.exit_code == 6


@pytest.mark.parametrize(
    ("offer", "unreachable", "told"),
    [
        (BackendOffer("", ()), "", "lab: not asked yet"),
        (BackendOffer("", ()), "it does not answer", "lab: what it has is not known"),
        (BackendOffer("slurm", ("cpu",)), "", "lab: no accelerators"),
        (BackendOffer("slurm", ("gpu",), {"a100": 8}), "", "lab: 8 a100"),
    ],
)
def test_a_back_end_that_was_not_asked_is_not_said_to_have_nothing(
    offer: BackendOffer, unreachable: str, told: str
) -> None:
    status = ServerStatus("1", 7, 0, "acme", "", ("cv",), (ServedBackend("lab", offer, unreachable),))
    assert f"  {told}\n" in server_text(status, "allot")
