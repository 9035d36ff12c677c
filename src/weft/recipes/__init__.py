"""Recipes: from a folder or a file of your own to a trained, measured, packed model, in one call."""

from __future__ import annotations

from typing import Any

from weft._lazy import attach

TABLE = {
    "audio_classification": "weft.recipes.audio_classification:audio_classification",
    "breast_cancer": "weft.recipes.table:breast_cancer",
    "breast_cancer_lbfgs": "weft.recipes.breast_cancer_lbfgs:breast_cancer_lbfgs",
    "cartpole": "weft.recipes.cartpole:cartpole",
    "cartpole_dqn": "weft.recipes.cartpole:cartpole_dqn",
    "digits": "weft.recipes.digits:digits",
    "digits_byol": "weft.recipes.digits_byol:digits_byol",
    "digits_diffusion": "weft.recipes.digits_diffusion:digits_diffusion",
    "digits_distillation": "weft.recipes.digits_distillation:digits_distillation",
    "digits_ewc": "weft.recipes.digits_ewc:digits_ewc",
    "digits_gan": "weft.recipes.digits_gan:digits_gan",
    "digits_lora": "weft.recipes.digits_lora:digits_lora",
    "digits_private": "weft.recipes.digits_private:digits_private",
    "digits_qat": "weft.recipes.digits_qat:digits_qat",
    "digits_sam": "weft.recipes.digits_sam:digits_sam",
    "digits_simclr": "weft.recipes.digits_simclr:digits_simclr",
    "digits_unfreezing": "weft.recipes.digits_unfreezing:digits_unfreezing",
    "digits_vae": "weft.recipes.digits_vae:digits_vae",
    "digits_wgan_gp": "weft.recipes.digits_wgan_gp:digits_wgan_gp",
    "image_classification": "weft.recipes.image_classification:image_classification",
    "language_model": "weft.recipes.language_model:language_model",
    "pendulum": "weft.recipes.pendulum:pendulum",
    "sinusoids_maml": "weft.recipes.sinusoids_maml:sinusoids_maml",
    "table": "weft.recipes.table:table",
    "text_classification": "weft.recipes.text_classification:text_classification",
}
KIND = "recipe"
__getattr__, __dir__ = attach(
    __name__,
    TABLE,
    {
        "Choice": "weft.recipes.parameters:Choice",
        "Recipe": "weft.recipes.recipe:Recipe",
        "Result": "weft.recipes.session:Result",
        "Session": "weft.recipes.session:Session",
        "Settings": "weft.recipes.settings:Settings",
        "classes_of": "weft.recipes.recipe:classes_of",
        "continued": "weft.recipes.language_model:continued",
        "find": "weft.recipes.recipe:find",
        "judge": "weft.recipes.judge:judge",
        "load_file": "weft.recipes.recipe:load_file",
        "opened": "weft.recipes.inputs:opened",
        "read_arguments": "weft.recipes.parameters:read_arguments",
        "loose": "weft.recipes.parameters:loose",
        "records": "weft.recipes.inputs:records",
        "reevaluate": "weft.recipes.run:reevaluate",
        "resume": "weft.recipes.run:resume",
        "run": "weft.recipes.run:run",
        "start": "weft.recipes.run:start",
    },
)


def examples() -> dict[str, Any]:
    """The parameters of a quick trial of each recipe that brings its own data."""
    asking = {"audio_classification", "image_classification", "language_model", "table", "text_classification"}  # for the caller's data
    return {name: {"quick": True} for name in TABLE if name not in asking}
