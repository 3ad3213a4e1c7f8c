"""Job files as JSON: jobs that were checked, what the lint says of them, and templates."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from allotment.reports.documents.problems import problem_document
from allotment.spec.jobs.lint import LintWarning
from allotment.spec.jobs.lint.linted import LintRule
from allotment.spec.jobs.load import JobDocument
from allotment.spec.jobs.templating import JobTemplateSpec, TemplateParameterSpec
from allotment.spec.jobs.writing import job_document


def checked_job_document(row: JobDocument) -> Mapping[str, Any]:
    """A job with all its defaults, as its file could have written it."""
    return {"name": row.job.name, "file": row.source.file, "document": row.source.index, "job": job_document(row.job)}


def lint_warning_document(warning: LintWarning) -> Mapping[str, Any]:
    """A warning; `word` is its name for good."""
    return {"word": warning.word, "job": warning.job, **problem_document(warning.problem)}


def trap_document(rule: LintRule) -> Mapping[str, Any]:
    """What the lint warns of."""
    return {"word": rule.word, "title": rule.title, "reason": rule.reason}


def job_check_document(rows: Sequence[JobDocument], warnings: Sequence[LintWarning]) -> Mapping[str, Any]:
    """The whole answer of a check that found no errors; warnings are those of all jobs that were checked."""
    return {
        "kind": "JobCheck",
        "jobs": [checked_job_document(row) for row in rows],
        "warnings": [lint_warning_document(each) for each in warnings],
    }


def template_document(template: JobTemplateSpec) -> Mapping[str, Any]:
    """A template with its parameters."""
    return {
        "name": template.name,
        "summary": template.summary,
        "parameters": [parameter_document(each) for each in template.parameters],
    }


def parameter_document(parameter: TemplateParameterSpec) -> Mapping[str, Any]:
    """A parameter of a template; a default of null: it is left out."""
    return {
        "name": parameter.name,
        "type": parameter.type.value,
        "default": parameter.default,
        "description": parameter.description,
    }
