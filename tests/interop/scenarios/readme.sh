# Every command in README.md works as it is written there.
# document: README.md
# the scenario starts the gateway
