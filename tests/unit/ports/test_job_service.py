"""An error is the same to whoever asked a server as it was there: what it tells, and the exit code."""

from __future__ import annotations

import importlib
import pkgutil
from collections.abc import Iterator

import pytest

from allotment import errors, ports
from allotment.api.keyed_calls import ReusedKeyError
from allotment.errors import AllotmentError, TooOftenError
from allotment.ports.job_service import error_of, refusal_of
from allotment.spec.jobs.cron import CronError

for _each in pkgutil.iter_modules(ports.__path__):
    importlib.import_module(f"{ports.__name__}.{_each.name}")


def kinds(root: type[AllotmentError]) -> Iterator[type[AllotmentError]]:
    """Those that servers raise, and that are made of words alone."""
    for each in root.__subclasses__():
        if each.__module__.startswith((ports.__name__, errors.__name__)) and each is not TooOftenError:
            yield each
        yield from kinds(each)


@pytest.mark.parametrize(
    "kind", sorted({*kinds(AllotmentError), ReusedKeyError, CronError}, key=lambda kind: kind.__name__)
)
def test_whatever_a_server_s_parts_tell_apart_its_exit_code_travels(kind: type[AllotmentError]) -> None:
    there = AllotmentError.__new__(kind)
    AllotmentError.__init__(there, "it broke", why="because", fix="mend it")
    here = error_of(refusal_of(there))
    assert (here.what, here.why, here.fix) == (there.what, there.why, there.fix)
    assert here.exit_code == there.exit_code
    assert isinstance(there, type(here))
