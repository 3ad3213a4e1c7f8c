"""Results as versioned JSON, a module a subject, for whoever tells them: the command line, files, a server.

A document is a mapping without its version; `form` gives it that, and plain values. What is read again is read beside
where it is written. Three formats stand below, since use cases read them: saved plans (`plan/saved.py`), the records
of past applies in a cluster (`operations/change/history.py`) and the evidence of a proof (`prove/evidence.py`).
"""
