"""The parent of one job's processes: a program of its own, so that word of a job's end survives the server.

It imports little on purpose (no typing, no json, no pathlib): it starts once for every job, in some milliseconds.
"""
