"""Training of the demonstration model packages (see tools/train_demo_models.py)."""
