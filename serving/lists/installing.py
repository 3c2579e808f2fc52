"""What the data routes need of the app: threads, the key that signs cursors, and who may be contacted."""

import hashlib
import hmac
from importlib.metadata import version

from fastapi import FastAPI

from campaigns.policy import load_policy
from serving.audiences import audiences_of
from serving.contact_rights import ContactRights
from serving.lists.workers import Workers
from serving.outcomes import Reporter
from serving.pages.sessions import page_key

CURSORS = b"holdfast-cursors-v1"


def install(app: FastAPI) -> None:
    """Give an app's state ``workers``, ``cursor_key``, ``version``, and who knows audiences and outcomes."""
    state = app.state
    warehouse = state.settings.warehouse
    policy = load_policy(warehouse.dbt_project)
    state.audiences = audiences_of(policy)
    state.reporter = Reporter(warehouse, state.ledger)
    state.contact_rights = ContactRights(state.ledger, policy, warehouse.source)
    state.workers = Workers()
    # of the home's one key, so that cursors outlive a restart and are good in every process
    state.cursor_key = hmac.digest(page_key(warehouse.home), CURSORS, hashlib.sha256)
    state.version = version("holdfast")
