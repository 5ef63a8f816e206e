"""The level payment: what has to be paid at each due so that nothing is left. Exact.

Owing V at the first payment, interest included, and growing by g between payments, the debt after
each payment E is (V - E), (V - E) g - E, ... Solving that for the last one to be the amount that
shall be left gives E as a ratio of integers; no power of a rounded rate is ever taken. Where all
periods are alike it is the annuity formula of the textbooks, PMT(r, n, P).
"""

from __future__ import annotations

from collections.abc import Sequence
from fractions import Fraction
from math import lcm

from ledger.errors import ensure


def level_payment(
    owed_at_first: Fraction, growths: Sequence[Fraction], left: Fraction | int = 0
) -> Fraction:
    """The payment E that leaves `left` after the last of 1 + len(growths) payments.

    owed_at_first: debt when the first payment is made, the interest up to then included.
    growths:       1 + interest of each later period, in order; each positive.
    """
    ensure(all(growth > 0 for growth in growths), "a debt never shrinks below nothing by growing")
    unit = lcm(*(growth.denominator for growth in growths))
    product, payments, scale = 1, 1, 1
    for growth in growths:
        scaled = growth.numerator * (unit // growth.denominator)
        scale *= unit
        product *= scaled
        payments = payments * scaled + scale
    return (owed_at_first * product - left * scale) / payments
