"""The ground floor: nouns and decisions. Pure: no await, no clock, no I/O."""
