"""The command line: `sevenfold COMMAND`. Each command lives in `sevenfold/commands/`."""

from __future__ import annotations

from typing import Final

import click

import sevenfold
from sevenfold.commands.base import LazyGroup

COMMANDS: Final = {
    "demo": "worlds:demo_command",
    "serve": "serve:serve_command",
    "keys": "keys:keys_group",
    "members": "members:members_group",
    "init": "set_up:init_command",
    "packs": "workspaces:packs_command",
    "check": "workspaces:check_command",
    "describe": "describe:describe_command",
    "test": "scenarios:test_command",
    "try": "trying:try_command",
    "replay": "history:replay_command",
    "explain": "history:explain_command",
    "touchpoints": "touchpoints:touchpoints_command",
    "recommend": "recommending:recommend_command",
    "export-scenario": "scenarios:export_command",
    "backtest": "backtest:backtest_command",
    "ask": "ask:ask_group",
    "digests": "digests:digests_group",
    "measure": "measuring:measure_group",
    "train": "foretelling:train_command",
    "predict": "foretelling:predict_command",
    "evaluate-policy": "learning:evaluate_policy_command",
    "learn-policy": "uplifting:learn_policy_command",
    "bandit-regret": "uplifting:bandit_regret_command",
    "train-choices": "choosing:train_choices_command",
    "autonomy": "choosing:autonomy_group",
    "next-best-action": "choosing:next_best_action_command",
    "uplift": "uplifting:uplift_command",
    "advise": "advising:advise_group",
    "recommend-products": "products:recommend_products_command",
    "import": "history:import_command",
    "import-scheduled": "fetching:import_scheduled_command",
    "dead-letters": "dead_letters:dead_letters_group",
    "list": "workspaces:list_group",
    "render": "render:render_command",
    "simulate": "worlds:simulate_command",
    "diff": "workspaces:diff_command",
    "schema": "workspaces:schema_command",
    "mail": "mail:mail_group",
    "proof-secret": "proofs:proof_secret_command",
    "status": "live:status_command",
    "tail": "live:tail_command",
    "profile": "live:profile_command",
    "apply": "live:apply_command",
    "export": "live:export_workspace_command",
    "export-person": "personal:export_person_command",
    "erase": "personal:erase_command",
    "backup": "operations:backup_command",
    "restore": "operations:restore_command",
    "upgrade": "operations:upgrade_command",
}
"""Each command in the order of `--help`: its name, the file in `sevenfold/commands/` and the object there."""


@click.group(
    cls=LazyGroup,
    homes=COMMANDS,
    context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 100},
)
@click.version_option(sevenfold.__version__, prog_name="sevenfold")
def main() -> None:
    """Sevenfold watches what each customer does and knows where they stand.

    \b
    Start here:
      sevenfold demo                                         a simulated company, from nothing to a report
      sevenfold init --pack seven-stage my-workspace         your own copy of the seven stages
      sevenfold replay my-workspace events.ndjson --out out  your own history through it
    """


if __name__ == "__main__":
    main()
