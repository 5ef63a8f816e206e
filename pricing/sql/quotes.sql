-- Questions to the approved rate sheets.

-- sheet_in_force --
-- The newest approved sheet that is effective by the date; its approval came before its date
-- (a constraint), so the answer for a date that has passed stays as it is.
SELECT s.annual_rate_e8, s.sheet_id, s.effective_from
FROM pricing.rate_sheet AS s
WHERE s.book_id = $1 AND s.product_code = $2 AND s.effective_from <= $3 AND s.state = 2
ORDER BY s.effective_from DESC
LIMIT 1

-- lines_of_sheets --
SELECT l.sheet_id, l.slab_from_satang, l.annual_rate_e8
FROM pricing.rate_line AS l
WHERE l.book_id = $1 AND l.sheet_id = ANY($2::uuid [])
ORDER BY l.sheet_id, l.slab_from_satang
