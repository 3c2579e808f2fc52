"""What tests of notices work in."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any

from tests.warehouse.notices.receivers import MailReceiver, WebReceiver
from warehouse.ledger import Ledger, Run
from warehouse.notices import NoticeSettings, bring_out, tell_failure, tell_risk_alerts
from warehouse.settings import Settings


class Clock:
    def __init__(self) -> None:
        self.now = datetime(2026, 6, 30, 9, 0, tzinfo=UTC)

    def __call__(self) -> datetime:
        return self.now


@dataclass
class Office:
    """A shop with a run, receivers for both audiences, and what was logged."""

    settings: Settings
    ledger: Ledger
    run: Run
    web: WebReceiver
    mail: MailReceiver
    mail_url: str
    clock: Clock
    said: list[str] = field(default_factory=list)

    def environment(self, **changes: str) -> dict[str, str]:
        """Every channel of both audiences."""
        return {
            "HOLDFAST_NOTICE_SMTP_URL": self.mail_url,
            "HOLDFAST_NOTICE_EMAIL_FROM": "Holdfast <holdfast@shop.example>",
            "HOLDFAST_NOTICE_ENGINEERS_EMAIL": "on-call@shop.example",
            "HOLDFAST_NOTICE_ENGINEERS_SLACK_URL": f"{self.web.url}/engineers/slack",
            "HOLDFAST_NOTICE_ENGINEERS_WEBHOOK_URL": f"{self.web.url}/engineers/hook",
            "HOLDFAST_NOTICE_SERVICE_EMAIL": "service@shop.example, lead@shop.example",
            "HOLDFAST_NOTICE_SERVICE_SLACK_URL": f"{self.web.url}/service/slack",
            "HOLDFAST_NOTICE_SERVICE_WEBHOOK_URL": f"{self.web.url}/service/hook",
            "HOLDFAST_NOTICE_DASHBOARD_URL": "https://holdfast.shop.example",
        } | changes

    def told(self, **changes: str) -> NoticeSettings:
        return NoticeSettings.from_environment(self.environment(**changes))

    def alerts(self, alerts: Sequence[dict[str, Any]], told: NoticeSettings | None = None) -> int:
        return tell_risk_alerts(
            self.settings, self.ledger, self.run, alerts, told=told or self.told(), progress=self.said.append
        )

    def fails(self, occasion: str, error: object, told: NoticeSettings | None = None) -> int:
        return tell_failure(
            self.settings,
            self.ledger,
            "score_churn_risk.score_users",
            occasion,
            error,
            as_of_date="2026-06-30",
            told=told or self.told(),
            progress=self.said.append,
        )

    def bring_out(self, told: NoticeSettings | None = None) -> int:
        return bring_out(self.settings, self.ledger, told or self.told(), progress=self.said.append)

    def waiting(self) -> list[tuple[str, str | None]]:
        found = self.ledger.waiting_notices(self.settings.source)
        return [(one.channel, one.failure) for one in found]
