"""Findings about the estate. Pure."""
