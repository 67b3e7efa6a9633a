"""Which variables hold a credential, and which values are nobody's secret. Pure.

Stricter than the redactor: it must not hide too little, a rule must not accuse wrongly.
"""

import re


def _set(words: str) -> frozenset[str]:
    return frozenset(words.split())


_PARTS = re.compile(r"[A-Z]+(?![a-z])|[A-Z]?[a-z]+")
_LAST = _set(
    "password passwd passphrase pass pwd pw passcode secret secrets token apikey credentials credential"
)
_BEFORE_KEY = _set(
    "api secret private encryption encrypt access jwt app application master signing sign session auth "
    "hmac service anon storage crypt crypto cookie webhook"
)
_BEHIND = _set("base value plain hash default text raw string")
_NOT = _set("public pub pubkey vapidpub")

DEFAULTS = _set(
    "admin administrator password passw0rd p4ssw0rd p@ssw0rd password1 password123 pass passwd changeme "
    "changeit changethis secret secret123 supersecret topsecret mysecret default root toor user guest "
    "test testing test123 demo example postgres postgresql mysql mariadb mongo mongodb redis rabbitmq "
    "minio minioadmin grafana admin123 admin1234 qwerty letmein welcome welcome1 123456 1234567 "
    "12345678 123456789 1234 12345 abc123 foobar nextcloud wordpress drupal joomla elastic kibana "
    "guacamole portainer keycloak gitlab gitea jenkins sonar zabbix notsecure insecure temp temporary "
    "dummy mypassword my-secret-pw my_secret my-secret yourpassword rootpassword rootpass dbpassword "
    "adminpassword adminpass userpassword somepassword "
    # What makers write into their own examples, or their first login asks for.
    "adminadmin deluge asecret wikijsrocks myadminsecretkey mmuser_password airflow superset odoo neo4j "
    "raspberry ubnt mosquitto couchdb influxdb hunter2 rootroot root123 pass123 pass1234 password12 "
    "password1234 changeme123 secretpassword supersecretpassword s3cr3t p4ssword"
)
_PLACEHOLDER = re.compile(
    r"__\w+__|<[^<>]+>|\{\{.*\}\}|\[(?:your|insert|change)[^\]]*\]"
    r"|(?:please[-_ ]?)?(?:change|replace|fill|insert|set|enter|update)"
    r"[-_ ](?:me|this|it|in|here|your|the|with|to)?\b.*"
    r"|CHANGE_?ME\w*|REPLACE_?ME\w*|FIX_?ME\w*|TODO\b.*|TBD|your[-_ ].+|put[-_ ].+[-_ ]here"
    r"|.+[-_ ]goes[-_ ]here"
    r"|x{4,}|X{4,}|\*{3,}|\.{3,}|(?:some|a)[-_ ](?:random|secret|long)[-_ ].*",
    re.IGNORECASE,
)
_WORDS = _set(
    "true false yes no on off none null nil enabled disabled required optional basic bearer digest "
    "oauth oauth2 oidc ldap saml internal external local file env auto always never"
)
USERINFO = re.compile(
    r"(?P<scheme>[a-z][a-z0-9+.-]*)://(?P<user>[^\s/@:]*):(?P<password>[^\s/@]+)@", re.IGNORECASE
)


def names_credential(name: str) -> bool:
    """`DB_PASSWORD`, `apiToken`, `SECRET_KEY_BASE`; not `PASSWORD_FILE`, `TOKEN_LIFETIME`, `SORT_KEY`."""
    parts = [part.lower() for part in _PARTS.findall(name)]
    while parts and parts[-1] in _BEHIND and len(parts) > 1:
        parts.pop()
    if not parts or _NOT & set(parts):
        return False
    last = parts[-1]
    if last in _LAST or any(last.endswith(word) for word in ("password", "passwd", "secret", "apikey")):
        return True
    return last in {"key", "keys"} and len(parts) > 1 and parts[-2] in _BEFORE_KEY


def is_default(value: str, *known: str) -> bool:
    """Whether everybody would try it first. `known`: the user's name, the service's."""
    folded = value.strip().lower()
    return folded in DEFAULTS or (len(folded) > 2 and folded in {word.lower() for word in known if word})


def is_placeholder(value: str) -> bool:
    """Whether it stands there to be replaced: `CHANGE_ME`, `<token>`, `your-key`."""
    text = value.strip()
    return bool(text) and text.lower() not in DEFAULTS and bool(_PLACEHOLDER.fullmatch(text))


def is_no_secret(value: str) -> bool:
    """Switches, kinds, numbers, paths, references: what a credential's variable holds when it holds none."""
    text = value.strip()
    return (
        len(text) < 2
        or text.lower() in _WORDS
        or (text.isdigit() and len(text) <= 5)
        or text.startswith(("/", "./", "$"))
        or bool(re.fullmatch(r"(?:file|vault|env|op|secret|sm|ssm|aws):.*", text, re.IGNORECASE))
    )
