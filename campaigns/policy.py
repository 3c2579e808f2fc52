"""What marketers decide: campaigns, offers and contact rules, read from the same seeds that dbt reads."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from zoneinfo import available_timezones

from campaigns.seed_lines import SeedLine, once, read_seed
from warehouse.errors import SettingsError

SEEDS = Path("seeds")
GLOBAL_CONTROL = "global_control"
ACTIONS = ("recommendation", "coupon", "service_call", "education", "community")
MESSAGE_CHANNELS = ("email", "sms", "push", "webhook")
BATCH_CHANNELS = ("call", "file", "table")
CHANNELS = (*MESSAGE_CHANNELS, *BATCH_CHANNELS)
# No key stops a mail server from taking a letter twice: what may have arrived there is not tried again.
KEYLESS_CHANNELS = ("email",)
PURPOSES = ("email", "sms", "push", "call", "profiling")
# Rows of the contact policy that count contacts of several channels together.
ANY, OFFER, COUPON = "any", "offer", "coupon"
RISK_TIERS = VALUE_TIERS = ("high", "medium", "low")
LIFECYCLES = ("new", "active", "at_risk", "lapsing", "churned", "won_back")


@dataclass(frozen=True)
class Campaign:
    """One line of the seed campaign_policy; its columns are described beside the seed."""

    campaign_id: str
    experiment_id: str
    salt: str
    is_enabled: bool
    priority: int
    action: str
    offer_id: str
    channels: tuple[str, ...]
    risk_tiers: tuple[str, ...]
    value_tiers: tuple[str, ...]
    lifecycles: tuple[str, ...]
    trigger_codes: tuple[str, ...]
    excluded_codes: tuple[str, ...]
    holdout_share: float
    small_stratum_users: int
    small_stratum_holdout_share: float
    minimum_audience: int
    maximum_audience: int
    daily_capacity: int | None
    budget: float
    budget_per_day: float
    assumed_save_rate: float
    goal_days: int
    least_effect: float
    approval_above_users: int
    approval_above_cost: float
    meaning: str


@dataclass(frozen=True)
class Offer:
    """One line of the seed offers: the only place that says what an offer is worth."""

    offer_id: str
    action: str
    face_value: float
    minimum_order_amount: float
    valid_days: int
    expected_redemption_share: float
    title_en: str
    title_zh: str
    text_en: str
    text_zh: str

    @property
    def gives_away(self) -> bool:
        """Whether it takes something off an order."""
        return self.face_value > 0


@dataclass(frozen=True)
class ContactRule:
    """One line of the seed contact_policy: how often and when, for a channel or a kind of contact."""

    channel: str
    consent_purpose: str | None
    assumes_consent: bool
    hours_between: int
    sends_from_hour: int
    sends_until_hour: int
    most_in_30_days: int
    daily_capacity: int | None
    contact_cost: float
    is_batch: bool


@dataclass(frozen=True)
class Policy:
    """Everything that the seeds say of campaigns.

    Attributes
    ----------
    campaigns : mapping
        By campaign_id, in the order of their priority, without the global control.
    global_control : Campaign
        The line that holds a share of all users back from everything.
    offers : mapping
        By offer_id.
    contacts : mapping
        By channel, and the rows any, offer and coupon.
    time_zones : mapping
        By country.
    """

    campaigns: Mapping[str, Campaign]
    global_control: Campaign
    offers: Mapping[str, Offer]
    contacts: Mapping[str, ContactRule]
    time_zones: Mapping[str, str] = field(repr=False)

    def campaign(self, campaign_id: str) -> Campaign:
        """Return a campaign; SettingsError if the seed has none of that name."""
        found = self.campaigns.get(campaign_id)
        if found is None:
            raise SettingsError(
                "The seed campaign_policy has no such campaign",
                campaign_id,
                f"use one of {', '.join(self.campaigns)}",
            )
        return found

    def goal_days(self, experiment_id: str) -> int | None:
        """Return the days in which an experiment's outcome is counted; None if it is no experiment now."""
        return next(
            (one.goal_days for one in self.campaigns.values() if one.experiment_id == experiment_id), None
        )


def load_policy(dbt_project: Path) -> Policy:
    """Read and check the seeds of campaigns.

    Parameters
    ----------
    dbt_project : Path
        The dbt project's folder.

    Raises
    ------
    SettingsError
        If a value cannot be used; the message names the file, the line, the column and the value.
    """
    folder = dbt_project / SEEDS
    offers = {offer.offer_id: offer for offer in _offers(folder / "offers.csv")}
    campaigns, control = _campaigns(folder / "campaign_policy.csv", offers)
    return Policy(
        campaigns={one.campaign_id: one for one in sorted(campaigns, key=lambda one: one.priority)},
        global_control=control,
        offers=offers,
        contacts={rule.channel: rule for rule in _contact_rules(folder / "contact_policy.csv")},
        time_zones=_time_zones(folder / "country_time_zones.csv"),
    )


def _campaigns(path: Path, offers: Mapping[str, Offer]) -> tuple[list[Campaign], Campaign]:
    lines = read_seed(path, tuple(Campaign.__dataclass_fields__))
    for column in ("campaign_id", "experiment_id", "salt"):
        once(lines, column)
    campaigns, control = [], None
    for line in lines:
        campaign = _campaign(line)
        if campaign.experiment_id == GLOBAL_CONTROL:
            control = campaign
            continue
        offer = offers.get(campaign.offer_id)
        if offer is None or offer.action != campaign.action:
            raise line.wrong("offer_id", campaign.offer_id, "name an offer of the seed offers for the action")
        campaigns.append(campaign)
    if control is None:
        raise SettingsError(
            f"{path.name} has no global control",
            None,
            f"add the line whose experiment_id is {GLOBAL_CONTROL}",
        )
    return campaigns, control


def _campaign(line: SeedLine) -> Campaign:
    experiment_id = line.name("experiment_id")
    is_control = experiment_id == GLOBAL_CONTROL
    least_audience = line.whole_number("minimum_audience", 0)
    budget = line.number_between("budget", 0)
    campaign = Campaign(
        campaign_id=line.name("campaign_id"),
        experiment_id=experiment_id,
        salt=line.salt("salt"),
        is_enabled=line.flag("is_enabled"),
        priority=line.whole_number("priority", 0),
        action=line.choice("action", ("none",) if is_control else ACTIONS),
        offer_id=line.optional_name("offer_id") or "",
        channels=line.names("channels", CHANNELS),
        risk_tiers=line.names("risk_tiers", RISK_TIERS),
        value_tiers=line.names("value_tiers", VALUE_TIERS),
        lifecycles=line.names("lifecycles", LIFECYCLES),
        trigger_codes=line.names("trigger_codes"),
        excluded_codes=line.names("excluded_codes"),
        holdout_share=line.number_between("holdout_share", 0, 1),
        small_stratum_users=line.whole_number("small_stratum_users", 0),
        small_stratum_holdout_share=line.number_between("small_stratum_holdout_share", 0, 1),
        minimum_audience=least_audience,
        maximum_audience=line.whole_number("maximum_audience", least_audience),
        daily_capacity=line.optional_whole_number("daily_capacity", 1),
        budget=budget,
        budget_per_day=line.number_between("budget_per_day", 0, budget),
        assumed_save_rate=line.number_between("assumed_save_rate", 0, 1),
        goal_days=line.whole_number("goal_days", 0 if is_control else 1, 365),
        least_effect=line.number_between("least_effect", 0, 1),
        approval_above_users=line.whole_number("approval_above_users", 0),
        approval_above_cost=line.number_between("approval_above_cost", 0),
        meaning=line.text("meaning"),
    )
    if not is_control and not campaign.channels:
        raise line.wrong("channels", line.raw("channels"), f"name at least one of {', '.join(CHANNELS)}")
    return campaign


def _offers(path: Path) -> list[Offer]:
    lines = read_seed(path, tuple(Offer.__dataclass_fields__))
    once(lines, "offer_id")
    return [_offer(line) for line in lines]


def _offer(line: SeedLine) -> Offer:
    action = line.choice("action", ACTIONS)
    # what is given away is bounded by the order that it needs; a coupon gives away something
    most = line.number_between("minimum_order_amount", 0)
    face_value = line.number_between("face_value", 0, most)
    if action == "coupon" and face_value == 0:
        raise line.wrong("face_value", line.raw("face_value"), "a coupon takes more than 0 off an order")
    return Offer(
        offer_id=line.name("offer_id"),
        action=action,
        face_value=face_value,
        minimum_order_amount=most,
        valid_days=line.whole_number("valid_days", 1, 365),
        expected_redemption_share=line.number_between("expected_redemption_share", 0, 1),
        title_en=line.text("title_en"),
        title_zh=line.text("title_zh"),
        text_en=line.text("text_en"),
        text_zh=line.text("text_zh"),
    )


def _contact_rules(path: Path) -> list[ContactRule]:
    lines = read_seed(path, tuple(ContactRule.__dataclass_fields__))
    once(lines, "channel")
    wanted = (*CHANNELS, ANY, OFFER, COUPON)
    rules = [_contact_rule(line, wanted) for line in lines]
    missing = sorted(set(wanted) - {rule.channel for rule in rules})
    if missing:
        raise SettingsError(f"{path.name} lacks lines", missing, "say how often and when they may be used")
    return rules


def _contact_rule(line: SeedLine, wanted: tuple[str, ...]) -> ContactRule:
    channel = line.choice("channel", wanted)
    from_hour = line.whole_number("sends_from_hour", 0, 23)
    is_batch = line.flag("is_batch")
    if channel in CHANNELS and is_batch != (channel in BATCH_CHANNELS):
        raise line.wrong("is_batch", is_batch, f"only {', '.join(BATCH_CHANNELS)} are written as lists")
    return ContactRule(
        channel=channel,
        consent_purpose=line.choice("consent_purpose", PURPOSES) if channel in CHANNELS else None,
        assumes_consent=line.flag("assumes_consent"),
        hours_between=line.whole_number("hours_between", 0),
        sends_from_hour=from_hour,
        sends_until_hour=line.whole_number("sends_until_hour", from_hour + 1, 24),
        most_in_30_days=line.whole_number("most_in_30_days", 0),
        daily_capacity=line.optional_whole_number("daily_capacity", 1),
        contact_cost=line.number_between("contact_cost", 0),
        is_batch=is_batch,
    )


def _time_zones(path: Path) -> dict[str, str]:
    lines = read_seed(path, ("country", "time_zone"))
    once(lines, "country")
    known = available_timezones()
    zones = {}
    for line in lines:
        zone = line.raw("time_zone")
        if zone not in known:
            raise line.wrong("time_zone", zone, "use a name of the IANA database, for instance Europe/Paris")
        zones[line.country("country")] = zone
    return zones
