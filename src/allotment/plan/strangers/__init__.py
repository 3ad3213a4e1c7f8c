"""What is in a cluster beside our objects and can undo them: live objects and the declaration → strangers, each named.

The rest of `plan/` looks at objects of ours; a binding for somebody else, a second LimitRange or one more ClusterQueue
leaves all of these as they are. What a team's owner may make himself is judged by its content, not by its being there.
"""
