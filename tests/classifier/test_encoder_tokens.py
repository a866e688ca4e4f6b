"""Text to token ids: the normal form, windows, marks; for any text whatever."""

import json

import emoji
import pytest
from hypothesis import given
from hypothesis import strategies as st
from tokenizers import Tokenizer

from classifier.encoder.tokens import _INVISIBLE, MARK_CLOSE, MARK_OPEN, Tokens, normal_form
from classifier.errors import ArtifactError
from tests.classifier import tiny_encoder as tiny

SETTINGS = json.dumps(tiny.tokenizer()).encode()
TOKENS = Tokens.read(SETTINGS, "en", tiny.WINDOW)
PLAIN = Tokenizer.from_str(SETTINGS.decode())


@given(st.text(max_size=200), st.integers(1, 4))
def test_any_text_becomes_windows_that_fit(text: str, most: int) -> None:
    (found,) = TOKENS.encode([text], [None], most)
    assert 1 <= len(found.windows) <= most
    assert all(2 <= len(window) <= tiny.WINDOW for window in found.windows)
    assert all(0 <= token < len(tiny.vocabulary()) for window in found.windows for token in window)
    assert 0.0 <= found.known <= 1.0


@given(st.text(max_size=120), st.data())
def test_any_span_is_marked_once_within_one_window(text: str, data: st.DataObject) -> None:
    start = data.draw(st.integers(0, len(text)))
    end = data.draw(st.integers(start, len(text)))
    (found,) = TOKENS.encode([text], [(start, end)], 8)
    (window,) = found.windows
    assert len(window) <= tiny.WINDOW
    assert window.count(MARK_OPEN) == window.count(MARK_CLOSE) == 1
    assert window.index(MARK_OPEN) < window.index(MARK_CLOSE)


def test_windows_follow_each_other_and_hold_the_whole_text() -> None:
    text = "shares of acme fall , profit of beta rise . " * 5
    (found,) = TOKENS.encode([text], [None], 100)
    body = [token for window in found.windows for token in window[1:-1]]
    assert body == PLAIN.encode(text, add_special_tokens=False).ids
    assert len(found.windows) > 2


def test_a_mark_far_into_a_long_text_keeps_the_words_around_it() -> None:
    text = "beta rise . " * 40 + "shares of acme fall" + " profit , profit" * 40
    at = text.index("acme")
    (found,) = TOKENS.encode([text], [(at, at + 4)], 8)
    words = [tiny.vocabulary()[token] for token in found.windows[0]]
    opened = words.index(tiny.vocabulary()[MARK_OPEN])
    assert words[opened - 2 : opened] == ["shares", "of"]
    assert words[opened + 1] == "acme"
    assert words[opened + 3] == "fall"


def test_links_and_invisible_characters_say_nothing() -> None:
    assert normal_form("Acme\u200b falls https://t.co/abc?d=1 \ufeffhard\x00", "en") == "Acme falls hard"
    assert normal_form("ＡＣＭＥ　１００％", "en") == "ACME 100%"


def test_emoji_are_read_by_their_name_in_the_text_s_language() -> None:
    assert normal_form("up🚀", "en") == "up rocket"
    assert normal_form("涨🚀", "zh") == "涨 火箭"


EMOJI = sorted(emoji.EMOJI_DATA)


@given(st.lists(st.one_of(st.sampled_from(EMOJI), st.text(max_size=5), st.sampled_from("。「」ー©®1#*")), max_size=12))
def test_naming_emoji_run_by_run_names_what_the_whole_text_would(parts: list[str]) -> None:
    text = "📈" + "".join(parts)
    for language in ("en", "zh"):
        whole = emoji.demojize(_INVISIBLE.sub("", text), (" ", " "), language)
        assert normal_form(text, language) == normal_form(whole.replace("_", " "), language)


def test_long_repeats_are_cut_but_numbers_stay() -> None:
    assert normal_form("nooooooo!!!!!! 1000000", "en") == "nooo!!! 1000000"


def test_texts_without_a_known_token_are_known_to_be_unknown() -> None:
    empty, foreign, plain = TOKENS.encode(["", "ξψω ξψω", "acme fall"], [None] * 3, 2)
    assert (empty.known, foreign.known, plain.known) == (0.0, 0.0, 1.0)


def test_a_tokenizer_that_is_none_is_refused() -> None:
    with pytest.raises(ArtifactError, match=r"tokenizer\.json"):
        Tokens.read(b"{}", "en", 16)
    other = tiny.tokenizer()
    other["model"]["vocab"] = {"a": 0, "[UNK]": 1}
    other["added_tokens"] = []
    with pytest.raises(ArtifactError, match="none of BERT's"):
        Tokens.read(json.dumps(other).encode(), "en", 16)
