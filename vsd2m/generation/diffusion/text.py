"""Text encoding: a CLIP text model with its tokenizer, Stable Diffusion's or a small one trained from scratch.

Letters: B batch, L tokens, D channels.
"""

from collections.abc import Iterable, Sequence
from typing import Any

import torch
from tokenizers import Tokenizer, decoders, models, normalizers, pre_tokenizers, processors, trainers
from transformers import CLIPTextConfig, CLIPTextModel, PreTrainedTokenizerFast

from vsd2m.generation.model_config import TextConfig

PAD, START, END, UNKNOWN = "<|pad|>", "<|startoftext|>", "<|endoftext|>", "<|unknown|>"


def train_tokenizer(captions: Iterable[str], config: TextConfig) -> PreTrainedTokenizerFast:
    """A lower-casing byte-level BPE trained on `captions`; the same captions in any order give the same tokenizer."""
    tokenizer = Tokenizer(models.BPE())
    tokenizer.normalizer = normalizers.Sequence([normalizers.NFC(), normalizers.Lowercase()])
    tokenizer.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=True)
    tokenizer.decoder = decoders.ByteLevel()
    trainer = trainers.BpeTrainer(
        vocab_size=config.vocab_size,
        special_tokens=[PAD, START, END],
        initial_alphabet=sorted(pre_tokenizers.ByteLevel.alphabet()),
        show_progress=False,
    )
    tokenizer.train_from_iterator(sorted(captions), trainer)
    return _with_ends(tokenizer, config)


def word_tokenizer(captions: Iterable[str], config: TextConfig) -> PreTrainedTokenizerFast:
    """A lower-casing tokenizer of whole words, those of `captions`; any other word is the unknown token.

    The same words in any order give the same tokenizer.
    """
    split = pre_tokenizers.Whitespace()
    words = sorted({word for caption in captions for word, _ in split.pre_tokenize_str(caption.lower())})
    numbers = {word: number for number, word in enumerate([PAD, START, END, UNKNOWN, *words])}
    tokenizer = Tokenizer(models.WordLevel(numbers, unk_token=UNKNOWN))
    tokenizer.normalizer = normalizers.Sequence([normalizers.NFC(), normalizers.Lowercase()])
    tokenizer.pre_tokenizer = split
    return _with_ends(tokenizer, config, unk_token=UNKNOWN)


def _with_ends(tokenizer: Tokenizer, config: TextConfig, **special: str) -> PreTrainedTokenizerFast:
    ends = [(name, tokenizer.token_to_id(name)) for name in (START, END)]
    tokenizer.post_processor = processors.TemplateProcessing(single=f"{START} $A {END}", special_tokens=ends)
    return PreTrainedTokenizerFast(
        tokenizer_object=tokenizer,
        pad_token=PAD,
        bos_token=START,
        eos_token=END,
        model_max_length=config.max_length,
        **special,
    )


def small_text_encoder(tokenizer: Any, config: TextConfig) -> CLIPTextModel:
    """A freshly initialised CLIP text model for `tokenizer`."""
    return CLIPTextModel(
        CLIPTextConfig(
            vocab_size=len(tokenizer),
            hidden_size=config.hidden_size,
            intermediate_size=4 * config.hidden_size,
            num_hidden_layers=config.num_layers,
            num_attention_heads=config.num_heads,
            max_position_embeddings=config.max_length,
            pad_token_id=tokenizer.pad_token_id,
            bos_token_id=tokenizer.bos_token_id,
            eos_token_id=tokenizer.eos_token_id,
        )
    )


def tokenize(tokenizer: Any, texts: Sequence[str]) -> torch.Tensor:
    """Token numbers [B, L], padded and truncated to the tokenizer's length; a word tokenizer omits unknown words."""
    encoded = tokenizer(
        [_with_known_words(tokenizer, text) for text in texts],
        padding="max_length",
        truncation=True,
        max_length=tokenizer.model_max_length,
        return_tensors="pt",
    )
    return encoded.input_ids


def _with_known_words(tokenizer: Any, text: str) -> str:
    if tokenizer.unk_token != UNKNOWN:
        return text
    return " ".join(token for token in tokenizer.tokenize(text) if token != UNKNOWN)


def num_truncated(tokenizer: Any, texts: Sequence[str]) -> int:
    """The number of `texts` with more tokens than the text encoder accepts."""
    if not texts:
        return 0
    # long texts are counted here, so the warning is redundant
    lengths = [len(ids) for ids in tokenizer(list(texts), truncation=False, verbose=False).input_ids]
    return sum(length > tokenizer.model_max_length for length in lengths)


def encode_tokens(text_encoder: Any, tokens: torch.Tensor) -> torch.Tensor:
    """States [B, L, D] that the denoiser attends to."""
    return text_encoder(tokens.to(text_encoder.device)).last_hidden_state
