"""The wheel whose engine is compiled: the same bytes each time it is built, the same decisions as pure Python."""
