"""What no job file may say, however well formed: one small function each. What only may go wrong is `lint`'s."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from typing import Final

from allotment.model import labels
from allotment.model.accelerator import CapacityType
from allotment.model.jobs.bounds import (
    MOST_AFTER,
    MOST_ARGUMENTS,
    MOST_DATA,
    MOST_LABELS,
    MOST_SWEPT,
    MOST_TRIALS,
    MOST_VOLUMES,
)
from allotment.model.jobs.given import volume_variable
from allotment.model.jobs.job import JobType, VolumeUse
from allotment.model.moments import moment
from allotment.model.quantity import Bytes, format_bytes
from allotment.spec.devices import device_meant
from allotment.spec.jobs import rules
from allotment.spec.jobs.context import JobContext
from allotment.spec.jobs.convert import (
    cost_center,
    last_part,
    trials_of,
    use_of,
    volume_for_data,
)
from allotment.spec.jobs.rules import BrokenRule
from allotment.spec.jobs.schema import RangeScale
from allotment.spec.jobs.wishes import classes_for, demands, nearest_to, unmet
from allotment.spec.problems import Issue, ProblemKind, did_you_mean, echo

MOST_SHOWN: Final = 10
"""Steps of a circle that are told."""
_OURS: Final = frozenset(labels.BILLING_LABELS)
_FIELD_OF: Final = {
    labels.TEAM: "team",
    labels.PROJECT: "project",
    labels.COST_CENTER: "costCenter",
    labels.ENVIRONMENT: "environment",
}
_KEPT_DOMAINS: Final = (labels.DOMAIN, "kubernetes.io", "k8s.io", "x-k8s.io", "volcano.sh", "ray.io")
"""Of what controllers obey, and of our own."""


def _told(context: JobContext, broken: Iterable[BrokenRule]) -> Iterator[Issue]:
    return (context.error(each.at, each.what, each.fix, each.kind) for each in broken)


def team_is_there(context: JobContext) -> Iterator[Issue]:
    """A job is a team's: of one that is known, and that runs work."""
    if not context.team_name:
        yield context.error(("team",), "the job names no team", "add `team: NAME`, or name it with --team")
    else:
        yield from _told(context, rules.of_the_team(context.platform, context.team_name))


def priority_may_be_used(context: JobContext) -> Iterator[Issue]:
    """A rung of the ladder that was given to the team."""
    rung, team = context.spec.priority, context.team
    if rung is None or team is None:
        return
    yield from _told(context, rules.of_the_priority(context.platform, team, rung))


def labels_of_the_bill_are_the_team_s(context: JobContext) -> Iterator[Issue]:
    """Project, cost centre and environment: what the bill is drawn by, and policies ask for."""
    spec, team = context.spec, context.team
    if team is None:
        return
    projects = [each.name for each in team.projects]
    if spec.project is not None and spec.project not in projects:
        what = f"team {team.name} has no project {echo(spec.project)}"
        yield context.error(("project",), what, did_you_mean(spec.project, projects), ProblemKind.ABSENT)
    elif spec.cost_center is not None and spec.cost_center != cost_center(team, spec.project):
        what = f"{echo(spec.cost_center)} is not the cost centre of the project"
        fix = f"remove the field: it is {cost_center(team, spec.project)}; or name another project"
        yield context.error(("costCenter",), what, fix)
    environments = [each.value for each in team.environments]
    if spec.environment is not None and environments and spec.environment.value not in environments:
        what = f"team {team.name} does not work in {spec.environment.value}"
        yield context.error(("environment",), what, did_you_mean(spec.environment.value, environments))


def labels_are_the_user_s(context: JobContext) -> Iterator[Issue]:
    """No label that the platform sets, or that a controller obeys."""
    if len(context.spec.labels) > MOST_LABELS:
        yield context.error(("labels",), f"more than {MOST_LABELS} labels", "keep those that somebody asks for")
        return
    for key in context.spec.labels:
        domain = key.rpartition("/")[0]
        if key in _OURS:
            what = f"the label {echo(key)} is set from a field of its own"
            yield context.error(("labels", key), what, f"write `{_FIELD_OF[key]}:` at the job's top level")
        elif any(domain == kept or domain.endswith(f".{kept}") for kept in _KEPT_DOMAINS):
            what = f"labels of {echo(domain)} belong to the platform"
            yield context.error(("labels", key), what, "use a key of your own, for example model")


def one_program_is_named(context: JobContext) -> Iterator[Issue]:
    """A script or a command or an image: what is run is never guessed."""
    run = context.spec.run
    if run.script is not None and run.command:
        yield context.error(("run", "command"), "a script and a command are named", "keep one of the two")
    if run.script is None and not run.command:
        if run.args:
            what = "there are arguments, and nothing that they are handed to"
            yield context.error(("run", "args"), what, "name `script:` or `command:`")
        elif run.image is None:
            yield context.error(("run",), "nothing is named to be run", "add `script:`, `command:` or `image:`")
    if run.command and not run.command[0].strip():
        yield context.error(("run", "command", 0), "the program's name is empty", "write the program")


def text_is_bounded(context: JobContext) -> Iterator[Issue]:
    """What is handed to a program fits into what back ends keep of a job; no variable has two values."""
    run = context.spec.run
    words = (*run.command, *run.args)
    if len(words) > MOST_ARGUMENTS:
        field = "command" if len(run.command) > len(run.args) else "args"
        yield context.error(("run", field), f"more than {MOST_ARGUMENTS:,} arguments", "hand over a file instead")
    yield from _told(context, rules.of_the_text(words, run.env, run.secrets))


def fields_fit_the_type(context: JobContext) -> Iterator[Issue]:
    """What a type of job has, and no other: a service has no end, and only a sweep has trials."""
    spec, kind = context.spec, context.type
    if (kind is JobType.SWEEP) is not (spec.sweep is not None):
        if spec.sweep is None:
            yield context.error(("sweep",), "a sweep has no parameters", "add `sweep:` with a grid or ranges")
        else:
            yield context.error(("type",), f"a {kind} has no sweep", "write `type: sweep`, or remove `sweep`")
    if (kind is JobType.SCHEDULED) is not (spec.schedule is not None):
        if spec.schedule is None:
            yield context.error(
                ("schedule",), "a scheduled job has no schedule", "add `schedule:` with a cron expression"
            )
        else:
            yield context.error(("type",), f"a {kind} has no schedule", "write `type: scheduled`, or remove `schedule`")
    if kind.ends:
        if spec.run.port is not None:
            what = f"a {kind} answers on no port"
            yield context.error(("run", "port"), what, "write `type: service` or `type: notebook`, or remove the port")
        return
    for field, present in (
        ("deadline", spec.deadline is not None),
        ("after", bool(spec.after)),
        ("retries", spec.retries.limit > 0),
    ):
        if present:
            yield context.error((field,), f"a {kind} never ends by itself, and has no {field}", "remove the field")
    if kind is JobType.NOTEBOOK and spec.replicas > 1:
        yield context.error(("replicas",), "a notebook has one replica", "remove the field")


def devices_are_known(context: JobContext) -> Iterator[Issue]:
    """Classes of the catalogue; a wish by attributes fits one of them at least."""
    wish, team, catalogue = context.spec.resources.accelerators, context.team, context.platform.accelerators
    if wish is None:
        return
    at = ("resources", "accelerators")
    wrong = False
    for index, name in enumerate(wish.class_):
        if name not in catalogue:
            wrong = True
            what = f"there is no accelerator {echo(name)}"
            yield context.error((*at, "class", index), what, device_meant(name, catalogue), ProblemKind.ABSENT)
        elif failed := unmet(wish, catalogue[name]):
            wrong = True
            what = f"{name} does not have what is asked for besides: {', '.join(failed)}"
            yield context.error((*at, "class", index), what, "remove the class, or what it does not have")
    if not wrong and team is not None and not wish.class_ and not classes_for(wish, context.platform, team):
        yield _nothing_fits(context)


def _nothing_fits(context: JobContext) -> Issue:
    wish, team = context.spec.resources.accelerators, context.team
    assert wish is not None and team is not None  # noqa: S101, PT018 (the caller's)
    asked = list(demands(wish))
    near = nearest_to(wish, context.platform, team)
    what = f"no accelerator has {' and '.join(each.words for each in asked)}"
    if near is None:
        return context.error(("resources", "accelerators"), what, "declare one in the platform directory")
    failed = unmet(wish, near)
    has = {
        "memory": f'memory: ">={format_bytes(Bytes(near.memory))}"',
        "vendor": f"vendor: {near.vendor}",
        "interconnect": f"interconnect: {near.interconnect}",
        "architecture": f"architecture: {near.architecture}",
    }
    fix = f"the nearest is {near.name}; it would do with {', '.join(has[field] for field in failed)}"
    return context.error(("resources", "accelerators", failed[0]), what, fix)


def sizes_are_sound(context: JobContext) -> Iterator[Issue]:
    """CPU and memory are there, within what one pod of the team may ask for, and /dev/shm is a part of the memory."""
    spec, team = context.spec.resources, context.team
    for field, amount in (("cpu", spec.cpu), ("memory", spec.memory)):
        if amount == 0:
            yield context.error(("resources", field), f"{field} is 0", "write an amount, or remove the field")
    if spec.shared_memory is not None and spec.memory is not None and spec.shared_memory > spec.memory:
        what = "the shared memory is larger than the memory that it is a part of"
        yield context.error(("resources", "sharedMemory"), what, f"write {format_bytes(Bytes(spec.memory))} at most")
    if team is None:
        return
    wish = spec.accelerators
    devices = None if wish is None else wish.count
    yield from _told(context, rules.of_the_size(team, spec.cpu, spec.memory, devices))


def grace_is_allowed(context: JobContext) -> Iterator[Issue]:
    """Devices are held until the grace is over: the team's maxGrace bounds it."""
    checkpoint, team = context.spec.checkpoint, context.team
    if checkpoint is not None and team is not None and checkpoint.grace is not None:
        yield from _told(context, rules.of_the_grace(team, checkpoint.grace))


def spot_fits_the_capacity_type(context: JobContext) -> Iterator[Issue]:
    """Only on spot, and not on spot: no node is both."""
    wish = context.spec.resources.accelerators
    if wish is None or wish.capacity_type is None or context.spec.spot is None:
        return
    if not context.spec.spot and wish.capacity_type is CapacityType.SPOT:
        yield context.error(("spot",), "spot capacity is asked for, and refused", "keep one of the two")


def volumes_are_sound(context: JobContext) -> Iterator[Issue]:
    """Each at a path of its own; scratch comes and goes, anything else lies somewhere."""
    volumes = context.spec.volumes
    if len(volumes) > MOST_VOLUMES:
        yield context.error(("volumes",), f"more than {MOST_VOLUMES} volumes", "put folders into one volume")
        return
    paths: dict[str, str] = {}
    variables: dict[str, str] = {}
    for name, each in volumes.items():
        at = ("volumes", name)
        use = use_of(each)
        if use is VolumeUse.SCRATCH and (each.claim or each.folder):
            field = "claim" if each.claim else "folder"
            yield context.error((*at, field), "scratch comes and goes with the job", f"remove {field}, or change `use`")
        elif use is not VolumeUse.SCRATCH and not (each.claim or each.folder):
            yield context.error(at, f"the {use} volume lies nowhere", "name its claim, or its folder on the machine")
        elif use is not VolumeUse.SCRATCH and each.size is not None:
            yield context.error((*at, "size"), "a claim has its size already", "remove the field")
        path = each.path or f"/{name}"
        if path in paths:
            yield context.error((*at, "path"), f"the volume {paths[path]} is at {echo(path)} already", "choose another")
        paths.setdefault(path, name)
        variable = volume_variable(name)
        if variable in variables:
            what = f"the volumes {echo(variables[variable])} and {echo(name)} share the variable {variable}"
            yield context.error(at, what, "rename one of the two: more than dashes has to differ")
        variables.setdefault(variable, name)


def data_have_their_place(context: JobContext) -> Iterator[Issue]:
    """Data go into a volume of the job, each to a place of its own."""
    volumes = context.spec.volumes
    if len(context.spec.data) > MOST_DATA:
        yield context.error(("data",), f"more than {MOST_DATA} of them", "put them into one folder or archive")
        return
    places: set[tuple[str, str]] = set()
    for index, each in enumerate(context.spec.data):
        at = ("data", index)
        name = each.volume or volume_for_data(volumes)
        if name is None:
            what = "it is not said into which volume the data go"
            yield context.error(at, what, "add `volume:` with one of the job's volumes, or declare one")
        elif name not in volumes:
            yield context.error((*at, "volume"), f"there is no volume {echo(name)}", did_you_mean(name, volumes))
        place = (name or "", each.path or last_part(each.source) or ".")
        if place[1] == "." and not each.command and each.source.startswith("https://"):
            what = "what https fetches is one file, and here it would take the place of the volume's folder"
            yield context.error((*at, "path"), what, "write `path:` with the name that the file gets")
        if place in places:
            yield context.error((*at, "path"), "other data go to the same place", "write another `path:`")
        places.add(place)


def checkpoints_have_their_place(context: JobContext) -> Iterator[Issue]:
    """Not in scratch, which goes away with what is displaced."""
    checkpoint = context.spec.checkpoint
    if checkpoint is None:
        return
    yield from _told(context, rules.of_the_checkpoints(checkpoint.directory))
    for name, each in context.spec.volumes.items():
        inside = f"{checkpoint.directory}/".startswith(f"{each.path or f'/{name}'}/")
        if inside and use_of(each) is VolumeUse.SCRATCH:
            what = f"the volume {name} is scratch, and goes away when the job is displaced"
            fix = "write checkpoints to a volume with a claim"
            yield context.error(("checkpoint", "directory"), what, fix)


def sweep_is_bounded(context: JobContext) -> Iterator[Issue]:
    """A grid or ranges, never both; no more trials than somebody could look at."""
    sweep = context.spec.sweep
    if sweep is None:
        return
    if bool(sweep.grid) is bool(sweep.random):
        what = "a sweep has a grid and ranges" if sweep.grid else "a sweep has neither a grid nor ranges"
        yield context.error(("sweep",), what, "write `grid:` or `random:`")
        return
    if len(sweep.grid) + len(sweep.random) > MOST_SWEPT:
        yield context.error(("sweep",), f"more than {MOST_SWEPT} parameters", "sweep the few that matter")
        return
    for name, values in sweep.grid.items():
        if not values:
            yield context.error(("sweep", "grid", name), "the parameter has no value", "write a list of values")
        elif len(set(values)) < len(values):
            yield context.error(("sweep", "grid", name), "a value is given twice", "keep one of the two")
    trials = trials_of(sweep)
    if trials > MOST_TRIALS:
        what = f"the grid has {'more than a billion' if trials > 10**9 else f'{trials:,}'} trials"
        yield context.error(("sweep", "grid"), what, f"keep it within {MOST_TRIALS:,}, or draw with `random:`")
    if sweep.grid and sweep.trials is not None and sweep.trials != trials:
        yield context.error(("sweep", "trials"), f"the grid has {trials:,} trials", "remove the field")
    if sweep.random and sweep.trials is None:
        yield context.error(("sweep", "trials"), "it is not said how many trials are drawn", "add `trials: 20`")
    yield from _ranges_are_sound(context)


def _ranges_are_sound(context: JobContext) -> Iterator[Issue]:
    sweep = context.spec.sweep
    for name, each in sweep.random.items() if sweep is not None else ():
        at = ("sweep", "random", name)
        if each.from_ >= each.to:
            yield context.error((*at, "to"), "the range ends before it begins", "write `to` larger than `from`")
        if each.scale is RangeScale.LOG and each.from_ <= 0:
            what = "a logarithmic range begins at 0 or below"
            yield context.error((*at, "from"), what, "begin above 0, or write `scale: linear`")
        if each.whole and (each.from_.denominator != 1 or each.to.denominator != 1):
            yield context.error((*at, "whole"), "the range's ends are no whole numbers", "write whole ends")


def dates_are_ahead(context: JobContext) -> Iterator[Issue]:
    """A deadline that has passed cannot be met."""
    deadline = context.spec.deadline
    reached = None if deadline is None else moment(deadline)
    if reached is not None and reached <= context.now.timestamp() * 1000:
        yield context.error(("deadline",), f"{deadline} is over", "write a time to come, or remove the field")


def dependencies_can_be_met(context: JobContext) -> Iterator[Issue]:
    """No job waits for itself, for one of another team, or for one that waits for it."""
    spec = context.spec
    if len(spec.after) > MOST_AFTER:
        yield context.error(("after",), f"more than {MOST_AFTER} jobs to wait for", "let one job gather them")
        return
    names = [each.job for each in spec.after]
    for index, each in enumerate(spec.after):
        at = ("after", index, "job")
        sibling = context.siblings.by_name.get(each.job)
        if each.job == spec.name:
            yield context.error(at, "the job waits for itself", "remove it")
        elif names.index(each.job) != index:
            yield context.error(at, f"the job {echo(each.job)} is named twice", "keep one of the two")
        elif sibling is not None and sibling.team_name != context.team_name:
            yield context.error(at, f"the job {echo(each.job)} is another team's", "wait for a job of the same team")
        elif sibling is not None and not sibling.type.ends:
            what = f"the {sibling.type} {echo(each.job)} never ends by itself"
            yield context.error(at, what, "wait for a job that ends")
    way = context.siblings.circles.get(spec.name)
    if way:
        shown = " → ".join(way if len(way) <= MOST_SHOWN else (*way[:MOST_SHOWN], "…", way[-1]))
        yield context.error(("after",), f"the job waits for itself: {shown}", "remove one of these dependencies")


def names_are_one_job_s(context: JobContext) -> Iterator[Issue]:
    """Two jobs of one name in a file: which of them would another one wait for?"""
    first = context.siblings.by_name.get(context.spec.name)
    if first is not None and first.source != context.source:
        what = f"the name {echo(context.spec.name)} is taken by another job of the file"
        yield context.error(("name",), what, "rename one of the two")


JobCheck = Callable[[JobContext], Iterator[Issue]]

CHECKS: Final[tuple[JobCheck, ...]] = (
    names_are_one_job_s,
    team_is_there,
    priority_may_be_used,
    labels_of_the_bill_are_the_team_s,
    labels_are_the_user_s,
    one_program_is_named,
    text_is_bounded,
    fields_fit_the_type,
    devices_are_known,
    sizes_are_sound,
    grace_is_allowed,
    spot_fits_the_capacity_type,
    volumes_are_sound,
    data_have_their_place,
    checkpoints_have_their_place,
    sweep_is_bounded,
    dates_are_ahead,
    dependencies_can_be_met,
)
"""All of them; a new one is a function and a line here."""
