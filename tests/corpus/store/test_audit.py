"""`allot audit` over a store that somebody has written into."""

from __future__ import annotations

import json
import random
import shutil
from contextlib import closing
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from allotment.adapters.store.sqlite import SqlitePlace, driver
from allotment.cli.main import cli
from allotment.operations.account.trail import verified
from allotment.ports.audit import AuditFilter
from allotment.ports.store import StoreError
from tests.unit.adapters.store.jobs import NOW, act, submitted
from tests.unit.cli.conftest import ROOT
from tests.unit.docs.test_commands import shown_in

pytestmark = pytest.mark.corpus
MINUTE = 60_000


@pytest.fixture
def kept(place: SqlitePlace) -> SqlitePlace:
    """Twelve acts of two people."""
    with place.writer("a test") as store:
        for number in range(12):
            who, verb = ("ada", "job.stop") if number % 3 else ("bob", "job.submit")
            done = act(NOW + number * MINUTE, who=who, verb=verb, subject=f"job/j{number}", name="train", team="nlp")
            store.add(submitted(f"j{number}", NOW + number), [done])
    return place


def allot(*words: str, stdin: str | None = None) -> Result:
    return CliRunner().invoke(cli, ["audit", *words], prog_name="allot", input=stdin)


def at(place: SqlitePlace) -> tuple[str, str]:
    return "--store", str(place.path)


def written(place: SqlitePlace, *statements: str) -> SqlitePlace:
    with closing(driver().connect(str(place.path))) as connection:
        for each in statements:
            connection.execute(each)
        connection.commit()
    return place


@pytest.mark.parametrize(
    ("words", "numbers"),
    [
        ([], list(range(12, 0, -1))),
        (["--who", "bob"], [10, 7, 4, 1]),
        (["--did", "job.submit", "--before", "10"], [7, 4, 1]),
        (["--did", "job", "--limit", "2"], [12, 11]),
        (["--did", "jo"], []),
        (["--about", "job/j3"], [4]),
        (["--about", "train", "--since", "2027-01-15T08:09:00Z"], [12, 11, 10]),
        (["--until", "2027-01-15T08:01:00Z"], [1]),
        (["--outcome", "denied"], []),
        (["--team", "vision"], []),
        (["-l", "who=bob,verb=job.submit"], [10, 7, 4, 1]),
    ],
)
def test_what_is_asked_for_is_found(kept: SqlitePlace, words: list[str], numbers: list[int]) -> None:
    found = json.loads(allot("search", *words, "-o", "json", *at(kept)).stdout)
    assert (found["kind"], [each["number"] for each in found["items"]]) == ("AuditEntryList", numbers)


def test_the_page_s_commands_work(kept: SqlitePlace, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    Path("heads.txt").write_text(allot("head", *at(kept)).stdout, encoding="utf-8")
    # Beside them stands how a token is made, which needs a server.
    page = [each for each in shown_in(ROOT / "docs" / "audit.md") if each.words[0] == "audit"]
    assert len(page) >= 5
    for each in page:
        done = allot(*each.words[1:], *at(kept))
        assert done.exit_code == 0, (each.line, done.stderr)


def test_a_listing_says_where_it_goes_on(kept: SqlitePlace) -> None:
    page = allot("search", "--limit", "5", *at(kept))
    assert "there are older ones: --before 8" in page.stderr
    assert "job.stop" in page.stdout
    assert "there are older ones" not in allot("search", *at(kept)).stderr
    wrong = allot("search", "--since", "yesterday", *at(kept))
    assert (wrong.exit_code, "is no time" in wrong.stderr) == (2, True)


def test_what_nobody_touched_is_sound_here_and_elsewhere(kept: SqlitePlace, tmp_path: Path) -> None:
    sound = allot("verify", *at(kept))
    assert (sound.exit_code, "12 entries, each as it was written" in sound.stdout) == (0, True)
    assert "no head that was written down elsewhere" in sound.stderr
    head = allot("head", *at(kept)).stdout
    heads = allot("verify", "--heads", "-", *at(kept), stdin=f"the log said\n  {head}")
    assert (heads.exit_code, "1 of 1 head" in heads.stderr) == (0, True)
    lines = allot("export", *at(kept)).stdout
    file = tmp_path / "trail.jsonl"
    file.write_text(lines, encoding="utf-8")
    assert allot("verify", str(file)).exit_code == 0
    assert json.loads(lines.splitlines()[0])["apiVersion"] == "allotment.dev/v1"
    file.write_text(lines.replace('"who": "bob"', '"who": "eve"', 1), encoding="utf-8")
    changed = allot("verify", str(file), "-o", "json")
    assert changed.exit_code == 1
    assert [each["number"] for each in json.loads(changed.stdout)["breaks"]] == [1]
    first, second, *rest = lines.splitlines()
    for edited in (
        second.replace('"at": "2027', '"at": "2025'),
        second.replace('"who": "ada"', '"who": "mallory", "who": "ada"'),
        second[:-1] + ', "approvedBy": "boss"}',
        second[:-1] + ', "x": NaN}',
        second[: len(second) // 2],
        "[" * 100_000,
        second.replace('"number": 2', f'"number": {"9" * 5000}'),
    ):
        assert edited != second
        file.write_text("\n".join([first, edited, *rest]), encoding="utf-8")
        found = allot("verify", str(file), "-o", "json")
        assert found.exit_code == 1, edited[:80]
        assert json.loads(found.stdout)["entries"] == 12
    file.write_text("{}\n", encoding="utf-8")
    none = allot("verify", str(file))
    assert (none.exit_code, "trail.jsonl:1" in none.stderr) == (1, True)


TAMPERED = [
    ("UPDATE audit SET who = 'eve' WHERE number = 5", "entry 5 was changed"),
    ("UPDATE audit SET at = at + 1 WHERE number = 5", "entry 5 was changed"),
    ('UPDATE audit SET details = \'[["a","b"]]\' WHERE number = 5', "entry 5 was changed"),
    ("UPDATE audit SET details = '[ ]' WHERE number = 5", "entry 5 cannot be read"),
    ("UPDATE audit SET details = 'x' WHERE number = 5", "entry 5 cannot be read"),
    ("UPDATE audit SET at = 'x' WHERE number = 5", "entry 5 cannot be read"),
    ("UPDATE audit SET team = x'00ff' WHERE number = 5", "entry 5 cannot be read"),
    ("UPDATE audit SET why = CAST(x'ff' AS TEXT) WHERE number = 5", "entry 5 cannot be read: a field of it is no text"),
    (f"UPDATE audit SET details = '{'[' * 200_000}' WHERE number = 5", "entry 5 cannot be read"),
    ("DELETE FROM audit WHERE number = 5", "entries are missing before entry 6"),
    ("UPDATE audit SET number = 99 WHERE number = 12", "entries are missing before entry 99"),
    ("UPDATE audit SET number = 'x' WHERE number = 12", "cannot be read: 1 row beside the trail"),
    ("UPDATE audit SET digest = 'x' WHERE number = 5", "entry 6 does not follow the entry before it"),
]


@pytest.mark.parametrize(("statement", "said"), TAMPERED, ids=range(len(TAMPERED)))
def test_who_writes_into_the_database_is_found(kept: SqlitePlace, statement: str, said: str) -> None:
    found = allot("verify", *at(written(kept, statement)))
    assert (found.exit_code, said in found.stdout) == (1, True), found.stdout
    assert "tampered with" in found.stdout
    assert allot("search", *at(kept)).exit_code == 0
    assert allot("export", "--as", "cef", *at(kept)).exit_code == 0


def test_a_trail_that_was_taken_away_as_a_whole_is_told(kept: SqlitePlace) -> None:
    written(kept, "DROP TABLE audit")
    for words in (("verify",), ("search",), ("export",), ("head",)):
        found = allot(*words, *at(kept))
        assert (found.exit_code, "the store has no audit trail" in found.stderr) == (1, True), words


def test_what_was_cut_off_shows_by_a_head_of_before(kept: SqlitePlace, tmp_path: Path) -> None:
    heads = tmp_path / "heads.txt"
    heads.write_text(allot("head", *at(kept)).stdout, encoding="utf-8")
    written(kept, "DELETE FROM audit WHERE number > 9")
    assert allot("verify", *at(kept)).exit_code == 0
    found = allot("verify", "--heads", str(heads), *at(kept))
    assert (found.exit_code, "the newest entries were cut off" in found.stdout) == (1, True)
    # Who goes on with it afterwards makes another entry of that number.
    with kept.writer("a test") as store:
        store.audit([act(NOW)] * 9)
    later = allot("verify", "--heads", str(heads), *at(kept))
    assert (later.exit_code, "is not the one that a head was written down of" in later.stdout) == (1, True)


def test_any_other_value_in_any_field_of_the_database_is_found(kept: SqlitePlace, tmp_path: Path) -> None:
    rng = random.Random(8)
    with kept.reader() as store:
        heads = [store.audit_head()]
        (newest,) = store.audited(AuditFilter(), limit=1).entries
    assert newest.number == 12
    columns = ("at", "who", "kind", "whence", "verb", "outcome", "subject", "name", "team", "why", "details",
               "previous", "digest", "number")  # fmt: skip
    for round_ in range(150):
        copy = tmp_path / f"{round_}.db"
        shutil.copy(kept.path, copy)
        column, number = rng.choice(columns), rng.randint(1, 12)
        value = rng.choice((7_000, "'eve'", "''", "x'41'", "'[[]]'"))
        with closing(driver().connect(str(copy))) as connection:
            same = connection.execute(f"SELECT {column} = {value} FROM audit WHERE number = {number}").fetchone()[0]
            connection.execute(f"UPDATE audit SET {column} = {value} WHERE number = {number}")
            connection.commit()
        assert verified(SqlitePlace(copy), heads).sound == bool(same), (column, number, value)


def test_an_event_of_cef_cannot_be_ended_by_what_somebody_wrote(place: SqlitePlace) -> None:
    evil = "x|y\\z\nCEF:0|a=b\x1b]0;owned\x07\x9b2J\N{RIGHT-TO-LEFT OVERRIDE}"
    with place.writer("a test") as store:
        store.audit([act(NOW, who=evil, verb="job.stop", name=evil, why=evil, details=((evil, evil),))])
    (line,) = allot("export", "--as", "cef", *at(place)).stdout.splitlines()
    header = line.replace("\\\\", "").replace("\\|", "").split("|")
    assert header[:3] == ["CEF:0", "Allotment", "allotment"]
    assert len(header) - header[7:].__len__() == 7
    assert "suser=x|y\\\\z\\nCEF:0|a\\=b\\\\x1b" in line
    assert line.isprintable()


HIDES = "CREATE TRIGGER t AFTER INSERT ON audit WHEN new.verb = 'job.stop' BEGIN {} END"


@pytest.mark.parametrize(
    "does",
    [
        "DELETE FROM audit WHERE number = new.number;",
        "UPDATE audit SET who = 'eve' WHERE number = new.number;",
        "DELETE FROM audit WHERE number = new.number - 1;",
    ],
)
def test_a_database_that_changes_by_itself_is_noticed_and_nothing_is_done_that_it_does_not_keep(
    kept: SqlitePlace, does: str
) -> None:
    with kept.writer("a test") as store:
        written(kept, HIDES.format(does))
        before = store.audit([act(NOW, verb="job.submit")])
        for _ in range(2):
            with pytest.raises(StoreError, match="the audit trail was changed by somebody else"):
                store.add(submitted("hidden"), [act(NOW, verb="job.stop")])
        assert before.number == 13
        with closing(driver().connect(str(kept.path))) as connection:
            assert connection.execute("SELECT max(number) FROM audit").fetchone() == (13,)
            assert connection.execute("SELECT count(*) FROM jobs WHERE id = 'hidden'").fetchone() == (0,)
    with pytest.raises(StoreError, match="triggers or views"), kept.writer("the next one"):
        pass
    found = allot("verify", *at(kept))
    assert (found.exit_code, "triggers or views" in found.stderr) == (1, True)


def test_what_somebody_takes_out_while_a_server_runs_is_noticed_by_its_next_act(kept: SqlitePlace) -> None:
    with kept.writer("a test") as store:
        store.audit([act(NOW)])
        written(kept, "DELETE FROM audit WHERE number = 13")
        with pytest.raises(StoreError, match="the audit trail was changed"):
            store.add(submitted("hidden"), [act(NOW)])
