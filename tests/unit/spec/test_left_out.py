"""YAML that only its name keeps out of the directory is said, where somebody may have meant it to be read."""

from __future__ import annotations

import pytest

from allotment.model.source import SourceTree
from allotment.spec.load import load_platform
from allotment.spec.problems import InvalidPlatformError, Problem
from tests.unit.spec.trees import OTHER_TEAM, PLATFORM, tiny

SETTINGS = "rules: {line-length: 120}\n"
ONLY_TEAMS = f"{PLATFORM}include: [teams/*.yaml, cluster.yaml, team.yaml]\n"


def errors(platform: str, **left_out: str) -> tuple[Problem, ...]:
    files = {path.replace("__", "/").replace("_", "."): text for path, text in left_out.items()}
    try:
        load_platform(SourceTree(tiny(platform=platform), files))
    except InvalidPlatformError as error:
        return error.problems
    return ()


@pytest.mark.parametrize(
    ("name", "text", "what", "right"),
    [
        ("teams__cv_YAML", OTHER_TEAM, "names of files end in .yaml or .yml", "cv.yaml"),
        ("cv_Yml", SETTINGS, "names of files end in .yaml or .yml", "cv.yml"),
        ("teams___cv_yaml", OTHER_TEAM, "hidden files are not; it declares a Team", "cv.yaml"),
        ("_cv_yaml", f"{SETTINGS}---\n{OTHER_TEAM}", "hidden files are not; it declares a Team", "cv.yaml"),
    ],
    ids=["capitals", "capitals-of-anybody", "hidden", "hidden-second-document"],
)
def test_what_may_be_meant_is_an_error(name: str, text: str, what: str, right: str) -> None:
    (problem,) = errors(PLATFORM, **{name: text})
    assert what in problem.what
    assert problem.fix.startswith(f"rename it to {right};")
    assert "`include`" in problem.fix


@pytest.mark.parametrize("text", [SETTINGS, "- a\n", "kind: [Team]\n", "kind: ConfigMap\n", "{", ""])
def test_hidden_files_of_other_tools_are_left_alone(text: str) -> None:
    assert errors(PLATFORM, _yamllint_yaml=text) == ()


def test_what_include_would_not_name_is_nobody_s_business() -> None:
    assert errors(ONLY_TEAMS, _cv_yaml=OTHER_TEAM, docs__x_YAML=OTHER_TEAM) == ()
    assert len(errors(ONLY_TEAMS, teams___cv_yaml=OTHER_TEAM, teams__x_YAML=OTHER_TEAM)) == 2
