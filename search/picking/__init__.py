"""Which checkpoint of a generator to take, told by what each makes of one fixed set."""
