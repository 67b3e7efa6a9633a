-- what the last audit found, so that the next one can say what changed.

CREATE TABLE audits (
  root      TEXT PRIMARY KEY,  -- the estate's folder
  at        REAL NOT NULL,     -- when it was taken, seconds since the epoch
  blind     TEXT NOT NULL,     -- why what runs was not seen; empty when it was
  standings TEXT NOT NULL      -- audit.comparison.Standing, a JSON list
);
