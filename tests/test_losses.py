"""What training minimises beside style and structure."""

import math

import pytest
import torch

from engines.losses import fidelity, halo, mesh, overlap_distance


def test_where_crop_and_shifted_copy_overlap_they_show_the_same() -> None:
    area = torch.rand(3, 24, 24)
    for offset in ((0, 0), (3, -2), (-4, 1)):
        top, left = 4 + offset[0], 4 + offset[1]
        ours, theirs = area[:, top : top + 12, left : left + 12], area[:, 4:16, 4:16]
        assert overlap_distance(ours, theirs, offset) == pytest.approx(0, abs=1e-4)
        jumped = theirs.clone()
        jumped[:, 4:8, 4:8] += 1  # seen in every overlap, of (12 - |down|) (12 - |right|) pixels
        seen = 16 / ((12 - abs(offset[0])) * (12 - abs(offset[1])))
        assert overlap_distance(ours, jumped, offset).item() == pytest.approx(math.sqrt(seen), abs=1e-4)


def test_fidelity_is_the_root_mean_square_and_has_a_gradient_at_none() -> None:
    photo = torch.full((2, 3, 8, 8), 0.5)
    other = photo.clone()
    other[1, :, :4] += 0.2  # half of it
    assert fidelity(other, photo).tolist() == pytest.approx([0.0, 0.2 / math.sqrt(2)], abs=1e-4)
    same = photo.clone().requires_grad_(True)
    fidelity(same, photo).sum().backward()  # type: ignore[no-untyped-call]
    assert same.grad is not None
    assert same.grad.isfinite().all()


def test_a_mesh_is_what_is_the_same_in_every_cell() -> None:
    torch.manual_seed(0)
    photo = torch.full((1, 3, 128, 128), 0.5)
    cell, grain = 0.04 * torch.randn(1, 3, 8, 8), 0.04 * torch.randn(photo.shape)
    meshed = photo + cell.repeat(1, 1, 16, 16)
    assert mesh(photo, photo) == 0
    assert mesh(photo + grain, photo) < 0.15 * mesh(meshed, photo)
    busy = photo.clone()
    busy[:, :, :, 64:] += 0.5 * torch.rand(1, 3, 128, 64) - 0.25
    left, right = meshed.clone(), meshed.clone()
    left[:, :, :, 64:], right[:, :, :, :64] = 0.5, 0.5
    assert mesh(right, busy) < 0.2 * mesh(left, busy)


def test_a_halo_is_a_step_where_the_photograph_has_none() -> None:
    across = torch.linspace(0.3, 0.4, 96).expand(1, 3, 96, 96)
    photo = across.clone()
    photo[:, :, 32:48, 64:] = 0.9  # a bright cloud
    assert halo(photo, photo) == 0
    haloed = photo.clone()
    haloed[:, :, 16:64, 40:64] -= 0.2  # up to an upright edge, 24 pixels before it
    assert halo(haloed, photo) > 1e-3
    assert halo(haloed.mT, photo.mT) == pytest.approx(halo(haloed, photo).item(), rel=1e-5)
    outlined = photo.clone()
    outlined[:, :, 32:48, 60:64] = 0  # within a cell of the cloud
    assert halo(outlined, photo) == 0
    brushed = photo + 0.1 * torch.randn(photo.shape, generator=torch.Generator().manual_seed(0))
    assert halo(brushed, photo) < 0.05 * halo(haloed, photo)
