"""What is launched: what cannot be is refused, and everything that a process gets is on a list."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from allotment.adapters.local.environment import KEPT, environment_of, visible
from allotment.adapters.local.supervisor.records import as_json
from allotment.errors import InputError
from allotment.ports.job_processes import LONGEST_TEXT, JobLaunch

NVIDIA = "GPU-8f6e2c1a-0000-1111-2222-333344445555"
AMD = "GPU-00c0ffee00c0ffee"
MIG = "MIG-8f6e2c1a-0000-1111-2222-333344445555"


@pytest.mark.parametrize(
    "wrong",
    [
        {"id": "../x"},
        {"id": "a" * 101},
        {"argv": ()},
        {"argv": ("",)},
        {"argv": ("a", "b\0")},
        {"argv": ("x" * (LONGEST_TEXT + 1),)},
        {"argv": ("é" * (LONGEST_TEXT // 2 + 1),)},
        {"argv": ("\ud800",)},
        {"working_directory": Path("code")},
        {"working_directory": Path("/a\0")},
        {"environment": {"": "x"}},
        {"environment": {"A=B": "x"}},
        {"environment": {"A\0": "x"}},
        {"environment": {"A": "x\0y"}},
        {"environment": {"A": "x" * (1 << 20)}},
        {"devices": ("a\0",)},
        {"name": "x" * 1001},
        {"cpu_milli": 9},
        {"cpu_milli": 1 << 60},
        {"memory_bytes": 1},
        {"most_processes": 0},
        {"grace_seconds": -1},
        {"grace_seconds": float("nan")},
        {"umask": 0o1000},
        {"umask": -1},
    ],
    ids="-".join,
)
def test_what_cannot_be_launched(wrong: dict[str, object]) -> None:
    good: dict[str, object] = {"id": "job-1-0", "argv": ("true",), "working_directory": Path("/")}
    JobLaunch(**good)  # type: ignore[arg-type]
    with pytest.raises(InputError) as error:
        JobLaunch(**{**good, **wrong})  # type: ignore[arg-type]
    assert error.value.fix
    assert "\0" not in str(error.value)
    assert len(str(error.value)) < 2000


@pytest.mark.parametrize(
    ("devices", "cuda", "rocm"),
    [
        ((), "", ""),
        ((NVIDIA, MIG), f"{NVIDIA},{MIG}", ""),
        ((AMD,), None, AMD),
        (("slot-0", "slot-1"), "", ""),
        ((NVIDIA, AMD), NVIDIA, AMD),
    ],
)
def test_a_job_sees_its_own_devices_and_no_others(devices: tuple[str, ...], cuda: str | None, rocm: str) -> None:
    seen = visible(devices)
    assert (seen.get("CUDA_VISIBLE_DEVICES"), seen["ROCR_VISIBLE_DEVICES"]) == (cuda, rocm)
    assert seen["ALLOTMENT_DEVICES"] == ",".join(devices)


def test_a_job_gets_what_is_on_the_list_and_cannot_choose_its_devices() -> None:
    asked = {"A": "b", "PATH": "/mine", "CUDA_VISIBLE_DEVICES": "0,1,2,3", "HIP_VISIBLE_DEVICES": "7"}
    launch = JobLaunch("job-1-0", ("true",), Path("/"), asked, devices=(AMD,))
    ours = {**dict.fromkeys(KEPT, "x"), "AWS_SECRET_ACCESS_KEY": "canary", "HIP_VISIBLE_DEVICES": "0", "LC_ALL": "C"}
    found = {name.decode(): value.decode() for name, value in environment_of(launch, ours, "/f").items()}
    assert found == {
        **dict.fromkeys(KEPT, "x"), "LC_ALL": "C", "A": "b", "PATH": "/mine",
        "ROCR_VISIBLE_DEVICES": AMD, "ALLOTMENT_DEVICES": AMD, "ALLOTMENT_LAUNCH_FOLDER": "/f",
    }  # fmt: skip


SCALARS = st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | st.text()


@given(st.dictionaries(st.text(), SCALARS | st.lists(SCALARS, max_size=2), max_size=3))
def test_records_are_json(record: dict[str, object]) -> None:
    assert json.loads(as_json(record)) == record
