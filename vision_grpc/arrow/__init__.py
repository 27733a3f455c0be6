"""Results as Arrow tables, cut from the wire bytes of answers. It needs the extra `arrow`."""
