"""What the next apply brings into a namespace that is taken over: who gets in, and what is limited there."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from allotment.model.manifest import Body, Manifest
from allotment.model.quantity import parse_quantity
from allotment.plan.access import entering


def admitted(coming: Iterable[Manifest], bindings: Iterable[Body]) -> Iterator[str]:
    """People whom no binding in the namespace names now, and who get in by one that is declared.

    Args:
        coming: declared RoleBindings that are not there.
        bindings: all that are.
    """
    there = tuple(bindings)
    for manifest in coming:
        new = entering(manifest.body, there)
        if new:
            gets = "gets" if len(new) == 1 else "get"
            yield (
                f"the next apply lets others in: {', '.join(new)} {gets} RoleBinding {manifest.key.name}, and no "
                "binding in the namespace names them now; with it goes what is there: its Secrets and claims"
            )


def limited(coming: Iterable[Manifest], quotas: Iterable[Body]) -> Iterator[str]:
    """What the next apply limits in the namespace, where nothing limits it as far now.

    Args:
        coming: declared ResourceQuotas that are not there.
        quotas: all that are.
    """
    now: dict[str, list[str]] = {}
    for body in quotas:
        for name, amount in ((body.get("spec") or {}).get("hard") or {}).items():
            now.setdefault(_plain(name), []).append(str(amount))
    for manifest in coming:
        hard = manifest.body["spec"].get("hard") or {}
        new = [
            f"{name}={amount}"
            for name, amount in sorted(hard.items())
            if not name.startswith("count/") and all(_above(held, str(amount)) for held in now.get(_plain(name), ()))
        ]
        if new:
            yield f"the next apply limits it by ResourceQuota {manifest.key.name} to {', '.join(new)}"


def _plain(name: str) -> str:
    return name.removeprefix("requests.")


def _above(held: str, amount: str) -> bool:
    try:
        return parse_quantity(held) > parse_quantity(amount)
    except ValueError:
        return True
