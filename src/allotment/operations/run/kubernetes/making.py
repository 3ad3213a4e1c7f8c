"""What is made in a cluster for a job: made once, by nobody else, and never half."""

from __future__ import annotations

import hmac
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from typing import Final

from allotment.errors import ConflictError, ForbiddenError, UnreachableError, quoted_message
from allotment.jobs.kubernetes.budget import BUDGET
from allotment.jobs.kubernetes.kinds import WorkKind
from allotment.jobs.kubernetes.rendering import RenderedWork
from allotment.model import labels
from allotment.model.manifest import Body, key_of
from allotment.ports.backends import JobRefusedError
from allotment.ports.kube import USUAL_DELETION, AccessQuestion, AccessRefusedError, Identity, KubePort, RefusedError

_ALREADY: Final = "AlreadyExists"
_NO_RIGHT: Final = "cannot create resource"
_NO_IMPERSONATION: Final = "cannot impersonate"
_NAMESPACE_GOES: Final = "because it is being terminated"
_QUOTA: Final = "exceeded quota"
_NOT_COUNTED: Final = "status unknown for quota"
"""Said of a kind that a ResourceQuota limits and has not counted yet: for some seconds after either was made."""
_A_BUDGET: Final = "a drain of one of its nodes waits until it has ended: it writes no checkpoint (PodDisruptionBudget)"
_GONE: Final = 404
_NO_BUDGET: Final = (
    "a drain of one of its nodes ends it, and it begins anew: it writes no checkpoint, and only owners of a team may "
    "make what holds a drain up (PodDisruptionBudget)"
)
_OF_THE_SERVER: Final = 500
"""From this status on an answer is about the server, or whom it asks, and not about what was sent."""


@dataclass(frozen=True, slots=True)
class ClusterAccess:
    """How a cluster is reached.

    Attributes:
        kube: the API server.
        namespaces: where jobs are looked for; if there are none, everywhere, or wherever of the teams' one may look.
        identity: whom to act as; None for the credentials' own user.
        key: what only the server knows; it signs what runs a job.
        in_name_of: whom to act as for a job of an owner instead, see `Submitters`; None for nobody else.
    """

    kube: KubePort
    namespaces: tuple[str, ...] = ()
    identity: Identity | None = None
    key: bytes = b""
    in_name_of: Callable[[str], Identity | None] = lambda _: None


@dataclass(frozen=True, slots=True)
class MadeObject:
    """What came of making an object.

    Attributes:
        uid: of it; empty where it is not there yet.
        kept_back: why not everything could be made now, in a sentence; empty where it could.
    """

    uid: str
    kept_back: str = ""


class WorkMaker:
    """Makes objects of jobs in one cluster."""

    def __init__(self, name: str, access: ClusterAccess) -> None:
        """Nothing is sent yet.

        Args:
            name: of the cluster, as users call it.
            access: how it is reached.
        """
        self._name = name
        self._access = access
        self._kube = access.kube
        self._may: dict[tuple[Identity | None, str], bool] = {}

    def acting_as(self, identity: Identity | None) -> WorkMaker:
        """The same, in somebody else's name; None for nobody else's."""
        if identity is None:
            return self
        other = WorkMaker(self._name, replace(self._access, identity=identity))
        other._may = self._may
        return other

    @property
    def groups(self) -> tuple[str, ...] | None:
        """Of whom it acts as; None where it acts as nobody else."""
        return None if self._access.identity is None else self._access.identity.groups

    def mark(self, job_id: str) -> str:
        """What bears it runs the job: nobody else can make it while data are fetched and the name is known already."""
        return hmac.new(self._access.key, job_id.encode(), "sha256").hexdigest()[:32]

    def marked(self, job_id: str, work: RenderedWork) -> RenderedWork:
        """The work, its main object with its mark."""
        metadata = work.main["metadata"]
        notes = {**metadata["annotations"], labels.JOB_MARK: self.mark(job_id)}
        return replace(work, main={**work.main, "metadata": {**metadata, "annotations": notes}})

    def possible(self, work: RenderedWork) -> RenderedWork:
        """The work without what its user may not make, which is told; it runs without it."""
        budget = next((each for each in work.beside if each["kind"] == BUDGET), None)
        if budget is None:
            return work
        if self._may_make(budget):
            return replace(work, told=(*work.told, _A_BUDGET))
        beside = tuple(each for each in work.beside if each is not budget)
        return replace(work, beside=beside, told=(*work.told, _NO_BUDGET))

    def _may_make(self, budget: Body) -> bool:
        identity, namespace = self._access.identity, budget["metadata"]["namespace"]
        if (identity, namespace) not in self._may:
            question = AccessQuestion("create", "policy", "poddisruptionbudgets", namespace=namespace)
            self._may[identity, namespace] = self._allowed(identity, question)
        return self._may[identity, namespace]

    def _allowed(self, identity: Identity | None, question: AccessQuestion) -> bool:
        if identity is None:
            return self._kube.permitted(question)
        try:
            return self._kube.allowed(identity, question)
        except AccessRefusedError:
            return False  # whoever may not ask what others may makes nothing that only some of them may

    def attempt(self, body: Body) -> None:
        """Raise what `make` would raise for good; nothing is made.

        Raises:
            JobRefusedError: it will never be taken.
            ForbiddenError: the user may not make it.
            UnreachableError: the cluster takes nothing now.
        """
        try:
            self._create(body, dry_run=True)
        except RefusedError as error:
            if error.status >= _OF_THE_SERVER:
                raise UnreachableError(
                    f"{self._name} takes nothing now", why=error.message, fix="try again later"
                ) from error
            if error.reason != _ALREADY and not _of_a_quota(error):
                raise

    def make(self, job_id: str, work: RenderedWork, first: Body) -> MadeObject:
        """Make one object, and what stands beside it where it is the main one; or find that it was made already.

        Raises:
            JobRefusedError: it will never be taken.
            ForbiddenError: the user may not make it.
            ConflictError: somebody else has made an object of that name.
        """
        try:
            uid = self._create(first)["metadata"]["uid"]
        except RefusedError as error:
            kept_back = self._for_now(error)
            if kept_back:
                return MadeObject("", kept_back)
            uid = self._ours(job_id, first)["metadata"]["uid"]
        return MadeObject(uid, self.complete(work, uid) if first is work.main else "")

    def complete(self, work: RenderedWork, owner_uid: str) -> str:
        """Make what stands beside the main object, and goes with it; why not yet, where the cluster takes none now.

        Args:
            work: all objects.
            owner_uid: of the main one.

        Raises:
            JobRefusedError: it will never be taken.
            ForbiddenError: the user may not make it.
        """
        for body in _owned(work, owner_uid):
            try:
                self._create(body)
            except RefusedError as error:
                kept_back = self._for_now(error)
                if not kept_back:
                    self._put_right(body)
                elif body["kind"] != BUDGET:  # no job waits for that
                    return kept_back
        return ""

    def _for_now(self, error: RefusedError) -> str:
        """What holds an object back that may come later; empty of one that is there."""
        if _QUOTA in error.message:
            return f"the namespace is full: {quoted_message(error.message)}"
        if _NOT_COUNTED in error.message:
            return f"the namespace's quota is not counted yet: {quoted_message(error.message)}"
        if error.status >= _OF_THE_SERVER:
            return f"{self._name} takes nothing now: {quoted_message(error.message)}"
        if error.reason != _ALREADY:
            raise error
        return ""

    def _ours(self, job_id: str, body: Body) -> Body:
        """The object that is there already: ours, from a try whose answer was lost."""
        found = self._kube.get(body["apiVersion"], key_of(body))
        if found is None or not _bears(found, body, job_id):
            raise ConflictError(
                f"{key_of(body)} is there, and does not belong to the job {job_id}",
                why="somebody else has made an object of that name",
                fix="submit the job again, or delete that object",
            )
        return found

    def _put_right(self, body: Body) -> None:
        """What bears the name of something beside a job holds what it should, or is replaced: its pods would use it."""
        found = self._kube.get(body["apiVersion"], key_of(body))
        if found is not None and not _holds(found, body):
            uid = found["metadata"]["uid"]
            self._kube.delete(
                body["apiVersion"], key_of(body), identity=self._access.identity, uid=uid, how=USUAL_DELETION
            )
            self._create(body)

    def _create(self, body: Body, *, dry_run: bool = False) -> Body:
        """The object as it was made.

        Raises:
            RefusedError: it is there already, or nothing is taken now.
        """
        try:
            return self._kube.create(body, dry_run=dry_run, identity=self._access.identity).body
        except RefusedError as error:
            if error.reason == _ALREADY or _of_a_quota(error) or error.status >= _OF_THE_SERVER:
                raise
            if isinstance(error, AccessRefusedError) and _NO_IMPERSONATION in error.message:
                raise ForbiddenError(
                    f"{self._name} does not let this server act in your name, and it makes nothing of yours in its own",
                    why=quoted_message(error.message),
                    fix="ask the platform team: the server's user there needs the verb impersonate on users and groups "
                    "(docs/running-on-kubernetes.md#in-whose-name)",
                ) from error
            if isinstance(error, AccessRefusedError) and _NO_RIGHT in error.message:
                raise ForbiddenError(
                    f"you may not make a {body['kind']} in {body['metadata']['namespace']} of {self._name}",
                    why=error.message,
                    fix="ask an owner of the team to submit it"
                    if body["kind"] == WorkKind.CRON_JOB
                    else "ask the platform team for access to the team's namespace",
                ) from error
            if error.status == _GONE:
                namespace = body["metadata"]["namespace"]
                raise JobRefusedError(
                    f"{self._name} has no namespace {namespace} for the job's team",
                    why=error.message,
                    fix="ask the platform team: `allot apply` makes the namespaces of teams",
                ) from error
            if _NAMESPACE_GOES in error.message:
                namespace = body["metadata"]["namespace"]
                raise JobRefusedError(
                    f"the namespace {namespace} of the job's team is being deleted on {self._name}",
                    why=error.message,
                    fix="ask the platform team: `allot apply` makes it anew once it is gone; then submit the job again",
                ) from error
            raise JobRefusedError(
                f"{self._name} refused the job's {body['kind']}", why=error.message, fix="change the job as it says"
            ) from error


def _owned(work: RenderedWork, owner_uid: str) -> Iterator[Body]:
    main = work.main
    owner = {
        "apiVersion": main["apiVersion"],
        "kind": main["kind"],
        "name": main["metadata"]["name"],
        "uid": owner_uid,
    }
    for body in work.beside:
        yield {**body, "metadata": {**body["metadata"], "ownerReferences": [owner]}}


def _bears(found: Body, body: Body, job_id: str) -> bool:
    """Whether an object bears the job's label, and its mark where it should."""
    metadata = found["metadata"]
    mark = body["metadata"]["annotations"].get(labels.JOB_MARK)
    return (metadata.get("labels") or {}).get(labels.JOB) == job_id and (
        mark is None or (metadata.get("annotations") or {}).get(labels.JOB_MARK) == mark
    )


def _holds(found: Body, body: Body) -> bool:
    """Whether what is there holds what was to be made, whatever the API server has filled in."""
    if body["kind"] == "ConfigMap":
        return all(found.get(name) == body.get(name) for name in ("data", "binaryData"))
    return bool((found.get("spec") or {}).get("selector") == body["spec"]["selector"])


def _of_a_quota(error: RefusedError) -> bool:
    return _QUOTA in error.message or _NOT_COUNTED in error.message
