"""From a sentence to the questions that decide it. Pure.

A sentence that fits no row is not understood, and said to be; one that says what should be done is no claim.
"""

import re
from collections.abc import Callable
from re import Match

from audit.claims.amount import Amount
from audit.claims.claim import Question
from audit.claims.files import Exists, HasMode, HowBad, HowMany
from audit.claims.images import Floating, HasImage, HasVersion, Repeats
from audit.claims.rules import FindingIs, RuleFinds
from audit.claims.running import STATES, InState, ManyInState
from audit.claims.settings import HasHealthcheck, ProbeSays, Publishes
from audit.claims.statement import Statement

Found = tuple[Question, ...]
IsName = Callable[[str], bool]

_ABOUT = r"(?P<before>\b(?:at least|more than|over|at most|up to|fewer than|less than|about|around|roughly|approximately)\s+|[~≈]\s*)?"
_COUNT = _ABOUT + r"\b(?P<count>\d+)(?P<after>\+)?"
_NAMES = r"(?P<names>[^.;:()|]{2,300}?)"
_STATE = rf"(?P<state>{'|'.join(re.escape(one) for one in STATES)})"
_LATEST = r"""(?:the )?['"‘“]?:?latest['"’”]?"""
_BE = r"(?:is|are|was|were|remains?|stays?)"
_ID = re.compile(r"\b[A-Z]{2,5}-\d\d-[A-Z0-9]{5,12}\b")
_IMAGE = re.compile(r"(?:[\w.-]+(?::\d+)?/)*[\w.-]+:[\w][\w.-]{0,127}\Z")
_FILE = re.compile(r"(?:[\w@.+-]+/)*[\w@.+-]*(?:\.[A-Za-z][\w-]{0,15}|/)\Z|/[\w@./+-]+\Z")
_SHOULD = re.compile(
    r"\b(?:should|must|needs? (?:to|a|an)|have to|has to|recommend\w*|consider|could be|can be|to be|would|may be|ought)\b",
    re.I,
)
_IMPERATIVE = re.compile(
    r"(?:enable|apply|secure|configure|pin|resolve|decide|complete|change|create|add|fix|update|verify|check|list|test|document"
    r"|implement|establish|automate|standardi[sz]e|template|abstract|centrali[sz]e|consolidate|start|remove|set|ensure|review"
    r"|use|try|adjust|replace|migrate|install|run|restart|rotate|move|upgrade|delete|define|write|make|restrict|bind|mount)\b",
    re.I,
)
_WISHES = re.compile(
    r"standards?\Z|recommendations?|goals?\Z|next steps|prioriti[sz]ed actions|task breakdown|core features|bug fixes|refactoring"
    r"|todo|to-dos?|commands?\Z|strategic|mitigation|how to|verify", re.I
)  # fmt: skip


def read(statement: Statement, is_name: IsName) -> Found | None:
    """The questions; none where it says what should be; None where it is not understood."""
    ids = tuple(dict.fromkeys(_ID.findall(statement.text)))
    if ids:
        return tuple(FindingIs(one) for one in ids)
    if statement.row:
        return _row(statement, is_name)
    if any(_WISHES.search(one) for one in statement.sections):
        return ()
    said = _sentence(statement, is_name)
    if said or _says_nothing(statement):
        return said
    if _SHOULD.search(statement.text) or _IMPERATIVE.match(_tail(statement.text)):
        return ()
    return None


def _says_nothing(statement: Statement) -> bool:
    """A heading, or what opens a list."""
    return statement.is_heading or (bool(statement.below) and statement.text.rstrip().endswith(":"))


def _tail(text: str) -> str:
    """Without a number of a list, or a mark, before it."""
    return re.sub(r"\A[\W\d_]+", "", text)


def _sentence(statement: Statement, is_name: IsName) -> Found:
    text = re.sub(r"\s+", " ", statement.text).strip()
    # Of `x.bak is a backup file that should be removed`, the first half is a fact.
    table = _FACTS if _SHOULD.search(text) else _TABLE
    for pattern, build in table:
        match = pattern.search(text)
        if match is not None:
            found = build(match, statement, is_name)
            if found:
                return found
    return ()


# ---- names ----------------------------------------------------------------------------------------------


def _names(text: str, is_name: IsName) -> tuple[str, ...]:
    """`Loki, Promtail and Node-RED`: all of them; none where one is no name of anything."""
    words = re.split(r",|;|/(?=\s)|\band\b|&|\+", re.sub(r"\A[\s:–—-]+", "", text))
    found = []
    for one in words:
        name = re.sub(r"\s*\((?:[^()]*)\)", "", one).strip(" .`'\"*")
        name = re.split(r"\s[-–—]\s", name)[0].strip()
        name = re.sub(
            r"\A(?:the|both|all|also|only|still|and|our|services?|containers?)\s+", "", name, flags=re.I
        )
        name = re.sub(r"\s+(?:services?|containers?|stack|images?)\Z", "", name, flags=re.I)
        if name:
            found.append(name)
    return tuple(found) if found and all(is_name(one) for one in found) else ()


def _last_names(text: str, is_name: IsName) -> tuple[str, ...]:
    """The names at the end of what stands before a verb: of `Logging: Loki and Promtail`, those two."""
    for at in range(len(text.split())):
        found = _names(" ".join(text.split()[at:]), is_name)
        if found:
            return found
    return ()


def _after(match: Match[str], statement: Statement, is_name: IsName) -> tuple[str, ...]:
    """The names that a sentence lists behind what it says: after a colon, in brackets, or below it."""
    rest = match.string[match.end() :]
    inside = re.match(r"[^(:]{0,40}\(([^()]*)\)", rest)
    behind = re.search(r":\s*(.+)\Z", rest)
    dash = re.search(r"\s[-–—]\s(.+)\Z", rest)
    for text in (inside.group(1) if inside else "", behind.group(1) if behind else ""):
        found = _names(text, is_name)
        if found:
            return found
    found = _first_words(dash.group(1), is_name) if dash else ()
    if found:
        return found
    return _names(", ".join(_head(one) for one in statement.below), is_name) if statement.below else ()


def _first_words(text: str, is_name: IsName) -> tuple[str, ...]:
    """Of `Infisical data, n8n workflows and Grafana dashboards not in …`, what each part begins with."""
    found = []
    for part in re.split(r",|\band\b|&", text):
        words = part.split()
        names = (" ".join(words[:count]).strip(" .`'\"*") for count in range(min(4, len(words)), 0, -1))
        name = next((one for one in names if is_name(one)), "")
        if not name:
            return ()
        found.append(name)
    return tuple(found)


def _file(statement: Statement) -> str:
    """The file that a sentence is about: the first that it names."""
    words = [*statement.code, *(word.strip("`'\"(),:;*") for word in statement.text.split())]
    return next((one for one in words if "/" in one and _FILE.match(one) and not one.endswith("/")), "")


def _head(item: str) -> str:
    return re.split(r"\s\(|\s[-–—]\s", item)[0]


def _amount(match: Match[str]) -> Amount:
    return Amount.read(match.group("before") or "", match.group("count"), match.group("after") or "")


# ---- the table ------------------------------------------------------------------------------------------


def _many_latest(match: Match[str], statement: Statement, is_name: IsName) -> Found:
    return (Floating(_amount(match), _after(match, statement, is_name)),)


def _some_latest(match: Match[str], statement: Statement, is_name: IsName) -> Found:
    return (Floating(Amount(2, "+"), _after(match, statement, is_name)),)


def _repeated(match: Match[str], statement: Statement, is_name: IsName) -> Found:
    names = _names(match.group("names"), is_name) or _first_words(match.group("names"), is_name)
    return (Repeats(match.group("image"), match.group("version") or "", names),) if len(names) > 1 else ()


def _none_latest(match: Match[str], statement: Statement, is_name: IsName) -> Found:
    return (Floating(Amount(0)),)


def _names_latest(match: Match[str], statement: Statement, is_name: IsName) -> Found:
    names = _last_names(match.group("names"), is_name)
    is_so = not re.search(r"\b(?:no longer|not|never)\b", match.group(0))
    return (Floating(None, names, is_so),) if names else ()


def _so_many_of(match: Match[str], statement: Statement, is_name: IsName) -> Found:
    return (
        ManyInState(
            Amount(int(match.group("count"))), match.group("state").lower(), Amount(int(match.group("all")))
        ),
    )


def _so_many(match: Match[str], statement: Statement, is_name: IsName) -> Found:
    state = match.group("state").lower()
    names = _after(match, statement, is_name)
    many: Found = (ManyInState(_amount(match), state),)
    return (*many, InState(names, state)) if names else many


def _in_state(match: Match[str], statement: Statement, is_name: IsName) -> Found:
    names = _last_names(match.group("names"), is_name)
    return (InState(names, match.group("state").lower()),) if names else ()


def _status_words(match: Match[str], statement: Statement, is_name: IsName) -> Found:
    """`promtail (Up 30m unhealthy)`, `redis: Exited (1) 2 hours ago`"""
    names = _names(match.group("names"), is_name)
    words = match.group("status").lower()
    states = [one for one in STATES if re.search(rf"(?<!not )\b{one}\b", words)]
    state = next((one for one in ("unhealthy", "healthy", "starting", *states) if one in states), "")
    return (InState(names, state),) if names and state else ()


def _idle(match: Match[str], statement: Statement, is_name: IsName) -> Found:
    names = _last_names(match.group("names") or "", is_name) or _after(match, statement, is_name)
    if names:
        return (InState(names, "not running"),)
    is_general = re.match(r"(?:some |several |many )?(?:services?|containers?)\b", match.string, re.I)
    return (RuleFinds(("RUN-01",)),) if is_general else ()


def _rule(
    *rules: str, is_so: bool = True, alone: bool = True
) -> Callable[[Match[str], Statement, IsName], Found]:
    """`alone`: it says something also where it names no service."""

    def build(match: Match[str], statement: Statement, is_name: IsName) -> Found:
        groups = match.groupdict()
        said = groups.get("names") or ""
        names = _last_names(said, is_name) or _first_words(said.lstrip(" -–—"), is_name)
        names = names or _after(match, statement, is_name)
        amount = _amount(match) if groups.get("count") else None
        file = _file(statement) if not names else ""
        if file and is_so:
            return (RuleFinds(rules, file=file),)
        if not names and not alone:
            return ()
        found: list[Question] = []
        if amount is not None:
            found.append(RuleFinds(rules, (), amount))
        if names:
            found.append(RuleFinds(rules, names, is_so=is_so))
        return tuple(found) or (RuleFinds(rules, is_so=is_so),)

    return build


def _checked(is_so: bool) -> Callable[[Match[str], Statement, IsName], Found]:
    def build(match: Match[str], statement: Statement, is_name: IsName) -> Found:
        names = _last_names(match.groupdict().get("names") or "", is_name) or _after(
            match, statement, is_name
        )
        if names:
            return (HasHealthcheck(names, is_so),)
        return (
            (HasHealthcheck(),)
            if is_so and re.search(r"\b(?:all|every|each)\b", match.group(0), re.I)
            else ()
        )

    return build


def _mode(match: Match[str], statement: Statement, is_name: IsName) -> Found:
    mode = match.group("mode").rjust(4, "0")
    paths = [one for one in statement.code if _FILE.match(one)] or [match.group("path")]
    return tuple(HasMode(one, mode) for one in paths if one)


def _insecure(match: Match[str], statement: Statement, is_name: IsName) -> Found:
    return (RuleFinds(("TRF-05",), is_so=match.group("value").lower() == "true"),)


def _probe(match: Match[str], statement: Statement, is_name: IsName) -> Found:
    name = next((one for one in statement.code if _FILE.match(one)), "")
    if not name:
        names = _last_names(match.string[: match.start()], is_name)
        name = names[0] if names else ""
    if not name:
        return ()
    keys = re.findall(
        r"\b(start[_ ]period|timeout|interval|retries)\b[^(),;\d]{0,25}[(=:]?\s*(\d+(?:ms|s|m|h)?)\b",
        match.string,
        re.I,
    )
    return tuple(ProbeSays(name, key.lower().replace(" ", "_"), value) for key, value in keys)


def _version(match: Match[str], statement: Statement, is_name: IsName) -> Found:
    names = _last_names(match.group("names"), is_name)
    return tuple(HasVersion(one, match.group("version").rstrip(".")) for one in names[:1])


def _image(match: Match[str], statement: Statement, is_name: IsName) -> Found:
    names = _last_names(match.group("names"), is_name)
    image = match.group("image").rstrip(".,;")
    return (HasImage(image, names[0]),) if names and _IMAGE.match(image) else ()


def _publishes(match: Match[str], statement: Statement, is_name: IsName) -> Found:
    names = _last_names(match.group("names"), is_name)
    return (Publishes(names[0], int(match.group("port"))),) if names else ()


def _path(is_so: bool) -> Callable[[Match[str], Statement, IsName], Found]:
    def build(match: Match[str], statement: Statement, is_name: IsName) -> Found:
        paths = [one for one in statement.code if _FILE.match(one)]
        if not paths:
            words = [word.strip("`'\"(),:;*") for word in match.string.split()]
            paths = [word for word in words if _FILE.match(word) and re.search(r"/|\.\w", word)][:1]
        return tuple(Exists(one, is_so) for one in paths)

    return build


_NOUNS = {
    r"services?(?: in (?:SERVICES\.yml|the (?:tree|estate)))?": "service",
    r"(?:service|project) (?:director(?:y|ies)|folders?)": "service directory",
    r"(?:docker[- ])?compose (?:files?|projects?)": "compose file",
    r"projects?": "project",
    r"(?:markdown )(?:documentation )?files?": "markdown file",
    r"runbooks?": "runbook",
    r"findings?": "finding",
    r"containers?": "container",
}


def _how_many(match: Match[str], statement: Statement, is_name: IsName) -> Found:
    noun = match.group("noun").lower()
    what = next((what for pattern, what in _NOUNS.items() if re.fullmatch(pattern, noun, re.I)), "")
    return (HowMany(what, _amount(match)),) if what else ()


def _how_bad(match: Match[str], statement: Statement, is_name: IsName) -> Found:
    counts = re.findall(r"\b(\d+) (critical|high|medium|low|info)\b", match.string, re.I)
    total = re.search(r"\b(\d+) findings?\b", match.string)
    found: list[Question] = [HowBad(word.lower(), Amount(int(number))) for number, word in counts]
    return (*((HowMany("finding", Amount(int(total.group(1)))),) if total else ()), *found)


def _p(pattern: str) -> re.Pattern[str]:
    return re.compile(pattern, re.I)


_FACTS: tuple[tuple[re.Pattern[str], Callable[[Match[str], Statement, IsName], Found]], ...] = (
    (_p(r"\b(?:exists?|is (?:still )?(?:there|present|around)|still (?:exists|there|present|around|in (?:the )?(?:codebase|tree|repo\w*))|backup file|(?:old|stale) copy|left over|remains)\b"), _path(True)),
)  # fmt: skip
_TABLE: tuple[tuple[re.Pattern[str], Callable[[Match[str], Statement, IsName], Found]], ...] = (
    # How many, by severity: ours.
    (_p(r"\b\d+ (?:critical|high|medium|low|info) ?[,;]|\b\d+ findings?\b.*\b\d+ (?:critical|high|medium|low|info)\b"), _how_bad),
    # Images.
    (_p(rf"{_COUNT} (?:more |remaining |other )?(?:services?|images?|containers?)\b[^.;:(]*\b{_LATEST}(?: (?:image )?tags?)?\b"), _many_latest),
    (_p(rf"\b(?:multiple|several|some|many) (?:services?|images?|containers?)\b[^.;:(]*\b{_LATEST}(?: (?:image )?tags?)?"), _some_latest),
    (_p(r"\b(?P<image>PostgreSQL|Postgres|MySQL|MariaDB|Redis|MongoDB)(?: (?P<version>\d[\d.]*))? (?:setup |instances? )?(?:is |are )?(?:repeated|duplicated)\b(?: in| across|\s*[-–—:])\s*(?P<names>.+)"), _repeated),
    (_p(rf"{_COUNT} (?:floating|mutable|unpinned) (?:images?|tags?)\b"), _many_latest),
    (_p(rf"\b(?:no|none of the) (?:services?|images?|containers?) (?:uses?|follows?|has|have|runs?)\b[^.;]*\b{_LATEST}"), _none_latest),
    (_p(r"\b(?:all|every) (?:service |docker |container )?images? (?:is|are) pinned\b"), _none_latest),
    (_p(rf"{_NAMES}\s+(?:images? )?(?:still |currently |now |no longer |does not |do not )*(?:uses?|using|runs?|follows?|on|tagged|pulls?)\s+{_LATEST}\b"), _names_latest),
    (_p(rf"{_NAMES}\s+(?:uses?|runs?|using|running|has|image:?)\s+(?:the )?(?:image )?(?P<image>[\w./-]+:[\w.-]+)"), _image),
    # What runs.
    (_p(rf"\b(?P<count>\d+)\s*(?:/|of|out of)\s*(?P<all>\d+)\s+(?:services?|containers?)?\s*(?:are |is )?(?:currently )?{_STATE}\b"), _so_many_of),
    (_p(rf"{_COUNT} (?:services?|containers?) (?:are |is )?(?:currently )?{_STATE}\b"), _so_many),
    (_p(rf"{_COUNT} {_STATE} (?:services?|containers?)\b"), _so_many),
    (_p(rf"\A{_NAMES}\s*(?:\((?P<status>(?:Up|Exited|Restarting|Created|unhealthy|healthy|running|stopped)\b[^()]*(?:\(\d+\))?[^()]*)\)|[:–—-]\s*(?P<status2>(?:Up|Exited|Restarting)\b.+))\Z"), lambda match, statement, is_name: _status_words(match, statement, is_name) if match.group("status") else ()),
    (_p(rf"{_NAMES}\s*(?:[-–—:]\s*)?(?:services? |containers? )?(?:{_BE} )?configured (?:but|and) not running\b"), _idle),
    (_p(r"\b(?:configured (?:but|and) not running|not running)\b(?P<names>)"), _idle),
    (_p(rf"{_NAMES}\s+(?:{_BE} )(?:currently |still |now )?{_STATE}\b"), _in_state),
    (_p(rf"{_NAMES}\s+(?:showing|reported?|reports|marked)\s+(?:as )?{_STATE}\b"), _in_state),
    # Traefik.
    (_p(r"\binsecure\s*[:=]\s*(?P<value>true|false)\b"), _insecure),
    (_p(r"\bdashboard\b[^.;]*\b(?:no longer insecure|requires? (?:a )?(?:login|auth\w*|password)|is (?:secured|protected|authenticated))\b"), _rule("TRF-05", "TRF-06", is_so=False)),
    (_p(r"\bdashboard\b[^.;]*\b(?:insecure|without (?:any )?(?:auth\w*|password|login)|unauthenticated|no auth\w*|not (?:secured|protected|authenticated)|authentication\W+not implemented)\b"), _rule("TRF-05", "TRF-06")),
    (_p(r"\brate[- ]?limit\w*\b[^.;]*\b(?:not (?:yet )?(?:applied|used|attached|enabled)|unused|but not)\b"), _rule("TRF-03")),
    (_p(r"\brate[- ]?limit\w*\b[^.;]*\b(?:is|are) (?:now )?(?:applied|used|attached|enforced)\b"), _rule("TRF-03", is_so=False)),
    (_p(r"\bsecurity headers?\b[^.;]*\b(?:not (?:yet )?(?:applied|used|attached)|unused|but not)\b"), _rule("TRF-04")),
    (_p(rf"{_NAMES}\s+(?:{_BE} )?(?:reachable|exposed|routed|accessible|open)[^.;]*\bwithout (?:any )?(?:auth\w*|login|password)"), _rule("TRF-07", "TRF-06", "TRF-05", alone=False)),
    # Health.
    (_p(r"(?:\bno healthchecks?|\bhealthchecks? (?:is |are )?missing|\bmissing healthchecks?)(?: (?:on|for|in))?\s*:?\s*(?P<names>[^.;:()|]{0,300})"), _checked(False)),
    (_p(rf"{_NAMES}\s+(?:has|have|had|lacks?|is|are)?\s*(?:no|without|lacks?|missing)(?: a| any)? healthchecks?\b"), _checked(False)),
    (_p(r"\b(?:all|every|each) (?:services?|containers?) (?:has|have|includes?) (?:a )?healthchecks?\b"), _checked(True)),
    (_p(rf"{_NAMES}\s+(?:has|have) (?:a |its own )?healthchecks?\b"), _checked(True)),
    (_p(r"\b(?:start[_ ]period|timeout|interval|retries)\b[^(),;\d]{0,25}[(=:]?\s*\d+(?:ms|s|m|h)?\b"), _probe),
    # Environment files and secrets.
    (_p(r"(?P<path>[\w./-]*\.env[\w.-]*)\b[^.;]*?\b(?:mode|permissions?|has|have|is)\b[^.;\d]*\b(?P<mode>0?[0-7]{3})\b"), _mode),
    (_p(r"\ball \.env files (?:have|are|has)\b[^.;]*\b0?600\b"), _rule("ENV-01", is_so=False)),
    (_p(r"\.env\b[^.;]*\b(?:world[- ]readable|readable by (?:others|everybody|all)|wrong permissions|not 0?600)\b"), _rule("ENV-01")),
    (_p(r"\bdefault credentials?\b"), _rule("ENV-03", "ENV-05")),
    (_p(r"\b(?:secrets?|\.env files?) (?:is|are) (?:tracked|committed|kept) (?:in|to) git\b"), _rule("ENV-02")),
    # Resources and order.
    (_p(r"\bno (?:resource|memory|cpu) limits?(?: (?:on|for|in))?\s*:?\s*(?P<names>[^.;:()|]{0,300})"), _rule("RES-01")),
    (_p(rf"{_NAMES}\s+(?:has|have) no (?:resource|memory|cpu) limits?\b"), _rule("RES-01")),
    (_p(r"\bresource limits?\b[^.;]*\b(?:not (?:consistently )?(?:applied|set)|missing|inconsistent)\b"), _rule("RES-01")),
    (_p(r"\b(?:single point of failure|SPOF)\b"), _rule("DEP-04")),
    # Backup.
    (_p(rf"{_NAMES}\s+(?:{_BE} )?(?:not (?:in|covered by|part of)|missing from)\s+(?:the |any )?backups?\b"), _rule("BAK-01", alone=False)),
    (_p(r"\b(?:missing (?:backup|from (?:the )?backup)|not (?:covered by|in|part of) (?:any |the )?backups?(?: config\w*| set)?|no backup (?:of|for))\s*(?:coverage)?\s*:?\s*(?P<names>[^.;:()|]{0,300})"), _rule("BAK-01")),
    (_p(r"\bbackup (?:coverage|system)\b[^.;]*\b(?:incomplete|inconsistent|not covering)\b"), _rule("BAK-01")),
    (_p(r"\bbackup\b[^.;]*\b(?:timer|automation)\b[^.;]*\b(?:not (?:enabled|started|active|running)|disabled|inactive|needs enabling)\b"), _rule("BAK-03")),
    (_p(r"\b(?:no restore tests?|never (?:verified|restored|tested))\b"), _rule("BAK-05")),
    # Monitoring.
    (_p(r"\balertmanager\b[^.;]*\b(?:not (?:configured|set up)|no (?:working )?receivers?|channels not|without (?:a )?receivers?)\b"), _rule("MON-01")),
    (_p(r"\b(?:alert )?rules?\b[^.;]*\b(?:not loaded|never loaded|not mounted)\b"), _rule("MON-02")),
    # Documents.
    (_p(r"\bno (?:CI(?:/CD)?(?: pipeline)?|automated (?:testing|security scanning|tests?)|rollback (?:procedures?|docs?|documentation))\b"), _rule("OPS-01")),
    (_p(r"\b(?:no|missing) runbooks?(?: for)?\s*:?\s*(?P<names>[^.;:()|]{0,300})"), _rule("DOC-05")),
    (_p(r"\brunbooks? missing(?: for)?\s*:?\s*(?P<names>[^.;:()|]{0,300})"), _rule("DOC-05")),
    (_p(r"\b(?:no|missing) READMEs?(?: (?:for|in))?\s*:?\s*(?P<names>[^.;:()|]{0,300})"), _rule("DOC-01")),
    (_p(r"\bSERVICES\.ya?ml\b[^.;]*\b(?:drifted|does not match|out of date|stale|wrong)\b"), _rule("DOC-03", "DOC-04")),
    (_p(rf"{_NAMES}\s+(?:directory |folder )?(?:[-–—]\s*)?(?:{_BE} )?deprecated\b[^.;]*\b(?:still|present|codebase|incomplete)\b"), _rule("RUN-03", alone=False)),
    # Files.
    (_p(r"\b(?:does not exist|is (?:missing|gone)|are missing|was (?:removed|deleted)|no longer exists?|has been (?:removed|deleted))\b"), _path(False)),
    *_FACTS,
    # Ports and versions, which many sentences hold: last.
    (_p(rf"{_NAMES}\s+(?:publishes|exposes|listens on|is published on|is exposed on) (?:the )?(?:host )?port:? (?P<port>\d{{1,5}})\b"), _publishes),
    (_p(rf"{_NAMES}\s+(?:(?:still |now |currently )?(?:uses?|runs?|is (?:at|on|pinned to)|pinned to|at|version|image)\s+)+(?:version )?v?(?P<version>\d+(?:\.\d+)+[\w.-]*)"), _version),
    (_p(rf"{_COUNT} (?:total )?(?P<noun>{'|'.join(_NOUNS)})\b"), _how_many),
)  # fmt: skip


# ---- rows of tables -------------------------------------------------------------------------------------


def _row(statement: Statement, is_name: IsName) -> Found | None:
    """Service | image or version | status | healthcheck | port"""
    cells = {head.strip().lower(): text.strip() for head, text in statement.row}
    subject = next(
        (cells[head] for head in cells if re.search(r"\b(?:service|container|name|app\w*)\b", head)), ""
    )
    names = _names(subject, is_name)
    if len(names) != 1:
        return None
    name, found = names[0], list[Question]()
    for head, text in cells.items():
        if re.search(r"\b(?:image|version|tag)\b", head) and text:
            found += _image_cell(name, text)
        elif re.search(r"\b(?:status|state|health)\b", head) and text:
            states = [one for one in STATES if re.search(rf"(?<!not )\b{one}\b", text, re.I)]
            state = next(
                (one for one in ("not running", "unhealthy", "healthy", *states) if one in states), ""
            )
            found += [InState((name,), state)] if state else []
        elif re.search(r"\bhealth ?checks?\b", head):
            answer = _yes(text)
            found += [HasHealthcheck((name,), answer)] if answer is not None else []
        elif re.search(r"\bports?\b", head) and re.fullmatch(r"\d{1,5}", text):
            found.append(Publishes(name, int(text)))
    return tuple(found) or None


def _image_cell(name: str, text: str) -> list[Question]:
    if text.lower() in {"latest", ":latest"}:
        return [Floating(None, (name,))]
    if _IMAGE.match(text):
        return [HasImage(text, name)]
    return [HasVersion(name, text)] if re.fullmatch(r"v?\d+(?:\.[\w.-]+)*", text) else []


def _yes(text: str) -> bool | None:
    word = text.strip().lower()
    if word in {"yes", "✅", "✓", "✔", "true", "present"}:
        return True
    return False if word in {"no", "none", "❌", "✗", "✘", "false", "missing", "-", "–", "—"} else None
