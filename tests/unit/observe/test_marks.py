"""The mark of what a view hides is believed only where saving for a view has set it."""

import pytest
from msgspec.structs import replace

from allotment.model.observed.snapshot import Snapshot
from allotment.observe.anonymous import HIDDEN, HIDDEN_NAMESPACE, hidden_pod, is_hidden
from allotment.observe.gathering import Gathered
from allotment.observe.written import decode, encode
from allotment.operations.ask.devices import ANOTHER_TEAM, team_of, who_holds
from tests.unit.accounting.scenes import GPU, moment_of, node, pod


def test_a_mark_that_somebody_put_on_an_object_of_a_cluster_is_not_read() -> None:
    labels = {HIDDEN: "true", "a": "b"}
    gathered = Gathered()
    gathered.take_any([{"apiVersion": "v1", "kind": "Pod", "metadata": {"name": "hold", "labels": labels}}])
    (read,) = gathered.objects().pods
    assert read.metadata.labels == {"a": "b"}


def _marked(view: str) -> Snapshot:
    """A pod that was hidden, one that hides itself, and one of a namespace that is called like ours."""
    ours = hidden_pod(pod("merger", "n1", {GPU: "1"}), "hidden-pod-0")
    marked, called = (pod(name, "n1", {GPU: "1"}) for name in ("hold", "called"))
    marked = replace(marked, metadata=replace(marked.metadata, labels={HIDDEN: "true"}))
    called = replace(called, metadata=replace(called.metadata, namespace=HIDDEN_NAMESPACE))
    made = moment_of(0, nodes=(node("n1", {GPU: "8"}),), pods=(ours, marked, called))
    return decode(encode(replace(made, view=view)))


@pytest.mark.parametrize(("view", "hidden"), [("team:nlp", ["hidden-pod-0"]), ("", [])])
def test_a_mark_in_a_file_counts_where_the_file_is_a_view(view: str, hidden: list[str]) -> None:
    snapshot = _marked(view)
    (source,) = snapshot.sources
    assert [each.name for each in source.objects.pods if is_hidden(each.metadata)] == hidden
    teams = {each.owner.top: team_of(each) for each in who_holds(snapshot).holds}
    assert teams["Pod/hold"] == "nlp"
    assert teams["Pod/called"] == HIDDEN_NAMESPACE
    assert (ANOTHER_TEAM in teams.values()) is bool(hidden)
