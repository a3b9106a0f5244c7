"""Errors of training and sampling."""

from vsd2m.core.errors import Vsd2mError


class TrainingError(Vsd2mError):
    """Training cannot continue: no clips, a loss that is not a number, a checkpoint of another run."""
