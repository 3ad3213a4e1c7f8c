"""What was told, in a database."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import AbstractContextManager
from typing import Any

import sqlalchemy as sa

from allotment.adapters.store.request_rows import grant_if_kept, keep_grant
from allotment.adapters.store.tables import DELIVERIES, TOLD
from allotment.errors import InputError, quoted
from allotment.model.requests.notice import Notice
from allotment.ports.journal import ChangeKind, SubjectKind
from allotment.ports.notices import Delivery, DeliveryState, kept_delivery
from allotment.requests.notices import with_told

Connected = Callable[[], AbstractContextManager[sa.Connection]]
Noting = Callable[[SubjectKind, str, str, ChangeKind], None]


class SqlNoticeBook:
    """`NoticeBook` beside the jobs of a store, and in its transactions."""

    def __init__(self, looking: Connected, changing: Connected, note: Noting) -> None:
        """Nothing is read yet.

        Args:
            looking: gives a connection that reads.
            changing: one that writes, within a transaction.
            note: has that transaction tell of a change.
        """
        self._note = note
        self._looking = looking
        self._changing = changing

    def deliveries(self) -> tuple[Delivery, ...]:
        """The oldest try first."""
        table = DELIVERIES.c
        query = sa.select(DELIVERIES).order_by(table.at, table.notice, table.receiver)
        with self._looking() as connection:
            return tuple(_from_row(dict(each)) for each in connection.execute(query).mappings())

    def keep(self, delivery: Delivery) -> None:
        """In the place of what was kept."""
        kept = kept_delivery(delivery)
        table = DELIVERIES.c
        own = sa.and_(table.notice == kept.notice, table.receiver == kept.receiver)
        with self._changing() as connection:
            connection.execute(sa.delete(DELIVERIES).where(own))
            connection.execute(sa.insert(DELIVERIES), _to_row(kept))

    def told(self) -> frozenset[str]:
        """Keys apart from grants."""
        with self._looking() as connection:
            return frozenset(connection.execute(sa.select(TOLD.c.key)).scalars())

    def settle(self, notice: Notice, at: int) -> None:
        """With the grants, or apart."""
        apart = list(dict.fromkeys(each.key for each in notice.settles if not each.grant))
        with self._changing() as connection:
            for name in dict.fromkeys(each.grant for each in notice.settles if each.grant):
                grant = grant_if_kept(connection, name)
                if grant is not None and (after := with_told(grant, notice)) != grant:
                    keep_grant(connection, after)
                    self._note(SubjectKind.GRANT, after.id, after.team, ChangeKind.CHANGED)
            if apart:
                connection.execute(sa.delete(TOLD).where(TOLD.c.key.in_(apart)))
                connection.execute(sa.insert(TOLD), [{"key": each, "at": at} for each in apart])

    def forget(self, before: int) -> None:
        """Drop what is older."""
        with self._changing() as connection:
            connection.execute(sa.delete(DELIVERIES).where(DELIVERIES.c.at < before))
            connection.execute(sa.delete(TOLD).where(TOLD.c.at < before))


def _to_row(delivery: Delivery) -> dict[str, Any]:
    return {
        "notice": delivery.notice,
        "receiver": delivery.receiver,
        "subject": delivery.subject,
        "state": delivery.state.value,
        "tries": delivery.tries,
        "at": delivery.at,
        "trouble": delivery.trouble,
    }


def _from_row(row: dict[str, Any]) -> Delivery:
    try:
        return Delivery(**{**row, "state": DeliveryState(row["state"])})
    except ValueError as error:
        raise InputError(
            f"what is kept of notice {quoted(row['notice'])} cannot be read", why=str(error), fix="restore a backup"
        ) from error
