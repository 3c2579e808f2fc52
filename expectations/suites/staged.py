"""Gate 2, first half: the orders and returns that every shop's staging brings to one form."""

from collections.abc import Iterator
from typing import TYPE_CHECKING

from expectations import thresholds as limits
from expectations.facts import Facts
from expectations.history import share
from expectations.rules import core, no_rows, suite
from expectations.suites.planned import Planned

if TYPE_CHECKING:
    import great_expectations as gx

ORDER_COLUMNS = frozenset({"order_id", "user_id", "ordered_at", "currency", "known_on"})


def plans(facts: Facts) -> Iterator[Planned]:
    """Yield the suites over the staged orders and, where the shop has them, the staged returns."""
    orders, users, returns = (_staged(facts, name) for name in ("orders", "users", "returns"))
    needs = {orders: ORDER_COLUMNS, users: frozenset({"user_id", "known_on"})}
    yield Planned(orders, needs, staged_orders)
    if returns in facts.columns:
        needs = {orders: ORDER_COLUMNS, returns: frozenset({"order_id", "returned_at", "known_on"})}
        yield Planned(returns, needs, staged_returns)


def staged_orders(facts: Facts) -> "gx.ExpectationSuite":
    """Check the orders: there are some, in the declared currency, of users that exist."""
    orders, users = _staged(facts, "orders"), _staged(facts, "users")
    coverage = f"""
coverage as (
    select count(*)::double as total, count(known.user_id)::double as found
    from (select * from {{batch}}) as orders
    left join (select distinct user_id from {users} where known_on <= date '{facts.last_day}') as known
        on known.user_id = orders.user_id
    where orders.known_on >= {facts.judged_sql}
)"""
    return suite(
        orders,
        f"select * from {orders} where known_on <= date '{facts.last_day}'",
        [
            core(
                "ExpectTableRowCountToBeBetween",
                "there_are_orders",
                min_value=1,
                expected=f"at least one order known by {facts.last_day}",
                remedy="look at the quarantine and at the staging model of the orders",
            ),
            core(
                "ExpectColumnDistinctValuesToBeInSet",
                "the_currency_is_the_declared_one",
                column="currency",
                value_set=[facts.currency],
                expected=f"only {facts.currency}",
                remedy="convert the amounts in the staging model, or declare the shop's currency",
            ),
            no_rows(
                "orders_have_their_users",
                f"from coverage where total > 0 and found < {limits.COVERAGE} * total",
                ctes=coverage,
                found=share("found / total") + " || ' of the orders'",
                expected=f"{limits.COVERAGE:.0%} of the orders belong to a known user",
                remedy="deliver the missing users, then run the day again",
                column="user_id",
            ),
        ],
    )


def staged_returns(facts: Facts) -> "gx.ExpectationSuite":
    """Check that returns come after the orders that they take back."""
    returns, orders = _staged(facts, "returns"), _staged(facts, "orders")
    compared = f"""
compared as (
    select count(*) as total, count(*) filter (where returns.returned_at < ordered.ordered_at) as early
    from (select * from {{batch}}) as returns
    inner join (select order_id, min(ordered_at) as ordered_at from {orders} group by order_id) as ordered
        on ordered.order_id = returns.order_id
    where returns.known_on >= {facts.judged_sql}
)"""
    rule = no_rows(
        "nothing_is_returned_before_it_was_ordered",
        f"from compared where early > greatest({1 - limits.COVERAGE:.2f} * total, 1)",
        ctes=compared,
        found="early || ' of ' || total || ' returns'",
        expected=f"at most {1 - limits.COVERAGE:.0%} of the returns before their order",
        remedy="ask the shop which of the two times is wrong, have it corrected, run the day again",
        column="returned_at",
    )
    rows = f"select * from {returns} where known_on <= date '{facts.last_day}'"
    return suite(returns, rows, [rule])


def _staged(facts: Facts, table: str) -> str:
    return f"staging.stg_{facts.source}__{table}"
