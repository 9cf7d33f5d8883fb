"""A photograph painted in one pass: seen, taken to the styles' statistics, decoded; in tiles, exactly as if whole.

Nothing in it is trained for a style. What a style is, are its moments: they blend, they can be those of a part of a
picture, and the photograph's own give the photograph back.
"""

from __future__ import annotations

import math
from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace

import torch
import torch.nn.functional as F
from torch import Tensor

from impasto.encoders.base import Sums, at_layer
from impasto.encoders.chain import ChainEncoder
from impasto.images import resize
from impasto.instant.decoder import CODED, SKIPS, Decoder, Lead, code
from impasto.instant.grain import grain
from impasto.instant.transport import Affine, Held, Origin, Roots
from impasto.statistics import Moments, blend, moments
from impasto.tiling import Tile, Tiling, spans

STRIDE = 8  # of the deepest features
REACH = 40  # pixels that the decoder looks to each side, at most
TILE = 1024
LARGE = 768  # pixels of a long side
SMALLEST = 16  # pixels of a side that can be painted
COLORED = 0.5  # of the way to the mean and covariance of the styles' colors


@dataclass(frozen=True)
class Style:
    """The styles of a part of the picture, how much each counts, and `where`.

    In the layers `fine` it is the `texture`, with its alpha, that counts instead.

    Shape: pictures (1, 3, H, W) each, alphas (1, 1, H, W) or None each, where (1, 1, height, width) or None for all.
    """

    pictures: Sequence[Tensor]
    alphas: Sequence[Tensor | None]
    shares: Sequence[float]
    where: Tensor | None = None
    texture: tuple[Tensor, Tensor | None] | None = None
    fine: Collection[str] = ()

    def halved(self) -> Style:
        """The same at half the size."""
        pictures, alphas = map(_halved, self.pictures), [None if a is None else _halved(a) for a in self.alphas]
        texture = self.texture and (
            _halved(self.texture[0]),
            None if self.texture[1] is None else _halved(self.texture[1]),
        )
        where = None if self.where is None else _halved(self.where)
        return Style(list(pictures), alphas, self.shares, where, texture, self.fine)


@dataclass(frozen=True)
class Map:
    """Where a layer's features go: what lies far out is held back, then all are taken to a style's statistics."""

    held: Held
    affine: Affine

    def __call__(self, features: Tensor) -> Tensor:
        """Shape: (N, C, H, W) -> (N, C, H, W)."""
        return self.affine(self.held(features))


@dataclass(frozen=True)
class _Hand:
    """How a part is painted: where features go, layer by layer, what leads the decoder, what led it to no style."""

    maps: Mapping[str, Map]
    leads: list[list[Lead]]
    plain_leads: list[list[Lead]]
    where: Tensor | None

    def plain(self) -> _Hand:
        """The part as the decoder paints it of the photograph's own statistics."""
        return _Hand({}, self.plain_leads, self.plain_leads, self.where)


class Instant:
    """`encoder` sees, in float32, and `decoder` paints."""

    def __init__(self, encoder: ChainEncoder, decoder: Decoder, sha256: str = ""):
        self.encoder, self.decoder, self.sha256 = encoder, decoder, sha256
        self._reach = Tiling(encoder, list(SKIPS), 1).halo + REACH

    @torch.no_grad()
    def paint(
        self, content: Tensor, styles: Sequence[Style], *, amount: float = 1.0, freedom: float = 0.0, tile: int = TILE
    ) -> Tensor:
        """The content in its parts' styles, in [0, 1].

        Args:
            content: (1, 3, H, W).
            styles: One for each part.
            amount: 0 for the content as it is, 1 for all of the styles' statistics.
            freedom: How little of the content needs to stay, from 0 to 1.
            tile: The side of the tiles that a larger picture is painted in, in pixels; the result is the same.

        A picture larger than `LARGE` has its coarse forms from what is painted of it at half the size: strokes are as
        large as the network's reach, which is that of few pixels.  Each part's colors go `COLORED` of the way to the
        mean and covariance of its styles' in the end.
        """
        painted = self._coarse_to_fine(content, styles, amount, freedom, tile)
        return _colored(painted, styles, amount).clamp_(0, 1) if amount else painted

    def _coarse_to_fine(
        self, content: Tensor, styles: Sequence[Style], amount: float, freedom: float, tile: int
    ) -> Tensor:
        fine = self._at_one_size(content, styles, amount, freedom, tile)
        sides = content.shape[-2:]
        if max(sides) <= LARGE or min(_shortest(content), *map(_shortest, _pictures(styles))) < 2 * SMALLEST:
            return fine.clamp_(0, 1)
        halves = [style.halved() for style in styles]
        coarse = self._coarse_to_fine(_halved(content), halves, amount, freedom, tile)
        shrunk = resize(fine.clamp_(0, 1), *coarse.shape[-2:])
        return fine.add_(resize(coarse, *sides)).sub_(resize(shrunk, *sides)).clamp_(0, 1)

    def _at_one_size(
        self, content: Tensor, styles: Sequence[Style], amount: float, freedom: float, tile: int
    ) -> Tensor:
        height, width = content.shape[-2:]
        content = _padded(content)
        grained = with_grain(content, self.decoder, self._number(amount))
        hands = [self._hand(grained, style, amount, freedom, tile) for style in styles]
        painted = torch.empty_like(content)
        rows, columns = (spans(side, tile, STRIDE, self._halo) for side in content.shape[-2:])
        for each in (Tile(row, column) for row in rows for column in columns):
            seen, grainy = (each.seen(whole).to(self.encoder.device) for whole in (content, grained))
            part = self._decoded(seen, grainy, [_seen_by(hand, each, self.encoder.device) for hand in hands], amount)
            each.placed(painted, 1).copy_(each.counted(part, 1))
        return painted[..., :height, :width]

    def _number(self, value: float) -> Tensor:
        """A number for one picture, where the networks are.  Shape: (1,)."""
        return torch.tensor([value], dtype=torch.float32, device=self.encoder.device)

    @property
    def _halo(self) -> int:
        return math.ceil(self._reach / STRIDE) * STRIDE

    def _hand(self, content: Tensor, style: Style, amount: float, freedom: float, tile: int) -> _Hand:
        where = None if style.where is None else _padded(style.where)
        seen = zip(style.pictures, style.alphas, strict=True)
        each = [self._moments(picture, alpha, tile) for picture, alpha in seen]
        target = {layer: blend([found[layer] for found in each], style.shares) for layer in CODED}
        if style.texture is not None:
            texture = self._moments(*style.texture, tile)
            target |= {layer: found for layer, found in texture.items() if layer in style.fine}
        own = self._moments(content, where, tile)
        own = {layer: found.normalized() for layer, found in own.items()}
        own_code = code(own)
        leads = self.decoder.leads(torch.lerp(own_code, code(target), amount), self._number(freedom))
        plain = self.decoder.leads(own_code, self._number(0))
        return _Hand(maps(self.decoder, own, target, self._number(amount)), leads, plain, where)

    def _moments(self, image: Tensor, weight: Tensor | None, tile: int) -> dict[str, Moments]:
        wanted = [Sums(layer, at_layer(weight, self.encoder, layer)) for layer in CODED]
        found = Tiling(self.encoder, list(CODED), tile).moments(image, wanted)
        return {each.layer: moments for each, moments in found.items()}

    def _decoded(self, image: Tensor, grained: Tensor, hands: Sequence[_Hand], amount: float) -> Tensor:
        """Shape: (1, 3, H, W), sides multiples of `STRIDE`.

        What the decoder cannot say of the photograph comes from the photograph, as far as that is to stay.
        """
        features = self.encoder(grained, list(SKIPS))
        painted = self._painted(features, hands)
        if amount < 1:
            unsaid = image - self._painted(features, [hand.plain() for hand in hands])
            painted += (1 - amount) * unsaid
        return painted

    def _painted(self, features: Mapping[str, Tensor], hands: Sequence[_Hand]) -> Tensor:
        shares = _shares([hand.where for hand in hands])
        moved = [
            {layer: hand.maps[layer](f) if hand.maps else f for layer, f in features.items()}
            for hand in (hands if shares else hands[:1])
        ]
        if shares is None:
            return self._picture(moved[0], hands[0].leads)
        mixed = {layer: _mixed(shares, [each[layer] for each in moved], f.shape[-2:]) for layer, f in features.items()}
        leads = [
            [
                Lead(*(_mixed(shares, list(parts), size) for parts in zip(*same, strict=True)))
                for same in zip(*blocks, strict=True)
            ]
            for blocks, size in zip(zip(*(hand.leads for hand in hands), strict=True), _sizes(features), strict=True)
        ]
        return self._picture(mixed, leads)

    def _picture(self, features: Mapping[str, Tensor], leads: list[list[Lead]]) -> Tensor:
        picture: Tensor = self.decoder(features, leads)
        return picture


def with_grain(image: Tensor, decoder: Decoder, amount: Tensor, corner: tuple[int, int] = (0, 0)) -> Tensor:
    """A photograph with the grain that the decoder wants in it, as far as it is painted over; from `corner` on.

    Shape: (N, 3, H, W), amount (N,) -> (N, 3, H, W), not clamped.
    """
    deviation = (decoder.grain.to(image) * amount.to(image))[:, None, None, None]
    height, width = image.shape[-2:]
    return image + deviation * grain(height, width, *corner).to(image)


def maps(
    decoder: Decoder,
    own: Mapping[str, Moments],
    target: Mapping[str, Moments],
    amount: Tensor,
    roots: Roots | None = None,
) -> dict[str, Map]:
    """Where the features of `SKIPS` go, `amount`, (N,), of the way from a photograph's statistics to a style's.

    The shallowest, which have the photograph's own detail, fade on the way.
    """
    origins = {layer: Origin.of(own[layer], roots) for layer in SKIPS}
    found = {layer: origin.to(target[layer]).part(amount) for layer, origin in origins.items()}
    *_, nearest = SKIPS
    found[nearest] = found[nearest].times(1 - amount * (1 - decoder.near))
    return {layer: Map(origins[layer].held(amount), affine) for layer, affine in found.items()}


def _colored(image: Tensor, styles: Sequence[Style], amount: float) -> Tensor:
    """The image, the colors of its parts part of the way to their styles'."""
    shares = _shares([style.where for style in styles]) or [torch.ones(())]
    changes = []
    for style, share in zip(styles, shares, strict=False):
        seen = [moments(*each) for each in zip(style.pictures, style.alphas, strict=True)]
        mapped = recolored(image, moments(image, style.where), blend(seen, style.shares), image.new_tensor([amount]))
        changes.append(share * (mapped - image))
    return image + torch.stack(changes).sum(0)


def recolored(image: Tensor, own: Moments, target: Moments, amount: Tensor, roots: Roots | None = None) -> Tensor:
    """`image` with its colors from the statistics `own` on `amount` times `COLORED` of the way to those of a style.

    Shape: (1, 3, H, W), moments of one picture, amount (1,) -> (1, 3, H, W), not clamped.
    """
    return Origin.of(own, roots).to(target).part(COLORED * amount)(image)


def _pictures(styles: Sequence[Style]) -> Iterator[Tensor]:
    for style in styles:
        yield from style.pictures
        if style.texture is not None:
            yield style.texture[0]


def _shortest(image: Tensor) -> int:
    return min(image.shape[-2:])


def _halved(image: Tensor) -> Tensor:
    height, width = image.shape[-2:]
    return resize(image, (height + 1) // 2, (width + 1) // 2).clamp(0, 1)


def _padded(image: Tensor) -> Tensor:
    """With the last rows and columns repeated until sides are multiples of `STRIDE`."""
    down, right = (-side % STRIDE for side in image.shape[-2:])
    return F.pad(image, (0, right, 0, down), mode="replicate") if down or right else image


def _seen_by(hand: _Hand, tile: Tile, device: torch.device) -> _Hand:
    return hand if hand.where is None else replace(hand, where=tile.seen(hand.where).to(device))


def _shares(wheres: Sequence[Tensor | None]) -> list[Tensor] | None:
    """How much of each place is whose; they sum to 1.  None if all is of one part."""
    if len(wheres) == 1 or any(where is None for where in wheres):
        return None
    total = torch.stack([where for where in wheres if where is not None]).sum(0).clamp_min(1e-6)
    return [where / total for where in wheres if where is not None]


def _mixed(shares: Sequence[Tensor], parts: Sequence[Tensor], size: Sequence[int]) -> Tensor:
    """Parts by their shares around each position.  Shape: shares (1, 1, H, W), parts (1, C, h, w) or (1, C, 1, 1)."""
    there = [F.interpolate(share, list(size), mode="area") for share in shares]
    return torch.stack([share * part for share, part in zip(there, parts, strict=True)]).sum(0)


def _sizes(features: Mapping[str, Tensor]) -> list[list[int]]:
    """Of the decoder's blocks, from the deepest features to pixels."""
    deepest = features[next(iter(SKIPS))]
    return [[side * factor for side in deepest.shape[-2:]] for factor in (1, 2, 4, 8)]
