"""What may be damaged of placements: any row of their tables, and the damages worth a name.

Amounts and dates are those of `placed_life`. Each named damage says the check that must find it and
the place that it must name.
"""

from __future__ import annotations

from collections.abc import Mapping

from tests.ledger.damaging import Derived

LOCK = "guards against two deciders at once; says nothing of the book"

_NUMBER = "(SELECT c.contract_no FROM products.contract AS c WHERE c.contract_id = r.contract_id)"
_NOBODY = "gen_random_uuid()"


def _derived(
    table: str,
    key: str,
    plant: Mapping[str, str],
    *,
    of: str = "FD-1",
    free: Mapping[str, str] | None = None,
) -> Derived:
    """A table whose rows are named by contract and key, or by the contract that nobody knows."""
    head = f"'products.{table} '"
    return Derived(
        place=(f"{head} || {_NUMBER} || {key}", f"{head} || 'of contract ' || r.contract_id"),
        pick=f"{_NUMBER} = '{of}'",
        plant=plant,
        free=free or {},
    )


PLACED: dict[str, Derived] = {
    "products.placement": _derived(
        "placement", "''", plant={"contract_id": _NOBODY}, free={"version": LOCK}
    ),
    "products.term": _derived(
        "term",
        "' ' || r.term_no",
        of="FD-10",
        plant={"term_no": "r.term_no + 5", "begins_on": "r.begins_on + 5"},
    ),
    "products.coupon": _derived(
        "coupon",
        "format(' %s %s', r.term_no, r.coupon_no)",
        of="FD-10",
        plant={"coupon_no": "r.coupon_no + 5"},
    ),
    "products.tax_withheld": _derived(
        "tax_withheld",
        "' ' || r.paid_on",
        of="FD-3",
        plant={"journal_id": _NOBODY, "paid_on": "r.paid_on + 1"},
    ),
    "products.early_end": Derived(
        place=(
            "'products.early_end ' || r.early_end_id",
            "'products.early_end of contract ' || r.contract_id",
        ),
        pick="r.state = 2",
        plant={"early_end_id": _NOBODY, "state": "3"},
        to={"remark": "'another one'"},
        free={"version": LOCK},
    ),
}
"""Every table that doors and nights derive of placements."""

TOLD = "placements are told by their notes"
TERMS = "terms follow each other as instructed"
COUPONS = "coupons are the calendar's"
PAYMENTS = "coupons pay what was accrued"
TAXES = "tax withheld is the table's"
JOURNALS = "placements are their journals"
ENDS = "placements end as instructed"
EARLY = "early ends are by the rules"
MOVED = "only its own events move a placement"
SPANS = "spans are their terms'"
STANDING = "interest stands where its terms leave it"
PLACED_SUMS = "sums placed are their notes"
REPRICED = "interest repriced is what early ends changed"
CHUNKS = "chunks of the night are their journals"
GENERAL = "accrual journals are the contracts' sum"
PAYABLE = "accrued payable is accrued less credited"
STRAY = "capitalisations are their journals"
CLOSINGS = "closings name their journals"
BROUGHT = "interest brought is its note"
REFUSALS = "refusals of the night are on record"


def _of(number: str) -> str:
    return (
        "contract_id = (SELECT c.contract_id FROM products.contract AS c "
        f"WHERE c.contract_no = '{number}')"
    )


def _account(number: str) -> str:
    return f"(SELECT a.account_id FROM ledger.account AS a WHERE a.code = '{number}')"


def _note(kind: int, number: str, what: str, value: str) -> str:
    """A note of a placement that says something else."""
    path = f"jsonb_set(body::jsonb, '{{{what}}}', '{value}')::text"
    return (
        f"UPDATE ledger.event SET body = {path} WHERE kind = {kind} "
        f"AND account_id = {_account(number)}"
    )


_TERMS: dict[str, tuple[str, str, str]] = {
    # what is hurt: (statement, check that must find it, place that it must name)
    "a maturity a day later": (
        f"UPDATE products.term SET matures_on = matures_on + 1 WHERE {_of('FD-1')}",
        TERMS,
        "products.term FD-1 1",
    ),
    "another rate": (
        f"UPDATE products.term SET annual_rate_e8 = annual_rate_e8 + 1 WHERE {_of('FD-10')}",
        TERMS,
        "products.term FD-10 1",
    ),
    "another principal": (
        "UPDATE products.term SET principal_satang = principal_satang + 1 "
        f"WHERE term_no = 2 AND {_of('FD-2')}",
        TERMS,
        "products.term FD-2 2",
    ),
    "another sheet": (
        "UPDATE products.term SET sheet_id = (SELECT s.sheet_id FROM pricing.rate_sheet AS s "
        "WHERE s.product_code = 'FIX_3M' AND s.effective_from = '2026-05-01') "
        f"WHERE term_no = 1 AND {_of('FD-1')}",
        TERMS,
        "products.term FD-1 1",
    ),
    "a term brought along at another rate": (
        f"UPDATE products.term SET annual_rate_e8 = 2250000 WHERE {_of('FD-9')}",
        TERMS,
        "products.term FD-9 1",
    ),
    "a term brought along with a sheet": (
        "UPDATE products.term SET sheet_id = (SELECT s.sheet_id FROM pricing.rate_sheet AS s "
        f"WHERE s.product_code = 'FIX_3M' LIMIT 1) WHERE {_of('FD-9')}",
        TERMS,
        "products.term FD-9 1",
    ),
    "a second term lost with its coupons": (
        f"DELETE FROM products.term WHERE term_no = 2 AND {_of('FD-1')}",
        TERMS,
        "products.term FD-1 2",
    ),
    "a coupon lost": (
        f"DELETE FROM products.coupon WHERE coupon_no = 2 AND {_of('FD-1')}",
        COUPONS,
        "products.coupon FD-1 1 2",
    ),
    "a coupon paid a day later": (
        f"UPDATE products.coupon SET pays_on = pays_on + 1 WHERE coupon_no = 1 AND {_of('FD-3')}",
        COUPONS,
        "products.coupon FD-3 1 1",
    ),
    "a holiday that nobody announced any more": (
        "DELETE FROM products.holiday",
        TERMS,
        "products.term FD-1 1",
    ),
    "a holiday announced too late": (
        "UPDATE products.holiday SET announced_on = '2026-02-03'",
        TERMS,
        "products.term FD-2 1",
    ),
    "a tenor of another length": (
        "UPDATE products.placement_product SET months = 4",
        TERMS,
        "products.term FD-1 1",
    ),
    "a linked contract swapped without a note": (
        "UPDATE products.placement SET linked_contract = (SELECT c.contract_id FROM "
        f"products.contract AS c WHERE c.contract_no = 'SAV-4') WHERE {_of('FD-1')}",
        TOLD,
        "products.placement FD-1",
    ),
    "an instruction changed without a note": (
        f"UPDATE products.placement SET instruction = 1 WHERE {_of('FD-1')}",
        TOLD,
        "products.placement FD-1",
    ),
    "an opening note that is lost": (
        f"DELETE FROM ledger.event WHERE kind = 151 AND account_id = {_account('FD-1')}",
        TOLD,
        "products.placement FD-1",
    ),
    "an opening note that names another rate": (
        _note(151, "FD-1", "annual_rate_e8", "2250001"),
        TOLD,
        "FD-1",
    ),
    "an instruction that is lost": (
        f"DELETE FROM ledger.event WHERE kind = 155 AND account_id = {_account('FD-8')}",
        TOLD,
        "products.placement FD-8",
    ),
    "a linked contract of another member": (
        _note(155, "FD-8", "linked", '"SAV-2"'),
        TOLD,
        "products.placement FD-8, linked to SAV-2",
    ),
    "a roll that was not noted": (
        f"DELETE FROM ledger.event WHERE kind = 152 AND account_id = {_account('FD-2')}",
        TOLD,
        "FD-2",
    ),
    "a term of a savings contract": (
        "INSERT INTO products.term SELECT t.book_id, c.contract_id, t.term_no, t.begins_on, "
        "t.nominal_on, t.matures_on, t.principal_satang, t.annual_rate_e8, t.sheet_id, "
        "t.accrued_before_satang, t.made_seq FROM products.term AS t "
        "INNER JOIN products.contract AS c ON c.contract_no = 'SAV-1' "
        f"WHERE t.term_no = 1 AND t.{_of('FD-1')}",
        "terms belong to placements",
        "products.term of contract",
    ),
}
_PAID: dict[str, tuple[str, str, str]] = {
    "a tax row lost": (
        f"DELETE FROM products.tax_withheld WHERE {_of('FD-4')}",
        TAXES,
        "products.tax_withheld FD-4 2026-05-05",
    ),
    "a tax row too many": (
        "INSERT INTO products.tax_withheld SELECT w.book_id, gen_random_uuid(), w.contract_id, "
        "w.paid_on + 1, w.holder, w.interest_satang, w.rate_e8, w.tax_satang, w.form "
        f"FROM products.tax_withheld AS w WHERE w.{_of('FD-4')}",
        TAXES,
        "products.tax_withheld FD-4 2026-05-06",
    ),
    "a tax of another amount": (
        f"UPDATE products.tax_withheld SET tax_satang = tax_satang + 1 WHERE {_of('FD-2')}",
        TAXES,
        "products.tax_withheld FD-2 2026-05-05",
    ),
    "another rate of tax in the table": (
        "UPDATE products.tax_rate SET rate_e8 = 10000000 WHERE holder = 3",
        TAXES,
        "products.tax_withheld FD-3 2026-03-02",
    ),
    "no row of the table for a holder": (
        "DELETE FROM products.tax_rate WHERE holder = 2",
        TAXES,
        "products.tax_withheld FD-2 2026-05-05",
    ),
    "a holder of another kind": (
        "UPDATE ledger.party SET kind = 2 WHERE party_id = 3",
        TAXES,
        "products.tax_withheld FD-3 2026-03-02",
    ),
    "a payment of another amount": (
        "UPDATE products.capitalisation SET amount_satang = amount_satang + 1 "
        f"WHERE made_on = '2026-04-02' AND {_of('FD-1')}",
        PAYMENTS,
        "products.capitalisation FD-1 2026-04-01 made on 2026-04-02",
    ),
    "a payment lost": (
        f"DELETE FROM products.capitalisation WHERE made_on = '2026-03-02' AND {_of('FD-1')}",
        PAYMENTS,
        "products.capitalisation FD-1 2026-03-01 made on 2026-03-02",
    ),
    "a payment on another account": (
        f"UPDATE ledger.transfer SET credit_account = {_account('SAV-4')} WHERE kind = 122 "
        "AND business_date = '2026-03-02' AND reference = 'FD-1'",
        JOURNALS,
        "products.capitalisation FD-1 2026-03-01 made on 2026-03-02, journal",
    ),
    "a tax that was paid to the member": (
        f"UPDATE ledger.transfer SET credit_account = {_account('SAV-3')} WHERE kind = 122 "
        "AND business_date = '2026-03-02' AND reference = 'FD-3' AND line = 1",
        JOURNALS,
        "products.capitalisation FD-3 2026-03-01 made on 2026-03-02, journal",
    ),
    "a payment of another value date": (
        "UPDATE ledger.transfer SET value_date = value_date - 1 WHERE kind = 122 "
        "AND business_date = '2026-03-02' AND reference = 'FD-1'",
        JOURNALS,
        "products.capitalisation FD-1 2026-03-01 made on 2026-03-02, journal",
    ),
    "a payment of nobody": (
        "INSERT INTO ledger.transfer SELECT (jsonb_populate_record(t, jsonb_build_object("
        "'journal_id', gen_random_uuid()))).* FROM ledger.transfer AS t WHERE t.kind = 122 "
        "AND t.reference = 'FD-1' AND t.line = 0",
        STRAY,
        "ledger.transfer",
    ),
    "a principal paid out to another account": (
        f"UPDATE ledger.transfer SET credit_account = {_account('SAV-1')} WHERE kind = 123 "
        "AND reference = 'FD-8'",
        JOURNALS,
        "closing of FD-8",
    ),
    "a principal paid out twice": (
        "INSERT INTO ledger.transfer SELECT (jsonb_populate_record(t, jsonb_build_object("
        "'journal_id', gen_random_uuid()))).* FROM ledger.transfer AS t WHERE t.kind = 123 "
        "AND t.reference = 'FD-8'",
        CLOSINGS,
        "ledger.transfer",
    ),
    "a sum placed from another account": (
        f"UPDATE ledger.transfer SET debit_account = {_account('SAV-4')} WHERE kind = 121 "
        "AND reference = 'FD-1'",
        PLACED_SUMS,
        "placement in account",
    ),
    "a sum placed that nobody ordered": (
        "INSERT INTO ledger.transfer SELECT (jsonb_populate_record(t, jsonb_build_object("
        f"'journal_id', gen_random_uuid(), 'credit_account', {_account('SAV-4')}))).* "
        "FROM ledger.transfer AS t WHERE t.kind = 121 AND t.reference = 'FD-1'",
        PLACED_SUMS,
        "placement in account",
    ),
    "money that came by no event of its own": (
        f"UPDATE ledger.movement SET credits = credits + 1 WHERE account_id = {_account('FD-10')}",
        MOVED,
        "ledger.account FD-10 moved on 2026-02-28",
    ),
    "interest of a night that is not in its chunk": (
        "UPDATE products.night_chunk SET amount_satang = amount_satang + 1 "
        "WHERE step = 'mature' AND business_date = '2026-04-02'",
        CHUNKS,
        "products.night_chunk 2026-04-02 mature",
    ),
    "a refusal that was never made": (
        "UPDATE products.night_chunk SET refused = replace(refused, 'frozen', 'melted') "
        "WHERE step = 'mature' AND business_date = '2026-04-02'",
        REFUSALS,
        "products.night_chunk 2026-04-02 mature",
    ),
    "a refusal that is forgotten": (
        "UPDATE products.night_chunk SET refused = '[]' "
        "WHERE step = 'mature' AND business_date = '2026-04-02'",
        PAYMENTS,
        "products.capitalisation FD-3 2026-04-01 made on 2026-04-02",
    ),
}
_ENDED: dict[str, tuple[str, str, str]] = {
    "a contract open that paid out": (
        f"UPDATE products.contract SET state = 1, closed_on = NULL WHERE {_of('FD-3')}",
        ENDS,
        "products.contract FD-3",
    ),
    "a contract that waits for nothing": (
        f"UPDATE products.contract SET matured_on = '2026-05-05' WHERE {_of('FD-1')}",
        ENDS,
        "products.contract FD-1",
    ),
    "a contract that waits and forgot since when": (
        f"UPDATE products.contract SET matured_on = NULL WHERE {_of('FD-5')}",
        ENDS,
        "products.contract FD-5",
    ),
    "a contract that bears from another date": (
        f"UPDATE products.contract SET interest_from = '2026-02-02' WHERE {_of('FD-9')}",
        ENDS,
        "products.contract FD-9",
    ),
    "an early end that earned another amount": (
        "UPDATE products.early_end SET earned_satang = earned_satang + 1 "
        f"WHERE state = 2 AND {_of('FD-6')}",
        EARLY,
        "products.early_end",
    ),
    "an early end by another rule": (
        f"UPDATE products.early_end SET rule_from_months = 0 WHERE {_of('FD-7')}",
        EARLY,
        "products.early_end",
    ),
    "a table of rules that pays more": (
        "UPDATE products.early_rule SET part_percent = 51 WHERE from_months = 2",
        EARLY,
        "products.early_end",
    ),
    "an early end that nobody proposed": (
        f"DELETE FROM ledger.event WHERE kind = 156 AND account_id = {_account('FD-7')}",
        EARLY,
        "products.early_end",
    ),
    "a withdrawal of which no note tells": (
        f"DELETE FROM ledger.event WHERE kind = 157 AND account_id = {_account('FD-7')}",
        ENDS,
        "products.contract FD-7",
    ),
    "interest repriced by another amount": (
        "UPDATE ledger.transfer SET amount_satang = amount_satang + 1 WHERE kind = 124 "
        "AND reference = 'FD-7'",
        REPRICED,
        "business date 2026-04-20",
    ),
    "interest repriced that no closing names": (
        "INSERT INTO ledger.transfer SELECT (jsonb_populate_record(t, jsonb_build_object("
        "'journal_id', gen_random_uuid()))).* FROM ledger.transfer AS t WHERE t.kind = 124 "
        "AND t.reference = 'FD-7'",
        REPRICED,
        "business date 2026-04-20",
    ),
    "a claw-back that is less": (
        "UPDATE ledger.transfer SET amount_satang = amount_satang - 1 WHERE kind = 125",
        JOURNALS,
        "products.capitalisation FD-6 2026-03-19 made on 2026-03-20, journal",
    ),
}
_EARNED: dict[str, tuple[str, str, str]] = {
    "a span of another slope": (
        "UPDATE products.interest_span SET slope_exact = slope_exact + 1 "
        f"WHERE from_date = '2026-03-02' AND {_of('FD-1')}",
        SPANS,
        "products.interest_span FD-1 2026-03-02",
    ),
    "a span on another base": (
        "UPDATE products.interest_span SET base_exact = base_exact + 1 "
        f"WHERE from_date = '2026-02-03' AND {_of('FD-9')}",
        SPANS,
        "products.interest_span FD-9 2026-02-03",
    ),
    "a span lost": (
        f"DELETE FROM products.interest_span WHERE from_date = '2026-04-02' AND {_of('FD-1')}",
        SPANS,
        "products.interest_span FD-1 2026-04-02",
    ),
    "a span of nothing that is no end": (
        f"DELETE FROM products.interest_span WHERE from_date = '2026-05-05' AND {_of('FD-4')}",
        SPANS,
        "products.interest_span FD-4 2026-05-05",
    ),
    "a span too many": (
        "INSERT INTO products.interest_span SELECT s.book_id, s.contract_id, s.leg, 99, "
        "'2026-05-10', '2026-05-10', s.balance_satang, s.annual_rate_e8, s.year_days, "
        "s.slope_exact, s.base_exact FROM products.interest_span AS s "
        f"WHERE s.span_no = 1 AND s.{_of('FD-10')}",
        SPANS,
        "products.interest_span FD-10 2026-05-10",
    ),
    "a leg that did not end": (
        f"UPDATE products.interest_leg SET ended_on = NULL WHERE {_of('FD-3')}",
        STANDING,
        "products.interest_leg FD-3",
    ),
    "a leg that was credited less": (
        f"UPDATE products.interest_leg SET credited_satang = credited_satang - 1 "
        f"WHERE {_of('FD-1')}",
        STANDING,
        "products.interest_leg FD-1",
    ),
    "a leg lost": (
        f"DELETE FROM products.interest_leg WHERE {_of('FD-2')}",
        STANDING,
        "products.interest_leg FD-2",
    ),
    "interest brought along that its note does not say": (
        "UPDATE ledger.event SET amount_satang = amount_satang + 1 WHERE kind = 131",
        BROUGHT,
        "interest brought by FD-9",
    ),
    "interest brought forward of another amount": (
        "UPDATE ledger.transfer SET amount_satang = amount_satang + 1 WHERE kind = 1 "
        "AND reference = 'FD-9' AND line = 1",
        PLACED_SUMS,
        "placement brought along in account",
    ),
    "an accrual journal of another amount": (
        "UPDATE ledger.transfer SET amount_satang = amount_satang + 1 WHERE kind = 101 "
        "AND business_date = '2026-03-05' AND reference = 'FIX_3M'",
        GENERAL,
        "business date 2026-03-05, value date 2026-03-05",
    ),
    "accrued payable that nobody is owed": (
        "UPDATE ledger.balance SET credits = credits + 1 "
        f"WHERE account_id = {_account('FIX-PAYABLE')}",
        PAYABLE,
        "ledger.balance account FIX-PAYABLE",
    ),
}
DAMAGES = _TERMS | _PAID | _ENDED | _EARNED
"""What is hurt: (statement, check that must find it, place that it must name)."""
