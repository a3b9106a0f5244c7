"""What is judged: clips and prompts, real and generated, and where they come from."""
