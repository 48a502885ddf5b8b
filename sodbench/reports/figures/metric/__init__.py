"""What a metric sees of one map on its mask: panels, a drawing a family, and the figure."""
