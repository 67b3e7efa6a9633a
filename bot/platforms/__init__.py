"""Adapters: what people say comes in, documents go out. One file per platform."""
