"""Whether a context leads to the cluster that is meant, before anything is made or looked for there."""

from __future__ import annotations

from allotment.errors import ConflictError, UnreachableError
from allotment.model.mark import Mark
from allotment.operations.change.identity import admitted
from allotment.ports.kube import KubePort


class RightCluster:
    """Asks until the cluster has once said that it is the one, or that it bears no mark, or that nobody may know.

    Another cluster is as good as none: jobs that were handed over are not gone because they are not there, and those
    that wait go nowhere else.
    """

    def __init__(self, kube: KubePort, mark: Mark) -> None:
        """Nothing is asked yet."""
        self._kube = kube
        self._mark = mark
        self._known = False

    def __call__(self) -> None:
        """Raise where it is another one.

        Raises:
            UnreachableError: it says so itself, by its mark; or it does not answer.
        """
        if self._known:
            return
        try:
            admitted(self._kube, self._mark)
        except ConflictError as error:
            raise UnreachableError(
                f"{self._mark.cluster} is not reached: {error.what}",
                why=error.why,
                fix=f"correct the context of {self._mark.cluster} in the server's kubeconfig, or in the platform "
                "directory, then `allot down` and `allot up`",
            ) from error
        self._known = True
