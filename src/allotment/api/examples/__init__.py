"""Examples of the OpenAPI document: one organisation's values, told by the writers that tell every other answer."""
