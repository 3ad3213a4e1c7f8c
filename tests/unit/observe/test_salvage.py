"""A value that cannot be held costs the object that has it, which is named, and nothing else."""

import pytest

from allotment.model.observed.snapshot import Snapshot
from allotment.observe.printed import printed_objects, printed_snapshot
from allotment.observe.taking import snapshot_of_file

_VALUES = {
    "an integer of more than 64 bits": "9" * 5000,
    "half of a surrogate pair": '"\\ud800"',
    "a number without bounds": "1e999",
    "NaN": "NaN",
}
_POD = '{"apiVersion":"v1","kind":"Pod","metadata":{"name":"%s","namespace":"x"},"spec":{"priority":%s}}'


def _printed(text: str) -> Snapshot:
    return printed_snapshot(printed_objects(text.encode()), "2026-01-01T00:00:00Z", "here").snapshot


def _saved(text: str) -> Snapshot:
    return snapshot_of_file(text.encode())


@pytest.mark.parametrize("why", _VALUES)
@pytest.mark.parametrize("form", ["list", "row", "single", "saved", "case"])
def test_the_object_alone_is_left_out_and_named(form: str, why: str) -> None:
    bad, good = _POD % ("bad", _VALUES[why]), _POD % ("good", "1")
    both = f"[{bad},{good}]"
    match form:
        case "list":
            snapshot = _printed(f'{{"apiVersion":"v1","kind":"List","items":{both}}}')
        case "row":
            snapshot = _printed(f"{bad}\n{good}")
        case "single":
            snapshot = _printed(bad)
        case "saved":
            head = '"apiVersion":"allotment.dev/v1","kind":"Snapshot"'
            snapshot = _saved(f'{{{head},"sources":[{{"objects":{{"pods":{both}}}}}]}}')
        case _:
            snapshot = _saved(f'{{"now":"2026-01-01T00:00:00Z","objects":{both}}}')
    (source,) = snapshot.sources
    assert [each.name for each in source.objects.pods] == ["good"] * (form != "single")
    (gap,) = source.gaps
    assert gap.what == "Pod/x/bad, all of it"
    assert gap.reason == "damaged"
    assert why in gap.detail
