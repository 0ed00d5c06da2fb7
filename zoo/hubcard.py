"""A card that is generated and written by hand at once: ours replaced, theirs kept."""

import re
from typing import Any

import yaml

BEGIN, END = "<!-- zoo:begin -->", "<!-- zoo:end -->"
OURS = ("model-index", "base_model", "base_model_relation")
"""Keys of the head that only we write: absent from the new card, they go."""


def merge_card(old: str, new: str) -> str:
    """The new card, with the text that people wrote on the old one.

    Between the marks `<!-- zoo:begin -->` and `<!-- zoo:end -->` the text is ours and is replaced;
    outside them it stays where it is, and such text of the new card that the old one lacks is put
    below. An old card without marks stays whole, below ours. In the head our keys win, other keys
    stay, and tags are united.

    Raises:
        ValueError: the old card has one mark without the other, or a head that cannot be read.
    """
    theirs, _, above = _split(old)
    ours, written, below = _split(new)
    head = ours | {k: v for k, v in theirs.items() if k not in (*ours, *OURS)}
    if tags := [*_list(ours.get("tags")), *_list(theirs.get("tags"))]:
        head["tags"] = list(dict.fromkeys(tags))
    if head != ours:
        written = yaml.safe_dump(head, sort_keys=False, allow_unicode=True, width=1000)
    first, block, last = _block(below)
    if not block:
        first, block, last = "", f"{BEGIN}\n{below.strip()}\n{END}", ""
    before, marked, after = _block(above)
    if not marked:
        before, after = "\n", f"\n\n{above.strip()}\n" if above.strip() else "\n"
    for text in (first.strip(), last.strip()):
        if text not in above:
            after = f"{after.rstrip()}\n\n{text}\n"
    return f"---\n{written}---\n{before}{block}{after}" if head else f"{before}{block}{after}"


def _split(card: str) -> tuple[dict[str, Any], str, str]:
    """The head as a mapping and as it is written, and the text below it."""
    card = card.removeprefix("\ufeff").replace("\r\n", "\n")
    match = re.match(r"---[ \t]*\n(.*?\n)?---[ \t]*(?:\n|$)", card, re.S)
    if match is None:
        return {}, "", card
    try:
        head = yaml.safe_load(match[1] or "")
    except yaml.YAMLError as error:
        line = " ".join(str(error).split())
        raise ValueError(f"the head of the card is no YAML ({line})") from None
    if not isinstance(head, dict | None):
        raise ValueError(f"the head of the card is {head!r}, not keys and values")
    return head or {}, match[1] or "", card[match.end() :]


def _block(text: str) -> tuple[str, str, str]:
    """Text before our block, the block with its marks, and text after it."""
    start, stop = text.find(BEGIN), text.find(END)
    if start < 0 and stop < 0:
        return text, "", ""
    if start < 0 or stop < start:
        raise ValueError(f"the card has {BEGIN} or {END} without the other, or in wrong order")
    stop += len(END)
    return text[:start], text[start:stop], text[stop:]


def _list(value: Any) -> list[Any]:
    return value if isinstance(value, list) else [] if value is None else [value]
