"""A real Slurm on this machine, for tests and to try things on: three nodes, accounting, REST, all on loopback.

    python -m tools.slurm install      # Debian's packages, where one is missing; none of their services is started
    python -m tools.slurm up           # prints what to set in a shell; needs root, as slurmd starts jobs of any user
    python -m tools.slurm down

Nodes are processes: `gpu0` and `gpu1` with four devices each that say a100 and are /dev/null, and `cpu0`. Nothing of
the machine's own Slurm, MUNGE or MariaDB is used or changed: keys, sockets, data and logs lie in one folder.
"""

from __future__ import annotations

import argparse
import json
import os
import pwd
import random
import secrets
import shutil
import signal
import socket
import stat
import subprocess
import sys
import time
from collections.abc import Callable, Iterable, Mapping
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

from allotment.adapters.sandbox import ports, processes

PACKAGES: Final = (
    "mariadb-server", "munge", "slurm-client", "slurm-wlm-basic-plugins", "slurm-wlm-jwt-plugin",
    "slurm-wlm-mysql-plugin", "slurmctld", "slurmd", "slurmdbd", "slurmrestd",
)  # fmt: skip
PROGRAMS: Final = (
    "mariadb-install-db", "mariadbd", "munged", "sacctmgr", "sbatch", "slurmctld", "slurmd", "slurmdbd", "slurmrestd",
)  # fmt: skip
CLUSTER: Final = "hpc"
NODES: Final = ("gpu0", "gpu1", "cpu0")
GPUS: Final = 4
CPUS: Final = 16
MEMORY_MIB: Final = 8000
ACCOUNTS: Final[Mapping[str, str]] = {
    "data-science": "gres/gpu=8", "nlp": "gres/gpu=4", "cv": "gres/gpu=4", "recsys": "gres/gpu=2",
}  # fmt: skip
"""The teams of the reference platform, each with what its jobs may hold together."""
USERS: Final = ("root", "nobody")
"""Of each of the accounts."""
REST_USER: Final = "nobody"
"""slurmrestd refuses to run as root."""
FOLDER: Final = Path("/var/lib/allotment-slurm")
_PORTS: Final = ("mariadb", "slurmdbd", "slurmctld", "slurmrestd", *NODES)
_STATE: Final = "up.json"
_POLICY: Final = Path("/usr/sbin/policy-rc.d")
_PATH: Final = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"


class SlurmNotUpError(Exception):
    """It did not start; the message has the last words of the program that did not."""


@dataclass(slots=True)
class Slurm:
    """One that runs.

    Attributes:
        folder: everything of it.
        ports: by program or node.
        seconds: what each step of the start took.
    """

    folder: Path
    ports: dict[str, int]
    started: list[processes.Process] = field(default_factory=list)
    seconds: dict[str, float] = field(default_factory=dict)

    @property
    def conf(self) -> Path:
        """slurm.conf."""
        return self.folder / "slurm.conf"

    @property
    def rest_url(self) -> str:
        """Where slurmrestd listens."""
        return f"http://127.0.0.1:{self.ports['slurmrestd']}"

    def environment(self) -> dict[str, str]:
        """For client commands."""
        return {"PATH": _PATH, "SLURM_CONF": str(self.conf), "LC_ALL": "C.UTF-8"}

    def run(self, *argv: str, check: bool = True, stdin: str | None = None) -> str:
        """A client command's standard output."""
        done = subprocess.run(
            argv, env=self.environment(), cwd=self.folder / "work", capture_output=True, text=True, check=False,
            timeout=60, input=stdin,
        )  # fmt: skip
        if check and done.returncode:
            raise SlurmNotUpError(f"{' '.join(argv)}: {done.stderr.strip() or done.stdout.strip()}")
        return done.stdout

    def token(self, user: str = "root", seconds: int = 3600) -> str:
        """For slurmrestd."""
        return self.run("scontrol", "token", f"username={user}", f"lifespan={seconds}").strip().partition("=")[2]


def missing() -> list[str]:
    """Programs that are not installed."""
    return [name for name in PROGRAMS if shutil.which(name, path=_PATH) is None]


def install() -> None:
    """Debian's packages; a policy file keeps their services from starting meanwhile, where there is none yet."""
    if not missing():
        return
    environment = {**os.environ, "DEBIAN_FRONTEND": "noninteractive", "LC_ALL": "C.UTF-8"}
    ours = not _POLICY.exists()
    if ours:
        _POLICY.write_text("#!/bin/sh\nexit 101\n", encoding="ascii")
        _POLICY.chmod(0o755)
    try:
        subprocess.run(["apt-get", "update", "-qq"], check=True, env=environment)
        subprocess.run(
            ["apt-get", "install", "-y", "-qq", "--no-install-recommends", *PACKAGES],
            check=True, env=environment, stdout=subprocess.DEVNULL,
        )  # fmt: skip
    finally:
        if ours:
            _POLICY.unlink()


def up(folder: Path) -> Slurm:
    """Start one in a folder of its own, which is made.

    Raises:
        SlurmNotUpError: a program did not start, or programs are missing.
    """
    if left := missing():
        raise SlurmNotUpError(f"not installed: {', '.join(left)}; run python -m tools.slurm install")
    if os.geteuid() != 0:
        raise SlurmNotUpError("needs root: slurmd starts jobs of any user")
    folder.mkdir(parents=True, mode=0o755)
    folder.chmod(0o755)
    slurm = Slurm(folder, ports.choose(_PORTS, random.SystemRandom()))
    try:
        _write(slurm)
        _start(slurm)
    except BaseException:
        _save(slurm)
        down(folder, keep=True)
        raise
    _save(slurm)
    return slurm


def find(folder: Path) -> Slurm:
    """One that was started before.

    Raises:
        SlurmNotUpError: none was, or its folder is somebody else's.
    """
    try:
        text, owner = (folder / _STATE).read_text(encoding="utf-8"), (folder / _STATE).stat().st_uid
    except OSError:
        raise SlurmNotUpError(f"no Slurm was started in {folder}") from None
    if owner != os.geteuid():
        raise SlurmNotUpError(f"{folder} is somebody else's")
    found = json.loads(text)
    return Slurm(folder, found["ports"], [processes.Process(*each) for each in found["processes"]])


def down(folder: Path, *, keep: bool = False) -> None:
    """Stop everything that was started there, each by its own id, jobs included, and remove the folder."""
    slurm = find(folder)
    marker = str(folder)
    with suppress(SlurmNotUpError, subprocess.SubprocessError, OSError):
        slurm.run("scancel", "--quiet", "--signal=KILL", "--full", "--state=RUNNING", check=False)
    jobs = _descendants(each.pid for each in processes.marked(marker))
    processes.stop(reversed(slurm.started), marker, grace_seconds=8)
    processes.stop(processes.marked(marker), marker, grace_seconds=2)
    for pid, began in jobs.items():
        if _began(pid) == began:
            with suppress(ProcessLookupError):
                os.kill(pid, signal.SIGKILL)
    if not keep:
        shutil.rmtree(folder, ignore_errors=True)


def _save(slurm: Slurm) -> None:
    text = json.dumps({"ports": slurm.ports, "processes": [[each.pid, each.start_time] for each in slurm.started]})
    (slurm.folder / _STATE).write_text(text, encoding="utf-8")


def _write(slurm: Slurm) -> None:
    folder, at = slurm.folder, slurm.ports
    for name in ("log", "run", "spool", "state", "work", "dev"):
        (folder / name).mkdir()
        (folder / name).chmod(0o755)
    (folder / "work").chmod(0o1777)
    _secret(folder / "munge.key", secrets.token_bytes(128))
    _secret(folder / "jwt.key", secrets.token_bytes(32))
    for number in range(GPUS):
        # A count without files leaves a node invalid, plain files set no CUDA_VISIBLE_DEVICES: null devices do both.
        os.mknod(folder / "dev" / f"nvidia{number}", 0o666 | stat.S_IFCHR, os.makedev(1, 3))
    host = socket.gethostname().partition(".")[0]
    (folder / "gres.conf").write_text(
        f"NodeName=gpu[0-1] Name=gpu Type=a100 File={folder}/dev/nvidia[0-{GPUS - 1}]\n", encoding="ascii"
    )
    nodes = "\n".join(
        f"NodeName={name} NodeHostname={host} NodeAddr=127.0.0.1 Port={at[name]} CPUs={CPUS} RealMemory={MEMORY_MIB}"
        + (f" Gres=gpu:a100:{GPUS} Feature=a100" if name.startswith("gpu") else "")
        for name in NODES
    )
    (folder / "slurm.conf").write_text(_conf(folder, at, host) + nodes + "\n" + _PARTITIONS, encoding="ascii")
    _secret(folder / "slurmdbd.conf", _database_conf(folder, at, host).encode("ascii"))


def _secret(file: Path, content: bytes) -> None:
    with os.fdopen(os.open(file, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "wb") as out:
        out.write(content)


_PARTITIONS: Final = """
PartitionName=batch Nodes=ALL Default=YES MaxTime=60 DefaultTime=10 PriorityTier=10 PreemptMode=REQUEUE GraceTime=4
PartitionName=steady Nodes=ALL MaxTime=60 DefaultTime=10 PriorityTier=10 PreemptMode=OFF
PartitionName=urgent Nodes=ALL MaxTime=60 DefaultTime=10 PriorityTier=100 PreemptMode=OFF
"""
"""What runs in `batch` gives way to what waits in `urgent`; what runs in `steady` does not."""


def _conf(folder: Path, at: Mapping[str, int], host: str) -> str:
    return f"""ClusterName={CLUSTER}
SlurmctldHost={host}(127.0.0.1)
SlurmctldPort={at["slurmctld"]}
SlurmUser=root
SlurmdUser=root
AuthType=auth/munge
# How long a job that was requeued waits, at most, is the life of its credential.
AuthInfo=socket={folder}/run/munge,cred_expire=5
AuthAltTypes=auth/jwt
AuthAltParameters=jwt_key={folder}/jwt.key
CredType=cred/munge
StateSaveLocation={folder}/state
SlurmdSpoolDir={folder}/spool/%n
SlurmctldPidFile={folder}/run/slurmctld.pid
SlurmdPidFile={folder}/run/%n.pid
MpiDefault=none
ProctrackType=proctrack/linuxproc
TaskPlugin=task/none
SwitchType=switch/none
JobAcctGatherType=jobacct_gather/linux
JobAcctGatherFrequency=task=5
ReturnToService=2
SlurmdParameters=config_overrides
SelectType=select/cons_tres
SelectTypeParameters=CR_Core_Memory
DefMemPerCPU=100
GresTypes=gpu
PriorityType=priority/multifactor
PriorityWeightQOS=1000
PreemptType=preempt/partition_prio
PreemptMode=REQUEUE
SlurmctldParameters=preempt_send_user_signal
SchedulerType=sched/backfill
SchedulerParameters=sched_interval=1,bf_interval=1,batch_sched_delay=0,max_rpc_cnt=0
MinJobAge=300
KillWait=2
JobRequeue=1
AccountingStorageType=accounting_storage/slurmdbd
AccountingStorageHost=127.0.0.1
AccountingStoragePort={at["slurmdbd"]}
AccountingStoragePass={folder}/run/munge
AccountingStorageTRES=gres/gpu,gres/gpu:a100
AccountingStorageEnforce=associations,limits,qos
AccountingStoreFlags=job_comment
"""


def _database_conf(folder: Path, at: Mapping[str, int], host: str) -> str:
    return f"""AuthType=auth/munge
AuthInfo=socket={folder}/run/munge
AuthAltTypes=auth/jwt
AuthAltParameters=jwt_key={folder}/jwt.key
DbdHost={host}
DbdAddr=127.0.0.1
DbdPort={at["slurmdbd"]}
SlurmUser=root
PidFile={folder}/run/slurmdbd.pid
StorageType=accounting_storage/mysql
StorageHost=127.0.0.1
StoragePort={at["mariadb"]}
StorageUser=root
StorageLoc=slurm_acct
"""


def _start(slurm: Slurm) -> None:
    folder = slurm.folder
    began = time.monotonic()

    def step(name: str) -> None:
        nonlocal began
        slurm.seconds[name], began = time.monotonic() - began, time.monotonic()

    _run(slurm, "munged", "--foreground", "--force", f"--socket={folder}/run/munge", f"--key-file={folder}/munge.key",
         f"--pid-file={folder}/run/munged.pid", f"--log-file={folder}/log/munged.log",
         f"--seed-file={folder}/run/munge.seed", "--num-threads=2")  # fmt: skip
    _database(slurm)
    step("database")
    _run(slurm, "slurmdbd", "-D")
    # The table of clusters is the last that a fresh slurmdbd makes before it answers.
    _until(slurm, "slurmdbd", lambda: _said(slurm, "sacctmgr", "-i", "add", "cluster", CLUSTER), "Adding")
    _accounts(slurm)
    step("slurmdbd")
    _run(slurm, "slurmctld", "-D", "-i")
    for name in NODES:
        _run(slurm, "slurmd", "-D", "-N", name, label=name)
    _run(slurm, "slurmrestd", "-a", "rest_auth/jwt", "-s", "openapi/v0.0.38,openapi/dbv0.0.38",
         f"127.0.0.1:{slurm.ports['slurmrestd']}", user=REST_USER, more={"SLURM_JWT": "daemon"})  # fmt: skip
    _until(slurm, "slurmctld", lambda: _said(slurm, "scontrol", "ping"), "is UP")
    # Devices are known to the accounting once slurmctld has registered them; before, such limits are refused silently.
    _until(slurm, "slurmctld", lambda: _said(slurm, "sacctmgr", "-nP", "show", "tres"), "gpu:a100")
    step("slurmctld")
    _limits(slurm)
    step("limits")
    _until(slurm, NODES[0], lambda: _said(slurm, "sinfo", "-h", "-N", "-o", "%N:%T;"), *(f"{n}:idle;" for n in NODES))
    step("nodes")


def _database(slurm: Slurm) -> None:
    data = slurm.folder / "data"
    data.mkdir(mode=0o700)
    user = pwd.getpwnam("mysql")
    os.chown(data, user.pw_uid, user.pw_gid)
    done = subprocess.run(
        ["mariadb-install-db", "--no-defaults", "--user=mysql", f"--datadir={data}",
         "--auth-root-authentication-method=normal", "--skip-test-db", "--skip-name-resolve"],
        capture_output=True, text=True, env={"PATH": _PATH}, check=False, timeout=120, cwd="/",
    )  # fmt: skip
    if done.returncode:
        raise SlurmNotUpError(f"mariadb-install-db: {done.stdout[-800:]}{done.stderr[-800:]}")
    port = slurm.ports["mariadb"]
    _run(slurm, "mariadbd", "--no-defaults", "--user=mysql", f"--datadir={data}", "--bind-address=127.0.0.1",
         f"--port={port}", f"--socket={data}/socket", "--innodb-buffer-pool-size=64M", "--innodb-log-file-size=32M",
         "--innodb-flush-log-at-trx-commit=0", "--innodb-lock-wait-timeout=900", "--skip-log-bin")  # fmt: skip
    _until(slurm, "mariadbd", lambda: _listens(port))


def _accounts(slurm: Slurm) -> None:
    """Before slurmctld runs, to which each would be told one by one."""
    first = next(iter(ACCOUNTS))
    _sacctmgr(
        slurm,
        f"add account {','.join(ACCOUNTS)} Cluster={CLUSTER}",
        "add qos short Priority=100 MaxWall=00:10:00",
        "add qos single",
        f"add user {','.join(USERS)} Account={','.join(ACCOUNTS)} Cluster={CLUSTER} DefaultAccount={first} "
        "QOS=normal,short,single DefaultQOS=normal",
    )


def _limits(slurm: Slurm) -> None:
    by_limit: dict[str, list[str]] = {}
    for name, most in ACCOUNTS.items():
        by_limit.setdefault(most, []).append(name)
    said = _sacctmgr(
        slurm,
        *(f"modify account {','.join(names)} set GrpTRES={most}" for most, names in by_limit.items()),
        "modify qos single set GrpTRES=gres/gpu=1",
    )
    made = slurm.run("sacctmgr", "-nP", "show", "assoc", "format=account,user,grptres").splitlines()
    wanted = {f"{name}||{most}" for name, most in ACCOUNTS.items()}
    wanted |= {f"{name}|{user}|" for name in ACCOUNTS for user in USERS}
    if lacking := wanted - set(made):
        raise SlurmNotUpError(f"sacctmgr did not make {sorted(lacking)}: {said[-1000:]}")


def _sacctmgr(slurm: Slurm, *lines: str) -> str:
    """All in one call: each alone takes half a second."""
    return slurm.run("sacctmgr", "-i", stdin="\n".join([*lines, "quit", ""]))


def _run(
    slurm: Slurm, program: str, *arguments: str, label: str = "", user: str = "", more: Mapping[str, str] | None = None
) -> None:
    environment = {**slurm.environment(), **(more or {}), processes.MARKER: str(slurm.folder)}
    argv = [program, *arguments]
    if user:
        argv = ["setpriv", f"--reuid={user}", f"--regid={pwd.getpwnam(user).pw_gid}", "--clear-groups", *argv]
    log = slurm.folder / "log" / f"{label or program}.out"
    slurm.started.append(processes.start(argv, folder=slurm.folder / "work", env=environment, log=log))


def _until(slurm: Slurm, program: str, asked: Callable[[], str], *wanted: str, seconds: float = 60) -> None:
    """Wait until an answer holds all of the words."""
    deadline = time.monotonic() + seconds
    while True:
        said = asked()
        if said and all(word in said for word in wanted):
            return
        if time.monotonic() > deadline:
            tail = processes.tail(slurm.folder / "log" / f"{program}.out", 20)
            raise SlurmNotUpError(f"{program} is not ready after {seconds:g} s; it answered {said!r} and wrote\n{tail}")
        time.sleep(0.1)


def _said(slurm: Slurm, *argv: str) -> str:
    try:
        return slurm.run(*argv, check=False)
    except subprocess.SubprocessError:
        return ""


def _listens(port: int) -> str:
    with socket.socket() as probe:
        return "yes" if probe.connect_ex(("127.0.0.1", port)) == 0 else ""


def _descendants(roots: Iterable[int]) -> dict[int, int]:
    """Processes below others, jobs' too, each with when it began."""
    children: dict[int, list[int]] = {}
    for entry in Path("/proc").iterdir():
        if entry.name.isdigit():
            with suppress(OSError, IndexError):
                parent = int((entry / "stat").read_text(errors="replace").rpartition(")")[2].split()[1])
                children.setdefault(parent, []).append(int(entry.name))
    found: dict[int, int] = {}
    left = list(roots)
    while left:
        for child in children.get(left.pop(), ()):
            if child not in found and (began := _began(child)):
                found[child] = began
                left.append(child)
    return found


def _began(pid: int) -> int:
    try:
        stat_line = processes.parse_stat((Path("/proc") / str(pid) / "stat").read_text(errors="replace"))
    except OSError:
        return 0
    return stat_line[1] if stat_line else 0


def main() -> None:
    """See the top."""
    parser = argparse.ArgumentParser(prog="python -m tools.slurm", description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("what", choices=("install", "up", "down"))
    parser.add_argument("--folder", type=Path, default=FOLDER)
    asked = parser.parse_args()
    try:
        if asked.what == "install":
            install()
        elif asked.what == "down":
            down(asked.folder)
        else:
            began = time.monotonic()
            slurm = up(asked.folder)
            print(f"# Slurm runs since {time.monotonic() - began:.1f} s: {slurm.seconds}", file=sys.stderr)
            print(f"export SLURM_CONF={slurm.conf}\nexport SLURMRESTD_URL={slurm.rest_url}")
    except (SlurmNotUpError, subprocess.CalledProcessError, FileExistsError) as error:
        sys.exit(f"slurm: {error}")


if __name__ == "__main__":
    main()
