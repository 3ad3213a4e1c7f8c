"""What the pods of a job write, rank by rank; followed, all of them side by side. What fetched its data comes first."""

from __future__ import annotations

import queue
import threading
from collections.abc import Callable, Collection, Iterator, Sequence
from contextlib import suppress
from dataclasses import dataclass, replace
from typing import Final

from allotment.errors import AllotmentError, NotFoundError, UnreachableError
from allotment.jobs.kubernetes.pods import MAIN
from allotment.model.manifest import ObjectKey
from allotment.model.moments import moment
from allotment.model.observed.pods import Pod
from allotment.operations.run.kubernetes.ends import rank_of
from allotment.operations.run.kubernetes.fake_nodes import nothing_ran
from allotment.ports.backends import LogLine
from allotment.ports.kube import KubePort, PodLogLine, RefusedError

LOOK_AGAIN: Final = 1.0
"""Seconds between two looks for pods that came since, and after which silence is told."""
SETTLING: Final = 5.0
"""Seconds of silence after the end of a job, after which a stream that does not end is left: its node may be gone."""
_MOST_WAITING: Final = 1000
"""Lines that are read ahead of whoever reads them."""
_MOST_NAMED: Final = 10
"""Ranks that are named in a sentence."""
_MOST_FOLLOWED: Final = 512
"""Pods whose output is read at once, a thread each; others come once one of those has ended."""
_NOT_STARTED: Final = 400
_GONE: Final = 404
_OF_THE_NODE: Final = 500
"""From this status on the API server tells what the node said, or that it said nothing."""

_Output = tuple[str, str]
"""Uid of a pod, and a container."""


@dataclass(frozen=True, slots=True)
class JobPods:
    """Where the output of a job is.

    Attributes:
        pods: those that are there.
        goes_on: whether there may be more of them, or of what they write.
        gone: ranks whose pods are no more, and their output with them.
        fetchers: those that fetch its data before; what they wrote is told as of rank 0.
    """

    pods: Sequence[Pod]
    goes_on: bool
    gone: Sequence[int] = ()
    fetchers: Sequence[Pod] = ()

    @property
    def outputs(self) -> Iterator[tuple[Pod, str]]:
        """Pods with the container that writes; of each rank the oldest first."""
        for pod in sorted(self.fetchers, key=lambda each: each.metadata.creation_timestamp):
            # One after the other.
            yield from ((pod, each.name) for each in (*pod.spec.init_containers, *pod.spec.containers))
        for pod in sorted(self.pods, key=lambda each: (rank_of(each), each.metadata.creation_timestamp)):
            yield pod, MAIN


def read_logs(kube: KubePort, of: JobPods, tail: int | None) -> Iterator[LogLine]:
    """All that is there, pod after pod, the oldest first of each rank; then what is missing is told.

    Args:
        kube: the cluster.
        of: the job.
        tail: only so many of the last lines of each; all for None.

    Raises:
        NotFoundError: no pod has written anything that is still there, or the pod of a rank is no more; or its node is
            fake, and nothing ran.
        UnreachableError: the node of a rank does not answer.
    """
    found, away, fake = False, {}, None
    for pod, container in of.outputs:
        try:
            for line in kube.pod_log(_key(pod), container, tail=tail):
                found = True
                # What is not followed is read to its end, and may wait for it.
                yield replace(_line(pod, line), more=True)
            found = found or bool(pod.spec.node_name)
        except RefusedError as error:
            if error.status >= _OF_THE_NODE:
                if container != MAIN and of.pods:
                    continue  # what it fetched is there: its node may be gone
                away[rank_of(pod)] = error.message
                fake = fake or nothing_ran(kube, pod)
            elif error.status not in {_NOT_STARTED, _GONE}:
                raise
    if fake is not None:
        raise fake
    if away:
        raise UnreachableError(
            f"the output of {_ranks(away)} cannot be read now",
            why=away[min(away)],
            fix="try again once its node answers",
        )
    if found and of.gone:
        raise NotFoundError(f"the output of {_ranks(of.gone)} is gone", why="its pod is no more", fix="")
    if not found:
        raise NotFoundError(
            "there is no log of the job", why="no pod of it has started, or they are gone", fix="ask why it waits"
        )


def _ranks(ranks: Collection[int]) -> str:
    named = ", ".join(map(str, sorted(ranks)[:_MOST_NAMED]))
    more = len(ranks) - _MOST_NAMED
    return f"rank{'' if len(ranks) == 1 else 's'} {named}{f' and {more} more' if more > 0 else ''}"


class FollowedLogs:
    """Logs of all pods that a job has, and will have, until it is over; a thread a pod."""

    def __init__(self, kube: KubePort, look: Callable[[], JobPods], tail: int | None) -> None:
        """Nothing is read yet.

        Args:
            kube: the cluster.
            look: pods of the job as they are now.
            tail: only so many of the last lines that are there now.
        """
        self._kube = kube
        self._look = look
        self._tail = tail
        self._lines: queue.Queue[LogLine | None] = queue.Queue(_MOST_WAITING)
        self._left = threading.Event()
        self._read: set[_Output] = set()
        self._reading: dict[_Output, threading.Thread] = {}
        self._trouble: AllotmentError | None = None

    def __iter__(self) -> Iterator[LogLine | None]:
        """Lines as they come; None where nothing came for a while."""
        try:
            goes_on, silent = True, 0.0
            while goes_on or self._lines.qsize() or (self._reading and silent < SETTLING):
                if goes_on:
                    goes_on = self._begin()
                for line in self._ready():
                    silent = 0.0 if line is not None or goes_on else silent + LOOK_AGAIN
                    yield line
                self._raise()
                self._reading = {output: thread for output, thread in self._reading.items() if thread.is_alive()}
        finally:
            self._left.set()

    def _begin(self) -> bool:
        """Begin to read pods that are new; whether the job goes on: one that is gone does not."""
        try:
            of = self._look()
        except NotFoundError:
            return False
        for pod, container in of.outputs:
            if len(self._reading) >= _MOST_FOLLOWED:
                break
            output = pod.metadata.uid, container
            if output not in self._read and output not in self._reading and pod.spec.node_name:
                thread = threading.Thread(
                    target=self._follow, args=(pod, container, self._tail), name=f"log-{pod.name}", daemon=True
                )
                self._reading[output] = thread
                thread.start()
        self._tail = self._tail if not of.pods and not of.fetchers else None
        return of.goes_on

    def _ready(self) -> Iterator[LogLine | None]:
        """What has come by now; the first is waited for."""
        try:
            line = self._lines.get(timeout=LOOK_AGAIN)
        except queue.Empty:
            yield None
            return
        with suppress(queue.Empty):
            while True:
                following = self._lines.get_nowait()
                yield line and replace(line, more=True)
                line = following
        yield line

    def _follow(self, pod: Pod, container: str, tail: int | None) -> None:
        # What is said to a thread is said to whoever iterates; a pod that has not started is asked again.
        try:
            for line in self._kube.pod_log(_key(pod), container, follow=True, tail=tail):
                while not self._left.is_set():
                    with suppress(queue.Full):
                        self._lines.put(_line(pod, line), timeout=LOOK_AGAIN)
                        break
                if self._left.is_set():
                    return
            self._read.add((pod.metadata.uid, container))
        except RefusedError as error:
            if error.status == _GONE:
                self._read.add((pod.metadata.uid, container))
            elif error.status != _NOT_STARTED:
                self._trouble = (nothing_ran(self._kube, pod) if error.status >= _OF_THE_NODE else None) or error
        except AllotmentError as error:
            self._trouble = error

    def _raise(self) -> None:
        if self._trouble is not None and self._lines.empty():
            raise self._trouble


def _key(pod: Pod) -> ObjectKey:
    return ObjectKey("", "Pod", pod.namespace, pod.name)


def _line(pod: Pod, line: PodLogLine) -> LogLine:
    return LogLine(rank_of(pod), line.text, moment(line.at) if line.at else None)
