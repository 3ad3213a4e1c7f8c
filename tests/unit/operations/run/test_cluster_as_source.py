"""A cluster as the server reads it for others: once for all who ask, and as no more than they may see."""

from __future__ import annotations

from collections.abc import Callable
from types import SimpleNamespace

import msgspec
import pytest

from allotment.adapters.kube.fake import FakeKube
from allotment.errors import NotFoundError
from allotment.model.access.caller import Caller, CallerKind
from allotment.model.access.permission import Permission
from allotment.model.access.rights import AccessRights
from allotment.model.observed.served import ServedJob
from allotment.model.observed.snapshot import Snapshot
from allotment.operations.ask.observing import observe
from allotment.operations.run.asked import DeskOf
from allotment.operations.run.kubernetes.as_source import ClusterAsSource
from tests.unit.operations.run.test_kubernetes_server import Hands


class Bench:
    """A cluster in memory with two teams, and how old what is seen of it may be."""

    def __init__(self) -> None:
        self.kube, self.clock, self.acts = FakeKube(), Hands(), 0
        self.within: list[float] = []
        for team in ("nlp", "cv"):
            marks = {"allotment.dev/tenant": team, "allotment.dev/team": team}
            self.kube.put(
                {"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": f"ml-{team}", "labels": marks}}
            )
            metadata = {"name": f"secret-of-{team}", "namespace": f"ml-{team}"}
            self.kube.put({"apiVersion": "batch/v1", "kind": "Job", "metadata": metadata, "spec": {}})
        self.there = ClusterAsSource(self.seen, self.clock, acts=lambda: self.acts)

    def seen(self, within: float) -> Snapshot:
        self.within.append(within)
        return observe(self.kube, self.clock)

    def after(self, seconds: float) -> float:
        self.clock.sleep(seconds)
        self.there.read()
        return self.within[-1]


def test_it_may_be_half_a_minute_old_and_less_where_the_server_acted_there() -> None:
    bench = Bench()
    assert [bench.after(each) for each in (0, 1, 28)] == [30, 30, 30]
    bench.acts += 1
    assert [bench.after(each) for each in (1, 25, 5, 1)] == [5, 5, 5, 30]


def asked_by(read: Callable[[], Snapshot], *teams: str) -> DeskOf:
    desk = SimpleNamespace(snapshot=lambda _: read(), is_known=lambda _backend, _teams: True)
    rights = AccessRights(teams=dict.fromkeys(teams, frozenset({Permission.READ})))
    return DeskOf(desk, Caller("ada@acme.example", CallerKind.PERSON, "afar"), rights)  # type: ignore[arg-type]


def test_people_see_their_own_team_s_part_of_it_by_the_team_s_name_or_its_namespace() -> None:
    told = ServedJob(
        id="j1", name="own", namespace="ml-nlp", state="held", said="displaced; preemptor: job/secret-of-cv"
    )

    def read() -> Snapshot:
        found = Bench().there.read()
        return msgspec.structs.replace(
            found, sources=tuple(msgspec.structs.replace(each, served=(told,)) for each in found.sources)
        )

    for teams, named in ((("nlp",), ""), (("nlp",), "nlp"), (("nlp", "cv"), "ml-nlp")):
        seen = msgspec.json.encode(asked_by(read, *teams).snapshot("training", named)).decode()
        assert "secret-of-nlp" in seen
        assert "secret-of-cv" not in seen
        assert "ml-cv" not in seen
    for named in ("cv", "ml-cv", "nosuch"):
        with pytest.raises(NotFoundError, match="whose work you may see"):
            asked_by(read, "nlp").snapshot("training", named)
