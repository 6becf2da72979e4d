"""The questions of a draft, and the answers that are given or typed."""
