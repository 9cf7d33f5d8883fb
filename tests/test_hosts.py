"""Inside the programs of others: whatever modes they are in, and however they start work, the bits are the same."""

import asyncio
import contextlib
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor

import pytest
import torch

import impasto

QUICK = {"size": 48, "iterations": 3, "device": "cpu"}


@pytest.fixture(scope="module")
def pair():
    generator = torch.Generator().manual_seed(0)
    return [torch.rand(1, 3, 40, 48, generator=generator) for _ in range(2)]


def made(pair):
    """A picture of each kind, and the last step of a loop."""
    painter, content, style = impasto.Painter("cpu"), *pair
    steps = list(painter.prepare(content, style, preset="fast", **QUICK))
    return [
        painter.stylize(content, style, preset="fast", output="torch", **QUICK),
        painter.synthesize(style, preset="fast", style_loss="wasserstein2", output="torch", **QUICK),
        painter.reconstruct(content, output="torch", **QUICK),
        steps[-1].image,
    ]


@pytest.fixture(scope="module")
def expected(pair):
    return made(pair)


def same(found, expected):
    return all(torch.equal(a, b) for a, b in zip(found, expected, strict=True))


@contextlib.contextmanager
def setting(change, value, usual):
    """The block with a setting of the whole process."""
    change(value)
    try:
        yield
    finally:
        change(usual)


MODES = {
    "inference_mode": torch.inference_mode,
    "no_grad": torch.no_grad,
    "autocast": lambda: torch.autocast("cpu", dtype=torch.bfloat16),
    "device": lambda: torch.device("meta"),
    "default_device": lambda: setting(torch.set_default_device, "meta", None),
    "float64": lambda: setting(torch.set_default_dtype, torch.float64, torch.float32),
    "bfloat16": lambda: setting(torch.set_default_dtype, torch.bfloat16, torch.float32),
    "deterministic": lambda: setting(torch.use_deterministic_algorithms, True, False),
    "coarse products": lambda: setting(torch.set_float32_matmul_precision, "medium", "highest"),
}


@pytest.mark.parametrize("mode", MODES)
def test_the_callers_modes_change_nothing_and_are_left_as_they_are(mode, pair, expected):
    before = torch.is_grad_enabled(), torch.get_default_dtype(), torch.get_rng_state(), torch.get_num_threads()
    with MODES[mode]():
        within = torch.is_inference_mode_enabled(), torch.get_default_dtype(), torch.get_float32_matmul_precision()
        found = made(pair)
        assert within == (
            torch.is_inference_mode_enabled(),
            torch.get_default_dtype(),
            torch.get_float32_matmul_precision(),
        )
    assert same(found, expected)
    assert (torch.is_grad_enabled(), torch.get_default_dtype(), torch.get_num_threads()) == (*before[:2], before[3])
    assert torch.equal(torch.get_rng_state(), before[2])


def test_a_run_may_be_prepared_in_one_mode_and_made_in_another(pair, expected):
    with torch.inference_mode():
        run = impasto.prepare(*pair, preset="fast", **QUICK)
    *_, last = run
    assert torch.equal(last.image, expected[3])
    run = impasto.prepare(*pair, preset="fast", **QUICK)
    with torch.inference_mode():
        *_, last = run
    assert torch.equal(last.image, expected[3])


def test_other_numbers_of_threads_are_used_and_left_as_they_are(pair, expected):
    before = torch.get_num_threads()
    with setting(torch.set_num_threads, 1, before):
        first, again = made(pair), made(pair)
        assert torch.get_num_threads() == 1
    assert same(first, again)
    torch.testing.assert_close(first[0], expected[0], atol=0.02, rtol=0)


def test_threads_and_event_loops(pair, expected):
    with ThreadPoolExecutor(2) as pool:
        assert all(same(found, expected) for found in pool.map(lambda _: made(pair), range(2)))

    async def served():
        return await asyncio.gather(*(asyncio.to_thread(made, pair) for _ in range(2)))

    assert all(same(found, expected) for found in asyncio.run(served()))


STARTED = """
import multiprocessing, torch, impasto

def made():
    generator = torch.Generator().manual_seed(0)
    pair = [torch.rand(1, 3, 40, 48, generator=generator) for _ in range(2)]
    return impasto.stylize(*pair, preset="fast", size=48, iterations=3, device="cpu", output="torch").numpy().tobytes()

def tell(queue):
    torch.set_num_threads(2)
    queue.put(made())

if __name__ == "__main__":
    torch.set_num_threads(2)
    expected = made()
    for kind in ("fork", "spawn"):
        if kind in multiprocessing.get_all_start_methods():
            context = multiprocessing.get_context(kind)
            queue = context.Queue()
            process = context.Process(target=tell, args=(queue,), daemon=True)
            process.start()
            found = queue.get(timeout=60)
            print(kind, len(found) == len(expected) if kind == "fork" else found == expected)
"""


def test_processes_that_are_forked_or_spawned(tmp_path):
    """A child of fork has one thread, as the others did not come along: it has to end, and may differ in last bits."""
    (tmp_path / "host.py").write_text(STARTED)
    out = subprocess.run([sys.executable, tmp_path / "host.py"], capture_output=True, text=True, check=True).stdout
    assert set(out.splitlines()) >= {"spawn True"} and "False" not in out
