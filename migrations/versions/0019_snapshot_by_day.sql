-- The night proves the snapshots of its date. They are written date after date, so a block range
-- index says where they lie; without it the proof of a night read the snapshots of every year.
SET LOCAL lock_timeout = '5s';
SET LOCAL statement_timeout = '0';

-- The rows lie in order already: a block range index is made in one short reading of them.
-- squawk-ignore require-concurrent-index-creation
CREATE INDEX snapshot_by_day ON ledger.snapshot USING brin (business_date)
WITH (pages_per_range = 8, autosummarize = on);
