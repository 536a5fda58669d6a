"""The measures of quality: what they are at their ends, and that their results are written."""

import json
from pathlib import Path

import numpy as np
import pytest
import torch
from torch import Tensor

from benchmarks import quality
from benchmarks.lpips import BACKBONE, COMPARED, FIRES, HEADS, Lpips, load_lpips
from benchmarks.measures import Features, as_pixels, compare, psnr, read_square, ssim, tensor
from benchmarks.quality import PHOTOGRAPH, Contender, Row, means, pick, report, table
from benchmarks.sheet import write_sheet
from engines import WeightsError
from engines.networks.vgg import Vgg
from engines.weights import weights_path
from realtime.images import Picture, read_picture, write_picture
from realtime.media import Pixels
from realtime.pattern import Pattern


def picture(seed: int, side: int = 64) -> Pixels:
    """Return blobs of colour."""
    noise = np.random.default_rng(seed).random((side // 8, side // 8, 3))
    return (np.kron(noise, np.ones((8, 8, 1))) * 255).astype(np.uint8)


def squeezenet() -> tuple[dict[str, Tensor], dict[str, Tensor]]:
    """Return a SqueezeNet 1.1 that has learned nothing, and heads that weigh every channel alike."""
    torch.manual_seed(0)
    sizes = {
        3: (16, 64),
        4: (16, 64),
        6: (32, 128),
        7: (32, 128),
        9: (48, 192),
        10: (48, 192),
        11: (64, 256),
        12: (64, 256),
    }
    shapes, inputs, seen = {"features.0": (64, 3, 3, 3)}, 64, [64]
    for number in FIRES:
        middle, outputs = sizes[number]
        shapes[f"features.{number}.squeeze"] = (middle, inputs, 1, 1)
        shapes[f"features.{number}.expand1x1"] = (outputs, middle, 1, 1)
        shapes[f"features.{number}.expand3x3"] = (outputs, middle, 3, 3)
        inputs = 2 * outputs
        seen += [inputs] if number in COMPARED else []
    backbone = {f"{name}.weight": torch.randn(shape) / shape[1] for name, shape in shapes.items()}
    backbone |= {f"{name}.bias": torch.zeros(shape[0]) for name, shape in shapes.items()}
    return backbone, {f"lin{n}.model.1.weight": torch.ones(1, size, 1, 1) / size for n, size in enumerate(seen)}


def test_equal_pictures_are_alike_and_others_are_not() -> None:
    a, b = tensor(picture(1)), tensor(picture(2))
    assert ssim(a, a) == pytest.approx(1)
    assert ssim(a, b) < 0.5
    assert psnr(a, a) == 99
    assert psnr(a, (a + 0.1)) == pytest.approx(20, abs=1e-3)
    assert np.array_equal(as_pixels(a), picture(1))
    torch.manual_seed(0)
    vgg = Vgg()
    photo, style = Features(vgg, a), Features(vgg, b)
    assert set(compare(photo, photo, photo).values()) == {0}
    assert all(value > 0 for value in compare(photo, style, photo).values() if value)
    apart = compare(photo, photo, style)
    assert (apart["content"], apart["structure"]) == (0, 0)
    assert apart["style"] > 0 < apart["gram"]


def test_perceptual_distance_is_zero_for_equal_pictures_and_grows_with_damage() -> None:
    lpips = Lpips(*squeezenet())
    a = tensor(picture(1))
    noise = torch.randn(a.shape, generator=torch.Generator().manual_seed(0))
    features = [lpips.features(each) for each in (a, (a + 0.02 * noise).clamp(0, 1), (a + 0.2 * noise).clamp(0, 1))]
    distances = [lpips(features[0], each) for each in features]
    assert distances[0] == 0
    assert 0 < distances[1] < distances[2]
    assert distances[2] == pytest.approx(lpips(features[2], features[0]))


def test_the_real_perceptual_distance(shared: Path) -> None:
    lpips = load_lpips(shared / "weights" / "lpips")
    photos = [tensor(read_square(shared / "eval" / "content" / f"{name}.jpg")) for name in ("chelsea", "coffee")]
    blurred = torch.nn.functional.avg_pool2d(photos[0], 5, 1, 2, count_include_pad=False)
    first, second, soft = (lpips.features(each) for each in (*photos, blurred))
    assert lpips(first, first) == 0
    assert 0.05 < lpips(first, soft) < lpips(first, second) < 1


def test_missing_weights_are_named(tmp_path: Path) -> None:
    with pytest.raises(WeightsError, match=BACKBONE):
        load_lpips(tmp_path)
    backbone, heads = squeezenet()
    torch.save(backbone, tmp_path / BACKBONE)
    torch.save({"lin0.model.1.weight": heads["lin0.model.1.weight"]}, tmp_path / HEADS)
    with pytest.raises(WeightsError, match="no tensor 'lin1"):
        load_lpips(tmp_path)


def test_a_limit_spreads_the_pairs() -> None:
    contents, styles = ([Path(f"{kind}{index}") for index in range(count)] for kind, count in (("c", 6), ("s", 10)))
    assert len(pick(contents, styles, None)) == len(set(pick(contents, styles, 99))) == 60
    few = pick(contents, styles, 7)
    assert len(few) == 7
    assert len({content for content, _ in few}) == 6
    assert len({style for _, style in few}) > 3


def test_a_table_has_means_and_says_what_was_not_measured() -> None:
    rows: list[Row] = [
        {"network": PHOTOGRAPH, "content_picture": "a", "style_picture": "s", "style": 4.0},
        {"network": "one", "content_picture": "a", "style_picture": "s", "style": 1.0},
        {"network": "one", "content_picture": "b", "style_picture": "s", "style": 2.0},
        {"network": "one", "seconds": 0.25},
    ]
    assert table(means(rows, [PHOTOGRAPH, "one"])).splitlines() == [
        "| | photograph | one |",
        "|---|---:|---:|",
        "| style | 4.000 | 1.500 |",
        "| seconds | - | 0.250 |",
    ]
    assert "docs/training.md" not in report(rows, ["one"])
    more: list[Row] = [{"network": "one", "content_picture": name, "style": 3.0} for name in quality.TRAINING]
    assert report(rows + more, ["one"]).count("| style |") == 2


def test_a_sheet_is_as_large_as_its_file_may_be(tmp_path: Path) -> None:
    rng = np.random.default_rng(0)
    rows = [[rng.integers(0, 256, (384, 384, 3), np.uint8) for _ in range(4)] for _ in range(3)]
    write_sheet(tmp_path / "sheet.png", ["content", "style", "one", "two"], rows, most_bytes=300_000)
    assert 200_000 < (tmp_path / "sheet.png").stat().st_size <= 300_000
    sheet = read_picture(tmp_path / "sheet.png").pixels
    assert sheet.shape[1] > sheet.shape[0]


def test_a_network_that_is_not_installed_is_one_line(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("sys.argv", ["quality", "--content", ".", "--style", ".", "--networks", "pincel,nonsense"])
    with pytest.raises(SystemExit, match="no network is called 'nonsense'"):
        quality.main()


def test_a_run_writes_its_three_files(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for kind, count in (("content", 1), ("style", 2)):
        (tmp_path / kind).mkdir()
        for index in range(count):
            write_picture(tmp_path / kind / f"{index}.png", Picture(picture(index)))
    monkeypatch.setattr("benchmarks.measures.SIDE", 64)
    monkeypatch.setattr(quality, "FRAME", (64, 64))
    monkeypatch.setattr(quality, "load_vgg", lambda _: Vgg())
    monkeypatch.setattr(quality, "load_lpips", lambda _: Lpips(*squeezenet()))
    arguments = [
        "--content",
        tmp_path / "content",
        "--style",
        tmp_path / "style",
        "-o",
        tmp_path / "out",
        "--engine",
        "torch",
    ]
    monkeypatch.setattr("sys.argv", ["quality", *map(str, arguments)])
    quality.main()
    assert sorted(path.name for path in (tmp_path / "out").iterdir()) == ["quality.json", "quality.md", "quality.png"]
    written = json.loads((tmp_path / "out" / "quality.json").read_text())
    painted = [row for row in written["rows"] if row["network"] == "pincel" and "style" in row]
    assert [row["style_picture"] for row in painted] == ["0", "1"]
    assert written["results"]["photograph"]["ssim"] == 1
    assert written["results"]["pincel"]["seconds"] > 0


def test_what_paints_here_is_what_paints_in_the_product() -> None:
    contender = Contender("pincel", weights_path("pincel"))
    style, frame = contender.read(picture(2)), Pattern((112, 112)).paint(0)
    with torch.inference_mode():
        here = as_pixels(contender.paint(tensor(frame), style))
    there = contender.engine("torch").paint(frame[None], style)[0]
    assert np.abs(here.astype(int) - there).max() <= 2
