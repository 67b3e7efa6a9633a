"""Backups that can be believed: what there is to save, how, and what proves that it was."""
