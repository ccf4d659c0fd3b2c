"""From runs to dashboards: a pure summary, figures of it, and the renderers that show it."""
