"""The first process of a job: forked, held until it may run, and turned into the job's program."""

from __future__ import annotations

import _signal as signals  # signal itself takes as long to import as Python to start
import ctypes
import errno
import os

TYPE_CHECKING: Final = False
if TYPE_CHECKING:
    from typing import Final

_PDEATHSIG: Final = 1
_NO_NEW_PRIVS: Final = 38
_CHILD_SUBREAPER: Final = 36
_EXPENDABLE: Final = "500"
"""Of oom_score_adj: short of memory the kernel ends a job before what runs the machine."""
NOT_FOUND: Final = 127
NOT_STARTED: Final = 126
"""Exit codes as shells have them."""


def _prctl(option: int, value: int) -> None:
    ctypes.CDLL(None).prctl(option, value, 0, 0, 0)


def adopt_orphans() -> None:
    """From now on a process whose parent ends becomes a child of this one, whatever session it went to."""
    _prctl(_CHILD_SUBREAPER, 1)


class OrderedProgram:
    """What is run.

    Attributes:
        argv: the first is looked up in the `PATH` of `environment`.
        folder: working directory.
        log: descriptor that its output goes to.
    """

    __slots__ = ("argv", "environment", "folder", "log", "umask")

    def __init__(self, order: dict[str, object], log: int) -> None:
        self.argv: list[bytes] = order["argv"]  # type: ignore[assignment]
        self.environment: dict[bytes, bytes] = order["environment"]  # type: ignore[assignment]
        self.folder: bytes = order["working_directory"]  # type: ignore[assignment]
        self.umask: int = order["umask"]  # type: ignore[assignment]
        self.log = log


class Held:
    """A process that waits for `go`; it ends by itself where this one does before.

    Attributes:
        pid: its id.
    """

    def __init__(self, program: OrderedProgram) -> None:
        gate, self._gate = os.pipe()
        self._trouble, trouble = os.pipe()
        parent = os.getpid()
        self.pid = os.fork()
        if self.pid == 0:
            os.close(self._gate)
            _become(program, gate, trouble, parent)
        os.close(gate)
        os.close(trouble)

    def go(self) -> None:
        """Let it run; it may have been killed before it could."""
        try:
            os.write(self._gate, b".")
        except BrokenPipeError:
            return
        finally:
            os.close(self._gate)

    def never(self) -> None:
        """Let it end without having run, and wait for that."""
        os.close(self._gate)
        os.waitpid(self.pid, 0)

    def trouble(self) -> tuple[str, int] | None:
        """Once it has ended: at which step it failed, and the number of the error; None where its program ran."""
        os.set_blocking(self._trouble, False)
        try:
            step, _, number = os.read(self._trouble, 100).partition(b" ")
        except BlockingIOError:
            return None
        return (step.decode("ascii"), int(number)) if number else None


def _become(program: OrderedProgram, gate: int, trouble: int, parent: int) -> None:
    """In the child; never returns."""
    step = b"folder"
    try:
        _prctl(_PDEATHSIG, signals.SIGKILL)
        os.setsid()
        _forget_signals()
        signals.set_wakeup_fd(-1)
        signals.pthread_sigmask(signals.SIG_SETMASK, ())
        nothing = os.open(os.devnull, os.O_RDONLY)
        for source, target in ((nothing, 0), (program.log, 1), (program.log, 2)):
            os.dup2(source, target)
        if os.read(gate, 1) != b"." or os.getppid() != parent:
            os._exit(NOT_STARTED)
        _be_expendable()
        _prctl(_NO_NEW_PRIVS, 1)
        os.umask(program.umask)
        os.chdir(program.folder)
        step = b"program"
        _execute(program)
    except OSError as error:
        os.write(trouble, b"%s %d" % (step, error.errno or 0))
        os._exit(NOT_FOUND if step == b"program" and isinstance(error, FileNotFoundError) else NOT_STARTED)
    except BaseException:
        os.write(trouble, b"%s 0" % step)
        raise
    finally:
        os._exit(NOT_STARTED)


def _forget_signals() -> None:
    """As a login shell would start it: nothing is ignored, whatever the server ignores."""
    for number in range(1, signals.NSIG):
        try:
            signals.signal(number, signals.SIG_DFL)
        except (OSError, ValueError):
            continue  # SIGKILL, SIGSTOP, and two of the C library


def _execute(program: OrderedProgram) -> None:
    """Replace this process; as os.execvpe does, which imports more."""
    name = program.argv[0]
    if b"/" in name:
        os.execve(name, program.argv, program.environment)
    refused: OSError | None = None
    for folder in program.environment.get(b"PATH", os.defpath.encode("ascii")).split(b":"):
        try:
            os.execve((folder or b".") + b"/" + name, program.argv, program.environment)
        except (FileNotFoundError, NotADirectoryError):
            continue
        except PermissionError as error:
            refused = error
    raise refused or FileNotFoundError(errno.ENOENT, os.strerror(errno.ENOENT))


def _be_expendable() -> None:
    try:
        fd = os.open("/proc/self/oom_score_adj", os.O_WRONLY | os.O_CLOEXEC)
        os.write(fd, _EXPENDABLE.encode("ascii"))
        os.close(fd)
    except OSError:
        return
