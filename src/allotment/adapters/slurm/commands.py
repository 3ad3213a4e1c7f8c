"""`SlurmPort` over Slurm's own commands, for clusters without slurmrestd.

Each is called with a list of arguments and an environment of ours: variables such as SBATCH_ACCOUNT of whoever started
us would change what was asked for. The script comes from standard input, the job's environment through a descriptor:
no value of it stands in an argument, where every user of the machine could read it.
"""

from __future__ import annotations

import os
import pwd
import secrets
import subprocess
import time
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any, Final

import msgspec

from allotment.adapters.slurm import answers, tables
from allotment.adapters.slurm.bodies import environment_of, named_job
from allotment.adapters.slurm.finding import found_again
from allotment.adapters.slurm.options import options_of
from allotment.adapters.slurm.refusals import NO_ACCOUNTING, is_done, refusal
from allotment.adapters.slurm.script import script_of
from allotment.adapters.slurm.used import STEP_FIELDS, runs_of_rows, used_together
from allotment.errors import NotFoundError, UnreachableError, quoted_message, spelled
from allotment.model.slurm.seen import (
    SlurmAssociation,
    SlurmBooking,
    SlurmJob,
    SlurmLicense,
    SlurmNode,
    SlurmPartition,
    SlurmQos,
    SlurmReservation,
)
from allotment.model.slurm.submission import SlurmSubmission
from allotment.model.slurm.used import SlurmUse
from allotment.ports.slurm import SlurmReceipt, SlurmRefusedError

_PASSED_ON: Final = ("PATH", "HOME", "USER", "LOGNAME", "SLURM_CONF", "SLURM_JWT", "KRB5CCNAME", "LD_LIBRARY_PATH")
"""Of our own environment; nothing else of it reaches a command."""
_OURS: Final = {"LC_ALL": "C.UTF-8", "SLURM_TIME_FORMAT": "%s", "SLURM_BITSTR_LEN": "0"}
"""Times as seconds since 1970, messages in one language, and the numbers of all tasks of an array that wait."""
MOST_SECONDS: Final = 120.0


@dataclass(frozen=True, slots=True)
class Ran:
    """What a command did."""

    code: int
    out: str
    said: str


Runner = Callable[[tuple[str, ...], str, bytes | None], Ran]
"""Arguments, standard input, and the variables of a job that sbatch is to read from a descriptor, if there are any."""


@dataclass(slots=True)
class SlurmCommands:
    """The commands of this machine, as the user that runs us.

    Attributes:
        run: runs one of them.
        json: whether squeue is asked for JSON first; where it has none, its table is read.
        user: whose jobs count as ours.
    """

    run: Runner
    json: bool = True
    user: str = field(default_factory=lambda: pwd.getpwuid(os.geteuid()).pw_name)
    _release: str = ""
    _cluster: str = ""

    def place(self) -> str:
        """In words."""
        return "Slurm's commands on this machine"

    def version(self) -> str:
        """Slurm's release."""
        if not self._release:
            self._release = self._out("Slurm does not tell its version", "sbatch", "--version").split(" ")[-1].strip()
        return f"{self._release} (command line)"

    def submit(self, asked: SlurmSubmission, since: int | None = 0) -> SlurmReceipt:
        """Hand a job in, once."""
        if since is not None and (found := self._found(asked, since)):
            return found
        began = int(time.time())
        argv = ("sbatch", *options_of(asked, began))
        variables = b"".join(f"{name}={value}\0".encode() for name, value in environment_of(asked).items())
        what = f"Slurm does not take {spelled(asked.name)}"
        try:
            ran = self.run(argv, script_of(asked), variables)
        except UnreachableError:
            # It may have come in all the same.
            if found := self._found(asked, began if since is None else since):
                return found
            raise
        number = ran.out.strip().partition(";")[0]
        if ran.code or not number.isdigit():
            raise refusal(what, ran.said or ran.out)
        return SlurmReceipt(int(number), said=ran.said)

    def _found(self, asked: SlurmSubmission, since: int) -> SlurmReceipt | None:
        jobs = self._jobs(f"--name={asked.job_name}")
        return found_again(asked, self.user, jobs, self._booked_as(asked.job_name), since)

    def _booked_as(self, name: str) -> Iterator[SlurmBooking]:
        """Asked for only when slurmctld knows none."""
        try:
            yield from self._bookings(f"--starttime={answers.moment(0)}", f"--name={name}")
        except NotFoundError:
            return

    def jobs(self) -> tuple[SlurmJob, ...]:
        """All that slurmctld knows."""
        return self._jobs()

    def _jobs(self, *narrowed: str) -> tuple[SlurmJob, ...]:
        what, argv = "Slurm does not tell its jobs", ("squeue", "--all", "--states=all", *narrowed)
        if self.json:
            ran = self.run((*argv, "--json"), "", None)
            found = _objects(ran.out, "jobs") if ran.code == 0 else None
            if found is not None:
                return tuple(map(answers.job_of, found))
            if ran.code and not _has_no_json(ran.said):
                raise refusal(what, ran.said)
            self.json = False
        between = _separator()
        out = self._out(what, *argv, "--noheader", "-O", between.columns(tables.JOB_FIELDS))
        return tuple(map(tables.job_of, between.rows(out, tables.JOB_FIELDS)))

    def cancel(self, job_id: int, signal: str = "", *, task: int | None = None) -> None:
        """End it, or signal its steps."""
        more = (f"--signal={signal}",) if signal else ()
        # Without --verbose it says nothing of what it could not do.
        named = named_job(job_id, task)
        ran = self.run(("scancel", "--verbose", *more, named), "", None)
        if (ran.code or "error" in ran.said) and not is_done(ran.said):
            raise refusal(f"Slurm does not end job {named}", ran.said)

    def hold(self, job_id: int) -> None:
        """Let it not start."""
        self._out(f"Slurm does not hold job {job_id}", "scontrol", "hold", str(job_id))

    def release(self, job_id: int) -> None:
        """Let it start."""
        self._out(f"Slurm does not release job {job_id}", "scontrol", "release", str(job_id))

    def nodes(self) -> tuple[SlurmNode, ...]:
        """All nodes."""
        between = _separator()
        columns = between.columns(tables.NODE_FIELDS)
        out = self._out("Slurm does not tell its nodes", "sinfo", "--all", "--noheader", "--Node", "-O", columns)
        return tables.nodes_of(between.rows(out, tables.NODE_FIELDS))

    def partitions(self) -> tuple[SlurmPartition, ...]:
        """All partitions."""
        out = self._out("Slurm does not tell its partitions", "scontrol", "--all", "--oneliner", "show", "partition")
        return tuple(map(tables.partition_of, filter(str.strip, out.splitlines())))

    def associations(self) -> tuple[SlurmAssociation, ...]:
        """Limits; what jobs that run hold is added up here."""
        fields = ",".join(tables.ASSOCIATION_FIELDS)
        out = self._accounting("associations", "assoc", f"cluster={self._here()}", f"format={fields}")
        rows = [
            dict(zip(tables.ASSOCIATION_FIELDS, line.split("|"), strict=False))
            for line in out.splitlines()
            if line.count("|") == len(tables.ASSOCIATION_FIELDS) - 1
        ]
        used = answers.use_by(self.jobs(), {row["Account"]: row["ParentName"] for row in rows if not row["User"]})
        return tuple(tables.association_of(row, used.get((row["Account"], row["User"]), {})) for row in rows)

    def qualities(self) -> tuple[SlurmQos, ...]:
        """All qualities of service."""
        out = self._accounting("qualities of service", "qos", f"format={','.join(tables.QOS_FIELDS)}")
        used = answers.use_by_qos(self.jobs())
        return tuple(
            tables.qos_of(row, used.get(row["Name"], {}))
            for line in out.splitlines()
            if line.count("|") == len(tables.QOS_FIELDS) - 1
            for row in (dict(zip(tables.QOS_FIELDS, line.split("|"), strict=True)),)
        )

    def reservations(self) -> tuple[SlurmReservation, ...]:
        """All reservations."""
        out = self._out("Slurm does not tell its reservations", "scontrol", "--oneliner", "show", "reservation")
        return tuple(map(tables.reservation_of, _named(out, "ReservationName=")))

    def licenses(self) -> tuple[SlurmLicense, ...]:
        """All licences."""
        out = self._out("Slurm does not tell its licences", "scontrol", "--oneliner", "show", "licenses")
        return tuple(map(tables.license_of, _named(out, "LicenseName=")))

    def used(self, job_id: int) -> SlurmUse:
        """What the accounting gathered of all runs of a job."""
        between = _separator()
        out = self._out(
            "Slurm does not tell what it gathered", "sacct", f"--jobs={job_id}", "--duplicates", "--noheader",
            "--noconvert", "--parsable", f"--delimiter={between.word}", f"--format={','.join(STEP_FIELDS)}",
        )  # fmt: skip
        return used_together(runs_of_rows(between.rows(out, STEP_FIELDS)))

    def bookings(self, since: int) -> tuple[SlurmBooking, ...]:
        """What the accounting has."""
        found = self._bookings(f"--starttime={answers.moment(since)}")
        return tuple(each for each in found if each.ended == 0 or each.ended >= since)

    def _bookings(self, *narrowed: str) -> tuple[SlurmBooking, ...]:
        between = _separator()
        out = self._out(
            "Slurm does not tell what it booked", "sacct", "--allusers", "--allocations", "--duplicates", "--noheader",
            "--noconvert", "--parsable", f"--delimiter={between.word}", f"--format={','.join(tables.BOOKING_FIELDS)}",
            *narrowed,
        )  # fmt: skip
        return tuple(map(tables.booking_of, between.rows(out, tables.BOOKING_FIELDS)))

    def _accounting(self, name: str, *argv: str) -> str:
        try:
            return self._out(f"Slurm does not tell its {name}", "sacctmgr", "-nP", "show", *argv)
        except NotFoundError:
            return ""

    def _here(self) -> str:
        """The cluster's name; asked once."""
        if not self._cluster:
            out = self._out("Slurm does not tell its name", "scontrol", "show", "config")
            lines = (line.partition("=") for line in out.splitlines())
            self._cluster = next((value.strip() for key, _, value in lines if key.strip() == "ClusterName"), "")
        return self._cluster

    def _out(self, what: str, *argv: str) -> str:
        ran = self.run(argv, "", None)
        said = ran.said or ran.out
        if any(each in said.lower() for each in NO_ACCOUNTING):
            raise NotFoundError("this Slurm keeps no accounting", why=quoted_message(said))
        if ran.code:
            raise refusal(what, said)
        return ran.out


def _named(out: str, first: str) -> Iterator[str]:
    """Lines that tell of something; where there is nothing, Slurm says so in words."""
    return (line for line in out.splitlines() if line.startswith(first))


def _separator() -> tables.Separator:
    return tables.Separator(f"x{secrets.token_hex(12)}x")


def _has_no_json(said: str) -> bool:
    text = said.lower()
    return "json" in text and ("unrecognized" in text or "invalid" in text or "plugin" in text or "serializer" in text)


def _objects(out: str, name: str) -> list[Mapping[str, Any]] | None:
    """None where it is no JSON of that form."""
    try:
        answer = msgspec.json.decode(out)
    except (msgspec.DecodeError, RecursionError):
        return None
    found = answer.get(name) if isinstance(answer, dict) else None
    return [each for each in found if isinstance(each, dict)] if isinstance(found, list) else None


def command_line(environment: Mapping[str, str], described: Callable[[], str] = lambda: "") -> SlurmCommands:
    """Slurm's commands of this machine.

    Args:
        environment: ours; a few variables of it are passed on.
        described: where it stands that commands are used, told where they are not there; empty for nothing.
    """
    passed = {name: environment[name] for name in _PASSED_ON if name in environment}
    return SlurmCommands(_runner({**passed, **_OURS}, described))


def _runner(environment: Mapping[str, str], described: Callable[[], str]) -> Runner:
    def run(argv: tuple[str, ...], stdin: str, variables: bytes | None) -> Ran:
        held = _kept(variables)
        told = () if held is None else (f"--export-file={held}",)
        try:
            done = subprocess.run(
                (*argv, *told), input=stdin, capture_output=True, text=True, errors="replace", timeout=MOST_SECONDS,
                check=False, env=dict(environment), pass_fds=() if held is None else (held,), cwd="/",
            )  # fmt: skip
        except (FileNotFoundError, NotADirectoryError, PermissionError):
            lacking = "install Slurm's client commands, or give the address of a slurmrestd"
            raise SlurmRefusedError(
                f"there is no {argv[0]} on this machine", fix="; ".join(filter(None, (lacking, described())))
            ) from None
        except (OSError, subprocess.TimeoutExpired) as error:
            why = f"no answer in {MOST_SECONDS:g} s" if isinstance(error, subprocess.TimeoutExpired) else str(error)
            raise UnreachableError(f"{argv[0]} does not answer", why=why, fix=described()) from None
        finally:
            if held is not None:
                os.close(held)
        return Ran(done.returncode, done.stdout, done.stderr.strip())

    return run


def _kept(variables: bytes | None) -> int | None:
    """A descriptor from which this is read, in memory alone: values with any sign in them, seen by no `ps`."""
    if variables is None:
        return None
    made = os.memfd_create("allotment-job-environment")
    os.write(made, variables)
    os.lseek(made, 0, os.SEEK_SET)
    return made
