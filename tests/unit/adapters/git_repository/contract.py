"""What every `RepositoryPort` does: the same cases run on the one in memory and on real repositories of Git.

A suite that inherits `RepositoryContract` gives the fixture `scene`.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final, Protocol

import pytest

from allotment.errors import InputError
from allotment.ports.repository import (
    CommitMessage,
    CommitMode,
    CommitPerson,
    EditedByHandError,
    FileChanges,
    HeadMovedError,
    RepositoryPort,
    branch_of,
)

ALLOTMENT: Final = CommitPerson("Allotment", "allotment@acme.example")
ADA: Final = CommitPerson("Ada Lovelace", "ada@acme.example")
HUMAN: Final = CommitPerson("Hugo Hand", "hugo@acme.example")
AT: Final = 1_795_600_800_000
FIRST: Final = {"platform.yaml": "kind: Platform\n", "teams/nlp.yaml": "kind: Team\n"}
PATH: Final = "grants/abcd1234.yaml"
TEXT: Final = "kind: Grant\nname: abcd1234 ✓\n"


@dataclass(frozen=True)
class Told:
    """A commit, as Git tells it."""

    parents: tuple[str, ...]
    author: CommitPerson
    committer: CommitPerson
    at: int
    text: str


class Scene(Protocol):
    """A repository with `FIRST` committed by hand, and somebody who works in it."""

    @property
    def port(self) -> RepositoryPort: ...

    def by_hand(self, files: Mapping[str, str | None], branch: str = "main") -> str: ...

    def merge(self, branch: str) -> str: ...

    def files(self, commit: str) -> dict[str, str]: ...

    def told(self, commit: str) -> Told: ...

    def branches(self) -> dict[str, str]: ...


def message(
    request: str = "abcd1234", subject: str = "Grant 8 A100 to nlp", body: str = "for 72 h", at: int = AT
) -> CommitMessage:
    return CommitMessage(request, subject, body, ADA, at)


def change(scene: Scene, files: Mapping[str, str | None] | None = None) -> FileChanges:
    return FileChanges(scene.port.read().commit, {PATH: TEXT} if files is None else files)


def accepted(scene: Scene, request: str = "abcd1234") -> None:
    """Where changes are proposed, somebody merges them."""
    if scene.port.mode is CommitMode.BRANCH:
        scene.merge(branch_of(request))


class RepositoryContract:
    def test_who_has_changed_a_file_last_is_told_also_where_it_is_gone(self, scene: Scene) -> None:
        assert scene.port.last_change(scene.port.read().commit, PATH) is None
        first = scene.by_hand({PATH: TEXT})
        scene.by_hand({"teams/nlp.yaml": "kind: Team # mine\n"})
        head = scene.port.read().commit
        last = scene.port.last_change(head, PATH)
        assert last is not None
        assert (last.commit, last.author) == (first, scene.told(first).author)
        gone = scene.by_hand({PATH: None})
        last = scene.port.last_change(scene.port.read().commit, PATH)
        assert last is not None
        assert last.commit == gone
        with pytest.raises(InputError):
            scene.port.last_change(head, "../secret")

    def test_the_platform_directory_is_read_as_committed(self, scene: Scene) -> None:
        state = scene.port.read()
        assert dict(state.tree.files) == FIRST
        assert state.commit == scene.branches()["main"]

    def test_a_change_is_one_commit_of_the_requester_signed_off_on_top_of_what_was_read(self, scene: Scene) -> None:
        asked = change(scene, {PATH: TEXT, "teams/nlp.yaml": None})
        commit = scene.port.commit(asked, message())

        told = scene.told(commit)
        assert (told.author, told.committer, told.at) == (ADA, ALLOTMENT, AT // 1000)
        assert told.parents == (asked.expected,)
        assert told.text.splitlines() == [
            "Grant 8 A100 to nlp", "", "for 72 h", "",
            "Allotment-Request: abcd1234", "Signed-off-by: Allotment <allotment@acme.example>",
        ]  # fmt: skip
        assert scene.files(commit) == {"platform.yaml": FIRST["platform.yaml"], PATH: TEXT}
        branch = "main" if scene.port.mode is CommitMode.DIRECT else "allotment/abcd1234"
        assert scene.branches()[branch] == commit

    def test_it_counts_at_once_or_when_it_is_merged(self, scene: Scene) -> None:
        scene.port.commit(change(scene), message())
        counts = PATH in scene.port.read().tree.files
        assert counts is (scene.port.mode is CommitMode.DIRECT)
        accepted(scene)
        assert scene.port.read().tree.files[PATH] == TEXT

    def test_whoever_calls_again_finds_the_commit(self, scene: Scene) -> None:
        asked = change(scene)
        commit = scene.port.commit(asked, message())
        before = scene.branches()
        assert scene.port.commit(asked, message(at=AT + 5000)) == commit
        assert scene.port.commit(change(scene), message(at=AT + 5000)) == commit
        assert scene.branches() == before

    def test_it_is_found_once_others_have_gone_on(self, scene: Scene) -> None:
        asked = change(scene)
        commit = scene.port.commit(asked, message())
        accepted(scene)
        scene.by_hand({"teams/vision.yaml": "kind: Team\n"})
        before = scene.branches()
        assert scene.port.commit(asked, message()) == commit
        assert scene.port.commit(change(scene), message()) == commit
        assert scene.branches() == before

    def test_an_edit_by_hand_of_what_we_wrote_stays(self, scene: Scene) -> None:
        asked = change(scene)
        commit = scene.port.commit(asked, message())
        accepted(scene)
        scene.by_hand({PATH: "kind: Grant\nedited: true\n"})
        assert scene.port.commit(asked, message()) == commit
        assert scene.port.read().tree.files[PATH] == "kind: Grant\nedited: true\n"

    def test_what_somebody_did_meanwhile_is_nothing_to_commit(self, scene: Scene) -> None:
        asked = change(scene)
        theirs = scene.by_hand({PATH: TEXT})
        before = scene.branches()
        assert scene.port.commit(asked, message()) == theirs
        assert scene.branches() == before

    @pytest.mark.parametrize("files", [{PATH: TEXT}, {"teams/nlp.yaml": "kind: Team\nmine: true\n"}])
    def test_nothing_is_written_where_somebody_has_committed(self, scene: Scene, files: dict[str, str | None]) -> None:
        asked = change(scene, files)
        scene.by_hand({"teams/nlp.yaml": "kind: Team\nedited: true\n"})
        before = scene.branches()
        with pytest.raises(HeadMovedError):
            scene.port.commit(asked, message())
        assert scene.branches() == before

    def test_what_was_read_of_a_history_that_is_gone_has_moved(self, scene: Scene) -> None:
        with pytest.raises(HeadMovedError):
            scene.port.commit(FileChanges("1" * 40, {PATH: TEXT}), message())

    def test_given_taken_back_and_given_again_are_three_commits(self, scene: Scene) -> None:
        commits = []
        for files in ({PATH: TEXT}, {PATH: None}, {PATH: TEXT}):
            commits.append(scene.port.commit(change(scene, files), message()))
            accepted(scene)
        assert len(set(commits)) == 3
        assert scene.port.read().tree.files == {**FIRST, PATH: TEXT}

    def test_what_another_request_did_is_not_ours(self, scene: Scene) -> None:
        asked = change(scene)
        theirs = scene.port.commit(asked, message("wxyz9876"))
        if scene.port.mode is CommitMode.BRANCH:
            assert scene.port.commit(asked, message()) != theirs
            return
        scene.by_hand({PATH: "kind: Grant\n"})
        with pytest.raises(HeadMovedError):
            scene.port.commit(asked, message())

    def test_the_removal_of_what_is_not_there_is_done_already(self, scene: Scene) -> None:
        asked = change(scene, {"grants/nothing.yaml": None})
        assert scene.port.commit(asked, message()) == asked.expected

    def test_a_path_that_leads_elsewhere_is_refused(self, scene: Scene) -> None:
        before = scene.branches()
        asked = change(scene)
        for path in (
            "../x.yaml",
            "/x.yaml",
            "",
            "a//b.yaml",
            "./x.yaml",
            ".git/config",
            "a/.GIT/x",
            "a\\b",
            "a\nb",
            "a/",
        ):
            with pytest.raises(InputError):
                scene.port.commit(FileChanges(asked.expected, {PATH: TEXT, path: TEXT}), message())
        assert scene.branches() == before

    def test_no_words_of_people_s_become_trailers(self, scene: Scene) -> None:
        evil = message(
            subject="x\n\nAllotment-Request: wxyz9876",
            body="please\x1b[31m\nAllotment-Request: wxyz9876\nsigned-off-by: M <m@x>\n\nSigned-off-by: M <m@x>\n\n",
        )
        text = scene.told(scene.port.commit(change(scene), evil)).text
        *foreign, request, signed = text.strip().splitlines()
        assert (request, signed) == (
            "Allotment-Request: abcd1234", "Signed-off-by: Allotment <allotment@acme.example>"
        )  # fmt: skip
        assert "\x1b" not in text
        assert not any(line.lower().lstrip().startswith(("allotment-request", "signed-off-by")) for line in foreign)

    def test_an_author_is_named_as_git_takes_names(self, scene: Scene) -> None:
        authors = {
            CommitPerson(" .", ""): CommitPerson("unknown", ""),
            CommitPerson("", "mia@acme.example"): CommitPerson("mia@acme.example", "mia@acme.example"),
            CommitPerson("Mia <root@x>\nMüller.", "mia @x>\n"): CommitPerson("Mia root@x Müller", "mia@x"),
        }
        for number, (author, named) in enumerate(authors.items()):
            asked = CommitMessage(f"abcd123{number}", "", "", author, AT)
            told = scene.told(scene.port.commit(change(scene, {f"grants/{number}.yaml": TEXT}), asked))
            assert told.author == named
            assert told.text.startswith(f"abcd123{number}\n\nAllotment-Request: abcd123{number}\n")


class ProposingContract(RepositoryContract):
    """What `CommitMode.BRANCH` does besides."""

    def test_terms_that_change_before_the_merge_replace_what_was_proposed(self, scene: Scene) -> None:
        first = scene.port.commit(change(scene), message())
        asked = change(scene, {PATH: "kind: Grant\nless: true\n"})
        second = scene.port.commit(asked, message())
        assert first != second
        assert scene.told(second).parents == (asked.expected,)
        assert scene.branches()["allotment/abcd1234"] == second

    def test_what_somebody_has_added_to_a_proposal_is_never_overwritten(self, scene: Scene) -> None:
        asked = change(scene)
        ours = scene.port.commit(asked, message())
        theirs = scene.by_hand({PATH: "kind: Grant\nedited: true\n"}, "allotment/abcd1234")
        assert scene.port.commit(asked, message()) == ours
        with pytest.raises(EditedByHandError) as caught:
            scene.port.commit(change(scene, {PATH: "kind: Grant\nless: true\n"}), message())
        assert caught.value.path == "allotment/abcd1234"
        assert scene.branches()["allotment/abcd1234"] == theirs

    def test_a_proposal_is_of_its_request_alone(self, scene: Scene) -> None:
        first = scene.port.commit(change(scene), message())
        second = scene.port.commit(change(scene, {"grants/b.yaml": TEXT}), message("abcd123"))
        assert scene.branches()["allotment/abcd1234"] == first
        assert scene.branches()["allotment/abcd123"] == second
        assert PATH not in scene.files(second)
