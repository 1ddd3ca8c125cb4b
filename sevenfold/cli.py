"""The command line: `sevenfold COMMAND`. Each command lives in `sevenfold/commands/`."""

from __future__ import annotations

import click

import sevenfold
from sevenfold.commands.backtest import backtest_command
from sevenfold.commands.base import SevenfoldGroup
from sevenfold.commands.dead_letters import dead_letters_group
from sevenfold.commands.fetching import import_scheduled_command
from sevenfold.commands.history import explain_command, import_command, replay_command
from sevenfold.commands.keys import keys_group
from sevenfold.commands.live import (
    apply_command,
    export_workspace_command,
    profile_command,
    status_command,
    tail_command,
)
from sevenfold.commands.mail import mail_group
from sevenfold.commands.operations import backup_command, restore_command, upgrade_command
from sevenfold.commands.personal import erase_command, export_person_command
from sevenfold.commands.proofs import proof_secret_command
from sevenfold.commands.render import render_command
from sevenfold.commands.scenarios import export_command, test_command
from sevenfold.commands.serve import serve_command
from sevenfold.commands.trying import try_command
from sevenfold.commands.workspaces import (
    check_command,
    diff_command,
    init_command,
    list_group,
    packs_command,
    schema_command,
)
from sevenfold.commands.worlds import demo_command, simulate_command


@click.group(
    cls=SevenfoldGroup, context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 100}
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


for _command in (
    demo_command, serve_command, keys_group, init_command, packs_command, check_command, test_command,
    try_command,
    replay_command, explain_command, export_command, backtest_command, import_command,
    import_scheduled_command, dead_letters_group,
    list_group, render_command, simulate_command, diff_command, schema_command, mail_group,
    proof_secret_command, status_command, tail_command, profile_command, apply_command,
    export_workspace_command, export_person_command, erase_command, backup_command, restore_command,
    upgrade_command,
):  # fmt: skip
    main.add_command(_command)

if __name__ == "__main__":
    main()
