"""A network as an ONNX graph with a free batch size, and its answers by onnxruntime."""

import copy
import importlib
import json
import warnings
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn
from torch.export import Dim

from finepseudo_core.encoders.alignability_encoder import AlignabilityEncoder
from finepseudo_core.encoders.oriented_energy import OrientedEnergy
from finepseudo_core.export.manifest import ExportError

PACKAGES = ("onnx", "onnxscript", "onnxruntime")
INSTALL = "python -m pip install -r requirements-export.txt -c constraints.txt"
INPUT = "clips"
OPSET = 20

Run = Callable[[Tensor], Tensor]


def require_packages() -> None:
    """Refuse to begin without the packages that write and run ONNX.

    Raises:
        ExportError: one of them is not installed; names the command that installs them.
    """
    missing = []
    for name in PACKAGES:
        try:
            importlib.import_module(name)
        except ImportError:
            missing.append(name)
    if missing:
        raise ExportError(f"Exporting needs {', '.join(missing)}; install what is missing with: {INSTALL}")


class WholeEnergy(OrientedEnergy):
    """OrientedEnergy of all frames at once: the number of its parts would fix the batch size of a graph."""

    def forward(self, frames: Tensor) -> Tensor:
        """Frames (N, 3, H, W) -> energies (N, K, H, W)."""
        return self._energies(frames)


class FrameEmbeddings(nn.Module):
    """f_A, its max-pooling to a grid written out: ONNX has none for maps that the grid does not divide."""

    def __init__(self, encoder: AlignabilityEncoder) -> None:
        super().__init__()
        self.encoder = encoder

    def forward(self, clips: Tensor) -> Tensor:
        """Clips (B, 3, T, H, W) -> L2-normalised frame embeddings (B, T, F)."""
        maps = self.encoder.image_encoder(clips.transpose(1, 2).flatten(0, 1))  # (B * T, C, h, w)
        grid = self.encoder.pool
        rows, columns = (
            [(cell * side // grid, -(-(cell + 1) * side // grid)) for cell in range(grid)]
            for side in maps.shape[-2:]
        )
        cells = [
            maps[..., top:low, left:right].amax((-2, -1)) for top, low in rows for left, right in columns
        ]
        pooled = torch.stack(cells, dim=-1).flatten(1)  # (B * T, C * grid²)
        return self.encoder.embed(pooled.unflatten(0, (clips.shape[0], clips.shape[2])))


def write_graph(
    network: nn.Module, clip: tuple[int, ...], path: Path, *, output: str, metadata: Mapping[str, Any]
) -> None:
    """Write a network as ONNX; the network itself stays as it is.

    Args:
        network: f_E or f_A in evaluation mode.
        clip: shape (3, T, H, W) of one clip; the batch size stays free.
        path: the file to write.
        output: name of the result.
        metadata: values that the file carries along as JSON.

    Raises:
        ExportError: the network can't be written as a graph.
    """
    exportable = _exportable(network)
    with _quiet():
        try:
            # strict: it follows len(clips) as a symbol, where tracing would take it for a constant
            traced = torch.export.export(
                exportable, (torch.zeros(2, *clip),), dynamic_shapes=({0: Dim("batch")},), strict=True
            )
            program = torch.onnx.export(
                traced, (), input_names=[INPUT], output_names=[output], opset_version=OPSET,
                dynamo=True, optimize=False, verbose=False,
            )  # fmt: skip
        except (RuntimeError, torch.onnx.OnnxExporterError) as error:
            raise ExportError(
                f"{path.stem} can't be written as ONNX: {str(error).splitlines()[0]}. "
                "Report the encoder's settings together with this message."
            ) from error
    assert program is not None  # it is None only where a file name is given
    model: Any = program.model
    _tidy(model)
    model.metadata_props.update({name: json.dumps(value) for name, value in metadata.items()})
    for value in (*model.graph.inputs, *model.graph.outputs):
        value.shape[0] = "batch"
    program.save(path, external_data=False)


def open_graph(path: Path) -> Run:
    """Clips (B, 3, T, H, W) -> the graph's answers, computed by onnxruntime on the CPU."""
    onnxruntime = importlib.import_module("onnxruntime")
    session = onnxruntime.InferenceSession(str(path), providers=["CPUExecutionProvider"])

    def run(clips: Tensor) -> Tensor:
        found: np.ndarray = session.run(None, {INPUT: clips.numpy()})[0]
        return torch.from_numpy(found)

    return run


def _exportable(network: nn.Module) -> nn.Module:
    """A copy on the CPU, without gradients, whose batch size can stay free."""
    copied = copy.deepcopy(network).cpu().eval().requires_grad_(False)
    for parent in list(copied.modules()):
        for name, part in list(parent.named_children()):
            if isinstance(part, OrientedEnergy):
                setattr(parent, name, WholeEnergy(part.orientations, part.around))
    return FrameEmbeddings(copied) if isinstance(copied, AlignabilityEncoder) else copied


def _tidy(model: Any) -> None:
    """Fold constants and drop the zero biases that the exporter gives convolutions without one.

    Its own optimisation does this too, but takes an added constant up to 1e-8 for zero: OrientedEnergy has
    one under a root, without which a patch of even colour is 0 / 0.
    """
    rewriter = importlib.import_module("onnxscript.rewriter")
    rules = importlib.import_module("onnxscript.rewriter.rules.common")
    importlib.import_module("onnxscript.optimizer").fold_constants(model)
    rewriter.rewrite(model, [rules.remove_optional_bias_from_conv_rule])


@contextmanager
def _quiet() -> Iterator[None]:
    """Without attention's fused path, which has no graph, and without warnings about torch's own insides."""
    fused = torch.backends.mha.get_fastpath_enabled()
    torch.backends.mha.set_fastpath_enabled(False)
    try:
        with warnings.catch_warnings(), torch.no_grad():
            warnings.simplefilter("ignore")
            yield
    finally:
        torch.backends.mha.set_fastpath_enabled(fused)
