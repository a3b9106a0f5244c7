"""Any causal language model that transformers loads, run in this process.

B rows of a batch, P tokens of the part that prompts share, L tokens of the rest of a prompt.
"""

import copy
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, ClassVar

from pydantic import Field

from vsd2m.annotate.engines.base import Completion, EngineConfig, Prompt, Text, TextEngine, completion
from vsd2m.annotate.engines.packaged import PACKAGED_MODELS
from vsd2m.annotate.engines.quiet import TRANSFORMERS_PACKAGES, load_transformers, no_progress_bars
from vsd2m.annotate.engines.weights import ModelReference, WithPrecision, one_line
from vsd2m.core.errors import EngineError
from vsd2m.core.stage import neutral

_LENGTH_STEP = 16

TokenIds = tuple[int, ...]


class TransformersConfig(WithPrecision, ModelReference, EngineConfig):
    """A causal language model run by transformers in this process."""

    engine: str = Field(default="transformers", description="in this process, by transformers")
    batch_size: int = neutral(16, description="prompts computed together", ge=1, le=1024)


class TransformersEngine(TextEngine[TransformersConfig]):
    """Greedy decoding in batches of a fixed shape.

    Every batch has `batch_size` rows (short ones are padded) of one length, a multiple of 16, so the arithmetic for a
    prompt is independent of the other prompts. The part that prompts share is computed once and cached.
    """

    Config: ClassVar[type[EngineConfig]] = TransformersConfig

    def __init__(self, config: TransformersConfig) -> None:
        super().__init__(config)
        self._num_threads = 1
        self._model: Any = None
        self._tokenizer: Any = None
        self._shared: dict[TokenIds, Any] = {}

    @property
    def model_name(self) -> str:
        return self.config.short_name

    def model_versions(self) -> dict[str, str]:
        return self.config.versions()

    def packages(self) -> Mapping[str, str]:
        return TRANSFORMERS_PACKAGES | ({"gguf": "annotate"} if self._is_gguf() else {})

    def missing(self) -> list[str]:
        return self.config.missing()

    def _is_gguf(self) -> bool:
        return self.config.model in PACKAGED_MODELS or self.config.model.endswith(".gguf")

    def start(self, *, num_threads: int) -> None:
        transformers, torch = load_transformers()
        self._num_threads = num_threads
        source = self._source()
        try:
            self._tokenizer = transformers.AutoTokenizer.from_pretrained(**source)
            if self._is_grouped(transformers.AutoConfig.from_pretrained(**source)):
                from vsd2m.annotate.engines.grouped_attention import register

                source["attn_implementation"] = register()  # the built-in ones take two to three times as long here
            if "gguf_file" in source:
                source["quantization_config"] = transformers.GgufConfig(dequantize=True)
            with no_progress_bars():
                model = transformers.AutoModelForCausalLM.from_pretrained(
                    **source, dtype=getattr(torch, self.config.precision)
                )
        except (OSError, ValueError, KeyError, RuntimeError, ImportError) as error:
            raise EngineError(f"transformers cannot load {self.config.model!r}: {one_line(error)}") from error
        if self._tokenizer.pad_token_id is None:
            self._tokenizer.pad_token = self._tokenizer.eos_token
        self._model = model.eval().to(self.config.device)

    def generate(self, prompts: Sequence[Prompt], *, max_new_tokens: int, stop: Sequence[str] = ()) -> list[Completion]:
        import torch

        torch.set_num_threads(self._num_threads)
        split = [self._token_ids(prompt) for prompt in prompts]
        completions: dict[int, Completion] = {}
        for shared, length, members in _batches(split, self.config.batch_size):
            rows = [split[member][1] for member in members]
            answers = self._complete(shared, rows, length, max_new_tokens, stop)
            completions.update(zip(members, answers, strict=True))
        return [completions[index] for index in range(len(prompts))]

    def _complete(
        self, shared: TokenIds, rows: list[TokenIds], length: int, max_new_tokens: int, stop: Sequence[str]
    ) -> list[Completion]:
        """Continuations of `shared` + each of the rows, which are left-padded to `length`."""
        import torch

        filled = rows + [rows[0]] * (self.config.batch_size - len(rows))
        pad, device = self._tokenizer.pad_token_id, self.config.device
        input_ids = [[*shared, *[pad] * (length - len(row)), *row] for row in filled]
        mask = [[1] * len(shared) + [0] * (length - len(row)) + [1] * len(row) for row in filled]
        with torch.inference_mode():
            output = self._model.generate(
                input_ids=torch.tensor(input_ids, device=device),
                attention_mask=torch.tensor(mask, device=device),
                past_key_values=self._cache(shared, len(filled), room=length + max_new_tokens),
                max_new_tokens=max_new_tokens,
                do_sample=False,
                pad_token_id=pad,
                stopping_criteria=self._stopping(len(shared) + length, len(rows), stop),
            )
        new = output[: len(rows), len(shared) + length :]
        texts = self._tokenizer.batch_decode(new, skip_special_tokens=True)
        ends = [bool(set(row[-1:]) & {pad, *self._end_tokens()}) for row in new.tolist()]
        return [completion(text, stop=stop, finished=end) for text, end in zip(texts, ends, strict=True)]

    def _cache(self, shared: TokenIds, num_rows: int, *, room: int) -> Any:
        """A cache for the keys and values of a batch, after those of the shared tokens, which are computed once."""
        if self._is_grouped(self._model.config):
            from vsd2m.annotate.engines.grouped_attention import shared_cache

            num_layers = self._model.config.num_hidden_layers
            if shared and shared not in self._shared:
                self._shared[shared] = self._read(shared, shared_cache(num_layers, room=len(shared)))
            return shared_cache(num_layers, room=room, shared=self._shared.get(shared))
        if not shared:
            return None
        if shared not in self._shared:
            self._shared[shared] = self._read(shared, None)
        cache = copy.deepcopy(self._shared[shared])
        cache.batch_repeat_interleave(num_rows)
        return cache

    def _read(self, tokens: TokenIds, cache: Any) -> Any:
        """The cache (of one row) after the model has processed `tokens`."""
        import torch

        ids = torch.tensor([tokens], device=self.config.device)
        return self._model(input_ids=ids, past_key_values=cache, use_cache=True, logits_to_keep=1).past_key_values

    def _is_grouped(self, model: Any) -> bool:
        """Whether a model of this configuration uses `grouped_attention`."""
        from vsd2m.annotate.engines.grouped_attention import MODEL_TYPES

        return self.config.device == "cpu" and model.model_type in MODEL_TYPES

    def _stopping(self, start: int, num_rows: int, stop: Sequence[str]) -> list[Any]:
        """Ends a row when its new text contains a stop text; the padding rows end with the first row."""
        import torch

        def stopped(input_ids: Any, scores: Any, **_: Any) -> Any:
            del scores
            texts = self._tokenizer.batch_decode(input_ids[:num_rows, start:], skip_special_tokens=True)
            done = [any(piece in text for piece in stop) for text in texts]
            return torch.tensor(done + [done[0]] * (len(input_ids) - num_rows), device=input_ids.device)

        return [stopped] if stop else []

    def _token_ids(self, prompt: Prompt) -> tuple[TokenIds, TokenIds]:
        """(shared, remaining) tokens of a prompt."""
        if isinstance(prompt, Text):
            shared, rest = prompt.shared, prompt.rest
            first = tuple(self._tokenizer(shared)["input_ids"]) if shared else ()
            return first, tuple(self._tokenizer(rest, add_special_tokens=not shared)["input_ids"])
        if not self._tokenizer.chat_template:
            raise EngineError(
                f"model {self.config.model!r} has no chat template, so it cannot answer a conversation: "
                "choose an instruction-tuned model"
            )
        turns = [{"role": message.role, "content": message.content} for message in prompt]
        whole = self._render(turns, add_generation_prompt=True)
        before = self._render(turns[:-1], add_generation_prompt=False) if turns[1:] else ""
        start = len(before) if whole.startswith(before) else 0
        opening = prompt[-1].opening
        place = whole.find(opening, start) if opening else -1
        return self._cut(whole, place + len(opening) if place >= 0 else start)

    def _cut(self, text: str, end: int) -> tuple[TokenIds, TokenIds]:
        """The tokens of `text` that end at or before the character `end`, and the rest, at least one."""
        encoded = self._tokenizer(text, add_special_tokens=False, return_offsets_mapping=True)
        ids, ends = tuple(encoded["input_ids"]), [stop for _, stop in encoded["offset_mapping"]]
        num_shared = min(sum(1 for stop in ends if stop <= end), len(ids) - 1)
        return ids[:num_shared], ids[num_shared:]

    def _render(self, turns: list[dict[str, str]], *, add_generation_prompt: bool) -> str:
        text: str = self._tokenizer.apply_chat_template(
            turns, tokenize=False, add_generation_prompt=add_generation_prompt
        )
        return text

    def _end_tokens(self) -> list[int]:
        ends = self._model.generation_config.eos_token_id
        return ends if isinstance(ends, list) else [ends]

    def _source(self) -> dict[str, Any]:
        location = self.config.location()
        if location.endswith(".gguf"):
            return {"pretrained_model_name_or_path": str(Path(location).parent), "gguf_file": Path(location).name}
        return {"pretrained_model_name_or_path": location, "revision": self.config.revision or "main"}


def _batches(split: Sequence[tuple[TokenIds, TokenIds]], batch_size: int) -> list[tuple[TokenIds, int, list[int]]]:
    """(shared tokens, padded length, indices) of the prompts of each batch, grouped by similar length."""
    groups: dict[tuple[TokenIds, int], list[int]] = {}
    for index in sorted(range(len(split)), key=lambda member: len(split[member][1])):
        shared, rest = split[index]
        length = -(-max(len(rest), 1) // _LENGTH_STEP) * _LENGTH_STEP
        groups.setdefault((shared, length), []).append(index)
    return [
        (shared, length, members[start : start + batch_size])
        for (shared, length), members in sorted(groups.items())
        for start in range(0, len(members), batch_size)
    ]
