"""What Slack refuses, and what that means for whoever tries again. Pure."""

from bot.core.errors import Scope, Upstream

LOST_RIGHTS = frozenset(
    [
        "invalid_auth",
        "not_authed",
        "account_inactive",
        "token_revoked",
        "token_expired",
        "not_allowed_token_type",
        "no_permission",
        "org_login_required",
        "ekm_access_denied",
        "team_access_not_granted",
        "two_factor_setup_required",
        "missing_scope",
        "accesslimited",
    ]
)
"""About our token, not about a message. Somebody has to mend it, and then all goes on."""

CLOSED_ROOM = frozenset(
    [
        "channel_not_found",
        "not_in_channel",
        "is_archived",
        "restricted_action",
        "restricted_action_read_only_channel",
        "restricted_action_thread_only_channel",
        "restricted_action_non_threadable_channel",
        "is_inactive",
        "restricted_action_thread_locked",
        "messages_tab_disabled",
        "channel_is_limited_access",
        "access_denied",
        "cannot_dm_bot",
        "user_not_in_channel",
        "method_not_supported_for_channel_type",
    ]
)
BAD_MESSAGE = frozenset(
    [
        "invalid_blocks",
        "invalid_blocks_format",
        "msg_too_long",
        "msg_blocks_too_long",
        "no_text",
        "too_many_attachments",
        "invalid_arguments",
        "invalid_metadata_format",
        "invalid_metadata_schema",
        "metadata_too_large",
        "message_not_found",
        "cant_update_message",
        "edit_window_closed",
        "invalid_thread_ts",
        "thread_not_found",
        "invalid_attachments",
        "markdown_text_conflict",
        "cannot_reply_to_message",
        "user_not_found",
    ]
)
TOO_RICH = frozenset(["invalid_blocks", "invalid_blocks_format", "msg_too_long", "msg_blocks_too_long"])
"""Not what is said, but how it is laid out."""

HALF_DONE = frozenset(
    ["fatal_error", "internal_error", "service_unavailable", "request_timeout", "team_added_to_org"]
)
"""Slack says of these itself that some of it may have been done."""


class SlackTrouble(Upstream):
    """An Upstream with Slack's own word for it."""

    def __init__(
        self,
        what: str,
        code: str,
        *,
        permanent: bool = False,
        retry_after: float | None = None,
        ambiguous: bool = False,
        scope: Scope = Scope.MESSAGE,
    ) -> None:
        super().__init__(what, permanent=permanent, retry_after=retry_after, ambiguous=ambiguous, scope=scope)
        self.code = code


def refused(what: str, code: str, status: int, retry_after: str | None, needed: str = "") -> SlackTrouble:
    """The trouble that an answer of Slack means.

    what: the method and the place, for people. code: Slack's `error`. retry_after: the header, in seconds.
    needed: the scope that was missing.
    """
    if status == 429 or code == "ratelimited":
        return SlackTrouble(
            f"{what}: Slack says slower", "ratelimited", retry_after=_seconds(retry_after), scope=Scope.ROOM
        )
    if status >= 500:
        return SlackTrouble(f"{what}: Slack answered {status}", f"http_{status}", ambiguous=True)
    key = "slack.app_token" if what.startswith("apps.connections") else "slack.bot_token"
    if code == "missing_scope":
        remedy = "add it in the app's settings and install the app again"
        return SlackTrouble(f"{what}: {key} lacks the scope {needed}: {remedy}", code, scope=Scope.PLATFORM)
    if code in LOST_RIGHTS:
        remedy = f"put a valid token into {key}"
        return SlackTrouble(f"{what}: Slack refuses our token: {code}; {remedy}", code, scope=Scope.PLATFORM)
    if code in CLOSED_ROOM:
        return SlackTrouble(f"{what}: {code}{_hint(code)}", code, permanent=True, scope=Scope.ROOM)
    if code in BAD_MESSAGE:
        return SlackTrouble(f"{what}: {code}", code, permanent=True)
    if code in HALF_DONE:
        return SlackTrouble(f"{what}: {code}", code, ambiguous=True)
    return SlackTrouble(f"{what}: {code or f'an answer that I cannot read (HTTP {status})'}", code)


def _hint(code: str) -> str:
    if code == "not_in_channel":
        return "; invite the bot to the channel"
    if code == "channel_not_found":
        return "; there is no such channel, or it is private and the bot is not invited"
    return ""


def _seconds(header: str | None) -> float | None:
    try:
        return max(0.0, float(header)) if header is not None else None
    except ValueError:
        return None
