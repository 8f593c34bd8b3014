"""Profile: what a table is, and what is wrong with it, before a single trial is spent."""
