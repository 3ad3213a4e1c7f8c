"""`ports.job_service.JobService` and `AccessService` over HTTP: build the request, send it, read the answer.

Through the socket of this machine's own server, or to a server elsewhere with a token.
"""

from __future__ import annotations

import http.client
import secrets
import time
from collections.abc import Iterator, Mapping, Sequence
from types import MappingProxyType
from typing import Any, BinaryIO, Final, TypeVar, overload
from urllib.parse import quote, urlencode

import msgspec

from allotment import errors
from allotment.adapters.server.clusters import ClustersThere
from allotment.adapters.server.event_stream import SILENCE, EventStream
from allotment.adapters.server.ways import KNOCK_AGAIN, WayToServer
from allotment.errors import AllotmentError, InputError, TooOftenError, UnreachableError, shown
from allotment.model.decoding import decoded_as
from allotment.model.jobs.written import ANSWERED, read_value, write_value
from allotment.model.observed.snapshot import Snapshot
from allotment.model.requests.grant import GrantState, TeamGrant
from allotment.model.requests.request import GrantRequest, RequestAct
from allotment.observe.written import decode
from allotment.ports.access_service import PeoplePage, TokenReceipt, TokensPage, ToldPerson, ToldToken, Visitor
from allotment.ports.backends import LogLine
from allotment.ports.event_service import ToldEvent
from allotment.ports.job_service import (
    CutLogError,
    FamilySummary,
    ForeseenJob,
    JobCounts,
    JobReceipt,
    JobSubmission,
    LogBlock,
    RefusedSubmission,
    ServerStatus,
    SilentServerError,
    StandingByError,
    SubmissionAnswer,
    answer_of,
    error_of,
    job_query,
    words_of,
)
from allotment.ports.journal import SubjectKind
from allotment.ports.log_lines import LogQuery, LogSearch
from allotment.ports.request_service import LISTED, AskedMove, AskedRequest, GrantsPage, RequestsPage, ToldRequest
from allotment.ports.requests import RequestFilter, RequestMark
from allotment.ports.sign_in import SignInOffer
from allotment.ports.store import JobFilter, JobGroup, JobsCount, JobsPage, PageMark
from allotment.ports.stored_jobs import StoredJob

T = TypeVar("T")

PATIENCE: Final = 30.0
"""Seconds for an answer; a log that is followed may be silent for as long as it likes."""
_LINE: Final[Any] = LogBlock | tuple[RefusedSubmission, ...]
"""Of a log: lines, or how it ended."""
_ANSWER_IN: Final = 300.0
"""Seconds that an answer may take to come, once it has begun."""
_MOST_SNAPSHOT: Final = 512 << 20
"""Bytes that a server's snapshot may unpack to: five times that of 5,000 nodes with 20,000 pods."""
_MOST_ANSWER: Final = 512 << 20
"""Bytes of an answer."""
_LISTED: Final = {
    "/api/v1/requests": "allot requests --all",
    "/api/v1/grants": "allot grant list --all",
    "/api/v1/tokens": "allot token list",
    "/api/v1/people": "allot people list",
}
"""By how an address begins, what tells whether something was done; of all else the list of jobs does."""
_OK: Final = 300
_NOT_FOUND: Final = 404
_TOO_OFTEN: Final = 429
_LONGEST_WAIT: Final = 30.0
"""Seconds that a server which is asked too often may have us wait."""
_TOGETHER: Final = 256 << 10
"""Bytes of submissions that travel together, at most."""
_NEXT_LEADER: Final = 30.0
"""Seconds within which one of several servers takes the lead over, or something is wrong."""
_ASK_AGAIN: Final = 0.5
"""Seconds between two tries to find it."""
_ASKED_AGAIN: Final = 2
"""Times that it is asked again where nobody answered."""
NO_HEADERS: Final[Mapping[str, str]] = MappingProxyType({})


class RemoteServer(ClustersThere):
    """A server, wherever it is."""

    def __init__(self, way: WayToServer) -> None:
        """Nothing is sent yet.

        Args:
            way: how it is reached.
        """
        self._way = way

    def status(self) -> ServerStatus:
        """What it is, and how it does."""
        return self._ask("GET", "/api/v1/status", "status", ServerStatus)

    def put_code(self, packed: BinaryIO) -> str:
        """Keep a packed folder of code; its reference."""
        return self._ask("POST", "/api/v1/code", "code", str, body=packed)

    def submit(self, submission: JobSubmission) -> JobReceipt:
        """Take a job."""
        return self._told("POST", "/api/v1/jobs", "receipt", JobReceipt, "submission", submission)

    def submit_all(self, submissions: Sequence[JobSubmission]) -> tuple[SubmissionAnswer, ...]:
        """Take jobs, each by itself."""
        if len(submissions) == 1:
            return (self._answered(submissions[0]),)
        sizes = (len(write_value("submission", each)) for each in submissions)
        try:
            small = sum(sizes) <= _TOGETHER
        except InputError:
            small = False
        if not small:
            half = len(submissions) // 2
            return (*self.submit_all(submissions[:half]), *self.submit_all(submissions[half:]))
        wanted = list(submissions)
        return self._told("POST", "/api/v1/submissions", "answers", tuple[SubmissionAnswer, ...], "submissions", wanted)

    def _answered(self, submission: JobSubmission) -> SubmissionAnswer:
        try:
            return answer_of(self.submit(submission))
        except UnreachableError:
            raise
        except AllotmentError as error:
            return answer_of(error)

    def foresee(self, submission: JobSubmission) -> ForeseenJob:
        """What would become of a job; nothing is kept."""
        body = write_value("submission", submission).encode()
        return self._ask("POST", "/api/v1/foresee", "foreseen", ForeseenJob, body=body)

    def snapshot(self, backend: str, team: str = "") -> Snapshot:
        """What answers rest on."""
        query = urlencode({"backend": backend, "team": team})
        with self._sent("GET", f"/api/v1/snapshot?{query}", None, PATIENCE) as answer:
            try:
                return decode(_whole(answer), _MOST_SNAPSHOT)
            except (OSError, http.client.HTTPException) as error:
                raise _gone(error, self._way.fix) from error

    def counts(self, wanted: JobFilter, by: Sequence[JobGroup] = ()) -> tuple[JobsCount, ...]:
        """How many jobs there are, by what they have in common."""
        query = job_query(wanted) | {"by": ",".join(each.value for each in by)}
        found = self._ask("GET", f"/api/v1/job-counts?{urlencode(query)}", "counts", JobCounts)
        return tuple(JobsCount(each.of, each.jobs) for each in found.rows)

    def page(self, wanted: JobFilter, *, after: PageMark | None = None, limit: int = 50) -> JobsPage:
        """Jobs, newest first."""
        query = job_query(wanted) | {"limit": limit}
        if after is not None:
            query |= {"after_id": after.id, "after_submitted": after.submitted}
        return self._ask("GET", f"/api/v1/jobs?{urlencode(query)}", "page", JobsPage)

    def find(self, reference: str, *, team: str = "") -> StoredJob:
        """The job that a user means."""
        return self._ask("GET", f"{_job(reference)}?{urlencode({'team': team})}", "job", StoredJob)

    def family(self, reference: str) -> FamilySummary:
        """The members of a sweep or a schedule together."""
        return self._ask("GET", f"{_job(reference)}/family", "family", FamilySummary)

    def stop(self, reference: str, *, grace: int | None = None, read: int | None = None) -> StoredJob:
        """End a job for good."""
        query = "" if grace is None else f"?{urlencode({'grace': grace})}"
        return self._ask("POST", f"{_job(reference)}/stop{query}", "job", StoredJob, read=read)

    def retry(self, reference: str, *, resume: bool = False, read: int | None = None) -> JobReceipt:
        """Submit again what is over."""
        query = "?resume=true" if resume else ""
        return self._ask("POST", f"{_job(reference)}/retry{query}", "receipt", JobReceipt, read=read)

    def log(
        self, reference: str, *, rank: int | None = None, follow: bool = False, tail: int | None = None
    ) -> Iterator[LogLine | None]:
        """What a job wrote."""
        query: dict[str, Any] = {"follow": str(follow).lower()}
        query |= {name: value for name, value in (("rank", rank), ("tail", tail)) if value is not None}
        with self._sent(
            "GET", f"{_job(reference)}/log?{urlencode(query)}", None, None if follow else PATIENCE
        ) as answer:
            try:
                for line in answer:
                    if line == b"\n":
                        yield None
                        continue
                    found = decoded_as(line, _LINE)
                    if not isinstance(found, LogBlock):
                        if found:
                            raise error_of(found[0])
                        return
                    yield from found.lines()
            except (OSError, http.client.HTTPException, msgspec.DecodeError) as error:
                raise _cut(str(error)) from error
        # A connection that was cut between two lines reads as one that has ended.
        raise _cut("the connection ended before its end was told")

    def lines(self, reference: str, wanted: LogQuery, *, rank: int | None = None) -> LogSearch:
        """Some lines of a log."""
        query: dict[str, Any] = {"from": wanted.first, "grep": wanted.text, "limit": wanted.limit}
        query |= {name: value for name, value in (("to", wanted.last), ("rank", rank)) if value is not None}
        return self._ask("GET", f"{_job(reference)}/lines?{urlencode(query)}", "found", LogSearch)

    def declared(self) -> Mapping[str, str]:
        """Files of the platform directory."""
        with self._sent("GET", "/api/v1/platform", None, PATIENCE) as answer:
            try:
                return decoded_as(_whole(answer), dict[str, str])
            except (OSError, http.client.HTTPException) as error:
                raise _gone(error, self._way.fix) from error
            except msgspec.MsgspecError as error:
                raise AllotmentError("what the server sent is no platform", why=shown(error)) from error

    def offer(self) -> SignInOffer:
        """Begin a sign-in."""
        return self._ask("GET", "/api/v1/sign-in", "offer", SignInOffer)

    def enter(self, token: str, nonce: str, host: str, *, elsewhere: bool = False) -> TokenReceipt:
        """Be let in."""
        brought = {"token": token, "nonce": nonce, "host": host, "elsewhere": elsewhere}
        body = write_value("brought", brought).encode()
        return self._ask("POST", "/api/v1/sign-in", "given", TokenReceipt, body=body, once=True)

    def whoami(self) -> Visitor:
        """Who asks."""
        return self._ask("GET", "/api/v1/whoami", "visitor", Visitor)

    def make_token(self, name: str, permissions: tuple[str, ...], lasts: int, team: str = "") -> TokenReceipt:
        """Make one."""
        wanted = {"name": name, "permissions": permissions, "lasts": lasts, "team": team}
        body = write_value("wanted", wanted).encode()
        return self._ask("POST", "/api/v1/tokens", "given", TokenReceipt, body=body)

    def tokens(self) -> tuple[ToldToken, ...]:
        """All of them, newest first."""
        return tuple(self._pages("/api/v1/tokens", TokensPage))

    def token(self, reference: str) -> ToldToken:
        """One of them."""
        return self._ask("GET", f"/api/v1/tokens/{quote(reference, safe='')}", "token", ToldToken)

    def revoke_token(self, reference: str, *, read: str = "") -> ToldToken:
        """Take one back."""
        path = f"/api/v1/tokens/{quote(reference, safe='')}"
        return self._ask("DELETE", path, "token", ToldToken, read=read or None)

    def end_session(self) -> None:
        """Sign out."""
        with self._sent("DELETE", "/api/v1/session", None, PATIENCE):
            pass

    def people(self) -> tuple[ToldPerson, ...]:
        """Everybody who has signed in, by user name."""
        return tuple(self._pages("/api/v1/people", PeoplePage))

    def person(self, reference: str) -> ToldPerson:
        """One of them."""
        return self._ask("GET", f"/api/v1/people/{quote(reference, safe='')}", "person", ToldPerson)

    def shut_out(self, reference: str, *, out: bool, read: str = "") -> ToldPerson:
        """Shut somebody out, or let him in again."""
        path = f"/api/v1/people/{quote(reference, safe='')}/{'shut-out' if out else 'let-in'}"
        return self._ask("POST", path, "person", ToldPerson, read=read or None)

    def ask(self, asked: AskedRequest) -> GrantRequest:
        """Submit a request."""
        return self._told("POST", "/api/v1/requests", "request", GrantRequest, "asked", asked)

    def preview(self, asked: AskedRequest) -> ToldRequest:
        """What would become of a request; nothing is kept."""
        return self._told("POST", "/api/v1/request-previews", "told", ToldRequest, "asked", asked)

    def requests(self, wanted: RequestFilter, *, after: RequestMark | None = None, limit: int = LISTED) -> RequestsPage:
        """Those that are meant, newest first."""
        query: dict[str, Any] = {
            "team": wanted.team,
            "state": words_of(wanted.states),
            "requester": wanted.requester,
            "route": wanted.route,
            "limit": limit,
        }
        if after is not None:
            query |= {"after_id": after.id, "after_at": after.at}
        return self._ask("GET", f"/api/v1/requests?{urlencode(query)}", "page", RequestsPage)

    def request(self, request_id: str) -> ToldRequest:
        """One by its id."""
        return self._ask("GET", _request(request_id), "told", ToldRequest)

    def move(self, request_id: str, move: AskedMove) -> GrantRequest:
        """Decide on one, accept an offer, or withdraw."""
        own = move.act in {RequestAct.ACCEPT, RequestAct.WITHDRAW}
        path = f"{_request(request_id)}/{'answer' if own else 'decision'}"
        return self._told("POST", path, "request", GrantRequest, "move", move)

    def grants(
        self, states: frozenset[GrantState] = frozenset(), *, after: str = "", limit: int = LISTED
    ) -> GrantsPage:
        """Those that the caller may see, by id."""
        query = urlencode({"state": words_of(states), "limit": limit, "after_id": after})
        return self._ask("GET", f"/api/v1/grants?{query}", "page", GrantsPage)

    def grant(self, grant_id: str) -> TeamGrant:
        """One by its id."""
        return self._ask("GET", f"/api/v1/grants/{quote(grant_id, safe='')}", "grant", TeamGrant)

    def end_grant(self, grant_id: str, reason: str, *, read: int | None = None) -> TeamGrant:
        """Take one back before its time."""
        path = f"/api/v1/grants/{quote(grant_id, safe='')}/end"
        return self._told("POST", path, "grant", TeamGrant, "end", {"reason": reason}, read=read)

    def settle(self, grant_id: str, *, restore: bool, read: int | None = None) -> TeamGrant:
        """Decide a conflict."""
        path = f"/api/v1/grants/{quote(grant_id, safe='')}/settling"
        return self._told("POST", path, "grant", TeamGrant, "settling", {"restore": restore}, read=read)

    def events(
        self, kinds: frozenset[SubjectKind], *, team: str = "", after: int | None = None
    ) -> Iterator[ToldEvent | None]:
        """What changes, as long as it is read."""
        return iter(EventStream(lambda path: self._sent("GET", path, None, SILENCE), kinds, team, after))

    @overload
    def _pages(self, path: str, type_: type[TokensPage]) -> Iterator[ToldToken]: ...

    @overload
    def _pages(self, path: str, type_: type[PeoplePage]) -> Iterator[ToldPerson]: ...

    def _pages(self, path: str, type_: type[TokensPage | PeoplePage]) -> Iterator[ToldToken | ToldPerson]:
        """All of a listing, page by page."""
        page = self._ask("GET", path, "page", type_)
        yield from page.rows
        while page.next:
            page = self._ask("GET", f"{path}?{urlencode({'after_id': page.next})}", "page", type_)
            yield from page.rows

    def _told(
        self,
        verb: str,
        path: str,
        kind: str,
        type_: type[T],
        sent: str,
        value: object,
        read: int | None = None,
    ) -> T:
        """Send a value, and read another."""
        return self._ask(verb, path, kind, type_, body=write_value(sent, value).encode(), read=read)

    def browser_code(self) -> str:
        """A code by which a browser comes in."""
        return self._ask("POST", "/api/v1/browser-codes", "code", str)

    def end(self) -> None:
        """End the server."""
        with self._sent("POST", "/api/v1/end", None, PATIENCE):
            pass

    def _ask(
        self,
        verb: str,
        path: str,
        kind: str,
        type_: type[T],
        body: bytes | BinaryIO | None = None,
        *,
        read: int | str | None = None,
        once: bool = False,
    ) -> T:
        """Ask, and ask again where nobody answered: by its key a call is done once all the same.

        Args:
            verb: such as ``GET``.
            path: with its query.
            kind: under which name the answer stands.
            type_: of the answer.
            body: that is sent.
            read: how the subject has to be; None for however it is.
            once: whether it is asked for once alone.
        """
        headers = {} if read is None else {"If-Match": f'"{read}"'}
        # Code is kept under what it says: once is done anyhow, and no key need be kept.
        if verb != "GET" and path != "/api/v1/code":
            headers["Idempotency-Key"] = secrets.token_hex(16)
        for _ in range(0 if once else _ASKED_AGAIN):
            try:
                return self._asked(verb, path, kind, type_, body, headers)
            except SilentServerError as error:
                # Whoever looks sees at once that nobody answers, and looks again; one that hangs goes on hanging.
                if verb == "GET" or isinstance(error.__cause__, TimeoutError):
                    raise
                time.sleep(KNOCK_AGAIN)
            except TooOftenError as error:
                time.sleep(min(error.wait, _LONGEST_WAIT))
            if body is not None and not isinstance(body, bytes):
                body.seek(0)
        return self._asked(verb, path, kind, type_, body, headers)

    def _asked(
        self,
        verb: str,
        path: str,
        kind: str,
        type_: type[T],
        body: bytes | BinaryIO | None,
        headers: Mapping[str, str],
    ) -> T:
        with self._sent(verb, path, body, PATIENCE, headers) as answer:
            try:
                text = _whole(answer).decode("utf-8", "replace")
            except (OSError, http.client.HTTPException) as error:
                raise (_silent(error, verb, path) if verb != "GET" else _gone(error, self._way.fix)) from error
        return read_value(kind, type_, text, ANSWERED)

    def _sent(
        self,
        verb: str,
        path: str,
        body: bytes | BinaryIO | None,
        patience: float | None,
        headers: Mapping[str, str] = NO_HEADERS,
    ) -> http.client.HTTPResponse:
        """The answer to a request; while of several servers none leads, the request is sent again, since none was done.

        Raises:
            UnreachableError: nobody answers.
            AllotmentError: what the server refused, as it said.
        """
        began = time.monotonic()
        while True:
            try:
                return self._sent_once(verb, path, body, patience, headers)
            except (StandingByError, _NobodyThereError) as error:
                most = self._way.knocks if isinstance(error, _NobodyThereError) else _NEXT_LEADER
                if time.monotonic() - began > most:
                    raise
            if body is not None and not isinstance(body, bytes):
                body.seek(0)
            time.sleep(_ASK_AGAIN)

    def _sent_once(
        self,
        verb: str,
        path: str,
        body: bytes | BinaryIO | None,
        patience: float | None,
        headers: Mapping[str, str],
    ) -> http.client.HTTPResponse:
        """The answer to a request; closes its connection when it is left.

        Raises:
            StandingByError: the server leaves it to another one.
            _NobodyThereError: nobody takes the connection.
            UnreachableError: nobody answers.
            AllotmentError: what the server refused, as it said.
        """
        connection = self._way.connection(patience)
        try:
            connection.connect()
        except OSError as error:
            connection.close()
            gone = _gone(error, self._way.fix)
            raise _NobodyThereError(gone.what, why=gone.why, fix=gone.fix) from error
        try:
            connection.request(verb, path, body, {"Connection": "close", **self._way.headers, **headers})
            answer = connection.getresponse()
        except (OSError, http.client.HTTPException) as error:
            connection.close()
            raise _silent(error, verb, path) from error
        if answer.status >= _OK:
            with answer:
                try:
                    said = _whole(answer)
                except (OSError, http.client.HTTPException):
                    said = b""
                if answer.status == _TOO_OFTEN:
                    raise TooOftenError(_seconds(answer.getheader("Retry-After", "")))
                raise _refusal(answer.status, said)
        return answer


class _NobodyThereError(UnreachableError):
    """Nobody took the connection: nothing was sent."""


def _whole(answer: http.client.HTTPResponse) -> bytes:
    """All of an answer, which has an end.

    Raises:
        AllotmentError: it is larger than any that a server gives.
        TimeoutError: it has been coming for longer than any does.
    """
    until = time.monotonic() + _ANSWER_IN
    parts: list[bytes] = []
    size = 0
    while part := answer.read1(1 << 16):
        parts.append(part)
        size += len(part)
        if size > _MOST_ANSWER:
            raise AllotmentError(
                f"the server sends more than {_MOST_ANSWER >> 20} MiB",
                why="no answer is so large: it is no server of Allotment, or a broken one",
                fix="check the address",
            )
        if time.monotonic() > until:
            raise TimeoutError("the answer has no end")
    return b"".join(parts)


def _seconds(text: str) -> float:
    return float(text) if text.isascii() and text.isdigit() and len(text) < 6 else 1.0


def _job(reference: str) -> str:
    return f"/api/v1/jobs/{quote(reference.removeprefix('job/'), safe='')}"


def _request(request_id: str) -> str:
    return f"/api/v1/requests/{quote(request_id.removeprefix('request/'), safe='')}"


def _silent(error: Exception, verb: str, path: str) -> SilentServerError:
    listed = next((command for begins, command in _LISTED.items() if path.startswith(begins)), "allot ps --all")
    fix = f"it may have done it all the same: look at `{listed}` before you ask again"
    if verb == "GET":
        fix = "ask again; where it has ended, `allot up` starts it"
    said = error.strerror if isinstance(error, OSError) else str(error)
    why = shown(said or str(error) or type(error).__name__)
    return SilentServerError("the server was asked and did not answer", why=why, fix=fix)


def _cut(why: str) -> CutLogError:
    return CutLogError("the log was cut off", why=shown(why), fix="`allot up`, then ask again")


def _gone(error: Exception, fix: str) -> UnreachableError:
    said = error.strerror if isinstance(error, OSError) else str(error)
    return UnreachableError(
        "the server does not answer", why=shown(said or str(error) or type(error).__name__), fix=fix
    )


def _refusal(status: int, body: bytes) -> AllotmentError:
    """What the server said, as the error that it was there."""
    try:
        told = {name: each for name, each in decoded_as(body, dict[str, Any]).items() if isinstance(each, str)}
    except msgspec.MsgspecError:
        told = {}
    if told.get("type", "").endswith("/standing-by"):
        return StandingByError(
            told.get("what", "the server stands by"), why=told.get("why", ""), fix=told.get("fix", "")
        )
    if "error" not in told and status == _NOT_FOUND:
        return errors.NotFoundError("the server knows nothing of that name", fix="look at `allot ps --all`")
    if "error" not in told:
        return AllotmentError(
            "the server refused this and did not say why", why=shown(body[:200].decode(errors="replace"))
        )
    what = told.get("what", "the server refused this")
    return error_of(RefusedSubmission(told["error"], what, told.get("why", ""), told.get("fix", "")))
