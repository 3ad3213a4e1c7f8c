"""Adoptions on the command line: show, ask, act, report."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Final

from allotment.cli.commands.change import adopt_view as views
from allotment.cli.commands.change.diffs import next_steps
from allotment.cli.commands.change.planning import ClusterTarget, way_of
from allotment.cli.shell.hints import Way
from allotment.cli.shell.options import OutputOptions
from allotment.cli.shell.output import show
from allotment.cli.shell.session import Session
from allotment.errors import AllotmentError, ConflictError, NotFoundError, UsageError
from allotment.model import labels
from allotment.reports.documents.adoption import look_document, returns_document

if TYPE_CHECKING:
    from allotment.operations.adopt.giving_back import Return
    from allotment.operations.adopt.looking import AdoptionLook
    from allotment.operations.adopt.taking_over import Handled
    from allotment.operations.directory.teams import Edit
    from allotment.plan.adoption.words import Word
    from allotment.ports.directory import DirectoryPort
    from allotment.ports.kube import KubePort

_HELD: Final = ConflictError.exit_code
"""Exit code of what a person has to solve first."""


@dataclass(frozen=True, slots=True)
class AdoptionConsent:
    """What the user said in advance.

    Attributes:
        enforce: policies refuse in the namespace from the start.
        cut: network policies hold in the namespace from the start.
    """

    yes: bool = False
    dry_run: bool = False
    enforce: bool = False
    cut: bool = False


def take_over(
    session: Session,
    target: ClusterTarget,
    kube: KubePort,
    words: Sequence[Word],
    output: OutputOptions,
    consent: AdoptionConsent,
) -> int:
    """Show what would be taken over, ask, take it over, report; the exit code.

    Raises:
        UsageError: a question that nobody can answer, or flags without a namespace.
        AllotmentError: the user said no.
    """
    from allotment import wiring
    from allotment.operations.adopt import adoptions
    from allotment.operations.change.engineers import require_engineer
    from allotment.operations.change.identity import require_right_cluster
    from allotment.operations.directory.loading import load_edited

    directory, clock = wiring.directory(target.directory), wiring.clock()
    today, override = clock.now().date(), session.override
    edit = _edit(target, directory, words, consent)
    platform = target.platform if edit is None else load_edited(directory, edit, today).platform
    cluster = platform.cluster(target.cluster.name) or target.cluster
    look = adoptions.look_at(platform, cluster, kube, words, today, enforce=consent.enforce, override=override)
    acting = bool(words) and not consent.dry_run and bool(look.possible)
    handled: tuple[Handled, ...] = ()
    way = way_of(session, target)
    text = partial(views.look_text, look, edit, session.text_width, way.told)
    if acting:
        require_right_cluster(platform, cluster, kube, override)
        require_engineer(platform, kube)
        # What will be done is not the result: it goes beside it, so that -o json stays one document.
        if output.format == "table":
            session.note(text())
        question = f"Take over {len(look.possible)} objects of {_place(target, kube)}?"
        _ask(session, question, consent)
        taken = adoptions.take_over(look, kube, clock, wiring.this_run(clock.now()), directory, edit)
        handled = taken.handled
        if not taken.edited:
            if edit is not None and look.opens:
                session.note("the directory is as it was: the namespace did not become the platform's")
            edit = None
    listing = views.adoption_listing(look, handled)
    show(
        session,
        output,
        listing,
        human=lambda _rows: views.handled_text(cluster.name, handled, session.text_width) if acting else text(),
        whole=lambda rows: look_document(look, rows, handled, edit),
    )
    if consent.dry_run:
        session.note("dry run: nothing was changed")
    if output.format == "table":
        _tell(session, _steps(way, look, handled, consent, [word.text for word in words]))
    return _code(handled, held=bool(words) and len(look.possible) < len(look.adoptions))


def give_back(
    session: Session,
    target: ClusterTarget,
    kube: KubePort,
    words: Sequence[Word],
    output: OutputOptions,
    consent: AdoptionConsent,
) -> int:
    """Show what would be given back, ask, give it back, report; the exit code.

    Raises:
        UsageError: a question that nobody can answer.
        AllotmentError: the user said no.
    """
    from allotment import wiring
    from allotment.operations.adopt import adoptions
    from allotment.operations.change.engineers import require_engineer

    directory, override = wiring.directory(target.directory), session.override
    returns = adoptions.look_back(target.platform, target.cluster, kube, words, override=override)
    possible = [each for each in returns if not each.hindrances]
    acting = bool(words) and not consent.dry_run and bool(possible)
    handled: tuple[Handled, ...] = ()
    way, width = way_of(session, target), session.text_width
    text = partial(views.returns_text, target.cluster.name, returns, width, asked=bool(words), hint=way.told)
    if acting:
        if output.format == "table":
            session.note(text())
        require_engineer(target.platform, kube)
        _ask(session, f"Give back {len(possible)} objects of {_place(target, kube)}?", consent)
        clock = wiring.clock()
        handled = adoptions.give_back(target.mark, returns, kube, clock, wiring.this_run(clock.now()), directory)
    show(
        session,
        output,
        views.return_listing(returns, handled),
        human=lambda _rows: views.handled_text(target.cluster.name, handled, width) if acting else text(),
        whole=lambda rows: returns_document(target.platform.name, target.cluster.name, returns, handled, rows),
    )
    if consent.dry_run:
        session.note("dry run: nothing was changed")
    if output.format == "table":
        places = adoptions.mentions_of(returns, directory.read(), target.cluster.name) if words else ()
        if places:
            there = "" if target.directory == Path() else f"{target.directory}/"
            session.note(f"\n{views.mentions_text(there, places, width)}")
        left = adoptions.look_back(target.platform, target.cluster, kube, (), override=override) if acting else ()
        _tell(session, _undo_steps(way, left if acting else returns, [word.text for word in words], done=acting))
    return _code(handled, held=bool(words) and len(possible) < len(returns))


def _undo_steps(way: Way, returns: Sequence[Return], words: Sequence[str], *, done: bool) -> list[tuple[str, str]]:
    """What to type after a look at what was taken over, or after some was given back; queues before namespaces."""
    if words and not done:
        possible = any(not each.hindrances for each in returns)
        what = "give it back; it asks first" if possible else "once what is told above is solved"
        return [(way.with_flags(f"allot adopt --undo {' '.join(words)}"), what)]
    still = "what is still taken over, in this order"
    undo = [
        (way.with_flags(f"allot adopt --undo {' '.join(each)}"), "" if number else still)
        for number, each in enumerate(views.undo_words(returns))
    ]
    return [*([(way.to("allot plan"), "what the directory still wants here")] if done else []), *undo]


def _edit(
    target: ClusterTarget, directory: DirectoryPort, words: Sequence[Word], consent: AdoptionConsent
) -> Edit | None:
    """What the directory has to say for what runs in a namespace to go on; None if it says so already."""
    from allotment.operations.directory.teams import list_namespace

    namespace = next((word.name for word in words if word.kind == "namespace"), "")
    if not namespace:
        if consent.enforce or consent.cut:
            raise UsageError("--enforce and --network-policies are about a namespace", fix="name one: namespace/NAME")
        return None
    if namespace == labels.SYSTEM_NAMESPACE:
        return None
    known = {name for team, _ in target.platform.teams_in(target.cluster.name) for name in team.namespaces}
    if namespace not in known:
        raise NotFoundError(
            f"no team has the namespace {namespace} in {target.cluster.name}",
            fix="declare it first: in the team's file, under namespaces",
        )
    asked = (("warnNamespaces", consent.enforce), ("withoutNetworkPolicies", consent.cut))
    fields = [field for field, held in asked if not held]
    edit = list_namespace(directory.read(), target.cluster.name, fields, namespace)
    return edit if edit.changes else None


def _place(target: ClusterTarget, kube: KubePort) -> str:
    from allotment.plan.changes import place_of

    at = kube.endpoint()
    return place_of(target.cluster.name, at.url, at.context)


def _ask(session: Session, question: str, consent: AdoptionConsent) -> None:
    if not consent.yes and not session.confirm(question, flag="--yes"):
        raise AllotmentError("nothing was changed", why="you said no", fix="run it again when you are ready")


def _code(handled: Sequence[Handled], *, held: bool) -> int:
    from allotment.operations.adopt.taking_over import exit_code

    return exit_code(handled) or (_HELD if held else 0)


def _steps(
    way: Way, look: AdoptionLook, handled: Sequence[Handled], consent: AdoptionConsent, words: Sequence[str]
) -> list[tuple[str, str]]:
    """What to type after a look, or after something was taken over."""
    flags = "".join(
        f" {flag}" for flag, given in (("--network-policies", consent.cut), ("--enforce", consent.enforce)) if given
    )
    again = way.with_flags(f"allot adopt {' '.join(words)}{flags}")
    if handled:
        left = views.words_left(handled)
        rest = way.with_flags(f"allot adopt {' '.join(left)}{flags}")
        held = [(rest, "once what is told above is solved: the rest")] if left else []
        return [(way.to("allot plan"), "what apply would add beside what was taken over"), *held]
    if not words:
        return [(way.with_flags(f"allot adopt {word}"), "") for word in views.words_to_type(look)]
    if not look.adoptions:
        return []
    return [(again, "take it over; it asks first" if look.possible else "once what is told above is solved")]


def _tell(session: Session, steps: list[tuple[str, str]]) -> None:
    if steps:
        session.note(f"\n{next_steps(steps, session.call)}")
