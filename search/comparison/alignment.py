"""One image laid over another: mirrored, scaled, turned and moved until their pixels agree.

The search is coarse first: at low resolution each of some scales and angles is tried, all shifts
at once by the masked correlation of Padfield (2010), which counts just the pixels that lie on one
another. What fits best is then refined by small steps.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from PIL import Image

Doubles = NDArray[np.float64]
Marks = NDArray[np.bool_]
_COARSE, _FINE = 48, 128  # pixels of the first image's longer side, in either search
_SCALES = 2.0 ** np.arange(-1, 1.01, 0.25)
_ANGLES = (0, -20, -15, -10, -5, 5, 10, 15, 20, 90, 180, 270)
_OVERLAP = 0.35  # of the smaller image's area, at least
_FLAT = 1e-4  # variance of grey below which nothing can be told


@dataclass(frozen=True, slots=True)
class Alignment:
    """How the second image lies over the first.

    Attributes:
        mirrored: whether it is turned over, left to right, before all else.
        scale: of its shorter side by that of the first: 2 where it shows things half as large.
        angle: degrees by which it is turned, counterclockwise.
        shift: (right, down) of its middle from that of the first, in shorter sides of that.
        correlation: of the greys that lie on one another, -1 to 1.
        overlap: share of the smaller of the two that lies on the other.
    """

    mirrored: bool
    scale: float
    angle: float
    shift: tuple[float, float]
    correlation: float
    overlap: float


@dataclass(frozen=True, slots=True)
class _Pose:
    mirrored: bool
    scale: float
    angle: float
    right: float
    down: float


def align(first: Image.Image, second: Image.Image) -> Alignment | None:
    """Find how the second of two upright images lies best over the first.

    Args:
        first: RGB.
        second: RGB.

    Returns:
        ``None`` where one of them is of one grey, or no way of laying them is any better than none.
    """
    coarse, fine = _Canvas(first, second, _COARSE), _Canvas(first, second, _FINE)
    if coarse.flat:
        return None
    starts = sorted(_search(coarse), key=lambda found: -found[0])[:3]
    if not starts:
        return None
    best = max((_refine(fine, pose) for _, pose in starts), key=lambda found: found[0])
    correlation, pose = best
    overlap = fine.overlap(pose)
    if correlation <= 0 or overlap < _OVERLAP:
        return None
    return Alignment(
        pose.mirrored,
        pose.scale,
        (pose.angle + 180) % 360 - 180,
        (pose.right, pose.down),
        correlation,
        overlap,
    )


def lay_over(
    first: Image.Image, second: Image.Image, found: Alignment, longest: int
) -> tuple[Doubles, Doubles, Marks]:
    """Both images where they lie on one another.

    Args:
        first: RGB.
        second: RGB.
        found: how the second lies.
        longest: pixels of the longer side of the first, at most.

    Returns:
        (H, W) float64 greys in [0, 1] of the first, of the second as it lies over it, and (H, W)
        bool where it does.
    """
    canvas = _Canvas(first, second, min(longest, max(first.size)), found.scale)
    pose = _Pose(found.mirrored, found.scale, found.angle, *found.shift)
    moved, there = canvas.moved(pose)
    return canvas.first, moved, there


class _Canvas:
    """Two images in the first one's frame, at some size.

    Args:
        first: RGB.
        second: RGB.
        longest: pixels of the longer side of the first.
        scale: of the second, at which it is drawn without being scaled again.
    """

    def __init__(
        self, first: Image.Image, second: Image.Image, longest: int, scale: float = 2.0
    ) -> None:
        self.first = _grey(first, longest / max(first.size))
        self.unit = min(self.first.shape)  # pixels of the first's shorter side
        self._second = _grey(second, scale * self.unit / min(second.size))
        self._sizes = [
            (grey.shape[1] / image.width, grey.shape[0] / image.height)
            for grey, image in ((self.first, first), (self._second, second))
        ]
        self._zoom = min(first.size) / min(second.size)

    @property
    def flat(self) -> bool:
        """Whether one of them is of one grey."""
        return bool(self.first.var() < _FLAT or self._second.var() < _FLAT)

    def moved(self, pose: _Pose, shape: tuple[int, int] | None = None) -> tuple[Doubles, Marks]:
        """The second image in the first's frame, and where it lies."""
        height, width = shape or self.first.shape
        source = self._second[:, ::-1] if pose.mirrored else self._second
        rows, columns = source.shape
        zoom = pose.scale * self._zoom
        turn = np.deg2rad(pose.angle)
        cos, sin = np.cos(turn) / zoom, np.sin(turn) / zoom
        x = width / 2 + pose.right * self.unit
        y = height / 2 + pose.down * self.unit
        # either image was made smaller by whole pixels, so not quite alike in both directions
        (fx, fy), (sx, sy) = self._sizes
        a, b, c, d = cos * sx / fx, -sin * sx / fy, sin * sy / fx, cos * sy / fy
        affine = (a, b, columns / 2 - a * x - b * y, c, d, rows / 2 - c * x - d * y)
        image = Image.fromarray(np.ascontiguousarray(source, np.float32))
        drawn = image.transform(
            (width, height), Image.Transform.AFFINE, affine, Image.Resampling.BILINEAR, fillcolor=-1
        )
        values = np.asarray(drawn, np.float64)
        # bilinear edges mix with what is beyond
        there: Marks = values >= 0
        return np.where(there, values, 0.0), there

    def correlation(self, pose: _Pose) -> float:
        """Of the greys that lie on one another; -1 where too few do."""
        moved, there = self.moved(pose)
        if there.sum() < _OVERLAP * self._least(pose):
            return -1.0
        a, b = self.first[there], moved[there]
        a, b = a - a.mean(), b - b.mean()
        # sums, since threads of BLAS would wait for one another over so short vectors
        spread = float(np.sqrt((a * a).sum() * (b * b).sum()))
        return float((a * b).sum() / spread) if spread > _FLAT * len(a) else -1.0

    def overlap(self, pose: _Pose) -> float:
        """The share of the smaller image that lies on the other."""
        return float(min(1.0, self.moved(pose)[1].sum() / self._least(pose)))

    def _least(self, pose: _Pose) -> float:
        rows, columns = self._second.shape
        zoom = pose.scale * self.unit / min(rows, columns)
        return float(min(self.first.size, rows * columns * zoom**2))


def _grey(image: Image.Image, scale: float) -> Doubles:
    """(H, W) float64 in [0, 1], luma as of ITU-R 601."""
    size = [max(4, round(length * scale)) for length in image.size]
    grey = image.convert("L")
    if size[0] < image.width:
        grey = grey.resize((size[0], size[1]), Image.Resampling.BOX)
    elif size[0] > image.width:
        grey = grey.resize((size[0], size[1]), Image.Resampling.BICUBIC)
    return np.asarray(grey, np.float64) / 255


def _search(canvas: _Canvas) -> Iterator[tuple[float, _Pose]]:
    """The best shift of each way of mirroring, scaling and turning."""
    height, width = canvas.first.shape
    shape = (2 * height, 2 * width)  # so that what leaves on one side does not come in on the other
    base = np.zeros(shape)
    mask = np.zeros(shape)
    base[:height, :width], mask[:height, :width] = canvas.first - canvas.first.mean(), 1.0
    spectra = [np.fft.rfft2(one) for one in (base, base**2, mask)]
    for mirrored in (False, True):
        for scale in _SCALES.tolist():
            for angle in _ANGLES:
                pose = _Pose(mirrored, scale, float(angle), 0.0, 0.0)
                found = _best_shift(canvas, pose, spectra, shape)
                if found is not None:
                    value, right, down = found
                    yield value, _Pose(mirrored, scale, float(angle), right, down)


def _best_shift(
    canvas: _Canvas,
    pose: _Pose,
    spectra: list[NDArray[np.complex128]],
    shape: tuple[int, int],
) -> tuple[float, float, float] | None:
    """The shift at which the greys agree most, in shorter sides, and how far they do."""
    moved, there = canvas.moved(pose, shape)
    if not there.any():
        return None
    marks = there.astype(np.float64)
    moved = (moved - moved[there].mean()) * marks
    base, squares, mask = spectra
    own, own_squares, own_mask = (np.fft.rfft2(one) for one in (moved, moved**2, marks))

    def correlate(one: NDArray[np.complex128], other: NDArray[np.complex128]) -> Doubles:
        found: Doubles = np.fft.irfft2(one * np.conj(other), s=shape)
        return found

    count = np.maximum(correlate(mask, own_mask), 1e-9)
    sum_a, sum_b = correlate(base, own_mask), correlate(mask, own)
    top = correlate(base, own) - sum_a * sum_b / count
    var_a = correlate(squares, own_mask) - sum_a**2 / count
    var_b = correlate(mask, own_squares) - sum_b**2 / count
    spread = np.sqrt(np.maximum(var_a, 0) * np.maximum(var_b, 0))
    enough = (count > _OVERLAP * min(canvas.first.size, marks.sum())) & (spread > _FLAT * count)
    if not enough.any():
        return None
    values = np.where(enough, top / np.maximum(spread, 1e-12), -1.0)
    # a small overlap agrees more easily by chance
    weighed = values * (count / count.max()) ** 0.15
    row, column = np.unravel_index(int(weighed.argmax()), shape)
    height, width = shape
    down = (row + height / 2) % height - height / 2 + height / 4
    right = (column + width / 2) % width - width / 2 + width / 4
    return float(weighed[row, column]), float(right / canvas.unit), float(down / canvas.unit)


def _refine(canvas: _Canvas, pose: _Pose) -> tuple[float, _Pose]:
    """Small steps in each direction, halved when none helps."""
    best, step = canvas.correlation(pose), 1.0
    while step > 0.02:
        better = False
        for near in _around(pose, step):
            value = canvas.correlation(near)
            if value > best + 1e-6:
                best, pose, better = value, near, True
        step = step if better else step / 2
    return best, pose


def _around(pose: _Pose, step: float) -> Iterator[_Pose]:
    m, s, a, r, d = pose.mirrored, pose.scale, pose.angle, pose.right, pose.down
    for sign in (1, -1):
        yield _Pose(m, s, a, r + sign * 0.02 * step, d)
        yield _Pose(m, s, a, r, d + sign * 0.02 * step)
        yield _Pose(m, s * 2 ** (sign * 0.08 * step), a, r, d)
        yield _Pose(m, s, a + sign * 2.0 * step, r, d)
