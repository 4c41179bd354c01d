"""The form of a round, drawn from the configuration's own help texts and ranges."""

import dataclasses
from collections.abc import Mapping
from typing import Any, Literal, TypeVar

import streamlit as st

from finepseudo_core.config import RoundConfig

N = TypeVar("N", int, float)

FIRST = ("pseudo_labels.threshold", "pseudo_labels.strategy", "self_training.iterations", "device")
NAMES = {
    "pseudo_labels.threshold": "Accept from",
    "pseudo_labels.strategy": "Who decides",
    "self_training.iterations": "Iterations",
    "device": "Runs on",
}


def draw_settings(preset: str, config: Mapping[str, Any]) -> dict[str, Any]:
    """Draw the settings with the preset's values; returns dotted name -> value of those that were changed."""
    options = dict(_options(RoundConfig(), ""))
    changes = {}
    for column, name in zip(st.columns(len(FIRST)), FIRST, strict=True):
        with column:
            changes[name] = _field(preset, name, options[name], _value(config, name))
    with st.expander("All settings"):
        section = ""
        columns = st.columns(3)
        for place, (name, option) in enumerate(entry for entry in options.items() if entry[0] not in FIRST):
            before, section = section, name.rpartition(".")[0]
            if section != before:
                st.markdown(f"**{section.replace('_', ' ').replace('.', ' · ').capitalize()}**")
                columns = st.columns(3)
            with columns[place % 3]:
                changes[name] = _field(preset, name, option, _value(config, name))
    return {name: value for name, value in changes.items() if value != _value(config, name)}


def _options(section: Any, prefix: str) -> list[tuple[str, dataclasses.Field[Any]]]:
    found = []
    for option in dataclasses.fields(section):
        value = getattr(section, option.name)
        if dataclasses.is_dataclass(value):
            found += _options(value, f"{prefix}{option.name}.")
        else:
            found.append((prefix + option.name, option))
    return found


def _value(config: Mapping[str, Any], name: str) -> Any:
    value: Any = config
    for part in name.split("."):
        value = value[part]
    return value


def _field(preset: str, name: str, option: dataclasses.Field[Any], value: Any) -> Any:
    rule, label = option.metadata, NAMES.get(name, option.name.replace("_", " ").capitalize())
    shared = {"help": rule["help"], "key": f"{preset}|{name}"}
    if rule["choices"]:
        return st.selectbox(label, rule["choices"], index=rule["choices"].index(value), **shared)
    if isinstance(value, bool):
        return st.checkbox(label, value, **shared)
    if isinstance(value, int | float):
        least = rule["at_least"] if rule["at_least"] is not None else rule["above"]
        most = rule["at_most"]
        if isinstance(value, int):
            return st.number_input(label, _limit(least, int), _limit(most, int), value, **shared)
        moved = shared["key"] in st.session_state  # by the dry run, or by hand
        start: float | Literal["min"] = "min" if moved else float(value)
        return st.number_input(
            label, _limit(least, float), _limit(most, float), start, _step(value), "%g", **shared
        )
    return st.text_input(label, value or "", placeholder="none", **shared) or None


def _limit(value: float | None, kind: type[N]) -> N | None:
    return None if value is None else kind(value)


def _step(value: float) -> float:
    return 0.05 if value >= 0.1 else max(value / 2, 1e-5)
