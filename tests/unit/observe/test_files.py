"""Files that a snapshot is read from: what is taken, what is refused and how, and files made to break the reader."""

from __future__ import annotations

import gzip
import json
from typing import Any

import msgspec
import pytest

from allotment.errors import InputError
from allotment.model.observed.snapshot import Snapshot, Source
from allotment.model.reading import READ_RESOURCES, WORDS, ReadResource
from allotment.observe.gathering import Gathered
from allotment.observe.kinds import KINDS
from allotment.observe.printed import printed_objects, printed_snapshot
from allotment.observe.taking import snapshot_of_file
from allotment.observe.written import decode, encode, unpacked
from tests.unit.observe.objects import NOW, OURS, pod, raw, two_teams

MEGABYTE = "x" * 1_048_576
DEEP = b"[" * 20_000 + b"]" * 20_000


def test_what_is_read_is_what_the_reading_roles_give() -> None:
    read = {ReadResource(each.group, each.plural, each.namespaced, each.only) for each in KINDS}
    assert read == set(READ_RESOURCES)
    assert set(WORDS) < read
    assert len(READ_RESOURCES) == len(set(READ_RESOURCES))


def text(value: Any) -> bytes:
    return json.dumps(value).encode()


def case(**more: Any) -> dict[str, Any]:
    return {"now": NOW, "objects": two_teams(), "subject": {"kind": "Job", "name": "t", "namespace": OURS}, **more}


def test_a_snapshot_comes_back_from_its_file() -> None:
    gathered = Gathered()
    gathered.take_any(two_teams())
    whole = Snapshot(taken_at=NOW, sources=(Source(name="prod", objects=gathered.objects()),))
    assert snapshot_of_file(encode(whole)) == whole
    assert snapshot_of_file(unpacked(encode(whole))) == whole
    assert encode(whole) == encode(whole)


def test_a_case_of_a_refused_creation_carries_the_attempt() -> None:
    manifest = raw("Job", "batch/v1", "t", OURS, spec={"parallelism": 3})
    refusal = {"code": 403, "message": "denied"}
    found = snapshot_of_file(text(case(manifest=manifest, submit_error=refusal, submitted_by="mia")))
    (attempt,) = found.submissions
    assert (attempt.code, attempt.message, attempt.user, attempt.subject.name) == (403, "denied", "mia", "t")
    assert attempt.job is not None
    assert attempt.job.spec.parallelism == 3
    assert len(found.sources[0].objects.pods) == 2
    assert not snapshot_of_file(text(case(manifest=manifest))).submissions


def test_a_case_of_an_unknown_kind_carries_its_templates() -> None:
    template = {"spec": {"containers": [{"name": "main"}]}}
    manifest = raw("Thing", "x.example/v1", "t", OURS, spec={"replicas": 2, "template": template})
    (attempt,) = snapshot_of_file(text(case(manifest=manifest, submit_error={"code": 422}))).submissions
    assert attempt.owner is not None
    assert attempt.owner.groups[0].count == 2


def saved(**more: Any) -> dict[str, Any]:
    return {"kind": "Snapshot", "apiVersion": "allotment.dev/v1", "takenAt": NOW, "sources": [{"name": "prod"}], **more}


REFUSED = {
    "nothing": (b"", "the file is empty"),
    "no JSON": (b"kind: Pod\n", "this is no snapshot"),
    "a list of objects": (text({"kind": "List", "items": []}), "a list of objects"),
    "one object": (text(raw("Pod", "v1", "a")), "a single Pod"),
    "a bare list": (b"[1, 2]", "this is no snapshot"),
    "several documents": (b"{}\n{}\n", "more than one JSON document"),
    "another version": (text({"kind": "Snapshot", "apiVersion": "allotment.dev/v9"}), "no snapshot of a known version"),
    "no cluster": (b'{"kind":"Snapshot","apiVersion":"allotment.dev/v1","sources":null}', "holds no cluster"),
    "nested deeply": (DEEP, "this is no snapshot"),
    "nested deeply inside": (
        b'{"kind":"Snapshot","apiVersion":"allotment.dev/v1","sources":' + DEEP + b"}",
        "snapshot",
    ),
    "cut off": (gzip.compress(text(case()))[:-40], "the file ends too early"),
    "damaged": (gzip.compress(text(case()))[:40] + b"\xff" * 40, "the file is damaged"),
    "control characters": (b'{"kind": "\\u001b[2J"}', "this is"),
    "a case at no time": (text(case(now="\x1b[31mX")), "now is no time"),
    "a case in no month": (text(case(now="2026-13-01T00:00:00Z")), "now is no time"),
    "taken at a number": (text(saved(takenAt=5)), "takenAt is no time"),
    "taken at null": (text(saved(takenAt=None)), "takenAt is no time"),
    "seen at a number": (text(saved(sources=[{"name": "prod", "observedAt": 5}])), "observedAt of a source is no time"),
    "bytes behind its end": (gzip.compress(text(case())) + b"garbage", "the file goes on after its end"),
    "parts without end": (gzip.compress(b"") * 200, "the file goes on after its end"),
}


@pytest.mark.parametrize(("data", "said"), REFUSED.values(), ids=REFUSED)
def test_any_other_file_is_refused_in_words(data: bytes, said: str) -> None:
    with pytest.raises(InputError) as caught:
        snapshot_of_file(data)
    assert said in caught.value.what
    assert caught.value.fix
    assert "\x1b" not in str(caught.value)


def test_a_file_that_unpacks_without_end_is_refused() -> None:
    with pytest.raises(InputError, match="unpacks to more than 1 MiB"):
        decode(gzip.compress(b" " * (3 << 20)), 1 << 20)


POISON: dict[str, Any] = {
    "absent status": {"apiVersion": "v1", "kind": "Pod", "metadata": {"name": "p", "namespace": OURS, "uid": "u"}},
    "nulls": raw("Pod", "v1", "p", OURS, spec=None, status={"phase": None, "conditions": [None]}),
    "a megabyte of annotation": raw("Pod", "v1", "p", OURS, meta={"annotations": {"kueue.x-k8s.io/x": MEGABYTE}}),
    "a megabyte of message": raw("Pod", "v1", "p", OURS, status={"message": MEGABYTE}),
    "control characters": raw("Pod", "v1", "\x1b[31mp\n", OURS),
    "an unknown enum": raw("Pod", "v1", "p", OURS, status={"phase": "Levitating"}),
    "another type": raw("Pod", "v1", "p", OURS, spec={"containers": {"a": 1}, "nodeName": ["x"]}),
    "metadata of another type": {"apiVersion": "v1", "kind": "Pod", "metadata": "x"},
    "a kind of another type": {"apiVersion": 1, "kind": ["Pod"], "metadata": {}},
    "numbers out of bounds": raw("Pod", "v1", "p", OURS, spec={"priority": 10**40}),
}  # fmt: skip


@pytest.mark.parametrize("poison", POISON.values(), ids=POISON)
def test_a_poisoned_object_breaks_nothing_else(poison: dict[str, Any]) -> None:
    found = printed_snapshot([poison, pod("well", OURS, 7)], NOW, "file").snapshot
    again = decode(encode(found))
    assert again == found
    assert "well" in {each.name for each in found.sources[0].objects.pods}
    assert len(encode(found)) < 10_000


def test_kinds_of_the_cluster_that_are_named_and_not_printed_were_not_seen() -> None:
    queue = raw("LocalQueue", "kueue.x-k8s.io/v1beta2", "q", OURS, spec={"clusterQueue": "cq"})
    pointed = raw("ClusterQueue", "kueue.x-k8s.io/v1beta2", "cq")
    gaps = [printed_snapshot(each, NOW, "file").snapshot.sources[0].gaps for each in ([queue], [queue, pointed])]
    assert [[(gap.what, gap.reason) for gap in each] for each in gaps] == [[("clusterqueues", "failed")], []]


def test_what_is_damaged_is_named_and_the_rest_is_kept() -> None:
    (source,) = printed_snapshot([POISON["another type"]], NOW, "file").snapshot.sources
    assert [each.name for each in source.objects.pods] == ["p"]
    assert {(gap.what, gap.reason) for gap in source.gaps} == {
        (f"Pod/{OURS}/p at spec.containers", "damaged"),
        (f"Pod/{OURS}/p at spec.nodeName", "damaged"),
    }
    assert "\x1b" not in "".join(gap.what for gap in printed_snapshot(
        [raw("Pod", "v1", "\x1b[31m", OURS, spec=1)], NOW, "file").snapshot.sources[0].gaps)  # fmt: skip


def test_a_file_with_a_damaged_object_keeps_all_else() -> None:
    attempt = {"subject": {"kind": "Job", "name": "t"}, "code": 403}
    pods = [{"metadata": {"name": "well"}}, {"metadata": {"name": "ill"}, "spec": {"priority": "high"}}, 7]
    damaged = {"name": "prod", "took": 1.5, "objects": {"pods": pods, "nodes": "many", "unheard": []}, "gaps": "none"}
    whole = {"kind": "Snapshot", "apiVersion": "allotment.dev/v1", "takenAt": NOW, "view": "team:nlp"}
    found = snapshot_of_file(text({**whole, "sources": [damaged, 3], "submissions": [attempt, {"code": []}]}))
    (source,) = found.sources
    assert (found.taken_at, found.view, source.name, source.took) == (NOW, "team:nlp", "prod", 1.5)
    assert [each.name for each in source.objects.pods] == ["well", "ill"]
    assert [(gap.what, gap.reason) for gap in source.gaps] == [
        ("Pod/ill at spec.priority", "damaged"),
        ("pods", "damaged"),
    ]
    assert [each.subject.name for each in found.submissions] == ["t"]


def test_printed_documents_may_follow_each_other() -> None:
    listed = {"apiVersion": "v1", "kind": "List", "items": [raw("Pod", "v1", "a", OURS), None, 3]}
    typed = {"apiVersion": "v1", "kind": "PodList", "items": [{"metadata": {"name": "b"}}]}
    data = text(listed) + b"\n" + json.dumps(typed, indent=2).encode() + b"\n" + text(raw("Node", "v1", "n"))
    assert [(each["kind"], each["metadata"]["name"]) for each in printed_objects(data)] == [
        ("Pod", "a"), ("Pod", "b"), ("Node", "n"),
    ]  # fmt: skip


@pytest.mark.parametrize(
    ("data", "said"),
    [
        (b"kind: Pod", "no JSON"),
        (text(raw("Pod", "v1", "p")) + b"\nx", "begins in line 2 is no JSON"),
        (b"[]", "no object of the API"),
        (b'{"a": 1}', "no object of the API"),
        (DEEP, "nested too deeply"),
        (text(case()), "recorded case"),
    ],
    ids=["YAML", "rest", "list", "bare", "deep", "case"],
)
def test_what_kubectl_does_not_print_is_refused(data: bytes, said: str) -> None:
    with pytest.raises(InputError) as caught:
        printed_objects(data)
    assert said in caught.value.what


def test_secrets_are_left_out_whoever_names_them() -> None:
    secret = raw("Secret", "v1", "s", OURS, number=70, data={"password": "canary"})
    reference = {
        "apiVersion": "v1",
        "kind": "Secret",
        "name": "s",
        "uid": secret["metadata"]["uid"],
        "controller": True,
    }
    owned = raw("Pod", "v1", "p", OURS, number=71, meta={"ownerReferences": [reference]})
    found = printed_snapshot([secret, owned], NOW, "file")
    assert (found.taken, found.left) == (1, 1)
    assert b"canary" not in unpacked(encode(found.snapshot))


def test_an_owner_of_an_unknown_kind_is_read() -> None:
    job = raw(
        "VolcanoJob",
        "batch.volcano.sh/v1alpha1",
        "v",
        OURS,
        number=80,
        spec={"tasks": [{"name": "worker", "replicas": 3, "template": {"spec": {"containers": [{"name": "main"}]}}}]},
    )
    reference = {**{key: job[key] for key in ("apiVersion", "kind")}, "name": "v", "uid": job["metadata"]["uid"]}
    owned = raw("Pod", "v1", "p", OURS, number=81, meta={"ownerReferences": [{**reference, "controller": True}]})
    found = printed_snapshot([job, owned], NOW, "file")
    (owner,) = found.snapshot.sources[0].objects.owners
    assert (owner.groups[0].name, owner.groups[0].count, found.left) == ("worker", 3, 0)  # fmt: skip


@pytest.mark.parametrize(
    "text", ["\\u001b[31mX", "2026-11-02", "2026-11-02T12:00:00", "2026-13-02T12:00:00Z", "0001-01-01T00:00:00+23:59",
             "9999-12-31T23:59:59-23:59", "\\uff12026-11-02T12:00:00Z"],
)  # fmt: skip
@pytest.mark.parametrize("place", ['"takenAt":"{}"', '"sources":[{{"observedAt":"{}"}}]'])
def test_a_snapshot_whose_time_is_none_is_refused(text: str, place: str) -> None:
    head = '{"apiVersion":"allotment.dev/v1","kind":"Snapshot",'
    with pytest.raises(InputError, match="is no time") as caught:
        decode(f"{head}{place.format(text)}}}".encode())
    assert "\x1b" not in str(caught.value)


def versioned(body: dict[str, Any], version: str, **more: Any) -> dict[str, Any]:
    return {**body, "metadata": {**body["metadata"], "resourceVersion": version}, **more}


FIRST, LATER = pod("p", OURS, 1), {"phase": "Failed"}
TWICE: dict[str, tuple[list[dict[str, Any]], int, str, int]] = {
    "the same": ([FIRST, FIRST], 1, "", 0),
    "newer last": ([versioned(FIRST, "9"), versioned(FIRST, "10", status=LATER)], 1, "Failed", 1),
    "newer first": ([versioned(FIRST, "10", status=LATER), versioned(FIRST, "9")], 1, "Failed", 1),
    "no version": ([FIRST, {**FIRST, "status": LATER}], 1, "Failed", 1),
    "made anew": ([FIRST, {**pod("p", OURS, 2), "status": LATER}], 1, "Failed", 1),
    "another namespace": ([FIRST, pod("p", "others", 1)], 2, "", 0),
    "another kind in the same field": (
        [raw(kind, "apps/v1", "p", OURS) for kind in ("Deployment", "StatefulSet", "Deployment")], 2, "", 0,
    ),
    "another version of the API": (
        [raw("ClusterQueue", f"kueue.x-k8s.io/{version}", "q") for version in ("v1beta1", "v1beta2")], 1, "", 1,
    ),
    "an event": ([raw("Event", "v1", "e", OURS, count=number) for number in (1, 2)], 1, "", 0),
    "without a name": ([{"apiVersion": "v1", "kind": "Pod", "metadata": {}}] * 2, 2, "", 0),
}  # fmt: skip


@pytest.mark.parametrize(("raws", "kept", "phase", "gaps"), TWICE.values(), ids=TWICE)
def test_what_comes_twice_counts_once(raws: list[dict[str, Any]], kept: int, phase: str, gaps: int) -> None:
    (source,) = printed_snapshot(raws, NOW, "file").snapshot.sources
    objects = source.objects
    found = (*objects.pods, *objects.replicas, *objects.cluster_queues, *objects.events)
    assert len(found) == kept
    assert not phase or objects.pods[0].status.phase == phase
    assert [(gap.reason, "twice" in gap.detail) for gap in source.gaps] == [("damaged", True)] * gaps


def test_a_saved_file_with_an_object_twice_counts_it_once() -> None:
    gathered = Gathered()
    gathered.take_any([*two_teams(), FIRST])
    objects = gathered.objects()
    double = msgspec.structs.replace(objects, pods=objects.pods * 2, nodes=(*objects.nodes, objects.nodes[0]))
    whole = Snapshot(taken_at=NOW, sources=(Source(name="prod", objects=double),))
    assert decode(encode(whole)).sources[0] == Source(name="prod", objects=objects)


MARK = b"\xef\xbb\xbf"


def test_a_byte_order_mark_and_parts_in_a_row_are_taken() -> None:
    assert snapshot_of_file(MARK + text(case())) == snapshot_of_file(text(case()))
    assert snapshot_of_file(gzip.compress(MARK + text(case())) + b"\0" * 9) == snapshot_of_file(text(case()))
    parts = gzip.compress(text(FIRST)) + gzip.compress(text(pod("q", OURS, 2)))
    assert [each["metadata"]["name"] for each in printed_objects(parts)] == ["p", "q"]


def nested(body: dict[str, Any], levels: int) -> bytes:
    return text({**body, "spec": "HERE"}).replace(b'"HERE"', b'{"a":' * levels + b'"]}"' + b"}" * levels)


DEEP_POD = nested(pod("deep", OURS, 3), 5_000)
FILES_WITH_DEPTH = {
    "a list": b'{"kind": "List", "apiVersion": "v1", "items": [%s, %s]}' % (DEEP_POD, text(FIRST)),
    "in a row": text(FIRST) + b"\n" + DEEP_POD,
    "in a row, deep first": DEEP_POD + b"\n" + text(FIRST) + DEEP_POD,
}


@pytest.mark.parametrize("data", FILES_WITH_DEPTH.values(), ids=FILES_WITH_DEPTH)
def test_an_object_without_a_floor_is_left_out_and_named(data: bytes) -> None:
    (source,) = printed_snapshot(printed_objects(data), NOW, "file").snapshot.sources
    assert [each.name for each in source.objects.pods] == ["p"]
    assert {(gap.what, gap.detail) for gap in source.gaps} == {(f"Pod/{OURS}/deep, all of it", "nested too deeply")}


def test_a_case_and_a_snapshot_lose_the_deep_object_alone() -> None:
    case_text = text(case(objects=[FIRST, "HERE"])).replace(b'"HERE"', DEEP_POD)
    deep = nested({"metadata": {"name": "deep", "namespace": OURS}}, 5_000)
    file = text(saved(sources=[{"objects": {"pods": [{"metadata": {"name": "p"}}, "HERE"]}}])).replace(b'"HERE"', deep)
    for data in (case_text, file):
        (source,) = snapshot_of_file(data).sources
        assert [each.name for each in source.objects.pods] == ["p"]
        assert [(gap.what, gap.detail) for gap in source.gaps] == [(f"Pod/{OURS}/deep, all of it", "nested too deeply")]
