"""A real training in about twenty seconds: handwritten digits, a small neural network, five-fold cross-validation.

The data are the 1,797 real 8 x 8 images of handwritten digits that scikit-learn carries (UCI Optical Recognition of Handwritten
Digits; Alpaydin & Kaynak 1998), so nothing is downloaded. Training images are shifted by a pixel in each direction, which
is what makes so small a network generalise.
"""

from __future__ import annotations

import argparse
import warnings
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from sklearn.datasets import load_digits
from sklearn.exceptions import ConvergenceWarning
from sklearn.model_selection import StratifiedKFold
from sklearn.neural_network import MLPClassifier
from threadpoolctl import threadpool_limits

SIDE = 8
SEED = 7
SHIFTS = ((0, 0), (0, 1), (0, -1), (1, 0), (-1, 0))

Images = NDArray[np.float64]
Labels = NDArray[np.int64]


def shifted(images: Images, rows: int, columns: int) -> Images:
    """The images moved by whole pixels; what leaves on one side does not come in on the other."""
    square = images.reshape(-1, SIDE, SIDE)
    moved = np.zeros_like(square)
    source = square[:, max(0, -rows) : SIDE - max(0, rows), max(0, -columns) : SIDE - max(0, columns)]
    moved[:, max(0, rows) : SIDE - max(0, -rows), max(0, columns) : SIDE - max(0, -columns)] = source
    return moved.reshape(len(images), -1)


def augmented(images: Images, labels: Labels) -> tuple[Images, Labels]:
    """Each image five times: where it was, and one pixel further in each direction."""
    return np.concatenate([shifted(images, *shift) for shift in SHIFTS]), np.tile(labels, len(SHIFTS))


def fit(images: Images, labels: Labels, epochs: int) -> MLPClassifier:
    """Train the network for a fixed number of epochs, so that the work is the same each time."""
    network = MLPClassifier((256, 128), max_iter=epochs, batch_size=64, tol=0.0, n_iter_no_change=epochs, random_state=SEED)
    # Matrices this small gain nothing from threads, which on a machine that does other work spend their time waiting in a loop.
    with warnings.catch_warnings(), threadpool_limits(1):
        warnings.simplefilter("ignore", ConvergenceWarning)  # the number of epochs is ours to choose
        return network.fit(*augmented(images, labels))


def main() -> None:
    """Train, validate and print; with --output, keep the weights of a network trained on all images."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else None)
    parser.add_argument("--epochs", type=int, default=33, help="passes over the training images (default: 33)")
    parser.add_argument("--output", type=Path, help="where to keep the weights (.npz)")
    arguments = parser.parse_args()
    images, labels = load_digits(return_X_y=True)
    images = images / images.max()
    accuracies = []
    for fold, (train, test) in enumerate(StratifiedKFold(5, shuffle=True, random_state=SEED).split(images, labels), 1):
        network = fit(images[train], labels[train], arguments.epochs)
        accuracies.append(float(network.score(images[test], labels[test])))
        print(f"fold {fold} of 5: accuracy {accuracies[-1]:.4f} on {len(test)} images not seen in training", flush=True)
    print(f"mean accuracy {np.mean(accuracies):.4f}")
    if arguments.output is not None:
        network = fit(images, labels, arguments.epochs)
        arrays = {f"weights_{i}": w for i, w in enumerate(network.coefs_)}
        arrays |= {f"biases_{i}": b for i, b in enumerate(network.intercepts_)}
        np.savez(arguments.output, **arrays)
        print(f"weights in {arguments.output}")


if __name__ == "__main__":
    main()
