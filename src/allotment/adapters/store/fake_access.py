"""Tokens, people and calls with keys, in memory."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from allotment.adapters.store.fake_part import MemoryPart
from allotment.adapters.store.finding import maker_gone, no_person, no_token, person_taken, token_taken
from allotment.model.access.person import Person
from allotment.model.access.token import ApiToken
from allotment.model.audit.act import AuditedAct
from allotment.ports.journal import ChangeKind, SubjectKind
from allotment.ports.keyed_calls import AnsweredCall, KeptCall
from allotment.ports.people import ShutOutError, kept_person
from allotment.ports.stored_jobs import kept_text


class MemoryAccess(MemoryPart):
    """A part of `MemoryStore`, which keeps acts."""

    def __init__(self) -> None:
        """Nobody yet."""
        super().__init__()
        self._tokens: dict[str, ApiToken] = {}
        self._people: dict[str, Person] = {}
        self._calls: dict[str, KeptCall] = {}

    def token(self, token_id: str) -> ApiToken:
        """See the port."""
        if token_id not in self._tokens:
            raise no_token(token_id)
        return self._tokens[token_id]

    def tokens(self) -> tuple[ApiToken, ...]:
        """See the port."""
        return tuple(sorted(self._tokens.values(), key=lambda each: (each.created, each.id), reverse=True))

    def add_token(self, token: ApiToken, audited: Sequence[AuditedAct] = (), *, by_token: str = "") -> None:
        """See the port."""
        maker = self._tokens.get(by_token)
        if maker is not None and maker.revoked is not None:
            raise maker_gone()
        if token.id in self._tokens:
            raise token_taken(token.id)
        self._tokens[token.id] = replace(token, name=kept_text(token.name), by=kept_text(token.by))
        self.audit(audited)

    def revoke_token(self, token_id: str, at: int, audited: Sequence[AuditedAct] = ()) -> ApiToken:
        """See the port."""
        token = self.token(token_id)
        if token.revoked is None:
            self._tokens[token_id] = replace(token, revoked=at)
            self.audit(audited)
            self._note(SubjectKind.ACCESS, ChangeKind.GONE, (token_id, token.team))
        return self._tokens[token_id]

    def token_used(self, token_id: str, at: int) -> None:
        """See the port."""
        if token_id in self._tokens:
            self._tokens[token_id] = replace(self._tokens[token_id], used=at)

    def person(self, person_id: str) -> Person:
        """See the port."""
        if person_id not in self._people:
            raise no_person(person_id)
        return self._people[person_id]

    def people(self) -> tuple[Person, ...]:
        """See the port."""
        return tuple(sorted(self._people.values(), key=lambda each: each.name))

    def person_of(self, issuer: str, subject: str) -> Person | None:
        """See the port."""
        key = (issuer, subject)
        return next((each for each in self._people.values() if (each.issuer, each.subject) == key), None)

    def signed_in(self, person: Person, session: ApiToken, audited: Sequence[AuditedAct] = ()) -> None:
        """See the port."""
        kept = kept_person(person)
        same = {kept.name, (kept.issuer, kept.subject)}
        others = (each for each in self._people.values() if each.id != kept.id)
        if any(same & {each.name, (each.issuer, each.subject)} for each in others):
            raise person_taken(kept.name)
        known = self._people.get(kept.id)
        if known is not None and known.suspended is not None:
            raise ShutOutError
        self.add_token(session, audited)
        told = known and replace(known, email=kept.email, groups=kept.groups, seen=kept.seen)
        self._people[kept.id] = told or kept
        self._note(SubjectKind.ACCESS, ChangeKind.CHANGED, (kept.id, ""))

    def shut_out(self, person_id: str, at: int, audited: Sequence[AuditedAct] = ()) -> Person:
        """See the port."""
        person = self.person(person_id)
        if person.suspended is None:
            self._people[person_id] = replace(person, suspended=at)
            his = [each for each in self._tokens.values() if each.person == person_id and each.revoked is None]
            self._tokens |= {each.id: replace(each, revoked=at) for each in his}
            self.audit(audited)
            self._note(SubjectKind.ACCESS, ChangeKind.GONE, (person_id, ""))
        return self._people[person_id]

    def let_in(self, person_id: str, audited: Sequence[AuditedAct] = ()) -> Person:
        """See the port."""
        person = self.person(person_id)
        if person.suspended is not None:
            self._people[person_id] = replace(person, suspended=None)
            self.audit(audited)
        return self._people[person_id]

    def kept_calls(self, whose: str, since: int) -> int:
        """See the port."""
        return sum(each.call.whose == whose and each.at >= since for each in self._calls.values())

    def kept_call(self, call_id: str) -> KeptCall | None:
        """See the port."""
        return self._calls.get(call_id)

    def keep_answers(self, answers: Sequence[AnsweredCall], *, soon: bool = False) -> None:  # noqa: ARG002
        """See the port."""
        for each in answers:
            before = self._calls.get(each.call.id)
            subject = before.subject if before is not None and before.call == each.call else ""
            self._calls[each.call.id] = KeptCall(each.call, each.at, subject, each.answer)

    def forget_calls(self, before: int) -> int:
        """See the port."""
        gone = [each for each, kept in self._calls.items() if kept.at < before]
        for each in gone:
            del self._calls[each]
        return len(gone)
