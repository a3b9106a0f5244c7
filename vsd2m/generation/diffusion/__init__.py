"""The latent-diffusion generators. Importing any module of this package imports torch, diffusers and transformers."""

from vsd2m.networks.torchvision_cpu import allow_torchvision_beside_cpu_torch

allow_torchvision_beside_cpu_torch()  # before diffusers, which imports transformers, which imports torchvision
