"""The default model's own arithmetic, at values where a confusion shows."""

from types import SimpleNamespace

import numpy as np
import pytest

from lymphokin.model import model_file


@pytest.fixture(scope="module")
def lymphoid():
    return model_file("myeloid_lymphoid").Lymphoid()


def test_a_fraction_takes_the_prompt_share_of_hit_cells_at_once(lymphoid):
    """Of the cells hit, 80 % vanish and 20 % linger; at the table's median of 50 % both are one."""
    p = SimpleNamespace(radiosensitivity=0.6, immune_dose_scale=1.5, prompt_loss=0.8)
    y = SimpleNamespace(fast=0.3, slow=0.9, doomed=0.1)
    after = lymphoid.on_fraction(y, p, SimpleNamespace(immune_dose=0.5))
    surviving = np.exp(-0.6 * 1.5 * 0.5)
    hit = (1 - surviving) * 1.2
    assert after["fast"] == pytest.approx(0.3 * surviving)
    assert after["slow"] == pytest.approx(0.9 * surviving)
    assert after["doomed"] == pytest.approx(0.1 + 0.2 * hit)
    counted = sum(float(v) for v in after.values())
    assert 1.3 - counted == pytest.approx(0.8 * hit)


def test_fewer_suppressor_cells_raise_what_lymphocytes_recover_towards(lymphoid):
    y, p = SimpleNamespace(), SimpleNamespace(suppression=0.3)
    half, twice = (lymphoid.set_point(y, p, SimpleNamespace(mdsc_ratio=r)) for r in (0.5, 2.0))
    assert half == pytest.approx(2**0.3)
    assert twice == pytest.approx(2**-0.3)
