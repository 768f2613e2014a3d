"""The example of Dawid and Skene: five anaesthetists judge whether patients are fit for surgery."""

import numpy as np
import pytest

from modeling.labels.aggregation import NONE, dawid_skene

# Dawid and Skene, "Maximum likelihood estimation of observer error-rates using the EM algorithm", Applied Statistics 28
# (1979), table 1: each patient's class by observer 1 (three times) and by observers 2 to 5 (once each).
PATIENTS = """
    1111111 3334334 1122122 2223121 2223222 2223322 1222111 3333433 2222223 2322223 4444444 2223343 1111111 2223212
    1211111 1112111 1111111 1111111 2222221 2221322 2222222 2222221 2223222 2212222 1111111 1111111 2322222 1111111
    1111111 1121121 1111111 3333233 1111111 2222222 2223232 4334343 2212232 2323233 3333432 1111111 1111111 1212111
    2322222 1211111 2222222
"""
# Table 2 there: how frequent the classes are, and the first observer's chances by true class and class given.
CLASSES = (0.40, 0.42, 0.11, 0.07)
FIRST_OBSERVER = ((0.89, 0.11, 0, 0), (0.07, 0.88, 0.05, 0), (0, 0.34, 0.66, 0), (0, 0, 0.56, 0.44))


def test_dawid_and_skene_1979_anaesthetists() -> None:
    label = np.array([[int(given) - 1 for given in patient] for patient in PATIENTS.split()])
    item = np.repeat(np.arange(len(label)), 7)
    person = np.tile([1, 1, 1, 2, 3, 4, 5], len(label))
    model = dawid_skene(item, person, label.ravel(), labels=4, prior=NONE)
    assert label.shape == (45, 7)
    assert model.prior == pytest.approx(CLASSES, abs=5e-3)
    assert model.confusion[0] == pytest.approx(np.array(FIRST_OBSERVER), abs=5e-3)
