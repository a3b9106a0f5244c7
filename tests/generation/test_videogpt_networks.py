"""VideoGPT's parts: codebook, VQ-VAE, transformer, sampling of codes."""

import pytest
from tiny_models import equal_but_for_rounding

torch = pytest.importorskip("torch")
pytest.importorskip("diffusers")

from vsd2m.generation.sampling.pipeline_arguments import draw_each, make_generators  # noqa: E402
from vsd2m.generation.videogpt import sampling  # noqa: E402
from vsd2m.generation.videogpt.codebook import Codebook  # noqa: E402
from vsd2m.generation.videogpt.prior import CodePrior  # noqa: E402
from vsd2m.generation.videogpt.sampling import draw, guide, shape  # noqa: E402
from vsd2m.generation.videogpt.vqvae import VqVae  # noqa: E402

TAGS = ("cat", "dog", "wave")


def sample_codes(prior, tags, *, seeds, **options):
    generators = make_generators(len(seeds), generator=None, seeds=seeds)
    chances = draw_each(torch.rand, (len(seeds), prior.length), generators)
    return sampling.sample_codes(prior, tags, chances=chances, **options)


@pytest.fixture
def vqvae():
    torch.manual_seed(0)
    return VqVae(time_factor=2, space_factor=4, num_hiddens=16, num_residual_layers=1, num_codes=8, code_dim=4)


@pytest.fixture
def prior():
    torch.manual_seed(0)
    model = CodePrior(grid=(2, 2, 3), num_codes=7, width=16, num_layers=2, num_heads=2, dropout=0.1, tag_names=TAGS)
    with torch.no_grad():
        for weight in model.parameters():
            weight.add_(0.2 * torch.randn_like(weight))
        model.tag_embedding.weight[0].zero_()  # padding
    return model.eval()


def random_codes(prior, batch=2):
    return torch.randint(7, (batch, prior.length), generator=torch.Generator().manual_seed(1))


# codebook


def test_gradients_pass_straight_through_the_codes():
    codebook = Codebook(5, 3).train()
    encoded = torch.randn(2, 3, 1, 2, 2, requires_grad=True)
    latents = codebook(encoded).latents
    wanted = torch.randn_like(latents)
    (gradient,) = torch.autograd.grad((latents * wanted).sum(), encoded)
    assert torch.equal(gradient, wanted)
    assert not torch.allclose(latents, encoded)


def test_every_vector_gets_the_code_next_to_it():
    codebook = Codebook(6, 4).eval()
    encoded = torch.randn(2, 4, 3, 2, 2)
    quantised = codebook(encoded)
    flat = encoded.movedim(1, -1).reshape(-1, 4)
    distances = torch.cdist(flat, codebook.vectors)
    assert torch.equal(quantised.codes.flatten(), distances.argmin(1))
    assert quantised.commitment.item() == pytest.approx((distances.amin(1) ** 2).mean().item() / 4, rel=1e-4)


def test_codes_nobody_uses_start_anew_among_the_encoders_outputs():
    torch.manual_seed(0)
    codebook = Codebook(6, 2, decay=0.5).train()
    codebook.started.fill_(1)
    codebook.vectors.copy_(torch.tensor([[0.0, 0.0], *([[100.0, 100.0]] * 5)]))
    encoded = torch.randn(4, 2, 2, 4, 4)
    for _ in range(4):
        codebook(encoded)
    assert codebook.vectors.abs().max() < 10
    assert len(codebook(encoded).codes.unique()) == 6


def test_without_restarts_they_stay_dead():
    codebook = Codebook(6, 2, decay=0.5, restart_below=0.0).train()
    codebook.started.fill_(1)
    codebook.vectors.copy_(torch.tensor([[0.0, 0.0], *([[100.0, 100.0]] * 5)]))
    codebook.sums.copy_(codebook.vectors)
    codebook.counts.fill_(1)
    for _ in range(4):
        codes = codebook(torch.randn(4, 2, 2, 4, 4)).codes
    assert codes.unique().tolist() == [0]


def test_codes_move_to_the_mean_of_what_they_stand_for():
    codebook = Codebook(2, 1, decay=0.0, restart_below=0.0).train()
    codebook.started.fill_(1)
    codebook.vectors.copy_(torch.tensor([[-1.0], [1.0]]))
    codebook(torch.tensor([-3.0, -1.0, 2.0, 4.0, 6.0]).reshape(1, 1, 1, 1, 5))
    assert codebook.vectors.flatten().tolist() == pytest.approx([-2.0, 4.0])


def test_nothing_moves_in_evaluation():
    codebook = Codebook(4, 2).eval()
    before = {name: value.clone() for name, value in codebook.state_dict().items()}
    codebook(torch.randn(1, 2, 1, 3, 3))
    assert all(torch.equal(value, before[name]) for name, value in codebook.state_dict().items())


# VQ-VAE


@pytest.mark.parametrize("factors", [(1, 4), (2, 2), (4, 8), (8, 1)])
@pytest.mark.parametrize("axial_attention", [True, False])
def test_a_clip_becomes_a_grid_of_codes_and_a_clip_again(factors, axial_attention):
    options = {"num_hiddens": 8, "num_residual_layers": 1, "num_codes": 5, "code_dim": 3, "num_heads": 2}
    model = VqVae(*factors, axial_attention=axial_attention, **options).eval()
    codes = model.encode(torch.randn(2, 3, 8, 16, 16))
    assert codes.shape == (2, 8 // factors[0], 16 // factors[1], 16 // factors[1])
    assert model.decode(codes).shape == (2, 3, 8, 16, 16)


def test_no_clip_changes_the_codes_or_the_picture_of_another(vqvae):
    clips = torch.randn(2, 3, 4, 8, 8)
    other = clips.clone()
    other[1] = torch.randn_like(other[1])
    vqvae.eval()
    with torch.no_grad():
        first, second = vqvae(clips), vqvae(other)
        assert equal_but_for_rounding(first[0][0], second[0][0])
        assert torch.equal(first[1].codes[0], second[1].codes[0])
        assert not torch.allclose(first[0][1], second[0][1], atol=1e-3)


def test_axial_attention_is_attention_along_one_axis():
    from vsd2m.generation.videogpt.vqvae import AxialAttention

    attention = AxialAttention(8, num_heads=2, axis=3)
    hidden = torch.randn(2, 8, 2, 5, 3)
    line = hidden[1, :, 0, :, 2].T  # [5, 8]: one column of one frame
    query, key, value = (part.reshape(5, 2, 4).transpose(0, 1) for part in attention.to_qkv(line).chunk(3, dim=-1))
    shares = torch.softmax(query @ key.transpose(1, 2) / 2, dim=-1)
    expected = attention.to_out((shares @ value).transpose(0, 1).reshape(5, 8)).T
    assert equal_but_for_rounding(attention(hidden)[1, :, 0, :, 2], expected)


@pytest.mark.parametrize("model", ["vqvae", "prior"])
def test_saving_and_loading_is_exact(model, request, tmp_path):
    network = request.getfixturevalue(model)
    if model == "vqvae":
        network.train()(torch.randn(2, 3, 4, 8, 8))  # moves the codebook
    network.eval().save_pretrained(tmp_path)
    loaded = type(network).from_pretrained(tmp_path).eval()
    assert loaded.state_dict().keys() == network.state_dict().keys()
    assert all(torch.equal(value, network.state_dict()[name]) for name, value in loaded.state_dict().items())
    assert tuple(loaded.config.get("tag_names", ())) == (TAGS if model == "prior" else ())


# transformer


def test_codes_to_come_change_nothing_and_codes_before_do(prior):
    codes = random_codes(prior)
    tags = torch.tensor([[1, 3], [2, 0]])
    with torch.no_grad():
        logits = prior(codes, tags)
        for position in range(prior.length):
            other = codes.clone()
            other[:, position] = (other[:, position] + 1) % 7
            changed = prior(other, tags)
            assert equal_but_for_rounding(changed[:, : position + 1], logits[:, : position + 1])
            if position + 1 < prior.length:
                assert not torch.allclose(changed[:, position + 1], logits[:, position + 1], atol=1e-4)


def test_decoding_with_the_cache_gives_the_logits_of_the_whole_sequence(prior):
    codes, tags = random_codes(prior), torch.tensor([[1, 3], [2, 0]])
    cache = prior.empty_cache(2)
    shapes = [tensor.data_ptr() for tensor in cache.keys]
    with torch.no_grad():
        expected = prior(codes, tags)
        before = prior.begin(tags)
        for position in range(prior.length):
            logits = prior.step(before, position, cache)
            assert equal_but_for_rounding(logits, expected[:, position])
            before = prior.code_embedding(codes[:, position])
    assert [tensor.data_ptr() for tensor in cache.keys] == shapes  # filled in place, never grown


def test_tags_guide_it_in_any_order_and_nothing_crosses_the_batch(prior):
    codes = random_codes(prior)
    with torch.no_grad():
        logits = prior(codes, torch.tensor([[1, 3], [2, 0]]))
        assert equal_but_for_rounding(prior(codes, torch.tensor([[3, 1], [0, 2]])), logits)
        other = prior(codes, torch.tensor([[1, 3], [1, 3]]))
    assert equal_but_for_rounding(other[0], logits[0])
    assert not torch.allclose(other[1], logits[1], atol=1e-3)


# sampling


def test_temperature_top_k_and_top_p_shape_the_distribution():
    logits = torch.log(torch.tensor([[0.1, 0.5, 0.15, 0.25]]))
    plain = {"temperature": 1.0, "top_k": None, "top_p": 1.0}
    assert shape(logits, **plain)[0].tolist() == pytest.approx([0.1, 0.5, 0.15, 0.25])
    assert shape(logits, **{**plain, "top_k": 2})[0].tolist() == pytest.approx([0, 2 / 3, 0, 1 / 3])
    assert shape(logits, **{**plain, "top_p": 0.8})[0].tolist() == pytest.approx([0, 0.5 / 0.9, 0.15 / 0.9, 0.25 / 0.9])
    assert shape(logits, **{**plain, "top_p": 1e-6})[0].tolist() == [0, 1, 0, 0]
    squared = torch.tensor([0.01, 0.25, 0.0225, 0.0625])
    cold = shape(logits, **{**plain, "temperature": 0.5})[0]
    assert equal_but_for_rounding(cold, squared / squared.sum())


def test_draws_follow_the_probabilities_and_never_take_an_impossible_code():
    shares = torch.tensor([[0.0, 0.25, 0.0, 0.75, 0.0]])
    chances = torch.linspace(0, 1, 1001)
    codes = torch.cat([draw(shares, chance[None]) for chance in chances])
    assert set(codes.tolist()) == {1, 3}
    assert (codes == 1).float().mean().item() == pytest.approx(0.25, abs=0.01)


def test_a_clip_depends_on_its_seed_and_not_on_its_neighbours(prior):
    tags = torch.tensor([[1, 3], [2, 0], [0, 0]])
    together = sample_codes(prior, tags, seeds=[5, 6, 7])
    alone = sample_codes(prior, tags[1:2], seeds=[6])
    assert torch.equal(together[1], alone[0])
    assert torch.equal(sample_codes(prior, tags, seeds=[5, 6, 7]), together)
    assert not torch.equal(sample_codes(prior, tags, seeds=[8, 9, 10]), together)


def test_the_likeliest_code_alone_is_greedy_decoding(prior):
    tags = torch.tensor([[1, 3]])
    codes = sample_codes(prior, tags, seeds=[0], top_k=1)
    with torch.no_grad():
        assert torch.equal(prior(codes, tags).argmax(-1), codes)


def test_guidance_by_a_factor_of_one_is_no_guidance(prior):
    tags, other = torch.tensor([[1, 3], [2, 0]]), torch.tensor([[2, 0], [2, 0]])
    plain = sample_codes(prior, tags, seeds=[5, 6])
    assert torch.equal(sample_codes(prior, tags, seeds=[5, 6], negative_tags=other, guidance_scale=1.0), plain)
    assert not torch.equal(sample_codes(prior, tags, seeds=[5, 6], guidance_scale=8.0), plain)
    itself = sample_codes(prior, tags, seeds=[5, 6], negative_tags=tags, guidance_scale=8.0)
    assert torch.equal(itself, plain)  # nowhere to go


@pytest.mark.parametrize("negative_tags", [None, torch.tensor([[2, 0], [1, 2]])])
def test_guided_codes_are_the_likeliest_of_the_formula_on_the_logits_of_whole_sequences(prior, negative_tags):
    tags = torch.tensor([[1, 3], [2, 0]])
    options = {"guidance_scale": 4.0, "negative_tags": negative_tags}
    codes = sample_codes(prior, tags, seeds=[0, 1], top_k=1, **options)
    with torch.no_grad():
        wanted = prior(codes, tags)
        away = prior(codes, torch.zeros_like(tags) if negative_tags is None else negative_tags)
    assert torch.equal((4 * wanted - 3 * away).argmax(-1), codes)
    assert not torch.equal(wanted.argmax(-1), codes)
    alone = {**options, "negative_tags": None if negative_tags is None else negative_tags[1:]}
    assert torch.equal(sample_codes(prior, tags[1:], seeds=[1], top_k=1, **alone), codes[1:])


def test_guidance_multiplies_by_the_power_of_a_ratio_of_probabilities():
    without, with_tags = torch.randn(2, 3, 7).unbind()
    shares = torch.softmax(guide(without, with_tags, 2.5), dim=-1)
    expected = torch.softmax(without, -1) * (torch.softmax(with_tags, -1) / torch.softmax(without, -1)) ** 2.5
    assert equal_but_for_rounding(shares, expected / expected.sum(-1, keepdim=True))


def test_tags_are_found_as_whole_words_in_any_language():
    from vsd2m.generation.videogpt.tags import tag_names, tag_numbers, tags_in

    names = tag_names([["Good Night", "cat"], ["cat"], ["晚安", "cat", "cat"], ["night"]], max_tags=3)
    assert names == ("cat", "good night", "night")
    assert tags_in("a cat says Good night", names) == ["cat", "good night", "night"]
    assert tags_in("a catalogue of cats", names) == []
    assert tags_in("猫说晚安吧", ("晚安",)) == ["晚安"]
    assert tag_numbers(["Night", "CAT", "unknown"], names) == [1, 3]
