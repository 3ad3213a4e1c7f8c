"""The platform directory becomes a `Platform`: read, translate, default, check, convert; and edit it back."""
