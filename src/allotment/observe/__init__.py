"""Raw objects of the API server → a snapshot, without asking anybody anything: what is read, and into which struct."""
