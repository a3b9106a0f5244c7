"""The vision describer with tiny LLaVA and LLaVA-OneVision models of random weights: real classes, real processors."""

import numpy as np
import pytest
from pydantic import ValidationError

from vsd2m.annotate.describe import DescribeConfig, DescribeStage
from vsd2m.annotate.describers.base import Sighting
from vsd2m.annotate.describers.vision import VisionConfig, VisionDescriber, whole_sentences
from vsd2m.annotate.engines.quiet import load_transformers
from vsd2m.core.errors import EngineError
from vsd2m.core.stage import Batch
from vsd2m.media.clip import Clip
from vsd2m.media.encode import encode

TEMPLATE = (
    "{% for turn in messages %}{% for part in turn['content'] %}"
    "{% if part['type'] == 'image' %}<image>{% elif part['type'] == 'video' %}<video>{% else %}{{ part['text'] }}{% endif %}"
    "{% endfor %}{% endfor %} answer:"
)
LANGUAGE = {
    "vocab_size": 300,
    "hidden_size": 32,
    "intermediate_size": 64,
    "num_hidden_layers": 2,
    "num_attention_heads": 4,
    "num_key_value_heads": 2,
    "initializer_range": 0.4,
    "bos_token_id": 0,
    "eos_token_id": 1,
    "pad_token_id": 2,
}
EYE = {"hidden_size": 16, "intermediate_size": 32, "num_hidden_layers": 2, "num_attention_heads": 2, "image_size": 28}


def tokenizer(transformers):
    from tokenizers import Tokenizer, decoders, models, pre_tokenizers, trainers

    pieces = Tokenizer(models.BPE())
    pieces.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    pieces.decoder = decoders.ByteLevel()
    trainer = trainers.BpeTrainer(
        vocab_size=300,
        special_tokens=["<s>", "</s>", "<pad>", "<image>", "<video>"],
        initial_alphabet=pre_tokenizers.ByteLevel.alphabet(),
        show_progress=False,
    )
    pieces.train_from_iterator(["What is to be seen? How does it move?"] * 9, trainer)
    return transformers.PreTrainedTokenizerFast(
        tokenizer_object=pieces, bos_token="<s>", eos_token="</s>", pad_token="<pad>"
    )


@pytest.fixture(scope="module")
def llava(tmp_path_factory):
    """A folder with a LLaVA of one CLIP and one Llama, two layers each."""
    transformers, torch = load_transformers()
    folder = tmp_path_factory.mktemp("llava")
    torch.manual_seed(1)
    config = transformers.LlavaConfig(
        vision_config=transformers.CLIPVisionConfig(**EYE, patch_size=14, initializer_range=0.4),
        text_config=transformers.LlamaConfig(**LANGUAGE),
        image_token_index=3,
        image_seq_length=4,
    )
    transformers.LlavaForConditionalGeneration(config).save_pretrained(folder)
    transformers.LlavaProcessor(
        transformers.CLIPImageProcessor(size={"shortest_edge": 28}, crop_size={"height": 28, "width": 28}),
        tokenizer(transformers),
        patch_size=14,
        vision_feature_select_strategy="default",
        image_token="<image>",
        num_additional_image_tokens=1,
        chat_template=TEMPLATE,
    ).save_pretrained(folder)
    return folder


@pytest.fixture(scope="module")
def onevision(tmp_path_factory):
    """A folder with a LLaVA-OneVision, which reads films too."""
    transformers, torch = load_transformers()
    folder = tmp_path_factory.mktemp("onevision")
    torch.manual_seed(1)
    config = transformers.LlavaOnevisionConfig(
        vision_config=transformers.SiglipVisionConfig(**EYE, patch_size=7),
        text_config=transformers.Qwen2Config(**LANGUAGE),
        image_token_index=3,
        video_token_index=4,
        image_grid_pinpoints=[[28, 28]],
    )
    transformers.LlavaOnevisionForConditionalGeneration(config).save_pretrained(folder)
    size = {"height": 28, "width": 28}
    transformers.LlavaOnevisionProcessor(
        transformers.LlavaOnevisionImageProcessor(size=size, image_grid_pinpoints=[[28, 28]]),
        tokenizer(transformers),
        transformers.LlavaOnevisionVideoProcessor(size=size),
        num_image_tokens=16,
        vision_feature_select_strategy="full",
        chat_template=TEMPLATE,
    ).save_pretrained(folder)
    return folder


def settings(static, dynamic=None) -> VisionConfig:
    asked = {"model": str(static), "question": "What is to be seen?", "num_frames": 1}
    film = {"model": str(dynamic), "question": "How does it move?", "num_frames": 4, "frames_as": "video"}
    return VisionConfig.model_validate(
        {
            "describer": "vision",
            "static": asked,
            "dynamic": film if dynamic else None,
            "dtype": "float32",
            "max_new_tokens": 12,
        }
    )


def described(chosen, *clips):
    describer = VisionDescriber(chosen)
    describer.start(num_threads=1)
    return describer.describe([Sighting(frames, np.full(len(frames), 100, np.int32), {}) for frames in clips])


def noise(seed, num_frames=5):
    frames = np.random.default_rng(seed).integers(0, 255, (num_frames, 40, 30, 4), dtype=np.uint8)
    frames[..., 3] = 255
    return frames


def test_the_answer_follows_from_the_picture_and_not_from_its_company(llava):
    first, second = noise(1), noise(2)
    together = described(settings(llava), first, second)
    assert together[0] != together[1]
    assert described(settings(llava), second) == together[1:]


def test_a_still_is_not_asked_how_it_moves_and_a_film_is(llava, onevision):
    film = noise(3)
    still = film[2:3]  # the frame in the middle, which the static question sees
    static = described(settings(llava), still)
    assert described(settings(llava, onevision), still) == static
    (both,) = described(settings(llava, onevision), film)
    assert both.startswith(static[0]) and len(both) > len(static[0])


def test_the_film_model_sees_the_order_of_the_frames(llava, onevision):
    film = noise(3, 4)
    assert described(settings(llava, onevision), film) != described(settings(llava, onevision), film[::-1])


def test_the_stage_names_its_models_in_the_column_and_in_its_identity(llava, onevision):
    stage = DescribeStage(DescribeConfig.model_validate({"describer": settings(llava, onevision).model_dump()}))
    assert set(stage.model_versions()) == {llava.name, onevision.name}
    stage.setup()
    clip = Clip(noise(4), np.full(5, 80, np.int32), 0, "apng")
    (columns,) = stage.process(Batch([{}], [encode(clip, "apng")]))
    assert columns["description_source"] == f"{llava.name} + {onevision.name}"
    assert columns["description"]


def test_a_model_without_eyes_is_one_clear_line(tmp_path):
    transformers, _ = load_transformers()
    transformers.LlamaForCausalLM(transformers.LlamaConfig(**LANGUAGE)).save_pretrained(tmp_path)
    tokenizer(transformers).save_pretrained(tmp_path)
    with pytest.raises(EngineError, match="as an image-text model"):
        described(settings(tmp_path), noise(1))


def test_a_model_of_the_hub_needs_its_commit():
    with pytest.raises(ValidationError, match="revision"):
        settings("llava-hf/llava-1.5-7b-hf")


@pytest.mark.parametrize(
    ("answer", "kept"),
    [
        ("A cat waves.\nIt is happy. It al", "A cat waves. It is happy."),
        ("一只猫在挥手。它很", "一只猫在挥手。"),
        ("a cat that never ends", "a cat that never ends"),
        ("", ""),
    ],
)
def test_a_sentence_that_was_cut_off_is_left_out(answer, kept):
    assert whole_sentences(answer) == kept
