"""Questions to one slurmrestd and its answers: bounded, in time and size, and everything that went wrong in words."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping
from contextlib import suppress
from http import HTTPStatus
from typing import Any, Final

import httpx2 as httpx
import msgspec

from allotment.adapters.slurm import answers
from allotment.adapters.slurm.refusals import NO_ACCOUNTING, NOTHING_FOUND, TOKEN_REFUSED, UNSPECIFIED, refusal
from allotment.adapters.slurm.tokens import ANEW, claims_of
from allotment.errors import (
    AllotmentError,
    ForbiddenError,
    NotFoundError,
    NotSignedInError,
    UnreachableError,
    quoted_message,
    shown,
)
from allotment.ports.slurm import SlurmRefusedError

MOST_BYTES: Final = 256 << 20
"""Of an answer: a hundred thousand jobs are some hundred MB."""
MOST_SECONDS: Final = 120.0
"""Of an answer, from the question to its last byte."""
_FIRST_BYTES: Final = 1 << 12
"""Of an answer, after which it is seen whether it may be one."""
_TRIES: Final = 2
"""A connection that was closed meanwhile is no answer: what changes nothing is asked once more."""

Token = Callable[[float], str]
"""Gives a token that is good at a time, in seconds since 1970."""


class RestSession:
    """See the module. No redirect is followed: a token goes to the address that was given alone."""

    def __init__(
        self, http: httpx.Client, place: str, token: Token, user: str, described: Callable[[], str] = lambda: ""
    ) -> None:
        """Nothing is sent yet.

        Args:
            http: knows the address.
            place: how it is shown.
            token: gives one.
            user: whose token it is; empty for whom the token itself names.
            described: where the address stands, told where nothing answers; empty for nothing.
        """
        self._http = http
        self.place = place
        self._token = token
        self._user = user
        self._described = described

    def close(self) -> None:
        """Give the connections back."""
        self._http.close()

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

    def sent(
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
            raise ForbiddenError(what, why=f"{self.place} answers {code}")
        if response.is_redirect:
            raise AllotmentError(
                f"{self.place} sends elsewhere",
                why="no redirect is followed: a token goes to the address that was given alone",
                fix="give the address that it leads to, if you trust it",
            )
        try:
            answer = msgspec.json.decode(content)
        except (msgspec.DecodeError, RecursionError):
            answer = None
        if not isinstance(answer, dict):
            if code == HTTPStatus.NOT_FOUND:
                raise NotFoundError(what, why=f"{self.place} has no such path")
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
            f"{self.place} {said}", why=why, fix="; ".join(filter(None, (check, self._described())))
        )


def _errors(answer: Mapping[str, Any]) -> tuple[list[Mapping[str, Any]], list[int]]:
    """What it names as errors, and the number of each; 0 where it has none."""
    errors = [each for each in answer.get("errors") or () if isinstance(each, Mapping)]
    names = ("error_number", "error_code", "errno")
    return errors, [next(filter(None, (answers.number(each, name) for name in names)), 0) for each in errors]
