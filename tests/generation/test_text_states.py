"""Text states of a frozen text encoder are kept beside the latents."""

import numpy as np
import pytest

torch = pytest.importorskip("torch")
pytest.importorskip("transformers")

from vsd2m.generation.diffusion.text import encode_tokens, small_text_encoder, tokenize, train_tokenizer  # noqa: E402
from vsd2m.generation.diffusion.text_states import open_text_states  # noqa: E402
from vsd2m.generation.model_config import TextConfig  # noqa: E402

TEXTS = ["cartoon\ta red square", "cartoon\ta green square that moves", "real\ta dog"]
CONFIG = TextConfig(hidden_size=16, num_heads=2, max_length=8, vocab_size=300)


@pytest.fixture
def encoder():
    torch.manual_seed(0)
    return small_text_encoder(train_tokenizer(TEXTS, CONFIG), CONFIG).eval()


class Counting:
    """Stands for an encoder and counts how often it is run."""

    def __init__(self, encoder):
        self._encoder = encoder
        self.num_calls = 0

    def __getattr__(self, name):
        return getattr(self._encoder, name)

    def __call__(self, tokens):
        self.num_calls += 1
        return self._encoder(tokens)


def test_cached_states_are_the_encoders_own_in_half_precision(encoder, tmp_path):
    tokenizer = train_tokenizer(TEXTS, CONFIG)
    states = open_text_states(tmp_path, TEXTS, tokenizer, encoder).of(["", TEXTS[2], TEXTS[0], TEXTS[2]])
    with torch.no_grad():
        expected = encode_tokens(encoder, tokenize(tokenizer, ["", TEXTS[2], TEXTS[0], TEXTS[2]]))
    assert states.dtype == torch.float32
    assert torch.equal(states, expected.half().float())
    assert not torch.equal(states[0], states[1])


def test_the_same_encoder_is_not_run_again_and_another_one_is(encoder, tmp_path):
    tokenizer = train_tokenizer(TEXTS, CONFIG)
    counting = Counting(encoder)

    def states(texts=TEXTS):
        return open_text_states(tmp_path, texts, tokenizer, counting).of([TEXTS[0]]).numpy()

    first = states()
    assert counting.num_calls == 1
    assert np.array_equal(states(TEXTS[::-1]), first)  # the same texts in any order
    assert counting.num_calls == 1
    with torch.no_grad():
        weight = encoder.get_input_embeddings().weight
        weight.add_(0.1 * torch.randn_like(weight))  # a shift of all of them would vanish in the LayerNorm
    assert not np.array_equal(states(), first)
    assert counting.num_calls == 2
    states([*TEXTS, "another"])
    assert counting.num_calls == 3
