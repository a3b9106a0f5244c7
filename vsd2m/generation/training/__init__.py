"""The trainer that all generators share. Importing any module of this package imports torch and diffusers."""

from vsd2m.networks.torchvision_cpu import allow_torchvision_beside_cpu_torch

allow_torchvision_beside_cpu_torch()  # before diffusers, which imports transformers, which imports torchvision
