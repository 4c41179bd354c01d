"""Exporting a finished round's model: files for use elsewhere, checked, whole or absent."""

import os
import platform
import secrets
import shutil
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from datetime import UTC, datetime
from importlib import metadata
from pathlib import Path

from finepseudo_core.datasets.formats.annotation_files import write_text
from finepseudo_core.export import manifest, onnx_graph
from finepseudo_core.export.check import Check, compare, read_inputs
from finepseudo_core.export.facts import RoundFacts
from finepseudo_core.export.manifest import ExportError
from finepseudo_core.export.model_card import facts_as_values, model_card
from finepseudo_core.export.preprocessing import answer, portable, preprocessing
from finepseudo_core.export.weight_files import open_bundle, write_weights
from finepseudo_core.selftraining.models import Finished, load_finished

__all__ = ["export_model", "open_bundle"]

PACKAGES = ("torch", "torchvision", "numpy", "safetensors", "pillow", *onnx_graph.PACKAGES)


def export_model(
    model: Path,
    target: Path,
    *,
    sha256: str | None = None,
    facts: RoundFacts | None = None,
    clips: Sequence[Path] = (),
    replace: bool = False,
) -> Check:
    """Write f_E and f_A of a finished round as safetensors and ONNX, with model.json and a model card.

    Both are run on the same clips before anything appears, by themselves and as `Predictor` does; `target` is
    written whole or not at all.

    Args:
        model: the round's model file.
        target: folder to write, absent or empty.
        sha256: the model's checksum, if known from elsewhere.
        facts: what else is known about the round, for the card.
        clips: canonical clips to compare on; some are chosen, random input stands in where none is readable.
        replace: write over an earlier export in `target`.

    Returns:
        By how much the exported model differs from the original.

    Raises:
        ExportError: the target is taken, a package is missing, or the exported model answers otherwise.
        CheckpointError: the model is absent, damaged, or older than the exemplars in it.
    """
    target, facts = target.expanduser().resolve(), facts or RoundFacts()
    _refuse_taken(target, replace)
    onnx_graph.require_packages()
    finished = load_finished(model, sha256=sha256)
    finished = finished._replace(config=portable(finished.config))
    with read_inputs(finished.config, clips) as inputs, _appearing(target, replace) as folder:
        write_weights(finished, folder)
        _write_graphs(finished, folder)
        check = compare(finished, folder, inputs)
        write_text(folder / manifest.CARD, model_card(finished.config, finished.classes, facts, check))
        manifest.write(folder, _contents(finished, facts, check))
        open_bundle(folder)
    return check


def _write_graphs(finished: Finished, folder: Path) -> None:
    models, config = finished.models, finished.config
    about = {"format": manifest.FORMAT, "format_version": manifest.FORMAT_VERSION}
    for network, part, name, output in (
        (models.action, config.action_encoder, manifest.ACTION_GRAPH, "logits"),
        (models.alignability, config.alignability_encoder, manifest.ALIGNABILITY_GRAPH, "embeddings"),
    ):
        onnx_graph.write_graph(
            network, (3, part.frames, part.size, part.size), folder / name,
            output=output, metadata={**about, "classes": finished.classes},
        )  # fmt: skip


def _contents(finished: Finished, facts: RoundFacts, check: Check) -> dict[str, object]:
    """model.json but for the files."""
    return {
        "created_at": datetime.now(UTC).isoformat(timespec="seconds"),
        "classes": list(finished.classes),
        "preprocessing": preprocessing(finished.config),
        "answer": answer(finished.config),
        "round": facts_as_values(facts),
        "check": check.to_dict(),
        "versions": {"python": platform.python_version()}
        | {name: metadata.version(name) for name in PACKAGES},
        "config": finished.config.to_dict(),
    }


def _refuse_taken(target: Path, replace: bool) -> None:
    """Refuse a target that holds something else than an export, or an export that is not to be replaced."""
    if target.exists() and not target.is_dir():
        raise ExportError(f"{target} is a file; give a folder.")
    there = sorted(path.name for path in target.iterdir()) if target.exists() else []
    if not there:
        return
    if not replace:
        raise ExportError(
            f"{target} is not empty. Give another folder, or --replace an earlier export in it."
        )
    strange = [name for name in there if name not in (*manifest.FILES, manifest.MANIFEST)]
    if strange or manifest.MANIFEST not in there:
        raise ExportError(
            f"{target} holds more than an exported model ({', '.join(strange[:3]) or 'no model.json'}), and "
            "replacing would delete it. Give another folder, or empty this one."
        )
    manifest.read(target)


@contextmanager
def _appearing(target: Path, replace: bool) -> Iterator[Path]:
    """A folder beside the target that takes its place when the block ends well, and is gone otherwise."""
    target.parent.mkdir(parents=True, exist_ok=True)
    mark = f"{os.getpid()}-{secrets.token_hex(4)}"
    fresh, old = (target.with_name(f".{target.name}.{mark}.{kind}") for kind in ("part", "old"))
    fresh.mkdir()
    try:
        yield fresh
        for path in (*fresh.iterdir(), fresh):
            _settle(path)
        _refuse_taken(target, replace)
        if target.exists() and any(target.iterdir()):
            target.rename(old)
        try:
            fresh.rename(target)
        except OSError:
            if old.exists():
                old.rename(target)
            raise
        _settle(target.parent)
        shutil.rmtree(old, ignore_errors=True)
    finally:
        shutil.rmtree(fresh, ignore_errors=True)


def _settle(path: Path) -> None:
    """Have a file or folder on the disk before going on."""
    handle = os.open(path, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)
