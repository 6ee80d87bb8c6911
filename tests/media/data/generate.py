"""Makes the images in this folder and goldens.txt, with Pillow 12.2.0 and NumPy:

    python3 -m venv /tmp/v && /tmp/v/bin/pip install pillow==12.2.0 numpy && /tmp/v/bin/python generate.py

A line of goldens.txt: file, target width, target height, mode, CRC-32 and Adler-32 of the RGB pixels that Pillow gives.
What Pillow gets wrong is put right here before scaling: orientation (ImageOps.exif_transpose), transparency (blended on
black), 16 bits (rounded), crops that come out one pixel short (at least the target).
"""
import struct, zlib, io, os
import numpy as np
from PIL import Image, ImageOps, ImageCms

os.chdir(os.path.dirname(os.path.abspath(__file__)))
Image.MAX_IMAGE_PIXELS = None
rng = np.random.default_rng(20)


def picture(w, h, channels=3, grain=6.0):
    """Smooth colours, some edges, a little grain."""
    out = np.zeros((h, w, channels), np.float64)
    for cells, strength in ((3, 80), (11, 40)):
        for c in range(channels):
            n = rng.normal(0, 1, (min(cells, h), min(cells, w))).astype(np.float32)
            out[..., c] += strength * np.asarray(Image.fromarray(n).resize((w, h), Image.BICUBIC))
    out += 128 + rng.normal(0, grain, out.shape)
    out[h // 3 : h // 3 + 3, :, 0] = 255
    out[:, w // 2 : w // 2 + 2, 1 % channels] = 0
    return np.clip(out, 0, 255).astype(np.uint8)


def chunk(name, body):
    return struct.pack(">I", len(body)) + name + body + struct.pack(">I", zlib.crc32(name + body))


def pack(samples, bits):
    """Rows of samples (h, n) to filtered-with-0 PNG lines."""
    lines = b""
    for row in samples:
        if bits == 16:
            line = row.astype(">u2").tobytes()
        elif bits == 8:
            line = row.astype(np.uint8).tobytes()
        else:
            digits = np.unpackbits(row.astype(np.uint8)[:, None], axis=1)[:, 8 - bits :].ravel()
            line = np.packbits(digits).tobytes()
        lines += b"\0" + line
    return lines


def write_png(name, samples, colour, bits, interlaced=False, extra=b""):
    h, w = samples.shape[:2]
    data = samples.reshape(h, w, -1)
    if interlaced:
        raw = b""
        for x0, y0, dx, dy in ((0, 0, 8, 8), (4, 0, 8, 8), (0, 4, 4, 8), (2, 0, 4, 4), (0, 2, 2, 4), (1, 0, 2, 2), (0, 1, 1, 2)):
            part = data[y0::dy, x0::dx]
            if part.size:
                raw += pack(part.reshape(part.shape[0], -1), bits)
    else:
        raw = pack(data.reshape(h, -1), bits)
    head = struct.pack(">IIBBBBB", w, h, bits, colour, 0, 0, int(interlaced))
    with open(name, "wb") as f:
        f.write(b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", head) + extra + chunk(b"IDAT", zlib.compress(raw, 9)) + chunk(b"IEND", b""))


pixels = {}  # file -> the right RGB pixels, where Pillow does not read them so


def blend(rgba):
    t = rgba[..., :3].astype(np.uint32) * rgba[..., 3:] + 128
    return (((t >> 8) + t) >> 8).astype(np.uint8)


def to8(v):
    return ((v.astype(np.uint64) * 255 + 32895) >> 16).astype(np.uint8)


def make_png():
    a = picture(101, 67)
    write_png("rgb.png", a, 2, 8)
    write_png("rgb_adam7.png", a, 2, 8, True)
    write_png("orientation7.png", a, 2, 8, extra=chunk(b"eXIf", b"MM\0*\0\0\0\x08\0\x01\x01\x12\0\x03\0\0\0\x01\0\x07\0\0\0\0\0\0"))
    alpha = np.minimum(np.indices((67, 101)).sum(0) * 2, 255).astype(np.uint8)
    rgba = np.dstack([a, alpha])
    write_png("rgba.png", rgba, 6, 8)
    write_png("rgba_adam7.png", rgba, 6, 8, True)
    wide = rng.integers(0, 65536, (23, 37, 4)).astype(np.uint16)
    write_png("rgb16.png", wide[..., :3], 2, 16)
    pixels["rgb16.png"] = to8(wide[..., :3])
    write_png("rgba16.png", wide, 6, 16)
    pixels["rgba16.png"] = blend(to8(wide))
    write_png("grey16.png", wide[..., 0], 0, 16)
    pixels["grey16.png"] = np.repeat(to8(wide[..., :1]), 3, 2)
    write_png("grey16_adam7.png", wide[..., 0], 0, 16, True)
    pixels["grey16_adam7.png"] = pixels["grey16.png"]
    grey = picture(83, 59, 1)[..., 0]
    write_png("grey.png", grey, 0, 8)
    for bits in (1, 2, 4):
        write_png(f"grey{bits}.png", grey >> (8 - bits), 0, bits)
        write_png(f"grey{bits}_adam7.png", grey >> (8 - bits), 0, bits, True)
        pixels[f"grey{bits}.png"] = np.repeat(((grey >> (8 - bits)).astype(int) * 255 // (2**bits - 1)).astype(np.uint8)[..., None], 3, 2)
        pixels[f"grey{bits}_adam7.png"] = pixels[f"grey{bits}.png"]
    write_png("grey_alpha.png", np.dstack([grey, alpha[:59, :83]]), 4, 8)
    table = rng.integers(0, 256, (16, 3)).astype(np.uint8)
    write_png("palette4.png", grey >> 4, 3, 4, extra=chunk(b"PLTE", table.tobytes()))
    clear = np.arange(0, 160, 10).astype(np.uint8)
    write_png("palette_trns.png", grey >> 4, 3, 8, extra=chunk(b"PLTE", table.tobytes()) + chunk(b"tRNS", clear.tobytes()))
    pixels["palette_trns.png"] = blend(np.dstack([table[grey >> 4], clear[grey >> 4]]))
    key = a.copy()
    key[10:30, 10:50] = (255, 1, 2)
    write_png("rgb_key.png", key, 2, 8, extra=chunk(b"tRNS", struct.pack(">HHH", 255, 1, 2)))
    flat = key.copy()
    flat[(key == (255, 1, 2)).all(2)] = 0
    pixels["rgb_key.png"] = flat
    write_png("one.png", a[:1, :1], 2, 8)
    write_png("narrow.png", picture(4, 900), 2, 8)


def make_jpeg():
    Image.fromarray(picture(1, 1)).save("one.jpg")
    a = Image.fromarray(picture(203, 151))
    a.save("plain.jpg", quality=90)
    a.save("fine.jpg", quality=92, subsampling=0)
    a.save("halved.jpg", quality=85, subsampling=1, restart_marker_rows=2)
    a.save("progressive.jpg", quality=88, progressive=True)
    a.convert("L").save("grey.jpg", quality=90)
    a.convert("CMYK").save("cmyk.jpg", quality=80)
    Image.fromarray(picture(3000, 20)).save("wide.jpg", quality=60)
    Image.fromarray(picture(624, 351, grain=0)).save("short_by_one.jpg", quality=60)
    Image.fromarray(picture(11, 1500)).save("narrow.jpg", quality=70)
    Image.fromarray(picture(1003, 757, grain=0)).save("large.jpg", quality=60)
    b = Image.fromarray(picture(96, 50))
    for orientation in range(1, 9):
        exif = Image.Exif()
        exif[0x112] = orientation
        b.save(f"orientation{orientation}.jpg", quality=75, exif=exif)


def make_webp():
    a = Image.fromarray(picture(121, 90))
    a.save("lossy.webp", quality=80)
    a.save("lossless.webp", lossless=True)
    alpha = Image.fromarray(np.minimum(np.indices((90, 121)).sum(0) * 2, 255).astype(np.uint8))
    b = a.copy()
    b.putalpha(alpha)
    b.save("alpha.webp", quality=80)
    b.save("alpha_lossless.webp", lossless=True, exact=True)
    exif = Image.Exif()
    exif[0x112] = 6
    a.save("orientation6.webp", quality=70, exif=exif)
    frames = [Image.fromarray(picture(64, 48)) for _ in range(2)]
    frames[0].save("animated.webp", save_all=True, append_images=frames[1:], quality=70)


def matrix_profile(primaries, gamma, space=b"RGB "):
    """A small version 2 display profile: D50-adapted columns and one power for all channels."""
    def xyz(v):
        return b"XYZ \0\0\0\0" + b"".join(struct.pack(">i", round(x * 65536)) for x in v)
    curve = b"curv\0\0\0\0" + struct.pack(">IH", 1, round(gamma * 256)) + b"\0\0"
    text = b"desc\0\0\0\0" + struct.pack(">I", 5) + b"test\0" + b"\0" * 79
    tags = [(b"desc", text), (b"wtpt", xyz((0.9642, 1.0, 0.8249)))]
    if space == b"GRAY":
        tags.append((b"kTRC", curve))
    else:
        tags += [(n, xyz(p)) for n, p in zip((b"rXYZ", b"gXYZ", b"bXYZ"), primaries)]
        tags += [(n, curve) for n in (b"rTRC", b"gTRC", b"bTRC")]
    table, body = b"", b""
    start = 128 + 4 + 12 * len(tags)
    for name, data in tags:
        data += b"\0" * (-len(data) % 4)
        table += name + struct.pack(">II", start + len(body), len(data))
        body += data
    size = start + len(body)
    head = struct.pack(">I4sI4s4s4s", size, b"lcms", 0x02400000, b"mntr", space, b"XYZ ") + struct.pack(">6H", 2020, 1, 1, 0, 0, 0)
    head += b"acsp" + b"\0" * 28 + struct.pack(">iii", 63190, 65536, 54061) + b"\0" * 48
    return head[:128] + struct.pack(">I", len(tags)) + table + body


def make_profiles():
    wide = matrix_profile(((0.60974, 0.31111, 0.01947), (0.20528, 0.62567, 0.06087), (0.14919, 0.06322, 0.74457)), 2.2)
    same = ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB")).tobytes()
    a = Image.fromarray(picture(48, 32))
    a.save("wide_gamut.jpg", quality=95, subsampling=0, icc_profile=wide)
    a.save("wide_gamut.png", icc_profile=wide)
    a.save("wide_gamut.webp", lossless=True, icc_profile=wide)
    a.save("srgb_profile.png", icc_profile=same)
    a.save("broken_profile.png", icc_profile=wide[:128] + b"\xff" * 200)
    a.save("broken_profile.jpg", quality=90, icc_profile=wide[:40] + b"\xff" * 300)
    a.convert("L").save("grey_profile.png", icc_profile=matrix_profile(None, 1.0, b"GRAY"))
    srgb = ImageCms.createProfile("sRGB")
    for name in ("wide_gamut.jpg", "wide_gamut.png", "grey_profile.png"):
        im = Image.open(name)
        profile = ImageCms.ImageCmsProfile(io.BytesIO(im.info["icc_profile"]))
        ImageCms.profileToProfile(im, profile, srgb, outputMode="RGB").save(name.split(".")[0] + "_" + name.split(".")[1] + ".expected.png")


def load(name):
    if name in pixels:
        return Image.fromarray(pixels[name])
    im = Image.open(name)
    if im.getexif().get(0x112, 1) != 1:
        im = ImageOps.exif_transpose(im)
    if im.mode in ("RGBA", "LA"):
        return Image.fromarray(blend(np.asarray(im.convert("RGBA"))))
    return im if im.mode == "RGB" else im.convert("RGB")


def prepare(name, w, h, mode):
    im = load(name)
    if mode == "rescale":
        return im.resize((w, h), Image.LANCZOS)
    if mode == "crop":
        if im.width / im.height > w / h:
            size = max(int(im.width * (h / im.height)), w), h
        else:
            size = w, max(int(im.height * (w / im.width)), h)
        im = im.resize(size, Image.LANCZOS)
        left, top = (im.width - w) // 2, (im.height - h) // 2
        return im.crop((left, top, left + w, top + h))
    im.thumbnail((w, h), Image.LANCZOS)
    out = Image.new("RGB", (w, h))
    out.paste(im, ((w - im.width) // 2, (h - im.height) // 2))
    return out


make_png()
make_jpeg()
make_webp()
make_profiles()
with open("goldens.txt", "w") as f:
    for name in sorted(os.listdir(".")):
        if not name.endswith((".png", ".jpg", ".webp")) or "profile" in name or "wide_gamut" in name or ".expected" in name:
            continue
        targets = [(128, 72), (72, 128), (17, 16), (331, 97)]
        if name in ("plain.jpg", "one.png", "short_by_one.jpg", "large.jpg", "narrow.png", "lossy.webp"):
            targets += [(1280, 720), (720, 1280)]
        for w, h in targets:
            for mode in ("crop", "pad", "rescale"):
                data = prepare(name, w, h, mode).tobytes()
                f.write(f"{name} {w} {h} {mode} {zlib.crc32(data):08x} {zlib.adler32(data):08x}\n")
