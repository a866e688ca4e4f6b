"""The roles over Kafka: some fifty lines each that decode, call a stage, await the sinks and acknowledge."""

from stream.agents import classify, index, notify, trends

ROLES = {"classify": classify.build, "trends": trends.build, "index": index.build, "notify": notify.build}
