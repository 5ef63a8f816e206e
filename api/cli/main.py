"""`cff`: the command line's table of contents. Every verb is listed here, none registers itself."""

from __future__ import annotations

import typer

from api.cli import (
    calc,
    cutover,
    database,
    demo,
    evidence,
    explaining,
    finding,
    keeping,
    lending,
    lives,
    paying,
    periods,
    placements,
    positions,
    posting_files,
    reading,
    serving,
    tax_withheld,
    terms,
    working,
)

app = typer.Typer(
    name="cff",
    help="Core ledger of a Cooperative Central Finance Facility. Exit codes: 0 fine, 1 a check "
    "failed, 2 bad input, 3 database, 4 not found, 5 refused, 70 broken invariant.",
    no_args_is_help=True,
    pretty_exceptions_enable=False,
    add_completion=False,
)
app.command("demo")(demo.demo)
app.command("calc")(calc.calc)
app.command("serve")(serving.serve)
app.command("post")(posting_files.post)
app.command("end-of-day")(working.end_of_day)
app.command("night-report")(working.night_report)
app.command("verify")(working.verify)
app.command("verify-statement")(evidence.verify_statement)
app.command("trial-balance")(reading.trial_balance)
app.command("balance")(reading.balance)
app.command("position")(positions.position)
app.command("explain")(explaining.explain)
app.command("statement")(reading.statement)
app.command("statement-file")(evidence.statement_file)
app.command("days")(reading.days)
app.command("find")(finding.find)
app.command("feed")(finding.feed)
app.add_typer(finding.consumers_app, name="consumers")
app.command("voucher")(periods.voucher)
app.add_typer(periods.periods_app, name="periods")
app.add_typer(cutover.cut_over_app, name="cut-over")
app.command("import-history")(cutover.import_history)
app.add_typer(paying.notices_app, name="notices")
app.add_typer(paying.bank_app, name="bank")
app.add_typer(working.export_app, name="export")
app.add_typer(evidence.seals_app, name="seals")
app.add_typer(keeping.rates_app, name="rates")
app.add_typer(placements.placements_app, name="placements")
app.command("tax-withheld")(tax_withheld.tax_withheld)
app.add_typer(terms.tax_rates_app, name="tax-rates")
app.add_typer(terms.holidays_app, name="holidays")
app.add_typer(lending.lending_app, name="lending")
app.add_typer(lives.account_app, name="account")
app.add_typer(lives.contract_app, name="contract")
app.add_typer(serving.keys_app, name="keys")
app.add_typer(database.app, name="db")


def main() -> None:
    """Entry point of the `cff` program."""
    app()
