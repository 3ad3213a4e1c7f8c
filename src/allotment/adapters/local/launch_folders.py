"""The folder of each launch: what was to run, who runs it, and how it ended. What is read is checked, then believed."""

from __future__ import annotations

import errno
import json
import os
import secrets
import stat
from contextlib import suppress
from pathlib import Path
from typing import Annotated, Final

import msgspec

from allotment.adapters.local.cgroup_places import PLACE
from allotment.adapters.local.removing import opened_shut, remove_all
from allotment.adapters.local.supervisor import records
from allotment.errors import AllotmentError, ConflictError, NoRoomError, NotFoundError, shown
from allotment.model.decoding import decoded_as
from allotment.ports.job_processes import JobEnded, JobLaunch, LaunchedJob, ProcessMark, check_id

_LARGEST: Final = 1 << 20
"""Bytes of a record that is read; a real one has less than a thousandth of it."""
_TRASH: Final = ".forgotten-"
_DAMAGED: Final = (msgspec.MsgspecError, RecursionError, OverflowError)
"""What decoding of a record may raise: a job can write to its own."""

# A number beyond these was never written by a supervisor, and some call that it is handed to later would raise.
_Count = Annotated[int, msgspec.Meta(ge=0, le=1 << 53)]
_Seconds = Annotated[float, msgspec.Meta(ge=0, le=1 << 40)]
_Small = Annotated[int, msgspec.Meta(ge=0, le=4095)]
_ProcessId = Annotated[int, msgspec.Meta(ge=1, le=(1 << 31) - 1)]


class _Process(msgspec.Struct, frozen=True):
    pid: _ProcessId
    start_ticks: _Count


class _Begun(msgspec.Struct, frozen=True):
    """`running.json`; without processes where it was made to keep a launch from ever starting."""

    boot: str = ""
    main: _Process | None = None
    supervisor: _Process | None = None
    started_at: _Count = 0
    cgroups: tuple[str, ...] = ()
    not_limited: dict[str, str] = {}


class _Over(msgspec.Struct, frozen=True):
    """`result.json`."""

    exit_code: _Small | None
    signal: _Small | None
    started_at: _Count
    ended_at: _Count
    seconds: _Seconds
    peak_memory_bytes: _Count
    cpu_seconds: _Seconds
    out_of_memory: bool
    stopped: bool
    killed: bool
    failed_step: str
    failed_errno: _Small
    log_bytes_lost: _Count
    processes_left: _Count


class KeptLaunch(msgspec.Struct, frozen=True):
    """`launch.json`: what a launch was, without its environment, which may hold secrets."""

    name: str = ""
    devices: tuple[str, ...] = ()
    working_directory: str = ""
    cpu_milli: int | None = None
    memory_bytes: int | None = None


class UnreadableRecordError(AllotmentError):
    """A record of a launch is damaged."""


class LaunchFolder:
    """One of them.

    Attributes:
        path: where it stands.
    """

    def __init__(self, root: Path, launch_id: str) -> None:
        check_id(launch_id)
        self.id = launch_id
        self.path = root / launch_id

    def check(self) -> None:
        """Refuse to go on where nothing is known.

        Raises:
            NotFoundError: there is no such launch.
        """
        if not self.path.is_dir():
            raise NotFoundError(
                f"there is no launch {self.id} on this machine",
                why="it was never made here, or what was kept of it is forgotten",
                fix="`allot ps` lists what there is",
            )

    def prepare(self, launch: JobLaunch) -> KeptLaunch:
        """Make it, with what is to run.

        Raises:
            ConflictError: it was started before.
            NoRoomError: the disk is full.
        """
        kept = KeptLaunch(
            name=launch.name.encode("utf-8", "replace").decode("utf-8"),
            devices=launch.devices,
            working_directory=str(launch.working_directory),
            cpu_milli=launch.cpu_milli,
            memory_bytes=launch.memory_bytes,
        )
        try:
            self.path.mkdir(mode=0o700, parents=True, exist_ok=True)
            if (self.path / records.RUNNING).exists():
                raise started_before(self.id)
            self.write(records.LAUNCH, json.dumps(msgspec.to_builtins(kept)).encode("ascii"))
        except OSError as error:
            with suppress(OSError):
                self.path.rmdir()
            raise not_started(self.id, error.errno or 0, str(self.path)) from error
        return kept

    def write(self, name: str, data: bytes) -> None:
        """Replace a record in one step."""
        part = self.path / f"{name}.{secrets.token_hex(4)}"
        try:
            part.write_bytes(data)
            part.replace(self.path / name)
        except OSError:
            part.unlink(missing_ok=True)
            raise

    def write_in_any_case(self, name: str, data: bytes) -> None:
        """Replace a record, also where a job has shut its folder."""
        try:
            self.write(name, data)
        except PermissionError:
            os.close(opened_shut(str(self.path), None))
            self.write(name, data)

    def kept(self) -> KeptLaunch:
        """What was to run; nothing where that is not known any more."""
        try:
            raw = self._read(records.LAUNCH)
            return KeptLaunch() if raw is None else decoded_as(raw, KeptLaunch)
        except (*_DAMAGED, UnreadableRecordError):
            return KeptLaunch()

    def launched(self) -> LaunchedJob | None:
        """Who runs it, or ran it; None where nobody ever did, or may.

        Raises:
            UnreadableRecordError: that was written down, and cannot be read.
        """
        raw = self._read(records.RUNNING)
        if raw is None:
            return None
        try:
            begun = decoded_as(raw, _Begun)
        except _DAMAGED as error:
            raise self._unreadable(records.RUNNING, error) from error
        if begun.main is None or begun.supervisor is None:
            return None
        return LaunchedJob(
            id=self.id,
            main=ProcessMark(begun.main.pid, begun.main.start_ticks, begun.boot),
            supervisor=ProcessMark(begun.supervisor.pid, begun.supervisor.start_ticks, begun.boot),
            started_at=begun.started_at,
            # Whatever a record says: nothing but cgroups that were made for this launch is ever emptied.
            cgroups=tuple(each for each in begun.cgroups if self._made_for_it(each)),
            not_limited=begun.not_limited,
        )

    def _made_for_it(self, cgroup: str) -> bool:
        path = Path(cgroup)
        strange = ".." in path.parts or "\0" in cgroup
        return path.name == self.id and path.parent.name.startswith(PLACE) and not strange

    def ended(self) -> JobEnded | None:
        """How it ended; None where nobody has written that.

        Raises:
            UnreadableRecordError: it was written down, and cannot be read.
        """
        raw = self._read(records.RESULT)
        if raw is None:
            return None
        try:
            over = decoded_as(raw, _Over)
        except _DAMAGED as error:
            raise self._unreadable(records.RESULT, error) from error
        fields = msgspec.structs.asdict(over)
        step, number = fields.pop("failed_step"), fields.pop("failed_errno")
        return JobEnded(**fields, not_started=_reason(step, number))

    def never(self) -> bool:
        """Keep it from ever starting; False where it has started."""
        try:
            fd = os.open(self.path / records.RUNNING, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o600)
        except FileExistsError:
            return self.launched() is None
        try:
            os.write(fd, b"{}")
        finally:
            os.close(fd)
        return True

    def remove(self) -> None:
        """Remove it; half removed it is no launch any more."""
        aside = self.path.with_name(f"{_TRASH}{self.id}-{secrets.token_hex(4)}")
        self.path.rename(aside)
        remove_all(aside)

    def last_error(self) -> str:
        """The last line that its supervisor complained with."""
        lines = (self._read(records.ERRORS) or b"").decode("utf-8", "replace").strip().splitlines()
        return shown(lines[-1]) if lines else ""

    def _read(self, name: str) -> bytes | None:
        flags = os.O_RDONLY | os.O_NOFOLLOW | os.O_CLOEXEC | os.O_NONBLOCK
        try:
            try:
                fd = os.open(self.path / name, flags)
            except PermissionError:
                os.close(opened_shut(str(self.path), None))
                fd = os.open(self.path / name, flags)
        except FileNotFoundError:
            return None
        except OSError as error:
            raise self._unreadable(name, error) from error
        try:
            if not stat.S_ISREG(os.fstat(fd).st_mode):
                raise self._unreadable(name, OSError("it is no file"))
            return os.pread(fd, _LARGEST, 0)
        except OSError as error:
            raise self._unreadable(name, error) from error
        finally:
            os.close(fd)

    def _unreadable(self, name: str, error: Exception) -> UnreadableRecordError:
        return UnreadableRecordError(
            f"{shown(self.path / name)} cannot be read",
            why=shown(error),
            fix="nothing will be started or killed by it; remove the folder once no process of the job runs",
        )


def sweep(root: Path) -> list[str]:
    """Ids of all launches in a folder; what was being removed when a server ended is removed."""
    found: list[str] = []
    for entry in sorted(root.iterdir()):
        if entry.name.startswith(_TRASH):
            remove_all(entry)
            continue
        with suppress(AllotmentError):
            check_id(entry.name)
            if entry.is_dir() and not entry.is_symlink():
                found.append(entry.name)
    return found


def started_before(launch_id: str) -> ConflictError:
    """Nothing runs twice under one id."""
    return ConflictError(
        f"the launch {launch_id} was started before",
        why="under one id nothing runs twice",
        fix="look at what became of it; a new attempt has an id of its own",
    )


def not_started(launch_id: str, number: int, where: str) -> AllotmentError:
    """Why the system would not start a launch; nothing of it runs."""
    what = f"the launch {launch_id} could not be started"
    why = f"{shown(where)}: {os.strerror(number)}" if where else os.strerror(number)
    if number in {errno.ENOSPC, errno.EDQUOT}:
        return NoRoomError(what, why=why, fix="make room on that disk, then start it again")
    if number in {errno.EAGAIN, errno.ENOMEM, errno.EMFILE, errno.ENFILE}:
        return NoRoomError(what, why=why, fix="wait until less runs on this machine, then start it again")
    return AllotmentError(what, why=why, fix="see to that path, then start it again")


def _reason(step: str, number: int) -> str:
    if not step:
        return ""
    named = "its working directory could not be entered" if step == "folder" else "its program could not be started"
    return f"{named}: {os.strerror(number)}" if number else named
