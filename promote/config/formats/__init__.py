"""How times are written where Django writes them: in the admin. `FORMAT_MODULE_PATH` names this package."""
