"""Who answers for what: the audit trail."""
