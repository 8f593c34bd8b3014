"""The guard: MLflow asks the record before it moves, deletes or overwrites what is registered.

MLflow loads ``plugin`` by entry points: its stores on SQLite and PostgreSQL become ours, in every
server and every client that opens a database, with no flag. ``app`` makes a server that does not
start without them. What the record says nothing about goes to MLflow's own code untouched.
"""

HEADER = "X-Mlops-Mirror"
"""Tells a guarded server that a mirror speaks, which shows the record and never changes it."""
