-- What one date's interest is worked out from, with when it was recorded. $1 book.

-- moved --
-- Net change of account $2 by value date up to the date $4, by the date or the business date after
-- it that recorded it; value dates before the period's first date $3 as one.
SELECT
    greatest(m.business_date, $4::date) AS recorded_on,
    greatest(m.value_date, $3::date - 1) AS value_date, sum(m.credits - m.debits) AS net
FROM ledger.movement AS m
WHERE m.book_id = $1 AND m.account_id = $2 AND m.value_date <= $4
GROUP BY 1, 2

-- credited --
-- What contract $2 was credited for the period end $3, by the night that made it.
SELECT k.made_on, sum(k.amount_satang)::bigint AS amount_satang
FROM products.capitalisation AS k
WHERE k.book_id = $1 AND k.contract_id = $2 AND k.period_end = $3
GROUP BY k.made_on
