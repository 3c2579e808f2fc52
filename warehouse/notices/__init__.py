"""Notices to people: who is at risk to the service team, what broke to data engineers, and a page a day.

No notice names a person: users by pseudonymous id or by number, addresses and telephone numbers taken out.
"""

from warehouse.notices.digest import tell_digest
from warehouse.notices.notice import Notice
from warehouse.notices.published import alerts_raised_by
from warehouse.notices.settings import NoticeSettings, Receivers
from warehouse.notices.subjects import tell_alarms, tell_failure, tell_late_list, tell_risk_alerts
from warehouse.notices.telling import bring_out, tell

__all__ = [
    "Notice",
    "NoticeSettings",
    "Receivers",
    "alerts_raised_by",
    "bring_out",
    "tell",
    "tell_alarms",
    "tell_digest",
    "tell_failure",
    "tell_late_list",
    "tell_risk_alerts",
]
