"""What every store keeps.

A suite that inherits `StoreContract` gives the fixture `place`: an empty store's.
"""

from __future__ import annotations

from dataclasses import replace
from functools import partial
from itertools import pairwise

import pytest

from allotment.errors import ConflictError, InputError, NotFoundError, NotSignedInError, UsageError
from allotment.model.jobs.family import FamilyStanding, TrialMetric
from allotment.model.jobs.job import JobSchedule
from allotment.model.jobs.run import IllegalMoveError, JobState, RunningPlace
from allotment.model.jobs.use import UseSummary
from allotment.ports.backends import EndOfRun
from allotment.ports.cluster_credentials import SealedCredential
from allotment.ports.device_times import DeviceTurn, DeviceUse, TimedDevice
from allotment.ports.people import ShutOutError
from allotment.ports.queue_hours import HOUR_MS, QuotaSpan
from allotment.ports.store import JobFilter, StoreInUseError, StorePlace
from allotment.ports.stored_jobs import (
    MOST_EVENTS,
    MOST_SENTENCE,
    JobAttempt,
    JobEvent,
    StaleWriteError,
    StoredChange,
    StoredWait,
)
from tests.unit.adapters.store.jobs import NOW, act, devices, moved, person, submitted, token
from tests.unit.adapters.store.journal_contract import JournalContract

FREE, BUSY = DeviceUse("unallocated", price=2_000_000), DeviceUse("unmeasured", "j1", "nlp", "ada", queue="nlp")


class StoreContract(JournalContract):
    def test_what_was_kept_is_read_as_it_was_by_whoever_opens_it_next(self, place: StorePlace) -> None:
        end = EndOfRun(1, 0, "exit code 1 of rank 0")
        attempt = JobAttempt(1, NOW + 2, NOW + 3, (RunningPlace(0, "n1", ("GPU-1",)),), end)
        with place.writer("a test") as store:
            first = store.add(submitted("j1"))
            (queued,) = store.record([moved(first, JobState.QUEUED, native="4711")])
            change = replace(
                moved(queued, JobState.RUNNING, JobState.FAILED, at=NOW + 2),
                code="sha256:1",
                attempts=(attempt,),
                events=(JobEvent(NOW + 2, "checkpoint", "step 10"),),
                waits=(StoredWait(NOW, "quota-full", "QuotaExceeded", "4 of 4 are used", NOW + 1),),
                use=UseSummary(run_ms=1, held_ms=2, idle_ms=0, cost=5),
            )
            (failed,) = store.record([change])

        assert (failed.state, failed.started, failed.ended, failed.version) == (JobState.FAILED, NOW + 2, NOW + 3, 2)
        with place.reader() as store:
            assert store.get("j1") == failed
            (row,) = store.page(JobFilter()).rows
        assert (row.name, row.team, row.devices, row.accelerator, row.native) == ("train", "nlp", 4, "a100", "4711")

    def test_all_of_a_change_or_nothing(self, place: StorePlace) -> None:
        with place.writer("a test") as store:
            one, two = store.add(submitted("j1")), store.add(submitted("j2"))
            store.record([], [DeviceTurn(devices(1)[0], NOW, FREE)])
            refused = {
                IllegalMoveError: moved(two, JobState.QUEUED, JobState.SUBMITTED),
                StaleWriteError: replace(moved(two, JobState.QUEUED), version=7),
                NotFoundError: replace(moved(two, JobState.QUEUED), id="nobody"),
            }
            for kind, change in refused.items():
                with pytest.raises(kind):
                    store.record([moved(one, JobState.QUEUED), change], [DeviceTurn(devices(1)[0], NOW + 5, BUSY)])
            with pytest.raises(ConflictError):
                store.add(submitted("j1", team="vision"))

            assert (store.get("j1"), store.get("j2")) == (one, two)
            assert [each.use for each in store.in_use("local")] == [FREE]

    def test_a_job_comes_only_with_moves_that_it_can_make(self, place: StorePlace) -> None:
        with place.writer("a test") as store:
            held = submitted("j1")
            with pytest.raises(IllegalMoveError):
                store.add(replace(held, history=replace(held.history, moves=held.history.moves * 2)))
            for odd in (replace(held, id="j\x00"), replace(held, job=replace(held.job, labels={"a": "\udc80"}))):
                with pytest.raises(InputError):
                    store.add(odd)
            assert store.page(JobFilter()).rows == ()

    def test_a_change_replaces_what_it_names_and_adds_the_rest(self, place: StorePlace) -> None:
        wait, later = StoredWait(NOW, "quota-full", "", "4 of 4"), StoredWait(NOW + 9, "quota-full", "", "3 of 4")
        with place.writer("a test") as store:
            job = store.add(submitted("j1"))
            (job,) = store.record(
                [replace(moved(job, JobState.QUEUED), waits=(wait,), attempts=(JobAttempt(2), JobAttempt(1)))]
            )
            over = replace(wait, until=NOW + 5)
            change = StoredChange("j1", 1, waits=(later, over), attempts=(JobAttempt(2, ended=NOW), JobAttempt(3)))
            store.record([change])

            job = store.get("j1")
            assert job.waits == (over, later)
            assert job.attempts == (JobAttempt(1), JobAttempt(2, ended=NOW), JobAttempt(3))

    def test_of_a_schedule_the_newest_events_are_kept_of_another_job_the_first(self, place: StorePlace) -> None:
        daily = JobSchedule("0 4 * * *", "Etc/UTC", 600)
        every = [JobEvent(NOW + each, "left-out", f"time {each}") for each in range(MOST_EVENTS + 7)]
        with place.writer("a test") as store:
            for name, schedule in (("s1", daily), ("j1", None)):
                job = submitted(name)
                store.add(replace(job, job=replace(job.job, schedule=schedule)))
                for version, (start, end) in enumerate(pairwise([0, 3, MOST_EVENTS + 2, MOST_EVENTS + 7])):
                    store.record([StoredChange(name, version, events=tuple(every[start:end]))])

            assert store.get("s1").events == tuple(every[7:])
            assert store.get("j1").events == tuple(every[:MOST_EVENTS])

    def test_foreign_text_is_bounded_and_harms_nothing(self, place: StorePlace) -> None:
        nasty = "'; DROP TABLE jobs; --\x00\udcff" + "x" * 5000
        with place.writer("a test") as store:
            job = store.add(submitted("j1", owner=nasty))
            events = tuple(JobEvent(NOW, nasty, nasty) for _ in range(3))
            (job,) = store.record([replace(moved(job, JobState.QUEUED), native=nasty, events=events)])
            store.record([], [DeviceTurn(TimedDevice("local", nasty, nasty), NOW, DeviceUse(nasty, owner=nasty))])
            (job,) = store.record([StoredChange("j1", 1, events=(JobEvent(NOW, "a", "b"),) * MOST_EVENTS)])

            assert store.get("j1") == job
            assert job.owner == job.events[0].said == nasty.replace("\x00\udcff", "\ufffd\ufffd")[:MOST_SENTENCE]
            assert len(job.events) == MOST_EVENTS
            for reference in (nasty, "%", "_", "j%", "'", "\x00", ""):
                with pytest.raises(NotFoundError):
                    store.find(reference)
            assert store.page(JobFilter(owner=nasty, prefix="%'")).rows == ()
            assert [each.id for each in store.page(JobFilter(owner=nasty)).rows] == ["j1"]

    def test_a_job_is_found_by_id_by_its_newest_name_and_by_how_one_id_begins(self, place: StorePlace) -> None:
        with place.writer("a test") as store:
            for number, (id_, team) in enumerate(
                [("k12", "nlp"), ("k13", "nlp"), ("m1", "vision"), ("train-0", "nlp")]
            ):
                store.add(submitted(id_, NOW + number, team=team, name="m1" if id_ == "k12" else "train"))

            found = {each: store.find(each).id for each in ("k12", "train", "m", "train-", "m1")}
            assert found == {"k12": "k12", "train": "train-0", "m": "m1", "train-": "train-0", "m1": "m1"}
            assert store.find("m1", team="nlp").id == "k12"
            with pytest.raises(UsageError, match="several"):
                store.find("k1")
            for reference, team in (("nobody", ""), ("k12", "vision"), ("train-0", "vision"), ("K12", "")):
                with pytest.raises(NotFoundError):
                    store.find(reference, team=team)

    def test_pages_hold_each_job_once_newest_first_whatever_comes_meanwhile(self, place: StorePlace) -> None:
        with place.writer("a test") as store:
            for number in range(7):
                store.add(submitted(f"j{number}", NOW + number // 3))
            first = store.page(JobFilter(), limit=4)
            store.add(submitted("new", NOW + 99))
            second = store.page(JobFilter(), after=first.next, limit=4)

            assert [each.id for each in first.rows + second.rows] == ["j6", "j5", "j4", "j3", "j2", "j1", "j0"]
            assert second.next is None

    def test_many_come_together_or_not_at_all_and_those_that_ended_are_told_last_first(self, place: StorePlace) -> None:
        with place.writer("a test") as store:
            jobs = store.add_all([submitted(f"j{number}") for number in range(4)])
            assert [store.get(each.id) for each in jobs] == list(jobs)
            for refused, kind in ((submitted("j3"), ConflictError), (submitted("\x00"), InputError)):
                with pytest.raises(kind):
                    store.add_all([submitted("new"), refused])
            with pytest.raises(NotFoundError):
                store.get("new")
            store.record([moved(each, JobState.FAILED, at=NOW + number) for number, each in enumerate(jobs[:3])])
            assert [each.id for each in store.ended("local", NOW + 1, 9)] == ["j2", "j1"]
            assert [each.id for each in store.ended("local", 0, 1)] == ["j2"]
            assert store.ended("hpc", 0, 9) == store.ended("local", 0, 0) == ()

    def test_members_are_found_by_their_family_which_is_meant_by_what_all_their_ids_begin_with(
        self, place: StorePlace
    ) -> None:
        metric, standing = TrialMetric(2, (0.5, None), None, 0.5, "k12-t1-1-0", 9), FamilyStanding("1 of 2", 1, 0.5, 1)
        with place.writer("a test") as store:
            store.record([StoredChange(store.add(submitted("k12", NOW)).id, 0, standing=standing)])
            for number in (1, 2):
                trial = replace(submitted(f"k12-t{number}", NOW + 3 - number), parent="k12", number=number)
                assert store.add(trial).number == number
            store.add(submitted("m1", NOW + 9))
            (trial,) = store.record([StoredChange("k12-t1", 0, metric=metric)])

            assert store.get("k12-t1") == trial
            assert (store.get("k12").standing, trial.metric) == (standing, metric)
            assert store.record([moved(trial, JobState.QUEUED)])[0].metric == metric, (
                "a change leaves what it does not name"
            )
            assert [each.id for each in store.members("k12")] == ["k12-t2", "k12-t1"]
            assert [each.id for each in store.members("k12", 1)] == ["k12-t2"]
            assert store.members("k1") == store.members("") == store.members("\x00") == ()
            assert [store.find(each).id for each in ("k1", "k12", "k12-t2")] == ["k12", "k12", "k12-t2"]
            with pytest.raises(UsageError, match="several"):
                store.find("k12-")
            store.add(replace(submitted("m0", NOW - 9), job=replace(trial.job, name="x-1")))
            newer = replace(submitted("k12-t3", NOW + 99), parent="k12", number=3)
            store.add(replace(newer, job=replace(newer.job, name="x-1")))
            assert store.find("x-1").id == "m0", "a member is not what a name of another job means"
            rows = {each.id: each for each in store.page(JobFilter()).rows}
            assert (rows["k12"].said, rows["k12-t1"].metric, rows["k12-t2"].number) == ("1 of 2", None, 2)
            for wanted, ids in (
                (JobFilter(alone=True), ["m1", "k12", "m0"]),
                (JobFilter(parent="k12"), ["k12-t3", "k12-t1", "k12-t2"]),
                (JobFilter(parent="k12", alone=True), []),
                (JobFilter(parent="m1"), []),
            ):
                assert [each.id for each in store.page(wanted).rows] == ids

    @pytest.mark.parametrize(
        ("wanted", "ids"),
        [
            (JobFilter(team="nlp"), ["j4", "j2", "j1"]),
            (JobFilter(states=frozenset({JobState.QUEUED, JobState.FAILED})), ["j2"]),
            (JobFilter(owner="bob"), ["j3"]),
            (JobFilter(backend="hpc", team="nlp"), ["j4"]),
            (JobFilter(prefix="tr"), ["j4", "j1"]),
            (JobFilter(prefix="Tr"), []),
            (JobFilter(since=NOW + 3), ["j4", "j3"]),
        ],
    )
    def test_filters(self, place: StorePlace, wanted: JobFilter, ids: list[str]) -> None:
        with place.writer("a test") as store:
            store.add(submitted("j1", NOW + 1))
            store.record([moved(store.add(submitted("j2", NOW + 2, name="a-train")), JobState.QUEUED)])
            store.add(submitted("j3", NOW + 3, owner="bob", team="vision", name="eval"))
            store.add(submitted("j4", NOW + 4, backend="hpc"))
            assert [each.id for each in store.page(wanted).rows] == ids

    def test_rows_of_some_are_told_together_and_of_what_is_not_there_none(self, place: StorePlace) -> None:
        with place.writer("a test") as store:
            store.add(submitted("one"))
            store.add(submitted("two"))
            asked = ["two", "nosuch", "no\0name", "", *(f"none-{number}" for number in range(1200)), "one"]
            found = store.rows(asked)
            listed = {each.id: each for each in store.page(JobFilter()).rows}
            assert dict(found) == listed
            assert store.rows(()) == {}

    def test_lists_of_a_team_or_a_person_have_no_members_where_those_are_left_out(self, place: StorePlace) -> None:
        with place.writer("a test") as store:
            family = store.add(submitted("family"))
            store.add(replace(submitted("family-1"), parent=family.id))
            filters = ({}, {"team": family.job.team}, {"owner": family.owner}, {"within": frozenset({family.job.team})})
            for each in filters:
                wanted = JobFilter(alone=True, **each)  # type: ignore[arg-type]
                assert [row.id for row in store.page(wanted).rows] == ["family"]
                assert [of.jobs for of in store.counts(wanted)] == [1]

    def test_unfinished_jobs_are_told_oldest_first(self, place: StorePlace) -> None:
        with place.writer("a test") as store:
            store.record([moved(store.add(submitted("j1")), JobState.STOPPED)])
            store.add(submitted("j3", NOW + 3))
            store.add(submitted("j2", NOW + 2, backend="hpc"))
            assert [each.id for each in store.unfinished()] == ["j2", "j3"]
            assert [each.id for each in store.unfinished("hpc")] == ["j2"]

    def test_what_is_over_is_forgotten_when_asked_and_devices_time_is_not(self, place: StorePlace) -> None:
        with place.writer("a test") as store:
            store.add(submitted("runs"))
            for number, id_ in enumerate(("old", "young")):
                change = moved(store.add(submitted(id_)), JobState.QUEUED, JobState.FAILED, at=NOW + 10 * number)
                store.record([replace(change, events=(JobEvent(NOW, "a", "b"),), attempts=(JobAttempt(1),))])
            store.record([], [DeviceTurn(devices(1)[0], NOW, replace(BUSY, job="old"))])

            assert store.prune(NOW + 5) == 1
            assert [each.id for each in store.page(JobFilter()).rows] == ["young", "runs"]
            assert [each.use.job for each in store.in_use("local")] == ["old"]

            again = store.add(submitted("old"))
            assert store.get("old") == again, "nothing of the job before is left"

    def test_a_devices_line_has_no_gap_and_no_overlap(self, place: StorePlace) -> None:
        one, two = devices(2)
        with place.writer("a test") as store:
            for at, device, use in [
                (100, one, FREE),
                (100, two, BUSY),
                (150, one, FREE),
                (200, one, BUSY),
                (190, one, FREE),
                (300, one, None),
                (250, one, BUSY),
            ]:
                store.record([], [DeviceTurn(device, at, use)])
            line = [(each.start, each.end, each.use) for each in store.device_times(0, 1000) if each.device == one]
            assert line == [(100, 200, FREE), (200, 300, FREE), (300, 1000, BUSY)]
            cut = store.device_times(150, 210, backend="local")
            assert [(each.start, each.end) for each in cut] == [(150, 200), (200, 210), (150, 210)]
            assert [(each.device, each.start, each.end) for each in store.in_use("local")] == [
                (one, 300, None),
                (two, 100, None),
            ]
            assert store.device_times(0, 1000, backend="hpc") == store.in_use("hpc") == ()
            of_team = store.device_times(150, 1000, backend="local", team=BUSY.team)
            assert [(each.device, each.start, each.end) for each in of_team] == [(one, 300, 1000), (two, 150, 1000)]
            assert [store.watched_from("local", since) for since in (0, 150)] == [100, 150]
            assert store.watched_from("hpc", 0) is None

    def test_what_a_teams_jobs_cost_is_summed_from_a_moment_on(self, place: StorePlace) -> None:
        with place.writer("a test") as store:
            costs = [("nlp", 0, 3), ("nlp", 1, 5), ("nlp", 2, None), ("cv", 1, 7), ("nlp", 1, 2**40)]
            for number, (team, later, cost) in enumerate(costs):
                used = UseSummary(run_ms=1, held_ms=2, idle_ms=0, cost=cost)
                store.add(replace(submitted(f"j{number}", NOW + later, team=team), use=used))
            store.add(submitted("without", NOW + 3, team="nlp"))
            assert store.cost("nlp", NOW + 1) == 5 + 2**40
            assert store.cost("nlp", NOW) == 8 + 2**40
            assert store.cost("nlp", NOW + 3) == store.cost("nobody", 0) == 0

    def test_one_writes_at_a_time_and_others_are_told_who(self, place: StorePlace) -> None:
        with place.writer("the first server") as store:
            store.add(submitted("j1"))
            with pytest.raises(StoreInUseError) as caught, place.writer("the second"):
                pass
            assert "the first server" in caught.value.whole.why
            with place.reader() as reader:
                assert reader.get("j1").id == "j1"
            assert "the first server" in place.status().writer
        with place.writer("the second") as store:
            assert store.get("j1").id == "j1"
        assert place.status().writer == ""

    def test_a_sign_in_and_a_shut_out_do_not_undo_each_other(self, place: StorePlace) -> None:
        with place.writer("a test") as store:
            read = person("p1")
            store.signed_in(read, token("s1", person="p1", session=True))
            store.add_token(token("own", person="p1"))
            store.add_token(token("of-team", team="nlp"))
            store.signed_in(replace(read, groups=("cv",), first=1, name="x@x"), token("s2", person="p1", session=True))
            kept = store.person("p1")
            assert (kept.groups, kept.first, kept.name) == (("cv",), read.first, read.name)
            assert store.shut_out("p1", NOW + 5, [act()]) == replace(kept, suspended=NOW + 5)
            # Whoever had read the person before writes him back now.
            with pytest.raises(ShutOutError):
                store.signed_in(read, token("s3", person="p1", session=True), [act()])
            store.shut_out("p1", NOW + 9, [act()])
            assert store.person("p1") == replace(kept, suspended=NOW + 5)
            assert store.let_in("p1", [act()]) == store.let_in("p1", [act()]) == kept
            assert {each.id: each.revoked for each in store.tokens()} == {
                "s1": NOW + 5, "s2": NOW + 5, "own": NOW + 5, "of-team": None,
            }  # fmt: skip
            assert len(list(store.whole_audit())) == 2
            for call in (partial(store.shut_out, "nobody", NOW), partial(store.let_in, "nobody")):
                with pytest.raises(NotFoundError):
                    call()

    def test_no_token_is_kept_of_whose_own_was_taken_back(self, place: StorePlace) -> None:
        with place.writer("a test") as store:
            store.add_token(token("mine"))
            store.add_token(token("one"), by_token="mine")
            store.revoke_token("mine", NOW)
            with pytest.raises(NotSignedInError):
                store.add_token(token("two"), [act()], by_token="mine")
            assert {each.id for each in store.tokens()} == {"mine", "one"}
            assert list(store.whole_audit()) == []

    def test_a_cluster_has_one_credential_and_all_of_several_are_kept_or_none(self, place: StorePlace) -> None:
        def sealed(cluster: str, text: str, platform: str = "acme") -> SealedCredential:
            return SealedCredential(platform, cluster, text, NOW, "ada")

        with place.writer("a test") as store:
            store.keep_cluster_credentials([sealed("b", "1"), sealed("a", "2"), sealed("a", "3", "other")], [act()])
            store.keep_cluster_credentials([sealed("b", "4")])
            assert store.cluster_credentials("acme") == (sealed("a", "2"), sealed("b", "4"))
            assert store.drop_cluster_credential("acme", "a", [act()])
            assert not store.drop_cluster_credential("acme", "a", [act()])
            assert store.cluster_credentials("other") == (sealed("a", "3", "other"),)
            assert len(list(store.whole_audit())) == 2
        with place.reader() as reader:
            assert reader.cluster_credentials("acme") == (sealed("b", "4"),)

    def test_hours_of_queues_are_replaced_summed_and_forgotten(self, place: StorePlace) -> None:
        hour = NOW // HOUR_MS * HOUR_MS
        day = hour // (24 * HOUR_MS) * 24 * HOUR_MS

        def span(queue: str, at: int, used: int, platform: str = "acme", looks: int = 2) -> QuotaSpan:
            return QuotaSpan(platform, "east", queue, "a100", "nvidia.com/gpu", at, looks, used, 8 * looks, used)

        with place.writer("a test") as store:
            store.keep_queue_hours([])
            store.keep_queue_hours([span("nlp", day, 4), span("nlp", day + HOUR_MS, 6), span("cv", day, 1)])
            store.keep_queue_hours(
                [span("nlp", day, 5), span("nlp", day, 9, "other"), span("nlp", day + 5 * HOUR_MS, 2)]
            )
            first, last = span("nlp", day, 5), span("nlp", day + 5 * HOUR_MS, 2)
            assert store.queue_hours("acme", day) == (span("cv", day, 1), first, span("nlp", day + HOUR_MS, 6), last)
            assert store.queue_hours("acme", day + HOUR_MS) == (span("nlp", day + HOUR_MS, 6), last)
            assert store.queue_hours("nobody", 0) == ()
            assert store.forget_queue_hours(day + HOUR_MS) == 3
        with place.reader() as reader:
            both = reader.queue_hours("acme", 0, 24 * HOUR_MS)
            assert [(each.since, each.looks, each.used, each.nominal, each.most) for each in both] == [
                (day, 4, 8, 32, 6)
            ]
            four = reader.queue_hours("acme", 0, 4 * HOUR_MS)
            assert [(each.since - day, each.used) for each in four] == [(0, 6), (4 * HOUR_MS, 2)]

    def test_status_counts(self, place: StorePlace) -> None:
        with place.writer("a test") as store:
            store.record(
                [moved(store.add(submitted("j1", NOW - 5)), JobState.QUEUED)], [DeviceTurn(devices(1)[0], 1, FREE)]
            )
            store.add(submitted("j2"))
        found = place.status()
        assert (dict(found.jobs), found.intervals, found.oldest) == (
            {JobState.QUEUED: 1, JobState.SUBMITTED: 1},
            1,
            NOW - 5,
        )
