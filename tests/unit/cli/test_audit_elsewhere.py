"""The audit trail is read on the server's machine, and whoever is elsewhere is told so."""

from __future__ import annotations

import pytest

from tests.unit.cli.conftest import Run

SERVER = {"ALLOTMENT_SERVER": "https://gpu1.acme.example:7433"}


@pytest.mark.parametrize("words", ["search", "verify", "export", "head"])
def test_where_a_server_elsewhere_is_asked_it_is_said_where_its_trail_is(run: Run, words: str) -> None:
    told = run("audit", words, env=SERVER)
    assert told.code == 3
    assert "the audit trail of https://gpu1.acme.example:7433 is read on its own machine" in told.err
    assert "start the server" not in told.err
    for env, more in (({}, ()), (SERVER, ("--store", "x.db"))):
        assert "start the server, which makes one" in run("audit", words, *more, env=env).err
