"""Samplers of other libraries on a log density that is given: draws, and gradients that they took.

Each adapts as its library does by default or advises, with trees of the same depth and the same
acceptance aimed at as ours, where it has these.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np

DEEPEST, TARGET = 8, 0.9
STEPS_PER_DRAW = 20
"""Of microcanonical dynamics: transitions are short, and several stand behind a draw."""
GRADIENTS_PER_STEP = 2
"""Of the integrator of McLachlan, blackjax's default for microcanonical dynamics."""
ENSEMBLE = 16
"""Chains of ChEES, which tunes one length of trajectories for all of them."""
LEARNING_RATE = 0.05
"""Of Adam in ChEES (judgement: from 0.025 on it arrives within 200 iterations)."""


class Target(NamedTuple):
    """What is sampled."""

    log_density: Callable[[jax.Array], jax.Array]
    """of a vector"""
    start: np.ndarray
    """[latent] where single chains begin"""
    around: np.ndarray
    """[chain, latent] where the chains of an ensemble begin"""


class Drawn(NamedTuple):
    """What a sampler gave."""

    x: np.ndarray
    """[chain, draw, latent]"""
    before: float
    """gradients of all chains in the warm-up"""
    during: float
    """gradients of all chains for the draws"""


def numpyro_nuts(target: Target, chains: int, draws: int, warmup: int, dense: bool) -> Drawn:
    """NumPyro's NUTS."""
    from numpyro.infer import MCMC, NUTS

    kernel = NUTS(
        potential_fn=lambda x: -target.log_density(x),
        dense_mass=dense,
        target_accept_prob=TARGET,
        max_tree_depth=DEEPEST,
    )
    found, steps = [], np.zeros(2)
    for seed in range(chains):
        sampler = MCMC(kernel, num_warmup=warmup, num_samples=draws, progress_bar=False)
        first = jnp.asarray(target.start)
        sampler.warmup(
            jax.random.key(seed),
            init_params=first,
            extra_fields=("num_steps",),
            collect_warmup=True,
        )
        steps[0] += int(sampler.get_extra_fields()["num_steps"].sum())
        sampler.run(sampler.post_warmup_state.rng_key, extra_fields=("num_steps",))
        steps[1] += int(sampler.get_extra_fields()["num_steps"].sum())
        found.append(np.asarray(sampler.get_samples()))
    return Drawn(np.stack(found), *steps)


def nutpie(target: Target, chains: int, draws: int, warmup: int, adaptation: str) -> Drawn:
    """nutpie's NUTS with its metric ``diag`` or ``low_rank``, or with its normalizing ``flow``."""
    import nutpie as library
    from nutpie.compiled_pyfunc import from_pyfunc

    value = jax.jit(jax.value_and_grad(target.log_density))

    def made() -> Callable[[np.ndarray], tuple[float, np.ndarray]]:
        def of(x: np.ndarray) -> tuple[float, np.ndarray]:
            found, slope = value(x)
            return float(found), np.asarray(slope)

        return of

    def expanding(*_: Any) -> Callable[[np.ndarray], dict[str, np.ndarray]]:
        return lambda x: {"x": np.asarray(x)}

    size = len(target.start)
    model = from_pyfunc(
        size, made, expanding, [np.dtype(float)], [(size,)], ["x"],
        make_initial_point_fn=lambda seed: target.start,
        raw_logp_fn=lambda x: (target.log_density(x),),
    )  # fmt: skip
    trace = library.sample(
        model, draws=draws, tune=warmup, chains=chains, cores=1, seed=1, progress_bar=False,
        save_warmup=True, adaptation=adaptation, target_accept=TARGET, maxdepth=DEEPEST,
    )  # fmt: skip
    x = np.asarray(trace["posterior"]["x"])
    both = (trace[group]["n_steps"] for group in ("warmup_sample_stats", "sample_stats"))
    return Drawn(x, *(float(np.asarray(steps).sum()) for steps in both))


def adjusted_mclmc(target: Target, chains: int, draws: int, warmup: int, steps: float) -> Drawn:
    """blackjax's Metropolis-adjusted microcanonical dynamics; its tuner finds the step size and a
    diagonal metric for trajectories of ``steps`` steps on average.
    """
    import blackjax
    from blackjax.mcmc.adjusted_mclmc_dynamic import init, make_random_trajectory_length_fn

    length, thinning = make_random_trajectory_length_fn(True), max(1, round(STEPS_PER_DRAW / steps))
    kernel = blackjax.mcmc.adjusted_mclmc_dynamic.build_kernel(integration_steps_fn=length)

    @jax.jit
    def one(key: jax.Array) -> tuple[jax.Array, jax.Array, jax.Array]:
        keys = jax.random.split(key, 3)
        state, parameters, before = blackjax.adjusted_mclmc_find_L_and_step_size(
            kernel, target.log_density, warmup * thinning,
            init(jnp.asarray(target.start), target.log_density, keys[0]), keys[1], TARGET,
            frac_tune1=1 / 3, frac_tune2=1 / 3, target_num_integration_steps=steps,
        )  # fmt: skip

        def draw(state: Any, key: jax.Array) -> tuple[Any, tuple[jax.Array, jax.Array]]:
            def move(state: Any, key: jax.Array) -> tuple[Any, jax.Array]:
                state, info = kernel(
                    key, state, target.log_density, parameters.step_size,
                    inverse_mass_matrix=parameters.inverse_mass_matrix,
                    integration_steps_params=(parameters.L / parameters.step_size,),
                )  # fmt: skip
                return state, info.num_integration_steps

            state, taken = jax.lax.scan(move, state, jax.random.split(key, thinning))
            return state, (state.position, taken.sum())

        _, (x, taken) = jax.lax.scan(draw, state, jax.random.split(keys[2], draws))
        return x, before, taken.sum()

    found = [one(jax.random.key(seed)) for seed in range(chains)]
    before, during = (GRADIENTS_PER_STEP * float(sum(chain[i] for chain in found)) for i in (1, 2))
    return Drawn(np.stack([np.asarray(x) for x, _, _ in found]), before, during)


def chees(target: Target, chains: int, draws: int, warmup: int) -> Drawn:
    """blackjax's ChEES: HMC whose chains share a step size, a diagonal metric and a length. As many
    draws in all as others give.
    """
    import blackjax
    import optax
    from blackjax.adaptation.base import get_filter_adapt_info_fn

    key, later = jax.random.split(jax.random.key(0))
    adaptation = blackjax.chees_adaptation(
        target.log_density, ENSEMBLE, target_acceptance_rate=TARGET, max_leapfrog_steps=2**DEEPEST,
        mass_matrix_estimation="diagonal",
        adaptation_info_fn=get_filter_adapt_info_fn(info_keys={"num_integration_steps"}),
    )  # fmt: skip
    optimiser = optax.adam(LEARNING_RATE)
    (states, parameters), info = adaptation.run(
        key, jnp.asarray(target.around), 0.1, optimiser, warmup
    )
    kernel = blackjax.dynamic_hmc(target.log_density, **parameters).step

    @jax.jit
    def run(states: Any) -> tuple[jax.Array, jax.Array]:
        def draw(states: Any, key: jax.Array) -> tuple[Any, tuple[jax.Array, jax.Array]]:
            states, info = jax.vmap(kernel)(jax.random.split(key, ENSEMBLE), states)
            return states, (states.position, info.num_integration_steps.sum())

        keys = jax.random.split(later, -(-chains * draws // ENSEMBLE))
        _, (x, taken) = jax.lax.scan(draw, states, keys)
        return x.swapaxes(0, 1), taken.sum()

    x, during = run(states)
    before = float(np.asarray(info.info.num_integration_steps).sum())
    return Drawn(np.asarray(x), before, float(during))
