"""What people write on a card survives what we write on it."""

from pathlib import Path

import pytest

from tests.hub.clients import Client, contents, publish
from zoo.hubcard import BEGIN, END, merge_card
from zoo.hubserver import LoopbackHub

OURS = f"---\nlicense: mit\ntags:\n- pde\n---\n\n{BEGIN}\nnew\n{END}\n"
HEADS = ("---\n- a\n---\n", "---\na: [\n---\n")


def test_an_unchanged_card_stays_byte_for_byte() -> None:
    assert merge_card(OURS, OURS) == OURS


def test_text_around_the_block_stays_and_the_block_is_replaced() -> None:
    old = f"---\ntags:\n- mine\nlanguage: en\n---\n# Title\n{BEGIN}\nold\n{END}\n\nBy hand: ü.\n"
    new = merge_card(old, OURS)
    assert new == (
        "---\nlicense: mit\ntags:\n- pde\n- mine\nlanguage: en\n---\n"
        f"# Title\n{BEGIN}\nnew\n{END}\n\nBy hand: ü.\n"
    )
    assert merge_card(new, OURS) == new


def test_a_card_without_marks_stays_whole_below_ours() -> None:
    new = merge_card("# Written by hand\n\ntext\n", OURS)
    assert new == OURS + "\n# Written by hand\n\ntext\n"
    assert merge_card(new, OURS) == new


def test_handwriting_on_both_cards_is_kept() -> None:
    new = merge_card(OURS + "\ntheirs\n", OURS + "\nlocal\n")
    assert new == OURS + "\ntheirs\n\nlocal\n"
    assert merge_card(new, OURS + "\nlocal\n") == new


def test_figures_that_are_no_longer_measured_leave_the_head() -> None:
    old = OURS.replace("license: mit", "license: mit\nmodel-index: [1]\nbase_model: a/b")
    assert merge_card(old, OURS) == OURS


@pytest.mark.parametrize("old", [f"{BEGIN}\nx", f"{END}\n{BEGIN}", *HEADS])
def test_a_card_that_cannot_be_read_is_refused(old: str) -> None:
    with pytest.raises(ValueError, match="card"):
        merge_card(old, OURS)


def test_a_push_keeps_what_was_written_by_hand_on_the_hub(
    hub: LoopbackHub, client: Client, releases: list[Path]
) -> None:
    card = contents(releases[0])["README.md"].decode()
    edited = card.replace("tags:\n", "tags:\n- by-hand\n", 1) + "\n## Notes\n\nKept for ever.\n"
    publish(hub, "lab/poisson", releases[0], README__md=edited.encode())
    publish(hub, "lab/broken", releases[0], README__md=BEGIN.encode())
    said = client.python(
        "attempt('push', hub.push, sys.argv[1], 'lab/poisson')\n"
        "attempt('broken', hub.push, sys.argv[1], 'lab/broken')",
        releases[1],
    )
    store = hub.store
    entry = store.repos["lab/poisson"].at("main").tree["README.md"]
    text = store.blob(entry.sha256).read_text("utf-8")
    assert text.endswith("## Notes\n\nKept for ever.\n")
    assert "- by-hand\n" in text
    assert "tiny1" in text
    assert "tiny0" not in text
    assert said["broken"]["file"] == "README.md"
    assert contents(releases[1])["README.md"].decode().endswith(f"{END}\n")
