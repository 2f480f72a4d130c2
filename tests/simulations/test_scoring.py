"""Scores whose AUC and F1 are known."""

from __future__ import annotations

import random
from math import isnan

import pytest

from simulations.scoring import auc, best_threshold, f1, fit


def test_a_score_that_sorts_all_has_an_auc_of_one_and_one_that_says_nothing_a_half() -> None:
    assert auc([(3, True), (2, True), (1, False), (0, False)]) == 1.0
    assert auc([(0, True), (1, True), (2, False)]) == 0.0
    assert auc([(5, True), (5, False), (5, False)]) == 0.5


def test_auc_counts_the_pairs_that_are_in_order() -> None:
    # Of 2 × 3 pairs four are in order and one is a tie.
    scored = [(0.9, True), (0.5, True), (0.7, False), (0.5, False), (0.1, False)]
    assert auc(scored) == pytest.approx(4.5 / 6)


def test_without_one_of_either_there_is_no_auc() -> None:
    assert isnan(auc([(1, True)]))
    assert isnan(auc([(1, False)]))


def test_f1_is_the_harmonic_mean_of_precision_and_recall() -> None:
    scored = [(4, True), (3, False), (2, True), (1, True), (0, False)]
    # Taken are three, two of them true; of the true ones there are three.
    assert f1(scored, 2) == pytest.approx(2 / 3)
    assert f1(scored, 9) == 0.0


def test_the_best_threshold_gives_the_greatest_f1() -> None:
    scored = [(4, True), (3, False), (2, True), (1, True), (0, False)]
    assert best_threshold(scored) == 1
    assert f1(scored, 1) == pytest.approx(6 / 7)
    assert max(f1(scored, score) for score, _ in scored) == f1(scored, best_threshold(scored))


def test_a_logistic_score_weighs_what_tells_and_leaves_out_what_does_not() -> None:
    chance = random.Random(1)
    truths = [number % 3 == 0 for number in range(6000)]
    rows = [(truth + chance.gauss(0, 1), chance.gauss(0, 1), 7.0) for truth in truths]
    model = fit(rows, truths)
    _, telling, noise, constant = model.weights
    assert telling > 5 * abs(noise)
    assert constant == pytest.approx(0)
    scored = [(model.score(row), truth) for row, truth in zip(rows, truths, strict=True)]
    assert auc(scored) == pytest.approx(0.76, abs=0.02)


def test_features_that_separate_all_do_not_run_away() -> None:
    truths = [False] * 10 + [True] * 10
    model = fit([(float(number),) for number in range(20)], truths)
    assert [model.score((n,)) > 0 for n in range(20)] == truths
