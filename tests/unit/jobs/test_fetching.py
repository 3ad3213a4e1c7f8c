"""What fetches data where volumes are folders, word by word."""

from __future__ import annotations

from dataclasses import replace

import pytest

from allotment.jobs.fetching import FETCH, FETCH_LOSSES, FETCHERS, fetch_arguments, kept_for_data, told_of_data
from allotment.jobs.losses import lost
from allotment.model.jobs.job import Job, StagedData, StagingTime
from tests.unit.jobs.kubernetes.work import DATA, SCRATCH, WEIGHTS, job

FOLDERS = {"data": "/claims/nlp--datasets", "scratch": "/scratch/x1/1/scratch"}


def with_data(*data: StagedData) -> Job:
    return job(volumes=(DATA, SCRATCH), data=data)


def data(source: str, path: str = "in/it", volume: str = "data", **more: object) -> StagedData:
    return replace(WEIGHTS, source=source, path=path, volume=volume, **more)


PLACE = "/claims/nlp--datasets/in/it"


@pytest.mark.parametrize(
    ("asked", "place", "command"),
    [
        (
            data("https://x.example/a b"),
            PLACE,
            "sh -c … curl {place} https://x.example/a b " + " ".join(FETCHERS["https"]),
        ),
        (data("s3://bucket/-x"), PLACE, "aws s3 sync s3://bucket/-x {place}"),
        (data("gs://bucket/x"), PLACE, "gcloud storage rsync --recursive gs://bucket/x {place}"),
        (data("hf://-org/model"), PLACE, "huggingface-cli download --local-dir {place} -- -org/model"),
        (data("/archive/it's\n$(id)"), PLACE, "sh -c … cp {place} /archive/it's\n$(id)"),
        (data("/data/old", path="."), "/claims/nlp--datasets", "sh -c … cp {place} /claims/nlp--datasets/old"),
        (data("/scratch"), PLACE, "sh -c … cp {place} /scratch/x1/1/scratch"),
        (data("/scratches/x"), PLACE, "sh -c … cp {place} /scratches/x"),
        (data("ftp://x/y", argv=("get", "-o", "")), PLACE, "get -o "),
    ],
)
def test_each_source_has_its_command(asked: StagedData, place: str, command: str) -> None:
    words = fetch_arguments(with_data(asked), FOLDERS, "/log")
    assert words[:7] == ("sh", "-c", FETCH, "sh", "/log", asked.source, place)
    given = words[8:]
    assert words[7] == str(len(given))
    first, _, last = command.replace("{place}", place).partition("… ")
    said = " ".join(given)
    assert said.startswith(first.strip())
    assert said.endswith(last)


def test_all_data_of_a_job_are_fetched_one_after_the_other() -> None:
    both = with_data(data("/a", when=StagingTime.AT_START), data("/b", volume="scratch"))
    words = fetch_arguments(both, FOLDERS, "-")
    assert [words[number] for number in (5, 14)] == ["/a", "/b"]
    assert "fetched before" in "".join(told_of_data(both))
    assert [kept_for_data(both, each) for each in both.volumes] == [False, True]


@pytest.mark.parametrize(
    ("asked", "fields"),
    [
        (data("/a"), []),
        (data("/a", volume="lost"), ["data.path"]),
        (data("/a", path="a/../../b"), ["data.path"]),
        (data("/a", path="/b"), ["data.path"]),
        (data("nfs://host/a"), ["data.source"]),
        (data("/a", image="curl:1"), ["data.image"]),
        (data("/a", argv=("get", "/data/in")), ["data.command"]),
        (data("/a", argv=("get", "/database")), []),
    ],
)
def test_what_cannot_be_fetched_is_refused(asked: StagedData, fields: list[str]) -> None:
    assert [each.field for each in lost(with_data(asked), FETCH_LOSSES)] == fields
