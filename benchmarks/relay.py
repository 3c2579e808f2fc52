"""Campaigns on their way out: a day's decisions written into the ledger, webhooks handed to a receiver."""

import json
import os
import resource
import subprocess
import sys
import time
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from pathlib import Path

import duckdb

from benchmarks.measure import in_own_process
from benchmarks.report import Figure, Section
from campaigns.channels.posting import Poster
from campaigns.channels.webhook import WebhookChannel
from campaigns.policy import load_policy
from campaigns.record import record_decisions
from campaigns.relay import relay
from warehouse.ledger import CampaignAssignment, Ledger, OutboxMessage, Publish
from warehouse.ledger.bulk import in_chunks
from warehouse.publish.durable import sha256_of
from warehouse.publish.manifest import DATABASE_NAME, MANIFEST_NAME, Manifest, facts_of_files
from warehouse.publish.pointer import snapshots_folder, swap_pointer
from warehouse.settings import REPOSITORY, Settings
from warehouse.vault import Vault

DAY = date(2026, 6, 29)
NOW = datetime(2026, 6, 30, 2, 0, tzinfo=UTC)
SOURCE = "sample_shop"
USERS = 1_000_000
# Of all users so many are chosen for something, as capacity and budgets allow.
CHOSEN_SHARE = 0.3
WEBHOOKS = 20_000
WEBHOOKS_A_SECOND = 500
MOST_SECONDS = 60.0
MOST_MEGABYTES = 2 * 1024
CONNECTIONS = 8
SECRET = b"a benchmark's own key, not a secret"

DECISIONS = """
create table campaign_actions as
select
    date '$day' as as_of_date, 'u' || lpad(i::varchar, 8, '0') as user_id, campaign_id, experiment_id,
    case when hash(i) % 10 = 0 then 'holdout' else 'treatment' end as arm, 'high/medium' as stratum,
    0.1::double as holdout_share, action, offer_id, channel, ['en', 'zh'][1 + i % 2] as language,
    ['Asia/Shanghai', 'Europe/Berlin'][1 + i % 2] as time_zone, (8 + i % 12)::integer as preferred_hour,
    null::varchar as trigger_code, 'high' as risk_tier, 'medium' as value_tier,
    1.5::double as expected_net_value, cost, i as choice_rank, '$run' as run_id,
    'No visit in the last ' || (i % 90) || ' days (raises the risk)' as reason_1_sentence_en,
    '最近 ' || (i % 90) || ' 天没有访问（提高风险）' as reason_1_sentence_zh,
    'Net spend of the last 365 days: ' || (i % 900) || ' (lowers the risk)' as reason_2_sentence_en,
    '最近 365 天净消费 ' || (i % 900) || '（降低风险）' as reason_2_sentence_zh
from range($chosen) t (i)
join (values
    (0, 'recommendation', 'recommendation_1', 'recommendation', 'picks_for_you', 'email', 0.0001),
    (1, 'win_back_coupon', 'win_back_coupon_1', 'coupon', 'coupon_20', 'push', 0.01)
) as campaigns (place, campaign_id, experiment_id, action, offer_id, channel, cost)
    on campaigns.place = case when i % 100 = 0 then 1 else 0 end
"""


@dataclass(frozen=True)
class Recorded:
    """What recording a day took, and what it wrote."""

    seconds: float
    again_seconds: float
    megabytes: float
    messages: int
    coupons: int
    assignments: int


@dataclass(frozen=True)
class Relayed:
    """What handing webhooks over took, and what the receiver counted."""

    seconds: float
    cpu_seconds: float
    messages: int
    requests: int
    keys: int


def measure_relay(folder: Path, *, users: int = USERS, webhooks: int = WEBHOOKS) -> Section:
    """Record a made-up day of decisions, then relay webhooks to a receiver of this machine."""
    recorded = in_own_process(record_day, folder / "recording", users)
    relayed = in_own_process(relay_webhooks, folder / "relaying", webhooks)
    if relayed.requests != relayed.keys or relayed.keys != webhooks:
        raise RuntimeError(f"the receiver got {relayed.requests} requests of {relayed.keys} keys")
    figures = (
        Figure(
            f"{users:,} users decided, what is done written",
            recorded.seconds,
            MOST_SECONDS,
            "s",
            1.0,
            "allowed, the decision itself included",
        ),
        Figure("the same day again", recorded.again_seconds, recorded.seconds, "s", None, "the first time"),
        Figure("peak memory", recorded.megabytes, MOST_MEGABYTES, "MiB", 1.0, "allowed"),
        Figure(
            f"{webhooks:,} webhooks delivered",
            relayed.seconds,
            webhooks / WEBHOOKS_A_SECOND,
            "s",
            1.0,
            f"at {WEBHOOKS_A_SECOND} a second",
        ),
    )
    text = (
        f"{recorded.assignments:,} users of {users:,} were chosen for one of two campaigns: their arms, "
        f"{recorded.messages:,} messages and {recorded.coupons:,} coupons are written in one transaction of "
        f"the SQLite ledger (`campaigns.record`). Then {webhooks:,} signed webhooks are claimed, checked, "
        f"posted over {CONNECTIONS} connections to a receiver in a process of its own on the same cores, and "
        f"recorded (`campaigns.relay`): {webhooks / relayed.seconds:,.0f} a second, each key once, "
        f"{1000 * relayed.cpu_seconds / webhooks:.2f} ms of CPU each. What the decision itself takes is "
        "measured by `decisions`."
    )
    return Section("Campaigns: recording and relaying", text, figures=figures)


def record_day(home: Path, users: int) -> Recorded:
    """Publish made-up decisions and time recording them, twice."""
    settings = _settings(home)
    with Ledger.open(settings, lambda: NOW) as ledger:
        snapshot = _publish(settings, ledger, int(users * CHOSEN_SHARE))
        seconds = []
        for _ in range(2):
            run = ledger.begin_run("campaigns", SOURCE, DAY, "asset_triggered")
            began = time.perf_counter()
            record_decisions(settings, ledger, run, snapshot, now=NOW, may_send=True)
            seconds.append(time.perf_counter() - began)
        counts = ledger.message_counts(SOURCE)
        return Recorded(
            seconds=seconds[0],
            again_seconds=seconds[1],
            megabytes=resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024,
            messages=sum(counts.values()),
            coupons=len(ledger.coupons(SOURCE)),
            assignments=len(ledger.assignments(SOURCE)),
        )


def relay_webhooks(home: Path, number: int) -> Relayed:
    """Fill an outbox with webhooks and time the relay, from the first claim to the last record."""
    settings = _settings(home)
    with Vault(settings):
        pass
    receiver = subprocess.Popen(
        [sys.executable, "-m", "benchmarks.webhook_receiver"],
        cwd=REPOSITORY,
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    )
    if receiver.stdout is None:
        raise RuntimeError("the receiver says nothing")
    port = int(receiver.stdout.readline())
    with Ledger.open(settings) as ledger:
        _fill_outbox(ledger, number)
        poster = Poster(f"http://127.0.0.1:{port}/messages", {}, connections=CONNECTIONS)
        channel = WebhookChannel(poster, [SECRET])
        began, began_cpu = time.perf_counter(), time.process_time()
        report = relay(
            settings, ledger, {"webhook": channel}, worker=f"benchmark-{os.getpid()}", clock=lambda: NOW
        )
        seconds, cpu_seconds = time.perf_counter() - began, time.process_time() - began_cpu
        channel.close()
    told = json.loads(receiver.communicate("")[0])
    if report.sent != number:
        raise RuntimeError(f"{report.sent} of {number} webhooks were sent: {report}")
    return Relayed(seconds, cpu_seconds, report.sent, int(told["requests"]), int(told["keys"]))


def _settings(home: Path) -> Settings:
    home.mkdir(parents=True, exist_ok=True)
    ledger_url = f"sqlite:///{home / 'ledger' / 'ledger.db'}"
    return Settings(home=home, source=SOURCE, ledger_url=ledger_url, sending=True)


def _publish(settings: Settings, ledger: Ledger, chosen: int) -> Path:
    """Publish a snapshot that holds nothing but decisions."""
    run = ledger.begin_run("score", SOURCE, DAY, "asset_triggered")
    folder = snapshots_folder(settings) / run.run_id
    folder.mkdir(parents=True, mode=0o700)
    with duckdb.connect(folder / DATABASE_NAME) as connection:
        statement = DECISIONS.replace("$day", str(DAY)).replace("$run", run.run_id)
        connection.execute(statement.replace("$chosen", str(chosen)))
    Manifest(
        run_id=run.run_id,
        epoch=run.epoch,
        source=SOURCE,
        as_of_date=DAY,
        model_version=None,
        created_at=NOW,
        holdfast_version="benchmark",
        tables={},
        files=facts_of_files(folder),
    ).write(folder)
    ledger.record_publish(
        Publish(
            run_id=run.run_id,
            source=SOURCE,
            as_of_date=DAY,
            epoch=run.epoch,
            snapshot_path=f"snapshots/{run.run_id}",
            manifest_sha256=sha256_of(folder / MANIFEST_NAME),
            model_version=None,
            state="prepared",
            pointer_moved=False,
            prepared_at=NOW,
        )
    )
    swap_pointer(settings, run.run_id)
    ledger.finish_publish(run.run_id, pointer_moved=True, from_run_id=None)
    return folder


def _fill_outbox(ledger: Ledger, number: int) -> None:
    """Write webhooks to as many treated users."""
    campaign = next(iter(load_policy(REPOSITORY / "dbt_project").campaigns.values()))
    payload = json.dumps({"title_en": "Chosen for you", "text_en": "x" * 200, "products": ["p1", "p2", "p3"]})
    with ledger.writing() as connection:
        for part in in_chunks(range(number)):
            ledger.record_assignments(
                connection,
                [
                    CampaignAssignment(
                        source=SOURCE,
                        experiment_id=campaign.experiment_id,
                        user_id=f"u{place:08}",
                        campaign_id=campaign.campaign_id,
                        arm="treatment",
                        stratum="high/medium",
                        holdout_share=0.1,
                        salt=campaign.salt,
                        assigned_on=DAY,
                        run_id="benchmark",
                    )
                    for place in part
                ],
            )
            ledger.write_messages(
                connection,
                [
                    OutboxMessage(
                        message_id=f"00000000-0000-0000-0000-{place:012}",
                        idempotency_key=f"benchmark:{place}",
                        payload_sha256="0" * 64,
                        source=SOURCE,
                        run_id="benchmark",
                        as_of_date=DAY,
                        campaign_id=campaign.campaign_id,
                        experiment_id=campaign.experiment_id,
                        user_id=f"u{place:08}",
                        action=campaign.action,
                        offer_id=campaign.offer_id,
                        channel="webhook",
                        language="en",
                        time_zone="Asia/Shanghai",
                        payload_json=payload,
                        coupon_code=None,
                        cost=0.01,
                        state="pending",
                        not_before=NOW,
                        expires_at=NOW + timedelta(days=3),
                        next_attempt_at=NOW,
                        created_at=NOW,
                    )
                    for place in part
                ],
            )
