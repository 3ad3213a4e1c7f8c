"""What of a folder of code stays behind: credentials by their names, and what git ignores, as git reads it."""

from __future__ import annotations

import os
import random
import shutil
import subprocess
from collections.abc import Mapping
from pathlib import Path

import pytest

from allotment.adapters.local.job_folders import FolderPacker
from allotment.errors import InputError
from allotment.model.jobs.job import CodeFolder
from allotment.model.quantity import Bytes
from allotment.ports.job_code import LeftBehind
from tests.by_day import by_day
from tests.unit.adapters.local.test_code import names, tree


def travels(root: Path, folder: str = ".", ignore: str = ".allotignore") -> tuple[set[str], LeftBehind]:
    """What travels of a folder, but for folders and ignore files, and what is told of the rest."""
    packed = FolderPacker().pack(root, CodeFolder(folder, ignore, Bytes(100_000)))
    with packed as stream:
        found = names(stream.read())
    files = {each for each in found if not (root / folder / each).is_dir()}
    return {each for each in files if not each.endswith("ignore")}, packed.left


HELD = (
    ".env", ".env.production", "a/.env", ".ENV", ".aws/credentials", ".ssh/config", ".kube/config", ".git-credentials",
    ".netrc", ".pypirc", ".pgpass", "a/id_ed25519", "id_rsa", "key.pem", "credentials.json", "kaggle.json",
    ".docker/config.json", ".config/gcloud/x",
)  # fmt: skip
HARMLESS = (
    ".env.example", ".env.sample", ".env.template", ".env.local.example", "config.json", "docker/config.json",
    "env.py", "id_rsa.pub", "kube/config", "pem.py", ".config/x", ".env/bin/python", ".env.d/x", "aws/.env.py/x",
)  # fmt: skip


@pytest.mark.parametrize("name", HELD)
@pytest.mark.parametrize("ignore", [{}, {".allotignore": "*.txt\n!*\n!/**\n!a/\n!*.json"}, {".gitignore": "!.env"}])
def test_what_holds_credentials_by_its_name_stays_behind(tmp_path: Path, name: str, ignore: Mapping[str, str]) -> None:
    went, left = travels(tree(tmp_path, {name: "x", "a.py": "", **ignore}))
    assert went == {"a.py"}
    assert len(left.credentials) == 1
    assert left.holding(name) == left.credentials[0]


@pytest.mark.parametrize("name", HARMLESS)
def test_what_only_looks_alike_travels(tmp_path: Path, name: str) -> None:
    assert travels(tree(tmp_path, {name: "x"})) == ({name}, LeftBehind())


@pytest.mark.parametrize(
    ("patterns", "names"),
    [
        ("!.env", {".env", "a/.env"}),
        ("*\n!a/\n!.env ", {".env", "a/.env"}),
        ("!/a/.env", {"a/.env"}),
        ("!.env\na/.env", {".env"}),
        ("!*.pem", {"k.pem"}),
        ("!k.pem", {"k.pem"}),
        ("!.aws/", {".aws/credentials"}),
        ("!.aws", {".aws/credentials"}),
        (".env\n*.pem\n.aws/", set()),
    ],
)
def test_who_names_it_takes_it_along(tmp_path: Path, patterns: str, names: set[str]) -> None:
    files = {".env", "a/.env", "k.pem", ".aws/credentials"}
    went, left = travels(tree(tmp_path, {**dict.fromkeys(files, ""), ".allotignore": patterns}))
    assert went == names
    assert left == LeftBehind() or "!" in patterns


def test_a_link_to_credentials_elsewhere_is_not_asked_about(tmp_path: Path) -> None:
    root = tree(tmp_path, {".env": "->../.env", "a.py": ""})
    assert travels(root) == ({"a.py"}, LeftBehind((".env",)))


FILES = dict.fromkeys(
    ("train.py", "config.yaml", "data/x.bin", "data/keep.txt", "src/a.py", "src/out/log", "src/notes.txt"), ""
)


@pytest.mark.parametrize(
    ("files", "left"),
    [
        ({}, ()),
        ({".gitignore": "config.yaml\ndata/\n"}, ("config.yaml", "data/")),
        ({".gitignore": "data/*\r\n!data/keep.txt\r\n"}, ("data/x.bin",)),
        ({".gitignore": "\ufeffdata/"}, ("data/",)),
        ({".gitignore": "*.txt", "data/.gitignore": "!keep.txt"}, ("src/notes.txt",)),
        ({"src/.gitignore": "/out\n/data"}, ("src/out/",)),
        ({".gitignore": "!\n[z-a]\ndata/"}, ("data/",)),
        ({".gitignore": "data/", ".allotignore": ""}, ()),
        ({".gitignore": "->src/notes.txt"}, ()),
        ({".gitignore": "*\n!*/\n!*.py\n!.git*"},
         ("config.yaml", "data/keep.txt", "data/x.bin", "src/notes.txt", "src/out/log")),
        ({".gitignore": "*.txt", "data/.gitignore": "!keep*", "src/.gitignore": "!/"}, ("src/notes.txt",)),
        ({".gitignore": "log", "src/.gitignore": "!out/"}, ("src/out/log",)),
    ],
)  # fmt: skip
def test_what_git_ignores_stays_behind_where_there_is_no_ignore_file(
    tmp_path: Path, files: dict[str, str], left: tuple[str, ...]
) -> None:
    root = tree(tmp_path, {**FILES, **files})
    if files.get(".gitignore", "").startswith("->"):
        (root / "src/notes.txt").write_text("data/")
    went, told = travels(root)
    assert sorted(told.by_git) == list(left)
    assert went == {each for each in FILES if not told.holding(each)}
    assert travels(root, ignore="")[1] == LeftBehind()


@pytest.mark.parametrize(
    ("above", "left"),
    [
        ("*.yaml", ("config.yaml",)),
        ("/lab/run/data/", ("data/",)),
        ("lab/*/data\n*.yaml\n!config.yaml", ("data/",)),
        ("/run/data/\n/data/", ()),
        ("lab/\n*.yaml", ()),
        ("*", ()),
    ],
)
def test_the_repository_around_the_folder_counts_unless_it_ignores_the_folder(
    tmp_path: Path, above: str, left: tuple[str, ...]
) -> None:
    root = tree(tmp_path, {"repo/.gitignore": above, ".gitignore": "*.py"})
    tree(root / "repo/lab/run", FILES)
    assert travels(root / "repo/lab", "run")[1].by_git == ()
    (root / "repo/.git").mkdir()
    assert travels(root / "repo/lab", "run")[1].by_git == left
    (root / "repo/lab/.gitignore").write_text("/run/train.py")
    assert "train.py" in travels(root / "repo/lab", "run")[1].by_git or not left
    (root / "repo/lab/run/.git").mkdir()
    assert travels(root / "repo/lab", "run")[1].by_git == ()


@pytest.mark.parametrize("name", [".allotignore", ".gitignore"])
def test_an_ignore_file_that_cannot_be_read_is_told(tmp_path: Path, name: str) -> None:
    os.mkfifo(tmp_path / name)
    with pytest.raises(InputError, match="cannot be read"):
        travels(tmp_path)
    (tmp_path / name).unlink()
    (tmp_path / name).write_text("#" * (1 << 20) + "\n")
    with pytest.raises(InputError, match="larger than 1 MiB"):
        travels(tmp_path)


def test_a_pattern_of_the_ignore_file_that_cannot_be_is_told(tmp_path: Path) -> None:
    for pattern in ("!", "[z-a]"):
        (tmp_path / ".allotignore").write_text(pattern)
        with pytest.raises(InputError, match="has a pattern that cannot be"):
            travels(tmp_path)


def test_code_that_is_too_large_is_left_out_where_the_rest_is(tmp_path: Path) -> None:
    tree(tmp_path, {"big": "x" * 100_001, ".gitignore": "data/"})
    with pytest.raises(InputError) as told:
        travels(tmp_path)
    assert "in .gitignore, or in .allotignore, which counts in its place" in told.value.fix


PATTERNS = (
    "*", "!*", "*/", "!*/", "a", "!a", "a/", "!a/", "/a", "!/a", "/a/", "a/*", "!a/b", "a/**", "!a/**", "**/b", "!**/b",
    "a/**/c", "/*", "!/*/", "b*", "!?", "*.py", "!*.py", "[ab]", "![!a]", "# a", "", "a/b/", "!b/c", r"\!a", "c ",
)  # fmt: skip


@pytest.mark.skipif(shutil.which("git") is None, reason="there is no git to compare with")
def test_ignored_is_what_git_ignores(tmp_path: Path) -> None:
    chance = random.Random(11)
    places = [f"{one}{two}{name}" for one in ("", "a/", "b/") for two in ("", "a/", "b/", "c/") for name in "abc"]
    everything = sorted({f"{each}.d/{name}" if each[-1] == "c" else f"{each}.py" for each in places for name in "ab"})
    everything += [each + "/x" for each in ("c", "a/c", "b/a/c")]
    tree(tmp_path, dict.fromkeys(everything, ""))
    environment = {"PATH": os.environ["PATH"], "HOME": str(tmp_path / "nobody"), "GIT_CONFIG_NOSYSTEM": "1"}
    subprocess.run(("git", "init", "-q", "."), cwd=tmp_path, check=True, env=environment)
    listing = ("git", "ls-files", "-z", "--others", "--exclude-standard")
    for _ in range(by_day(60)):
        files = {
            f"{place}.gitignore": "\n".join(chance.choices(PATTERNS, k=chance.randint(1, 5)))
            for place in chance.sample(("", "a/", "b/", "a/b/"), k=chance.randint(1, 3))
        }
        tree(tmp_path, files)
        said = subprocess.run(listing, cwd=tmp_path, check=True, capture_output=True, env=environment, text=True)
        ours, _ = travels(tmp_path)
        assert ours == {each for each in said.stdout.split("\0") if each and not each.endswith("ignore")}, files
        for name in files:
            (tmp_path / name).unlink()
