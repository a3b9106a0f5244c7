"""Networks that turn a clip into one feature vector. Metrics that compare name one of them."""
