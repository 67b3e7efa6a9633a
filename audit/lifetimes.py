"""How long versions are mended, and which images nobody maintains any more. Pure.

A dated table, shipped with the tool: ends as endoflife.date gave them in August 2026, each for the
publisher's own free support; what moved, by the publishers' own announcements, which its words name.
"""

import re
from dataclasses import dataclass
from datetime import date

from estate.reference import Reference

TABLE_OF = date(2026, 8, 20)
"""What came later is not in it."""


@dataclass(frozen=True, slots=True)
class End:
    """`version`: the numbers that a tag starts with. `on`: the first day without mending."""

    version: str
    on: date


def _ends(words: str) -> tuple[End, ...]:
    """`14=2026-11-12`, separated by spaces."""
    pairs = (word.partition("=") for word in words.split())
    return tuple(End(version, date.fromisoformat(day)) for version, _, day in pairs)


_ENDS: tuple[tuple[re.Pattern[str], tuple[End, ...]], ...] = tuple(
    (re.compile(pattern), _ends(words))
    for pattern, words in (
        (
            r"(?:library/|bitnami/|supabase/|postgis/|pgvector/|timescale/)?(?:postgres(?:ql)?|postgis|pgvector)",
            "9=2021-11-11 10=2022-11-10 11=2023-11-09 12=2024-11-14 13=2025-11-13 14=2026-11-12 "
            "15=2027-11-11 16=2028-11-09",
        ),
        (
            r"(?:library/|bitnami/)?mysql(?:-server)?",
            "5=2023-10-31 8.0=2026-04-30 8.1=2023-10-25 8.2=2023-12-14 8.3=2024-04-10 9.0=2024-10-15 "
            "9.1=2025-01-21 9.2=2025-04-15 9.3=2025-07-22 9.4=2025-10-21 8.4=2032-04-30",
        ),
        (
            r"(?:library/|bitnami/|linuxserver/)?mariadb",
            "10.3=2023-05-25 10.4=2024-06-18 10.5=2025-06-24 10.6=2026-07-06 10.11=2028-02-16",
        ),
        (r"(?:library/|bitnami/)?redis", "5=2022-04-27 6.0=2022-05-31 7.0=2024-07-29 8.0=2026-02-11"),
        (r"(?:library/|bitnami/)?mongo(?:db)?", "4=2024-02-29 5=2024-10-31 6=2025-07-31"),
        (r"(?:library/|elasticsearch/)?elasticsearch", "6=2022-02-10 7=2026-01-15"),
        (r"(?:library/)?traefik", "1=2021-12-31 2=2026-02-01"),
        (
            r"(?:library/|hashicorp/)?vault",
            "1.9=2022-10-10 1.10=2023-03-01 1.11=2023-06-21 1.12=2023-09-27 1.13=2024-03-25 1.14=2024-06-10 "
            "1.15=2024-10-08 1.16=2024-06-10 1.17=2024-10-09 1.18=2025-03-04",
        ),
        (
            r"(?:library/)?node",
            "14=2023-04-30 16=2023-09-11 17=2022-06-01 18=2025-04-30 19=2023-06-01 20=2026-04-30 "
            "21=2024-06-01",
        ),
        (r"(?:library/)?python", "2=2020-01-01 3.7=2023-06-27 3.8=2024-10-07 3.9=2025-10-31"),
        (r"(?:library/)?php", "5=2018-12-31 7=2022-11-28 8.0=2023-11-26 8.1=2025-12-31"),
        (r"(?:library/)?debian", "8=2020-06-30 9=2022-06-30 10=2024-06-30 11=2026-08-31"),
        (r"(?:library/)?ubuntu", "16.04=2021-04-30 18.04=2023-05-31 20.04=2025-05-31"),
    )
)
"""By the repository's name at its registry. The first number that fits a tag counts."""

_MOVED: tuple[tuple[re.Pattern[str], str], ...] = (
    (re.compile(r"docker\.io/grafana/promtail"), "it ended on 2026-03-02; Grafana Alloy takes its place"),
    (re.compile(r"docker\.io/grafana/agent"), "it ended on 2025-11-01; Grafana Alloy takes its place"),
    (
        re.compile(r"docker\.io/bitnami/.+"),
        "Bitnami took its free versions away in September 2025; what is left of them is bitnamilegacy/",
    ),
    (re.compile(r"docker\.io/containrrr/watchtower"), "its repository is archived"),
    (re.compile(r"docker\.io/pyouroboros/ouroboros"), "its repository is archived"),
    (re.compile(r"docker\.io/bitwardenrs/server"), "it goes on as vaultwarden/server"),
    (re.compile(r"docker\.io/library/vault"), "it goes on as hashicorp/vault"),
    (re.compile(r"docker\.io/library/consul"), "it goes on as hashicorp/consul"),
    (re.compile(r"docker\.io/library/openjdk"), "it is deprecated; eclipse-temurin takes its place"),
    (re.compile(r"docker\.io/library/centos"), "it is deprecated, and CentOS Linux ended in 2024"),
    (re.compile(r"docker\.io/portainer/portainer"), "it goes on as portainer/portainer-ce"),
    (re.compile(r"docker\.io/nodered/node-red-docker"), "it goes on as nodered/node-red"),
    (re.compile(r"docker\.io/tootsuite/mastodon"), "it goes on as ghcr.io/mastodon/mastodon"),
    (re.compile(r"docker\.io/jwilder/nginx-proxy"), "it goes on as nginxproxy/nginx-proxy"),
    (
        re.compile(r"docker\.io/jrcs/letsencrypt-nginx-proxy-companion"),
        "it goes on as nginxproxy/acme-companion",
    ),
    (re.compile(r"docker\.io/google/cadvisor"), "it goes on as gcr.io/cadvisor/cadvisor"),
    (re.compile(r"docker\.io/mailu/.+"), "Mailu 2 and later are at ghcr.io/mailu"),
    (re.compile(r"k8s\.gcr\.io/.+"), "it goes on as registry.k8s.io"),
    (
        re.compile(r"docker\.io/minio/minio|quay\.io/minio/minio"),
        "no free images are published since October 2025",
    ),
)
"""By registry and name."""


def end_of(image: Reference) -> End | None:
    """When its version ends; None when the table does not know it."""
    found = re.match(r"v?(\d+(?:\.\d+)*)", image.tag or "")
    if found is None:
        return None
    for pattern, ends in _ENDS:
        if pattern.fullmatch(image.name):
            fits = [one for one in ends if f"{found[1]}.".startswith(f"{one.version}.")]
            return max(fits, key=lambda one: len(one.version), default=None)
    return None


def moved(image: Reference) -> str:
    """Why its repository is none to stay with, in words; empty when nothing is known against it."""
    name = f"{image.host}/{image.name}"
    return next((words for pattern, words in _MOVED if pattern.fullmatch(name)), "")
