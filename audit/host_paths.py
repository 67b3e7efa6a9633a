"""Paths of the machine that nobody inside a container should have. Pure."""

import re
from collections.abc import Iterator

from audit.mounts import MountPoint
from audit.subject import Subject
from estate.compose.value import child, text_of

ROOT_EQUIVALENT = (
    *("/etc", "/root", "/boot", "/proc", "/sys"),
    *("/var/lib/docker", "/var/lib/containerd", "/var/spool/cron", "/lib/modules", "/usr/lib/modules"),
    *("/bin", "/sbin", "/usr/bin", "/usr/sbin", "/usr/local/bin", "/usr/local/sbin"),
)
"""Who writes there, or in a folder below, is root on the machine."""
WHOLE = ("/", "/usr", "/usr/lib", "/lib", "/lib64", "/var", "/var/lib", "/home")
"""Folders of everything: what is meant by them is what lies below."""
READABLE = ("/etc/shadow", "/etc/ssh", "/etc/ssl/private", "/etc/kubernetes", "/etc/sudoers", "/dev")
"""To read them is enough."""
_HARMLESS = re.compile(
    r"/etc/(?:localtime|timezone|machine-id|hostname|hosts|resolv\.conf|os-release|passwd|group|ssl/certs(?:/.*)?"
    r"|ca-certificates(?:/.*)?|letsencrypt(?:/.*)?|mime\.types)\Z"
    r"|/dev/(?:shm|null|zero|random|urandom|log|dri(?:/.*)?|snd(?:/.*)?|net/tun)\Z"
    r"|/sys/fs/cgroup(?:/.*)?\Z"
)
_CREDENTIALS = re.compile(
    r"(?:/root|/home/[^/]+|~[^/]*|\$\{HOME\})/\.(?:ssh|aws|kube|gnupg|docker|config/gcloud)(?:/|\Z)"
)
_EXPORTERS = re.compile(
    r"(?:node|process|systemd|smartctl|ipmi|dcgm|gpu)[-_]exporter|cadvisor|netdata|telegraf|datadog|promtail|fluent-?bit|fluentd|vector|alloy|glances"
    r"|beszel|grafana-agent|otel|opentelemetry|filebeat|metricbeat|falco|osquery|wazuh|crowdsec"
)
"""What watches a machine reads it on purpose."""


def host_paths(one: Subject) -> Iterator[tuple[str, MountPoint]]:
    """Each path of the machine that it has, also by a volume that is a folder of the machine by another name,
    without where the Engine listens (OPS-02)."""
    for mount in one.mounts:
        path = mount.source
        if mount.kind == "volume" and mount.source:
            options = child(one.model.tree, "volumes", mount.source, "driver_opts")
            path = text_of(child(options, "device")) or ""
        if path.startswith(("/", "~", "${HOME}")) and not path.endswith("docker.sock"):
            yield path.rstrip("/") or "/", mount


def is_watcher(one: Subject) -> bool:
    return bool(_EXPORTERS.search(one.repository.lower()))


def gives_root(path: str) -> bool:
    """Whether who writes there owns the machine."""
    below = any(path == root or path.startswith(f"{root}/") for root in ROOT_EQUIVALENT)
    return (below or path in WHOLE or bool(_CREDENTIALS.search(f"{path}/"))) and not _HARMLESS.match(path)


def is_telling(path: str) -> bool:
    """Whether who reads there learns what nobody outside should know."""
    named = any(path == one or path.startswith(f"{one}/") for one in READABLE)
    whole = path in {"/", "/etc", "/root", "/home", "/proc", "/var/lib/docker", "/var", "/var/lib"}
    return (named or whole or bool(_CREDENTIALS.search(f"{path}/"))) and not _HARMLESS.match(path)
