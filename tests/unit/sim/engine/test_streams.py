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


def test_numbered_generators_do_not_depend_on_what_others_draw():
    alone = Streams(1).numbered("request", 17).random(3).tolist()
    streams = Streams(1)
    streams.of("request").random(5)
    streams.numbered("request", 16).random(5)
    assert streams.numbered("request", 17).random(3).tolist() == alone
    assert Streams(1).numbered("request", 18).random(3).tolist() != alone


def test_states_tell_generators_apart():
    streams = Streams(1)
    streams.of("a")
    before = streams.states()
    streams.of("a").random()
    assert streams.states() != before
