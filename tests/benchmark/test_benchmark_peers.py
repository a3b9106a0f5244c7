"""Agreement with other implementations on random weights; `vsd2m benchmark selfcheck --peers` prints the same."""

import pytest

from vsd2m.benchmark.selfcheck import peers
from vsd2m.networks.torchvision_cpu import allow_torchvision_beside_cpu_torch

pytest.importorskip("torch")
allow_torchvision_beside_cpu_torch()


@pytest.mark.filterwarnings("ignore")  # the peers' own
@pytest.mark.parametrize(("name", "packages", "difference"), peers.COMPARISONS, ids=[c[0] for c in peers.COMPARISONS])
def test_our_numbers_are_those_of_an_independent_implementation(name, packages, difference, tmp_path):
    try:
        assert difference(tmp_path) < peers.TOLERANCE
    except ModuleNotFoundError as error:
        pytest.skip(f"needs {error.name}")


def test_a_peer_that_is_not_installed_is_named(monkeypatch):
    def absent(_):
        import there_is_no_such_package  # noqa: F401

    monkeypatch.setattr(peers, "COMPARISONS", (("nothing", ("no-such",), absent),))
    (check,) = peers.compare()
    assert check.passed is None and check.missing == "needs there_is_no_such_package: pip install no-such"


def test_a_difference_is_relative_to_the_peers_largest_value_and_not_hidden_by_equal_ones():
    assert peers._difference([1.0, 2.0, 10.5], [1.0, 2.0, 10.0]) == pytest.approx(0.05)
