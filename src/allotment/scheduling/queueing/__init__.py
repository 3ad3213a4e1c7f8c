"""The Kueue twin: who is admitted, with which flavors, and who has to give way."""
