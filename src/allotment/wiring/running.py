"""Settings → the ports of whatever runs jobs on this machine. Each function imports what it needs when it is called."""

from __future__ import annotations

import os
from collections.abc import Callable, Mapping
from contextlib import AbstractContextManager
from pathlib import Path
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from allotment.ports.clock import Clock
    from allotment.ports.credentials import CredentialsPort
    from allotment.ports.devices import MachineDevices
    from allotment.ports.identity import IdentityProvider, ProviderSettings
    from allotment.ports.job_code import CodePacker, CodeShelf
    from allotment.ports.job_folders import JobFolders
    from allotment.ports.job_processes import JobProcesses
    from allotment.ports.job_remains import RemainsOfJobs
    from allotment.ports.job_secrets import JobSecrets
    from allotment.ports.job_server import AskedServer, JobServer
    from allotment.ports.machine import MachinePort
    from allotment.ports.repository import RepositoryPort
    from allotment.ports.sealing import Sealing
    from allotment.ports.sign_in import BrowserListener, SignInService


SOCKET: Final = "server.sock"
"""Name of the server's socket in its folder."""


def server_folder(environment: Mapping[str, str]) -> Path:
    """Where the server keeps its socket, its log and the folders of jobs: ``XDG_STATE_HOME/allotment/server``."""
    state = environment.get("XDG_STATE_HOME") or str(Path(environment.get("HOME", "/")) / ".local" / "state")
    return Path(state) / "allotment" / "server"


def own_server_folder(environment: Mapping[str, str]) -> Path:
    """The same, made, and refused where others may write into it."""
    return own_folder(server_folder(environment))


def demo_folder(server_folder: Path) -> Path:
    """Where a demo keeps all that it has, beside the folder of its user's own server."""
    return server_folder.parent / "demo"


def demo_store(folder: Path) -> Path:
    """Where a demo keeps its jobs, in its folder."""
    return folder / "jobs.db"


def own_folder(folder: Path) -> Path:
    """A folder, made, and refused where others may write into it."""
    from allotment.adapters.server.own_folder import made_own

    return made_own(folder)


def folder_afresh(folder: Path) -> Path:
    """A folder, made anew: what is there goes."""
    from allotment.adapters.server.own_folder import made_afresh

    return made_afresh(folder)


def begin_repository(folder: Path, message: str) -> None:
    """Put a folder into a Git repository of its own.

    Raises:
        NotFoundError: there is no git.
    """
    from allotment.adapters.git_repository.beginning import begin_repository as begin

    begin(folder, message)


def server_key(folder: Path) -> bytes:
    """What only the server of that folder knows."""
    from allotment.adapters.server.own_key import own_key

    return own_key(folder / "key")


def sealing(folder: Path, key_file: str, environment: Mapping[str, str]) -> Sealing:
    """What seals credentials that the server keeps.

    Args:
        folder: of the server.
        key_file: where its keys lie; empty for a file in the folder.
        environment: which may hold them instead.

    Raises:
        InputError: what is there is no key, or others may read it.
    """
    from allotment.adapters.sealing.key_file import sealing_of

    return sealing_of(Path(key_file) if key_file else folder / "credentials.key", environment)


def job_server(environment: Mapping[str, str]) -> JobServer:
    """The server of this user on this machine, whether or not it runs."""
    from allotment.adapters.server.process import ServerProcess

    return ServerProcess(server_folder(environment), SOCKET, dict(environment))


def remote_server(address: str, token: str, authority: str = "") -> AskedServer:
    """A server elsewhere.

    Args:
        address: of it.
        token: that is shown there.
        authority: file of certificates that its own is checked against; empty for those of this machine.

    Raises:
        UsageError: that is no address of one.
        InputError: that file has no certificates.
    """
    from allotment.adapters.server.client import RemoteServer
    from allotment.adapters.server.ways import NetworkWay

    return RemoteServer(NetworkWay(address, token, authority))


def host_of(address: str) -> str:
    """The host in the address of a server.

    Raises:
        UsageError: that is no address of one.
    """
    from allotment.adapters.server.ways import network_address

    return network_address(address)[0]


def sign_in_service(address: str, authority: str = "") -> SignInService:
    """A server elsewhere, for whoever it does not know yet.

    Args:
        address: of it.
        authority: file of certificates that its own is checked against; empty for those of this machine.

    Raises:
        UsageError: that is no address of one.
        InputError: that file has no certificates.
    """
    from allotment.adapters.server.client import RemoteServer
    from allotment.adapters.server.ways import NO_TOKEN, NetworkWay

    return RemoteServer(NetworkWay(address, NO_TOKEN, authority))


def browser_listener() -> AbstractContextManager[BrowserListener]:
    """Where a browser on this machine brings an identity provider's answer."""
    from allotment.adapters.oidc.loopback import LoopbackListener

    return LoopbackListener(is_our_user)


def is_our_user(there: tuple[str, int], here: tuple[str, int]) -> bool | None:
    """Whether who has come is the user of this process, as far as the system tells; see the adapter."""
    from allotment.adapters.local.connection_users import is_our_user as found

    return found(there, here)


def identity_provider(
    settings: ProviderSettings, say: Callable[[str], None] = lambda _: None
) -> AbstractContextManager[IdentityProvider]:
    """An identity provider; nothing is asked yet.

    Args:
        settings: what is agreed with it.
        say: takes lines of a log.

    Raises:
        UsageError: the settings cannot be.
        InputError: the file of certificates cannot be read.
    """
    from allotment.adapters.oidc.client import connect_provider

    return connect_provider(settings, say=say)


def credentials(environment: Mapping[str, str]) -> CredentialsPort:
    """What the user is let in with elsewhere."""
    from allotment.adapters.credentials_file import CredentialsFile
    from allotment.adapters.settings_file import config_path

    return CredentialsFile(config_path(environment).parent / "credentials.json")


def example_platform() -> Path:
    """The platform directory that comes along, for those who have none yet."""
    return Path(__file__).parent.parent / "example"


def first_jobs() -> Path:
    """The folder of example jobs that come along."""
    return Path(__file__).parent.parent / "first_jobs"


def machine() -> MachinePort:
    """CPU and memory of this machine."""
    from allotment.adapters.holding import ALLOWED
    from allotment.adapters.local.machine import LocalMachine

    return LocalMachine(len(ALLOWED))


def machine_devices(slots: int) -> MachineDevices:
    """Accelerators of this machine; `slots` stand for some where there are none."""
    from allotment.adapters.local.devices import LocalDevices

    return LocalDevices(slots)


def job_processes(folder: Path) -> JobProcesses:
    """Processes of jobs, their launches in a folder."""
    from allotment.adapters.holding import ALLOWED
    from allotment.adapters.local.processes import LocalProcesses

    return LocalProcesses(folder, processors=ALLOWED)


def job_folders(folder: Path) -> JobFolders:
    """Folders of jobs, below one."""
    from allotment.adapters.local.job_folders import LocalJobFolders

    return LocalJobFolders(folder)


def job_remains(folder: Path) -> RemainsOfJobs:
    """What jobs have left below the server's folder."""
    from allotment.adapters.local.processes import LocalProcesses
    from allotment.adapters.local.remains import LocalRemains

    return LocalRemains(folder, lambda: LocalProcesses(folder / "launches"))


def job_secrets(folder: Path) -> JobSecrets:
    """Files of secrets, below a folder."""
    from allotment.adapters.local.secret_files import SecretFiles

    return SecretFiles(folder)


def own_secrets(environment: Mapping[str, str]) -> JobSecrets:
    """The user's own, for jobs on this machine: ``$XDG_CONFIG_HOME/allotment/secrets/TEAM/NAME/KEY``."""
    from allotment.adapters.settings_file import config_path

    return job_secrets(config_path(environment).parent / "secrets")


def code_shelf(folder: Path) -> CodeShelf:
    """Packed code, in a folder."""
    from allotment.adapters.local.job_folders import FolderShelf

    return FolderShelf(folder)


def code_packer() -> CodePacker:
    """Packs folders of code; what Allotment keeps below the user's folders never travels."""
    from allotment.adapters.local.job_folders import FolderPacker

    return FolderPacker((server_folder(os.environ).parent,))


def read_code(path: str) -> bytes:
    """Packed code that lies at a path."""
    return Path(path).read_bytes()


def new_job_id() -> str:
    """An id that no other job has: a letter and ten more, of 50 random bits."""
    from allotment.adapters.local.identity import random_job_id

    return random_job_id()


def new_request_id() -> str:
    """An id that no other request has: a letter, and seven letters and digits that nobody can guess."""
    import secrets

    letters = "abcdefghjkmnpqrstvwxyz"
    return secrets.choice(letters) + "".join(secrets.choice(letters + "23456789") for _ in range(7))


def platform_repository(directory: Path) -> RepositoryPort | None:
    """The Git repository that a platform directory of this machine lies in; None where it lies in none."""
    from allotment.adapters.git import revision
    from allotment.adapters.git_repository.working_copy import WorkingCopyRepository
    from allotment.ports.repository import CommitPerson

    commit, _ = revision(directory)
    return WorkingCopyRepository(directory, CommitPerson("Allotment", _own_address())) if commit else None


def check_repository(address: str) -> None:
    """That a repository elsewhere is asked there, before a server is started with it.

    Raises:
        UsageError: that is no address, or holds a password.
    """
    from allotment.adapters.git_repository.remotes import remote_place

    remote_place(address)


def remote_repository(
    address: str, branch: str, folder: str, mode: str, clone: Path, environment: Mapping[str, str]
) -> RepositoryPort:
    """A repository elsewhere.

    Args:
        address: that git knows.
        branch: that counts.
        folder: the platform directory within; empty for the repository itself.
        mode: a word of `CommitMode`.
        clone: our own folder for what is fetched.
        environment: may hold the password of the user that the address names.

    Raises:
        UsageError: that is no address, branch or mode.
        InputError: that is no folder within.
    """
    from allotment.adapters.git_repository.remote import RemoteBranch, RemoteRepository
    from allotment.adapters.git_repository.remotes import OPENED_BY, remote_place
    from allotment.ports.repository import CommitMode, CommitPerson

    at = RemoteBranch(remote_place(address, environment.get(OPENED_BY, "")), branch, folder)
    return RemoteRepository(at, CommitMode(mode), CommitPerson("Allotment", _own_address()), clone)


def _own_address() -> str:
    """As whom a server of this machine commits."""
    import socket

    return f"allotment@{socket.gethostname()}"


def steady_clock(place: Path, *, keep: bool) -> Clock:
    """A clock that is not set when the machine's is; `keep`: it goes on from the one before."""
    from allotment.adapters.steady_clock import SteadyClock

    return SteadyClock(place, keep=keep)


def later_clock(one: Clock, other: Clock) -> Clock:
    """The later of two clocks."""
    from allotment.adapters.clock import LaterClock

    return LaterClock(one, other)


def beside() -> Callable[[Callable[[], None]], None]:
    """Has something done in a thread of its own."""
    from allotment.adapters.local.beside import in_a_thread

    return in_a_thread


def instead() -> Mapping[str, str]:
    """Programs that this machine has under another name: `python` is called `python3` by many."""
    from allotment.adapters.local.identity import found_program

    return {} if found_program("python") or not found_program("python3") else {"python": "python3"}


def has_program(name: str) -> bool:
    """Whether this machine has a program."""
    from allotment.adapters.local.identity import found_program

    return found_program(name)


def user_name() -> str:
    """Who runs this process."""
    from allotment.adapters.local.identity import user_name as name

    return name()


def version() -> str:
    """Of this program."""
    from importlib.metadata import version as version_of

    return version_of("allotment")


def held_while_busy() -> AbstractContextManager[None]:
    """Whatever computes much in the block is held to one processor: threads take turns in any case."""
    from allotment.adapters.holding import held_while_busy as held

    return held()
