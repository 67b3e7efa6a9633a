"""Which labels Traefik 2 and 3 know. Pure.

Source: doc.traefik.io/traefik/reference/routing-configuration/other-providers/docker.
Names are folded to lower case, as Traefik does.
"""

import difflib
import re
from collections.abc import Mapping

_ROUTER = "rule rulesyntax entrypoints middlewares service tls priority observability parentrefs"
_SERVICE = "loadbalancer weighted mirroring failover highestrandomweight"
_BALANCER = (
    "server servers passhostheader healthcheck sticky responseforwarding serverstransport strategy "
    "passivehealthcheck terminationdelay proxyprotocol"
)
_SERVER = "port scheme url weight preservepath tls address"
_MIDDLEWARES = (
    "addprefix basicauth buffering chain circuitbreaker compress contenttype digestauth encodedcharacters "
    "errors forwardauth grpcweb headers ipallowlist ipwhitelist inflightreq inflightconn passtlsclientcert "
    "plugin ratelimit redirectregex redirectscheme replacepath replacepathregex retry stripprefix "
    "stripprefixregex"
)
_INNER: Mapping[str, str] = {
    "addprefix": "prefix",
    "basicauth": "users usersfile realm headerfield removeheader",
    "digestauth": "users usersfile realm headerfield removeheader",
    "chain": "middlewares",
    "ipallowlist": "sourcerange ipstrategy rejectstatuscode",
    "ipwhitelist": "sourcerange ipstrategy",
    "inflightreq": "amount sourcecriterion",
    "ratelimit": "average period burst sourcecriterion redis",
    "redirectregex": "regex replacement permanent",
    "redirectscheme": "scheme port permanent",
    "replacepath": "path",
    "replacepathregex": "regex replacement",
    "retry": "attempts initialinterval timeout maxrequestbodybytes status disableretryonnetworkerror "
    "retrynonidempotentmethod",
    "stripprefix": "prefixes forceslash",
    "stripprefixregex": "regex",
    "forwardauth": "address tls trustforwardheader authresponseheaders authresponseheadersregex "
    "authrequestheaders addauthcookiestoresponse headerfield forwardbody maxbodysize maxresponsebodysize "
    "preservelocationheader preserverequestmethod authsigninurl",
    "headers": "customrequestheaders customresponseheaders accesscontrolallowcredentials "
    "accesscontrolallowheaders accesscontrolallowmethods accesscontrolalloworiginlist "
    "accesscontrolalloworiginlistregex accesscontrolexposeheaders accesscontrolmaxage addvaryheader "
    "allowedhosts hostsproxyheaders sslproxyheaders stsseconds stsincludesubdomains stspreload "
    "forcestsheader framedeny customframeoptionsvalue contenttypenosniff browserxssfilter "
    "custombrowserxssvalue contentsecuritypolicy contentsecuritypolicyreportonly publickey referrerpolicy "
    "permissionspolicy isdevelopment sslredirect ssltemporaryredirect sslhost sslforcehost "
    "featurepolicy accesscontrolalloworigin",
}
_OLD = {"frontend", "frontends", "backend", "port", "protocol", "weight", "domain", "acme"}
_NAMED = re.compile(
    r"traefik\.(?P<protocol>http|tcp|udp)\.(?P<kind>[^.]+)\.(?P<name>[^.]+)(?:\.(?P<rest>.*))?\Z"
)


def why_unknown(label: str) -> str:
    """What is wrong with a label under `traefik.`, in words; empty when Traefik takes it."""
    key = re.sub(r"\[\d+\]", "", label.lower())
    parts = key.split(".")
    if key in {"traefik.enable", "traefik.tags"} or re.match(
        r"traefik\.(?:docker|swarm)\.(?:network|lbswarm)\Z", key
    ):
        return ""
    if len(parts) > 1 and parts[1] in _OLD:
        return "it is of Traefik 1, and later ones ignore it"
    if len(parts) > 1 and parts[1] in {"docker", "swarm"}:
        return _near(parts[2] if len(parts) > 2 else "", "network lbswarm")
    if len(parts) < 2 or parts[1] not in {"http", "tcp", "udp", "tls"}:
        return _near(parts[1] if len(parts) > 1 else "", "enable docker http tcp udp")
    if parts[1] == "tls":
        return ""
    return _dynamic(key)


def _dynamic(key: str) -> str:
    found = _NAMED.match(key)
    kind = key.split(".")[2] if key.count(".") > 1 else ""
    kinds = "routers services middlewares serverstransports"
    if kind not in kinds.split():
        return _near(kind, kinds)
    rest = (found["rest"] or "") if found else ""
    if not rest:
        return "it stops before it says anything: a name, and what of it"
    first, _, more = rest.partition(".")
    if kind == "routers":
        return _near(first, _ROUTER)
    if kind == "middlewares":
        second = more.partition(".")[0]
        wrong = _near(first, _MIDDLEWARES)
        return wrong or (_near(second, _INNER[first]) if first in _INNER and second else "")
    return _service(first, more) if kind == "services" else ""


def _service(first: str, more: str) -> str:
    wrong = _near(first, _SERVICE)
    if wrong or first != "loadbalancer" or not more:
        return wrong
    second, _, third = more.partition(".")
    wrong = _near(second, _BALANCER)
    return wrong or (_near(third.partition(".")[0], _SERVER) if second == "server" and third else "")


def _near(word: str, known: str) -> str:
    names = known.split()
    if word in names:
        return ""
    near = difflib.get_close_matches(word, names, 1)
    return f"nothing is called {word or 'so'} there" + (f": is {near[0]} meant?" if near else "")
