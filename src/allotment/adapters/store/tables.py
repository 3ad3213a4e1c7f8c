"""The tables as this version has them; how they came to be stands in `migrations/`, and a test holds them together.

Text is compared by its code points, on every database and whatever its language settings: so a page begins at the same
job everywhere, and the beginning of a name is a range. Times are milliseconds since the epoch.
"""

from __future__ import annotations

from typing import Final

import sqlalchemy as sa

TEXT: Final = sa.Text().with_variant(sa.Text(collation="C"), "postgresql")
TIME: Final = sa.BigInteger()
NUMBER: Final = sa.Integer()

METADATA: Final = sa.MetaData()

JOBS: Final = sa.Table(
    "jobs",
    METADATA,
    sa.Column("id", TEXT, primary_key=True),
    sa.Column("version", NUMBER, nullable=False),
    # What listings show and filter, taken from the rest.
    sa.Column("name", TEXT, nullable=False),
    sa.Column("team", TEXT, nullable=False),
    sa.Column("project", TEXT, nullable=False),
    sa.Column("owner", TEXT, nullable=False),
    sa.Column("backend", TEXT, nullable=False),
    sa.Column("native", TEXT, nullable=False),
    sa.Column("priority", TEXT, nullable=False),
    sa.Column("devices", NUMBER, nullable=False),
    sa.Column("accelerator", TEXT, nullable=False),
    sa.Column("state", TEXT, nullable=False),
    sa.Column("attempt", NUMBER, nullable=False),
    sa.Column("submitted", TIME, nullable=False),
    sa.Column("started", TIME),
    sa.Column("ended", TIME),
    sa.Column("cause", TEXT, nullable=False),
    sa.Column("said", TEXT, nullable=False),
    # The rest.
    sa.Column("code", TEXT, nullable=False),
    sa.Column("supersedes", TEXT, nullable=False),
    sa.Column("asked", TEXT, nullable=False),
    sa.Column("used", TEXT),
    # Of members of a sweep or a schedule, and of what has members.
    sa.Column("parent", TEXT, nullable=False, server_default=""),
    sa.Column("number", TIME, nullable=False, server_default="0"),
    sa.Column("metric", sa.Double()),
    sa.Column("reported", TEXT),
    sa.Column("standing", TEXT),
    sa.Index("jobs_newest", "submitted", "id"),
    sa.Index("jobs_of_team", "team", "submitted", "id"),
    sa.Index("jobs_of_owner", "owner", "submitted", "id"),
    sa.Index("jobs_in_state", "state", "submitted", "id"),
    sa.Index("jobs_named", "name", "submitted", "id"),
    sa.Index("jobs_ended", "ended"),
    sa.Index("jobs_of_parent", "parent", "submitted", "id"),
    # All that counts look at: a hundred thousand rows are counted without reading one of them.
    sa.Index("jobs_counted", "parent", "team", "state", "backend", "owner", "name", "submitted"),
)


def _of_job() -> sa.Column[str]:
    return sa.Column("job", TEXT, sa.ForeignKey("jobs.id", ondelete="CASCADE"), primary_key=True)


def _number() -> sa.Column[int]:
    return sa.Column("number", NUMBER, primary_key=True, autoincrement=False)


MOVES: Final = sa.Table(
    "moves",
    METADATA,
    _of_job(),
    _number(),
    sa.Column("at", TIME, nullable=False),
    sa.Column("state", TEXT, nullable=False),
    sa.Column("cause", TEXT, nullable=False),
    sa.Column("attempt", NUMBER, nullable=False),
    sa.Column("said", TEXT, nullable=False),
)
"""Numbered from 0; never changed."""

ATTEMPTS: Final = sa.Table(
    "attempts",
    METADATA,
    _of_job(),
    _number(),
    sa.Column("started", TIME),
    sa.Column("ended", TIME),
    sa.Column("places", TEXT, nullable=False),
    sa.Column("result", TEXT),
    sa.Column("measured", TEXT),
)
"""Numbered as attempts are, from 1."""

EVENTS: Final = sa.Table(
    "events",
    METADATA,
    _of_job(),
    _number(),
    sa.Column("at", TIME, nullable=False),
    sa.Column("kind", TEXT, nullable=False),
    sa.Column("said", TEXT, nullable=False),
)
"""Numbered from 0; never changed."""

WAITS: Final = sa.Table(
    "waits",
    METADATA,
    _of_job(),
    _number(),
    sa.Column("since", TIME, nullable=False),
    sa.Column("until", TIME),
    sa.Column("code", TEXT, nullable=False),
    sa.Column("cause", TEXT, nullable=False),
    sa.Column("said", TEXT, nullable=False),
)
"""Numbered from 0."""

DEVICE_TIMES: Final = sa.Table(
    "device_times",
    METADATA,
    sa.Column("backend", TEXT, primary_key=True),
    sa.Column("node", TEXT, primary_key=True),
    sa.Column("device", TEXT, primary_key=True),
    sa.Column("start", TIME, primary_key=True, autoincrement=False),
    sa.Column("until", TIME),
    sa.Column("cause", TEXT, nullable=False),
    sa.Column("job", TEXT, nullable=False),
    sa.Column("team", TEXT, nullable=False),
    sa.Column("owner", TEXT, nullable=False),
    sa.Column("project", TEXT, nullable=False),
    sa.Column("queue", TEXT, nullable=False),
    sa.Column("resource", TEXT, nullable=False),
    sa.Column("model", TEXT, nullable=False),
    sa.Column("price", TIME),
    sa.Index("device_times_until", "until"),
)
"""No key to `jobs`: a job is forgotten some day, and its devices' time is not."""


AUDIT: Final = sa.Table(
    "audit",
    METADATA,
    sa.Column("number", TIME, primary_key=True, autoincrement=False),
    sa.Column("at", TIME, nullable=False),
    sa.Column("who", TEXT, nullable=False),
    sa.Column("kind", TEXT, nullable=False),
    sa.Column("whence", TEXT, nullable=False),
    sa.Column("verb", TEXT, nullable=False),
    sa.Column("outcome", TEXT, nullable=False),
    sa.Column("subject", TEXT, nullable=False),
    sa.Column("name", TEXT, nullable=False),
    sa.Column("team", TEXT, nullable=False),
    sa.Column("why", TEXT, nullable=False),
    sa.Column("details", TEXT, nullable=False),
    sa.Column("previous", TEXT, nullable=False),
    sa.Column("digest", TEXT, nullable=False),
    sa.Index("audit_at", "at"),
    sa.Index("audit_who", "who", "number"),
    sa.Index("audit_subject", "subject", "number"),
)
"""Numbered from 1; only ever added to, and no key to `jobs`: what was done stays when a job is forgotten."""

TOKENS: Final = sa.Table(
    "tokens",
    METADATA,
    sa.Column("id", TEXT, primary_key=True),
    sa.Column("name", TEXT, nullable=False),
    sa.Column("permissions", TEXT, nullable=False),
    sa.Column("digest", TEXT, nullable=False),
    sa.Column("by", TEXT, nullable=False),
    sa.Column("created", TIME, nullable=False),
    sa.Column("expires", TIME, nullable=False),
    sa.Column("used", TIME),
    sa.Column("revoked", TIME),
    sa.Column("person", TEXT, nullable=False, server_default=""),
    sa.Column("team", TEXT, nullable=False, server_default=""),
    sa.Column("session", sa.Boolean, nullable=False, server_default=sa.false()),
)
"""Of secrets, digests alone; never removed: the audit trail names their ids."""

PEOPLE: Final = sa.Table(
    "people",
    METADATA,
    sa.Column("id", TEXT, primary_key=True),
    sa.Column("issuer", TEXT, nullable=False),
    sa.Column("subject", TEXT, nullable=False),
    sa.Column("name", TEXT, nullable=False, unique=True),
    sa.Column("email", TEXT, nullable=False),
    sa.Column("groups", TEXT, nullable=False),
    sa.Column("first", TIME, nullable=False),
    sa.Column("seen", TIME, nullable=False),
    sa.Column("suspended", TIME),
    sa.UniqueConstraint("issuer", "subject"),
)
"""Never removed: a user name stays that of whoever had it first."""

CLUSTER_CREDENTIALS: Final = sa.Table(
    "cluster_credentials",
    METADATA,
    sa.Column("platform", TEXT, primary_key=True),
    sa.Column("cluster", TEXT, primary_key=True),
    sa.Column("sealed", TEXT, nullable=False),
    sa.Column("at", TIME, nullable=False),
    sa.Column("by", TEXT, nullable=False),
)
"""Sealed: without the server's key, which lies elsewhere, they open nothing."""

REQUESTS: Final = sa.Table(
    "requests",
    METADATA,
    sa.Column("id", TEXT, primary_key=True),
    sa.Column("team", TEXT, nullable=False),
    sa.Column("requester", TEXT, nullable=False),
    sa.Column("state", TEXT, nullable=False),
    sa.Column("route", TEXT, nullable=False),
    sa.Column("created", TIME, nullable=False),
    sa.Column("revision", sa.Integer, nullable=False),
    sa.Column("written", TEXT, nullable=False),
    sa.Column("platform", TEXT, nullable=False, server_default=""),
    sa.Column("due", TIME),
    sa.Index("requests_created", "created", "id"),
    sa.Index("requests_due", "due", "id"),
    sa.Index("requests_in_state", "state", "created", "id"),
)
"""Never removed: a grant, and what was decided, is answered for."""

GRANTS: Final = sa.Table(
    "grants",
    METADATA,
    sa.Column("id", TEXT, primary_key=True),
    sa.Column("team", TEXT, nullable=False),
    sa.Column("state", TEXT, nullable=False),
    sa.Column("revision", sa.Integer, nullable=False),
    sa.Column("written", TEXT, nullable=False),
    sa.Column("platform", TEXT, nullable=False, server_default=""),
    sa.Index("grants_state", "state"),
)

DELIVERIES: Final = sa.Table(
    "deliveries",
    METADATA,
    sa.Column("notice", TEXT, primary_key=True),
    sa.Column("receiver", TEXT, primary_key=True),
    sa.Column("subject", TEXT, nullable=False),
    sa.Column("state", TEXT, nullable=False),
    sa.Column("tries", NUMBER, nullable=False),
    sa.Column("at", TIME, nullable=False),
    sa.Column("trouble", TEXT, nullable=False),
    sa.Index("deliveries_at", "at"),
)

TOLD: Final = sa.Table(
    "told",
    METADATA,
    sa.Column("key", TEXT, primary_key=True),
    sa.Column("at", TIME, nullable=False),
)
"""Of grants, what was told stands with them."""

JOURNAL: Final = sa.Table(
    "journal",
    METADATA,
    sa.Column("number", TIME, primary_key=True, autoincrement=False),
    sa.Column("at", TIME, nullable=False),
    sa.Column("kind", TEXT, nullable=False),
    sa.Column("subject", TEXT, nullable=False),
    sa.Column("team", TEXT, nullable=False),
    sa.Column("change", TEXT, nullable=False),
    sa.Index("journal_subject", "kind", "subject", "number"),
    sa.Index("journal_at", "at"),
)
"""Its newest row stays for good: the next number is greater."""

DERIVED: Final = sa.Table(
    "derived",
    METADATA,
    sa.Column("kind", TEXT, primary_key=True),
    sa.Column("id", TEXT, primary_key=True),
    sa.Column("team", TEXT, nullable=False),
    sa.Column("digest", TEXT, nullable=False),
    sa.Column("written", TEXT, nullable=False),
)
"""What was worked out of clusters and told last."""
CALLS: Final = sa.Table(
    "calls",
    METADATA,
    sa.Column("id", TEXT, primary_key=True),
    sa.Column("asked", TEXT, nullable=False),
    sa.Column("whose", TEXT, nullable=False),
    sa.Column("at", TIME, nullable=False),
    sa.Column("subject", TEXT, nullable=False),
    sa.Column("answer", TEXT, nullable=False),
    sa.Index("calls_at", "at"),
    sa.Index("calls_of", "whose", "at"),
)
"""That came with a key; for a day. What was answered is sealed with that key, which stands nowhere here."""
LEADER: Final = sa.Table(
    "leader",
    METADATA,
    sa.Column("id", sa.Integer, primary_key=True),
    sa.Column("term", sa.BigInteger, nullable=False),
    sa.Column("who", TEXT, nullable=False),
    sa.Column("session", sa.BigInteger, nullable=False),
    sa.Column("seen", TIME, nullable=False),
)
"""One row, in PostgreSQL alone: the election that the writer has won, and when it last gave a sign of life."""

QUEUE_HOURS: Final = sa.Table(
    "queue_hours",
    METADATA,
    sa.Column("platform", TEXT, primary_key=True),
    sa.Column("cluster", TEXT, primary_key=True),
    sa.Column("queue", TEXT, primary_key=True),
    sa.Column("flavor", TEXT, primary_key=True),
    sa.Column("resource", TEXT, primary_key=True),
    sa.Column("since", TIME, primary_key=True, autoincrement=False),
    sa.Column("looks", NUMBER, nullable=False),
    sa.Column("used", TIME, nullable=False),
    sa.Column("nominal", TIME, nullable=False),
    sa.Column("most", TIME, nullable=False),
    sa.Index("queue_hours_since", "since"),
)
"""Sums over the looks of an hour; for a month."""
