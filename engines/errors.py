"""What can go wrong in `engines`; every message says what, with which value, and what to do."""


class EngineError(Exception):
    """An engine cannot do what was asked."""


class WeightsError(EngineError, ValueError):
    """A file of weights or of a style is missing, damaged or made by another network."""


class BackendUnavailable(EngineError, ImportError):
    """The backend asked for cannot run on this machine."""


class Cancelled(EngineError):
    """What was begun is no longer wanted."""


class BuildError(EngineError):
    """A compiled engine could not be built, or disagrees with plain PyTorch."""
