"""A batch script of Slurm → what a job file, or `allot run`, says in place of each of its options."""

from __future__ import annotations

import re
import shlex
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Final

from allotment.errors import shown

_SCRIPT: Final = re.compile(r"\A#!.*^#SBATCH\s", re.MULTILINE | re.DOTALL)
_OPTION: Final = re.compile(r"#SBATCH\s+(?P<words>.+)")
_SHORT: Final = {
    "A": "account", "a": "array", "C": "constraint", "c": "cpus-per-task", "D": "chdir", "d": "dependency",
    "e": "error", "G": "gpus", "i": "input", "J": "job-name", "L": "licenses", "M": "clusters",
    "N": "nodes", "n": "ntasks", "o": "output", "p": "partition", "q": "qos", "t": "time",
    "w": "nodelist", "x": "exclude",
}  # fmt: skip
_TIME: Final = re.compile(r"(?:(?P<days>\d{1,4})-)?(?P<first>\d{1,6})(?::(?P<second>\d{1,4}))?(?::(?P<third>\d{1,4}))?")
_MEMORY: Final = re.compile(r"(?P<number>\d{1,9})(?P<unit>[KMGT]?)B?", re.IGNORECASE)
_DEVICES: Final = re.compile(r"(?:gpu:)?(?:(?P<kind>[A-Za-z][\w.-]*):)?(?P<number>\d{1,4})")
_ARRAY: Final = re.compile(r"(?P<which>[\d,:-]{1,200})(?:%(?P<most>\d{1,4}))?")
_MOST_TRIALS: Final = 1000
_MOST_OPTIONS: Final = 40


@dataclass(frozen=True, slots=True)
class SlurmOption:
    """An option of a batch script, and what stands for it.

    Attributes:
        written: as it stands there.
        said: what a job file says, such as ``resources.cpu: 8``, or why nothing does.
        flags: what `allot run` is given for it, as words of a command line.
    """

    written: str
    said: str
    flags: tuple[str, ...] = ()


def is_batch_script(text: str) -> bool:
    """Whether it is one of Slurm: its options stand in its comments."""
    return _SCRIPT.match(text) is not None


def slurm_options(text: str) -> Sequence[SlurmOption]:
    """What stands for each option of a batch script, in its order; at most 40.

    As `sbatch` reads it: options end where the script's first command begins.
    """
    return [_counterpart(*each) for each in list(_options(text))[:_MOST_OPTIONS]]


def _options(text: str) -> Iterator[tuple[str, str]]:
    for line in text.splitlines():
        found = _OPTION.match(line)
        if found is not None:
            yield from _split(found["words"])
        elif line.strip() and not line.startswith("#"):
            return


def _split(text: str) -> Iterator[tuple[str, str]]:
    """Options of one line, as (long name, value)."""
    try:
        words = shlex.split(text, comments=True)
    except ValueError:
        words = text.split()
    while words:
        word, *words = words
        name, equals, value = word.partition("=")
        if not word.startswith("--"):
            name, equals, value = f"--{_SHORT.get(word[1:2], word[1:2])}", word[2:], word[2:].removeprefix("=")
        if not equals and words and not words[0].startswith("-"):
            value, *words = words
        yield name.removeprefix("--"), value


def _counterpart(name: str, value: str) -> SlurmOption:
    written = shown(f"--{name}={value}" if value else f"--{name}")
    found = _FIELDS[name](value) if name in _FIELDS else None
    if found is not None:
        return SlurmOption(written, *found)
    return SlurmOption(written, _WITHOUT.get(name, "no field says this" if name not in _FIELDS else "write it by hand"))


_Said = tuple[str, tuple[str, ...]]


def _name(value: str) -> _Said | None:
    plain = "-".join(part for part in re.split(r"[^a-z0-9]+", value.lower()) if part)[:40].strip("-")
    return (f"name: {plain}", ("--name", plain)) if plain else None


def _time(value: str) -> _Said | None:
    found = _TIME.fullmatch(value)
    if found is None:
        return None
    days, first, second, third = (int(each or 0) for each in found.groups())
    if found["days"] is not None or found["third"] is not None:
        seconds = first * 3600 + second * 60 + third
    else:
        seconds = first * 60 + second
    seconds += days * 86400
    parts = ((seconds // 3600, "h"), (seconds % 3600 // 60, "m"), (seconds % 60, "s"))
    said = "".join(f"{number}{unit}" for number, unit in parts if number)
    return (f"maxRunTime: {said}", ("--max-run-time", said)) if said else None


def _memory(value: str) -> _Said | None:
    found = _MEMORY.fullmatch(value)
    if found is None or not int(found["number"]):
        return None
    said = f"{found['number']}{found['unit'].upper() or 'M'}i"
    return f"resources.memory: {said}", ("--memory", said)


def _cores(value: str) -> _Said | None:
    return (f"resources.cpu: {value}", ("--cpu", value)) if _is_number(value) else None


def _devices(value: str) -> _Said | None:
    found = _DEVICES.fullmatch(value.removeprefix("gres/").removeprefix("gres:") if value != "gpu" else "gpu:1")
    if found is None or not int(found["number"]) or found["kind"] in _NO_DEVICES:
        return None
    said, flags = f"resources.accelerators.count: {found['number']}", ("--gpus", found["number"])
    if not found["kind"]:
        return said, flags
    return f"{said}, resources.accelerators.class: {found['kind']}", (*flags, "--accelerator", found["kind"])


_NO_DEVICES: Final = frozenset({"mps", "shard", "nic", "license"})


def _replicas(value: str) -> _Said | None:
    return (f"replicas: {value}", ("--replicas", value)) if _is_number(value) else None


def _array(value: str) -> _Said | None:
    found = _ARRAY.fullmatch(value)
    trials = _many(found["which"]) if found is not None else None
    if found is None or trials is None:
        return None
    most = f", atOnce: {found['most']}" if found["most"] else ""
    said = f"sweep: {{grid: {{NAME: [VALUE, …]}}{most}}}, {trials} values in place of SLURM_ARRAY_TASK_ID"
    return said, ()


def _many(which: str) -> int | None:
    """How many tasks ``0-7``, ``1,3,5`` or ``0-15:4`` are."""
    total = 0
    for each in which.split(","):
        match = re.fullmatch(r"(\d{1,7})(?:-(\d{1,7})(?::(\d{1,7}))?)?", each)
        if match is None:
            return None
        first, last, step = int(match[1]), int(match[2] or match[1]), int(match[3] or 1)
        total += len(range(first, last + 1, step)) if step else 0
    return total if 0 < total <= _MOST_TRIALS else None


def _folder(value: str) -> _Said | None:
    return (f"run.workingDirectory: {shown(value)}", ()) if value else None


def _is_number(value: str) -> bool:
    return value.isascii() and value.isdigit() and len(value) < 5 and int(value) > 0


_FIELDS: Final[Mapping[str, Callable[[str], _Said | None]]] = {
    "job-name": _name,
    "time": _time,
    "mem": _memory,
    "cpus-per-task": _cores,
    "gres": _devices,
    "gpus": _devices,
    "gpus-per-node": _devices,
    "gpus-per-task": _devices,
    "nodes": _replicas,
    "ntasks": _replicas,
    "array": _array,
    "chdir": _folder,
}
_WITHOUT: Final = {
    "partition": "not taken over; which work goes first is `priority`, a rung of the platform's ladder",
    "qos": "not taken over; which work goes first is `priority`, a rung of the platform's ladder",
    "account": "not taken over; whose share it is says `team`",
    "output": "not needed: `allot logs JOB` has it",
    "error": "not needed: `allot logs JOB` has it",
    "dependency": "after: [NAME], the names of the jobs",
    "export": "run.env: {NAME: VALUE}, each variable by name",
    "requeue": "retries: {limit: 1, safe: true}",
    "mem-per-cpu": "resources.memory: this times resources.cpu",
    "mem-per-gpu": "resources.memory: this times the accelerators",
    "ntasks-per-node": "replicas: this times --nodes",
    "constraint": "resources.accelerators.class, where a kind of device is meant",
    "signal": "checkpoint.grace: the time between SIGTERM and SIGKILL",
}
