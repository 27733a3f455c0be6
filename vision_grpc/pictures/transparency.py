"""A ground behind transparent pictures on which what is visible can be read."""

from PIL import Image, ImageChops, ImageFilter

_OPAQUE = 255
_Colour = tuple[int, int, int]
_WHITE: _Colour = (255, 255, 255)
_BLACK: _Colour = (0, 0, 0)
# Tesseract finds a threshold for each channel. Here dark text differs from the ground in red and blue, light text in
# green, and both differ from it in brightness.
_MAGENTA: _Colour = (255, 0, 255)

# Shades that cannot be read on white, and those that cannot be read on black.
_LIGHT = range(160, 256)
_DARK = range(96)
# Of the edge pixels, how many may be lost on a ground that is better for the others.
_LOST = 0.02
_CONTRAST = 48
# What covers a whole field is an area and not the stroke of a letter. A field's side is this part of the picture's
# narrower side, but at least so many pixels.
_FIELD_PART = 8
_FIELD_PIXELS = 24
# A letter of the smallest print has more.
_FEWEST_EDGES = 12
# Letters with an outline have about as many edges inside as towards the ground.
_OUTLINED = 0.75
# Areas with fewer edges inside are large letters and shapes.
_WRITTEN_ON = 0.05


def lay_on_ground(layer: Image.Image) -> Image.Image:
    """Return an RGBA picture as RGB, laid on a ground by what is visible of it: often white, black below light text."""
    least, most = _extrema(layer.getchannel("A"))
    if least == _OPAQUE:
        return layer.convert("RGB")
    ground = Image.new("RGB", layer.size, _choose_ground(layer, most) if most else _WHITE)
    ground.paste(layer, mask=layer)
    return ground


def _choose_ground(layer: Image.Image, most: int) -> _Colour:
    visible = _select(layer.getchannel("A"), range((most + 1) // 2, 256))
    shades = layer.convert("L")
    strokes = ImageChops.subtract(visible, _areas(visible))
    edges, steps = _count_edges(strokes, visible, shades)
    if sum(edges) < _FEWEST_EDGES:
        edges, steps = _count_edges(visible, visible, shades)
        if sum(edges) < _FEWEST_EDGES:
            return _WHITE
        if steps >= _WRITTEN_ON * sum(edges):  # Cards with text: the ground continues them.
            return _median(edges)
    if steps >= _OUTLINED * sum(edges):
        return _median(edges)
    light, dark = (sum(edges[shade] for shade in range_) for range_ in (_LIGHT, _DARK))
    if light <= _LOST * sum(edges):
        return _WHITE
    return _BLACK if dark <= _LOST * sum(edges) else _MAGENTA


def _areas(visible: Image.Image) -> Image.Image:
    """Return a mask of the fields that are visible as a whole, and of those around them."""
    side = max(_FIELD_PIXELS, min(visible.size) // _FIELD_PART)
    fields = _select(visible.reduce(side), range(_OPAQUE, 256)).filter(ImageFilter.MaxFilter(3))
    size = (fields.width * side, fields.height * side)
    whole = fields.resize(size, Image.Resampling.NEAREST)  # pyright: ignore[reportUnknownMemberType] # numpy's
    return whole.crop((0, 0, *visible.size))


def _select(channel: Image.Image, values: range) -> Image.Image:
    """Return a mask of the pixels with one of these values."""
    table = [_OPAQUE if value in values else 0 for value in range(256)]
    return channel.point(table)  # pyright: ignore[reportUnknownMemberType] # numpy's


def _count_edges(objects: Image.Image, visible: Image.Image, shades: Image.Image) -> tuple[list[int], int]:
    """Return a histogram of the shades of objects next to transparent pixels, and the number of steps inside them."""
    edges, steps = [0] * 256, 0
    width, height = visible.size
    for one, other in (
        ((0, 0, width - 1, height), (1, 0, width, height)),
        ((0, 0, width, height - 1), (0, 1, width, height)),
    ):
        if one[2] == 0 or one[3] == 0:
            continue
        for here, there in ((one, other), (other, one)):
            at_edge = ImageChops.subtract(objects.crop(here), visible.crop(there))
            edges = [sum(pair) for pair in zip(edges, shades.crop(here).histogram(at_edge), strict=True)]
        inside = ImageChops.darker(objects.crop(one), objects.crop(other))
        steps += sum(ImageChops.difference(shades.crop(one), shades.crop(other)).histogram(inside)[_CONTRAST:])
    return edges, steps


def _median(histogram: list[int]) -> _Colour:
    left = sum(histogram) / 2
    for shade, count in enumerate(histogram):
        left -= count
        if left <= 0:
            return (shade, shade, shade)
    return _WHITE


def _extrema(channel: Image.Image) -> tuple[int, int]:
    histogram = channel.histogram()
    present = [value for value, count in enumerate(histogram) if count]
    return present[0], present[-1]
