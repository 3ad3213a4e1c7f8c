"""All clusters of a platform in one view: each followed by itself, and answers over all of them together."""
