-- Questions to the approved rate sheets.

-- sheet_in_force --
-- The newest approved sheet that is effective by the date; its approval came before its date
-- (a constraint), so the answer for a date that has passed stays as it is.
SELECT s.annual_rate_e8, s.sheet_id, s.effective_from
FROM pricing.rate_sheet AS s
WHERE s.book_id = $1 AND s.product_code = $2 AND s.effective_from <= $3 AND s.state = 2
ORDER BY s.effective_from DESC
LIMIT 1

-- sheets_in_force --
-- Every approved sheet that is in force on a date of [$3, $4), oldest first.
SELECT s.sheet_id, s.annual_rate_e8, s.effective_from
FROM pricing.rate_sheet AS s
WHERE s.book_id = $1 AND s.product_code = $2 AND s.state = 2 AND s.effective_from < $4
    AND s.effective_from >= coalesce((
        SELECT max(f.effective_from) FROM pricing.rate_sheet AS f
        WHERE f.book_id = $1 AND f.product_code = $2 AND f.state = 2 AND f.effective_from <= $3
    ), $3)
ORDER BY s.effective_from

-- lines_of_sheets --
SELECT l.sheet_id, l.slab_from_satang, l.annual_rate_e8
FROM pricing.rate_line AS l
WHERE l.book_id = $1 AND l.sheet_id = ANY($2::uuid [])
ORDER BY l.sheet_id, l.slab_from_satang

-- approved_sheet --
SELECT s.sheet_id, s.effective_from, s.made_by, s.approved_by, s.approved_on
FROM pricing.rate_sheet AS s
WHERE s.book_id = $1 AND s.sheet_id = $2 AND s.state = 2
