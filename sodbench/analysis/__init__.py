"""What scores mean: comparisons, breakdowns, worst images, explanations."""
