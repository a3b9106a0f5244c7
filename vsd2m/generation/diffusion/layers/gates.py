"""Which parameters are gates: single numbers that decide how much of a layer's branch is let through."""

GATES: tuple[str, ...] = ("w_semantic", "w_detail", "mix_logit", "position_gate", "gate", "mix_factor")
"""Their names: STI's w1 and w2, the logit of its convex mix, its frame positions; the swapped attention's; VideoLDM's
alpha, as a logit."""
