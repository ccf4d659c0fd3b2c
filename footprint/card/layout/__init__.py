"""Where a card's fields stand: sections, groups of fields, and each value's span in bytes, whatever the layout."""

from footprint.card.layout.groups import choose, find_fields, group_key, listed
from footprint.card.layout.sections import find_sections
from footprint.card.layout.spans import Fields, FieldSpan, Group, Section, Slot

__all__ = ["FieldSpan", "Fields", "Group", "Section", "Slot", "choose", "find_fields", "find_sections", "group_key", "listed"]
