"""D2 (publishing side): thirty past days are published; readers stay where they are."""

from tests.warehouse.publish.tiny_build import begin_and_build, fast_home, tiny_settings
from warehouse.ledger import Ledger
from warehouse.publish import check, publish


def test_d2_a_month_of_past_days_leaves_readers_at_the_newest() -> None:
    with fast_home() as home:
        settings = tiny_settings(home, threads=1, snapshots_kept=30)
        with Ledger.open(settings) as ledger:
            today = begin_and_build(settings, ledger, 40)
            publish(settings, ledger, today)
            for number in range(30):
                done = publish(settings, ledger, begin_and_build(settings, ledger, number))
                assert not done.pointer_moved
                assert done.row_counts["user_risk_tiers_history"] == 5 * (number + 1)
            assert check(settings).run_id == today.run_id
            assert ledger.pointer_history() == (("publish", today.run_id),)
            tomorrow = begin_and_build(settings, ledger, 41)
            assert publish(settings, ledger, tomorrow).row_counts["user_risk_tiers_history"] == 5 * 32
