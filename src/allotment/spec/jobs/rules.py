"""What a team may have of a job: asked of a file where it is read, and of a job where a server takes it.

A server believes nobody that a file was checked: whoever may write into its socket may have written none.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Final

from allotment.model.jobs import bounds
from allotment.model.jobs.bounds import path_fault
from allotment.model.jobs.job import Job
from allotment.model.platform import Platform
from allotment.model.quantity import Bytes, format_bytes
from allotment.model.team import Team
from allotment.spec.jobs.convert import usual_priority
from allotment.spec.jobs.forms import variable_fault
from allotment.spec.problems import Path, ProblemKind, did_you_mean, dotted, echo

MOST_TEXT: Final = 256 * 1024
"""Characters of arguments and variables together: what Kubernetes stores of an object is 1.5 MiB, all told."""
MOST_VARIABLES: Final = 500


@dataclass(frozen=True, slots=True)
class BrokenRule:
    """Something that is not allowed.

    Attributes:
        at: field of a job file.
        what: is wrong with it.
        fix: what to write instead.
        kind: what sort of problem it is.
    """

    at: Path
    what: str
    fix: str
    kind: ProblemKind = ProblemKind.WRONG


def of_the_team(platform: Platform, name: str) -> Iterator[BrokenRule]:
    """A team is known, and runs work."""
    team = platform.team(name)
    if team is None:
        fix = did_you_mean(name, [each.name for each in platform.teams])
        yield BrokenRule(("team",), f"there is no team {echo(name)}", fix, ProblemKind.ABSENT)
    elif team.offboarding is not None:
        yield BrokenRule(("team",), f"team {echo(name)} is leaving, and runs nothing any more", "name another team")


def of_the_priority(platform: Platform, team: Team, rung: str) -> Iterator[BrokenRule]:
    """A rung of the ladder was given to the team."""
    ladder = [each.name for each in platform.priorities]
    allowed = team.priorities or (usual_priority(platform, team),)
    if rung not in ladder:
        what = f"there is no priority {echo(rung)}"
        yield BrokenRule(("priority",), what, did_you_mean(rung, ladder), ProblemKind.ABSENT)
    elif rung not in allowed:
        what = f"team {team.name} may not use the priority {echo(rung)}"
        yield BrokenRule(("priority",), what, f"choose one of: {', '.join(allowed)}; or ask for it")


def of_the_grace(team: Team, grace: int) -> Iterator[BrokenRule]:
    """Devices are held until the grace is over: the team's maxGrace bounds it."""
    if grace > team.max_grace:
        what = f"{grace} s of grace are more than the {team.max_grace} s that team {team.name} may take"
        fix = f"write {team.max_grace}s or less, or checkpoint more often"
        yield BrokenRule(("checkpoint", "grace"), what, fix)


def of_the_size(team: Team, cpu: int | None, memory: int | None, devices: int | None) -> Iterator[BrokenRule]:
    """One replica keeps within what one pod of the team may have; None where nothing is asked for."""
    limits = team.member_limits
    for field, amount, most, text in (
        ("cpu", cpu, limits.cpu, f"{(limits.cpu or 0) // 1000}"),
        ("memory", memory, limits.memory, format_bytes(Bytes(limits.memory or 0))),
        ("accelerators", devices, limits.accelerators, str(limits.accelerators)),
    ):
        if amount is not None and most is not None and amount > most:
            what = f"one replica of team {team.name} may have {text} of {field} at most"
            fix = f"write {text} or less; more replicas have more together"
            yield BrokenRule(("resources", field), what, fix, ProblemKind.TOO_MUCH)


def of_the_text(words: Iterable[str], variables: Mapping[str, str], secrets: Iterable[str]) -> Iterator[BrokenRule]:
    """What is handed to a program fits into what back ends keep of a job; no variable has two values."""
    names = list(secrets)
    if len(variables) + len(names) > MOST_VARIABLES:
        yield BrokenRule(("run", "env"), f"more than {MOST_VARIABLES} variables", "hand over a file instead")
    total = sum(map(len, words)) + sum(len(name) + len(value) for name, value in variables.items())
    if total > MOST_TEXT:
        what = f"arguments and variables have {total:,} characters together"
        yield BrokenRule(("run",), what, f"keep them under {MOST_TEXT:,}; hand over a file instead")
    for name in names:
        if name in variables:
            what = f"the variable {echo(name)} stands in env, too"
            yield BrokenRule(("run", "secrets", name), what, "keep one of the two")


def of_the_counts(job: Job) -> Iterator[BrokenRule]:
    """No more of anything than somebody can look at: each costs a look, a file or a query."""
    for at, number, most in (
        (("labels",), len(job.labels), bounds.MOST_LABELS),
        (("run", "args"), len(job.program.argv), bounds.MOST_ARGUMENTS),
        (("volumes",), len(job.volumes), bounds.MOST_VOLUMES),
        (("data",), len(job.data), bounds.MOST_DATA),
        (("after",), len(job.after), bounds.MOST_AFTER),
        (("sweep",), 0 if job.sweep is None else len(job.sweep.parameters), bounds.MOST_SWEPT),
    ):
        if number > most:
            yield BrokenRule(at, f"{number:,} of them, and {most:,} are the most", "name fewer")


def of_the_checkpoints(directory: str) -> Iterator[BrokenRule]:
    """They have a folder of their own."""
    if not any(part not in {"", "."} for part in directory.split("/")):
        what = f"{echo(directory)} is no folder of its own" if directory else "the path is empty"
        yield BrokenRule(("checkpoint", "directory"), what, "name a folder, for example checkpoints")


def of_the_paths(job: Job) -> Iterator[BrokenRule]:
    """Each can be one of a machine, and leads nowhere else."""
    code = job.program.code
    paths: list[tuple[Path, str]] = [(("run", "workingDirectory"), job.program.working_directory)]
    if code is not None:
        paths += [(("code", "folder"), code.folder), (("code", "ignoreFile"), code.ignore_file)]
    if job.checkpoint is not None:
        yield from of_the_checkpoints(job.checkpoint.directory)
        paths.append((("checkpoint", "directory"), job.checkpoint.directory))
    for volume in job.volumes:
        at: Path = ("volumes", volume.name)
        paths += [((*at, "path"), volume.path), ((*at, "folder"), volume.folder)]
        if not volume.path.startswith("/") or (volume.folder and not volume.folder.startswith("/")):
            yield BrokenRule(at, "a path of it is not absolute", "write a path that begins with /")
    for number, each in enumerate(job.data):
        paths.append((("data", number, "path"), each.path))
        if each.source.startswith("/"):
            paths.append((("data", number, "source"), each.source))
        if each.path.startswith("/"):
            what = "the path is absolute"
            yield BrokenRule(("data", number, "path"), what, "write a path below the volume's folder")
    for at, path in paths:
        fault = path_fault(path)
        if fault is not None:
            yield BrokenRule(at, f"{echo(path)} is no path: {fault}", "write another path")


def _words(job: Job) -> Iterator[str]:
    """What is handed to the program; of a sweep the longest value of each parameter."""
    yield from job.program.argv
    for each in () if job.sweep is None else job.sweep.parameters:
        yield f"--{each.name}={max(each.values, key=len, default='')}"


def broken_rules(job: Job, platform: Platform) -> Iterator[BrokenRule]:
    """What a job breaks. CPU and memory are left out: back ends fill them in, and hold against what they have.

    Args:
        job: as it is handed in.
        platform: whose teams, ladder and limits count.
    """
    yield from of_the_team(platform, job.team)
    team = platform.team(job.team)
    if team is None:
        return
    yield from of_the_counts(job)
    yield from of_the_paths(job)
    yield from of_the_priority(platform, team, job.priority)
    if job.checkpoint is not None:
        yield from of_the_grace(team, job.checkpoint.grace)
    if job.needs.accelerators is not None:
        yield from of_the_size(team, None, None, job.needs.accelerators.count)
    secrets = [each.variable for each in job.program.secrets]
    yield from of_the_text(_words(job), job.program.environment, secrets)
    for field, names in (("env", job.program.environment), ("secrets", secrets)):
        for name in names:
            fault = variable_fault(name)
            if fault is not None:
                yield BrokenRule(("run", field), *fault)


def refuse_broken_rules(job: Job, platform: Platform) -> None:
    """Refuse a job for the first thing that it breaks.

    Raises:
        InputError: it is not allowed.
        NotFoundError: there is no such team or priority.
        CapacityError: one replica has more than the team may have.
    """
    for each in broken_rules(job, platform):
        raise each.kind.error(f"{job.name}: {dotted(each.at)}: {each.what}", fix=each.fix)
