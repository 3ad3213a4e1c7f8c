"""The store of jobs: in a file (SQLite), in a server (PostgreSQL), in memory for tests; one contract suite for all."""
