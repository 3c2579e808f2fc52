"""The day on one page: the list's age, alerts by kind and tier, gates, failures, what waits for approval."""

from collections import Counter, defaultdict
from datetime import timedelta
from typing import Any

from warehouse.errors import DamagedFile
from warehouse.ledger import Ledger
from warehouse.notices.notice import Notice, without_personal_data
from warehouse.notices.settings import NoticeSettings
from warehouse.notices.subjects import counted_tiers
from warehouse.notices.telling import Progress, tell
from warehouse.notices.texts import ALERT_KINDS, say, word
from warehouse.publish import current_snapshot, lease, read_manifest
from warehouse.publish.manifest import DATABASE_NAME, Manifest
from warehouse.reading import open_published
from warehouse.settings import Settings

DIGEST = "daily_digest"
FAILURES_AT_MOST = 5


def tell_digest(
    settings: Settings,
    ledger: Ledger,
    *,
    told: NoticeSettings | None = None,
    progress: Progress = print,
) -> int:
    """Tell both audiences how the day stands; once a day, however often it is asked.

    Returns
    -------
    int
        Messages that are new, counted once per channel.
    """
    told = told or NoticeSettings.from_environment()
    today = ledger.clock().date().isoformat()
    published = _Published(settings, ledger, told)
    shared = (*published.lines(), *_approvals(settings, ledger, told))
    for_engineers = (*shared, *_line_of_work(settings, ledger, told, published.manifest))
    title = say("digest_title", told.language, source=settings.source, day=today)
    notices = [
        Notice(
            key=f"{DIGEST}:{audience}:{today}",
            audience=audience,
            kind=DIGEST,
            subject=today,
            title=title,
            lines=lines,
            link=told.page("today"),
        )
        for audience, lines in (("service", shared), ("engineers", for_engineers))
    ]
    return tell(settings, ledger, told, notices, progress=progress)


class _Published:
    """What the published snapshot says of the day."""

    def __init__(self, settings: Settings, ledger: Ledger, told: NoticeSettings) -> None:
        self._ledger, self._told = ledger, told
        self.manifest: Manifest | None = None
        self._tiers: dict[str, int] = {}
        self._alerts: list[tuple[Any, ...]] = []
        try:
            folder = current_snapshot(settings)
        except DamagedFile:
            return
        with lease(folder):
            self.manifest = read_manifest(folder)
            connection = open_published(
                folder / DATABASE_NAME, threads=settings.threads, memory_limit=settings.memory_limit
            )
            try:
                counts = "select risk_tier, count(*) from user_risk_tiers group by risk_tier"
                self._tiers = dict(connection.execute(counts).fetchall())
                if "risk_alerts" in self.manifest.tables:
                    since = ledger.clock() - timedelta(days=1)
                    self._alerts = connection.execute(
                        "select alert_kind, risk_tier, count(*) from risk_alerts "
                        "where raised_at >= ? group by all order by all",
                        [since.replace(tzinfo=None)],
                    ).fetchall()
            finally:
                connection.close()

    def lines(self) -> tuple[str, ...]:
        """Return the list's freshness and the alerts since yesterday."""
        language = self._told.language
        if self.manifest is None:
            return (say("digest_no_list", language),)
        age = self._ledger.clock() - self.manifest.created_at
        fresh = say(
            "digest_list",
            language,
            day=self.manifest.as_of_date,
            hours=f"{age.total_seconds() / 3600:,.0f}",
            high=f"{self._tiers.get('high', 0):,}",
            medium=f"{self._tiers.get('medium', 0):,}",
        )
        by_kind: dict[str, Counter[str]] = defaultdict(Counter)
        for kind, tier, count in self._alerts:
            by_kind[str(kind)][str(tier)] += int(count)
        alerts = [
            say(
                "digest_alerts",
                language,
                what=word(ALERT_KINDS, kind, language),
                tiers=counted_tiers(counts, self._told),
            )
            for kind, counts in by_kind.items()
        ]
        return (fresh, *(alerts or [say("digest_no_alerts", language)]))


def _approvals(settings: Settings, ledger: Ledger, told: NoticeSettings) -> tuple[str, ...]:
    return tuple(
        say(
            "digest_approvals",
            told.language,
            campaign=one.campaign_id,
            until=f"{one.deadline_at:%Y-%m-%d %H:%M}" if one.deadline_at else "?",
            users=f"{one.users_treated:,}",
            cost=f"{one.expected_cost:,.2f}",
        )
        for one in ledger.launches(settings.source, state="awaiting_approval")
        if one.deadline_at is None or one.deadline_at > ledger.clock()
    )


def _line_of_work(
    settings: Settings, ledger: Ledger, told: NoticeSettings, manifest: Manifest | None
) -> tuple[str, ...]:
    """Return gates, open failures, alarms, and notices that wait."""
    language, lines = told.language, []
    if manifest is not None:
        runs = ledger.runs_of_day(settings.source, manifest.as_of_date)
        results = [result for run in runs for result in ledger.gate_results(run.run_id)]
        broken = sum(not result.success for result in results)
        lines.append(
            say("digest_gates", language, day=manifest.as_of_date, rules=f"{len(results):,}", broken=broken)
        )
        day = manifest.as_of_date
        kinds = Counter(one.kind for one in ledger.alarms(settings.source, first_day=day, last_day=day))
        if kinds:
            what = ", ".join(f"{kind} {count}" for kind, count in sorted(kinds.items()))
            lines.append(say("digest_alarms", language, day=day, what=what))
    failures = ledger.open_failures(settings.source)
    named = [f"{run.kind} {run.as_of_date} ({run.run_id})" for run in failures[:FAILURES_AT_MOST]]
    if len(failures) > FAILURES_AT_MOST:
        named.append(say("more", language, count=len(failures) - FAILURES_AT_MOST))
    what = without_personal_data(", ".join(named))
    lines.append(say("digest_failures" if failures else "digest_no_failures", language, what=what))
    waiting = {one.notice_key for one in ledger.waiting_notices(settings.source)}
    if waiting:
        lines.append(say("digest_waiting", language, count=len(waiting)))
    return tuple(lines)
