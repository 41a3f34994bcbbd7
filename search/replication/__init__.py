"""Whether images copy others: how near each is to its nearest, beside what is usual there."""
