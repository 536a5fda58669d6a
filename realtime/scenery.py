"""A painted landscape that moves: what the test picture shows."""

from dataclasses import dataclass

import cv2
import numpy as np
from numpy.typing import NDArray

from realtime.media import Pixels

HORIZON = 0.64
HAZE = np.float32(10)  # grey levels from thin to thick: no camera sees a sky without any
SUN_X, SUN_Y = 0.3, 0.47
MILL_X, MILL_Y = 0.87, 0.44

Plane = NDArray[np.float32]
Colour = tuple[float, float, float]


@dataclass(frozen=True, slots=True)
class _Sprite:
    """A thing that moves: float32 [H, W, 4] in 0 to 255, blue first, colours multiplied by alpha in [0, 1]."""

    layer: Plane

    def draw(self, canvas: Pixels, *, x: float, y: float, angle: float = 0.0) -> None:
        """Draw with the middle at (x, y), between pixels too, turned by `angle` degrees."""
        height, width = self.layer.shape[:2]
        left, top = int(x - width / 2) - 1, int(y - height / 2) - 1
        x0, y0 = max(left, 0), max(top, 0)
        x1, y1 = min(left + width + 3, canvas.shape[1]), min(top + height + 3, canvas.shape[0])
        if x0 >= x1 or y0 >= y1:
            return
        turn = cv2.getRotationMatrix2D(((width - 1) / 2, (height - 1) / 2), angle, 1)
        turn[:, 2] += x - width / 2 - x0, y - height / 2 - y0
        moved = cv2.warpAffine(self.layer, turn, (x1 - x0, y1 - y0))
        below = canvas[y0:y1, x0:x1]
        below[:] = moved[:, :, :3] + below * (1 - moved[:, :, 3:])


class Scenery:
    """A lake at sunset, painted once where it rests and at every frame where it moves."""

    def __init__(self, size: tuple[int, int]) -> None:
        self._height, self._width = size
        self._unit = float(min(self._height, self._width))
        self._water_top = round(self._height * HORIZON)
        self._land = self._paint_land()
        clouds = ((0.17, 0.62, 3), (0.11, 0.42, 5), (0.13, 0.55, 8))
        self._clouds = [_cloud(tall * self._unit, wide * self._unit, seed=seed) for tall, wide, seed in clouds]
        self._balloon = _balloon(0.3 * self._unit)
        self._boat = _boat(0.26 * self._unit)
        self._boat_mirrored = _Sprite(np.ascontiguousarray(self._boat.layer[::-1]) * np.float32(0.4))
        self._prepare_water()

    def paint(self, seconds: float) -> Pixels:
        """uint8 [H, W, 3] BGR, a new array."""
        canvas, unit = self._land.copy(), self._unit
        for cloud, speed, start, y in zip(
            self._clouds, (0.017, 0.011, 0.014), (0.62, 0.16, 1.05), (0.13, 0.3, 0.22), strict=True
        ):
            span = 1 + cloud.layer.shape[1] / self._width
            x = ((start + speed * seconds) % span + (1 - span) / 2) * self._width
            cloud.draw(canvas, x=x, y=y * self._height)
        self._turn_mill(canvas, seconds)
        self._balloon.draw(
            canvas,
            x=self._width * (0.56 + 0.2 * np.sin(seconds * 0.23)),
            y=self._height * 0.27 + unit * 0.05 * np.sin(seconds * 0.9),
            angle=3 * np.sin(seconds * 0.7),
        )
        self._paint_water(canvas, seconds)
        self._sail(canvas, seconds)
        return canvas

    def _paint_land(self) -> Pixels:
        """All that rests, far things first: sky, sun, mountains, shore, trees and the mill's tower."""
        height, width = self._height, self._width
        y, x = np.mgrid[0:height, 0:width].astype(np.float32)
        y, x = y / height, x / width
        picture = self._paint_sky(x, y)
        ranges: tuple[tuple[float, float, int, Colour, float], ...] = (
            (0.50, 0.20, 5, (196, 152, 152), 0.5),
            (0.57, 0.15, 7, (146, 106, 98), 0.7),
            (0.605, 0.07, 4, (84, 122, 92), 0.9),
        )
        for seed, (base, tall, cells, colour, rough) in enumerate(ranges, start=11):
            ridge = base - tall * (_noise((1, width), cells=(1, cells), seed=seed)[0] - 0.35)
            picture = _mix(picture, self._slope(colour, rough=rough, seed=seed + 20), _below(y, ridge))
        crest = MILL_Y + 0.11 * self._unit / height
        hill = 0.67 - (0.67 - crest) * np.exp(-(((x[0] - MILL_X) / 0.14) ** 2))
        picture = _mix(picture, self._slope((62, 128, 110), rough=1.1, seed=34), _below(y, hill))
        land = np.clip(picture, 0, 255).astype(np.uint8)
        self._plant_trees(land)
        self._build_mill(land)
        return land

    def _paint_sky(self, x: Plane, y: Plane) -> Plane:
        dusk: tuple[tuple[float, Colour], ...] = (
            (0, (158, 98, 58)),
            (0.4, (205, 160, 120)),
            (0.75, (180, 195, 240)),
            (1, (140, 205, 255)),
        )
        sky = _gradient(y / HORIZON, dusk)
        streaks = np.clip(_noise(y.shape, cells=(14, 3), seed=1) * 2.2 - 1.05, 0, 1)
        sky = _mix(sky, (205, 205, 250), 0.75 * streaks * np.clip(1 - y / HORIZON, 0, 1))
        sky += HAZE * (_noise(y.shape, cells=(20, 35), seed=2) - 0.5)[:, :, np.newaxis]
        away = np.hypot((x - SUN_X) * self._width, (y - SUN_Y) * self._height) / self._unit
        sky = _mix(sky, (120, 215, 255), 0.75 * np.exp(-away / 0.16))
        return _mix(sky, (205, 245, 255), np.clip((0.062 - away) * self._unit + 0.5, 0, 1))

    def _slope(self, colour: Colour, *, rough: float, seed: int) -> Plane:
        """Ground of one colour in folds that the sun lights from the left."""
        folds = _noise((self._height, self._width), cells=(16, 24), seed=seed)
        lit = np.gradient(folds, axis=1) * np.float32(self._unit * 0.012)
        shade = 1 + rough * (1.6 * lit + 0.3 * (folds - 0.5))
        ground: Plane = shade[:, :, np.newaxis].astype(np.float32) * np.array(colour, np.float32)
        return ground

    def _plant_trees(self, land: Pixels) -> None:
        """Crowns of small dabs, dark ones first."""
        random = np.random.default_rng(61)
        for x, y, tall in (
            (0.035, 0.63, 0.13),
            (0.085, 0.64, 0.09),
            (0.7, 0.635, 0.075),
            (0.735, 0.64, 0.1),
            (0.965, 0.6, 0.12),
        ):
            radius = tall * self._unit / 2
            for dab in range(150):
                light = dab / 150
                angle, reach = random.random() * 2 * np.pi, radius * np.sqrt(random.random()) * (1 - 0.25 * light)
                middle = (
                    x * self._width + 0.85 * reach * np.cos(angle) - 0.25 * light * radius,
                    (y - tall / 2) * self._height + reach * np.sin(angle) - 0.25 * light * radius,
                )
                colour = (34 + 46 * light, 62 + 100 * light + 12 * random.random(), 44 + 84 * light)
                _disc(land, middle, radius=radius * (0.24 - 0.12 * light), colour=colour)

    def _build_mill(self, land: Pixels) -> None:
        tower = ((-0.034, 0.17), (0.034, 0.17), (0.021, -0.005), (-0.021, -0.005))
        self._fill(land, tower, colour=(205, 225, 238))
        self._fill(land, ((0.008, 0.17), (0.034, 0.17), (0.021, -0.005), (0.006, -0.005)), colour=(150, 172, 196))
        self._fill(land, ((-0.026, 0.0), (0.026, 0.0), (0.0, -0.038)), colour=(52, 58, 150))
        self._fill(land, ((-0.01, 0.17), (0.01, 0.17), (0.01, 0.125), (-0.01, 0.125)), colour=(50, 66, 98))
        self._fill(land, ((-0.007, 0.075), (0.007, 0.075), (0.007, 0.05), (-0.007, 0.05)), colour=(90, 110, 130))

    def _fill(
        self, canvas: Pixels, corners: tuple[tuple[float, float], ...], *, colour: Colour, turn: float = 0
    ) -> None:
        """Fill a polygon given around the mill's hub, in shorter sides of the picture, turned by `turn` radians."""
        forward = np.array([np.cos(turn), np.sin(turn)])
        sideways = np.array([-np.sin(turn), np.cos(turn)])
        hub = np.array([MILL_X * self._width, MILL_Y * self._height])
        points = [hub + self._unit * (along * forward + aside * sideways) for along, aside in corners]
        points_16th = np.rint(np.array(points) * 16).astype(np.int32)
        cv2.fillPoly(canvas, [points_16th], colour, cv2.LINE_AA, 4)

    def _prepare_water(self) -> None:
        rows = self._height - self._water_top
        down, x = np.mgrid[0:rows, 0 : self._width].astype(np.float32)
        depth = (down + 0.5) / rows
        phase = 60 * np.log1p(3 * depth) + 9 * _noise(depth.shape, cells=(9, 12), seed=41)
        reach = self._unit * (0.003 + 0.014 * depth)
        self._wave = np.stack([reach * np.sin(phase), reach * np.cos(phase)])
        self._mirror = x, self._water_top - 1 - down * (0.97 * self._water_top / rows)
        self._sunlit = slice(round(0.08 * self._width), round(0.52 * self._width))
        glint = np.exp(-(((x / self._width - SUN_X) / (0.035 + 0.05 * depth)) ** 2)) * (1 - 0.55 * depth)
        glint = (glint / reach)[:, self._sunlit, np.newaxis] * np.array((60, 105, 130), np.float32)
        self._glint = glint.astype(np.float32)
        self._tint = np.full((rows, self._width, 3), (36, 25, 16), np.uint8)

    def _paint_water(self, canvas: Pixels, seconds: float) -> None:
        """The scenery upside down, shaken by waves that run towards us."""
        turn = seconds * 2.2
        wave = cv2.addWeighted(self._wave[0], np.cos(turn), self._wave[1], np.sin(turn), 0)
        x, y = self._mirror
        mirrored = cv2.remap(canvas, x + wave, y + wave, cv2.INTER_LINEAR, borderMode=cv2.BORDER_REFLECT)
        water = canvas[self._water_top :]
        cv2.addWeighted(mirrored, 0.7, self._tint, 1, 0, dst=water)
        crests = np.maximum(wave[:, self._sunlit], 0)[:, :, np.newaxis] * self._glint
        water[:, self._sunlit] = cv2.add(water[:, self._sunlit], crests.astype(np.uint8))

    def _sail(self, canvas: Pixels, seconds: float) -> None:
        x = ((0.28 + seconds / 36) % 1.3 - 0.15) * self._width
        heave, angle = 0.008 * np.sin(seconds * 1.9), 2.5 * np.sin(seconds * 1.4)
        y = 0.69 * self._height + heave * self._unit
        self._boat_mirrored.draw(canvas, x=x, y=y + 0.245 * self._unit, angle=-angle)
        self._boat.draw(canvas, x=x, y=y, angle=angle)

    def _turn_mill(self, canvas: Pixels, seconds: float) -> None:
        for quarter in range(4):
            turn = seconds * 1.1 + quarter * np.pi / 2
            self._fill(
                canvas, ((0.0, 0.003), (0.13, 0.003), (0.13, -0.003), (0.0, -0.003)), colour=(48, 62, 88), turn=turn
            )
            self._fill(
                canvas,
                ((0.03, 0.003), (0.128, 0.003), (0.128, 0.028), (0.03, 0.022)),
                colour=(214, 232, 244),
                turn=turn,
            )


def _below(y: Plane, ridge: Plane) -> Plane:
    """1 below a ridge and 0 above it, with a soft edge of one pixel."""
    cover: Plane = np.clip((y - ridge) * y.shape[0] + 0.5, 0, 1)
    return cover


def _disc(canvas: Pixels, middle: tuple[float, float], *, radius: float, colour: Colour) -> None:
    centre = round(middle[0] * 16), round(middle[1] * 16)
    cv2.circle(canvas, centre, max(1, round(radius * 16)), colour, cv2.FILLED, cv2.LINE_AA, 4)


def _cloud(height: float, width: float, *, seed: int) -> _Sprite:
    size = max(4, round(height)), max(8, round(width))
    y, x = np.mgrid[0 : size[0], 0 : size[1]].astype(np.float32)
    y, x = y / size[0], x / size[1]
    body = 1 - (((x - 0.5) / 0.5) ** 2 + (np.where(y > 0.68, (y - 0.68) / 0.2, (y - 0.68) / 0.6)) ** 2)
    puffs = _noise(size, cells=(5, 9), seed=seed)
    alpha = np.clip((body + 1.5 * (puffs - 0.55)) * 2.2, 0, 1) * np.clip(body * 6, 0, 1)
    light = np.clip(1.15 - y + 0.9 * (puffs - 0.5), 0, 1)
    colour = _gradient(light, ((0, (178, 140, 150)), (0.5, (205, 195, 235)), (1, (240, 250, 255))))
    return _sprite(colour, 0.93 * alpha)


def _balloon(height: float) -> _Sprite:
    """Eight gores of four colours, lit from the left, and a basket."""
    shown = max(8, round(height)), max(6, round(height * 0.72))
    size = shown[0] * 3, shown[1] * 3
    y, x = np.mgrid[0 : size[0], 0 : size[1]].astype(np.float32)
    y, x = (y + 0.5) / size[0], ((x + 0.5) / size[1] - 0.5) * 2
    girth = np.where(
        y < 0.36, np.sqrt(np.clip(1 - ((y - 0.36) / 0.35) ** 2, 0, 1)), np.cos(np.clip((y - 0.36) / 0.44, 0, 1) * 1.32)
    )
    girth = girth * (y < 0.8)
    round_the_back = np.arcsin(np.clip(x / np.maximum(girth, 1e-3), -1, 1))
    bands = np.array([(48, 58, 205), (60, 190, 245), (225, 235, 245), (140, 105, 40)], np.float32)
    colour = bands[np.floor((round_the_back / np.pi + 0.5) * 7.99).astype(int) % 4]
    colour = colour * (1.05 - 0.45 * np.clip(np.sin(round_the_back + 0.5), -0.3, 1) - 0.25 * y)[:, :, np.newaxis]
    alpha = np.clip((0.97 * girth - np.abs(x)) * size[1] / 2 + 0.5, 0, 1) * (girth > 0)
    basket = (np.abs(x) < 0.13) & (y > 0.88)
    ropes = (np.abs(np.abs(x) - 0.15) < 0.022) & (y > 0.79) & (y <= 0.9)
    colour[basket | ropes] = (40, 62, 92)
    large = _sprite(colour, np.maximum(alpha, (basket | ropes).astype(np.float32))).layer
    return _Sprite(_shrunk(large, size=shown))


def _boat(height: float) -> _Sprite:
    """Two sails and a hull, drawn four times as large and shrunk."""
    size = max(8, round(height)), max(8, round(height * 0.95))
    large = np.zeros((size[0] * 4, size[1] * 4, 4), np.float32)
    shapes: tuple[tuple[Colour, tuple[tuple[float, float], ...]], ...] = (
        ((50, 70, 100), ((0.49, 0.03), (0.51, 0.03), (0.51, 0.85), (0.49, 0.85))),
        ((225, 240, 250), ((0.52, 0.05), (0.66, 0.3), (0.78, 0.52), (0.88, 0.74), (0.52, 0.78))),
        ((70, 90, 215), ((0.52, 0.5), (0.765, 0.5), (0.82, 0.61), (0.52, 0.63))),
        ((190, 215, 235), ((0.48, 0.1), (0.36, 0.36), (0.22, 0.6), (0.1, 0.76), (0.48, 0.78))),
        ((45, 45, 120), ((0.04, 0.82), (0.96, 0.82), (0.86, 0.97), (0.16, 0.97))),
        ((215, 225, 235), ((0.04, 0.82), (0.96, 0.82), (0.945, 0.85), (0.06, 0.85))),
    )
    for colour, corners in shapes:
        points = np.rint(np.array(corners) * (size[1] * 4, size[0] * 4)).astype(np.int32)
        cv2.fillPoly(large, [points], (*colour, 1.0))
    shade = 1.0 - 0.25 * _noise(large.shape[:2], cells=(6, 8), seed=51)[:, :, np.newaxis]
    large[:, :, :3] *= shade
    return _Sprite(_shrunk(large, size=size))


def _sprite(colour: Plane, alpha: Plane) -> _Sprite:
    cover = alpha[:, :, np.newaxis]
    return _Sprite(np.concatenate([np.clip(colour, 0, 255) * cover, cover], axis=2).astype(np.float32))


def _shrunk(layer: Plane, *, size: tuple[int, int]) -> Plane:
    return cv2.resize(layer, size[::-1], interpolation=cv2.INTER_AREA).astype(np.float32, copy=False)


def _gradient(at: Plane, stops: tuple[tuple[float, Colour], ...]) -> Plane:
    places = [place for place, _ in stops]
    channels = [np.interp(at, places, [colour[channel] for _, colour in stops]) for channel in range(3)]
    return np.stack(channels, axis=-1).astype(np.float32)


def _mix(below: Plane, above: Plane | Colour, cover: Plane) -> Plane:
    return below + cover[:, :, np.newaxis].astype(np.float32) * (np.asarray(above, np.float32) - below)


def _noise(size: tuple[int, int], *, cells: tuple[int, int], seed: int) -> Plane:
    """Soft noise in about [0, 1], float32 [H, W]: four octaves of random grids, the first of `cells`."""
    random = np.random.default_rng(seed)
    total = np.zeros(size, np.float32)
    for octave in range(4):
        grid = random.random((cells[0] * 2**octave + 1, cells[1] * 2**octave + 1), dtype=np.float32)
        total += cv2.resize(grid, size[::-1], interpolation=cv2.INTER_CUBIC) * 0.5 ** (octave + 1)
    return total / np.float32(1 - 0.5**4)
