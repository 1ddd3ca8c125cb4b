from __future__ import annotations

import numpy as np

from sevenfold.simulate.draws import Stream, key_of, normals, repeated, uniforms

KEYS = np.array([key_of(1, "person", str(number)) for number in range(20_000)], dtype=np.uint64)


def test_it_draws_evenly_over_people_and_over_days() -> None:
    for draw in (uniforms(KEYS, 5, 3), np.array([uniforms(KEYS[:1], day, 3)[0] for day in range(5_000)])):
        counts, _ = np.histogram(draw, bins=20, range=(0.0, 1.0))
        assert abs(draw.mean() - 0.5) < 0.012
        assert counts.min() > 0.8 * len(draw) / 20


def test_neighbouring_days_purposes_and_repeats_are_unrelated() -> None:
    first = uniforms(KEYS, 5, 3)
    others = (
        uniforms(KEYS, 6, 3),
        uniforms(KEYS, 5, 4),
        repeated(KEYS, 5, 3, np.ones(len(KEYS), dtype=np.int64)),
    )
    for other in others:
        assert abs(np.corrcoef(first, other)[0, 1]) < 0.025


def test_the_stream_of_one_is_the_draw_for_all() -> None:
    repeats = np.array([0, 1, 2], dtype=np.int64)
    stream = Stream(int(KEYS[7]), 12, 40)
    assert [stream.unit() for _ in repeats] == repeated(np.repeat(KEYS[7], 3), 12, 40, repeats).tolist()


def test_normals_have_mean_zero_and_deviation_one() -> None:
    draw = normals(KEYS, 3, 10)
    assert abs(draw.mean()) < 0.03
    assert abs(draw.std() - 1.0) < 0.03


def test_a_pick_follows_its_weights() -> None:
    picks = [Stream(int(key)).pick((1.0, 3.0)) for key in KEYS[:4_000]]
    assert abs(np.mean(picks) - 0.75) < 0.03
