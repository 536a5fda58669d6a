"""`pincel cameras`: what can be opened, and what each camera delivers."""

from rich.table import Table

from realtime.commands.terminal import error, page, put
from realtime.devices import available, find_devices, none_found


def cameras() -> int:
    """List the cameras that open, and what they deliver."""
    table = Table("camera", "name", "delivers", box=None)
    for device, formats in available():
        table.add_row(str(device.index), device.name, ", ".join(str(each) for each in formats))
    if not table.row_count:
        error(none_found(find_devices()))
        return 1
    put(page(), table)
    return 0
