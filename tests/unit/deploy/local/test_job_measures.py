from deploy.local.job_measures import Measures, parse

SCOPE = "flink_taskmanager_job_task_"


def line(metric, value, operator=None):
    name = f'operator_name="{operator}",' if operator else ""
    scope = f"{SCOPE}operator_" if operator else SCOPE
    return f'{scope}{metric}{{job_id="j",{name}task_name="t",}} {value}'


def test_counts_are_told_apart_by_operator():
    lines = [
        "# HELP flink_taskmanager_job_task_numRecordsIn numRecordsIn",
        line("numRecordsIn", 120.0),
        line("numRecordsIn", 40.0, "Source:_raw_records_1_"),
        line("numRecordsIn", 2.0, "Source:_raw_records_1_"),
        line("numRecordsIn", 9.0, "Calc_2_"),
        line("numRecordsIn", 30.0, "Deduplicate_5_"),
        line("numRecordsOut", 27.0, "Deduplicate_5_"),
        line("farol_job_duplicates_total", 2.0, "surge_presence"),
        line("numRecordsIn", 20.0, "bronze_taxi_trips:_Writer"),
        line("numRecordsIn", 5.0, "bronze_dlq_taxi_trips:_Writer"),
        line("numRecordsIn", 5.0, "dlq_records_69_:_Writer"),
        line("numRecordsIn", 3.0, "surge_late_records_80_:_Writer"),
        line("pendingRecords", 7.0, "Source:_raw_records_1_"),
    ]

    assert parse(lines) == {
        "j": Measures(records_in=42, records_out=20, late=3, duplicates=5, dlq=5, lag_records=7)
    }


def test_the_least_advanced_watermark_counts():
    never, ended = "-9.223372036854776E18", "9.223372036854776E18"
    watermarks = [never, "1.546300800000E12", "1.546300860000E12", ended]

    lines = [line("currentInputWatermark", text) for text in watermarks]
    operators = [line("currentInputWatermark", "5.0", "Calc_1_")]

    assert parse([*lines, *operators])["j"].watermark_ms == 1_546_300_800_000
    assert parse(lines[:1])["j"].watermark_ms is None
