"""What an older report says, held against the estate: true, false, stale, or cannot be told. Pure."""
