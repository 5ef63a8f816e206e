-- Everything that one look at an account answers, from one snapshot: one statement, short.

-- positions --
-- Accounts with codes $2 of book $1, with up to $3 of their open holds, oldest first.
SELECT a.account_id, a.code, a.gl_code, a.currency, a.party_id, a.name_th, a.name_en, a.opened_on,
    b.debits, b.credits, b.held, b.balance_min, b.balance_max, b.excess_satang, b.state, b.frozen,
    b.frozen_until, b.changed_seq, h.recorded_seq, h.business_date,
    o.hold_count, s.hold_ids, s.hold_amounts, s.hold_ends, s.hold_references,
    p.effective_on AS planned_on, p.balance_min AS planned_min, p.balance_max AS planned_max,
    c.contract_no, c.product_code, i.accrued_to, i.interest_satang
FROM ledger.account AS a
INNER JOIN ledger.balance AS b ON b.book_id = a.book_id AND b.account_id = a.account_id
INNER JOIN ledger.book_head AS h ON h.book_id = a.book_id
LEFT JOIN products.contract AS c ON c.book_id = a.book_id AND c.account_id = a.account_id
LEFT JOIN LATERAL (
    SELECT t.accrued_to,
        products.leg_accrued(l, t.accrued_to, q.rounding) - l.credited_satang AS interest_satang
    FROM products.interest_leg AS l
    INNER JOIN products.product AS q
        ON q.book_id = l.book_id AND q.product_code = l.product_code
    CROSS JOIN LATERAL (SELECT products.leg_accrued_to(l) AS accrued_to) AS t
    WHERE l.book_id = c.book_id AND l.product_code = c.product_code
        AND l.contract_id = c.contract_id AND l.leg = 1
) AS i ON TRUE
CROSS JOIN LATERAL (
    SELECT count(*)::integer AS hold_count FROM ledger.hold AS k
    WHERE k.book_id = a.book_id AND k.account_id = a.account_id AND k.state = 1
) AS o
CROSS JOIN LATERAL (
    SELECT coalesce(array_agg(k.hold_id ORDER BY k.placed_seq), '{}') AS hold_ids,
        coalesce(array_agg(k.amount_satang ORDER BY k.placed_seq), '{}') AS hold_amounts,
        coalesce(array_agg(k.expires_on ORDER BY k.placed_seq), '{}') AS hold_ends,
        coalesce(array_agg(k.reference ORDER BY k.placed_seq), '{}') AS hold_references
    FROM (
        SELECT k.hold_id, k.amount_satang, k.expires_on, k.reference, k.placed_seq
        FROM ledger.hold AS k
        WHERE k.book_id = a.book_id AND k.account_id = a.account_id AND k.state = 1
        ORDER BY k.placed_seq LIMIT $3
    ) AS k
) AS s
LEFT JOIN LATERAL (
    SELECT l.effective_on, l.balance_min, l.balance_max FROM ledger.limit_plan AS l
    WHERE l.book_id = a.book_id AND l.account_id = a.account_id
        AND l.applied_seq IS NULL AND l.cancelled_seq IS NULL
    ORDER BY l.effective_on, l.planned_seq LIMIT 1
) AS p ON TRUE
WHERE a.book_id = $1 AND a.code = ANY($2::text [])
ORDER BY a.code
