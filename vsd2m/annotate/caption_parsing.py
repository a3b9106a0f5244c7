"""Converts a language model's answer to a caption, or says why it is not one."""

import re
import unicodedata

from vsd2m.annotate.engines.base import Completion
from vsd2m.annotate.measured.phrases import TEXT_SAYS

_PREAMBLE = re.compile(
    r"^\s*(?:(?:sure|certainly|of course|okay|ok)\b[^.:\n]*[.:!,]\s*)?"
    r"(?:(?:here(?:'s| is| are)|this is)\b[^:\n]*:|"
    r"(?:summary|caption|answer|output|static features|dynamic features)\s*:)\s*",
    re.IGNORECASE,
)
_SENTENCE_END = re.compile(r"[.!?]+(?=\s|$)|[.!?]+[\"”’)]+(?=\s+[A-Z]|\s*$)|[。！？]+[”」』]*")
_CJK = re.compile(r"[\u3400-\u4dbf\u4e00-\u9fff]")
_QUOTED = re.compile(r"[\"“”「『].*?[\"“”」』]")


class NoCaptionError(ValueError):
    """The answer is not a caption; the message says why, in a few words."""


def caption_from(answer: Completion, *, prompt: str, max_sentences: int) -> str:
    """The first whole sentences of `answer`, without preamble, markup and repeats.

    `NoCaptionError` if nothing is left, the instruction is repeated, or no sentence is complete.
    """
    text = " ".join(_PREAMBLE.sub("", answer.text).replace("**", "").split()).strip()
    if len(text) > 1 and text[0] == text[-1] == '"' and '"' not in text[1:-1]:
        text = text[1:-1].strip()
    if answer.finished and text.rstrip('"”’)')[-1:] not in tuple(".!?"):
        text += "."
    if not any(map(str.isalpha, text)):
        raise NoCaptionError("the model's answer was empty")
    if text.lower().startswith(prompt.split("\n", 1)[0].lower()[:40]):
        raise NoCaptionError("the model repeated the instruction")
    whole, rest = split_sentences(text)
    if not whole:
        raise NoCaptionError(f"the model's answer had no end after {len(rest)} characters")
    sentences = [sentence for sentence in whole if any(map(str.isalpha, sentence))]
    if not sentences:
        raise NoCaptionError("the model's answer was empty")
    caption_sentences = list(dict.fromkeys(sentences))[:max_sentences]
    if any(_loops(sentence) for sentence in caption_sentences):
        raise NoCaptionError("the model repeated itself")
    return " ".join(caption_sentences)


def check_against(caption: str, *, description: str, suspects: frozenset[str]) -> None:
    """`NoCaptionError` if the caption uses one of the `suspects` (lower case) that the description does not.

    Small models copy words from their worked examples, and invent colours.
    """
    invented = sorted((words_of(caption) & suspects) - words_of(description))
    if invented:
        raise NoCaptionError(f"the model made up {', '.join(invented)}")


def with_text(caption: str, *, description: str) -> str:
    """The caption; if it does not quote the sticker's text, the description's sentence about that text is appended."""
    sentence = next((part for part in split_sentences(description)[0] if part.startswith(TEXT_SAYS)), None)
    if sentence is None:
        return caption
    quoted = " ".join(sentence[len(TEXT_SAYS) :].strip(' ".').lower().split())
    return caption if quoted in caption.lower() else f"{caption} {sentence}"


def words_of(text: str) -> frozenset[str]:
    """The words of a text in lower case, without digits and punctuation."""
    return frozenset(re.findall(r"[^\W\d_]+", text.lower()))


def split_sentences(text: str) -> tuple[list[str], str]:
    """(complete sentences, remaining text); a full stop inside double quotes does not end a sentence."""
    sentences, start = [], 0
    for match in _SENTENCE_END.finditer(text):
        candidate = text[start : match.end()]
        if candidate.count('"') % 2 == 0:
            sentences.append(candidate.strip())
            start = match.end()
    return sentences, text[start:].strip()


def chinese_from(answer: Completion, *, english: str) -> str:
    """The first sentence of `answer` as a Chinese caption.

    `NoCaptionError` if it is not Chinese, repeats itself, or has a length that does not fit the English. Quoted text
    may be in any language.
    """
    text = unicodedata.normalize("NFC", answer.text).strip().split("\n", 1)[0].strip()
    whole, _ = split_sentences(text)
    text = whole[0] if whole else text
    letters = [character for character in _QUOTED.sub("", text) if character.isalpha()]
    if not letters:
        raise NoCaptionError("the output was empty")
    if sum(bool(_CJK.match(letter)) for letter in letters) < 0.8 * len(letters):
        raise NoCaptionError("the output was not Chinese")
    words = len(english.split())
    if not 0.5 * words <= len(text) <= 5 * words:
        raise NoCaptionError("the output's length does not fit the English caption's")
    if _loops_chinese(text):
        raise NoCaptionError("the model repeated itself")
    return text


def _loops(sentence: str) -> bool:
    """True if a sequence of three words occurs three times."""
    words = sentence.lower().split()
    runs = [tuple(words[index : index + 3]) for index in range(len(words) - 2)]
    return any(runs.count(run) >= 3 for run in set(runs))


def _loops_chinese(text: str) -> bool:
    runs = [text[index : index + 4] for index in range(len(text) - 3)]
    return any(runs.count(run) >= 3 for run in set(runs))
