"""Repositories elsewhere: a real bare one, and what goes wrong on the way.

The contract takes half a minute over a remote, so it is kept with the live tests.
"""

from __future__ import annotations

import http.server
import shutil
import threading
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path

import pytest

from allotment.adapters.git_repository.commands import Git, GitAnswer
from allotment.adapters.git_repository.commits import Commits
from allotment.adapters.git_repository.remote import RemoteBranch, RemoteRepository
from allotment.adapters.git_repository.remotes import remote_place
from allotment.errors import (
    AllotmentError,
    ConflictError,
    InputError,
    NotFoundError,
    NotSignedInError,
    TimedOutError,
    UnreachableError,
)
from allotment.ports.repository import CommitMode, FileChanges, HeadMovedError, PushRefusedError
from allotment.spec.problems import InvalidPlatformError
from tests.unit.adapters.git_repository.contract import (
    ALLOTMENT,
    FIRST,
    PATH,
    TEXT,
    ProposingContract,
    RepositoryContract,
    change,
    message,
)
from tests.unit.adapters.git_repository.scenes import RemoteScene, git, put


@pytest.mark.live
class TestDirect(RepositoryContract):
    @pytest.fixture
    def scene(self, direct: RemoteScene) -> RemoteScene:
        return direct


@pytest.mark.live
class TestProposing(ProposingContract):
    @pytest.fixture
    def scene(self, proposing: RemoteScene) -> RemoteScene:
        return proposing


def hook(scene: RemoteScene, name: str, script: str) -> None:
    file = scene.bare / "hooks" / name
    file.parent.mkdir(exist_ok=True)
    file.write_text(f"#!/bin/sh\n{script}\n", encoding="utf-8")
    file.chmod(0o755)


def test_what_a_server_says_that_takes_nothing_is_told_in_part(direct: RemoteScene) -> None:
    hook(
        direct,
        "pre-receive",
        'for n in 1 2 3 4 5 6 7; do echo "rule $n: ask \x1b[31mthe platform team" >&2; done; exit 1',
    )
    before = direct.branches()
    with pytest.raises(PushRefusedError) as caught:
        direct.port.commit(change(direct), message())
    assert "rule 1: ask" in caught.value.why
    assert "rule 5" in caught.value.why
    assert "rule 6" not in caught.value.why
    assert "\x1b" not in str(caught.value)
    assert direct.branches() == before
    (direct.bare / "hooks/pre-receive").unlink()
    assert direct.files(direct.port.commit(change(direct), message()))[PATH] == TEXT


def test_whoever_commits_between_our_look_and_our_push_is_first(
    direct: RemoteScene, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked = change(direct)
    made = Commits.made

    def slowly(self: Commits, *words: object) -> str:
        direct.by_hand({"teams/vision.yaml": "kind: Team\n"})
        return made(self, *words)

    monkeypatch.setattr(Commits, "made", slowly)
    with pytest.raises(HeadMovedError):
        direct.port.commit(asked, message())
    assert "teams/vision.yaml" in direct.port.read().tree.files
    assert PATH not in direct.port.read().tree.files


def test_what_somebody_has_taken_back_is_not_brought_back(direct: RemoteScene, monkeypatch: pytest.MonkeyPatch) -> None:
    first = direct.branches()["main"]
    direct.by_hand({"teams/vision.yaml": "kind: Team\n"})
    asked = change(direct)
    made = Commits.made

    def slowly(self: Commits, *words: object) -> str:
        git(direct.bare, "update-ref", "refs/heads/main", first)
        return made(self, *words)

    monkeypatch.setattr(Commits, "made", slowly)
    with pytest.raises(HeadMovedError):
        direct.port.commit(asked, message())
    assert direct.branches() == {"main": first}


@pytest.mark.parametrize("mode", list(CommitMode))
def test_a_push_whose_answer_is_lost_is_asked_after(
    direct: RemoteScene, monkeypatch: pytest.MonkeyPatch, mode: CommitMode
) -> None:
    scene = replace(direct, mode=mode)
    ask = Git.ask

    def losing(self: Git, *words: str, **more: float) -> GitAnswer:
        answer = ask(self, *words, **more)
        if words[0] == "push":
            raise TimedOutError("late")
        return answer

    asked = change(scene)
    monkeypatch.setattr(Git, "ask", losing)
    assert scene.port.commit(asked, message()) in scene.branches().values()


@pytest.mark.parametrize("mode", list(CommitMode))
def test_a_push_of_a_killed_predecessor_may_come_in_late(
    direct: RemoteScene, monkeypatch: pytest.MonkeyPatch, mode: CommitMode
) -> None:
    scene = replace(direct, mode=mode)
    asked = change(scene)
    late = scene.port_at("theirs-clone").commit(asked, message(at=1_795_600_700_000))
    branch = "main" if mode is CommitMode.DIRECT else "allotment/abcd1234"
    git(scene.bare, "update-ref", "refs/heads/main", asked.expected)
    if mode is CommitMode.BRANCH:
        git(scene.bare, "update-ref", "-d", f"refs/heads/{branch}")
    made = Commits.made

    def slowly(self: Commits, *words: object) -> str:
        git(scene.bare, "update-ref", f"refs/heads/{branch}", late)
        return made(self, *words)

    monkeypatch.setattr(Commits, "made", slowly)
    assert scene.port.commit(asked, message()) == late
    assert scene.branches()[branch] == late


def test_many_at_once_with_one_clone_or_several(direct: RemoteScene) -> None:
    def insisting(number: int) -> None:
        port = direct.port_at(f"clone{number % 2}")
        for _ in range(20):
            try:
                port.commit(FileChanges(port.read().commit, {f"grants/{number}.yaml": TEXT}), message(f"abcd{number}"))
            except HeadMovedError:
                continue
            return

    with ThreadPoolExecutor(4) as pool:
        list(pool.map(insisting, range(4)))
    assert set(direct.port.read().tree.files) == {*FIRST, *(f"grants/{number}.yaml" for number in range(4))}
    assert len(git(direct.bare, "rev-list", "main").split()) == 5


def test_other_folders_of_the_repository_are_left_alone(direct: RemoteScene) -> None:
    put(direct.theirs, {"README": "about\n", "platform.yaml": "kind: Other\n"})
    direct.by_hand({})
    commit = direct.port.commit(change(direct), message())
    assert git(direct.bare, "diff-tree", "-r", "--name-only", f"{commit}^", commit).split() == [f"platform/{PATH}"]
    assert direct.port.read().tree.files == {**FIRST, PATH: TEXT}


def test_a_file_s_mode_stays(direct: RemoteScene) -> None:
    (direct.theirs / "platform/platform.yaml").chmod(0o755)
    direct.by_hand({})
    commit = direct.port.commit(change(direct, {"platform.yaml": "kind: Platform\nnew: true\n"}), message())
    assert git(direct.bare, "ls-tree", commit, "platform/platform.yaml").startswith("100755")


def test_nothing_is_written_through_a_link(direct: RemoteScene) -> None:
    (direct.theirs / "platform/grants").symlink_to("teams")
    (direct.theirs / "platform/link").symlink_to("platform.yaml")
    direct.by_hand({})
    before = direct.branches()
    for path in (PATH, "link", "link/a.yaml", "platform.yaml/a.yaml", "teams"):
        with pytest.raises(InputError, match="not written to"):
            direct.port.commit(change(direct, {path: TEXT}), message())
    assert direct.branches() == before


def test_what_cannot_be_read_is_named(direct: RemoteScene) -> None:
    (direct.theirs / "platform/link.yaml").symlink_to("/etc/passwd")
    (direct.theirs / "platform/latin.yaml").write_bytes(b"a: 1\nb: caf\xe9\n")
    put(direct.theirs / "platform", {".hidden/a.yaml": "x", "teams/.draft.yaml": "y", "B.YAML": "z", "notes.txt": "n"})
    direct.by_hand({})
    with pytest.raises(InvalidPlatformError) as caught:
        direct.port.read()
    assert [(each.file, each.line) for each in caught.value.problems] == [("link.yaml", 1), ("latin.yaml", 2)]
    direct.by_hand({"link.yaml": None, "latin.yaml": None})
    tree = direct.port.read().tree
    assert (dict(tree.files), dict(tree.left_out)) == (FIRST, {"B.YAML": "z", "teams/.draft.yaml": "y"})


def test_what_is_not_there(direct: RemoteScene, tmp_path: Path) -> None:
    def read(address: Path, branch: str = "main", folder: str = "platform") -> None:
        RemoteRepository(
            RemoteBranch(remote_place(str(address)), branch, folder), CommitMode.DIRECT, ALLOTMENT, tmp_path / "clone"
        ).read()

    with pytest.raises(NotFoundError, match="has no branch trunk"):
        read(direct.bare, "trunk")
    with pytest.raises(NotFoundError, match="no folder elsewhere"):
        read(direct.bare, folder="elsewhere")
    with pytest.raises(NotFoundError, match=r"no folder platform/platform\.yaml"):
        read(direct.bare, folder="platform/platform.yaml")
    with pytest.raises(NotFoundError, match="no repository"):
        read(tmp_path / "nothing.git")


def test_a_clone_that_others_can_write_is_not_used(direct: RemoteScene) -> None:
    clone = direct.root / "clone"
    clone.mkdir()
    clone.chmod(0o777)
    with pytest.raises(ConflictError, match="not kept from others"):
        direct.port.read()


def test_a_clone_heals_whatever_a_killed_one_left(direct: RemoteScene) -> None:
    direct.port.read()
    clone = direct.root / "clone"
    (clone / "refs/allotment/head.lock").touch()
    (clone / "packed-refs.lock").touch()
    (clone / "config.allotment").touch()
    (clone / "config").write_text("[core\n", encoding="utf-8")
    direct.by_hand({"teams/vision.yaml": "kind: Team\n"})
    assert "teams/vision.yaml" in direct.port.read().tree.files
    (clone / "HEAD").unlink()
    assert direct.port.commit(change(direct), message())
    shutil.rmtree(clone)
    assert PATH in direct.port.read().tree.files


def test_neither_environment_nor_settings_nor_hooks_change_what_is_done(
    direct: RemoteScene, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    mark = tmp_path / "ran"
    home = tmp_path / "home"
    home.mkdir()
    (home / "hooks").mkdir()
    # A remote on this machine has hooks as well, which are to run: only those of whoever pushes are not.
    for name in ("pre-push", "post-index-change", "post-rewrite"):
        (home / "hooks" / name).write_text(f"#!/bin/sh\ntouch {mark}\n", encoding="utf-8")
        (home / "hooks" / name).chmod(0o755)
    (home / ".gitconfig").write_text(
        f"[core]\n\thooksPath = {home}/hooks\n\tfsmonitor = touch {mark}\n[commit]\n\tgpgSign = true\n"
        f"[gpg]\n\tprogram = touch {mark}\n[push]\n\tgpgSign = if-asked\n\tfollowTags = true\n"
        "[log]\n\tshowSignature = true\n[user]\n\tuseConfigOnly = true\n"
        "[i18n]\n\tcommitEncoding = latin1\n\tlogOutputEncoding = latin1\n",
        encoding="utf-8",
    )
    monkeypatch.setenv("HOME", str(home))
    for name in ("GIT_DIR", "GIT_INDEX_FILE", "GIT_OBJECT_DIRECTORY", "GIT_CONFIG_PARAMETERS", "GIT_SSH_COMMAND"):
        monkeypatch.setenv(name, f"/nowhere/{name}")
    asked = change(direct)
    commit = direct.port.commit(asked, message(body="für 72 h"))
    assert direct.port.commit(asked, message()) == commit
    assert "für 72 h" in direct.told(commit).text
    assert not mark.exists()


@contextmanager
def web(*, status: int, location: str = "") -> Iterator[tuple[int, list[str | None]]]:
    """A server on this machine that answers each question alike; who asked, as far as he said."""
    asked: list[str | None] = []

    class Answering(http.server.BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            asked.append(self.headers.get("Authorization"))
            self.send_response(status)
            if location:
                self.send_header("Location", location)
            self.send_header("Content-Length", "0")
            self.end_headers()

        def log_message(self, *_: object) -> None:
            pass

    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Answering)
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
    thread.start()
    try:
        yield server.server_address[1], asked
    finally:
        server.shutdown()
        thread.join()
        server.server_close()


def reading(address: str, clone: Path) -> AllotmentError:
    at = RemoteBranch(remote_place(address, "s3cret"), "main", "")
    port = RemoteRepository(at, CommitMode.DIRECT, ALLOTMENT, clone)
    with pytest.raises(AllotmentError) as caught:
        port.read()
    told = f"{caught.value} {port!r} {port.place()}"
    assert "s3cret" not in told
    return caught.value


def test_a_password_goes_into_a_header_and_nowhere_else(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    commands: list[str] = []
    ask = Git.ask

    def noting(self: Git, *words: str, **more: float) -> GitAnswer:
        commands.append(" ".join((*self.where, *words)))
        return ask(self, *words, **more)

    monkeypatch.setattr(Git, "ask", noting)
    monkeypatch.setenv("HOME", str(tmp_path))
    with web(status=401) as (port, asked):
        error = reading(f"http://mia@127.0.0.1:{port}/platform.git", tmp_path / "clone")
    assert isinstance(error, NotSignedInError)
    assert asked[0] == "Basic bWlhOnMzY3JldA=="
    assert "s3cret" not in " ".join(commands)
    assert (tmp_path / "clone/config").stat().st_mode & 0o077 == 0


def test_a_password_is_taken_nowhere_else_by_a_redirect(tmp_path: Path) -> None:
    with (
        web(status=200) as (other, elsewhere),
        web(status=302, location=f"http://127.0.0.1:{other}/x") as (port, asked),
    ):
        error = reading(f"http://mia@127.0.0.1:{port}/platform.git", tmp_path / "clone")
    assert isinstance(error, UnreachableError)
    assert (len(asked) > 0, elsewhere) == (True, [])


def test_nobody_there(tmp_path: Path) -> None:
    assert isinstance(reading("http://mia@127.0.0.1:9/platform.git", tmp_path / "clone"), UnreachableError)


def test_what_takes_too_long_is_ended_as_a_whole(tmp_path: Path) -> None:
    git(tmp_path, "init", "--quiet", "--bare", ".")
    # What a command starts ends with it: here a pager of a kind, which would hold its output open.
    slow = Git(("-C", str(tmp_path), "-c", "alias.slow=!sleep 30"), "here")
    with pytest.raises(TimedOutError, match=r"0\.2 s on here"):
        slow.ask("slow", limit=0.2)
