"""Benches and drills: figures measured side by side in one run, and things broken on purpose.

Each is a module with `run(say) -> dict`, on a private system of its own. `script/bench` and `script/drill` list them.
"""
