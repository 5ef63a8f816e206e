"""Settling a fraction by looking at its neighbours, as on paper; for the independent clerk."""

from __future__ import annotations

from fractions import Fraction
from math import ceil, floor

from ledger.money import Rounding


def settled(exact: Fraction, mode: Rounding, step: int) -> int:
    """The multiple of `step` that `mode` chooses between the two next to `exact` (0 or more)."""
    below, above = floor(exact / step) * step, ceil(exact / step) * step
    if mode is Rounding.DOWN or below == above:
        return below
    if mode is Rounding.UP:
        return above
    if exact - below != above - exact:
        return below if exact - below < above - exact else above
    if mode is Rounding.HALF_UP:
        return above
    return below if below // step % 2 == 0 else above
