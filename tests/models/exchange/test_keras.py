"""Networks from Keras' files against Keras itself."""

from __future__ import annotations

import json
import zipfile

import pytest
import torch

from tests.models.exchange.keras_models import assert_same, inputs_of, keras, random_picture_model, random_sequence_model, shaken
from weft.models.exchange import KerasNetwork, from_keras


@pytest.mark.parametrize("seed", range(10))
@pytest.mark.parametrize("kind", ["picture", "sequence"])
def test_random_networks_give_what_keras_gives(kind, seed, tmp_path):
    """KerasNetwork and from_keras, parity: twenty networks drawn at random, saved by Keras and read here, within 1e-5."""
    model = (random_picture_model if kind == "picture" else random_sequence_model)(seed)
    model.save(tmp_path / "m.keras")
    assert_same(model, from_keras(tmp_path / "m.keras"), inputs_of(model, seed))


@pytest.mark.parametrize("seed", [0, 3])
def test_the_older_file_gives_the_same(seed, tmp_path):
    """from_keras, parity: the .h5 file of a model gives the same as the model."""
    model = random_picture_model(seed)
    model.save(tmp_path / "m.h5")
    assert_same(model, from_keras(tmp_path / "m.h5"), inputs_of(model))


def test_a_model_in_a_model_and_a_layer_used_twice(tmp_path):
    """from_keras, parity: nested models, shared layers, arithmetic between tensors, several inputs and outputs."""
    k = keras()
    left, right = k.Input((4,)), k.Input((4,))
    dense = k.layers.Dense(3)
    inner = k.Sequential([k.layers.Dense(4, activation="relu"), k.layers.BatchNormalization(), k.layers.Dense(2, name="type")], name="inner-part")
    model = shaken(k.Model([left, right], [inner(dense(left)) * 2 - inner(dense(right)), dense(left)]))
    for name in ("m.keras", "m.h5"):
        model.save(tmp_path / name)
        network = from_keras(tmp_path / name)
        assert_same(model, network, inputs_of(model))
        assert sum(p.numel() for p in network.parameters()) == sum(v.value.numel() for v in model.trainable_variables)


def test_states_go_from_one_layer_to_another(tmp_path):
    """from_keras, parity: an encoder whose last states start a decoder."""
    k = keras()
    source, target = k.Input((6, 4)), k.Input((2, 4))
    _, hidden, cell = k.layers.LSTM(3, return_state=True)(source)
    model = shaken(k.Model([source, target], k.layers.LSTM(3, return_sequences=True)(target, initial_state=[hidden, cell])))
    model.save(tmp_path / "m.keras")
    assert_same(model, from_keras(tmp_path / "m.keras"), inputs_of(model))


def test_masks_of_a_plain_stack(tmp_path):
    """from_keras, parity: token 0 is masked through a Sequential model of layers that heed it."""
    k = keras()
    model = k.Sequential([k.Input((6,), dtype="int32"), k.layers.Embedding(11, 4, mask_zero=True), k.layers.GRU(3, return_sequences=True), k.layers.LSTM(2)])
    shaken(model).save(tmp_path / "m.keras")
    network, tokens = from_keras(tmp_path / "m.keras"), inputs_of(model)[0]
    assert_same(model, network, [tokens])
    longer = torch.cat([tokens, torch.zeros(3, 4, dtype=tokens.dtype)], 1)
    torch.testing.assert_close(network(longer), network(tokens))


def test_pictures_with_channels_first_and_training_on(tmp_path):
    """from_keras, property: channels first gives the same, and the network goes on learning, statistics as Keras counts them."""
    k = keras()
    model = shaken(k.Sequential([k.Input((5, 6, 3)), k.layers.Conv2D(4, 3), k.layers.BatchNormalization(momentum=0.9), k.layers.GlobalAveragePooling2D(), k.layers.Dense(2)]))
    model.save(tmp_path / "m.keras")
    last, first = from_keras(tmp_path / "m.keras"), from_keras(tmp_path / "m.keras", channels_first=True)
    x = torch.randn(4, 5, 6, 3)
    torch.testing.assert_close(first(x.movedim(-1, 1)), last(x))
    assert not last.training
    last.train()(x).square().mean().backward()
    assert all(p.grad is not None for p in last.parameters())
    model(x, training=True)
    norm = next(m for m in last.modules() if isinstance(m, torch.nn.BatchNorm1d))
    torch.testing.assert_close(norm.running_mean, torch.as_tensor(model.layers[1].moving_mean.value).detach(), rtol=1e-4, atol=1e-5)


def test_it_comes_back_from_its_configuration(tmp_path):
    """KerasNetwork, property: configuration, shapes and state rebuild it without the file; it can be exported."""
    model = random_picture_model(1)
    model.save(tmp_path / "m.keras")
    network = from_keras(tmp_path / "m.keras")
    twin = KerasNetwork(json.loads(json.dumps(network.config)), network.shapes).eval()
    twin.load_state_dict(network.state_dict())
    x = inputs_of(model)[0]
    torch.testing.assert_close(twin(x), network(x))
    torch.testing.assert_close(torch.export.export(network, (x,)).module()(x), network(x), rtol=1e-4, atol=1e-5)


def saved_with(tmp_path, change):
    """A small model whose configuration was changed after saving."""
    k = keras()
    k.Sequential([k.Input((3,)), k.layers.Dense(2, name="out")]).save(tmp_path / "m.keras")
    with zipfile.ZipFile(tmp_path / "m.keras") as old:
        parts = {name: old.read(name) for name in old.namelist()}
    config = json.loads(parts["config.json"])
    change(config)
    parts["config.json"] = json.dumps(config).encode()
    with zipfile.ZipFile(tmp_path / "n.keras", "w") as new:
        for name, content in parts.items():
            new.writestr(name, content)
    return tmp_path / "n.keras"


def test_code_is_refused_and_layers_are_named(tmp_path):
    """A Lambda, a user's class, an unknown layer or activation: refused with the layer's path; nothing of it runs."""

    def becomes(name, **config):
        return lambda whole: whole["config"]["layers"][1].update(class_name=name) or whole["config"]["layers"][1]["config"].update(config)

    for change, match in (
        (becomes("Lambda", function="exit"), r"Layer 'out' \(Lambda\).*no Keras layer of class 'Lambda'"),
        (becomes("Dense2"), "Did you mean 'Dense'"),
        (becomes("Dense", activation="relu7"), r"Layer 'out' .*Did you mean 'relu6'|relu"),
        (lambda whole: whole.update(class_name="MyModel"), "a user's own classes are not"),
    ):
        with pytest.raises(ValueError, match=match):
            from_keras(saved_with(tmp_path, change))


def test_weights_that_do_not_fit_are_named(tmp_path):
    with pytest.raises(ValueError, match=r"Layer 'out'|layer 'out'"):
        from_keras(saved_with(tmp_path, lambda whole: whole["config"]["layers"][1].update(class_name="LSTM")))
    k = keras()
    k.Sequential([k.layers.Dense(2, name="late")]).save(tmp_path / "u.keras")
    with pytest.raises(ValueError, match="build the model in Keras before it is saved"):
        from_keras(tmp_path / "u.keras")


def test_the_number_of_inputs_is_checked(tmp_path):
    k = keras()
    left, right = k.Input((4,), name="left"), k.Input((4,), name="right")
    k.Model([left, right], k.layers.Add()([left, right])).save(tmp_path / "m.keras")
    with pytest.raises(ValueError, match=r"takes 2 inputs \(left, right\); got 1"):
        from_keras(tmp_path / "m.keras")(torch.zeros(1, 4))
