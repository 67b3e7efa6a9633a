"""Starters of the real components the tests use. On 127.0.0.1, and ended with the tests."""
