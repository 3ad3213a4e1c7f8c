"""`SlurmPort` over slurmrestd.

Of the versions that both sides speak the latest is used; it is asked for once. Only v0.0.38 (Slurm 22.05) was run
against; v0.0.40 to v0.0.43 are read and written by the published schema. A job is posted once: where the answer is
lost, it is looked for by the identity in its name. No redirect is followed, and a token goes only to this machine or
through TLS.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Mapping
from typing import Any, Final, Self
from urllib.parse import quote

import httpx2 as httpx

from allotment.adapters.slurm import answers
from allotment.adapters.slurm.bodies import VERSIONS, body_of, named_job
from allotment.adapters.slurm.finding import found_again
from allotment.adapters.slurm.refusals import is_done
from allotment.adapters.slurm.rest import RestSession, Token
from allotment.adapters.slurm.used import run_of_answer, used_together
from allotment.errors import (
    NotFoundError,
    UnreachableError,
    UsageError,
    quoted_message,
)
from allotment.model.hosts import is_on_this_machine
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

_TIMEOUT: Final = httpx.Timeout(60.0, connect=5.0)


def connect_slurm(
    url: str,
    token: Token,
    user: str = "",
    http_transport: httpx.BaseTransport | None = None,
    described: Callable[[], str] = lambda: "",
) -> SlurmRest:
    """A client for a slurmrestd; nothing is sent yet.

    Args:
        url: of the server, without a path.
        token: gives one that is good at a time (seconds since 1970).
        user: whose token it is; empty for whom the token itself names.
        http_transport: instead of the network.
        described: where its address stands, told where nothing answers; empty for nothing.

    Raises:
        UsageError: the address is none, or a token would go over the network in the clear.
    """
    try:
        address = httpx.URL(url)
    except (httpx.InvalidURL, ValueError, TypeError):
        raise _no_address() from None
    if address.scheme not in {"http", "https"} or not address.host or address.username or address.query:
        raise _no_address()
    here = is_on_this_machine(address.host)
    if address.scheme == "http" and not here:
        raise UsageError(
            "the token for Slurm would go over the network in the clear",
            fix="give an https:// address, or forward the port of slurmrestd to this machine (ssh -L)",
        )
    http = httpx.Client(
        base_url=address.copy_with(query=None, fragment=None),
        timeout=_TIMEOUT,
        follow_redirects=False,
        transport=http_transport,
        trust_env=not here,
        headers={"User-Agent": "allotment", "Accept": "application/json"},
    )
    return SlurmRest(http, str(address).rstrip("/"), token, user, described)


def _no_address() -> UsageError:
    # The address is not repeated: it may hold a password.
    return UsageError("this is no address of a slurmrestd", fix="write it like https://slurm.example:6820")


class SlurmRest:
    """One slurmrestd. Close it, or use it as a context manager."""

    def __init__(
        self, http: httpx.Client, place: str, token: Token, user: str, described: Callable[[], str] = lambda: ""
    ) -> None:
        """Over a client that knows the address; `place` is how it is shown, `described` where it stands."""
        self._rest = RestSession(http, place, token, user, described)
        self._version = ""
        self._release = ""

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def close(self) -> None:
        """Give the connections back."""
        self._rest.close()

    def place(self) -> str:
        """The address."""
        return self._rest.place

    @property
    def user(self) -> str:
        """As it was given, or as the token names it.

        Raises:
            NotSignedInError: the token names nobody.
        """
        return self._rest.user

    def version(self) -> str:
        """Slurm's release, and what is spoken."""
        spoken = self._spoken()
        return f"{self._release} (REST {spoken})" if self._release else f"REST {spoken}"

    def submit(self, asked: SlurmSubmission, since: int | None = 0) -> SlurmReceipt:
        """Hand a job in, once."""
        body = body_of(asked, self._spoken())
        if since is not None and (found := self._found(asked, since)):
            return found
        began = int(time.time())
        what = f"Slurm does not take {quoted_message(asked.name)}"
        try:
            answer, refused = self._rest.sent("POST", self._at("job/submit"), what, body)
        except UnreachableError:
            # It may have come in all the same.
            if found := self._found(asked, began if since is None else since):
                return found
            raise
        job_id = answers.number(answer, "job_id")
        if not job_id:
            raise refused or SlurmRefusedError(what, why="it answers without a number")
        said = [refused.why] if refused else []
        said += [answers.text(answer, "job_submit_user_msg")]
        return SlurmReceipt(job_id, said="; ".join(each for each in said if each))

    def _found(self, asked: SlurmSubmission, since: int) -> SlurmReceipt | None:
        return found_again(asked, self.user, self.jobs(), self._booked_as(asked.job_name), since)

    def _booked_as(self, name: str) -> Iterator[SlurmBooking]:
        """Asked for only when slurmctld knows none."""
        try:
            yield from map(
                answers.booking_of,
                self._listed(
                    self._at("jobs", "slurmdb"),
                    "jobs",
                    {"job_name": name, "start_time": answers.moment(0), "skip_steps": "1"},
                ),
            )
        except NotFoundError:
            return

    def jobs(self) -> tuple[SlurmJob, ...]:
        """All that slurmctld knows."""
        return tuple(map(answers.job_of, self._listed(self._at("jobs"), "jobs")))

    def cancel(self, job_id: int, signal: str = "", *, task: int | None = None) -> None:
        """End it, or signal its steps."""
        params = {"signal": signal} if signal else None
        named = named_job(job_id, task)
        _, refused = self._rest.sent(
            "DELETE", self._at(f"job/{named}"), f"Slurm does not end job {named}", params=params
        )
        if refused is not None and not is_done(refused.why):
            raise refused

    def hold(self, job_id: int) -> None:
        """Let it not start."""
        self._update(job_id, "hold", {"hold": True})

    def release(self, job_id: int) -> None:
        """Let it start."""
        self._update(job_id, "release", {"hold": False})

    def _update(self, job_id: int, verb: str, change: Mapping[str, Any]) -> None:
        what = f"Slurm does not {verb} job {job_id}"
        job = next((each for each in self.jobs() if each.job_id == job_id), None)
        if job is None:
            raise NotFoundError(what, why="it knows no such job")
        # v0.0.38 sets a job that is updated back to one node where the update names no number.
        _, refused = self._rest.sent(
            "POST", self._at(f"job/{job_id}"), what, {**change, "nodes": str(max(1, job.node_count))}
        )
        if refused is not None:
            raise refused

    def nodes(self) -> tuple[SlurmNode, ...]:
        """All nodes."""
        return tuple(map(answers.node_of, self._listed(self._at("nodes"), "nodes")))

    def partitions(self) -> tuple[SlurmPartition, ...]:
        """All partitions."""
        return tuple(map(answers.partition_of, self._listed(self._at("partitions"), "partitions")))

    def associations(self) -> tuple[SlurmAssociation, ...]:
        """Limits; what jobs that run hold is added up here, as slurmrestd does not tell it."""
        try:
            raws = self._listed(self._at("associations", "slurmdb"), "associations")
        except NotFoundError:
            return ()
        jobs = self._listed(self._at("jobs"), "jobs")
        here = next((found for raw in jobs if (found := answers.text(raw, "cluster"))), "")
        raws = [raw for raw in raws if answers.text(raw, "cluster") == here or not here]
        parents = {answers.text(raw, "account"): answers.text(raw, "parent_account") for raw in raws
                   if not answers.text(raw, "user")}  # fmt: skip
        used = answers.use_by(map(answers.job_of, jobs), parents)
        return tuple(
            answers.association_of(raw, used.get((answers.text(raw, "account"), answers.text(raw, "user")), {}))
            for raw in raws
        )

    def qualities(self) -> tuple[SlurmQos, ...]:
        """All qualities of service."""
        try:
            raws = self._listed(self._at("qos", "slurmdb"), "qos", other="QOS")
        except NotFoundError:
            return ()
        used = answers.use_by_qos(self.jobs())
        return tuple(answers.qos_of(raw, used.get(answers.text(raw, "name"), {})) for raw in raws)

    def reservations(self) -> tuple[SlurmReservation, ...]:
        """All reservations."""
        return tuple(map(answers.reservation_of, self._listed(self._at("reservations"), "reservations")))

    def licenses(self) -> tuple[SlurmLicense, ...]:
        """All licences."""
        return tuple(map(answers.license_of, self._listed(self._at("licenses"), "licenses")))

    def used(self, job_id: int) -> SlurmUse:
        """What the accounting gathered of all runs of a job."""
        jobs = self._listed(f"{self._at('job', 'slurmdb')}/{job_id}", "jobs")
        return used_together([run_of_answer(each) for each in jobs])

    def bookings(self, since: int) -> tuple[SlurmBooking, ...]:
        """What the accounting has."""
        params = {"start_time": answers.moment(since), "skip_steps": "1"}
        found = map(answers.booking_of, self._listed(self._at("jobs", "slurmdb"), "jobs", params))
        return tuple(each for each in found if each.ended == 0 or each.ended >= since)

    def _spoken(self) -> str:
        """The version; asked once."""
        if not self._version:
            self._version = self._agreed()
        return self._version

    def _agreed(self) -> str:
        for version in VERSIONS:
            try:
                answer, _ = self._rest.sent("GET", f"slurm/{version}/ping", f"{self._rest.place} does not answer")
            except NotFoundError:
                continue
            self._release = answers.text(answers.below(answer, "meta", "Slurm"), "release") or answers.text(
                answers.below(answer, "meta", "slurm"), "release"
            )
            return version
        raise SlurmRefusedError(
            f"{self._rest.place} speaks no version that we know",
            why=f"asked for {', '.join(VERSIONS)}",
            fix="start slurmrestd with one of them (-s openapi/v0.0.38), or use the command line",
        )

    def _at(self, what: str, which: str = "slurm") -> str:
        return f"{which}/{self._spoken()}/{quote(what)}"

    def _listed(
        self, path: str, name: str, params: Mapping[str, str] | None = None, *, other: str = ""
    ) -> list[Mapping[str, Any]]:
        answer, refused = self._rest.sent("GET", path, f"Slurm does not tell its {name}", params=params)
        if refused is not None:
            raise refused
        found = answer.get(name, answer.get(other))
        if not isinstance(found, list):
            return []
        return [each for each in found if isinstance(each, Mapping)]
