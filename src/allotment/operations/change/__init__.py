"""Plan, apply, drift: a cluster becomes, and stays, what is declared."""
