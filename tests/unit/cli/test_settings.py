"""flag > environment > file > default, shown with its origin, stored and taken back."""

from __future__ import annotations

import itertools
from pathlib import Path

import pytest

from allotment.errors import InputError, UsageError
from allotment.operations.directory.configuration import SETTINGS, SettingOrigin, check_file, resolve
from tests.unit.cli.conftest import Run


@pytest.mark.parametrize("sources", list(itertools.product((False, True), repeat=3)), ids=str)
@pytest.mark.parametrize("known", SETTINGS, ids=lambda known: known.key)
def test_the_strongest_source_wins(known, sources: tuple[bool, bool, bool]) -> None:
    flag, variable, file = sources
    values = known.choices[:3] if len(known.choices) > 2 else known.choices * 2 if known.choices else ("f", "e", "c")
    resolved = resolve(
        {known.key: values[0]} if flag else {known.key: None},
        {known.variable: values[1]} if variable else {known.variable: ""},
        {known.key: values[2]} if file else {},
        "/the/file",
    )
    (found,) = [value for value in resolved if value.key == known.key]
    expected = (
        (values[0], SettingOrigin.FLAG, f"--{known.key}")
        if flag
        else (values[1], SettingOrigin.ENVIRONMENT, known.variable)
        if variable
        else (values[2], SettingOrigin.FILE, "/the/file")
        if file
        else (known.default, SettingOrigin.DEFAULT, "")
    )
    assert (found.value, found.origin, found.detail) == expected


def origins(run: Run, *args: str, env: dict[str, str] | None = None) -> dict[str, tuple[str, str]]:
    items = run("config", "view", "-o", "json", *args, env=env).json()["items"]
    return {item["key"]: (item["value"], item["origin"]) for item in items}


def test_config_view_shows_what_a_command_would_use(run: Run, home: Path) -> None:
    run("config", "set", "cluster", "from-file").ok()
    run("config", "set", "team", "from-file").ok()
    seen = origins(run, "--team", "from-flag", env={"ALLOTMENT_CLUSTER": "from-env", "ALLOTMENT_TEAM": "from-env"})
    assert seen["team"] == ("from-flag", "flag")
    assert seen["cluster"] == ("from-env", "environment")
    assert origins(run)["cluster"] == ("from-file", "file")
    assert origins(run)["platform"] == ("", "default")
    shown = run("config", "view", "--show-origin").ok()
    assert "ORIGIN" in shown
    assert str(home.parent / "config" / "allotment" / "config.yaml") in shown
    assert "ORIGIN" not in run("config", "view").ok()


def test_a_relative_path_is_stored_absolute(run: Run, acme: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    run("config", "set", "platform", "my-platform").ok()
    monkeypatch.chdir(acme.parent.parent)
    assert run("team", "list", "-o", "name").ok().splitlines()[0] == "cv"
    run("config", "unset", "platform").ok()
    assert run("team", "list").code == 2


def test_settings_reach_the_commands(run: Run, acme: Path) -> None:
    env = {"ALLOTMENT_PLATFORM": "my-platform", "ALLOTMENT_OUTPUT": "name", "ALLOTMENT_CLUSTER": "training-eastus"}
    assert run("cluster", "list", env=env).ok().splitlines()[0] == "dev-eastus"
    assert len(run("plan", "--offline", env=env).ok().splitlines()) > 100
    assert run("plan", "--offline", "-o", "json", "--cluster", "dev-eastus", env=env).json()["cluster"] == "dev-eastus"


def test_the_current_directory_counts_when_it_holds_a_platform(
    run: Run, acme: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(acme)
    assert run("cluster", "list", "-o", "name").ok().splitlines()[0] == "dev-eastus"


def test_flags_before_the_command_count_too(run: Run, acme: Path) -> None:
    assert "\x1b[" in run("--color", "always", "validate", "my-platform").ok()
    assert (
        run("--no-input", "team", "remove", "cv", "--platform", "my-platform", "--keep-data-until", "2099-01-01").code
        == 2
    )


@pytest.mark.parametrize(
    ("content", "says"),
    [
        (["a"], "is not a configuration file"),
        ("text", "is not a configuration file"),
        ({"platfrom": "x"}, "there is no setting 'platfrom'"),
        ({"output": "jsn"}, "did you mean 'json'?"),
        ({"output": ["json"]}, "holds a list"),
        ({"no-input": "perhaps"}, "may be true or false"),
        ({1: 2}, "there is no setting '1'"),
    ],
    ids=str,
)
def test_a_file_that_cannot_be_is_refused(content: object, says: str) -> None:
    with pytest.raises(InputError) as caught:
        check_file(content, "/f")
    assert says in str(caught.value)
    assert "/f" in str(caught.value)


def test_yaml_booleans_are_booleans() -> None:
    assert check_file({"no-input": True, "cluster": None}, "/f") == {"no-input": "true"}
    assert check_file({"no-input": "on"}, "/f") == {"no-input": "true"}
    assert check_file(None, "/f") == {}


@pytest.mark.parametrize(
    "content", [b"\xff\x00z", b"a: [", b"? !!python/object:os.system {}\n", b"output: jsn", b"- 1"]
)
def test_a_broken_file_is_one_error_that_names_it(run: Run, home: Path, content: bytes) -> None:
    file = home.parent / "config" / "allotment" / "config.yaml"
    file.parent.mkdir(parents=True)
    file.write_bytes(content)
    ran = run("config", "view")
    assert ran.code == 1
    assert str(file) in ran.err
    assert "Traceback" not in ran.err


def test_bad_environment_names_the_variable() -> None:
    with pytest.raises(UsageError, match="ALLOTMENT_OUTPUT is 'x'"):
        resolve({}, {"ALLOTMENT_OUTPUT": "x"}, {}, "")


@pytest.mark.parametrize("by_flag", [True, False])
def test_no_server_is_started_with_a_password_among_its_arguments(run: Run, *, by_flag: bool) -> None:
    address = "https://bot:hunter2-secret@forge.example/platform.git"
    words = ("--repository", address) if by_flag else ()
    ran = run("up", *words, env={} if by_flag else {"ALLOTMENT_REPOSITORY": address})
    assert ran.code == UsageError.exit_code
    assert "hunter2" not in ran.out + ran.err
    assert "ALLOTMENT_REPOSITORY_PASSWORD" in ran.err
