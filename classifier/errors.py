"""The errors of the classifier, each with a one-line message that says what to do. Nothing else lives here."""


class ClassifierError(Exception):
    """Base of every error that this package raises on purpose."""


class ArtifactError(ClassifierError):
    """A model folder is missing, foreign, unsafe or altered."""


class DataError(ClassifierError):
    """A data set is missing, or holds rows that its reader cannot use."""


class TrainingError(ClassifierError):
    """A training run cannot start or did not end well."""
