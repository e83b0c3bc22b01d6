"""The schema of ``TABLE.units.json``; loaded where there is one beside a table."""

from typing import Annotated

from pydantic import ConfigDict, RootModel, StringConstraints

# as long as a header of a table
Text = Annotated[str, StringConstraints(max_length=1000)]


class SidecarFile(RootModel[dict[Text, Text]]):
    """Units by column name: ``{"U": "m/s", "material": "label"}``; no table has to name all."""

    model_config = ConfigDict(strict=True)
