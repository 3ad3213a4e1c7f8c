"""Metadata that stands inside an object and comes out on what controllers make of it: on pods, Jobs, claims, services.

Controllers are not bound by what binds tenants, so what must not stand on an object must not stand here either.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Final

from allotment.render.policies.admission import Variable
from allotment.render.policies.cel import quote, string_list
from allotment.render.policies.pod_template import RAY, RAY_AT


def carried_variables() -> tuple[Variable, ...]:
    """`carried`: a record for each place, with `at`, `labels` and `annotations`.

    They build on `kind` and `templates` of `pod_variables`.
    """
    return (
        Variable("patched", _PATCHED),
        Variable("inside", f"variables.templates + {_PATCHED_PODS}"),
        # Kind by kind: what an expression takes to compile grows with the square of its length.
        Variable("carriedByPods", _BY_PODS),
        *(Variable(f"carriedBy{kinds[0]}", _by_kind(kinds, places)) for kinds, places in _BY_KIND.items()),
        Variable(
            "carried", " + ".join(("variables.carriedByPods", *(f"variables.carriedBy{each[0]}" for each in _BY_KIND)))
        ),
    )


_HERE: Final = "dyn(object)"


def place(at: str, metadata: str) -> str:
    """A record; `metadata` is CEL for what holds labels and annotations, and may be missing."""
    return (
        f'{{"at": dyn({at}), "labels": dyn({metadata}.?labels.orValue({{}})),'
        f' "annotations": dyn({metadata}.?annotations.orValue({{}}))}}'
    )


MARKED_BY_TENANT: Final = "(variables.byTenant ? variables.marked : [])"
"""CEL list: the places of an object whose metadata a tenant has written; builds on a variable `marked`."""


def brought(which: Callable[[str], str]) -> str:
    """CEL list: labels and annotations of place `p` that the request brings in; builds on a variable `markedBefore`.

    Args:
        which: CEL for the keys `k` that are looked for, among `labels` or `annotations`.
    """

    def of(kind: str) -> str:
        return (
            f"p.{kind}.filter(k, {which(kind)} && !variables.markedBefore.exists(b, b.at == p.at"
            f' && b.{kind}[?k].orValue("") == p.{kind}[k])).map(k, "{kind}." + k)'
        )

    return f"({of('labels')} + {of('annotations')})"


def _places(among: str, name: str, at: str, metadata: str) -> str:
    """A record for each item of a CEL list, which is called `name` in the path and the metadata."""
    return f"{among}.map({name}, {place(at, metadata)})"


def _claims(among: str, at: str) -> str:
    """Claim templates are told apart by their names."""
    return _places(among, "c", f'{quote(at)} + "[" + c.?metadata.?name.orValue("") + "].metadata."', "c.?metadata")


# What a TrainJob writes into the JobSet of its runtime, by the manager of the patch.
_PATCHED: Final = (
    f'variables.kind == "TrainJob" ? {_HERE}.spec.?runtimePatches.orValue([])'
    ".filter(r, has(r.trainingRuntimeSpec) && has(r.trainingRuntimeSpec.template))"
    '.map(r, {"at": dyn("spec.runtimePatches[" + string(r.?manager.orValue("")) + "].trainingRuntimeSpec.template."),'
    ' "jobSet": dyn(r.trainingRuntimeSpec.template)}) : []'
)
_JOBS: Final = "s.jobSet.?spec.?replicatedJobs.orValue([])"
_JOB_AT: Final = 's.at + "spec.replicatedJobs[" + j.name + "].template.'
_PATCHED_PODS: Final = (
    f"variables.patched.map(s, {_JOBS}.filter(j, has(j.template) && has(j.template.spec)"
    f' && has(j.template.spec.template)).map(j, {{"at": dyn({_JOB_AT}spec.template."),'
    ' "pod": j.template.spec.template, "count": dyn("0")})).flatten()'
)

_POD_AT: Final = 't.at + "metadata."'
_VOLUME_AT: Final = 't.at + "spec.volumes[" + v.name + "].ephemeral.volumeClaimTemplate.metadata."'
_VOLUMES: Final = "t.pod.?spec.?volumes.orValue([]).filter(v, has(v.ephemeral) && has(v.ephemeral.volumeClaimTemplate))"
_VOLUME_PLACES: Final = _places(_VOLUMES, "v", _VOLUME_AT, "v.ephemeral.volumeClaimTemplate.?metadata")

_REPLICATED: Final = f"{_HERE}.spec.?replicatedJobs.orValue([])"
_REPLICATED_AT: Final = '"spec.replicatedJobs[" + j.name + "].template.metadata."'
_POLICIES: Final = f"{_HERE}.spec.?volumeClaimPolicies.orValue([]).map(p, p.?templates.orValue([])).flatten()"
_GROUP_CLAIMS: Final = f"{_HERE}.spec.leaderWorkerTemplate.?volumeClaimTemplates.orValue([])"
_BY_PATCH: Final = _places(_JOBS, "j", f'{_JOB_AT}metadata."', "j.?template.?metadata")
_HEADS: Final = f"[{RAY}].filter(r, has(r.headGroupSpec)).map(r, r.headGroupSpec)"

_BY_KIND: Final = {
    ("CronJob",): (f"[{place(quote('spec.jobTemplate.metadata.'), f'{_HERE}.spec.jobTemplate.?metadata')}]",),
    ("JobSet",): (
        _places(_REPLICATED, "j", _REPLICATED_AT, "j.template.?metadata"),
        _claims(_POLICIES, "spec.volumeClaimPolicies.templates"),
    ),
    ("StatefulSet",): (_claims(f"{_HERE}.spec.?volumeClaimTemplates.orValue([])", "spec.volumeClaimTemplates"),),
    ("LeaderWorkerSet",): (_claims(_GROUP_CLAIMS, "spec.leaderWorkerTemplate.volumeClaimTemplates"),),
    ("RayCluster", "RayJob", "RayService"): (
        _places(_HEADS, "h", f'{RAY_AT} + "headGroupSpec."', "h"),
        _places(_HEADS, "h", f'{RAY_AT} + "headGroupSpec.headService.metadata."', "h.?headService.?metadata"),
        _places(
            f"{RAY}.?workerGroupSpecs.orValue([])", "w", f'{RAY_AT} + "workerGroupSpecs[" + w.groupName + "]."', "w"
        ),
        f"[{place(quote('spec.serveService.metadata.'), f'{_HERE}.spec.?serveService.?metadata')}]",
    ),
    ("TrainJob",): (
        # Versions without patches have fields for labels and annotations instead.
        f"[{place(quote('spec.'), f'{_HERE}.spec')}]",
        _places("variables.patched", "s", 's.at + "metadata."', "s.jobSet.?metadata"),
        f"variables.patched.map(s, {_BY_PATCH}).flatten()",
    ),
}

_BY_PODS: Final = (
    f'(variables.kind == "Pod" ? [] : {_places("variables.inside", "t", _POD_AT, "t.pod.?metadata")})'
    f" + variables.inside.map(t, {_VOLUME_PLACES}).flatten()"
)


def _by_kind(kinds: Sequence[str], places: Sequence[str]) -> str:
    return f"variables.kind in {string_list(kinds)} ? {' + '.join(places)} : []"
