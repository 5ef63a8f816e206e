"""How each mistake is planted: one function a mistake, all in the one table `PLANTS`.

Every function writes one instance onto the desk of a day, using only the desk's verbs. A mistake
that needs a following day (a late notice, a returned payment) is planted only where the month has
one, so the files are whole in themselves.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from datetime import timedelta

from examples.desk import Desk
from examples.mistakes import Malformed, Mistake, spoil
from examples.seeds import MONTH_FIRST, Opening
from examples.values import BankMovement, MovementKind

_LOOK_ALIKES = {"0": "O", "1": "I", "2": "Z", "5": "S", "8": "B"}
_SENDERS_FEES = (1000, 1500, 2000, 2500, 3500)  # satang a sending bank takes out of a transfer


def ordinary(desk: Desk) -> None:
    """One notice as it should be: three deposits to two withdrawals, 85% of those paid at once."""
    if desk.rng.randrange(100) < 60:
        notice = desk.deposit()
        desk.book(desk.pay_in(notice))
    else:
        notice = desk.withdrawal()
        desk.pay_out(notice, later=0 if desk.rng.randrange(100) < 85 else 1)
    desk.hand_in(notice)


def duplicate_line(desk: Desk) -> None:
    """A co-op's system sends the same line twice; the bank pays once."""
    notice = desk.deposit()
    desk.hand_in(notice)
    desk.hand_in_again(notice, notice)
    desk.book(desk.pay_in(notice))


def id_conflict(desk: Desk) -> None:
    """A clerk corrects the amount under the old id; the bank's line agrees with the first."""
    notice = desk.deposit()
    desk.hand_in(notice)
    wrong = notice.amount_satang + 100 * desk.rng.randrange(1, 100)
    desk.hand_in_again(notice, replace(notice, amount_satang=wrong))
    desk.book(desk.pay_in(notice))


def wrong_reference(desk: Desk) -> None:
    """The payer typed a letter for the digit that looks like it (O for 0, I for 1)."""
    notice = desk.deposit()
    desk.hand_in(notice)
    places = [i for i, char in enumerate(notice.reference) if char in _LOOK_ALIKES]
    at = desk.rng.choice(places)
    typo = (
        f"{notice.reference[:at]}{_LOOK_ALIKES[notice.reference[at]]}{notice.reference[at + 1 :]}"
    )
    desk.book(replace(desk.pay_in(notice), reference=typo))


def missing_reference(desk: Desk) -> None:
    """The payer left the reference out."""
    notice = desk.deposit()
    desk.hand_in(notice)
    desk.book(replace(desk.pay_in(notice), reference="", remittance=""))


def amount_differs(desk: Desk) -> None:
    """The sending bank took its fee of 10 to 35 baht out of the amount."""
    notice = desk.deposit()
    desk.hand_in(notice)
    came = notice.amount_satang - desk.rng.choice(_SENDERS_FEES)
    if came <= 0:  # only at a very large scale, where amounts are a few satang
        came = notice.amount_satang + 1
    desk.book(replace(desk.pay_in(notice), amount_satang=came))


def closed_account(desk: Desk) -> None:
    """A co-op that has left still uses its old account; no money moves."""
    desk.hand_in(desk.any_notice(desk.rng.choice(desk.month.closed_accounts)))


def unknown_account(desk: Desk) -> None:
    """An account number that never was; no money moves."""
    number = desk.rng.randrange(1_101, 10_000)
    stranger = Opening(account_no=f"SAV-{number:04d}", opening_satang=0, closed=False)
    desk.hand_in(desk.any_notice(stranger))


def insufficient_funds(desk: Desk) -> None:
    """A withdrawal of ten times the opening balance; no money moves."""
    desk.hand_in(desk.oversized())


def late_notice(desk: Desk) -> None:
    """The money is there on day D; the notice comes 1 to 3 banking days later, value date D."""
    later = desk.rng.randrange(1, min(3, desk.days_left()) + 1)
    notice = desk.deposit(later=later)
    desk.book(desk.pay_in(notice))
    desk.hand_in(notice, later=later)


def back_dated(desk: Desk) -> None:
    """Booked today with a value date 1 to 3 days ago, never before the first of the month."""
    earlier = desk.on - timedelta(days=desk.rng.randrange(1, 4))
    notice = replace(desk.deposit(), value_date=max(earlier, MONTH_FIRST))
    desk.hand_in(notice)
    desk.book(desk.pay_in(notice))


def combined_line(desk: Desk) -> None:
    """One transfer for two or three notices, their references joined in the remittance text."""
    first = desk.deposit()
    account = next(a for a in desk.month.open_accounts if a.account_no == first.account)
    others = [desk.deposit(account) for _ in range(desk.rng.randrange(1, 3))]
    notices = [first, *(replace(other, bank=first.bank) for other in others)]
    for notice in notices:
        desk.hand_in(notice)
    whole = replace(
        desk.pay_in(first),
        amount_satang=sum(notice.amount_satang for notice in notices),
        reference="",
        remittance=" + ".join(notice.reference for notice in notices),
    )
    desk.book(whole)


def unannounced_credit(desk: Desk) -> None:
    """Money arrives that no co-op has announced: half carry a reference of the bank's own."""
    line = desk.pay_in(desk.deposit())
    own = desk.reference("X") if desk.rng.randrange(2) else ""
    desk.book(replace(line, reference=own, remittance="", counterparty=""))


def never_paid_in(desk: Desk) -> None:
    """A deposit is announced and the money never comes."""
    desk.hand_in(desk.deposit())


def ambiguous_pair(desk: Desk) -> None:
    """Two equal notices of one co-op and two equal lines without reference: which is which?"""
    first = desk.deposit()
    second = replace(desk.deposit(), account=first.account, made_by=first.made_by)
    second = replace(second, amount_satang=first.amount_satang, bank=first.bank)
    for notice in (first, second):
        desk.hand_in(notice)
        desk.book(replace(desk.pay_in(first), reference="", remittance=""))


def returned_payment(desk: Desk) -> None:
    """A payment leaves today and the receiving bank sends it back 1 or 2 banking days later."""
    notice = desk.withdrawal()
    desk.hand_in(notice)
    desk.pay_out(notice)
    later = desk.rng.randrange(1, min(2, desk.days_left()) + 1)
    back = replace(
        desk.pay_in(notice),
        kind=MovementKind.RETURN,
        value_date=desk.month.days[desk.index + later],
        reference=desk.reference("R"),
        remittance="Return: account of the payee is closed",
        original_reference=notice.reference,
    )
    desk.book(back, later=later)


def bank_fee(desk: Desk, bank_code: str) -> None:
    """The bank's own charge of the day: 50 to 950 baht, one line."""
    desk.book(
        BankMovement(
            bank=bank_code,
            kind=MovementKind.FEE,
            amount_satang=500 * desk.rng.randrange(10, 191),
            value_date=desk.on,
            remittance="Bank charges",
        )
    )


def malformed(desk: Desk, how: Malformed) -> None:
    """A line that cannot be read; no money moves."""
    notice = desk.deposit()
    desk.month.malformed[how] += 1
    desk.hand_in(notice, line=spoil(notice, how, desk.rng))


@dataclass(frozen=True, slots=True, kw_only=True)
class Plant:
    """A mistake, how to plant it, how often a day at scale 1, and whether it needs a next day."""

    mistake: Mistake
    plant: Callable[[Desk], None]
    a_day: int
    needs_next_day: bool = False


PLANTS: tuple[Plant, ...] = (
    Plant(mistake=Mistake.DUPLICATE_LINE, plant=duplicate_line, a_day=5),
    Plant(mistake=Mistake.ID_CONFLICT, plant=id_conflict, a_day=4),
    Plant(mistake=Mistake.WRONG_REFERENCE, plant=wrong_reference, a_day=6),
    Plant(mistake=Mistake.MISSING_REFERENCE, plant=missing_reference, a_day=5),
    Plant(mistake=Mistake.AMOUNT_DIFFERS, plant=amount_differs, a_day=5),
    Plant(mistake=Mistake.CLOSED_ACCOUNT, plant=closed_account, a_day=4),
    Plant(mistake=Mistake.UNKNOWN_ACCOUNT, plant=unknown_account, a_day=4),
    Plant(mistake=Mistake.INSUFFICIENT_FUNDS, plant=insufficient_funds, a_day=6),
    Plant(mistake=Mistake.LATE_NOTICE, plant=late_notice, a_day=8, needs_next_day=True),
    Plant(mistake=Mistake.BACK_DATED, plant=back_dated, a_day=6),
    Plant(mistake=Mistake.COMBINED_LINE, plant=combined_line, a_day=4),
    Plant(mistake=Mistake.UNANNOUNCED_CREDIT, plant=unannounced_credit, a_day=4),
    Plant(mistake=Mistake.NEVER_PAID_IN, plant=never_paid_in, a_day=5),
    Plant(mistake=Mistake.AMBIGUOUS_PAIR, plant=ambiguous_pair, a_day=3),
    Plant(mistake=Mistake.RETURNED_PAYMENT, plant=returned_payment, a_day=4, needs_next_day=True),
)
"""Every planted mistake. At scale 1 a day has about 1,080 notices, so each is 0.3% to 0.8%."""
