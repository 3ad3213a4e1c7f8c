"""What a made-up cluster's own admission does, as the policies do that a platform has there."""

from __future__ import annotations

from collections.abc import Callable
from typing import Final

from allotment.model import labels
from allotment.model.manifest import Body
from allotment.ports.kube import Identity

_SUBMITTED: Final = frozenset({"Job"})
"""Kinds that people submit: what controllers make of them leads back to them."""


def signing_for(own: str) -> Callable[[Body, Identity | None], Body]:
    """Work bears the name of who submits it.

    Args:
        own: name of the server's own user.
    """

    def signed(body: Body, identity: Identity | None) -> Body:
        if body["kind"] not in _SUBMITTED:
            return body
        metadata = body["metadata"]
        name = own if identity is None else identity.user
        annotations = {**(metadata.get("annotations") or {}), labels.SUBMITTER: name}
        return {**body, "metadata": {**metadata, "annotations": annotations}}

    return signed
