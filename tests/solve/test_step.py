"""The weights of a single step, against integrals by hand."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from lymphokin.solve.step import stacked_weights, steady_line, weights

STEPS = jnp.array([0.5, 2.0, 14.0])


def test_without_a_loss_a_parabola_of_inflows_is_added_up_exactly():
    (none,) = stacked_weights(STEPS, [0.0])
    inflow = [lambda t: 1 + 2 * t - 0.3 * t**2, lambda t: t + t**2 - 0.1 * t**3]  # and its integral
    stages = tuple(inflow[0](share * STEPS) for share in (0.0, 0.5, 1.0))
    found = steady_line(none, stages)
    for offset, share in zip(found.offsets, (0.5, 1.0), strict=True):
        np.testing.assert_allclose(offset, inflow[1](share * STEPS), rtol=1e-14)
    # A loss that is 0 by its value, not by how it is written, has the same weights.
    for ours, other in zip(
        jax.tree.leaves(none), jax.tree.leaves(weights(STEPS, 0 * STEPS)), strict=True
    ):
        np.testing.assert_allclose(ours, other, rtol=1e-14)


@pytest.mark.long
def test_each_loss_keeps_its_place_and_a_constant_inflow_comes_to_rest():
    losses = [0.2, 0.0, jnp.array(0.1), 0 * STEPS]
    for weight, loss in zip(stacked_weights(STEPS, losses), losses, strict=True):
        np.testing.assert_allclose(weight.decay_end, jnp.exp(-loss * STEPS), rtol=1e-13)
    inflow, loss = jnp.array(0.6), losses[0]
    (weight,) = stacked_weights(STEPS, [loss])
    found = steady_line(weight, (inflow, inflow, inflow))
    for offset, share in zip(found.offsets, (0.5, 1.0), strict=True):
        exact = inflow / loss * -jnp.expm1(-loss * share * STEPS)
        np.testing.assert_allclose(offset, exact, rtol=1e-13)
