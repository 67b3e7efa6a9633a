"""Tocsin: chat-ops for a self-hosted Docker estate."""
