"""The whole estate at one moment, as far as it could be read: what an audit judges."""
