"""What a namespace's work may have, read from the namespace in CEL: see `render.entitlements`."""

from __future__ import annotations

from typing import Final

from allotment.model import labels
from allotment.render.policies.admission import Variable
from allotment.render.policies.cel import Expr, comma_separated, quote

LIMITS: Final = Variable("limits", comma_separated(labels.LIMITS_ANNOTATION))
FLAVORS: Final = Variable("flavors", comma_separated(labels.FLAVORS_ANNOTATION))


def limit(name: str) -> Expr:
    """CEL list: the amount of one limit as text, or nothing."""
    return Expr(f"variables.limits.filter(f, f.startsWith({quote(f'{name}=')})).map(f, f.substring({len(name) + 1}))")


def number(text: str) -> Expr:
    """CEL: a quantity as a number; amounts are text in built-in kinds, and may be numbers in others.

    A default that `text` ends with has to be `dyn(…)`: the compiler would else take every amount for text.
    """
    return Expr(f"quantity(string({text})).asApproximateFloat()")


def exceeds(amount: str, name: str) -> Expr:
    """CEL: whether a number is above a limit; false where there is none."""
    # The sum of many small amounts may be off in the last digit.
    return Expr(f"{limit(name)}.exists(most, {amount} > {number('most')} * 1.000001)")
