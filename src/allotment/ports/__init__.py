"""What the use cases need from the outside world, as small Protocols, a file a subject.

An adapter fulfils each of them. Clusters, time and scenario files have a fake beside the real one, which tests hold to
the same contract; of the rest, a test's own folder is the fake.
"""
