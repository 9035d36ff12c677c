"""Rows and pitfalls of chapter 05."""

from __future__ import annotations

from ledger.row import Row

ROWS: tuple[Row, ...] = (
    Row("05.1", "Model catalogue", "weft.catalogue:find", "tests/catalogue/test_entries.py::test_unknown_names_list_the_nearest", "year, parameters, MACs and accuracy of each"),
    Row("05.2", "One harness for every network", "tests/contracts/test_networks.py", "tests/contracts/test_networks.py::test_exported_graph_gives_the_same_output", "channels last, a broken entry that fails"),
    Row("05.3", "Convolution, norm, activation", "layer/conv_block", "tests/nn/test_convolution.py::test_conv_block_is_conv_norm_act", "even kernels, pre-activation, dilation"),
    Row("05.4", "SimpleCNN", "model/simple_cnn", "tests/models/test_simple_cnn.py::test_learns_digits", "presets by name"),
    Row("05.8", "Residual blocks", "layer/residual_block", "tests/nn/test_convolution.py::test_residual_block_is_relu_of_x_plus_f", "pre-activation, stochastic depth"),
    Row("05.9", "ResNet", "model/resnet50", "tests/models/test_resnet.py::test_equals_timm", "101 and 152 layers by name, groups, dilation"),
    Row("05.15", "Image-classification recipe", "recipe/image_classification", "tests/recipes/test_image_classification.py::test_a_folder_of_pictures_becomes_a_classifier", "CIFAR-10, top-5, presets; a learned test on larger pictures"),
    Row("05.16", "Image-classification system", "recipe/image_classification", "tests/recipes/test_image_classification.py::test_a_folder_of_pictures_becomes_a_classifier", "CIFAR and ImageNet layouts"),
    Row("05.18", "Weight import", "weft.models.vision:from_torchvision", "tests/models/test_resnet.py::test_equals_a_plain_function_of_torchvisions_weights", "other families, export, another head"),
    Row("05.35", "U-Net", "model/unet", "tests/models/test_unet.py::test_any_size_comes_out_as_it_went_in", "a form for segmentation, encoders by choice"),
)
PITFALLS: tuple[tuple[str, str], ...] = ()
