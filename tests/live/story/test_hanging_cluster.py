"""One cluster of three accepts connections and never answers: what is asked for in the others goes its way.

Nightly: by day a unit test sees that what is done to clusters is done side by side.
"""

from __future__ import annotations

import itertools
import socket
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import replace
from pathlib import Path
from uuid import uuid4

import pytest
import yaml

from tests.live.kubernetes.driving import until
from tests.live.store.server import Server as Database
from tests.live.story.house import House, kept
from tests.live.story.stage import PLATFORM, Stage
from tests.live.story.wall_clock import built
from tools.oidc_provider import RunningProvider

pytestmark = [pytest.mark.live, pytest.mark.nightly]
SLACK = 4.0
"""Seconds by which two times of the same may differ on a busy machine: two passes of the server."""


@contextmanager
def hanging() -> Iterator[int]:
    """A port where whoever comes is let in, and hears nothing."""
    held: list[socket.socket] = []
    with socket.create_server(("127.0.0.1", 0), backlog=256) as listening:

        def accept() -> None:
            with suppress(OSError):
                while True:
                    held.append(listening.accept()[0])

        threading.Thread(target=accept, daemon=True).start()
        yield listening.getsockname()[1]
    for each in held:
        each.close()


@pytest.fixture
def house(stage: Stage, provider: RunningProvider, database: Database, tmp_path: Path) -> Iterator[House]:
    """A server of a platform with a third cluster, in which both teams are, too."""
    library = built(tmp_path)
    if library is None:
        pytest.skip("no C compiler here, and it cannot be installed: apt-get install gcc libc6-dev")
    north = (PLATFORM / "clusters/east.yaml").read_text().replace("east", "north")
    teams = {
        f"teams/{name}.yaml": (PLATFORM / f"teams/{name}.yaml").read_text() + "  north: *place\n"
        for name in ("nlp", "cv")
    }
    with hanging() as port:
        reached = yaml.safe_load(stage.kubeconfig.read_text())
        reached["clusters"].append({"name": "north", "cluster": {"server": f"https://127.0.0.1:{port}"}})
        reached["contexts"].append({"name": "north", "context": {"cluster": "north", "user": "east"}})
        kubeconfig = tmp_path / "kubeconfig"
        kubeconfig.write_text(yaml.safe_dump(reached))
        folder = tmp_path / "house"
        folder.mkdir()
        store = database.make(f"hanging_{uuid4().hex}")
        # The server's own user asks and decides, so that nobody has to sign in.
        rules = (
            (PLATFORM / "platform.yaml").read_text().replace("answerWithin:", "othersOnly: false\n    answerWithin:")
        )
        further = {"clusters/north.yaml": north, "platform.yaml": rules, **teams}
        with kept(folder, replace(stage, kubeconfig=kubeconfig), provider, store, library, further) as found:
            yield found


def given(house: House, devices: int, *clusters: str) -> tuple[float, float, float, str]:
    """Seconds until it is asked for, approved, and given; and its id."""
    on = [word for each in clusters for word in ("--on", each)]
    words = ("gpus", str(devices), "--accelerator", "a100", "--for", "2h", "--team", "nlp", "--why", "a try", *on)
    moments = [time.monotonic()]
    (id_,) = house.run("request", *words, "-o", "json").split('"id": "')[1:2]
    id_ = id_.partition('"')[0]
    moments.append(time.monotonic())
    house.run("approve", id_)
    moments.append(time.monotonic())
    until(lambda: state(house, id_).startswith("active"), lambda: state(house, id_), 90)
    moments.append(time.monotonic())
    asked, approved, active = (after - before for before, after in itertools.pairwise(moments))
    sys.stdout.write(
        f"\n{devices} in {', '.join(clusters)}: asked {asked:.1f}, approved {approved:.1f}, given {active:.1f} s"
    )
    return asked, approved, active, id_


def state(house: House, id_: str) -> str:
    (one,) = (each for each in house.listed("grant", "list", "-a") if each["id"] == id_)
    return f"{one['state']} {one['trouble'] or ''}"


def test_what_is_given_elsewhere_waits_for_no_cluster_that_hangs(house: House, stage: Stage) -> None:
    for each in stage.clusters.values():
        each.clear()
    before = given(house, 4, "east", "west")
    # From now on a grant waits for the third one, pass after pass.
    words = ("gpus", "4", "--accelerator", "a100", "--on", "north", "--for", "2h", "--team", "cv", "--why", "a try")
    began = time.monotonic()
    stuck = house.run("request", *words, "-o", "json").split('"id": "')[1].partition('"')[0]
    sys.stdout.write(f"\nasked in north: {time.monotonic() - began:.1f} s")
    house.run("approve", stuck)
    until(lambda: "goes on" in state(house, stuck), lambda: state(house, stuck), 60)
    for _ in range(3):
        after = given(house, 1, "east", "west")
        for first, second in zip(before[:3], after[:3], strict=True):
            assert second < first + SLACK
    assert state(house, stuck).startswith("giving")
    # One that may lie in any of the three: the one that hangs is not waited for again.
    began = time.monotonic()
    house.run("request", "gpus", "1", "--accelerator", "a100", "--for", "2h", "--team", "nlp", "--why", "a try")
    sys.stdout.write(f"\nasked in any of the three: {time.monotonic() - began:.1f} s\n")
    assert time.monotonic() - began < before[0] + SLACK
    # Nothing is left in the clusters that the other stories share.
    for grant in house.listed("grant", "list"):
        house.run("grant", "end", grant["id"])
    until(lambda: all("north" in str(each["terms"]) for each in house.listed("grant", "list")), lambda: "", 90)
