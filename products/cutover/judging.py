"""The files of a cut-over judged together, and against the book, before anything is posted. Pure.

Every line is looked at, whatever was wrong with the ones before it: who prepares a cut-over wants
the whole list. Two kinds of answer: *problems* point at a line; *differences* are GL codes on which
the sub-ledgers of the files and the old system's trial balance disagree.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import date, timedelta

from ledger.books import fiscal_year_start
from ledger.history.control import Difference, differences
from ledger.history.texts import Findings, buddhist
from ledger.money import BALANCE_MAX, format_baht
from pricing.rate_lines import require_lines
from products.cutover.values import ContractIn, CutOver, LimitIn, NoticeIn, ProductIn, Standing
from products.payments.notice_values import NoticeKind
from products.payments.notices import DEPOSIT_DAYS_AHEAD, WITHDRAWAL_DAYS_AHEAD

_ONE_DAY = timedelta(days=1)
_NO_LIMITS = LimitIn(place="", account="", balance_min=None, balance_max=None)
_SAVINGS_LIMITS = LimitIn(place="", account="", balance_min=0, balance_max=None)


@dataclass(slots=True, kw_only=True)
class Known:
    """What the files and the book have between them; made once, used by every rule.

    balances: satang by account code after the cut-over; gl_codes: GL code by account code.
    """

    on: date
    floor: date
    chart: set[str]
    members: set[int]
    own: set[str]
    contracts: dict[str, ContractIn]
    products: dict[str, ProductIn]
    banks: set[str]
    limits: dict[str, LimitIn]
    balances: dict[str, int] = field(default_factory=dict)
    gl_codes: dict[str, str] = field(default_factory=dict)

    def limits_of(self, code: str) -> LimitIn:
        """The limits of an account: as the files say, else those of its sort."""
        usual = _SAVINGS_LIMITS if code in self.contracts else _NO_LIMITS
        return self.limits.get(code, usual)


def judge(cut_over: CutOver, standing: Standing, findings: Findings) -> list[Difference]:
    """Every rule over everything; what is wrong goes to `findings`, the control is the answer.

    Without a book there is nothing to judge against, and its absence is a finding already.
    """
    if cut_over.book is None:
        return []
    known = _known(cut_over, standing)
    _book(cut_over, standing, findings)
    _unique(cut_over, findings)
    _accounts(cut_over, standing, known, findings)
    _products(cut_over, known, findings)
    _prices(cut_over, known, findings)
    _contracts(cut_over, standing, known, findings)
    _limits(cut_over, known, findings)
    _reserved(cut_over, known, findings)
    _notices(cut_over, known, findings)
    _freezes(cut_over, known, findings)
    _payments(cut_over, known, findings)
    return control(cut_over, known)


def control(cut_over: CutOver, known: Known) -> list[Difference]:
    """The sums of the accounts by GL code against the trial balance."""
    found: dict[str, int] = defaultdict(int)
    for code, satang in known.balances.items():
        found[known.gl_codes[code]] += satang
    return differences(known.on, cut_over.trial_balance, found)


def rounded_interest(cut_over: CutOver, products: dict[str, ProductIn]) -> dict[str, int]:
    """Satang of interest brought along, by the code of the account that it stands on."""
    owed: dict[str, int] = defaultdict(int)
    for product in products.values():
        owed[product.payable_account] += 0
    for contract in cut_over.contracts:
        if (of := products.get(contract.product_code)) is not None:
            owed[of.payable_account] += of.terms.rounded(contract.accrued_exact)
    return owed


def _known(cut_over: CutOver, standing: Standing) -> Known:
    book = cut_over.book
    on = book.opened_on if book is not None else date.min
    month = book.fiscal_year_start_month if book is not None else 1
    products = {product.product_code: product for product in cut_over.products}
    known = Known(
        on=on,
        floor=fiscal_year_start(on, month),
        chart={line.gl_code for line in cut_over.chart} | standing.chart,
        members={member.party_id for member in cut_over.members} | standing.members,
        own={own.code for own in cut_over.accounts},
        contracts={contract.contract_no: contract for contract in cut_over.contracts},
        products=products,
        banks={bank.bank_code for bank in cut_over.banks},
        limits={limit.account: limit for limit in cut_over.limits},
        balances=dict(standing.balances),
        gl_codes=dict(standing.gl_codes),
    )
    for own in cut_over.accounts:
        known.balances[own.code] = own.balance_satang
        known.gl_codes.setdefault(own.code, own.gl_code)
    for contract in cut_over.contracts:
        known.balances[contract.contract_no] = contract.balance_satang
        of = products.get(contract.product_code)
        known.gl_codes.setdefault(contract.contract_no, of.gl_deposits if of else "")
    return known


def _book(cut_over: CutOver, standing: Standing, findings: Findings) -> None:
    book = cut_over.book
    if book is None:
        return
    stands_on = standing.business_date
    if stands_on is not None and stands_on != book.opened_on:
        expected = f"{buddhist(stands_on)}, the business date on which the imported book stands"
        findings.add("book:2:opened_on", buddhist(book.opened_on), expected)
    code = cut_over.opening_account
    if not standing.is_new:
        return
    own = next((each for each in cut_over.accounts if each.code == code), None)
    if own is None or own.balance_satang:
        expected = "the code of an account of accounts that has no balance of its own"
        findings.add("book:2:opening_account", code, expected)


def _unique(cut_over: CutOver, findings: Findings) -> None:
    chart = [line.gl_code for line in cut_over.chart]
    members = [str(member.party_id) for member in cut_over.members]
    codes = [member.code for member in cut_over.members]
    for name, column, values in (
        ("chart", "gl_code", chart),
        ("members", "party_id", members),
        ("members", "code", codes),
    ):
        _once(findings, column, ((f"{name}:{at}", v) for at, v in enumerate(values, start=2)))
    accounts = [(own.place, own.code) for own in cut_over.accounts]
    accounts += [(each.place, each.contract_no) for each in cut_over.contracts]
    _once(findings, "code", accounts)
    _once(findings, "product_code", ((p.place, p.product_code) for p in cut_over.products))
    _once(findings, "product_code", ((each.place, each.product_code) for each in cut_over.special))
    dated = ((r.place, f"{r.product_code} {r.effective_from}") for r in cut_over.rates)
    _once(findings, "effective_from", dated)
    _once(findings, "bank_code", ((b.place, b.bank_code) for b in cut_over.banks))
    _once(findings, "account_no", ((b.place, b.account_no) for b in cut_over.banks))
    _once(findings, "account", ((b.place, b.account) for b in cut_over.banks))
    _once(findings, "account", ((each.place, each.account) for each in cut_over.limits))
    _once(findings, "account", ((each.place, each.account) for each in cut_over.freezes))
    ids = [(hold.place, str(hold.hold_id)) for hold in cut_over.holds]
    ids += [(notice.place, str(notice.notice_id)) for notice in cut_over.notices]
    _once(findings, "id", ids)


def _once(findings: Findings, name: str, values: Iterable[tuple[str, str]]) -> None:
    seen: dict[str, str] = {}
    for place, value in values:
        if value in seen:
            findings.add(f"{place}:{name}", value, f"another one: {seen[value]} has it")
        seen.setdefault(value, place)


def _accounts(cut_over: CutOver, standing: Standing, known: Known, findings: Findings) -> None:
    deposits = {product.gl_deposits for product in cut_over.products}
    for own in cut_over.accounts:
        recorded = standing.gl_codes.get(own.code)
        if own.gl_code not in known.chart:
            findings.add(f"{own.place}:gl_code", own.gl_code, "a GL code of the chart")
        elif recorded not in (None, own.gl_code):
            findings.add(f"{own.place}:gl_code", own.gl_code, f"{recorded}, as it was imported")
        if own.gl_code in deposits:
            expected = "a GL code that no product keeps its contracts on"
            findings.add(f"{own.place}:gl_code", own.gl_code, expected)
        _as_imported(findings, standing, f"{own.place}:debit", own.code, own.balance_satang)


def _as_imported(
    findings: Findings, standing: Standing, place: str, code: str, satang: int
) -> None:
    """A book with a history takes no balances: the files must agree with what it has."""
    if not standing.is_new and satang != standing.balances.get(code, 0):
        has = format_baht(standing.balances.get(code, 0))
        expected = f"{has} (credits less debits), which the imported history leaves there"
        findings.add(place, format_baht(satang), expected)


def _products(cut_over: CutOver, known: Known, findings: Findings) -> None:
    for product in cut_over.products:
        if product.gl_deposits not in known.chart:
            findings.add(f"{product.place}:gl_deposits", product.gl_deposits, "one of the chart")
        for name in ("expense_account", "payable_account"):
            code = getattr(product, name)
            if code not in known.own:
                findings.add(f"{product.place}:{name}", code, "the code of one of accounts")
    for code, owed in rounded_interest(cut_over, known.products).items():
        has = known.balances.get(code, 0)
        if code in known.own and has != owed:
            place = next(own.place for own in cut_over.accounts if own.code == code)
            expected = f"{format_baht(owed)}, the sum of the contracts' rounded interest"
            findings.add(f"{place}:credit", format_baht(has), expected)


def _prices(cut_over: CutOver, known: Known, findings: Findings) -> None:
    sheets = {(rate.product_code, rate.effective_from) for rate in cut_over.rates}
    for rate in cut_over.rates:
        if rate.product_code not in known.products:
            findings.add(f"{rate.place}:product_code", rate.product_code, "one of products")
        if rate.made_by.casefold() == rate.approved_by.casefold():
            findings.add(f"{rate.place}:approved_by", rate.approved_by, "a second person")
        latest = min(rate.effective_from - timedelta(days=1), known.on)
        if rate.approved_on > latest:
            expected = f"{buddhist(latest)} or earlier: before it takes effect"
            findings.add(f"{rate.place}:approved_on", buddhist(rate.approved_on), expected)
        findings.read(lambda: require_lines(cut_over.lines_of(rate), f"{rate.place}:slabs"))  # noqa: B023 - called at once
    for slab in cut_over.slabs:
        if (slab.product_code, slab.effective_from) not in sheets:
            expected = "product_code and effective_from of one of rates"
            findings.add(f"{slab.place}:effective_from", buddhist(slab.effective_from), expected)
    for special in cut_over.special:
        if special.product_code not in known.products:
            findings.add(f"{special.place}:product_code", special.product_code, "one of products")


def _contracts(cut_over: CutOver, standing: Standing, known: Known, findings: Findings) -> None:
    days = (known.on - timedelta(days=1), known.on)
    first_rates: dict[str, date] = {}
    for rate in cut_over.rates:
        before = first_rates.get(rate.product_code, date.max)
        first_rates[rate.product_code] = min(before, rate.effective_from)
    for contract in cut_over.contracts:
        at = contract.place
        product = known.products.get(contract.product_code)
        if product is None:
            findings.add(f"{at}:product_code", contract.product_code, "one of products")
        elif first_rates.get(contract.product_code, date.max) > contract.accrued_to + _ONE_DAY:
            expected = "a product with a rate in force on the day after accrued_to"
            findings.add(f"{at}:product_code", contract.product_code, expected)
        if contract.party_id not in known.members:
            findings.add(f"{at}:party_id", str(contract.party_id), "one of members")
        if contract.accrued_to not in days:
            expected = f"{buddhist(days[0])} or {buddhist(days[1])}: run the old system's interest"
            findings.add(f"{at}:accrued_to", buddhist(contract.accrued_to), expected)
        _as_imported(
            findings, standing, f"{at}:balance", contract.contract_no, contract.balance_satang
        )
        if product is not None:
            _account_of_contract(findings, standing, contract, product)
        limits = known.limits_of(contract.contract_no)
        low, high = limits.balance_min, limits.balance_max
        if (low is not None and contract.balance_satang < low) or (
            high is not None and contract.balance_satang > high
        ):
            got = format_baht(contract.balance_satang)
            findings.add(f"{at}:balance", got, "a balance within the account's limits")


def _account_of_contract(
    findings: Findings, standing: Standing, contract: ContractIn, product: ProductIn
) -> None:
    """The account of an imported history that a contract takes over must be the member's."""
    code, at = contract.contract_no, contract.place
    if code not in standing.gl_codes:
        return
    if standing.gl_codes[code] != product.gl_deposits:
        expected = f"a contract on {standing.gl_codes[code]}, as its account was imported"
        findings.add(f"{at}:product_code", product.gl_deposits, expected)
    if standing.parties[code] != contract.party_id:
        expected = f"{standing.parties[code]}, as its account was imported"
        findings.add(f"{at}:party_id", str(contract.party_id), expected)


def _account_known(known: Known, code: str) -> bool:
    return code in known.own or code in known.contracts


def _limits(cut_over: CutOver, known: Known, findings: Findings) -> None:
    for limit in cut_over.limits:
        at = limit.place
        if not _account_known(known, limit.account):
            findings.add(f"{at}:account", limit.account, "an account of these files")
        low, high = limit.balance_min, limit.balance_max
        if low is not None and high is not None and low > high:
            findings.add(f"{at}:balance_max", format_baht(high), f"{format_baht(low)} or more")


def _reserved(cut_over: CutOver, known: Known, findings: Findings) -> None:
    """Holds, and what withdrawals hold, must fit into what is available, line by line."""
    left: dict[str, int] = {}
    lines = [
        (hold.place, hold.account, hold.amount_satang, hold.expires_on) for hold in cut_over.holds
    ]
    lines += [
        (notice.place, notice.account, notice.amount_satang, notice.expires_on)
        for notice in cut_over.notices
        if notice.kind is NoticeKind.WITHDRAWAL
    ]
    for at, code, satang, expires_on in lines:
        if not _account_known(known, code):
            findings.add(f"{at}:account", code, "an account of these files")
            continue
        if expires_on is not None and expires_on < known.on:
            expected = f"{buddhist(known.on)} or later: it would have expired"
            findings.add(f"{at}:expires_on", buddhist(expires_on), expected)
        low = known.limits_of(code).balance_min
        before = left.get(code, BALANCE_MAX if low is None else known.balances[code] - low)
        left[code] = before - satang
        if left[code] < 0:
            expected = f"at most {format_baht(max(before, 0))}, what is available before it"
            findings.add(f"{at}:amount", format_baht(satang), expected)


def _notices(cut_over: CutOver, known: Known, findings: Findings) -> None:
    for notice in cut_over.notices:
        at = notice.place
        if notice.account not in known.contracts:
            findings.add(f"{at}:account", notice.account, "the number of one of contracts")
        if notice.bank not in known.banks:
            findings.add(f"{at}:bank", notice.bank, "one of banks")
        for name in ("made_by", "received_by"):
            first, second = str(getattr(notice, name)), notice.approved_by
            if second is not None and first.casefold() == second.casefold():
                expected = f"a second person: {name} is {first}"
                findings.add(f"{at}:approved_by", second, expected)
        _value_date(notice, known, findings)


def _value_date(notice: NoticeIn, known: Known, findings: Findings) -> None:
    deposit = notice.kind is NoticeKind.DEPOSIT
    ahead = DEPOSIT_DAYS_AHEAD if deposit else WITHDRAWAL_DAYS_AHEAD
    last = known.on + timedelta(days=ahead)
    if not known.floor <= notice.value_date <= last:
        expected = f"a day from {buddhist(known.floor)} to {buddhist(last)}"
        findings.add(f"{notice.place}:value_date", buddhist(notice.value_date), expected)


def _freezes(cut_over: CutOver, known: Known, findings: Findings) -> None:
    for freeze in cut_over.freezes:
        at = freeze.place
        if not _account_known(known, freeze.account):
            findings.add(f"{at}:account", freeze.account, "an account of these files")
        if not (freeze.debits or freeze.credits):
            findings.add(f"{at}:debits", "no", "yes for debits, credits or both")
        if freeze.until is not None and freeze.until < known.on:
            expected = f"{buddhist(known.on)} or later, or nothing"
            findings.add(f"{at}:until", buddhist(freeze.until), expected)


def _payments(cut_over: CutOver, known: Known, findings: Findings) -> None:
    """What payments wait on is explained by lines and notices, and none are brought along."""
    for bank in cut_over.banks:
        if bank.account not in known.own:
            findings.add(f"{bank.place}:account", bank.account, "the code of one of accounts")
        elif -known.balances[bank.account] != bank.last_balance_satang:
            has = format_baht(-known.balances[bank.account])
            findings.add(
                f"{bank.place}:last_statement_balance",
                format_baht(bank.last_balance_satang),
                f"{has}, the debit balance of account {bank.account}",
                "What statement and book count on different days goes on an account of its own.",
            )
    payments = cut_over.payments
    if payments is None:
        if cut_over.notices:
            findings.add("payments.csv:0:file", "no such file", "it, where there are notices")
        return
    for name in ("suspense_receipts", "suspense_payments", "outgoing_clearing", "bank_fees"):
        code = getattr(payments, name)
        if code not in known.own:
            findings.add(f"{payments.place}:{name}", code, "the code of one of accounts")
        elif name != "bank_fees" and known.balances[code]:
            findings.add(
                f"{payments.place}:{name}",
                format_baht(known.balances[code]),
                "an account that begins with zero",
                "What waits in the old system goes on an account of its own, to be cleared there.",
            )
