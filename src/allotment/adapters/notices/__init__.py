"""Ways on which notices go out: webhooks and mail, and one in memory."""
