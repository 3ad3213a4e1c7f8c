"""Every command that asks a server, through the socket of this machine and, after `allot login`, over the network.

One day of a server is played twice, command by command, once through each door; what is printed and the exit codes are
the same, but for who asks. Commands that a table names are for one door alone, or are played elsewhere, and it says
why.
"""

from __future__ import annotations

import json
import re
import shlex
import threading
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager, nullcontext
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import click
import pytest

from allotment import wiring
from allotment.cli.main import cli
from allotment.cli.shell.examples.table import EXAMPLES
from tests.unit.api.premises import ADMIN, DECIDES_HIMSELF, NETWORK, OWNER, SOCKET, Premises, opened
from tests.unit.cli.conftest import Ran, Run, home, run
from tests.unit.operations.decide.test_desk import MEMBER
from tests.unit.operations.fleet.test_one_context import kubeconfig

__all__ = ["home", "run"]  # fixtures

AT_HOME: Final[Mapping[str, str]] = {
    "up": "it starts the server, as a process of this machine",
    "down": "whoever ends the server is the user whose it is, on its machine",
    "store status": "it reads the store itself, beside the server",
    "store backup": "the store's files are the server's user's",
    "store restore": "the same; no server runs meanwhile",
    "store prune": "the same",
    "store forget": "the same",
}
"""Commands about a server that are meant for its own machine, and why."""
ELSEWHERE: Final[Mapping[str, str]] = {
    "audit search": "on the machine itself the store is read: `test_audit_elsewhere.py` plays both",
    "audit verify": "the same",
    "audit export": "the same",
    "audit head": "the same",
    "open": "of a server elsewhere nothing is asked, the browser signs in there: `test_access_commands.py`",
}
"""Commands that are played by another suite, and why."""
GPUS: Final = "--accelerator a100-on-demand --on training-eastus --for 72h --team nlp --why release"
JOB: Final = "kind: Job\nname: shown\nteam: nlp\ntype: training\nrun: {command: [quick]}\n"
SWEEP: Final = """\
kind: Job
name: many
team: nlp
type: sweep
run: {command: [quick]}
resources: {cpu: 1, memory: 1Gi}
sweep: {grid: {lr: [1, 2]}, atOnce: 2}
"""
FUTURES: Final = "--budget 1s --confidence 90 --runs 10 --horizon 1d --seed 3 --submissions none"
TIMED: Final = "--for 8h --from 2027-01-12T09:00:00Z --workload experiment --key once --team nlp --why 'a course'"


@dataclass(frozen=True)
class Step:
    """A command of the day.

    Attributes:
        line: without the program's name.
        code: that it ends with.
        alike: whether both doors print the same.
        lasts: whether jobs have to go on meanwhile, so that it ends.
    """

    line: str
    code: int = 0
    alike: bool = True
    lasts: bool = False


Day = Sequence[Step | Callable[[Premises], object]]


def example(words: str, number: int = 0) -> str:
    return EXAMPLES[tuple(words.split())][number].line.removeprefix("allot ")


def jobs_run(premises: Premises) -> None:
    premises.world.run(20)


def grants_given(premises: Premises) -> None:
    premises.office.passes()


def carl_came(premises: Premises) -> None:
    premises.holder(NETWORK, premises.session("carl", *MEMBER))


DAYS: Final[Mapping[str, Day]] = {
    "jobs": (
        Step("ps"),
        Step("submit job.yaml --on local --dry-run client"),
        Step("submit job.yaml --on local --dry-run server -o json"),
        Step("submit job.yaml --on local -o name"),
        Step("run train.sh --team nlp --name script -d"),
        Step("ps -o json"),
        jobs_run,
        Step("ps -a --sort-by name"),
        Step("ps -a -A -o wide --sort-by name"),
        Step("ps -a --state failed"),
        Step("describe shown", alike=False),  # whoever is elsewhere is told that its files are not there
        Step("describe shown -o json"),
        Step("logs shown"),
        Step("logs shown --tail 1"),
        Step("logs shown --grep w -o json"),
        Step("wait shown"),
        Step("wait shown --for failed", 1),
        Step("report shown"),
        Step("report shown -o json"),
        Step("retry shown"),
        Step("clone shown --set name=again --set resources.cpu=1"),
        Step("clone shown --set nosuch.field=1", 1),
        Step("stop again --grace 0"),
        jobs_run,
        *(Step(line, 3) for line in ("describe nosuch", "logs nosuch", "stop nosuch", "retry nosuch", "report nosuch")),
        Step("submit job.yaml --on mars", 3),
    ),
    "answers": (
        Step("submit job.yaml --on local -o name"),
        *(
            Step(f"{line} --on local -o json")
            for line in (
                "gpus",
                "who",
                "queues",
                "quotas",
                "saturation",
                "waste",
                "why",
                "when",
                "why shown",
                "when shown",
            )
        ),
        Step("books --on local", 0),
        Step("capacity 1xa100 --on local -o json", 0),
        Step("whatif --change quota:nlp/machine/cpu=9 --on local -o json", 0),
        Step("snapshot save seen.json --on local", 0),
        Step("gpus --on mars", 3),
        Step("why nosuch --on local", 3),
    ),
    "requests": (
        Step("requests"),
        Step(f"request gpus 8 {GPUS}"),
        Step("requests --all -o json"),
        Step("request show r0000000"),
        Step("request show request/r0000000 -o json"),
        Step("counter r0000000 --gpus 6 --for 48h -m 'cv needs some'"),
        Step("request accept r0000000"),
        Step("request accept r0000000", 6),
        grants_given,
        Step("grant list"),
        Step("grant list -o json"),
        Step("balance"),
        Step("balance -o json"),
        Step("extend r0000000 --for 96h --why longer -o json"),
        Step("requests --team nlp"),
        Step("request withdraw nosuch", 3),
        Step("deny nosuch -m no", 3),
        Step("approve nosuch", 3),
        Step("grant end r0000000 -m done"),
        Step("grant end r0000000", 6),
        Step("grant restore r0000000", 6),
        Step("grant keep nosuch", 3),
        grants_given,
        Step("grant list --all"),
        Step(f"request gpus 8 {GPUS}"),
        Step("deny r0000002 -m 'not now'"),
        Step(f"request gpus 8 {GPUS} --dry-run"),
        Step(f"request gpus 8 {GPUS} --dry-run -o json"),
        Step(f"request gpus 9999 {GPUS}", 7),
        # Of a key and whose it is the id is made: both doors have another one.
        Step(f"request gpus 8 {GPUS} --key once", alike=False),
        Step(f"request gpus 8 {GPUS} --key once", alike=False),
        Step(f"request gpus 4 {GPUS} --key once", 6, alike=False),
        *(
            Step(f"{example(f'request {kind}')} --dry-run")
            for kind in ("namespace", "endpoint", "cluster", "volume", "notebook", "model-api")
        ),
        Step(example("request team")),
        Step(f"{example('request leave')} --dry-run"),
    ),
    "flags of jobs": (
        Step(
            "run train.sh --team nlp --name flags --gpus 1 --accelerator a100 --cpu 1 --memory 1Gi --replicas 1"
            " --priority exploratory --project assistant --checkpoint kept --max-run-time 1h --env A=b -d"
        ),
        Step("submit job.yaml --on local -o name"),
        jobs_run,
        Step("describe flags -o json --team nlp"),
        # Of a key and whose it is the id is made.
        Step("submit job.yaml --on local --key once --team nlp -o name", alike=False),
        Step("submit job.yaml --on local --key once -o name", alike=False),
        Step("submit many.yaml -o name"),
        jobs_run,
        Step("ps -a --of many -o json"),
        Step("ps -a --of many --limit 1 --no-headers"),
        Step("ps -a -n nlp -l state=succeeded --sort-by name"),
        Step("ps -a -n cv"),
        Step("logs shown -f --team nlp"),
        Step("logs flags --rank 0"),
        Step("logs flags --rank 7", 2),
        Step("report shown --team nlp"),
        Step("wait shown --timeout 10s --team nlp"),
        Step("describe shown --team cv", 3),
        Step("clone shown --on local --dry-run server --team nlp"),
        Step("clone shown --set name=once-more -o name"),
        Step("retry flags --resume", 1),
        Step("clone shown --set name=other -o json"),
        Step("stop --name other --team nlp"),
        Step("stop --name once-more"),
        Step("clone shown --set name=third"),
        Step("stop --all --team cv -y"),
        Step("stop --all --team nlp -y"),
        jobs_run,
        Step("ps -a --state succeeded --sort-by name -o csv"),
    ),
    "followed jobs": (
        Step("run train.sh --team nlp --name followed", 127, lasts=True),
        Step("submit job.yaml --on local -f", lasts=True),
        Step("clone shown --set name=cloned -f", lasts=True),
        Step("retry shown -f", lasts=True),
        Step("logs cloned -f"),
    ),
    "flags of answers": (
        Step("run train.sh --team nlp --name held --gpus 2 --cpu 2 --memory 4Gi -d"),
        Step("run train.sh --team cv --name other --gpus 1 --cpu 1 --memory 4Gi -d"),
        *(Step(f"{line} --on local -o json") for line in ("gpus -n nlp", "gpus -A", "who -n nlp", "who -A")),
        Step("who --accelerator a100 --team nlp --on local"),
        Step("who --team nosuch --on local", 3),
        Step("queues --all-resources -A --on local"),
        Step("queues -n cv --on local"),
        Step("quotas --all --exit-code --on local"),
        Step("quotas -A --on local -l team=nlp --sort-by limit --limit 2"),
        Step("quotas -n nlp --on local"),
        Step("saturation -n nlp --on local"),
        Step("saturation -A --on local"),
        Step("waste --by team --idle job=50%/1h -A --on local"),
        Step("waste -n nlp --by node --on local -o csv"),
        Step("books -n nlp --on local"),
        Step("books -A --on local"),
        Step("capacity --shape 1xa100 --on local -n nlp"),
        Step("capacity 1xa100 -A --on local"),
        Step("why --no-remedies -A --on local"),
        Step("why other -n cv --no-remedies --on local"),
        Step(
            "when -A --on local --budget 1s --confidence 90 --runs 10 --horizon 1d --seed 3 --submissions none -o json"
        ),
        Step("when -n nlp --on local -o json --budget 1s"),
        Step("whatif --change quota:nlp/machine/cpu=9 --all --budget 1s -n nlp --on local"),
        Step("whatif --change quota:nlp/machine/cpu=9 -A --on local -o json"),
        Step("snapshot save seen.json --view team:nlp --on local"),
        Step("snapshot save seen.json --view team:nlp -A --force --on local"),
        Step("snapshot save other.json -n nlp --on local"),
    ),
    "flags of requests": (
        *(
            Step(f"request {line} {TIMED} -o json --dry-run")
            for line in (
                "gpus 2 --accelerator a100 --on training-eastus",
                "namespace playground --environment development --on training-eastus",
                "endpoint chat --environment production",
                "cluster another --environment development",
                "volume corpora --size 10Gi --on training-eastus",
                "model-api claude",
                "notebook mine --image registry.acme.example/jupyter:4 --on training-eastus --accelerator a100",
            )
        ),
        Step(
            "request team vision --owner leads --member acme-vision --on training-eastus --accelerator a100=1 --cpu 8"
            " --memory 64Gi --cost-center cc-9 --budget 900 --why research --dry-run -o json"
        ),
        Step("request team vision --member acme-vision --needs untrusted-code --why research --dry-run", 2),
        Step(f"{example('request leave')} --dry-run -o json"),
    ),
    "flags of decisions": (
        Step(f"request gpus 8 {GPUS} -o json"),
        Step(f"request gpus 8 {GPUS} -o name"),
        Step(f"request gpus 8 {GPUS} -o yaml"),
        Step("approve r0000000 --gpus 4 --for 24h -m 'a part' --revision 9", 6),
        Step("deny r0000001 --revision 9 -m no", 6),
        Step("counter r0000001 --gpus 6 --on training-eastus --for 24h -m less --revision 1 -o json"),
        Step("counter r0000002 --gpus 2 --accelerator t4-on-demand --on dev-eastus -m small --revision 1", 3),
        Step("request withdraw request/r0000001 -m 'not needed'"),
        Step("deny r0000002 --revision 1 -m no -o json"),
        Step("approve request/r0000000 --gpus 4 --for 24h -m 'a part' --revision 1 -o name"),
        grants_given,
        Step("requests -a --limit 2 --sort-by state --no-headers -l team=nlp"),
        Step("grant list -a --limit 1 --sort-by state --no-headers -l team=nlp"),
        Step("balance --team nlp --no-headers --limit 1 --sort-by team -l team=nlp"),
        Step(
            "extend r0000000 --gpus 2 --accelerator a100-on-demand --for 24h --why less --key again -o json",
            alike=False,
        ),
    ),
    "flags of people": (
        Step("whoami -o json", alike=False),
        carl_came,
        Step("people list -o json --limit 1", alike=False),
        Step("token create ci --team nlp -o json", alike=False),
        Step("token list -o json --limit 1", alike=False),
        Step("cluster status --limit 1 --sort-by name --no-headers -o name"),
    ),
    "people": (
        Step("whoami", alike=False),
        carl_came,
        Step("people list", alike=False),
        Step("people shut-out oidc:carl@id.acme.example"),
        Step("people let-in oidc:carl@id.acme.example"),
        Step("people shut-out nosuch", 3),
        Step("token create ci --gives read --expires 30d", alike=False),
        Step("token create ci --gives read,rule", 2),
        Step("token create late --expires 9999d", 2),
        Step("token list", alike=False),
        Step("token revoke ci", alike=False),
        Step("token revoke nosuch", 3),
    ),
    "clusters": (
        Step("cluster status -o name"),
        Step("cluster connect training --kubeconfig config --context one"),
        Step("cluster connect nosuch --kubeconfig config --context one", 3),
        Step("cluster status", alike=False),
        Step("cluster rotate-key"),
        Step("cluster disconnect training"),
        Step("cluster disconnect training", 3),
    ),
}


@contextmanager
def going_on(premises: Premises) -> Iterator[None]:
    """Jobs run meanwhile, as they do where a server has a clock that goes."""
    over = threading.Event()

    def goes() -> None:
        while not over.wait(0.05):
            premises.world.run(2)

    thread = threading.Thread(target=goes)
    thread.start()
    try:
        yield
    finally:
        over.set()
        thread.join()


def played(door: str, name: str, folder: Path, run: Run, monkeypatch: pytest.MonkeyPatch) -> list[tuple[Step, Ran]]:
    """What each command of a day has printed who came through a door.

    Programs run on the server's machine for its own user alone, whose token is shown elsewhere; what a token does not
    give, an administrator does who has signed in.
    """
    runs_programs = "jobs" in name or "answers" in name
    found: list[tuple[Step, Ran]] = []
    with opened(folder, files=DECIDES_HIMSELF) as premises, monkeypatch.context() as patched:
        patched.setenv("XDG_CONFIG_HOME", str(folder / "config"))
        if door == NETWORK:
            shows = premises.token() if runs_programs else premises.session("root", *ADMIN)
            login = run("login", premises.address, "--token-stdin", typed=shows)
            assert premises.address in login.ok()
        else:
            patched.setenv("XDG_STATE_HOME", str(premises.state))
        clock = premises.world.machine.clock
        patched.setattr(wiring, "clock", lambda: clock)
        for each in DAYS[name]:
            if isinstance(each, Step):
                with going_on(premises) if each.lasts else nullcontext():
                    found.append((each, run(*shlex.split(each.line))))
                premises.world.run()
            else:
                each(premises)
    return found


def plain(text: str) -> str:
    """Without who asks, and what is made up anew each time."""
    text = re.sub(r"http://127\.0\.0\.1:\d+", "ADDRESS", text).replace(" of the server's machine", "")
    # Made of a key and of whose it is; and of a commit's text, which names who asked.
    text = re.sub(r"\bj[0-9a-z]{10}\b", "JOB", re.sub(r"\b[0-9a-f]{40}\b", "COMMIT", text))
    text = re.sub(r'"from": "(unix socket|127\.0\.0\.1, token \w+)"', '"from": "WHENCE"', text)
    return re.sub(rf"oidc:root@id\.acme\.example|\b{OWNER}\b", "WHO", text)


@pytest.fixture
def desk(home: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """What lies where commands are typed."""
    for name in ("ALLOTMENT_SERVER", "ALLOTMENT_TOKEN", "ALLOTMENT_TEAM"):
        monkeypatch.delenv(name, raising=False)
    (home / "job.yaml").write_text(JOB)
    (home / "many.yaml").write_text(SWEEP)
    (home / "train.sh").write_text("#!/bin/sh\ntrue\n")
    (home / "config").write_text(json.dumps(kubeconfig()))
    return home


@pytest.mark.parametrize("day", DAYS)
def test_a_day_is_the_same_through_both_doors(
    desk: Path, tmp_path: Path, run: Run, monkeypatch: pytest.MonkeyPatch, day: str
) -> None:
    played_by = {
        door: played(door, day, tmp_path / name, run, monkeypatch)
        for door, name in ((SOCKET, "here"), (NETWORK, "there"))
    }
    for (step, here), (_, there) in zip(*played_by.values(), strict=True):
        codes = step.code, step.code
        assert (here.code, there.code) == codes, (step.line, here, there)
        if step.alike:
            assert (plain(there.out), plain(there.err)) == (plain(here.out), plain(here.err)), step.line


def commands(group: Any, words: tuple[str, ...] = ()) -> Iterator[tuple[str, click.Command]]:
    context = click.Context(group)
    for name in group.list_commands(context):
        found = group.get_command(context, name)
        if isinstance(found, click.Group):
            yield from commands(found, (*words, name))
        else:
            yield " ".join((*words, name)), found


def asks_a_server(command: click.Command) -> bool:
    return any("--server" in each.opts for each in command.params)


def test_no_command_that_asks_a_server_is_left_out() -> None:
    every = dict(commands(cli))
    lines = [each.line for day in DAYS.values() for each in day if isinstance(each, Step)]
    done = {name for name in every if any(f"{line} ".startswith(f"{name} ") for line in lines)}
    asking = {name for name, command in every.items() if asks_a_server(command)}
    assert asking - done == {*ELSEWHERE} & asking
    assert not {*ELSEWHERE, *AT_HOME} & done
    assert {*ELSEWHERE, *AT_HOME} <= {*every}
    assert not any(asks_a_server(every[name]) for name in AT_HOME)


LAID_OUT: Final = {"--color", "--no-headers", "--sort-by", "--selector", "--limit", "--output"}
"""Of how an answer is shown that has come: `test_output.py`."""
ELSEWHERE_READ: Final = {
    "--snapshot", "--kubeconfig", "--context", "--cluster", "--prometheus", "--prometheus-label", "--platform",
    "--recorded", "--file", "--scenario", "--nodes", "--until", "--since", "--gap", "--at", "--policy", "--demand",
    "--learn-from", "--runtimes", "--runtime-spread", "--report",
}  # fmt: skip
"""Of what is asked in place of a server, or of files beside it."""
PLAYED_ELSEWHERE: Final[Mapping[str, str]] = {
    "--server": "each command asks the server that it names: below",
    "--no-input": "a question becomes an error, whoever is asked: `test_contract.py`",
    "--watch": "it has no end: `tests/live/server/test_events.py`",
    "--fix": "a cluster is changed, and no server is asked: `books`",
    "--undo": "the same",
    "--demand": "of files",
    "--seed": "of `capacity`, of files",
}


def flags_of(command: click.Command) -> Iterator[frozenset[str]]:
    for each in command.params:
        if isinstance(each, click.Option):
            yield frozenset({*each.opts, *each.secondary_opts})


def test_no_flag_of_them_is_left_out() -> None:
    """Whatever is typed besides goes through both doors, too."""
    beside = {*LAID_OUT, *ELSEWHERE_READ, *PLAYED_ELSEWHERE}
    lines = [each.line for day in DAYS.values() for each in day if isinstance(each, Step)]
    missing, known = [], set()
    for name, command in commands(cli):
        if not asks_a_server(command) or name in ELSEWHERE:
            continue
        mine = [shlex.split(line) for line in lines if f"{line} ".startswith(f"{name} ")]
        typed = {word for each in mine for word in each}
        for flag in flags_of(command):
            known |= flag
            if not flag & (typed | beside):
                missing.append(f"{name} {max(flag)}")
    assert missing == ["books -y"], "which goes with --fix"
    assert beside <= known, "what is left out is there"


NEEDED: Final[Mapping[str, str]] = {
    "cluster connect": "cluster connect training --kubeconfig config --context one",
    "submit": "submit job.yaml --on local",
    "run": "run train.sh --team nlp",
    "clone": "clone shown",
    "snapshot save": "snapshot save seen.json --on local",
    "whatif": "whatif --change quota:nlp/a100-spot/nvidia.com/gpu=16 --on local",
}
"""Where the first example needs what is not here."""


def _of_back_end(name: str, command: click.Command) -> str:
    """An answer is asked of one of the server's back ends; empty for what is no answer."""
    answers = any("--snapshot" in each.opts for each in command.params)
    return f"{name} --on local" if answers else ""


def test_each_command_asks_the_server_that_its_flag_names(desk: Path, run: Run) -> None:
    """There is no token for it: nothing is sent, and everything else would be answered otherwise."""
    for name, command in commands(cli):
        if asks_a_server(command) and name != "open":
            line = NEEDED.get(name) or _of_back_end(name, command) or re.split(" >| &&| [|]", example(name))[0]
            told = run(*shlex.split(line), "--server", "http://127.0.0.1:1")
            assert (told.code, "not signed in to http://127.0.0.1:1" in told.err) == (4, True), (line, told)


@pytest.mark.parametrize("line", ["gpus", "why", "why --watch", "why --snapshot seen.json", "when", "books"])
def test_an_answer_of_a_server_names_what_of_it_is_asked(desk: Path, run: Run, line: str) -> None:
    """Nothing else is asked in its place: a cluster of the kubeconfig is another one."""
    told = run(*line.split(), "--server", "http://127.0.0.1:1")
    assert (told.code, "add --on NAME, a back end of that server" in told.err) == (2, True), told


def test_a_job_of_a_server_needs_no_back_end(desk: Path, run: Run) -> None:
    for line in ("why job/shown", "when job/shown"):
        told = run(*line.split(), "--server", "http://127.0.0.1:1")
        assert (told.code, "not signed in to http://127.0.0.1:1" in told.err) == (4, True), told
