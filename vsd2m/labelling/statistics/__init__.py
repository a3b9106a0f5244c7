"""Statistics of judgements: agreement of labellers, strengths from choices, intervals."""
