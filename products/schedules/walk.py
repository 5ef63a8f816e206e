"""The engine: one period after the other, from what was left to what is left. Pure.

For each period: what flows in it (tranches, prepayments), whether something has the instalment
solved anew, what its nights earn, what falls due, what is left. Nothing that happens after a
period is looked at while it is computed, except how many periods are left and how they pay; so a
schedule can be gone on with from any row, and terms given at once or one change after the other
make the same schedule.
"""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from datetime import date, timedelta
from fractions import Fraction

from ledger.errors import InvalidInput
from products.schedules.due_dates import DuePeriod, InterestDue
from products.schedules.earning import (
    RateSteps,
    exact_interest,
    settled,
    settled_interest,
    sub_periods,
)
from products.schedules.flows import Flow, dated, flows_between, prepaid_on
from products.schedules.solving import agreed_level, settle_level, solve
from products.schedules.values import (
    Adjust,
    InForce,
    InterestMethod,
    LoanTerms,
    PrepaymentEffect,
    Repayment,
    Row,
    SubPeriod,
)

PERIODS_MAX = 1200
"""The longest schedule that grows by itself when instalments stay and the rate rises."""

_ONE_DAY = timedelta(days=1)


@dataclass(slots=True, kw_only=True)
class Walk:
    """Where the walk stands: before the period number `at` of `periods`.

    balance, deferred, advance: as in `values.Row`, in satang, after the row before.
    in_force: the rule that fixes the instalments; None = to be solved at the next that pays.
    agreed:   the stated instalment still holds.
    horizon:  a trial: what happens from this date on is not foreseen, and nothing is solved.
    """

    terms: LoanTerms
    steps: RateSteps
    periods: list[DuePeriod]
    at: int = 0
    balance: int = 0
    deferred: int = 0
    advance: int = 0
    in_force: InForce | None = None
    agreed: bool = True
    horizon: date | None = None
    rows: list[Row] = field(default_factory=list)

    @classmethod
    def of(cls, terms: LoanTerms) -> Walk:
        """A walk that stands at the beginning."""
        return cls(terms=terms, steps=RateSteps.of(terms), periods=list(terms.periods))

    def run(self) -> None:
        """Walk to the last period, or to where nothing is left and nothing more is paid out."""
        while self.at < len(self.periods) and not self._is_paid():
            self.rows.append(self._step())
            self.at += 1
        self.refuse_what_came_later()

    def level(self) -> int | None:
        """The level payment in force, if one is."""
        return self.in_force.level_satang if self.in_force else None

    # What `recalculate` has its own view of: what was really paid, and when.

    def overdue_bearing(self) -> int:
        """Overdue amounts that bear interest when the period begins."""
        return 0

    def flows_inside(self, since: date, end: date) -> list[Flow]:
        """What flows after `since` and before `end`, in order of dates."""
        return [flow for flow in flows_between(self.terms, since, end) if self._knows(flow.on)]

    def after_due(self, end: date, principal: int, interest: int) -> list[Flow]:  # noqa: ARG002
        """What is paid on the end date over what falls due there."""
        return [flow for flow in prepaid_on(self.terms, end) if self._knows(flow.on)]

    def settle_advance(self, early: int, prepaid: int) -> None:
        """What was paid beyond the running instalment does what was agreed.

        early: prepaid in the period before its end; prepaid: on its end date too.
        """

    def refuse_what_came_later(self) -> None:
        """`InvalidInput` for a prepayment when nothing is owed any more: no row would hold it."""
        reached = self.rows[-1].period.end_date
        for paid in self.terms.prepayments:
            if paid.on > reached and self._knows(paid.on):
                expected = f"none: the loan is paid on {reached.isoformat()}"
                raise InvalidInput.one(
                    f"prepaid on {paid.on.isoformat()}", paid.amount_satang, expected
                )

    # One period.

    def _step(self) -> Row:
        """The row of the period `at`; the walk then stands after it."""
        period, since = self.periods[self.at], self._since()
        if not self.at:
            self.balance = self._paid_out(since, since)
        opening = self.balance
        overdue = self.overdue_bearing()
        flows = self.flows_inside(since, period.end_date)
        self._solve_where_needed(period, since, flows)
        parts = self._earning(period, flows, overdue)
        earned = settled_interest(self.terms.convention.rounding, parts)
        early = self._let_flow(flows)
        principal = self._principal_due(period, earned)
        interest = self._interest_due(period, earned)
        in_force = self.in_force
        on_time = self.after_due(period.end_date, principal, interest)
        prepaid = early + self._let_flow(on_time)
        self.settle_advance(early, prepaid)
        if since < period.end_date:
            self.balance += self._paid_out(period.end_date, period.end_date)
        return Row(
            n=self.at + 1,
            period=period,
            opening_satang=opening,
            disbursed_satang=self.balance - opening + principal + prepaid,
            principal_satang=principal,
            prepaid_satang=prepaid,
            interest_satang=interest,
            closing_satang=self.balance,
            earned_satang=earned,
            exact_satang=exact_interest(parts),
            deferred_satang=self.deferred,
            advance_satang=self.advance,
            sub_periods=parts,
            in_force=in_force,
        )

    def _is_paid(self) -> bool:
        if not self.at or self.balance or self.deferred or self.advance or self.overdue_bearing():
            return False
        reached = self.periods[self.at - 1].end_date
        coming = dated(self.terms.disbursements, reached + _ONE_DAY, self.periods[-1].end_date)
        return not any(self._knows(paid.on) for paid in coming)

    def _knows(self, on: date) -> bool:
        return self.horizon is None or on < self.horizon

    def _since(self) -> date:
        """Where the period before ended; the first night for the first one."""
        return self.periods[self.at - 1].end_date if self.at else self.periods[0].start_date

    def _paid_out(self, first: date, last: date) -> int:
        return sum(
            paid.amount_satang
            for paid in dated(self.terms.disbursements, first, last)
            if self._knows(paid.on)
        )

    def _let_flow(self, flows: list[Flow]) -> int:
        """Move the balance; the sum of what was prepaid. `InvalidInput` above what is owed."""
        prepaid = 0
        for flow in flows:
            change = flow.balance_satang
            if self.balance + change < 0:
                expected = f"at most the principal outstanding, {self.balance} of the smallest unit"
                raise InvalidInput.one(f"prepaid on {flow.on.isoformat()}", -change, expected)
            self.balance += change
            if change < 0:
                prepaid -= change
                self.advance -= change if flow.advance else 0
        return prepaid

    # What the nights earn.

    def _earning(self, period: DuePeriod, flows: list[Flow], overdue: int) -> tuple[SubPeriod, ...]:
        if self.terms.interest_method is InterestMethod.DECLINING_BALANCE:
            bearing = self.balance + overdue
            changes = [(max(flow.on, period.start_date), flow.bearing_satang) for flow in flows]
        else:
            bearing = self._paid_out(self.periods[0].start_date, self._since())
            changes = [
                (max(flow.on, period.start_date), flow.balance_satang)
                for flow in flows
                if flow.balance_satang > 0
            ]
        return sub_periods(self.terms, self.steps, period, bearing, changes)

    def _interest_due(self, period: DuePeriod, earned: int) -> int:
        if period.interest is InterestDue.FREE:
            return 0
        due = self.deferred + earned
        if period.interest is InterestDue.DEFERRED:
            self.deferred = due
            return 0
        self.deferred = 0
        return due

    # What principal falls due.

    def _principal_due(self, period: DuePeriod, earned: int) -> int:
        """What falls due and leaves the balance; what was paid in advance stands in for it."""
        outstanding = self.balance + self.advance
        scheduled = min(self._scheduled(period, earned, outstanding), outstanding)
        used = min(self.advance, scheduled)
        self.advance -= used
        self.balance -= scheduled - used
        return scheduled - used

    def _scheduled(self, period: DuePeriod, earned: int, outstanding: int) -> int:
        if period.principal_satang is not None:
            return period.principal_satang
        rule = self.in_force
        if not period.weight or not outstanding or rule is None:
            return 0
        if self.at == len(self.periods) - 1 and not self._grows(outstanding, earned):
            return outstanding
        if rule.principal_per_weight is not None:
            return self._share(rule.principal_per_weight, period, earned)
        return self.covered(rule.level_satang or 0, period, earned)

    def _share(self, per_weight: Fraction, period: DuePeriod, earned: int) -> int:
        """The principal that the period's weight stands for, settled."""
        exact = per_weight * period.weight
        if self.terms.repayment is not Repayment.EQUAL_INSTALMENTS:
            return settled(self.terms.convention.rounding, exact)
        # Flat interest in equal instalments, each part at the instalment's step by itself.
        parts = settle_level(self.terms, exact) + settle_level(self.terms, Fraction(earned))
        return self.covered(parts, period, earned)

    def _grows(self, outstanding: int, earned: int) -> bool:
        """True when the instalment stays, the rate has changed, and another period was added."""
        level = self.level()
        terms, last = self.terms, self.periods[-1]
        step = terms.convention.level_step_satang
        changed = self.steps.changes(self.periods[0].start_date + _ONE_DAY, last.end_date)
        if terms.on_rate_change is Adjust.INSTALMENT or level is None or not changed:
            return False
        if self.horizon is not None:
            return False  # a trial only asks what the last one would be
        if outstanding - (level - earned) < step:
            return False  # crumbs below the instalment's step go with the last one
        if terms.due_rule is None or len(self.periods) >= PERIODS_MAX:
            got = f"{outstanding - level + earned} left after instalment {len(self.periods)}"
            expected = f"a rule for more due dates, and at most {PERIODS_MAX} of them"
            raise InvalidInput.one("due_rule", got, expected)
        reached = max(last.end_date, last.due_date)
        self.periods.append(next(terms.due_rule.periods_from(last.end_date, reached)))
        return True

    # The instalment, solved.

    def _solve_where_needed(self, period: DuePeriod, since: date, flows: list[Flow]) -> None:
        if self.horizon is not None:
            return
        if self._smaller(since, period.end_date):
            self.in_force, self.agreed = None, False
        agreed = self.terms.fixed_instalment_satang if self.agreed else None
        if agreed is None and self._asks_anew(since, period.end_date):
            self.in_force = None
        owing = self.balance or self.advance or flows
        if self.in_force is None and period.weight and owing:
            solved = agreed_level(agreed) if agreed else self._solved(period, flows)
            self.in_force = solved if agreed else self._smoothed(solved)

    def _smaller(self, since: date, end: date) -> bool:
        """True when a prepayment is to make the instalments smaller from this period on."""
        return any(
            paid.effect is PrepaymentEffect.SMALLER_INSTALMENTS
            for paid in dated(self.terms.prepayments, since, end - _ONE_DAY)
        )

    def _asks_anew(self, since: date, end: date) -> bool:
        """True when a tranche, or a rate that the instalment follows, begins in the period."""
        drawn, came = self.terms.disbursements[0], self.terms.disbursements
        if any(paid is not drawn for paid in dated(came, since, end - _ONE_DAY)):
            return True
        follows = self.level() is not None and self.terms.on_rate_change is Adjust.INSTALMENT
        return follows and bool(self.steps.changes(since, end))

    def _solved(self, period: DuePeriod, flows: list[Flow]) -> InForce:
        terms = self.terms
        flows = [flow for flow in flows if flow.solving]
        owed = self.balance + self.advance + sum(flow.balance_satang for flow in flows)
        own = terms.convention.solves_own_factors
        return solve(
            terms,
            [period for period in self.periods[self.at :] if period.weight],
            owed_satang=owed,
            flat_base_satang=self._paid_out(self.periods[0].start_date, period.end_date - _ONE_DAY),
            first_interest=self._first_interest(period, flows) if own else Fraction(0),
            annual_rate_e8=self.steps.on(period.end_date - _ONE_DAY),
        )

    def _first_interest(self, period: DuePeriod, flows: list[Flow]) -> Fraction:
        changes = [(max(flow.on, period.start_date), flow.balance_satang) for flow in flows]
        bearing = self.balance + self.advance
        return exact_interest(sub_periods(self.terms, self.steps, period, bearing, changes))

    def _smoothed(self, rule: InForce) -> InForce:
        """The level payment moved so that the last instalment lies nearer to the others.

        Tried once, and kept only if it does (vectors/README.md, convention 3).
        """
        level, convention = rule.level_satang, self.terms.convention
        left = sum(1 for period in self.periods[self.at :] if period.weight)
        if not convention.smooths_last or level is None:
            return rule
        difference = self._last_instalment(rule) - level
        if abs(difference) <= left // 2:
            return rule
        nearer = level + settled(convention.rounding, Fraction(difference, left))
        moved = replace(rule, level_satang=nearer)
        better = abs(self._last_instalment(moved) - nearer) < abs(difference)
        return moved if better else rule

    def _last_instalment(self, rule: InForce) -> int:
        """The last instalment under a rule, with nothing foreseen beyond the running period."""
        horizon = self.periods[self.at].end_date
        trial = Walk(
            terms=self.terms,
            steps=self.steps.until(horizon),
            periods=self.periods,
            at=self.at,
            balance=self.balance,
            deferred=self.deferred,
            advance=self.advance,
            in_force=rule,
            horizon=horizon,
        )
        trial.run()
        return trial.rows[-1].total_satang

    def covered(self, instalment: int, period: DuePeriod, earned: int) -> int:
        """What an instalment leaves for principal. `InvalidInput` when that is nothing."""
        if instalment <= earned and self.horizon is not None:
            return 0  # a trial of an instalment that is worse than none
        if instalment <= earned:
            where = f"instalment {self.at + 1}, due {period.due_date.isoformat()}"
            expected = f"more than its interest of {earned}: else the loan is never repaid"
            raise InvalidInput.one(where, instalment, expected)
        return instalment - earned
