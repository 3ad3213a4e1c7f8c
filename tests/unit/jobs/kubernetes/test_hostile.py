"""Text of a user is data: it leaves YAML as it came, is part of no shell's program, and collides with nothing."""

from __future__ import annotations

import json
import re
from dataclasses import replace

import pytest
import yaml
from hypothesis import given, settings
from hypothesis import strategies as st

from allotment.jobs.kubernetes.environment import command
from allotment.jobs.kubernetes.order import LONGEST_NAME, WorkOrder
from allotment.model.jobs.job import CodeFolder
from allotment.model.quantity import Bytes
from allotment.render.yaml_text import to_documents
from tests.by_day import by_day
from tests.unit.jobs.kubernetes.work import GRID, job, program, rendered

HOSTILE = (
    "yes", "0x1", "1e3", "null", "~", "a: b", "- x", "line\nbreak", "{{ .Values }}", "$(ALLOTMENT_JOB_ID)", "$$", "$",
    "'; rm -rf / #", "`id`", '"', "\\", "\t", "#", "\u202e", " ", "",
)  # fmt: skip
names = st.from_regex(r"[a-z0-9]([-a-z0-9]{0,38}[a-z0-9])?", fullmatch=True)
"""A job has no other: its own struct refuses them."""
texts = st.one_of(st.sampled_from(HOSTILE), st.text(max_size=20).filter(lambda text: "\0" not in text))


def expanded(text: str) -> str:
    """What the kubelet makes of it, where there is no variable (kubernetes third_party/forked/golang/expansion)."""
    return re.sub(r"\$(\$|\([^)]*\))", lambda found: "$" if found[1] == "$" else found[0], text)


@settings(max_examples=by_day(60), deadline=None)
@given(argv=st.lists(texts, min_size=1, max_size=4), value=texts, name=names)
def test_text_comes_out_as_it_went_in(argv: list[str], value: str, name: str) -> None:
    asked = job(name=name, program=program(argv=tuple(argv), environment={"GIVEN": value}))
    main = rendered(asked).main
    assert json.loads(json.dumps(main)) == main
    (read,) = yaml.safe_load_all(to_documents([main]))
    container = read["spec"]["template"]["spec"]["containers"][0]
    assert [expanded(each) for each in container["command"]] == argv
    assert expanded(container["env"][0]["value"]) == value
    assert read["metadata"]["annotations"]["allotment.dev/job-name"] == name


@pytest.mark.parametrize("swept", [False, True])
def test_no_text_of_a_user_is_in_a_shells_program(swept: bool) -> None:
    folder = CodeFolder(".", "", Bytes(1))
    asked = job(program=program(argv=("python", *HOSTILE), code=folder, working_directory="a b; id"))
    order = WorkOrder("k7x2", replace(asked, sweep=GRID) if swept else asked, code=b"x")
    shell, option, script, *arguments = (expanded(each) for each in command(order))
    plain = WorkOrder("k7x2", replace(job(), sweep=order.job.sweep), code=b"x")
    assert (shell, option, script) == ("/bin/sh", "-c", expanded(command(plain)[2]))
    assert arguments == ["allotment", "/allotment/code/a b; id", "python", *HOSTILE]


@settings(max_examples=by_day(150), deadline=None)
@given(
    one=st.tuples(names, st.from_regex(r"[a-z0-9]([-a-z0-9]{0,20}[a-z0-9])?", fullmatch=True)),
    other=st.tuples(names, st.from_regex(r"[a-z0-9]([-a-z0-9]{0,20}[a-z0-9])?", fullmatch=True)),
    attempts=st.tuples(st.integers(1, 12), st.integers(1, 12)),
)
def test_two_jobs_never_have_one_name(one: tuple[str, str], other: tuple[str, str], attempts: tuple[int, int]) -> None:
    names = [
        WorkOrder(job_id, job(name=name), attempt).name
        for (name, job_id), attempt in zip((one, other), attempts, strict=True)
    ]
    assert (names[0] == names[1]) == ((*one, attempts[0]) == (*other, attempts[1]))
    assert all(re.fullmatch(r"[a-z]([-a-z0-9]*[a-z0-9])?", name) and len(name) <= LONGEST_NAME for name in names)
