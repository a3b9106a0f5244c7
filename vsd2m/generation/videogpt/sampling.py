"""Samples codes from a prior: guidance, temperature, top-k, top-p.

Letters: B batch, L codes of a clip, K codes to choose from, G tags of a clip.
"""

import torch

from vsd2m.generation.videogpt.prior import CodePrior


@torch.no_grad()  # type: ignore[untyped-decorator]
def sample_codes(
    prior: CodePrior,
    tags: torch.Tensor,
    *,
    chances: torch.Tensor,
    negative_tags: torch.Tensor | None = None,
    guidance_scale: float = 1.0,
    temperature: float = 1.0,
    top_k: int | None = None,
    top_p: float = 1.0,
) -> torch.Tensor:
    """Codes [B, L] for tags [B, G], with guidance away from `negative_tags` [B, G] (by default no tags).

    All randomness is in `chances` [B, L], one number from 0 to 1 per code.
    """
    guided = guidance_scale != 1
    negative = torch.zeros_like(tags) if negative_tags is None else negative_tags
    conditions = torch.cat([negative, tags]) if guided else tags
    cache = prior.empty_cache(len(conditions))
    before = prior.begin(conditions)
    codes = torch.empty(len(chances), prior.length, dtype=torch.long, device=prior.device)
    for position in range(prior.length):
        logits = prior.step(before, position, cache)
        if guided:
            without, with_tags = logits.chunk(2)
            logits = guide(without, with_tags, guidance_scale)
        shares = shape(logits, temperature=temperature, top_k=top_k, top_p=top_p)
        codes[:, position] = draw(shares, chances[:, position].to(shares.device))
        before = prior.code_embedding(codes[:, position])
        if guided:
            before = torch.cat([before, before])
    return codes


def guide(without: torch.Tensor, with_tags: torch.Tensor, guidance_scale: float) -> torch.Tensor:
    """Classifier-free guidance on logits [B, K] (arXiv 2203.13131): 1 is `with_tags`, more increases the
    difference from `without`."""
    return without + guidance_scale * (with_tags - without)


def shape(logits: torch.Tensor, *, temperature: float, top_k: int | None, top_p: float) -> torch.Tensor:
    """Probabilities [B, K] of `logits` [B, K]: sharpened or flattened, then limited to the k most probable codes, then
    to the smallest set with at least the probability `top_p`. The most probable code always remains."""
    shares = torch.softmax(logits.float() / temperature, dim=-1)
    ranked, order = shares.sort(dim=-1, descending=True, stable=True)
    is_likely = ranked.cumsum(dim=-1) - ranked < top_p
    is_likely[:, 0] = True
    if top_k is not None:
        is_likely[:, top_k:] = False
    ranked = torch.where(is_likely, ranked, 0.0)
    return torch.zeros_like(shares).scatter(-1, order, ranked / ranked.sum(dim=-1, keepdim=True))


def draw(shares: torch.Tensor, chances: torch.Tensor) -> torch.Tensor:
    """The code [B] at which the running sum of probabilities [B, K] passes a number [B] from 0 to 1."""
    passed = shares.double().cumsum(dim=-1) <= chances.double()[:, None]
    last = (shares > 0).long().mul(torch.arange(shares.shape[-1], device=shares.device)).amax(dim=-1)
    return torch.minimum(passed.sum(dim=-1), last)
