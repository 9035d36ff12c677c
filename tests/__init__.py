"""The suite: it mirrors the package; see CONTRIBUTING.md."""
