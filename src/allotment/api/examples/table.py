"""Which value is an example of what an operation takes and gives; they are made when somebody asks for the document.

Each goes through the writer of the answer that it is an example of, so that it says what that says.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from functools import partial
from types import MappingProxyType
from typing import Any, Final

from allotment.api.contract import JsonValue, Media
from allotment.api.examples import administering, asking, people, work
from allotment.api.examples.answers import ANSWERS, answer_of
from allotment.api.examples.fleet import FILES
from allotment.api.problems import NO_SUCH_CALL, page_of_problem
from allotment.model.jobs.written import VERSION, as_builtins

Made = Callable[[], Any]


@dataclass(frozen=True, slots=True)
class OperationExample:
    """What goes in and out of an operation.

    Attributes:
        takes: makes its body; None where it takes none.
        gives: makes its answer; None where it gives none.
    """

    takes: Made | None = None
    gives: Made | None = None


def written_example(body: JsonValue | Media, made: Made) -> Any:
    """An example, as it stands in the document.

    Args:
        body: what it is an example of.
        made: makes its value.
    """
    value = made()
    if isinstance(body, JsonValue):
        return {"version": VERSION, body.kind: as_builtins(value)}
    return value.decode() if isinstance(value, bytes) else value


def _jobs() -> Iterator[tuple[str, OperationExample]]:
    one = "/api/v1/jobs/{reference}"
    yield "GET /api/v1/status", OperationExample(gives=work.status)
    yield "POST /api/v1/code", OperationExample(gives=lambda: work.CODE)
    yield "GET /api/v1/jobs", OperationExample(gives=work.page)
    yield "POST /api/v1/jobs", OperationExample(work.submission, work.receipt)
    yield "POST /api/v1/submissions", OperationExample(lambda: (work.submission(), work.unplaced()), work.answers)
    yield "POST /api/v1/foresee", OperationExample(work.submission, work.foreseen)
    yield "POST /api/v1/job-files", OperationExample(lambda: work.JOB_FILE, lambda: (work.job(),))
    yield "GET /api/v1/job-counts", OperationExample(gives=work.counts)
    yield f"GET {one}", OperationExample(gives=work.stored)
    yield f"POST {one}/stop", OperationExample(gives=work.stopped)
    yield f"POST {one}/retry", OperationExample(gives=work.retried)
    yield f"GET {one}/family", OperationExample(gives=work.family)
    yield f"GET {one}/file", OperationExample(gives=work.written)
    yield f"GET {one}/log", OperationExample(gives=work.log)
    yield f"GET {one}/lines", OperationExample(gives=work.found_lines)
    yield f"GET {one}/course", OperationExample(gives=work.course)
    yield f"GET {one}/report", OperationExample(gives=work.report)


def _people() -> Iterator[tuple[str, OperationExample]]:
    yield "GET /api/v1/whoami", OperationExample(gives=people.visitor)
    yield "GET /api/v1/tokens", OperationExample(gives=people.tokens)
    yield "POST /api/v1/tokens", OperationExample(people.wanted_token, people.token_receipt)
    yield "GET /api/v1/tokens/{reference}", OperationExample(gives=people.token)
    yield "DELETE /api/v1/tokens/{reference}", OperationExample(gives=people.revoked_token)
    yield "GET /api/v1/people", OperationExample(gives=people.people)
    yield "GET /api/v1/people/{reference}", OperationExample(gives=people.person)
    yield "POST /api/v1/people/{reference}/shut-out", OperationExample(gives=people.shut_out)
    yield "POST /api/v1/people/{reference}/let-in", OperationExample(gives=people.person)
    yield "GET /api/v1/sign-in", OperationExample(gives=people.offer)
    yield "POST /api/v1/sign-in", OperationExample(people.brought, people.session)
    yield "POST /api/v1/browser-codes", OperationExample(gives=people.browser_code)
    yield "POST /api/v1/browser-sign-in", OperationExample(people.leave, people.provider_address)
    yield "POST /api/v1/browser-session", OperationExample(people.entry, people.browser_session)


def _requests() -> Iterator[tuple[str, OperationExample]]:
    request, grant = "/api/v1/requests/{reference}", "/api/v1/grants/{reference}"
    yield "GET /api/v1/requests", OperationExample(gives=asking.requests)
    yield "POST /api/v1/requests", OperationExample(asking.wanted, asking.waiting)
    yield "POST /api/v1/request-previews", OperationExample(asking.wanted, asking.told)
    yield f"GET {request}", OperationExample(gives=asking.told)
    yield f"POST {request}/decision", OperationExample(asking.decision, asking.offered)
    yield f"POST {request}/answer", OperationExample(asking.answer, asking.accepted)
    yield "GET /api/v1/grants", OperationExample(gives=asking.grants)
    yield f"GET {grant}", OperationExample(gives=asking.grant)
    yield f"POST {grant}/end", OperationExample(asking.end, asking.taken_back)
    yield f"POST {grant}/settling", OperationExample(asking.settling, asking.grant)
    yield "GET /api/v1/balances", OperationExample(gives=asking.balances)


def _administration() -> Iterator[tuple[str, OperationExample]]:
    credential = "/api/v1/clusters/{reference}/credential"
    yield "GET /api/v1/platform", OperationExample(gives=lambda: dict(FILES))
    yield "GET /api/v1/clusters", OperationExample(gives=administering.clusters)
    yield f"PUT {credential}", OperationExample(administering.kubeconfig, administering.connected)
    yield "POST /api/v1/cluster-key", OperationExample(gives=lambda: 1)
    yield "POST /api/v1/quota-previews", OperationExample(administering.quota_wish, administering.foreseen_quota)
    yield "POST /api/v1/quota-changes", OperationExample(administering.quota_change, administering.changed_quota)
    yield "GET /api/v1/audit", OperationExample(gives=administering.trail_page)
    yield "GET /api/v1/audit/head", OperationExample(gives=administering.trail_head)
    yield "GET /api/v1/audit/export", OperationExample(gives=administering.trail_lines)
    yield "GET /api/v1/events", OperationExample(gives=administering.events)
    yield "GET /api/v1/problems/{name}", OperationExample(gives=lambda: page_of_problem(NO_SUCH_CALL))


EXAMPLES: Final[Mapping[str, OperationExample]] = MappingProxyType(
    {
        **dict(_jobs()),
        **dict(_people()),
        **dict(_requests()),
        **dict(_administration()),
        **{f"GET /api/v1/answers/{name}": OperationExample(gives=partial(answer_of, name)) for name in ANSWERS},
    }
)
"""By verb and path."""
