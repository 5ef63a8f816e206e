-- API keys, the lookup rows of kinds and statuses, and the grants of products and pricing.
SET LOCAL lock_timeout = '5s';
SET LOCAL statement_timeout = '60s';

CREATE TABLE api.api_key (
    key_id uuid PRIMARY KEY,
    prefix text NOT NULL UNIQUE,
    secret_sha256 bytea NOT NULL CHECK (length(secret_sha256) = 32),
    client text NOT NULL,
    actor text NOT NULL,
    scopes text [] NOT NULL,
    book_id integer NOT NULL REFERENCES ledger.book,
    party_id integer,
    made_at timestamptz NOT NULL,
    expires_at timestamptz NOT NULL,
    revoked_at timestamptz,
    CHECK (expires_at > made_at)
);
COMMENT ON COLUMN api.api_key.party_id IS
'Set for a member co-op: it sees and moves its own accounts only.';

INSERT INTO ledger.journal_kind (kind, code, name_th, name_en) VALUES
(1, 'opening', 'ยอดยกมา', 'Opening balance'),
(2, 'manual', 'รายการปรับปรุงด้วยมือ', 'Manual journal'),
(3, 'reversal', 'กลับรายการ', 'Reversal'),
(4, 'adjustment', 'รายการปรับปรุงย้อนหลัง', 'Adjusting journal'),
(5, 'year_close', 'ปิดบัญชีรายได้ค่าใช้จ่าย', 'Closing of the fiscal year'),
(6, 'imported', 'นำเข้าจากระบบเดิม', 'Imported from the old system'),
(101, 'interest_accrual', 'ดอกเบี้ยค้างจ่ายประจำวัน', 'Daily interest accrual'),
(102, 'interest_capitalisation', 'ทบดอกเบี้ย', 'Interest capitalisation'),
(103, 'capitalisation_correction', 'ปรับปรุงดอกเบี้ยทบ', 'Correction of capitalised interest'),
(104, 'interest_at_closing', 'จ่ายดอกเบี้ยเมื่อปิดบัญชี', 'Interest paid at closing'),
(105, 'closing_sweep', 'โอนยอดเมื่อปิดบัญชี', 'Balance swept at closing'),
(111, 'deposit', 'ฝากเงิน', 'Deposit by notice'),
(112, 'withdrawal', 'ถอนเงิน', 'Withdrawal by notice'),
(113, 'withdrawal_settled', 'ธนาคารหักบัญชีรายการถอน', 'Withdrawal settled by the bank'),
(114, 'withdrawal_returned', 'เงินถอนถูกส่งคืน', 'Outgoing payment returned'),
(115, 'bank_fee', 'ค่าธรรมเนียมธนาคาร', 'Bank fee'),
(116, 'suspense_receipt', 'เงินรับรอตรวจสอบ', 'Unmatched bank credit'),
(117, 'suspense_payment', 'เงินจ่ายรอตรวจสอบ', 'Unexplained bank debit'),
(118, 'suspense_resolved', 'โอนจากบัญชีพัก', 'Suspended line matched');

INSERT INTO ledger.event_kind (kind, code, name_th, name_en) VALUES
(1, 'hold_placed', 'กันเงิน', 'Hold placed'),
(3, 'hold_released', 'คืนเงินที่กันไว้', 'Hold released'),
(4, 'hold_expired', 'เงินที่กันไว้หมดอายุ', 'Hold expired'),
(11, 'account_opened', 'เปิดบัญชี', 'Account opened'),
(12, 'account_frozen', 'อายัดหรือถอนอายัดบัญชี', 'Account frozen or thawed'),
(13, 'account_limits_set', 'กำหนดวงเงินบัญชี', 'Account limits set'),
(14, 'account_closed', 'ปิดบัญชี', 'Account closed'),
(15, 'limits_planned', 'วางแผนวงเงินบัญชี', 'Account limits planned or a plan cancelled'),
(16, 'account_reopened', 'ยกเลิกการปิดบัญชี', 'Account re-opened'),
(21, 'business_date_moved', 'ตัดวันทำการ', 'Business date moved'),
(22, 'day_proven', 'ปิดวันทำการ', 'Day proven and closed'),
(23, 'period_closed', 'ปิดงวดบัญชี', 'Period closed'),
(24, 'period_reopened', 'เปิดงวดบัญชีใหม่', 'Period opened again'),
(31, 'manual_journal_made', 'เสนอรายการปรับปรุง', 'Manual journal proposed'),
(32, 'manual_journal_rejected', 'ไม่อนุมัติรายการปรับปรุง', 'Manual journal rejected'),
(33, 'journal_forced', 'บันทึกโดยใช้สิทธิพิเศษ', 'Journal forced by right'),
(34, 'cross_book', 'รายการระหว่างสมุดบัญชี', 'Journal with its other half in another book'),
(111, 'notice_received', 'รับเรื่อง', 'Notice received'),
(112, 'notice_approved', 'อนุมัติ', 'Notice approved'),
(113, 'notice_paid', 'จ่ายเงินแล้ว', 'Notice paid'),
(114, 'notice_posted', 'สำเร็จ', 'Notice posted'),
(115, 'notice_rejected', 'ปฏิเสธ', 'Notice rejected'),
(116, 'notice_returned', 'เงินถูกส่งคืน', 'Notice returned'),
(117, 'notice_unmatched', 'ยกเลิกการจับคู่', 'Notice un-matched'),
(118, 'notice_expired', 'หมดอายุ', 'Notice expired'),
(119, 'notice_matched', 'จับคู่แล้ว', 'Notice matched'),
(121, 'statement_loaded', 'นำเข้ารายการธนาคาร', 'Bank statement loaded'),
(122, 'line_suspended', 'พักรายการธนาคาร', 'Bank line put in suspense');

INSERT INTO products.notice_status (status, code, name_th, name_en) VALUES
(1, 'received', 'รับเรื่อง', 'Received'),
(2, 'matched', 'จับคู่แล้ว', 'Matched'),
(3, 'posted', 'สำเร็จ', 'Posted'),
(11, 'held', 'รับเรื่อง กันเงินแล้ว', 'Received, amount held'),
(12, 'approved', 'อนุมัติ', 'Approved'),
(13, 'paid', 'จ่ายเงินแล้ว รอธนาคาร', 'Paid, awaiting the bank'),
(21, 'rejected', 'ปฏิเสธ', 'Rejected'),
(22, 'returned', 'เงินถูกส่งคืน', 'Returned by the bank'),
(23, 'expired', 'หมดอายุ', 'Expired');

INSERT INTO products.bank_line_status (status, code, name_th, name_en) VALUES
(1, 'new', 'ใหม่', 'New'),
(2, 'suspense', 'บัญชีพัก', 'In suspense'),
(3, 'matched', 'จับคู่แล้ว', 'Matched'),
(4, 'fee', 'ค่าธรรมเนียม', 'Bank fee'),
(5, 'returned', 'เงินส่งคืน', 'Returned payment');

GRANT SELECT ON ALL TABLES IN SCHEMA products, pricing
TO cff_reader, cff_auditor, cff_application, cff_poster;
GRANT INSERT ON ALL TABLES IN SCHEMA products TO cff_poster;
GRANT UPDATE ON products.contract, products.interest_state, products.night_chunk,
products.notice, products.file_intake, products.bank_line, products.bank_match,
products.match_proposal TO cff_poster;
GRANT DELETE ON products.match_proposal TO cff_poster;
GRANT INSERT, UPDATE ON pricing.rate_sheet TO cff_application;
GRANT INSERT, UPDATE ON products.file_intake TO cff_application;
GRANT INSERT ON ledger.book, ledger.gl_account, ledger.party TO cff_application;
GRANT UPDATE (name_th, name_en, sort_key, region, left_on) ON ledger.party TO cff_application;
GRANT SELECT, INSERT, UPDATE ON api.api_key TO cff_application;
