from sim.engine.streams import Streams


def test_a_purpose_has_one_generator():
    streams = Streams(1)
    assert streams.of("a") is streams.of("a")


def test_purposes_do_not_disturb_each_other():
    alone, together = Streams(1), Streams(1)
    together.of("b").random(100)
    assert alone.of("a").random() == together.of("a").random()


def test_purposes_and_seeds_differ():
    first = {Streams(seed).of(purpose).random() for seed in (1, 2) for purpose in "ab"}
    assert len(first) == 4
