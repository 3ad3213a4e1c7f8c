"""TrainJob of Kubeflow Trainer: the pods come from a runtime of the platform; the job says what runs, and how large."""

from __future__ import annotations

from typing import Any, Final

from allotment.jobs.kubernetes.environment import JOB_ID, command, literal
from allotment.jobs.kubernetes.kinds import API_VERSIONS, WorkKind
from allotment.jobs.kubernetes.pods import WorkDraft, marks, metadata, queued, resources
from allotment.model.manifest import Body

RUNTIME: Final = "torch-distributed"
"""The runtime that Kubeflow Trainer comes with for programs that find each other as torch's do."""


def train_job(draft: WorkDraft) -> Body:
    """The TrainJob: the runtime gives ranks and their addresses."""
    order = draft.order
    job, argv = order.job, command(order)
    given = [{"name": name, "value": literal(value)} for name, value in sorted(job.program.environment.items())]
    trainer: dict[str, Any] = {
        "image": job.program.image,
        **({"command": argv} if argv else {}),
        "env": [*given, {"name": JOB_ID, "value": order.id}],
        "numNodes": job.replicas,
        "resourcesPerNode": resources(job.needs, draft.place),
    }
    return {
        "apiVersion": API_VERSIONS[WorkKind.TRAIN_JOB],
        "kind": "TrainJob",
        "metadata": metadata(draft, queued(draft)),
        "spec": {
            "suspend": True,
            "runtimeRef": {"apiGroup": "trainer.kubeflow.org", "kind": "ClusterTrainingRuntime", "name": RUNTIME},
            "trainer": trainer,
            **({} if job.run_time is None else {"activeDeadlineSeconds": job.run_time}),
            "runtimePatches": [
                {
                    "manager": "allotment.dev/jobs",
                    "trainingRuntimeSpec": {
                        "template": {
                            "spec": {
                                "replicatedJobs": [
                                    {
                                        "name": "node",
                                        "template": {"spec": {"template": {"metadata": {"labels": marks(draft)}}}},
                                    }
                                ]
                            }
                        }
                    },
                }
            ],
        },
    }
