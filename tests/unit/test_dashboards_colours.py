"""The colours of the dashboards, as everyone sees them."""

from itertools import combinations

import numpy as np
import pytest

from bypuls.air_quality import BOUNDS
from dashboards import colours


def test_air_is_coloured_by_the_classes_of_the_kernel() -> None:
    for quantity, bounds in BOUNDS.items():
        built = colours.air_steps(quantity).build()
        assert [one.value for one in built.steps] == [None, *bounds]
        assert [one.color for one in built.steps] == [colours.AIR[number] for number in (1, 2, 3, 4)]


# Machado, Oliveira and Fernandes 2009: what the two common kinds of colour blindness see, in linear RGB.
BLINDNESS = {
    "none": np.eye(3),
    "deutan": np.array(
        [[0.367322, 0.860646, -0.227968], [0.280085, 0.672501, 0.047413], [-0.011820, 0.042940, 0.968881]]
    ),
    "protan": np.array(
        [[0.152286, 1.052583, -0.204868], [0.114503, 0.786281, 0.099216], [-0.003882, -0.048116, 1.051998]]
    ),
}


def lab(colour: str, seen_by: str) -> np.ndarray:
    channels = np.array([int(colour[start : start + 2], 16) / 255 for start in (1, 3, 5)])
    linear = np.where(channels <= 0.04045, channels / 12.92, ((channels + 0.055) / 1.055) ** 2.4)
    linear = np.clip(BLINDNESS[seen_by] @ linear, 0, 1)
    to_xyz = np.array([[0.4124, 0.3576, 0.1805], [0.2126, 0.7152, 0.0722], [0.0193, 0.1192, 0.9505]])
    ratio = to_xyz @ linear / np.array([0.9505, 1.0, 1.089])
    root = np.where(ratio > 0.008856, np.cbrt(ratio), 7.787 * ratio + 16 / 116)
    return np.array([116 * root[1] - 16, 500 * (root[0] - root[1]), 200 * (root[1] - root[2])])


@pytest.mark.parametrize("seen_by", BLINDNESS)
@pytest.mark.parametrize("scale", ["AIR", "RIVER", "SEVERITY"])
def test_the_colours_of_a_scale_differ_clearly_for_everyone(scale: str, seen_by: str) -> None:
    chosen = getattr(colours, scale)
    for one, other in combinations(chosen.values() if isinstance(chosen, dict) else chosen, 2):
        distance = float(np.linalg.norm(lab(one, seen_by) - lab(other, seen_by)))
        assert distance > 20, f"{one} and {other} are {distance:.0f} apart"
