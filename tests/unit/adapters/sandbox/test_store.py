"""The store without a control plane: half-made state, leftovers, and servers that do not come up."""

from __future__ import annotations

import os
import random
import signal
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from allotment.adapters.sandbox import processes
from allotment.adapters.sandbox.launch import PortLostError
from allotment.adapters.sandbox.processes import MARKER, Process
from allotment.adapters.sandbox.state import Paths, State, load, save
from allotment.adapters.sandbox.store import SandboxStore
from allotment.adapters.sandbox.versions import JOBSET, KUEUE, KWOK, RUNTIME
from allotment.errors import InputError, NotFoundError, UnreachableError
from allotment.ports.sandboxes import Sandbox, SandboxSpec, Step

NAME = "dev"


@pytest.fixture
def root(tmp_path: Path) -> Iterator[Path]:
    folder = tmp_path / "sandboxes"
    yield folder
    for process in processes.marked(str(folder / NAME)):
        os.kill(process.pid, signal.SIGKILL)


def store(tmp_path: Path, folder: Path | None = None) -> SandboxStore:
    cache, env = tmp_path / "cache", {"PATH": "/usr/bin:/bin"}
    return SandboxStore(tmp_path / "sandboxes", cache=cache, env=env, folder=folder, rng=random.Random(7))


def leftover(root: Path) -> Process:
    """A server of a launcher that was killed before it wrote anything down."""
    (root / NAME).mkdir(parents=True)
    command = [sys.executable, "-c", "import time; time.sleep(60)"]
    return processes.start(command, folder=root, env={MARKER: str(root / NAME)}, log=root / "log")


def fake_tools(tmp_path: Path, etcd: str) -> Path:
    """Ready-made binaries: only etcd is ever started by these tests."""
    folder = tmp_path / "binaries"
    folder.mkdir()
    for name in RUNTIME:
        (folder / name).write_text(f"#!/bin/sh\n{etcd}\n")
        (folder / name).chmod(0o755)
    for module, file in ((f"kueue-{KUEUE}", "kueue-manifests.json"), (f"kwok-{KWOK}", "kwok-stages.json")):
        (tmp_path / "cache" / module).mkdir(parents=True)
        (tmp_path / "cache" / module / file).write_text("[]")
    return folder


def test_down_of_nothing_leaves_nothing(tmp_path: Path, root: Path) -> None:
    assert store(tmp_path).down(NAME) is False
    assert not root.exists()


def test_down_finds_processes_that_nobody_wrote_down(tmp_path: Path, root: Path) -> None:
    process = leftover(root)
    (root / "log").unlink()
    assert store(tmp_path).down(NAME) is True
    assert not processes.alive(process, str(root / NAME))
    assert not root.exists()
    assert store(tmp_path).down(NAME) is False


def test_down_spares_a_process_that_took_over_a_recorded_id(tmp_path: Path, root: Path) -> None:
    process = leftover(root)
    (root / "other").mkdir()
    save(Paths(root, "other"), State(SandboxSpec("other"), {}, {"etcd": process}))
    store(tmp_path).down("other")
    assert processes.alive(process, str(root / NAME))


def test_status_of_a_half_made_sandbox(tmp_path: Path, root: Path) -> None:
    (root / NAME).mkdir(parents=True)
    status = store(tmp_path).status(NAME)
    assert not status.ready
    assert status.components == ()


@pytest.mark.parametrize("ask", [SandboxStore.status, SandboxStore.kubeconfig])
def test_unknown_sandboxes_are_named_with_those_there_are(tmp_path: Path, root: Path, ask: object) -> None:
    (root / "other").mkdir(parents=True)
    with pytest.raises(NotFoundError) as caught:
        ask(store(tmp_path), NAME)  # type: ignore[operator]
    assert "other" in caught.value.why
    assert f"allot sandbox up {NAME}" in caught.value.fix


def test_kubeconfig_before_there_is_one(tmp_path: Path, root: Path) -> None:
    (root / NAME).mkdir(parents=True)
    with pytest.raises(NotFoundError, match="no kubeconfig yet"):
        store(tmp_path).kubeconfig(NAME)


def test_list(tmp_path: Path, root: Path) -> None:
    assert store(tmp_path).list() == ()
    for name in ("b", "a"):
        (root / name).mkdir(parents=True)
    (root / ".a.lock").touch()
    assert store(tmp_path).list() == ("a", "b")


@pytest.mark.parametrize("name", ["../escape", "", "A"])
def test_names_never_leave_the_root(tmp_path: Path, root: Path, name: str) -> None:
    for act in (store(tmp_path).down, store(tmp_path).status, store(tmp_path).kubeconfig):
        with pytest.raises(InputError):
            act(name)


def up(tmp_path: Path, folder: Path, steps: list[Step]) -> Sandbox:
    return store(tmp_path, folder).up(SandboxSpec(NAME), progress=steps.append)


def test_a_server_that_ends_is_an_error_with_its_last_words(tmp_path: Path, root: Path) -> None:
    folder = fake_tools(tmp_path, "echo 'data folder is broken' >&2; exit 1")
    with pytest.raises(UnreachableError, match="etcd ended") as caught:
        up(tmp_path, folder, [])
    assert "data folder is broken" in caught.value.why
    assert f"allot sandbox down {NAME}" in caught.value.fix
    assert processes.marked(str(root / NAME)) == []
    assert store(tmp_path).status(NAME).components[0].running is False


def test_too_many_watched_files_are_the_kernel_s_limit(tmp_path: Path, root: Path) -> None:
    folder = fake_tools(tmp_path, "echo 'cannot start: too many open files' >&2; exit 1")
    with pytest.raises(UnreachableError) as caught:
        up(tmp_path, folder, [])
    assert "fs.inotify.max_user_instances" in caught.value.fix


@pytest.mark.parametrize(
    ("spec", "told"),
    [
        (SandboxSpec(NAME, extensions=("volcano",)), "no extension volcano"),
        (SandboxSpec(NAME, apiserver_flags={"secure-port": "1"}), "secure-port"),
    ],
)
def test_what_cannot_be_is_refused_before_anything_starts(
    tmp_path: Path, root: Path, spec: SandboxSpec, told: str
) -> None:
    with pytest.raises(InputError, match=told):
        store(tmp_path, fake_tools(tmp_path, "exit 1")).up(spec)
    assert not root.exists()


@pytest.mark.parametrize(
    ("complete", "kept"),
    [(True, {"feature-gates": "A=true", "v": "2"}), (False, {"v": "2"})],
    ids=["a start that succeeded", "one that failed"],
)
def test_what_extends_a_sandbox_stays(tmp_path: Path, root: Path, complete: bool, kept: dict[str, str]) -> None:
    folder = fake_tools(tmp_path, "exit 1")
    (folder / "jobset").write_text("#!/bin/sh\n")
    (folder / "jobset").chmod(0o755)
    (tmp_path / "cache" / f"jobset-{JOBSET}").mkdir()
    (tmp_path / "cache" / f"jobset-{JOBSET}" / "jobset-manifests.json").write_text("[]")
    paths = Paths(root, NAME)
    paths.folder.mkdir(parents=True)
    earlier = SandboxSpec(NAME, extensions=("jobset",), apiserver_flags={"feature-gates": "A=true", "v": "1"})
    save(paths, State(earlier, {}, complete=complete))
    with pytest.raises(UnreachableError):
        store(tmp_path, folder).up(SandboxSpec(NAME, apiserver_flags={"v": "2"}))
    state = load(paths)
    assert state is not None
    assert state.spec.extensions == ("jobset",)
    assert state.spec.apiserver_flags == kept
    assert {"jobset", "jobset-webhook"} <= set(state.ports)


def test_lost_ports_are_chosen_anew_a_few_times(tmp_path: Path, root: Path) -> None:
    seen = tmp_path / "seen"
    etcd = f'for flag; do case "$flag" in --listen-client-urls=*) echo "$flag" >> {seen};; esac; done\n'
    folder = fake_tools(tmp_path, etcd + "echo 'listen tcp: bind: address already in use'; exit 1")
    with pytest.raises(PortLostError):
        up(tmp_path, folder, [])
    urls = seen.read_text().split()
    assert len(urls) == 3
    assert len(set(urls)) == 3
