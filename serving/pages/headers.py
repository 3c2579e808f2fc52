"""The headers that every page carries: what it may load, who may frame it, what browsers must not guess."""

from starlette.datastructures import MutableHeaders
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from serving.pages.page_settings import PageSettings


def content_security_policy(settings: PageSettings) -> str:
    """Return the policy: nothing from elsewhere, no script or style that is not a file of ours."""
    framed_by = " ".join(["'self'", *settings.framed_by])
    return "; ".join(
        (
            "default-src 'none'",
            "script-src 'self'",
            "style-src 'self'",
            "img-src 'self' data:",
            "font-src 'self'",
            "connect-src 'self'",
            "form-action 'self'",
            "base-uri 'none'",
            f"frame-ancestors {framed_by}",
        )
    )


def own_path(scope: Scope) -> str:
    """Return the path of a request as the app knows it, wherever the app is mounted."""
    path: str = scope.get("path", "")
    return path.removeprefix(scope.get("root_path", "")) or "/"


class PageHeaders:
    """Middleware: put the headers on every answer but those of the API, whose pages have their own needs.

    Parameters
    ----------
    app : ASGIApp
        What answers.
    settings : PageSettings
        Who may frame the pages.
    api_prefix : str
        Below this path the API answers.
    """

    def __init__(self, app: ASGIApp, settings: PageSettings, api_prefix: str = "/v1") -> None:
        self.app = app
        self.api_prefix = api_prefix
        self.headers = {
            "Content-Security-Policy": content_security_policy(settings),
            "X-Content-Type-Options": "nosniff",
            "Referrer-Policy": "same-origin",
            "Permissions-Policy": "camera=(), geolocation=(), microphone=(), payment=()",
            "Cross-Origin-Opener-Policy": "same-origin",
        }

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer, with the headers added unless the page set its own."""
        if scope["type"] != "http" or f"{own_path(scope)}/".startswith(f"{self.api_prefix}/"):
            await self.app(scope, receive, send)
            return

        async def send_with_headers(message: Message) -> None:
            if message["type"] == "http.response.start":
                headers = MutableHeaders(scope=message)
                for name, value in self.headers.items():
                    headers.setdefault(name, value)
                # People's data stay out of caches that others can reach.
                headers.setdefault("Cache-Control", "private, no-store")
            await send(message)

        await self.app(scope, receive, send_with_headers)
