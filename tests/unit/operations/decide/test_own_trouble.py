"""What is wrong in a cluster with others' objects keeps no grant, and what is there already is not given."""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import replace

import pytest

from allotment.adapters.clock import FixedClock
from allotment.adapters.kube.fake import FakeKube
from allotment.errors import ConflictError
from allotment.model.observed.base import ObjectMeta
from allotment.model.observed.namespaced import Namespace, VolumeClaim
from allotment.model.observed.snapshot import Objects, Snapshot, Source
from allotment.model.platform import Platform
from allotment.model.requests.grant import GrantState
from allotment.model.requests.request import RequestAct
from allotment.operations.change.apply import ApplySettings, apply_plan
from allotment.operations.change.planning import PlanSettings, make_plan
from allotment.operations.decide.applying import apply_clusters
from allotment.operations.decide.beside import ClusterActs
from allotment.operations.decide.room import Applied, ApplyCause
from allotment.ports.process import Run
from allotment.ports.request_service import AskedMove, AskedRequest
from allotment.render.manifests import render
from tests.unit.operations.decide.test_desk import CLUSTER, ENGINEER, MEMBER, Office
from tests.unit.operations.decide.test_named_things import DEV, space, volume

CV = ("acme-cv",)


class RealOffice(Office):
    """One whose development cluster is there, over memory, as declared."""

    def bring_up(self) -> FakeKube:
        kube, acts = FakeKube(), ClusterActs()
        clock = FixedClock(dt.datetime.fromtimestamp(self.now, dt.UTC))
        found = self.present.cluster(DEV)
        assert found is not None
        for flavor in found.flavors:
            node = {"name": f"n-{flavor.name}", "labels": dict(flavor.node_labels)}
            kube.create({"apiVersion": "v1", "kind": "Node", "metadata": node})
        plan = make_plan(render(self.present, found), kube, PlanSettings("acme", clock.now().date()))
        assert apply_plan(plan, kube, clock, ApplySettings(workers=1)).complete

        @contextmanager
        def connect(context: str) -> Iterator[FakeKube]:
            assert context
            yield kube

        def apply(platform: Platform, clusters: Sequence[str], cause: ApplyCause) -> Applied:
            self.apply(platform, clusters, cause)
            return apply_clusters(platform, clusters, connect, clock, lambda _: Run("run1", "test"), cause, acts)

        object.__setattr__(self.room, "apply", apply)
        return kube


def test_a_name_that_is_taken_in_the_cluster_keeps_no_other_grant() -> None:
    office = RealOffice()
    kube = office.bring_up()
    ada, eve = office.of("ada", MEMBER), office.of("eve", CV)
    kube.create({"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": "somebodys"}})
    taken = ada.ask(space("somebodys", clusters=(DEV,)))
    office.passes(4)
    assert office.grant(taken.id) is GrantState.GIVING
    assert "somebodys" in office.store.grant(taken.id).trouble
    others = eve.ask(replace(space("of-cv", clusters=(DEV,)), team="cv"))
    own = ada.ask(space("another", clusters=(DEV,)))
    office.passes(8)
    assert [office.grant(each.id) for each in (others, own)] == [GrantState.ACTIVE] * 2
    eve.end_grant(others.id, "")
    office.passes(8)
    assert office.grant(others.id) is GrantState.ENDED
    assert office.grant(taken.id) is GrantState.GIVING


@pytest.mark.parametrize("name", ["cert-manager", "istio-system", "nvidia-gpu-operator", "kube-something"])
def test_where_operators_are_installed_no_team_has_a_namespace(name: str) -> None:
    with pytest.raises(ConflictError, match="can have no namespace"):
        Office().of("ada", MEMBER).ask(space(name, clusters=(DEV,)))


@pytest.mark.parametrize(
    ("asked", "there"),
    [
        (space("mine", clusters=(DEV,)), Objects(namespaces=(Namespace(metadata=ObjectMeta(name="mine")),))),
        (
            volume("mine", clusters=(CLUSTER,)),
            Objects(volume_claims=(VolumeClaim(metadata=ObjectMeta(name="mine", namespace="nlp")),)),
        ),
    ],
)
def test_what_is_there_already_is_not_given(asked: AskedRequest, there: Objects) -> None:
    office = Office()
    ada = office.of("ada", MEMBER)
    waits = ada.ask(replace(asked, lasts=400 * 86_400_000))
    object.__setattr__(office.room, "snapshots", lambda _: (Snapshot(sources=(Source(objects=there),)),))
    for act in (ada.ask, ada.preview):
        with pytest.raises(ConflictError, match="cannot be given as it is asked for"):
            act(asked)
    with pytest.raises(ConflictError, match="of that name already"):
        office.of("root", ENGINEER).move(waits.id, AskedMove(RequestAct.APPROVE))
    assert ada.preview(replace(asked, subject="free")).request.wish.subject == "free"
