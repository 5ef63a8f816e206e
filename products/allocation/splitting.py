"""The split: what is owed on a date, ranked by an order, filled with a payment's money. Pure.

Three steps, each of use by itself: `claims` says what a payment of that date can settle, `ranked`
puts it in order, `allocate` takes the money. `after` says what is still owed once a split is paid,
so that several payments can be split one after another.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import replace
from datetime import date
from itertools import pairwise

from ledger.errors import InvalidInput, Problem, ensure
from ledger.money import AMOUNT_MAX, BALANCE_MAX
from products.allocation.orders import DEFAULT_ORDER, Advance, Bucket, Mode, Order
from products.allocation.values import Charge, Claim, Due, Kind, Owed, Split


def allocate(
    *,
    amount_satang: int,
    value_date: date,
    owed: Owed,
    order: Order = DEFAULT_ORDER,
    prepayment: bool = True,
) -> Split:
    """Split a payment over what is owed on its value date, in the order of `order`.

    prepayment: whether principal not yet due may be paid; if not, that money stays over.
    Raises `InvalidInput` for an amount outside 1 to `AMOUNT_MAX` and for what `claims` refuses.
    """
    if not 0 < amount_satang <= AMOUNT_MAX:
        raise InvalidInput.one("amount_satang", amount_satang, f"1 to {AMOUNT_MAX} satang")
    left, lines = amount_satang, []
    for claim in ranked(claims(owed, value_date), order):
        if claim.bucket is Bucket.PREPAYMENT and not prepayment:
            break
        if taken := min(left, claim.amount_satang):
            lines.append(replace(claim, amount_satang=taken))
            left -= taken
    total = sum(line.amount_satang for line in lines) + left
    ensure(total == amount_satang and left >= 0, f"{amount_satang} satang were split into {total}")
    return Split(
        amount_satang=amount_satang,
        value_date=value_date,
        lines=tuple(lines),
        remainder_satang=left,
    )


def claims(owed: Owed, on: date) -> tuple[Claim, ...]:
    """Everything that a payment with value date `on` can settle, unranked; nothing of 0.

    Charges that fall due later are not owed yet. Raises `InvalidInput`, all problems at once:
    a negative amount, an instalment or a charge twice, dues out of order, a charge that is
    interest or principal.
    """
    if problems := list(_problems(owed)):
        raise InvalidInput(problems)
    found = [
        *(_charge_claim(charge) for charge in owed.charges if charge.due_date <= on),
        *(claim for due in owed.dues for claim in _due_claims(due, on)),
        _accrued_claim(owed, on),
    ]
    return tuple(claim for claim in found if claim.amount_satang)


def ranked(found: Sequence[Claim], order: Order) -> tuple[Claim, ...]:
    """Claims in the order in which money settles them; prepayment always last.

    Within one rank the older comes first, a contract's own charge before an instalment of its day.
    Interest accrued and not yet due comes after interest, or instalments, that are due.
    """
    place = {bucket: rank for rank, bucket in enumerate(order.buckets)}
    way = 1 if order.advance is Advance.NEXT else -1

    def rank(claim: Claim) -> tuple[int, ...]:
        day, number = _ordinal(claim.due_date), claim.instalment or 0
        if claim.bucket is Bucket.PREPAYMENT:
            return (1, way * day, way * number)
        if order.mode is Mode.BY_BUCKET:
            return (0, place[claim.bucket], day, number)
        return (0, _ordinal(claim.row_date), number, place[claim.bucket], day)

    return tuple(sorted(found, key=lambda claim: (rank(claim), claim.reference)))


def after(owed: Owed, split: Split) -> Owed:
    """What is still owed once the lines of `split` are paid; it must be a split of `owed`.

    What was due and is settled in full is left out; an instalment to come stays, though all of its
    principal be prepaid: interest runs to its date. Raises `InvariantBroken` when more was paid
    than is owed.
    """
    paid: Counter[tuple[Kind, int | None, str]] = Counter()
    accrued = 0
    for line in split.lines:
        if line.kind is Kind.INTEREST and (line.due_date or date.max) > split.value_date:
            accrued += line.amount_satang
        else:
            paid[line.kind, line.instalment, line.reference] += line.amount_satang
    dues = tuple(
        replace(
            due,
            principal_satang=due.principal_satang - paid.pop((Kind.PRINCIPAL, due.number, ""), 0),
            interest_satang=due.interest_satang - paid.pop((Kind.INTEREST, due.number, ""), 0),
        )
        for due in owed.dues
    )
    charges = tuple(
        replace(charge, amount_satang=charge.amount_satang - paid.pop(_key(charge), 0))
        for charge in owed.charges
    )
    left = Owed(
        dues=tuple(due for due in dues if not _is_settled(due, split.value_date)),
        charges=tuple(charge for charge in charges if charge.amount_satang),
        accrued_interest_satang=owed.accrued_interest_satang - accrued,
    )
    ensure(
        not paid and not list(_problems(left)), "a split was taken off what it does not belong to"
    )
    return left


def _is_settled(due: Due, on: date) -> bool:
    return due.due_date <= on and not (due.principal_satang or due.interest_satang)


def _key(charge: Charge) -> tuple[Kind, int | None, str]:
    number = charge.instalment.number if charge.instalment else None
    return charge.kind, number, charge.reference


def _ordinal(day: date | None) -> int:
    return (day or date.max).toordinal()


def _due_claims(due: Due, on: date) -> Iterator[Claim]:
    interest: Bucket | None
    if due.due_date > on:
        interest, principal = None, Bucket.PREPAYMENT
    elif due.due_date == on:
        interest, principal = Bucket.CURRENT_INTEREST, Bucket.DUE_PRINCIPAL
    else:
        interest, principal = Bucket.INTEREST_ARREARS, Bucket.OVERDUE_PRINCIPAL
    if interest:
        yield _claim_of(due, interest, Kind.INTEREST, due.interest_satang)
    yield _claim_of(due, principal, Kind.PRINCIPAL, due.principal_satang)


def _claim_of(due: Due, bucket: Bucket, kind: Kind, amount_satang: int) -> Claim:
    return Claim(
        bucket=bucket,
        kind=kind,
        instalment=due.number,
        due_date=due.due_date,
        row_date=due.due_date,
        amount_satang=amount_satang,
    )


def _charge_claim(charge: Charge) -> Claim:
    instalment = charge.instalment
    return Claim(
        bucket=Bucket.FEES if charge.kind is Kind.FEE else Bucket.PENALTY,
        kind=charge.kind,
        instalment=instalment.number if instalment else None,
        due_date=charge.due_date,
        row_date=instalment.due_date if instalment else charge.due_date,
        amount_satang=charge.amount_satang,
        reference=charge.reference,
    )


def _accrued_claim(owed: Owed, on: date) -> Claim:
    running = next((due for due in owed.dues if due.due_date > on), None)
    return Claim(
        bucket=Bucket.CURRENT_INTEREST,
        kind=Kind.INTEREST,
        instalment=running.number if running else None,
        due_date=running.due_date if running else None,
        row_date=running.due_date if running else None,
        amount_satang=owed.accrued_interest_satang,
    )


def _problems(owed: Owed) -> Iterator[Problem]:
    amounts = [("accrued_interest_satang", owed.accrued_interest_satang)]
    for due in owed.dues:
        amounts.append((f"dues[{due.number}].principal_satang", due.principal_satang))
        amounts.append((f"dues[{due.number}].interest_satang", due.interest_satang))
    for charge in owed.charges:
        amounts.append((f"charges[{charge.reference}].amount_satang", charge.amount_satang))
        if charge.kind not in (Kind.FEE, Kind.PENALTY):
            yield _problem(f"charges[{charge.reference}].kind", charge.kind.value, "fee or penalty")
    for where, amount in amounts:
        if not 0 <= amount <= BALANCE_MAX:
            yield _problem(where, str(amount), f"0 to {BALANCE_MAX} satang still unpaid")
    for earlier, later in pairwise(owed.dues):
        if later.number <= earlier.number or later.due_date < earlier.due_date:
            got = f"instalment {later.number} due {later.due_date.isoformat()}"
            expected = f"one after instalment {earlier.number} due {earlier.due_date.isoformat()}"
            yield _problem("dues", got, expected, "Hand the dues in from the oldest on, each once.")
    for reference, times in Counter(charge.reference for charge in owed.charges).items():
        if times > 1:
            yield _problem("charges", f"{reference} {times} times", "each charge once")


def _problem(where: str, got: str, expected: str, fix: str = "") -> Problem:
    return Problem(where=where, got=got, expected=expected, fix=fix)
