"""Rows and pitfalls of chapter 25."""

from __future__ import annotations

from ledger.row import Row

ROWS: tuple[Row, ...] = (
    Row("25.7", "Vectorised environments", "environment/environments", "tests/data/test_environments.py::test_episodes_equal_those_of_gymnasium_by_itself", "subprocesses"),
    Row("25.8", "Returns and advantages", "weft.methods.reinforcement:generalized_advantage", "tests/methods/reinforcement/test_advantage.py::test_a_hand_calculation_with_a_death_and_a_time_limit", "n-step returns and TD(λ)"),
    Row("25.9", "Policy and value networks", "model/gaussian_policy", "tests/methods/reinforcement/test_policies.py::test_squashed_equals_torch", "pictures, recurrent and several discrete actions"),
    Row("25.12", "PPO", "method/ppo", "tests/methods/reinforcement/test_ppo.py::test_the_clipped_gain_by_hand", "penalty instead of clipping"),
    Row("25.14", "Replay buffer", "environment/replay", "tests/data/test_replay.py::test_a_saved_memory_goes_on_bit_for_bit", "n-step view, memory-mapped files"),
    Row("25.15", "DQN", "method/dqn", "tests/recipes/test_cartpole.py::test_dqn_balances_the_pole", "pictures"),
    Row("25.16", "Target networks", "followup/copy_every", "tests/optim/test_averages.py::test_copy_every_copies_every"),
    Row("25.17", "Double DQN", "method/dqn", "tests/methods/reinforcement/test_dqn.py::test_the_goal_by_hand", "proof that over-estimation falls"),
    Row("25.18", "SAC", "method/sac", "tests/recipes/test_pendulum.py::test_sac_swings_the_pendulum_up", "discrete actions"),
    Row("25.25", "One loop for reinforcement learning", "weft.engine:fit", "tests/methods/reinforcement/test_sac.py::test_training_with_its_memory_resumes_bit_for_bit", "normalisers of observations"),
    Row("25.26", "Evaluation of policies", "weft.methods.reinforcement:evaluate_policy", "tests/methods/reinforcement/test_evaluation.py::test_only_the_first_episode_of_each_copy_counts", "intervals, video, baselines"),
    Row("25.27", "Seeds of environments", "environment/environments", "tests/data/test_environments.py::test_each_copy_and_each_episode_has_its_own_seed", "two whole trainings compared"),
    Row("25.28", "Commands and serving of policies", "recipe/cartpole", "tests/recipes/test_cartpole.py::test_a_quick_trial_ends_in_a_bundle_that_acts", "play and record"),
    Row("25.29", "Exploration schedules", "environment/replay", "tests/data/test_replay.py::test_the_share_of_random_actions_follows_the_schedule", "Boltzmann, bandits, tabular methods"),
    Row("25.34", "Dueling networks", "model/q_network", "tests/models/test_values.py::test_dueling_splits_value_and_advantage"),
)
PITFALLS: tuple[tuple[str, str], ...] = ()
