-- Special savings: smallest first deposit and withdrawal, free withdrawals a month, then a fee.
SET LOCAL lock_timeout = '5s';
SET LOCAL statement_timeout = '60s';

INSERT INTO ledger.journal_kind (kind, code, name_th, name_en) VALUES
(119, 'withdrawal_fee', 'ค่าธรรมเนียมถอนเงิน', 'Fee of a withdrawal beyond the free ones');

CREATE TABLE products.savings_terms (
    book_id integer NOT NULL,
    product_code text NOT NULL,
    opening_min_satang bigint NOT NULL
    CHECK (opening_min_satang BETWEEN 0 AND 999999999999999),
    withdrawal_min_satang bigint NOT NULL
    CHECK (withdrawal_min_satang BETWEEN 0 AND 999999999999999),
    free_withdrawals smallint CHECK (free_withdrawals >= 0),
    fee_satang bigint CHECK (fee_satang BETWEEN 1 AND 999999999999999),
    fee_account integer,
    PRIMARY KEY (book_id, product_code),
    FOREIGN KEY (book_id, product_code) REFERENCES products.product (book_id, product_code),
    FOREIGN KEY (book_id, fee_account) REFERENCES ledger.account (book_id, account_id),
    CONSTRAINT fee_is_whole_or_none
    CHECK (num_nulls(free_withdrawals, fee_satang, fee_account) IN (0, 3))
);
COMMENT ON TABLE products.savings_terms IS
'What a product of special savings asks of first deposits and withdrawals; no row asks nothing.';
COMMENT ON COLUMN products.savings_terms.free_withdrawals IS
'Withdrawals paid in a calendar month that cost nothing; NULL = all of them.';

CREATE TABLE products.withdrawal_fee (
    book_id integer NOT NULL,
    notice_id uuid NOT NULL,
    contract_id uuid NOT NULL,
    paid_on date NOT NULL,
    place smallint NOT NULL CHECK (place > 0),
    amount_satang bigint NOT NULL CHECK (amount_satang BETWEEN 1 AND 999999999999999),
    journal_id uuid NOT NULL,
    PRIMARY KEY (book_id, notice_id),
    FOREIGN KEY (book_id, notice_id) REFERENCES products.notice (book_id, notice_id),
    FOREIGN KEY (book_id, contract_id) REFERENCES products.contract (book_id, contract_id)
);
CREATE INDEX withdrawal_fee_by_contract ON products.withdrawal_fee (book_id, contract_id, paid_on);
COMMENT ON COLUMN products.withdrawal_fee.place IS
'The how manieth withdrawal paid in its month it is, those that were free included.';

-- What a product asks is known before its first contract.
CREATE FUNCTION products.guard_savings_terms() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF NOT EXISTS (
        SELECT FROM products.product AS p
        WHERE p.book_id = NEW.book_id AND p.product_code = NEW.product_code
            AND p.family = 'special_savings'
    ) OR EXISTS (
        SELECT FROM products.contract AS c
        WHERE c.book_id = NEW.book_id AND c.product_code = NEW.product_code
    ) THEN
        RAISE EXCEPTION 'terms are set for special savings, before the product has contracts'
            USING ERRCODE = 'LG007', CONSTRAINT = 'terms_before_contracts',
            HINT = 'New terms are a new product.';
    END IF;
    RETURN NEW;
END
$$;
CREATE TRIGGER guard_savings_terms BEFORE INSERT ON products.savings_terms
FOR EACH ROW EXECUTE FUNCTION products.guard_savings_terms();

SELECT ledger.make_append_only('products.savings_terms');
SELECT ledger.make_append_only('products.withdrawal_fee');
GRANT SELECT ON products.savings_terms, products.withdrawal_fee
TO cff_reader, cff_auditor, cff_application, cff_poster;
GRANT INSERT ON products.savings_terms, products.withdrawal_fee TO cff_poster;
