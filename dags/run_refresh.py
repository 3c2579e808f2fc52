"""One round of the refresh by hand: ``python -m dags.run_refresh`` (``make refresh``), without Airflow.

Takes what has landed, looks at the users it touches, and publishes an intraday snapshot. Alerts are printed,
and stay to be told by the next round of the DAG.
"""

import argparse
import sys
from collections.abc import Sequence

from dags.wiring.refreshing import refresh
from warehouse.errors import Busy, HoldfastError
from warehouse.intraday import NotNow
from warehouse.ledger import Ledger
from warehouse.settings import Settings

FAILED = 1
TRY_AGAIN = 75  # EX_TEMPFAIL: schedulers take it for "later"
SHOWN = 20


def main(arguments: Sequence[str] | None = None) -> int:
    """Do one round; returns 0, 1 on failure, 75 when there is nothing to do or it must not be done now."""
    argparse.ArgumentParser(prog="python -m dags.run_refresh", description=__doc__).parse_args(arguments)
    try:
        settings = Settings.from_environment()
        with Ledger.open(settings) as ledger:
            done = refresh(settings, ledger)
    except (NotNow, Busy) as reason:
        print(f"Not now: {reason}")
        return TRY_AGAIN
    except HoldfastError as error:
        print(error, file=sys.stderr)
        return FAILED
    print(done)
    for alert in done.alerts[:SHOWN]:
        print(f"  {alert.severity:<9}  {alert.user_id}  {alert.risk_tier:<6}  {alert.reason_sentence_en}")
    if len(done.alerts) > SHOWN:
        print(f"  and {len(done.alerts) - SHOWN:,} more in risk_alerts")
    return 0


if __name__ == "__main__":
    sys.exit(main())
