"""Users and user groups."""

from dataclasses import dataclass, field
from typing import Any

Json = dict[str, Any]


@dataclass
class User:
    """One account. `team_id` differs from the workspace's for a Slack Connect stranger."""

    id: str
    team_id: str
    name: str
    deleted: bool = False
    is_bot: bool = False
    is_restricted: bool = False
    is_ultra_restricted: bool = False
    is_stranger: bool = False
    is_admin: bool = False
    bot_id: str = ""
    app_id: str = ""
    email: str = ""
    tz: str = "Etc/UTC"

    def to_json(self) -> Json:
        """The `user` object of users.info."""
        profile: Json = {"real_name": self.name.title(), "display_name": self.name, "team": self.team_id}
        if self.email:
            profile["email"] = self.email
        if self.is_bot:
            profile |= {"api_app_id": self.app_id, "bot_id": self.bot_id}
        body: Json = {
            "id": self.id,
            "team_id": self.team_id,
            "name": self.name,
            "deleted": self.deleted,
            "real_name": self.name.title(),
            "tz": self.tz,
            "profile": profile,
            "is_bot": self.is_bot,
            "is_app_user": False,
            "updated": 1700000000,
        }
        if not self.deleted:
            body |= {
                "is_admin": self.is_admin,
                "is_owner": False,
                "is_primary_owner": False,
                "is_restricted": self.is_restricted,
                "is_ultra_restricted": self.is_ultra_restricted,
            }
        if self.is_stranger:
            body["is_stranger"] = True
        return body


@dataclass
class UserGroup:
    """A group of users (`@oncall`)."""

    id: str
    handle: str
    users: list[str] = field(default_factory=list)
    disabled: bool = False

    def to_json(self, team: str) -> Json:
        """The object of usergroups.list."""
        return {
            "id": self.id,
            "team_id": team,
            "is_usergroup": True,
            "handle": self.handle,
            "name": self.handle,
            "date_delete": 1700000000 if self.disabled else 0,
            "user_count": len(self.users),
        }
