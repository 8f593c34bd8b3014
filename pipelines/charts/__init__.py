"""Charts for places that show no page: one SVG file each, no library, no script."""
