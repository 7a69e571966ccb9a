from flink_jobs.runtime.identity import identities, operator_name


def test_the_counter_of_the_planner_is_left_out() -> None:
    assert operator_name("Deduplicate[45]") == "deduplicate"
    assert operator_name("rideshare_gps_pings[1]") == operator_name("rideshare_gps_pings[42]")
    assert operator_name("Source: a.b[3] -> Calc[4]") == "source_a_b_calc"
    assert operator_name("[7]") == "operator"


def test_identities_are_distinct_and_do_not_depend_on_the_counter() -> None:
    first = identities("job", ["Calc[1]", "Join[2]", "Calc[3]"])
    assert first == ["job.calc", "job.join", "job.calc_2"]
    assert identities("job", ["Calc[41]", "Join[42]", "Calc[43]"]) == first
