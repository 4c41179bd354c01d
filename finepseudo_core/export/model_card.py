"""README.md of an exported model: what is known about it, and nothing else."""

from collections.abc import Iterator, Mapping
from typing import Any

from finepseudo_core.config import RoundConfig
from finepseudo_core.export.check import ON_CLIPS, Check
from finepseudo_core.export.facts import RoundFacts, Share

LOADING = """import json

import av
import numpy as np
import onnxruntime
from PIL import Image

about = json.load(open("model.json", encoding="utf-8"))
look = about["preprocessing"]
count, stride, size = (look["f_E"][name] for name in ("frames", "stride", "size"))


def prepare(picture):
    width, height = picture.size
    scale = look["stored_side"] / min(width, height)
    shape = (round(width * scale), round(height * scale))
    picture = picture.resize((look["stored_side"],) * 2 if look["fit"] == "squash" else shape, Image.BILINEAR)
    side = min(picture.size)
    left, top = (round(0.5 * (length - side)) for length in picture.size)
    picture = picture.crop((left, top, left + side, top + side)).resize((size, size), Image.BILINEAR)
    return (np.asarray(picture, np.float32) / 255 - look["mean"]) / look["deviation"]


with av.open("clip.mp4") as video:
    pictures = [frame.to_image() for frame in video.decode(video=0)]
span = (count - 1) * stride + 1
if stride == 0 or len(pictures) < span:
    chosen = ((np.arange(count) + 0.5) * len(pictures) / count).astype(int)
else:
    chosen = round(0.5 * (len(pictures) - span)) + stride * np.arange(count)
clip = np.stack([prepare(pictures[number]) for number in chosen])  # (T, H, W, 3)
clips = clip.transpose(3, 0, 1, 2)[None].astype(np.float32)  # (1, 3, T, H, W)
logits = onnxruntime.InferenceSession("f_E.onnx").run(None, {"clips": clips})[0][0]
odds = np.exp(logits - logits.max())
for name, probability in zip(about["classes"], odds / odds.sum()):
    print(f"{probability:.3f} {name}")
"""
OPENING = """from pathlib import Path

from finepseudo_core.prediction import Predictor

predictor = Predictor.from_bundle(Path("."))  # checks every file against model.json
for prediction in predictor.predict([Path("clip.mp4")]):
    print(f"{prediction.confidence:.3f} {prediction.best}")
"""
UNTRAINED = " It was not trained, and answers nothing."
NOT_KNOWN = "Not known: the model was exported without what its project says about it."
ANSWERS = {"f_E": "f_E", "f_A": "f_A with its exemplars", "both": "the mean of f_E and f_A"}


def model_card(config: RoundConfig, classes: tuple[str, ...], facts: RoundFacts, check: Check) -> str:
    """The text of README.md."""
    sections = {
        "What it is": _model(config, classes, facts),
        "Data": _data(classes, facts),
        "How it was trained": _training(config, facts),
        "Accuracy": _accuracy(config, facts),
        "Precision of the pseudo-labels": _precision(facts),
        "Intended use": _use(config),
        "Limits": _limits(config, classes, facts),
        "Licence": _licence(config, facts),
        "How to load it": _loading(config),
        "Checked at export": _checked(check),
    }
    title = "an exported model" if facts.round is None else f"round {facts.round}"
    parts = [f"# Action recognition model, {title}"]
    parts += [f"## {name}\n\n" + "\n".join(lines) for name, lines in sections.items()]
    return "\n\n".join(parts) + "\n"


def _model(config: RoundConfig, classes: tuple[str, ...], facts: RoundFacts) -> Iterator[str]:
    action, alignability = config.action_encoder, config.alignability_encoder
    yield (
        f"It tells {len(classes)} classes of actions in short clips apart. Trained with FinePseudo Studio, "
        "an implementation of FinePseudo (Dave, Rizve, Shah, ECCV 2024, arXiv 2409.01448)."
    )
    yield ""
    yield (
        f"- f_E, the action encoder: {action.name}, {action.frames} frames of {action.size} x {action.size} "
        "pixels -> class logits (`f_E.onnx`, `f_E.safetensors`)."
    )
    yield (
        f"- f_A, the alignability encoder: VTN on {alignability.image_encoder}, {alignability.frames} frames "
        f"of {alignability.size} x {alignability.size} pixels -> frame embeddings of width "
        f"{alignability.embedding} (`f_A.onnx`; `f_A.safetensors` with f_S, and the exemplars with the "
        f"names of their clips).{'' if config.trains_alignability else UNTRAINED}"
    )
    yield f"- The answer that counts in this project is that of {ANSWERS[config.evaluation.predict]}."
    if config.evaluation.predict != "f_E":
        yield "  `f_E.onnx` alone does not give it; `Predictor.from_bundle` does, see below."
    if facts.finished_at:
        yield f"- Trained until {facts.finished_at}{f' on {facts.device}' if facts.device else ''}."


def _data(classes: tuple[str, ...], facts: RoundFacts) -> Iterator[str]:
    if facts.labelled is None:
        yield NOT_KNOWN
        yield from ("", *(f"- {_escaped(name)}" for name in classes))
        return
    if facts.project:
        yield f"- project: {_escaped(facts.project)}"
    for source in facts.sources:
        labels = f", labels from {_escaped(source.annotation)}" if source.annotation else ""
        yield f"- clips of {_escaped(source.folder)}{labels}: {source.clips}"
    yield f"- clips labelled by people: {sum(facts.labelled.values())}"
    yield f"- unlabelled clips: {_number(facts.unlabelled)}"
    yield f"- pseudo-labels of the round before that training began with: {_number(facts.carried)}"
    if facts.accepted is not None:
        yield (
            f"- pseudo-labels accepted by the finished model: {sum(facts.accepted.values())} of "
            f"{_number(facts.proposed)}; training used those of the passes before, whose number is not kept"
        )
    yield f"- test clips, which took no part in training: {_number(facts.test)}"
    if facts.counted != "clips":
        yield "- These are the clips on the round's list; some may have been unreadable."
    yield from ("", "| class | labelled by people | accepted pseudo-labels |", "|---|---|---|")
    accepted = facts.accepted or {}
    for name in classes:
        taken = accepted.get(name, 0) if facts.accepted is not None else "not known"
        yield f"| {_escaped(name)} | {facts.labelled.get(name, 0)} | {taken} |"


def _training(config: RoundConfig, facts: RoundFacts) -> Iterator[str]:
    if facts.preset:
        yield f"Preset `{facts.preset}`."
    if facts.continues is not None:
        yield (
            f"It went on from the model of round {facts.continues}; the stages before self-training fell "
            "away, so the settings of theirs were not used."
        )
    changes = config.changes()
    if not changes:
        yield "Every setting is the paper's or the default of a choice that the paper leaves open."
        return
    yield "Settings that differ from the paper's and its defaults; all are in `model.json`:"
    yield from ("", *(f"- `{name}`: `{value}`" for name, value in sorted(changes.items())))


def _accuracy(config: RoundConfig, facts: RoundFacts) -> Iterator[str]:
    if not facts.top1:
        yield "Not measured: no test clips." if facts.test == 0 else NOT_KNOWN
        return
    protocol = config.evaluation
    yield (
        f"Top-1 on {facts.test} test clips of its project, all of classes that it knows, with 95 % Wilson "
        f"intervals. f_E's probabilities are the mean over {protocol.clips} x {protocol.crops} views of a "
        "clip:"
    )
    yield ""
    for by, share in facts.top1.items():
        yield f"- {ANSWERS[by]}: {_share(share)}"


def _precision(facts: RoundFacts) -> Iterator[str]:
    if facts.labelled is None:
        yield NOT_KNOWN
        return
    if facts.known_precision is None and facts.reviewed_precision is None:
        yield "Not measured: the class of no accepted pseudo-label is known, and people have judged none."
        return
    if facts.known_precision is not None:
        yield f"- against classes known for measuring: {_share(facts.known_precision)}"
    if facts.reviewed_precision is not None:
        yield (
            f"- against people's verdicts: {_share(facts.reviewed_precision)}; people see unsure clips "
            "first, so this is no random sample"
        )


def _use(config: RoundConfig) -> Iterator[str]:
    yield (
        "Proposing a class for short clips that each show one action, recorded like those it was trained on, "
        "for a person to confirm. Below the confidence "
        f'{config.pseudo_labels.threshold:g} the studio answers "none of these".'
    )


def _limits(config: RoundConfig, classes: tuple[str, ...], facts: RoundFacts) -> Iterator[str]:
    action = config.action_encoder
    yield f"- A closed set: it always names one of its {len(classes)} classes, for any other action too."
    yield (
        "- Novel actions: low confidence or low alignability may tell them, and may not; how well was not "
        "measured for this model."
    )
    if facts.labelled is not None:
        few = min(facts.labelled.get(name, 0) for name in classes)
        yield (
            f"- Trained on {sum(facts.labelled.values())} labelled clips of one project, {few} of the class "
            "with fewest. Nothing is known about other cameras, places or people."
        )
    else:
        yield "- Nothing is known here about the clips it was trained on, nor about others."
    yield (
        f"- It sees {action.frames} frames of {action.size} x {action.size} pixels: what is smaller or "
        "faster than that is lost."
    )
    if not config.trains_alignability:
        yield f"- The method {config.method} trains f_E alone: f_A, exemplars and alignability mean nothing."


def _licence(config: RoundConfig, facts: RoundFacts) -> Iterator[str]:
    yield f"- data: {_escaped(facts.data_licence) if facts.data_licence else 'unknown'}"
    for name, source in (
        ("f_E", config.action_encoder.weights),
        ("f_A's image encoder", config.alignability_encoder.weights),
    ):
        if source:
            yield f"- {name} started from `{source}`, whose licence applies too and is not known here"


def _loading(config: RoundConfig) -> Iterator[str]:
    yield (
        "With onnxruntime alone (`pip install onnxruntime numpy av pillow`), the middle view of one "
        "upright clip at a constant frame rate. `model.json` holds the rest: `preprocessing`, and in "
        "`answer` the views that are averaged."
    )
    yield from ("", "```python", LOADING.rstrip(), "```", "")
    others = ', or another\'s by `by="f_E"`, `"f_A"` or `"both"`' if config.trains_alignability else ""
    yield (
        f"With FinePseudo Studio's code, the answer that counts{others}. From a command line: `python -m app "
        "predict --model THIS_FOLDER CLIPS`."
    )
    yield from ("", "```python", OPENING.rstrip(), "```")


def _checked(check: Check) -> Iterator[str]:
    what = f"{check.clips} real clips"
    if check.on != ON_CLIPS:
        what = f"{check.clips} random inputs, since there was no real clip that could be read"
    yield f"Largest absolute differences between the round's model and these files, on {what}:"
    yield from ("", "| file | of | largest difference | tolerance |", "|---|---|---|---|")
    for part in check.differences:
        yield f"| {part.file} | {part.of} | {part.largest:.2g} | {part.tolerance:.2g} |"


def _share(share: Share) -> str:
    value = share.right / share.of
    return f"{value:.3f} [{share.low:.3f}, {share.high:.3f}], {share.right} of {share.of} clips"


def _number(value: int | None) -> str:
    return "not known" if value is None else str(value)


def _escaped(name: str) -> str:
    """A name that people typed, as plain text in a Markdown table."""
    plain = " ".join(name.split())
    for sign in "\\`*_[]<>|":
        plain = plain.replace(sign, f"\\{sign}")
    return plain


def facts_as_values(facts: RoundFacts) -> Mapping[str, Any]:
    """The same facts for model.json."""
    plain = {name: value for name, value in vars(facts).items() if name not in ("top1", "sources")}
    shares = {name: vars(value) if isinstance(value, Share) else value for name, value in plain.items()}
    return {
        **shares,
        "sources": [vars(source) for source in facts.sources],
        "top1": {by: vars(share) for by, share in facts.top1.items()},
    }
