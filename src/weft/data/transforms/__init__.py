"""Transforms of training batches: batch to batch, each record's randomness keyed by (seed, epoch, index, transform).

A transform is a frozen value called as ``transform(batch, random)``; loaders take a sequence of them. ``MixUp`` and ``CutMix`` turn class
numbers (B,) int64 into probabilities (B, C) float32, on every batch alike, whether or not a record was mixed; a method's cross-entropy then
sees ``batch["target"]`` of shape (B, C) and metrics that need a class take its largest entry.
"""
