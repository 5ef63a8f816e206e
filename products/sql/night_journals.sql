-- Journals of the night found again. $1 book.

-- place_in_corrections --
-- How many late contracts the night of $2 took before contract $4 of product $3: by product, by key.
SELECT count(DISTINCT c.contract_id)::integer
FROM ledger.movement AS m
INNER JOIN products.contract AS c ON c.book_id = m.book_id AND c.account_id = m.account_id
WHERE m.book_id = $1 AND m.business_date = $2 AND m.value_date < $2 AND c.interest_from < $2
    AND (c.product_code, c.contract_id) < ($3, $4::uuid)

-- carrying_journal --
-- Journal $2; what it adds to account $3, the expense, and takes from it below zero.
SELECT
    t.journal_id, t.recorded_seq, t.business_date,
    sum(
        CASE WHEN t.debit_account = $3 THEN t.amount_satang ELSE -t.amount_satang END
    )::bigint AS amount_satang
FROM ledger.transfer AS t
WHERE t.book_id = $1 AND t.journal_id = $2
GROUP BY t.journal_id, t.recorded_seq, t.business_date
