"""A server with people, requests, clusters and a trail, asked in this process, through its socket and over the network.

What suites stand on that are the same for all of these.
"""

from __future__ import annotations

import os
import threading
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

from allotment.adapters.clock import SystemClock
from allotment.adapters.sealing.key_file import sealing_of
from allotment.adapters.server.client import RemoteServer
from allotment.adapters.server.ways import NetworkWay, SocketWay
from allotment.api.doors import HomeDoor, TokenDoor
from allotment.api.hardening import Hardened
from allotment.api.jobs import job_api
from allotment.api.serving import Listener, bound_address, bound_socket, serve
from allotment.cli.commands.account.trails import TrailElsewhere
from allotment.errors import AllotmentError
from allotment.model.access.caller import Caller, CallerKind
from allotment.model.access.permission import AFAR
from allotment.model.access.rights import OWN
from allotment.operations.access.admitting import Doorkeeper, LetIn
from allotment.operations.access.people import people_of
from allotment.operations.access.registry import Registry, RegistryOf
from allotment.operations.access.signing_in import SignIns
from allotment.operations.decide.asked import RequestsOf
from allotment.operations.fleet.credentials import ClusterCredentials
from allotment.operations.fleet.served import ClustersOf, ServedClusters
from allotment.ports.access_service import AccessService
from allotment.ports.audit import AuditReader
from allotment.ports.clock import Clock
from allotment.ports.cluster_service import ClusterService
from allotment.ports.request_service import RequestService
from allotment.ports.sign_in import SignInOffer
from allotment.wiring.running import SOCKET as SOCKET_NAME
from allotment.wiring.running import server_folder
from tests.unit.api.test_people import ISSUER, Vouching, said_of
from tests.unit.api.test_service import World
from tests.unit.operations.decide.test_desk import ACME, Office
from tests.unit.operations.fleet.test_hub import Fleet

HERE = "127.0.0.1"
OWNER = "ada"
"""User whose server it is."""
IN_PROCESS, SOCKET, NETWORK = "in the process", "through the socket", "over the network"
WAYS = (IN_PROCESS, SOCKET, NETWORK)
OF_PEOPLE = (IN_PROCESS, NETWORK)
"""By which others than the server's own user come."""
ADMIN, AUDITOR = ("acme-platform-engineers",), ("acme-auditors",)
PLATFORM = {
    **ACME,
    "platform.yaml": ACME["platform.yaml"].replace("\nadminGroups:", f"\nauditorGroups: [{AUDITOR[0]}]\nadminGroups:"),
}

# Whoever asks may decide himself, so that one user is enough.
DECIDES_HIMSELF = {
    path: text.replace("    answerWithin:", "    othersOnly: false\n    answerWithin:")
    for path, text in PLATFORM.items()
}
ODD_NAME = 'a b?c=d=é#%41%"'
"""Nobody is called so, and each letter of it means something in an address."""
SLASHED_NAME = "a/../b"


@dataclass(frozen=True)
class Asking:
    """One caller, and all that he asks of a server."""

    name: str
    access: AccessService
    requests: RequestService
    clusters: ClusterService
    trail: AuditReader


@dataclass
class Premises:
    """A server, and its doors."""

    office: Office
    world: World
    fleet: Fleet
    sign_ins: SignIns
    registry: Registry
    keeper: Doorkeeper
    served: ServedClusters
    state: Path
    socket: Path
    address: str = ""

    @property
    def clock(self) -> Clock:
        """Of requests, tokens and people; jobs have another one."""
        return self.office.room.clock

    def session(self, subject: str, *groups: str) -> str:
        """What somebody shows who has signed in."""
        offer = self.sign_ins.offer()
        return self.sign_ins.enter(said_of(offer, subject, *groups), offer.nonce, HERE, HERE).text

    def token(self) -> str:
        """What the server's own user shows elsewhere: whoever has it runs programs in his name."""
        return self.own(IN_PROCESS).access.make_token("laptop", tuple(each.value for each in AFAR), 3_600_000).text

    def own(self, way: str) -> Asking:
        """The server's own user; over the network an administrator, who may the same here."""
        if way == NETWORK:
            return self.person(way, "root", *ADMIN)
        if way == SOCKET:
            return self._afar(OWNER, RemoteServer(SocketWay(self.socket)))
        return self._inside(LetIn(Caller(OWNER, CallerKind.LOCAL, "unix socket"), OWN))

    def person(self, way: str, subject: str, *groups: str) -> Asking:
        """Somebody who has signed in."""
        return self.holder(way, self.session(subject, *groups))

    def holder(self, way: str, text: str) -> Asking:
        """Whoever shows a token."""
        if way == IN_PROCESS:
            return self._inside(self.keeper.admit(text, HERE))
        found = RemoteServer(NetworkWay(self.address, text))
        return self._afar(found.whoami().name, found)

    def _afar(self, name: str, found: RemoteServer) -> Asking:
        return Asking(name, found, found, found, TrailElsewhere(found, self.address))

    def _inside(self, admitted: LetIn) -> Asking:
        return Asking(
            admitted.caller.name,
            RegistryOf(self.registry, admitted),
            RequestsOf(self.office.desk, self.office.room, admitted),
            ClustersOf(self.served, admitted.caller),
            self.office.store,
        )

    def acts(self, *verbs: str) -> list[tuple[str, str]]:
        """Who did what, of acts that begin so."""
        return [each for each in self.office.verbs() if each[1].startswith(verbs)]


@contextmanager
def opened(tmp_path: Path, *, made_up: bool = False, files: Mapping[str, str] = PLATFORM) -> Iterator[Premises]:
    """A server of the reference platform, which listens on a socket and on an address of this machine.

    Args:
        tmp_path: where its socket and its key are.
        made_up: whether its clusters are.
        files: of its platform directory.
    """
    world, office, fleet = World(files), Office(files=files), Fleet("training", "dev")
    store, clock = office.store, office.room.clock
    people = lambda: people_of(office.present)  # noqa: E731
    offer = SignInOffer(ISSUER, "allotment", ("openid",), "")
    sign_ins = SignIns(store, Vouching(), offer, people, clock, os.urandom)  # type: ignore[arg-type]
    registry = Registry(store, clock, os.urandom, "acme", "1", people, sign_ins)
    keeper = Doorkeeper(store, clock, people)
    key = tmp_path / "credentials.key"
    credentials = ClusterCredentials(store, lambda: sealing_of(key, {}), lambda: "acme", clock, fleet.hub.reopen)
    served = ServedClusters(fleet.hub, credentials, SystemClock(), made_up=made_up)
    api: Callable[..., Any] = partial(
        job_api, world.desk, registry, partial(RequestsOf, office.desk, office.room), clusters=served
    )
    # Where commands look for it whose state folder this is.
    path = server_folder({"XDG_STATE_HOME": str(tmp_path)}) / SOCKET_NAME
    path.parent.mkdir(parents=True)
    made = Premises(office, world, fleet, sign_ins, registry, keeper, served, tmp_path, path)
    with fleet.hub, bound_socket(path) as bound, bound_address(HERE, 0) as abroad:
        afar = Hardened(api(TokenDoor(keeper)), (HERE,), lambda: "request-1")
        thread = threading.Thread(
            target=serve, args=(api(HomeDoor(OWNER)), world.desk, bound, [Listener(afar, abroad)])
        )
        thread.start()
        made.address = f"http://{HERE}:{abroad.getsockname()[1]}"
        try:
            yield made
        finally:
            world.desk.end()
            thread.join(20)
    assert not thread.is_alive()


@dataclass(frozen=True)
class Refused:
    """An error, as whoever asked has it."""

    kind: str
    what: str
    why: str
    fix: str
    exit_code: int


def refused_by(call: Callable[[Asking], object], asking: Asking) -> Refused:
    """What somebody is refused with who asks for that."""
    try:
        call(asking)
    except AllotmentError as error:
        return Refused(type(error).__name__, error.what, error.why, error.fix, error.exit_code)
    raise AssertionError("it is done")
