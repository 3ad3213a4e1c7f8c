"""How devices are judged and priced: by what a platform declares, and by what whoever asks says of idleness."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

from allotment.accounting.idleness import USUAL, IdleRule, IdleRules
from allotment.accounting.moment import CountingRules
from allotment.accounting.prices import NO_PRICES, prices_of
from allotment.errors import UsageError
from allotment.model.platform import Platform
from allotment.model.policy import IdlePolicy
from allotment.operations.ask.measuring import lowest
from allotment.scenarios.times import milliseconds

_KINDS_OF_WORK: Final = ("job", "notebook", "service")


def counting_rules(platform: Platform | None, cluster: str, idle: Sequence[str]) -> CountingRules:
    """How devices are judged and priced.

    Args:
        platform: for names, prices and rules of idleness; None without one.
        cluster: which of its clusters the snapshot is of; empty to tell by the source's name.
        idle: ``job=20%/30min`` and so on.

    Raises:
        UsageError: a word of `idle` cannot be read.
    """
    rules = dict(_idle_rule(word) for word in idle)
    if platform is None:
        return CountingRules(IdleRules(rules), NO_PRICES)
    declared = {work.value: _declared(each) for each in platform.idle for work in each.work}
    rules = declared | rules
    names = {team.id: team.name for team in platform.teams}
    return CountingRules(IdleRules(rules), prices_of(platform, cluster), names)


def lowest_of(rules: IdleRules) -> float:
    """The share of use that is asked for where kinds of work have several; see `lowest`."""
    return lowest([rules.of(kind) for kind in _KINDS_OF_WORK])


def _declared(policy: IdlePolicy) -> IdleRule:
    return IdleRule(policy.below / 100, -(-policy.after // 60))


def _idle_rule(word: str) -> tuple[str, IdleRule]:
    kind, _, rule = word.partition("=")
    share, slash, time = rule.partition("/")
    percent = share.removesuffix("%")
    if kind not in _KINDS_OF_WORK or not share.endswith("%") or not percent.isascii() or not percent.isdigit():
        raise _no_rule(word)
    if int(percent) > 100:
        raise _no_rule(word)
    minutes = milliseconds(time) // 60_000 if slash else USUAL.minutes
    return kind, IdleRule(int(percent) / 100, minutes)


def _no_rule(word: str) -> UsageError:
    return UsageError(
        f"--idle {word!r} is no rule",
        why=f"a rule is KIND=SHARE/TIME with a kind of {', '.join(_KINDS_OF_WORK)} and a share of 0% to 100%",
        fix="write for example --idle notebook=10%/60min",
    )
