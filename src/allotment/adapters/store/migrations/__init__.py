"""How the tables came to be: one step a version, forward only; run by Alembic within one transaction."""
