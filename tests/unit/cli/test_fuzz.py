"""Garbage in, an error out: never a traceback, whatever the words, the files, the environment."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest
from click.testing import CliRunner
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st

from allotment.cli.main import cli
from tests.by_day import by_day
from tests.unit.cli.conftest import ACME
from tests.unit.cli.test_examples import ALL

HARMLESS = [words for words in ALL if words and words[0] != "sandbox"]
FLAGS = sorted(
    {flag for words in HARMLESS for param in ALL[words].params for flag in param.opts if flag.startswith("-")}
)
# Plans, reports and answers would be written wherever the garbage points to.
WRITING = {"--out", "--evidence", "--write", "--report"}

words_strategy = st.one_of(
    st.text(st.characters(codec="utf-8", exclude_characters="\0"), max_size=12),  # as a shell can pass them
    st.sampled_from([flag for flag in FLAGS if flag not in WRITING]),
    st.sampled_from(["my-platform", "dev-eastus", "cv", "a100=4", "-o", "json", "--", "-", "=", "../..", "\udcff"]),
)


@pytest.fixture(scope="module")
def place(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("fuzz")
    shutil.copytree(ACME, folder / "my-platform")
    return folder


@settings(max_examples=by_day(60), deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(command=st.sampled_from(HARMLESS), words=st.lists(words_strategy, max_size=5))
@example(command=("when",), words=["--snapshot", "", "\udcff"])
def test_any_words_end_with_a_documented_code(
    place: Path, monkeypatch: pytest.MonkeyPatch, command: tuple[str, ...], words: list[str]
) -> None:
    monkeypatch.chdir(place)
    environment = {"HOME": str(place), "XDG_CONFIG_HOME": str(place / "config"), "KUBECONFIG": str(place / "none")}
    if command[0] in {"up", "run", "submit"}:
        words = ["--no-such-flag", *words]  # they would start a server; after `--` it would be no flag
    if command in (("init",), ("config", "set"), ("team", "add"), ("team", "remove")):
        words = ["--help"] if not words else ["--no-such-flag", *words]
    result = CliRunner().invoke(cli, [*command, *words], env=environment)
    assert isinstance(result.exception, SystemExit | None), result.exception
    assert result.exit_code in (0, 1, 2, 3, 4, 6, 9)
    assert "Traceback" not in result.stderr
    assert "a mistake in Allotment" not in result.stderr


@settings(max_examples=by_day(20), deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    value=st.text(max_size=20).filter(
        lambda text: "\x00" not in text and not any("\ud800" <= c <= "\udfff" for c in text)
    )
)
@pytest.mark.parametrize(
    "name", ["ALLOTMENT_PLATFORM", "ALLOTMENT_OUTPUT", "ALLOTMENT_COLOR", "ALLOTMENT_NO_INPUT", "COLUMNS", "TERM"]
)
def test_any_environment_ends_with_a_documented_code(
    place: Path, monkeypatch: pytest.MonkeyPatch, name: str, value: str
) -> None:
    monkeypatch.chdir(place)
    environment = {"HOME": str(place), "XDG_CONFIG_HOME": str(place / "config"), name: value}
    result = CliRunner().invoke(cli, ["team", "list"], env=environment)
    assert isinstance(result.exception, SystemExit | None), result.exception
    assert result.exit_code in (0, 1, 2, 3)
    assert "a mistake in Allotment" not in result.stderr
