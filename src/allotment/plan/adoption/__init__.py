"""Taking over what exists: objects under declared names that somebody else made → adoptions, each with what it means.

`apply` takes nothing over. An adoption is asked for by name, shows whose the object is and what changes, and writes
down the earlier values, so that it can be undone.
"""
