import shutil
import subprocess
import warnings

import pytest

from vsd2m.benchmark import selfcheck as module
from vsd2m.benchmark.selfcheck import git_blob, selfcheck
from vsd2m.core.errors import StorageError


def test_without_weights_the_arithmetic_is_right_and_the_rest_says_what_is_missing():
    checks = list(selfcheck(None))
    assert [check.passed for check in checks] == [True] * 3 + [None] * 3
    assert "i3d_torchscript.pt (git blob 93daef59" in checks[3].missing
    assert all(check.missing for check in checks[3:])


def test_the_hash_is_gits(tmp_path):
    if shutil.which("git") is None:
        pytest.skip("git is not installed")
    (tmp_path / "x").write_bytes(b"weights\n" * 1000)
    printed = subprocess.run(["git", "hash-object", str(tmp_path / "x")], capture_output=True, check=True, text=True)
    assert git_blob(tmp_path / "x") == printed.stdout.strip()


def test_weights_are_known_by_their_content_and_a_wrong_number_is_noticed(tmp_path, monkeypatch):
    torch = pytest.importorskip("torch")

    class Mean(torch.nn.Module):
        def forward(self, x: torch.Tensor, rescale: bool, resize: bool, return_features: bool) -> torch.Tensor:
            return x.mean(dim=(2, 3, 4))

    with warnings.catch_warnings():
        warnings.simplefilter("ignore", DeprecationWarning)
        torch.jit.script(Mean()).save(str(tmp_path / "under another name.bin"))
    blob = git_blob(tmp_path / "under another name.bin")
    assert next(c for c in selfcheck(tmp_path) if "black" in c.name).found is None
    monkeypatch.setattr(module, "I3D_FILE", module._Weights("i3d_torchscript.pt", blob))
    check = next(c for c in selfcheck(tmp_path) if "black" in c.name)
    assert check.found == pytest.approx(3 * 2.0**2)
    assert check.passed is False


def test_a_folder_that_is_not_there_is_refused(tmp_path):
    with pytest.raises(StorageError, match="is no folder"):
        list(selfcheck(tmp_path / "none"))
