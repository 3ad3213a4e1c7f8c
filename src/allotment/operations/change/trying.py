"""What the server says to a step, by dry runs; and what it does not let us ask."""

from __future__ import annotations

import threading
from dataclasses import dataclass, field

from allotment.model.manifest import Manifest
from allotment.model.rights import resource_of
from allotment.plan.additions import removal, without
from allotment.plan.changes import MissingRight
from allotment.plan.difference import difference, value_at
from allotment.plan.fields import ownership_of, union
from allotment.plan.survey import Different
from allotment.plan.verdict import Accepted, Disputed, Refused, Untried, Verdict
from allotment.ports.kube import AccessQuestion, AccessRefusedError, FieldConflictError, KubePort, RefusedError


@dataclass(slots=True)
class Rights:
    """Our own rights, as far as a plan has come upon their limits. Shared by its workers."""

    kube: KubePort
    _known: dict[AccessQuestion, bool] = field(default_factory=dict)
    _missing: set[MissingRight] = field(default_factory=set)
    _lock: threading.Lock = field(default_factory=threading.Lock)

    @property
    def missing(self) -> tuple[MissingRight, ...]:
        """What was found missing, each once."""
        return tuple(sorted(self._missing, key=lambda right: (right.group, right.resource, right.verb)))

    def lack(self, verb: str, group: str, kind: str, namespace: str = "", *, unread: bool = False) -> bool:
        """Whether we lack a right; remembered if so. A refusal alone does not tell: policies refuse with 403, too."""
        question = AccessQuestion(verb, group, resource_of(kind), "", namespace)
        with self._lock:
            answer = self._known.get(question)
        if answer is None:
            answer = self.kube.permitted(question)
        with self._lock:
            self._known[question] = answer
            if not answer:
                self._missing.add(MissingRight(verb, group, question.resource, unread))
        return not answer


@dataclass(frozen=True, slots=True)
class Trial:
    """Dry runs of one plan."""

    kube: KubePort
    rights: Rights
    force: bool

    def of_change(self, different: Different) -> Verdict:
        """What the server says to bringing an object to its declaration, what others added taken out."""
        verdict = self.of(different.manifest, "patch")
        if isinstance(verdict, Disputed):
            return self._settled(different) or verdict
        if not isinstance(verdict, Accepted):
            return verdict
        # What our last apply set and this one does not goes by itself.
        left = [path for path in different.added if value_at(verdict.body, path) == value_at(different.live, path)]
        if not left:
            return verdict
        manifest, live = different.manifest, different.live
        try:
            # Whatever the version: a controller that wrote a status since the list has changed nothing of this.
            emptied = self.kube.merge_patch(manifest.api_version, manifest.key, removal(live, left), dry_run=True).body
        except RefusedError as error:
            return Refused(error.reason, error.message)
        # What comes back by itself is a default, and nobody's.
        added = tuple(path for path in left if value_at(emptied, path) != value_at(live, path))
        return Accepted(without(verdict.body, added), verdict.warnings, added)

    def _settled(self, different: Different) -> Accepted | None:
        """The live object, where taking the disputed fields over would leave it as it is.

        Then their owner has set what we declare, written in another way, and nobody has to give anything up.
        """
        if different.added:
            return None
        verdict = self.of(different.manifest, force=True)
        if not isinstance(verdict, Accepted):
            return None
        shape = union(different.ownership.shape, ownership_of(verdict.body).shape)
        return None if difference(different.live, verdict.body, shape) else Accepted(different.live, ())

    def of_creation(self, manifest: Manifest) -> Verdict:
        """What the server says to an object that is not there."""
        return self.of(manifest, "create", "patch")

    def of(self, manifest: Manifest, *needs: str, force: bool = False) -> Verdict:
        """What the server says to one apply.

        Args:
            manifest: the object.
            needs: verbs without which a refusal says nothing about the object.
            force: fields of others are taken over, whatever the plan does.
        """
        key = manifest.key
        try:
            answer = self.kube.apply(manifest.body, dry_run=True, force=force or self.force)
        except FieldConflictError as error:
            if error.with_ourselves and not force:
                return self.of(manifest, *needs, force=True)
            return Disputed(tuple((conflict.manager, conflict.field) for conflict in error.conflicts))
        except AccessRefusedError as error:
            # Every verb is asked about, so that all that is missing is named at once.
            lacking = [verb for verb in needs if self.rights.lack(verb, key.group, key.kind, key.namespace)]
            return Untried() if lacking else Refused(error.reason, error.message)
        except RefusedError as error:
            return Refused(error.reason, error.message)
        return Accepted(answer.body, answer.warnings)
