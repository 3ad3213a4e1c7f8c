"""What a namespace uses now, in the words of a ResourceQuota: a quota that comes later must not lie below it."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from fractions import Fraction
from typing import Final

from allotment.model.manifest import Body
from allotment.model.quantity import format_resource, parse_quantity

Amounts = dict[str, Fraction]

_ENDED: Final = ("Failed", "Succeeded")


def use_of(pods: Iterable[Body], claims: Iterable[Body]) -> Amounts:
    """Amounts by the names that quotas have for them, such as ``pods`` and ``requests.cpu``."""
    total: Amounts = {}
    for pod in pods:
        if pod.get("status", {}).get("phase") not in _ENDED:
            _add(total, {"pods": Fraction(1), **_of_pod(pod["spec"])})
    for claim in claims:
        storage = _amount(claim["spec"].get("resources", {}).get("requests", {}).get("storage"))
        _add(total, {"persistentvolumeclaims": Fraction(1), "requests.storage": storage})
    return total


def _of_pod(spec: Body) -> Amounts:
    found: Amounts = {}
    for side in ("requests", "limits"):
        together: Amounts = {}
        for container in spec.get("containers") or ():
            _add(together, _side(container, side))
        # Init containers run one after the other, and before the others.
        for container in spec.get("initContainers") or ():
            for name, amount in _side(container, side).items():
                together[name] = max(together.get(name, Fraction(0)), amount)
        found |= {f"{side}.{name}": amount for name, amount in together.items()}
    return found


def _side(container: Body, side: str) -> Amounts:
    return {name: _amount(value) for name, value in (container.get("resources", {}).get(side) or {}).items()}


def _add(total: Amounts, more: Mapping[str, Fraction]) -> None:
    for name, amount in more.items():
        total[name] = total.get(name, Fraction(0)) + amount


def _amount(value: object) -> Fraction:
    try:
        return Fraction(0) if value is None else parse_quantity(str(value))
    except ValueError:
        return Fraction(0)


def below_use(quota: Body, use: Mapping[str, Fraction]) -> Iterator[str]:
    """What a declared ResourceQuota would leave less of than is in use."""
    for name, limit in sorted((quota["spec"].get("hard") or {}).items()):
        used = use.get(name, use.get(f"requests.{name}", Fraction(0)))
        if _amount(limit) < used:
            yield f"{name} {format_resource(name, _amount(limit))}, in use {format_resource(name, used)}"
