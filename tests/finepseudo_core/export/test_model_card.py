"""The card says what is known, with its numbers, and "not measured" or "not known" of everything else."""

import re

from finepseudo_core.config import RoundConfig
from finepseudo_core.export.check import Check, Difference
from finepseudo_core.export.facts import DataSource, RoundFacts, Share
from finepseudo_core.export.model_card import model_card

CLASSES = ("pike", "a | <b>tuck</b>")
CHECK = Check("clips", 8, (Difference("f_E.onnx", "logits", 1.5e-7, 1e-4),))
KNOWN = RoundFacts(
    round=3, project="spring", sources=(DataSource("pool_2", "dives.csv", 48), DataSource("gym", None, 25)),
    preset="cpu-demo", device="cpu", finished_at="2030-01-02T03:04:05+00:00", continues=2,
    labelled={"pike": 7, "a | <b>tuck</b>": 5}, unlabelled=41, test=20, accepted={"pike": 9}, proposed=41,
    carried=6, top1={"f_E": Share(15, 20, 0.531, 0.888)}, known_precision=Share(8, 9, 0.565, 0.980),
    reviewed_precision=Share(3, 4, 0.301, 0.954), data_licence="CC BY 4.0",
)  # fmt: skip


def section(card: str, name: str) -> str:
    return re.split(r"^## ", card.split(f"## {name}\n", 1)[1], maxsplit=1, flags=re.MULTILINE)[0].strip()


def test_what_is_known_is_said_with_its_numbers():
    config = RoundConfig().replace({"pseudo_labels.threshold": 0.7, "action_encoder.weights": "net.pt"})
    card = model_card(config, CLASSES, KNOWN, CHECK)
    data = section(card, "Data")
    assert "- project: spring" in data
    assert "- clips of pool\\_2, labels from dives.csv: 48\n- clips of gym: 25" in data
    assert "labelled by people: 12" in data
    assert "unlabelled clips: 41" in data
    assert "9 of 41" in data
    assert "began with: 6" in data
    assert "| pike | 7 | 9 |" in data
    assert "| a \\| \\<b\\>tuck\\</b\\> | 5 | 0 |" in data
    assert "0.750 [0.531, 0.888], 15 of 20 clips" in section(card, "Accuracy")
    precision = section(card, "Precision of the pseudo-labels")
    assert "0.889 [0.565, 0.980], 8 of 9 clips" in precision
    assert "no random sample" in precision
    training = section(card, "How it was trained")
    assert "model of round 2" in training
    assert "`pseudo_labels.threshold`: `0.7`" in training
    licence = section(card, "Licence")
    assert "data: CC BY 4.0" in licence
    assert "`net.pt`, whose licence applies too" in licence
    assert "12 labelled clips of one project, 5 of the class with fewest" in section(card, "Limits")
    assert "| f_E.onnx | logits | 1.5e-07 | 0.0001 |" in section(card, "Checked at export")


def test_what_was_not_measured_has_no_number():
    facts = RoundFacts(
        round=1, labelled={"pike": 2, CLASSES[1]: 2}, unlabelled=9, test=0, accepted={}, proposed=9
    )
    card = model_card(RoundConfig(), CLASSES, facts, CHECK)
    assert section(card, "Accuracy") == "Not measured: no test clips."
    assert section(card, "Precision of the pseudo-labels").startswith("Not measured: ")
    assert section(card, "Licence") == "- data: unknown"
    assert "began with: not known" in section(card, "Data")
    assert section(card, "How it was trained").startswith("Every setting is the paper's")


def test_without_facts_everything_but_the_classes_is_unknown():
    card = model_card(RoundConfig(), CLASSES, RoundFacts(), Check("random input", 8, CHECK.differences))
    for name in ("Accuracy", "Precision of the pseudo-labels"):
        assert section(card, name).startswith("Not known")
    assert section(card, "Data").startswith("Not known")
    assert not re.search(r"\d", section(card, "Data"))
    assert "8 random inputs" in section(card, "Checked at export")


def test_an_answer_of_f_a_and_a_method_without_f_a_are_said():
    both = model_card(RoundConfig().replace({"evaluation.predict": "both"}), CLASSES, RoundFacts(), CHECK)
    assert "`Predictor.from_bundle` does" in section(both, "What it is")
    assert "predict --model" in section(both, "How to load it")
    other = RoundConfig().replace({"method": "fixmatch", "pseudo_labels.strategy": "confidence"})
    assert "alignability mean nothing" in section(model_card(other, CLASSES, RoundFacts(), CHECK), "Limits")
