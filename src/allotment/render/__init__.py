"""Platform to manifests: one file for each family of objects, pure and deterministic."""
