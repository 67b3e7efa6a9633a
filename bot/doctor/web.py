"""The web services beside: Alertmanager, Prometheus, Traefik."""

import asyncio

from bot.config.model import Config
from bot.doctor.finding import Finding, bad, bounded, ok
from bot.doctor.http import Answer, ask, client


async def examine(config: Config) -> list[Finding]:
    asked = (
        ("alerts.alertmanager", config.alerts.alertmanager, "/api/v2/status"),
        ("alerts.prometheus", config.alerts.prometheus, "/-/ready"),
        ("estate.traefik", config.estate.traefik, "/api/version"),
    )
    found = await asyncio.gather(
        *(bounded(key, _service(key, url, path)) for key, url, path in asked if url is not None)
    )
    return [finding for part in found for finding in part]


async def _service(key: str, url: str, path: str) -> list[Finding]:
    async with client(url) as http:
        answer = await ask(http, "GET", url + path)
    what = f"{key} {url}"
    if answer.good:
        return [ok(f"{what}: answers{_version(answer)}")]
    if not answer.status:
        return [bad(f"{what}: {answer.trouble}", "is the address right, and reachable from this machine?")]
    return [bad(f"{what}: {path} answers {answer.status}", "is this the right service, and is it ready?")]


def _version(answer: Answer) -> str:
    info = answer.body.get("versionInfo")
    version = info.get("version") if isinstance(info, dict) else answer.body.get("Version")
    return f", version {version}" if isinstance(version, str) else ""
