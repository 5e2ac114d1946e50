"""Tests. JAX is set up here, before any test module imports it: its settings are read only once."""

from lymphokin.jax_setup import prepare_jax

prepare_jax(devices=2)
