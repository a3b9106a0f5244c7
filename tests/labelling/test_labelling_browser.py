"""The study as labellers meet it: a real Chromium, keys and clicks, stickers judged by what is on the screen."""

import urllib.error
import urllib.request

import pytest
from preference_builders import COLOURS, Labeller, make_study

from vsd2m.core.errors import ConfigError
from vsd2m.labelling.application.server import LabellingSite
from vsd2m.labelling.preference.questions import QUESTIONS
from vsd2m.labelling.preference.results.analysis import AnalysisConfig, analyse
from vsd2m.labelling.preference.study import PreferenceStudy

STRENGTHS = {"red": 3.0, "green": 1.0, "blue": -1.0, "grey": -3.0}
RATINGS = {"red": 5, "green": 4, "blue": 2, "grey": 1}
LOOK = """
const pixel = (image) => {
  const canvas = document.createElement("canvas");
  canvas.width = canvas.height = 1;
  const context = canvas.getContext("2d");
  context.drawImage(image, 0, 0, 1, 1);
  return [...context.getImageData(0, 0, 1, 1).data].slice(0, 3);
};
const trial = document.body.dataset.trial;
if (trial === undefined || trial === arguments[0]) return null;
if (trial === "done") return { done: true };
const kind = document.getElementById("choose").hidden ? "rate" : "choose";
const shown = document.querySelectorAll(kind === "choose" ? "#cards img" : "#single img");
return { trial, kind, text: document.getElementById("text").textContent, colours: [...shown].map(pixel) };
"""


@pytest.fixture
def site(tmp_path):
    pytest.importorskip("uvicorn", reason="needs the extra `web`")
    study = make_study(tmp_path, num_prompts=8, trials_per_check=4)
    with LabellingSite(study) as served:
        yield study, served


def wait_for(browser, script, *arguments):
    from selenium.webdriver.support.ui import WebDriverWait

    return WebDriverWait(browser, 20, poll_frequency=0.01).until(lambda b: b.execute_script(script, *arguments))


def press(browser, *keys):
    from selenium.webdriver.common.action_chains import ActionChains

    chain = ActionChains(browser, duration=0)
    for key in keys:
        chain.send_keys(key)
    chain.perform()


def enter(browser, url, name):
    from selenium.webdriver.common.by import By

    browser.get(url)
    wait_for(browser, "return !document.getElementById('welcome').hidden")
    field = browser.find_element(By.ID, "name")
    field.clear()
    field.send_keys(name, "\n")


def nearest(colour):
    return min(COLOURS, key=lambda name: sum((a - b) ** 2 for a, b in zip(COLOURS[name], colour, strict=True)))


def label(browser, url, name, labeller, *, screens=None):
    """Works through up to `screens` screens with the keyboard; returns what was seen of each."""
    enter(browser, url, name)
    seen = []
    look = wait_for(browser, LOOK, None)
    while not look.get("done") and (screens is None or len(seen) < screens):
        models = [nearest(colour) for colour in look["colours"]]
        answers = labeller.answers(look["text"], models, look["kind"], len(QUESTIONS[look["kind"]]))
        press(browser, *map(str, answers), "\ue007")
        seen.append((int(look["trial"]), look["kind"], tuple(models)))
        look = wait_for(browser, LOOK, look["trial"])
    return seen


def severe(browser):
    return [entry for entry in browser.get_log("browser") if entry["level"] == "SEVERE"]


def test_labellers_with_known_taste_are_recovered_from_the_page(chromium, site):
    study, served = site
    for index in range(4):
        label(chromium, served.url, f"labeller {index}", Labeller(STRENGTHS, RATINGS, seed=index))
    label(chromium, served.url, "sloth", Labeller(dict.fromkeys(COLOURS, 0.0), RATINGS, attentive=False, seed=7))
    assert severe(chromium) == []
    analysis = analyse(study.responses(), AnalysisConfig(num_resamples=200))
    assert [entry.labeller for entry in analysis.attention if entry.excluded] == ["sloth"]
    for result in analysis.choices:
        assert result.num_choices == 4 * 8
        strengths = [entry.strength.value for entry in result.models]
        assert strengths == sorted(strengths, reverse=True)
        assert all(entry.strength.low < STRENGTHS[entry.model] for entry in result.models[:2])
        assert result.preferred[0][2] > 0.8
    assert len(analysis.ratings) == 5
    for result in analysis.ratings:
        means = [entry.mean.value for entry in result.models]
        assert result.num_ratings == 4 * 8 and means == sorted(means, reverse=True)


def test_a_labeller_who_closes_the_page_goes_on_at_the_same_screen(chromium, site):
    study, served = site
    ada = Labeller(STRENGTHS, RATINGS, seed=1)
    before = label(chromium, served.url, "Ada", ada, screens=3)
    chromium.get("about:blank")
    after = label(chromium, served.url, "ada", ada)
    assert [number for number, _, _ in before + after] == list(range(8 + 2 + 8 + 2))
    assert len(study.progress()) == 1 and len(study.responses().choices) == 2 * 8


def test_mouse_back_and_double_submission(chromium, site):
    from selenium.webdriver.common.by import By

    study, served = site
    enter(chromium, served.url, "ada")
    first = wait_for(chromium, LOOK, None)
    assert not chromium.find_element(By.ID, "next").is_enabled()
    press(chromium, "9")
    assert not chromium.find_element(By.ID, "back").is_enabled()
    cards = chromium.find_elements(By.CSS_SELECTOR, "#cards button")
    cards[0].click()
    cards[3].click()
    chromium.find_element(By.ID, "back").click()
    assert not chromium.find_element(By.ID, "next").is_enabled()
    cards[1].click()
    chromium.execute_script("const next = document.getElementById('next'); next.click(); next.click();")
    second = wait_for(chromium, LOOK, first["trial"])
    assert int(second["trial"]) == int(first["trial"]) + 1
    chosen = {choice.question: choice.chosen_model for choice in study.responses().choices}
    models = [nearest(colour) for colour in first["colours"]]
    assert chosen == {"quality": models[0], "interest": models[1]}


def test_the_page_fits_a_phone_and_follows_the_dark_theme(chromium, site):
    _, served = site
    grounds = {}
    for scheme in ("light", "dark"):
        chromium.execute_cdp_cmd(
            "Emulation.setEmulatedMedia", {"features": [{"name": "prefers-color-scheme", "value": scheme}]}
        )
        enter(chromium, served.url, "ada")
        wait_for(chromium, LOOK, None)
        grounds[scheme] = chromium.execute_script("return getComputedStyle(document.body).backgroundColor")
    assert grounds["light"] != grounds["dark"]
    metrics = {"width": 390, "height": 844, "deviceScaleFactor": 1, "mobile": True}
    chromium.execute_cdp_cmd("Emulation.setDeviceMetricsOverride", metrics)
    try:
        assert chromium.execute_script("return document.documentElement.scrollWidth <= 390")
    finally:
        chromium.execute_cdp_cmd("Emulation.clearDeviceMetricsOverride", {})


def test_a_port_in_use_is_an_error_in_one_line(site):
    study, served = site
    port = int(served.url.rpartition(":")[2])
    with (
        pytest.raises(ConfigError, match=f"cannot serve on 127.0.0.1:{port}: .* choose another port"),
        LabellingSite(study, port=port),
    ):
        pass


def test_mistakes_of_a_client_are_answered_and_stop_nothing(site):
    study, served = site
    for path, body, status in (
        ("/media/nothing.gif", None, 404),
        ("/api/answer", b'{"name":"eve","number":0,"values":{},"duration_ms":1}', 400),
        ("/api/join", b"{", 422),
    ):
        request = urllib.request.Request(served.url + path, data=body, headers={"Content-Type": "application/json"})
        with pytest.raises(urllib.error.HTTPError) as caught:
            urllib.request.urlopen(request, timeout=10)
        assert caught.value.code == status
        caught.value.close()
    assert PreferenceStudy(study.folder).progress() == []
