"""What a day knew stays what it knew: whatever comes later, in whichever order days are built."""

from dataclasses import dataclass, field
from datetime import date, datetime, timedelta

import pytest

from tests.warehouse.dbt_makers import Shop, machine_in, random_deliveries
from warehouse.dbt_project import dbt_vars, run_dbt

FIRST_DAY = date(2024, 3, 1)
DAYS = 60
EARLY, LATE = date(2024, 3, 20), date(2024, 4, 10)
LABEL_DAY = FIRST_DAY + timedelta(days=DAYS - 1)
LATER = LABEL_DAY + timedelta(days=2)
FEATURES = "features.user_features"
LABELS = "features.training_labels"
USER_DAYS = "intermediate.int_user_days"
WITHOUT_NUMBERING = f"(select * exclude (changed_by_delivery) from {USER_DAYS})"


@dataclass
class Story:
    """Checksums taken while one shop was built again and again."""

    shop: Shop
    digests: dict[str, str] = field(default_factory=dict)
    counts: dict[str, int] = field(default_factory=dict)

    def note(self, moment: str, *days: date) -> None:
        for day in days:
            self.digests[f"{moment} {day}"] = self.shop.digest(FEATURES, f"as_of_date = date '{day}'")

    def note_labels(self, moment: str) -> None:
        self.digests[f"{moment} labels"] = self.shop.digest(LABELS, f"label_known_on = date '{LABEL_DAY}'")


def poison(shop: Shop) -> None:
    """Deliver, after the label day: the future, late rows of the past, and corrections of it."""
    shop.deliver(
        LATER,
        users=[{"user_id": "u1", "country": "XX"}],
        products=[{"product_id": "p1", "category": "elsewhere"}],
        orders=[
            {**order("o-late", "u1", datetime(2024, 3, 15, 4)), "gross_amount": 9999},
            {**order("o-new", "u2", datetime(2024, 4, 30, 4)), "gross_amount": 9999},
            *[
                {**order(order_id, user_id, ordered_at), "status": "refunded"}
                for order_id, user_id, ordered_at in shop.rows(
                    "select order_id, user_id, ordered_at from raw.sample_shop__orders "
                    "where status = 'paid' and user_id < 'u2' and ordered_at > '2024-03-22' order by order_id"
                )
            ],
        ],
        events=[
            {
                "event_id": f"e-late-{number}",
                "user_id": f"u{number}",
                "session_id": "s-late",
                "occurred_at": datetime(2024, 3, 18, 4),
                "event_type": "product_view",
            }
            for number in range(30)
        ],
    )


def order(order_id: str, user_id: str, ordered_at: datetime) -> dict[str, object]:
    return {
        "order_id": order_id,
        "user_id": user_id,
        "ordered_at": ordered_at,
        "status": "paid",
        "gross_amount": 10,
        "discount_amount": 0,
        "currency": "CNY",
    }


@pytest.fixture(scope="module")
def story(tmp_path_factory):
    shop = Shop(tmp_path_factory.mktemp("home"))
    story = Story(shop)
    deliveries = list(random_deliveries(FIRST_DAY, DAYS, users=30, seed=5))

    # the early day is built when nothing later was delivered
    with machine_in("UTC"):
        for known_on, tables in deliveries:
            if known_on <= EARLY:
                shop.deliver(known_on, **tables)
        shop.build("features", EARLY)
        story.note("in order", EARLY)

    # the late day is built when all was delivered, in another zone, and the early one again
    with machine_in("Asia/Shanghai"):
        for known_on, tables in deliveries:
            if known_on > EARLY:
                shop.deliver(known_on, **tables)
        shop.build("features", LATE, EARLY)
        story.note("out of order", EARLY, LATE)
        shop.build("labels", LABEL_DAY)
        story.note_labels("in order")
        story.counts["labels"] = len(shop.rows(f"select * from {LABELS}"))

    # rows that the poison does not touch are marked: a recomputation would lose the mark
    shop.write(f"update {USER_DAYS} set searches = 777 where activity_date in ('2024-03-12', '2024-03-18')")
    poison(shop)
    with machine_in("America/New_York"):
        shop.build("features", LATER)
    story.counts["untouched"] = marks(shop, "2024-03-12")
    story.counts["touched"] = marks(shop, "2024-03-18")
    shop.build("features", LATE, EARLY, LATER, full_refresh=True)
    story.note("after poison", EARLY, LATE, LATER)
    story.digests["full user days"] = shop.digest(WITHOUT_NUMBERING)
    shop.build("labels", LABEL_DAY, LATER)
    story.note_labels("after poison")
    return story


def marks(shop: Shop, day: str) -> int:
    return len(
        shop.rows(f"select * from {USER_DAYS} where activity_date = cast(? as date) and searches = 777", day)
    )


def test_e1_what_is_delivered_later_changes_no_feature(story):
    assert story.digests[f"after poison {LATE}"] == story.digests[f"out of order {LATE}"]
    assert story.digests[f"after poison {EARLY}"] == story.digests[f"in order {EARLY}"]


def test_the_poison_reaches_the_days_that_know_it(story):
    ((country,),) = story.shop.rows(
        f"select country from {FEATURES} where user_id = 'u1' and as_of_date = ?", LATER
    )
    assert country == "XX"
    assert story.shop.rows(
        f"select user_id from {FEATURES} "
        "where user_id = 'u1' and as_of_date = ? and largest_paid_day_amount > 9000",
        LATER,
    )


def test_d4_days_may_be_built_in_any_order(story):
    assert story.digests[f"out of order {EARLY}"] == story.digests[f"in order {EARLY}"]


def test_the_sql_passes_its_own_tests(story):
    for selector, days in {"features": [EARLY, LATE], "labels": [LABEL_DAY, LATER]}.items():
        results = run_dbt(
            story.shop.settings,
            ["test", "--quiet", "--selector", selector],
            dbt_vars(story.shop.settings, days),
        ).results
        kinds = {str(result.node.resource_type) for result in results}
        assert kinds == {"test", "unit_test"}, selector
        assert {str(result.status) for result in results} == {"pass"}, selector


def test_d6_labels_taken_on_a_day_never_change(story):
    assert story.counts["labels"] > 0
    assert story.digests["after poison labels"] == story.digests["in order labels"]


def test_d6_labels_taken_later_know_the_correction(story):
    changed = story.shop.rows(
        f"select count(*) from {LABELS} as earlier join {LABELS} as later "
        "using (as_of_date, user_id, horizon_days, label_kind) "
        "where earlier.label_known_on = ? and later.label_known_on = ? and earlier.churned <> later.churned",
        LABEL_DAY,
        LATER,
    )
    assert changed != [(0,)]


def test_e2_no_label_is_made_before_its_window_has_ended(story):
    ages = story.shop.rows(f"select distinct as_of_date, horizon_days, label_known_on from {LABELS}")
    assert (EARLY, 30, LABEL_DAY) in ages
    assert all(day + timedelta(days=horizon) <= known for day, horizon, known in ages)


def test_late_rows_recompute_only_the_days_they_touch(story):
    assert story.counts["untouched"] > 0
    assert story.counts["touched"] == 0


def test_a_day_is_told_apart_by_the_clock_on_the_shops_wall(story):
    """16:30 UTC is half past midnight in Shanghai."""
    ((wrong, right),) = story.shop.rows(
        """
        select
            count(*) filter (order_date <> cast(ordered_at + interval 8 hour as date)),
            count(*) filter (order_date > cast(ordered_at as date))
        from intermediate.int_orders_valued
        """
    )
    assert wrong == 0
    assert right > 0


def test_incremental_user_days_equal_a_full_refresh(story, tmp_path_factory):
    shop = story.shop
    shop.write(f"delete from {USER_DAYS} where activity_date > date '2024-04-25'")
    shop.write("delete from intermediate.int_event_days where activity_date > date '2024-04-25'")
    # forget what the newest deliveries brought, so that the next run has to bring it again
    for table in ("intermediate.int_event_days", USER_DAYS, "intermediate.int_orders_valued"):
        shop.write(f"update {table} set changed_by_delivery = least(changed_by_delivery, 50)")
    shop.build("features", LATER)
    assert shop.digest(WITHOUT_NUMBERING) == story.digests["full user days"]
