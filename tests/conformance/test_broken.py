"""A kit that can't fail proves nothing: every check of the kit catches a driver that is broken in the way it looks for."""

from __future__ import annotations

from typing import Any
from unittest import SkipTest

import numpy as np
import pytest

from bioasm.drivers.cpu import CpuDriver
from bioasm.results import Spikes
from bioasm.testing import driver_conformance_tests
from bioasm.testing.kit import Check, checks
from tests.conformance import broken as b

ONE_SPIKE = Spikes(np.array([1e-3]), np.array([0]), np.array([0]))
UNFINISHED = ("out of fuel", "interrupted")

# What is broken: the driver, and the checks that catch it (for both models where the name stands without one).
BROKEN: dict[str, tuple[type[CpuDriver], str]] = {
    "names another driver": (b.telling(lambda r: {"driver": "gpu"}), "names_where_the_result_came_from"),
    "tells no seed": (b.telling(lambda r: {"seed": 0}), "names_where_the_result_came_from takes_any_seed_of_64_bits"),
    "another hash": (
        b.telling(lambda r: {"program_sha256": r.program_sha256[::-1]}),
        "program_sha256_is_that_of_the_program hashes_what_a_text_says_and_not_how text_and_bytecode_are_one_program",
    ),
    "no versions": (b.telling(lambda r: {"versions": {}}), "versions_are_named"),
    "no total time": (b.telling(lambda r: {"timing": {"run": 0.1}}), "timing_is_told_in_seconds"),
    "impossible time": (b.telling(lambda r: {"timing": {"total": 0.1, "run": 0.2}}), "timing_is_told_in_seconds"),
    "miscounts steps": (b.telling(lambda r: {"steps": r.steps + 1}), "status_steps_and_time_are_those_of_the_run"),
    "always finished": (
        b.telling(lambda r: {"status": "finished"}),
        "fuel_ends_a_long_run_with_what_it_had fuel_ends_an_endless_loop stops_when_the_observer_says_so",
    ),
    "forgets what it had": (
        b.telling(lambda r: {"results": ()} if r.status in UNFINISHED else {}),
        "fuel_ends_a_long_run_with_what_it_had fuel_ends_an_endless_loop stops_when_the_observer_says_so",
    ),
    "ignores parameters": (b.choosing(lambda o: {"parameters": {}}), "parameters_of_the_options_hold"),
    # shapes and types
    "no axis for one lane": (b.telling(lambda r: {"state": r.state[0]}), "shapes_with_one_lane"),
    "neurons before lanes": (b.telling(lambda r: {"energy_trace": r.energy_trace.T}), "shapes_with_lanes"),
    "floats for whole numbers": (b.telling(lambda r: {"best_state": r.best_state * 1.0}), "types_of_arrays"),
    "states of another model": (b.telling(lambda r: {"state": r.state * -3}), "states_are_of_the_model"),
    "an energy that was not seen": (
        b.telling(lambda r: {"best_energy": r.best_energy * 0}), "best_energy_is_that_of_the_best_state",
    ),
    "double for single precision": (b.confusing("LDJS", "LDJ"), "energies_in_single_precision"),
    "zero for no energy": (
        b.telling(lambda r: {"best_energy": np.nan_to_num(r.best_energy)}), "without_couplings_no_energy_is_seen",
    ),
    # models as text and networks
    "every equation by euler": (b.rewriting("using implicit", "using euler"), "equations_follow_their_methods"),
    "sets no states": (b.without_states(), "states_are_set_between_runs"),
    "couples the other way": (b.rewriting("v_pre - v_post", "v_post - v_pre"), "connections_are_summed_in_every_step"),
    "learns the other way": (b.rewriting("w := w + a", "w := w - a"), "connections_learn_by_the_times_of_spikes"),
    "still connections": (b.rewriting("gain*c using euler", "0*gain*c using euler"), "states_of_connections_are_set"),
    "events counted from their population": (b.telling(b.events_of_a_population), "events_happen_and_act_after_the_reset"),
    "events without an end": (b.ignoring("UNREC"), "events_happen_and_act_after_the_reset"),
    "no refractory time": (b.rewriting(" unless refractory", ""), "spikes_travel_with_weights_and_delays"),
    "one stage": (b.rewriting("then:", "step:"), "mechanisms_and_inputs_add_up"),
    # readings
    "readings backwards": (
        b.telling(lambda r: {"results": r.results[::-1]}),
        "readings_come_in_program_order numbers_and_readings_share_one_order every_observable_can_be_read",
    ),
    "numbers before readings": (b.telling(b.numbers_first), "numbers_and_readings_share_one_order"),
    "a reading short": (
        b.telling(lambda r: {"results": r.results[:-1]}), "every_observable_can_be_read a_program_without_neurons_has_a_result",
    ),
    "another final energy": (b.telling(lambda r: {"energy": r.energy + 1}), "readings_at_the_end_are_what_the_result_says"),
    "does not copy": (b.telling(b.latest), "readings_are_not_changed_by_what_follows"),
    "looks at places": (b.LooksAtPlaces, "text_and_bytecode_are_one_program"),
    # control
    "adds for subtracts": (
        b.confusing("SUB", "ADD"), "arithmetic_of_two_numbers arithmetic_gives_the_same_bits_everywhere",
    ),
    "ABS for FLOOR": (b.confusing("FLOOR", "ABS"), "arithmetic_of_one_number"),
    "zero for what is not finite": (b.reading(b.finite), "arithmetic_beyond_numbers_is_that_of_floats"),
    "JLE for JLT": (b.confusing("JLT", "JLE"), "branches_go_where_their_condition_says"),
    "JEQ for JNE": (b.confusing("JNE", "JEQ"), "comparisons_with_nan_are_false"),
    "never loops": (b.ignoring("LOOP"), "loops_count_down durations_come_from_registers"),
    "never halts": (b.ignoring("HLT"), "halt_ends_the_program"),
    "GET gets nothing": (
        b.zeroing("GET"),
        "registers_read_what_results_say spike_counts_fit_registers registers_join_lanes registers_count_spikes_of_all_lanes",
    ),
    "PEEK sees nothing": (
        b.zeroing("PEEK"), "peek_reads_one_neuron registers_join_lanes a_neuron_that_does_not_exist_ends_the_run",
    ),
    "RUN reads no registers": (
        b.without_registers("RUN"), "durations_come_from_registers a_negative_duration_ends_the_run",
    ),
    "SIG reads no registers": (b.without_registers("SIG"), "noise_comes_from_registers"),
    # energies
    "energy with the wrong sign": (
        b.telling(lambda r: {"energy": -r.energy}),
        "energy_is_that_of_the_state energies_with_real_couplings energies_with_sparse_couplings "
        "energies_with_symmetric_sparse_couplings",
    ),
    "best energy with the wrong sign": (
        b.telling(lambda r: {"best_energy": -r.best_energy}), "best_energy_is_that_of_the_best_state",
    ),
    "reads energies with the wrong sign": (b.negated("energy"), "energies_read_on_the_way_are_of_the_states_then"),
    "trace out of step": (
        b.telling(lambda r: {"energy_trace": np.roll(r.energy_trace, 1)}), "trace_of_spins_has_the_energy_after_each_sweep",
    ),
    "no offset": (b.ignoring("LDO"), "couplings_start_at_zero energy_is_that_of_the_state"),
    "upper triangle only": (b.holding(b.one_sided), "energies_with_real_couplings samples_with_one_sided_couplings"),
    "an entry short": (b.holding(b.an_entry_short), "energies_with_sparse_couplings"),
    "entries are not mirrored": (b.holding(b.unmirrored), "energies_with_symmetric_sparse_couplings"),
    "no terms": (
        b.ignoring("LDT"),
        "energies_of_spins_with_higher_order_terms energies_of_membranes_with_higher_order_terms "
        "terms_drive_membranes_as_defined samples_with_higher_order_terms",
    ),
    "loads once": (b.FirstLoad, "loading_again_replaces"),
    # membranes
    "another offset current": (b.parameters(I_offset=0.39e-9), "membranes_rest_below_threshold"),
    "another limit of the feedback": (b.parameters(I_max=1.51e-9), "feedback_drives_membranes_as_defined"),
    "feedback half as often": (b.parameters(feedback_interval=2e-3), "feedback_drives_membranes_as_defined"),
    "no CUR": (b.ignoring("CUR"), "constant_currents_drive_membranes"),
    "no WAVE": (b.ignoring("WAVE"), "waves_play_into_membranes"),
    "no SPK": (b.ignoring("SPK"), "spike_trains_let_membranes_jump"),
    "Poisson spikes too often": (b.scaling("POI", lambda rate: rate * 1.05), "poisson_spikes_come_at_their_rate"),
    "noise too strong": (
        b.scaling("SIG", lambda level: level * 1.4),
        "noise_has_the_right_strength samples_are_boltzmann_distributed samples_with_one_sided_couplings "
        "samples_by_the_metropolis_rule samples_with_higher_order_terms",
    ),
    "no noise": (b.scaling("SIG", lambda level: 0.0), "noise_is_independent_between_neurons noise_has_the_right_strength"),
    "one value for all neurons": (b.holding(b.averaged), "parameters_may_differ_between_neurons"),
    "rounds each RUN up": (b.doing(b.all_a_step), "several_runs_add_up"),
    "no RST": (
        b.ignoring("RST"), "reset_puts_membranes_back_and_lets_the_clock_go_on reset_draws_spins_as_at_the_start",
    ),
    "spikes backwards": (b.telling(lambda r: {"spikes": b.backwards(r.spikes)}), "spikes_are_sorted_and_lie_in_the_run"),
    "spikes in milliseconds": (
        b.telling(lambda r: {"spikes": Spikes(r.spikes.t * 1e3, r.spikes.i, r.spikes.lane)}),
        "spikes_are_sorted_and_lie_in_the_run",
    ),
    "miscounts spikes": (
        b.telling(lambda r: {"spike_count": r.spike_count + 1}), "spike_counts_are_those_of_the_spikes spikes_name_their_lane",
    ),
    "no CLAMP": (
        b.ignoring("CLAMP"),
        "clamped_membranes_keep_their_voltage clamped_spins_hold best_state_starts_anew_with_clamps",
    ),
    "no LDS": (
        b.ignoring("LDS"),
        "loaded_spins_are_gone_on_from loaded_membranes_are_gone_on_from lanes_go_on_from_rows "
        "states_that_are_set_count_for_the_best",
    ),
    "no MERGE": (
        b.ignoring("MERGE"),
        "merging_takes_each_component_that_lowers_the_energy merging_without_biases_looks_at_the_complement "
        "merging_follows_terms merging_tosses_a_coin_where_energies_are_equal lanes_merge_with_the_lane_so_many_places_on",
    ),
    "no CXCH": (
        b.ignoring("CXCH"),
        "components_go_over_by_a_heat_bath components_go_over_mirrored components_that_go_over_follow_terms "
        "whole_states_go_over exchanges_of_one_sweep_differ",
    ),
    "no COPY": (b.ignoring("COPY"), "lanes_copy_the_better_state"),
    "no BLK": (
        b.ignoring("BLK"),
        "a_block_of_all_spins_is_a_boltzmann_sample overlapping_blocks_sample_the_boltzmann_distribution "
        "blocks_at_temperature_zero_are_at_their_lowest equal_energies_are_decided_by_a_coin clamped_spins_stay_in_a_block",
    ),
    "another resistivity": (b.rewriting("ra = 100 ohm*cm", "ra = 200 ohm*cm"), "cells_of_cable_are_solved_implicitly"),
    "no LDE": (b.without_elimination(), "eliminated_spins_have_the_sign_of_their_field"),
    "no FREE": (b.ignoring("FREE"), "freed_membranes_go_on_from_where_they_were_held freed_spins_move_again"),
    "samples late": (
        b.recorded(lambda r: {"values": np.roll(r.values, 1, axis=1)}),
        "recordings_are_samples_of_the_trajectory all_variables_can_be_recorded "
        "recordings_hold_the_spins_before_each_sweep",
    ),
    "times from 0": (
        b.recorded(lambda r: {"t": r.t - r.t[0]}), "recordings_are_samples_of_the_trajectory recordings_end_and_begin_again",
    ),
    "neurons in order": (
        b.recorded(lambda r: {"neurons": np.sort(r.neurons)}), "recordings_are_samples_of_the_trajectory",
    ),
    "one recording a variable": (
        b.telling(lambda r: {"recordings": {k: v for k, v in r.recordings.items() if "." not in k}}),
        "recordings_end_and_begin_again",
    ),
    # spins
    "spins start up": (b.telling(lambda r: {"state": np.ones_like(r.state)}), "spins_start_at_random"),
    "never quite cold": (b.scaling("SIG", lambda level: level + 3), "energies_only_fall_without_temperature"),
    "does not run": (b.ignoring("RUN"), "annealing_finds_the_ground_state"),
    "spins that spike": (b.telling(lambda r: {"spikes": ONE_SPIKE}), "spins_send_no_spikes"),
    # seeds and lanes
    "restless": (b.Restless, "the_same_seed_gives_the_same_result"),
    "ignores the seed": (b.choosing(lambda o: {"seed": 0}), "another_seed_gives_another_result spins_start_at_random"),
    "seeds of 32 bits": (b.choosing(lambda o: {"seed": o.seed % (1 << 32)}), "another_seed_gives_another_result"),
    "threads matter": (b.choosing(lambda o: {"seed": o.seed + (o.threads or 0)}), "threads_do_not_matter"),
    "reads the first lane": (b.reading(lambda r: r.value[:1]), "readings_with_lanes"),
    "one noise for all lanes": (
        b.telling(lambda r: {"energy_trace": b.like_lane_0(r.energy_trace)}), "lanes_have_noise_of_their_own",
    ),
    "the number of lanes matters": (
        b.choosing(lambda o: {"seed": o.seed + o.lanes}), "a_lane_does_not_depend_on_their_number",
    ),
    "all spikes in lane 0": (
        b.telling(lambda r: {"spikes": Spikes(r.spikes.t, r.spikes.i, r.spikes.lane * 0)}), "spikes_name_their_lane",
    ),
    "records the first lane": (b.recorded(lambda r: {"values": b.like_lane_0(r.values)}), "recordings_have_every_lane"),
    "lanes in pairs": (b.telling(lambda r: {"state": b.in_pairs(r.state)}), "lanes_are_independent_samples"),
    # conduct
    "says nothing of itself": (type("Silent", (b.Broken,), {"summary": ""}), "declares_what_it_is"),
    "abilities that there are not": (type("Vain", (b.Broken,), {"abilities": frozenset({"fly"})}), "declares_what_it_is"),
    "refuses nothing": (
        b.Lax, "refuses_abilities_that_it_does_not_declare refuses_models_that_it_does_not_declare names_all_that_is_missing",
    ),
    "refuses briefly": (b.Brief, "names_all_that_is_missing"),
    "mends options": (
        b.choosing(lambda o: {"lanes": max(1, o.lanes), "seed": o.seed % (1 << 64), "threads": 1}),
        "refuses_impossible_options",
    ),
    "follows nobody": (b.Unguided, "follows_another_run_only_where_it_says_so"),
    "tiring": (b.Tiring, "one_driver_runs_several_programs"),
    "touchy": (b.Touchy, "connects_and_disconnects_as_often_as_asked"),
    "swallows errors": (b.Swallowing, "is_disconnected_when_a_run_fails"),
    "asks no observer": (b.Deaf, "stops_when_the_observer_says_so tells_the_observer_how_far_it_is"),
    "tells observers nothing": (b.Vague, "tells_the_observer_how_far_it_is"),
    "shy": (b.Shy, "an_observer_changes_nothing"),
    "spikes in seconds for pykoppu": (b.InSeconds, "executes_a_list_of_instructions"),
    "forgets instructions": (b.Hasty, "executes_instructions_as_their_text refuses_an_empty_list_of_instructions"),
}  # fmt: skip
ALL = {check.name: check for check in checks()}


def meant(names: str) -> list[Check]:
    """The checks of these names; a name without a model stands for both."""
    return [ALL[full] for name in names.split() for full in ALL if full in (name, f"{name}_ising", f"{name}_lif_critical")]


EXAMPLES = " ".join(name for name in ALL if name.startswith("runs_the_example_of_"))
BROKEN["no example finishes"] = (b.telling(lambda r: {"status": "failed"}), EXAMPLES)

PAIRS = [(what, driver, check) for what, (driver, names) in BROKEN.items() for check in meant(names)]


@pytest.mark.parametrize(("driver", "check"), [pair[1:] for pair in PAIRS], ids=[f"{p[0]}: {p[2].name}" for p in PAIRS])
def test_a_broken_driver_is_caught(driver: type[CpuDriver], check: Check) -> None:
    with pytest.raises((AssertionError, RuntimeError)):
        check(driver)


def test_every_check_catches_something() -> None:
    assert set(ALL) == {check.name for _, _, check in PAIRS}


def test_every_name_is_that_of_a_check() -> None:
    assert [name for _, names in BROKEN.values() for name in names.split() if not meant(name)] == []


# --- the decorator ------------------------------------------------------------------------------------


class SpinsOnly(CpuDriver):
    """Declares less than it could."""

    abilities = frozenset({"core"})
    models = frozenset({"ising"})


def collected(factory: Any, **options: Any) -> dict[str, Any]:
    """The tests that the kit adds to a class."""
    made = driver_conformance_tests(factory, **options)(type("TestIt", (), {}))
    return {name: getattr(made(), name) for name in dir(made) if name.startswith("test_")}


def fate(test: Any) -> str:
    """How a test ends."""
    try:
        test()
    except SkipTest as skipped:
        return f"skipped: {skipped}"
    except AssertionError:
        return "failed"
    return "passed"


def test_the_kit_has_many_tests() -> None:
    assert len(collected(CpuDriver)) == len(ALL) > 100


def test_every_test_says_what_it_checks() -> None:
    assert all(test.__doc__ and test.__name__ == name for name, test in collected(CpuDriver).items())


@pytest.mark.parametrize(
    ("name", "wanted"),
    [
        ("test_energy_is_that_of_the_state_ising", "passed"),
        ("test_energy_is_that_of_the_state_lif_critical", "skipped: driver cpu does not declare lif_critical"),
        ("test_loops_count_down", "skipped: driver cpu does not declare control"),
        ("test_clamped_spins_hold", "skipped: driver cpu does not declare clamp"),
        ("test_refuses_abilities_that_it_does_not_declare", "passed"),
        ("test_executes_a_list_of_instructions", "skipped: driver cpu does not declare lif_critical"),
    ],
)
def test_what_a_driver_does_not_declare_is_skipped(name: str, wanted: str) -> None:
    assert fate(collected(SpinsOnly)[name]) == wanted


@pytest.mark.parametrize(("abilities", "wanted"), [({"core"}, "passed"), ({"core", "record"}, "failed"), (set(), "failed")])
def test_a_lost_ability_fails(abilities: set[str], wanted: str) -> None:
    assert fate(collected(SpinsOnly, abilities=abilities)["test_abilities"]) == wanted


def test_a_factory_may_be_a_function() -> None:
    assert fate(collected(lambda: SpinsOnly())["test_spins_start_at_random"]) == "passed"


def test_a_class_keeps_its_own_tests() -> None:
    class Own:
        def of_its_own(self) -> str:
            return "kept"

    assert driver_conformance_tests(CpuDriver)(Own)().of_its_own() == "kept"
