"""Job files: YAML → `allotment.model.jobs.job.Job`, with its checks, its lint, its templates and its JSON Schema."""
