"""What a commit holds: the platform directory as text, and single entries.

Bounds and what counts as a file of the directory are as of one on disk (`adapters/files`).
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import Final

from allotment.adapters.git_repository.commands import Git
from allotment.errors import InputError, NotFoundError
from allotment.model.source import YAML_SUFFIXES, SourceTree, is_read
from allotment.spec.problems import InvalidPlatformError, Problem, Severity

_MOST_FILES: Final = 20_000
_MOST_FILE_BYTES: Final = 8 << 20
_MOST_TREE_BYTES: Final = 64 << 20

FILE_MODE: Final = "100644"
_PROGRAM_MODE: Final = "100755"
_TREE_MODE: Final = "040000"
_LINK_MODE: Final = "120000"


@dataclass(frozen=True, slots=True)
class TreeEntry:
    """A file of a commit, or of the index.

    Attributes:
        mode: as Git writes it.
        blob: name of its content.
    """

    mode: str
    blob: str


@dataclass(frozen=True, slots=True)
class _Listed:
    path: str
    mode: str
    blob: str
    size: int


def checked_folder(folder: str) -> str:
    """The platform directory's path within its repository; empty for the repository itself.

    Raises:
        InputError: it is none.
    """
    return "/".join(_parts(folder)) if folder else ""


def paths_within(folder: str, relatives: Iterable[str]) -> dict[str, str]:
    """Paths within the repository by paths within the platform directory.

    Raises:
        InputError: one leads out of it, or into what is Git's own.
    """
    return {each: "/".join([*([folder] if folder else []), *_parts(each)]) for each in relatives}


def _parts(path: str) -> list[str]:
    parts = path.split("/")
    if any(part in {"", ".", ".."} or part.lower() == ".git" or not part.isprintable() or "\\" in part
           for part in parts):  # fmt: skip
        raise InputError(f"{path!r} is no path inside the directory", fix="use plain relative paths")
    return parts


def platform_at(git: Git, commit: str, folder: str) -> SourceTree:
    """Every YAML file of the platform directory at a commit.

    Raises:
        NotFoundError: the commit has no such folder.
        InvalidPlatformError: a file is a link, too large, or no UTF-8 text; all such files are named.
        InputError: there are too many files.
    """
    listed = _listed(git, commit, folder)
    problems = list(_problems(listed))
    readable = [each for each in listed if _is_file(each.mode) and each.size <= _MOST_FILE_BYTES]
    if len(readable) > _MOST_FILES or sum(each.size for each in readable) > _MOST_TREE_BYTES:
        limit = f"{_MOST_FILES:,} YAML files or {_MOST_TREE_BYTES >> 20} MiB"
        raise InputError(f"{git.place} holds more than {limit}", fix="name the platform directory itself")
    files: dict[str, str] = {}
    left_out: dict[str, str] = {}
    for each, data in zip(readable, contents(git, [entry.blob for entry in readable]), strict=True):
        text = _text(each.path, data, problems)
        if text is not None:
            (files if is_read(each.path) else left_out)[each.path] = text
    if problems:
        raise InvalidPlatformError(problems)
    return SourceTree(files, left_out)


def _listed(git: Git, commit: str, folder: str) -> list[_Listed]:
    """YAML below a folder, as far as it is not in a hidden one."""
    answer = git.ask("ls-tree", "-r", "-l", "-z", "--full-tree", f"{commit}:{folder}")
    if answer.code:
        raise NotFoundError(
            f"{git.place} has no folder {folder or '.'} at {commit[:12]}",
            fix="commit the platform directory there, or name the folder that it is in",
        )
    found = []
    for line in _records(answer.out):
        about, _, path = line.partition("\t")
        mode, _, blob, size = about.split()
        hidden = any(part.startswith(".") for part in path.split("/")[:-1])
        if path.lower().endswith(YAML_SUFFIXES) and not hidden:
            found.append(_Listed(path, mode, blob, int(size) if size.isdigit() else 0))
    return found


def _problems(listed: Iterable[_Listed]) -> Iterator[Problem]:
    for each in listed:
        if not is_read(each.path):
            continue
        if not _is_file(each.mode):
            yield _problem(each.path, "is no regular file", "put a copy in its place")
        elif each.size > _MOST_FILE_BYTES:
            yield _problem(each.path, f"is larger than {_MOST_FILE_BYTES >> 20} MiB", "split it")


def _text(path: str, data: bytes, problems: list[Problem]) -> str | None:
    try:
        return data.decode()
    except UnicodeDecodeError as error:
        line = data.count(b"\n", 0, error.start) + 1
        column = error.start - (data.rfind(b"\n", 0, error.start) + 1) + 1
        if is_read(path):
            what = f"byte 0x{data[error.start]:02x} is no UTF-8"
            problems.append(_problem(path, what, "save the file as UTF-8", line, column))
        return None


def _problem(path: str, what: str, fix: str, line: int = 1, column: int = 1) -> Problem:
    return Problem(path, line, column, "", what, fix, Severity.ERROR)


def _is_file(mode: str) -> bool:
    return mode in {FILE_MODE, _PROGRAM_MODE}


def contents(git: Git, blobs: Iterable[str]) -> list[bytes]:
    """What blobs hold, in their order.

    Raises:
        AllotmentError: one is not there.
    """
    names = list(blobs)
    if not names:
        return []
    out = git.run("cat-file", "--batch", stdin="".join(f"{each}\n" for each in names).encode())
    found = []
    at = 0
    for name in names:
        end = out.index(b"\n", at)
        blob, kind, size = out[at:end].decode().split() if out[at:end].count(b" ") == 2 else ("", "", "0")
        if (blob, kind) != (name, "blob"):
            raise NotFoundError(f"{git.place} lacks the object {name}", fix="look at the repository: `git fsck`")
        found.append(out[end + 1 : end + 1 + int(size)])
        at = end + 2 + int(size)
    return found


def entries_at(git: Git, commit: str, paths: Iterable[str]) -> dict[str, TreeEntry | None]:
    """What stands at paths in a commit; None for nothing.

    Raises:
        InputError: a path leads through a link or a file, or something else than a file stands there.
    """
    wanted = list(paths)
    above = {
        "/".join(parts[:count]) for parts in (path.split("/") for path in wanted) for count in range(1, len(parts))
    }
    out = git.run("ls-tree", "-t", "-z", "--full-tree", commit, "--", *sorted({*above, *wanted}))
    found: dict[str, TreeEntry] = {}
    for line in _records(out):
        about, _, path = line.partition("\t")
        mode, _, name = about.split()
        found[path] = TreeEntry(mode, name)
    for path in above:
        if path in found and found[path].mode != _TREE_MODE:
            raise _in_the_way(path, found[path].mode)
    for path in wanted:
        if path in found and not _is_file(found[path].mode):
            raise _in_the_way(path, found[path].mode)
    return {path: found.get(path) for path in wanted}


def _in_the_way(path: str, mode: str) -> InputError:
    what = {_LINK_MODE: "a symbolic link", _TREE_MODE: "a folder"}.get(mode, "no folder")
    return InputError(f"{path!r} is {what}, and not written to", fix="put a plain file or folder in its place")


def indexed(git: Git, paths: Iterable[str]) -> dict[str, list[TreeEntry]]:
    """Entries of the index at paths: none where it has no such file, several where a merge is not resolved."""
    wanted = list(paths)
    found: dict[str, list[TreeEntry]] = {path: [] for path in wanted}
    for line in _records(git.run("ls-files", "-s", "-z", "--full-name", "--", *wanted)):
        about, _, path = line.partition("\t")
        mode, blob, stage = about.split()
        if path in found:
            found[path].append(TreeEntry(mode, blob if stage == "0" else ""))
    return found


def _records(out: bytes) -> list[str]:
    return [each.decode(errors="surrogateescape") for each in out.split(b"\0") if each]
