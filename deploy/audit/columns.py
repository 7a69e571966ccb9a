"""Columns of numbers, one value per record."""

from typing import Final

import numpy as np
import numpy.typing as npt

Integers = npt.NDArray[np.int64]
Floats = npt.NDArray[np.float64]
Booleans = npt.NDArray[np.bool_]
NO_TIME: Final = -(2**62)
"""An event time before all others."""
