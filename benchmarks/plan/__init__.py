"""How long plan takes for 1,000 teams on 20 clusters, beside kubectl on the same objects and the same server."""
