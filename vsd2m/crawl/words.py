"""Where the trigger words come from: the config, a file, or the site's own list."""

import json
from collections.abc import Sequence
from pathlib import Path

from vsd2m.core.errors import ConfigError, CrawlError, StorageError
from vsd2m.core.storage import Store
from vsd2m.crawl.config import CrawlConfig
from vsd2m.crawl.scraping.process import crawl, spool_in


def trigger_words(config: CrawlConfig, store: Store) -> list[str]:
    """The words of a run in order, each once; `ConfigError` if there are none.

    A list requested from the site is stored in `store` and not requested again: a run's words stay as they are.
    """
    if config.words_file is not None:
        words: Sequence[str] = _read_words(config.words_file)
    elif config.words == "all":
        words = _words_of_site(config, store)
    else:
        words = config.words or ()
    distinct = list(dict.fromkeys(word.strip() for word in words if word.strip()))
    if not distinct:
        raise ConfigError(f"there are no words in {config.words_file or config.source.site}; expected at least one")
    return distinct


def are_words_known(config: CrawlConfig, store: Store) -> bool:
    """Whether the words of a run can be named without asking the site."""
    if config.words_file is not None:
        return Path(config.words_file).is_file()
    return config.words != "all" or store.exists(f"{config.media_folder}/words.json")


def _read_words(path: str) -> list[str]:
    try:
        return Path(path).read_text(encoding="utf-8-sig").splitlines()
    except UnicodeDecodeError as error:
        raise StorageError(f"cannot read the words in {path}: expected UTF-8 text, one word a line") from error
    except OSError as error:
        raise StorageError(f"cannot read the words in {path}: {error.strerror}") from error


def _words_of_site(config: CrawlConfig, store: Store) -> list[str]:
    path = f"{config.media_folder}/words.json"
    options = config.source.output_fields()
    if store.exists(path):
        stored_words = store.read_json(path)
        if stored_words["asked"] == options:
            return list(stored_words["words"])
    words = _ask_words(config, store)
    store.write_bytes(path, json.dumps({"asked": options, "words": words}, ensure_ascii=False).encode())
    return words


def _ask_words(config: CrawlConfig, store: Store) -> list[str]:
    with spool_in(store, f"{config.media_folder}/spool-words") as spool:
        job = config.job(None, spool)
        if job.open_source().words_request() is None:
            raise ConfigError(
                f"source {job.source.source!r} cannot list the words of a site; give `words` or `words_file`"
            )
        facts = {fact["fact"]: fact for fact in crawl(job)}
    if "words" not in facts:
        refused = facts.get("words_refused", {"detail": None, "reason": "not_answered"})
        raise CrawlError(f"{job.site} gave no list of words: {refused['detail'] or refused['reason']}")
    return list(facts["words"]["words"])
