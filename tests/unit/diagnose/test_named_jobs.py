"""A job of `allot ps` is found in a cluster by the name, or the id, that its user knows."""

from __future__ import annotations

import pytest

from allotment.diagnose.subjects import find_case
from allotment.errors import NotFoundError
from tests.unit.diagnose.situations import BEFORE, NOW, Raw, job, owned, raw, snapshot


def made(
    name: str, job_id: str, *, part: str = "main", at: str = BEFORE, namespace: str = "nlp", **meta: object
) -> Raw:
    """What the server makes for a job."""
    labels = {"allotment.dev/job": job_id, "allotment.dev/part": part}
    notes = {"allotment.dev/job-name": name}
    end = "-staging" if part == "staging" else ""
    whole = {"labels": labels, "annotations": notes, "creationTimestamp": at, **meta}
    return raw("batch/v1", "Job", f"{name}--{job_id}{end}", namespace, meta=whole, spec=job()["spec"])


OLD, NEW = made("gang", "j1"), made("gang", "j2", at=NOW)
STAGED = [made("tune", "j3", part="staging"), made("tune", "j3")]
CHILD = made("gang", "j1", at=NOW, uid="child", **owned(OLD))
CHILD["metadata"]["name"] = "gang--j1-workers-0"
BESIDE = made("gang", "j9", part="beside", at=NOW)
HERE = snapshot(OLD, NEW, *STAGED, CHILD, BESIDE, made("wait", "j4", part="staging"), job("plain"))

FOUND = {
    "the newest of a name": ("gang", "gang--j2"),
    "as a job": ("job/gang", "gang--j2"),
    "one of them by its id": ("j1", "gang--j1"),
    "what runs it, not what has fetched its data": ("tune", "tune--j3"),
    "what fetches its data, where nothing runs it yet": ("wait", "wait--j4-staging"),
    "by the object's own name": ("job/gang--j1", "gang--j1"),
}


@pytest.mark.parametrize(("asked", "name"), FOUND.values(), ids=FOUND)
def test_it_is_found(asked: str, name: str) -> None:
    assert find_case(HERE, asked, "nlp").reference.name == name


def test_who_looks_in_another_namespace_is_told_which() -> None:
    for asked, namespace, other in (("gang", "default", "nlp"), ("plain", "nlp", "team-a")):
        with pytest.raises(NotFoundError) as caught:
            find_case(HERE, asked, namespace)
        assert caught.value.fix == f"name its namespace: -n {other}"
