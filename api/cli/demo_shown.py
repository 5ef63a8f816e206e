"""What `cff demo` prints of the month that it lived: the tables, from its facts alone."""

from __future__ import annotations

from api.cli.output import Facts, money, out, table
from api.cli.paying import show_banks, show_suspense
from api.cli.reading import show_trial
from api.cli.working import show_proof


def show_month(facts: Facts) -> None:
    """What came of the month, table by table, as an officer reads it."""
    refused, lines = facts["refused"], facts["bank_lines_by_outcome"]
    largest, days = facts["largest_members"], facts["closed_days"]
    trial, suspense = facts["trial_balance"], facts["suspense"]
    banks, proof = facts["bank_reconciliation"], facts["proof"]
    months = facts["closed_months"]
    if isinstance(refused, dict):
        rows = [("accepted", f"{facts['accepted']:,}")]
        rows += [("  of these over HTTP", f"{facts['accepted_over_http']:,}")]
        rows += [("replayed (the same again)", f"{facts['replayed']:,}")]
        rows += [(f"refused: {code}", f"{number:,}") for code, number in refused.items()]
        table(f"{facts['notice_lines']:,} notices", ("outcome", "count>"), rows)
    if isinstance(lines, dict):
        rows = [(name, f"{number:,}") for name, number in sorted(lines.items())]
        rows += [("answered by the clerk", f"{facts['questions_answered_by_clerk']:,}")]
        table(f"{facts['bank_lines']:,} bank lines", ("outcome", "count>"), rows)
    if isinstance(trial, dict):
        show_trial(trial)
    interest = money(str(facts["interest_expense"]))
    out.print(f"Interest expense of the month: {interest} baht\n")
    _show_products(facts)
    if isinstance(largest, list):
        members = [(m["account"], m["name_th"], m["balance"]) for m in largest]
        table("Ten largest members", ("account", "member", "balance>"), members)
    if isinstance(suspense, dict):
        show_suspense(suspense)
    if isinstance(banks, dict):
        show_banks(banks)
    if isinstance(days, list):
        chain = [
            (str(d["business_date"]), f"{d['proven_seq']:,}", d["interest"], str(d["seal"])[:16])
            for d in days
        ]
        columns = ("business date", "proven at seq>", "interest>", "seal")
        table("Chain of closed days", columns, chain)
    if isinstance(months, list):
        closed = [(m["month"], f"{m['vouchers']:,}", m["debits"], m["credits"]) for m in months]
        table("Closed months", ("month", "vouchers>", "debits>", "credits>"), closed)
    if isinstance(proof, dict):
        show_proof(proof)
    out.print(f"\nbook [bold]{facts['book']}[/] stays: try  cff statement {_first(largest)}")
    out.print(f"{facts['seconds']} seconds in all")


def _show_products(facts: Facts) -> None:
    fixed, products = facts["fixed_deposits"], facts["interest_by_product"]
    if isinstance(fixed, dict):
        rows = [
            (name.replace("_", " "), f"{told:,}" if isinstance(told, int) else money(told))
            for name, told in fixed.items()
        ]
        table("Fixed deposits", ("what", "how much>"), rows)
    if isinstance(products, list):
        counted = ("paid_out", "rolled", "waiting", "ended_early")
        rows = [
            (
                p["product"],
                *(money(p[name]) for name in ("accrued", "credited", "interest_paid")),
                *(f"{p[name]:,}" for name in counted),
            )
            for p in products
        ]
        heads = (
            "product",
            "accrued>",
            "credited>",
            "paid>",
            *(f"{c.replace('_', ' ')}>" for c in counted),
        )
        table("Interest and maturities of the month, by product", heads, rows)


def _first(largest: object) -> str:
    return str(largest[0]["account"]) if isinstance(largest, list) and largest else "SAV-0001"
