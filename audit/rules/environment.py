"""Secrets and the files that hold them. No rule here ever shows a value."""

import re
from collections.abc import Iterator

from audit.awaited import awaited_beside, unsure
from audit.credentials import USERINFO, is_default, is_no_secret, is_placeholder, names_credential
from audit.look import Look
from audit.model import Confidence, Failed, Fix, Passed, Place, Result, Severity, Unknown
from audit.places import of_setting, of_value
from audit.rule import rule
from audit.subject import Subject
from audit.unset import Missing, missing_in
from estate.compose.model import Model
from estate.compose.secrets import is_secret
from estate.compose.service import Variable
from estate.compose.template import Origin
from estate.compose.value import Value
from estate.snapshot.env_file import EnvFile, is_copy, is_env_name, is_example
from estate.snapshot.model import Snapshot

WORLD_WRITABLE, STICKY = 0o002, 0o1000


@rule("ENV-01", Severity.HIGH, fix=Fix.AUTOMATIC)
def readable_by_others(look: Look) -> Iterator[Result]:
    """An environment file may be read, or changed, by others than its owner.

    Wrong: a file called `.env`, `.env.…` or `….env`, or named by `env_file:`, has a mode with any bit for
    group or others (`mode & 077`); or its folder may be written by everybody, so that it can be replaced. Of
    a symlink, the file that it leads to counts. Medium instead of high: nothing in it looks like a secret.
    Not looked at: examples and templates (`.env.example`).
    Disprove: `stat -c '%a %U' FILE` shows 600.
    Mend: `!fix FINDING` (chmod 600, after a yes). Git keeps no modes: after a clone they are wrong again.
    """
    for one in look.snapshot.env_files:
        if one.is_example:
            continue
        if one.entry.permissions & 0o077:
            yield _readable(look, one)
        elif (
            one.folder is not None
            and one.folder.permissions & WORLD_WRITABLE
            and not one.folder.permissions & STICKY
        ):
            yield _replaceable(one)
        else:
            yield Passed(one.path)
    for path, why in look.snapshot.unread.items():
        if is_env_name(path.rpartition("/")[2]):
            yield Unknown(path, why, Place(path))


def _readable(look: Look, one: EnvFile) -> Failed:
    entry = one.entry
    who = [word for bit, word in ((0o070, "its group"), (0o007, "everybody")) if entry.permissions & bit]
    can = "read or change" if entry.permissions & 0o022 else "read"
    secrets = sorted(n for n, s in one.settings.items() if names_credential(n) or is_secret(n, s.text))
    holds = _sets(secrets) if secrets else "nothing in it looks like a secret"
    link = (f"{one.path} is a symlink to {entry.path}",) if one.link is not None else ()
    users = (f"given to {', '.join(one.users[:4])}",) if one.users else ()
    return Failed(
        place=Place(one.path),
        message=f"mode {entry.octal}: {' and '.join(who)} may {can} it",
        service=one.users[0] if len(one.users) == 1 else "",
        evidence=(f"mode {entry.octal}, owner {entry.uid}, group {entry.gid}", holds, *link, *users),
        disprove=f"stat -c '%a %U' {one.path} shows 600",
        remedy=f"chmod 600 {entry.path}",
        severity=Severity.HIGH if secrets else Severity.MEDIUM,
    )


def _sets(secrets: list[str]) -> str:
    """Names only. No colon before them: the redactor would take what follows for a value."""
    shown = ", ".join(secrets[:4]) + (" and more" if len(secrets) > 4 else "")
    return f"it sets {len(secrets)} {'credential' if len(secrets) == 1 else 'credentials'} ({shown})"


def _replaceable(one: EnvFile) -> Failed:
    assert one.folder is not None  # asked before
    return Failed(
        place=Place(one.path),
        message=f"its folder has mode {one.folder.octal}: everybody may put another file in its place",
        key="folder",
        evidence=(f"{one.folder.path or '.'} has mode {one.folder.octal}",),
        disprove=f"stat -c %a {one.folder.path or '.'} shows no write bit for others",
        remedy=f"chmod o-w {one.folder.path or '.'}",
        fix=Fix.ADVICE,
    )


@rule("ENV-02", Severity.CRITICAL)
def tracked_secret(look: Look) -> Iterator[Result]:
    """A secret is kept in git, where everybody who ever clones has it for ever.

    Wrong: git tracks an environment file that sets credentials, a file with a private key, or `acme.json`
    with one. Not looked at: examples; environment files without a credential; public certificates; the
    history (what was removed from git is still in it).
    Disprove: `git ls-files FILE` prints nothing.
    Mend: change the secret first, wherever it is used, since it is out; then `git rm --cached FILE` and a
    line in `.gitignore`.
    """
    git = look.snapshot.git
    if git is None:
        return
    if git.trouble:
        yield Unknown("git", git.trouble)
        return
    for one in look.snapshot.env_files:
        secrets = sorted(n for n, s in one.settings.items() if _is_kept(n, s.text))
        if not secrets or one.is_example:
            continue
        if one.path in git.tracked:
            holds = _sets(secrets)
            yield _tracked(one.path, f"git tracks it, and {holds}", one.users)
        else:
            yield Passed(one.path)
    for path in sorted(look.snapshot.private_keys):
        if path in git.tracked:
            yield _tracked(path, "git tracks it, and it holds a private key", ())
        else:
            yield Passed(path)


def _is_kept(name: str, text: str) -> bool:
    return names_credential(name) and not is_no_secret(text) and not is_placeholder(text)


def _tracked(path: str, message: str, users: tuple[str, ...]) -> Failed:
    return Failed(
        place=Place(path),
        message=message,
        service=users[0] if len(users) == 1 else "",
        evidence=(f"git ls-files lists {path}",),
        disprove=f"git ls-files -- {path} prints nothing",
        remedy=f"change what it holds, then: git rm --cached -- {path}, and add it to .gitignore",
    )


# ---- credentials ----------------------------------------------------------------------------------------


@rule("ENV-03", Severity.HIGH, peers=("CL-0020",))
def default_credential(look: Look) -> Iterator[Result]:
    """A credential has a value that everybody tries first.

    Wrong: a variable that is called like a credential (`…PASSWORD`, `…TOKEN`, `…SECRET_KEY`) has, after all
    variables are filled in, a value from the list of usual defaults, the name of its own user, or the name of
    its service; also where `${X:-changeme}` falls back because nobody sets X. The value is never shown.
    Disprove: the running container has another value (`docker inspect`), set by whoever deploys.
    Mend: set a long random value in `.env`, and in the application if it keeps it in its database.
    """
    told: set[tuple[str, int]] = set()
    for one in look.subjects:
        user = _user_of(one)
        for name, variable in one.service.environment.items():
            if not variable.text or not names_credential(name):
                continue
            place = _place(look.snapshot, one, name, variable)
            if is_default(variable.text, user, one.name, one.app):
                told.add((place.file, place.line))
                yield _default(look, one, name, variable, place)
            elif not is_no_secret(variable.text):
                yield Passed(f"{one.full_name} {name}")
    yield from _default_settings(look, told)


def _default(look: Look, one: Subject, name: str, variable: Variable, place: Place) -> Failed:
    hedge = unsure(look, one.model, variable.value)
    return Failed(
        place=place,
        message=f"{name} has a value that everybody tries first",
        service=one.full_name,
        key=name,
        evidence=(_source_words(variable), *hedge),
        confidence=Confidence.MEDIUM if hedge else Confidence.HIGH,
        disprove=f"the running container of {one.full_name} has another value for {name}",
        remedy=f"openssl rand -base64 24, and set it as {name} in .env, readable by its owner only",
    )


def _default_settings(look: Look, told: set[tuple[str, int]]) -> Iterator[Result]:
    """What `.env` files set and no service's environment shows."""
    for one in look.snapshot.env_files:
        if one.is_example:
            continue
        for name, setting in one.settings.items():
            if not names_credential(name) or not is_default(setting.text):
                continue
            place = of_setting(look.snapshot, setting)
            if (place.file, place.line) not in told:
                yield Failed(
                    place=place,
                    message=f"{name} has a value that everybody tries first",
                    key=name,
                    evidence=(f"set in {one.path}",),
                    disprove="nothing that runs uses it",
                    remedy=f"openssl rand -base64 24, and set it as {name}",
                )


def _user_of(one: Subject) -> str:
    names = (
        n for n in one.service.environment if re.search(r"(?:^|_)(?:USER|USERNAME|LOGIN)\Z", n, re.IGNORECASE)
    )
    return next((one.service.environment[name].text or "" for name in names), "")


def _place(snapshot: Snapshot, one: Subject, name: str, variable: Variable) -> Place:
    """Where its value is decided."""
    if variable.value is not None:
        for written in variable.value.written:
            if written.piece.setting is not None and len(variable.value.written) == 1:
                return of_setting(snapshot, written.piece.setting)
        at = of_value(snapshot, variable.value, hide=True)
        return Place(at.file, at.line, at.column, f"{name}:")
    if variable.setting is not None:
        return of_setting(snapshot, variable.setting)
    return one.place


def _source_words(variable: Variable) -> str:
    if variable.value is None:
        return "an env_file sets it"
    origins = variable.value.origins
    if Origin.ENV_FILE in origins:
        return f"a .env file sets it, by {', '.join(variable.value.variables)}"
    if Origin.DEFAULT in origins:
        return f"the default of {', '.join(variable.value.variables)}, which nothing in this tree sets"
    return "it is written in the compose file"


@rule("ENV-04", Severity.HIGH, peers=("CL-0020", "CL-0021"))
def literal_secret(look: Look) -> Iterator[Result]:
    """A secret is written into a compose file.

    Wrong: in `environment:`, a variable that is called like a credential has a value that is written out, or
    an address holds a password that is. A variable (`${X}`), a switch, a path and a placeholder are no
    secrets. The value is never shown.
    Disprove: the value is no secret: it is the same everywhere by design.
    Mend: put it into `.env` (mode 600, not in git), write `${NAME:?}` in its place; better, a file under
    `secrets:`.
    """
    for one in look.subjects:
        for name, variable in one.service.environment.items():
            value = variable.value
            if value is None or value.data is None:
                continue
            what = _literal(name, value)
            if what:
                at = of_value(look.snapshot, value, hide=True)
                yield Failed(
                    place=Place(at.file, at.line, at.column, f"{name}:"),
                    message=f"{name} {what}",
                    service=one.full_name,
                    key=name,
                    evidence=("it is written in the compose file, not taken from a variable",),
                    disprove=f"what {name} holds is no secret",
                    remedy=f"move it to .env (chmod 600), and write ${{{name}:?}} in its place",
                )
            elif names_credential(name):
                yield Passed(f"{one.full_name} {name}")


def _literal(name: str, value: Value) -> str:
    """What is wrong with it, in words; empty when nothing is."""
    written = "".join(piece.piece.text for piece in value.written if piece.piece.origin is Origin.WRITTEN)
    if names_credential(name):
        is_literal = (
            value.origins == {Origin.WRITTEN}
            and not is_no_secret(value.text)
            and not is_placeholder(value.text)
        )
        return "is a credential, written out" if is_literal else ""
    for found in USERINFO.finditer(value.raw):
        password = found["password"]
        if "$" not in password and password in written and not is_placeholder(password):
            return "holds a password, written out in an address"
    return ""


@rule("ENV-05", Severity.MEDIUM)
def default_in_code(look: Look) -> Iterator[Result]:
    """Code that is built here has a credential's default in it.

    Wrong: a source file in a `build:` context reads a variable that is called like a credential and has a
    text for when it is not set (`process.env.JWT_SECRET || 'dev'`, `os.getenv("DB_PASSWORD", "x")`): whoever
    forgets to set it runs with a secret that stands in the source. The value is never shown.
    Disprove: the file is a test, or is not part of the image.
    Mend: stop at start when the variable is missing.
    """
    for one in look.snapshot.code:
        if not names_credential(one.name) or is_no_secret(one.value) or _is_test(one.path):
            continue
        yield Failed(
            place=Place(one.path, one.line, one.column, one.name),
            message=f"{one.name} has a default in the code, for when nobody sets it",
            key=one.name,
            evidence=("a file of a build context",),
            disprove="the file is not part of the image, or the value opens nothing",
            remedy=f"end at start with an error when {one.name} is not set",
            confidence=Confidence.MEDIUM,
        )


def _is_test(path: str) -> bool:
    return bool(
        re.search(
            r"(?:^|/)(?:tests?|__tests__|spec|fixtures|examples?)/|[._-](?:test|spec)\.\w+\Z|(?:^|/)test_",
            path,
        )
    )


# ---- variables that nobody sets -------------------------------------------------------------------------


@rule("ENV-06", Severity.HIGH)
def unset_variable(look: Look) -> Iterator[Result]:
    """A variable is used in a compose file and nobody sets it, so Compose puts nothing in its place.

    Wrong: `${X}` without a default, and neither `.env` nor another env file of the project sets X: it becomes
    an empty text, with a warning that nobody reads; with `${X:?}` Compose stops. One finding for each
    variable of a project, with all its uses. When there is no `.env` at all, and an example file
    (`.env.example`) or a `.gitignore` says that there is to be one, or three projects hang on variables and
    none of the tree has a `.env`, the tree is not the deployed one: then it is unknown, once for the project;
    also when a `.env` in a folder above sets X.
    Not looked at: `${X:-}` and `${X:+…}`, which allow for it; services that an inactive profile keeps away.
    Disprove: whoever deploys has X in the shell's environment, in the unit, or in CI.
    Mend: set X in `.env`, or give it a default.
    """
    for model in look.snapshot.models:
        missing = missing_in(model)
        env = _env_of(look, model)
        example = awaited_beside(look, model)
        elsewhere: list[str] = []
        for name, found in sorted(missing.items()):
            place = of_value(look.snapshot, found.uses[0][0])
            above = _above(look, model, name) if env is None else ""
            if above:
                why = f"{above} sets {name}, if Compose is called with it; beside the compose file is none"
                yield Unknown(f"{model.name} {name}", why, place)
                continue
            if env is None and example:
                elsewhere.append(name)
                continue
            yield _unset(look.snapshot, model, name, found, env)
        if elsewhere:
            names = f"{', '.join(elsewhere[:5])}{' …' if len(elsewhere) > 5 else ''}"
            why = f"{example}, and there is none: the deployed one is elsewhere, and is to set {names}"
            yield Unknown(
                f"{model.name} .env", why, of_value(look.snapshot, missing[elsewhere[0]].uses[0][0])
            )
        if not missing:
            yield Passed(model.name)


def _unset(snapshot: Snapshot, model: Model, name: str, found: Missing, env: str | None) -> Failed:
    places = [f"{what} at {of_value(snapshot, value)}" for value, what in found.uses]
    words = "Compose stops" if found.required else "an empty text takes its place"
    first = found.uses[0][1].split()
    service = f"{model.name}/{first[1]}" if first[0] == "services" and len(first) > 1 else ""
    return Failed(
        place=of_value(snapshot, found.uses[0][0]),
        message=f"{name} is set by nobody: {words}",
        service=service if len({what.split()[1] for _, what in found.uses if " " in what}) == 1 else "",
        key=f"{model.name} {name}",
        evidence=(*places[:6], f"{env} does not set it" if env else "the project has no .env"),
        disprove=f"whoever deploys {model.name} has {name} in the environment",
        remedy=f"set {name} in {env or 'a .env file beside the compose file'}, or write ${{{name}:-default}}",
        confidence=Confidence.HIGH if env or found.required else Confidence.MEDIUM,
    )


def _env_of(look: Look, model: Model) -> str | None:
    """The project's env file, if it has one."""
    for path in (model.directory, model.invocation.directory):
        shown = look.snapshot.relative(path)
        for one in look.env_in.get("" if shown == "." else shown, ()):
            if one.path.rpartition("/")[2] == ".env":
                return one.path
    return None


def _above(look: Look, model: Model, name: str) -> str:
    """The `.env` of a folder above that sets it; empty where none does."""
    folder = look.snapshot.relative(model.directory)
    while folder not in {"", "."}:
        folder = folder.rpartition("/")[0]
        for one in look.env_in.get(folder, ()):
            if one.path.rpartition("/")[2] == ".env" and name in one.settings:
                return one.path
    return ""


@rule("ENV-07", Severity.HIGH)
def placeholder(look: Look) -> Iterator[Result]:
    """A credential still has the text that stood there to be replaced.

    Wrong: a variable that is called like a credential has a value like `CHANGE_ME`, `__UNSET__`, `<token>` or
    `your-key-here`, in an env file (examples aside) or in a compose file.
    Disprove: nothing that runs uses it.
    Mend: set it, or take the line away.
    """
    told: set[tuple[str, int, str]] = set()
    for one in look.snapshot.env_files:
        for name, setting in () if one.is_example else one.settings.items():
            if names_credential(name) and is_placeholder(setting.text):
                place = of_setting(look.snapshot, setting)
                told.add((place.file, place.line, name))
                yield _placeholder(place, name, one.users[0] if len(one.users) == 1 else "")
    for subject in look.subjects:
        for name, variable in subject.service.environment.items():
            if names_credential(name) and variable.text and is_placeholder(variable.text):
                place = _place(look.snapshot, subject, name, variable)
                if (place.file, place.line, place.text.rstrip("=:")) not in told:
                    yield _placeholder(place, name, subject.full_name)


def _placeholder(place: Place, name: str, service: str) -> Failed:
    return Failed(
        place=place,
        message=f"{name} still has a placeholder for its value",
        service=service,
        key=name,
        disprove="nothing that runs uses it",
        remedy=f"openssl rand -base64 24, and set it as {name}",
    )


@rule("ENV-09", Severity.MEDIUM)
def stale_copy(look: Look) -> Iterator[Result]:
    """An old copy of an environment file lies about.

    Wrong: beside the live ones there is `.env.old`, `.env.backup.…`, `.env~` or the like: secrets that nobody
    rotates, often with a mode that nobody looks at.
    Disprove: a program reads exactly this file.
    Mend: compare it with the live one, then remove it.
    """
    for path, entry in look.snapshot.entries.items():
        name = entry.name
        if (
            entry.is_file
            and name.startswith(".env")
            and is_env_name(name)
            and is_copy(path)
            and not is_example(path)
        ):
            yield Failed(
                place=Place(path),
                message="it is an old copy of an environment file",
                evidence=(f"mode {entry.octal}, {entry.size} bytes",),
                disprove="a program reads exactly this file",
                remedy=f"diff it with the live one, then: rm -- {path}",
            )
