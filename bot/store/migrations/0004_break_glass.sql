-- Version 3: plans that somebody ran without the votes.

ALTER TABLE approvals ADD COLUMN glass TEXT;                          -- bot.core.glass.Glass, JSON
ALTER TABLE approvals ADD COLUMN unsigned INTEGER NOT NULL DEFAULT 0; -- it ran so, and nobody signed it off yet

DROP INDEX approvals_code;
CREATE UNIQUE INDEX approvals_code ON approvals (code)
  WHERE state IN ('asked', 'counting down', 'approved', 'running') OR unsigned = 1;
