"""Loads laid out by hand: every guard, every refusal, ids again, others in between."""

from __future__ import annotations

from tests.ledger.bulk.drawn import AccountRecipe, Drawn, LineRecipe

BRINKS = tuple(
    # The second account is filled or emptied to the last satang, and then one satang more is asked.
    Drawn(
        accounts=(AccountRecipe(opening=100_000), account),
        lines=(*(LineRecipe(*sides, amount) for amount in amounts), LineRecipe(0, 1, 1)),
        chunks=(most,),
        most=most,
    )
    for account, sides, amounts in (
        (AccountRecipe(opening=100, low=0), (2, 1), (60, 20, 20, 1)),
        (AccountRecipe(opening=100, held=40, low=0), (2, 1), (60, 1)),
        (AccountRecipe(opening=100, held=40, low=50), (2, 1), (5,)),
        (AccountRecipe(opening=100, high=150), (1, 2), (20, 20, 5, 5, 1)),
        (AccountRecipe(opening=300, high=150), (2, 1), (100, 60)),
        (AccountRecipe(opening=100, low=200), (1, 2), (60, 60)),
        (AccountRecipe(near="full"), (1, 2), (100, 20, 5, 5, 1)),
        (AccountRecipe(near="empty"), (2, 1), (100, 20, 5, 5, 1)),
        (AccountRecipe(near="old"), (1, 2), (100, 20, 5, 5, 1)),
        (AccountRecipe(near="spent"), (2, 1), (100, 20, 5, 5, 1)),
    )
    for most in (1_000, 1)
)
"""Every guard by amounts, met exactly and passed by one satang; in one batch, and line by line."""

BANK, FULL, RICH, LOW, HIGH, FROZEN, SHUT, DOLLAR, STRANGER = 0, 1, 2, 3, 4, 5, 6, 7, 9
"""Places of accounts in lines of `TROUBLE`."""
TROUBLE = Drawn(
    accounts=(
        AccountRecipe(near="full"),
        AccountRecipe(opening=100_000, low=0),
        AccountRecipe(opening=100, low=0),
        AccountRecipe(opening=100, high=150),
        AccountRecipe(opening=1_000, frozen=3),
        AccountRecipe(closed=True),
        AccountRecipe(foreign=True),
    ),
    lines=(
        LineRecipe(BANK, LOW, 0),
        LineRecipe(BANK, BANK, 5),
        LineRecipe(BANK, STRANGER, 5),
        LineRecipe(BANK, DOLLAR, 5),
        LineRecipe(BANK, LOW, 5, days=1),
        LineRecipe(BANK, LOW, 5, days=-400),
        LineRecipe(BANK, SHUT, 5),
        LineRecipe(FROZEN, BANK, 5),
        LineRecipe(BANK, FROZEN, 5),
        LineRecipe(LOW, BANK, 60, days=-1),
        LineRecipe(BANK, HIGH, 20, days=-1),
        LineRecipe(LOW, BANK, 5_000),
        LineRecipe(BANK, HIGH, 5_000),
        LineRecipe(BANK, FULL, 5_000),
        LineRecipe(BANK, LOW, 5),
        LineRecipe(BANK, LOW, 5, again=("line", 14)),
        LineRecipe(BANK, LOW, 6, again=("line", 14), same=False),
        LineRecipe(BANK, LOW, 5, again=("journal", 0)),
        LineRecipe(BANK, RICH, 5),
        LineRecipe(BANK, RICH, 5, again=("line", 18)),
        LineRecipe(BANK, RICH, 6, again=("line", 18), same=False),
    ),
    days=2,
)
"""A line for every reason to refuse one, then some that are in order, asked for once more."""

AGAIN = Drawn(
    accounts=(AccountRecipe(opening=100_000), AccountRecipe(opening=100_000, low=0)),
    lines=tuple(
        line
        for place in range(0, 60, 2)
        for line in (
            LineRecipe(1, 2, 5),
            LineRecipe(1, 2, 20, again=("line", place), same=bool(place % 4)),
        )
    ),
    chunks=(1,),
    most=1,
)
"""Each id stands in two batches one after the other."""

STALE = Drawn(
    accounts=(AccountRecipe(opening=100_000),) * 3,
    lines=(LineRecipe(1, 2, 5),),
    many=160,
    chunks=(20,),
    most=20,
    others=(2, 4, 5, 7),
)
"""Somebody else posts between batches."""
