"""The cascade: texts of which the model is unsure and that matter may be asked of a large model, within a day's budget.

Off unless the settings name an endpoint. `cascade.py` is where to begin; every other file is one step of it.
"""
