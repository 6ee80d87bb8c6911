"""Files to publish: pictures of noise, an archive, movies. The same bytes on every machine, movies excepted."""
import io
import random
import struct
import subprocess
import zipfile
import zlib

from . import Problem


def _chunk(kind, data):
    return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))


def noise_png(seed, width=384, height=288):
    """A picture that does not compress: its size is known beforehand (384 x 288: about 332,000 bytes)."""
    noise = random.Random(seed)
    rows = b"".join(b"\0" + noise.randbytes(width * 3) for _ in range(height))
    return (b"\x89PNG\r\n\x1a\n" + _chunk(b"IHDR", struct.pack(">IIBBBBB", width, height, 8, 2, 0, 0, 0)) +
            _chunk(b"IDAT", zlib.compress(rows, 0)) + _chunk(b"IEND", b""))


def archive(seed, size):
    """A zip file with one member of `size` random bytes."""
    file = io.BytesIO()
    with zipfile.ZipFile(file, "w", zipfile.ZIP_STORED) as parts:
        parts.writestr(zipfile.ZipInfo("scene.bin"), random.Random(seed).randbytes(size))
    return file.getvalue()


def movie(path, seconds, pattern):
    """A small H.264 movie of one of ffmpeg's own test pictures."""
    command = ["ffmpeg", "-v", "error", "-y", "-f", "lavfi", "-i", f"{pattern}=size=320x180:rate=25:duration={seconds}",
               "-c:v", "libx264", "-preset", "ultrafast", "-pix_fmt", "yuv420p", "-movflags", "+faststart", str(path)]
    try:
        done = subprocess.run(command, capture_output=True, text=True, timeout=120)
    except FileNotFoundError:
        raise Problem("ffmpeg is not installed; movies to publish cannot be made without it") from None
    if done.returncode:
        raise Problem(f"ffmpeg could not make a movie: {done.stderr.strip()[-500:]}")
    return path.read_bytes()
