"""Hot accounts: one account on one side of every transfer, limited or not.

Limited: every line debits it, one in five asks for more than there is, so that every line of a
batch is contested and judged in sequence; which were refused is checked against the sequential
model. Unlimited: every line credits it, nothing is refused. Both beside lines over all accounts.

    python -m benchmarks.hot [--json] [--strict] [--preload N]
"""

from __future__ import annotations

import numpy as np

from benchmarks import entry, model
from benchmarks.bench import RUNS, CheckFailed, Figure, Point, ratios, say
from benchmarks.made import open_accounts
from benchmarks.posting import FULL_BATCHES
from benchmarks.preload import Bench, load
from benchmarks.streams import with_columns
from benchmarks.timed import Timed, all_posted, costs, path, rates
from ledger.posting.lines import Lines

REFUSED_SHARE = 5
"""One line in so many asks for more than the account has."""
FUNDS = 10**13
TOO_MUCH = FUNDS * 2


async def measure(made: Bench) -> list[Point]:
    """Uniform, limited and unlimited in turns."""
    (limited,) = await open_accounts(made.pool, ["HOT-LIMITED"], 0)
    (unlimited,) = await open_accounts(made.pool, ["HOT-UNLIMITED"], None)
    await _fund(made, limited)
    uniform, hot_limited, hot_unlimited = [], [], []
    for number in range(RUNS):
        uniform.append(all_posted(await path(made, made.stream(FULL_BATCHES).arrays())))
        hot_limited.append(await _limited(made, limited, number))
        lines = [_credits(each, unlimited) for each in made.stream(FULL_BATCHES).chunks()]
        hot_unlimited.append(all_posted(await path(made, lines)))
        say(
            f"uniform {uniform[-1].per_second:,.0f}/s, hot and limited "
            f"{hot_limited[-1].per_second:,.0f}/s, unlimited {hot_unlimited[-1].per_second:,.0f}/s"
        )
    return [
        _point("one limited account debited by all, 20% refused", hot_limited, uniform, 0.4),
        _point("one unlimited account credited by all", hot_unlimited, uniform, 0.9),
    ]


async def _fund(made: Bench, account: int) -> None:
    """One line that gives the account its money."""
    (lines,) = made.stream(1).chunks()
    funded = with_columns(
        lines,
        credit=np.array([account], np.int32),
        amount_satang=np.array([FUNDS], np.int64),
    )
    made.posted(await load(made.pool, [funded]))


async def _limited(made: Bench, account: int, number: int) -> Timed:
    """One run, its outcomes compared with the model's."""
    async with made.pool.acquire() as connection:
        sequential = await model.Model.of_book(connection)
    lines = [_debits(each, account) for each in made.stream(FULL_BATCHES).chunks()]
    timed = await path(made, lines)
    told = model.compare(sequential, lines, timed.outcomes)
    refused = timed.lines - timed.posted
    if refused != sum(len(each) // REFUSED_SHARE for each in lines):
        raise CheckFailed(f"{refused:,} of {timed.lines:,} lines were refused, not one in five")
    async with made.pool.acquire() as connection:
        await model.compare_balances(sequential, connection)
    made.checks.append(f"hot and limited, run {number + 1}, as the sequential model: {told}")
    return timed


def _debits(lines: Lines, account: int) -> Lines:
    dice = np.random.default_rng(len(lines))
    amount = lines.amount_satang.copy()
    amount[dice.permutation(len(lines))[: len(lines) // REFUSED_SHARE]] = TOO_MUCH
    return with_columns(lines, debit=np.full(len(lines), account, np.int32), amount_satang=amount)


def _credits(lines: Lines, account: int) -> Lines:
    return with_columns(lines, credit=np.full(len(lines), account, np.int32))


def _point(name: str, runs: list[Timed], uniform: list[Timed], at_least: float) -> Point:
    return Point(
        name=name,
        figures=(
            Figure(name="lines", unit="/s", values=rates(runs)),
            Figure(
                name="ratio_to_uniform",
                values=ratios(rates(runs), rates(uniform)),
                at_least=at_least,
            ),
            *costs(runs),
        ),
    )


if __name__ == "__main__":
    entry.main(measure, about=__doc__)
