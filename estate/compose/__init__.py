"""The compose tree: which services are configured, where, and what in them must not be said aloud."""
