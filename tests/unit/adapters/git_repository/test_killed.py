"""Killed with -9 wherever it is, and called again: one commit, and nothing of anybody's lost."""

from __future__ import annotations

import os
import shutil
import signal
import sys
import warnings
from collections.abc import Callable
from pathlib import Path
from types import FrameType
from typing import Any

import pytest

from allotment.adapters import git_repository
from allotment.adapters.git_repository.commands import Git, GitAnswer
from allotment.adapters.git_repository.working_files import WorkingFiles
from allotment.ports.repository import CommitMode
from tests.unit.adapters.git_repository.conftest import remote_of
from tests.unit.adapters.git_repository.contract import PATH, TEXT, Scene, accepted, change, message
from tests.unit.adapters.git_repository.scenes import RemoteScene, WorkingCopyScene, git
from tests.unit.adapters.git_repository.test_working_copy import status

OURS = str(Path(git_repository.__file__).parent)
DOING = {PATH: TEXT, "teams/nlp.yaml": None, "platform.yaml": "kind: Platform\nnew: true\n"}
DONE = {PATH: TEXT, "platform.yaml": "kind: Platform\nnew: true\n"}


def die() -> None:
    os.kill(os.getpid(), signal.SIGKILL)


def in_a_child(doing: Callable[[], object]) -> int:
    """How it ended: 0, or minus the signal."""
    with warnings.catch_warnings():
        # Of the threads of a test run none is needed in the child.
        warnings.simplefilter("ignore", DeprecationWarning)
        child = os.fork()
    if child == 0:
        code = 1
        try:
            doing()
            code = 0
        finally:
            os._exit(code)
    return os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])


def around(owner: Any, name: str, is_meant: Callable[..., bool], *, before: bool) -> Callable[[], None]:
    """Dies before or after a call."""

    def set_up() -> None:
        original = getattr(owner, name)

        def dying(*words: Any, **more: Any) -> GitAnswer:
            meant = is_meant(*words, **more)
            if meant and before:
                die()
            answer: GitAnswer = original(*words, **more)
            if meant:
                die()
            return answer

        setattr(owner, name, dying)

    return set_up


def of_git(command: str, *, before: bool) -> Callable[[], None]:
    return around(
        Git, "ask", lambda _git, *words, **more: words[0] == command and "GIT_INDEX_FILE" not in more.get("more", {}),
        before=before,
    )  # fmt: skip


def of_file(path: str, *, before: bool) -> Callable[[], None]:
    return around(WorkingFiles, "exchange", lambda _files, name, *_: name == f"platform/{path}", before=before)


def killed_and_called_again(scene: Scene, set_up: Callable[[], None]) -> None:
    asked = change(scene, DOING)
    first = scene.port.read().commit

    def doing() -> None:
        set_up()
        scene.port.commit(asked, message())

    assert in_a_child(doing) == -signal.SIGKILL

    commit = scene.port.commit(asked, message(at=1_795_600_900_000))
    assert scene.port.commit(asked, message()) == commit
    accepted(scene)
    assert scene.told(commit).parents == (first,)
    assert dict(scene.port.read().tree.files) == DONE
    assert len(commits_of(scene)) == 1
    if isinstance(scene, WorkingCopyScene):
        assert status(scene) == ""
        assert not (scene.directory / "teams").exists()
        assert sorted(each.name for each in (scene.copy / ".git").glob("allotment-*")) == ["allotment-held"]


def commits_of(scene: Scene) -> list[str]:
    assert isinstance(scene, (WorkingCopyScene, RemoteScene))
    where = scene.copy if isinstance(scene, WorkingCopyScene) else scene.bare
    return git(where, "rev-list", "--grep=^Allotment-Request: abcd1234$", "main").split()


@pytest.mark.parametrize(
    "set_up",
    [
        of_git("commit-tree", before=False), of_git("update-ref", before=True), of_git("update-ref", before=False),
        of_git("update-index", before=True), of_git("update-index", before=False), of_file(PATH, before=False),
        of_file("teams/nlp.yaml", before=True), of_file("teams/nlp.yaml", before=False),
    ],
)  # fmt: skip
def test_in_a_working_copy(working: WorkingCopyScene, set_up: Callable[[], None]) -> None:
    killed_and_called_again(working, set_up)


@pytest.mark.parametrize("mode", list(CommitMode))
@pytest.mark.parametrize("set_up", [of_git("push", before=True), of_git("push", before=False)])
def test_over_a_push(made_once: Path, tmp_path: Path, mode: CommitMode, set_up: Callable[[], None]) -> None:
    killed_and_called_again(remote_of(made_once, tmp_path, mode), set_up)


def test_whoever_only_reads_brings_the_copy_along(working: WorkingCopyScene) -> None:
    asked = change(working, DOING)

    def doing() -> None:
        of_git("update-ref", before=False)()
        working.port.commit(asked, message())

    assert in_a_child(doing) == -signal.SIGKILL
    assert status(working) != ""
    assert dict(working.port.read().tree.files) == DONE
    assert status(working) == ""


def test_an_edit_between_the_kill_and_the_next_call_stays(working: WorkingCopyScene) -> None:
    asked = change(working, {"teams/nlp.yaml": "kind: Team\nours: true\n", PATH: TEXT})

    def doing() -> None:
        of_git("update-ref", before=False)()
        working.port.commit(asked, message())

    assert in_a_child(doing) == -signal.SIGKILL
    (working.directory / "teams/nlp.yaml").write_text("kind: Team\ntheirs: true\n", encoding="utf-8")
    working.port.commit(asked, message())
    assert (working.directory / "teams/nlp.yaml").read_text(encoding="utf-8") == "kind: Team\ntheirs: true\n"
    assert status(working) == " M platform/teams/nlp.yaml\n"


def lines_of(scene: Scene, doing: Callable[[], object], last: int = 0) -> int:
    """How many lines of ours it takes, in a child; dies at the last of them, where one is given."""
    count = 0

    def tracing(frame: FrameType, event: str, _argument: object) -> Any:
        nonlocal count
        if not frame.f_code.co_filename.startswith(OURS):
            return None
        if event == "line":
            count += 1
            if count == last:
                die()
        return tracing

    sys.settrace(tracing)
    doing()
    sys.settrace(None)
    return count


@pytest.mark.nightly
@pytest.mark.parametrize("kind", ["copy", "direct", "branch"])
def test_at_every_seventh_line(made_once: Path, tmp_path: Path, kind: str) -> None:
    def fresh(name: str) -> Scene:
        root = tmp_path / name
        if kind == "copy":
            shutil.copytree(made_once / "copy", root)
            return WorkingCopyScene(root, "platform")
        root.mkdir()
        return remote_of(made_once, root, CommitMode(kind))

    scene = fresh("counted")
    asked = change(scene, DOING)
    total = lines_of(scene, lambda: scene.port.commit(asked, message()))
    assert total > 100
    # The last of them do nothing any more, and some do not come every time.
    for line in range(1, total - 30, 7):
        other = fresh(f"at{line}")

        def tracing(line: int = line, other: Scene = other) -> None:
            commit = other.port.commit
            asked = change(other, DOING)
            lines_of(other, lambda: commit(asked, message()), line)

        killed_and_called_again(other, tracing)
