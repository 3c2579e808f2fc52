"""The page behind unsubscribe links: it asks once, and takes the one click of a mail program.

GET changes nothing, since programs that look links over open them; POST does it, with a form or by the
`List-Unsubscribe-Post` of RFC 8058.
"""

import base64
import hashlib
from html import escape
from typing import Annotated

from fastapi import APIRouter, Query, Request
from fastapi.responses import HTMLResponse

from campaigns.unsubscribe import InvalidToken, Subscription, unsubscribe, unsubscribe_key, verify_token
from warehouse.ledger import Ledger
from warehouse.settings import Settings

router = APIRouter(include_in_schema=False)

LONGEST = 1_000
STYLE = (
    "body{font:1.1rem/1.6 system-ui,sans-serif;max-width:34rem;margin:4rem auto;padding:0 1rem}"
    "button{font:inherit;padding:.6rem 1.4rem;cursor:pointer}p[lang=zh]{color:#444}"
)
HEADERS = {
    # the token is in the address: it must not go on to anybody, nor stay in a cache
    "Referrer-Policy": "no-referrer",
    "Cache-Control": "no-store",
    "X-Content-Type-Options": "nosniff",
    "Content-Security-Policy": "default-src 'none'; style-src 'sha256-"
    + base64.b64encode(hashlib.sha256(STYLE.encode()).digest()).decode()
    + "'; form-action 'self'; frame-ancestors 'none'; base-uri 'none'",
}
NAMES = {
    "email": ("e-mail", "电子邮件"),
    "sms": ("text messages", "短信"),
    "push": ("messages in the app", "应用推送"),
    "call": ("calls", "电话"),
}
OTHER = ("these messages", "此类消息")
Token = Annotated[str, Query(max_length=LONGEST)]


@router.get("/unsubscribe")
async def ask(request: Request, token: Token = "") -> HTMLResponse:
    """Ask whether the messages that a token names shall stop."""
    try:
        found: Subscription = await request.app.state.workers.for_one(_named, request.app.state, token)
    except InvalidToken:
        return _not_valid()
    english, chinese = NAMES.get(found.purpose, OTHER)
    return _page(
        f"Stop {english}? / 停止{chinese}？",
        f'<form method="post" action="?token={escape(token, quote=True)}">'
        f'<p>You get no more {english} from us.</p><p lang="zh">您将不再收到我们的{chinese}。</p>'
        '<button type="submit">Unsubscribe / 退订</button></form>',
    )


@router.post("/unsubscribe")
async def stop(request: Request, token: Token = "") -> HTMLResponse:
    """Stop the messages that a token names; again, and it stays so."""
    try:
        found: Subscription = await request.app.state.workers.for_one(_stopped, request.app.state, token)
    except InvalidToken:
        return _not_valid()
    english, chinese = NAMES.get(found.purpose, OTHER)
    return _page(
        "Unsubscribed / 已退订",
        f'<p>You get no more {english} from us.</p><p lang="zh">您将不再收到我们的{chinese}。</p>',
    )


def _named(state: object, token: str) -> Subscription:
    _, key = _kept(state)
    return verify_token(key, token)


def _stopped(state: object, token: str) -> Subscription:
    ledger, key = _kept(state)
    return unsubscribe(ledger, key, token, now=ledger.clock())


def _kept(state: object) -> tuple[Ledger, bytes]:
    ledger: Ledger = state.ledger  # type: ignore[attr-defined]
    settings: Settings = state.settings.warehouse  # type: ignore[attr-defined]
    return ledger, unsubscribe_key(settings.home)


def _not_valid() -> HTMLResponse:
    return _page(
        "This link does not work / 链接无效",
        "<p>It was cut short or changed. Open it from the message again, or answer the message.</p>"
        '<p lang="zh">链接不完整或已被更改。请从原消息重新打开，或直接回复消息。</p>',
        400,
    )


def _page(title: str, body: str, status: int = 200) -> HTMLResponse:
    return HTMLResponse(
        f'<!doctype html><html lang="en"><head><meta charset="utf-8"><title>{escape(title)}</title>'
        '<meta name="viewport" content="width=device-width, initial-scale=1">'
        f"<style>{STYLE}</style></head><body><main><h1>{escape(title)}</h1>{body}</main></body></html>",
        status,
        HEADERS,
    )
