"""Rows and pitfalls of chapter 21."""

from __future__ import annotations

from ledger.row import Row

ROWS: tuple[Row, ...] = (
    Row("21.2", "VAE", "method/vae", "tests/recipes/test_digits_vae.py::test_digits_are_explained_better_than_pixel_by_pixel", "IWAE bound, proof against probabilistic PCA"),
    Row("21.4", "GAN", "method/gan", "tests/recipes/test_digits_gan.py::test_samples_are_recognised_as_digits", "ring of eight modes, label smoothing"),
    Row("21.6", "Adversarial losses", "loss/non_saturating_critic", "tests/losses/test_adversarial.py::test_non_saturating_forms_are_binary_cross_entropies", "least squares, relativistic, weight clipping, R1 and R2"),
    Row("21.8", "Diffusion: schedules, forward process, objective", "method/diffusion", "tests/methods/generative/test_diffusion.py::test_signal_fades_from_nearly_all_to_nearly_none", "other schedules and targets"),
    Row("21.9", "Diffusion U-Net", "model/unet", "tests/models/test_unet.py::test_learns_to_remove_noise", "parity with diffusers"),
    Row("21.10", "DDPM and DDIM samplers", "model/diffusion_sampler", "tests/methods/generative/test_diffusion.py::test_ddim_lands_on_a_known_point", "inversion, thresholding by quantile, parity with diffusers"),
    Row("21.16", "Beta-VAE", "followup/anneal", "tests/methods/generative/test_vae.py::test_beta_is_a_buffer_that_anneals", "capacity schedule, disentanglement scores"),
    Row("21.52", "Sampling service", "codec/noise_codec", "tests/serve/test_noise_codec.py::test_noise_codec_is_a_seed_in_a_picture_out", "interpolation, editing, a mark on what was generated"),
)
PITFALLS: tuple[tuple[str, str], ...] = ()
