"""The ledger: small state that must not be lost, outside DuckDB.

Runs with their epochs, deliveries, built days, gate results, publishes, models and the decisions on them,
alarms; of campaigns the assignments, launches, messages, coupons and contact blocks; keys of the HTTP API,
people of the dashboard, and who did what; what people were to be told, and what tools reported back. In
SQLite by default and in PostgreSQL by URL.
"""

from typing import Self

from warehouse.ledger.access_records import ApiKey, AuditEntry, DashboardPerson
from warehouse.ledger.alarm_book import AlarmBook
from warehouse.ledger.assignment_book import AssignmentBook
from warehouse.ledger.audit_book import Action
from warehouse.ledger.block_book import BlockBook
from warehouse.ledger.campaign_records import (
    CampaignAssignment,
    CampaignLaunch,
    ContactBlock,
    Coupon,
    CouponBudget,
    DeliveryAttempt,
    OutboxMessage,
)
from warehouse.ledger.champion_book import ChampionBook
from warehouse.ledger.claim_book import ClaimBook
from warehouse.ledger.coupon_book import CouponBook
from warehouse.ledger.delivery_book import DeliveryBook
from warehouse.ledger.key_book import KeyBook
from warehouse.ledger.launch_book import LaunchBook
from warehouse.ledger.notice_book import NoticeBook
from warehouse.ledger.outcome_book import OutcomeBook, ReportedOutcome
from warehouse.ledger.person_book import PersonBook
from warehouse.ledger.publish_book import PublishBook
from warehouse.ledger.records import (
    Alarm,
    BuiltDay,
    Clock,
    Delivery,
    DeliveryFile,
    GateResult,
    LedgerError,
    Model,
    ModelDecision,
    ModelUse,
    Publish,
    Run,
    utc_now,
)
from warehouse.ledger.run_book import RunBook
from warehouse.settings import Settings


class Ledger(
    RunBook,
    DeliveryBook,
    PublishBook,
    ChampionBook,
    AlarmBook,
    AssignmentBook,
    LaunchBook,
    ClaimBook,
    CouponBook,
    BlockBook,
    KeyBook,
    PersonBook,
    NoticeBook,
    OutcomeBook,
):
    """Every book of the ledger over one database; use it as a context manager.

    Parameters
    ----------
    url : str
        ``sqlite:////path/ledger.db`` or ``postgresql://…``.
    clock : callable, optional
        Gives the current moment in UTC.
    """

    @classmethod
    def open(cls, settings: Settings, clock: Clock = utc_now, *, keeps_connections: bool = False) -> Self:
        """Open the ledger of the settings, bringing its schema up to date first."""
        opened = cls(settings.ledger_url, clock, keeps_connections=keeps_connections)
        opened.anchor = settings.home / "ledger" / "audit_head.json"
        return opened

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *exception: object) -> None:
        self.close()


__all__ = [
    "Action",
    "Alarm",
    "ApiKey",
    "AuditEntry",
    "BuiltDay",
    "CampaignAssignment",
    "CampaignLaunch",
    "Clock",
    "ContactBlock",
    "Coupon",
    "CouponBudget",
    "DashboardPerson",
    "Delivery",
    "DeliveryAttempt",
    "DeliveryFile",
    "GateResult",
    "Ledger",
    "LedgerError",
    "Model",
    "ModelDecision",
    "ModelUse",
    "OutboxMessage",
    "Publish",
    "ReportedOutcome",
    "Run",
    "utc_now",
]
