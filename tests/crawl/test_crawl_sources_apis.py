"""Every source for an API against the model of that API, by the real crawling process."""

import pytest
from api_crawls import LISTS, NUM_STICKERS, api_crawl, folder_of_stickers, model

from vsd2m.gallery.apis import APIS
from vsd2m.gallery.apis.base import MODEL_KEY
from vsd2m.gallery.apis.telegram import EMOJI


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory):
    return folder_of_stickers(tmp_path_factory.mktemp("stickers"))


@pytest.mark.parametrize("api", APIS)
def test_all_stickers_of_a_busy_and_careless_api_are_kept_or_have_a_reason(tmp_path, folder, api) -> None:
    with model(folder, api, busy_every=2, wrong_every=2) as site:
        crawl = api_crawl(tmp_path, site, api)
        result = crawl.write()
    num_stickers = NUM_STICKERS + (api in LISTS)
    assert result.num_read == num_stickers
    problems = sorted((reject["reason"], reject["detail"]) for reject in result.rejects)
    num_spoiled = num_stickers // 2
    assert {reason for reason, _ in problems} == {"sticker_not_understood"}
    assert len(problems) == num_spoiled - 1 - (num_spoiled > 4), problems
    assert all("missing" in detail or "expected" in detail or "no GIF" in detail for _, detail in problems)
    assert len(result.kept) == num_stickers - len(problems)
    words = {row["trigger_word"] for row in result.kept}
    if api == "telegram":
        assert words & set(EMOJI) and "wave" not in words
    else:
        assert "wave 0" in words and "*" not in words if api in LISTS else words == {"wave"}
    assert MODEL_KEY not in repr(result)
    files = [path for path in tmp_path.rglob("*") if path.is_file()]
    assert files and not [path for path in files if MODEL_KEY.encode() in path.read_bytes()]
