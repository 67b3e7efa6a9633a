"""What a change is about, as plans write it down."""

from bot.core.plan import Touched
from commands.look import View
from estate.inventory import Thing
from estate.model import Container, State


def touched(one: Container) -> Touched:
    """One that is in a restart loop is now up and now down: it is the same state to whoever says yes."""
    state = State.RUNNING if one.state is State.RESTARTING else one.state
    return Touched(one.id, one.name, one.image, one.image_id, state.value)


def dependents(view: View, thing: Thing) -> tuple[str, ...]:
    """The services whose Compose labels say that they need this one: `db:service_healthy:false,…`."""
    found = set()
    for other in view.things:
        if other.project != thing.project or other.name == thing.name:
            continue
        labels = (one.labels.get("com.docker.compose.depends_on", "") for one in other.containers)
        needs = {part.split(":")[0] for label in labels for part in label.split(",")}
        if thing.name in needs:
            found.add(other.full_name)
    return tuple(sorted(found))
