"""Use case: take over what exists under a declared name.

Looks at every such object and at what depends on it; changes nothing until asked. Then object by object, in the apply
order: the earlier values are written down first, so that a kill between two requests loses nothing.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable, Iterator, Sequence
from contextlib import suppress
from dataclasses import dataclass, replace
from typing import Final

from allotment.errors import NotFoundError, UsageError
from allotment.model import labels
from allotment.model.manifest import Body, Manifest, Manifests, ObjectKey
from allotment.model.mark import MARK
from allotment.operations.adopt.staying import staying
from allotment.operations.change.planning import (
    PlanSettings,
    look_around,
    side_by_side,
    ways_in,
    work_in_use,
    workloads,
)
from allotment.operations.change.trying import Rights, Trial
from allotment.plan import order
from allotment.plan.adoption import around, coming, promises, record
from allotment.plan.adoption.adopting import Adoption, Facts, Hindrance, adoption, needs_trial
from allotment.plan.adoption.cuts import Cut, cuts
from allotment.plan.adoption.origin import origins_of
from allotment.plan.adoption.use import below_use, use_of
from allotment.plan.adoption.words import Word, word_of
from allotment.plan.foreign import grounds_of
from allotment.plan.settle import digest_of
from allotment.plan.survey import Survey
from allotment.plan.uncounted import InUse
from allotment.ports.kube import KubePort, RefusedError


@dataclass(frozen=True, slots=True)
class AdoptionLook:
    """Objects that exist under declared names and are not ours.

    Attributes:
        adoptions: in the apply order: those that were asked for, or all.
        chosen: whether somebody named them; else nothing is to be done.
        digest: of the objects that are declared.
    """

    platform: str
    cluster: str
    adoptions: tuple[Adoption, ...]
    chosen: bool
    digest: str = ""

    @property
    def possible(self) -> tuple[Adoption, ...]:
        """Those that nothing stands against."""
        return tuple(each for each in self.adoptions if each.hindrance is None)

    @property
    def namespace(self) -> str:
        """The namespace that is taken over; empty if none is."""
        return next((each.key.name for each in self.adoptions if each.key.kind == "Namespace"), "")

    @property
    def opens(self) -> bool:
        """Whether a namespace can be taken over: only then the directory is edited with it."""
        return any(each.key.kind == "Namespace" for each in self.possible)


def look(
    desired: Manifests,
    kube: KubePort,
    settings: PlanSettings,
    words: Sequence[Word],
    *,
    walls: Sequence[Manifest] = (),
    enforce: bool = False,
) -> AdoptionLook:
    """What could be taken over; changes nothing.

    Args:
        desired: what the directory declares for the cluster.
        kube: the cluster.
        settings: as for a plan.
        words: what to take over; empty: look at everything, take nothing.
        walls: network policies that the directory leaves out, in case they are wanted.
        enforce: policies may refuse from the start in a namespace that is taken over.

    Raises:
        UsageError: more than one namespace is named.
        NotFoundError: a word means nothing that is declared, or nothing that is somebody else's.
    """
    if sum(word.kind == "namespace" for word in words) > 1:
        raise UsageError("namespaces are taken over one at a time", fix="name one namespace, look, and name the next")
    found = look_around(desired, kube, settings)
    chosen = [pair for pair in found.foreign if not words or any(word.means(pair[0].key) for word in words)]
    for word in words:
        _require_meaning(word, desired, found)
    looking = _Looking(desired, kube, found, {manifest.key for manifest, _ in chosen}, tuple(walls), enforce=enforce)
    ranked = sorted(chosen, key=lambda pair: (order.place(pair[0].key), pair[0].key))
    in_use = _in_use(kube, chosen)
    adoptions = side_by_side(lambda pair: looking.adoption(*pair, in_use), ranked, settings.workers)
    return AdoptionLook(settings.platform, desired.cluster, tuple(_behind(adoptions)), bool(words), digest_of(desired))


def _behind(adoptions: Sequence[Adoption]) -> Iterator[Adoption]:
    """The adoptions, with those held back whose namespace is, or what they rest on: grounds come before them."""
    held: set[ObjectKey] = set()
    for each in adoptions:
        space = ObjectKey("", "Namespace", "", each.key.namespace)
        behind = next((key for key in (space, *grounds_of(each.manifest.body)) if key in held), None)
        waits = (Hindrance(f"{behind} is held back", "solve that first"),) if behind is not None else ()
        if each.hindrances or waits:
            held.add(each.key)
        yield replace(each, hindrances=each.hindrances or waits)


def _require_meaning(word: Word, desired: Manifests, found: Survey) -> None:
    if any(word.means(manifest.key) for manifest, _ in found.foreign) or not word.name:
        return
    meant = [item.key for item in desired if word.means(item.key)]
    if not meant:
        raise NotFoundError(
            f"the directory declares no {word.text}",
            why="only what is declared can be taken over",
            fix="declare it first; `allot adopt` without names lists what there is",
        )
    absent = {item.key for item in found.absent}
    if meant[0] in absent:
        raise NotFoundError(f"{meant[0]} is not there", fix="nothing has to be taken over: apply creates it")
    raise NotFoundError(f"{meant[0]} is the platform's already", fix="nothing has to be taken over: apply changes it")


def _in_use(kube: KubePort, chosen: Sequence[tuple[Manifest, Body]]) -> InUse:
    queues = [(live, manifest.body) for manifest, live in chosen if manifest.key.kind == "ClusterQueue"]
    return work_in_use(kube, queues, (), ())


_RBAC: Final = "rbac.authorization.k8s.io/v1"
_POD_SECURITY: Final = "pod-security.kubernetes.io/"
_ANY_TIME: Final = dt.datetime(2000, 1, 1, tzinfo=dt.UTC)
"""For the length of a record: that of each time is the same."""


@dataclass(frozen=True, slots=True)
class _Looking:
    """One look: gathers what is known of an object besides itself."""

    desired: Manifests
    kube: KubePort
    found: Survey
    chosen: set[ObjectKey]
    walls: tuple[Manifest, ...]
    enforce: bool

    def adoption(self, manifest: Manifest, live: Body, in_use: InUse) -> Adoption:
        trial = Trial(self.kube, Rights(self.kube), force=True)
        verdict = trial.of(manifest) if needs_trial(manifest) else None
        return adoption(manifest, live, verdict, replace(self._facts(manifest, live), in_use=in_use))

    def _facts(self, manifest: Manifest, live: Body) -> Facts:
        facts = self._facts_of(manifest, live)
        foreign = {other.key for other, _ in self.found.foreign} - self.chosen
        grounds = tuple(dict.fromkeys(key for key in grounds_of(manifest.body) if key in foreign))
        if grounds:
            together = " ".join(word_of(key) for key in (*grounds, manifest.key))
            resting = Hindrance(
                f"it would rest on {_named(grounds)}, which {_is(grounds)} somebody else's",
                f"take them over together: `allot adopt {together}`",
            )
            facts = replace(facts, hindrances=(*facts.hindrances, resting))
        absent = {other.key for other in self.found.absent}
        missing = tuple(dict.fromkeys(key for key in grounds_of(manifest.body) if key in absent))
        if missing:
            early = Hindrance(
                f"it would name {_named(missing)}, which {_is(missing)} not there yet, and admit nothing until then",
                "run `allot apply` first: it makes what nobody else has, and leaves this alone",
            )
            facts = replace(facts, hindrances=(*facts.hindrances, early))
        space = manifest.key.namespace
        if space and any(other.key.name == space and other.key.kind == "Namespace" for other, _ in self.found.foreign):
            key = ObjectKey("", "Namespace", "", space)
            if key not in self.chosen:
                closed = Hindrance(
                    f"it lies in the namespace {space}, which is not ours",
                    f"take the namespace over, and this with it: `allot adopt {word_of(key)}`",
                )
                return replace(facts, hindrances=(closed, *facts.hindrances))
        return facts

    def _facts_of(self, manifest: Manifest, live: Body) -> Facts:
        if manifest.key == MARK:
            return self._of_system()
        match manifest.key.kind:
            case "Namespace":
                return self._of_namespace(manifest, live)
            case "ClusterQueue":
                return self._of_queue(manifest, live)
            case "LocalQueue":
                return Facts(stake=_said(around.queue_stake(live)))
            case "ResourceFlavor":
                return self._of_flavor(manifest, live)
            case "PersistentVolumeClaim":
                return Facts(stake=_said(around.claims_in_words([live])))
            case "NetworkPolicy":
                return Facts(cuts=cuts([manifest.body]))
            case _:
                return Facts()

    def _of_flavor(self, manifest: Manifest, live: Body) -> Facts:
        try:
            return around.of_flavor(live, manifest.body, self.kube.list("v1", "Node"))
        except RefusedError as error:
            return Facts(remarks=(_unread("whether nodes carry its labels", error),))

    def _of_queue(self, manifest: Manifest, live: Body) -> Facts:
        def shut_out() -> Hindrance | None:
            queues = self.kube.list(manifest.api_version, "LocalQueue")
            out = around.shut_out(manifest.body, queues, self.kube.list("v1", "Namespace"))
            return around.shut_out_by(manifest.body, out, spaces)

        spaces = promises.spaces_of(self.desired, manifest.key.name)
        quotas = [body for space in spaces for body in self._listed("v1", "ResourceQuota", space)]
        remarks = (
            *_said(promises.sharing_remark(live, manifest.body)),
            *promises.kept_below(manifest.body, quotas, self.desired),
        )
        facts = Facts(_said(around.queue_stake(live)), remarks)
        try:
            hindrance = shut_out()
        except RefusedError as error:
            return replace(facts, remarks=(*remarks, _unread("whose work it takes", error)))
        return replace(facts, hindrances=(hindrance,) if hindrance else ())

    def _of_namespace(self, manifest: Manifest, live: Body) -> Facts:
        name = manifest.key.name
        pods = self._listed("v1", "Pod", name)
        claims = self._listed("v1", "PersistentVolumeClaim", name)
        services = self._listed("v1", "Service", name)
        secrets = self._readable(lambda: _secrets(self.kube, name))
        work = self._readable(lambda: around.work_in_words(workloads(self.kube, name)))
        walls = self._absent(name, "NetworkPolicy")
        left_out = [item for item in self.walls if item.key.namespace == name]
        said = cuts(item.body for item in walls or left_out)
        if said and services:
            said = (*said, Cut("services", f"reached from outside until now: {around.services_in_words(services)}"))
        stake = (*work, *_said(around.claims_in_words(claims)), *secrets)
        against = tuple(self._against(manifest, pods, claims, works=bool(work)))
        stays = staying(self.kube, name, self.desired)
        kept = record.fitting(record.record(manifest.body, live, origins_of(live), _ANY_TIME), stays.kept)
        beyond = [entry for entry in stays.kept if entry not in kept]
        remarks = (*stays.remarks, *_said(around.unwritten(beyond)), *self._promised(name), *self._coming(name))
        return Facts(stake, remarks, said, left_out=bool(left_out) and not walls, hindrances=against, kept=kept)

    def _promised(self, name: str) -> Iterator[str]:
        """Where quotas that stay allow less than the queues of the namespace promise."""
        quotas = self._listed("v1", "ResourceQuota", name)
        for queue in promises.queues_of(self.desired, name):
            yield from promises.kept_below(queue, quotas, self.desired)

    def _coming(self, name: str) -> Iterator[str]:
        """Whom and what the next apply brings."""
        with suppress(RefusedError):  # what stays has said it
            bindings = tuple(self.kube.list(_RBAC, "RoleBinding", namespace=name))
            yield from coming.admitted(self._absent(name, "RoleBinding"), bindings)
        yield from coming.limited(self._absent(name, "ResourceQuota"), self._listed("v1", "ResourceQuota", name))

    def _of_system(self) -> Facts:
        """Nobody is bound by policies who acts from there, so nobody else may be there."""
        try:
            found = [*workloads(self.kube, MARK.name), *ways_in(self.kube, MARK.name)]
        except RefusedError as error:
            unread = Hindrance(_unread("whether others are in it", error), "take it over with another account")
            return Facts(hindrances=(unread,))
        against = around.not_alone(found)
        return Facts(hindrances=(against,) if against else ())

    def _absent(self, namespace: str, kind: str) -> list[Manifest]:
        there = {manifest.key for manifest, _ in self.found.foreign}
        return [item for item in around.declared_in(self.desired, namespace, kind) if item.key not in there]

    def _against(
        self, manifest: Manifest, pods: Sequence[Body], claims: Sequence[Body], *, works: bool
    ) -> Iterator[Hindrance]:
        name = manifest.key.name
        insecure = self._insecure(manifest)
        if insecure:
            yield Hindrance(
                f"Pod Security would refuse the pods that replace those there: {'; '.join(insecure)}",
                f"declare an exception in the team's file until the work is mended: podSecurity: {{level: baseline, "
                f"reason: ..., namespaces: [{name}], until: ...}}",
            )
        below = [
            f"{item.key.name}: {text}"
            for item in self._absent(name, "ResourceQuota")
            for text in below_use(item.body, use_of(pods, claims))
        ]
        if below:
            yield Hindrance(
                f"apply would set quotas there below what is in use: {'; '.join(below)}",
                "declare at least what is in use (requests.storage: the team's storage.total; the rest: its placement, "
                "with namespaceQuota where needed), and lower it once the work has ended",
            )
        # Where nothing works, nothing is refused before the next apply has changed the bindings.
        refusing = [] if self.enforce or not works else list(around.guarded(name, self.found))
        if refusing:
            yield Hindrance(
                f"policies in the cluster would refuse its work, though the directory says that they only warn there: "
                f"{', '.join(refusing)}",
                f"with warnNamespaces: [{name}] in the cluster's document, run `allot apply` first, which changes the "
                "policies' bindings; or say --enforce",
            )

    def _insecure(self, manifest: Manifest) -> list[str]:
        """Pods that the declared Pod Security level would not admit: the server says so when a namespace gets it."""
        wanted = manifest.body["metadata"].get("labels") or {}
        level = {key: value for key, value in wanted.items() if key.startswith(_POD_SECURITY)}
        patch = {"metadata": {"labels": level}}
        try:
            answer = self.kube.merge_patch(
                manifest.api_version, manifest.key, patch, dry_run=True, manager=labels.ADOPTING_MANAGER
            )
        except RefusedError as error:
            return [f"it could not be asked: {error.message}"]
        return list(answer.warnings)

    def _listed(self, api_version: str, kind: str, namespace: str) -> list[Body]:
        try:
            return list(self.kube.list(api_version, kind, namespace=namespace))
        except RefusedError:
            return []

    def _readable(self, read: Callable[[], str]) -> tuple[str, ...]:
        try:
            return _said(read())
        except RefusedError as error:
            return (_unread("part of what is there", error),)


def _named(keys: Sequence[ObjectKey]) -> str:
    *rest, last = (f"{key.kind} {key.name}" for key in keys)
    return f"{', '.join(rest)} and {last}" if rest else last


def _is(keys: Sequence[ObjectKey]) -> str:
    return "is" if len(keys) == 1 else "are"


def _secrets(kube: KubePort, namespace: str) -> str:
    number = sum(1 for _ in kube.list_metadata("v1", "Secret", namespace=namespace))
    return f"{number} Secrets" if number else ""


def _said(text: str) -> tuple[str, ...]:
    return (text,) if text else ()


def _unread(what: str, error: RefusedError) -> str:
    return f"{what} could not be read: {error.message}"
