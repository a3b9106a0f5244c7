"""A model run by vLLM inside this process."""

from collections.abc import Mapping, Sequence
from typing import Any, ClassVar, Literal

from pydantic import Field

from vsd2m.annotate.engines.base import Chat, Completion, EngineConfig, Prompt, Text, TextEngine, as_text, completion
from vsd2m.annotate.engines.weights import ModelReference, one_line
from vsd2m.core.errors import EngineError
from vsd2m.core.registry import import_extra
from vsd2m.core.stage import neutral
from vsd2m.networks.torchvision_cpu import allow_torchvision_beside_cpu_torch


class VllmConfig(ModelReference, EngineConfig):
    """A model run by vLLM in this process; for many stickers on a GPU."""

    engine: str = Field(default="vllm", description="in this process, by vLLM")
    dtype: Literal["auto", "bfloat16", "float16", "float32"] = Field(
        default="auto", description="precision of the computation"
    )
    max_model_len: int = Field(default=2048, description="most tokens of prompt and answer together", ge=64, le=1 << 20)
    gpu_memory_utilization: float = neutral(
        0.9, description="share of the device's memory that vLLM may use", gt=0, le=1
    )
    tensor_parallel_size: int = neutral(1, description="GPUs per copy of the model", ge=1, le=64)
    device: Literal["cuda", "cpu"] = neutral(
        "cuda", description="what the installed vLLM was built for; with cpu, workers need no GPU"
    )
    enforce_eager: bool = neutral(False, description="do not compile: a faster start, slower generation")

    @property
    def num_gpus(self) -> float:
        return float(self.tensor_parallel_size) if self.device == "cuda" else 0.0


class VllmEngine(TextEngine[VllmConfig]):
    """Greedy decoding by vLLM, which forms the batches itself; rounding, and rarely a word, can depend on them."""

    Config: ClassVar[type[EngineConfig]] = VllmConfig

    def __init__(self, config: VllmConfig) -> None:
        super().__init__(config)
        self._llm: Any = None
        self._vllm: Any = None

    @property
    def model_name(self) -> str:
        return self.config.short_name

    def model_versions(self) -> dict[str, str]:
        return self.config.versions()

    def packages(self) -> Mapping[str, str]:
        return {"torch": "vllm", "vllm": "vllm"}

    def missing(self) -> list[str]:
        return self.config.missing()

    def start(self, *, num_threads: int) -> None:
        del num_threads  # vLLM binds its own threads
        import_extra("torch", extra="vllm")
        allow_torchvision_beside_cpu_torch()
        self._vllm = import_extra("vllm", extra="vllm")
        config = self.config
        try:
            self._llm = self._vllm.LLM(
                model=config.location(),
                revision=config.revision,
                dtype=config.dtype,
                max_model_len=config.max_model_len,
                gpu_memory_utilization=config.gpu_memory_utilization,
                tensor_parallel_size=config.tensor_parallel_size,
                enforce_eager=config.enforce_eager,
                seed=0,
            )
        except (OSError, ValueError, RuntimeError) as error:
            raise EngineError(f"vLLM cannot load {config.model!r}: {one_line(error)}") from error

    def generate(self, prompts: Sequence[Prompt], *, max_new_tokens: int, stop: Sequence[str] = ()) -> list[Completion]:
        sampling = self._vllm.SamplingParams(temperature=0.0, max_tokens=max_new_tokens, stop=list(stop) or None)
        inputs: list[Any] = [as_text(prompt) if isinstance(prompt, Text) else _turns(prompt) for prompt in prompts]
        completions: dict[int, Completion] = {}
        for kind, complete in ((str, self._llm.generate), (list, self._llm.chat)):
            members = [index for index, prompt in enumerate(inputs) if isinstance(prompt, kind)]
            answers = complete([inputs[index] for index in members], sampling, use_tqdm=False) if members else []
            for index, answer in zip(members, answers, strict=True):
                output = answer.outputs[0]
                completions[index] = completion(output.text, stop=stop, finished=output.finish_reason == "stop")
        return [completions[index] for index in range(len(prompts))]


def _turns(chat: Chat) -> list[dict[str, str]]:
    return [{"role": message.role, "content": message.content} for message in chat]
