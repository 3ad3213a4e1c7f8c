"""Use cases of a fleet that is made up: it is built, and lives."""
