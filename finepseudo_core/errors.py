"""Errors about the world being wrong; a wrong argument is a ValueError."""


class FinePseudoError(Exception):
    """Base of every error a user can act on: the message says what, which value, and what to do."""


class ConfigError(FinePseudoError):
    """A configuration names an unknown field or holds a value outside its range."""


class DatasetError(FinePseudoError):
    """A list of clips can't be used: no labels, too few clips of a class, or a clip named twice."""


class VideoError(FinePseudoError):
    """A video can't be decoded, or not within the limits."""


class CheckpointError(FinePseudoError):
    """A checkpoint is damaged or belongs to another configuration."""


class TrainingError(FinePseudoError):
    """Training can't go on, for example because a loss is not finite."""


class ProcessLost(FinePseudoError):
    """Another of the processes that train together ended or went silent."""


class Stopped(FinePseudoError):
    """The caller asked to stop; the checkpoint holds the next step."""
