"""How long versions are mended, and which images nobody maintains any more. Pure.

A dated table, shipped with the tool, of each publisher's own free support. Read in endoflife.date's pages,
of 2023 to September 2026: Alpine, authentik, Debian, Grafana, HAProxy, Keycloak, MongoDB, MySQL, Nextcloud,
nginx, Node, PostgreSQL, Prometheus, RabbitMQ, Redis, Traefik, Vault; MariaDB's in a table made from it. Not
checked anew: Elasticsearch, PHP, Ubuntu, Python 3.8 and later. Infisical's is about when it gave up the tags
of old versions. What moved: by the publishers' own announcements, which its words name, not checked anew.
Where a publisher mends its newest version alone and releases every few weeks (Grafana, Prometheus, Keycloak,
authentik), only whole majors are in it: a list of every minor would say no more than IMG-07 does.
"""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date

from estate.reference import Reference

TABLE_OF = date(2026, 8, 20)
"""What came later is not in it."""


@dataclass(frozen=True, slots=True)
class End:
    """`version`: the numbers that a tag starts with, or `<0.147` for all before. `on`: the first day without
    mending.
    """

    version: str
    on: date

    @property
    def spoken(self) -> str:
        return self.version.replace("<", "before ")

    def fits(self, version: str) -> bool:
        if self.version.startswith("<"):
            return _numbers(version) < _numbers(self.version[1:])
        return f"{version}.".startswith(f"{self.version}.")


def _numbers(version: str) -> tuple[int, ...]:
    return tuple(int(number) for number in version.split("."))


def _ends(words: str) -> tuple[End, ...]:
    """`14=2026-11-12`, separated by spaces."""
    pairs = (word.partition("=") for word in words.split())
    return tuple(End(version, date.fromisoformat(day)) for version, _, day in pairs)


_ENDS: Mapping[tuple[str, str], tuple[End, ...]] = {
    (owner, app): _ends(words)
    for apps, owners, words in (
        (
            "postgres postgresql postgis pgvector",
            "library bitnami supabase postgis pgvector timescale",
            "8=2014-07-24 9=2021-11-11 10=2022-11-10 11=2023-11-09 12=2024-11-14 13=2025-11-13 "
            "14=2026-11-12 15=2027-11-11 16=2028-11-09",
        ),
        (
            "mysql mysql-server",
            "library bitnami mysql",
            "5=2023-10-31 8.0=2026-04-30 8.1=2023-10-25 8.2=2023-12-14 8.3=2024-04-10 8.4=2032-04-30 "
            "9.0=2024-10-15 9.1=2025-01-21 9.2=2025-04-15 9.3=2025-07-22 9.4=2025-10-21 "
            "9.5=2026-01-20 9.6=2026-04-21",
        ),
        (
            "mariadb",
            "library bitnami linuxserver",
            "5=2020-04-11 10.0=2019-03-31 10.1=2020-10-17 10.2=2022-05-23 10.3=2023-05-25 "
            "10.4=2024-06-18 10.5=2025-06-24 10.6=2026-07-06 10.7=2023-02-09 10.8=2023-05-20 "
            "10.9=2023-08-22 10.10=2023-11-17 10.11=2028-02-16 11.0=2024-06-06 11.1=2024-08-21 "
            "11.2=2024-11-21 11.3=2024-05-29 11.4=2029-05-29 11.5=2024-11-21 11.6=2025-02-13 "
            "11.7=2025-05-12 11.8=2028-06-04 12.0=2025-11-18 12.1=2026-02-13 12.2=2026-05-13",
        ),
        (
            "redis",
            "library bitnami",
            "5=2022-04-27 6.0=2022-05-31 7.0=2024-07-29 8.0=2026-02-11",
        ),
        (
            "mongo mongodb",
            "library bitnami",
            "3=2021-04-30 4=2024-02-29 4.0=2022-04-30 4.2=2023-04-30 5=2024-10-31 6=2025-07-31 "
            "7.0=2027-08-31 7.1=2024-01-23 7.2=2024-03-27 7.3=2024-10-31 8.0=2029-10-31 "
            "8.1=2025-09-30 8.2=2026-07-31",
        ),
        (
            "elasticsearch kibana",
            "library elasticsearch kibana",
            "6=2022-02-10 7=2026-01-15",
        ),
        (
            "rabbitmq",
            "library bitnami",
            "3=2024-09-17 3.6=2018-05-31 3.7=2020-09-30 3.8=2022-07-31 3.9=2023-01-31 3.10=2022-09-28 "
            "3.11=2023-06-01 3.12=2024-02-21 4.0=2025-04-15 4.1=2026-01-30",
        ),
        (
            "traefik",
            "library",
            "1=2021-12-31 2=2026-02-01 2.0=2019-12-11 2.1=2020-03-25 2.2=2020-09-23 2.3=2021-01-19 "
            "2.4=2021-08-17 2.5=2022-01-24 2.6=2022-05-24 2.7=2022-06-29 2.8=2022-10-03 "
            "2.9=2023-04-24 2.10=2024-02-12 3.0=2024-07-15 3.1=2024-10-28 3.2=2025-01-06 "
            "3.3=2025-05-05 3.4=2025-07-23 3.5=2025-11-07 3.6=2026-08-16",
        ),
        (
            "nginx nginx-unprivileged",
            "library nginxinc bitnami",
            "1.14=2019-04-23 1.16=2020-04-20 1.18=2021-04-20 1.19=2021-05-25 1.20=2022-05-24 "
            "1.21=2022-06-21 1.22=2023-04-11 1.23=2023-05-23 1.24=2024-04-23 1.25=2024-05-29 "
            "1.26=2025-04-23 1.27=2025-06-24",
        ),
        (
            "haproxy haproxy-alpine haproxy-debian haproxy-ubuntu",
            "library haproxytech",
            "1=2022-12-09 2.0=2024-04-05 2.1=2021-03-18 2.2=2025-04-23 2.3=2022-07-27 2.4=2026-04-01 "
            "2.5=2023-05-02 2.6=2027-04-01 2.7=2024-04-05 2.8=2028-04-01 2.9=2025-03-21 "
            "3.0=2029-04-01 3.1=2026-01-01 3.2=2030-04-01",
        ),
        (
            "grafana grafana-oss grafana-enterprise",
            "grafana",
            "6=2021-06-08 7=2022-06-14 8=2023-06-09 9=2024-05-14 10=2025-06-05 11=2026-06-25",
        ),
        (
            "prometheus",
            "prom prometheus bitnami",
            "2=2025-07-31",
        ),
        (
            "keycloak",
            "keycloak jboss",
            "10=2020-07-22 11=2020-12-16 12=2021-05-06 13=2021-06-18 14=2021-07-15 15=2021-12-17 "
            "16=2022-03-11 17=2022-04-20 18=2022-07-27 19=2022-11-01 20=2023-02-23 21=2023-07-11 "
            "22=2023-11-23 23=2024-03-04 24=2024-06-10 25=2024-10-04",
        ),
        (
            "nextcloud",
            "library",
            "16=2020-06-30 17=2020-10-31 18=2021-01-31 19=2021-06-30 20=2021-11-30 21=2022-02-28 "
            "22=2022-07-31 23=2022-12-31 24=2023-04-30 25=2023-10-31 26=2024-03-31 27=2024-06-30 "
            "28=2024-12-31 29=2025-04-30 30=2025-09-30",
        ),
        (
            "server",
            "goauthentik authentik",
            "2021=2022-02-16 2022=2023-02-14 2023=2024-04-24 2024=2025-04-30",
        ),
        (
            "infisical",
            "infisical",
            "<0.147=2025-08-09",
        ),
        (
            "vault",
            "library hashicorp",
            "1.9=2022-10-10 1.10=2023-03-01 1.11=2023-06-21 1.12=2023-09-27 1.13=2024-03-25 "
            "1.14=2024-06-10 1.15=2024-10-08 1.16=2024-06-10 1.17=2024-10-09 1.18=2025-03-04",
        ),
        (
            "node",
            "library",
            "10=2021-04-30 12=2022-04-30 14=2023-04-30 15=2021-06-01 16=2023-09-11 17=2022-06-01 "
            "18=2025-04-30 19=2023-06-01 20=2026-04-30 21=2024-06-01",
        ),
        (
            "python",
            "library",
            "2=2020-01-01 3.6=2021-12-23 3.7=2023-06-27 3.8=2024-10-07 3.9=2025-10-31 3.10=2026-10-31 "
            "3.11=2027-10-31",
        ),
        (
            "php",
            "library",
            "5=2018-12-31 7=2022-11-28 8.0=2023-11-26 8.1=2025-12-31",
        ),
        (
            "alpine",
            "library",
            "3.11=2021-11-01 3.12=2022-05-01 3.13=2022-11-01 3.14=2023-05-01 3.15=2023-11-01 "
            "3.16=2024-05-23 3.17=2024-11-22 3.18=2025-05-09 3.19=2025-11-01 3.20=2026-04-01 "
            "3.21=2026-11-01 3.22=2027-05-01",
        ),
        (
            "debian",
            "library",
            "8=2020-06-30 9=2022-06-30 10=2024-06-30 11=2026-08-31",
        ),
        (
            "ubuntu",
            "library",
            "16.04=2021-04-30 18.04=2023-05-31 20.04=2025-05-31",
        ),
    )
    for owner in owners.split()
    for app in apps.split()
}
"""By owner and name at its registry. Of several numbers that fit a tag, the longest counts."""

_MOVED: Mapping[str, str] = {
    "docker.io/grafana/promtail": "it ended on 2026-03-02; Grafana Alloy takes its place",
    "docker.io/grafana/agent": "it ended on 2025-11-01; Grafana Alloy takes its place",
    "docker.io/containrrr/watchtower": "its repository is archived",
    "docker.io/pyouroboros/ouroboros": "its repository is archived",
    "docker.io/bitwardenrs/server": "it goes on as vaultwarden/server",
    "docker.io/library/vault": "it goes on as hashicorp/vault",
    "docker.io/library/consul": "it goes on as hashicorp/consul",
    "docker.io/library/openjdk": "it is deprecated; eclipse-temurin takes its place",
    "docker.io/library/centos": "it is deprecated, and CentOS Linux ended in 2024",
    "docker.io/portainer/portainer": "it goes on as portainer/portainer-ce",
    "docker.io/nodered/node-red-docker": "it goes on as nodered/node-red",
    "docker.io/tootsuite/mastodon": "it goes on as ghcr.io/mastodon/mastodon",
    "docker.io/jwilder/nginx-proxy": "it goes on as nginxproxy/nginx-proxy",
    "docker.io/jrcs/letsencrypt-nginx-proxy-companion": "it goes on as nginxproxy/acme-companion",
    "docker.io/google/cadvisor": "it goes on as gcr.io/cadvisor/cadvisor",
    "docker.io/minio/minio": "no free images are published since October 2025",
    "quay.io/minio/minio": "no free images are published since October 2025",
}
"""By registry and name."""

_MOVED_BELOW: Mapping[str, str] = {
    "docker.io/bitnami/": (
        "Bitnami took its free versions away in September 2025; what is left of them is bitnamilegacy/"
    ),
    "docker.io/mailu/": "Mailu 2 and later are at ghcr.io/mailu",
    "k8s.gcr.io/": "it goes on as registry.k8s.io",
}
"""All of a registry or of an owner."""


def end_of(image: Reference) -> End | None:
    """When its version ends; None when the table does not know it."""
    owner, _, app = image.name.rpartition("/")
    ends = _ENDS.get((owner or "library", app))
    found = re.match(r"v?(\d+(?:\.\d+)*)", image.tag or "") if ends else None
    if ends is None or found is None:
        return None
    fits = [one for one in ends if one.fits(found[1])]
    return max(fits, key=lambda one: len(one.version), default=None)


def moved(image: Reference) -> str:
    """Why its repository is none to stay with, in words; empty when nothing is known against it."""
    name = f"{image.host}/{image.name}"
    below = (words for start, words in _MOVED_BELOW.items() if name.startswith(start))
    return _MOVED.get(name) or next(below, "")
