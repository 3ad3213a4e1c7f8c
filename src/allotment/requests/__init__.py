"""Gates, who decides, the moves of requests, what they cost, and what the platform directory should hold of grants."""
