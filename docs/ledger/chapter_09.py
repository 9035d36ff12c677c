"""Rows and pitfalls of chapter 09."""

from __future__ import annotations

from ledger.row import Row

ROWS: tuple[Row, ...] = (
    Row("09.1", "Loss contract", "weft.losses:Loss", "tests/contracts/test_losses.py::test_gradient_equals_finite_differences", "weighted sums from a file"),
    Row("09.2", "Cross-entropy", "loss/cross_entropy", "tests/losses/test_cross_entropy.py::test_equals_torch", "an ignored index: a mask says it instead"),
    Row("09.3", "Stable cross-entropy", "loss/cross_entropy", "tests/losses/test_cross_entropy.py::test_extreme_logits_keep_value_and_gradient", "rows of minus infinity"),
    Row("09.4", "Binary cross-entropy", "loss/binary_cross_entropy", "tests/losses/test_binary_cross_entropy.py::test_equals_torch", "on probabilities"),
    Row("09.5", "Focal loss, softmax form", "loss/focal", "tests/losses/test_focal.py::test_softmax_form_equals_the_formula"),
    Row("09.6", "Focal loss, sigmoid form", "loss/binary_focal", "tests/losses/test_focal.py::test_binary_form_equals_the_formula", "normalisation by positives"),
    Row("09.7", "Label smoothing", "loss/cross_entropy", "tests/losses/test_cross_entropy.py::test_equals_torch", "the convention over wrong classes"),
    Row("09.8", "Squared and absolute error", "loss/mse", "tests/losses/test_regression.py::test_equal_torch", "RMSE as a loss"),
    Row("09.9", "Huber loss", "loss/huber", "tests/losses/test_regression.py::test_equal_torch", "smooth L1 by name"),
    Row("09.13", "KL divergences", "loss/gaussian_kl", "tests/losses/test_divergence.py::test_gaussian_kl_equals_torch", "Jensen-Shannon"),
    Row("09.18", "Fixed weighted sums", "weft.losses:Loss", "tests/losses/test_loss.py::test_losses_add_and_scale", "learned weights"),
    Row("09.20", "WGAN and WGAN-GP", "method/wgan_gp", "tests/losses/test_adversarial.py::test_gradient_penalty_of_a_linear_critic", "weight clipping, R1 and R2"),
    Row("09.21", "Evidence bound for VAEs", "method/vae", "tests/methods/generative/test_vae.py::test_loss_is_the_evidence_bound", "Laplace likelihood, proof against a linear-Gaussian model"),
    Row("09.22", "Denoising diffusion loss", "method/diffusion", "tests/methods/generative/test_diffusion.py::test_loss_is_the_error_of_the_guess", "weights by signal-to-noise"),
    Row("09.23", "Distillation loss", "loss/kl_distillation", "tests/losses/test_divergence.py::test_distillation_equals_torch", "logit standardisation"),
    Row("09.26", "NT-Xent", "loss/nt_xent", "tests/losses/test_contrastive.py::test_nt_xent_equals_the_double_loop", "gathering across ranks"),
    Row("09.27", "InfoNCE", "loss/info_nce", "tests/losses/test_contrastive.py::test_info_nce_is_cross_entropy_of_similarities", "queue, learnable scale"),
    Row("09.28", "BYOL loss", "method/byol", "tests/methods/contrastive/test_byol.py::test_loss_is_the_distance_of_unit_vectors"),
    Row("09.35", "GAN losses", "loss/non_saturating_critic", "tests/losses/test_adversarial.py::test_non_saturating_forms_are_binary_cross_entropies", "least squares, relativistic"),
    Row("09.42", "Weights against class imbalance", "weft.data:class_weights", "tests/data/test_balance.py::test_weights_equal_scikit_learn", "effective number, logit adjustment"),
    Row("09.69", "Continual-learning penalties", "method/ewc", "tests/methods/continual/test_ewc.py::test_penalty_is_the_papers", "SI, LwF, L2-SP"),
    Row("09.74", "Reinforcement objectives", "weft.methods.reinforcement:generalized_advantage", "tests/methods/reinforcement/test_sac.py::test_the_actors_loss_by_hand", "as functions; REINFORCE, A2C, TD3, C51"),
    Row("09.81", "Reductions and masks", "weft.losses:Loss", "tests/losses/test_loss.py::test_what_the_mask_hides_is_never_seen", "gradient size of each term"),
)
PITFALLS: tuple[tuple[str, str], ...] = ()
