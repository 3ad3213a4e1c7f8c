"""Templates of job files as tables."""

from __future__ import annotations

from collections.abc import Sequence

from allotment.cli.shell.output import Listing
from allotment.cli.shell.table import Column
from allotment.reports.documents.job_files import parameter_document, template_document
from allotment.spec.jobs.templating import JobTemplateSpec, TemplateParameterSpec


def template_listing(found: Sequence[JobTemplateSpec]) -> Listing[JobTemplateSpec]:
    """A row a template."""
    return Listing(
        kind="JobTemplate",
        rows=found,
        columns=(
            Column("TEMPLATE", lambda row: row.name, keep=2),
            Column("FOR", lambda row: row.summary, fold=" "),
            Column("PARAMETERS", lambda row: ", ".join(each.name for each in row.parameters), wide=True, fold=", "),
        ),
        name=lambda row: row.name,
        document=template_document,
        labels=lambda row: {"name": row.name},
        named=("name",),
    )


def parameter_listing(found: JobTemplateSpec) -> Listing[TemplateParameterSpec]:
    """A row a parameter."""
    return Listing(
        kind="TemplateParameter",
        rows=found.parameters,
        columns=(
            Column("PARAMETER", lambda row: row.name, keep=2),
            Column("TYPE", lambda row: row.type.value),
            Column("DEFAULT", lambda row: row.default or "", keep=1),
            Column("MEANING", lambda row: row.description, fold=" "),
        ),
        name=lambda row: row.name,
        document=parameter_document,
        labels=lambda row: {"name": row.name, "type": row.type.value},
    )
