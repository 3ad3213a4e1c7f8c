"""What a platform directory promises, held by the folder and by its fake."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from allotment.adapters.files.directory import FolderDirectory
from allotment.adapters.files.fake import MemoryDirectory
from allotment.adapters.git import revision
from allotment.errors import NotFoundError
from allotment.model.source import SourceTree
from allotment.ports.directory import DirectoryPort

FILES = {"platform.yaml": "kind: Platform\n", "teams/cv.yaml": "kind: Team\n"}
Make = Callable[[dict[str, str] | None], DirectoryPort]


@pytest.fixture(params=["folder", "memory"])
def make(request: pytest.FixtureRequest, tmp_path: Path) -> Make:
    def folder(files: dict[str, str] | None) -> DirectoryPort:
        root = tmp_path / "platform"
        for path, text in (files or {}).items():
            (root / path).parent.mkdir(parents=True, exist_ok=True)
            (root / path).write_text(text, encoding="utf-8")
        return FolderDirectory(root, revision)

    def memory(files: dict[str, str] | None) -> DirectoryPort:
        return MemoryDirectory(None if files is None else SourceTree(files))

    return folder if request.param == "folder" else memory


def test_what_is_there_is_read(make: Make) -> None:
    directory = make(FILES)
    assert directory.read() == directory.present() == SourceTree(FILES)
    assert directory.revision() == ("", False)


def test_one_that_is_not_there_is_empty_to_whoever_makes_it_and_missing_to_everybody_else(make: Make) -> None:
    directory = make(None)
    assert directory.present() == SourceTree({})
    with pytest.raises(NotFoundError):
        directory.read()
    directory.write(FILES)
    assert directory.read() == SourceTree(FILES)


def test_an_edit_sets_some_files_takes_some_away_and_leaves_the_rest(make: Make) -> None:
    directory = make(FILES)
    directory.write({"teams/nlp.yaml": "kind: Team\n", "teams/cv.yaml": None})
    assert dict(directory.read().files) == {"platform.yaml": FILES["platform.yaml"], "teams/nlp.yaml": "kind: Team\n"}
