"""From disk to arrays: which datasets there are, where they lie, and what their files hold."""
