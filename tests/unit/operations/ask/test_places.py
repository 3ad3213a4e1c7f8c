"""Where "nothing" would be no answer: namespaces that are not there, or may not be read; files without nodes."""

from __future__ import annotations

import pytest

from allotment.errors import AllotmentError, ForbiddenError, InputError, NotFoundError
from allotment.model.observed.base import ObjectMeta, Reference
from allotment.model.observed.namespaced import Namespace
from allotment.model.observed.pods import Pod
from allotment.model.observed.snapshot import Gap, Objects, Snapshot, Source, Submission
from allotment.operations.ask.devices import count_gpus
from allotment.operations.ask.places import check_place
from allotment.operations.ask.resting import demand

SPACES = tuple(Namespace(metadata=ObjectMeta(name=name)) for name in ("nlp", "vision"))
POD = Pod(metadata=ObjectMeta(name="p", namespace="loose", uid="p"))
KINDS = ("cronjobs", "daemonsets", "deployments", "jobs", "namespaces", "pods", "replicasets", "statefulsets")
NARROW = tuple(Gap(what=each, reason="forbidden") for each in KINDS)
OF_A_VIEW = tuple(Gap(what=each, reason="hidden") for each in ("namespaces", "pods"))


def seen(
    spaces: tuple[Namespace, ...] = SPACES, gaps: tuple[Gap, ...] = (), read: tuple[str, ...] = (), view: str = ""
) -> Snapshot:
    source = Source(name="dev", gaps=gaps, namespaces=read, objects=Objects(namespaces=spaces, pods=(POD,)))
    return Snapshot(sources=(source,), view=view)


SENT = Snapshot(sources=(Source(),), submissions=(Submission(subject=Reference(namespace="nlp", name="j")),))
PLACES = {
    "all of them": (seen(), "", None, ""),
    "one that is there": (seen(), "nlp", None, ""),
    "one that was not read, with something of it": (seen(), "loose", None, ""),
    "one that is not there": (seen(), "other", NotFoundError, "there are nlp, vision"),
    "a slip": (seen(), "vison", NotFoundError, "did you mean 'vision'?"),
    "a file without namespaces": (seen(()), "nlp", NotFoundError, "there is loose"),
    "of what was sent and refused": (SENT, "nlp", None, ""),
    "one's own alone may be read": (seen((), NARROW, ("nlp",)), "nlp", None, ""),
    "and another's is asked for": (seen((), NARROW, ("nlp",)), "vision", ForbiddenError, "(nlp)"),
    "one that is there, and nothing of it was read": (
        seen(gaps=tuple(each for each in NARROW if each.what != "namespaces")),
        "vision",
        ForbiddenError,
        "may read vision",
    ),
    "the team's own, of a file for a team": (seen(SPACES[:1], OF_A_VIEW, view="team:nlp"), "nlp", None, ""),
    "others', there or not": (seen(SPACES[:1], OF_A_VIEW, view="team:nlp"), "vision", ForbiddenError, "(nlp)"),
}


@pytest.mark.parametrize(("snapshot", "namespace", "error", "says"), PLACES.values(), ids=PLACES)
def test_a_namespace_is_there_and_may_be_looked_into(
    snapshot: Snapshot, namespace: str, error: type[AllotmentError] | None, says: str
) -> None:
    if error is None:
        check_place(snapshot, namespace)
        return
    with pytest.raises(error) as caught:
        check_place(snapshot, namespace)
    assert says in caught.value.fix


def test_a_file_of_objects_without_nodes_has_no_answer_on_devices_and_a_cluster_without_nodes_has() -> None:
    with pytest.raises(InputError, match="no nodes"):
        count_gpus(Snapshot(sources=(Source(),)))
    assert count_gpus(Snapshot(sources=(Source(server="v1.34.0"),))).rooms == ()


def test_what_may_not_be_read_is_told_once_and_where_it_may_be() -> None:
    gaps = tuple(Gap(what=each, reason="forbidden", detail=f"{each} is forbidden: " + "x" * 100) for each in KINDS[:4])
    with pytest.raises(ForbiddenError) as caught:
        demand(Snapshot(sources=(Source(gaps=gaps),)), *KINDS[:4], for_what="what waits")
    assert caught.value.why.startswith("cronjobs is forbidden")
    assert caught.value.why.endswith("; and 3 more like it")
    assert "with -n" in caught.value.fix
