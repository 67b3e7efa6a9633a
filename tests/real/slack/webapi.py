"""What the app can call: the Web API under /api/, uploads, response_urls; and where faults strike."""

import asyncio
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

from aiohttp import web

from tests.real.slack import arguments
from tests.real.slack.errors import SlackError
from tests.real.slack.faults import Faults
from tests.real.slack.interactions import Interactions
from tests.real.slack.methods import TABLE, Api, files
from tests.real.slack.rate import Rates
from tests.real.slack.settings import Settings
from tests.real.slack.socket import SocketMode

Json = dict[str, Any]
Run = Callable[[], web.Response]
HTML_500 = "<!DOCTYPE html><html><head><title>Server Error | Slack</title></head><body>oops</body></html>"


@dataclass
class Call:
    """One API call as it arrived. `at` is epoch seconds; `outcome` is ok, an error code, or a fault."""

    method: str
    args: Json
    at: float
    status: int = 0
    outcome: str = ""
    fault: str = ""


@dataclass
class WebApi:
    """Serves the app's calls and keeps a log of them. The tokens can be revoked."""

    api: Api
    settings: Settings
    faults: Faults
    sockets: SocketMode
    interactions: Interactions
    rates: Rates
    calls: list[Call] = field(default_factory=list)
    app_revoked: bool = False
    bot_revoked: bool = False

    def add_routes(self, app: web.Application) -> None:
        """Serve everything an app can call."""
        app.router.add_route("*", "/api/{method}", self._serve_api)
        app.router.add_get("/link/", self.sockets.handle)
        app.router.add_post("/upload/{id}", self._serve_upload)
        app.router.add_post("/response/{id}", self._serve_response)

    async def _serve_api(self, request: web.Request) -> web.StreamResponse:
        method = request.match_info["method"]
        call = Call(method, {}, time.time())
        self.calls.append(call)
        try:
            args, warnings = await arguments.read(request)
        except SlackError as error:
            return self._answer(call, error.body())
        token = arguments.token(request, args)
        call.args = args
        ref = args.get("channel") or args.get("channel_id")
        return await self._misbehave(
            request, call, ref, lambda: self._run(method, token, args, warnings, call)
        )

    def _run(
        self, method: str, token: str | None, args: Json, warnings: list[str], call: Call
    ) -> web.Response:
        try:
            body = {"ok": True, **self._commit(method, token, args)}
        except SlackError as error:
            body = error.body()
            if error.code == "ratelimited":
                call.status = 429
                call.outcome = "ratelimited"
                headers = {"Retry-After": str(body.pop("retry_after"))}
                return web.json_response(body, status=429, headers=headers)
        if warnings:
            meta = body.setdefault("response_metadata", {})
            body["warning"] = ",".join(warnings)
            meta["warnings"] = warnings
        return self._answer(call, body)

    def _commit(self, name: str, token: str | None, args: Json) -> Json:
        if name == "apps.connections.open":
            self._check_token(token, app=True)
            ticket = self.sockets.ticket()
            base = self.api.base.replace("http://", "ws://")
            link = f"{base}/link/?ticket={ticket}&app_id={self.api.workspace.app_id}"
            return {"url": link}
        method = TABLE.get(name)
        if method is None:
            raise SlackError("unknown_method", req_method=name)
        if not method.no_token:
            self._check_token(token, app=False)
        self.api.need_scope(*method.scopes)
        if name == "chat.postMessage":
            wait = self.rates.take(str(args.get("channel")))
            if wait:
                raise SlackError("ratelimited", retry_after=wait)
        return method.serve(self.api, args)

    def _check_token(self, token: str | None, *, app: bool) -> None:
        if not token:
            raise SlackError("not_authed")
        right, other = self.settings.bot_token, self.settings.app_token
        if app:
            right, other = other, right
        if token == other:
            raise SlackError("not_allowed_token_type")
        if token != right:
            raise SlackError("invalid_auth")
        if self.app_revoked if app else self.bot_revoked:
            raise SlackError("token_revoked")

    def _answer(self, call: Call, body: Json, status: int = 200) -> web.Response:
        call.status = status
        call.outcome = "ok" if body.get("ok") else str(body.get("error"))
        scopes = {"X-OAuth-Scopes": ",".join(sorted(self.settings.scopes))}
        return web.json_response(body, status=status, headers=scopes)

    async def _misbehave(self, request: web.Request, call: Call, ref: Any, run: Run) -> web.StreamResponse:
        fault = self.faults.take(call.method, ref)
        if fault is None:
            return run()
        call.fault = fault.kind
        if fault.kind == "ratelimited":
            call.status, call.outcome = 429, "ratelimited"
            headers = {"Retry-After": str(fault.retry_after)}
            return web.json_response({"ok": False, "error": "ratelimited"}, status=429, headers=headers)
        if fault.kind == "error":
            return self._answer(call, {"ok": False, "error": fault.error})
        if fault.kind == "html_500":
            if fault.after_commit:
                run()
            call.status, call.outcome = 500, "html_500"
            return web.Response(status=500, text=HTML_500, content_type="text/html")
        if fault.kind == "slow":
            ready = run() if fault.after_commit else None
            await asyncio.sleep(fault.seconds)
            return ready if ready is not None else run()
        if fault.kind == "drop_after":
            run()
        return self._drop(request, call, fault.kind)

    def _drop(self, request: web.Request, call: Call, kind: str) -> web.StreamResponse:
        call.status, call.outcome = 0, kind
        if request.transport is not None:
            request.transport.abort()
        return web.Response(status=500)

    async def _serve_upload(self, request: web.Request) -> web.StreamResponse:
        content = await self._upload_body(request)
        call = Call("upload", {"id": request.match_info["id"], "length": len(content)}, time.time())
        self.calls.append(call)

        def run() -> web.Response:
            status, text = files.upload(self.api, call.args["id"], content)
            call.status, call.outcome = status, "ok" if status == 200 else text
            return web.Response(status=status, text=text)

        return await self._misbehave(request, call, None, run)

    async def _upload_body(self, request: web.Request) -> bytes:
        if request.content_type != "multipart/form-data":
            return await request.read()
        for value in (await request.post()).values():
            if isinstance(value, web.FileField):
                return value.file.read()
        return b""

    async def _serve_response(self, request: web.Request) -> web.StreamResponse:
        key = request.match_info["id"]
        args, _ = await arguments.read(request)
        call = Call("response", args, time.time())
        self.calls.append(call)

        def run() -> web.Response:
            status, body = self.interactions.respond(key, args)
            call.status, call.outcome = status, "ok" if status == 200 else str(body)
            return web.Response(text="ok") if status == 200 else web.json_response(body, status=status)

        return await self._misbehave(request, call, None, run)
