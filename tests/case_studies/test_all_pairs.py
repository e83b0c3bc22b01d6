from case_studies.benchmarks.all_pairs import against_one_pass, against_pairs


def test_the_benchmark_compares_equals() -> None:
    measured = against_pairs(200)
    assert measured["relative_difference"] < 1e-12


def test_memory_stays_flat() -> None:
    assert against_one_pass(400_000)["extra_megabytes"] < 10
