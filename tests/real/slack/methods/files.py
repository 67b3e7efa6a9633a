"""Files, the v2 way: ask for an upload URL, POST the bytes there, complete."""

from typing import Any

from tests.real.slack import arguments, mrkdwn
from tests.real.slack.errors import SlackError
from tests.real.slack.message import File
from tests.real.slack.methods.base import Api, Method
from tests.real.slack.methods.chat import check_ts

Json = dict[str, Any]


def get_upload_url(api: Api, args: Json) -> Json:
    """files.getUploadURLExternal."""
    name = arguments.need(args, "filename")
    length = arguments.number(args, "length", 0, 1 << 30)
    if not length:
        raise SlackError("invalid_arguments")
    file = File(api.workspace.new_id("F"), name, length)
    api.workspace.files[file.id] = file
    return {"upload_url": f"{api.base}/upload/{file.id}", "file_id": file.id}


def upload(api: Api, file_id: str, content: bytes) -> tuple[int, str]:
    """The POST to the upload URL: (status, text/plain answer)."""
    file = api.workspace.files.get(file_id)
    if file is None or file.shared_in:
        return 404, "not found"
    if len(content) != file.length:
        return 400, f"expected {file.length} bytes, got {len(content)}"
    file.content = content
    return 200, f"OK - {len(content)}"


def complete_upload(api: Api, args: Json) -> Json:
    """files.completeUploadExternal: shares the files in one message when there is a channel."""
    wanted = arguments.obj(args, "files", "invalid_arguments")
    if not isinstance(wanted, list) or not wanted:
        raise SlackError("invalid_arguments")
    files: list[File] = []
    for item in wanted:
        file = api.workspace.files.get(item.get("id", "")) if isinstance(item, dict) else None
        if file is None or file.content is None:
            raise SlackError("file_not_found")
        file.title = item.get("title") or file.name
        files.append(file)
    if arguments.text(args, "channel_id"):
        channel = api.channel(args, "channel_id", write=True)
        api.workspace.post(
            channel,
            api.bot,
            mrkdwn.stored(arguments.text(args, "initial_comment") or ""),
            thread_ts=check_ts(arguments.text(args, "thread_ts")),
            files=files,
            subtype="file_share",
        )
    return {"files": [file.to_json() for file in files]}


METHODS = {
    "files.getUploadURLExternal": Method(get_upload_url, ("files:write",)),
    "files.completeUploadExternal": Method(complete_upload, ("files:write",)),
}
