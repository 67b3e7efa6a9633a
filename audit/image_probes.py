"""Images whose makers gave them a healthcheck, as far as that is known without an Engine. Pure.

`HEALTHCHECK` stood in the stored Dockerfile of each, read in November 2026 (of Authelia, GitLab, immich and
Netdata in one that others keep a copy of); versions before it may lack it.
What is only remembered to have one is not here. Where an Engine answers, it is asked and not this table.
"""

from estate.reference import Reference

_PROBED = frozenset(
    [
        "authelia/authelia",
        "blakeblackshear/frigate",
        "cadvisor/cadvisor",
        "gethomepage/homepage",
        "gitlab/gitlab-ce",
        "gitlab/gitlab-ee",
        "goauthentik/server",
        "google/cadvisor",
        "gotify/server",
        "immich-app/immich-machine-learning",
        "immich-app/immich-server",
        "itzg/minecraft-bedrock-server",
        "itzg/minecraft-server",
        "jellyfin/jellyfin",
        "linkstackorg/linkstack",
        "lldap/lldap",
        "louislam/uptime-kuma",
        "matrixdotorg/synapse",
        "mattermost/mattermost-team-edition",
        "mealie-recipes/mealie",
        "netdata/netdata",
        "nodered/node-red",
        "pihole/pihole",
        "plexinc/pms-docker",
        "qmcgaw/gluetun",
        "qdm12/gluetun",
        "syncthing/syncthing",
        "vaultwarden/server",
    ]
)
"""Owner and name, at whatever registry: they are the same image at each."""


def brings_probe(image: Reference) -> bool:
    return image.name in _PROBED
