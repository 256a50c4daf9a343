"""Code generator: from model texts to the source of one step, through lowering, passes, scheduling and printing."""
