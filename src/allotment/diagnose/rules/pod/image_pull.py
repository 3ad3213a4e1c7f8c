"""Images that cannot be pulled, told apart by what the registry or the kubelet said."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from typing import Any, Final

from allotment.diagnose.amending import amended, changed_pods, mended_on, runs
from allotment.diagnose.case import Case
from allotment.diagnose.finding import Finding, Proposal
from allotment.diagnose.rules.pod.containers import Stuck, crashed, said_last, stuck
from allotment.errors import quoted, quoted_message
from allotment.model.explanation import CauseVerdict, Confidence, Doer, Patch, PatchOp, RemedyKind
from allotment.model.observed.base import Reference
from allotment.model.observed.pods import PodSpec
from allotment.model.spelling import nearest

_WAITS: Final = frozenset(
    {
        *("ImagePullBackOff", "ErrImagePull", "InvalidImageName", "ErrImageNeverPull", "ImageInspectError"),
        *("RegistryUnavailable", "SignatureValidationFailed"),  # as runtimes say by themselves
    }
)
_UNSIGNED: Final = re.compile(r"signature validation failed|SignatureValidationFailed", re.IGNORECASE)
_FULL: Final = "no space left on device"
_EXPIRED: Final = "expired"
_NEARLY: Final = 0.85
"""How alike two names of registries are of which one is probably a slip of the other."""
_HIDING: Final = frozenset({"docker.io", "ghcr.io", "quay.io"})
_MENDED: Final = "mend what the message names, or use another image"
_MOST: Final = 3
"""Other images that are proposed."""
_SAYS: Final = (
    ("", _UNSIGNED),
    ("image-pull-rate-limit", re.compile(r"\b429\b|toomanyrequests|too many requests|rate limit", re.IGNORECASE)),
    (
        "image-name-invalid",
        re.compile(r"couldn't parse image|invalid reference format|InvalidImageName", re.IGNORECASE),
    ),
    ("image-wrong-platform", re.compile(r"no match for platform|no matching manifest for", re.IGNORECASE)),
    (
        "image-pull-unauthorized",
        re.compile(
            r"\b40[13]\b|unauthorized|forbidden|authentication required|no basic auth|access denied|"
            r"authorization failed|failed to authorize|\bdenied\b",
            re.IGNORECASE,
        ),
    ),
    (
        "image-pull-not-found",
        re.compile(r"\bnot found\b|manifest unknown|name unknown|does not exist|\b404\b", re.IGNORECASE),
    ),
    (
        "image-registry-unreachable",
        re.compile(
            r"no such host|i/o timeout|connection refused|dial tcp|RegistryUnavailable|TLS handshake|x509|"
            r"deadline exceeded|\b50[0234]\b|connection reset",
            re.IGNORECASE,
        ),
    ),
)
"""What is said → cause, in the order in which it is looked for."""
_NAMED: Final = re.compile(r'(?:pulling|pull|unpack) image "(?P<image>[^"]+)"')
_PULL_SECRETS: Final = re.compile(r"Unable to retrieve some image pull secrets \((?P<names>[^)]*)\)")


@dataclass(frozen=True, slots=True)
class Unpulled:
    """A container whose image does not come."""

    stuck: Stuck
    image: str
    message: str
    cause: str

    @property
    def registry(self) -> str:
        """Host of the registry."""
        return _registry(self.image)

    @property
    def expired(self) -> bool:
        """Whether what it was tried with has expired, by what was said beside the image's name."""
        return _EXPIRED in self.message.replace(self.image, "")


def unpulled(case: Case) -> Unpulled | None:
    """The first container of the subject that waits for its image, with what was said of it."""
    for each in stuck(case):
        if each.reason not in _WAITS:
            continue
        image = each.container.image or each.status.image
        event = said_last(case, each.pod, "Failed", image) or said_last(case, each.pod, "InspectFailed", image)
        message = each.message if len(each.message) > len(event) else event or each.message
        if each.reason == "ErrImageNeverPull":
            return Unpulled(each, image, message, "image-not-present")
        named = _NAMED.search(message)
        if named is not None and image not in message:
            image = named["image"]  # of a volume that is an image
        # Names of images may hold any of the words; they are no part of what is said.
        said = f"{each.reason} {each.message} {event}".replace(image, "")
        cause = next((cause for cause, pattern in _SAYS if pattern.search(said)), "")
        if cause == "image-registry-unreachable" and "no such host" in said and _misspelt(case, image):
            cause = "image-pull-not-found"
        return Unpulled(each, image, message, cause)
    return None


def _registry(image: str) -> str:
    first = image.partition("/")[0]
    return first if "." in first or ":" in first or first == "localhost" else "docker.io"


def _misspelt(case: Case, image: str) -> str:
    """The registry that was meant, where nothing comes from this one and much from one that is written nearly so."""
    known = {_registry(each) for each in _images_that_run(case)}
    own = _registry(image)
    return "" if own in known else nearest(own, known, _NEARLY)


def _rule(cause: str, made: Callable[[Case, Unpulled], Finding]) -> Callable[[Case], Finding | None]:
    def find(case: Case) -> Finding | None:
        found = unpulled(case)
        return made(case, found) if found is not None and found.cause == cause else None

    return find


def _finding(
    found: Unpulled,
    summary: str,
    proposals: tuple[Proposal, ...],
    *,
    verdict: CauseVerdict = CauseVerdict.MISCONFIGURED,
    facts: dict[str, Any] | None = None,
    confidence: Confidence = Confidence.SURE,
) -> Finding:
    each = found.stuck
    return Finding(
        found.cause,
        verdict,
        summary,
        facts={**each.facts(), "image": found.image, "reason": each.reason, "error": found.message, **(facts or {})},
        evidence=(each.evidence("state.waiting", each.reason, found.message),),
        confidence=confidence,
        proposals=proposals,
    )


def _not_found(case: Case, found: Unpulled) -> Finding:
    meant = _misspelt(case, found.image) if "no such host" in found.message else ""
    what = "does not exist in its registry"
    if meant:
        what = f"names the registry {quoted(found.registry)}, which does not exist; {meant} is probably meant"
    return _finding(
        found,
        f"the image {quoted(found.image)} of the container {found.stuck.status.name} {what}",
        _other_images(case, found),
    )


def _invalid(case: Case, found: Unpulled) -> Finding:
    return _finding(found, f"{quoted(found.image)} is not the name of an image", _other_images(case, found))


def _wrong_platform(case: Case, found: Unpulled) -> Finding:
    node = case.index.nodes.get(found.stuck.pod.spec.node_name)
    arch = node.metadata.labels.get("kubernetes.io/arch", "") if node is not None else ""
    built = f", which is {arch}" if arch else ""
    return _finding(
        found,
        f"the image {quoted(found.image)} is not built for the node {found.stuck.pod.spec.node_name}{built}",
        (_fixed(case, "build the image for the nodes' architecture, or select nodes of its own"),),
        facts={"architecture": arch or None},
    )


def _not_present(case: Case, found: Unpulled) -> Finding:
    name = found.stuck.status.name
    return _finding(
        found,
        f"the image {quoted(found.image)} is not on the node {found.stuck.pod.spec.node_name}, and "
        "imagePullPolicy Never forbids to pull it",
        (
            changed_pods(
                RemedyKind.FIX_IMAGE,
                "set imagePullPolicy to IfNotPresent",
                case,
                {_list(found): [{"name": name, "imagePullPolicy": "IfNotPresent"}]},
            ),
        ),
    )


def _unauthorized(case: Case, found: Unpulled) -> Finding:
    spec = found.stuck.pod.spec
    referenced = [each.name for each in spec.image_pull_secrets]
    event = said_last(case, found.stuck.pod, "FailedToRetrieveImagePullSecret", "(")
    match = _PULL_SECRETS.search(event)
    missing = [each.strip() for each in match["names"].split(",")] if match is not None else []
    others = [each for each in _secrets_of_others(case, found) if each not in referenced]
    if missing:
        why = f"; the pull secret {', '.join(missing)} does not exist"
    elif found.expired:
        why = "; what it was tried with has expired"
    elif referenced:
        why = f"; the pull secret {', '.join(referenced)} does not open it"
    else:
        why = "; the pod names no pull secret"
    # Some registries say the same of what is not there, to whoever names no secret.
    hides = not referenced and found.registry in _HIDING
    hedged = any(word in found.message for word in ("may require", "may not exist", "does not exist"))
    ambiguous = (hides or hedged) and not found.expired
    name = (_fixed(case, "correct the name of the image, if there is none of that name"),) if ambiguous else ()
    return _finding(
        found,
        f"the registry {quoted(found.registry)} does not let {quoted(found.image)} be pulled{why}",
        (
            *_renewed(case, found, referenced),
            *_named(case, found, others),
            *_made(case, found, missing or referenced, known=bool(others)),
            *name,
        ),
        facts={
            "registry": found.registry,
            "pull_secret": (missing or others or referenced or [None])[0],
            "referenced": bool(referenced),
            "secret_exists": False if missing else None,
        },
        confidence=Confidence.LIKELY if ambiguous else Confidence.SURE,
    )


def _renewed(case: Case, found: Unpulled, referenced: list[str]) -> Iterator[Proposal]:
    """A token that has expired and that no pull secret holds is one of the node's."""
    if found.expired and not referenced:
        node = found.stuck.pod.spec.node_name
        what = f"renew the credentials with which {node} pulls from {found.registry}"
        yield mended_on(case, node, what, {"registry": found.registry}, RemedyKind.OTHER)


def _rate_limit(case: Case, found: Unpulled) -> Finding:
    by_secret = _made(case, found, [], known=False)
    wait = Proposal(
        RemedyKind.OTHER,
        Doer.USER,
        "wait: the kubelet tries again, and the limit is one of some hours",
        None,
        Patch(PatchOp.WAIT, {"until": "the registry lets pull again"}),
        cost=1,
    )
    return _finding(
        found,
        f"the registry {quoted(found.registry)} has cut off pulls of {quoted(found.image)}: too many in a time",
        (*by_secret, wait),
        verdict=CauseVerdict.WAITING,
        facts={"registry": found.registry},
    )


def _unreachable(case: Case, found: Unpulled) -> Finding:
    node = found.stuck.pod.spec.node_name
    what = f"let {node} reach {found.registry}: name service, proxy, certificates"
    return _finding(
        found,
        f"the node {node} does not reach the registry {found.registry}",
        (mended_on(case, node, what, {"registry": found.registry, "message": found.message}, RemedyKind.OTHER),),
        verdict=CauseVerdict.BROKEN,
        facts={"registry": found.registry},
    )


def _unclear(case: Case, found: Unpulled) -> Finding:
    unsigned = _UNSIGNED.search(f"{found.stuck.reason} {found.message}") is not None
    what = "sign the image as the policy of the nodes wants, or use one that is" if unsigned else _MENDED
    return Finding(
        "image-pull-failed",
        CauseVerdict.MISCONFIGURED if unsigned else CauseVerdict.BROKEN,
        f"the image {quoted(found.image)} cannot be pulled on {found.stuck.pod.spec.node_name}: "
        f"{quoted_message(found.message)}",
        facts={**found.stuck.facts(), "image": found.image, "reason": found.stuck.reason, "error": found.message},
        evidence=(found.stuck.evidence("state.waiting", found.stuck.reason, found.message),),
        confidence=Confidence.SURE if unsigned else Confidence.LIKELY,
        proposals=(_emptied(case, found) if _FULL in found.message else _fixed(case, what),),
    )


def _emptied(case: Case, found: Unpulled) -> Proposal:
    node = found.stuck.pod.spec.node_name
    return mended_on(case, node, f"make room on the disk of {node} that holds images", {"message": found.message})


def _list(found: Unpulled) -> str:
    return "initContainers" if found.stuck.initial else "containers"


def _fixed(case: Case, what: str) -> Proposal:
    target, _ = amended(case, {})
    return Proposal(RemedyKind.FIX_IMAGE, Doer.USER, what, target, Patch(PatchOp.SIGNAL, {"image": "…"}), cost=9)


def _other_images(case: Case, found: Unpulled) -> tuple[Proposal, ...]:
    """Images that run here and are nearest to the name: of the same repository, or spelt like it."""
    if found.image != (found.stuck.container.image or found.stuck.status.image):
        return (_fixed(case, "correct the reference of the volume that is an image, or push it"),)
    repository = _repository(found.image)
    running = _images_that_run(case)
    same = [each for each in running if _repository(each) == repository]
    meant = nearest(found.image, same) or nearest(found.image, running)
    order = [each for each in dict.fromkeys([meant, *same]) if each and each != found.image][:_MOST]
    proposals = [
        changed_pods(
            RemedyKind.FIX_IMAGE,
            f"use {quoted(image)}, which runs elsewhere",
            case,
            {_list(found): [{"name": found.stuck.status.name, "image": image}]},
            cost=position,
        )
        for position, image in enumerate(order)
    ]
    return (*proposals, _fixed(case, "correct the name or the tag of the image, or push it"))


def _repository(image: str) -> str:
    name = image.partition("@")[0]
    head, slash, last = name.rpartition("/")
    return f"{head}{slash}{last.partition(':')[0]}"


class _Images(dict[str, dict[str, None]]):
    """Images of pods that have started, by namespace."""


def _images_that_run(case: Case) -> list[str]:
    """Images of pods of the namespace that have started."""
    kept = case.index.beside.get(_Images)
    if not isinstance(kept, _Images):
        kept = case.index.beside[_Images] = _Images()
        for pod in case.index.objects.pods:
            if pod.status.phase in {"Running", "Succeeded"}:
                found = kept.setdefault(pod.namespace, {})
                for each in (*pod.spec.containers, *pod.spec.init_containers):
                    found[each.image] = None
    return list(kept.get(case.namespace, ()))


def _secrets_of_others(case: Case, found: Unpulled) -> list[str]:
    """Pull secrets that other pods and work of the namespace name for images of the same registry."""
    specs: list[PodSpec] = [pod.spec for pod in case.index.objects.pods if pod.namespace == case.namespace]
    specs += [job.spec.template.spec for job in case.index.objects.jobs if job.namespace == case.namespace]
    specs += [each.spec.template.spec for each in case.index.objects.replicas if each.namespace == case.namespace]
    names: dict[str, None] = {}
    for spec in specs:
        if any(each.image.startswith(f"{found.registry}/") for each in spec.containers):
            names.update(dict.fromkeys(each.name for each in spec.image_pull_secrets))
    return list(names)


def _named(case: Case, found: Unpulled, others: list[str]) -> tuple[Proposal, ...]:
    return tuple(
        changed_pods(
            RemedyKind.ADD_PULL_SECRET,
            f"name the pull secret {name} in imagePullSecrets: others pull from {found.registry} with it",
            case,
            {"imagePullSecrets": [{"name": name}]},
            cost=position,
        )
        for position, name in enumerate(others)
    )


def _made(case: Case, found: Unpulled, names: list[str], *, known: bool) -> tuple[Proposal, ...]:
    """A secret that has yet to be made or mended; which one to name, only its owner knows: none is ever read."""
    if names:
        target = Reference(api_version="v1", kind="Secret", namespace=case.namespace, name=names[0])
        what = f"make the pull secret {names[0]} one that opens {found.registry}"
        body: dict[str, Any] = {"name": names[0], "type": "kubernetes.io/dockerconfigjson"}
    else:
        target, patch = amended(case, {"imagePullSecrets": [{"name": "…"}]})
        what = f"name a pull secret for {found.registry} in imagePullSecrets (kubectl create secret docker-registry)"
        body = patch.body
    effect = runs(case.starting_pods)
    return (
        Proposal(
            RemedyKind.ADD_PULL_SECRET,
            Doer.USER,
            what,
            target,
            Patch(PatchOp.SIGNAL, body),
            effect=effect,
            cost=5 if known else 0,
        ),
    )


_pulled_wrong = _rule("image-wrong-platform", _wrong_platform)


def wrong_platform(case: Case) -> Finding | None:
    """The registry has none for the node's machine; or what was pulled cannot be run there."""
    return _pulled_wrong(case) or _runs_wrong(case)


def _runs_wrong(case: Case) -> Finding | None:
    each = next((one for one in (*stuck(case), *crashed(case)) if one.wrong_machine), None)
    if each is None:
        return None
    ended = each.ended
    message = each.message if ended is None or "exec format" in each.message else ended.message
    found = _wrong_platform(case, Unpulled(each, each.container.image, message, "image-wrong-platform"))
    script = ".sh" in message
    also = ", or its entry point is a script that does not begin with #!" if script else ""
    said = f"{found.summary}{also}: {quoted_message(message)}"
    return replace(found, summary=said, confidence=Confidence.LIKELY if script else Confidence.SURE)


not_found = _rule("image-pull-not-found", _not_found)
unauthorized = _rule("image-pull-unauthorized", _unauthorized)
rate_limit = _rule("image-pull-rate-limit", _rate_limit)
name_invalid = _rule("image-name-invalid", _invalid)
not_present = _rule("image-not-present", _not_present)
unreachable = _rule("image-registry-unreachable", _unreachable)
failed = _rule("", _unclear)
