"""Makes the two slides of read.sh from a real Aperio slide: its compressed tiles, repeated over a large square.

    read_slides.py SOURCE.svs OUT [EDGE_PX]

OUT/rgb.svs keeps the source's own tiles (JPEG without a colour transform, photometric RGB, shared tables), byte for byte.
OUT/ycbcr.tif holds the same picture as a generic pyramid has it: 256 px tiles, YCbCr, chroma 4:2:0, Pillow's quality 75.
Every tile is written as often as it is shown, so that both files are read from as many places as a real slide.
"""
import io
import os
import struct
import sys

from PIL import Image
import openslide

PHOTOMETRIC_RGB, PHOTOMETRIC_YCBCR = 2, 6
JPEG = 7


def read_first_directory(path):
    """Tags of the first picture of a classic little-endian TIFF: {tag: [values]} and the file's bytes."""
    data = open(path, "rb").read()
    assert data[:4] == b"II*\0", "a classic little-endian TIFF is expected"
    at = struct.unpack_from("<I", data, 4)[0]
    count = struct.unpack_from("<H", data, at)[0]
    tags = {}
    for i in range(count):
        tag, kind, values, _ = struct.unpack_from("<HHII", data, at + 2 + 12 * i)
        letter = {1: "B", 2: "B", 3: "H", 4: "I", 7: "B"}[kind]
        size = values * struct.calcsize("<" + letter)
        where = at + 2 + 12 * i + 8
        if size > 4:
            where = struct.unpack_from("<I", data, where)[0]
        tags[tag] = list(struct.unpack_from(f"<{values}{letter}", data, where))
    return tags, data


def write_tiff(path, edge, tile, columns, tiles, photometric, subsampling, tables, description):
    """A single-level tiled TIFF; `tiles(row, column)` gives compressed bytes."""
    offsets, sizes = [], []
    with open(path + ".part", "wb") as out:
        out.write(b"II*\0\0\0\0\0")
        for row in range(columns):
            for column in range(columns):
                jpeg = tiles(row, column)
                offsets.append(out.tell())
                sizes.append(len(jpeg))
                out.write(jpeg)
        entries = [
            (254, 4, [0]), (256, 4, [edge]), (257, 4, [edge]), (258, 3, [8, 8, 8]), (259, 3, [JPEG]),
            (262, 3, [photometric]), (270, 2, list(description.encode() + b"\0")), (277, 3, [3]), (284, 3, [1]),
            (322, 3, [tile]), (323, 3, [tile]), (324, 4, offsets), (325, 4, sizes),
        ]
        if tables:
            entries.append((347, 7, list(tables)))
        if subsampling:
            entries.append((530, 3, subsampling))
        if out.tell() % 2:
            out.write(b"\0")
        at = out.tell()
        extra_at = at + 2 + 12 * len(entries) + 4
        extra = b""
        out.write(struct.pack("<H", len(entries)))
        for tag, kind, values in entries:
            value = struct.pack(f"<{len(values)}{ {2: 'B', 3: 'H', 4: 'I', 7: 'B'}[kind]}", *values)
            out.write(struct.pack("<HHI", tag, kind, len(values)))
            if len(value) <= 4:
                out.write(value.ljust(4, b"\0"))
            else:
                out.write(struct.pack("<I", extra_at + len(extra)))
                extra += value + b"\0" * (len(value) % 2)
        out.write(struct.pack("<I", 0) + extra)
        out.seek(4)
        out.write(struct.pack("<I", at))
    os.replace(path + ".part", path)


def main():
    source, folder = sys.argv[1], sys.argv[2]
    wanted = int(sys.argv[3]) if len(sys.argv) > 3 else 20000
    tags, data = read_first_directory(source)
    description = bytes(tags[270]).split(b"\0")[0].decode()

    tile = tags[322][0]
    across, down = tags[256][0] // tile, tags[257][0] // tile
    per_row = -(-tags[256][0] // tile)
    own = [data[o:o + n] for o, n in zip(tags[324], tags[325])]
    columns = -(-wanted // tile)
    write_tiff(
        os.path.join(folder, "rgb.svs"), columns * tile, tile, columns,
        lambda row, column: own[row % down * per_row + column % across],
        PHOTOMETRIC_RGB, None, bytes(tags[347]), description)

    slide = openslide.OpenSlide(source)
    tile = 256
    across, down = slide.dimensions[0] // tile, slide.dimensions[1] // tile
    encoded = []
    for row in range(down):
        for column in range(across):
            buffer = io.BytesIO()
            pixels = slide.read_region((column * tile, row * tile), 0, (tile, tile)).convert("RGB")
            pixels.save(buffer, "JPEG", quality=75, subsampling=2)
            encoded.append(buffer.getvalue())
    columns = -(-wanted // tile)
    write_tiff(
        os.path.join(folder, "ycbcr.tif"), columns * tile, tile, columns,
        lambda row, column: encoded[row % down * across + column % across],
        PHOTOMETRIC_YCBCR, [2, 2], None, "repeated tissue")


if __name__ == "__main__":
    main()
