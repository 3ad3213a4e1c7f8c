"""Job files become jobs, or are refused with the field, what is wrong with it and what to do."""

from __future__ import annotations

import pytest

from allotment.model.jobs.job import (
    AcceleratorWish,
    CheckpointPolicy,
    CodeFolder,
    DependencyState,
    Job,
    JobDependency,
    JobSchedule,
    JobType,
    JobVolume,
    Nearness,
    NearnessDomain,
    Program,
    ReplicaNeeds,
    RetryPolicy,
    SecretVariable,
    StagedData,
    StagingTime,
    VolumeUse,
)
from allotment.model.quantity import Bytes, MilliCpu
from allotment.spec.catalogue import catalogue
from tests.unit.spec.jobs.files import LONG, SHORTEST, job_of, jobs_of, problems_of

GIB = 1 << 30


def test_four_lines_are_a_job():
    assert job_of(SHORTEST) == Job(
        name="train",
        team="nlp",
        type=JobType.TRAINING,
        program=Program(("python", "train.py"), code=CodeFolder(".", ".allotignore", Bytes(100 << 20))),
        needs=ReplicaNeeds(MilliCpu(2000), Bytes(8 * GIB)),
        priority="exploratory",
        project="one",
        cost_center="cc-1",
        spot=False,
    )


def test_everything_that_is_written_arrives():
    long, prep, swept, nightly, book = (each.job for each in jobs_of(LONG))
    assert long.program == Program(
        argv=("python", "train.py", "--epochs", "3", "1.30", "no", "0x1"),
        image="registry.example/pytorch:2.4",
        environment={"LR": "3e-4", "FLAG": "no", "EMPTY": ""},
        secrets=(SecretVariable("WANDB_API_KEY", "wandb", "token"), SecretVariable("OTHER", "other", "OTHER")),
        code=CodeFolder("src", ".gitignore", Bytes(GIB)),
    )
    assert long.needs == ReplicaNeeds(
        MilliCpu(16_000),
        Bytes(128 * GIB),
        AcceleratorWish(2, ("a100", "h100"), least_memory=Bytes(40 * GIB)),
        shared_memory=Bytes(16 * GIB),
    )
    assert (long.replicas, long.gang, long.nearness) == (2, True, Nearness(NearnessDomain.RACK, required=True))
    assert (long.priority, long.run_time, long.deadline) == ("scheduled-training", 5400, "2027-06-01T04:00:00Z")
    assert (long.checkpoint, long.retries) == (CheckpointPolicy("/ckpt", 600, 120), RetryPolicy(3, safe=True))
    assert long.volumes == (
        JobVolume("data", VolumeUse.READ_MOSTLY, "/data", claim="datasets"),
        JobVolume("ckpt", VolumeUse.CHECKPOINT, "/ckpt", claim="checkpoints"),
        JobVolume("tmp", VolumeUse.SCRATCH, "/tmp", size=Bytes(10 * GIB)),
    )
    assert long.data == (
        StagedData("s3://bucket/corpus", "data", "corpus", StagingTime.BEFORE, size=Bytes(20 * GIB)),
        StagedData("hf://model/weights", "tmp", "weights", StagingTime.AT_START, argv=("fetch", "{{ x }}")),
    )
    assert long.after == (JobDependency("prep", DependencyState.ENDED),)
    assert (long.project, long.cost_center, long.spot) == ("two", "c2", True)
    assert long.labels == {"model": "llm-7b", "experiment": "0x1"}
    assert prep.program == Program(("python", "-m", "prep"), working_directory="/work")
    assert prep.needs == ReplicaNeeds(MilliCpu(500), Bytes(1_500_000_000))
    assert swept.sweep is not None
    assert (swept.type, swept.sweep.trials, swept.sweep.at_once) == (JobType.SWEEP, 20, 4)
    assert nightly.schedule == JobSchedule("*/30 2 * * mon-fri", "Europe/Berlin", 900)
    assert nightly.program.argv == ("sh", "nightly.sh")
    assert (book.program.argv, book.program.port, book.gang) == ((), 8888, False)


@pytest.mark.parametrize(
    ("written", "classes", "count"),
    [
        ("a100", ("a100",), 1),
        ("a100:4", ("a100",), 4),
        ("{class: [h100, a100], count: 3}", ("h100", "a100"), 3),
        ("2", ("a100",), 2),  # whatever the team has quota for
        ('{memory: ">=80Gi"}', ("a100",), 1),
        ('{memory: ">=100Gi", vendor: nvidia, architecture: hopper}', ("h200",), 1),  # no quota: all that fit
    ],
)
def test_devices_by_name_or_by_what_they_have(written, classes, count):
    wish = job_of(f"{SHORTEST}resources: {{accelerators: {written}}}\n").needs.accelerators
    assert wish is not None
    assert (wish.classes, wish.count) == (classes, count)


def test_of_several_that_fit_the_cheapest_comes_first():
    wish = job_of(SHORTEST + "resources: {accelerators: {vendor: amd}}\n").needs.accelerators
    assert wish is not None
    assert len(wish.classes) > 1
    prices = [min(catalogue()[name].price_per_hour.values()) for name in wish.classes]
    assert prices == sorted(prices)


@pytest.mark.parametrize(
    ("team", "written", "cpu", "memory"),
    [
        # A node has 96 CPUs and 1Ti beside 8 devices; the team's 64 CPUs and 256Gi beside 8 are less.
        ("nlp", "a100:2", 16, 64),
        ("bounded", "a100:2", 8, 64),  # never more than one pod may ask for
        ("nlp", "h100", 8, 32),  # no pool tells it
        ("nlp", "h100-1g-10gb:1", 1, 4),  # a seventh of a device
    ],
)
def test_usual_cpu_and_memory_follow_the_devices(team, written, cpu, memory):
    needs = job_of(SHORTEST.replace("nlp", team) + f"resources: {{accelerators: {written}}}\n").needs
    assert (needs.cpu / 1000, needs.memory / GIB) == (cpu, memory)


@pytest.mark.parametrize(
    ("written", "spot"),
    [
        ("", False),
        ("checkpoint: ckpt\n", True),
        ("retries: {safe: true}\n", True),
        ("resources: {accelerators: a100}\n", True),  # the team has a100 on spot alone
        ("resources: {accelerators: h100}\n", False),
        ("resources: {accelerators: {class: h100, capacityType: spot}}\n", True),
        ("resources: {accelerators: {class: a100, capacityType: on-demand}}\n", False),
        ("spot: true\n", True),
        ("spot: false\ncheckpoint: ckpt\n", False),
    ],
)
def test_whether_it_may_be_taken_away(written, spot):
    assert job_of(SHORTEST + written).spot is spot


def test_the_team_may_be_named_beside_the_file():
    without = SHORTEST.replace("team: nlp\n", "")
    (found,) = jobs_of(without, team="nlp")
    assert found.job.team == "nlp"
    assert [problem.field for problem in problems_of(without)] == ["team"]


def test_what_was_written_is_known():
    (found,) = jobs_of(SHORTEST + "schedule: {cron: 0 2 * * *}\nresources: {accelerators: a100:2}\n")
    assert {"run.script", "schedule.cron", "resources.accelerators.count"} <= found.written
    assert "schedule.startingDeadline" not in found.written


REFUSED = [
    # field that is added to the shortest file, the field that is named, words of the message, words of the fix
    ("nmae: x", "nmae", "unknown field", 'did you mean "name"'),
    ("team: npl", "team", 'no team "npl"', 'did you mean "nlp"'),
    ("team: old", "team", "is leaving", "another team"),
    ("name: Train", "name", "no name of a job", "lower-case"),
    (f"name: {'x' * 41}", "name", "41 characters", "40"),
    ("name: a--b", "name", "kept", "single dashes"),
    ("priority: urgent", "priority", "no priority", "choose one of"),
    ("priority: production-inference", "priority", "may not use", "exploratory, scheduled-training"),
    ("project: three", "project", "no project", "one, two"),
    ("costCenter: c2", "costCenter", "not the cost centre", "cc-1"),
    ("environment: production", "environment", "does not work in", "development"),
    ("labels: {team: cv}", "labels.team", "field of its own", "team:"),
    ("labels: {kueue.x-k8s.io/queue-name: cv}", 'labels["kueue.x-k8s.io/queue-name"]', "belong to", "of your own"),
    ("labels: {allotment.dev/x: y}", 'labels["allotment.dev/x"]', "belong to", "of your own"),
    ("run: {script: a.py, command: [b]}", "run.command", "a script and a command", "keep one"),
    ("run: {args: [a]}", "run.args", "nothing that they are handed to", "script"),
    ("run: {env: {A: b}}", "run", "nothing is named to be run", "image"),
    ("run: {script: ../a.py}", "run.script", "leads out", "without .."),
    ("run: {script: -c}", "run.script", "begins with -", "write the path out"),
    ("run: {script: a.py, env: {CUDA_VISIBLE_DEVICES: all}}", "run.env.CUDA_VISIBLE_DEVICES", "devices", "remove"),
    ("run: {script: a.py, env: {ALLOTMENT_RANK: 0}}", "run.env.ALLOTMENT_RANK", "back end sets", "another name"),
    ("run: {script: a.py, env: {A: null}}", "run.env.A", "nothing where a text belongs", "quotation marks"),
    ('run: {script: a.py, env: {A: "\\0"}}', "run.env.A", "control characters", "remove them"),
    ("run: {script: a.py, env: {A: b}, secrets: {A: s/k}}", "run.secrets.A", "stands in env", "keep one"),
    ("run: {script: a.py, secrets: {A: ../k}}", "run.secrets.A.secret", "no name of a secret", "never the value"),
    ("run: {script: a.py, image: 'a b'}", "run.image", "no image", "registry/name:tag"),
    ("code: /etc", "code.folder", "is absolute", "below the folder"),
    ("code: a/../../b", "code.folder", "leads out", "without .."),
    ("code: {ignoreFile: ../x}", "code.ignoreFile", "no name of a file", "without a folder"),
    ("resources: {accelerators: a1000}", "resources.accelerators.class[0]", "no accelerator", "a like name: a10, a100"),
    ("resources: {accelerators: a100:0}", "resources.accelerators.count", "not between", "1 to"),
    (
        'resources: {accelerators: {class: t4, memory: ">=40Gi"}}',
        "resources.accelerators.class[0]",
        "does not have",
        "remove the class",
    ),
    (
        'resources: {accelerators: {memory: ">=900Gi", vendor: nvidia}}',
        "resources.accelerators.memory",
        "no accelerator has memory of 900Gi or more and vendor nvidia",
        'the nearest is gb200; it would do with memory: ">=186Gi"',
    ),
    (
        "resources: {accelerators: {architecture: Hoper}}",
        "resources.accelerators.architecture",
        "no accelerator has architecture Hoper",
        "the nearest is a100; it would do with architecture: Ampere",
    ),
    ("resources: {accelerators: {memory: 40}}", "resources.accelerators.memory", "no least", ">=40Gi"),
    ("resources: {cpu: 0}", "resources.cpu", "is 0", "write an amount"),
    ("resources: {memory: 128}", "resources.memory", "no unit", "128Gi"),
    ("resources: {memory: 1Gi, sharedMemory: 2Gi}", "resources.sharedMemory", "larger", "1Gi"),
    ("replicas: 0", "replicas", "not between", "1 to"),
    ("replicas: 100000", "replicas", "not between", "1,000"),
    ("maxRunTime: 4", "maxRunTime", "no duration", "4h"),
    ("maxRunTime: 400d", "maxRunTime", "more than 90 days", "shorter"),
    ("deadline: 2027-06-01", "deadline", "no time", "RFC 3339"),
    ("deadline: 2027-06-01T06:00:00", "deadline", "no time zone", "+01:00"),
    ("deadline: 2026-06-01T06:00:00Z", "deadline", "is over", "to come"),
    ("checkpoint: {directory: c, grace: 11m}", "checkpoint.grace", "more than the 600 s", "600s or less"),
    (
        "checkpoint: /s/c\nvolumes: {s: {}}",
        "checkpoint.directory",
        "is scratch",
        "volume with a claim",
    ),
    ("volumes: {a: {claim: c, use: scratch}}", "volumes.a.claim", "comes and goes", "remove claim"),
    ("volumes: {a: {use: checkpoint}}", "volumes.a", "lies nowhere", "claim"),
    ("volumes: {a: {claim: c, path: /d}, b: {claim: c, path: /d/}}", "volumes.b.path", "already", "another"),
    ("volumes: {a-b: {}, a--b: {}}", "volumes.a--b", "share the variable ALLOTMENT_VOLUME_A_B", "rename"),
    ("volumes: {a: {claim: c, path: /etc}}", "volumes.a.path", "belongs to the machine", "/data"),
    ("volumes: {a: {claim: c, path: /proc/1}}", "volumes.a.path", "belongs to the machine", "/data"),
    ("checkpoint: .", "checkpoint.directory", "no folder of its own", "checkpoints"),
    ("checkpoint: {directory: c/%s}" % ("a" * 256), "checkpoint.directory", "256 bytes", "shorter"),
    ("volumes: {a: {claim: c, path: /a:b}}", "volumes.a.path", "colon", "without"),
    ("data: [s3://b/c]", "data[0]", "into which volume", "volume:"),
    ("data: [{source: s3://b/c, volume: d}]\nvolumes: {a: {}}", "data[0].volume", "no volume", "a"),
    ("data: [s3://b/c, s3://d/c]\nvolumes: {a: {}}", "data[1].path", "same place", "path:"),
    ("data: [{source: https://h/b, path: .}]\nvolumes: {a: {}}", "data[0].path", "one file", "path:"),
    ("data: [s3://b/c, {source: s3://d, path: ./c/}]\nvolumes: {a: {}}", "data[1].path", "same place", "path:"),
    ("data: ['https://h/?b=c']\nvolumes: {a: {}}", "data[0].path", "one file", "path:"),
    ("data: ['ftp:/b']\nvolumes: {a: {}}", "data[0].source", "neither a URI", "s3://"),
    ("sweep: {}", "sweep", "neither", "grid"),
    ("sweep: {grid: {a: [1]}, random: {b: {from: 1, to: 2}}}", "sweep", "a grid and ranges", "grid:"),
    ("sweep: {grid: {a: []}}", "sweep.grid.a", "no value", "list"),
    ("sweep: {grid: {a: [1, 1]}}", "sweep.grid.a", "twice", "one of the two"),
    ("sweep: {random: {b: {from: 1, to: 2}}}", "sweep.trials", "how many", "trials: 20"),
    ("sweep: {random: {b: {from: 1, to: 2}}, trials: 1001}", "sweep.trials", "not between", "1,000"),
    ("sweep: {random: {b: {from: 2, to: 2}}, trials: 3}", "sweep.random.b.to", "before it begins", "larger"),
    ("sweep: {random: {b: {from: 0, to: 2, scale: log}}, trials: 3}", "sweep.random.b.from", "0 or below", "linear"),
    ("type: sweep", "sweep", "no parameters", "add"),
    ("type: training\nsweep: {grid: {a: [1]}}", "type", "has no sweep", "type: sweep"),
    ("type: scheduled", "schedule", "no schedule", "cron"),
    ("schedule: 0 2 * *", "schedule.cron", "4 fields", "five"),
    ("schedule: 0 2 30 2 *", "schedule.cron", "never comes", "another day"),
    ("schedule: 0 2 * * 7", "schedule.cron", "7 is no day of the week", "0 for Sunday"),
    ("schedule: '@every 5m'", "schedule.cron", "not known", "@daily"),
    ("schedule: TZ=UTC 0 2 * * *", "schedule.cron", "time zone", "schedule.timeZone"),
    ("schedule: {cron: 0 2 * * *, timeZone: Europe/Berln}", "schedule.timeZone", "no time zone", "Europe/Berlin"),
    ("schedule: {cron: 0 2 * * *, timeZone: Berlin}", "schedule.timeZone", "no time zone", '"Europe/Berlin"'),
    ("schedule: {cron: 0 2 * * *, timeZone: new york}", "schedule.timeZone", "no time zone", '"America/New_York"'),
    ("run: [python, mc.py]", "run", "a list where a mapping belongs", "`run: {command: [python, mc.py]}`"),
    ("run: ['`rm`', 'a b']", "run", "a list where a mapping belongs", "`run: {command: […]}`"),
    ("schedule: {cron: 0 2 * * *, timeZone: ../../etc/passwd}", "schedule.timeZone", "no time zone", ""),
    ("type: service\nafter: prep", "after", "never ends", "remove"),
    ("type: notebook\nreplicas: 2", "replicas", "one replica", "remove"),
    ("run: {script: a.py, port: 80}", "run.port", "answers on no port", "type: service"),
    ("after: train", "after[0].job", "waits for itself", "remove"),
    ("after: [prep, prep]", "after[1].job", "twice", "one of the two"),
    (
        "resources: {accelerators: {class: a100, capacityType: spot}}\nspot: false",
        "spot",
        "asked for",
        "one of the two",
    ),
    (
        "env: {A: b}",
        "env",
        "unknown field",
        "below `run`, as `run: {env: …}`; `run: WORD` is `run: {script: WORD}` then",
    ),
    ("secrets: {A: b}", "secrets", "unknown field", "as `run: {secrets: …}`"),
    ("args: [a]", "args", "unknown field", "as `run: {args: …}`"),
    ("image: a:1", "image", "unknown field", "as `run: {image: …}`, or in an entry of `data`"),
    ("command: [a]", "command", "unknown field", "as `run: {command: …}`, or in an entry of `data`"),
    ("gpus: 2", "gpus", "unknown field", "as `resources: {accelerators: …}`"),
    ("shared_memory: 1Gi", "shared_memory", "unknown field", "as `resources: {sharedMemory: …}`"),
    ("claim: a", "claim", "unknown field", "in an entry of `volumes`"),
    ("resources: {replicas: 2}", "resources.replicas", "unknown field", "at the top level of the document"),
    ("resources: {name: x}", "resources.name", "unknown field", "choose one of: accelerators"),
    ("cost_center: a", "cost_center", "unknown field", 'did you mean "costCenter"'),
    ("setup: pip install x", "setup", "unknown field", "there is no setup: install what it needs in the image"),
    ("sweep: {lr: [1, 2]}", "sweep.lr", "unknown field", "as `grid: {lr: […]}`"),
    ("sweep: {lr: {min: 1}}", "sweep.lr", "unknown field", "as `random: {lr: {from: …, to: …}}`"),
    ("sweep: {grdi: {lr: [1]}}", "sweep.grdi", "unknown field", 'did you mean "grid"'),
    ("resources: {accelerators: A100:2}", "resources.accelerators.class[0]", "no accelerator", 'did you mean "a100"'),
    ("resources: {accelerators: nvidia-a100}", "resources.accelerators.class[0]", "no accel", 'did you mean "a100"'),
    ('resources: {accelerators: "\\e"}', "resources.accelerators.class[0]", "no class of accelerators", "catalogue"),
    ("team: NLP", "team", "no Kubernetes name", 'did you mean "nlp"?'),
    ("priority: Scheduled_Training", "priority", "no Kubernetes name", 'did you mean "scheduled-training"?'),
    ("name: My_Job", "name", "no name of a job", 'did you mean "my-job"?'),
    ("run: |\n  pip install x\n  python a.py", "run.script", "lines of a shell", "[sh, -c, LINES]"),
    ("kind: Team", "kind", "kind of the platform directory", "kind: Job"),
    ("kind: Jbo", "kind", "unknown kind", 'did you mean "Job"'),
]


@pytest.mark.parametrize(("added", "field", "what", "fix"), REFUSED, ids=[each[0][:60] for each in REFUSED])
def test_refused(added, field, what, fix):
    replaced = {line.partition(":")[0] for line in added.splitlines()}
    kept = "".join(f"{line}\n" for line in SHORTEST.splitlines() if line.partition(":")[0] not in replaced)
    found = problems_of(f"{kept}{added}\n")
    assert [problem.field for problem in found] == [field]
    assert what in found[0].what
    assert fix in found[0].fix
    assert found[0].line


def test_limits_of_one_pod_are_the_team_s():
    text = SHORTEST.replace("nlp", "bounded") + "resources: {cpu: 9, memory: 65Gi, accelerators: a100:3}\n"
    assert [(problem.field, problem.fix.split(" or less")[0]) for problem in problems_of(text)] == [
        ("resources.cpu", "write 8"),
        ("resources.memory", "write 64Gi"),
        ("resources.accelerators", "write 2"),
    ]


def test_a_circle_of_dependencies_is_told_once():
    def job(name: str, after: str) -> str:
        return SHORTEST.replace("train\n", f"{name}\n") + f"after: {after}\n---\n"

    text = job("a", "b") + job("b", "c") + job("c", "a") + job("d", "a")
    (problem,) = problems_of(text)
    assert (problem.line, problem.what) == (5, "the job waits for itself: a → b → c → a")


def test_jobs_of_a_file_have_names_of_their_own_and_wait_within_their_team():
    text = f"{SHORTEST}---\n{SHORTEST}---\n{SHORTEST.replace('nlp', 'bounded').replace('train', 'other')}after: train\n"
    assert [(problem.line, problem.field) for problem in problems_of(text)] == [(7, "name"), (15, "after[0].job")]


def test_all_problems_are_told_in_one_run_with_their_lines():
    text = "kind: Job\nname: Train\nteam: npl\nrun: {script: a.py}\nreplicas: 0\nnope: 1\n---\nkind: Job\n"
    assert [(problem.line, problem.field) for problem in problems_of(text)] == [
        (2, "name"),
        (5, "replicas"),
        (6, "nope"),
        (8, "name"),
        (8, "run"),
    ]


def test_a_grid_is_counted_before_it_is_made():
    grid = ", ".join(f"p{number}: [{', '.join(map(str, range(40)))}]" for number in range(40))
    (problem,) = problems_of(SHORTEST + f"sweep: {{grid: {{{grid}}}}}\n")
    assert "more than a billion trials" in problem.what


def test_no_secret_is_repeated():
    """Whoever mistakes a field pastes the secret itself."""
    canary = "Sk-Canary0123456789"
    for added in (
        f"run: {{script: a.py, secrets: {{A: {canary}}}}}",
        f"run: {{script: a.py, secrets: {{A: s/{canary}$}}}}",
        f"run: {{script: a.py, image: 'me:{canary}@registry.example/a'}}",
        f'run: {{script: a.py, env: {{A: "{canary}\\0"}}}}',
        f'run: {{script: a.py, args: ["{canary}\\0"]}}',
        f"data: ['https://me:{canary}@host/a']\nvolumes: {{a: {{}}}}",
        f"data: ['https://me:{canary}@host/a b']\nvolumes: {{a: {{}}}}",
    ):
        replaced = {line.partition(":")[0] for line in added.splitlines()}
        kept = "".join(f"{line}\n" for line in SHORTEST.splitlines() if line.partition(":")[0] not in replaced)
        found = problems_of(f"{kept}{added}\n")
        assert found, added
        assert canary not in "".join(map(str, found))


def test_an_empty_file_says_how_to_begin():
    (problem,) = problems_of("")
    assert "allot template list" in problem.fix
