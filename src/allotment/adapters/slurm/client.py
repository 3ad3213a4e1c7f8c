"""`SlurmPort` over slurmrestd.

Of the versions that both sides speak the latest is used; it is asked for once. Only v0.0.38 (Slurm 22.05) was run
against; v0.0.40 to v0.0.43 are read and written by the published schema. A job is posted once: where the answer is
lost, it is looked for by the identity in its name. No redirect is followed, and a token goes only to this machine or
through TLS.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import suppress
from http import HTTPStatus
from typing import Any, Final, Self
from urllib.parse import quote

import httpx2 as httpx
import msgspec

from allotment.adapters.slurm import answers
from allotment.adapters.slurm.bodies import VERSIONS, body_of, named_job
from allotment.adapters.slurm.finding import found_again
from allotment.adapters.slurm.refusals import NO_ACCOUNTING, NOTHING_FOUND, TOKEN_REFUSED, UNSPECIFIED, is_done, refusal
from allotment.adapters.slurm.tokens import ANEW, claims_of
from allotment.adapters.slurm.used import ended_by_of_answer, step_of_answer
from allotment.errors import (
    AllotmentError,
    ForbiddenError,
    NotFoundError,
    NotSignedInError,
    UnreachableError,
    UsageError,
    quoted_message,
    shown,
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
from allotment.model.slurm.used import SlurmUse, used_by
from allotment.ports.slurm import SlurmReceipt, SlurmRefusedError

MOST_BYTES: Final = 256 << 20
"""Of an answer: a hundred thousand jobs are some hundred MB."""
MOST_SECONDS: Final = 120.0
"""Of an answer, from the question to its last byte."""
_FIRST_BYTES: Final = 1 << 12
"""Of an answer, after which it is seen whether it may be one."""
_TIMEOUT: Final = httpx.Timeout(60.0, connect=5.0)
_TRIES: Final = 2
"""A connection that was closed meanwhile is no answer: what changes nothing is asked once more."""
Token = Callable[[float], str]


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
        self._described = described
        self._http = http
        self._place = place
        self._token = token
        self._user = user
        self._version = ""
        self._release = ""

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def close(self) -> None:
        """Give the connections back."""
        self._http.close()

    def place(self) -> str:
        """The address."""
        return self._place

    @property
    def user(self) -> str:
        """As it was given, or as the token names it.

        Raises:
            NotSignedInError: the token names nobody.
        """
        return self._named_by(self._token(time.time()))

    def _named_by(self, token: str) -> str:
        user = self._user or claims_of(token)[1]
        if not user:
            raise NotSignedInError(
                "the token for Slurm does not say whose it is",
                why="anybody may give a job any name: without a user, others' jobs would count as yours",
                fix="set SLURM_JWT to one of `scontrol token`, which names its user",
            )
        return user

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
            answer, refused = self._sent("POST", self._at("job/submit"), what, body)
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
        _, refused = self._sent("DELETE", self._at(f"job/{named}"), f"Slurm does not end job {named}", params=params)
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
        _, refused = self._sent(
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
        """What the accounting gathered of a run."""
        jobs = self._listed(f"{self._at('job', 'slurmdb')}/{job_id}", "jobs")
        job = jobs[-1] if jobs else {}
        steps = (step_of_answer(each) for each in job.get("steps") or () if isinstance(each, dict))
        return used_by(steps, ended_by_of_answer(job))

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
                answer, _ = self._sent("GET", f"slurm/{version}/ping", f"{self._place} does not answer")
            except NotFoundError:
                continue
            self._release = answers.text(answers.below(answer, "meta", "Slurm"), "release") or answers.text(
                answers.below(answer, "meta", "slurm"), "release"
            )
            return version
        raise SlurmRefusedError(
            f"{self._place} speaks no version that we know",
            why=f"asked for {', '.join(VERSIONS)}",
            fix="start slurmrestd with one of them (-s openapi/v0.0.38), or use the command line",
        )

    def _at(self, what: str, which: str = "slurm") -> str:
        return f"{which}/{self._spoken()}/{quote(what)}"

    def _listed(
        self, path: str, name: str, params: Mapping[str, str] | None = None, *, other: str = ""
    ) -> list[Mapping[str, Any]]:
        answer, refused = self._sent("GET", path, f"Slurm does not tell its {name}", params=params)
        if refused is not None:
            raise refused
        found = answer.get(name, answer.get(other))
        if not isinstance(found, list):
            return []
        return [each for each in found if isinstance(each, Mapping)]

    def _sent(
        self,
        method: str,
        path: str,
        what: str,
        body: Mapping[str, Any] | None = None,
        *,
        params: Mapping[str, str] | None = None,
    ) -> tuple[Mapping[str, Any], AllotmentError | None]:
        """The answer, and what Slurm has against it, which a submission may survive.

        Raises:
            AllotmentError: nothing that can be read came back.
        """
        tries = _TRIES if method == "GET" else 1
        for left in reversed(range(tries)):
            try:
                response, content = self._asked(method, path, body, params)
            except httpx.RequestError as error:
                if left and not isinstance(error, httpx.TimeoutException):
                    continue
                raise self._silent(shown(error) or type(error).__name__) from None
            return self._read(response, content, what, path)
        raise AssertionError("the last try ends by return or raise")  # pragma: no cover

    def _asked(
        self, method: str, path: str, body: Mapping[str, Any] | None, params: Mapping[str, str] | None
    ) -> tuple[httpx.Response, bytearray]:
        token = self._token(time.time())
        headers = {"X-SLURM-USER-TOKEN": token, "X-SLURM-USER-NAME": self._named_by(token)}
        if body is not None:
            headers["Content-Type"] = "application/json"
        content = None if body is None else msgspec.json.encode(body)
        with self._http.stream(method, path, params=params, headers=headers, content=content) as response:
            return response, self._body(response)

    def _body(self, response: httpx.Response) -> bytearray:
        """What comes, as far as it can be an answer: of what begins otherwise no more is read."""
        # In one piece, which goes back to the system at once; many small ones do not.
        body, began = bytearray(), time.monotonic()
        for chunk in response.iter_bytes():
            body += chunk
            if len(body) > MOST_BYTES:
                body.clear()
                raise self._away(
                    "answers more than is read", f"that is {MOST_BYTES >> 20} MiB", "see that a slurmrestd is there"
                )
            if time.monotonic() - began > MOST_SECONDS:
                body.clear()
                raise self._silent(f"its answer takes longer than {MOST_SECONDS:g} s")
            if len(body) > _FIRST_BYTES and not body[:_FIRST_BYTES].lstrip().startswith(b"{"):
                break
        return body

    def _read(
        self, response: httpx.Response, content: bytearray, what: str, path: str
    ) -> tuple[Mapping[str, Any], AllotmentError | None]:
        code = response.status_code
        if code == HTTPStatus.UNAUTHORIZED:
            raise self._not_signed_in(what)
        if code == HTTPStatus.FORBIDDEN:
            raise ForbiddenError(what, why=f"{self._place} answers {code}")
        if response.is_redirect:
            raise AllotmentError(
                f"{self._place} sends elsewhere",
                why="no redirect is followed: a token goes to the address that was given alone",
                fix="give the address that it leads to, if you trust it",
            )
        try:
            answer = msgspec.json.decode(content)
        except (msgspec.DecodeError, RecursionError):
            answer = None
        if not isinstance(answer, dict):
            if code == HTTPStatus.NOT_FOUND:
                raise NotFoundError(what, why=f"{self._place} has no such path")
            raise self._foreign(f"it answers {code} with what is no JSON object")
        return answer, self._refused(answer, code, what, path)

    def _refused(self, answer: Mapping[str, Any], code: int, what: str, path: str) -> AllotmentError | None:
        errors, numbers = _errors(answer)
        if not errors:
            return None if code < HTTPStatus.BAD_REQUEST else SlurmRefusedError(what, why=f"HTTP {code}")
        if NOTHING_FOUND in numbers:
            return None
        said = "; ".join(dict.fromkeys(
            part for each in errors for name in ("description", "error") if (part := answers.text(each, name))
        ))  # fmt: skip
        if any(each in said.lower() for each in NO_ACCOUNTING):
            return NotFoundError("this Slurm keeps no accounting", why=quoted_message(said))
        if numbers[0] == UNSPECIFIED and code == HTTPStatus.INTERNAL_SERVER_ERROR and "unspecified" in said.lower():
            return self._unspecified(what, path)
        return refusal(what, said, numbers[0])

    def _unspecified(self, what: str, path: str) -> AllotmentError:
        """What 22.05 says both of a slurmctld that is away and of a token that it refuses: the accounting knows."""
        numbers: list[int] | None = None
        with suppress(httpx.RequestError, msgspec.DecodeError, RecursionError):
            response, content = self._asked("GET", f"slurmdb/{path.split('/')[1]}/clusters", None, None)
            answer = msgspec.json.decode(content)
            if isinstance(answer, dict) and (response.is_success or answer.get("errors")):
                numbers = _errors(answer)[1]
        if numbers is not None and TOKEN_REFUSED in numbers:
            return self._not_signed_in(what)
        runs = "ask whether slurmctld runs (scontrol ping)"
        if numbers == []:
            return UnreachableError(what, why="slurmctld does not answer slurmrestd", fix=runs)
        return UnreachableError(
            what,
            why="slurmctld does not answer slurmrestd, or does not accept the token",
            fix=f"{runs}; where it does, set SLURM_JWT to a fresh token (scontrol token); {ANEW}",
        )

    def _not_signed_in(self, what: str) -> NotSignedInError:
        return NotSignedInError(
            what,
            why="the token is not accepted",
            fix=f"set SLURM_JWT to a fresh token of this cluster (scontrol token); {ANEW}",
        )

    def _silent(self, why: str) -> UnreachableError:
        return self._away("does not answer", why, "check the address of slurmrestd, and the network")

    def _foreign(self, why: str) -> UnreachableError:
        """Something answers: what became of a question is known as little as where nothing does."""
        return self._away("answers what is none of Slurm's", why, "see that a slurmrestd is there")

    def _away(self, said: str, why: str, check: str) -> UnreachableError:
        return UnreachableError(
            f"{self._place} {said}", why=why, fix="; ".join(filter(None, (check, self._described())))
        )


def _errors(answer: Mapping[str, Any]) -> tuple[list[Mapping[str, Any]], list[int]]:
    """What it names as errors, and the number of each; 0 where it has none."""
    errors = [each for each in answer.get("errors") or () if isinstance(each, Mapping)]
    names = ("error_number", "error_code", "errno")
    return errors, [next(filter(None, (answers.number(each, name) for name in names)), 0) for each in errors]
