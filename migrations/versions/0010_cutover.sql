-- Cut-over: what imported, loaded and live postings owe each other, and the notes that say so.
SET LOCAL lock_timeout = '5s';
SET LOCAL statement_timeout = '60s';

INSERT INTO ledger.event_kind (kind, code, name_th, name_en) VALUES
(41, 'history_begun', 'เริ่มนำเข้ารายการย้อนหลัง', 'Import of a history begun'),
(42, 'history_imported', 'นำเข้ารายการย้อนหลังครบถ้วน', 'History imported to its end'),
(131, 'interest_brought', 'ดอกเบี้ยค้างจ่ายยกมา', 'Accrued interest brought forward'),
(132, 'cut_over_loaded', 'ยกยอดจากระบบเดิมแล้ว', 'Cut-over loaded');

-- Imported and live postings never mix. A book takes a history only while nothing else stands in it,
-- and until its last note (kind 42) it takes nothing else. By induction the newest batch tells.
CREATE FUNCTION ledger.refuse_mixed_history() RETURNS trigger LANGUAGE plpgsql AS $$
DECLARE
    newest record;
    finished boolean;
BEGIN
    SELECT b.origin, b.last_seq INTO newest
    FROM ledger.batch AS b
    WHERE b.book_id = NEW.book_id
    ORDER BY b.batch_no DESC
    LIMIT 1;
    IF NOT FOUND OR (newest.origin <> 5 AND NEW.origin <> 5) THEN
        RETURN NEW;
    END IF;
    finished := newest.origin = 5 AND EXISTS (
        SELECT FROM ledger.event AS e
        WHERE e.book_id = NEW.book_id AND e.recorded_seq = newest.last_seq AND e.kind = 42
    );
    IF NEW.origin = 5 AND (newest.origin <> 5 OR finished) THEN
        RAISE EXCEPTION 'book % takes no more of a history', NEW.book_id
            USING ERRCODE = 'LG008', DETAIL = format('book %s', NEW.book_id),
            HINT = 'a book in which nothing but an unfinished history stands';
    ELSIF NEW.origin <> 5 AND NOT finished THEN
        RAISE EXCEPTION 'the history of book % is not imported to its end', NEW.book_id
            USING ERRCODE = 'LG008', DETAIL = format('book %s', NEW.book_id),
            HINT = 'a book whose import has finished: run cff import-history again';
    END IF;
    RETURN NEW;
END
$$;

CREATE TRIGGER unmixed_history BEFORE INSERT ON ledger.batch
FOR EACH ROW EXECUTE FUNCTION ledger.refuse_mixed_history();

-- A load grows tables faster than the server counts them, and inside one transaction it cannot: who
-- loads says when. As the owner, because only the owner of a table may have it counted.
CREATE FUNCTION ledger.count_again() RETURNS void LANGUAGE plpgsql SECURITY DEFINER
SET search_path = pg_catalog AS $$
BEGIN
    ANALYZE ledger.account, ledger.balance, ledger.batch, ledger.transfer, ledger.movement,
        ledger.event, ledger.hold, products.contract, products.interest_state, products.notice;
END
$$;
REVOKE EXECUTE ON FUNCTION ledger.count_again() FROM public;
GRANT EXECUTE ON FUNCTION ledger.count_again() TO cff_poster;

-- A book that is being opened, and one in which nothing but a history stands, takes over sheets that
-- were approved before; otherwise as it was: approved on the business date, for a later one.
CREATE OR REPLACE FUNCTION pricing.guard_sheet() RETURNS trigger LANGUAGE plpgsql AS $$
DECLARE
    today date;
    opening boolean;
BEGIN
    IF TG_OP = 'INSERT' THEN
        IF NEW.state <> 1 THEN
            RAISE EXCEPTION 'a rate sheet starts as a draft' USING ERRCODE = 'LG007';
        END IF;
        RETURN NEW;
    END IF;
    IF OLD.state <> 1 OR (NEW.book_id, NEW.sheet_id, NEW.product_code, NEW.effective_from,
        NEW.annual_rate_e8, NEW.made_by)
        IS DISTINCT FROM (OLD.book_id, OLD.sheet_id, OLD.product_code, OLD.effective_from,
        OLD.annual_rate_e8, OLD.made_by) THEN
        RAISE EXCEPTION 'a rate sheet is approved or withdrawn as it was drafted, and then stays'
            USING ERRCODE = 'LG007', HINT = 'Draft a new sheet with a later date.';
    END IF;
    IF NEW.state = 2 THEN
        SELECT h.business_date, h.business_date = b.opened_on OR coalesce((
            SELECT n.origin = 5 FROM ledger.batch AS n
            WHERE n.book_id = b.book_id ORDER BY n.batch_no DESC LIMIT 1
        ), FALSE) INTO today, opening
        FROM ledger.book_head AS h INNER JOIN ledger.book AS b ON b.book_id = h.book_id
        WHERE h.book_id = NEW.book_id;
        IF NEW.approved_on <> today AND NOT (opening AND NEW.approved_on < today) THEN
            RAISE EXCEPTION 'a rate sheet is approved on the business date, %', today
                USING ERRCODE = 'LG007';
        END IF;
    END IF;
    RETURN NEW;
END
$$;
