-- Version 2: plans, and who said yes to them. Times are seconds since 1970 UTC, as REAL.

CREATE TABLE approvals (
  id        TEXT PRIMARY KEY,
  code      TEXT NOT NULL,
  state     TEXT NOT NULL,               -- bot.core.approval.State
  why       TEXT NOT NULL DEFAULT '',    -- how it came to this state, in words
  command   TEXT NOT NULL,
  targets   TEXT NOT NULL,               -- every name of what it touches, JSON list
  subject   TEXT NOT NULL,
  plan      TEXT NOT NULL,               -- canonical JSON: what the digest is over
  digest    TEXT NOT NULL,
  policy    TEXT NOT NULL,               -- the policy's version when it was asked
  rule      TEXT NOT NULL,               -- the line of the policy that decided, JSON
  requester TEXT NOT NULL,               -- the person's name
  request   TEXT NOT NULL,               -- the message that asked, JSON
  platform  TEXT NOT NULL,
  event_id  TEXT NOT NULL,               -- of the request: one request makes one plan
  room      TEXT NOT NULL,               -- the configured room it stands in
  card      TEXT NOT NULL,               -- the card as it was first shown, JSON
  asked     REAL NOT NULL,
  expires   REAL NOT NULL,
  ended     REAL,
  UNIQUE (platform, event_id)
) STRICT;
CREATE UNIQUE INDEX approvals_code ON approvals (code) WHERE state IN ('asked', 'approved', 'running');
CREATE INDEX approvals_codes ON approvals (code, asked);
CREATE INDEX approvals_state ON approvals (state);

CREATE TABLE votes (
  id        INTEGER PRIMARY KEY AUTOINCREMENT,
  approval  TEXT NOT NULL REFERENCES approvals (id),
  person    TEXT NOT NULL,
  platform  TEXT NOT NULL,
  user_id   TEXT NOT NULL,
  approve   INTEGER NOT NULL,
  roles     TEXT NOT NULL,               -- those the person held then, JSON list
  trust     TEXT NOT NULL,               -- what was proved of the sender then, JSON
  event_id  TEXT NOT NULL,
  at        REAL NOT NULL,
  withdrawn TEXT,                        -- edited or redacted; NULL: it stands
  UNIQUE (platform, event_id)
) STRICT;
CREATE INDEX votes_approval ON votes (approval);
