"""Whether applying an object would change anything: decided here, exactly, without asking the server.

The answer "settled" must be right, because the object is then not sent at all. "Not settled" may be wrong (an
unknown default, say): the server's dry run then has the last word.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, Final

from allotment.model.quantity import parse_quantity
from allotment.plan.fields import Ownership, Tree, is_set, item_token, list_keys, union

QUANTITY_FIELDS: Final = frozenset(
    {
        "borrowingLimit", "capacity", "default", "defaultRequest", "hard", "lendingLimit", "limits", "max",
        "maxLimitRequestRatio", "min", "nominalQuota", "requests", "sizeLimit",
    }
)  # fmt: skip
"""Fields that hold quantities, themselves or one level down: the server rewrites ``1000m`` as ``1`` there."""

SERVER_DEFAULTS: Final[Mapping[tuple[str, str], Any]] = {
    ("ClusterRoleBinding", "apiGroup"): "rbac.authorization.k8s.io",
    ("MutatingAdmissionPolicy", "matchPolicy"): "Equivalent",
    ("MutatingAdmissionPolicy", "namespaceSelector"): {},
    ("MutatingAdmissionPolicy", "objectSelector"): {},
    ("MutatingAdmissionPolicy", "scope"): "*",
    ("MutatingAdmissionPolicyBinding", "matchPolicy"): "Equivalent",
    ("MutatingAdmissionPolicyBinding", "namespaceSelector"): {},
    ("MutatingAdmissionPolicyBinding", "objectSelector"): {},
    ("MutatingAdmissionPolicyBinding", "scope"): "*",
    ("NetworkPolicy", "protocol"): "TCP",
    ("RoleBinding", "apiGroup"): "rbac.authorization.k8s.io",
    ("ValidatingAdmissionPolicy", "matchPolicy"): "Equivalent",
    ("ValidatingAdmissionPolicy", "namespaceSelector"): {},
    ("ValidatingAdmissionPolicy", "objectSelector"): {},
    ("ValidatingAdmissionPolicy", "scope"): "*",
    ("ValidatingAdmissionPolicyBinding", "matchPolicy"): "Equivalent",
    ("ValidatingAdmissionPolicyBinding", "namespaceSelector"): {},
    ("ValidatingAdmissionPolicyBinding", "objectSelector"): {},
    ("ValidatingAdmissionPolicyBinding", "scope"): "*",
}
"""By kind and field: what the server fills in inside atomic lists and maps, where an extra key would else count."""

_ALWAYS_A_MAP: Final[Tree] = {"f:metadata": {".": {}}}
"""The server's own metadata (uid, versions) has no owner, so ownership alone would not show metadata to be a map."""

_MISSING: Final = object()


def settled(desired: Mapping[str, Any], live: Mapping[str, Any], ownership: Ownership) -> bool:
    """Whether a server-side apply of `desired` would leave the live object as it is.

    It would if every desired field is there with an equal value, and nothing that our last apply set is missing from
    `desired` (the server would remove it).
    """
    shape = union(ownership.shape, _ALWAYS_A_MAP)
    return Comparison(live.get("kind", "")).same_map(desired, live, shape, ownership.ours)


class Comparison:
    """One comparison; holds the kind, by which defaults are looked up."""

    def __init__(self, kind: str) -> None:
        self._kind = kind

    def same(self, desired: Any, live: Any, shape: Tree, ours: Tree, *, quantity: bool) -> bool:
        """Whether applying `desired` would leave the value as it is."""
        if isinstance(desired, Mapping) and isinstance(live, Mapping):
            if shape:
                return self.same_map(desired, live, shape, ours, quantity=quantity)
            return self._exact_map(desired, live, quantity=quantity)
        if _is_list(desired) and _is_list(live):
            return self._same_list(desired, live, shape, ours)
        return _same_scalar(desired, live, quantity=quantity)

    def same_map(
        self,
        desired: Mapping[str, Any],
        live: Mapping[str, Any],
        shape: Tree,
        ours: Tree,
        *,
        quantity: bool = False,
    ) -> bool:
        """Desired keys are equal; other live keys are none of our business unless we set them last time."""
        for key, value in desired.items():
            token = f"f:{key}"
            present = live.get(key, _MISSING)
            if present is _MISSING:
                # A zero that we own and that is not there is one the server does not store (globalDefault: false).
                if not (is_empty(value) or (token in ours and not value)):
                    return False
            elif not self.same(
                value,
                present,
                shape.get(token, {}),
                ours.get(token, {}),
                quantity=quantity or key in QUANTITY_FIELDS,
            ):
                return False
        return not any(token.startswith("f:") and token[2:] not in desired and token[2:] in live for token in ours)

    def _same_list(self, desired: Sequence[Any], live: Sequence[Any], shape: Tree, ours: Tree) -> bool:
        keys = list_keys(shape)
        if keys:
            return self._same_keyed(desired, live, shape, ours, keys)
        if is_set(shape):
            wanted, present = set(map(repr, desired)), set(map(repr, live))
            dropped = {token for token in ours if token.startswith("v:")} - {f"v:{_json(item)}" for item in desired}
            return wanted <= present and not dropped
        return self.exact(desired, live, quantity=False)

    def _same_keyed(
        self, desired: Sequence[Any], live: Sequence[Any], shape: Tree, ours: Tree, keys: tuple[str, ...]
    ) -> bool:
        present = {item_token(item, keys): item for item in live}
        wanted = {item_token(item, keys): item for item in desired}
        return (
            all(
                token in present and self.same_map(item, present[token], shape.get(token, {}), ours.get(token, {}))
                for token, item in wanted.items()
            )
            and len(wanted) == len(desired)
            and not any(token.startswith("k:") and token not in wanted and token in present for token in ours)
        )

    def exact(self, desired: Any, live: Any, *, quantity: bool) -> bool:
        """Equality inside atomic parts, but for empty values and the server's defaults."""
        if isinstance(desired, Mapping) and isinstance(live, Mapping):
            return self._exact_map(desired, live, quantity=quantity)
        if _is_list(desired) and _is_list(live):
            return len(desired) == len(live) and all(
                self.exact(one, other, quantity=quantity) for one, other in zip(desired, live, strict=True)
            )
        return _same_scalar(desired, live, quantity=quantity)

    def _exact_map(self, desired: Mapping[str, Any], live: Mapping[str, Any], *, quantity: bool) -> bool:
        for key, value in desired.items():
            present = live.get(key, _MISSING)
            if present is _MISSING:
                if not is_empty(value):
                    return False
            elif not self.exact(value, present, quantity=quantity or key in QUANTITY_FIELDS):
                return False
        return all(key in desired or self.comes_back(key, value) for key, value in live.items())

    def comes_back(self, key: str, value: Any) -> bool:
        """Whether the server fills this value in by itself, so that its absence is no difference."""
        return is_empty(value) or bool(SERVER_DEFAULTS.get((self._kind, key), _MISSING) == value)


def same_quantity(one: Any, other: Any) -> bool:
    """Whether two quantities are the same amount, however written."""
    try:
        return parse_quantity(str(one)) == parse_quantity(str(other))
    except ValueError:
        return False


def _same_scalar(desired: Any, live: Any, *, quantity: bool) -> bool:
    if desired == live and isinstance(desired, bool) == isinstance(live, bool):
        return True
    return quantity and not isinstance(desired, bool) and same_quantity(desired, live)


def _is_list(value: Any) -> bool:
    return isinstance(value, list | tuple)


def is_empty(value: Any) -> bool:
    """The server drops empty values of optional fields; for apply they equal absence."""
    return value is None or (isinstance(value, Mapping | list | tuple) and not value)


def _json(value: Any) -> str:
    return f'"{value}"' if isinstance(value, str) else str(value)
