"""EXIF: what people want to keep is kept, the place only if it is asked for, and nothing that is no more true."""

import io
import warnings

import pytest
from PIL import ExifTags, Image

from impasto.images import encode_image, kept_exif, load_image

MAKER, DATE, TAKEN, APERTURE, SERIAL, TURNED = 271, 306, 36867, 33437, 42033, 274


@pytest.fixture
def photograph():
    """A JPEG file that lies on its side and tells nearly everything."""
    exif = Image.Exif()
    exif.update({MAKER: "Maker", DATE: "2020:01:02 03:04:05", 33432: "(c) somebody", TURNED: 6})
    exif.update({282: 300.0, 283: 300.0, 296: 2, 305: "Another Program"})
    exif[ExifTags.IFD.Exif] = {TAKEN: "2020:01:02 03:04:05", APERTURE: 2.8, SERIAL: "123", 37500: b"secret"}
    exif[ExifTags.IFD.GPSInfo] = {1: "N", 2: (1.0, 2.0, 3.0)}
    buffer = io.BytesIO()
    Image.new("RGB", (40, 30), "teal").save(buffer, "JPEG", exif=exif)
    return buffer.getvalue()


def told(data):
    with Image.open(io.BytesIO(data)) as image:
        exif = image.getexif()
        return dict(exif), exif.get_ifd(ExifTags.IFD.Exif), exif.get_ifd(ExifTags.IFD.GPSInfo), image.info.get("dpi")


@pytest.mark.parametrize("extension", [".jpg", ".png", ".webp", ".avif"])
def test_the_date_and_the_camera_are_kept_and_the_place_is_not_unless_asked(photograph, extension):
    picture = load_image(photograph)
    for how in ("safe", "all"):
        data = encode_image(picture.pixels, extension, exif=kept_exif(picture.exif, how))
        base, inner, place, dots = told(data)
        assert (base[MAKER], base[DATE], inner[TAKEN], inner[APERTURE]) == ("Maker", *["2020:01:02 03:04:05"] * 2, 2.8)
        assert (base[282], base.get(TURNED, 1), load_image(data).pixels.shape) == (300, 1, (1, 3, 40, 30))
        assert (bool(place), SERIAL in inner, 305 in base) == ((how == "all"),) * 3
        assert b"secret" not in data
        assert dots is None or dots == pytest.approx((300, 300), abs=0.01)
    assert told(encode_image(picture.pixels, extension))[:3] == ({}, {}, {})


def test_tiff_keeps_the_resolution(photograph):
    picture = load_image(photograph)
    data = encode_image(picture.pixels, ".tif", exif=kept_exif(picture.exif))
    assert told(data)[3] == pytest.approx((300, 300))


@pytest.mark.parametrize("damaged", [b"", b"Exif\0\0", b"Exif\0\0II*\0\xff\xff\xff\xff", b"noise" * 100])
def test_of_damaged_data_nothing_is_kept(damaged):
    assert kept_exif(damaged, "all") == b""


def test_the_command_keeps_what_it_is_told_to(photograph, impasto, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "photo.jpg").write_bytes(photograph)
    quick = ("photo.jpg", "swatch:mosaic", "--preset", "fast", "--size", "48", "--iterations", "1", "-q", "--force")
    for options, kept in (
        ((), (True, False)),
        (("--keep-exif", "all"), (True, True)),
        (("--keep-exif", "none"), (False, False)),
        (("--no-metadata",), (False, False)),
        (("--no-metadata", "--keep-exif", "safe"), (True, False)),
    ):
        assert impasto("transfer", *quick, *options, "-o", "out.png") == (0, "", "")
        base, _, place, _ = told((tmp_path / "out.png").read_bytes())
        assert (MAKER in base, bool(place)) == kept


@pytest.mark.parametrize("extension", [".jpg", ".png", ".tif"])
def test_a_resolution_that_stands_outside_exif_is_kept_and_where_there_is_none_it_is_the_usual_one(extension):
    def saved(**info):
        buffer = io.BytesIO()
        Image.new("RGB", (40, 30), "teal").save(
            buffer, {".jpg": "JPEG", ".png": "PNG", ".tif": "TIFF"}[extension], **info
        )
        return load_image(buffer.getvalue())

    for info, dots in (({"dpi": (300, 300)}, (300, 300)), ({}, (72, 72))):
        picture = saved(**info)
        data = encode_image(picture.pixels, extension, exif=kept_exif(picture.exif))
        assert told(data)[3] == pytest.approx(dots, rel=1e-3)
    assert kept_exif(saved(dpi=(300, 300)).exif, "none") == b""


@pytest.mark.parametrize("extension", [".jpg", ".png", ".webp"])
def test_names_in_any_language_stay_as_they_are(extension):
    exif, author = Image.Exif(), "Анна Müller 画".encode()
    exif[33432] = author
    picture = load_image(photo_with(exif))
    data = encode_image(picture.pixels, extension, exif=kept_exif(picture.exif))
    assert told(data)[0][33432].encode("latin-1") == author


def photo_with(exif):
    buffer = io.BytesIO()
    Image.new("RGB", (40, 30), "teal").save(buffer, "JPEG", exif=exif)
    return buffer.getvalue()


def test_of_damaged_data_nobody_is_warned():
    exif = Image.Exif()
    exif.update({MAKER: "Maker", DATE: "2020:01:02 03:04:05"})
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        for end in range(6, len(exif.tobytes())):
            kept_exif(exif.tobytes()[:end], "all")
