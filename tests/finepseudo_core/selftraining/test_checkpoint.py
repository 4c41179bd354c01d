import pytest
import torch

from finepseudo_core.errors import CheckpointError
from finepseudo_core.selftraining import checkpoint


def test_what_was_saved_is_loaded(tmp_path):
    path = tmp_path / "deep" / "checkpoint.pt"
    digest = checkpoint.save({"weights": torch.arange(5.0), "step": 3, "names": ["a", "b"]}, path)
    loaded = checkpoint.load(path, sha256=digest)
    assert torch.equal(loaded["weights"], torch.arange(5.0))
    assert (loaded["step"], loaded["names"]) == (3, ["a", "b"])
    assert [file.name for file in path.parent.iterdir()] == ["checkpoint.pt"]


@pytest.mark.parametrize("place", [0.02, 0.3, 0.6, 0.99])
def test_a_flipped_bit_is_noticed(tmp_path, place):
    path = tmp_path / "checkpoint.pt"
    checkpoint.save({"weights": torch.zeros(1000)}, path)
    content = bytearray(path.read_bytes())
    content[int(len(content) * place)] ^= 1
    path.write_bytes(content)
    with pytest.raises(CheckpointError, match="damaged"):
        checkpoint.load(path)


def test_a_file_cut_short_is_noticed(tmp_path):
    path = tmp_path / "checkpoint.pt"
    checkpoint.save({"weights": torch.zeros(1000)}, path)
    path.write_bytes(path.read_bytes()[:-100])
    with pytest.raises(CheckpointError, match="damaged"):
        checkpoint.load(path)


def test_another_file_than_the_expected_one_is_refused(tmp_path):
    path = tmp_path / "model.pt"
    digest = checkpoint.save({"step": 1}, path)
    checkpoint.save({"step": 2}, path)
    with pytest.raises(CheckpointError, match="damaged"):
        checkpoint.load(path, sha256=digest)


def test_an_absent_file_is_a_clear_error(tmp_path):
    with pytest.raises(CheckpointError, match="can't be read"):
        checkpoint.load(tmp_path / "none.pt")


class _Bomb:
    def __reduce__(self):
        return (exec, ("raise SystemExit('code ran')",))


def test_a_checkpoint_that_carries_code_is_not_run(tmp_path):
    path = tmp_path / "checkpoint.pt"
    checkpoint.save({"bomb": _Bomb()}, path)
    with pytest.raises(CheckpointError, match="more than tensors"):
        checkpoint.load(path)
