"""How far a break-in gets: privileges, capabilities, namespaces, paths and devices of the machine."""

import re
from collections.abc import Iterator

from audit.capabilities import GIVES, plain
from audit.host_paths import gives_root, host_paths, is_telling, is_watcher
from audit.look import Look
from audit.model import Confidence, Failed, Fix, Passed, Place, Result, Severity
from audit.places import of_key, of_tree
from audit.ports import Port
from audit.rule import each_proxy, each_service, rule
from audit.subject import Subject
from estate.compose.value import Rows, Section, Tree, Value, child, text_of

_TRUE = {"true", "yes", "on", "1"}


def _rows(one: Subject, key: str) -> list[Tree]:
    tree = one.service.tree.get(key)
    return list(tree) if isinstance(tree, Rows) else []


def _at(look: Look, one: Subject, key: str) -> Place:
    return of_key(look.snapshot, one.service.tree, key, one.file)


def _says(one: Subject, key: str) -> str:
    return (text_of(one.service.tree.get(key)) or "").strip()


def _security(one: Subject) -> list[tuple[str, Tree]]:
    """`security_opt` in one spelling: `no-new-privileges=true`."""
    found = []
    for row in _rows(one, "security_opt"):
        text = (text_of(row) or "").strip().lower()
        found.append((re.sub(r"\A([\w-]+):", r"\1=", text), row))
    return found


@rule("SEC-01", Severity.CRITICAL, peers=("CL-0002",))
@each_service
def privileged(look: Look, one: Subject) -> Iterator[Result]:
    """The service is privileged: root inside is root on the machine.

    Wrong: `privileged: true`.
    Disprove: `docker inspect -f '{{.HostConfig.Privileged}}' CONTAINER` says false.
    Mend: the one capability or device that it needs instead.
    """
    if _says(one, "privileged").lower() not in _TRUE:
        return
    yield Failed(
        place=_at(look, one, "privileged"),
        message="it is privileged: every device and capability of the machine is its own",
        service=one.full_name,
        disprove="docker inspect -f '{{.HostConfig.Privileged}}' of its container says false",
        remedy="take privileged away, and give the one capability or device that it needs",
    )


@rule("SEC-02", Severity.HIGH, peers=("CL-0011", "CL-0024", "CL-0027", "CL-0028", "CL-0029", "CL-0030"))
@each_service
def strong_capability(look: Look, one: Subject) -> Iterator[Result]:
    """The service was given a capability that reaches beyond its container.

    Wrong: `cap_add` names one of those that open the machine (critical: ALL, SYS_ADMIN, SYS_MODULE,
    SYS_RAWIO), its processes, network or files (high), or its clock, log or resources (medium, low).
    Not meant: NET_ADMIN of a VPN or a firewall, IPC_LOCK of Vault, whose work it is; NET_BIND_SERVICE, CHOWN
    and what Docker gives by itself.
    Disprove: the program does not start without it.
    """
    for row in _rows(one, "cap_add"):
        name = plain(text_of(row) or "")
        if name not in GIVES or _is_its_work(one, name):
            continue
        severity, gives = GIVES[name]
        yield Failed(
            place=of_tree(look.snapshot, row, one.file),
            message=f"cap_add {name} gives {gives}",
            service=one.full_name,
            key=name,
            disprove="the program does not start without it",
            remedy=f"take {name} away, or give something narrower",
            severity=severity,
        )


_TUNNELS = re.compile(
    r"wireguard|wg-easy|cloudflared|tailscale|openvpn|gluetun|vpn|headscale|netbird|zerotier|pihole|adguard|crowdsec|firewall"
    r"|keepalived|fail2ban|dnsmasq|unbound"
)


def _is_its_work(one: Subject, name: str) -> bool:
    if name == "IPC_LOCK":
        return one.app in {"vault", "openbao", "elasticsearch", "opensearch"}
    return name == "NET_ADMIN" and _is_tunnel(one)


def _is_tunnel(one: Subject) -> bool:
    return bool(_TUNNELS.search(one.repository.lower()))


@rule("SEC-03", Severity.INFO, fix=Fix.CONSENT, peers=("CL-0003",), by_absence=True)
def new_privileges(look: Look) -> Iterator[Result]:
    """A program inside may become more than it was started as.

    Wrong: `security_opt` has no `no-new-privileges:true`: a set-uid program inside makes root of a user.
    Not looked at: what nobody outside reaches; what is privileged (SEC-01). A machine-wide
    `no-new-privileges` in the Engine's own configuration does the same.
    Disprove: `docker inspect -f '{{.HostConfig.SecurityOpt}}' CONTAINER` has it.
    Mend: `security_opt: ["no-new-privileges:true"]`.
    """
    for one in look.subjects:
        options = {text for text, _ in _security(one)}
        if options & {"no-new-privileges", "no-new-privileges=true", "no-new-privileges=1"}:
            yield Passed(one.full_name)
        elif look.is_public(one) and _says(one, "privileged").lower() not in _TRUE:
            yield Failed(
                place=one.place,
                message="nothing forbids its programs new privileges",
                service=one.full_name,
                disprove="docker inspect -f '{{.HostConfig.SecurityOpt}}' shows no-new-privileges",
                remedy=f'add security_opt: ["no-new-privileges:true"] to {one.name} in {one.file}',
            )


@rule("SEC-04", Severity.INFO, peers=("CL-0006",), by_absence=True)
def keeps_capabilities(look: Look) -> Iterator[Result]:
    """The service keeps the fourteen capabilities that Docker gives by itself.

    Wrong: `cap_drop` does not name ALL.
    Not looked at: what nobody outside reaches.
    Disprove: `docker inspect -f '{{.HostConfig.CapDrop}}' CONTAINER` says [ALL].
    Mend: `cap_drop: [ALL]`, and `cap_add` for the few that it needs.
    """
    for one in look.subjects:
        if any(plain(text_of(row) or "") == "ALL" for row in _rows(one, "cap_drop")):
            yield Passed(one.full_name)
            continue
        if not look.is_public(one):
            continue
        yield Failed(
            place=one.place,
            message="it keeps the capabilities that Docker gives by itself",
            service=one.full_name,
            disprove="docker inspect -f '{{.HostConfig.CapDrop}}' of its container says [ALL]",
            remedy=f"try cap_drop: [ALL] in {one.name} in {one.file}, and add those that it asks for",
        )


@rule("SEC-05", Severity.INFO, peers=("CL-0007",), by_absence=True)
def writable_root(look: Look) -> Iterator[Result]:
    """The service may change its own programs: its file system is writable.

    Wrong: `read_only: true` is missing.
    Not looked at: what nobody outside reaches; databases, which keep sockets and scratch files beside their
    data.
    Disprove: `docker inspect -f '{{.HostConfig.ReadonlyRootfs}}' CONTAINER` says true.
    Mend: `read_only: true`, and `tmpfs` for the few folders that it writes.
    """
    for one in look.subjects:
        if _says(one, "read_only").lower() in _TRUE:
            yield Passed(one.full_name)
        elif look.is_public(one) and not one.is_database:
            yield Failed(
                place=one.place,
                message="its own programs are writable",
                service=one.full_name,
                disprove="docker inspect -f '{{.HostConfig.ReadonlyRootfs}}' of its container says true",
                remedy=f"try read_only: true in {one.name} in {one.file}, and tmpfs for what it writes",
            )


@rule("SEC-06", Severity.MEDIUM, peers=("CL-0008",))
@each_service
def host_network(look: Look, one: Subject) -> Iterator[Result]:
    """The service is on the machine's own network: nothing keeps it from what listens on localhost.

    Wrong: `network_mode: host`.
    Not meant: what watches the machine or carries its network (node-exporter, a VPN).
    Disprove: it needs broadcasts or the machine's own addresses.
    Mend: the networks that it needs, and `ports`.
    """
    if one.network_mode != "host" or is_watcher(one) or _is_tunnel(one):
        return
    yield Failed(
        place=_at(look, one, "network_mode"),
        message="it is on the machine's own network: it reaches whatever listens on localhost",
        service=one.full_name,
        disprove="it needs broadcasts, or the machine's own addresses",
        remedy="give it the networks that it needs, and publish its port",
    )


@rule("SEC-07", Severity.HIGH, peers=("CL-0010",))
@each_service
def host_namespace(look: Look, one: Subject) -> Iterator[Result]:
    """The service shares processes, memory or users with the machine.

    Wrong: `pid`, `ipc`, `uts`, `userns_mode` or `cgroup` is `host`. `uts` and `cgroup` are low. Not meant:
    `pid: host` of what watches the machine.
    Disprove: `docker inspect` of its container does not say `host`.
    """
    for key in ("pid", "ipc", "userns_mode", "uts", "cgroup"):
        if _says(one, key) != "host" or (is_watcher(one) and key in {"pid", "cgroup", "uts"}):
            continue
        yield Failed(
            place=_at(look, one, key),
            message=f"{key}: host: {_SHARED[key]}",
            service=one.full_name,
            key=key,
            disprove=f"docker inspect of its container does not say host for {key}",
            remedy=f"take {key}: host away",
            severity=Severity.LOW if key in {"uts", "cgroup"} else None,
        )


_SHARED = {
    "pid": "it sees and may end the machine's processes",
    "ipc": "it reads and writes the machine's shared memory",
    "userns_mode": "root inside is root outside, whatever the Engine maps",
    "uts": "it may change the machine's name",
    "cgroup": "it sees the machine's control groups",
}


@rule("SEC-08", Severity.HIGH, peers=("CL-0009",))
@each_service
def no_profile(look: Look, one: Subject) -> Iterator[Result]:
    """A security profile of the kernel is turned off for the service.

    Wrong: `security_opt` has `seccomp:unconfined`, `apparmor:unconfined`, `label:disable` or
    `systempaths=unconfined`.
    Disprove: `docker inspect -f '{{.HostConfig.SecurityOpt}}' CONTAINER` does not have it.
    Mend: take it away; or a profile with the one call that it needs.
    """
    for text, row in _security(one):
        kind, _, value = text.partition("=")
        if not (value == "unconfined" or (kind, value) == ("label", "disable")):
            continue
        yield Failed(
            place=of_tree(look.snapshot, row, one.file),
            message=f"{kind} is turned off: the kernel forbids it nothing that the profile would",
            service=one.full_name,
            key=kind,
            disprove="docker inspect -f '{{.HostConfig.SecurityOpt}}' of its container does not have it",
            remedy="take it away, or write a profile with the one call that it needs",
        )


@rule("SEC-09", Severity.HIGH, peers=("CL-0013",))
@each_service
def telling_path(look: Look, one: Subject) -> Iterator[Result]:
    """The service reads folders of the machine that hold others' secrets.

    Wrong: `/`, `/etc`, `/root`, `/home`, `/dev`, `/proc`, the Engine's own data, or somebody's keys are
    mounted. What may be written is SEC-10. Low: it watches the machine, which needs that.
    Not meant: `/etc/localtime`, certificates of authorities, `/dev/dri` and their like.
    Disprove: the folder of that name is another one.
    """
    for path, mount in host_paths(one):
        if not is_telling(path) or (mount.writable and gives_root(path)):
            continue
        yield Failed(
            place=of_tree(look.snapshot, mount.tree, one.file),
            message=f"{path} of the machine is mounted: it reads what others keep there",
            service=one.full_name,
            key=path,
            evidence=(f"mounted at {mount.target}",),
            disprove="nothing below that path is anybody's secret",
            remedy="mount the one file or folder that it needs",
            severity=Severity.LOW if is_watcher(one) else None,
        )


@rule("SEC-10", Severity.CRITICAL, peers=("CL-0025",))
@each_service
def writes_the_machine(look: Look, one: Subject) -> Iterator[Result]:
    """The service may write where the machine keeps its programs, users or jobs: that makes it root.

    Wrong: `/`, `/etc`, `/root`, `/boot`, `/usr/bin`, the Engine's own data or somebody's `.ssh`, or what lies
    below them, is mounted and not read-only. High: a single file or a folder that has another program's
    name below `/etc`.
    Not meant: `/etc/localtime`, `/etc/letsencrypt`, certificates.
    Disprove: `docker inspect -f '{{json .Mounts}}' CONTAINER` says RW false.
    Mend: `:ro`, or the one folder that it needs.
    """
    for path, mount in host_paths(one):
        if not mount.writable or not gives_root(path):
            continue
        narrow = path.startswith("/etc/") and path.count("/") >= 2 and not is_telling(path)
        yield Failed(
            place=of_tree(look.snapshot, mount.tree, one.file),
            message=f"{path} of the machine is mounted writable",
            service=one.full_name,
            key=path,
            evidence=(f"mounted at {mount.target}",),
            disprove="docker inspect -f '{{json .Mounts}}' of its container says RW false",
            remedy="mount it :ro, or the one folder that it needs",
            severity=Severity.HIGH if narrow else None,
        )


_DEVICES = (
    (re.compile(r"/dev/(?:mem|kmem|port)\Z"), Severity.CRITICAL, "the machine's memory"),
    (re.compile(r"/dev/kmsg\Z"), Severity.MEDIUM, "the kernel's log"),
    (re.compile(r"/dev/(?:sd|vd|xvd|nvme|hd|mmcblk|dm-|md|mapper/)"), Severity.CRITICAL, "a whole disk"),
    (re.compile(r"/dev\Z"), Severity.CRITICAL, "every device"),
    (re.compile(r"/dev/(?:fuse|loop|kvm|vhost-|uinput|input)"), Severity.MEDIUM, "a device of the kernel's"),
)


@rule("SEC-11", Severity.CRITICAL, peers=("CL-0016",))
@each_service
def device(look: Look, one: Subject) -> Iterator[Result]:
    """The service was given a device of the machine that reaches past its files.

    Wrong: `devices` names a disk, the memory, or all of `/dev`; `/dev/kvm`, `/dev/fuse` and their like are
    medium. Sound, video, serial lines, `/dev/net/tun` are not meant, nor the kernel's log for what watches
    it.
    Disprove: `docker inspect -f '{{json .HostConfig.Devices}}' CONTAINER` does not name it.
    """
    for row in _rows(one, "devices"):
        path = (text_of(child(row, "source")) if isinstance(row, Section) else text_of(row)) or ""
        path = path.partition(":")[0].rstrip("/")
        for pattern, severity, words in _DEVICES:
            if pattern.match(path) and not (path == "/dev/kmsg" and is_watcher(one)):
                yield Failed(
                    place=of_tree(look.snapshot, row, one.file, path),
                    message=f"the device {path} is given to it: {words}",
                    service=one.full_name,
                    key=path,
                    disprove="docker inspect -f '{{json .HostConfig.Devices}}' does not name it",
                    remedy="take the device away, or give the one partition or file that it needs",
                    severity=severity,
                )
                break


@rule("SEC-12", Severity.LOW, peers=("CL-0017",))
@each_service
def shared_mount(look: Look, one: Subject) -> Iterator[Result]:
    """What the service mounts inside appears on the machine.

    Wrong: a bind's propagation is `shared` or `rshared`.
    Not meant: storage drivers and what watches the machine.
    Disprove: `docker inspect -f '{{json .Mounts}}' CONTAINER` says another Propagation.
    """
    for mount in one.mounts:
        bind = text_of(child(mount.tree, "bind", "propagation")) or ""
        text = text_of(mount.tree) or ""
        options = text.split(":")[2].split(",") if text.count(":") >= 2 else []
        if not {bind, *options} & {"shared", "rshared"} or is_watcher(one):
            continue
        yield Failed(
            place=of_tree(look.snapshot, mount.tree, one.file),
            message=f"mounts below {mount.target} appear on the machine: propagation is shared",
            service=one.full_name,
            key=mount.target,
            disprove="docker inspect -f '{{json .Mounts}}' of its container says another Propagation",
            remedy="write rslave, which only lets the machine's mounts in",
        )


@rule("SEC-13", Severity.LOW, peers=("CL-0018",))
@each_service
def says_root(look: Look, one: Subject) -> Iterator[Result]:
    """The file says that the service runs as root.

    Wrong: `user:` is `root` or `0`. An image that does so by itself is another matter.
    Disprove: it gives root up by itself after it has started.
    Mend: a user who owns its data; or leave the image's own.
    """
    if _says(one, "user").partition(":")[0].strip() not in {"root", "0"}:
        return
    yield Failed(
        place=_at(look, one, "user"),
        message="it is told to run as root",
        service=one.full_name,
        disprove="it gives root up by itself after it has started",
        remedy="name a user who owns its data, or leave the image's own",
        confidence=Confidence.MEDIUM,
    )


@rule("SEC-15", Severity.LOW, peers=("CL-0022",))
@each_service
def tmpfs_with_programs(look: Look, one: Subject) -> Iterator[Result]:
    """Programs may be run from a folder in memory that anybody inside may write.

    Wrong: a `tmpfs` is mounted with `exec`, `suid` or `dev`, which Docker turns off by itself.
    Disprove: the program needs it, as those that compile while they run do.
    """
    tree = one.service.tree.get("tmpfs")
    rows: list[Tree] = list(tree) if isinstance(tree, Rows) else [tree] if tree is not None else []
    for row in rows:
        target, _, options = (text_of(row) or "").partition(":")
        loose = sorted({"exec", "suid", "dev"} & set(options.split(",")))
        if not loose:
            continue
        yield Failed(
            place=of_tree(look.snapshot, row, one.file),
            message=f"{target} is in memory, and mounted with {', '.join(loose)}",
            service=one.full_name,
            key=target,
            disprove="the program compiles while it runs, and needs it",
            remedy=f"take {', '.join(loose)} away",
        )


_STORES = {
    *("5432", "3306", "6379", "27017", "9200", "9300", "5984", "9042", "7687", "11211", "2379"),
    *("1433", "1521", "8086", "5672", "9092", "26257"),
}
"""Ports on which databases, caches and queues listen."""
_MEANT = {
    *("25", "465", "587", "110", "995", "143", "993", "4190", "53", "853", "22", "123", "1194", "51820"),
    *("3478", "5349", "25565", "1883", "8883", "51413", "6881", "22000", "21027", "64738", "5060", "5061"),
    *("137", "138", "139", "445", "548", "2049", "67", "69", "514", "631", "500", "4500", "41641", "19132"),
}
"""Ports that exist to be reached by other machines, past any proxy: mail, names, time, tunnels, calls, games,
shared folders, printers, logs."""
_EDGE = re.compile(r"(?:^|/)(?:traefik|nginx|caddy|haproxy|envoy|httpd|nginx-proxy.*|swag|ingress.*)\Z")


@rule("SEC-16", Severity.LOW, fix=Fix.CONSENT, peers=("CL-0005",))
@each_service
def open_port(look: Look, one: Subject) -> Iterator[Result]:
    """A port is open to every machine that reaches this one, past the proxy and most firewalls.

    Wrong: `ports` publishes without an address, or on 0.0.0.0: Docker's own rules go before those of ufw and
    firewalld. High: a database, cache or queue listens there.
    Not meant: the proxy's 80 and 443; mail, DNS, VPN, calls, games, shared folders: they exist to be reached.
    What is routed as well is TRF-08.
    Disprove: another machine cannot connect to it.
    Mend: `127.0.0.1:` before the port; or no `ports`, where only containers call it.
    """
    for port in one.ports:
        if not port.is_public or one.full_name in look.routed or port.inside in _MEANT | {"2375"}:
            continue
        if _EDGE.search(one.repository.lower()) and (port.host in {"80", "443"} or one.app == "traefik"):
            continue
        is_store = one.is_database or port.inside in _STORES
        yield Failed(
            place=of_tree(look.snapshot, port.tree, one.file),
            message=f"{_host_words(port)} is open on every address of the machine"
            + (": a database listens there" if is_store else ""),
            service=one.full_name,
            key=f"{port.host}:{port.inside}/{port.protocol}",
            disprove=f"another machine cannot connect to port {port.host or port.inside}",
            remedy=f"write 127.0.0.1:{port.host or port.inside}:{port.inside}, or take it away where only"
            " containers call it",
            severity=Severity.HIGH if is_store else None,
        )


def _host_words(port: Port) -> str:
    if port.host:
        return f"port {port.host}"
    names = port.tree.unset if isinstance(port.tree, Value) else ()
    return f"its port {port.inside}, at the number that {', '.join(names) or 'Docker'} says,"


@rule("SEC-17", Severity.LOW, peers=("CL-0014",))
@each_service
def no_log(look: Look, one: Subject) -> Iterator[Result]:
    """Nobody keeps what the service says: its log is turned off.

    Wrong: `logging.driver: none`.
    Disprove: it writes its own log to a place that somebody reads.
    Mend: `json-file` with `max-size`, or `local`.
    """
    if text_of(child(one.service.tree, "logging", "driver")) != "none":
        return
    yield Failed(
        place=of_key(look.snapshot, child(one.service.tree, "logging"), "driver", one.file),
        message="its log is turned off: after a fall nobody knows why",
        service=one.full_name,
        disprove="it writes its own log to a place that somebody reads",
        remedy="write driver: local, or json-file with max-size",
    )


@rule("SEC-18", Severity.CRITICAL)
def open_engine(look: Look) -> Iterator[Result]:
    """A Docker Engine listens without a certificate: whoever reaches its port owns its machine.

    Wrong: a service publishes 2375 on an address that others reach.
    Not meant: a docker-socket-proxy that is reached on its own network.
    Disprove: another machine cannot connect to port 2375.
    Mend: no `ports`; or 2376 with certificates.
    """
    for one in look.subjects:
        open_ports = [port for port in one.ports if port.is_public and "2375" in {port.inside, port.host}]
        for port in open_ports:
            yield Failed(
                place=of_tree(look.snapshot, port.tree, one.file),
                message="an Engine, or a proxy of one, listens on port 2375 without a certificate",
                service=one.full_name,
                disprove="another machine cannot connect to port 2375",
                remedy="take the port away: containers reach it on their network",
            )
        if not open_ports:
            yield Passed(one.full_name)


@rule("SEC-19", Severity.LOW)
@each_proxy
def database_beside_the_proxy(look: Look) -> Iterator[Result]:
    """A database is on the proxy's network, so every service that is routed may call it.

    Wrong: a database that nothing routes shares a network with Traefik, and has another network as well: its
    own application would reach it there.
    Disprove: the proxy itself routes to it (TCP).
    Mend: take the proxy's network away from the database.
    """
    proxy = look.proxy.subject
    if proxy is None:
        return
    shared = set(proxy.networks.values())
    for one in look.subjects:
        if not one.is_database:
            continue
        on = [name for name, real in one.networks.items() if real in shared]
        if not on or one.full_name in look.proxy.routed or len(one.networks) < 2:
            yield Passed(one.full_name)
            continue
        yield Failed(
            place=_at(look, one, "networks"),
            message=f"it is a database, and on the proxy's network {on[0]}: all that is routed may call it",
            service=one.full_name,
            evidence=(f"networks: {', '.join(one.networks)}",),
            disprove="the proxy itself routes to it",
            remedy=f"take {on[0]} away from {one.name}",
        )


@rule("SEC-20", Severity.LOW)
def unasked_updates(look: Look) -> Iterator[Result]:
    """A service replaces other services' images without asking anybody.

    Wrong: Watchtower, Ouroboros or the like runs, and is not told only to watch (`--monitor-only`,
    `WATCHTOWER_MONITOR_ONLY`) or to take only those that have its label.
    Disprove: it is told so in a way that is not in the file.
    Mend: let it only tell; update on purpose.
    """
    for one in look.subjects:
        if not re.search(r"(?:^|/)(?:watchtower|ouroboros|shepherd)\Z", one.repository.lower()):
            continue
        words = " ".join(text_of(row) or "" for row in _rows(one, "command")) + _says(one, "command")
        told = {
            name: (value.text or "").lower()
            for name, value in one.service.environment.items()
            if name in {"WATCHTOWER_MONITOR_ONLY", "WATCHTOWER_LABEL_ENABLE", "WATCHTOWER_NO_PULL"}
        }
        if re.search(r"--monitor-only|--label-enable", words) or any(t in _TRUE for t in told.values()):
            yield Passed(one.full_name)
            continue
        yield Failed(
            place=one.place,
            message="it replaces other services' images whenever a tag moves, and asks nobody",
            service=one.full_name,
            disprove="it is told only to watch, in a way that is not in the file",
            remedy="add WATCHTOWER_MONITOR_ONLY: 'true'; bring versions up with !update",
            confidence=Confidence.MEDIUM,
        )
