"""Clips are read and written as they are: times, sound, turned and stretched ones, damaged ones."""

from fractions import Fraction
from itertools import islice

import numpy as np
import pytest
from PIL import Image, ImageSequence

import films
from impasto.errors import CheckpointError, ImageError, MissingFileError, UsageError
from impasto.images import read_text

av = pytest.importorskip("av", reason="needs the extra `video`")
pytest.importorskip("cv2", reason="needs the extra `video`")

from impasto.video.choosing import Choice, chosen  # noqa: E402
from impasto.video.folder import NOTE, FrameFolder  # noqa: E402
from impasto.video.hdr import pq_coded  # noqa: E402
from impasto.video.reading import open_clip  # noqa: E402
from impasto.video.writing import check_kind, check_pace, write_clip  # noqa: E402

UNEVEN = [0, 40, 80, 150, 200, 240, 330, 470]  # milliseconds


@pytest.fixture
def frames():
    return films.pan(8)


@pytest.fixture
def clip(tmp_path, frames):
    films.write(tmp_path / "in.mp4", frames, UNEVEN, sound=True)
    return open_clip(tmp_path / "in.mp4")


def off(a, b):
    """The mean difference, of 255."""
    return float(np.abs(a.astype(float) - b).mean())


def begins(clip):
    return [round(1000 * time) for time, _ in clip.times]


# Reading


def test_frames_have_their_times_and_colors(clip, frames):
    assert begins(clip) == UNEVEN
    read = list(clip.frames())
    assert [round(1000 * frame.time) for frame in read] == UNEVEN
    assert [round(1000 * frame.duration) for frame in read[:-1]] == list(np.diff(UNEVEN))
    assert max(off(a.pixels, b) for a, b in zip(read, frames, strict=True)) < 2


def test_a_clip_that_is_begun_later_has_the_same_frames(clip):
    late = [frame for frame in clip.frames(Fraction(1, 5)) if frame.time >= Fraction(1, 5)]
    whole = list(clip.frames())[4:]
    assert [frame.time for frame in late] == [frame.time for frame in whole]
    assert all(np.array_equal(a.pixels, b.pixels) for a, b in zip(late, whole, strict=True))


def test_ten_bits_and_odd_sides(tmp_path):
    odd = films.pan(3, 45, 63)
    films.write(tmp_path / "ten.mkv", odd, codec="ffv1", pixels="yuv444p10le")
    read = list(open_clip(tmp_path / "ten.mkv").frames())
    assert len(read) == 3 and read[0].pixels.shape == (45, 63, 3)
    assert off(read[2].pixels, odd[2]) < 1.5


def test_pixels_that_are_not_square(tmp_path, frames):
    films.write(tmp_path / "wide.mkv", frames, aspect=Fraction(3, 2))
    wide = open_clip(tmp_path / "wide.mkv")
    assert wide.shape == (48, 96)
    assert next(wide.frames()).scaled(48, 96).shape == (48, 96, 3)


def test_what_a_telephone_turned_is_upright(tmp_path, frames):
    films.write(tmp_path / "turned.mp4", frames)
    films.turn(tmp_path / "turned.mp4")
    turned = open_clip(tmp_path / "turned.mp4")
    assert turned.shape == (64, 48)
    assert off(next(turned.frames()).pixels, np.rot90(frames[0], -1)) < 2


@pytest.mark.parametrize("transfer", [16, 18])
def test_high_dynamic_range_is_mapped(tmp_path, transfer):
    """PQ and HLG: gray stays gray, what is dark as dark as it was, and what is brighter than paper is seen."""
    light = np.repeat([5.0, 20.0, 100.0, 203.0, 800.0], 16)  # cd/m2
    coded = pq_coded(light) if transfer == 16 else hlg_coded(light)
    frame = np.repeat(np.tile(np.round(65535 * coded), (48, 1))[..., None], 3, axis=2).astype(np.uint16)
    with av.open(str(tmp_path / "hdr.mkv"), "w") as out:
        stream = out.add_stream("ffv1", rate=25)
        stream.width, stream.height, stream.pix_fmt = 80, 48, "yuv444p10le"
        context = stream.codec_context
        context.color_trc, context.color_primaries, context.colorspace, context.color_range = transfer, 9, 9, 1
        for _ in range(2):
            image = av.VideoFrame.from_ndarray(frame, format="rgb48le")
            out.mux(stream.encode(image.reformat(format="yuv444p10le", dst_colorspace=9)))
        out.mux(stream.encode(None))
    clip = open_clip(tmp_path / "hdr.mkv")
    assert any("high dynamic range" in note for note in clip.notes)
    seen = next(clip.frames()).pixels.astype(float)
    assert np.ptp(seen, axis=2).max() <= 2
    bars = seen[:, 8::16].mean((0, 2))
    linear = np.minimum(light[8::16] / 203, 1)
    plain = 255 * np.where(linear <= 0.0031308, 12.92 * linear, 1.055 * linear ** (1 / 2.4) - 0.055)
    assert np.abs(bars[:2] - plain[:2]).max() < 4  # what is dark is as it was
    assert (np.diff(bars) > 4).all() and bars[3] < plain[3] - 10  # paper leaves room for what is brighter


def hlg_coded(light):
    """cd/m2 of a gray -> HLG, on a screen of 1000 cd/m2.  Reference: BT.2100."""
    scene = (light / 1000) ** (1 / 1.2)
    a, b, c = 0.17883277, 0.28466892, 0.55991073
    return np.where(scene <= 1 / 12, np.sqrt(3 * scene), a * np.log(np.maximum(12 * scene - b, 1e-9)) + c)


def test_lines_of_two_moments_become_those_of_one(tmp_path):
    """Of interlaced frames: the comb that is seen where something moves is gone."""
    moments = films.pan(8, 96, 128, step=(0, 4))
    woven = [np.array(first) for first in moments[::2]]
    for frame, second in zip(woven, moments[1::2], strict=True):
        frame[1::2] = second[1::2]

    def comb(frame):
        frame = frame.astype(float)
        return np.abs(frame[2:] - 2 * frame[1:-1] + frame[:-2]).mean()

    with av.open(str(tmp_path / "woven.mkv"), "w") as out:
        stream = out.add_stream(
            "libx264", rate=25, options={"crf": "4", "flags": "+ilme+ildct", "x264-params": "tff=1"}
        )
        stream.width, stream.height, stream.pix_fmt = 128, 96, "yuv444p"
        for frame in woven:
            image = av.VideoFrame.from_ndarray(frame, format="rgb24").reformat(format="yuv444p", dst_colorspace=5)
            out.mux(stream.encode(image))
        out.mux(stream.encode(None))
    read = [frame.pixels for frame in open_clip(tmp_path / "woven.mkv").frames()]
    assert len(read) == 4
    assert comb(read[1]) < comb(woven[1]) / 5
    assert min(off(read[1], moment) for moment in moments[2:4]) < 2.5 < off(woven[1], moments[2])


def test_animated_images(tmp_path, frames):
    images = [Image.fromarray(frame) for frame in frames[:4]]
    lasting = [40, 80, 120, 200]
    for name in ("a.gif", "a.png", "a.webp"):
        images[0].save(tmp_path / name, save_all=True, append_images=images[1:], duration=lasting, loop=0)
        animated = open_clip(tmp_path / name)
        assert [round(1000 * lasts) for _, lasts in animated.times] == lasting
        assert off(list(animated.frames())[3].pixels, frames[3]) < 12


def test_a_folder_in_the_order_of_its_numbers(tmp_path, frames):
    for number in (2, 10, 1):
        Image.fromarray(frames[number % 8]).save(tmp_path / f"frame {number}.png")
    folder = open_clip(tmp_path, rate=Fraction(10))
    assert begins(folder) == [0, 100, 200]
    assert [np.array_equal(a.pixels, frames[i]) for a, i in zip(folder.frames(), (1, 2, 2), strict=True)] == [True] * 3


def test_frames_of_unequal_size_are_not_stretched(tmp_path, frames):
    for number, side in enumerate((48, 48, 40)):
        Image.fromarray(frames[number][:side]).save(tmp_path / f"{number}.png")
    with pytest.raises(ImageError, match=r"2\.png has 64x40 pixels, but 0\.png, the first frame, 64x48"):
        list(open_clip(tmp_path).frames())


def test_what_is_no_clip_is_told(tmp_path, frames):
    with av.open(str(tmp_path / "sound.mp4"), "w") as out:
        audio = out.add_stream("aac", rate=44100)
        audio.layout = "mono"
        films.hum(out, audio, 300)
    Image.fromarray(frames[0]).save(tmp_path / "one.gif")
    Image.fromarray(frames[0]).save(tmp_path / "photo.jpg")
    (tmp_path / "text.mp4").write_bytes(b"no video at all" * 100)
    (tmp_path / "nothing.mp4").write_bytes(b"")
    (tmp_path / "empty").mkdir()
    told = {
        "sound.mp4": "sound only",
        "one.gif": "one frame only",
        "photo.jpg": "impasto transfer",
        "text.mp4": "no video",
        "nothing.mp4": "no video",
        "empty": "no pictures",
    }
    for name, words in told.items():
        with pytest.raises(ImageError, match=words):
            open_clip(tmp_path / name)
    with pytest.raises(MissingFileError):
        open_clip(tmp_path / "missing.mp4")


def test_a_file_that_is_cut_short_has_the_frames_before(tmp_path, frames):
    films.write(tmp_path / "whole.mkv", frames * 3, codec="ffv1")
    whole = (tmp_path / "whole.mkv").read_bytes()
    (tmp_path / "cut.mkv").write_bytes(whole[: len(whole) // 2])
    read = list(open_clip(tmp_path / "cut.mkv").frames())
    assert 4 < len(read) < 20
    assert off(read[3].pixels, frames[3]) < 2


# Writing


def test_times_and_sound_go_through(tmp_path, clip):
    for name in ("out.mp4", "out.mov"):
        write_clip(tmp_path / name, clip.frames(), clip)
        assert begins(open_clip(tmp_path / name)) == UNEVEN
        assert films.packets(tmp_path / name) == films.packets(clip.path)
    assert [p[0] for p in films.packets(tmp_path / "out.mp4", "video")] == [
        p[0] for p in films.packets(clip.path, "video")
    ]


def test_sound_that_a_format_does_not_have_is_coded_anew(tmp_path, clip):
    write_clip(tmp_path / "out.webm", clip.frames(), clip)
    with av.open(str(tmp_path / "out.webm")) as out:
        assert out.streams.audio[0].codec_context.name in ("opus", "libopus")
        assert sum(frame.samples for frame in out.decode(audio=0)) > 0.35 * 48000
    assert begins(open_clip(tmp_path / "out.webm")) == UNEVEN


def test_every_format_keeps_frames_and_times(tmp_path, clip, frames):
    """Also with a text in it."""
    said = {"impasto": "é <&> " * 999}
    allowed = {"out.mkv": 4, "out.gif": 12, "out.apng": 2, "out.webp": 6, "out": 2}
    for name, most in allowed.items():
        write_clip(tmp_path / name, clip.frames(), clip, text=said)
        there = open_clip(tmp_path / name)
        assert len(there.times) == 8
        assert off(list(there.frames())[5].pixels, frames[5]) < most, name
        assert name == "out" or begins(there) == UNEVEN, name


@pytest.mark.parametrize("count", [1, 3])
@pytest.mark.parametrize("name", ["x.gif", "x.apng", "x.webp"])
def test_animated_images_have_text(tmp_path, clip, name, count):
    """Which every program that reads them passes over."""
    said, file, seen = {"impasto": "é <&> " * 999, "comment": "of"}, tmp_path / name, []
    for text in ({}, said):
        write_clip(file, islice(clip.frames(), count), clip, text=text)
        assert read_text(file) == text
        with Image.open(file) as image:
            assert image.n_frames == count
            seen.append([np.array(each.convert("RGB")) for each in ImageSequence.Iterator(image)])
    assert np.array_equal(*seen)
    if name != "x.webp":  # which FFmpeg does not read where it is animated
        with av.open(str(file)) as container:
            assert len(list(container.decode(video=0))) == count


@pytest.mark.parametrize("name", ["x.mp4", "x.mkv", "x.webm", "x.gif", "x.apng", "x.webp"])
def test_the_last_frame_lasts_as_long_as_it_should(tmp_path, frames, name):
    """Ten frames a second are not taken for 24, neither in packets nor in the rate that the file tells."""
    (tmp_path / "in").mkdir()
    for number, frame in enumerate(frames[:3]):
        Image.fromarray(frame).save(tmp_path / "in" / f"{number}.png")
    clip = open_clip(tmp_path / "in", rate=Fraction(10))
    for every, lasting in ((1, [100, 100, 100]), (2, [200, 100]), (3, [300])):
        write_clip(tmp_path / name, chosen(clip, Choice(every=every).times(clip)), clip)
        with av.open(str(tmp_path / name)) as file:
            stream = file.streams.video[0]
            packets = [p.duration * p.time_base for p in file.demux(stream) if p.size]
            assert (
                name == "x.webp"
                or (name, every) == ("x.apng", 3)
                or [round(1000 * lasts) for lasts in packets] == lasting
            )
            assert (
                every == 2
                or name == "x.webp"
                or (name, every) == ("x.apng", 3)
                or stream.average_rate == Fraction(1000, lasting[0])
            )
        if len(lasting) > 1:
            assert [round(1000 * lasts) for _, lasts in open_clip(tmp_path / name).times] == lasting


def test_a_part_begins_at_no_time_and_has_its_sound(tmp_path, clip):
    choice = Choice(start=Fraction(1, 5))
    times = choice.times(clip)
    write_clip(tmp_path / "part.mp4", chosen(clip, times), clip, times[0][0])
    part = open_clip(tmp_path / "part.mp4")
    assert begins(part) == [0, 40, 130, 270] and part.begins == 0
    all_sound, sound = films.packets(clip.path), films.packets(tmp_path / "part.mp4")
    assert [data for _, data in sound] == [data for time, data in all_sound if time >= Fraction(1, 5)]
    assert 0 <= sound[0][0] < Fraction(1, 40)


def test_an_ending_that_no_clip_has(tmp_path, clip):
    with pytest.raises(UsageError, match=r"\.mp4"):
        write_clip(tmp_path / "out.doc", clip.frames(), clip)
    assert not (tmp_path / "out.doc").exists()


@pytest.mark.parametrize("plays", [0, 1, 3])
def test_an_animated_image_plays_as_often_as_it_did(tmp_path, frames, plays):
    images, loop = [Image.fromarray(frame) for frame in frames[:2]], {0: {"loop": 0}, 1: {}, 3: {"loop": 2}}[plays]
    images[0].save(tmp_path / "in.gif", save_all=True, append_images=images[1:], duration=40, **loop)
    clip = open_clip(tmp_path / "in.gif")
    assert clip.plays == plays
    for name in ("out.gif", "out.apng", "out.webp"):
        write_clip(tmp_path / name, clip.frames(), clip)
        assert open_clip(tmp_path / name).plays == plays, name


def test_a_shorter_clip_leaves_no_frames_of_a_longer_one(tmp_path, clip, frames):
    out = tmp_path / "out"
    write_clip(out, clip.frames(), clip)
    Image.fromarray(frames[0]).save(out / "cover.png")
    write_clip(out, list(clip.frames())[:3], clip)
    assert sorted(each.name for each in out.iterdir()) == ["000001.png", "000002.png", "000003.png", "cover.png"]
    with pytest.raises(UsageError, match=r"other files than frames, such as cover\.png"):
        check_kind(out)
    with pytest.raises(UsageError, match="is a folder"):
        check_kind(out.rename(tmp_path / "out.mp4"))
    (tmp_path / "plain").write_bytes(b"")
    with pytest.raises(UsageError, match="is a file"):
        check_kind(tmp_path / "plain")


# Choosing


def test_which_frames_are_painted(clip):
    def times(**choice):
        return [(round(1000 * a), round(1000 * b)) for a, b in Choice(**choice).times(clip)]

    assert times(every=3) == [(0, 150), (150, 180), (330, 190)]
    assert times(start=Fraction(1, 10), end=Fraction(1, 4)) == [(150, 50), (200, 40), (240, 10)]
    assert [begin for begin, _ in times(rate=Fraction(10))] == [0, 150, 200, 330, 470]
    with pytest.raises(UsageError, match="lasts"):
        times(start=Fraction(3))


def test_frames_that_follow_too_fast_for_an_animated_image_are_told_before_any_is_painted(tmp_path):
    times = [Fraction(i, 120) for i in range(6)]
    for name in ("out.mp4", "out.webp", "out.apng", "frames"):
        check_pace(tmp_path / name, times)
    with pytest.raises(UsageError, match=r"out\.gif: frames in \.gif are at least 1/100 s apart.*--fps 50"):
        check_pace(tmp_path / "out.gif", times)
    check_pace(tmp_path / "out.gif", times[::3])


def test_an_animated_image_larger_than_pillow_opens_is_told(tmp_path, monkeypatch):
    Image.new("P", (40, 40)).save(tmp_path / "in.gif", save_all=True, append_images=[Image.new("P", (40, 40), 1)])
    monkeypatch.setattr(Image, "MAX_IMAGE_PIXELS", 100)
    with pytest.raises(ImageError, match=r"in\.gif cannot be read: Image size"):
        open_clip(tmp_path / "in.gif")


def test_a_folder_of_frames_that_cannot_be_begun_is_let_go(tmp_path):
    FrameFolder(tmp_path / "kept", {"run": 1}).close()
    (tmp_path / "kept" / "shots").rmdir()
    (tmp_path / "kept" / "shots").write_text("in the way")
    with pytest.raises(CheckpointError):
        FrameFolder(tmp_path / "kept", {"run": 1})
    assert not (tmp_path / "kept" / "lock").exists()
    (tmp_path / "kept" / "shots").unlink()
    (tmp_path / "kept" / NOTE).write_bytes(b"\xff")
    FrameFolder(tmp_path / "kept", {"run": 1}, anew=True).close()
