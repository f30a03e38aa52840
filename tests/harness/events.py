"""The events of the harness, as a person would write them in YAML: read by the product and by the reference."""

from typing import Any

ORDER: dict[str, Any] = {
    "name": "order_placed",
    "event_type": "order_placed",
    "table": "order_placed",
    "event_time": "at",
    "sort_key": ["at"],
    "columns": [
        {"name": "order", "path": ["properties", "id"], "type": "bigint", "required": True},
        {"name": "at", "type": "timestamp"},
        {"name": "total", "path": ["properties", "total"], "type": "numeric(12,2)"},
        {"name": "note", "path": ["properties", "note"], "type": "varchar(16)"},
        {"name": "paid", "path": ["properties", "paid"], "type": "boolean"},
        {"name": "items", "path": ["properties", "items"], "type": "super"},
    ],
}
VIEW: dict[str, Any] = {
    "name": "page_viewed",
    "event_type": "page_viewed",
    "table": "page_viewed",
    "columns": [{"name": "url", "type": "varchar(24)"}, {"name": "ms", "type": "integer"}],
}
# Its event type is unrouted until a seed adopts it. Its rows are all of one moment: within the window of any other.
CART: dict[str, Any] = {
    "name": "cart_item_added",
    "event_type": "cart_item_added",
    "table": "cart_item_added",
    "event_time": "at",
    "unique": {"columns": ["sku"]},
    "columns": [
        {"name": "sku", "type": "varchar(16)", "required": True},
        {"name": "quantity", "type": "integer", "required": True},
        {"name": "at", "type": "timestamp", "required": True},
    ],
}
EVENT_KEY = "event"
# What a site knows at first, and once it has adopted the third event.
CATALOGS = ((ORDER, VIEW), (CART, ORDER, VIEW))
