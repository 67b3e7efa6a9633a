-- The whole state of Tocsin, version 1. Times are seconds since 1970 UTC, as REAL.

CREATE TABLE facts (           -- the platforms' positions, replay guards, small facts
  key   TEXT PRIMARY KEY,
  value TEXT NOT NULL,
  at    REAL NOT NULL
) STRICT, WITHOUT ROWID;

CREATE TABLE payloads (        -- each posted body, as it came
  id       INTEGER PRIMARY KEY AUTOINCREMENT,
  endpoint TEXT NOT NULL,
  at       REAL NOT NULL,
  body     BLOB NOT NULL,
  note     TEXT NOT NULL DEFAULT '',     -- 'too large' when only the head was kept
  done_at  REAL                          -- NULL: not folded into a group yet
) STRICT;
CREATE INDEX payloads_waiting ON payloads (id) WHERE done_at IS NULL;
CREATE INDEX payloads_done ON payloads (done_at) WHERE done_at IS NOT NULL;

CREATE TABLE groups (          -- the state of each alert group
  id        INTEGER PRIMARY KEY AUTOINCREMENT,
  endpoint  TEXT NOT NULL,
  receiver  TEXT NOT NULL,
  group_key TEXT NOT NULL,
  state     TEXT NOT NULL,               -- alert_bridge.group, JSON
  lane      TEXT NOT NULL,               -- the lane of its present message
  rooms     TEXT NOT NULL,               -- the configured rooms it is told in, JSON list
  reason    TEXT NOT NULL,               -- why these rooms
  firing    INTEGER NOT NULL,
  at        REAL NOT NULL,
  UNIQUE (endpoint, receiver, group_key)
) STRICT;
CREATE INDEX groups_firing ON groups (firing, at);

CREATE TABLE roots (           -- where a lane's root message stands
  lane       TEXT NOT NULL,
  platform   TEXT NOT NULL,
  address    TEXT NOT NULL,
  room       TEXT NOT NULL,
  message_id TEXT,                       -- NULL: not sent yet
  refused    TEXT,                       -- why this place will never take it
  card       TEXT NOT NULL,              -- the newest card, for a place that takes over
  at         REAL NOT NULL,
  PRIMARY KEY (lane, platform, address)
) STRICT, WITHOUT ROWID;
CREATE INDEX roots_message ON roots (platform, address, message_id);

CREATE TABLE deliveries (      -- the outbox: what waits to be said; a row goes when it is said
  id            INTEGER PRIMARY KEY AUTOINCREMENT,
  lane          TEXT NOT NULL,
  platform      TEXT NOT NULL,
  address       TEXT NOT NULL,
  room          TEXT NOT NULL,
  op            TEXT NOT NULL,
  key           TEXT NOT NULL,
  doc           TEXT NOT NULL,
  thread        TEXT,
  created       REAL NOT NULL,
  due           REAL NOT NULL,
  attempts      INTEGER NOT NULL DEFAULT 0,
  uncertain     INTEGER NOT NULL DEFAULT 0,
  failing_since REAL,
  error         TEXT NOT NULL DEFAULT '',
  parked        INTEGER NOT NULL DEFAULT 0   -- refused, and the fallback refused it too: kept, not tried
) STRICT;
CREATE INDEX deliveries_place ON deliveries (platform, address, lane, id);

CREATE TABLE inbox (           -- what people said
  id       INTEGER PRIMARY KEY AUTOINCREMENT,
  platform TEXT NOT NULL,
  event_id TEXT NOT NULL,
  event    TEXT NOT NULL,                -- JSON
  at       REAL NOT NULL,
  done_at  REAL,
  UNIQUE (platform, event_id)
) STRICT;
CREATE INDEX inbox_waiting ON inbox (id) WHERE done_at IS NULL;

CREATE TABLE journal (         -- who did what: append only, chained by hash
  seq      INTEGER PRIMARY KEY,
  at       TEXT NOT NULL,
  kind     TEXT NOT NULL,
  actor    TEXT NOT NULL,
  person   TEXT NOT NULL,
  place    TEXT NOT NULL,
  about    TEXT NOT NULL,
  previous TEXT NOT NULL,
  hash     TEXT NOT NULL
) STRICT;
