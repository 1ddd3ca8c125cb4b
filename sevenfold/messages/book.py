"""The templates of a workspace for whoever decides and sends: versions by name, compiled when needed."""

from __future__ import annotations

from ..limits import TEMPLATE_VERSIONS_KEPT_ITEMS_MAX
from ..workspace.models import Workspace
from .compiling import CompiledTemplate
from .templates import TemplateVersion, version_of


class TemplateBook:
    """Versions of one workspace's templates, and of any other version that is still to be sent."""

    def __init__(self, workspace: Workspace) -> None:
        self._workspace = workspace
        self._versions: dict[str, TemplateVersion] = {}
        self._compiled: dict[str, CompiledTemplate] = {}

    def version(self, name: str) -> TemplateVersion | None:
        """What the template says now, with all it can reach; None for a name that the workspace lacks."""
        found = self._versions.get(name)
        if found is None:
            template = self._workspace.templates.get(name)
            if template is None:
                return None
            channel = self._workspace.channels.get(template.channel)
            kind = channel.type if channel is not None else template.channel
            found = self._versions[name] = version_of(name, template, self._workspace.partials, kind)
        return found

    def compiled(self, version: TemplateVersion) -> CompiledTemplate:
        """The version ready to render, also one of an older workspace; compiled once."""
        key = f"{version.name}/{version.digest}"
        found = self._compiled.get(key)
        if found is None:
            while len(self._compiled) >= TEMPLATE_VERSIONS_KEPT_ITEMS_MAX:
                # The one compiled first goes first; it is compiled again if it is still in use.
                del self._compiled[next(iter(self._compiled))]
            found = self._compiled[key] = CompiledTemplate(version)
        return found
