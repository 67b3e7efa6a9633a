"""The Web API methods: `TABLE` maps each name to what serves it and the scopes it needs."""

from tests.real.slack.methods import chat, conversations, files, people, reactions, views
from tests.real.slack.methods.base import Api, Method

TABLE: dict[str, Method] = {
    **chat.METHODS,
    **conversations.METHODS,
    **files.METHODS,
    **people.METHODS,
    **reactions.METHODS,
    **views.METHODS,
}

__all__ = ["TABLE", "Api", "Method"]
