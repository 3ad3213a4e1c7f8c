"""The contract with scripts: exit codes, streams, JSON, errors with what, why and fix, never a traceback."""

from __future__ import annotations

import json
import re
from pathlib import Path

import pytest

from allotment import errors, wiring
from allotment.cli.main import ENTRIES, FOREIGN
from allotment.cli.shell.failures import EXIT_CODES
from tests.unit.cli.conftest import ROOT, Run


def classes(root: type[errors.AllotmentError]) -> list[type[errors.AllotmentError]]:
    return [root, *(each for sub in root.__subclasses__() for each in classes(sub))]


CODES = {
    errors.AllotmentError: 1,
    errors.UsageError: 2,
    errors.InputError: 1,
    errors.NotFoundError: 3,
    errors.NotSignedInError: 4,
    errors.ForbiddenError: 5,
    errors.ConflictError: 6,
    errors.CapacityError: 7,
    errors.TimedOutError: 8,
    errors.UnreachableError: 9,
}


@pytest.mark.parametrize(("kind", "code"), CODES.items(), ids=lambda value: getattr(value, "__name__", str(value)))
def test_every_error_ends_with_its_code(
    run: Run, acme: Path, monkeypatch: pytest.MonkeyPatch, kind: type[errors.AllotmentError], code: int
) -> None:
    def fail(_directory: Path) -> None:
        raise kind("it broke", why="because", fix="mend it")

    monkeypatch.setattr(wiring, "directory", fail)
    ran = run("validate", "my-platform")
    assert (ran.code, ran.out) == (code, "")
    assert ran.err.splitlines() == ["error: it broke", "  why: because", "  fix: mend it"]
    told = json.loads(run("validate", "my-platform", "-o", "json").err)
    assert told == {
        "apiVersion": "allotment.dev/v1",
        "kind": "Error",
        "exitCode": code,
        "reason": EXIT_CODES[code],
        "what": "it broke",
        "why": "because",
        "fix": "mend it",
    }


def test_every_class_of_the_error_tree_has_a_documented_code() -> None:
    documented = (ROOT / "docs" / "cli.md").read_text(encoding="utf-8")
    found = list(classes(errors.AllotmentError))
    assert errors.NotFoundError in found
    assert all(each.exit_code in EXIT_CODES for each in found)
    for code, meaning in EXIT_CODES.items():
        assert re.search(rf"^\| {code} \| {re.escape(meaning)} \|", documented, re.MULTILINE), code


SANDBOX_UP = ("sandbox", "up", "dev", "--platform", "my-platform", "--cluster", "dev-eastus")


@pytest.mark.parametrize(
    ("args", "code", "says"),
    [
        (("validate", "nowhere"), 3, "there is no directory nowhere"),
        (("validate",), 2, "no platform directory is named"),
        (("plan", "my-platform", "--offline"), 2, "which cluster?"),
        (("plan", "my-platform", "--offline", "--cluster", "dev-eastsu"), 3, "did you mean 'dev-eastus'?"),
        (("plan", "my-platform", "--offline", "--out", "f", "--cluster", "dev-eastus"), 2, "cannot be saved"),
        (("plan", "my-platform", "--cluster", "dev-eastus"), 3, "no kubeconfig"),
        (("plan", "my-platform", "--cluster", "dev-eastus", "--exit-code"), 1, "no kubeconfig"),
        (("plan", "--exit-code", "--no-such-flag"), 1, "there is no flag '--no-such-flag'"),
        (("history", "--server", "https://x"), 2, "there is no flag '--server'"),
        (("gpus", "--server", "https://x"), 2, "add --on NAME, a back end of that server"),
        (("team", "list", "--platform", "my-platform", "--cluster", "x"), 3, "there is no cluster 'x'"),
        (("team", "list", "--platform", "my-platform", "--sort-by", "nam"), 2, "did you mean 'name'?"),
        (("team", "list", "--platform", "my-platform", "-l", "a b"), 2, "is not a selector"),
        (
            (
                "team",
                "lits",
            ),
            2,
            "did you mean 'list'?",
        ),
        (("team", "remov", "nlp"), 2, "see `allot team --help`"),
        (("team", "prge"), 2, "see `allot team --help`"),
        (("sandbox", "dow"), 2, "see `allot sandbox --help`"),
        (("config", "unse", "platform"), 2, "see `allot config --help`"),
        (("valdate",), 2, "did you mean 'validate'?"),
        (("validate", "--plaform", "x"), 2, "did you mean '--platform'?"),
        (("validate", "a", "b"), 2, "see `allot validate --help`"),
        (("validate", "--limit", "-1"), 2, "--limit"),
        (("validate", "-o", "jsn"), 2, "'jsn'"),
        (("validate", "my-platform", "--platform", "other"), 2, "given twice"),
        (("explain", "team.isolaton"), 3, "did you mean 'isolation'?"),
        (("explain", "taem"), 3, "did you mean 'team'?"),
        (("explain", "gang"), 3, "gang-partially-placed"),
        (("config", "set", "platfrom", "x"), 2, "did you mean 'platform'?"),
        (("config", "set", "output", "jsn"), 2, "did you mean 'json'?"),
        (("team", "add", "x y", "--platform", "my-platform"), 2, "cannot be the name of a team"),
        (("team", "add", "cv", "--platform", "my-platform"), 6, "exists"),
        (("team", "add", "x", "--platform", "my-platform", "--accelerator", "a100"), 2, "NAME=COUNT"),
        (("team", "add", "x", "--platform", "my-platform", "--accelerator", "a100=4000"), 7, "cannot guarantee"),
        (("team", "remove", "cvv", "--platform", "my-platform", "--keep-data-until", "2099-01-01"), 3, "cvv"),
        (("team", "remove", "cv", "--platform", "my-platform"), 2, "--keep-data-until"),
        (("team", "remove", "cv", "--platform", "my-platform", "--keep-data-until", "2001-01-01"), 2, "is past"),
        (("team", "remove", "cv", "--platform", "my-platform", "--keep-data-until", "soon"), 2, "soon"),
        (("init", "my-platform"), 6, "holds YAML files already"),
        (("render", "my-platform"), 2, "where to?"),
        (("render", "my-platform", "--out", "my-platform/platform.yaml"), 1, "platform.yaml"),
        (("sandbox", "status", "nothing-here"), 3, "there is no sandbox nothing-here"),
        (("sandbox", "kubeconfig"), 2, "which sandbox?"),
        (("sandbox", "down", "Not_A_Name"), 1, "cannot name a sandbox"),
        ((*SANDBOX_UP, "--apiserver-flag", "bind-address=0.0.0.0"), 1, "'bind-address'"),
        ((*SANDBOX_UP, "--apiserver-flag", "profiling"), 2, "NAME=VALUE"),
        ((*SANDBOX_UP, "--with", "volcano"), 2, "'leaderworkerset'"),
        (("completion", "tcsh"), 2, "tcsh"),
        (("apply", "nowhere"), 3, "there is no directory nowhere"),
    ],
    ids=lambda value: " ".join(value) if isinstance(value, tuple) else None,
)
def test_wrong_calls(run: Run, acme: Path, args: tuple[str, ...], code: int, says: str) -> None:
    ran = run(*args)
    assert ran.code == code, ran.err
    assert ran.out == ""
    assert says in ran.err
    assert ran.err.startswith("error: ") or ": error: " in ran.err
    assert "Traceback" not in ran.err


def test_a_mistake_of_ours_is_one_line_and_how_to_see_more(
    run: Run, acme: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail(_directory: Path) -> None:
        raise KeyError("oh")

    monkeypatch.setattr(wiring, "directory", fail)
    ran = run("validate", "my-platform")
    assert ran.code == 1
    assert ran.err.splitlines()[0] == "error: unexpected KeyError: 'oh'"
    assert "ALLOTMENT_DEBUG=1" in ran.err
    assert "Traceback" not in ran.err
    debug = run("validate", "my-platform", env={"ALLOTMENT_DEBUG": "1"})
    assert debug.code == 1
    assert "Traceback" in debug.err
    assert "KeyError" in debug.err


def test_problems_name_file_line_field_and_fix(run: Run, acme: Path) -> None:
    file = acme / "teams" / "cv.yaml"
    file.write_text(file.read_text(encoding="utf-8").replace("costCenter", "costCentre"), encoding="utf-8")
    ran = run("validate", "my-platform")
    assert ran.code == 1
    assert ran.out == ""
    assert re.search(r"^teams/cv\.yaml:\d+:\d+: error: costCentre: ", ran.err, re.MULTILINE)
    assert "costCenter" in ran.err
    told = json.loads(run("validate", "my-platform", "-o", "json").err)
    assert told["kind"] == "Error"
    (problem,) = [each for each in told["problems"] if each["severity"] == "error"]
    assert (problem["file"], problem["field"]) == ("teams/cv.yaml", "costCentre")
    assert problem["line"] > 0


def test_a_slurm_is_told_beside_the_clusters(run: Run, acme: Path) -> None:
    slurm = acme / "clusters" / "hpc.yaml"
    slurm.write_text('kind: SlurmCluster\nname: hpc\nfolder: /shared\nimages: {"train:1": ""}\n', encoding="utf-8")
    assert "1 Slurm (hpc)" in run("validate", "my-platform").ok()
    assert run("validate", "my-platform", "-o", "json").json()["slurmClusters"] == ["hpc"]
    listed = run("cluster", "list", "my-platform")
    assert "hpc" not in listed.ok()
    assert "`allot submit --on`: Slurm hpc" in listed.err


def test_strict_makes_warnings_fail(run: Run, acme: Path) -> None:
    file = acme / "teams" / "cv.yaml"
    lines = [line for line in file.read_text(encoding="utf-8").splitlines() if not line.startswith("costCenter")]
    file.write_text("\n".join(lines) + "\n", encoding="utf-8")
    plain = run("validate", "my-platform")
    assert plain.code == 0
    assert ": warning: costCenter: " in plain.err
    assert run("validate", "my-platform", "--strict").code == 1
    assert [each["field"] for each in run("validate", "my-platform", "-o", "json").json()["warnings"]] == ["costCenter"]


def test_no_input_names_the_flag_that_answers(run: Run, acme: Path) -> None:
    ran = run(
        "team",
        "remove",
        "cv",
        "--platform",
        "my-platform",
        "--keep-data-until",
        "2099-01-01",
        "--no-input",
        typed="cv\n",
    )
    assert ran.code == 2
    assert "--yes" in ran.err


def test_a_group_without_a_command_shows_its_help_and_is_a_wrong_call(run: Run) -> None:
    ran = run("team")
    assert ran.code == 2
    assert ran.out == ""
    assert "Usage: allot team" in ran.err


def test_kubectl_plugin_speaks_as_kubectl_does(run: Run) -> None:
    told = run("validate", "--help", program="kubectl allot").ok()
    assert told.startswith("Usage: kubectl allot validate")
    assert "kubectl allot validate my-platform" in told


def test_commands_of_other_programs_are_answered_with_ours(run: Run) -> None:
    known = {name for each in ENTRIES for name in (each.name, *each.aliases)}
    assert not known & set(FOREIGN), "what is a command needs no word"
    meant = {word: re.findall(r"`allot ([a-z]+)", said) for word, said in FOREIGN.items()}
    assert all(ours and known.issuperset(ours) for ours in meant.values())
    assert [meant[word][0] for word in ("get", "delete", "top", "squeue", "sbatch", "scancel", "sinfo", "sacct")] == [
        "ps", "stop", "gpus", "ps", "submit", "stop", "gpus", "ps",
    ]  # fmt: skip
    done = run("squeue", "-u", "me")
    assert (done.code, done.out) == (2, "")
    assert "there is no command 'squeue'" in done.err
    assert "fix: `allot ps` lists jobs" in done.err


@pytest.mark.parametrize(
    ("call", "code", "says"),
    [
        (("apply", "--auto-approve"), 2, "did you mean '--yes'? see `allot apply --help`"),
        (("run", "a.py", "--time", "1h"), 2, "did you mean '--max-run-time'? arguments of the script stand after --"),
        (("run", "a.py", "--on", "hpc"), 2, "another back end takes a job file, `allot submit job.yaml --on NAME`"),
        (("run", "a.py", "--lr", "1"), 2, "fix: arguments of the script stand after --"),
        (("ps", "--json"), 2, "did you mean '-o json'? see `allot ps --help`"),
        (("ps", "--on", "local"), 2, "did you mean '-l backend=NAME'? see `allot ps --help`"),
        (("ps", "--owner", "ada"), 2, "did you mean '-l owner=NAME'? see `allot ps --help`"),
        (("ps", "--auto-approve"), 2, "fix: see `allot ps --help`"),
        (("explain", "few-cpu"), 3, "fix: did you mean 'few-cpus'?"),
        (("explain", "quota-nominel"), 3, "fix: did you mean 'quota-nominal'?"),
    ],
)
def test_habits_and_slips_are_answered_with_what_is_meant(
    run: Run, call: tuple[str, ...], code: int, says: str
) -> None:
    done = run(*call)
    assert (done.code, done.out) == (code, "")
    assert says in done.err
