"""Use cases of who answers for what: the audit trail."""
