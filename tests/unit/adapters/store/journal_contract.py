"""What the journal of every store keeps; a part of `StoreContract`."""

from __future__ import annotations

import threading
from dataclasses import replace

import pytest

from allotment.errors import AllotmentError, ConflictError, NotFoundError
from allotment.model.jobs.run import JobState
from allotment.model.requests.notice import Notice, NoticeKind, NoticeSeverity, ToldKey
from allotment.ports.journal import DerivedDocument, JournalPage, SubjectKind
from allotment.ports.store import JobsReader, JobsStore, StorePlace
from tests.unit.adapters.store.jobs import NOW, grant, moved, person, request, submitted, token

QUEUE = DerivedDocument(SubjectKind.QUEUE, "training/nlp", "nlp", "sha256:1", '{"a": 1}')


def told(page: JournalPage) -> list[str]:
    """Changes of a page, in words."""
    return [
        f"{each.entry.kind.value} {each.entry.id} of {each.entry.team or 'nobody'} {each.entry.change.value}"
        for each in page.changes
    ]


def since(store: JobsReader, after: int) -> list[str]:
    found = store.changes(after)
    assert found.known
    assert not found.more
    assert found.until == store.journal_head()
    return told(found)


class JournalContract:
    def test_every_change_is_numbered_and_tells_what_is_since(self, place: StorePlace) -> None:
        with place.writer("a test") as store:
            begin = store.journal_head()
            assert store.changes(begin) == JournalPage(known=True, changes=(), until=begin)
            first = store.add(submitted("j1"))
            store.add(submitted("j2", team="cv"))
            store.keep_requests([request("r0000001")])
            store.keep_requests([request("r0000001", revision=2)], [grant("r0000001")])
            middle = store.journal_head()
            store.record([moved(first, JobState.QUEUED)])
            store.discard("j2")
            store.keep_derived([QUEUE])
            assert since(store, begin) == [
                "request r0000001 of nlp changed",
                "grant r0000001 of nlp made",
                "job j1 of nlp changed",
                "job j2 of cv gone",
                "queue training/nlp of nlp made",
            ]
        with place.reader() as store:
            assert since(store, middle) == [
                "job j1 of nlp changed",
                "job j2 of cv gone",
                "queue training/nlp of nlp made",
            ]
            values = [each.now for each in store.changes(begin).changes]
            assert values[0] == store.request("r0000001")
            assert values[1] == store.grant("r0000001")
            assert getattr(values[2], "state", None) is JobState.QUEUED
            assert values[3:] == [None, QUEUE]
            assert store.derived(SubjectKind.QUEUE) == (QUEUE,)
            assert store.derived(SubjectKind.FINDING) == ()

    def test_numbers_grow_whatever_the_clock_does_and_go_on_with_the_next_writer(self, place: StorePlace) -> None:
        numbers = []
        for each in range(3):
            with place.writer("a test") as store:
                store.add_all([submitted(f"j{each}-{number}") for number in range(3)])
                numbers += [one.entry.number for one in store.changes(numbers[-1] if numbers else 1).changes]
        assert len(numbers) == 9
        assert numbers == sorted(set(numbers))

    def test_what_was_refused_has_no_number(self, place: StorePlace) -> None:
        with place.writer("a test") as store:
            job = store.add(submitted("j1"))
            heard: list[None] = []
            store.on_change(lambda: heard.append(None))
            head = store.journal_head()
            for kind, act in (
                (ConflictError, lambda: store.add(submitted("j1"))),
                (NotFoundError, lambda: store.record([moved(job, JobState.QUEUED), replace(moved(job), id="nobody")])),
                (NotFoundError, lambda: store.discard("nobody")),
                (AllotmentError, lambda: store.keep_requests([request("r0000001", revision=7)])),
            ):
                with pytest.raises(kind):
                    act()
            store.prune(0)
            store.keep_derived([])
            assert store.changes(head).changes == ()
            assert (store.journal_head(), heard) == (head, [])
            store.discard("j1")
            assert len(heard) == 1

    def test_whose_access_changes_is_told_without_a_value(self, place: StorePlace) -> None:
        with place.writer("a test") as store:
            store.add_token(token("t1"))
            store.signed_in(person("p1"), token("t2", person="p1"))
            head = store.journal_head()
            store.token_used("t1", NOW)
            store.revoke_token("t1", NOW)
            store.revoke_token("t1", NOW)
            store.signed_in(person("p1"), token("t3", person="p1"))
            store.shut_out("p1", NOW)
            store.let_in("p1")
            assert since(store, head) == ["access t1 of nobody gone", "access p1 of nobody gone"]
            assert [each.now for each in store.changes(head).changes] == [None, None]

    def test_notices_that_grants_remember_change_them(self, place: StorePlace) -> None:
        with place.writer("a test") as store:
            store.keep_requests([request("r0000001")], [grant("r0000001")])
            head = store.journal_head()
            settles = (ToldKey("r0000001", "time:80"),)
            notice = Notice("k", NoticeKind.QUOTA, NoticeSeverity.INFO, "nlp", (), "s", (), (), settles)
            store.notices.settle(notice, NOW)
            store.notices.settle(notice, NOW)
            assert since(store, head) == ["grant r0000001 of nlp changed"]
            assert store.changes(head).changes[0].now == store.grant("r0000001")

    def test_pages_have_each_subject_once_at_its_last_change(self, place: StorePlace) -> None:
        with place.writer("a test") as store:
            begin = store.journal_head()
            jobs = [store.add(submitted(f"j{each}")) for each in range(6)]
            store.record([moved(jobs[0], JobState.QUEUED)])
            first = store.changes(begin, 4)
            assert (told(first), first.more) == ([f"job j{each} of nlp made" for each in (1, 2, 3, 4)], True)
            rest = store.changes(first.until, 4)
            assert (told(rest), rest.more) == (["job j5 of nlp made", "job j0 of nlp changed"], False)

    def test_a_mark_has_a_number_and_tells_nothing(self, place: StorePlace) -> None:
        with place.writer("a test") as store:
            store.add(submitted("j1"))
            before, heard = store.journal_head(), list[None]()
            store.on_change(lambda: heard.append(None))
            marks = [store.mark_journal(), store.mark_journal()]
            assert before < marks[0] < marks[1] == store.journal_head()
            assert len(heard) == 2
            store.add(submitted("j2", team="cv"))
            page = store.changes(marks[0])
            assert told(page)[-1] == "job j2 of cv made"
            assert page.begin is not None
            assert (page.begin.entry.kind, page.begin.entry.number) == (SubjectKind.JOURNAL, marks[0])
            begin = store.changes(before).begin
            assert begin is not None
            assert (begin.entry.id, getattr(begin.now, "id", "")) == ("j1", "j1")

    def test_what_was_pruned_is_not_known_and_the_newest_entry_stays(self, place: StorePlace) -> None:
        with place.writer("a test") as store:
            begin = store.journal_head()
            for each in range(5):
                store.add(submitted(f"j{each}"))
            middle = store.changes(begin, 2).until
            assert store.prune_journal(0, most=3) == 3
            head = store.journal_head()
            assert not store.changes(begin).known
            assert not store.changes(middle).known
            assert not store.changes(head + 1).known
            assert not store.changes(0).known
            assert store.prune_journal(1 << 50) == 2
            assert (store.journal_head(), store.changes(head).known) == (head, True)
            assert store.prune_journal(1 << 50, most=0) == 0
            store.add(submitted("j9"))
            assert since(store, head) == ["job j9 of nlp made"]

    def test_documents_are_kept_until_they_are_no_more(self, place: StorePlace) -> None:
        other = replace(QUEUE, id="training/cv", team="cv")
        with place.writer("a test") as store:
            store.keep_derived([QUEUE, other])
            head = store.journal_head()
            store.keep_derived([QUEUE, other])
            assert store.journal_head() == head
            new = replace(QUEUE, digest="sha256:2", written="{}")
            store.keep_derived([new], [(SubjectKind.QUEUE, "training/cv"), (SubjectKind.QUEUE, "nobody")])
            assert since(store, head) == ["queue training/nlp of nlp changed", "queue training/cv of cv gone"]
            assert store.derived(SubjectKind.QUEUE) == (new,)

    def test_no_number_is_seen_after_a_higher_one(self, place: StorePlace) -> None:
        """Readers beside the writer: what one has read up to stays all that there was up to there."""
        over = threading.Event()
        seen: list[list[int]] = []

        def read(store: JobsReader, begin: int) -> None:
            found: list[int] = []
            after = begin
            while not (over.is_set() and after == store.journal_head()):
                page = store.changes(after, 7)
                assert page.known
                found += [each.entry.number for each in page.changes]
                after = page.until
            seen.append(found)

        with place.writer("a test") as store, place.reader() as reader:
            begin = store.journal_head()
            readers = [threading.Thread(target=read, args=(reader, begin)) for _ in range(2)]
            for each in readers:
                each.start()
            writers = [threading.Thread(target=_add, args=(store, name)) for name in "ab"]
            for each in writers:
                each.start()
            for each in writers:
                each.join()
            over.set()
            for each in readers:
                each.join()
            every = [each.entry.number for each in store.changes(begin).changes]
        assert len(every) == 40
        assert seen == [every, every]


def _add(store: JobsStore, name: str) -> None:
    for each in range(20):
        store.add(submitted(f"{name}{each}"))
