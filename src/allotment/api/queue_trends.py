"""How queues were used over a time: of the queues that the caller sees now, what the server has kept."""

from __future__ import annotations

from functools import partial
from typing import Final

from fastapi import Request, Response

from allotment.api.answering import AnswerGround, AnswerQuestion, Document
from allotment.api.answers import ANSWER, Answering, AskedWhere
from allotment.api.routes import Routes
from allotment.api.simulating import SimulatedCall
from allotment.api.visits import Asked
from allotment.model.access.permission import Permission
from allotment.model.devices import is_device
from allotment.operations.ask.quotas import queues_of
from allotment.operations.watch.queue_history import QueueHistory, frame_of, trends_in
from allotment.ports.clock import epoch_ms
from allotment.reports.documents.queue_trends import queue_trends_document
from allotment.scenarios.times import milliseconds

_USUAL: Final = "7d"
_STANDS_IN: Final = "hidden-queue-"
"""How names begin that stand in a team's view for those of others, whatever real queue is called so."""
_NOT_KEPT: Final = "this server keeps no history of queues"


def add_trend_route(routes: Routes, answering: Answering) -> None:
    """The trends of queues."""

    @routes.add("GET", "/api/v1/answers/queue-trends", Permission.READ, gives=ANSWER)
    async def queue_trends(request: Request, asked: Asked, where: AskedWhere, since: str = _USUAL) -> Response:
        make = partial(trends, answering.joined.history, milliseconds(since))
        call = partial(answering.given, asked, where, AnswerQuestion(), make)
        return await answering.within(request, asked, SimulatedCall.COUNT, call)


def trends(history: QueueHistory | None, lasts: int, ground: AnswerGround, _question: AnswerQuestion) -> Document:
    """Of every quota of devices that the caller sees a queue's use of; what he does not see has no trend either.

    Raises:
        UsageError: it goes back further than anything is kept.
    """
    found = queues_of(ground.snapshot)
    wanted = [
        (use.cluster, use.queue, use.flavor, use.resource)
        for each in found.standings
        for use in each.uses
        if is_device(use.resource) and (ground.scope.whole or not each.name.startswith(_STANDS_IN))
    ]
    now = epoch_ms(ground.clock)
    if history is None:
        return queue_trends_document(trends_in(frame_of(lasts, now), (), wanted), (_NOT_KEPT,))
    return queue_trends_document(history.trends(lasts, now, wanted), ())
