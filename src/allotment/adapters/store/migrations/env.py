"""What Alembic runs: the steps, on the connection that it was handed, in the transaction that is on there."""

from __future__ import annotations

from alembic import context

context.configure(connection=context.config.attributes["connection"], transactional_ddl=True)
with context.begin_transaction():
    context.run_migrations()
