"""What the use cases need from the outside world, as small Protocols, a file a subject.

Every adapter fulfils one of them and ships beside a fake that tests check against the real one.
"""
