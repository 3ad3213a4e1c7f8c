"""A notebook that was given is a job of its requester's, from the template; it is ended with its grant."""

from __future__ import annotations

import datetime as dt
import json
from dataclasses import replace
from typing import Any, Final, Protocol

import yaml

from allotment.errors import UsageError
from allotment.model.platform import Platform
from allotment.model.requests.grant import GrantState, TeamGrant
from allotment.model.requests.terms import RequestKind, Terms, Wish
from allotment.model.source import SourceTree
from allotment.requests.giving import GrantStep
from allotment.requests.pricing import share_prices
from allotment.spec.jobs.load import JobDocument, load_jobs
from allotment.spec.jobs.templating import new_job, template

_TEMPLATE: Final = "notebook"
_CALLED: Final = {"image": "--image", "accelerator": "--accelerator"}
"""How whoever asks for a notebook says what the template calls its parameters."""
_MS_PER_HOUR: Final = 3_600_000
MARK: Final = "job/"
"""How what was made of a grant begins where that is a job."""


class Notebooks(Protocol):
    """Begins and ends notebooks."""

    def begin(self, grant: TeamGrant, wish: Wish) -> str:
        """Submit the notebook of a grant in its requester's name, once; the job's id."""
        ...

    def end(self, job_id: str) -> None:
        """Stop it; nothing where it is over."""
        ...


def notebook_of(wish: Wish, platform: Platform, now: dt.datetime) -> JobDocument:
    """The job of a notebook.

    Args:
        wish: of a request for one.
        platform: whose teams and classes it is checked against.
        now: the moment.

    Raises:
        UsageError: no image is named, or one that cannot be.
        InvalidJobFileError: the team may have no such job.
    """
    if not wish.image:
        raise UsageError(
            "say which image the notebook runs",
            fix="add --image NAME:TAG, one with Jupyter in it; over HTTP it is `image`",
        )
    given = {"name": wish.subject, "team": wish.team, "image": wish.image}
    if wish.accelerator:
        given["accelerator"] = wish.accelerator
    written: dict[str, Any] = yaml.safe_load(new_job(template(_TEMPLATE), given, _CALLED))
    if not wish.accelerator:
        written.pop("resources")
    team = platform.team(wish.team)
    claims = () if team is None else team.storage.claims
    if claims:
        written["volumes"]["data"]["claim"] = claims[0].name
    else:
        written.pop("volumes")
    (found,) = load_jobs(SourceTree({f"{_TEMPLATE}.yaml": json.dumps(written)}), platform, now)
    return found


def check_notebook(wish: Wish, platform: Platform, now: dt.datetime) -> None:
    """That a notebook could be begun.

    Raises:
        AllotmentError: as `notebook_of`.
    """
    if wish.kind is RequestKind.NOTEBOOK:
        notebook_of(wish, platform, now)


def notebook_price(wish: Wish, terms: Terms, platform: Platform) -> int | None:
    """What a notebook's device costs over its time at most; None where that is not known, or it has none."""
    prices, lasts = share_prices(platform), terms.lasts
    places = [(platform.cluster(name), name) for name in wish.clusters]
    found = [
        prices.get((name, each.name))
        for cluster, name in places
        if cluster is not None
        for each in cluster.flavors
        if each.accelerator == wish.accelerator and each.accelerator
    ]
    known = [each for each in found if each is not None]
    if lasts is None or not found or len(known) < len(found):
        return None
    return -(-max(known) * lasts // _MS_PER_HOUR)


def carried_notebook(notebooks: Notebooks, step: GrantStep, wish: Wish) -> GrantStep:
    """Begin, or end, the notebook of a grant; the step as it is once that is done.

    Args:
        notebooks: that begin and end it.
        step: to be done.
        wish: of its request.
    """
    grant = step.meanwhile
    if grant.state is GrantState.GIVING and not grant.made:
        made = f"{MARK}{notebooks.begin(grant, wish)}"
        return replace(step, after=replace(step.after, made=made))
    if grant.state is GrantState.TAKING_BACK and grant.made:
        notebooks.end(grant.made.removeprefix(MARK))
    return step
