"""Builds the compiled wheel, installs it in a fresh environment, and asks both engines the same."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path

import pytest

from tests.corpus.kueue.data import data_folder

pytestmark = [pytest.mark.corpus, pytest.mark.nightly, pytest.mark.timeout(3600)]

ROOT = Path(__file__).resolve().parents[3]
BUILD_FOLDERS = ("src", "tools", "requirements", "pyproject.toml", "README.md", "LICENSE")


def run(argv: Sequence[str | Path], where: Path, **environment: str) -> str:
    """Run a command without the checkout on Python's path; its standard output."""
    inherited = {name: value for name, value in os.environ.items() if name not in {"PYTHONPATH", "PYTHONHOME"}}
    result = subprocess.run(
        [str(each) for each in argv],
        cwd=where,
        env={**inherited, **environment},
        capture_output=True,
        text=True,
        check=False,
    )
    assert result.returncode == 0, f"{argv}\n{result.stdout[-4000:]}\n{result.stderr[-4000:]}"
    return result.stdout


def build(folder: Path, **environment: str) -> Path:
    """Build a wheel from a copy of the source in `folder`, so that nothing is written into the checkout."""
    for name in BUILD_FOLDERS:
        if (ROOT / name).is_dir():
            shutil.copytree(ROOT / name, folder / name, ignore=shutil.ignore_patterns("__pycache__", ".*_cache"))
        else:
            folder.mkdir(parents=True, exist_ok=True)
            shutil.copy2(ROOT / name, folder / name)
    run([sys.executable, "-m", "hatchling", "build", "-t", "wheel"], folder, **environment)
    [wheel] = (folder / "dist").glob("*.whl")
    return wheel


@pytest.fixture(scope="module")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return build(tmp_path_factory.mktemp("wheel") / "one", ALLOTMENT_COMPILE="1")


@pytest.fixture(scope="module")
def python(wheel: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A fresh environment with the locked dependencies and the wheel."""
    folder = tmp_path_factory.mktemp("venv") / "venv"
    python = folder / "bin" / "python"
    requirements = ["--require-hashes", "-r", str(ROOT / "requirements" / "dev.txt")]
    if shutil.which("uv"):
        run(["uv", "venv", "-q", "--python", sys.executable, folder], ROOT)
        install = ["uv", "pip", "install", "-q", "--python", str(python)]
    else:
        run([sys.executable, "-m", "venv", folder], ROOT)
        install = [str(python), "-m", "pip", "install", "-q"]
    run([*install, *requirements], ROOT)
    run([*install, "--no-deps", str(wheel)], ROOT)
    return python


def versions(python: Path, where: Path) -> Mapping[str, str]:
    listing = json.loads(run([python, "-m", "allotment", "version", "-o", "json"], where))
    return {each["name"]: each["version"] for each in listing["items"]}


def test_the_same_source_gives_the_same_bytes_and_without_the_switch_a_pure_wheel(wheel: Path, tmp_path: Path) -> None:
    again = build(tmp_path / "another-folder", ALLOTMENT_COMPILE="1")
    assert (wheel.name, wheel.read_bytes()) == (again.name, again.read_bytes())
    assert build(tmp_path / "pure", ALLOTMENT_COMPILE="").name.endswith("-py3-none-any.whl")


def test_the_wheel_makes_a_store_of_jobs(python: Path, tmp_path: Path) -> None:
    """The steps that make its tables are files of the package."""
    make = "from allotment import wiring; wiring.store('store.db').writer('a test').__enter__()"
    run([python, "-c", make], tmp_path)
    (found,) = json.loads(
        run([python, "-m", "allotment", "store", "status", "--store", "store.db", "-o", "json"], tmp_path)
    )["items"]
    assert found["schema"] == found["knownSchema"]


def test_the_compiled_engine_runs(python: Path, tmp_path: Path) -> None:
    assert versions(python, tmp_path)["engine"] == "compiled"
    assert versions(Path(sys.executable), tmp_path)["engine"] == "pure Python"


@pytest.mark.parametrize(("kind", "folder"), [("kueue", "kueue_scenarios"), ("placement", "kube_scheduler_scenarios")])
def test_both_engines_write_the_same_answers(python: Path, tmp_path: Path, kind: str, folder: str) -> None:
    files = sorted(data_folder(folder).glob("*.jsonl*"))
    answers = []
    for number, each in enumerate((python, Path(sys.executable))):
        out = tmp_path / f"{number}.jsonl"
        run([each, "-m", "allotment", "conformance", kind, *files, "--write", out], tmp_path)
        answers.append(out.read_bytes())
    assert answers[0]
    assert answers[0] == answers[1]


def test_the_compiled_engine_passes_the_unit_tests(python: Path, tmp_path: Path) -> None:
    for name in ("tests", "benchmarks", "examples", "pyproject.toml"):
        copy = shutil.copytree if (ROOT / name).is_dir() else shutil.copy2
        copy(ROOT / name, tmp_path / name)
    quick = ["-m", "not nightly and not corpus", "--maxfail=5"]
    folders = ["tests/unit/scheduling", "tests/unit/simulation"]
    run([python, "-m", "pytest", "-q", "-p", "no:cacheprovider", *quick, *folders], tmp_path)
