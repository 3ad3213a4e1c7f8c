"""The API server in memory of a cluster that is made up as it goes: its objects as they are, and logs that go on."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Final

from allotment.adapters.kube.fake import FakeKube
from allotment.model.manifest import Body, ObjectKey
from allotment.ports.kube import Answer, Identity, PodLogLine

_LOOK_AGAIN: Final = 0.5
"""Seconds between two looks at a log that is followed."""
_OVER: Final = frozenset({"Succeeded", "Failed"})


@dataclass(slots=True)
class MadeUpKube(FakeKube):
    """Implements `ports.demo.MadeUpCluster`.

    Attributes:
        admitted: what its admission makes of an object that somebody makes; None for the server's own user.
    """

    admitted: Callable[[Body, Identity | None], Body] = lambda body, _identity: body

    def held(self, kind: str) -> Iterator[Body]:
        """All objects of a kind as they are kept, for who changes none of them."""
        with self._lock:
            found = [stored.body for key, stored in self._objects.items() if key.kind == kind]
        yield from found

    def create(self, body: Body, *, dry_run: bool = False, identity: Identity | None = None) -> Answer:
        """POST."""
        return FakeKube.create(self, self.admitted(body, identity), dry_run=dry_run, identity=identity)

    def pod_log(
        self, pod: ObjectKey, container: str, *, follow: bool = False, tail: int | None = None
    ) -> Iterator[PodLogLine]:
        """What has been written; followed, what is written until the pod ends or goes."""
        last = ""
        for line in FakeKube.pod_log(self, pod, container, tail=tail):
            last = line.at
            yield line
        while follow:
            goes_on = self._goes_on(pod)
            for line in self.logs.get((pod, container), ()):
                if line.at > last:
                    last = line.at
                    yield line
            if not goes_on:
                return
            time.sleep(_LOOK_AGAIN)

    def _goes_on(self, pod: ObjectKey) -> bool:
        body = self.get("v1", pod)
        return body is not None and (body.get("status") or {}).get("phase") not in _OVER
