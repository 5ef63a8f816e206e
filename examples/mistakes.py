"""The mistakes that are planted in the example month, each with its meaning.

Two families: `Mistake` is what happens between a co-op, the Facility and a bank; `Malformed` is a
line of a notices file that cannot be read as a notice. The value of a member is its name in
`expected.json` and in README.md, where the table says what the service should answer.
"""

from __future__ import annotations

import enum
import json
import random

from examples.values import Notice


class Mistake(enum.Enum):
    """What went wrong; one instance counts once, however many notices or bank lines it takes."""

    DUPLICATE_LINE = "duplicate_line"  # the same line twice
    ID_CONFLICT = "id_conflict"  # the same id later in the file with another amount
    WRONG_REFERENCE = "wrong_reference"  # the bank line's reference has a typing error
    MISSING_REFERENCE = "missing_reference"  # the bank line has no reference
    AMOUNT_DIFFERS = "amount_differs"  # the sending bank took a fee out of the amount
    CLOSED_ACCOUNT = "closed_account"  # notice to an account that is closed
    UNKNOWN_ACCOUNT = "unknown_account"  # notice to an account that never was
    INSUFFICIENT_FUNDS = "insufficient_funds"  # asks ten times the opening balance
    LATE_NOTICE = "late_notice"  # money on day D, notice 1 to 3 banking days later
    BACK_DATED = "back_dated"  # value date 1 to 3 days before the booking date
    COMBINED_LINE = "combined_line"  # one bank line for two or three notices
    UNANNOUNCED_CREDIT = "unannounced_credit"  # money that nobody has announced
    NEVER_PAID_IN = "never_paid_in"  # a deposit announced, the money never comes
    AMBIGUOUS_PAIR = "ambiguous_pair"  # two equal notices, two equal lines, no reference
    RETURNED_PAYMENT = "returned_payment"  # an outgoing payment comes back


class Malformed(enum.Enum):
    """Why a line of a notices file cannot be read."""

    EXPONENT_AMOUNT = "exponent_amount"
    UNDERSCORE_AMOUNT = "underscore_amount"
    THAI_DIGITS_AMOUNT = "thai_digits_amount"
    NAN_AMOUNT = "nan_amount"
    NEGATIVE_ZERO_AMOUNT = "negative_zero_amount"
    THREE_PLACES_AMOUNT = "three_places_amount"
    TOO_LARGE_AMOUNT = "too_large_amount"
    NUMBER_AMOUNT = "number_amount"
    BUDDHIST_ERA_DATE = "buddhist_era_date"
    BROKEN_JSON = "broken_json"
    UNKNOWN_FIELD = "unknown_field"
    MISSING_FIELD = "missing_field"


_WRONG_AMOUNTS: dict[Malformed, str | int] = {
    Malformed.EXPONENT_AMOUNT: "1e3",
    Malformed.UNDERSCORE_AMOUNT: "1_000.50",
    Malformed.THAI_DIGITS_AMOUNT: "๑๒",
    Malformed.NAN_AMOUNT: "NaN",
    Malformed.NEGATIVE_ZERO_AMOUNT: "-0.00",
    Malformed.THREE_PLACES_AMOUNT: "0.001",
    Malformed.TOO_LARGE_AMOUNT: "10000000000000.00",  # 10^15 satang
    Malformed.NUMBER_AMOUNT: 1234,
}


def spoil(notice: Notice, how: Malformed, rng: random.Random) -> str:
    """The line of a good notice, spoiled in one way and in no other."""
    fields: dict[str, str | int] = dict(notice.fields())
    if how in _WRONG_AMOUNTS:
        fields["amount"] = _WRONG_AMOUNTS[how]
    elif how is Malformed.BUDDHIST_ERA_DATE:
        on = notice.value_date
        fields["value_date"] = f"{on.year + 543}-{on.month:02d}-{on.day:02d}"
    elif how is Malformed.UNKNOWN_FIELD:
        fields["urgent"] = "yes"
    elif how is Malformed.MISSING_FIELD:
        del fields[rng.choice(("account", "amount", "bank", "value_date", "reference"))]
    line = json.dumps(fields, ensure_ascii=False)
    return line[: len(line) * 2 // 3] if how is Malformed.BROKEN_JSON else line
