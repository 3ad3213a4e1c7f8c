"""A working copy in which somebody works: his work is never touched."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest

from allotment.adapters.git_repository import working_copy as module
from allotment.adapters.git_repository.commits import Commits
from allotment.adapters.git_repository.working_copy import WorkingCopyRepository
from allotment.errors import InputError, NotFoundError
from allotment.ports.repository import CommitMessage, EditedByHandError, HeadMovedError
from tests.unit.adapters.git_repository.contract import (
    ALLOTMENT,
    FIRST,
    PATH,
    TEXT,
    RepositoryContract,
    change,
    message,
)
from tests.unit.adapters.git_repository.scenes import WorkingCopyScene, git, put


class TestWorkingCopy(RepositoryContract):
    @pytest.fixture
    def scene(self, working: WorkingCopyScene) -> WorkingCopyScene:
        return working


def status(scene: WorkingCopyScene) -> str:
    return git(scene.copy, "status", "--porcelain", "--untracked-files=all")


def test_the_copy_is_brought_along(working: WorkingCopyScene) -> None:
    working.port.commit(change(working, {PATH: TEXT, "platform.yaml": "kind: Platform\nnew: true\n"}), message())
    assert status(working) == ""
    assert (working.directory / PATH).read_text(encoding="utf-8") == TEXT
    assert "new: true" in (working.directory / "platform.yaml").read_text(encoding="utf-8")

    working.port.commit(change(working, {PATH: None}), message())
    assert status(working) == ""
    assert not (working.directory / "grants").exists()


def test_a_program_stays_one(working: WorkingCopyScene) -> None:
    file = working.directory / "platform.yaml"
    file.chmod(0o755)
    working.by_hand({})
    working.port.commit(change(working, {"platform.yaml": "kind: Platform\nnew: true\n"}), message())
    assert status(working) == ""
    assert file.stat().st_mode & 0o777 == 0o755


NLP = "teams/nlp.yaml"
OURS = "kind: Team\nours: true\n"


def edited(scene: WorkingCopyScene) -> None:
    put(scene.directory, {NLP: "kind: Team\ntheirs: true\n"})


def staged(scene: WorkingCopyScene) -> None:
    edited(scene)
    git(scene.copy, "add", ".")


def staged_and_put_back(scene: WorkingCopyScene) -> None:
    staged(scene)
    put(scene.directory, {NLP: FIRST[NLP]})


def deleted(scene: WorkingCopyScene) -> None:
    put(scene.directory, {NLP: None})


def deleted_and_staged(scene: WorkingCopyScene) -> None:
    git(scene.copy, "rm", "--quiet", f"platform/{NLP}")


def linked(scene: WorkingCopyScene) -> None:
    file = scene.directory / NLP
    file.unlink()
    (scene.directory / "elsewhere").write_text(FIRST[NLP], encoding="utf-8")
    file.symlink_to(scene.directory / "elsewhere")


def folder_linked(scene: WorkingCopyScene) -> None:
    (scene.directory / "teams").rename(scene.directory / "groups")
    (scene.directory / "teams").symlink_to("groups")


def foldered(scene: WorkingCopyScene) -> None:
    put(scene.directory, {NLP: None, f"{NLP}/notes": "x"})


Doing = Callable[[WorkingCopyScene], None]
THEIRS: tuple[Doing, ...] = (edited, staged, staged_and_put_back, linked, folder_linked, foldered)


@pytest.mark.parametrize(
    ("doing", "ours"),
    [(each, ours) for each in THEIRS for ours in (OURS, None)] + [(deleted, OURS), (deleted_and_staged, OURS)],
)
def test_an_edit_that_is_not_committed_is_a_conflict(working: WorkingCopyScene, doing: Doing, ours: str | None) -> None:
    asked = change(working, {NLP: ours, PATH: TEXT})
    doing(working)
    before, there = working.branches(), status(working)
    with pytest.raises(EditedByHandError) as caught:
        working.port.commit(asked, message())
    assert caught.value.path == NLP
    assert NLP in str(caught.value)
    assert "git restore" in caught.value.fix
    assert (working.branches(), status(working)) == (before, there)


def new_file(scene: WorkingCopyScene) -> None:
    put(scene.directory, {PATH: "theirs\n"})


def new_link(scene: WorkingCopyScene) -> None:
    (scene.directory / "grants").symlink_to("teams")


def file_for_a_folder(scene: WorkingCopyScene) -> None:
    put(scene.directory, {"grants": "theirs\n"})


@pytest.mark.parametrize("doing", [new_file, new_link, file_for_a_folder])
def test_what_nobody_has_committed_yet_is_a_conflict_where_ours_would_stand(
    working: WorkingCopyScene, doing: Doing
) -> None:
    doing(working)
    before, there = working.branches(), status(working)
    with pytest.raises(EditedByHandError):
        working.port.commit(change(working), message())
    assert (working.branches(), status(working)) == (before, there)


def test_other_work_is_left_alone(working: WorkingCopyScene) -> None:
    put(working.directory, {NLP: "kind: Team\nstaged: true\n", "teams/new.yaml": "kind: Team\n"})
    git(working.copy, "add", ".")
    put(working.directory, {NLP: "kind: Team\nedited: true\n", "draft": "x"})
    put(working.copy, {"grants/abcd1234.yaml": "another of that name"})
    before = status(working)
    working.port.commit(change(working), message())
    assert status(working) == before
    assert working.port.read().tree.files == {**FIRST, PATH: TEXT}


def test_what_somebody_has_done_already_in_his_copy_is_no_conflict(working: WorkingCopyScene) -> None:
    put(working.directory, {PATH: TEXT, NLP: None})
    working.port.commit(change(working, {PATH: TEXT, NLP: None}), message())
    assert status(working) == ""


def test_whoever_commits_between_our_look_and_ours_is_first(
    working: WorkingCopyScene, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked = change(working)
    made = Commits.made

    def slowly(self: Commits, *words: object) -> str:
        commit = made(self, *words)
        working.by_hand({"teams/vision.yaml": "kind: Team\n"})
        return commit

    monkeypatch.setattr(Commits, "made", slowly)
    with pytest.raises(HeadMovedError):
        working.port.commit(asked, message())
    assert status(working) == ""
    assert working.port.read().tree.files == {**FIRST, "teams/vision.yaml": "kind: Team\n"}


def test_a_command_of_a_killed_predecessor_may_be_late(
    working: WorkingCopyScene, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked = change(working)
    made = Commits.made
    late = []

    def slowly(self: Commits, wanted: object, asking: CommitMessage) -> str:
        late.append(made(self, wanted, replace(asking, at=asking.at - 5000)))
        git(working.copy, "update-ref", "refs/heads/main", late[0])
        return made(self, wanted, asking)

    monkeypatch.setattr(Commits, "made", slowly)
    assert [working.port.commit(asked, message())] == late
    assert status(working) == ""


@pytest.mark.parametrize(
    ("path", "ours", "shown"),
    [(NLP, OURS, " M"), (NLP, None, "??"), (PATH, TEXT, " M"), ("teams/a/b.yaml", TEXT, " M")],
)
def test_an_edit_while_we_commit_stays(
    working: WorkingCopyScene, monkeypatch: pytest.MonkeyPatch, path: str, ours: str | None, shown: str
) -> None:
    asked = change(working, {path: ours})
    made = Commits.made

    def slowly(self: Commits, *words: object) -> str:
        commit = made(self, *words)
        put(working.directory, {path: "theirs: true\n"})
        return commit

    monkeypatch.setattr(Commits, "made", slowly)
    working.port.commit(asked, message())
    assert (working.directory / path).read_text(encoding="utf-8") == "theirs: true\n"
    assert status(working) == f"{shown} platform/{path}\n"


def test_a_link_that_comes_in_the_way_while_we_commit_is_not_followed(
    working: WorkingCopyScene, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked = change(working)
    made = Commits.made

    def slowly(self: Commits, *words: object) -> str:
        commit = made(self, *words)
        (working.directory / "grants").symlink_to("teams")
        return commit

    monkeypatch.setattr(Commits, "made", slowly)
    working.port.commit(asked, message())
    assert [each.name for each in (working.directory / "teams").iterdir()] == ["nlp.yaml"]


def test_while_somebody_holds_the_index_the_rest_waits(
    working: WorkingCopyScene, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, "_INDEX_PATIENCE", 0.0)
    lock = working.copy / ".git/index.lock"
    asked = change(working)
    lock.touch()
    commit = working.port.commit(asked, message())
    assert working.branches() == {"main": commit}
    assert not (working.directory / PATH).exists()
    lock.unlink()
    working.port.read()
    assert status(working) == ""


@pytest.mark.parametrize("theirs", ["kind: Team\ntheirs: true\n", FIRST[NLP]])
def test_a_commit_on_top_meanwhile_keeps_what_it_did(
    working: WorkingCopyScene, monkeypatch: pytest.MonkeyPatch, theirs: str
) -> None:
    monkeypatch.setattr(module, "_INDEX_PATIENCE", 0.0)
    lock = working.copy / ".git/index.lock"
    asked = change(working, {PATH: TEXT, NLP: OURS})
    lock.touch()
    working.port.commit(asked, message())
    lock.unlink()
    put(working.directory, {NLP: theirs})
    git(working.copy, "commit", "--quiet", "-m", "theirs", "--", f"platform/{NLP}")
    assert working.port.read().tree.files == {**FIRST, PATH: TEXT, NLP: theirs}
    assert status(working) == ""


def test_no_program_of_the_repository_is_run(working: WorkingCopyScene, tmp_path: Path) -> None:
    mark = tmp_path / "ran"
    put(working.copy, {".gitattributes": "*.yaml filter=evil diff=evil merge=evil\n"})
    working.by_hand({})
    for name, value in {
        "core.fsmonitor": f"touch {mark}; false", "core.hooksPath": str(tmp_path / "hooks"),
        "core.pager": f"touch {mark}", "core.editor": f"touch {mark}", "diff.external": f"touch {mark}",
        "filter.evil.clean": f"touch {mark}; cat", "filter.evil.smudge": f"touch {mark}; cat",
        "diff.evil.textconv": f"touch {mark}", "gpg.program": f"touch {mark}", "commit.gpgSign": "true",
    }.items():  # fmt: skip
        git(working.copy, "config", name, value)
    for name in ("reference-transaction", "post-index-change", "pre-commit", "commit-msg", "post-commit"):
        put(tmp_path, {f"hooks/{name}": f"#!/bin/sh\ntouch {mark}\n"})
        (tmp_path / "hooks" / name).chmod(0o755)
    asked = change(working, {PATH: TEXT, NLP: OURS})
    working.port.commit(asked, message())
    working.port.commit(asked, message())
    working.port.read()
    assert not mark.exists()
    # The trap would have snapped.
    git(working.copy, "status")
    assert mark.exists()


def test_where_nothing_can_be_committed(working: WorkingCopyScene, tmp_path: Path) -> None:
    git(working.copy, "switch", "--quiet", "--detach")
    with pytest.raises(InputError, match="no branch is checked out"):
        working.port.read()
    (tmp_path / "plain").mkdir()
    for folder in ("plain", "missing"):
        with pytest.raises(InputError, match="no working copy"):
            WorkingCopyRepository(tmp_path / folder, ALLOTMENT).read()
    git(tmp_path / "plain", "-c", "init.defaultBranch=main", "init", "--quiet")
    with pytest.raises(NotFoundError, match="without a commit"):
        WorkingCopyRepository(tmp_path / "plain", ALLOTMENT).read()
