"""What is handed in to Slurm, as data. A value of these types holds nothing that could end a field or begin another.

A name, an account or a path becomes a part of an argument or of a line that Slurm reads; so each is checked where it is
made, by one table, before any adapter sees it: no control characters, no leading dash, no separator of the field.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, fields
from typing import Final

from allotment.errors import InputError, quoted

IDENTITY: Final = re.compile(r"[a-z0-9][a-z0-9-]{0,78}[a-z0-9]", re.ASCII)
"""An id given by the caller."""
CLOCK_SKEW: Final = 60
"""Seconds that Slurm's clock may be behind ours."""
MARK: Final = ".allot-"
"""Stands between a job's name for people and its id."""
_WORD: Final = re.compile(r"[A-Za-z0-9_][A-Za-z0-9_.@-]{0,127}", re.ASCII)
_VARIABLE: Final = re.compile(r"[A-Za-z_][A-Za-z0-9_]{0,255}", re.ASCII)
_SIGNAL: Final = re.compile(r"[A-Z][A-Z0-9]{2,9}|[1-9][0-9]?", re.ASCII)
_PATTERN: Final = re.compile(r"%(?![%jAaxNt])")
_DEPENDENCIES: Final = ("after", "afterany", "afterok", "afternotok", "aftercorr")
_OURS_ALONE: Final = ("SLURM", "SBATCH", "SRUN", "SALLOC", "SQUEUE", "SACCT", "SCANCEL", "SINFO")
"""Variables so named steer Slurm's programs: in a job's environment they would change what was asked for."""

MOST_ENVIRONMENT: Final = 64 << 10
"""Bytes of all variables together."""
MOST_ARGUMENTS: Final = 64 << 10
"""Bytes of the command with its arguments."""
MOST_TRIALS_TEXT: Final = 1 << 20
"""Bytes of the arguments of all tasks of an array: they stand in the script, of which Slurm takes four mebibytes."""


class SlurmFieldError(InputError):
    """A field of a submission holds what Slurm could take for something else."""

    def __init__(self, field: str, value: object, why: str, fix: str = "") -> None:
        super().__init__(f"{field} cannot be {quoted(value)} on Slurm", why=why, fix=fix)
        self.field = field


@dataclass(frozen=True, slots=True)
class SlurmGres:
    """Devices of one type on each node, such as four GPUs of type a100; no type means any."""

    count: int
    type: str = ""
    name: str = "gpu"

    def __post_init__(self) -> None:
        _word("gres", self.name)
        if self.type:
            _word("gres", self.type)
        _between("gres", self.count, 1, 1 << 20)

    def __str__(self) -> str:
        """As Slurm writes it: ``gpu:a100:4``."""
        return ":".join(part for part in (self.name, self.type, str(self.count)) if part)


@dataclass(frozen=True, slots=True)
class SlurmWarning:
    """A signal before the end.

    Attributes:
        signal: without SIG, such as USR1.
        seconds: how long before the time limit, at least; Slurm may be a minute early.
        shell: to the batch script alone; otherwise to its steps and not to it.
    """

    signal: str
    seconds: int
    shell: bool = False

    def __post_init__(self) -> None:
        if not _SIGNAL.fullmatch(self.signal):
            raise SlurmFieldError("signal", self.signal, "it is no name or number of a signal", "write it like USR1")
        _between("signal", self.seconds, 0, 65535)

    def __str__(self) -> str:
        """As Slurm writes it: ``B:USR1@60``."""
        return f"{'B:' if self.shell else ''}{self.signal}@{self.seconds}"


@dataclass(frozen=True, slots=True)
class SlurmArray:
    """Tasks of an array: `first`, `first` + `step` … up to `last`; `at_most` of them run at a time (0: all).

    Attributes:
        only: of these no others than those; empty for all.
    """

    first: int
    last: int
    step: int = 1
    at_most: int = 0
    only: tuple[int, ...] = ()

    def __post_init__(self) -> None:
        _between("array", self.first, 0, 4_000_000)
        _between("array", self.last, self.first, 4_000_000)
        _between("array", self.step, 1, 4_000_000)
        _between("array", self.at_most, 0, 4_000_000)
        for each in self.only:
            _between("array", each, self.first, self.last)

    @property
    def numbers(self) -> tuple[int, ...]:
        """Of its tasks."""
        return self.only or tuple(range(self.first, self.last + 1, self.step))

    def __str__(self) -> str:
        """As Slurm writes it: ``0-9:3%2``, or ``0,3,7%2``."""
        step = f":{self.step}" if self.step > 1 else ""
        tasks = ",".join(map(str, self.only)) or f"{self.first}-{self.last}{step}"
        return f"{tasks}{f'%{self.at_most}' if self.at_most else ''}"


@dataclass(frozen=True, slots=True)
class SlurmDependency:
    """Another job, and what must have become of it: after, afterany, afterok, afternotok or aftercorr."""

    kind: str
    job_id: int

    def __post_init__(self) -> None:
        if self.kind not in _DEPENDENCIES:
            raise SlurmFieldError("dependency", self.kind, "Slurm has no such kind", f"use {', '.join(_DEPENDENCIES)}")
        _between("dependency", self.job_id, 1, 1 << 32)

    def __str__(self) -> str:
        """As Slurm writes it: ``afterok:17``."""
        return f"{self.kind}:{self.job_id}"


@dataclass(frozen=True, slots=True)
class SlurmSubmission:
    """One batch job.

    Attributes:
        identity: the caller's own id of it. It ends the job's name, so that who lost the answer finds the job again.
        name: for people.
        argv: the command. The batch script is fixed and runs it; nothing of it is read by a shell.
        steps: whether the command runs as a step with one process a task, as `srun` starts it, and not once in the
            script itself. Warnings reach steps.
        directory: where it runs; absolute.
        output: file of its output, absolute, with Slurm's patterns (%j, %A, %a, %x, %N, %t; %% for a per cent sign).
        errors: the same for its errors; empty for the same file.
        task_output: the same for each process of a step (%t is its number); empty for all of them in `output`.
        account: whose limits it counts in; empty for the user's default.
        partitions: any of them; none for the default.
        qos: quality of service; empty for the default.
        reservation: in which it runs.
        features: that each node has all of.
        gres: devices on each node.
        nodes: how many.
        tasks: processes in all.
        tasks_per_node: on each node; 0 where it does not matter.
        devices_per_task: how many of its node's devices each process sees, none of them another's; 0 for all.
        cpus_per_task: for each of them.
        memory_mib: on each node; 0 for the partition's default.
        minutes: time limit; 0 for the partition's default.
        warning: a signal before the end.
        requeue: whether it may start again after a preemption or the failure of a node.
        array: several of it.
        trials: further arguments of each task of the array, by its number; none where all are called alike.
        secrets: further variables, each with the file that the script reads its value from, absolute. Only who the job
            runs as may be able to read it, or the job does not start.
        dependencies: all of which must hold.
        begin: not before, seconds since 1970; 0 for at once.
        deadline: removed where it could not end by then, seconds since 1970; 0 for none.
        hold: handed in, but not let start.
        append: whether its output is added to what an earlier run wrote.
        exclusive: with nobody else on its nodes.
        nice: lowers its priority.
        container: an OCI bundle that its command runs in, absolute.
        comment: for people.
        environment: all of its variables beside those that Slurm sets.
    """

    identity: str
    name: str
    argv: tuple[str, ...]
    directory: str
    output: str
    steps: bool = True
    errors: str = ""
    task_output: str = ""
    account: str = ""
    partitions: tuple[str, ...] = ()
    qos: str = ""
    reservation: str = ""
    features: tuple[str, ...] = ()
    gres: tuple[SlurmGres, ...] = ()
    nodes: int = 1
    tasks: int = 1
    tasks_per_node: int = 0
    devices_per_task: int = 0
    cpus_per_task: int = 1
    memory_mib: int = 0
    minutes: int = 0
    warning: SlurmWarning | None = None
    requeue: bool = False
    array: SlurmArray | None = None
    trials: tuple[tuple[int, tuple[str, ...]], ...] = ()
    secrets: tuple[tuple[str, str], ...] = ()
    dependencies: tuple[SlurmDependency, ...] = ()
    begin: int = 0
    deadline: int = 0
    hold: bool = False
    append: bool = False
    exclusive: bool = False
    nice: int = 0
    container: str = ""
    comment: str = ""
    environment: tuple[tuple[str, str], ...] = ()

    def __post_init__(self) -> None:
        """Every field by its rule.

        Raises:
            SlurmFieldError: one holds what it must not.
        """
        for each in fields(self):
            _RULES[each.name](each.name, getattr(self, each.name))
        if self.tasks < self.nodes:
            raise SlurmFieldError("tasks", self.tasks, f"there are {self.nodes} nodes, and each gets one at least")
        if self.trials and (self.array is None or {each for each, _ in self.trials} != set(self.array.numbers)):
            raise SlurmFieldError("trials", len(self.trials), "each task of the array has arguments, or none has")
        if self.begin and self.deadline and self.deadline <= self.begin:
            raise SlurmFieldError("deadline", self.deadline, "it is not after begin")

    @property
    def job_name(self) -> str:
        """The job's name on Slurm."""
        return f"{self.name}{MARK}{self.identity}"


def identity_of(job_name: str) -> str:
    """The caller's id that a job's name ends with; empty where it is none of ours."""
    found = job_name.rpartition(MARK)[2]
    return found if MARK in job_name and IDENTITY.fullmatch(found) else ""


def may_have_come(account: str, submitted: int, *, asked: str, since: int) -> bool:
    """Whether a job that Slurm shows may be one that was handed in: of that account, and not from before.

    Args:
        account: that Slurm shows; it writes all in small letters.
        submitted: seconds since 1970, by Slurm's clock.
        asked: account for which it was handed in; empty for whatever Slurm gives.
        since: seconds since 1970, from when on it may have been handed in.
    """
    return asked.casefold() in {"", account.casefold()} and submitted >= since - CLOCK_SKEW


Rule = Callable[[str, object], None]


def _line(field: str, value: object) -> None:
    """Text on one line that no option begins with."""
    text = str(value)
    unseen = next((each for each in text if not each.isprintable()), "")
    if unseen:
        raise SlurmFieldError(field, value, f"it holds the character {unseen!a}", "leave it out")
    if text.startswith("-"):
        raise SlurmFieldError(field, value, "it begins with a dash, as an option does", "begin with a letter")
    if text != text.strip() or len(text) > 1024:
        raise SlurmFieldError(field, value, "it begins or ends with a space, or is longer than 1024 characters")


def _name(field: str, value: object) -> None:
    _line(field, value)
    if not value or set(str(value)) & set("/%\\,'\"|") or len(str(value)) > 128:
        raise SlurmFieldError(
            field, value, "a name has 1 to 128 characters, none of / % \\ , ' \" |", "use letters, digits, - and _"
        )


def _word(field: str, value: object) -> None:
    if not _WORD.fullmatch(str(value)):
        raise SlurmFieldError(field, value, "it is no word of letters, digits, _ . @ and -", "write the name alone")


def _word_or_none(field: str, value: object) -> None:
    if value:
        _word(field, value)


def _words(field: str, value: object) -> None:
    for each in _items(value):
        _word(field, each)


def _path(field: str, value: object) -> None:
    _line(field, value)
    text = str(value)
    if not text.startswith("/") or "\\" in text or ".." in text.split("/"):
        raise SlurmFieldError(
            field, value, "it has to be an absolute path without .. and without backslashes", "write it from / on"
        )


def _path_or_none(field: str, value: object) -> None:
    if value:
        _path(field, value)


def _pattern(field: str, value: object) -> None:
    if not value and field != "output":
        return
    _path(field, value)
    if _PATTERN.search(str(value).replace("%%", "")):
        raise SlurmFieldError(field, value, "of Slurm's patterns only %j %A %a %x %N %t are known", "write %% for %")


def _counted(least: int, most: int) -> Rule:
    return lambda field, value: _between(field, value, least, most)


def _between(field: str, value: object, least: int, most: int) -> None:
    if not isinstance(value, int) or isinstance(value, bool) or not least <= value <= most:
        raise SlurmFieldError(field, value, f"it has to be a whole number from {least} to {most}")


def _identity(field: str, value: object) -> None:
    if not IDENTITY.fullmatch(str(value)):
        raise SlurmFieldError(field, value, "an id is 2 to 80 of a-z, 0-9 and -, and no - begins or ends it")


def _argv(field: str, value: object) -> None:
    items = list(_items(value))
    if not items or not items[0]:
        raise SlurmFieldError(field, items, "there is no command", "name a program")
    for each in items:
        _bytes_of(field, each)
    if sum(len(each) for each in items) > MOST_ARGUMENTS:
        raise SlurmFieldError(field, items[0], f"its arguments are longer than {MOST_ARGUMENTS >> 10} KiB")


def _environment(field: str, value: object) -> None:
    total = 0
    for name, text in _pairs(value):
        _variable(field, name)
        # The value may be a secret: it is not shown.
        total += len(name) + len(_bytes_of(f"{field} {name}", text, shown="its value")) + 2
    if total > MOST_ENVIRONMENT:
        raise SlurmFieldError(field, f"{total} bytes", f"it may be {MOST_ENVIRONMENT >> 10} KiB", "put it into a file")


def _trials(field: str, value: object) -> None:
    total = 0
    for _, arguments in value if isinstance(value, tuple) else ():
        total += sum(len(_bytes_of(field, each)) for each in arguments)
    if total > MOST_TRIALS_TEXT:
        raise SlurmFieldError(
            field, f"{total} bytes", f"all together may be {MOST_TRIALS_TEXT >> 10} KiB", "sweep less"
        )


def _secrets(field: str, value: object) -> None:
    for name, path in _pairs(value):
        _variable(field, name)
        _path(field, path)


def _variable(field: str, name: str) -> None:
    if not _VARIABLE.fullmatch(name):
        raise SlurmFieldError(field, name, "it is no name of a variable", "use letters, digits and _")
    if name.startswith(_OURS_ALONE):
        raise SlurmFieldError(field, name, "variables so named steer Slurm's programs", "choose another name")


def _bytes_of(field: str, text: str, shown: str = "") -> bytes:
    try:
        coded = text.encode()
    except UnicodeEncodeError:
        raise SlurmFieldError(field, shown or ascii(text), "it is no valid Unicode") from None
    if b"\0" in coded:
        raise SlurmFieldError(field, shown or text, "it holds a NUL byte, which no argument can")
    return coded


def _pairs(value: object) -> Iterable[tuple[str, str]]:
    return value if isinstance(value, tuple) else ()


def _items(value: object) -> Iterable[str]:
    return value if isinstance(value, tuple) else ()


def _any(_field: str, _value: object) -> None:
    """Checked by its own type."""


def _gres(field: str, value: object) -> None:
    found = [each for each in (value if isinstance(value, tuple) else ()) if isinstance(each, SlurmGres)]
    kinds = [(each.name, each.type) for each in found]
    if len(set(kinds)) < len(kinds):
        raise SlurmFieldError(field, ",".join(map(str, found)), "one type is named twice", "add them up")


_RULES: Final[Mapping[str, Rule]] = {
    "identity": _identity,
    "name": _name,
    "argv": _argv,
    "directory": _path,
    "output": _pattern,
    "steps": _any,
    "errors": _pattern,
    "task_output": _pattern,
    "account": _word_or_none,
    "partitions": _words,
    "qos": _word_or_none,
    "reservation": _word_or_none,
    "features": _words,
    "gres": _gres,
    "nodes": _counted(1, 100_000),
    "tasks": _counted(1, 10_000_000),
    "tasks_per_node": _counted(0, 65_533),
    "devices_per_task": _counted(0, 1 << 20),
    "cpus_per_task": _counted(1, 65_533),
    "memory_mib": _counted(0, 1 << 40),
    "minutes": _counted(0, 5_000_000),
    "warning": _any,
    "requeue": _any,
    "array": _any,
    "trials": _trials,
    "secrets": _secrets,
    "dependencies": _any,
    "begin": _counted(0, 1 << 36),
    "deadline": _counted(0, 1 << 36),
    "hold": _any,
    "append": _any,
    "exclusive": _any,
    "nice": _counted(0, 1_000_000),
    "container": _path_or_none,
    "comment": _line,
    "environment": _environment,
}
