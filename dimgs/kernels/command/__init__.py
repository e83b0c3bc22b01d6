"""External programs as kernels."""

from dimgs.kernels.command.command_kernel import CommandKernel, read_command
from dimgs.kernels.command.parsers import Csv, Json, Parser, Regex

__all__ = ["CommandKernel", "Csv", "Json", "Parser", "Regex", "read_command"]
