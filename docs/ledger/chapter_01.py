"""Rows and pitfalls of chapter 01."""

from __future__ import annotations

from ledger.row import Row

ROWS: tuple[Row, ...] = (
    Row("01.1", "Perceptron in NumPy", "textbook/perceptron", "tests/scratch/test_perceptron.py::test_the_line_is_scikit_learns"),
    Row("01.3", "Layers in NumPy with back-propagation by hand", "textbook/mlp", "tests/scratch/test_mlp.py::test_every_pair_of_loss_and_output_has_autograds_gradients"),
    Row("01.4", "Gradient descent in NumPy by all, some or one", "textbook/train", "tests/scratch/test_descent.py::test_all_samples_a_step_are_torchs_sgd"),
    Row("01.5", "Activations in NumPy", "textbook/gelu", "tests/scratch/test_activations.py::test_values_and_slopes_are_torchs"),
    Row("01.6", "Convolution and pooling in NumPy, forwards and backwards", "textbook/conv2d", "tests/scratch/test_convolution.py::test_values_and_gradients_are_torchs"),
    Row("01.7", "Adam, dropout, batch norm, recurrent cells and attention from scratch", "textbook/batch_norm", "tests/scratch/test_batch_norm.py::test_outputs_averages_and_gradients_are_torchs"),
    Row("01.8", "A training step by hand", "textbook/train", "tests/scratch/test_descent.py::test_a_step_by_hand_is_the_optimizers"),
    Row("01.9", "Equations of forward and backward", "textbook/linear", "tests/scratch/test_linear.py::test_layers_upon_layers_are_autograds"),
    Row("01.10", "Environment doctor", "weft.cli.doctor:examine", "tests/cli/test_doctor.py::test_everything_is_json_and_the_machine_is_described", "driver and capability against the build, pairing of versions, frozen requirements"),
    Row("01.11", "Seeding and determinism", "weft.data.random_state:capture", "tests/data/test_random_state.py::test_restoring_repeats_every_generator", "one call for all seeds, refusal of non-deterministic operations"),
    Row("01.14", "Device placement", "weft.parallel:Runtime", "tests/parallel/test_runtime.py::test_auto_device_is_the_first_that_is_there", "moving of dataclasses and packed sequences, naming of the tensor elsewhere"),
    Row("01.25", "Hooks", "weft.nn:Hooks", "tests/nn/test_hooks.py::test_outputs_and_gradients_may_be_changed"),
    Row("01.26", "Gradients of parameters", "weft.nn:Hooks", "tests/nn/test_hooks.py::test_parameters_are_seen_after_their_gradients_were_added", "a history of its own: the gradient monitor keeps one"),
    Row("01.27", "Features of layers", "weft.nn:Features", "tests/nn/test_hooks.py::test_features_are_those_of_torchvision"),
    Row("01.32", "Modes for a while", "weft.nn:evaluating", "tests/nn/test_modes.py::test_every_module_gets_its_own_flag_back"),
    Row("01.30", "Module inspection", "weft.observe:summary", "tests/observe/test_summary.py::test_tied_weights_shared_modules_and_several_outputs", "search by pattern, buffers one by one"),
    Row("01.31", "Model summary", "weft.observe:summary", "tests/observe/test_summary.py::test_it_agrees_with_torchinfo"),
    Row("01.33", "Freeze and unfreeze", "surgery/freeze", "tests/nn/test_freezing.py::test_a_frozen_part_stays_as_it_is_through_training", "choice by glob"),
    Row("01.34", "State save and load", "weft.data.state_files:write_bytes", "tests/data/test_state_files.py::test_an_interrupted_write_leaves_the_old_file", "compression, choice of formats, a public load for one's own files"),
    Row("01.47", "Module test kit", "tests/contracts/test_networks.py", "tests/contracts/test_networks.py::test_samples_do_not_see_each_other", "gradients by finite differences for each layer, planted defects, use on one's own module"),
    Row("01.35", "Partial loading", "weft.models.exchange:load_partial", "tests/models/exchange/test_partial.py::test_a_network_with_another_head_takes_all_but_the_head"),
    Row("01.42", "Weights of other libraries", "weft.models.exchange:load_arrays", "tests/models/exchange/test_layouts.py::test_keras_weights_in_a_network_of_ones_own", "recurrent layers outside of saved models, a dry run"),
    Row("01.43", "Networks from Keras", "weft.models.exchange:from_keras", "tests/models/exchange/test_keras.py::test_random_networks_give_what_keras_gives", "SavedModel, recipes for the way of the data"),
    Row("01.44", "Agreement after a move", "weft.models.exchange:compare_networks", "tests/models/exchange/test_agreement.py::test_the_layer_with_the_mistake_is_named", "gradients, speed"),
)
PITFALLS: tuple[tuple[str, str], ...] = (
    ("Xavier's rule taken for torch's default", "tests/scratch/test_mlp.py::test_beginnings_are_what_their_rules_say"),
    ("The short output error a - y with a loss that it does not match", "tests/scratch/test_losses.py::test_the_short_form_is_the_two_long_ones"),
    ("Small normal weights, sigmoids and a rate of 0.01 never learn XOR", "tests/scratch/test_mlp.py::test_xor_is_learned_from_the_default_beginning"),
    ("Epochs without a new order", "tests/scratch/test_descent.py::test_every_epoch_has_each_sample_once_in_an_order_of_its_own"),
    ("The last short batch counts like a full one", "tests/scratch/test_descent.py::test_a_short_batch_counts_by_its_size"),
    ("1 / (1 + exp(-x)) overflows", "tests/scratch/test_activations.py::test_values_and_slopes_are_torchs"),
    ("ReLU with half a slope at 0", "tests/scratch/test_activations.py::test_ranges_are_those_of_the_textbook"),
    ("Convolution that turns the kernel; equivariance taken for invariance", "tests/scratch/test_convolution.py::test_it_is_cross_correlation_and_moves_with_its_input"),
    ("Average pooling as a stub", "tests/scratch/test_pooling.py::test_values_and_gradients_are_torchs"),
    ("An optimizer over a used generator updates nothing", "tests/scratch/test_optimizers.py::test_parameters_are_listed_once_and_none_are_refused"),
    ("Dropout of everything gives no number", "tests/scratch/test_dropout.py::test_all_dropped_is_zero_and_not_undefined"),
    ("Dropout with what is no probability", "tests/scratch/test_dropout.py::test_what_is_no_probability_is_refused"),
    ("Batch norm averages the biased variance", "tests/scratch/test_batch_norm.py::test_the_running_variance_is_the_unbiased_one"),
    ("Batch norm trained on one value a channel", "tests/scratch/test_batch_norm.py::test_one_value_a_channel_is_refused_in_training_as_torch_does"),
    ("The data of a step by hand gets a gradient that nobody clears", "tests/scratch/test_descent.py::test_a_step_by_hand_is_the_optimizers"),
    ("Finite differences in float32", "tests/scratch/test_differences.py::test_it_reckons_in_float64_whatever_comes"),
)
