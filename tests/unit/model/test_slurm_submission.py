"""What is handed in to Slurm holds nothing that could end a field, begin an option or steer Slurm's programs."""

from __future__ import annotations

import shlex
from typing import Any

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from allotment.adapters.slurm.bodies import VERSIONS, body_of
from allotment.adapters.slurm.options import options_of
from allotment.adapters.slurm.script import WATCHER, script_of
from allotment.model.slurm.submission import (
    SlurmArray,
    SlurmDependency,
    SlurmFieldError,
    SlurmGres,
    SlurmSubmission,
    SlurmWarning,
    identity_of,
)
from allotment.model.slurm.tres import gres_of, hosts_of, tasks_of, tres_of


def asked(**fields: Any) -> SlurmSubmission:
    given_: dict[str, Any] = {
        "identity": "job-1", "name": "train", "argv": ("python", "train.py"), "directory": "/work",
        "output": "/work/%j.out",
    }  # fmt: skip
    return SlurmSubmission(**{**given_, **fields})


@pytest.mark.parametrize(
    ("field", "value"),
    [
        *((name, "a\n#SBATCH --account=root") for name in ("name", "comment", "account", "qos", "reservation")),
        *((name, "--uid=0") for name in ("name", "comment", "account", "qos", "reservation")),
        *((name, "/w\n/x") for name in ("directory", "output", "errors", "container")),
        ("name", "a,b"), ("name", ""), ("name", "../up"), ("name", "a" * 129), ("comment", "turn \u202e round"),
        ("comment", "\x1b[2J"), ("comment", "a\x85b"), ("account", "a b"), ("account", "a,b"), ("qos", "a=b"),
        ("directory", "work"), ("directory", "/work/../etc"), ("output", "/work/%u.out"), ("output", "/work/a\\b"),
        ("partitions", ("a,b",)), ("partitions", ("",)), ("features", ("a&b",)), ("features", ("a|b",)),
        ("identity", "a.b"), ("identity", "Job-1"), ("identity", "-a"), ("argv", ()), ("argv", ("",)),
        ("argv", ("a", "b\0c")), ("argv", ("a", "\udcff")), ("argv", ("x" * (1 << 17),)),
        ("environment", (("SLURM_CONF", "/tmp/x"),)), ("environment", (("SBATCH_ACCOUNT", "root"),)),
        ("environment", (("A=B", "c"),)), ("environment", (("A", "b\0C=d"),)), ("environment", (("A", "x" * 70_000),)),
        ("nodes", 0), ("tasks", True), ("minutes", -1), ("memory_mib", -5), ("nice", -100),
        ("gres", (SlurmGres(1), SlurmGres(2))),
    ],
)  # fmt: skip
def test_refused(field: str, value: object) -> None:
    with pytest.raises(SlurmFieldError) as caught:
        asked(**{field: value})
    assert "\n" not in caught.value.what
    assert "\x1b" not in str(caught.value)
    assert caught.value.why


@pytest.mark.parametrize(
    "make",
    [
        lambda: SlurmGres(1, "a100,gpu:h100"), lambda: SlurmGres(0), lambda: SlurmGres(1, name="gpu:x"),
        lambda: SlurmWarning("USR1@5", 5), lambda: SlurmWarning("B:USR1", 5), lambda: SlurmWarning("TERM", 70_000),
        lambda: SlurmArray(3, 1), lambda: SlurmArray(0, 3, 0), lambda: SlurmDependency("afterok:1?after", 2),
        lambda: SlurmDependency("afterok", 0), lambda: asked(nodes=3, tasks=2), lambda: asked(begin=9, deadline=8),
    ],
)  # fmt: skip
def test_refused_within(make: Any) -> None:
    with pytest.raises(SlurmFieldError):
        make()


def test_a_secret_value_is_not_shown() -> None:
    with pytest.raises(SlurmFieldError) as caught:
        asked(environment=(("TOKEN", "s3cret\0"),))
    assert "s3cret" not in str(caught.value)


TEXTS = st.text(max_size=12) | st.sampled_from(["--x", "a\n#SBATCH -A b", "a b", "é", "$(id)", "%j", "x" * 200])


@example(texts={}, paths={"directory": "/\U00014647"}, words={})  # nothing in Unicode 14
@given(
    texts=st.fixed_dictionaries(
        {}, optional=dict.fromkeys(("name", "comment", "account", "qos", "reservation", "identity"), TEXTS)
    ),
    paths=st.fixed_dictionaries(
        {}, optional={name: TEXTS.map("/{}".format) for name in ("directory", "output", "container")}
    ),
    words=st.fixed_dictionaries({}, optional={name: st.tuples(TEXTS) for name in ("partitions", "features")}),
)
def test_whatever_is_taken_stays_in_its_field(texts: Any, paths: Any, words: Any) -> None:
    """Each value is in one argument, behind its own option, and on one line: nobody reads it as two."""
    try:
        made = asked(**texts, **paths, **words)
    except SlurmFieldError:
        return
    for argument in options_of(made, 0):
        assert argument.startswith("--")
        assert argument.isprintable()
        assert argument.partition("=")[2][:1] != "-"
    names = [argument.partition("=")[0] for argument in options_of(made, 0)]
    assert len(set(names)) == len(names)
    assert identity_of(made.job_name) == made.identity


@given(st.lists(st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\0")), min_size=1, max_size=4))
def test_a_shell_reads_the_command_as_it_was_given(argv: list[str]) -> None:
    if not argv[0]:
        return
    for requeue in (False, True):
        head, _, body = script_of(asked(argv=tuple(argv), requeue=requeue)).partition("exec srun ")
        # A command before all that is ours: no comment behind it is read as options.
        assert head == "#!/bin/sh\nset -e\n"
        words = shlex.split(body)
        assert words[-len(argv) :] == argv
        assert (WATCHER in words) is requeue


def test_the_body_of_each_version() -> None:
    made = asked(
        account="nlp", gres=(SlurmGres(2, "a100"),), nodes=2, tasks=4, memory_mib=300, minutes=5, requeue=True,
        warning=SlurmWarning("TERM", 60), begin=1_795_832_000, array=SlurmArray(0, 8, 2, 3),
        dependencies=(SlurmDependency("afterok", 7), SlurmDependency("afterany", 8)), environment=(("A", "b\nc"),),
    )  # fmt: skip
    bodies = {version: body_of(made, version)["job"] for version in VERSIONS}
    same = {"name": "train.allot-job-1", "account": "nlp", "nodes": "2", "tasks": 4, "array": "0-8:2%3",
            "dependency": "afterok:7,afterany:8", "requeue": True}  # fmt: skip
    assert all(job.items() >= same.items() for job in bodies.values())
    old = bodies.pop("v0.0.38")
    assert (old["gres"], old["signal"], old["begin_time"]) == ("gpu:a100:2", "TERM@60", "uts1795832000")
    assert (old["memory_per_node"], old["environment"]["A"]) == (300, "b\nc")
    for job in bodies.values():
        assert (job["tres_per_node"], job["kill_warning_signal"]) == ("gres/gpu:a100:2", "TERM")
        assert job["memory_per_node"] == {"set": True, "infinite": False, "number": 300}
        assert job["begin_time"]["number"] == 1_795_832_000
        assert "A=b\nc" in job["environment"]
    with pytest.raises(SlurmFieldError):
        body_of(asked(warning=SlurmWarning("USR1", 9, shell=True)), "v0.0.38")


@pytest.mark.parametrize(
    ("text", "hosts"),
    [
        ("gpu[0-1,07-09],cpu0", ("gpu0", "gpu1", "gpu07", "gpu08", "gpu09", "cpu0")),
        ("r[1-2]n[3-4]", ("r1n3", "r1n4", "r2n3", "r2n4")),
        ("", ()),
        ("a[1-999999999]", ("a[1-999999999]",)),
        ("a[x]", ("a[x]",)),
        ("a[1", ("a[1",)),
    ],
)
def test_lists_of_hosts(text: str, hosts: tuple[str, ...]) -> None:
    assert hosts_of(text) == hosts


@pytest.mark.parametrize(
    ("text", "gres"),
    [
        ("gpu:a100:4(IDX:0-3),shard:8", {("gpu", "a100"): 4, ("shard", ""): 8}),
        ("gpu:4(S:0-1)", {("gpu", ""): 4}),
        ("gpu:1g.10gb:7", {("gpu", "1g.10gb"): 7}),
        ("gpu:a100:0(IDX:N/A)", {("gpu", "a100"): 0}),
        ("(null)", {}),
    ],
)
def test_devices(text: str, gres: dict[tuple[str, str], int]) -> None:
    assert gres_of(text) == gres


def test_resources() -> None:
    assert tres_of("cpu=2,mem=1.50G,node=1,gres/gpu:a100=2,energy=N") == {
        "cpu": 2, "mem": 1536, "node": 1, "gres/gpu:a100": 2,
    }  # fmt: skip


@pytest.mark.parametrize(
    ("text", "numbers"),
    [
        ("3", (3,)), ("0-2", (0, 1, 2)), ("1,3,5-6%2", (1, 3, 5, 6)), ("0-8:4%10", (0, 4, 8)),
        ("", None), ("N/A", None), ("1,3,...", None), ("0-9999999999", None), ("a", None), ("0-999999999", None),
    ],
)  # fmt: skip
def test_tasks_of_an_array(text: str, numbers: tuple[int, ...] | None) -> None:
    assert tasks_of(text) == numbers
