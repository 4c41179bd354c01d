"""What deciding pseudo-labels early saves, on made-up clips: `python -m benchmarks.early_decisions`.

Clips of a class share a random sequence of frames under noise; p_E is right in most clips and as sure as
--sureness makes it. Labels are compared with those of the full pass. Prints a markdown table.
"""

import argparse
import time

import numpy as np
import torch
from torch.nn import functional

from finepseudo_core.alignment import AlignabilityScore, pairwise_soft_dtw
from finepseudo_core.config import PseudoLabelConfig
from finepseudo_core.pseudo_labels import decide_early
from finepseudo_core.pseudo_labels.nonparametric_classifier import NonparametricClassifier

GAMMA, FRAMES, FEATURES, EXEMPLARS = 0.001, 32, 128, 15
SAVINGS = {
    "both savings": (True, True),
    "class gate only": (True, False),
    "progressive exemplars only": (False, True),
    "full pass": (False, False),
}


def trained_score(sequences: torch.Tensor) -> AlignabilityScore:
    """f_S that falls steeply between the distances of one class and those of two."""
    score = AlignabilityScore(hidden=1, standardise=False)
    between = pairwise_soft_dtw(sequences[:8], sequences[:8], GAMMA)
    apart = float(between[~torch.eye(8, dtype=torch.bool)].mean()) / FRAMES
    with torch.no_grad():
        score.inner.weight.fill_(1.0), score.inner.bias.fill_(0.0)
        score.outer.weight.fill_(-16 / apart), score.outer.bias.fill_(12.0)
    return score


def main() -> None:
    """Make clips, decide them in four ways, print what each took."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--clips", type=int, default=1024)
    parser.add_argument("--classes", type=int, default=48)
    parser.add_argument("--sureness", type=float, nargs="+", default=[4.0, 2.5], help="p_E's largest logit")
    options = parser.parse_args()
    generator = torch.Generator().manual_seed(0)
    sequences = torch.randn(options.classes, FRAMES, FEATURES, generator=generator)

    def make(classes: torch.Tensor) -> torch.Tensor:
        noise = torch.randn(len(classes), FRAMES, FEATURES, generator=generator)
        return functional.normalize(sequences[classes] + noise, dim=-1)

    of_gallery = torch.arange(options.classes).repeat_interleave(EXEMPLARS)
    truth = torch.randint(options.classes, (options.clips,), generator=generator)
    gallery, clips, score = make(of_gallery), make(truth), trained_score(sequences)
    classifier = NonparametricClassifier(gallery, of_gallery, options.classes, score, gamma=GAMMA)
    config = PseudoLabelConfig()
    print(
        f"{options.clips} clips, {options.classes} classes x {EXEMPLARS}, {torch.get_num_threads()} threads\n"
    )
    print("| accepted | | pairs compared | time of the full pass |\n|---|---|---|---|")
    for sureness in options.sureness:
        chance = torch.rand(options.clips, generator=generator) * sureness * 2
        logits = torch.randn(options.clips, options.classes, generator=generator)
        logits[torch.arange(options.clips), truth] += chance
        action = logits.softmax(1).numpy()
        labels, seconds = {}, {}
        for name, (gate, progressive) in reversed(SAVINGS.items()):
            started = time.perf_counter()
            found = decide_early(clips, action, classifier, config, gate=gate, progressive=progressive)
            seconds[name], labels[name] = time.perf_counter() - started, found
        full = labels["full pass"]
        for name in SAVINGS:
            assert np.array_equal(labels[name].labels, full.labels), f"{name} decides otherwise"
            share = labels[name].pairs / full.possible
            accepted = f"{(full.labels >= 0).mean():.0%}"
            print(f"| {accepted} | {name} | {share:.2f} | {seconds[name] / seconds['full pass']:.2f} |")


if __name__ == "__main__":
    main()
