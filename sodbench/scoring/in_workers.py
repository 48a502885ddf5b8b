"""Imported once by the process that worker processes are forked from: they share its modules and kernels."""

from sodbench.scoring.warm_up import compile_kernels

compile_kernels()
