-- Plans that somebody ran without the yes they want: who, why, and who signed it off (JSON); when it runs.
ALTER TABLE approvals ADD COLUMN glass TEXT;
ALTER TABLE approvals ADD COLUMN runs_at REAL;
DROP INDEX approvals_code;
CREATE UNIQUE INDEX approvals_code ON approvals (code) WHERE state IN ('asked', 'approved', 'counting', 'running');
