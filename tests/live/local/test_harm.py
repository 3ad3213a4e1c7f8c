"""What a hostile job, a full disk and a killed supervisor cannot do."""

from __future__ import annotations

import errno
import json
import marshal
import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path

import pytest

from allotment.adapters.holding import ALLOWED, hold_to
from allotment.adapters.local.cgroup_places import CgroupPlaces, cgroup_places
from allotment.adapters.local.environment import FOLDER
from allotment.adapters.local.machine import LocalMachine
from allotment.adapters.local.supervisor import cgroups, proc, records
from allotment.errors import AllotmentError, NoRoomError
from allotment.ports.job_processes import JobAlive, JobEnded, JobGone, JobLaunch, LogPart
from tests.live.local.conftest import Processes, RealBench, ended, quoted, running, until

pytestmark = pytest.mark.live

BYTES = b"\x1b[2J\x1b]0;owned\x07\xff\xfe\x00\r\n\xe2\x80\xae$(reboot)`id`\n"
HOSTILE = {
    "A": "two\nlines",
    "B": "\x1b[31mred\x07",
    "C": "$(touch owned) `touch owned`; touch owned",
    "D": "\u202eright to left\u2066",
    "E": "\udcff\udcfe",
    "F": "x" * 120_000,
    "LD_PRELOAD": "",
    "PYTHONSTARTUP": "/dev/null",
    "a b": "a name that no shell takes",
}


def test_the_environment_is_what_was_asked_for_and_a_short_list(tmp_path: Path, new_processes: Processes) -> None:
    ours = {"PATH": os.environ["PATH"], "HOME": "/", "AWS_SECRET_ACCESS_KEY": "canary", "CUDA_VISIBLE_DEVICES": "0,1"}
    processes = new_processes(tmp_path / "launches", environment=ours)
    code = "import os, sys, marshal; sys.stdout.buffer.write(marshal.dumps(dict(os.environb)))"
    argv = (sys.executable, "-I", "-S", "-c", code)
    processes.launch(JobLaunch(id="env-1-0", argv=argv, working_directory=tmp_path, environment=HOSTILE))

    assert ended(processes, "env-1-0").exit_code == 0
    found = marshal.loads(processes.log("env-1-0", 0, 1 << 20).data)
    wanted = {
        "PATH": ours["PATH"],
        "HOME": "/",
        "CUDA_VISIBLE_DEVICES": "",
        "ROCR_VISIBLE_DEVICES": "",
        "ALLOTMENT_DEVICES": "",
        FOLDER: str(tmp_path / "launches" / "env-1-0"),
        **HOSTILE,
    }
    found.pop(b"LC_CTYPE", None)  # Python's own, where the locale is C
    assert found == {os.fsencode(name): os.fsencode(value) for name, value in wanted.items()}
    assert not (tmp_path / "owned").exists()
    # Values may be secrets: they are nowhere on the disk.
    for file in (tmp_path / "launches" / "env-1-0").iterdir():
        assert file.name == records.LOG or b"two" not in file.read_bytes()


def test_bytes_of_its_output_arguments_and_name_stay_as_they_are(bench: RealBench) -> None:
    code = "import os, sys; sys.stdout.buffer.write(b''.join(map(os.fsencode, sys.argv[1:])))"
    words = ("\n", "--flag", "", "\udcff", "\x1b[2J", "a" * 100_000)
    job = bench.python(code, *words, name="\x1b[2J\n../../etc/passwd", devices=("slot-1",))
    assert bench.end_of(job).exit_code == 0
    assert bench.processes.log(job, 0, 1 << 20) == LogPart(0, b"".join(map(os.fsencode, words)))
    (found,) = bench.processes.found()
    assert (found.name, found.devices) == ("\x1b[2J\n../../etc/passwd", ("slot-1",))

    raw = bench.python(f"import sys; sys.stderr.buffer.write({BYTES!r})", launch_id="raw-1-0")
    bench.end_of(raw)
    assert bench.processes.log(raw).data == BYTES


def test_it_starts_clean(bench: RealBench) -> None:
    shared = os.open(os.devnull, os.O_RDONLY)
    os.set_inheritable(shared, True)
    try:
        job = bench.python(
            "import os, signal, json; json.dump({"
            "'fds': sorted(os.listdir('/proc/self/fd'))[:-1], 'umask': os.umask(0),"
            "'ignored': [s for s in (1, 2, 10, 12, 15, 17) if signal.getsignal(s) is signal.SIG_IGN],"
            "'status': [l for l in open('/proc/self/status') if l.startswith(('SigIgn', 'SigBlk'))],"
            "'own': [os.getpid() == os.getsid(0) == os.getpgid(0), os.getcwd(), os.isatty(0), os.read(0, 1).decode()]},"
            " os.fdopen(1, 'w'))",
            umask=0o027,
        )
        assert bench.end_of(job).exit_code == 0
    finally:
        os.close(shared)
    seen = json.loads(bench.processes.log(job).data)
    assert seen["fds"] == ["0", "1", "2"]
    assert (seen["umask"], seen["ignored"], seen["own"]) == (0o027, [], [True, str(bench.root), False, ""])
    # Python itself ignores SIGPIPE (13) and SIGXFSZ (25); 32 and 33 are the C library's.
    blocked, dropped = (int(line.split()[1], 16) & ~(0b11 << 31) for line in seen["status"])
    assert (blocked, dropped) == (0, 1 << 12 | 1 << 24)


@pytest.mark.parametrize("grouped", [True, False], ids=["cgroup", "no cgroup"])
def test_what_runs_away_ends_with_it(tmp_path: Path, new_processes: Processes, grouped: bool) -> None:
    places = None if grouped else CgroupPlaces((), "there are none in this test")
    bench = RealBench(tmp_path / "launches", new_processes(tmp_path / "launches", places=places))
    name = f"999.{os.getpid()}{int(grouped)}"
    # A session of its own, its parent gone, its environment empty, its output closed.
    away = f"env -i setsid sh -c {quoted(f'trap : TERM; sleep {name}; sleep {name}')} </dev/null >/dev/null 2>&1 &"
    job = bench.shell(f"{away} while ! pgrep -f 'sleep {name}' >/dev/null; do sleep 0.01; done; exit 4")
    assert bench.end_of(job).exit_code == 4
    assert running(name) == []
    if not grouped:
        job = bench.shell("exec sleep 1000", "two-1-0", cpu_milli=500, memory_bytes=1 << 26, most_processes=9)
        state = bench.processes.look(job)
        assert isinstance(state, JobAlive)
        assert sorted(state.launched.not_limited) == ["cpu", "memory", "pids", "processes"]
        assert state.launched.not_limited["processes"] == "there are none in this test"
        until(lambda: bench.processes.usage(job).memory_bytes > 0)  # nothing while it turns into its program
        assert bench.processes.unlimited() == dict.fromkeys(("cpu", "memory", "pids"), "there are none in this test")
        # It is known by its environment, which is not there yet while it turns into its program.
        until(lambda: bench.processes.left(state.launched) == (state.launched.main.pid,))
        assert state.seconds < 60


def test_who_forks_faster_than_one_can_look_is_ended_all_the_same(bench: RealBench) -> None:
    # Each ignores SIGTERM, starts its successor and ends: at no moment is there one to wait for.
    chain = (
        "import os, sys, time, signal\n"
        "signal.signal(signal.SIGTERM, signal.SIG_IGN)\n"
        "if os.fork(): time.sleep(1000)\n"
        "while True:\n"
        "    if os.fork(): time.sleep(0.001); os._exit(0)\n"
        "    os.setsid()\n"
    )
    job = bench.python(chain, f"chain-{os.getpid()}")
    until(lambda: len(bench.processes.usage(job).processes) > 1)
    bench.processes.stop(job, 0.05)
    end = bench.end_of(job)
    assert (end.killed, end.processes_left) == (True, 0)
    assert running(f"chain-{os.getpid()}") == []


def test_a_wrapper_that_dies_first_leaves_its_program_the_grace(bench: RealBench) -> None:
    # As `sh run.sh` does: the shell dies of SIGTERM, what it started is told then, and saves its work.
    saving = (
        "import signal, sys, time;"
        "signal.signal(15, lambda *_: (time.sleep(0.2), print('saved', flush=True), sys.exit()));"
        "print('started', flush=True); time.sleep(1000)"
    )
    script = f"{sys.executable} -I -S -c {quoted(saving)}; echo no"
    job = bench.shell(script)
    bench.says(job, b"started")
    bench.processes.stop(job, 30)
    end = bench.end_of(job)
    assert (end.signal, end.killed) == (signal.SIGTERM, False)
    assert bench.processes.log(job).data == b"started\nsaved\n"


def test_a_supervisor_shrugs_off_what_it_is_sent(bench: RealBench) -> None:
    job = bench.shell("sleep 0.2; exit 5")
    state = bench.processes.look(job)
    assert isinstance(state, JobAlive)
    for number in (signal.SIGHUP, signal.SIGINT, signal.SIGQUIT, signal.SIGPIPE, signal.SIGUSR1, signal.SIGTSTP):
        os.kill(state.launched.supervisor.pid, number)
    assert bench.end_of(job).exit_code == 5


def test_a_supervisor_that_is_stopped(bench: RealBench) -> None:
    job = bench.shell("sleep 1000")
    state = bench.processes.look(job)
    assert isinstance(state, JobAlive)
    os.kill(state.launched.supervisor.pid, signal.SIGSTOP)
    until(lambda: bench.processes.look(job) == JobAlive(state.launched, held_up=True))
    bench.processes.stop(job, 30)
    assert bench.end_of(job).signal == signal.SIGTERM

    job = bench.shell("exec sleep 1000", "two-1-0")
    state = bench.processes.look(job)
    assert isinstance(state, JobAlive)
    os.kill(state.launched.supervisor.pid, signal.SIGSTOP)
    bench.processes.kill(job)
    assert bench.end_of(job).signal == signal.SIGKILL


@pytest.mark.parametrize("environment", ["kept", "empty"])
def test_what_a_killed_supervisor_leaves_is_found_and_ended(bench: RealBench, environment: str) -> None:
    name = f"998.{os.getpid()}"
    clean = "env -i" if environment == "empty" else ""
    job = bench.shell(f"{clean} setsid sleep {name} & {clean} setsid sleep {name}; sleep 1000")
    state = bench.processes.look(job)
    assert isinstance(state, JobAlive)
    if environment == "empty" and not state.launched.cgroups:
        pytest.skip("no cgroup may be made here")
    until(lambda: len(running(name)) == 3)  # with the shell
    bench.lose(job)
    gone = bench.processes.look(job)
    assert isinstance(gone, JobGone)
    assert set(running(name)) <= set(gone.left)
    bench.processes.kill(job)
    assert running(name) == []
    gone = bench.processes.look(job)
    assert isinstance(gone, JobGone)
    assert gone.left == ()


@pytest.fixture
def stranger() -> Iterator[subprocess.Popen[bytes]]:
    child = subprocess.Popen(["sleep", "997"])
    yield child
    child.kill()
    child.wait()


def forged_cgroup(pid: int) -> list[str]:
    """A cgroup that holds a process and was not made for a launch."""
    places = [Path(each.folder) / "other-1-0" for each in cgroup_places("forged").places]
    made = []
    for place in places:
        with suppress(OSError):
            place.mkdir()
            (place / "cgroup.procs").write_text(str(pid))
            made.append(str(place))
    return made


@pytest.mark.parametrize("differs", ["start_ticks", "boot", "nothing"])
def test_a_stranger_that_got_the_id_is_left_alone(
    bench: RealBench, stranger: subprocess.Popen[bytes], differs: str
) -> None:
    seen = proc.stat(stranger.pid)
    assert seen is not None
    ticks = seen.start_ticks - (differs == "start_ticks")
    mark = {"pid": stranger.pid, "start_ticks": ticks}
    bench.hand_over(JobLaunch(id="job-1-0", argv=("true",), working_directory=Path("/")))
    boot = proc.boot() if differs != "boot" else "another"
    # With nothing that differs a job has forged the record: then what it names is no supervisor.
    inside = [f"/proc/{stranger.pid}", *forged_cgroup(stranger.pid)]
    record = {"boot": boot, "main": mark, "supervisor": mark, "started_at": 1, "cgroups": inside}
    (bench.root / "job-1-0" / records.RUNNING).write_text(json.dumps(record))

    assert isinstance(bench.processes.look("job-1-0"), JobGone)
    bench.processes.stop("job-1-0", 0)
    assert bench.processes.signal("job-1-0", signal.SIGTERM) == 0
    assert bench.processes.kill("job-1-0") == 0
    bench.processes.forget("job-1-0")
    time.sleep(0.05)
    assert stranger.poll() is None
    stranger.kill()
    stranger.wait()
    cgroups.remove([str(Path(each).parent) for each in inside[1:]])


@pytest.mark.parametrize("record", ["", "{", "[]", '{"boot": 1}', '{"main": {"pid": "x"}}', "\xff" * 100])
def test_a_damaged_record_starts_and_kills_nothing(bench: RealBench, record: str) -> None:
    bench.hand_over(JobLaunch(id="job-1-0", argv=("true",), working_directory=Path("/")))
    path = bench.root / "job-1-0" / records.RUNNING
    path.write_text(record, encoding="latin-1")
    gone = bench.processes.look("job-1-0")
    assert isinstance(gone, JobGone)
    assert "cannot be read" in gone.why
    assert bench.processes.kill("job-1-0") == 0
    with pytest.raises(AllotmentError):
        bench.processes.launch(JobLaunch(id="job-1-0", argv=("true",), working_directory=Path("/")))


def test_a_link_in_the_place_of_a_log_is_not_followed(bench: RealBench, tmp_path: Path) -> None:
    precious = tmp_path / "precious"
    precious.write_text("precious")
    bench.hand_over(JobLaunch(id="job-1-0", argv=("true",), working_directory=Path("/")))
    link = bench.root / "job-1-0" / records.LOG
    link.symlink_to(precious)
    with pytest.raises(AllotmentError, match="could not be started") as error:
        bench.shell("echo gone")
    assert "log" in error.value.why
    assert precious.read_text() == "precious"
    assert bench.processes.log("job-1-0").data == b""
    # Nothing ran: when the link is gone, it may.
    link.unlink()
    bench.shell("echo here")
    assert bench.end_of("job-1-0").exit_code == 0
    assert link.read_text() == "here\n"


def test_a_log_is_rotated_and_read_while_it_is(tmp_path: Path, new_processes: Processes) -> None:
    bench = RealBench(tmp_path / "launches", new_processes(tmp_path / "launches", log_bytes=100_000, log_files=3))
    lines = 60_000
    job = bench.python(f"for n in range({lines}): print(n)")
    followed, at = [], 0
    whole = b"".join(b"%d\n" % number for number in range(lines))
    while True:
        over = isinstance(bench.processes.look(job), JobEnded)
        part = bench.processes.log(job, at)
        followed.append(part)
        assert whole[part.start : part.end] == part.data
        at = part.end
        if over and not part.data:
            break
    kept = [file.stat().st_size for file in (bench.root / job).glob("log*")]
    assert len(kept) == 3
    assert max(kept) <= 100_000
    assert at == len(whole)
    assert bench.processes.log(job, most=12) == LogPart(len(whole) - 12, b"59998\n59999\n")
    assert bench.processes.log(job, 0, 10).start == len(whole) - sum(kept)


@pytest.fixture
def small_disk(tmp_path: Path) -> Iterator[Path]:
    disk = tmp_path / "disk"
    disk.mkdir()
    command = ["mount", "-t", "tmpfs", "-o", "size=1m,mode=700", "allotment-test", str(disk)]
    if os.geteuid() != 0 or subprocess.run(command, capture_output=True, check=False).returncode != 0:
        pytest.skip("only root may mount a small disk")
    yield disk
    for _ in range(100):
        if subprocess.run(["umount", str(disk)], capture_output=True, check=False).returncode == 0:
            break
        time.sleep(0.05)


def test_a_full_disk_swallows_no_exit_code_and_is_named(
    small_disk: Path, tmp_path: Path, new_processes: Processes
) -> None:
    processes = new_processes(small_disk / "launches", log_bytes=300_000, log_files=3)
    bench = RealBench(small_disk / "launches", processes)
    go = tmp_path / "go"
    waits = bench.shell(f"while ! [ -e {quoted(go)} ]; do sleep 0.01; done; echo last; exit 6", "waits-1-0")
    stops = bench.shell("sleep 1000", "stops-1-0")
    fills = bench.shell(
        f"cat /dev/zero > {quoted(small_disk / 'rest')}; head -c 2000000 /dev/zero; echo the end; exit 5", "fills-1-0"
    )
    end = bench.end_of(fills)
    assert (end.exit_code, end.log_bytes_lost > 1_000_000) == (5, True)

    with pytest.raises(NoRoomError) as error:
        bench.shell("echo no", "more-1-0")
    assert os.strerror(errno.ENOSPC) in error.value.why
    processes.stop(stops, 0.5)  # how long its grace is cannot be written down: it is stopped all the same
    assert bench.end_of(stops).signal == signal.SIGTERM
    go.touch()
    assert bench.end_of(waits).exit_code == 6

    (small_disk / "rest").unlink()
    bench.shell("echo yes", "more-1-0")
    assert bench.end_of("more-1-0").exit_code == 0


def test_older_output_makes_room_for_newer(small_disk: Path, new_processes: Processes) -> None:
    processes = new_processes(small_disk / "launches", log_bytes=300_000, log_files=3)
    bench = RealBench(small_disk / "launches", processes)
    rest = small_disk / "rest"
    job = bench.python(
        "import sys, os, time\n"
        "os.write(1, b'x' * 500_000)\n"
        "time.sleep(0.3)\n"
        "try:\n"
        "    with open(sys.argv[1], 'wb', 0) as rest:\n"
        "        while True: rest.write(bytes(4096))\n"
        "except OSError: os.write(1, b'y' * 100_000 + b'the end')\n",
        str(rest),
    )
    end = bench.end_of(job)
    assert (end.exit_code, end.log_bytes_lost) == (0, 0)
    assert processes.log(job, most=7) == LogPart(600_000, b"the end")


def limited(bench: RealBench, what: str) -> None:
    """Skip where nothing can be limited."""
    job = bench.shell("true", "probe-1-0", cpu_milli=1000, memory_bytes=1 << 30, most_processes=100)
    bench.end_of(job)
    record = json.loads((bench.root / job / records.RUNNING).read_bytes())
    if what in record["not_limited"]:
        pytest.skip(f"not limited here: {record['not_limited'][what]}")


def test_memory_is_limited(bench: RealBench) -> None:
    limited(bench, "memory")
    job = bench.python("x = bytearray(200 << 20); print(len(x))", memory_bytes=64 << 20)
    end = bench.end_of(job)
    assert (end.signal, end.out_of_memory) == (signal.SIGKILL, True)
    assert bench.processes.log(job).data == b""


def test_the_number_of_processes_is_limited_and_a_fork_bomb_is_ended(bench: RealBench) -> None:
    limited(bench, "pids")
    forks = (
        "import os, time\nn = 0\ntry:\n    while n < 200:\n        if not os.fork(): time.sleep(30); os._exit(0)\n"
        "        n += 1\nexcept OSError as error: print(n, error.errno)"
    )
    job = bench.python(forks, most_processes=40)
    assert bench.end_of(job).exit_code == 0
    assert bench.processes.log(job).data == b"39 11\n"
    forever = "import os, time\nwhile True:\n    try: os.fork()\n    except OSError: time.sleep(0.02)"
    bomb = bench.python(forever, launch_id="bomb-1-0", most_processes=40)
    time.sleep(1)
    assert 1 < len(bench.processes.usage(bomb).processes) <= 40
    bench.processes.stop(bomb, 0)
    bench.end_of(bomb)
    assert bench.processes.usage(bomb).processes == ()


def test_cpu_is_limited(bench: RealBench) -> None:
    limited(bench, "cpu")
    job = bench.python("import time; end = time.monotonic() + 1\nwhile time.monotonic() < end: pass", cpu_milli=100)
    end = bench.end_of(job)
    assert end.exit_code == 0
    assert end.cpu_seconds < 0.35 < end.seconds


def test_cgroups_are_gone_with_the_job(bench: RealBench) -> None:
    job = bench.shell("exec sleep 1000")
    state = bench.processes.look(job)
    assert isinstance(state, JobAlive)
    if not state.launched.cgroups:
        pytest.skip("no cgroup may be made here")
    inside = (Path(state.launched.cgroups[0]) / "cgroup.procs").read_text().split()
    assert inside == [str(state.launched.main.pid)]
    bench.processes.kill(job)
    bench.end_of(job)
    assert [each for each in state.launched.cgroups if Path(each).exists()] == []


HEAVY = {"typing", "re", "enum", "json", "dataclasses", "pathlib", "subprocess", "signal", "msgspec", "collections"}


def test_a_supervisor_imports_little() -> None:
    source = Path(proc.__file__).parents[4]
    code = f"import sys; sys.path.insert(0, {str(source)!r}); import allotment.adapters.local.supervisor.run"
    done = subprocess.run(
        [sys.executable, "-I", "-S", "-c", f"{code}; print(*sys.modules)"], capture_output=True, text=True, check=True
    )
    assert HEAVY & set(done.stdout.split()) == set()


SHUTS = {
    "ends": 'cd "$ALLOTMENT_LAUNCH_FOLDER"; mkdir result.json; chmod 500 .; exit 3',
    "stays": 'cd "$ALLOTMENT_LAUNCH_FOLDER"; rm -f stop.json; mkfifo stop.json; trap "" TERM; echo started;'
    " while :; do sleep 0.05; done",
}


def test_a_job_that_fills_its_own_folder_ends_and_can_be_stopped(bench: RealBench) -> None:
    ends, stays = (bench.shell(SHUTS[name], f"{name}-1-0", grace_seconds=60) for name in ("ends", "stays"))
    until((bench.root / ends / records.RESULT).is_file)
    assert bench.end_of(ends).exit_code == 3
    bench.says(stays, b"started")
    bench.processes.stop(stays, 0.1)
    assert bench.end_of(stays).signal == signal.SIGKILL


@pytest.mark.skipif(len(ALLOWED) < 2, reason="there is one processor to be held to")
def test_a_job_computes_on_all_processors_though_the_server_is_held_to_one(
    tmp_path: Path, new_processes: Processes
) -> None:
    root = tmp_path / "launches"
    bench = RealBench(root, new_processes(root, processors=ALLOWED))
    hold_to(frozenset({min(ALLOWED)}))
    try:
        bench.python("import os; print(sorted(os.sched_getaffinity(0)))")
        assert bench.end_of("job-1-0").exit_code == 0
        assert bench.processes.log("job-1-0").data.decode().strip() == str(sorted(ALLOWED))
        assert LocalMachine(len(ALLOWED)).room().cpu == 1000 * len(ALLOWED)
    finally:
        hold_to(ALLOWED)
