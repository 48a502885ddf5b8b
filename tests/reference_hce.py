"""Slow, obvious oracles for human correction efforts: each step in plain Python, pixel by pixel.

Nothing here imports sodbench, and nothing in sodbench imports this. An image is a bool array, a pixel
(row, column), a border a list of pixels.
"""

import numpy as np
from scipy import ndimage

CROSS = ndimage.generate_binary_structure(2, 1)
SQUARE = ndimage.generate_binary_structure(2, 2)

RING = [(-1, 0), (-1, 1), (0, 1), (1, 1), (1, 0), (1, -1), (0, -1), (-1, -1)]
"""The neighbours of a pixel, clockwise on screen from the one above."""


def grown(image, within, times):
    """Pixels reached from an image in so many steps of the cross, each within some pixels."""
    for _ in range(times):
        image = ndimage.binary_dilation(image, CROSS) & within
    return image


def borders(image):
    """All borders of an image as Suzuki and Abe follow them: (pixels, whether of a hole, region).

    In the order in which a raster scan meets them.
    """
    rows, columns = image.shape
    regions, _ = ndimage.label(image, SQUARE)

    def at(row, column):
        return 0 <= row < rows and 0 <= column < columns and bool(image[row, column])

    def follow(start, background):
        """Follow a border from a pixel and a neighbour of it that is no pixel of the image."""
        pixels, marks = [], []
        first = RING.index(background)
        for step in range(1, 9):  # clockwise, to the last pixel of the border
            down, right = RING[(first + step) % 8]
            if at(start[0] + down, start[1] + right):
                last = (start[0] + down, start[1] + right)
                break
        else:
            return [start], [(start, True)]
        here, before = start, last
        while True:
            towards = RING.index((before[0] - here[0], before[1] - here[1]))
            right_is_empty = False
            for step in range(1, 9):  # counterclockwise, from the pixel before
                down, right = RING[(towards - step) % 8]
                after = (here[0] + down, here[1] + right)
                if at(*after):
                    break
                right_is_empty |= (down, right) == (0, 1)
            pixels.append(here)
            marks.append((here, right_is_empty))
            if after == start and here == last:
                return pixels, marks
            before, here = here, after

    passed, right_passed, met = set(), set(), []
    for row in range(rows):
        for column in range(columns):
            if not image[row, column]:
                continue
            for hole in (False, True):
                pixel, side = (row, column), (0, 1) if hole else (0, -1)
                if at(row, column + side[1]) or pixel in (right_passed if hole else passed):
                    continue
                pixels, marks = follow(pixel, side)
                met.append((pixels, hole, int(regions[pixel])))
                passed |= set(pixels)
                right_passed |= {one for one, empty in marks if empty}
    return met


def distance_squared(point, start, end, distance):
    """Numerator over (end - start)^2 of the squared distance of a point to a line or a segment."""
    down, right = end[0] - start[0], end[1] - start[1]
    length = down**2 + right**2
    away = (point[0] - start[0], point[1] - start[1])
    along = away[0] * down + away[1] * right
    if distance == "segment" and along < 0:
        return (away[0] ** 2 + away[1] ** 2) * length
    if distance == "segment" and along > length:
        return ((point[0] - end[0]) ** 2 + (point[1] - end[1]) ** 2) * length
    return (away[0] * right - away[1] * down) ** 2


def corners(curve, distance, epsilon=2):
    """Points of an open curve that Ramer, Douglas and Peucker keep, thinned as OpenCV does."""
    if len(curve) == 1:
        return curve

    def split(first, last):
        start, end = curve[first], curve[last]
        far = [distance_squared(point, start, end, distance) for point in curve[first:last]]
        most = int(np.argmax(far))
        if far[most] <= epsilon**2 * ((end[0] - start[0]) ** 2 + (end[1] - start[1]) ** 2):
            return [start]
        return split(first, first + most) + split(first + most, last)

    kept = [*split(0, len(curve) - 1), curve[-1]]
    thinned, k = [kept[0]], 1
    left = len(kept)
    while k < len(kept) - 1:
        before, here, after = thinned[-1], kept[k], kept[k + 1]
        down, right = after[0] - before[0], after[1] - before[1]
        off = (here[0] - before[0]) * right - (here[1] - before[1]) * down
        onward = (here[0] - before[0]) * (after[0] - here[0]) + (here[1] - before[1]) * (after[1] - here[1])
        near = 2 * off**2 <= epsilon**2 * (down**2 + right**2)
        if left > 2 and near and down and right and onward >= 0:
            thinned.append(after)
            left -= 1
            k += 2
        else:
            thinned.append(here)
            k += 1
    return thinned + kept[k:]


def efforts(image, touching, distance):
    """Points and independent regions that a human needs to correct an image's regions."""
    near = ndimage.binary_dilation(touching, CROSS)
    met = borders(image)
    taken, dependent, points = set(), set(), 0
    for pixels, _, region in [one for one in met if not one[1]] + [one for one in met if one[1]][::-1]:
        runs = [[]]
        for pixel in pixels:
            if near[pixel] and pixel not in taken:
                runs[-1].append(pixel)
                taken.add(pixel)
                dependent.add(region)
            else:
                runs.append([])
        runs = [run for run in runs if run]
        if len(runs) > 1:
            (row, column), (last_row, last_column) = runs[0][0], runs[-1][-1]
            if max(abs(row - last_row), abs(column - last_column)) == 1:
                runs[-1] += runs.pop(0)[::-1]
        points += sum(len(corners(run, distance)) for run in runs)
    if image.all():
        return points, 0
    return points, len({region for _, _, region in met} - dependent)


def human_correction_efforts(b, gt, skeleton, distance="line"):
    """Return points and independent regions of false positives, then of false negatives."""
    union, hit, fp, fn = b | gt, b & gt, b & ~gt, gt & ~b
    kept = ndimage.binary_erosion(union, CROSS, iterations=5, border_value=1)
    fp = grown(fp & kept, ~gt, 5) & fp
    fn = (grown(fn & kept, ~b, 5) & fn) | (skeleton & ~hit)
    return *efforts(fp, hit | fn, distance), *efforts(fn, ~(hit | fp | fn), distance)
