"""Block Kit as Slack checks it: which blocks a message may carry, and how long each part may be.

Source of the numbers: docs.slack.dev/reference/block-kit. Lengths are counted in UTF-16 units, the
strictest reading (Slack does not say which unit it counts).
"""

import json
from collections.abc import Callable
from typing import Any

from tests.real.slack.errors import SlackError

Json = dict[str, Any]
MESSAGE_BLOCKS = 50
ATTACHMENTS = 100
MARKDOWN_TOTAL = 12_000
MARKDOWN_MESSAGE_TOTAL = 13_200
Say = Callable[[str, str], None]


def length(text: str) -> int:
    """Length in UTF-16 units."""
    return len(text.encode("utf-16-le", "surrogatepass")) // 2


def read_list(value: Any, error: str) -> list[Json] | None:
    """`blocks` or `attachments` as given (a list, a JSON string, or nothing) as a list of objects."""
    if value is None or value == "":
        return None
    if isinstance(value, str):
        try:
            value = json.loads(value)
        except ValueError:
            raise SlackError(error) from None
    if not isinstance(value, list) or not all(isinstance(item, dict) for item in value):
        raise SlackError(error)
    return value


def check_message(blocks: list[Json], attachments: list[Json]) -> None:
    """Raise what Slack would say to these blocks and attachments; give each block a block_id."""
    if len(attachments) > ATTACHMENTS:
        raise SlackError("too_many_attachments")
    check(blocks, MESSAGE_BLOCKS)
    for number, attachment in enumerate(attachments):
        inner = attachment.get("blocks")
        if inner is not None:
            if not isinstance(inner, list):
                raise SlackError("invalid_attachments")
            check(inner, MESSAGE_BLOCKS, f"/attachments/{number}/blocks")


def check(blocks: list[Json], most: int, at: str = "/blocks") -> None:
    """Raise invalid_blocks with all mistakes, or msg_blocks_too_long."""
    mistakes: list[str] = []

    def say(where: str, what: str) -> None:
        mistakes.append(f"[ERROR] {what} [json-pointer:{where}]")

    if len(blocks) > most:
        say(at, f"no more than {most} items allowed")
    _check_ids(blocks, at, say)
    for number, block in enumerate(blocks):
        where = f"{at}/{number}"
        checker = _BLOCKS.get(str(block.get("type")))
        if checker is None:
            say(f"{where}/type", f"unsupported type: {block.get('type')}")
        else:
            checker(block, where, say)
    if mistakes:
        raise SlackError("invalid_blocks", errors=mistakes, response_metadata={"messages": mistakes})
    _check_total(blocks)
    for number, block in enumerate(blocks):
        block.setdefault("block_id", f"b{number:03d}")


def _check_total(blocks: list[Json]) -> None:
    """Each block legal and still too long together (bolt-js#2509); sections alone were not seen to be."""
    markdown = [block for block in blocks if block["type"] == "markdown"]
    if not markdown:
        return
    total = sum(length(block["text"]) for block in markdown)
    everything = sum(length(json.dumps(block, ensure_ascii=False)) for block in blocks)
    if total > MARKDOWN_TOTAL or everything > MARKDOWN_MESSAGE_TOTAL:
        raise SlackError("msg_blocks_too_long")


def _check_ids(blocks: list[Json], at: str, say: Say) -> None:
    seen: set[str] = set()
    for number, block in enumerate(blocks):
        block_id = block.get("block_id")
        if block_id is None:
            continue
        if block_id in seen:
            say(f"{at}/{number}/block_id", f"block_id already exists: {block_id}")
        seen.add(block_id)


def _string(value: Any, where: str, say: Say, most: int, least: int = 1) -> None:
    if not isinstance(value, str):
        say(where, "must be a string" if value is not None else "missing required field")
    elif length(value) > most:
        say(where, f"must be less than {most + 1} characters")
    elif length(value) < least:
        say(where, f"must be more than {least - 1} characters")


def _only(block: Json, allowed: str, where: str, say: Say) -> None:
    for key in block.keys() - set(allowed.split()) - {"type"}:
        say(where, f"invalid additional property: {key}")


def _text(value: Any, where: str, say: Say, most: int = 3000, plain: bool = False) -> None:
    if not isinstance(value, dict):
        say(where, "missing required field" if value is None else "must provide an object")
        return
    kind = value.get("type")
    if kind not in ("plain_text",) if plain else kind not in ("plain_text", "mrkdwn"):
        say(f"{where}/type", f"unsupported type: {kind}")
    _only(value, "text emoji" if kind == "plain_text" else "text verbatim", where, say)
    for flag in ("emoji", "verbatim"):
        if flag in value and not isinstance(value[flag], bool):
            say(f"{where}/{flag}", "must be a boolean")
    _string(value.get("text"), f"{where}/text", say, most)


def _items(block: Json, key: str, where: str, say: Say, most: int, least: int = 1) -> list[Any]:
    items = block.get(key)
    if not isinstance(items, list):
        say(f"{where}/{key}", "missing required field")
        return []
    if len(items) > most:
        say(f"{where}/{key}", f"no more than {most} items allowed")
    if len(items) < least:
        say(f"{where}/{key}", f"no fewer than {least} items allowed")
    return items


def _block_id(block: Json, where: str, say: Say) -> None:
    if "block_id" in block:
        _string(block["block_id"], f"{where}/block_id", say, 255)


def _section(block: Json, where: str, say: Say) -> None:
    _only(block, "block_id text fields accessory expand", where, say)
    _block_id(block, where, say)
    if "text" not in block and "fields" not in block:
        say(where, "must provide text or fields")
    if "text" in block:
        _text(block["text"], f"{where}/text", say)
    if "fields" in block:
        for number, item in enumerate(_items(block, "fields", where, say, 10)):
            _text(item, f"{where}/fields/{number}", say, 2000)
    if "accessory" in block:
        _element(block["accessory"], f"{where}/accessory", say)


def _divider(block: Json, where: str, say: Say) -> None:
    _only(block, "block_id", where, say)
    _block_id(block, where, say)


def _header(block: Json, where: str, say: Say) -> None:
    _only(block, "block_id text level", where, say)
    _block_id(block, where, say)
    _text(block.get("text"), f"{where}/text", say, 150, plain=True)


def _image(block: Json, where: str, say: Say) -> None:
    _only(block, "block_id image_url slack_file alt_text title", where, say)
    _block_id(block, where, say)
    if ("image_url" in block) == ("slack_file" in block):
        say(where, "must provide one of image_url or slack_file")
    if "image_url" in block:
        _string(block["image_url"], f"{where}/image_url", say, 3000)
    _string(block.get("alt_text"), f"{where}/alt_text", say, 2000)
    if "title" in block:
        _text(block["title"], f"{where}/title", say, 2000, plain=True)


def _context(block: Json, where: str, say: Say) -> None:
    _only(block, "block_id elements", where, say)
    _block_id(block, where, say)
    for number, item in enumerate(_items(block, "elements", where, say, 10)):
        here = f"{where}/elements/{number}"
        if isinstance(item, dict) and item.get("type") == "image":
            _image(item, here, say)
        else:
            _text(item, here, say)


def _actions(block: Json, where: str, say: Say) -> None:
    _only(block, "block_id elements", where, say)
    _block_id(block, where, say)
    seen: set[str] = set()
    for number, item in enumerate(_items(block, "elements", where, say, 25)):
        here = f"{where}/elements/{number}"
        _element(item, here, say)
        action_id = item.get("action_id") if isinstance(item, dict) else None
        if action_id is not None and action_id in seen:
            say(f"{here}/action_id", f"`action_id` {action_id} already exists")
        seen.add(str(action_id))


def _markdown(block: Json, where: str, say: Say) -> None:
    _only(block, "block_id text", where, say)
    _string(block.get("text"), f"{where}/text", say, MARKDOWN_TOTAL)


def _input(block: Json, where: str, say: Say) -> None:
    _only(block, "block_id label element dispatch_action hint optional", where, say)
    _text(block.get("label"), f"{where}/label", say, 2000, plain=True)
    _element(block.get("element"), f"{where}/element", say)


def _rich_text(block: Json, where: str, say: Say) -> None:
    _only(block, "block_id elements", where, say)
    kinds = {"rich_text_section", "rich_text_list", "rich_text_preformatted", "rich_text_quote"}
    for number, item in enumerate(_items(block, "elements", where, say, 1000, least=0)):
        if not isinstance(item, dict) or item.get("type") not in kinds:
            say(f"{where}/elements/{number}/type", "unsupported type")
        elif not isinstance(item.get("elements"), list):
            say(f"{where}/elements/{number}/elements", "missing required field")


def _table(block: Json, where: str, say: Say) -> None:
    _only(block, "block_id rows column_settings", where, say)
    for number, row in enumerate(_items(block, "rows", where, say, 100)):
        if not isinstance(row, list) or not 0 < len(row) <= 20:
            say(f"{where}/rows/{number}", "no more than 20 items allowed")


def _element(element: Any, where: str, say: Say) -> None:
    if not isinstance(element, dict):
        say(where, "must provide an object")
        return
    kind = str(element.get("type"))
    if kind == "image":
        _image(element, where, say)
        return
    if kind not in _ELEMENTS:
        say(f"{where}/type", f"unsupported type: {kind}")
        return
    if "action_id" in element:
        _string(element["action_id"], f"{where}/action_id", say, 255)
    if "placeholder" in element:
        _text(element["placeholder"], f"{where}/placeholder", say, 150, plain=True)
    if "confirm" in element:
        _confirm(element["confirm"], f"{where}/confirm", say)
    if kind == "button":
        _button(element, where, say)
    elif kind in _OPTIONS:
        for number, option in enumerate(_items(element, "options", where, say, _OPTIONS[kind])):
            _option(option, f"{where}/options/{number}", say, kind)


def _button(button: Json, where: str, say: Say) -> None:
    _only(button, "text action_id url value style confirm accessibility_label", where, say)
    _text(button.get("text"), f"{where}/text", say, 75, plain=True)
    if "value" in button:
        _string(button["value"], f"{where}/value", say, 2000, 0)
    if "url" in button:
        _string(button["url"], f"{where}/url", say, 3000)
        if isinstance(button["url"], str) and "://" not in button["url"]:
            say(f"{where}/url", "must be a valid url")
    if "accessibility_label" in button:
        _string(button["accessibility_label"], f"{where}/accessibility_label", say, 75)
    if "style" in button and button["style"] not in ("primary", "danger"):
        say(f"{where}/style", "must be one of: primary, danger")


def _confirm(confirm: Any, where: str, say: Say) -> None:
    if not isinstance(confirm, dict):
        say(where, "must provide an object")
        return
    _only(confirm, "title text confirm deny style", where, say)
    _text(confirm.get("title"), f"{where}/title", say, 100, plain=True)
    _text(confirm.get("text"), f"{where}/text", say, 300)
    _text(confirm.get("confirm"), f"{where}/confirm", say, 30, plain=True)
    _text(confirm.get("deny"), f"{where}/deny", say, 30, plain=True)


def _option(option: Any, where: str, say: Say, kind: str) -> None:
    if not isinstance(option, dict):
        say(where, "must provide an object")
        return
    plain = kind not in ("checkboxes", "radio_buttons")
    _text(option.get("text"), f"{where}/text", say, 75, plain=plain)
    _string(option.get("value"), f"{where}/value", say, 150)


_OPTIONS = {
    "static_select": 100,
    "multi_static_select": 100,
    "overflow": 5,
    "checkboxes": 10,
    "radio_buttons": 10,
}
_ELEMENTS = {
    "button",
    "users_select",
    "conversations_select",
    "channels_select",
    "datepicker",
    "timepicker",
    "datetimepicker",
    "plain_text_input",
    "workflow_button",
    *_OPTIONS,
}
_BLOCKS: dict[str, Callable[[Json, str, Say], None]] = {
    "section": _section,
    "divider": _divider,
    "header": _header,
    "image": _image,
    "context": _context,
    "actions": _actions,
    "markdown": _markdown,
    "input": _input,
    "rich_text": _rich_text,
    "table": _table,
}
