"""Cgroups of both versions, on folders that look like theirs."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from allotment.adapters.local.cgroup_places import CgroupPlaces, cgroup_places
from allotment.adapters.local.supervisor import cgroups

MIB = 1 << 20


def hierarchy(tmp_path: Path, version: int, names: list[str], *files: str) -> cgroups.Hierarchy:
    folder = tmp_path / f"v{version}-{'-'.join(names)}"
    folder.mkdir()
    for name in files:
        (folder / name).write_text("")
    return cgroups.Hierarchy(version, names, str(folder))


def contents(where: cgroups.Hierarchy) -> dict[str, str]:
    return {each.name: text for each in Path(where.folder).iterdir() if (text := each.read_text())}


def test_limits_of_version_2(tmp_path: Path) -> None:
    files = ("cpu.max", "memory.max", "memory.swap.max", "memory.oom.group", "pids.max")
    where = hierarchy(tmp_path, 2, ["cpu", "memory", "pids"], *files)
    made, missing = cgroups.make([where], {"cpu": 1500, "memory": 64 * MIB, "pids": 50})
    assert (made, missing) == ([where], {})
    assert contents(where) == {
        "cpu.max": "150000 100000",
        "memory.max": str(64 * MIB),
        "memory.swap.max": "0",
        "memory.oom.group": "1",
        "pids.max": "50",
    }


def test_limits_of_version_1_beside_a_version_2_that_limits_nothing(tmp_path: Path) -> None:
    memory = hierarchy(tmp_path, 1, ["memory"], "memory.limit_in_bytes", "memory.memsw.limit_in_bytes")
    cpu = hierarchy(tmp_path, 1, ["cpu", "cpuacct"], "cpu.cfs_quota_us", "cpu.cfs_period_us")
    unified = hierarchy(tmp_path, 2, [])
    pids = hierarchy(tmp_path, 1, ["pids"], "pids.max")
    made, missing = cgroups.make([unified, memory, cpu, pids], {"cpu": 250, "memory": 64 * MIB, "pids": 50})
    assert (made, missing) == ([unified, memory, cpu, pids], {})
    assert contents(pids) == {"pids.max": "50"}
    assert contents(cpu) == {"cpu.cfs_quota_us": "25000", "cpu.cfs_period_us": "100000"}
    assert contents(memory) == dict.fromkeys(("memory.limit_in_bytes", "memory.memsw.limit_in_bytes"), str(64 * MIB))


@pytest.mark.parametrize("asked", [{}, {"cpu": 100}, {"memory": MIB}, {"pids": 50, "cpu": 100}])
def test_what_is_not_limited_says_why(tmp_path: Path, asked: dict[str, int]) -> None:
    where = hierarchy(tmp_path, 2, ["cpu"])  # without the files that limits are written to
    _, missing = cgroups.make([where], asked)
    assert missing.keys() == asked.keys()
    assert all(missing.values())
    assert cgroups.make([], {"cpu": 100, "memory": MIB})[1].keys() == {"cpu", "memory"}


def test_what_is_counted(tmp_path: Path) -> None:
    two = hierarchy(tmp_path, 2, ["memory"])
    for name, text in {
        "memory.current": "1000\n",
        "memory.stat": "anon 600\ninactive_file 300\n",
        "cpu.stat": "usage_usec 2500000\n",
        "memory.events": "low 0\noom_kill 1\n",
        "cgroup.procs": "7\n0\n8\n",
    }.items():
        (Path(two.folder) / name).write_text(text)
    inner = Path(two.folder) / "inner"
    inner.mkdir()
    (inner / "cgroup.procs").write_text("9\n")
    folders = [two.folder]
    assert cgroups.memory(folders) == 700
    assert cgroups.cpu_seconds(folders) == 2.5
    assert cgroups.out_of_memory(folders)
    assert cgroups.members(folders) == [7, 8, 9]
    nowhere = [str(tmp_path / "nowhere")]
    assert (cgroups.memory(nowhere), cgroups.cpu_seconds(nowhere)) == (None, None)
    assert (cgroups.out_of_memory(nowhere), cgroups.members(nowhere)) == (False, [])


def machine(tmp_path: Path, cgroup: str, *mounts: str) -> Path:
    proc = tmp_path / "proc"
    proc.mkdir()
    (proc / "cgroup").write_text(cgroup)
    (proc / "mountinfo").write_text("".join(f"30 20 0:1 {each}\n" for each in mounts))
    return proc


def version_2(tmp_path: Path, pids: list[int], controllers: str = "cpu memory pids") -> CgroupPlaces:
    base = tmp_path / "fs" / "user.slice" / "ours"
    (base / "allotment-x").mkdir(parents=True)
    (base / "allotment-x" / "pids.max").write_text("max")
    for folder in (base, base / "allotment-x"):
        (folder / "cgroup.controllers").write_text(controllers)
        (folder / "cgroup.subtree_control").write_text("")
        (folder / "cgroup.type").write_text("domain")
        (folder / "cgroup.procs").write_text("")
    (base / "cgroup.procs").write_text("".join(f"{pid}\n" for pid in pids))
    proc = machine(tmp_path, "0::/user.slice/ours\n", f"/ {tmp_path}/fs rw - cgroup2 cgroup2 rw")
    (tmp_path / "pid_max").write_text("32768\n")
    return cgroup_places("x", proc, tmp_path / "pid_max")


def test_a_server_that_is_alone_steps_aside_and_hands_limits_down(tmp_path: Path) -> None:
    found = version_2(tmp_path, [os.getpid()])
    base = tmp_path / "fs/user.slice/ours"
    (place,) = found.places
    assert (place.version, place.controllers, place.folder) == (2, ("cpu", "memory", "pids"), f"{base}/allotment-x")
    assert (base / "allotment-server/cgroup.procs").read_text() == str(os.getpid())
    assert (found.why_none, found.why_not) == ("", {})
    assert (base / "allotment-x/pids.max").read_text() == "24576", "a quarter is left to what is no job"
    assert place.of("job-1-0")[2] == f"{base}/allotment-x/job-1-0"


def test_a_server_among_others_says_why_nothing_is_limited(tmp_path: Path) -> None:
    found = version_2(tmp_path, [os.getpid(), 1])
    (place,) = found.places
    assert place.controllers == ()
    assert (tmp_path / "fs/user.slice/ours/allotment-x/pids.max").read_text() == "max", "nothing is limited there"
    assert sorted(found.why_not) == ["cpu", "memory", "pids"]
    assert "holds other processes too" in found.why_not["cpu"]
    assert not (tmp_path / "fs/user.slice/ours/allotment-server").exists()


def test_both_versions_side_by_side_in_a_container(tmp_path: Path) -> None:
    for name in ("memory", "unified", "cpu,cpuacct"):
        (tmp_path / name).mkdir()
    (tmp_path / "unified/cgroup.controllers").write_text("")
    proc = machine(
        tmp_path,
        "5:memory:/docker/c1\n4:cpu,cpuacct:/docker/c1\n1:name=systemd:/docker/c1\n0::/docker/c1\n",
        f"/docker/c1 {tmp_path}/memory rw - cgroup cgroup rw,memory",
        f"/docker/c1 {tmp_path}/cpu,cpuacct rw - cgroup cgroup rw,cpu,cpuacct",
        f"/docker/c1 {tmp_path}/unified rw - cgroup2 cgroup2 rw",
        "/ /tmp rw - tmpfs tmpfs rw",
    )
    found = cgroup_places("x", proc)
    assert [(each.version, each.controllers) for each in found.places] == [
        (2, ()),
        (1, ("memory",)),
        (1, ("cpu", "cpuacct")),
    ]
    assert found.places[1].folder == f"{tmp_path}/memory/allotment-x"


def test_a_machine_without_cgroups(tmp_path: Path) -> None:
    found = cgroup_places("x", tmp_path)
    assert found.places == ()
    assert "No such file" in found.why_none
    assert cgroup_places("x", machine(tmp_path, "0::/\n")).why_none
