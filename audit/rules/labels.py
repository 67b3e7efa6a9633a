"""Labels that Traefik does not read as they are meant."""

from collections.abc import Iterator

from audit.label_grammar import why_unknown
from audit.labels import label_place
from audit.look import Look
from audit.model import Confidence, Failed, Passed, Result, Severity
from audit.rule import rule
from audit.subject import Subject


@rule("TRF-15", Severity.MEDIUM)
def misspelt_label(look: Look) -> Iterator[Result]:
    """A label for Traefik is misspelt, or the one that lets it in is missing.

    Wrong: a label under `traefik.` is none that Traefik 2 or 3 knows (one such label makes it refuse all of
    that container's); or a service has labels for a route and none that says `traefik.enable`, where
    Traefik's own configuration takes only those that say so.
    Not looked at: what stands inside `plugin`, `errors`, `buffering` and their like.
    Disprove: Traefik's log has no error about the container, and its API lists the router.
    """
    for one in look.subjects:
        keys = [key for key in one.service.labels if key.lower().startswith("traefik.")]
        if not keys:
            continue
        wrong = {key: why for key in keys if (why := why_unknown(key))}
        for key, why in wrong.items():
            yield Failed(
                place=label_place(look.snapshot, one.service, key, one.file),
                message=f"the label {key}: {why}",
                service=one.full_name,
                key=key,
                disprove="Traefik's log has no error about its container",
                remedy="mend the label",
            )
        if _waits_at_the_door(look, one, keys):
            yield Failed(
                place=label_place(look.snapshot, one.service, keys[0], one.file),
                message="it has labels for a route, and none says traefik.enable=true: it is not routed",
                service=one.full_name,
                key="enable",
                evidence=("exposedByDefault is false",),
                disprove="Traefik's /api/http/routers lists it",
                remedy=f"add traefik.enable=true to the labels of {one.name}, or take the others away",
                confidence=Confidence.HIGH,
            )
        elif not wrong:
            yield Passed(one.full_name)


def _waits_at_the_door(look: Look, one: Subject, keys: list[str]) -> bool:
    proxy = look.proxy_of(one)
    if any(key.lower() == "traefik.enable" for key in keys) or proxy.subject is None:
        return False
    if not any(".routers." in key.lower() for key in keys) or "static" in proxy.blind:
        return False
    said = proxy.setting("providers", "docker", "exposedByDefault")
    return said is not None and said[0].lower() == "false"
