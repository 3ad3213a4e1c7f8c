"""People who have signed in: a row each."""

from __future__ import annotations

from collections.abc import Sequence

from allotment.cli.shell.output import Listing
from allotment.cli.shell.table import Column
from allotment.errors import shown
from allotment.model.moments import written
from allotment.ports.access_service import ToldPerson
from allotment.reports.documents.access import person_document


def people_listing(people: Sequence[ToldPerson]) -> Listing[ToldPerson]:
    """A row a person, by user name."""

    def state(row: ToldPerson) -> str:
        return "in" if row.suspended is None else "out"

    return Listing(
        kind="Person",
        rows=people,
        columns=(
            Column("NAME", lambda row: shown(row.name), keep=3),
            Column("IS", lambda row: shown(", ".join(row.roles)) or "nothing", keep=2, fold=" "),
            Column("STATE", state, keep=2),
            Column("LAST-SIGN-IN", lambda row: written(row.seen)),
            Column("GROUPS", lambda row: shown(", ".join(row.groups)), wide=True, fold=" "),
            Column("PROVIDER", lambda row: shown(row.issuer), wide=True),
            Column("FIRST", lambda row: written(row.first), wide=True),
        ),
        name=lambda row: f"person/{row.name}",
        document=lambda row: {**person_document(row), "state": state(row)},
        labels=lambda row: {"state": state(row)},
        nothing="nobody has signed in yet",
    )
