"""What notices say, in English and Chinese."""

import re
from collections.abc import Mapping

from warehouse.notices.settings import Language

ALERT_KINDS: Mapping[str, Mapping[Language, str]] = {
    "tier_rose": {"en": "rose to a higher risk tier", "zh": "流失风险等级上升"},
    "complaint": {"en": "complained", "zh": "提出投诉"},
    "large_basket_abandoned": {"en": "left a large basket", "zh": "放弃了大额购物车"},
    "delivery_failed": {"en": "did not get their order", "zh": "未收到订单"},
}
TIERS: Mapping[str, Mapping[Language, str]] = {
    "high": {"en": "high", "zh": "高"},
    "medium": {"en": "medium", "zh": "中"},
    "low": {"en": "low", "zh": "低"},
}
#: One of a thing is no more than one.
ONE = re.compile(r"(?<![\d,.])1 (user|alarm|hour|rule|notice|more time)s\b")
TEXTS: Mapping[str, Mapping[Language, str]] = {
    "alerts_title": {"en": "{users} users {what}: {tiers}", "zh": "{users} 名用户{what}：{tiers}"},
    "tier_count": {"en": "{count} at {tier} risk", "zh": "{tier}风险 {count} 名"},
    "alert_line": {
        "en": "{user}, {tier} risk, since {since}. Why: {why}. To do: {todo}",
        "zh": "{user}，{tier}风险，自 {since} 起。原因：{why}。建议：{todo}",
    },
    "alerts_counted": {
        "en": "Why, since when and what to do, user by user: on the dashboard.",
        "zh": "每名用户的原因、起始日期与建议措施请见看板。",
    },
    "failure_title": {"en": "{task} failed, as of {day}", "zh": "{task} 失败（数据日期 {day}）"},
    "failure_title_without_day": {"en": "{task} failed", "zh": "{task} 失败"},
    "failure_why": {"en": "Why: {why}", "zh": "原因：{why}"},
    "failure_since": {"en": "Since {since} UTC, try {tries}.", "zh": "始于 {since} UTC，第 {tries} 次尝试。"},
    "failure_todo": {
        "en": "To do: {todo} The whole reason stands in reports/latest.md; docs/runbook.md#{dag} goes on "
        "from there. Readers keep what was published before.",
        "zh": "处理：{todo} 完整原因见 reports/latest.md，步骤见 docs/runbook.md#{dag}。"
        "读者仍使用之前发布的数据。",
    },
    "failure_repeated": {
        "en": "It happened {count} more times since {since} UTC, which were not told one by one.",
        "zh": "自 {since} UTC 起另外发生 {count} 次，未逐一通知。",
    },
    "late_title": {
        "en": "The list is not out, and marketing pulls it at {needed_by}",
        "zh": "名单尚未发布，而营销工具将于 {needed_by} 拉取",
    },
    "late_todo": {
        "en": "Readers keep the list before it. To do: docs/runbook.md#{dag}",
        "zh": "读者仍使用上一份名单。处理步骤见 docs/runbook.md#{dag}",
    },
    "alarms_title": {
        "en": "{count} alarms of {kind}, as of {day}",
        "zh": "{kind}：{count} 条警报（数据日期 {day}）",
    },
    "alarms_todo": {
        "en": "They stop nothing. What to do about each kind: docs/runbook.md#alarms",
        "zh": "警报不会中断流程。各类警报的处理方法见 docs/runbook.md#alarms",
    },
    "digest_title": {"en": "The day at {source}, {day}", "zh": "{source} 每日摘要，{day}"},
    "digest_list": {
        "en": "The list is of {day}, {hours} hours old: {high} users at high risk, {medium} at medium.",
        "zh": "名单日期 {day}，发布于 {hours} 小时前：高风险 {high} 名，中风险 {medium} 名。",
    },
    "digest_no_list": {"en": "No list is published yet.", "zh": "尚未发布名单。"},
    "digest_alerts": {
        "en": "Alerts since yesterday, {what}: {tiers}.",
        "zh": "昨日以来的提醒（{what}）：{tiers}。",
    },
    "digest_no_alerts": {"en": "No alerts since yesterday.", "zh": "昨日以来没有提醒。"},
    "digest_gates": {
        "en": "Gates of {day}: {rules} rules checked, {broken} broken.",
        "zh": "{day} 的数据关卡：检查规则 {rules} 条，未通过 {broken} 条。",
    },
    "digest_failures": {"en": "Failed and not run again since: {what}.", "zh": "失败且尚未重跑：{what}。"},
    "digest_no_failures": {"en": "No failure is open.", "zh": "没有未处理的失败。"},
    "digest_alarms": {"en": "Alarms of {day}: {what}.", "zh": "{day} 的警报：{what}。"},
    "digest_approvals": {
        "en": "{campaign} waits for approval until {until} UTC: {users} users, {cost}. "
        "Airflow, Required actions.",
        "zh": "{campaign} 等待批准（截止 {until} UTC）：{users} 名用户，费用 {cost}。"
        "请在 Airflow 的 Required actions 中处理。",
    },
    "digest_waiting": {
        "en": "Waiting for a receiver that is down: {count} notices.",
        "zh": "{count} 条通知因接收端不可用而等待。",
    },
    "more": {"en": "… and {count} more", "zh": "……另有 {count} 条"},
}


def say(name: str, language: Language, **values: object) -> str:
    """Return a text in a language, filled in.

    Raises
    ------
    KeyError
        If there is no such text, or a value is missing.
    """
    text = TEXTS[name][language].format(**values)
    return ONE.sub(r"1 \1", text) if language == "en" else text


def word(table: Mapping[str, Mapping[Language, str]], name: str, language: Language) -> str:
    """Return the word for a kind or tier; one that has none is shown as it is."""
    return table[name][language] if name in table else name
