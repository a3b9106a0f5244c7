"""The evaluated clips and prompts, real and generated, and their origins."""
