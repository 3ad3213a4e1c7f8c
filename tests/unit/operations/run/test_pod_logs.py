"""Lines of several pods, as they are handed on."""

from __future__ import annotations

from allotment.adapters.kube.fake import FakeKube
from allotment.operations.run.kubernetes.pod_logs import FollowedLogs, JobPods
from allotment.ports.backends import LogLine


def test_of_lines_that_wait_all_but_the_last_say_that_another_is_at_hand() -> None:
    followed = FollowedLogs(FakeKube(), lambda: JobPods((), goes_on=True), None)
    said = [LogLine(rank, b"%d" % rank, 1000 + rank) for rank in range(3)]
    for each in said:
        followed._lines.put(each)
    lines = list(followed._ready())
    assert lines == said
    assert [line.more for line in lines if line] == [True, True, False]
