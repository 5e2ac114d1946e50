"""Draws of one patient from the population, before any of that patient's counts are known."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from lymphokin.population.draws import PopulationDraws
from lymphokin.solve.one_treatment import LESIONS
from lymphokin.whatif.lanes import Lanes
from lymphokin.whatif.normals import normals
from lymphokin.whatif.shapes import MOST_WINDOWS


@dataclass(frozen=True, eq=False)
class PatientDraws:
    """Equally likely draws of one patient, each with a draw of the population."""

    lanes: Lanes
    atom: np.ndarray
    """[lane] draw of the population behind each lane"""
    noise: np.ndarray
    """[lane] standard normal; becomes the measurement noise of a count"""

    @property
    def count(self) -> int:
        """Number of draws."""
        return len(self.atom)


def sizes(population: PopulationDraws) -> tuple[int, int, int, int]:
    """Numbers of effects: of subjects, of treated subjects, of occasions, of lesions."""
    hierarchy = population.hierarchy
    return (
        len(hierarchy.subject_effects),
        len(hierarchy.treated_effects),
        len(hierarchy.occasion_effects),
        len(hierarchy.lesion_effects),
    )


def split_normals(population: PopulationDraws, w: np.ndarray) -> tuple[np.ndarray, ...]:
    """Subject, treated, occasion and lesion latents from one array of normals [dimension, draw]."""
    subject, treated, occasion, lesion = sizes(population)
    ends = np.cumsum([subject, treated, occasion * MOST_WINDOWS])
    of_subject, of_drug, of_windows, rest = np.split(w, ends)
    return (
        of_subject,
        of_drug,
        of_windows.reshape(occasion, MOST_WINDOWS, w.shape[1]),
        rest.reshape(lesion, LESIONS[-1], w.shape[1]),
    )


def stacked(lanes: Lanes) -> np.ndarray:
    """The patient's latents as one array [latent, lane]."""
    return np.vstack([lanes.subject, lanes.treated, *lanes.occasion, *lanes.lesion])


def dimensions(population: PopulationDraws) -> int:
    """Number of latents of one patient."""
    return conditioned_dimensions(population) + sizes(population)[3] * LESIONS[-1]


def conditioned_dimensions(population: PopulationDraws) -> int:
    """Number of them that counts are proposed by, the first ones: all but those of lesions, which
    are proposed from the population.
    """
    subject, treated, occasion, _ = sizes(population)
    return subject + treated + occasion * MOST_WINDOWS


def chosen_atoms(population: PopulationDraws, count: int, seed: int) -> np.ndarray:
    """Draws of the population at random, all of them equally often before one comes again."""
    rng = np.random.default_rng(seed)
    there = len(population.z)
    return np.concatenate([rng.permutation(there) for _ in range(-(-count // there))])[:count]


def draw_patients(population: PopulationDraws, count: int, seed: int) -> PatientDraws:
    """Draws of a patient of whom nothing has been measured."""
    atom = chosen_atoms(population, count, seed)
    w = normals(count, dimensions(population) + 1, seed)
    lanes = Lanes(population.z[atom].T, *split_normals(population, w[:-1]))
    return PatientDraws(lanes, atom, w[-1])
