"""What the use cases need from the outside world, as small Protocols, a file a subject.

An adapter fulfils each of them. API servers, time and platform directories have a fake beside the real one, which tests
hold to the same contract; for the rest a test's own folder will do.
"""
