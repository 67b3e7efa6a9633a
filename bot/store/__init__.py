"""What survives: one SQLite file, one writer."""
