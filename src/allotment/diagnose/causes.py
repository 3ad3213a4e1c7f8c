"""All causes in the order of precedence: of several that hold for a subject, the first is the dominant one.

The order is that of the layers a job passes, but for storage and nodes, which stand before what the scheduler says for
want of them: a cordoned node is the cause where "all GPUs are in use" is merely what follows.
What is displaced again and again stands before what its queue says of it, which is true of the moment alone.
"""

from __future__ import annotations

from typing import Final

from allotment.diagnose.finding import CauseEntry
from allotment.diagnose.rules.autoscaler.table import CAUSES as AUTOSCALER
from allotment.diagnose.rules.node.table import CAUSES as NODE
from allotment.diagnose.rules.pod.table import CAUSES as POD
from allotment.diagnose.rules.policy.table import CAUSES as POLICY
from allotment.diagnose.rules.queue.table import CAUSES as QUEUE
from allotment.diagnose.rules.quota.table import ABOVE_QUEUES
from allotment.diagnose.rules.quota.table import CAUSES as QUOTA
from allotment.diagnose.rules.scheduler.table import CAUSES as SCHEDULER
from allotment.diagnose.rules.server.table import CAUSES as SERVER
from allotment.diagnose.rules.slurm.table import CAUSES as SLURM
from allotment.diagnose.rules.storage.table import CAUSES as STORAGE
from allotment.diagnose.rules.submission.table import CAUSES as SUBMISSION

CAUSES: Final[tuple[CauseEntry, ...]] = (
    *SUBMISSION,
    *POLICY,
    ABOVE_QUEUES,
    *QUEUE,
    *QUOTA,
    *STORAGE,
    *NODE,
    *AUTOSCALER,
    *SCHEDULER,
    *POD,
    *SLURM,
    *SERVER,
)
BY_ID: Final = {each.id: each for each in CAUSES}
BY_CODE: Final = {each.code: each for each in CAUSES}
