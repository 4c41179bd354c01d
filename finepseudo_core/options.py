"""What a config section is made of: fields with help text and range, checked on creation. Free of torch."""

import dataclasses
from dataclasses import field, fields
from typing import Any

from finepseudo_core.errors import ConfigError


def option(
    default: Any,
    help: str,
    *,
    choices: tuple[Any, ...] = (),
    above: float | None = None,
    at_least: float | None = None,
    at_most: float | None = None,
) -> Any:
    """A config field with its help text and range, read by the form, the CLI and `check` alike."""
    metadata = {"help": help, "choices": choices, "above": above, "at_least": at_least, "at_most": at_most}
    return field(default=default, metadata=metadata)


def check(section: Any) -> None:
    """Raise ConfigError for the first field of a config section outside its range."""
    for item in fields(section):
        value, rule = getattr(section, item.name), item.metadata
        if dataclasses.is_dataclass(value):
            continue
        name = f"{type(section).__name__}.{item.name}"
        if rule.get("choices") and value not in rule["choices"]:
            raise ConfigError(f"{name} is {value!r}; choose one of {', '.join(map(repr, rule['choices']))}.")
        if value is None or isinstance(value, str | bool):
            continue
        if rule.get("above") is not None and not value > rule["above"]:
            raise ConfigError(f"{name} is {value!r}; it must be above {rule['above']}.")
        if rule.get("at_least") is not None and not value >= rule["at_least"]:
            raise ConfigError(f"{name} is {value!r}; it must be at least {rule['at_least']}.")
        if rule.get("at_most") is not None and not value <= rule["at_most"]:
            raise ConfigError(f"{name} is {value!r}; it must be at most {rule['at_most']}.")


class Section:
    """Base of the config sections: checks itself on creation."""

    def __post_init__(self) -> None:
        check(self)
