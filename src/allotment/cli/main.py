"""The entry point `allot` (and `kubectl allot`): the table of commands, and the one place where failures end."""

from __future__ import annotations

import os
import sys
from collections.abc import Mapping, Sequence
from pathlib import PurePath
from typing import Any, Final

import click

from allotment.cli.shell.lazy import CommandEntry, LazyGroup
from allotment.cli.shell.options import global_flags
from allotment.cli.shell.session import Session
from allotment.cli.shell.streams import end_output, make_fit, turn_away
from allotment.errors import INTERRUPTED, AllotmentError, UsageError

_COMMANDS: Final = "allotment.cli.commands"
_DECLARE: Final = f"{_COMMANDS}.declare"
_CHANGE: Final = f"{_COMMANDS}.change"
_TRY: Final = f"{_COMMANDS}.sandbox"
_FORESEE: Final = f"{_COMMANDS}.foresee"
_RUN: Final = f"{_COMMANDS}.run"
_ASK: Final = f"{_COMMANDS}.ask"
_ACCOUNT: Final = f"{_COMMANDS}.account"
_DECIDE: Final = "allotment.cli.commands.decide"
_ACCESS: Final = f"{_COMMANDS}.access"
_REFERENCE: Final = f"{_COMMANDS}.reference"

ENTRIES: Final = (
    CommandEntry("init", f"{_DECLARE}.init:init", "Write a commented starter directory.", (), "Declare"),
    CommandEntry("import", f"{_DECLARE}.import_:import_", "Write a directory from a live cluster.", (), "Declare"),
    CommandEntry(
        "validate", f"{_DECLARE}.validate:validate", "Check a platform directory and sum it up.", (), "Declare"
    ),
    CommandEntry("team", f"{_DECLARE}.team:team", "Add, change, remove and list teams.", ("teams",), "Declare"),
    CommandEntry(
        "cluster",
        f"{_DECLARE}.cluster:cluster",
        "List clusters and their pools; connect them.",
        ("clusters",),
        "Declare",
    ),
    CommandEntry(
        "accelerator",
        f"{_DECLARE}.accelerator:accelerator",
        "List the catalogue of accelerators.",
        ("accelerators",),
        "Declare",
    ),
    CommandEntry(
        "render", f"{_CHANGE}.render:render", "Write the GitOps tree: kustomize, Flux, Argo CD.", (), "Change"
    ),
    CommandEntry("preflight", f"{_CHANGE}.preflight:preflight", "Is a cluster ready, and may we do it?", (), "Change"),
    CommandEntry("plan", f"{_CHANGE}.plan:plan", "Show what apply would change in a cluster.", ("diff",), "Change"),
    CommandEntry("apply", f"{_CHANGE}.apply:apply", "Bring a cluster to what the directory says.", (), "Change"),
    CommandEntry("adopt", f"{_CHANGE}.adopt:adopt", "Take over what somebody else made; give it back.", (), "Change"),
    CommandEntry("drift", f"{_CHANGE}.drift:drift", "Find what differs from the directory; repair it.", (), "Change"),
    CommandEntry("history", f"{_CHANGE}.history:history", "List past applies of a cluster.", (), "Change"),
    CommandEntry("nodes", f"{_CHANGE}.nodes:nodes", "Give nodes the labels of a declared pool.", ("node",), "Change"),
    CommandEntry("prove", f"{_CHANGE}.prove:prove", "Try to break the guardrails of a live cluster.", (), "Change"),
    CommandEntry(
        "sandbox",
        f"{_TRY}.sandbox:sandbox",
        "A real control plane on this machine, with fake GPU nodes.",
        ("sandboxes",),
        "Try",
    ),
    CommandEntry("up", f"{_RUN}.server:up", "Start the server that runs jobs on this machine.", (), "Run"),
    CommandEntry("down", f"{_RUN}.server:down", "End it; what runs runs on.", (), "Run", takes_away=True),
    CommandEntry("run", f"{_RUN}.submit:run", "Run a script on this machine, and follow its log.", (), "Run"),
    CommandEntry("submit", f"{_RUN}.submit:submit", "Submit the jobs of job files.", (), "Run"),
    CommandEntry("ps", f"{_RUN}.jobs:ps", "List jobs, and why they wait.", ("jobs",), "Run"),
    CommandEntry("logs", f"{_RUN}.jobs:logs", "What a job wrote.", ("log",), "Run"),
    CommandEntry("describe", f"{_RUN}.jobs:describe", "Everything that is known of a job.", (), "Run"),
    CommandEntry("report", f"{_RUN}.jobs:report", "What a job asked for, and what it used.", (), "Run"),
    CommandEntry("wait", f"{_RUN}.jobs:wait", "Wait until a job is over.", (), "Run"),
    CommandEntry("stop", f"{_RUN}.jobs:stop", "End jobs for good.", ("cancel",), "Run", takes_away=True),
    CommandEntry("retry", f"{_RUN}.jobs:retry", "Submit a job that is over again.", (), "Run"),
    CommandEntry("clone", f"{_RUN}.clone:clone", "Submit a job once more, with something changed.", (), "Run"),
    CommandEntry("store", f"{_RUN}.store:store", "Where jobs are kept: status, backup, restore.", (), "Run"),
    CommandEntry(
        "token", f"{_ACCESS}.token:token", "Who gets in over the network: create, list, revoke.", ("tokens",), "Account"
    ),
    CommandEntry("people", f"{_ACCESS}.people:people", "Who signs in: list, shut out, let in.", ("person",), "Account"),
    CommandEntry("open", f"{_ACCESS}.opening:open_portal", "The portal, in your browser.", (), "Run"),
    CommandEntry("login", f"{_ACCESS}.signing:login", "Sign in to a server elsewhere.", (), "Account"),
    CommandEntry("whoami", f"{_ACCESS}.signing:whoami", "Who you are there, and what you may.", (), "Account"),
    CommandEntry("logout", f"{_ACCESS}.signing:logout", "Sign out again.", (), "Account"),
    CommandEntry("request", f"{_DECIDE}.request:request", "Ask for what is gated: GPUs, an endpoint …", (), "Decide"),
    CommandEntry("requests", f"{_DECIDE}.deciding:requests", "Requests that concern you.", (), "Decide"),
    CommandEntry("approve", f"{_DECIDE}.deciding:approve", "Approve a request, or a part of it.", (), "Decide"),
    CommandEntry("deny", f"{_DECIDE}.deciding:deny", "Deny a request, and say why.", (), "Decide"),
    CommandEntry("counter", f"{_DECIDE}.deciding:counter", "Offer something else.", (), "Decide"),
    CommandEntry("extend", f"{_DECIDE}.deciding:extend", "Ask for more time for a grant.", (), "Decide"),
    CommandEntry("grant", f"{_DECIDE}.grant:grant", "What was granted: list, end, conflicts.", ("grants",), "Decide"),
    CommandEntry("balance", f"{_DECIDE}.balance:balance", "Budgets and grants: used, and left.", (), "Decide"),
    CommandEntry("audit", f"{_ACCOUNT}.audit:audit", "Who did what, when, and from where.", (), "Account"),
    CommandEntry("job", f"{_RUN}.job:job", "Check job files, and warn of traps.", (), "Run"),
    CommandEntry(
        "template", f"{_RUN}.template:template", "Job files for the usual kinds of work.", ("templates",), "Run"
    ),
    CommandEntry("why", f"{_ASK}.why:why", "Why does a job wait, and what would help?", (), "Ask"),
    CommandEntry("who", f"{_ASK}.who:who", "Who holds accelerators, since when, and are they idle?", (), "Ask"),
    CommandEntry("gpus", f"{_ASK}.gpus:gpus", "Accelerators held, free, fragmented; how many more fit.", (), "Ask"),
    CommandEntry(
        "saturation", f"{_ASK}.saturation:saturation", "What is out first: GPUs, or what is around them?", (), "Ask"
    ),
    CommandEntry("waste", f"{_ASK}.waste:waste", "GPUs, or GPU-hours, by what becomes of them.", (), "Ask"),
    CommandEntry("queues", f"{_ASK}.queues:queues", "Queues: quota, use, who borrows from whom, who waits.", (), "Ask"),
    CommandEntry("quotas", f"{_ASK}.quotas:quotas", "How near each limit is, and when it is reached.", (), "Ask"),
    CommandEntry("books", f"{_ASK}.books:books", "Quota against hardware, and what does not add up.", (), "Ask"),
    CommandEntry(
        "snapshot",
        f"{_ASK}.snapshot:snapshot",
        "Save what a cluster shows, look into it, compare it.",
        ("snapshots",),
        "Ask",
    ),
    CommandEntry(
        "simulate",
        f"{_FORESEE}.simulate:simulate",
        "Run a scenario or a trace under a virtual clock.",
        (),
        "Simulate",
    ),
    CommandEntry(
        "compare", f"{_FORESEE}.compare:compare", "Two saved runs: who waits longer, who less.", (), "Simulate"
    ),
    CommandEntry("whatif", f"{_FORESEE}.whatif:whatif", "A scenario with and without a change.", (), "Simulate"),
    CommandEntry(
        "when", f"{_FORESEE}.when:when", "When pending jobs start, as an interval.", ("estimate",), "Simulate"
    ),
    CommandEntry(
        "capacity",
        f"{_FORESEE}.capacity:capacity",
        "GPUs used, free and fragmented by node; how many more fit.",
        (),
        "Simulate",
    ),
    CommandEntry(
        "conformance",
        f"{_FORESEE}.conformance:conformance",
        "Does the engine decide as the real schedulers did?",
        (),
        "Simulate",
    ),
    CommandEntry(
        "explain", f"{_REFERENCE}.explain:explain", "What a field or a cause of waiting means.", (), "Reference"
    ),
    CommandEntry("causes", f"{_REFERENCE}.causes:causes", "List the causes of waiting.", (), "Reference"),
    CommandEntry("schema", f"{_REFERENCE}.schema:schema", "The directory's JSON Schema, for editors.", (), "Reference"),
    CommandEntry("config", f"{_REFERENCE}.config:config", "Show and change settings.", (), "Reference"),
    CommandEntry(
        "completion",
        f"{_REFERENCE}.completion:completion",
        "Completion for bash, zsh and fish.",
        (),
        "Reference",
    ),
    CommandEntry(
        "version",
        f"{_REFERENCE}.version:version",
        "Versions of Allotment and what it stands on.",
        (),
        "Reference",
    ),
)
"""Every command. A new one is a line here, a module in `commands/`, its examples, and a section of docs/cli.md."""


_LISTS: Final = "`allot ps` lists jobs, `allot describe JOB` tells of one"
_ENDS: Final = "`allot stop JOB` ends a job for good"
_HANDS_IN: Final = "`allot submit job.yaml` hands in a job file, `allot run SCRIPT` a script"
_ACCELERATORS: Final = "`allot gpus` tells of accelerators, `allot who` of those that hold them"
FOREIGN: Final = {
    "get": _LISTS,
    "list": _LISTS,
    "ls": _LISTS,
    "status": _LISTS,
    "squeue": _LISTS,
    "delete": _ENDS,
    "kill": _ENDS,
    "scancel": _ENDS,
    "create": _HANDS_IN,
    "sbatch": _HANDS_IN,
    "srun": _HANDS_IN,
    "salloc": _HANDS_IN,
    "top": f"{_ACCELERATORS}, `allot report JOB` what a job used",
    "sinfo": f"{_ACCELERATORS}, `allot queues` of queues",
    "nvidia-smi": _ACCELERATORS,
    "sacct": "`allot ps --all` lists what is over, too; `allot report JOB` tells what a job used",
}
"""What is said of commands of kubectl, Slurm and others."""


class Root(LazyGroup):
    """The `allot` command: runs commands and turns every exception into an exit code."""

    def main(
        self,
        args: Sequence[str] | None = None,
        prog_name: str | None = None,
        complete_var: str | None = None,
        standalone_mode: bool = True,  # noqa: FBT001, FBT002 (click's signature)
        environment: Mapping[str, str] | None = None,
        **extra: Any,
    ) -> Any:
        """Run one command line.

        Args:
            args: words after the program's name; those of the process by default.
            prog_name: the program's name in usage and help.
            complete_var: see click.
            standalone_mode: end the process with the exit code (the default) instead of returning it.
            environment: in place of the process's environment.
            extra: for click's context.
        """
        session = Session(dict(os.environ if environment is None else environment), prog_name or sys.argv[0])
        words = list(sys.argv[1:] if args is None else args)
        name = prog_name or program_name(sys.argv[0])
        code = _run(self, words, name, session, complete_var or "_ALLOT_COMPLETE", extra)
        if standalone_mode:
            sys.exit(code)
        return code


def _run(group: Root, words: list[str], name: str, session: Session, complete_var: str, extra: dict[str, Any]) -> int:
    # Not click's own `main`: it prints usage errors and broken pipes its own way, with its own exit codes.
    try:
        instruction = session.environment.get(complete_var)
        if instruction:
            from click.shell_completion import shell_complete

            return shell_complete(group, {"obj": session, **extra}, name, complete_var, instruction)
        with group.make_context(name, words, obj=session, **extra) as ctx:
            result = group.invoke(ctx)
        sys.stdout.flush()
    except click.exceptions.Exit as done:
        return done.exit_code
    except click.exceptions.NoArgsIsHelpError as error:
        click.echo(error.format_message(), err=True)
        return UsageError.exit_code
    except BrokenPipeError:
        return _quiet_after_broken_pipe()
    except (Exception, KeyboardInterrupt) as error:  # noqa: BLE001 (the outermost frame: no traceback may escape)
        return _reported(error, words, session)
    return result if isinstance(result, int) else 0


def _reported(error: BaseException, words: list[str], session: Session) -> int:
    try:
        from allotment.cli.shell.failures import describe, report
    except Exception:
        # Ctrl-C while a module was loading that the report needs, too: half of it is there, and stays so.
        if isinstance(error, KeyboardInterrupt):
            return INTERRUPTED
        raise
    failure = describe(error, words)
    end_output()
    try:
        report(session, failure, _error_format(words, session))
        if session.environment.get("ALLOTMENT_DEBUG"):
            import traceback

            traceback.print_exception(error)
    except BrokenPipeError:
        return _quiet_after_broken_pipe()
    except OSError:
        # Standard error is full: the code is all that can still be told.
        turn_away(sys.stderr)
    # `plan --exit-code` promises 2 for "changes" alone, even when the call itself cannot be read.
    return AllotmentError.exit_code if "--exit-code" in words and failure.code != INTERRUPTED else failure.code


def _error_format(words: list[str], session: Session) -> str:
    """The output format, even where the call itself could not be read: a program waits for JSON."""
    for index, word in enumerate(words):
        following = words[index + 1] if index + 1 < len(words) else ""
        if word in ("-ojson", "-o=json", "--output=json") or (word in ("-o", "--output") and following == "json"):
            return "json"
    try:
        return session.value("output")
    except Exception:  # noqa: BLE001 (we are reporting a failure already; a second one must not hide it)
        return "table"


def _quiet_after_broken_pipe() -> int:
    from allotment.cli.shell.failures import BROKEN_PIPE

    turn_away(sys.stdout)
    return BROKEN_PIPE


def program_name(argv0: str) -> str:
    """``allot``, or ``kubectl allot`` when kubectl started us as its plugin."""
    return "kubectl allot" if PurePath(argv0).name.startswith("kubectl-allot") else "allot"


@click.group(
    cls=Root,
    entries=ENTRIES,
    foreign=FOREIGN,
    context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 100},
    no_args_is_help=True,
)
@global_flags
@click.version_option(None, "--version", package_name="allotment", message="allot %(version)s")
def cli() -> None:
    """Shared GPUs, fairly divided.

    One directory declares clusters, teams, quotas and guardrails; these commands check it, render it, bring clusters
    to it and prove that it holds.
    """


def main() -> None:
    """Run the command line of this process."""
    make_fit()
    cli.main()
