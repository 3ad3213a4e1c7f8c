"""How answers say it: what is cut, what is counted, and what a filter that matches nothing says."""

from __future__ import annotations

from allotment.cli.commands.foresee.capacity_view import short_shape


def test_shapes_that_are_cut_stay_apart() -> None:
    long = "1xnvidia.com/gpu,cpu=2,memory=4Gi,node:campus.example/hw=l40s"
    tolerant, other = f"{long},tolerate:gpu-only", f"2{long}"

    assert short_shape(other, [other, long]) == f"{other[:59]}…"
    assert [short_shape(each, [long, tolerant, other]) for each in (long, tolerant)] == [long, tolerant]
