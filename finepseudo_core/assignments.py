"""Settings as command lines give them: `--set NAME=VALUE`."""

import json
from collections.abc import Iterable
from typing import Any

from finepseudo_core.errors import ConfigError


def read_assignments(texts: Iterable[str]) -> dict[str, Any]:
    """Dotted name -> value; a value that is no JSON is taken as the text it is.

    Raises:
        ConfigError: one has no '='.
    """
    found = {}
    for text in texts:
        name, equals, value = text.partition("=")
        if not equals:
            raise ConfigError(f"--set {text!r} has no '='; write it like pseudo_labels.threshold=0.7.")
        try:
            found[name] = json.loads(value)
        except json.JSONDecodeError:
            found[name] = value
    return found
